#include "exchange/forward.h"

#include "exchange/forwarded.h"
#include "exchange/reply.h"
#include "exchange/trace.h"
#include "net/h1_writer.h"
#include "route/method.h"

#define FORWARD_LINE_BYTES   32u /* what a line has besides its parts, at most */
#define FORWARD_FIXED_BYTES  512u
#define FORWARD_FIELDS_MAX   (GW_H1_ANSWER_HEADER_COUNT_MAX + 1u)
#define FORWARD_GATHER_BYTES GW_KIB(256)

/* ---- the request's head ---- */

/* What is the connection's own, or written anew: RFC 9110 section 7.6.1.  Any case. */
static bool name_is_of_connection(gw_str name) {
  switch (name.n) {
  case 2: return gw_str_eq_nocase(name, GW_STR("te"));
  case 7:
    return gw_str_eq_nocase(name, GW_STR("trailer")) || gw_str_eq_nocase(name, GW_STR("upgrade"));
  case 10:
    return gw_str_eq_nocase(name, GW_STR("connection")) ||
           gw_str_eq_nocase(name, GW_STR("keep-alive"));
  case 14: return gw_str_eq_nocase(name, GW_STR("content-length"));
  case 16: return gw_str_eq_nocase(name, GW_STR("proxy-connection"));
  case 17: return gw_str_eq_nocase(name, GW_STR("transfer-encoding"));
  default: return false;
  }
}

static bool request_takes(const gw_h1_request *request, gw_str name) {
  if (name_is_of_connection(name) || gw_forwarded_has(name)) return false;
  if (gw_str_eq(name, GW_STR("host")) || gw_str_eq(name, GW_STR("expect"))) return false;
  return request->connection_count == 0 || !gw_h1_connection_names(request, name);
}

static size_t request_bytes(const gw_h1_request *request, const gw_forwarded *forwarded) {
  size_t n = request->method.n + request->target.n + request->host.n + FORWARD_FIXED_BYTES;
  for (uint32_t i = 0; i < request->field_count; i++)
    n += request->fields[i].name.n + request->fields[i].value.n + FORWARD_LINE_BYTES;
  for (uint32_t i = 0; i < GW_FORWARDED_COUNT; i++)
    n += forwarded->fields[i].name.n + forwarded->fields[i].value.n + FORWARD_LINE_BYTES;
  return n;
}

static void request_write_framing(gw_h1_writer *writer, const gw_h1_request *request) {
  if (request->body_kind == GW_H1_BODY_CHUNKED) {
    gw_h1_write_chunked(writer);
  } else if (request->body_kind == GW_H1_BODY_LENGTH) {
    gw_h1_write_length(writer, request->content_length);
  } else if (gw_h1_field_get(request, GW_STR("content-length")).p != NULL) {
    gw_h1_write_length(writer, 0);
  }
}

/* `host`: where the client named none (HTTP/1.0). */
static gw_code request_write(gw_exchange *exchange, const gw_h1_request *request, gw_str peer,
                             gw_str host, gw_str *head) {
  gw_forwarded forwarded;
  gw_h1_writer writer;
  gw_buf out;
  gw_code code = gw_forwarded_of(request, peer, &exchange->arena, &forwarded);
  if (code != GW_OK) return code;
  size_t bytes = request_bytes(request, &forwarded) + host.n;
  gw_buf_init(&out, &exchange->arena, bytes);
  code = gw_buf_reserve(&out, bytes);
  if (code != GW_OK) return code;
  gw_h1_write_request(&writer, &out, request->method, request->target);
  gw_h1_write_field(&writer, GW_STR("host"), request->host.n > 0 ? request->host : host);
  for (uint32_t i = 0; i < request->field_count; i++) {
    const gw_header *field = &request->fields[i];
    if (request_takes(request, field->name)) {
      gw_h1_write_field(&writer, field->name, field->value);
    }
  }
  for (uint32_t i = 0; i < GW_FORWARDED_COUNT; i++) {
    const gw_header *field = &forwarded.fields[i];
    if (field->value.n > 0) gw_h1_write_field(&writer, field->name, field->value);
  }
  gw_h1_write_field(&writer, GW_STR("via"),
                    request->http10 ? GW_STR("1.0 sluice") : GW_STR("1.1 sluice"));
  request_write_framing(&writer, request);
  code = gw_h1_write_end(&writer);
  *head = gw_buf_str(&out);
  return code;
}

