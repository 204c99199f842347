#include "upstream/upstream.h"

#include <stdlib.h>
#include <utlist.h>

#include "upstream/call.h"
#include "upstream/grpc_upstream.h"

/* ---- the end ---- */

static void upstream_on_closing(gw_task *task) {
  gw_upstream *upstream = GW_CONTAINER_OF(task, gw_upstream, closing);
  gw_endpoints_done(&upstream->endpoints);
  upstream->closed(upstream->user);
  free(upstream);
}

void gw_upstream_check_closed(gw_upstream *upstream) {
  if (!upstream->is_closing || upstream->conn_count > 0) return;
  gw_loop_defer(upstream->loop, &upstream->closing);
}

/* ---- addresses ---- */

static void address_on_added(gw_address *base) {
  gw_grpc_address *address = gw_grpc_address_of(base);
  address->upstream = GW_CONTAINER_OF(base->endpoints, gw_upstream, endpoints);
  address->keepalive_ms = address->upstream->config->keepalive_ms;
  gw_grpc_address_fill(address);
}

static void address_on_retry(gw_address *base) {
  gw_grpc_address_fill(gw_grpc_address_of(base));
}

static void address_on_dropped(gw_address *base) {
  gw_grpc_address *address = gw_grpc_address_of(base);
  gw_conn *conn, *next;
  if (address->conn_count == 0) {
    gw_grpc_address_check_free(address);
    return;
  }
  DL_FOREACH_SAFE2(address->conns, conn, next, next) {
    gw_conn_drain(conn, address->upstream->is_closing);
  }
}

static void upstream_on_changed(gw_endpoints *endpoints) {
  gw_upstream_dispatch(GW_CONTAINER_OF(endpoints, gw_upstream, endpoints));
}

/* ---- picking ---- */

/* The connection of this address with room and the fewest streams; NULL: none. */
static void *address_find(gw_address *base) {
  gw_conn *conn, *best = NULL;
  DL_FOREACH2(gw_grpc_address_of(base)->conns, conn, next) {
    if (conn->state != GW_CONN_READY || gw_h2_room(conn->h2) == 0) continue;
    if (best == NULL || gw_h2_stream_count(conn->h2) < gw_h2_stream_count(best->h2)) best = conn;
  }
  return best;
}

static uint32_t address_load(const gw_address *base) {
  const gw_grpc_address *address = (const gw_grpc_address *)base;
  const gw_conn *conn;
  uint32_t load = 0;
  DL_FOREACH2(address->conns, conn, next) {
    if (conn->h2 != NULL) load += gw_h2_stream_count(conn->h2);
  }
  return load;
}

static const gw_endpoints_ops upstream_ops = {
  .address_size = sizeof(gw_grpc_address),
  .added = address_on_added,
  .dropped = address_on_dropped,
  .retry = address_on_retry,
  .changed = upstream_on_changed,
  .find = address_find,
  .load = address_load,
};

static bool conn_is_coming(const gw_conn *conn) {
  return conn->state == GW_CONN_CONNECTING || conn->state == GW_CONN_GREETING ||
         (conn->state == GW_CONN_CHECKING && conn->health.state == GW_HEALTH_UNKNOWN);
}

/* What an address has to offer. */
typedef struct address_view {
  bool coming, ready;
  bool hope; /* one of these, or a connection will soon be tried */
} address_view;

static address_view address_look(const gw_grpc_address *address) {
  address_view view = { 0 };
  const gw_conn *conn;
  if (address->base.is_gone) return view;
  DL_FOREACH2(address->conns, conn, next) {
    view.coming |= conn_is_coming(conn);
    view.ready |= conn->state == GW_CONN_READY;
    view.hope |= conn->state == GW_CONN_BROKEN; /* its close will tell more */
  }
  view.hope |= view.coming || view.ready;
  view.hope |= gw_address_is_near(&address->base);
  return view;
}

bool gw_upstream_has_hope(const gw_upstream *upstream) {
  const gw_address *base;
  if (upstream->ready_count > 0 || gw_endpoints_is_resolving(&upstream->endpoints)) return true;
  DL_FOREACH2(upstream->endpoints.addresses, base, next) {
    if (address_look((const gw_grpc_address *)base).hope) return true;
  }
  return false;
}

/* Opens one more connection where all streams are taken.  False: no connection is or will soon be
 * there. */
