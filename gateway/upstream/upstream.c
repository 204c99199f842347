#include "upstream/upstream.h"

#include <stdlib.h>
#include <utlist.h>

#include "upstream/endpoints.h"
#include "upstream/pick.h"

#define UPSTREAM_HOPE_MS  100u  /* a call waits for a retry that is so near */
#define UPSTREAM_CLOSE_MS 1000u /* for GOAWAY to leave: then a peer that reads nothing is cut */

typedef struct gw_conn gw_conn;
typedef struct grpc_address grpc_address;

typedef enum conn_state {
  CONN_CONNECTING, /* woken by: connected, timeout */
  CONN_GREETING,   /* woken by: the peer's SETTINGS, timeout */
  CONN_READY,      /* woken by: GOAWAY, the end */
  CONN_GOING,      /* woken by: its last stream's end */
  CONN_BROKEN      /* woken by: its socket's close, in this iteration */
} conn_state;

struct gw_conn {
  gw_conn *previous, *next; /* the address's list */
  grpc_address *address;
  conn_state state;
  gw_tcp *tcp; /* until it is handed to h2 */
  gw_h2 *h2;
  gw_timer timer;       /* connect timeout, then the closing's */
  uint64_t ready_at_ms; /* 0: it was never ready */
};

struct grpc_address {
  gw_address base;
  gw_upstream *upstream;
  gw_conn *conns;
  uint32_t conn_count; /* all states */
};

struct gw_upstream {
  gw_loop *loop;
  const gw_upstream_config *config;
  gw_upstream_metrics *metrics;
  gw_upstream_closed_fn *closed;
  void *user;
  gw_endpoints endpoints;
  gw_call *waiting;
  uint32_t waiting_count, in_flight;
  gw_timer waiting_timer;
  uint32_t conn_count, ready_count;
  bool is_closing;
  gw_task closing;
};

static void address_connect(grpc_address *address);
static void upstream_dispatch(gw_upstream *upstream);

static grpc_address *address_of(gw_address *base) {
  return GW_CONTAINER_OF(base, grpc_address, base);
}

/* ---- the end ---- */

static void upstream_on_closing(gw_task *task) {
  gw_upstream *upstream = GW_CONTAINER_OF(task, gw_upstream, closing);
  gw_endpoints_done(&upstream->endpoints);
  upstream->closed(upstream->user);
  free(upstream);
}

static void upstream_check_closed(gw_upstream *upstream) {
  if (!upstream->is_closing || upstream->conn_count > 0) return;
  gw_loop_defer(upstream->loop, &upstream->closing);
}

/* ---- connections ---- */

static void conn_ready_set(gw_conn *conn, bool ready) {
  gw_upstream *upstream = conn->address->upstream;
  bool was = conn->state == CONN_READY;
  if (ready && !was) {
    conn->state = CONN_READY;
    conn->ready_at_ms = gw_loop_now_ms(upstream->loop);
    upstream->ready_count++;
    gw_count(&upstream->metrics->connections, 1);
  } else if (!ready && was) {
    conn->state = CONN_GOING;
    upstream->ready_count--;
    gw_uncount(&upstream->metrics->connections, 1);
  }
}

/* Connections that are there for new calls, now or soon. */
static uint32_t address_staying(const grpc_address *address) {
  const gw_conn *conn;
  uint32_t count = 0;
  DL_FOREACH2(address->conns, conn, next) {
    if (conn->state != CONN_GOING && conn->state != CONN_BROKEN) count++;
  }
  return count;
}

static void address_on_retry(gw_address *base) {
  grpc_address *address = address_of(base);
  uint32_t wanted = address->upstream->config->connections;
  for (uint32_t n = address_staying(address); n < wanted && base->retry.slot == 0; n++)
    address_connect(address);
}

static gw_conn_end conn_end_of(const gw_conn *conn) {
  const gw_upstream *upstream = conn->address->upstream;
  if (conn->ready_at_ms == 0) return GW_CONN_END_FAILED;
  uint64_t lived_ms = gw_loop_now_ms(upstream->loop) - conn->ready_at_ms;
  bool served = conn->h2 != NULL && gw_h2_has_served(conn->h2);
  return served || lived_ms >= upstream->config->backoff_initial_ms ? GW_CONN_END_GOOD
                                                                    : GW_CONN_END_FLAP;
}

