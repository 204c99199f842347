#include "exchange/reply.h"

#include <stdio.h>

#include "codec/status.h"
#include "codec/wire_find.h"
#include "codec/wire_to_json.h"
#include "exchange/bound_headers.h"
#include "exchange/compress.h"
#include "exchange/forward.h"
#include "exchange/metadata.h"

#define REPLY_FIELDS_MAX  GW_H2_HEADER_COUNT_MAX
#define REPLY_TEXT_MAX    640u
#define REPLY_RETRY_AFTER 3u /* seconds, drawn from 1 to this: not all come back at once */

/* ---- common ---- */

static gw_codec reply_codec(gw_exchange *exchange) {
  gw_codec codec = { .pool = exchange->lease->snapshot->pool,
                     .memo = exchange->lease->memo,
                     .arena = &exchange->arena };
  if (exchange->rule != NULL) codec.style = exchange->rule->route->json;
  return codec;
}

static gw_str reply_stream_type(gw_stream_form form) {
  switch (form) {
  case GW_STREAM_NDJSON: return GW_STR("application/x-ndjson");
  case GW_STREAM_SSE: return GW_STR("text/event-stream");
  case GW_STREAM_AUTO:
  case GW_STREAM_RESULT:
  case GW_STREAM_ARRAY: break;
  }
  return GW_STR("application/json");
}

/* google.api.HttpBody (its .proto): the answer is its data, whatever they are. */
enum { HTTP_BODY_CONTENT_TYPE = 1, HTTP_BODY_DATA = 2 };

static bool reply_is_raw(const gw_exchange *exchange) {
  const gw_rule *rule = exchange->rule;
  const gw_message *message = rule->route->rpc->output;
  if (rule->response_body.count > 0) {
    const gw_field *field = rule->response_body.fields[rule->response_body.count - 1];
    message = field->repeated ? NULL : field->message;
  }
  return message != NULL && message->wkt == GW_WKT_HTTP_BODY;
}

/* Finds what the client gets of `message`; not set: no bytes of no particular type. */
static gw_code reply_raw(gw_exchange *exchange, gw_str message, gw_str *type, gw_str *data) {
  const gw_field_path *path = &exchange->rule->response_body;
  gw_code code =
      gw_wire_find_message(message, path->fields, path->count, &exchange->arena, &message);
  if (code == GW_OK) code = gw_wire_find_bytes(message, HTTP_BODY_CONTENT_TYPE, type);
  if (code == GW_OK) code = gw_wire_find_bytes(message, HTTP_BODY_DATA, data);
  if (code != GW_OK) return gw_err_set(&exchange->err, code, "malformed google.api.HttpBody");
  bool fits = type->n > 0 && gw_metadata_fits(GW_STR("content-type"), *type);
  if (!fits) *type = GW_STR("application/octet-stream");
  return GW_OK;
}

static GW_COLD uint32_t reply_fields_prefixed(gw_exchange *exchange, gw_header *out, uint32_t max) {
  const gw_route *route = exchange->rule->route;
  gw_arena *arena = &exchange->arena;
  gw_str prefix = exchange->wants_trailers ? GW_STR("grpc-trailer-") : GW_STR("");
  uint32_t n = gw_metadata_prefixed(gw_call_head(&exchange->call), route, GW_STR("grpc-metadata-"),
                                    arena, out, max);
  return n + gw_metadata_prefixed(gw_call_trailers(&exchange->call), route, prefix, arena, out + n,
                                  max - n);
}

/* Metadata of head and trailers that the client gets; returns how many. */
static uint32_t reply_fields(gw_exchange *exchange, gw_header *out, uint32_t max) {
  if (exchange->rule == NULL) return 0;
  const gw_route *route = exchange->rule->route;
  const gw_h2_fields *head = gw_call_head(&exchange->call);
  const gw_h2_fields *trailers = gw_call_trailers(&exchange->call);
  if (GW_UNLIKELY(exchange->compat->header_names == GW_NAMES_PREFIXED))
    return reply_fields_prefixed(exchange, out, max);
  uint32_t count = gw_metadata_of_answer(head, route, out, max);
  return count + gw_metadata_of_answer(trailers, route, out + count, max - count);
}