static bool upstream_grow(gw_upstream *upstream) {
  gw_address *base;
  gw_grpc_address *best = NULL;
  DL_FOREACH2(upstream->endpoints.addresses, base, next) {
    gw_grpc_address *address = gw_grpc_address_of(base);
    address_view view = address_look(address);
    if (view.coming || !view.ready) continue;
    if (gw_grpc_address_staying(address) >= upstream->config->connections_max) continue;
    if (best == NULL || address->conn_count < best->conn_count) best = address;
  }
  if (best != NULL) gw_conn_open(best);
  bool hope = gw_upstream_has_hope(upstream);
  if (!hope) gw_endpoints_hurry(&upstream->endpoints); /* calls are refused meanwhile */
  return hope;
}

void gw_upstream_unqueue(gw_upstream *upstream, gw_attempt *attempt) {
  gw_circuit_leave(&upstream->circuit, &attempt->waiter);
}

static void upstream_fail_no_connection(gw_upstream *upstream, gw_attempt *attempt) {
  const char *tls_failure = upstream->endpoints.tls_failure;
  gw_attempt_fail(attempt, GW_UNAVAILABLE, "no connection to upstream \"" GW_STR_FMT "\"%s%s",
                  GW_STR_ARG(upstream->config->name), tls_failure[0] != '\0' ? ": TLS: " : "",
                  tls_failure);
}

/* The attempt's address is another one, or none. */
static void upstream_attempt_move(gw_attempt *attempt, gw_address *address) {
  gw_address *was = attempt->address;
  if (address != NULL) {
    address->calls++;
    attempt->address_id = address->id;
  }
  attempt->address = address;
  if (was == NULL) return;
  was->calls--;
  gw_grpc_address_check_free(gw_grpc_address_of(was));
}

static void upstream_give(gw_attempt *attempt, gw_conn *conn) {
  upstream_attempt_move(attempt, &conn->address->base);
  gw_code code = gw_attempt_open(attempt, conn->h2, conn->address->base.endpoint);
  if (code != GW_OK) {
    gw_attempt_fail(attempt, code == GW_NOMEM ? GW_NOMEM : GW_UNAVAILABLE, "no stream to upstream");
  }
}

/* No connection is to be expected: those that were promised one stay. */
static void upstream_fail_waiting(gw_upstream *upstream) {
  gw_waiter *waiter;
  while ((waiter = upstream->circuit.hasty) != NULL) {
    gw_circuit_leave(&upstream->circuit, waiter);
    upstream_fail_no_connection(upstream, GW_CONTAINER_OF(waiter, gw_attempt, waiter));
  }
}

void gw_upstream_dispatch(gw_upstream *upstream) {
  gw_waiter *waiter;
  while ((waiter = gw_circuit_first(&upstream->circuit)) != NULL) {
    gw_attempt *attempt = GW_CONTAINER_OF(waiter, gw_attempt, waiter);
    gw_conn *conn = gw_endpoints_pick(&upstream->endpoints, attempt->address_id);
    if (conn == NULL && upstream_grow(upstream)) break;
    if (conn == NULL) {
      upstream_fail_waiting(upstream);
      break;
    }
    gw_upstream_unqueue(upstream, attempt);
    upstream_give(attempt, conn);
  }
  if (upstream->pausing == NULL || gw_upstream_has_hope(upstream)) return;
  gw_call *call;
  DL_FOREACH2(upstream->pausing, call, next) {
    gw_timer_set(upstream->loop, &call->timer, gw_loop_now_ms(upstream->loop));
  }
}

static void upstream_on_waited(gw_circuit *circuit, gw_waiter *waiter) {
  gw_upstream *upstream = GW_CONTAINER_OF(circuit, gw_upstream, circuit);
  gw_attempt *attempt = GW_CONTAINER_OF(waiter, gw_attempt, waiter);
  if (upstream->ready_count == 0) {
    upstream_fail_no_connection(upstream, attempt);
    return;
  }
  gw_count(&upstream->metrics->overflow_total, 1);
  gw_attempt_fail(attempt, GW_OVERLOADED, "upstream \"" GW_STR_FMT "\" had no free stream in time",
                  GW_STR_ARG(upstream->config->name));
}

void gw_upstream_place(gw_upstream *upstream, gw_attempt *attempt) {
  const gw_upstream_config *config = upstream->config;
  if (!gw_circuit_begin(&upstream->circuit)) {
    gw_attempt_fail(attempt, GW_OVERLOADED, "upstream \"" GW_STR_FMT "\" has %u calls in flight",
                    GW_STR_ARG(config->name), (unsigned)config->in_flight_max);
    return;
  }
  gw_upstream_replace(upstream, attempt);
}