/* A connection is over, whatever state it was in. */
static void conn_free(gw_conn *conn, gw_code why) {
  grpc_address *address = conn->address;
  gw_upstream *upstream = address->upstream;
  gw_conn_end end = conn_end_of(conn);
  conn_ready_set(conn, false);
  gw_timer_cancel(upstream->loop, &conn->timer);
  DL_DELETE2(address->conns, conn, previous, next);
  address->conn_count--;
  upstream->conn_count--;
  free(conn);
  if (upstream->is_closing) {
    upstream_check_closed(upstream);
    return;
  }
  if (address->base.is_gone) {
    if (address->conn_count == 0) gw_address_free(&address->base);
  } else {
    if (why != GW_OK) gw_address_resolve(&address->base);
    if (address_staying(address) < upstream->config->connections) {
      gw_address_retry_later(&address->base, end);
    }
  }
  upstream_dispatch(upstream);
}

static void conn_on_going(gw_conn *conn) {
  grpc_address *address = conn->address;
  bool was_going = conn->state == CONN_GOING;
  conn_ready_set(conn, false);
  conn->state = CONN_GOING;
  /* Its successor is opened before its last call is over. */
  if (!was_going && !address->base.is_gone && address->base.retry.slot == 0 &&
      address_staying(address) < address->upstream->config->connections) {
    gw_conn_end end = conn_end_of(conn);
    if (end == GW_CONN_END_GOOD) {
      address_connect(address);
    } else {
      gw_address_retry_later(&address->base, end);
    }
  }
  if (gw_h2_stream_count(conn->h2) == 0) gw_h2_drain(conn->h2);
}

static void conn_on_h2_changed(void *user) {
  gw_conn *conn = user;
  gw_upstream *upstream = conn->address->upstream;
  if (gw_h2_is_broken(conn->h2)) {
    conn_ready_set(conn, false);
    conn->state = CONN_BROKEN;
    return; /* the rest when it is closed */
  }
  if (gw_h2_is_going(conn->h2)) {
    conn_on_going(conn);
  } else if (conn->state == CONN_GREETING && gw_h2_is_ready(conn->h2)) {
    gw_timer_cancel(upstream->loop, &conn->timer);
    conn_ready_set(conn, true);
  }
  upstream_dispatch(upstream);
}

static void conn_on_h2_closed(void *user, gw_code why) {
  gw_conn *conn = user;
  if (conn->ready_at_ms == 0) {
    gw_count(&conn->address->upstream->metrics->connect_failures_total, 1);
  }
  conn_free(conn, why); /* the h2 is gone after our return */
}

static const gw_h2_events conn_h2_events = {
  .changed = conn_on_h2_changed,
  .closed = conn_on_h2_closed,
};

static void conn_on_tcp_closed(void *user) {
  conn_free(user, GW_UNAVAILABLE);
}

static void conn_on_connected(void *user, gw_code code) {
  gw_conn *conn = user;
  gw_upstream *upstream = conn->address->upstream;
  if (code != GW_OK) {
    gw_count(&upstream->metrics->connect_failures_total, 1);
    gw_tcp_close(conn->tcp);
    return;
  }
  conn->state = CONN_GREETING;
  gw_tcp *tcp = conn->tcp;
  conn->tcp = NULL;
  if (gw_h2_open(upstream->loop, tcp, GW_H2_CLIENT, &conn_h2_events, conn, &conn->h2) != GW_OK) {
    conn_free(conn, GW_NOMEM);
  }
}

/* Before h2 has it a connection only connects: the other events need no answer. */
static void conn_on_tcp_read(void *user, char *bytes, size_t n) {
  (void)user;
  (void)bytes;
  (void)n;
}

static void conn_on_tcp_ended(void *user, gw_code why) {
  (void)why;
  gw_tcp_close(((gw_conn *)user)->tcp);
}

static void conn_on_tcp_drained(void *user) {
  (void)user;
}

static const gw_tcp_events conn_tcp_events = {
  .connected = conn_on_connected,
  .read = conn_on_tcp_read,
  .ended = conn_on_tcp_ended,
  .drained = conn_on_tcp_drained,
  .closed = conn_on_tcp_closed,
};

static void conn_on_timeout(gw_timer *timer) {
  gw_conn *conn = GW_CONTAINER_OF(timer, gw_conn, timer);
  if (conn->h2 != NULL) {
    gw_h2_abort(conn->h2, GW_UNAVAILABLE);
  } else {
    gw_count(&conn->address->upstream->metrics->connect_failures_total, 1);
    gw_tcp_close(conn->tcp);
  }
}