/* ---- time ---- */

static uint64_t forward_now(const gw_forward *forward) {
  return gw_loop_now_ms(forward->exchange->engine->loop);
}

static const gw_limits *forward_limits(const gw_forward *forward) {
  return &forward->exchange->lease->snapshot->limits;
}

/* The timer is only moved forward; firing early costs one look. */
static void forward_due_set(gw_forward *forward, uint64_t after_ms) {
  gw_timer *timer = &forward->exchange->timer;
  forward->due_ms = after_ms > 0 ? forward_now(forward) + after_ms : 0;
  if (forward->due_ms == 0 || (timer->slot != 0 && timer->at_ms <= forward->due_ms)) return;
  gw_timer_set(forward->exchange->engine->loop, timer, forward->due_ms);
}

static uint64_t forward_window_ms(const gw_forward *forward) {
  const gw_limits *limits = forward_limits(forward);
  if (limits->body_rate == 0) return limits->body_timeout_ms;
  return forward->is_steady ? limits->stall_timeout_ms : gw_size_max(limits->body_grace_ms, 1);
}

/* It is the client's turn: its rate is measured from now on. */
static void forward_window_begin(gw_forward *forward) {
  forward->window_bytes = 0;
  forward_due_set(forward, forward_window_ms(forward));
}

static bool forward_client_is_slow(const gw_forward *forward) {
  uint64_t needed = forward_window_ms(forward) * forward_limits(forward)->body_rate / 1000;
  return forward->window_bytes < (needed > 0 ? needed : 1);
}

static void forward_on_late(gw_forward *forward) {
  gw_exchange *exchange = forward->exchange;
  exchange->engine->scratch.n = 0;
  if (!forward->is_sent && !forward->is_held) {
    exchange->must_close = true;
    gw_count(&exchange->engine->metrics->limits_hit[GW_LIMIT_BODY_TIMEOUT], 1);
    gw_reply_error(exchange, GW_REQUEST_TIMEOUT, "the request's body came too slowly");
  } else if (!forward->is_sent) {
    gw_reply_error(exchange, GW_DEADLINE, "the upstream takes nothing of the request");
  } else {
    gw_reply_error(exchange, GW_DEADLINE,
                   exchange->has_begun ? "the upstream's answer was idle for too long"
                                       : "the upstream did not answer in time");
  }
}

static void forward_on_timer(gw_timer *timer) {
  gw_forward *forward = GW_CONTAINER_OF(timer, gw_exchange, timer)->forward;
  const gw_exchange *exchange = forward->exchange;
  if (forward->due_ms == 0) return;
  if (forward->due_ms > forward_now(forward)) {
    gw_timer_set(exchange->engine->loop, timer, forward->due_ms);
  } else if (!forward->is_sent && !forward->is_held && !forward_client_is_slow(forward)) {
    forward->is_steady = true;
    forward_window_begin(forward);
  } else if (forward->is_sent && exchange->has_begun &&
             !exchange->client_ops->is_writable(exchange->client)) {
    /* It is the client that does not take more; the front watches that. */
    forward_due_set(forward, forward->idle_timeout_ms);
  } else {
    forward_on_late(forward);
  }
}

/* ---- the answer ---- */

/* Fields that the client gets; names and values are the head's. */
static uint32_t answer_fields(const gw_h1_response *head, gw_header *out, gw_answer *answer) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < head->field_count; i++) {
    const gw_header *field = &head->fields[i];
    if (name_is_of_connection(field->name)) continue;
    if (head->connection_count > 0 && gw_h1_response_connection_names(head, field->name)) continue;
    if (field->name.n == 4 && gw_str_eq_nocase(field->name, GW_STR("date"))) {
      answer->has_date = true;
    }
    out[count++] = *field;
  }
  out[count++] =
      (gw_header){ GW_STR("Via"), head->http10 ? GW_STR("1.0 sluice") : GW_STR("1.1 sluice") };
  return count;
}

