#include "unit/upstream/http_bench.h"

/* ---- raw servers ---- */

static void raw_on_read(void *user, char *bytes, size_t n) {
  raw_conn *conn = user;
  size_t kept = gw_size_min(n, sizeof conn->in - 1 - conn->in_n);
  memcpy(conn->in + conn->in_n, bytes, kept);
  conn->in_n += kept;
  conn->in[conn->in_n] = '\0';
  conn->total += n;
}

static void raw_on_ended(void *user, gw_code why) {
  raw_conn *conn = user;
  (void)why;
  conn->ended = true;
  gw_tcp_close(conn->tcp);
}

static void raw_on_drained(void *user) {
  (void)user;
}

static void raw_on_closed(void *user) {
  ((raw_conn *)user)->tcp = NULL;
}

static const gw_tcp_events raw_events = {
  .read = raw_on_read,
  .ended = raw_on_ended,
  .drained = raw_on_drained,
  .closed = raw_on_closed,
};

static void raw_on_accepted(void *user, gw_tcp *tcp) {
  raw_server *server = user;
  CHECK(server->count < RAW_CONNS_MAX);
  raw_conn *conn = &server->conns[server->count++];
  conn->tcp = tcp;
  gw_tcp_own(tcp, &raw_events, conn);
}

void raw_open(raw_server *server, gw_loop *loop, uint16_t port) {
  gw_sockaddr address;
  gw_err err;
  gw_err_init(&err);
  server->loop = loop;
  CHECK_INT(gw_sockaddr_parse(GW_STR("127.0.0.1"), port, &address), GW_OK);
  int fd = gw_socket_bind(&address, false, &err);
  CHECK(fd >= 0);
  server->port = gw_socket_port(fd);
  CHECK_INT(gw_listener_open(loop, fd, raw_on_accepted, server, &server->listener), GW_OK);
}

uint32_t raw_open_conns(const raw_server *server) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < server->count; i++)
    count += server->conns[i].tcp != NULL;
  return count;
}

void raw_close(raw_server *server) {
  gw_listener_close(server->listener);
  server->listener = NULL;
  for (uint32_t i = 0; i < server->count; i++)
    raw_drop(&server->conns[i]);
  PUMP(server->loop, raw_open_conns(server) == 0);
}

void raw_say(raw_conn *conn, const char *text) {
  gw_str part = gw_str_of(text);
  gw_tcp_write(conn->tcp, &part, 1);
}

void raw_forget(raw_conn *conn) {
  conn->in_n = conn->total = 0;
  conn->in[0] = '\0';
}

bool raw_has(const raw_conn *conn, const char *end) {
  return gw_str_ends((gw_str){ conn->in, conn->in_n }, gw_str_of(end));
}

void raw_drop(raw_conn *conn) {
  if (conn->tcp != NULL) gw_tcp_close(conn->tcp);
}

raw_conn *raw_asked(raw_server *server) {
  for (uint32_t i = 0; i < server->count; i++) {
    raw_conn *conn = &server->conns[i];
    if (conn->tcp != NULL && raw_has(conn, "\r\n\r\n")) return conn;
  }
  return NULL;
}

/* ---- the upstream ---- */

void hbench_init(hbench *b, size_t servers) {
  memset(b, 0, sizeof *b);
  b->loop = gw_loop_new();
  b->server_count = servers;
  for (size_t i = 0; i < servers; i++) {
    raw_open(&b->servers[i], b->loop, 0);
    b->endpoints[i] = (gw_endpoint_config){ .scheme = GW_SCHEME_HTTP,
                                            .host = GW_STR("127.0.0.1"),
                                            .port = b->servers[i].port,
                                            .authority = GW_STR("u") };
  }
  b->config = (gw_upstream_config){ .name = GW_STR("u"),
                                    .endpoints = b->endpoints,
                                    .endpoint_count = (uint32_t)servers,
                                    .connections_max = 8,
                                    .idle_timeout_ms = 60000,
                                    .connect_timeout_ms = 500,
                                    .resolve_every_ms = 30000,
                                    .backoff_initial_ms = 40,
                                    .backoff_max_ms = 100,
                                    .backoff_factor = 1.6,
                                    .waiting_max = 4,
                                    .waiting_time_ms = 5000,
                                    .in_flight_max = 1000 };
}

