/* grpc_upstream: the structs of a grpc upstream, which its files share: upstream.c (queue, opening,
 * closing), conn.c (connections).  Private to upstream/.
 *
 *   gw_upstream --*--> gw_grpc_address --*--> gw_conn (one HTTP/2 connection)
 *
 * One thread. */
#pragma once

#include "upstream/endpoints.h"
#include "upstream/health.h"
#include "upstream/pick.h"
#include "upstream/throttle.h"

typedef struct gw_conn gw_conn;
typedef struct gw_grpc_address gw_grpc_address;

typedef enum gw_conn_state {
  GW_CONN_CONNECTING, /* woken by: connected, timeout */
  GW_CONN_GREETING,   /* woken by: the peer's SETTINGS, timeout */
  GW_CONN_CHECKING,   /* woken by: health, GOAWAY, the end */
  GW_CONN_READY,      /* woken by: health, GOAWAY, the end, keepalive */
  GW_CONN_GOING,      /* woken by: its last stream's end */
  GW_CONN_BROKEN      /* woken by: its socket's close, in this iteration */
} gw_conn_state;

struct gw_conn {
  gw_conn *previous, *next; /* the address's list */
  gw_grpc_address *address;
  gw_conn_state state;
  gw_tcp *tcp; /* until it is handed to h2 */
  gw_h2 *h2;
  gw_timer timer;         /* connect timeout, then keepalive's, then the closing's */
  uint64_t greeted_at_ms; /* 0: never */
  uint64_t pinged_at_ms;  /* 0: no PING is under way */
  bool is_cut;            /* the timer ends it */
  gw_health health;
};

struct gw_grpc_address {
  gw_address base;
  gw_upstream *upstream;
  gw_conn *conns;
  uint32_t conn_count;   /* all states */
  uint64_t keepalive_ms; /* doubled whenever the peer says "too_many_pings" */
};

struct gw_upstream {
  gw_loop *loop;
  const gw_upstream_config *config;
  gw_upstream_metrics *metrics;
  gw_upstream_closed_fn *closed;
  void *user;
  gw_endpoints endpoints;
  gw_circuit circuit;
  gw_call *pausing; /* failed once, and waiting before they are tried again */
  gw_throttle throttle;
  uint32_t conn_count, ready_count;
  bool is_closing;
  gw_task closing;
};

static inline gw_grpc_address *gw_grpc_address_of(gw_address *base) {
  return GW_CONTAINER_OF(base, gw_grpc_address, base);
}

/* ---- upstream.c ---- */

/* Waiting calls may find a connection now, or none may be left to wait for. */
void gw_upstream_dispatch(gw_upstream *upstream);
/* A connection is gone while the upstream closes. */
void gw_upstream_check_closed(gw_upstream *upstream);

/* ---- conn.c ---- */

/* Opens one more connection; when that fails the address is tried again later. */
void gw_conn_open(gw_grpc_address *address);
/* No new calls: it ends with its last one; at once when it still connects.  closing: it gets no
 * longer than a moment. */
void gw_conn_drain(gw_conn *conn, bool closing);
/* As many connections as are wanted, unless the address waits before its next attempt. */
void gw_grpc_address_fill(gw_grpc_address *address);
/* Frees an address that was dropped and has neither connections nor calls. */
void gw_grpc_address_check_free(gw_grpc_address *address);
/* Connections that are there for new calls, now or soon. */
uint32_t gw_grpc_address_staying(const gw_grpc_address *address);
