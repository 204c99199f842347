#include <stdlib.h>
#include <utlist.h>

#include "upstream/http_pool.h"

/* ---- the address ---- */

static void address_usable_set(gw_http_address *address, bool usable) {
  gw_upstream_metrics *metrics = address->upstream->metrics;
  if (usable && !address->is_usable) gw_count(&metrics->usable, 1);
  if (!usable && address->is_usable) gw_uncount(&metrics->usable, 1);
  address->is_usable = usable;
}

static void address_free(gw_http_address *address) {
  address_usable_set(address, false);
  gw_address_free(&address->base);
}

/* Connecting failed: the address rests, unless others of its connections show that it lives. */
static void address_failed(gw_http_address *address) {
  gw_count(&address->upstream->metrics->connect_failures_total, 1);
  gw_address_resolve(&address->base);
  gw_address_retry_later(&address->base, GW_CONN_END_FAILED);
  if (address->busy_count == 0 && address->idle == NULL) address_usable_set(address, false);
}

/* ---- lists ---- */

static void conn_leave_idle(gw_http_conn *conn) {
  DL_DELETE2(conn->address->idle, conn, idle_previous, idle_next);
}

/* Leaves whatever state it has. */
static void conn_move(gw_http_conn *conn, gw_http_conn_state state) {
  gw_http_upstream *upstream = conn->address->upstream;
  switch (conn->state) {
  case GW_HTTP_CONN_CONNECTING:
    gw_timer_cancel(upstream->loop, &conn->timer);
    upstream->connecting_count--;
    break;
  case GW_HTTP_CONN_IDLE: conn_leave_idle(conn); break;
  case GW_HTTP_CONN_BUSY:
    conn->address->busy_count--;
    conn->call = NULL;
    break;
  case GW_HTTP_CONN_CLOSING: break;
  }
  conn->state = state;
}

void gw_http_conn_close(gw_http_conn *conn) {
  gw_http_upstream *upstream = conn->address->upstream;
  if (conn->state == GW_HTTP_CONN_CLOSING) return;
  if (conn->connected_ms != 0) gw_uncount(&upstream->metrics->connections, 1);
  conn_move(conn, GW_HTTP_CONN_CLOSING);
  gw_tcp_close(conn->tcp);
}

/* ---- events ---- */

static void conn_on_closed(void *user) {
  gw_http_conn *conn = user;
  gw_http_address *address = conn->address;
  gw_http_upstream *upstream = address->upstream;
  DL_DELETE2(address->conns, conn, previous, next);
  address->conn_count--;
  upstream->conn_count--;
  free(conn);
  if (upstream->is_closing) {
    gw_http_upstream_check_closed(upstream);
    return;
  }
  if (address->base.is_gone && address->conn_count == 0) address_free(address);
  gw_http_upstream_dispatch(upstream);
}

static void conn_idle(gw_http_conn *conn, uint64_t idle_ms) {
  gw_http_address *address = conn->address;
  gw_http_upstream *upstream = address->upstream;
  conn_move(conn, GW_HTTP_CONN_IDLE);
  DL_PREPEND2(address->idle, conn, idle_previous, idle_next);
  conn->idle_until_ms = gw_loop_now_ms(upstream->loop) + idle_ms;
  gw_http_upstream_watch_idle(upstream, conn->idle_until_ms);
  gw_http_upstream_dispatch(upstream);
}

static void conn_on_connected(void *user, gw_code code) {
  gw_http_conn *conn = user;
  gw_http_address *address = conn->address;
  gw_address_note_tls(&address->base, address->upstream->metrics, gw_tcp_failure(conn->tcp));
  if (code != GW_OK) {
    gw_http_conn_close(conn);
    address_failed(address);
    return;
  }
  conn->connected_ms = gw_loop_now_ms(address->upstream->loop);
  gw_count(&address->upstream->metrics->connections, 1);
  address->base.backoff_ms = 0;
  gw_timer_cancel(address->upstream->loop, &address->base.retry);
  address_usable_set(address, true);
  conn_idle(conn, address->upstream->config->idle_timeout_ms);
}