void gw_upstream_replace(gw_upstream *upstream, gw_attempt *attempt) {
  const gw_upstream_config *config = upstream->config;
  gw_conn *conn = upstream->circuit.waiting_count == 0
                      ? gw_endpoints_pick(&upstream->endpoints, attempt->address_id)
                      : NULL;
  if (conn != NULL) {
    upstream_give(attempt, conn);
    return;
  }
  if (!upstream_grow(upstream) && !attempt->request->waits_ready) {
    upstream_fail_no_connection(upstream, attempt);
  } else if (!gw_circuit_wait(&upstream->circuit, &attempt->waiter,
                              attempt->request->waits_ready)) {
    gw_attempt_fail(attempt, GW_OVERLOADED, "%u calls already wait for upstream \"" GW_STR_FMT "\"",
                    (unsigned)config->waiting_max, GW_STR_ARG(config->name));
  }
}

/* Codes that tell of the endpoint's trouble, not of the request's. */
static bool code_is_failure(unsigned grpc_code) {
  return grpc_code == GW_GRPC_UNAVAILABLE || grpc_code == GW_GRPC_DEADLINE_EXCEEDED ||
         grpc_code == GW_GRPC_INTERNAL || grpc_code == GW_GRPC_DATA_LOSS;
}

void gw_upstream_done(gw_upstream *upstream, gw_attempt *attempt) {
  gw_upstream_metrics *metrics = upstream->metrics;
  unsigned grpc_code = attempt->result.grpc_code;
  gw_circuit_end(&upstream->circuit);
  gw_count(&metrics->by_code[grpc_code < GW_GRPC_CODE_COUNT ? grpc_code : GW_GRPC_UNKNOWN], 1);
  if (attempt->address == NULL) return;
  /* A call that its owner gave up says nothing of the endpoint. */
  if (attempt->result.code != GW_CANCELLED) {
    bool failed = code_is_failure(grpc_code);
    if (gw_address_result(attempt->address, failed)) gw_count(&metrics->ejections_total, 1);
    attempt->stranded |= failed && gw_address_is_ejected(attempt->address);
  }
  upstream_attempt_move(attempt, NULL);
}

/* ---- trying again ---- */

void gw_upstream_pause(gw_upstream *upstream, gw_call *call) {
  DL_APPEND2(upstream->pausing, call, previous, next);
}

void gw_upstream_unpause(gw_upstream *upstream, gw_call *call) {
  DL_DELETE2(upstream->pausing, call, previous, next);
}

double gw_upstream_draw(gw_upstream *upstream) {
  return gw_endpoints_draw(&upstream->endpoints);
}

const gw_retry_config *gw_upstream_retry(const gw_upstream *upstream) {
  return &upstream->config->retry;
}

bool gw_upstream_has_other(const gw_upstream *upstream, uint32_t address_id) {
  return gw_endpoints_has_other(&upstream->endpoints, address_id);
}

void gw_upstream_rescued(gw_upstream *upstream) {
  gw_count(&upstream->metrics->retries_total, 1);
}

void gw_upstream_retry_note(gw_upstream *upstream, bool failed) {
  gw_throttle_note(&upstream->throttle, &upstream->config->throttle, failed);
}

bool gw_upstream_retry_begin(gw_upstream *upstream, const gw_retry_config *config) {
  bool may = gw_throttle_begin(&upstream->throttle, &upstream->config->throttle, config,
                               upstream->circuit.in_flight);
  gw_count(may ? &upstream->metrics->retries_total : &upstream->metrics->retries_refused_total, 1);
  return may;
}

bool gw_upstream_retry_allowed(gw_upstream *upstream) {
  bool may = gw_throttle_allows(&upstream->throttle, &upstream->config->throttle);
  if (!may) gw_count(&upstream->metrics->retries_refused_total, 1);
  return may;
}

void gw_upstream_retry_over(gw_upstream *upstream) {
  gw_throttle_over(&upstream->throttle);
}

/* ---- opening and closing ---- */

gw_upstream *gw_upstream_open(gw_loop *loop, const gw_upstream_config *config,
                              gw_upstream_metrics *metrics, gw_upstream_closed_fn *closed,
                              void *user) {
  gw_upstream *upstream = calloc(1, sizeof *upstream);
  if (upstream == NULL) return NULL;
  upstream->loop = loop;
  upstream->config = config;
  upstream->metrics = metrics;
  upstream->closed = closed;
  upstream->user = user;
  upstream->closing.run = upstream_on_closing;
  gw_throttle_init(&upstream->throttle, &config->throttle);
  gw_circuit_init(&upstream->circuit, loop, config, metrics, upstream_on_waited);
  if (gw_endpoints_open(&upstream->endpoints, loop, config, &upstream_ops) == GW_OK) {
    return upstream;
  }
  free(upstream);
  return NULL;
}

void gw_upstream_close(gw_upstream *upstream) {
  upstream->is_closing = true;
  gw_circuit_done(&upstream->circuit);
  gw_endpoints_close(&upstream->endpoints);
  gw_upstream_check_closed(upstream);
}
