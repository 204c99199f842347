#include "upstream/http_upstream.h"

#include <stdlib.h>
#include <utlist.h>

#include "upstream/http_pool.h"

#define UPSTREAM_HOPE_MS 100u /* a call waits for an attempt that is so near */

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

static void upstream_waiting_arm(gw_http_upstream *upstream) {
  if (upstream->waiting == NULL) {
    gw_timer_cancel(upstream->loop, &upstream->waiting_timer);
  } else {
    gw_timer_set(upstream->loop, &upstream->waiting_timer, upstream->waiting->waiting_until_ms);
  }
}

static void upstream_queue(gw_http_upstream *upstream, gw_http_call *call) {
  call->waiting_until_ms = gw_loop_now_ms(upstream->loop) + upstream->config->waiting_time_ms;
  DL_APPEND2(upstream->waiting, call, previous, next);
  upstream->waiting_count++;
  gw_count(&upstream->metrics->waiting, 1);
  if (upstream->waiting == call) upstream_waiting_arm(upstream);
}

void gw_http_upstream_unqueue(gw_http_upstream *upstream, gw_http_call *call) {
  bool is_first = upstream->waiting == call;
  DL_DELETE2(upstream->waiting, call, previous, next);
  upstream->waiting_count--;
  gw_uncount(&upstream->metrics->waiting, 1);
  if (is_first) upstream_waiting_arm(upstream);
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
    if (base->retry.slot != 0 && base->backoff_ms <= UPSTREAM_HOPE_MS) return true;
  }
  return false;
}

/* Calls are refused meanwhile: no address waits longer than it must. */
static void upstream_hurry(gw_http_upstream *upstream) {
  gw_address *base;
  DL_FOREACH2(upstream->endpoints.addresses, base, next) {
    gw_address_hurry(base);
  }
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
  while (upstream->waiting != NULL) {
    gw_http_call *call = upstream->waiting;
    gw_http_address *address = upstream_idle(upstream);
    if (address == NULL) address = upstream_pick(upstream, upstream->waiting_count);
    if (address == NULL && upstream_has_hope(upstream)) break;
    gw_http_upstream_unqueue(upstream, call);
    if (address != NULL) {
      gw_http_call_open(call, gw_http_conn_take(address, call));
    } else {
      upstream_hurry(upstream);
      upstream_fail_no_connection(upstream, call);
    }
  }
}

static void upstream_on_waiting_timer(gw_timer *timer) {
  gw_http_upstream *upstream = GW_CONTAINER_OF(timer, gw_http_upstream, waiting_timer);
  uint64_t now = gw_loop_now_ms(upstream->loop);
  while (upstream->waiting != NULL && upstream->waiting->waiting_until_ms <= now) {
    gw_http_call *call = upstream->waiting;
    gw_http_upstream_unqueue(upstream, call);
    if (gw_counter_get(&upstream->metrics->connections) > 0) {
      gw_count(&upstream->metrics->overflow_total, 1);
      gw_http_call_fail(call, GW_OVERLOADED,
                        "upstream \"" GW_STR_FMT "\" had no free connection in time",
                        GW_STR_ARG(upstream->config->name));
    } else {
      upstream_fail_no_connection(upstream, call);
    }
  }
  upstream_waiting_arm(upstream);
}

void gw_http_upstream_place(gw_http_upstream *upstream, gw_http_call *call) {
  const gw_upstream_config *config = upstream->config;
  gw_count(&upstream->metrics->calls_total, 1);
  upstream->in_flight++;
  gw_count(&upstream->metrics->in_flight, 1);
  if (upstream->in_flight > config->in_flight_max) {
    gw_count(&upstream->metrics->overflow_total, 1);
    gw_http_call_fail(call, GW_OVERLOADED, "upstream \"" GW_STR_FMT "\" has %u calls in flight",
                      GW_STR_ARG(config->name), (unsigned)config->in_flight_max);
    return;
  }
  gw_http_upstream_replace(upstream, call);
}

void gw_http_upstream_replace(gw_http_upstream *upstream, gw_http_call *call) {
  const gw_upstream_config *config = upstream->config;
  gw_http_address *address = upstream->waiting == NULL ? upstream_pick(upstream, 1) : NULL;
  if (address != NULL) {
    gw_http_call_open(call, gw_http_conn_take(address, call));
    return;
  }
  if (upstream->waiting_count >= config->waiting_max) {
    gw_count(&upstream->metrics->overflow_total, 1);
    gw_http_call_fail(call, GW_OVERLOADED, "%u calls already wait for upstream \"" GW_STR_FMT "\"",
                      (unsigned)upstream->waiting_count, GW_STR_ARG(config->name));
    return;
  }
  upstream_queue(upstream, call);
  gw_http_upstream_dispatch(upstream);
}

void gw_http_upstream_call_done(gw_http_call *call) {
  gw_http_upstream *upstream = call->upstream;
  int status = call->has_head ? call->response.status : 0;
  upstream->in_flight--;
  gw_uncount(&upstream->metrics->in_flight, 1);
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
  upstream->waiting_timer.fired = upstream_on_waiting_timer;
  upstream->idle_timer.fired = upstream_on_idle_timer;
  if (gw_endpoints_open(&upstream->endpoints, loop, config, &upstream_ops) == GW_OK) {
    return upstream;
  }
  free(upstream);
  return NULL;
}

void gw_http_upstream_close(gw_http_upstream *upstream) {
  assert(upstream->waiting == NULL && upstream->in_flight == 0);
  upstream->is_closing = true;
  gw_timer_cancel(upstream->loop, &upstream->waiting_timer);
  gw_timer_cancel(upstream->loop, &upstream->idle_timer);
  gw_endpoints_close(&upstream->endpoints);
  gw_http_upstream_check_closed(upstream);
}
