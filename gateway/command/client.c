#include "command/client.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "admin/token.h"
#include "command/command.h"
#include "control/values.h"
#include "upstream/http_call.h"

typedef struct client {
  gw_loop *loop;
  gw_upstream_config config;
  gw_upstream_metrics metrics;
  gw_http_upstream *upstream;
  gw_http_call call;
  gw_timer timer;
  gw_arena arena;
  gw_buf *out;
  int status;
  bool is_over;
  gw_code code;
  gw_err *err;
} client;

static void client_on_closed(void *user) {
  gw_loop_stop(((client *)user)->loop);
}

/* The first end counts. */
static void client_end(client *c, gw_code code, gw_str why) {
  if (c->is_over) return;
  c->is_over = true;
  c->code = code == GW_OK ? GW_OK : gw_err_set(c->err, code, GW_STR_FMT, GW_STR_ARG(why));
  gw_timer_cancel(c->loop, &c->timer);
  gw_http_call_cancel(&c->call);
  gw_http_upstream_close(c->upstream);
}

static void client_on_tick(gw_http_call *call) {
  client *c = GW_CONTAINER_OF(call, client, call);
  gw_str piece;
  if (c->is_over) return;
  if (gw_http_call_head(call) != NULL) c->status = gw_http_call_head(call)->status;
  while (gw_http_call_next(call, &piece) == GW_OK) {
    gw_code code = gw_buf_append(c->out, piece);
    if (code == GW_OK) continue;
    client_end(c, code, GW_STR("the answer is too large"));
    return;
  }
  if (!gw_http_call_is_done(call)) return;
  bool is_absent = call->result.code == GW_UNAVAILABLE && call->attempts == 0;
  client_end(c, call->result.code,
             is_absent ? GW_STR("nobody can be reached there") : call->result.message);
}

static void client_on_timer(gw_timer *timer) {
  client_end(GW_CONTAINER_OF(timer, client, timer), GW_DEADLINE, GW_STR("no answer in 10 s"));
}

static gw_str client_head(client *c, const gw_client_request *request) {
  const gw_endpoint_config *endpoint = &c->config.endpoints[0];
  bool has_token = request->token.n > 0;
  char length[96] = "";
  if (request->body.n > 0)
    snprintf(length, sizeof length, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
             request->body.n);
  return gw_arena_printf(
      &c->arena, "%s " GW_STR_FMT " HTTP/1.1\r\nHost: " GW_STR_FMT "\r\n%s%s" GW_STR_FMT "%s\r\n",
      request->method, GW_STR_ARG(request->path), GW_STR_ARG(endpoint->authority), length,
      has_token ? "Authorization: Bearer " : "", GW_STR_ARG(request->token),
      has_token ? "\r\n" : "");
}

static gw_code client_address(client *c, const char *address, gw_endpoint_config *endpoint) {
  gw_str url = gw_arena_printf(&c->arena, "http://%s", address);
  if (url.p == NULL) return GW_NOMEM;
  return gw_value_endpoint_parse(url, &c->arena, endpoint, c->err);
}

static gw_code client_open(client *c, const gw_endpoint_config *endpoint) {
  c->config = (gw_upstream_config){ .name = GW_STR("admin"),
                                    .endpoints = endpoint,
                                    .endpoint_count = 1,
                                    .connections = 1,
                                    .connections_max = 1,
                                    .idle_timeout_ms = 1000,
                                    .connect_timeout_ms = GW_CLIENT_TIMEOUT_MS / 2,
                                    .resolve_every_ms = 60000,
                                    .backoff_initial_ms = 60000,
                                    .backoff_max_ms = 60000,
                                    .backoff_factor = 1,
                                    .waiting_max = 1,
                                    .waiting_time_ms = GW_CLIENT_TIMEOUT_MS,
                                    .in_flight_max = 1,
                                    .message_bytes_max = GW_CLIENT_ANSWER_MAX };
  c->loop = gw_loop_new();
  if (c->loop == NULL) return GW_NOMEM;
  c->upstream = gw_http_upstream_open(c->loop, &c->config, &c->metrics, client_on_closed, c);
  return c->upstream != NULL ? GW_OK : GW_NOMEM;
}