static gw_answer forward_answer(const gw_h1_response *head, gw_header *fields) {
  gw_answer answer = { .status = head->status,
                       .reason = head->reason,
                       .fields = fields,
                       .has_length = head->has_length,
                       .length = head->told_length,
                       .no_length = !head->has_length,
                       .is_chunked = head->body_kind == GW_H1_BODY_CHUNKED };
  answer.field_count = answer_fields(head, fields, &answer);
  return answer;
}

static void forward_answer_whole(gw_exchange *exchange, const gw_h1_response *head, gw_str body) {
  gw_header fields[FORWARD_FIELDS_MAX];
  gw_answer answer = forward_answer(head, fields);
  answer.body = body;
  answer.must_close = exchange->must_close;
  gw_reply_whole(exchange, &answer);
}

static void forward_answer_begin(gw_exchange *exchange, const gw_h1_response *head, gw_str body) {
  gw_header fields[FORWARD_FIELDS_MAX];
  gw_answer answer = forward_answer(head, fields);
  answer.body = body;
  exchange->status = head->status;
  exchange->has_begun = true;
  exchange->state = GW_EX_REPLYING;
  exchange->bytes_out = body.n;
  exchange->client_ops->begin(exchange->client, &answer);
}

/* What is there of the answer's body, in one piece: where it lies, or gathered in scratch. */
static gw_str forward_gather(gw_exchange *exchange, gw_forward *forward) {
  gw_buf *scratch = &exchange->engine->scratch;
  gw_str first = { NULL, 0 }, piece;
  scratch->n = 0;
  while (scratch->n < FORWARD_GATHER_BYTES && gw_http_call_next(&forward->call, &piece) == GW_OK) {
    if (first.n == 0) {
      first = piece;
      continue;
    }
    gw_code code = scratch->n == 0 ? gw_buf_append(scratch, first) : GW_OK;
    if (code == GW_OK) code = gw_buf_append(scratch, piece);
    if (code != GW_OK) {
      gw_reply_error(exchange, GW_NOMEM, "no memory to pass the answer on");
      break;
    }
  }
  return scratch->n > 0 ? gw_buf_str(scratch) : first;
}

/* 502 and the like; a begun answer is cut. */
static void forward_fail(gw_exchange *exchange, const gw_http_result *result) {
  const char *text = result->message.n > 0 ? result->message.p : gw_code_name(result->code);
  gw_reply_error(exchange, result->code, text);
}

/* What came of the answer goes on; `is_done`: nothing follows. */
static void forward_pass(gw_exchange *exchange, const gw_h1_response *head, gw_str body,
                         bool is_done) {
  const gw_http_result *result = &exchange->forward->call.result;
  bool is_broken = is_done && result->code != GW_OK;
  if (!exchange->has_begun && is_broken) {
    forward_fail(exchange, result); /* nothing was sent yet */
    return;
  }
  if (!exchange->has_begun && is_done) {
    forward_answer_whole(exchange, head, body);
    return;
  }
  if (!exchange->has_begun) {
    forward_answer_begin(exchange, head, body);
  } else if (body.n > 0) {
    exchange->bytes_out += body.n;
    exchange->client_ops->piece(exchange->client, body);
  }
  if (is_broken) {
    forward_fail(exchange, result);
  } else if (is_done) {
    gw_reply_done(exchange);
    exchange->client_ops->end(exchange->client);
  }
}

static void forward_step(gw_exchange *exchange, gw_forward *forward) {
  const gw_http_call *call = &forward->call;
  const gw_h1_response *head = gw_http_call_head(call);
  if (head == NULL) {
    if (gw_http_call_is_done(call)) forward_fail(exchange, &call->result);
    return;
  }
  if (exchange->has_begun && !exchange->client_ops->is_writable(exchange->client)) return;
  gw_str body = forward_gather(exchange, forward);
  if (exchange->state == GW_EX_DONE) return;
  if (forward->is_sent) forward_due_set(forward, forward->idle_timeout_ms);
  forward_pass(exchange, head, body, gw_http_call_is_done(call));
}

