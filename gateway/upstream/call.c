#include "upstream/call.h"

#include <stdarg.h>
#include <stdio.h>

#include "upstream/call_queue.h"
#include "upstream/pick.h"

#define CALL_TIMEOUT_DIGITS_MAX 99999999u /* PROTOCOL-HTTP2.md: at most 8 digits */
#define CALL_MESSAGE_MAX        512u      /* of our own error texts */

/* ---- how calls end ---- */

static void call_finish(gw_call *call, gw_call_result result) {
  assert(call->state != GW_CALL_DONE);
  call->state = GW_CALL_DONE;
  call->result = result;
  gw_upstream_call_done(call->upstream, call);
}

static void call_finish_text(gw_call *call, gw_code code, unsigned grpc_code, const char *format,
                             ...) GW_PRINTF(4, 5);

static void call_finish_text(gw_call *call, gw_code code, unsigned grpc_code, const char *format,
                             ...) {
  char text[CALL_MESSAGE_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  gw_str message = gw_arena_copy(call->arena, gw_str_of(text));
  call_finish(call, (gw_call_result){ .code = code, .grpc_code = grpc_code, .message = message });
}

static void call_on_task(gw_task *task) {
  gw_call *call = GW_CONTAINER_OF(task, gw_call, task);
  call->tick(call);
}

void gw_call_fail(gw_call *call, gw_code code, const char *format, ...) {
  char text[CALL_MESSAGE_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  call_finish_text(call, code, gw_code_grpc(code), "%s", text);
  gw_loop_defer(call->loop, &call->task);
}

/* gRPC's mapping of HTTP/2 error codes (PROTOCOL-HTTP2.md, "Errors"). */
static gw_grpc_code call_code_of_reset(uint32_t h2_error) {
  switch (h2_error) {
  case GW_H2_REFUSED_STREAM: return GW_GRPC_UNAVAILABLE;
  case GW_H2_CANCEL: return GW_GRPC_CANCELLED;
  case GW_H2_ENHANCE_YOUR_CALM: return GW_GRPC_RESOURCE_EXHAUSTED;
  case 12: return GW_GRPC_PERMISSION_DENIED; /* INADEQUATE_SECURITY */
  default: return GW_GRPC_INTERNAL;
  }
}

static bool head_is_grpc(const gw_h2_fields *head) {
  gw_str type = gw_h2_field_get(head, GW_STR("content-type"));
  return gw_str_starts(type, GW_STR("application/grpc")) &&
         (type.n == 16 || strchr("+;", type.p[16]) != NULL);
}

/* The status in trailers, or in the head of an answer without messages.  False: there is none. */
static bool call_finish_status(gw_call *call, const gw_h2_fields *fields) {
  gw_str text = gw_h2_field_get(fields, GW_STR("grpc-status"));
  uint64_t number;
  uint32_t seen = 0;
  for (uint32_t i = 0; i < fields->count; i++) {
    if (gw_str_eq(fields->items[i].name, GW_STR("grpc-status"))) seen++;
  }
  if (seen == 0) return false;
  if (seen > 1 || text.n > 9 || !gw_str_parse_u64(text, &number)) {
    call_finish_text(call, GW_OK, GW_GRPC_UNKNOWN, "upstream sent an invalid grpc-status");
    return true;
  }
  /* What does not speak gRPC cannot say that all is well. */
  if (number == GW_GRPC_OK && !call->speaks_grpc) return false;
  if (number == GW_GRPC_OK && !call->request.streaming && call->message_count != 1) {
    call_finish_text(call, GW_OK, GW_GRPC_INTERNAL,
                     "upstream answered a unary call with %u messages", call->message_count);
    return true;
  }
  call_finish(call, (gw_call_result){
                        .grpc_code = (unsigned)number,
                        .message = gw_h2_field_get(fields, GW_STR("grpc-message")),
                        .details = gw_h2_field_get(fields, GW_STR("grpc-status-details-bin")),
                    });
  return true;
}

/* The stream ended without a status: who is to blame. */
static void call_finish_broken(gw_call *call) {
  const gw_h2_stream *stream = &call->stream;
  switch (stream->closed_by) {
  case GW_H2_CLOSED_PROTOCOL:
    call_finish_text(call, GW_BAD_ANSWER, GW_GRPC_INTERNAL,
                     "upstream's answer breaks HTTP/2 or one of its limits");
    break;
  case GW_H2_CLOSED_CONNECTION:
    call_finish_text(call, GW_UNAVAILABLE, GW_GRPC_UNAVAILABLE,
                     "the connection to the upstream broke");
    break;
  case GW_H2_CLOSED_REFUSED:
    call_finish_text(call, GW_UNAVAILABLE, GW_GRPC_UNAVAILABLE, "upstream refused the call");
    break;
  case GW_H2_CLOSED_CLEAN:
  case GW_H2_CLOSED_RESET:
    call_finish_text(call, GW_OK, call_code_of_reset(stream->h2_error),
                     "upstream reset the call (HTTP/2 error %u)", (unsigned)stream->h2_error);
  }
}

/* The stream is over and all its messages were taken. */
static void call_finish_stream(gw_call *call) {
  const gw_h2_stream *stream = &call->stream;
  gw_str pending = gw_h2_pending(stream);
  size_t left = pending.n;
  bool told = false, keeps = call->request.keeps_foreign;
  if (left > 0 && call->ended && call->speaks_grpc) {
    call_finish_text(call, GW_BAD_ANSWER, GW_GRPC_INTERNAL,
                     "upstream ended within a message: %zu bytes of it came", left);
    told = true;
  }
  if (!told && call->has_trailers) told = call_finish_status(call, &stream->trailers);
  /* A status before messages would hide that the end is missing: only Trailers-Only has it there.
   */
  bool only_head = call->ended && !call->has_trailers && call->message_count == 0;
  if (!told && only_head) told = call_finish_status(call, &stream->head);
  if (!told && call->has_head && !call->speaks_grpc) {
    call_finish_text(call, GW_OK, gw_grpc_code_of_http(stream->status),
                     "upstream does not speak gRPC here: it answered HTTP %d", stream->status);
    if (keeps && call->ended) call->result.foreign_status = stream->status;
    if (keeps && call->ended) call->result.foreign_body = pending;
  } else if (!told && call->ended) {
    call_finish_text(call, GW_OK, GW_GRPC_UNKNOWN, "upstream sent no grpc-status");
  } else if (!told) {
    call_finish_broken(call);
  }
  gw_h2_detach(&call->stream, GW_H2_NO_ERROR);
}

/* ---- messages ---- */

/* Ends the call because of what the service sent. */
static gw_code call_refuse(gw_call *call, gw_code code, const char *text) {
  call_finish_text(call, code, GW_GRPC_INTERNAL, "upstream: %s", text);
  gw_h2_detach(&call->stream, GW_H2_CANCEL);
  return GW_AGAIN;
}

/* Not gRPC, and to be passed on: it is gathered until its end. */
static gw_code call_next_foreign(gw_call *call) {
  gw_h2_stream *stream = &call->stream;
  if (gw_h2_pending(stream).n > call->request.message_bytes_max) {
    return call_refuse(call, GW_BAD_ANSWER, "an answer that is not gRPC is over the limit");
  }
  if (call->ended || stream->h2 == NULL)
    call_finish_stream(call);
  else
    gw_h2_credit(stream);
  return GW_AGAIN;
}

gw_code gw_call_next(gw_call *call, gw_str *message) {
  gw_err err;
  if (call->state != GW_CALL_OPEN) return GW_AGAIN;
  gw_h2_stream *stream = &call->stream;
  if (call->taken > 0) gw_h2_consume(stream, call->taken);
  call->taken = 0;
  if (!call->speaks_grpc) {
    if (call->has_head && call->request.keeps_foreign) return call_next_foreign(call);
    /* Not gRPC: what it says is dropped as it comes. */
    gw_h2_consume(stream, gw_h2_pending(stream).n);
  }
  gw_str pending = gw_h2_pending(stream), next = { NULL, 0 };
  gw_err_init(&err);
  gw_code code = gw_grpc_frame_next(pending, call->request.message_bytes_max, &next, &err);
  if (code != GW_OK && code != GW_AGAIN) return call_refuse(call, GW_BAD_ANSWER, err.text);
  bool is_over = call->ended || stream->h2 == NULL, is_unary = !call->request.streaming;
  size_t frame_n = GW_GRPC_PREFIX_BYTES + next.n;
  if (code == GW_OK && is_unary && pending.n > frame_n) {
    return call_refuse(call, GW_OK, "a unary call was answered with more than one message");
  }
  /* One message is only an answer together with its status. */
  if (code == GW_OK && (is_over || !is_unary)) {
    call->message_count++;
    call->taken = frame_n;
    *message = next;
    return GW_OK;
  }
  if (is_over) {
    call_finish_stream(call);
  } else {
    gw_h2_credit(stream); /* the rest of the message, or the status, is still to come */
  }
  return GW_AGAIN;
}

/* Nothing of the answer came: the same frames go out on another stream. */
static void call_start_again(gw_call *call) {
  call->was_refused = true;
  if (call->request.queue != NULL) gw_call_queue_rewind(call);
  call->stream = (gw_h2_stream){ .tick = call->stream.tick, .arena = call->arena };
  call->state = GW_CALL_WAITING;
  gw_upstream_replace(call->upstream, call);
}

static void call_on_stream(gw_h2_stream *stream, uint32_t noted) {
  gw_call *call = GW_CONTAINER_OF(stream, gw_call, stream);
  if (noted & GW_H2_HEAD) {
    call->has_head = true;
    call->speaks_grpc = stream->status == 200 && head_is_grpc(&stream->head);
  }
  if (noted & GW_H2_TRAILERS) call->has_trailers = true;
  if (noted & GW_H2_ENDED) call->ended = true;
  bool refused = (noted & GW_H2_CLOSED) && stream->closed_by == GW_H2_CLOSED_REFUSED;
  gw_call_queue *queue = call->request.queue;
  bool is_whole = queue == NULL || queue->is_kept;
  if (refused && !call->has_head && !call->was_refused && is_whole) {
    call_start_again(call);
    return;
  }
  bool took = (noted & GW_H2_SENT) && queue != NULL;
  if (took) gw_call_queue_sent(call);
  if (took || (noted & ~(uint32_t)GW_H2_SENT)) call->tick(call);
}

/* ---- starting ---- */

/* "<digits><unit>" with what is left, at least 1 ms: PROTOCOL-HTTP2.md, "Timeout". */
static gw_str call_timeout_print(gw_call *call) {
  uint64_t now = gw_loop_now_ms(call->loop);
  uint64_t left = call->request.deadline_ms > now ? call->request.deadline_ms - now : 1;
  bool as_ms = left <= CALL_TIMEOUT_DIGITS_MAX;
  size_t n = gw_number_print_u64(as_ms ? left : left / 1000, call->timeout);
  call->timeout[n] = as_ms ? 'm' : 'S';
  return (gw_str){ call->timeout, n + 1 };
}

gw_code gw_call_open(gw_call *call, gw_h2 *h2, gw_str authority) {
  gw_header fields[GW_CALL_METADATA_MAX + 10];
  size_t n = 0;
  const gw_call_request *request = &call->request;
  fields[n++] = (gw_header){ GW_STR(":method"), GW_STR("POST") };
  fields[n++] = (gw_header){ GW_STR(":scheme"), GW_STR("http") };
  fields[n++] = (gw_header){ GW_STR(":path"), request->path };
  fields[n++] = (gw_header){ GW_STR(":authority"), authority };
  fields[n++] = (gw_header){ GW_STR("te"), GW_STR("trailers") };
  if (request->deadline_ms != 0) {
    fields[n++] = (gw_header){ GW_STR("grpc-timeout"), call_timeout_print(call) };
  }
  fields[n++] = (gw_header){ GW_STR("content-type"), GW_STR("application/grpc") };
  fields[n++] = (gw_header){ GW_STR("user-agent"), GW_STR("sluice/" GW_VERSION) };
  assert(request->metadata_count <= GW_CALL_METADATA_MAX);
  for (uint32_t i = 0; i < request->metadata_count; i++)
    fields[n++] = request->metadata[i];
  gw_code code = gw_h2_request(h2, &call->stream, fields, n);
  if (code != GW_OK) return code;
  call->state = GW_CALL_OPEN;
  call->attempts++;
  if (request->queue == NULL) {
    gw_h2_send(&call->stream, request->frames, true);
  } else {
    gw_call_queue_push(call);
  }
  return GW_OK;
}

void gw_call_start(gw_call *call, gw_loop *loop, gw_upstream *upstream,
                   const gw_call_request *request) {
  assert(call->state == GW_CALL_IDLE);
  call->loop = loop;
  call->upstream = upstream;
  call->request = *request;
  call->task.run = call_on_task;
  call->stream.tick = call_on_stream;
  call->stream.arena = call->arena;
  call->state = GW_CALL_WAITING;
  if (request->queue != NULL) gw_call_queue_init(call);
  gw_upstream_place(upstream, call);
}

static void call_end(gw_call *call, gw_code code) {
  if (call->state == GW_CALL_IDLE) return;
  gw_loop_withdraw(call->loop, &call->task);
  if (call->state == GW_CALL_DONE) return;
  if (call->state == GW_CALL_WAITING) gw_upstream_unqueue(call->upstream, call);
  gw_h2_detach(&call->stream, GW_H2_CANCEL);
  call_finish(call, (gw_call_result){ .code = code, .grpc_code = gw_code_grpc(code) });
}

void gw_call_cancel(gw_call *call) {
  call_end(call, GW_CANCELLED);
}

void gw_call_expire(gw_call *call) {
  call_end(call, GW_DEADLINE);
}

const gw_h2_fields *gw_call_head(const gw_call *call) {
  return call->has_head ? &call->stream.head : NULL;
}

const gw_h2_fields *gw_call_trailers(const gw_call *call) {
  return call->has_trailers ? &call->stream.trailers : NULL;
}
