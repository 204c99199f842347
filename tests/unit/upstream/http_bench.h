/* http_bench: an HTTP/1.1 upstream with raw servers whose every byte the test sends itself, and
 * calls on it. */
#pragma once

#include "net/tcp.h"
#include "unit/net/pump.h"
#include "upstream/http_call.h"
#include "upstream/http_upstream.h"

#define RAW_CONNS_MAX 64u

typedef struct raw_conn {
  gw_tcp *tcp; /* NULL: closed */
  char in[4096];
  size_t in_n, total; /* kept and all bytes of the client since raw_forget() */
  bool ended;
} raw_conn;

typedef struct raw_server {
  gw_loop *loop;
  gw_listener *listener;
  uint16_t port;
  raw_conn conns[RAW_CONNS_MAX];
  uint32_t count; /* accepted */
} raw_server;

void raw_open(raw_server *server, gw_loop *loop, uint16_t port);
void raw_close(raw_server *server); /* with all connections */
void raw_say(raw_conn *conn, const char *text);
void raw_forget(raw_conn *conn);                     /* what it received */
bool raw_has(const raw_conn *conn, const char *end); /* what it received ends so */
void raw_drop(raw_conn *conn);                       /* closes it at once: FIN */
/* An open connection on which a whole request without a body is; NULL: none. */
raw_conn *raw_asked(raw_server *server);
uint32_t raw_open_conns(const raw_server *server);

typedef struct hbench {
  gw_loop *loop;
  raw_server servers[2];
  size_t server_count;
  gw_endpoint_config endpoints[2];
  gw_upstream_config config;
  gw_upstream_metrics metrics;
  gw_http_upstream *upstream;
  bool closed;
} hbench;

/* Fills config with small times; change it before hbench_open(). */
void hbench_init(hbench *b, size_t servers);
void hbench_begin(hbench *b);
void hbench_open(
    hbench *b); /* begins and turns the loop until one connection of each server is idle */
void hbench_done(hbench *b); /* no call may be left */

typedef struct hcall {
  gw_http_call call;
  gw_arena arena;
  uint32_t ticks, done_count;
  bool takes_nothing; /* of the body */
  char body[256];     /* the beginning */
  size_t body_n;      /* all */
} hcall;

#define GET_HEAD  "GET / HTTP/1.1\r\nhost: u\r\n\r\n"
#define POST_HEAD "POST / HTTP/1.1\r\nhost: u\r\ncontent-length: 5\r\n\r\n"

hcall *hcall_start(hbench *b, const gw_http_request *request, const char *piece, bool end);
hcall *hcall_get(hbench *b);
hcall *hcall_post(hbench *b); /* "hello", not idempotent */
void hcall_take(hcall *h);
void hcall_free(hcall *h); /* cancels */
/* Runs until it is done, and frees. */
void hcall_check(hbench *b, hcall *h, gw_code code, int status, const char *body);
