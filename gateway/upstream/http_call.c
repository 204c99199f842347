#include "upstream/http_call.h"

#include <stdarg.h>
#include <stdio.h>

#include "net/h1_writer.h"
#include "upstream/http_pool.h"

#define CALL_MESSAGE_MAX 512u /* of our own error texts */
#define CALL_PARTS_MAX   5u   /* head, size, piece, CRLF, last chunk */
/* All heads of one answer, interim ones included, and one read more. */
#define CALL_HEAD_BYTES_MAX                                                                        \
  ((GW_H1_INFORMATIONAL_MAX + 2) * (GW_H1_ANSWER_LINE_BYTES_MAX + GW_H1_ANSWER_HEAD_BYTES_MAX) +   \
   GW_KIB(64))
#define CALL_KEPT_BYTES_MAX GW_KIB(128) /* one read, of which nothing was taken */
#define CALL_BODY_BYTES_MAX GW_MIB(1)   /* pieces sent before there was a connection */

static const gw_limits *call_limits(void) {
  static const gw_limits limits = { .request_line = GW_H1_ANSWER_LINE_BYTES_MAX,
                                    .headers = GW_H1_ANSWER_HEAD_BYTES_MAX,
                                    .header = GW_H1_ANSWER_HEAD_BYTES_MAX,
                                    .header_count = GW_H1_ANSWER_HEADER_COUNT_MAX };
  return &limits;
}

/* ---- how calls end ---- */

/* How long the connection may wait for the next call; 0: not at all.  A second less than the server
 * told: what it closes meanwhile would meet a request on its way. */
static uint64_t call_idle_ms(const gw_http_call *call) {
  const gw_h1_response *response = &call->response;
  uint64_t idle_ms = call->upstream->config->idle_timeout_ms;
  if (!response->keep_alive || !call->end_given || call->has_conn_ended) return 0;
  if (gw_tcp_queued(call->conn->tcp) > 0) return 0;
  if (response->keep_alive_s == 0) return idle_ms;
  uint64_t told_ms = (uint64_t)response->keep_alive_s * 1000;
  return gw_size_min(idle_ms, told_ms > 2000 ? told_ms - 1000 : told_ms / 2);
}

static void call_finish(gw_http_call *call, gw_http_result result, uint64_t idle_ms) {
  gw_http_conn *conn = call->conn;
  assert(call->state != GW_HTTP_CALL_DONE);
  gw_loop_withdraw(call->loop, &call->task);
  call->state = GW_HTTP_CALL_DONE;
  call->result = result;
  gw_http_upstream_call_done(call);
  call->conn = NULL;
  if (conn == NULL) return;
  if (idle_ms > 0) {
    if (call->is_paused) gw_tcp_pause(conn->tcp, false);
    gw_http_conn_release(conn, idle_ms);
  } else {
    gw_http_conn_close(conn);
  }
}

static void call_finish_text(gw_http_call *call, gw_code code, const char *text) {
  gw_str message = gw_arena_copy(call->arena, gw_str_of(text));
  call_finish(call, (gw_http_result){ .code = code, .message = message }, 0);
}

static void call_on_task(gw_task *task) {
  gw_http_call *call = GW_CONTAINER_OF(task, gw_http_call, task);
  call->tick(call);
}

