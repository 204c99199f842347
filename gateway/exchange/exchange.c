#include "exchange/exchange.h"

#include <stdlib.h>

#include "exchange/access_log.h"
#include "exchange/compress.h"
#include "exchange/deadline.h"
#include "exchange/fallback.h"
#include "exchange/forward.h"
#include "exchange/media.h"
#include "exchange/metadata.h"
#include "exchange/reply.h"
#include "exchange/request_stream.h"
#include "exchange/shadow.h"
#include "exchange/side.h"
#include "exchange/trace.h"
#include "route/bind.h"
#include "route/method.h"
#include "route/uri.h"

#define EXCHANGES_KEPT_MAX   256u        /* free ones, for each worker */
#define EXCHANGE_ARENA_BASE  GW_KIB(256) /* besides what messages need: head, metadata */
#define EXCHANGE_PIECE_BYTES GW_KIB(16)  /* messages of a stream gathered into one write */

/* ---- life ---- */

static gw_exchange *exchange_new(gw_lease *lease, const gw_client_ops *ops, void *client) {
  gw_engine *engine = lease->engine;
  gw_exchange *exchange = engine->free_exchanges;
  if (exchange != NULL) {
    engine->free_exchanges = exchange->next_free;
    engine->free_count--;
  } else if ((exchange = malloc(sizeof *exchange)) == NULL) {
    return NULL;
  }
  memset(exchange, 0, offsetof(gw_exchange, binds));
  gw_err_init(&exchange->err);
  exchange->engine = engine;
  exchange->lease = gw_lease_ref(lease);
  exchange->side = GW_SIDE_GRPC;
  exchange->client_ops = ops;
  exchange->client = client;
  exchange->compat = &exchange->lease->snapshot->compat;
  const gw_limits *limits = &exchange->lease->snapshot->limits;
  gw_arena_init(&exchange->arena, gw_loop_arena_pool(engine->loop),
                EXCHANGE_ARENA_BASE + GW_ARENA_RATIO * gw_size_max(limits->body, limits->message));
  exchange->begin_us = gw_loop_woke_us(engine->loop);
  return exchange;
}

gw_exchange *gw_exchange_new(gw_engine *engine, const gw_client_ops *ops, void *client) {
  gw_exchange *exchange = exchange_new(engine->lease, ops, client);
  if (exchange == NULL) return NULL;
  engine->in_flight++;
  gw_counter_set(&engine->metrics->in_flight, engine->in_flight);
  return exchange;
}

gw_exchange *gw_exchange_new_shadow(gw_lease *lease, gw_side side, const gw_client_ops *ops,
                                    void *client) {
  gw_exchange *exchange = exchange_new(lease, ops, client);
  if (exchange == NULL) return NULL;
  exchange->is_shadow = true;
  exchange->side = side;
  return exchange;
}

/* By the side that answered: after a fallback legacy's. */
static gw_route_metrics *exchange_metrics(const gw_exchange *exchange) {
  gw_worker_metrics *metrics = exchange->engine->metrics;
  gw_side side = exchange->forward != NULL ? GW_SIDE_LEGACY : GW_SIDE_GRPC;
  if (exchange->rule != NULL) {
    return exchange->lease->route_metrics[side][exchange->rule->route->index];
  }
  return side == GW_SIDE_LEGACY ? &metrics->forwarded : &metrics->unrouted;
}

static void exchange_account(gw_exchange *exchange) {
  gw_engine *engine = exchange->engine;
  const gw_snapshot *snapshot = exchange->lease->snapshot;
  uint64_t duration_us = gw_clock_us() - exchange->begin_us;
  if (exchange->state != GW_EX_DONE && exchange->method.n == 0) {
    gw_count(&engine->metrics->client_gone_total, 1); /* before it asked for anything */
    return;
  }
  if (exchange->state != GW_EX_DONE) {
    /* The client left; a stream's own status was already sent. */
    exchange->status = gw_code_http(GW_CANCELLED);
    exchange->grpc_code = gw_code_grpc(GW_CANCELLED);
    exchange->reason = GW_STR("client left");
    gw_count(&engine->metrics->client_gone_total, 1);
  }
  gw_route_metrics_add(exchange_metrics(exchange), exchange->status, duration_us);
  gw_side_account(exchange, exchange->status >= 500, duration_us);
  if (snapshot->log_access) gw_access_log_add(exchange, duration_us);
}