/* D-55, D-34: what the service's status was. */
static GW_COLD uint32_t reply_status_fields(gw_exchange *exchange, const gw_status *status,
                                            gw_header *out) {
  gw_arena *arena = &exchange->arena;
  out[0] = (gw_header){ GW_STR("grpc-status"), gw_arena_printf(arena, "%u", status->grpc_code) };
  out[1] = (gw_header){ GW_STR("grpc-message"), gw_status_message_encode(arena, status->message) };
  if (out[0].value.p == NULL) return 0;
  return out[1].value.p != NULL && out[1].value.n > 0 ? 2 : 1;
}

void gw_reply_done(gw_exchange *exchange) {
  assert(exchange->state != GW_EX_DONE);
  exchange->state = GW_EX_DONE;
  gw_timer_cancel(exchange->engine->loop, &exchange->timer);
  gw_call_cancel(&exchange->call);
  if (exchange->forward != NULL) gw_http_call_cancel(&exchange->forward->call);
}

void gw_reply_whole(gw_exchange *exchange, gw_answer *answer) {
  const gw_snapshot *snapshot = exchange->lease->snapshot;
  if (GW_UNLIKELY(answer->body.n >= snapshot->gzip_bytes_min) && snapshot->gzip &&
      exchange->forward == NULL) {
    gw_compress_answer(exchange, answer);
  }
  bool has_none = answer->status == 204 || answer->status == 304; /* RFC 9110 section 6.4.1 */
  if (has_none) answer->content_type.n = 0;
  answer->no_body = exchange->is_head || has_none;
  exchange->status = answer->status;
  exchange->bytes_out = answer->no_body ? 0 : answer->body.n;
  gw_reply_done(exchange);
  exchange->client_ops->answer(exchange->client, answer);
}

/* ---- errors ---- */

typedef struct reply_failure {
  gw_status status;
  gw_header field; /* Allow or Retry-After; name.n == 0: none */
  bool of_call;    /* not before the service was asked */
} reply_failure;

static gw_code reply_status_print(gw_exchange *exchange, const gw_status *status, gw_buf *out) {
  gw_codec codec = reply_codec(exchange);
  return gw_status_print(&codec, status, exchange->compat->errors, out);
}

/* The error as the stream's last record; an array is cut, since its client must not take it for
 * whole. */
static void reply_stream_fail(gw_exchange *exchange, const reply_failure *failure) {
  const gw_status *status = &failure->status;
  gw_buf *out = &exchange->engine->scratch;
  gw_str open = { NULL, 0 }, close = { NULL, 0 };
  exchange->status = status->http_status;
  out->n = 0;
  bool is_raw = reply_is_raw(exchange), is_array = exchange->stream_form == GW_STREAM_ARRAY;
  /* Only where the service itself said how it ended: what broke is cut for everybody. */
  bool is_told = failure->of_call && gw_call_trailers(&exchange->call) != NULL;
  if (!is_raw && is_array && is_told && exchange->compat->stream_error_closes) {
    gw_str end = GW_STR("]");
    gw_reply_done(exchange);
    exchange->bytes_out += end.n;
    exchange->client_ops->piece(exchange->client, end);
    exchange->client_ops->end(exchange->client);
    return;
  }
  if (!is_raw &&
      (exchange->stream_form == GW_STREAM_NDJSON || exchange->stream_form == GW_STREAM_RESULT)) {
    open = GW_STR("{\"error\":");
    close = GW_STR("}\n");
  } else if (!is_raw && exchange->stream_form == GW_STREAM_SSE) {
    open = GW_STR("event: error\ndata: ");
    close = GW_STR("\n\n");
  }
  bool told = open.n > 0 && gw_buf_append(out, open) == GW_OK &&
              reply_status_print(exchange, status, out) == GW_OK &&
              gw_buf_append(out, close) == GW_OK;
  gw_reply_done(exchange);
  if (told) {
    exchange->bytes_out += out->n;
    exchange->client_ops->piece(exchange->client, gw_buf_str(out));
    exchange->client_ops->end(exchange->client);
  } else {
    exchange->client_ops->cut(exchange->client);
  }
}

