#include "front/h1_conn.h"

#include <stdlib.h>

#include "front/front_list.h"
#include "front/h1_answer.h"

/* Bytes behind a request: reading goes on, since only so the client's end is seen, until a
 * connection or all of a worker's hold too many. */
#define H1_PENDING_MAX    GW_MIB(1)
#define H1_PENDING_FAIR   GW_KIB(64) /* a connection keeps so many even when the total is reached */
#define H1_PENDING_TOTAL  GW_MIB(16)
#define H1_PENDING_BYTES  (H1_PENDING_MAX + GW_KIB(64)) /* one read more than that */
#define H1_LINGER_MS      2000u
#define H1_PAUSED_LOOK_MS 500u /* a paused socket tells nothing by itself */
/* A client that ended its sending may still read: so long its answer may take (decision 0006). */
#define H1_LEFT_MS       100u
#define H1_DRAIN_IDLE_MS 400u       /* a request already on its way is still answered */
#define H1_UNREAD_MAX    GW_KIB(64) /* of a body behind its answer, to keep the connection */
/* Clients that send the whole of a body before they look for an answer would else never see why it
 * was refused; what is read is thrown away. */
#define H1_LINGER_BYTES GW_MIB(8)

/* ---- time: the timer is only ever moved forward; firing early costs one look ---- */

static void conn_due_set(gw_h1_conn *conn, uint64_t due_ms) {
  conn->due_ms = due_ms;
  if (due_ms == 0) return;
  if (conn->timer.slot != 0 && conn->timer.at_ms <= due_ms) return;
  gw_timer_set(gw_front_engine(conn->front)->loop, &conn->timer, due_ms);
}

static uint64_t conn_now(const gw_h1_conn *conn) {
  return gw_loop_now_ms(gw_front_engine(conn->front)->loop);
}

static const gw_limits *conn_limits(const gw_h1_conn *conn) {
  const gw_engine *engine = gw_front_engine(conn->front);
  const gw_lease *lease = conn->exchange != NULL ? conn->exchange->lease : engine->lease;
  return &lease->snapshot->limits;
}

static void conn_hit(gw_h1_conn *conn, gw_limit limit) {
  gw_count(&gw_front_engine(conn->front)->metrics->limits_hit[limit], 1);
}

static void conn_stall_set(gw_h1_conn *conn) {
  conn->stall_queued = gw_tcp_queued(conn->tcp);
  conn->stall_ms = conn_now(conn) + conn_limits(conn)->stall_timeout_ms;
  conn_due_set(conn, conn->stall_ms);
}

/* The request's body is taken as it comes: the exchange watches its pace. */
static bool conn_takes_stream(const gw_h1_conn *conn) {
  return conn->state == H1_BODY && !conn->is_answered && gw_exchange_streams_body(conn->exchange);
}

/* What an answer waits for: a slow client; one that may have left, unseen while reading is paused,
 * or with an end that may be only of its sending. */
static void conn_answer_due_set(gw_h1_conn *conn) {
  uint64_t due_ms = gw_tcp_queued(conn->tcp) > 0 ? conn->stall_ms : 0;
  uint64_t look_ms = conn_now(conn) + H1_PAUSED_LOOK_MS;
  if (conn->is_paused && (due_ms == 0 || look_ms < due_ms)) due_ms = look_ms;
  if (conn->left_ms != 0 && (due_ms == 0 || conn->left_ms < due_ms)) due_ms = conn->left_ms;
  conn_due_set(conn, due_ms);
}

/* ---- the end of a connection ---- */

static void conn_drop_exchange(gw_h1_conn *conn) {
  gw_exchange *exchange = conn->exchange;
  conn->exchange = NULL;
  conn->receive = NULL;
  if (exchange != NULL) gw_exchange_free(exchange);
}

static void conn_pending_drop(gw_h1_conn *conn) {
  *gw_front_pending_bytes(conn->front) -= conn->pending_counted;
  conn->pending_counted = 0;
  conn->pending_start = 0;
  gw_buf_done(&conn->pending);
}

/* In HTTP/1.0 the end of the connection ends a stream's body: only a reset says that it is not
 * whole. */
static bool conn_would_look_whole(const gw_h1_conn *conn) {
  bool is_open = conn->exchange != NULL && conn->exchange->has_begun && !conn->is_answered;
  return conn->http10 && !conn->is_chunked && (is_open || gw_tcp_queued(conn->tcp) > 0);
}