static void hbench_on_closed(void *user) {
  ((hbench *)user)->closed = true;
}

void hbench_begin(hbench *b) {
  b->upstream = gw_http_upstream_open(b->loop, &b->config, &b->metrics, hbench_on_closed, b);
  CHECK(b->upstream != NULL);
}

void hbench_open(hbench *b) {
  hbench_begin(b);
  for (size_t i = 0; i < b->server_count; i++)
    PUMP(b->loop, b->servers[i].listener == NULL || b->servers[i].count > 0);
  PUMP(b->loop, gw_counter_get(&b->metrics.usable) == b->server_count ||
                    gw_counter_get(&b->metrics.connect_failures_total) > 0);
}

void hbench_done(hbench *b) {
  CHECK_INT(gw_counter_get(&b->metrics.in_flight), 0);
  CHECK_INT(gw_counter_get(&b->metrics.waiting), 0);
  gw_http_upstream_close(b->upstream);
  CHECK(!b->closed); /* in a later iteration */
  PUMP(b->loop, b->closed);
  CHECK_INT(gw_counter_get(&b->metrics.connections), 0);
  CHECK_INT(gw_counter_get(&b->metrics.usable), 0);
  for (size_t i = 0; i < b->server_count; i++) {
    if (b->servers[i].listener != NULL) raw_close(&b->servers[i]);
  }
  gw_loop_free(b->loop);
}

/* ---- calls ---- */

void hcall_take(hcall *h) {
  gw_str piece;
  while (!h->takes_nothing && gw_http_call_next(&h->call, &piece) == GW_OK) {
    CHECK(piece.n > 0);
    size_t room = sizeof h->body - 1 - gw_size_min(h->body_n, sizeof h->body - 1);
    memcpy(h->body + sizeof h->body - 1 - room, piece.p, gw_size_min(piece.n, room));
    h->body_n += piece.n;
  }
  if (gw_http_call_is_done(&h->call)) h->done_count++;
}

static void hcall_on_tick(gw_http_call *call) {
  hcall *h = GW_CONTAINER_OF(call, hcall, call);
  CHECK_INT(h->done_count, 0); /* nothing comes behind the end */
  h->ticks++;
  hcall_take(h);
}

hcall *hcall_start(hbench *b, const gw_http_request *request, const char *piece, bool end) {
  hcall *h = calloc(1, sizeof *h);
  gw_arena_init(&h->arena, NULL, GW_MIB(2));
  h->call.tick = hcall_on_tick;
  h->call.arena = &h->arena;
  char *copy = strdup(piece); /* the piece is only borrowed for the call */
  gw_http_call_start(&h->call, b->loop, b->upstream, request, gw_str_of(copy), end);
  explicit_bzero(copy, strlen(copy));
  free(copy);
  CHECK_INT(h->ticks, 0);
  return h;
}

hcall *hcall_get(hbench *b) {
  gw_http_request request = { .head = GW_STR(GET_HEAD), .is_idempotent = true };
  return hcall_start(b, &request, "", true);
}

hcall *hcall_post(hbench *b) {
  gw_http_request request = { .head = GW_STR(POST_HEAD) };
  return hcall_start(b, &request, "hello", true);
}

void hcall_free(hcall *h) {
  gw_http_call_cancel(&h->call);
  gw_arena_done(&h->arena);
  free(h);
}

void hcall_check(hbench *b, hcall *h, gw_code code, int status, const char *body) {
  PUMP(b->loop, h->done_count == 1);
  if (h->call.result.code != code) {
    print_error("%s: " GW_STR_FMT "\n", gw_code_name(h->call.result.code),
                GW_STR_ARG(h->call.result.message));
  }
  CHECK_INT(h->call.result.code, code);
  if (status != 0) CHECK_INT(gw_http_call_head(&h->call)->status, status);
  CHECK_STR(gw_str_of(h->body), body);
  hcall_free(h);
}