void gw_http_call_fail(gw_http_call *call, gw_code code, const char *format, ...) {
  char text[CALL_MESSAGE_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  call_finish_text(call, code, text);
  gw_loop_defer(call->loop, &call->task);
}

/* ---- sending ---- */

/* A piece with its frame: at most CALL_PARTS_MAX - 1 parts.  `prefix` has 20 bytes. */
static size_t call_frame(const gw_http_call *call, gw_str piece, bool end, char *prefix,
                         gw_str *parts) {
  size_t n = 0;
  if (!call->request.is_chunked) {
    if (piece.n > 0) parts[n++] = piece;
    return n;
  }
  if (piece.n > 0) {
    parts[n++] = (gw_str){ prefix, gw_h1_chunk_prefix(piece.n, prefix) };
    parts[n++] = piece;
    parts[n++] = GW_STR("\r\n");
  }
  if (end) parts[n++] = GW_STR("0\r\n\r\n");
  return n;
}

static gw_code call_keep(gw_http_call *call, const gw_str *parts, size_t count) {
  gw_code code = GW_OK;
  for (size_t i = 0; i < count && code == GW_OK; i++)
    code = gw_buf_append(&call->body, parts[i]);
  return code;
}

/* Whether what is sent must be kept: only a connection that was idle may turn out stale. */
static bool call_keeps(const gw_http_call *call) {
  return call->is_kept && !call->is_again && call->conn->may_be_stale && !call->has_head &&
         call->body.n < GW_HTTP_REPLAY_BYTES_MAX;
}

static void call_keep_sent(gw_http_call *call, const gw_str *parts, size_t count) {
  if (count == 0) return;
  call->is_kept = call_keeps(call) && call_keep(call, parts, count) == GW_OK;
}

void gw_http_call_open(gw_http_call *call, gw_http_conn *conn) {
  gw_str parts[CALL_PARTS_MAX] = { call->request.head };
  char prefix[20];
  size_t count = 0;
  call->state = GW_HTTP_CALL_OPEN;
  call->conn = conn;
  call->attempts++;
  gw_h1_response_init(&call->reader, call_limits(), call->arena, call->request.to_head);
  /* The owner waits to be asked for more of the body. */
  if (!call->is_starting && !call->end_given) gw_loop_defer(call->loop, &call->task);
  if (call->body.n > 0) {
    parts[1] = gw_buf_str(&call->body);
    gw_http_conn_write(conn, parts, 2);
    return;
  }
  if (call->first.n > 0 || call->first_ends) {
    count = call_frame(call, call->first, call->first_ends, prefix, parts + 1);
  }
  gw_http_conn_write(conn, parts, 1 + count);
  call_keep_sent(call, parts + 1, count);
}

void gw_http_call_start(gw_http_call *call, gw_loop *loop, gw_http_upstream *upstream,
                        const gw_http_request *request, gw_str piece, bool end) {
  gw_str parts[CALL_PARTS_MAX];
  char prefix[20];
  assert(call->state == GW_HTTP_CALL_IDLE);
  call->loop = loop;
  call->upstream = upstream;
  call->request = *request;
  call->task.run = call_on_task;
  call->first = piece;
  call->first_ends = call->end_given = end;
  call->is_kept = call->is_starting = true;
  gw_buf_init(&call->body, call->arena, CALL_BODY_BYTES_MAX);
  gw_buf_init(&call->head, call->arena, CALL_HEAD_BYTES_MAX);
  gw_buf_init(&call->kept, call->arena, CALL_KEPT_BYTES_MAX);
  call->state = GW_HTTP_CALL_WAITING;
  gw_http_upstream_place(upstream, call);
  if (call->state == GW_HTTP_CALL_WAITING) {
    size_t count = call_frame(call, piece, end, prefix, parts);
    if (call_keep(call, parts, count) != GW_OK) {
      gw_http_upstream_unqueue(upstream, call);
      gw_http_call_fail(call, GW_NOMEM, "no memory to keep the request");
    }
  }
  call->first = (gw_str){ NULL, 0 };
  call->first_ends = call->is_starting = false;
}

bool gw_http_call_wants(const gw_http_call *call) {
  return call->state == GW_HTTP_CALL_OPEN && !call->end_given &&
         gw_tcp_queued(call->conn->tcp) == 0;
}

void gw_http_call_send(gw_http_call *call, gw_str piece, bool end) {
  gw_str parts[CALL_PARTS_MAX];
  char prefix[20];
  if (call->state != GW_HTTP_CALL_OPEN && call->state != GW_HTTP_CALL_WAITING) return;
  assert(!call->end_given);
  call->end_given = end;
  size_t count = call_frame(call, piece, end, prefix, parts);
  if (call->state == GW_HTTP_CALL_OPEN) {
    if (count > 0) gw_http_conn_write(call->conn, parts, count);
    call_keep_sent(call, parts, count);
  } else if (call_keep(call, parts, count) != GW_OK) {
    gw_http_upstream_unqueue(call->upstream, call);
    gw_http_call_fail(call, GW_NOMEM, "no memory to keep the request");
  }
}

void gw_http_call_on_drained(gw_http_call *call) {
  if (gw_http_call_wants(call)) call->tick(call);
}

/* ---- the answer's head ---- */

/* Reads the head from call->input; what follows it stays there.  The head is copied to the arena:
 * bytes that were just read are the loop's. */
static gw_code call_read_head(gw_http_call *call, char *bytes, gw_err *err) {
  size_t n = call->input.n, before = call->head.n, head_n;
  gw_code code = before > 0 ? gw_buf_append(&call->head, call->input) : GW_OK;
  char *all = before > 0 ? call->head.p : bytes;
  if (code != GW_OK) return code;
  code = gw_h1_response_read(&call->reader, all, before + n, &call->response, &head_n, err);
  if (code == GW_AGAIN) {
    call->input = gw_str_skip(call->input, n);
    gw_code kept = before > 0 ? GW_OK : gw_buf_append(&call->head, (gw_str){ bytes, n });
    return kept == GW_OK ? GW_AGAIN : kept;
  }
  if (code != GW_OK) return code;
  if (before == 0) {
    gw_str copy = gw_arena_copy(call->arena, (gw_str){ bytes, head_n });
    if (copy.p == NULL) return GW_NOMEM;
    gw_h1_response_move(&call->reader, &call->response, copy.p);
  }
  call->input = gw_str_skip(call->input, head_n - before);
  call->has_head = true;
  return GW_OK;
}

/* ---- the answer's body ---- */

static gw_str call_pending(const gw_http_call *call) {
  if (call->kept.n == call->kept_start) return call->input;
  return (gw_str){ call->kept.p + call->kept_start, call->kept.n - call->kept_start };
}

static void call_pending_set(gw_http_call *call, gw_str rest) {
  if (call->kept.n == call->kept_start) {
    call->input = rest;
    return;
  }
  call->kept_start = call->kept.n - rest.n;
  if (rest.n == 0) call->kept.n = call->kept_start = 0;
}

/* What the owner did not take waits, and the connection with it. */
static void call_keep_input(gw_http_call *call) {
  if (call->input.n == 0) return;
  if (gw_buf_append(&call->kept, call->input) != GW_OK) {
    call->input.n = 0;
    call_finish_text(call, GW_NOMEM, "no memory to keep the answer");
    gw_loop_defer(call->loop, &call->task);
    return;
  }
  call->input.n = 0;
  if (call->is_paused) return;
  call->is_paused = true;
  gw_tcp_pause(call->conn->tcp, true);
}

/* The connection ended and everything that came on it was taken. */
static void call_finish_ended(gw_http_call *call) {
  if (call->reader.body_kind == GW_H1_BODY_CLOSE && call->end_code == GW_OK) {
    call_finish(call, (gw_http_result){ .code = GW_OK }, 0);
  } else {
    call_finish_text(call, GW_BAD_ANSWER, "the upstream's connection ended within its answer");
  }
}

gw_code gw_http_call_next(gw_http_call *call, gw_str *piece) {
  gw_err err;
  gw_str rest = call_pending(call), data = { NULL, 0 };
  if (call->state != GW_HTTP_CALL_OPEN || !call->has_head) return GW_AGAIN;
  gw_err_init(&err);
  gw_code code;
  do {
    code = gw_h1_body_read(&call->reader, &rest, SIZE_MAX, &data, &err);
  } while (code == GW_AGAIN && data.n == 0 && rest.n > 0);
  if (code == GW_OK) {
    /* Bytes behind the answer belong to no request: such a connection is of no more use. */
    call_finish(call, (gw_http_result){ .code = GW_OK }, rest.n > 0 ? 0 : call_idle_ms(call));
  } else if (code != GW_AGAIN) {
    char text[CALL_MESSAGE_MAX];
    snprintf(text, sizeof text, "the upstream's answer cannot be read: %s", err.text);
    call_finish_text(call, code, text);
    return GW_AGAIN;
  } else {
    call_pending_set(call, rest);
    if (data.n == 0 && call->has_conn_ended) {
      call_finish_ended(call);
    } else if (data.n == 0 && call->is_paused) {
      call->is_paused = false;
      gw_tcp_pause(call->conn->tcp, false);
    }
  }
  *piece = data;
  return data.n > 0 ? GW_OK : GW_AGAIN;
}

/* ---- events of the connection ---- */

void gw_http_call_on_read(gw_http_call *call, char *bytes, size_t n) {
  gw_http_conn *conn = call->conn;
  gw_err err;
  gw_err_init(&err);
  call->input = (gw_str){ bytes, n };
  if (!call->has_head) {
    gw_code code = call_read_head(call, bytes, &err);
    if (code == GW_AGAIN) return;
    if (code != GW_OK) {
      char text[CALL_MESSAGE_MAX];
      snprintf(text, sizeof text, "the upstream's answer cannot be read: %s",
               err.code != GW_OK ? err.text : gw_code_name(code));
      call_finish_text(call, code == GW_TOO_LARGE ? GW_BAD_ANSWER : code, text);
    }
  }
  call->tick(call);
  if (conn->call == call) call_keep_input(call);
}

/* The connection ended before any byte of an answer: the request goes once more where that cannot
 * make the service act twice. */
static bool call_may_repeat(const gw_http_call *call, gw_code why) {
  if (call->is_again || !call->is_kept || call->head.n > 0) return false;
  bool unseen = why == GW_OK && gw_http_conn_is_unseen(call->conn);
  return unseen || (call->conn->may_be_stale && call->request.is_idempotent);
}

static void call_repeat(gw_http_call *call) {
  gw_http_conn *conn = call->conn;
  call->is_again = true;
  call->state = GW_HTTP_CALL_WAITING;
  call->conn = NULL;
  call->has_conn_ended = false;
  gw_http_conn_close(conn);
  gw_count(&call->upstream->metrics->repeats_total, 1);
  gw_http_upstream_replace(call->upstream, call);
}

void gw_http_call_on_ended(gw_http_call *call, gw_code why) {
  if (!call->has_conn_ended || call->end_code == GW_OK) call->end_code = why;
  call->has_conn_ended = true;
  if (!call->has_head && call_may_repeat(call, why)) {
    call_repeat(call);
    return;
  }
  if (!call->has_head) {
    call_finish_text(call, GW_BAD_ANSWER,
                     call->head.n > 0 ? "the upstream's connection ended within its answer's head"
                                      : "the upstream's connection ended before its answer");
  }
  call->tick(call);
}

void gw_http_call_cancel(gw_http_call *call) {
  if (call->state == GW_HTTP_CALL_IDLE) return;
  gw_loop_withdraw(call->loop, &call->task);
  if (call->state == GW_HTTP_CALL_DONE) return;
  if (call->state == GW_HTTP_CALL_WAITING) gw_http_upstream_unqueue(call->upstream, call);
  call_finish(call, (gw_http_result){ .code = GW_CANCELLED }, 0);
}