void gw_h1_conn_close(gw_h1_conn *conn) {
  if (conn->state == H1_CLOSING) return;
  gw_loop *loop = gw_front_engine(conn->front)->loop;
  if (conn_would_look_whole(conn)) conn->must_reset = true;
  conn->state = H1_CLOSING;
  gw_timer_cancel(loop, &conn->timer);
  gw_loop_withdraw(loop, &conn->task);
  conn_drop_exchange(conn);
  conn_pending_drop(conn);
  if (conn->must_reset) {
    gw_tcp_reset(conn->tcp);
  } else {
    gw_tcp_close(conn->tcp);
  }
  gw_front_remove(conn->front, conn);
}

static void conn_on_tcp_closed(void *user) {
  free(user);
}

static void conn_linger(gw_h1_conn *conn) {
  if (conn->has_ended) {
    gw_h1_conn_close(conn);
    return;
  }
  conn->state = H1_LINGERING;
  gw_front_set_idle(conn->front, conn, false);
  conn_pending_drop(conn);
  if (conn->is_paused) gw_tcp_pause(conn->tcp, false);
  conn->is_paused = conn->is_held = false;
  gw_tcp_finish(conn->tcp);
  conn_due_set(conn, conn_now(conn) + H1_LINGER_MS);
}

/* ---- between requests ---- */

static void conn_idle(gw_h1_conn *conn) {
  uint64_t idle_ms = conn_limits(conn)->idle_timeout_ms;
  conn->state = H1_IDLE;
  gw_front_set_idle(conn->front, conn, true);
  if (gw_front_is_draining(conn->front) && idle_ms > H1_DRAIN_IDLE_MS) idle_ms = H1_DRAIN_IDLE_MS;
  conn_due_set(conn, conn_now(conn) + idle_ms);
}

void gw_h1_conn_drain(gw_h1_conn *conn) {
  if (conn->state == H1_IDLE) conn_idle(conn);
  if (conn->state == H1_LINGERING) conn_due_set(conn, conn_now(conn) + H1_DRAIN_IDLE_MS);
}

void gw_h1_conn_stop(gw_h1_conn *conn) {
  bool runs = conn->state == H1_BODY || conn->state == H1_ANSWERING;
  if (runs && !conn->is_answered) {
    conn->must_close = conn->body_unread = true;
    gw_exchange_stop(conn->exchange);
  } else if (conn->state != H1_FLUSHING && !conn->is_answered) {
    gw_h1_conn_close(conn);
  }
}

/* ---- receiving ---- */

static bool conn_begin(gw_h1_conn *conn) {
  gw_engine *engine = gw_front_engine(conn->front);
  gw_exchange *exchange = gw_exchange_new(engine, &gw_h1_client_ops, conn);
  if (exchange == NULL) return false;
  h1_receive *receive = gw_arena_alloc(&exchange->arena, sizeof *receive);
  conn->exchange = exchange;
  conn->receive = receive;
  if (receive == NULL) return false;
  const gw_limits *limits = conn_limits(conn);
  receive->body_bytes = receive->body_begin_ms = 0;
  gw_h1_reader_init(&receive->reader, limits, &exchange->arena);
  gw_buf_init(&receive->head, &exchange->arena,
              limits->request_line + limits->headers + GW_KIB(64) + 16);
  conn->state = H1_HEAD;
  conn->is_answered = conn->is_chunked = conn->body_unread = false;
  conn->keep_alive = conn->http10 = false;
  conn->lingered = 0;
  gw_front_set_idle(conn->front, conn, false);
  conn->due_ms = 0;
  conn->requests++;
  return true;
}

static void conn_refuse(gw_h1_conn *conn, gw_code code, const gw_err *err) {
  conn->body_unread = true;
  gw_exchange_refuse(conn->exchange, code, err, gw_tcp_peer(conn->tcp));
}

bool gw_h1_conn_may_stay(const gw_h1_conn *conn) {
  return conn->keep_alive && !conn->must_close && !gw_front_is_draining(conn->front) &&
         conn->requests < conn_limits(conn)->requests_per_connection &&
         conn_now(conn) - conn->opened_ms < conn->age_max_ms;
}