static void conn_on_timeout(gw_timer *timer) {
  gw_http_conn *conn = GW_CONTAINER_OF(timer, gw_http_conn, timer);
  gw_http_address *address = conn->address;
  gw_http_conn_close(conn);
  address_failed(address);
}

/* Bytes that nobody asked for would be taken for the next call's answer. */
static void conn_on_read(void *user, char *bytes, size_t n) {
  gw_http_conn *conn = user;
  if (conn->state == GW_HTTP_CONN_BUSY) {
    gw_http_call_on_read(conn->call, bytes, n);
  } else {
    gw_http_conn_close(conn);
  }
}

static void conn_on_ended(void *user, gw_code why) {
  gw_http_conn *conn = user;
  if (conn->state == GW_HTTP_CONN_BUSY) {
    gw_http_call_on_ended(conn->call, why);
  } else {
    gw_http_conn_close(conn);
  }
}

static void conn_on_drained(void *user) {
  gw_http_conn *conn = user;
  if (conn->state == GW_HTTP_CONN_BUSY) gw_http_call_on_drained(conn->call);
}

static const gw_tcp_events conn_events = {
  .connected = conn_on_connected,
  .read = conn_on_read,
  .ended = conn_on_ended,
  .drained = conn_on_drained,
  .closed = conn_on_closed,
};

void gw_http_conn_open(gw_http_address *address) {
  gw_http_upstream *upstream = address->upstream;
  gw_http_conn *conn = calloc(1, sizeof *conn);
  gw_code code = GW_NOMEM;
  gw_count(&upstream->metrics->connects_total, 1);
  if (conn != NULL) {
    conn->address = address;
    conn->timer.fired = conn_on_timeout;
    code = gw_address_connect(&address->base, &conn_events, conn, &conn->tcp);
  }
  if (code != GW_OK) {
    free(conn);
    address_failed(address);
    return;
  }
  DL_APPEND2(address->conns, conn, previous, next);
  address->conn_count++;
  upstream->conn_count++;
  upstream->connecting_count++;
  gw_timer_set(upstream->loop, &conn->timer,
               gw_loop_now_ms(upstream->loop) + upstream->config->connect_timeout_ms);
}

/* ---- for calls ---- */

gw_http_conn *gw_http_conn_take(gw_http_address *address, gw_http_call *call) {
  gw_http_conn *conn = address->idle;
  conn_move(conn, GW_HTTP_CONN_BUSY);
  address->busy_count++;
  conn->call = call;
  conn->written_before = conn->written;
  conn->may_be_stale =
      conn->has_served || conn->connected_ms != gw_loop_now_ms(address->upstream->loop);
  if (conn->has_served) gw_count(&address->upstream->metrics->reuses_total, 1);
  return conn;
}

void gw_http_conn_write(gw_http_conn *conn, const gw_str *parts, size_t count) {
  for (size_t i = 0; i < count; i++)
    conn->written += parts[i].n;
  gw_tcp_write(conn->tcp, parts, count);
}

void gw_http_conn_release(gw_http_conn *conn, uint64_t idle_ms) {
  assert(conn->state == GW_HTTP_CONN_BUSY);
  conn->has_served = true;
  if (conn->address->base.is_gone || conn->address->upstream->is_closing || idle_ms == 0) {
    gw_http_conn_close(conn);
  } else {
    conn_idle(conn, idle_ms);
  }
}

/* A server's end acknowledges what reached it before: what it does not acknowledge came too late.
 * The kernel counts the SYN as a byte, and with TLS bytes that are not ours. */
bool gw_http_conn_is_unseen(const gw_http_conn *conn) {
  return !gw_tcp_is_secure(conn->tcp) && gw_tcp_acked(conn->tcp) <= conn->written_before + 1;
}
