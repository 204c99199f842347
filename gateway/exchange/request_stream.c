#include "exchange/request_stream.h"

#include <inttypes.h>
#include <stdio.h>

#include "exchange/reply.h"

gw_code gw_request_stream_begin(gw_exchange *exchange) {
  const gw_route *route = exchange->rule->route;
  gw_request_stream *requests = gw_arena_zalloc(&exchange->arena, sizeof *requests);
  if (requests == NULL) return GW_NOMEM;
  /* JSON is mostly longer than its message. */
  gw_buf_init(&requests->value, &exchange->arena,
              gw_size_max(route->message_bytes_max, route->body_bytes_max));
  gw_buf_init(&requests->rest, &exchange->arena, SIZE_MAX);
  requests->is_raw = exchange->rule->reads_raw;
  requests->split.form = exchange->compat->request_stream;
  exchange->requests = requests;
  return GW_OK;
}

/* ---- one message ---- */

static gw_code stream_too_large(gw_exchange *exchange) {
  char where[32];
  int n = snprintf(where, sizeof where, "[%" PRIu64 "]", exchange->requests->message_count);
  gw_err_set(&exchange->err, GW_TOO_LARGE, "the message is over the limit of %zu bytes (message)",
             exchange->rule->route->message_bytes_max);
  if (!exchange->requests->is_raw) gw_err_where(&exchange->err, (gw_str){ where, (size_t)n });
  return GW_TOO_LARGE;
}

static gw_code stream_send(gw_exchange *exchange, gw_str body) {
  gw_request_stream *requests = exchange->requests;
  gw_arena *scratch = gw_engine_message_arena(exchange->engine, exchange->arena.max);
  gw_buf *out = gw_call_frames(&exchange->call, exchange->rule->route->message_bytes_max);
  size_t start = out->n;
  gw_code code = gw_exchange_bind(exchange, body, requests->message_count == 0, scratch, out);
  gw_arena_done(scratch);
  if (code != GW_OK) {
    out->n = start;
    if (!requests->is_raw) gw_json_split_locate(&requests->split, &exchange->err);
    return code == GW_TOO_LARGE ? stream_too_large(exchange) : code;
  }
  requests->message_count++;
  gw_exchange_touch(exchange);
  return GW_OK;
}

/* ---- what of the input is one: GW_OK: a message was composed; GW_AGAIN: the input is used up ----
 */

static gw_code stream_next_raw(gw_exchange *exchange, gw_str *in) {
  /* Bindings and content type share the first one's limit. */
  size_t max = gw_size_max(exchange->rule->route->message_bytes_max / 2, 1);
  if (in->n == 0) return GW_AGAIN;
  gw_str piece =
      gw_str_first(*in, gw_size_min(in->n, gw_size_min(max, GW_REQUEST_PIECE_BYTES_MAX)));
  *in = gw_str_skip(*in, piece.n);
  return stream_send(exchange, piece);
}

static gw_code stream_gather(gw_exchange *exchange, gw_str part) {
  gw_code code = gw_buf_append(&exchange->requests->value, part);
  return code == GW_TOO_LARGE ? stream_too_large(exchange) : code;
}

static gw_code stream_next_value(gw_exchange *exchange, gw_str *in) {
  gw_request_stream *requests = exchange->requests;
  gw_buf *value = &requests->value;
  gw_str part = { NULL, 0 };
  gw_code code = gw_json_split_next(&requests->split, in, &part, &exchange->err);
  if (code != GW_OK && code != GW_AGAIN) return code;
  /* A value that lies in one piece is read where it lies. */
  if (code == GW_OK && value->n == 0 && part.n <= value->max) return stream_send(exchange, part);
  gw_code gathered = stream_gather(exchange, part);
  if (gathered != GW_OK || code == GW_AGAIN) return gathered != GW_OK ? gathered : code;
  code = stream_send(exchange, gw_buf_str(value));
  value->n = 0;
  return code;
}

static gw_code stream_end(gw_exchange *exchange) {
  gw_request_stream *requests = exchange->requests;
  gw_code code = GW_AGAIN;
  if (!requests->is_raw) {
    code = gw_json_split_end(&requests->split, &exchange->err);
    if (code == GW_OK) code = stream_send(exchange, gw_buf_str(&requests->value));
  } else if (requests->message_count == 0) {
    code = stream_send(exchange, GW_STR(""));
  }
  if (code != GW_OK && code != GW_AGAIN) return code;
  requests->is_sent = true;
  gw_call_send(&exchange->call, true);
  return GW_OK;
}

/* Takes what the call has room for.  False: the exchange is over. */
static bool stream_work(gw_exchange *exchange, gw_str *in) {
  gw_request_stream *requests = exchange->requests;
  gw_code code = GW_OK;
  while (code == GW_OK && !gw_call_is_full(&exchange->call)) {
    code = requests->is_raw ? stream_next_raw(exchange, in) : stream_next_value(exchange, in);
  }
  if (code == GW_AGAIN) code = GW_OK;
  if (code == GW_OK && in->n == 0 && requests->has_ended) {
    code = stream_end(exchange);
  } else if (code == GW_OK) {
    gw_call_send(&exchange->call, false);
  }
  if (code != GW_OK) gw_reply_error(exchange, code, "the request cannot be read");
  return code == GW_OK;
}

static void stream_hold(gw_exchange *exchange, bool held) {
  gw_request_stream *requests = exchange->requests;
  if (requests->is_held == held) return;
  requests->is_held = held;
  exchange->client_ops->hold(exchange->client, held);
}

/* ---- from outside ---- */

void gw_request_stream_take(gw_exchange *exchange, gw_str piece, bool end) {
  gw_request_stream *requests = exchange->requests;
  assert(!requests->has_ended);
  if (exchange->state == GW_EX_DONE) return;
  requests->has_ended = end;
  if (gw_call_is_done(&exchange->call)) return; /* its tick is on the way */
  if (requests->rest.n == 0 && !stream_work(exchange, &piece)) return;
  gw_code code = gw_buf_append(&requests->rest, piece);
  if (code != GW_OK) {
    gw_reply_error(exchange, code, "no memory");
    return;
  }
  stream_hold(exchange, !requests->is_sent && gw_call_is_full(&exchange->call));
}

void gw_request_stream_resume(gw_exchange *exchange) {
  gw_request_stream *requests = exchange->requests;
  gw_buf *rest = &requests->rest;
  gw_exchange_touch(exchange);
  if (!requests->is_held || gw_call_is_done(&exchange->call)) return;
  if (gw_call_is_full(&exchange->call)) return;
  gw_str in = gw_str_skip(gw_buf_str(rest), requests->rest_start);
  if (!stream_work(exchange, &in)) return;
  requests->rest_start = rest->n - in.n;
  if (in.n == 0) requests->rest_start = rest->n = 0;
  stream_hold(exchange, !requests->is_sent && gw_call_is_full(&exchange->call));
}

bool gw_request_stream_awaits_client(const gw_exchange *exchange) {
  return !exchange->requests->has_ended && !exchange->requests->is_held;
}