/* The head is complete: the exchange says whether it wants the body. */
static void conn_head_done(gw_h1_conn *conn, const gw_h1_request *request, bool has_more) {
  gw_exchange *exchange = conn->exchange;
  conn->keep_alive = request->keep_alive;
  conn->http10 = request->http10;
  gw_count(&gw_front_engine(conn->front)->metrics->dropped_headers_total,
           request->underscore_count);
  conn->state = request->body_kind == GW_H1_BODY_NONE ? H1_ANSWERING : H1_BODY;
  bool small = request->body_kind == GW_H1_BODY_LENGTH && !request->expect_continue &&
               request->content_length <= H1_UNREAD_MAX;
  conn->body_unread = request->body_kind != GW_H1_BODY_NONE && !small;
  gw_exchange_head(exchange, request, gw_tcp_peer(conn->tcp));
  if (conn->state == H1_ANSWERING) {
    if (!conn->is_answered) gw_exchange_body(exchange, (gw_str){ "", 0 }, true);
    return;
  }
  conn->receive->body_begin_ms = conn_now(conn);
  uint64_t check_ms =
      gw_size_min(conn_limits(conn)->body_grace_ms, conn_limits(conn)->body_timeout_ms);
  if (!conn_takes_stream(conn)) conn_due_set(conn, conn->receive->body_begin_ms + check_ms);
  if (request->expect_continue && !has_more && !conn->is_answered) {
    gw_tcp_write(conn->tcp, &GW_STR("HTTP/1.1 100 Continue\r\n\r\n"), 1);
  }
}

/* RFC 9110 section 7.4: a client that asked for one name in TLS and another in HTTP may have been
 * led here by somebody, past what guards the other name. */
static bool conn_is_for(const gw_h1_conn *conn, gw_str host) {
  gw_str name = gw_tcp_server_name(conn->tcp);
  if (host.n == 0 || name.n == 0) return true;
  host = gw_str_first(host, gw_str_find(host, ':')); /* an address in brackets is no such name */
  if (host.n > 0 && host.p[host.n - 1] == '.') host.n--;
  return gw_str_eq_nocase(host, name);
}

/* Returns how many of the bytes belong to the head (all of them while it is incomplete). */
static size_t conn_take_head(gw_h1_conn *conn, char *bytes, size_t n) {
  h1_receive *receive = conn->receive;
  gw_h1_request request;
  gw_err err;
  size_t head_n = 0, before = receive->head.n;
  gw_code code = GW_OK;
  gw_err_init(&err);
  char *all = bytes;
  size_t all_n = n;
  if (before > 0) {
    code = gw_buf_append(&receive->head, (gw_str){ bytes, n });
    all = receive->head.p;
    all_n = receive->head.n;
  }
  if (code == GW_OK) {
    code = gw_h1_head_read(&receive->reader, all, all_n, &request, &head_n, &err);
  }
  if (code == GW_AGAIN) {
    if (before == 0) code = gw_buf_append(&receive->head, (gw_str){ bytes, n });
    if (code == GW_AGAIN || code == GW_OK) {
      if (conn->due_ms == 0) {
        conn_due_set(conn, conn_now(conn) + conn_limits(conn)->header_timeout_ms);
      }
      return n;
    }
  }
  if (code != GW_OK) {
    conn_refuse(conn, code, &err);
    return n;
  }
  conn->due_ms = 0;
  assert(head_n > before);
  request.is_secure = conn->is_secure;
  if (conn->is_secure && !conn_is_for(conn, request.host)) {
    gw_err_set(&err, GW_MISDIRECTED, "this connection is for another host (TLS server name)");
    conn_refuse(conn, GW_MISDIRECTED, &err);
    return n;
  }
  conn_head_done(conn, &request, all_n > head_n);
  return head_n - before;
}

/* Of a body whose answer is out only a little more is read, to keep the connection. */
static gw_code conn_read_body(gw_h1_conn *conn, gw_str *in, gw_str *data, gw_err *err) {
  bool is_stream = gw_exchange_streams_body(conn->exchange);
  size_t max = conn->is_answered && !is_stream ? H1_UNREAD_MAX : conn->exchange->body_bytes_max;
  gw_code code = gw_h1_body_read(&conn->receive->reader, in, max, data, err);
  if (conn->is_answered && is_stream && (conn->lingered += data->n) > H1_UNREAD_MAX) {
    return GW_TOO_LARGE;
  }
  return code;
}