void gw_exchange_free(gw_exchange *exchange) {
  gw_engine *engine = exchange->engine;
  gw_lease *lease = exchange->lease;
  if (exchange->shadow != NULL) gw_shadow_leave(exchange, GW_PARITY_DROPPED);
  if (!exchange->is_shadow) {
    exchange_account(exchange);
    engine->in_flight--;
    gw_counter_set(&engine->metrics->in_flight, engine->in_flight);
  }
  gw_fallback_done(exchange);
  gw_timer_cancel(engine->loop, &exchange->timer);
  gw_call_cancel(&exchange->call);
  if (exchange->forward != NULL) gw_http_call_cancel(&exchange->forward->call);
  gw_arena_done(&exchange->arena);
  gw_buf_trim(&engine->scratch, GW_ENGINE_SCRATCH_KEPT);
  if (engine->free_count < EXCHANGES_KEPT_MAX) {
    exchange->next_free = engine->free_exchanges;
    engine->free_exchanges = exchange;
    engine->free_count++;
  } else {
    free(exchange);
  }
  gw_lease_unref(lease);
}

void gw_exchange_free_all(gw_engine *engine) {
  while (engine->free_exchanges != NULL) {
    gw_exchange *exchange = engine->free_exchanges;
    engine->free_exchanges = exchange->next_free;
    free(exchange);
  }
  engine->free_count = 0;
}

/* ---- time ---- */

static uint64_t exchange_wake_at(const gw_exchange *exchange) {
  uint64_t a = exchange->deadline_ms, b = exchange->idle_at_ms;
  if (a == 0 || b == 0) return a + b;
  return a < b ? a : b;
}

static void exchange_timer_set(gw_exchange *exchange) {
  uint64_t at_ms = exchange_wake_at(exchange);
  if (at_ms != 0) gw_timer_set(exchange->engine->loop, &exchange->timer, at_ms);
}

static void exchange_on_timer(gw_timer *timer) {
  gw_exchange *exchange = GW_CONTAINER_OF(timer, gw_exchange, timer);
  uint64_t now = gw_loop_now_ms(exchange->engine->loop);
  bool is_late = exchange->deadline_ms != 0 && exchange->deadline_ms <= now;
  bool is_idle = exchange->idle_at_ms != 0 && exchange->idle_at_ms <= now;
  if (!is_late && is_idle && !exchange->client_ops->is_writable(exchange->client)) {
    /* It is the client that does not take more; the front watches that. */
    exchange->idle_at_ms = now + exchange->rule->route->idle_timeout_ms;
    is_idle = false;
  }
  if (!is_late && !is_idle) {
    exchange_timer_set(exchange);
    return;
  }
  exchange->engine->scratch.n = 0;
  gw_call_expire(&exchange->call);
  if (!is_late && exchange->requests != NULL && gw_request_stream_awaits_client(exchange)) {
    gw_reply_error(exchange, GW_REQUEST_TIMEOUT, "the client sent no message for too long");
    return;
  }
  gw_reply_error(exchange, GW_DEADLINE,
                 is_late ? "the deadline passed" : "the stream was idle for too long");
}

void gw_exchange_touch(gw_exchange *exchange) {
  uint64_t idle_ms = exchange->rule->route->idle_timeout_ms;
  if (idle_ms > 0) exchange->idle_at_ms = gw_loop_now_ms(exchange->engine->loop) + idle_ms;
}

/* ---- the call's answers ---- */

