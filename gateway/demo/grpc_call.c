#include "demo/grpc_call.h"

#include <stdlib.h>

#include "codec/base64.h"
#include "codec/grpc_frame.h"
#include "demo/wire.h"

#define CALL_ARENA_BYTES_MAX   GW_MIB(1)
#define CALL_TRAILER_BYTES_MAX GW_KIB(8) /* of one trailer field */

enum {
  CALL_READING,   /* woken by: the client's bytes or its end */
  CALL_ANSWERING, /* woken by: the connection took what was given to it */
  CALL_DONE       /* woken by: the stream is closed */
};

/* ---- sending ---- */

static bool call_send_head(gw_grpc_call *call) {
  static const gw_header head[] = {
    { GW_STR_INIT(":status"), GW_STR_INIT("200") },
    { GW_STR_INIT("content-type"), GW_STR_INIT("application/grpc") },
  };
  if (call->has_head) return true;
  call->has_head = true;
  if (gw_h2_respond(&call->stream, head, GW_COUNT_OF(head), false) == GW_OK) return true;
  call->is_broken = true;
  return false;
}

static void call_send_answers(gw_grpc_call *call) {
  if (!call_send_head(call)) return;
  call->is_sending = true;
  gw_h2_send(&call->stream, gw_buf_str(&call->out), false);
}

static void call_finish(gw_grpc_call *call) {
  if (call->state == CALL_DONE || !call_send_head(call)) return;
  call->state = CALL_DONE;
  call->trailers[0] = (gw_header){ GW_STR_INIT("grpc-status"), GW_STR_INIT("0") };
  gw_h2_send_trailers(&call->stream, call->trailers, 1);
}

/* ---- failing ---- */

/* grpc-message is percent-encoded outside of printable ASCII. */
static gw_code call_encode_message(gw_buf *out, gw_str message) {
  for (size_t i = 0; i < message.n; i++) {
    uint8_t byte = (uint8_t)message.p[i];
    gw_code code = byte >= 0x20 && byte < 0x7f && byte != '%'
                       ? gw_buf_append(out, (gw_str){ message.p + i, 1 })
                       : gw_buf_printf(out, "%%%02X", (unsigned)byte);
    if (code != GW_OK) return code;
  }
  return GW_OK;
}

/* google.rpc.Status { code = 1, message = 2, details = 3: Any { type_url = 1, value = 2 } } */
static gw_code call_encode_status(gw_grpc_call *call, gw_grpc_code grpc_code, gw_str message,
                                  gw_str type, gw_str detail, gw_buf *out) {
  gw_buf any;
  gw_buf_init(&any, &call->arena, CALL_TRAILER_BYTES_MAX);
  gw_str url = gw_arena_printf(&call->arena, "type.googleapis.com/" GW_STR_FMT, GW_STR_ARG(type));
  if (url.p == NULL) return GW_NOMEM;
  gw_code code = gw_wire_put_bytes(&any, 1, url);
  if (code == GW_OK) code = gw_wire_put_bytes(&any, 2, detail);
  if (code == GW_OK) code = gw_wire_put_varint(out, 1, grpc_code);
  if (code == GW_OK) code = gw_wire_put_bytes(out, 2, message);
  return code != GW_OK ? code : gw_wire_put_bytes(out, 3, gw_buf_str(&any));
}

/* Fills call->trailers; returns how many, 0 when there is no memory. */
static uint32_t call_fill_trailers(gw_grpc_call *call, gw_grpc_code grpc_code, gw_str message,
                                   gw_str type, gw_str detail) {
  gw_buf text, status;
  gw_buf_init(&text, &call->arena, CALL_TRAILER_BYTES_MAX);
  gw_buf_init(&status, &call->arena, CALL_TRAILER_BYTES_MAX);
  gw_str number = gw_arena_printf(&call->arena, "%d", (int)grpc_code);
  if (number.p == NULL || call_encode_message(&text, message) != GW_OK) return 0;
  call->trailers[0] = (gw_header){ GW_STR_INIT("grpc-status"), number };
  call->trailers[1] = (gw_header){ GW_STR_INIT("grpc-message"), gw_buf_str(&text) };
  if (detail.n == 0) return 2;
  if (call_encode_status(call, grpc_code, message, type, detail, &status) != GW_OK) return 0;
  char *base64 = gw_arena_alloc(&call->arena, GW_BASE64_ENCODED_MAX(status.n));
  if (base64 == NULL) return 0;
  call->trailers[2] = (gw_header){ GW_STR_INIT("grpc-status-details-bin"),
                                   { base64, gw_base64_encode(gw_buf_str(&status), base64) } };
  return 3;
}

/* Before the head was sent, the trailers are the head ("Trailers-Only"). */
void gw_grpc_call_fail(gw_grpc_call *call, gw_grpc_code code, gw_str message, gw_str detail_type,
                       gw_str detail) {
  gw_header head[2 + GW_COUNT_OF(call->trailers)] = {
    { GW_STR_INIT(":status"), GW_STR_INIT("200") },
    { GW_STR_INIT("content-type"), GW_STR_INIT("application/grpc") },
  };
  if (call->state == CALL_DONE || call->is_broken) return;
  call->state = CALL_DONE;
  uint32_t count = call_fill_trailers(call, code, message, detail_type, detail);
  if (count == 0) {
    call->is_broken = true;
  } else if (call->has_head) {
    gw_h2_send_trailers(&call->stream, call->trailers, count);
  } else {
    memcpy(head + 2, call->trailers, count * sizeof head[0]);
    call->is_broken = gw_h2_respond(&call->stream, head, 2 + count, true) != GW_OK;
  }
}