static size_t conn_take_body(gw_h1_conn *conn, char *bytes, size_t n) {
  gw_str in = { bytes, n };
  gw_err err;
  gw_err_init(&err);
  while (in.n > 0 && !conn->is_held) {
    gw_str data = { NULL, 0 };
    gw_code code = conn_read_body(conn, &in, &data, &err);
    if (code != GW_OK && code != GW_AGAIN) {
      conn->body_unread = true;
      if (conn->is_answered) {
        gw_loop_defer(gw_front_engine(conn->front)->loop, &conn->task);
      } else {
        conn_refuse(conn, code, &err);
      }
      return n;
    }
    conn->receive->body_bytes += data.n;
    if (!conn->is_answered && (data.n > 0 || code == GW_OK)) {
      if (code == GW_OK) conn->state = H1_ANSWERING;
      gw_exchange_body(conn->exchange, data, code == GW_OK);
    } else if (code == GW_OK) {
      conn->state = H1_ANSWERING;
      gw_loop_defer(gw_front_engine(conn->front)->loop, &conn->task);
    }
    if (code == GW_OK) {
      conn->body_unread = false;
      conn_due_set(conn, 0);
      if (gw_exchange_streams_body(conn->exchange)) conn_answer_due_set(conn);
      break;
    }
  }
  return n - in.n;
}

/* Returns how many bytes were taken; it stops behind a whole request. */
static size_t conn_take(gw_h1_conn *conn, char *bytes, size_t n) {
  size_t taken = 0;
  while (taken < n) {
    if (conn->is_answered && conn->body_unread) return n; /* it will close */
    switch (conn->state) {
    case H1_IDLE:
      if (!conn_begin(conn)) {
        gw_h1_conn_close(conn);
        return n;
      }
      break;
    case H1_HEAD: taken += conn_take_head(conn, bytes + taken, n - taken); break;
    case H1_BODY:
      if (conn->is_held) return taken;
      taken += conn_take_body(conn, bytes + taken, n - taken);
      break;
    case H1_ANSWERING:
    case H1_FLUSHING: return taken;
    case H1_LINGERING:
    case H1_CLOSING: return n;
    }
  }
  return taken;
}

/* After each change of what is pending. */
static void conn_pending_changed(gw_h1_conn *conn) {
  size_t n = conn->pending.n - conn->pending_start;
  size_t *total = gw_front_pending_bytes(conn->front);
  *total = *total - conn->pending_counted + n;
  conn->pending_counted = n;
  bool paused =
      conn->is_held || n >= H1_PENDING_MAX || (n >= H1_PENDING_FAIR && *total >= H1_PENDING_TOTAL);
  if (paused == conn->is_paused) return;
  conn->is_paused = paused;
  gw_tcp_pause(conn->tcp, paused);
  if (conn->state == H1_ANSWERING || conn->state == H1_FLUSHING || conn_takes_stream(conn)) {
    conn_answer_due_set(conn);
  }
}

static void conn_on_read(void *user, char *bytes, size_t n) {
  gw_h1_conn *conn = user;
  if (conn->state == H1_LINGERING) {
    /* Not closed: a reset would take the answer from a client that still sends. */
    conn->lingered += n;
    if (conn->lingered > H1_LINGER_BYTES) gw_tcp_pause(conn->tcp, true);
    return;
  }
  size_t taken = conn->pending.n > 0 ? 0 : conn_take(conn, bytes, n);
  if (taken == n || conn->state == H1_CLOSING || conn->state == H1_LINGERING) return;
  gw_buf *pending = &conn->pending;
  if (conn->pending_start > 0) { /* else a client that is always ahead would fill the buffer */
    pending->n -= conn->pending_start;
    memmove(pending->p, pending->p + conn->pending_start, pending->n);
    conn->pending_start = 0;
  }
  if (gw_buf_append(pending, (gw_str){ bytes + taken, n - taken }) != GW_OK) {
    gw_h1_conn_close(conn);
    return;
  }
  conn_pending_changed(conn);
}

/* Requests that came behind the last one. */
static void conn_take_pending(gw_h1_conn *conn) {
  gw_buf *pending = &conn->pending;
  if (pending->n == 0) return;
  size_t n = pending->n - conn->pending_start;
  size_t taken = conn_take(conn, pending->p + conn->pending_start, n);
  if (conn->state == H1_CLOSING || conn->state == H1_LINGERING) return;
  conn->pending_start += taken;
  if (taken == n) {
    gw_buf_done(pending);
    conn->pending_start = 0;
  }
  conn_pending_changed(conn);
}

/* ---- after the answer ---- */

