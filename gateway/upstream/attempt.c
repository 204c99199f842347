#include "upstream/attempt.h"

#include <stdarg.h>
#include <stdio.h>

#include "net/gzip.h"
#include "upstream/pick.h"
#include "upstream/send_queue.h"

#define ATTEMPT_TIMEOUT_DIGITS_MAX 99999999u /* PROTOCOL-HTTP2.md: at most 8 digits */
#define ATTEMPT_MESSAGE_MAX        512u      /* of our own error texts */

/* ---- how calls end ---- */

static void attempt_finish(gw_attempt *attempt, gw_call_result result) {
  assert(attempt->state != GW_ATTEMPT_DONE);
  gw_rpc_metrics *metrics = attempt->request->metrics;
  attempt->state = GW_ATTEMPT_DONE;
  attempt->result = result;
  if (metrics != NULL) {
    gw_rpc_metrics_add_attempt(metrics, result.grpc_code,
                               gw_loop_woke_us(attempt->loop) - attempt->begin_us,
                               attempt->sent_bytes, attempt->received_bytes);
  }
  gw_timer_cancel(attempt->loop, &attempt->timer);
  gw_upstream_done(attempt->upstream, attempt);
}

static void attempt_finish_text(gw_attempt *attempt, gw_code code, unsigned grpc_code,
                                const char *format, ...) GW_PRINTF(4, 5);