static void exchange_unary_step(gw_exchange *exchange) {
  gw_str message = { NULL, 0 }, next;
  bool has_message = false;
  while (gw_call_next(&exchange->call, &next) == GW_OK) {
    message = next;
    has_message = true;
  }
  if (!gw_call_is_done(&exchange->call)) return;
  const gw_call_result *result = &exchange->call.result;
  if (GW_UNLIKELY(exchange->fallback != NULL) && gw_fallback_take(exchange, result)) return;
  if (result->code == GW_OK && result->grpc_code == GW_GRPC_OK) {
    gw_reply_message(exchange, message);
  } else if (has_message && exchange->compat->message_kept) {
    gw_reply_kept_message(exchange, message, result);
  } else {
    gw_reply_result(exchange, result);
  }
}

static void exchange_stream_step(gw_exchange *exchange) {
  gw_buf *out = &exchange->engine->scratch;
  gw_str message;
  out->n = 0;
  while (!exchange->has_begun || exchange->client_ops->is_writable(exchange->client)) {
    if (gw_call_next(&exchange->call, &message) != GW_OK) break;
    gw_exchange_touch(exchange);
    if (!gw_reply_stream_message(exchange, message)) return;
    if (out->n >= EXCHANGE_PIECE_BYTES) gw_reply_stream_flush(exchange);
  }
  if (!gw_call_is_done(&exchange->call)) {
    gw_reply_stream_flush(exchange);
    return;
  }
  const gw_call_result *result = &exchange->call.result;
  if (GW_UNLIKELY(exchange->fallback != NULL) && gw_fallback_take(exchange, result)) return;
  if (result->code == GW_OK && result->grpc_code == GW_GRPC_OK) {
    gw_reply_stream_end(exchange);
  } else {
    gw_reply_stream_flush(exchange);
    gw_reply_result(exchange, result);
  }
}

static void exchange_on_call(gw_call *call) {
  gw_exchange *exchange = GW_CONTAINER_OF(call, gw_exchange, call);
  if (exchange->requests != NULL && exchange->state != GW_EX_DONE) {
    gw_request_stream_resume(exchange);
  }
  if (exchange->state != GW_EX_CALLING && exchange->state != GW_EX_REPLYING) return;
  if (exchange->rule->route->rpc->server_streaming) {
    exchange_stream_step(exchange);
  } else {
    exchange_unary_step(exchange);
  }
}

void gw_exchange_writable(gw_exchange *exchange) {
  if (exchange->state != GW_EX_REPLYING) return;
  if (exchange->forward != NULL) {
    gw_forward_writable(exchange);
  } else {
    exchange_stream_step(exchange);
  }
}

/* ---- the request ---- */

/* The form's fields, and behind them the query's. */
static GW_COLD gw_code exchange_join_query(gw_exchange *exchange, gw_bind_input *input) {
  gw_str form = input->body, query = input->query;
  input->body = (gw_str){ "", 0 };
  input->query = form;
  if (query.n == 0) return GW_OK;
  input->query = gw_arena_printf(&exchange->arena, GW_STR_FMT "&" GW_STR_FMT, GW_STR_ARG(form),
                                 GW_STR_ARG(query));
  return input->query.p != NULL ? GW_OK : GW_NOMEM;
}

gw_code gw_exchange_bind(gw_exchange *exchange, gw_str body, bool is_first, gw_arena *arena,
                         gw_buf *out) {
  const gw_route *route = exchange->rule->route;
  gw_codec codec = { .pool = exchange->lease->snapshot->pool,
                     .memo = exchange->lease->memo,
                     .arena = arena,
                     .style = route->json };
  gw_bind_input input = { .rule = exchange->rule, .body = body };
  if (is_first) {
    input.binds = &exchange->binds;
    input.query = exchange->query;
    input.form = exchange->body_is_form;
    input.content_type = exchange->content_type;
    input.headers = exchange->bind_headers;
    input.header_count = exchange->bind_header_count;
  }
  gw_bind_counts counts = { 0 };
  size_t start = out->n;
  gw_code code = exchange->body_is_query ? exchange_join_query(exchange, &input) : GW_OK;
  if (code == GW_OK) code = gw_buf_append(out, GW_STR("\0\0\0\0\0"));
  if (code == GW_OK) code = gw_bind_request(&input, &codec, out, &counts, &exchange->err);
  if (code == GW_TOO_LARGE) {
    gw_err_init(&exchange->err); /* its figure counts the prefix too */
    gw_err_set(&exchange->err, GW_TOO_LARGE, "the message is over the limit of %zu bytes (message)",
               route->message_bytes_max);
  }
  if (code != GW_OK) return code;
  gw_grpc_prefix_write((uint8_t *)out->p + start,
                       (uint32_t)(out->n - start - GW_GRPC_PREFIX_BYTES));
  gw_count(&exchange->lease->route_metrics[GW_SIDE_GRPC][route->index]->ignored_fields,
           codec.unknown_count + counts.unknown_query + counts.unused_query);
  return GW_UNLIKELY(route->compresses) ? gw_compress_message(exchange, arena, out, start) : GW_OK;
}