static void address_connect(grpc_address *address) {
  gw_upstream *upstream = address->upstream;
  if (upstream->is_closing || address->base.is_gone) return;
  gw_conn *conn = calloc(1, sizeof *conn);
  gw_code code = GW_NOMEM;
  gw_count(&upstream->metrics->connects_total, 1);
  if (conn != NULL) {
    conn->address = address;
    conn->timer.fired = conn_on_timeout;
    code =
        gw_tcp_connect(upstream->loop, &address->base.sockaddr, &conn_tcp_events, conn, &conn->tcp);
  }
  if (code != GW_OK) {
    free(conn);
    gw_count(&upstream->metrics->connect_failures_total, 1);
    gw_address_retry_later(&address->base, GW_CONN_END_FAILED);
    return;
  }
  DL_APPEND2(address->conns, conn, previous, next);
  address->conn_count++;
  upstream->conn_count++;
  gw_timer_set(upstream->loop, &conn->timer,
               gw_loop_now_ms(upstream->loop) + upstream->config->connect_timeout_ms);
}

/* ---- addresses ---- */

static void address_on_added(gw_address *base) {
  grpc_address *address = address_of(base);
  address->upstream = GW_CONTAINER_OF(base->endpoints, gw_upstream, endpoints);
  for (uint32_t i = 0; i < address->upstream->config->connections; i++)
    address_connect(address);
}

static void address_on_dropped(gw_address *base) {
  grpc_address *address = address_of(base);
  gw_upstream *upstream = address->upstream;
  gw_conn *conn, *next;
  if (address->conn_count == 0) {
    gw_address_free(base);
    return;
  }
  DL_FOREACH_SAFE2(address->conns, conn, next, next) {
    if (conn->h2 != NULL) {
      gw_h2_drain(conn->h2);
      if (upstream->is_closing) {
        gw_timer_set(upstream->loop, &conn->timer,
                     gw_loop_now_ms(upstream->loop) + UPSTREAM_CLOSE_MS);
      }
    } else {
      gw_tcp_close(conn->tcp);
    }
  }
}

static void upstream_on_changed(gw_endpoints *endpoints) {
  upstream_dispatch(GW_CONTAINER_OF(endpoints, gw_upstream, endpoints));
}

/* ---- picking ---- */

/* The connection of this address with room and the fewest streams; NULL: none. */
static void *address_find(gw_address *base) {
  gw_conn *conn, *best = NULL;
  DL_FOREACH2(address_of(base)->conns, conn, next) {
    if (conn->state != CONN_READY || gw_h2_room(conn->h2) == 0) continue;
    if (best == NULL || gw_h2_stream_count(conn->h2) < gw_h2_stream_count(best->h2)) best = conn;
  }
  return best;
}

static uint32_t address_load(const gw_address *base) {
  const grpc_address *address = (const grpc_address *)base;
  const gw_conn *conn;
  uint32_t load = 0;
  DL_FOREACH2(address->conns, conn, next) {
    if (conn->h2 != NULL) load += gw_h2_stream_count(conn->h2);
  }
  return load;
}

static const gw_endpoints_ops upstream_ops = {
  .address_size = sizeof(grpc_address),
  .added = address_on_added,
  .dropped = address_on_dropped,
  .retry = address_on_retry,
  .changed = upstream_on_changed,
  .find = address_find,
  .load = address_load,
};

/* Opens one more connection where all streams are taken.  False: no connection is or will soon be
 * there. */
static bool upstream_grow(gw_upstream *upstream) {
  gw_address *base;
  grpc_address *best = NULL;
  bool hope = gw_endpoints_is_resolving(&upstream->endpoints);
  DL_FOREACH2(upstream->endpoints.addresses, base, next) {
    grpc_address *address = address_of(base);
    bool connecting = false, ready = false;
    gw_conn *conn;
    if (base->is_gone) continue;
    DL_FOREACH2(address->conns, conn, next) {
      connecting |= conn->state == CONN_CONNECTING || conn->state == CONN_GREETING;
      ready |= conn->state == CONN_READY;
      hope |= conn->state == CONN_BROKEN; /* its close will tell more */
    }
    hope |= connecting || ready;
    if (base->retry.slot != 0 && base->backoff_ms <= UPSTREAM_HOPE_MS) hope = true;
    if (connecting || !ready) continue;
    if (address_staying(address) >= upstream->config->connections_max) continue;
    if (best == NULL || address->conn_count < best->conn_count) best = address;
  }
  if (best != NULL) address_connect(best);
  return hope;
}

static void upstream_waiting_arm(gw_upstream *upstream) {
  if (upstream->waiting == NULL) {
    gw_timer_cancel(upstream->loop, &upstream->waiting_timer);
  } else {
    gw_timer_set(upstream->loop, &upstream->waiting_timer, upstream->waiting->waiting_until_ms);
  }
}

void gw_upstream_unqueue(gw_upstream *upstream, gw_call *call) {
  DL_DELETE2(upstream->waiting, call, previous, next);
  upstream->waiting_count--;
  gw_uncount(&upstream->metrics->waiting, 1);
  upstream_waiting_arm(upstream);
}