static void attempt_finish_text(gw_attempt *attempt, gw_code code, unsigned grpc_code,
                                const char *format, ...) {
  char text[ATTEMPT_MESSAGE_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  gw_str message = gw_arena_copy(attempt->arena, gw_str_of(text));
  attempt_finish(attempt,
                 (gw_call_result){ .code = code, .grpc_code = grpc_code, .message = message });
}

static void attempt_on_task(gw_task *task) {
  gw_attempt *attempt = GW_CONTAINER_OF(task, gw_attempt, task);
  attempt->tick(attempt);
}

void gw_attempt_fail(gw_attempt *attempt, gw_code code, const char *format, ...) {
  char text[ATTEMPT_MESSAGE_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  attempt->unseen = true;
  attempt_finish_text(attempt, code, gw_code_grpc(code), "%s", text);
  gw_loop_defer(attempt->loop, &attempt->task);
}

/* gRPC's mapping of HTTP/2 error codes (PROTOCOL-HTTP2.md, "Errors"). */
static gw_grpc_code attempt_code_of_reset(uint32_t h2_error) {
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
static bool attempt_finish_status(gw_attempt *attempt, const gw_h2_fields *fields) {
  gw_str text = gw_h2_field_get(fields, GW_STR("grpc-status"));
  uint64_t number;
  uint32_t seen = 0;
  for (uint32_t i = 0; i < fields->count; i++) {
    if (gw_str_eq(fields->items[i].name, GW_STR("grpc-status"))) seen++;
  }
  if (seen == 0) return false;
  if (seen > 1 || text.n > 9 || !gw_str_parse_u64(text, &number)) {
    attempt_finish_text(attempt, GW_OK, GW_GRPC_UNKNOWN, "upstream sent an invalid grpc-status");
    return true;
  }
  /* What does not speak gRPC cannot say that all is well. */
  if (number == GW_GRPC_OK && !attempt->speaks_grpc) return false;
  if (number == GW_GRPC_OK && !attempt->request->streaming && attempt->message_count != 1) {
    attempt_finish_text(attempt, GW_OK, GW_GRPC_INTERNAL,
                        "upstream answered a unary call with %u messages", attempt->message_count);
    return true;
  }
  attempt_finish(attempt, (gw_call_result){
                              .grpc_code = (unsigned)number,
                              .message = gw_h2_field_get(fields, GW_STR("grpc-message")),
                              .details = gw_h2_field_get(fields, GW_STR("grpc-status-details-bin")),
                          });
  return true;
}

/* The stream ended without a status: who is to blame. */
static void attempt_finish_broken(gw_attempt *attempt) {
  const gw_h2_stream *stream = &attempt->stream;
  switch (stream->closed_by) {
  case GW_H2_CLOSED_PROTOCOL:
    attempt_finish_text(attempt, GW_BAD_ANSWER, GW_GRPC_INTERNAL,
                        "upstream's answer breaks HTTP/2 or one of its limits");
    break;
  case GW_H2_CLOSED_CONNECTION:
    attempt->stranded = true;
    attempt_finish_text(attempt, GW_UNAVAILABLE, GW_GRPC_UNAVAILABLE,
                        "the connection to the upstream broke");
    break;
  case GW_H2_CLOSED_REFUSED:
    attempt->unseen = true;
    attempt_finish_text(attempt, GW_UNAVAILABLE, GW_GRPC_UNAVAILABLE, "upstream refused the call");
    break;
  case GW_H2_CLOSED_CLEAN:
  case GW_H2_CLOSED_RESET:
    attempt_finish_text(attempt, GW_OK, attempt_code_of_reset(stream->h2_error),
                        "upstream reset the call (HTTP/2 error %u)", (unsigned)stream->h2_error);
  }
}

/* The stream is over and all its messages were taken. */
static void attempt_finish_stream(gw_attempt *attempt) {
  const gw_h2_stream *stream = &attempt->stream;
  gw_str pending = gw_h2_pending(stream);
  size_t left = pending.n;
  bool told = false, keeps = attempt->request->keeps_foreign;
  if (left > 0 && attempt->ended && attempt->speaks_grpc) {
    attempt_finish_text(attempt, GW_BAD_ANSWER, GW_GRPC_INTERNAL,
                        "upstream ended within a message: %zu bytes of it came", left);
    told = true;
  }
  if (!told && attempt->has_trailers) told = attempt_finish_status(attempt, &stream->trailers);
  /* A status before messages would hide that the end is missing: only Trailers-Only has it there.
   */
  bool only_head = attempt->ended && !attempt->has_trailers && attempt->message_count == 0;
  if (!told && only_head) told = attempt_finish_status(attempt, &stream->head);
  if (!told && attempt->has_head && !attempt->speaks_grpc) {
    attempt_finish_text(attempt, GW_OK, gw_grpc_code_of_http(stream->status),
                        "upstream does not speak gRPC here: it answered HTTP %d", stream->status);
    if (keeps && attempt->ended) attempt->result.foreign_status = stream->status;
    if (keeps && attempt->ended) attempt->result.foreign_body = pending;
  } else if (!told && attempt->ended) {
    attempt_finish_text(attempt, GW_OK, GW_GRPC_UNKNOWN, "upstream sent no grpc-status");
  } else if (!told) {
    attempt_finish_broken(attempt);
  }
  gw_h2_detach(&attempt->stream, GW_H2_NO_ERROR);
}

/* ---- messages ---- */

/* Ends the call because of what the service sent. */
static gw_code attempt_refuse(gw_attempt *attempt, gw_code code, const char *text) {
  attempt_finish_text(attempt, code, GW_GRPC_INTERNAL, "upstream: %s", text);
  gw_h2_detach(&attempt->stream, GW_H2_CANCEL);
  return GW_AGAIN;
}

/* grpc/doc/compression.md: only what the head names, and only what was asked for. */
static gw_code attempt_inflate(gw_attempt *attempt, gw_str *message, gw_err *err) {
  gw_str coding = gw_h2_field_get(&attempt->stream.head, GW_STR("grpc-encoding"));
  size_t bytes_max = attempt->request->message_bytes_max;
  if (!gw_str_eq(coding, GW_STR("gzip"))) {
    return gw_err_set(err, GW_BAD_ANSWER,
                      "a message is compressed, and grpc-encoding is \"" GW_STR_FMT
                      "\", expected gzip",
                      GW_STR_ARG(gw_str_first(coding, gw_size_min(coding.n, 40))));
  }
  gw_gzip *gzip = gw_loop_gzip(attempt->loop);
  if (attempt->inflated == NULL) {
    attempt->inflated = gw_arena_alloc(attempt->arena, sizeof *attempt->inflated);
    if (attempt->inflated != NULL) gw_buf_init(attempt->inflated, attempt->arena, bytes_max);
  }
  if (gzip == NULL || attempt->inflated == NULL) return gw_err_set(err, GW_NOMEM, "no memory");
  attempt->inflated->n = 0;
  gw_code code = gw_gzip_inflate(gzip, *message, bytes_max, attempt->inflated, err);
  if (code == GW_OK) *message = gw_buf_str(attempt->inflated);
  return code;
}

/* Not gRPC, and to be passed on: it is gathered until its end. */
static gw_code attempt_next_foreign(gw_attempt *attempt) {
  gw_h2_stream *stream = &attempt->stream;
  if (gw_h2_pending(stream).n > attempt->request->message_bytes_max) {
    return attempt_refuse(attempt, GW_BAD_ANSWER, "an answer that is not gRPC is over the limit");
  }
  if (attempt->ended || stream->h2 == NULL)
    attempt_finish_stream(attempt);
  else
    gw_h2_credit(stream);
  return GW_AGAIN;
}

gw_code gw_attempt_next(gw_attempt *attempt, gw_str *message) {
  gw_err err;
  bool is_compressed = false;
  if (attempt->state != GW_ATTEMPT_OPEN) return GW_AGAIN;
  gw_h2_stream *stream = &attempt->stream;
  if (attempt->taken > 0) gw_h2_consume(stream, attempt->taken);
  attempt->taken = 0;
  if (!attempt->speaks_grpc) {
    if (attempt->has_head && attempt->request->keeps_foreign) return attempt_next_foreign(attempt);
    /* Not gRPC: what it says is dropped as it comes. */
    gw_h2_consume(stream, gw_h2_pending(stream).n);
  }
  gw_str pending = gw_h2_pending(stream), next = { NULL, 0 };
  gw_err_init(&err);
  gw_code code =
      gw_grpc_frame_next(pending, attempt->request->message_bytes_max, &next, &is_compressed, &err);
  if (code != GW_OK && code != GW_AGAIN) return attempt_refuse(attempt, GW_BAD_ANSWER, err.text);
  bool is_over = attempt->ended || stream->h2 == NULL, is_unary = !attempt->request->streaming;
  size_t frame_n = GW_GRPC_PREFIX_BYTES + next.n;
  if (code == GW_OK && is_unary && pending.n > frame_n) {
    return attempt_refuse(attempt, GW_OK, "a unary call was answered with more than one message");
  }
  /* One message is only an answer together with its status. */
  if (code == GW_OK && (is_over || !is_unary)) {
    if (GW_UNLIKELY(is_compressed)) code = attempt_inflate(attempt, &next, &err);
    if (code != GW_OK) {
      return attempt_refuse(attempt, code == GW_NOMEM ? code : GW_BAD_ANSWER, err.text);
    }
    attempt->message_count++;
    attempt->received_bytes += frame_n - GW_GRPC_PREFIX_BYTES;
    attempt->taken = frame_n;
    *message = next;
    return GW_OK;
  }
  if (is_over) {
    attempt_finish_stream(attempt);
  } else {
    gw_h2_credit(stream); /* the rest of the message, or the status, is still to come */
  }
  return GW_AGAIN;
}

/* Nothing of the answer came: the same frames go out on another stream. */
static void attempt_start_again(gw_attempt *attempt) {
  attempt->was_refused = true;
  if (attempt->request->queue != NULL) gw_send_queue_rewind(attempt);
  attempt->stream = (gw_h2_stream){ .tick = attempt->stream.tick, .arena = attempt->arena };
  attempt->state = GW_ATTEMPT_WAITING;
  gw_upstream_replace(attempt->upstream, attempt);
}

static void attempt_on_stream(gw_h2_stream *stream, uint32_t noted) {
  gw_attempt *attempt = GW_CONTAINER_OF(stream, gw_attempt, stream);
  if (noted & GW_H2_HEAD) {
    attempt->has_head = true;
    attempt->speaks_grpc = stream->status == 200 && head_is_grpc(&stream->head);
  }
  if (noted & GW_H2_TRAILERS) attempt->has_trailers = true;
  if (noted & GW_H2_ENDED) attempt->ended = true;
  bool refused = (noted & GW_H2_CLOSED) && stream->closed_by == GW_H2_CLOSED_REFUSED;
  gw_send_queue *queue = attempt->request->queue;
  bool is_whole = queue == NULL || queue->is_kept;
  if (refused && !attempt->has_head && !attempt->was_refused && is_whole) {
    attempt_start_again(attempt);
    return;
  }
  bool took = (noted & GW_H2_SENT) && queue != NULL;
  if (took) gw_send_queue_sent(attempt);
  if (took || (noted & ~(uint32_t)GW_H2_SENT)) attempt->tick(attempt);
}

/* ---- starting ---- */

/* "<digits><unit>" with what is left, at least 1 ms: PROTOCOL-HTTP2.md, "Timeout". */
static gw_str attempt_timeout_print(gw_attempt *attempt) {
  uint64_t now = gw_loop_now_ms(attempt->loop);
  uint64_t left = attempt->deadline_ms > now ? attempt->deadline_ms - now : 1;
  bool as_ms = left <= ATTEMPT_TIMEOUT_DIGITS_MAX;
  size_t n = gw_number_print_u64(as_ms ? left : left / 1000, attempt->timeout);
  attempt->timeout[n] = as_ms ? 'm' : 'S';
  return (gw_str){ attempt->timeout, n + 1 };
}

gw_code gw_attempt_open(gw_attempt *attempt, gw_h2 *h2, const gw_endpoint_config *endpoint) {
  bool is_secure = gw_scheme_is_secure(endpoint->scheme);
  gw_header fields[GW_CALL_METADATA_MAX + 13];
  size_t n = 0;
  const gw_call_request *request = attempt->request;
  fields[n++] = (gw_header){ GW_STR(":method"), GW_STR("POST") };
  fields[n++] = (gw_header){ GW_STR(":scheme"), is_secure ? GW_STR("https") : GW_STR("http") };
  fields[n++] = (gw_header){ GW_STR(":path"), request->path };
  fields[n++] = (gw_header){ GW_STR(":authority"), endpoint->authority };
  fields[n++] = (gw_header){ GW_STR("te"), GW_STR("trailers") };
  if (attempt->deadline_ms != 0) {
    fields[n++] = (gw_header){ GW_STR("grpc-timeout"), attempt_timeout_print(attempt) };
  }
  fields[n++] = (gw_header){ GW_STR("content-type"), GW_STR("application/grpc") };
  fields[n++] = (gw_header){ GW_STR("grpc-accept-encoding"), GW_STR("identity,gzip") };
  fields[n++] = (gw_header){ GW_STR("user-agent"), GW_STR("sluice/" GW_VERSION) };
  if (request->compressed) fields[n++] = (gw_header){ GW_STR("grpc-encoding"), GW_STR("gzip") };
  assert(request->metadata_count <= GW_CALL_METADATA_MAX);
  if (attempt->previous_count > 0) { /* gRFC A6 */
    size_t digits = gw_number_print_u64(attempt->previous_count, attempt->count);
    fields[n++] = (gw_header){ GW_STR("grpc-previous-rpc-attempts"), { attempt->count, digits } };
  }
  for (uint32_t i = 0; i < request->metadata_count; i++)
    fields[n++] = request->metadata[i];
  gw_code code = gw_h2_request(h2, &attempt->stream, fields, n);
  if (code != GW_OK) return code;
  attempt->state = GW_ATTEMPT_OPEN;
  attempt->streams++;
  if (request->queue == NULL) {
    attempt->sent_bytes = request->frames.n - GW_GRPC_PREFIX_BYTES;
    gw_h2_send(&attempt->stream, request->frames, true);
  } else {
    gw_send_queue_push(attempt);
  }
  return GW_OK;
}

static void attempt_on_timer(gw_timer *timer) {
  gw_attempt *attempt = GW_CONTAINER_OF(timer, gw_attempt, timer);
  gw_attempt_end(attempt, GW_DEADLINE);
  attempt->expired = true;
  attempt->tick(attempt);
}

void gw_attempt_start(gw_attempt *attempt, gw_loop *loop, gw_upstream *upstream) {
  assert(attempt->state == GW_ATTEMPT_IDLE);
  attempt->loop = loop;
  attempt->upstream = upstream;
  attempt->task.run = attempt_on_task;
  attempt->timer.fired = attempt_on_timer;
  attempt->stream.tick = attempt_on_stream;
  attempt->stream.arena = attempt->arena;
  attempt->state = GW_ATTEMPT_WAITING;
  attempt->begin_us = gw_loop_woke_us(loop);
  if (attempt->request->metrics != NULL) {
    gw_count(&attempt->request->metrics->attempts_started, 1);
  }
  if (attempt->request->queue != NULL) gw_send_queue_init(attempt);
  if (attempt->deadline_ms != attempt->request->deadline_ms) {
    gw_timer_set(loop, &attempt->timer, attempt->deadline_ms);
  }
  gw_upstream_place(upstream, attempt);
}

void gw_attempt_end(gw_attempt *attempt, gw_code code) {
  if (attempt->state == GW_ATTEMPT_IDLE) return;
  gw_loop_withdraw(attempt->loop, &attempt->task);
  if (attempt->state == GW_ATTEMPT_DONE) return;
  if (attempt->state == GW_ATTEMPT_WAITING) gw_upstream_unqueue(attempt->upstream, attempt);
  gw_h2_detach(&attempt->stream, GW_H2_CANCEL);
  attempt_finish(attempt, (gw_call_result){ .code = code, .grpc_code = gw_code_grpc(code) });
}
