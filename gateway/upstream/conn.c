#include "upstream/grpc_upstream.h"

#include <stdlib.h>
#include <utlist.h>

#define CONN_CLOSE_MS         1000u /* for GOAWAY to leave: then a peer that reads nothing is cut */
#define CONN_KEEPALIVE_MS_MAX 86400000u /* however often the peer says "too_many_pings" */

static void conn_state_set(gw_conn *conn, gw_conn_state state) {
  gw_upstream *upstream = conn->address->upstream;
  bool was = conn->state == GW_CONN_READY, is = state == GW_CONN_READY;
  conn->state = state;
  if (is && !was) {
    upstream->ready_count++;
    gw_count(&upstream->metrics->connections, 1);
  } else if (!is && was) {
    upstream->ready_count--;
    gw_uncount(&upstream->metrics->connections, 1);
  }
}

/* ---- addresses ---- */

void gw_grpc_address_check_free(gw_grpc_address *address) {
  if (!address->base.is_gone || address->conn_count > 0 || address->base.calls > 0) return;
  if (!address->upstream->is_closing) gw_address_free(&address->base);
}

uint32_t gw_grpc_address_staying(const gw_grpc_address *address) {
  const gw_conn *conn;
  uint32_t count = 0;
  DL_FOREACH2(address->conns, conn, next) {
    if (conn->state != GW_CONN_GOING && conn->state != GW_CONN_BROKEN) count++;
  }
  return count;
}

void gw_grpc_address_fill(gw_grpc_address *address) {
  uint32_t wanted = address->upstream->config->connections;
  uint32_t n = gw_grpc_address_staying(address);
  for (; n < wanted && address->base.retry.slot == 0; n++)
    gw_conn_open(address);
}

/* ---- the end ---- */

static gw_conn_end conn_end_of(const gw_conn *conn) {
  const gw_upstream *upstream = conn->address->upstream;
  if (conn->greeted_at_ms == 0) return GW_CONN_END_FAILED;
  uint64_t lived_ms = gw_loop_now_ms(upstream->loop) - conn->greeted_at_ms;
  bool served = conn->h2 != NULL && gw_h2_has_served(conn->h2);
  return served || lived_ms >= upstream->config->backoff_initial_ms ? GW_CONN_END_GOOD
                                                                    : GW_CONN_END_FLAP;
}

/* A connection is over, whatever state it was in. */
static void conn_free(gw_conn *conn, gw_code why) {
  gw_grpc_address *address = conn->address;
  gw_upstream *upstream = address->upstream;
  gw_conn_end end = conn_end_of(conn);
  conn_state_set(conn, GW_CONN_BROKEN);
  gw_health_stop(&conn->health);
  gw_timer_cancel(upstream->loop, &conn->timer);
  DL_DELETE2(address->conns, conn, previous, next);
  address->conn_count--;
  upstream->conn_count--;
  free(conn);
  if (upstream->is_closing) {
    gw_upstream_check_closed(upstream);
    return;
  }
  if (address->base.is_gone) {
    gw_grpc_address_check_free(address);
  } else {
    if (why != GW_OK) gw_address_resolve(&address->base);
    if (gw_grpc_address_staying(address) < upstream->config->connections) {
      gw_address_retry_later(&address->base, end);
    }
  }
  gw_upstream_dispatch(upstream);
}

static void conn_on_going(gw_conn *conn) {
  gw_grpc_address *address = conn->address;
  bool was_going = conn->state == GW_CONN_GOING;
  conn_state_set(conn, GW_CONN_GOING);
  gw_health_stop(&conn->health);
  if (!was_going && gw_h2_was_calmed(conn->h2)) {
    address->keepalive_ms = 2 * gw_size_min(address->keepalive_ms, CONN_KEEPALIVE_MS_MAX / 2);
  }
  /* Its successor is opened before its last call is over. */
  if (!was_going && !address->base.is_gone && address->base.retry.slot == 0 &&
      gw_grpc_address_staying(address) < address->upstream->config->connections) {
    gw_conn_end end = conn_end_of(conn);
    if (end == GW_CONN_END_GOOD) {
      gw_conn_open(address);
    } else {
      gw_address_retry_later(&address->base, end);
    }
  }
  if (gw_h2_stream_count(conn->h2) == 0) gw_h2_drain(conn->h2);
}

/* ---- keepalive (gRFC A8) ---- */

static void conn_keepalive_arm(gw_conn *conn, uint64_t after_ms) {
  gw_loop *loop = conn->address->upstream->loop;
  gw_timer_set(loop, &conn->timer, gw_loop_now_ms(loop) + after_ms);
}

