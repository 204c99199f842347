/* http_pool: what the files of an HTTP/1.1 upstream share: http_upstream.c (queue, opening,
 * closing), http_conn.c (connections), http_call.c (calls).  Private to upstream/.
 *
 * States of a connection (woken by):
 *   CONNECTING  connected; connect timeout
 *   IDLE        bytes (nobody asked: it is closed), the end, idle timeout
 *   BUSY        its call
 *   CLOSING     its socket's close
 *
 * One thread. */
#pragma once

#include "net/tcp.h"
#include "upstream/endpoints.h"
#include "upstream/http_call.h"

typedef enum gw_http_conn_state {
  GW_HTTP_CONN_CONNECTING,
  GW_HTTP_CONN_IDLE,
  GW_HTTP_CONN_BUSY,
  GW_HTTP_CONN_CLOSING
} gw_http_conn_state;

typedef struct gw_http_address {
  gw_address base;
  gw_http_upstream *upstream;
  gw_http_conn *conns; /* all */
  gw_http_conn *idle;  /* the one used last first */
  uint32_t conn_count, busy_count;
  bool is_usable; /* the last attempt to connect succeeded; counted */
} gw_http_address;

struct gw_http_conn {
  gw_http_conn *previous, *next;           /* the address's */
  gw_http_conn *idle_previous, *idle_next; /* those that are idle */
  gw_http_address *address;
  gw_http_conn_state state;
  gw_tcp *tcp;
  gw_http_call *call; /* BUSY */
  gw_timer timer;     /* connect timeout */
  uint64_t idle_until_ms;
  uint64_t written, written_before; /* bytes; before this call */
  uint64_t connected_ms;            /* 0: not yet */
  bool has_served;                  /* an answer came on it */
  bool may_be_stale; /* it was idle before this call: the server may have closed it */
};

struct gw_http_upstream {
  gw_loop *loop;
  const gw_upstream_config *config;
  gw_upstream_metrics *metrics;
  gw_http_upstream_closed_fn *closed;
  void *user;
  gw_endpoints endpoints;
  gw_circuit circuit;
  uint32_t conn_count, connecting_count;
  gw_timer idle_timer; /* set: when to look for connections that were idle for long */
  bool is_closing;
  gw_task closing;
};

static inline gw_http_address *gw_http_address_of(gw_address *base) {
  return GW_CONTAINER_OF(base, gw_http_address, base);
}

/* ---- http_upstream.c ---- */

/* Opens the call on a connection, queues it, or fails it; its tick runs later in any case. */
void gw_http_upstream_place(gw_http_upstream *upstream, gw_http_call *call);
/* A call that was placed before looks for another connection. */
void gw_http_upstream_replace(gw_http_upstream *upstream, gw_http_call *call);
void gw_http_upstream_unqueue(gw_http_upstream *upstream, gw_http_call *call);
/* A placed call is over: counts it, and what it says of its address. */
void gw_http_upstream_call_done(gw_http_call *call);
/* Waiting calls may find a connection now, or none may be left to wait for. */
void gw_http_upstream_dispatch(gw_http_upstream *upstream);
/* A connection is gone while the upstream closes. */
void gw_http_upstream_check_closed(gw_http_upstream *upstream);
/* A connection became idle, until idle_until_ms. */
void gw_http_upstream_watch_idle(gw_http_upstream *upstream, uint64_t idle_until_ms);

/* ---- http_conn.c ---- */

/* Opens one more connection to the address; when that fails the address is tried again later. */
void gw_http_conn_open(gw_http_address *address);
/* From the idle ones of the address, which has some. */
gw_http_conn *gw_http_conn_take(gw_http_address *address, gw_http_call *call);
void gw_http_conn_write(gw_http_conn *conn, const gw_str *parts, size_t count);
/* The call is over: the connection waits for the next one for at most `idle_ms`. */
void gw_http_conn_release(gw_http_conn *conn, uint64_t idle_ms);
void gw_http_conn_close(gw_http_conn *conn); /* at once; it no longer knows a call */
/* The server's end came although the bytes of this call never reached it. */
bool gw_http_conn_is_unseen(const gw_http_conn *conn);

/* ---- http_call.c ---- */

void gw_http_call_open(gw_http_call *call, gw_http_conn *conn);
void gw_http_call_fail(gw_http_call *call, gw_code code, const char *format, ...) GW_PRINTF(3, 4);
/* Events of its connection. */
void gw_http_call_on_read(gw_http_call *call, char *bytes, size_t n);
void gw_http_call_on_drained(gw_http_call *call);
void gw_http_call_on_ended(gw_http_call *call, gw_code why);