/* By its method, or by what the .proto says. */
static bool exchange_is_idempotent(const gw_exchange *exchange) {
  return gw_method_is_idempotent(exchange->method) ||
         exchange->rule->route->rpc->idempotency != GW_IDEMPOTENCY_UNKNOWN;
}

/* Starts the call: with one message (`frames`), or with those that follow (`queue`). */
static void exchange_start(gw_exchange *exchange, gw_str frames, gw_send_queue *queue) {
  const gw_route *route = exchange->rule->route;
  gw_call_request request = { .path = route->rpc->path,
                              .metadata = exchange->metadata,
                              .metadata_count = exchange->metadata_count,
                              .frames = frames,
                              .queue = queue,
                              .deadline_ms = exchange->deadline_ms,
                              .message_bytes_max = route->answer_bytes_max,
                              .keeps_foreign = exchange->compat->foreign_passed,
                              .streaming = route->rpc->server_streaming,
                              .idempotent = exchange_is_idempotent(exchange),
                              .waits_ready = route->waits_ready,
                              .compressed = route->compresses,
                              .retry = route->retry,
                              .metrics = exchange->lease->rpc_metrics[route->index] };
  exchange->state = GW_EX_CALLING;
  if (queue != NULL || route->rpc->server_streaming) {
    gw_exchange_touch(exchange);
    exchange_timer_set(exchange);
  }
  exchange->call.tick = exchange_on_call;
  exchange->call.arena = &exchange->arena;
  gw_call_start(&exchange->call, exchange->engine->loop,
                exchange->lease->upstreams[route->upstream], &request);
}

/* The request is whole: one message out. */
static void exchange_call(gw_exchange *exchange, gw_str body) {
  gw_buf *out = &exchange->frames;
  gw_buf_init(out, &exchange->arena,
              exchange->rule->route->message_bytes_max + GW_GRPC_PREFIX_BYTES);
  gw_code code = gw_exchange_bind(exchange, body, true, &exchange->arena, out);
  if (code == GW_OK) {
    exchange_start(exchange, gw_buf_str(out), NULL);
  } else {
    gw_reply_error(exchange, code, "the request cannot be read");
  }
}

void gw_exchange_body(gw_exchange *exchange, gw_str piece, bool end) {
  exchange->bytes_in += piece.n;
  if (GW_UNLIKELY(exchange->shadow != NULL)) gw_shadow_body(exchange, piece, end);
  if (exchange->requests != NULL) {
    gw_request_stream_take(exchange, piece, end);
    return;
  }
  if (exchange->forward != NULL) {
    gw_forward_body(exchange, piece, end);
    return;
  }
  assert(exchange->state == GW_EX_RECEIVING);
  bool is_used = exchange->rule->body_use != GW_BODY_NONE || exchange->body_is_query;
  /* A body that came in one piece is read where it lies. */
  if (end && exchange->body.n == 0) {
    exchange_call(exchange, is_used ? piece : (gw_str){ "", 0 });
    return;
  }
  if (is_used) {
    gw_code code = gw_buf_append(&exchange->body, piece);
    if (code != GW_OK) {
      gw_reply_error(exchange, code, "the body is over its limit");
      return;
    }
  }
  if (end) exchange_call(exchange, gw_buf_str(&exchange->body));
}