static void client_send(client *c, const gw_client_request *request) {
  gw_http_request call = { .head = client_head(c, request),
                           .is_idempotent = strcmp(request->method, "GET") == 0 };
  c->call.tick = client_on_tick;
  c->call.arena = &c->arena;
  c->timer.fired = client_on_timer;
  if (call.head.p != NULL &&
      gw_timer_set(c->loop, &c->timer, gw_loop_now_ms(c->loop) + GW_CLIENT_TIMEOUT_MS))
    gw_http_call_start(&c->call, c->loop, c->upstream, &call, request->body, true);
  else
    client_end(c, GW_NOMEM, GW_STR("no memory"));
  gw_loop_run(c->loop);
}

gw_code gw_client_ask(const gw_client_request *request, int *status, gw_buf *out, gw_err *err) {
  gw_endpoint_config endpoint;
  client *c = calloc(1, sizeof *c);
  if (c == NULL) return gw_err_set(err, GW_NOMEM, "no memory");
  c->out = out;
  c->err = err;
  gw_arena_init(&c->arena, NULL, GW_MIB(1));
  gw_code code = client_address(c, request->address, &endpoint);
  if (code == GW_OK) code = client_open(c, &endpoint);
  if (code == GW_OK) {
    client_send(c, request);
    code = c->code;
    *status = c->status;
  }
  if (c->loop != NULL) gw_loop_free(c->loop);
  gw_arena_done(&c->arena);
  free(c);
  return code == GW_OK ? GW_OK : gw_err_set(err, code, "%s", gw_code_name(code));
}

gw_code gw_client_token(const char *path, char *text, gw_str *out, gw_err *err) {
  gw_token token = { .n = 0 };
  const char *variable = getenv("SLUICE_ADMIN_TOKEN");
  *out = GW_STR("");
  if (path != NULL) {
    gw_code code = gw_token_read(path, &token, err);
    if (code != GW_OK) return code;
    memcpy(text, token.bytes, token.n);
    *out = (gw_str){ text, token.n };
    gw_token_wipe(&token);
    return GW_OK;
  }
  if (variable == NULL || variable[0] == '\0') return GW_OK;
  gw_str given = gw_str_of(variable);
  for (size_t i = 0; i < given.n; i++) {
    if (given.p[i] <= ' ' || given.p[i] > '~')
      return gw_err_set(err, GW_BAD_VALUE, "SLUICE_ADMIN_TOKEN is no token");
  }
  if (given.n > GW_CLIENT_TOKEN_MAX)
    return gw_err_set(err, GW_BAD_VALUE, "SLUICE_ADMIN_TOKEN is too long");
  memcpy(text, given.p, given.n);
  *out = (gw_str){ text, given.n };
  return GW_OK;
}

/* {"error":"..."} or a line of text: what the gateway has against it. */
static void client_show_refusal(const char *what, int status, gw_str body) {
  json_t *root = json_loadb(body.n > 0 ? body.p : "", body.n, 0, NULL);
  const char *error = json_string_value(json_object_get(root, "error"));
  gw_str line = error != NULL ? gw_str_of(error) : gw_str_cut(&body, '\n');
  fprintf(stderr, "sluice: %s: %d: " GW_STR_FMT "\n", what, status,
          GW_STR_ARG(gw_str_first(line, gw_size_min(line.n, 300))));
  json_decref(root);
}

int gw_client_run(const gw_client_request *request, const char *what, gw_buf *out) {
  gw_err err;
  int status = 0;
  gw_err_init(&err);
  gw_code code = gw_client_ask(request, &status, out, &err);
  if (code != GW_OK) {
    fprintf(stderr, "sluice: %s: %s\n", request->address, err.text);
    return GW_EXIT_FINDING;
  }
  if (status == 200) return GW_EXIT_OK;
  client_show_refusal(what, status, gw_buf_str(out));
  return GW_EXIT_FINDING;
}