/* D-55: the body is empty, or that of an empty array where an array was to be expected. */
static gw_code reply_bare_print(gw_exchange *exchange, gw_buf *out) {
  bool is_stream = exchange->rule != NULL && exchange->rule->route->rpc->server_streaming;
  bool is_array = is_stream && exchange->stream_form == GW_STREAM_ARRAY && !reply_is_raw(exchange);
  return is_array ? gw_buf_append(out, GW_STR("[]")) : GW_OK;
}

static gw_code reply_fail_print(gw_exchange *exchange, const reply_failure *failure, gw_buf *out) {
  const gw_compat *compat = exchange->compat;
  bool is_stream = exchange->rule != NULL && exchange->rule->route->rpc->server_streaming;
  bool wraps = compat->stream_error_wrapped && is_stream && failure->of_call;
  if (compat->errors_in_headers) return reply_bare_print(exchange, out);
  gw_code code = wraps ? gw_buf_append(out, GW_STR("{\"error\":")) : GW_OK;
  if (code == GW_OK) code = reply_status_print(exchange, &failure->status, out);
  if (code == GW_OK && wraps) code = gw_buf_append(out, GW_STR("}\n"));
  return code;
}

static void reply_fail(gw_exchange *exchange, const reply_failure *failure) {
  gw_buf *out = &exchange->engine->scratch;
  gw_header fields[REPLY_FIELDS_MAX + 3];
  const gw_status *status = &failure->status;
  uint32_t count = 0;
  exchange->grpc_code = status->grpc_code;
  if (exchange->reason.n == 0) {
    exchange->reason = gw_arena_copy(&exchange->arena, status->message);
  }
  if (exchange->has_begun && exchange->forward != NULL) {
    exchange->status = status->http_status;
    gw_reply_done(exchange);
    exchange->client_ops->cut(exchange->client);
    return;
  }
  if (exchange->has_begun) {
    reply_stream_fail(exchange, failure);
    return;
  }
  out->n = 0;
  if (reply_fail_print(exchange, failure, out) != GW_OK) out->n = 0;
  count = reply_fields(exchange, fields, REPLY_FIELDS_MAX);
  bool in_headers = exchange->compat->errors_in_headers;
  if (in_headers) count += reply_status_fields(exchange, status, fields + count);
  if (failure->field.name.n > 0) fields[count++] = failure->field;
  bool problem = exchange->compat->errors == GW_ERRORS_PROBLEM;
  gw_answer answer = {
    .status = status->http_status,
    .content_type = in_headers && out->n == 0 ? (gw_str){ NULL, 0 }
                    : problem                 ? GW_STR("application/problem+json")
                                              : GW_STR("application/json"),
    .fields = fields,
    .field_count = count,
    .body = gw_buf_str(out),
    .must_close = exchange->must_close,
  };
  gw_reply_whole(exchange, &answer);
}

/* 503 tells when to come back, unless the service did. */
static void reply_retry_after(gw_exchange *exchange, reply_failure *failure, char digit[2]) {
  if (failure->status.http_status != 503 || failure->field.name.n > 0) return;
  const gw_h2_fields *trailers = gw_call_trailers(&exchange->call);
  const gw_h2_fields *head = gw_call_head(&exchange->call);
  if (trailers != NULL && gw_h2_field_get(trailers, GW_STR("retry-after")).p != NULL) return;
  if (head != NULL && gw_h2_field_get(head, GW_STR("retry-after")).p != NULL) return;
  digit[0] = (char)('1' + gw_engine_draw(exchange->engine, REPLY_RETRY_AFTER));
  failure->field = (gw_header){ GW_STR("Retry-After"), { digit, 1 } };
}

/* x-http-code; 0: none that counts.  An answer of trailers only has them as its head. */
static int reply_chosen_status(gw_exchange *exchange) {
  bool bad = false;
  int chosen = gw_metadata_http_code(gw_call_head(&exchange->call), &bad);
  if (chosen == 0) chosen = gw_metadata_http_code(gw_call_trailers(&exchange->call), &bad);
  if (bad) gw_count(&exchange->engine->metrics->ignored_status_total, 1);
  return chosen;
}