static bool exchange_binds_header(const gw_route *route, gw_str name) {
  for (uint32_t i = 0; i < route->header_bind_count; i++) {
    const gw_header_bind *bind = &route->header_binds[i];
    if (!bind->response && gw_str_eq(bind->header, name)) return true;
  }
  return false;
}

/* Header values that the route binds to fields; copied, since the body may take its time.  A header
 * that comes twice is handed on twice, for binding to refuse: which one counts is not ours to say.
 */
static gw_code exchange_take_bound_headers(gw_exchange *exchange, const gw_h1_request *request) {
  const gw_route *route = exchange->rule->route;
  uint32_t count = 0;
  if (route->header_bind_count == 0) return GW_OK;
  gw_header *headers =
      gw_arena_alloc(&exchange->arena, (request->field_count + 1) * sizeof headers[0]);
  if (headers == NULL) return GW_NOMEM;
  for (uint32_t i = 0; i < request->field_count; i++) {
    const gw_header *field = &request->fields[i];
    if (!exchange_binds_header(route, field->name)) continue;
    if (gw_h1_connection_names(request, field->name)) continue;
    headers[count].name = gw_arena_copy(&exchange->arena, field->name);
    headers[count].value = gw_arena_copy(&exchange->arena, field->value);
    if (headers[count].name.p == NULL || headers[count].value.p == NULL) return GW_NOMEM;
    count++;
  }
  exchange->bind_headers = headers;
  exchange->bind_header_count = count;
  return GW_OK;
}

/* A trace is begun only where the access line records it: an id that stands nowhere helps nobody,
 * and its 55 bytes are a tenth of what a call costs in user space. */
static gw_code exchange_take_trace(gw_exchange *exchange, const gw_h1_request *request) {
  if (!gw_trace_take(request, &exchange->arena, &exchange->trace)) return GW_NOMEM;
  if (exchange->trace.n == 0) {
    if (!exchange->lease->snapshot->log_access) return GW_OK;
    if (!gw_trace_begin(exchange->engine, &exchange->arena, &exchange->trace)) return GW_NOMEM;
  }
  exchange->metadata[exchange->metadata_count++] =
      (gw_header){ GW_STR("traceparent"), exchange->trace };
  return GW_OK;
}

/* The route is known: what of the head matters later. */
static gw_code exchange_take_head(gw_exchange *exchange, const gw_h1_request *request) {
  const gw_route *route = exchange->rule->route;
  uint64_t timeout_ms;
  uint32_t dropped = 0;
  /* A stream is bounded by its messages and by time. */
  exchange->body_bytes_max = exchange->rule->reads_stream ? SIZE_MAX : route->body_bytes_max;
  exchange->arena.max =
      EXCHANGE_ARENA_BASE +
      GW_ARENA_RATIO * gw_size_max(route->body_bytes_max,
                                   gw_size_max(route->message_bytes_max, route->answer_bytes_max));
  gw_buf_init(&exchange->body, &exchange->arena, route->body_bytes_max);
  gw_code code = gw_deadline_of(request, route->timeout_ms, &timeout_ms, &exchange->err);
  if (code != GW_OK) return code;
  if (timeout_ms > 0) {
    exchange->deadline_ms = gw_loop_now_ms(exchange->engine->loop) + timeout_ms;
    exchange_timer_set(exchange);
  }
  if (request->body_kind == GW_H1_BODY_LENGTH &&
      request->content_length > exchange->body_bytes_max) {
    return gw_err_set(&exchange->err, GW_TOO_LARGE,
                      "content-length %llu is over the limit of %zu bytes (body)",
                      (unsigned long long)request->content_length, route->body_bytes_max);
  }
  bool has_body = request->body_kind != GW_H1_BODY_NONE && !exchange->body_is_query;
  if (route->compat.header_names == GW_NAMES_PREFIXED)
    exchange->wants_trailers = gw_metadata_wants_trailers(request);
  if ((has_body && exchange->rule->body_use != GW_BODY_NONE) || exchange->rule->reads_raw) {
    code = gw_media_check(request, exchange->rule, &exchange->body_is_form, &exchange->err);
    if (code != GW_OK) return code;
    gw_str type = gw_h1_field_get(request, GW_STR("content-type"));
    exchange->content_type = gw_arena_copy(&exchange->arena, type);
    if (exchange->content_type.p == NULL) return GW_NOMEM;
  }
  exchange->accepts_gzip = exchange->lease->snapshot->gzip && gw_media_accepts_gzip(request);
  if (route->rpc->server_streaming) exchange->stream_form = gw_media_stream_form(request, route);
  code = gw_metadata_of_request(request, route, exchange->peer, &exchange->arena,
                                &exchange->metadata, &exchange->metadata_count, &dropped);
  gw_count(&exchange->engine->metrics->dropped_headers_total, dropped);
  if (code == GW_OK) code = exchange_take_trace(exchange, request);
  return code == GW_OK ? exchange_take_bound_headers(exchange, request) : code;
}

