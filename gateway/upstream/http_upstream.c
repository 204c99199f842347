#include "upstream/http_upstream.h"

#include <stdlib.h>
#include <utlist.h>

#include "upstream/http_pool.h"

/* ---- the end ---- */

static void upstream_on_closing(gw_task *task) {
  gw_http_upstream *upstream = GW_CONTAINER_OF(task, gw_http_upstream, closing);
  gw_endpoints_done(&upstream->endpoints);
  upstream->closed(upstream->user);
  free(upstream);
}

void gw_http_upstream_check_closed(gw_http_upstream *upstream) {
  if (!upstream->is_closing || upstream->conn_count > 0) return;
  gw_loop_defer(upstream->loop, &upstream->closing);
}

/* ---- addresses ---- */

static void address_on_added(gw_address *base) {
  gw_http_address *address = gw_http_address_of(base);
  address->upstream = GW_CONTAINER_OF(base->endpoints, gw_http_upstream, endpoints);
  gw_http_conn_open(address);
}

/* Calls that run on it go on. */
static void address_on_dropped(gw_address *base) {
  gw_http_address *address = gw_http_address_of(base);
  gw_http_conn *conn, *next;
  if (address->is_usable) gw_uncount(&address->upstream->metrics->usable, 1);
  address->is_usable = false;
  if (address->conn_count == 0) {
    gw_address_free(base);
    return;
  }
  DL_FOREACH_SAFE2(address->conns, conn, next, next) {
    if (conn->state != GW_HTTP_CONN_BUSY) gw_http_conn_close(conn);
  }
}

static void address_on_retry(gw_address *base) {
  gw_http_conn_open(gw_http_address_of(base));
}

static void upstream_on_changed(gw_endpoints *endpoints) {
  gw_http_upstream_dispatch(GW_CONTAINER_OF(endpoints, gw_http_upstream, endpoints));
}

/* Another connection may be opened to it now. */
static bool address_may_grow(const gw_http_address *address) {
  return address->base.retry.slot == 0 &&
         address->conn_count < address->upstream->config->connections_max;
}

static void *address_find(gw_address *base) {
  gw_http_address *address = gw_http_address_of(base);
  return address->idle != NULL || address_may_grow(address) ? address : NULL;
}

static uint32_t address_load(const gw_address *base) {
  return ((const gw_http_address *)base)->busy_count;
}

static const gw_endpoints_ops upstream_ops = {
  .address_size = sizeof(gw_http_address),
  .added = address_on_added,
  .dropped = address_on_dropped,
  .retry = address_on_retry,
  .changed = upstream_on_changed,
  .find = address_find,
  .load = address_load,
};

/* ---- idle connections ---- */

void gw_http_upstream_watch_idle(gw_http_upstream *upstream, uint64_t idle_until_ms) {
  bool is_set = upstream->idle_timer.slot != 0;
  if (is_set && upstream->idle_timer.at_ms <= idle_until_ms) return;
  gw_timer_set(upstream->loop, &upstream->idle_timer, idle_until_ms);
}

static void upstream_on_idle_timer(gw_timer *timer) {
  gw_http_upstream *upstream = GW_CONTAINER_OF(timer, gw_http_upstream, idle_timer);
  uint64_t now = gw_loop_now_ms(upstream->loop), next_ms = 0;
  gw_address *base;
  DL_FOREACH2(upstream->endpoints.addresses, base, next) {
    gw_http_conn *conn, *next;
    DL_FOREACH_SAFE2(gw_http_address_of(base)->idle, conn, next, idle_next) {
      if (conn->idle_until_ms <= now) {
        gw_http_conn_close(conn);
      } else if (next_ms == 0 || conn->idle_until_ms < next_ms) {
        next_ms = conn->idle_until_ms;
      }
    }
  }
  if (next_ms != 0) gw_timer_set(upstream->loop, timer, next_ms);
}

/* ---- waiting ---- */

void gw_http_upstream_unqueue(gw_http_upstream *upstream, gw_http_call *call) {
  gw_circuit_leave(&upstream->circuit, &call->waiter);
}

static void upstream_fail_no_connection(gw_http_upstream *upstream, gw_http_call *call) {
  const char *tls_failure = upstream->endpoints.tls_failure;
  gw_http_call_fail(call, GW_UNAVAILABLE, "no connection to upstream \"" GW_STR_FMT "\"%s%s",
                    GW_STR_ARG(upstream->config->name), tls_failure[0] != '\0' ? ": TLS: " : "",
                    tls_failure);
}

/* Whether a connection is there or may soon be: opened, resolved, or free again. */
static bool upstream_has_hope(const gw_http_upstream *upstream) {
  const gw_address *base;
  if (upstream->connecting_count > 0 || gw_endpoints_is_resolving(&upstream->endpoints)) {
    return true;
  }
  DL_FOREACH2(upstream->endpoints.addresses, base, next) {
    const gw_http_address *address = (const gw_http_address *)base;
    if (base->is_gone) continue;
    if (address->busy_count > 0) return true;
    if (base->retry.slot == 0 && address->conn_count > 0) return true;
    if (gw_address_is_near(base)) return true;
  }
  return false;
}

static gw_http_address *upstream_idle_but(gw_http_upstream *upstream, bool skip_ejected) {
  uint64_t now = gw_loop_now_ms(upstream->loop);
  gw_address *base, *cursor = upstream->endpoints.cursor;
  bool is_bound = upstream->config->balance == GW_BALANCE_PICK_FIRST && cursor != NULL;
  DL_FOREACH2(upstream->endpoints.addresses, base, next) {
    if (gw_http_address_of(base)->idle == NULL || (is_bound && base != cursor)) continue;
    if (!skip_ejected || !gw_outlier_is_ejected(&base->outlier, now)) {
      return gw_http_address_of(base);
    }
  }
  return NULL;
}