void gw_forward_writable(gw_exchange *exchange) {
  forward_step(exchange, exchange->forward);
}

static void forward_on_call(gw_http_call *call) {
  gw_forward *forward = GW_CONTAINER_OF(call, gw_forward, call);
  gw_exchange *exchange = forward->exchange;
  if (exchange->state == GW_EX_DONE) return;
  if (forward->is_held && gw_http_call_wants(call)) {
    forward->is_held = false;
    forward_window_begin(forward);
    exchange->client_ops->hold(exchange->client, false);
  }
  forward_step(exchange, forward);
}

/* ---- the request ---- */

gw_code gw_forward_prepare(gw_exchange *exchange, const gw_h1_request *request, gw_str peer,
                           uint32_t upstream, gw_forward **out) {
  const gw_snapshot *snapshot = exchange->lease->snapshot;
  const gw_upstream_config *config = &snapshot->upstreams[upstream];
  gw_forward *forward = gw_arena_zalloc(&exchange->arena, sizeof *forward);
  if (forward == NULL) return GW_NOMEM;
  forward->exchange = exchange;
  forward->upstream = exchange->lease->http_upstreams[upstream];
  forward->upstream_name = config->name;
  forward->timeout_ms = snapshot->legacy_timeout_ms;
  forward->idle_timeout_ms = snapshot->legacy_idle_timeout_ms;
  forward->request.to_head = exchange->is_head;
  forward->request.is_chunked = request->body_kind == GW_H1_BODY_CHUNKED;
  forward->request.is_idempotent = gw_method_is_idempotent(request->method);
  forward->call.tick = forward_on_call;
  forward->call.arena = &exchange->arena;
  gw_code code = request_write(exchange, request, peer, config->endpoints[0].authority,
                               &forward->request.head);
  if (code != GW_OK) return gw_err_set(&exchange->err, code, "the request cannot be passed on");
  *out = forward;
  return GW_OK;
}

void gw_forward_start(gw_exchange *exchange, gw_forward *forward) {
  exchange->forward = forward;
  exchange->state = GW_EX_CALLING;
  exchange->body_bytes_max = SIZE_MAX; /* never held whole; bounded by rate */
  exchange->timer.fired = forward_on_timer;
}

gw_code gw_forward_begin(gw_exchange *exchange, const gw_h1_request *request, gw_str peer,
                         uint32_t upstream) {
  gw_forward *forward;
  gw_code code = gw_forward_prepare(exchange, request, peer, upstream, &forward);
  if (code != GW_OK) return code;
  /* For the access line only: the request goes on as it is, with the client's trace or none. */
  bool is_logged = exchange->lease->snapshot->log_access;
  if (is_logged && !gw_trace_take(request, &exchange->arena, &exchange->trace)) return GW_NOMEM;
  gw_forward_start(exchange, forward);
  if (request->body_kind != GW_H1_BODY_NONE) forward_window_begin(forward);
  return GW_OK;
}

void gw_forward_body(gw_exchange *exchange, gw_str piece, bool end) {
  gw_forward *forward = exchange->forward;
  gw_http_call *call = &forward->call;
  forward->window_bytes += piece.n;
  if (end) {
    forward->is_sent = true;
    forward_due_set(forward, exchange->has_begun ? forward->idle_timeout_ms : forward->timeout_ms);
  }
  if (call->state == GW_HTTP_CALL_IDLE) {
    gw_http_call_start(call, exchange->engine->loop, forward->upstream, &forward->request, piece,
                       end);
  } else {
    gw_http_call_send(call, piece, end);
  }
  if (end || gw_http_call_is_done(call) || gw_http_call_wants(call)) return;
  forward->is_held = true;
  forward_due_set(forward, forward_limits(forward)->stall_timeout_ms);
  exchange->client_ops->hold(exchange->client, true);
}