/* D-11: the first rule that has the path under another method says how to refuse this one. */
static void exchange_on_other_rule(void *context, const gw_rule *rule) {
  const gw_compat **compat = context;
  if (*compat == NULL) *compat = &rule->route->compat;
}

static void exchange_no_rule(gw_exchange *exchange, gw_router_path path, bool is_options) {
  const gw_router *router = exchange->lease->snapshot->router;
  const gw_compat *compat = NULL;
  gw_buf allow;
  gw_buf_init(&allow, &exchange->arena, GW_KIB(4));
  gw_code code = gw_router_allow_as(router, path, &allow);
  gw_router_each(router, path, exchange_on_other_rule, &compat);
  if (compat != NULL) exchange->compat = compat;
  if (code != GW_OK) {
    gw_reply_error(exchange, code, "no memory");
  } else if (allow.n > 0 && is_options) {
    gw_reply_options(exchange, gw_buf_str(&allow));
  } else if (allow.n == 0 || exchange->compat->wrong_method == GW_WRONG_METHOD_404) {
    gw_reply_error(exchange, GW_NO_ROUTE, "no route has this path");
  } else {
    gw_reply_bad_method(exchange, gw_buf_str(&allow));
  }
}

/* D-56: a form sent by POST may say that it stands for another method, and where no rule takes POST
 * it is a GET whose query it holds. */
static GW_COLD const gw_rule *exchange_find_override(gw_exchange *exchange,
                                                     const gw_h1_request *request,
                                                     gw_router_path path, const gw_rule *rule) {
  static const gw_str form = GW_STR_INIT("application/x-www-form-urlencoded");
  gw_str name = gw_h1_field_get(request, GW_STR("x-http-method-override"));
  gw_binds binds;
  char method[32];
  bool is_form = gw_str_eq(exchange->method, GW_STR("POST")) &&
                 gw_str_eq_nocase(gw_h1_field_get(request, GW_STR("content-type")), form);
  if (!is_form || name.n > sizeof method || (name.n == 0 && rule != NULL)) return rule;
  if (name.n == 0) name = GW_STR("GET");
  for (size_t i = 0; i < name.n; i++) {
    bool lower = name.p[i] >= 'a' && name.p[i] <= 'z';
    method[i] = lower ? (char)(name.p[i] - 0x20) : name.p[i];
  }
  const gw_rule *found = gw_router_match_as(exchange->lease->snapshot->router,
                                            (gw_str){ method, name.n }, path, &binds);
  if (found == NULL || !found->route->compat.method_override || found->reads_stream) return rule;
  exchange->binds = binds;
  exchange->body_is_query = true;
  return found;
}

static gw_code exchange_find_rule(gw_exchange *exchange, const gw_h1_request *request,
                                  gw_router_path *path) {
  const gw_snapshot *snapshot = exchange->lease->snapshot;
  if (GW_UNLIKELY(gw_router_splits(snapshot->router))) {
    gw_code code = gw_uri_decode(path->raw, GW_DECODE_SPLIT, &exchange->arena, &path->split, NULL);
    if (code != GW_OK) return code;
  }
  const gw_rule *rule =
      gw_router_match_as(snapshot->router, exchange->method, *path, &exchange->binds);
  if (GW_UNLIKELY(snapshot->has_overrides))
    rule = exchange_find_override(exchange, request, *path, rule);
  exchange->rule = rule;
  if (rule != NULL) exchange->compat = &rule->route->compat;
  return GW_OK;
}