/* D-35: whom peers blame for an answer that cannot be read. */
static int reply_http(const gw_exchange *exchange, gw_code code) {
  if (code == GW_BAD_ANSWER && exchange->compat->bad_answer_500) code = GW_INTERNAL;
  return gw_code_http(code);
}

/* D-54: as it came. */
static GW_COLD void reply_foreign(gw_exchange *exchange, const gw_call_result *result) {
  gw_header fields[REPLY_FIELDS_MAX + 1];
  const gw_h2_fields *head = gw_call_head(&exchange->call);
  uint32_t count = reply_fields(exchange, fields, REPLY_FIELDS_MAX);
  gw_str coding = gw_h2_field_get(head, GW_STR("content-encoding"));
  if (coding.n > 0) fields[count++] = (gw_header){ GW_STR("content-encoding"), coding };
  exchange->grpc_code = result->grpc_code;
  exchange->reason = gw_arena_copy(&exchange->arena, result->message);
  gw_answer answer = { .status = result->foreign_status,
                       .content_type = gw_h2_field_get(head, GW_STR("content-type")),
                       .fields = fields,
                       .field_count = count,
                       .body = result->foreign_body };
  gw_reply_whole(exchange, &answer);
}

void gw_reply_result(gw_exchange *exchange, const gw_call_result *result) {
  reply_failure failure = { .status = { .grpc_code = result->grpc_code }, .of_call = true };
  gw_status *status = &failure.status;
  char digit[2];
  if (result->foreign_status >= 200 && !exchange->has_begun) {
    reply_foreign(exchange, result);
    return;
  }
  if (result->code == GW_OK) {
    int chosen = reply_chosen_status(exchange);
    status->http_status = gw_grpc_code_http(result->grpc_code);
    /* A service may choose the status of an error too, but never one that says success. */
    if (chosen >= 400) status->http_status = chosen;
    status->message = gw_status_message_decode(&exchange->arena, result->message);
    gw_status_details_decode(&exchange->arena, result->details, &status->details);
  } else {
    status->http_status = reply_http(exchange, result->code);
    status->message = result->message;
  }
  reply_retry_after(exchange, &failure, digit);
  reply_fail(exchange, &failure);
}

static gw_limit reply_limit_of(gw_code code, bool *known) {
  *known = true;
  switch (code) {
  case GW_TOO_LARGE: return GW_LIMIT_BODY;
  case GW_URI_TOO_LONG: return GW_LIMIT_REQUEST_LINE;
  case GW_HEADERS_TOO_LARGE: return GW_LIMIT_HEADERS;
  case GW_NOMEM: return GW_LIMIT_MEMORY;
  case GW_OVERLOADED: return GW_LIMIT_IN_FLIGHT;
  default: *known = false; return GW_LIMIT_COUNT;
  }
}

void gw_reply_error(gw_exchange *exchange, gw_code code, const char *text) {
  char message[REPLY_TEXT_MAX], digit[2];
  gw_err *err = &exchange->err;
  bool limited;
  gw_limit limit = reply_limit_of(code, &limited);
  if (limited) gw_count(&exchange->engine->metrics->limits_hit[limit], 1);
  gw_err_set(err, code, "%s", text);
  size_t n = gw_err_print(err, message, sizeof message);
  if (err->line > 0) {
    snprintf(message + n, sizeof message - n, " (line %u, column %u)", err->line, err->column);
  }
  bool is_violation = gw_code_http(code) == 400 && (err->where[0] != '\0' || err->line > 0);
  reply_failure failure = {
    .status = { .grpc_code = gw_code_grpc(code),
                .http_status = reply_http(exchange, code),
                .message = gw_str_of(message),
                .violation = is_violation ? err : NULL },
  };
  reply_retry_after(exchange, &failure, digit);
  reply_fail(exchange, &failure);
}

void gw_reply_options(gw_exchange *exchange, gw_str allow) {
  gw_header field = { GW_STR("Allow"), allow };
  gw_answer answer = { .status = 204, .fields = &field, .field_count = 1 };
  gw_reply_whole(exchange, &answer);
}