static void call_fail_plain(gw_grpc_call *call, gw_grpc_code code, const char *message) {
  gw_grpc_call_fail(call, code, gw_str_of(message), GW_STR(""), GW_STR(""));
}

/* ---- answers ---- */

gw_code gw_grpc_call_answer_begin(gw_grpc_call *call) {
  call->answer_start = call->out.n;
  return gw_buf_append(&call->out, (gw_str){ "\0\0\0\0", GW_GRPC_PREFIX_BYTES });
}

void gw_grpc_call_answer_end(gw_grpc_call *call) {
  char *prefix = call->out.p + call->answer_start;
  size_t n = call->out.n - call->answer_start - GW_GRPC_PREFIX_BYTES;
  gw_grpc_prefix_write((uint8_t *)prefix, (uint32_t)n);
}

/* ---- reading ---- */

/* GW_AGAIN: the message is not complete.  Other errors have failed the call. */
static gw_code call_next_message(gw_grpc_call *call, gw_str *message) {
  gw_str in = gw_h2_pending(&call->stream);
  gw_code code = gw_grpc_frame_next(in, GW_GRPC_CALL_MESSAGE_MAX, message, NULL, NULL);
  if (code == GW_TOO_LARGE) {
    call_fail_plain(call, GW_GRPC_RESOURCE_EXHAUSTED, "the request is larger than 16 KiB");
  } else if (code != GW_OK && code != GW_AGAIN) {
    call_fail_plain(call, GW_GRPC_UNIMPLEMENTED, "compressed messages are not supported");
  }
  return code;
}

/* The client has sent all it will, and it is no whole message. */
static void call_read_end(gw_grpc_call *call) {
  bool is_whole = gw_h2_pending(&call->stream).n == 0;
  if (is_whole && call->method->client_streaming) {
    call_finish(call);
  } else {
    call_fail_plain(call, GW_GRPC_INTERNAL, is_whole ? "a request is missing" : "cut short");
  }
}

/* False: there is nothing to handle yet, or never will be. */
static bool call_read(gw_grpc_call *call) {
  gw_str message;
  bool is_one = !call->method->client_streaming;
  gw_code code = call_next_message(call, &message);
  if (code == GW_AGAIN && call->client_ended) call_read_end(call);
  if (code != GW_OK || (is_one && !call->client_ended)) return false;
  size_t frame = GW_GRPC_PREFIX_BYTES + message.n;
  if (is_one && gw_h2_pending(&call->stream).n > frame) {
    call_fail_plain(call, GW_GRPC_INTERNAL, "more than one request");
    return false;
  }
  call->state = CALL_ANSWERING;
  call->method->request(call, message);
  gw_h2_consume(&call->stream, frame);
  return true;
}

/* ---- the step ---- */

/* Everything that was given to the connection has been taken. */
static void call_answer(gw_grpc_call *call) {
  if (call->out.n == 0 && call->method->more != NULL) call->method->more(call);
  if (call->state == CALL_DONE) return;
  if (call->out.n > 0) {
    call_send_answers(call);
  } else if (call->method->client_streaming) {
    call->state = CALL_READING;
  } else {
    call_finish(call);
  }
}

static void call_step(gw_grpc_call *call) {
  while (call->state != CALL_DONE && !call->is_sending && !call->is_broken) {
    if (call->state == CALL_READING && !call_read(call)) break;
    if (call->state == CALL_ANSWERING) call_answer(call);
  }
  if (call->state == CALL_DONE) {
    gw_h2_consume(&call->stream, gw_h2_pending(&call->stream).n);
  }
}

static void call_begin(gw_grpc_call *call) {
  gw_str type = gw_h2_field_get(&call->stream.head, GW_STR("content-type"));
  if (!gw_str_starts(type, GW_STR("application/grpc"))) {
    static const gw_header refusal[] = { { GW_STR_INIT(":status"), GW_STR_INIT("415") } };
    call->state = CALL_DONE;
    call->is_broken = gw_h2_respond(&call->stream, refusal, 1, true) != GW_OK;
    return;
  }
  for (size_t i = 0; i < call->method_count && call->method == NULL; i++) {
    if (gw_str_eq(call->methods[i].path, call->stream.path)) call->method = &call->methods[i];
  }
  if (call->method == NULL) call_fail_plain(call, GW_GRPC_UNIMPLEMENTED, "no such method");
}

static void call_free(gw_grpc_call *call) {
  gw_arena_done(&call->arena);
  free(call);
}

static void call_tick(gw_h2_stream *stream, uint32_t noted) {
  gw_grpc_call *call = GW_CONTAINER_OF(stream, gw_grpc_call, stream);
  if (noted & GW_H2_CLOSED) {
    call_free(call);
    return;
  }
  if (noted & GW_H2_HEAD) call_begin(call);
  if (noted & GW_H2_ENDED) call->client_ended = true;
  if (noted & GW_H2_SENT) {
    call->is_sending = false;
    call->out.n = 0;
  }
  call_step(call);
  if (call->is_broken) {
    gw_h2_detach(stream, GW_H2_INTERNAL_ERROR);
    call_free(call);
  }
}

gw_h2_stream *gw_grpc_call_new(const gw_grpc_method *methods, size_t count, void *service,
                               gw_arena_pool *pool) {
  gw_grpc_call *call = calloc(1, sizeof *call);
  if (call == NULL) return NULL;
  gw_arena_init(&call->arena, pool, CALL_ARENA_BYTES_MAX);
  gw_buf_init(&call->out, &call->arena, GW_GRPC_CALL_ANSWERS_MAX);
  call->service = service;
  call->methods = methods;
  call->method_count = count;
  call->stream.tick = call_tick;
  call->stream.arena = &call->arena;
  return &call->stream;
}