static void conn_on_task(gw_task *task) {
  gw_h1_conn *conn = GW_CONTAINER_OF(task, gw_h1_conn, task);
  if (conn->state == H1_BODY && !conn->is_held) conn_take_pending(conn); /* it was let go */
  if (!conn->is_answered || conn->state == H1_CLOSING || conn->state == H1_LINGERING) return;
  if (conn->state == H1_BODY && !conn->body_unread && !conn->must_close) {
    /* The rest of it; a stream's may take any time, but not behind its answer. */
    if (gw_exchange_streams_body(conn->exchange)) conn_due_set(conn, conn_now(conn) + H1_LINGER_MS);
    return;
  }
  /* What the answer's head said holds: a drain that began since must not close on a client that was
   * told to go on. */
  bool stays = !conn->must_close && !conn->body_unread && !conn->has_ended;
  conn_drop_exchange(conn);
  if (conn->must_reset) {
    gw_h1_conn_close(conn);
  } else if (gw_tcp_queued(conn->tcp) > 0) {
    conn->must_close = !stays;
    conn->state = H1_FLUSHING;
    conn_stall_set(conn);
  } else if (!stays) {
    conn_linger(conn);
  } else {
    conn_idle(conn);
    conn_take_pending(conn);
  }
}

static void conn_on_drained(void *user) {
  gw_h1_conn *conn = user;
  conn->stall_queued = 0;
  if (conn_takes_stream(conn) || (conn->state == H1_ANSWERING && conn->exchange != NULL)) {
    conn_answer_due_set(conn);
    gw_exchange_writable(conn->exchange);
  } else if (conn->state == H1_FLUSHING) {
    if (conn->must_close || conn->has_ended) {
      conn_linger(conn);
    } else {
      conn_idle(conn);
      conn_take_pending(conn);
    }
  }
}

static void conn_on_ended(void *user, gw_code why) {
  gw_h1_conn *conn = user;
  conn->has_ended = true;
  if (why == GW_OK && conn->state == H1_ANSWERING && !conn->is_answered &&
      !conn->exchange->has_begun) {
    conn->left_ms = conn_now(conn) + H1_LEFT_MS;
    conn_answer_due_set(conn);
    return;
  }
  bool is_serving = conn->state != H1_IDLE && conn->state != H1_LINGERING;
  bool answer_leaves =
      why == GW_OK && is_serving && (conn->state == H1_FLUSHING || conn->is_answered);
  if (answer_leaves && conn->state == H1_BODY) { /* the rest of it will not come */
    conn->body_unread = true;
    gw_loop_defer(gw_front_engine(conn->front)->loop, &conn->task);
  }
  if (!answer_leaves) gw_h1_conn_close(conn);
}

/* ---- what is due ---- */

static bool conn_body_is_slow(const gw_h1_conn *conn) {
  const gw_limits *limits = conn_limits(conn);
  uint64_t elapsed = conn_now(conn) - conn->receive->body_begin_ms;
  if (elapsed >= limits->body_timeout_ms) return true;
  return elapsed >= limits->body_grace_ms &&
         conn->receive->body_bytes * 1000 < elapsed * limits->body_rate;
}

static void conn_refuse_late(gw_h1_conn *conn, gw_limit limit, const char *text) {
  gw_err err;
  gw_err_init(&err);
  conn_hit(conn, limit);
  gw_err_set(&err, GW_REQUEST_TIMEOUT, "%s", text);
  conn_refuse(conn, GW_REQUEST_TIMEOUT, &err);
}

static void conn_on_answer_due(gw_h1_conn *conn) {
  size_t queued = gw_tcp_queued(conn->tcp);
  bool has_left = conn->left_ms != 0 && conn->left_ms <= conn_now(conn) && !conn->is_answered;
  if (has_left || (conn->is_paused && gw_tcp_peer_has_ended(conn->tcp))) {
    gw_h1_conn_close(conn);
  } else if (queued > 0 && conn->stall_ms <= conn_now(conn)) {
    if (queued < conn->stall_queued) {
      conn_stall_set(conn);
    } else {
      conn_hit(conn, GW_LIMIT_STALL_TIMEOUT);
      gw_h1_conn_close(conn);
      return;
    }
  }
  if (conn->state != H1_CLOSING) conn_answer_due_set(conn);
}