/* An address with an idle connection; an ejected one only when there is no other.  pick_first stays
 * with its own. */
static gw_http_address *upstream_idle(gw_http_upstream *upstream) {
  gw_http_address *address = upstream_idle_but(upstream, true);
  return address != NULL ? address : upstream_idle_but(upstream, false);
}

/* Where the balance sends a call: an address with an idle connection; else one more is opened there
 * unless as many connect as calls wait for, and whatever is idle elsewhere is taken.  NULL: none
 * yet. */
static gw_http_address *upstream_pick(gw_http_upstream *upstream, uint32_t waiting_count) {
  while (upstream->connecting_count < waiting_count) {
    gw_http_address *address = gw_endpoints_pick(&upstream->endpoints, 0);
    if (address == NULL || address->idle != NULL) return address;
    gw_http_conn_open(address); /* its failure makes the address rest */
  }
  return upstream_idle(upstream);
}

void gw_http_upstream_dispatch(gw_http_upstream *upstream) {
  gw_waiter *waiter;
  while ((waiter = gw_circuit_first(&upstream->circuit)) != NULL) {
    gw_http_call *call = GW_CONTAINER_OF(waiter, gw_http_call, waiter);
    gw_http_address *address = upstream_idle(upstream);
    if (address == NULL) address = upstream_pick(upstream, upstream->circuit.waiting_count);
    if (address == NULL && upstream_has_hope(upstream)) break;
    gw_http_upstream_unqueue(upstream, call);
    if (address != NULL) {
      gw_http_call_open(call, gw_http_conn_take(address, call));
    } else {
      gw_endpoints_hurry(&upstream->endpoints); /* calls are refused meanwhile */
      upstream_fail_no_connection(upstream, call);
    }
  }
}

static void upstream_on_waited(gw_circuit *circuit, gw_waiter *waiter) {
  gw_http_upstream *upstream = GW_CONTAINER_OF(circuit, gw_http_upstream, circuit);
  gw_http_call *call = GW_CONTAINER_OF(waiter, gw_http_call, waiter);
  if (gw_counter_get(&upstream->metrics->connections) == 0) {
    upstream_fail_no_connection(upstream, call);
    return;
  }
  gw_count(&upstream->metrics->overflow_total, 1);
  gw_http_call_fail(call, GW_OVERLOADED,
                    "upstream \"" GW_STR_FMT "\" had no free connection in time",
                    GW_STR_ARG(upstream->config->name));
}

void gw_http_upstream_place(gw_http_upstream *upstream, gw_http_call *call) {
  const gw_upstream_config *config = upstream->config;
  if (!gw_circuit_begin(&upstream->circuit)) {
    gw_http_call_fail(call, GW_OVERLOADED, "upstream \"" GW_STR_FMT "\" has %u calls in flight",
                      GW_STR_ARG(config->name), (unsigned)config->in_flight_max);
    return;
  }
  gw_http_upstream_replace(upstream, call);
}

void gw_http_upstream_replace(gw_http_upstream *upstream, gw_http_call *call) {
  const gw_upstream_config *config = upstream->config;
  bool is_first = upstream->circuit.waiting_count == 0;
  gw_http_address *address = is_first ? upstream_pick(upstream, 1) : NULL;
  if (address != NULL) {
    gw_http_call_open(call, gw_http_conn_take(address, call));
    return;
  }
  if (!gw_circuit_wait(&upstream->circuit, &call->waiter, false)) {
    gw_http_call_fail(call, GW_OVERLOADED, "%u calls already wait for upstream \"" GW_STR_FMT "\"",
                      (unsigned)config->waiting_max, GW_STR_ARG(config->name));
    return;
  }
  gw_http_upstream_dispatch(upstream);
}

void gw_http_upstream_call_done(gw_http_call *call) {
  gw_http_upstream *upstream = call->upstream;
  int status = call->has_head ? call->response.status : 0;
  gw_circuit_end(&upstream->circuit);
  gw_count(&upstream->metrics->by_status[status / 100], 1);
  /* A call that its owner gave up says nothing of the endpoint; a status is the service's own. */
  if (call->conn == NULL || call->result.code == GW_CANCELLED) return;
  if (gw_address_result(&call->conn->address->base, call->result.code != GW_OK)) {
    gw_count(&upstream->metrics->ejections_total, 1);
  }
}

/* ---- opening and closing ---- */

gw_http_upstream *gw_http_upstream_open(gw_loop *loop, const gw_upstream_config *config,
                                        gw_upstream_metrics *metrics,
                                        gw_http_upstream_closed_fn *closed, void *user) {
  gw_http_upstream *upstream = calloc(1, sizeof *upstream);
  if (upstream == NULL) return NULL;
  upstream->loop = loop;
  upstream->config = config;
  upstream->metrics = metrics;
  upstream->closed = closed;
  upstream->user = user;
  upstream->closing.run = upstream_on_closing;
  gw_circuit_init(&upstream->circuit, loop, config, metrics, upstream_on_waited);
  upstream->idle_timer.fired = upstream_on_idle_timer;
  if (gw_endpoints_open(&upstream->endpoints, loop, config, &upstream_ops) == GW_OK) {
    return upstream;
  }
  free(upstream);
  return NULL;
}

void gw_http_upstream_close(gw_http_upstream *upstream) {
  upstream->is_closing = true;
  gw_circuit_done(&upstream->circuit);
  gw_timer_cancel(upstream->loop, &upstream->idle_timer);
  gw_endpoints_close(&upstream->endpoints);
  gw_http_upstream_check_closed(upstream);
}