void gw_reply_bad_method(gw_exchange *exchange, gw_str allow) {
  bool is_501 = exchange->compat->wrong_method == GW_WRONG_METHOD_501;
  reply_failure failure = { .status = { .grpc_code = gw_code_grpc(GW_BAD_METHOD),
                                        .http_status = gw_code_http(is_501 ? GW_UNKNOWN_METHOD
                                                                           : GW_BAD_METHOD),
                                        .message = GW_STR("this path has no such method") },
                            .field = { GW_STR("Allow"), allow } };
  reply_fail(exchange, &failure);
}

/* ---- messages ---- */

static gw_code reply_print(gw_exchange *exchange, gw_str message, gw_arena *arena, gw_buf *out) {
  const gw_rule *rule = exchange->rule;
  gw_codec codec = reply_codec(exchange);
  codec.arena = arena;
  if (rule->response_body.count == 0) {
    return gw_wire_to_json(&codec, rule->route->rpc->output, message, out, &exchange->err);
  }
  const gw_field_path *path = &rule->response_body;
  uint32_t last = path->count - 1;
  if (last > 0) {
    gw_code code = gw_wire_find_message(message, path->fields, last, &exchange->arena, &message);
    if (code != GW_OK) return gw_err_set(&exchange->err, code, "malformed message");
  }
  return gw_wire_to_json_field(&codec, path->fields[last], message, out, &exchange->err);
}

static int reply_success_status(gw_exchange *exchange) {
  int chosen = reply_chosen_status(exchange);
  return chosen != 0 ? chosen : exchange->rule->route->success_status;
}

void gw_reply_message(gw_exchange *exchange, gw_str message) {
  gw_buf *out = &exchange->engine->scratch;
  gw_header fields[REPLY_FIELDS_MAX];
  gw_str type = GW_STR("application/json"), raw = { NULL, 0 };
  bool is_raw = reply_is_raw(exchange);
  out->n = 0;
  gw_code code = is_raw ? reply_raw(exchange, message, &type, &raw)
                        : reply_print(exchange, message, &exchange->arena, out);
  if (code != GW_OK) {
    gw_reply_error(exchange, code == GW_NOMEM ? GW_NOMEM : GW_BAD_ANSWER,
                   "the upstream's message cannot be read");
    return;
  }
  uint32_t count = reply_fields(exchange, fields, REPLY_FIELDS_MAX);
  if (exchange->rule->route->header_bind_count > 0) {
    gw_codec codec = reply_codec(exchange);
    count = gw_bound_headers(exchange, &codec, message, fields, count, REPLY_FIELDS_MAX);
  }
  gw_answer answer = {
    .status = reply_success_status(exchange),
    .content_type = type,
    .fields = fields,
    .field_count = count,
    .body = is_raw ? raw : gw_buf_str(out),
  };
  gw_reply_whole(exchange, &answer);
}

GW_COLD void gw_reply_kept_message(gw_exchange *exchange, gw_str message,
                                   const gw_call_result *result) {
  gw_buf *out = &exchange->engine->scratch;
  gw_header fields[REPLY_FIELDS_MAX + 2];
  gw_str type = GW_STR("application/json"), raw = { NULL, 0 };
  bool is_raw = reply_is_raw(exchange);
  out->n = 0;
  gw_code code = is_raw ? reply_raw(exchange, message, &type, &raw)
                        : reply_print(exchange, message, &exchange->arena, out);
  if (code != GW_OK || result->code != GW_OK) {
    out->n = 0;
    gw_err_init(&exchange->err);
    gw_reply_result(exchange, result);
    return;
  }
  gw_status status = { .grpc_code = result->grpc_code };
  status.message = gw_status_message_decode(&exchange->arena, result->message);
  exchange->grpc_code = result->grpc_code;
  exchange->reason = status.message;
  uint32_t count = reply_fields(exchange, fields, REPLY_FIELDS_MAX);
  count += reply_status_fields(exchange, &status, fields + count);
  gw_answer answer = {
    .status = gw_grpc_code_http(result->grpc_code),
    .content_type = type,
    .fields = fields,
    .field_count = count,
    .body = is_raw ? raw : gw_buf_str(out),
  };
  gw_reply_whole(exchange, &answer);
}

/* ---- streams ---- */