void gw_exchange_head(gw_exchange *exchange, const gw_h1_request *request, gw_str peer) {
  gw_arena *arena = &exchange->arena;
  const gw_snapshot *snapshot = exchange->lease->snapshot;
  gw_uri uri;
  exchange->timer.fired = exchange_on_timer;
  exchange->method = gw_arena_copy(arena, request->method);
  exchange->peer = gw_arena_copy(arena, peer);
  exchange->path = gw_arena_copy(arena, request->target); /* whole, until it is parsed */
  if (exchange->method.p == NULL || exchange->peer.p == NULL || exchange->path.p == NULL) {
    gw_reply_error(exchange, GW_NOMEM, "no memory");
    return;
  }
  bool is_options = gw_str_eq(request->method, GW_STR("OPTIONS"));
  exchange->is_head = gw_str_eq(request->method, GW_STR("HEAD"));
  if (is_options && gw_str_eq(request->target, GW_STR("*"))) {
    gw_reply_options(exchange, GW_STR("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"));
    return;
  }
  gw_code code = gw_uri_parse(exchange->path, &uri, &exchange->err);
  if (code != GW_OK) {
    gw_reply_error(exchange, code, "the request's target is malformed");
    return;
  }
  exchange->path = uri.path;
  exchange->query = uri.query;
  /* This one counts too. */
  if (exchange->engine->in_flight >
      gw_size_max(snapshot->limits.in_flight / snapshot->workers, 1)) {
    gw_reply_error(exchange, GW_OVERLOADED, "too many requests are in flight");
    return;
  }
  gw_router_path path = { exchange->path, exchange->path };
  code = exchange_find_rule(exchange, request, &path);
  if (code == GW_OK && exchange->rule == NULL && snapshot->legacy != UINT32_MAX) {
    code = gw_forward_begin(exchange, request, peer, snapshot->legacy);
    if (code != GW_OK) gw_reply_error(exchange, code, "the request cannot be passed on");
    return;
  }
  if (code == GW_OK && exchange->rule == NULL) {
    exchange_no_rule(exchange, path, is_options);
    return;
  }
  if (code == GW_OK) gw_side_draw(exchange, request, peer);
  if (code == GW_OK && exchange->side == GW_SIDE_LEGACY) {
    code = gw_forward_begin(exchange, request, peer, exchange->rule->route->migration->legacy);
    if (code != GW_OK) gw_reply_error(exchange, code, "the request cannot be passed on");
    return;
  }
  if (code == GW_OK) code = exchange_take_head(exchange, request);
  if (code == GW_OK) code = gw_fallback_prepare(exchange, request, peer);
  if (code == GW_OK && exchange->rule->reads_stream) code = gw_request_stream_begin(exchange);
  if (code != GW_OK) {
    gw_reply_error(exchange, code, "the request cannot be taken");
  } else if (exchange->requests != NULL) {
    exchange_start(exchange, GW_STR(""), &exchange->requests->queue);
  }
}

void gw_exchange_stop(gw_exchange *exchange) {
  if (exchange->state == GW_EX_DONE) return;
  exchange->must_close = true;
  exchange->engine->scratch.n = 0;
  gw_call_cancel(&exchange->call);
  gw_reply_error(exchange, GW_UNAVAILABLE, "the gateway is stopping");
}

void gw_exchange_refuse(gw_exchange *exchange, gw_code code, const gw_err *err, gw_str peer) {
  if (exchange->state == GW_EX_DONE) return;
  if (exchange->peer.n == 0) exchange->peer = gw_arena_copy(&exchange->arena, peer);
  if (err != NULL && err->code != GW_OK) exchange->err = *err;
  exchange->must_close = true;
  gw_count(&exchange->engine->metrics->refused_requests_total, 1);
  gw_reply_error(exchange, code, gw_code_name(code));
}