static void upstream_fail_no_connection(gw_upstream *upstream, gw_call *call) {
  gw_call_fail(call, GW_UNAVAILABLE, "no connection to upstream \"" GW_STR_FMT "\"",
               GW_STR_ARG(upstream->config->name));
}

static void upstream_give(gw_call *call, gw_conn *conn) {
  gw_code code = gw_call_open(call, conn->h2, conn->address->base.endpoint->authority);
  if (code != GW_OK) {
    gw_call_fail(call, code == GW_NOMEM ? GW_NOMEM : GW_UNAVAILABLE, "no stream to upstream");
  }
}

static void upstream_dispatch(gw_upstream *upstream) {
  while (upstream->waiting != NULL) {
    gw_call *call = upstream->waiting;
    gw_conn *conn = gw_endpoints_pick(&upstream->endpoints);
    bool hope = conn != NULL || upstream_grow(upstream);
    if (conn == NULL && hope) break;
    gw_upstream_unqueue(upstream, call);
    if (conn == NULL) {
      upstream_fail_no_connection(upstream, call);
    } else {
      upstream_give(call, conn);
    }
  }
}

static void upstream_on_waiting_timer(gw_timer *timer) {
  gw_upstream *upstream = GW_CONTAINER_OF(timer, gw_upstream, waiting_timer);
  uint64_t now = gw_loop_now_ms(upstream->loop);
  while (upstream->waiting != NULL && upstream->waiting->waiting_until_ms <= now) {
    gw_call *call = upstream->waiting;
    gw_upstream_unqueue(upstream, call);
    if (upstream->ready_count > 0) {
      gw_count(&upstream->metrics->overflow_total, 1);
      gw_call_fail(call, GW_OVERLOADED, "upstream \"" GW_STR_FMT "\" had no free stream in time",
                   GW_STR_ARG(upstream->config->name));
    } else {
      upstream_fail_no_connection(upstream, call);
    }
  }
}

void gw_upstream_place(gw_upstream *upstream, gw_call *call) {
  const gw_upstream_config *config = upstream->config;
  gw_count(&upstream->metrics->calls_total, 1);
  upstream->in_flight++;
  gw_count(&upstream->metrics->in_flight, 1);
  if (upstream->in_flight > config->in_flight_max) {
    gw_count(&upstream->metrics->overflow_total, 1);
    gw_call_fail(call, GW_OVERLOADED, "upstream \"" GW_STR_FMT "\" has %u calls in flight",
                 GW_STR_ARG(config->name), (unsigned)config->in_flight_max);
    return;
  }
  gw_upstream_replace(upstream, call);
}

void gw_upstream_replace(gw_upstream *upstream, gw_call *call) {
  const gw_upstream_config *config = upstream->config;
  gw_conn *conn = upstream->waiting == NULL ? gw_endpoints_pick(&upstream->endpoints) : NULL;
  if (conn != NULL) {
    upstream_give(call, conn);
    return;
  }
  if (!upstream_grow(upstream)) {
    upstream_fail_no_connection(upstream, call);
  } else if (upstream->waiting_count >= config->waiting_max) {
    gw_count(&upstream->metrics->overflow_total, 1);
    gw_call_fail(call, GW_OVERLOADED, "%u calls already wait for upstream \"" GW_STR_FMT "\"",
                 (unsigned)upstream->waiting_count, GW_STR_ARG(config->name));
  } else {
    call->waiting_until_ms = gw_loop_now_ms(upstream->loop) + config->waiting_time_ms;
    DL_APPEND2(upstream->waiting, call, previous, next);
    upstream->waiting_count++;
    gw_count(&upstream->metrics->waiting, 1);
    upstream_waiting_arm(upstream);
  }
}

void gw_upstream_call_done(gw_upstream *upstream, unsigned grpc_code) {
  upstream->in_flight--;
  gw_uncount(&upstream->metrics->in_flight, 1);
  gw_count(
      &upstream->metrics->by_code[grpc_code < GW_GRPC_CODE_COUNT ? grpc_code : GW_GRPC_UNKNOWN], 1);
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
  upstream->waiting_timer.fired = upstream_on_waiting_timer;
  if (gw_endpoints_open(&upstream->endpoints, loop, config, &upstream_ops) == GW_OK) {
    return upstream;
  }
  free(upstream);
  return NULL;
}

void gw_upstream_close(gw_upstream *upstream) {
  assert(upstream->waiting == NULL && upstream->in_flight == 0);
  upstream->is_closing = true;
  gw_timer_cancel(upstream->loop, &upstream->waiting_timer);
  gw_endpoints_close(&upstream->endpoints);
  upstream_check_closed(upstream);
}