static void conn_on_due(gw_h1_conn *conn) {
  switch (conn->state) {
  case H1_IDLE:
    conn_hit(conn, conn->is_shaking ? GW_LIMIT_TLS_HANDSHAKE_TIMEOUT : GW_LIMIT_IDLE_TIMEOUT);
    gw_h1_conn_close(conn);
    break;
  case H1_HEAD:
    conn_refuse_late(conn, GW_LIMIT_HEADER_TIMEOUT, "the request's head took too long");
    break;
  case H1_BODY:
    if (conn->is_answered) {
      conn_linger(conn);
    } else if (conn_takes_stream(conn)) {
      conn_on_answer_due(conn);
    } else if (conn_body_is_slow(conn)) {
      conn_refuse_late(conn, GW_LIMIT_BODY_TIMEOUT, "the request's body came too slowly");
    } else {
      uint64_t end = conn->receive->body_begin_ms + conn_limits(conn)->body_timeout_ms;
      conn_due_set(conn, gw_size_min(end, conn_now(conn) + 1000));
    }
    break;
  case H1_ANSWERING:
  case H1_FLUSHING: conn_on_answer_due(conn); break;
  case H1_LINGERING: gw_h1_conn_close(conn); break;
  case H1_CLOSING: break;
  }
}

static void conn_on_timer(gw_timer *timer) {
  gw_h1_conn *conn = GW_CONTAINER_OF(timer, gw_h1_conn, timer);
  if (conn->due_ms == 0) return;
  if (conn->due_ms > conn_now(conn)) {
    conn_due_set(conn, conn->due_ms);
  } else {
    conn->due_ms = 0;
    conn_on_due(conn);
  }
}

void gw_h1_conn_hold(gw_h1_conn *conn, bool held) {
  conn->is_held = held;
  conn_pending_changed(conn);
  if (!held) gw_loop_defer(gw_front_engine(conn->front)->loop, &conn->task);
}

void gw_h1_conn_answered(gw_h1_conn *conn) {
  conn->is_answered = true;
  if (conn->is_held) gw_h1_conn_hold(conn, false);
  gw_loop_defer(gw_front_engine(conn->front)->loop, &conn->task);
}

void gw_h1_conn_wrote(gw_h1_conn *conn) {
  if (gw_tcp_queued(conn->tcp) == 0 || conn->stall_queued > 0) return;
  conn_stall_set(conn);
  if (conn->is_paused) conn_answer_due_set(conn); /* that may be due before */
}

/* ---- opening ---- */

static void conn_first_due_set(gw_h1_conn *conn) {
  const gw_limits *limits = conn_limits(conn);
  uint64_t patience_ms = gw_size_min(limits->idle_timeout_ms, limits->header_timeout_ms);
  if (conn->is_shaking) patience_ms = limits->tls_handshake_timeout_ms;
  conn_due_set(conn, conn_now(conn) + patience_ms);
}

/* TLS only.  A client that was refused gets a moment to read why. */
static void conn_on_shaken(void *user, gw_code code) {
  gw_h1_conn *conn = user;
  conn->is_shaking = false;
  if (code == GW_OK) {
    conn_first_due_set(conn);
    if (gw_front_is_draining(conn->front)) conn_idle(conn);
    return;
  }
  /* Who says nothing only looked whether somebody is there: a balancer's check. */
  if (gw_tcp_has_spoken(conn->tcp)) gw_front_tls_failed(conn->front, conn->tcp);
  if (gw_tcp_peer_has_ended(conn->tcp)) {
    gw_h1_conn_close(conn);
  } else {
    conn_linger(conn);
  }
}

static const gw_tcp_events conn_tcp_events = {
  .connected = conn_on_shaken,
  .read = conn_on_read,
  .ended = conn_on_ended,
  .drained = conn_on_drained,
  .closed = conn_on_tcp_closed,
};

gw_h1_conn *gw_h1_conn_open(gw_front *front, gw_tcp *tcp, gw_tls *tls) {
  gw_h1_conn *conn = calloc(1, sizeof *conn);
  if (conn == NULL) {
    gw_tcp_close(tcp);
    return NULL;
  }
  gw_engine *engine = gw_front_engine(front);
  const gw_limits *limits = &engine->lease->snapshot->limits;
  conn->front = front;
  conn->tcp = tcp;
  conn->timer.fired = conn_on_timer;
  conn->task.run = conn_on_task;
  gw_buf_init(&conn->pending, NULL, H1_PENDING_BYTES);
  conn->opened_ms = gw_loop_now_ms(engine->loop);
  /* +-10 %: connections that came together do not leave together. */
  conn->age_max_ms = limits->connection_age_ms / 100 * (90 + gw_engine_draw(engine, 21));
  gw_tcp_own(tcp, &conn_tcp_events, conn);
  if (tls != NULL) {
    conn->is_secure = conn->is_shaking = true;
    if (gw_tcp_secure(tcp, tls, NULL) != GW_OK) {
      gw_tcp_close(tcp);
      return NULL;
    }
  }
  conn_first_due_set(conn);
  return conn;
}