/* A peer that is silent while calls run is asked for a sign of life. */
static void conn_on_keepalive(gw_conn *conn) {
  const gw_upstream *upstream = conn->address->upstream;
  uint64_t now = gw_loop_now_ms(upstream->loop), every = conn->address->keepalive_ms;
  uint64_t read_at = gw_h2_read_at_ms(conn->h2), silent = now - read_at;
  if (conn->pinged_at_ms != 0 && read_at < conn->pinged_at_ms) {
    gw_h2_abort(conn->h2, GW_UNAVAILABLE);
    return;
  }
  conn->pinged_at_ms = 0;
  if (silent < every) {
    conn_keepalive_arm(conn, every - silent);
  } else if (gw_h2_stream_count(conn->h2) == 0) {
    conn_keepalive_arm(conn, every);
  } else {
    conn->pinged_at_ms = now;
    gw_h2_ping(conn->h2);
    conn_keepalive_arm(conn, upstream->config->keepalive_timeout_ms);
  }
}

/* ---- ready, and no longer ---- */

static void conn_on_health(gw_health *health) {
  gw_conn *conn = GW_CONTAINER_OF(health, gw_conn, health);
  if (conn->state != GW_CONN_CHECKING && conn->state != GW_CONN_READY) return;
  conn_state_set(conn, health->state == GW_HEALTH_SERVING ? GW_CONN_READY : GW_CONN_CHECKING);
  gw_upstream_dispatch(conn->address->upstream);
}

static void conn_on_greeted(gw_conn *conn) {
  gw_upstream *upstream = conn->address->upstream;
  conn->greeted_at_ms = gw_loop_now_ms(upstream->loop);
  gw_address_note_tls(&conn->address->base, upstream->metrics, "");
  conn_keepalive_arm(conn, conn->address->keepalive_ms);
  if (!upstream->config->health) {
    conn_state_set(conn, GW_CONN_READY);
    return;
  }
  conn_state_set(conn, GW_CONN_CHECKING);
  conn->health.changed = conn_on_health;
  gw_health_start(&conn->health, upstream->loop, conn->h2, upstream->config,
                  conn->address->base.endpoint);
}

static void conn_on_h2_changed(void *user) {
  gw_conn *conn = user;
  if (gw_h2_is_broken(conn->h2)) {
    conn_state_set(conn, GW_CONN_BROKEN);
    return; /* the rest when it is closed */
  }
  if (gw_h2_is_going(conn->h2)) {
    conn_on_going(conn);
  } else if (conn->state == GW_CONN_GREETING && gw_h2_is_ready(conn->h2)) {
    conn_on_greeted(conn);
  }
  gw_upstream_dispatch(conn->address->upstream);
}

static void conn_on_h2_closed(void *user, gw_code why) {
  gw_conn *conn = user;
  if (conn->greeted_at_ms == 0) {
    gw_upstream_metrics *metrics = conn->address->upstream->metrics;
    gw_count(&metrics->connect_failures_total, 1);
    gw_address_note_tls(&conn->address->base, metrics, gw_h2_failure(conn->h2));
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
    gw_address_note_tls(&conn->address->base, upstream->metrics, gw_tcp_failure(conn->tcp));
    gw_tcp_close(conn->tcp);
    return;
  }
  conn->state = GW_CONN_GREETING;
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

static void conn_on_timer(gw_timer *timer) {
  gw_conn *conn = GW_CONTAINER_OF(timer, gw_conn, timer);
  if (conn->h2 != NULL && conn->greeted_at_ms != 0 && !conn->is_cut) {
    conn_on_keepalive(conn);
  } else if (conn->h2 != NULL) {
    gw_h2_abort(conn->h2, GW_UNAVAILABLE);
  } else {
    gw_count(&conn->address->upstream->metrics->connect_failures_total, 1);
    gw_tcp_close(conn->tcp);
  }
}

void gw_conn_open(gw_grpc_address *address) {
  gw_upstream *upstream = address->upstream;
  if (upstream->is_closing || address->base.is_gone) return;
  gw_conn *conn = calloc(1, sizeof *conn);
  gw_code code = GW_NOMEM;
  gw_count(&upstream->metrics->connects_total, 1);
  if (conn != NULL) {
    conn->address = address;
    conn->timer.fired = conn_on_timer;
    code = gw_address_connect(&address->base, &conn_tcp_events, conn, &conn->tcp);
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

void gw_conn_drain(gw_conn *conn, bool closing) {
  gw_upstream *upstream = conn->address->upstream;
  if (conn->h2 == NULL) {
    gw_tcp_close(conn->tcp);
    return;
  }
  gw_health_stop(&conn->health);
  gw_h2_drain(conn->h2);
  if (closing) {
    conn->is_cut = true;
    gw_timer_set(upstream->loop, &conn->timer, gw_loop_now_ms(upstream->loop) + CONN_CLOSE_MS);
  }
}