/* `message`: the first one; empty when there is none. */
static void reply_stream_begin(gw_exchange *exchange, gw_str message) {
  gw_header fields[REPLY_FIELDS_MAX];
  gw_str type = reply_stream_type(exchange->stream_form), data;
  gw_codec codec = reply_codec(exchange);
  uint32_t count = reply_fields(exchange, fields, REPLY_FIELDS_MAX);
  if (exchange->message_count > 0) {
    count = gw_bound_headers(exchange, &codec, message, fields, count, REPLY_FIELDS_MAX);
  }
  if (reply_is_raw(exchange) && reply_raw(exchange, message, &type, &data) != GW_OK) {
    type = GW_STR("application/octet-stream"); /* no memory to join what was read before */
  }
  gw_answer head = {
    .status = reply_success_status(exchange),
    .content_type = type,
    .fields = fields,
    .field_count = count,
  };
  exchange->status = head.status;
  if (exchange->is_head || head.status == 204 || head.status == 304) {
    head.no_length = true;
    gw_reply_whole(exchange, &head);
    return;
  }
  exchange->has_begun = true;
  exchange->state = GW_EX_REPLYING;
  exchange->client_ops->begin(exchange->client, &head);
}

static gw_code reply_stream_print(gw_exchange *exchange, gw_str message, gw_buf *out) {
  if (reply_is_raw(exchange)) {
    gw_str type, data;
    gw_code code = reply_raw(exchange, message, &type, &data);
    return code == GW_OK ? gw_buf_append(out, data) : code;
  }
  gw_str before = { NULL, 0 }, after = { NULL, 0 };
  switch (exchange->stream_form) {
  case GW_STREAM_NDJSON: after = GW_STR("\n"); break;
  case GW_STREAM_SSE:
    before = GW_STR("data: ");
    after = GW_STR("\n\n");
    break;
  case GW_STREAM_RESULT:
    before = GW_STR("{\"result\":");
    after = GW_STR("}\n");
    break;
  case GW_STREAM_AUTO:
  case GW_STREAM_ARRAY: before = exchange->message_count == 0 ? GW_STR("[") : GW_STR(","); break;
  }
  gw_code code = gw_buf_append(out, before);
  if (code == GW_OK) {
    gw_arena *scratch = gw_engine_message_arena(exchange->engine, exchange->arena.max);
    code = reply_print(exchange, message, scratch, out);
    gw_arena_done(scratch);
  }
  if (code == GW_OK) code = gw_buf_append(out, after);
  return code;
}

bool gw_reply_stream_message(gw_exchange *exchange, gw_str message) {
  gw_buf *out = &exchange->engine->scratch;
  size_t before = out->n;
  gw_code code = reply_stream_print(exchange, message, out);
  if (code != GW_OK) {
    out->n = before;
    gw_reply_stream_flush(exchange);
    gw_reply_error(exchange, code == GW_NOMEM ? GW_NOMEM : GW_BAD_ANSWER,
                   "the upstream's message cannot be read");
    return false;
  }
  exchange->message_count++;
  if (!exchange->has_begun) reply_stream_begin(exchange, message);
  return exchange->state != GW_EX_DONE;
}

void gw_reply_stream_flush(gw_exchange *exchange) {
  gw_buf *out = &exchange->engine->scratch;
  if (out->n == 0 || !exchange->has_begun) return;
  exchange->bytes_out += out->n;
  exchange->client_ops->piece(exchange->client, gw_buf_str(out));
  out->n = 0;
}

void gw_reply_stream_end(gw_exchange *exchange) {
  gw_buf *out = &exchange->engine->scratch;
  if (!exchange->has_begun) reply_stream_begin(exchange, (gw_str){ NULL, 0 });
  if (exchange->state == GW_EX_DONE) return;
  bool is_array = !reply_is_raw(exchange) && (exchange->stream_form == GW_STREAM_ARRAY ||
                                              exchange->stream_form == GW_STREAM_AUTO);
  gw_str tail = exchange->message_count == 0 ? GW_STR("[]") : GW_STR("]");
  if (is_array && gw_buf_append(out, tail) != GW_OK) {
    gw_reply_done(exchange);
    exchange->client_ops->cut(exchange->client);
    return;
  }
  gw_reply_stream_flush(exchange);
  gw_reply_done(exchange);
  exchange->client_ops->end(exchange->client);
}
