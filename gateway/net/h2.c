#include "net/h2.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "net/h2_budget.h"
#include "net/loop_uv.h"

#define H2_FIELDS_NV_MAX        128u                         /* fields that we send in one head */
#define H2_BLOCK_BYTES_HARD     (4 * GW_H2_HEADER_BYTES_MAX) /* decoding stops: an HPACK bomb */
#define H2_OUTBOUND_ACK_MAX     (LOOP_SCRATCH_BYTES / 17u)   /* one read of nothing but PINGs */
#define H2_FLUSHED_AT           100u /* frames: what a read asks for does not add up */
#define H2_TYPE_UNKNOWN         10u  /* the first frame type that RFC 9113 does not know */
#define H2_TYPE_PRIORITY_UPDATE 16u  /* RFC 9218 */
#define H2_FIELD_OVERHEAD       32u  /* RFC 9113 section 6.5.2 */

struct gw_h2 {
  gw_loop *loop;
  gw_tcp *tcp;
  nghttp2_session *session;
  gw_h2_role role;
  const gw_h2_events *events;
  void *user;
  gw_h2_stream *streams; /* all that are open */
  uint32_t stream_count;
  gw_h2_stream *ready, **ready_end; /* those that noted something */
  gw_task task;                     /* ticks and flushes at the end of the iteration */
  bool served, is_ready, is_going, is_draining, is_broken, has_changed;
  gw_code why;                /* why it was broken */
  bool marked;                /* a callback saw an offence: the step breaks the connection */
  gw_code offence;            /* nghttp2 saw one: its GOAWAY goes out, then the connection ends */
  gw_h2_stream *block_stream; /* whose header block is being decoded; NULL: nobody's */
  size_t block_bytes;         /* decoded so far */
  uint32_t block_fields;
  char failure[GW_TLS_FAILURE_BYTES];
  gw_h2_budget budget;
  uint64_t read_at_ms; /* when the peer last sent anything */
  bool calmed;         /* its GOAWAY said "too_many_pings" */
};

/* ---- notes and ticks ---- */

static void h2_note(gw_h2 *h2, gw_h2_stream *stream, uint32_t what) {
  stream->noted |= what;
  if (stream->is_ready) return;
  stream->is_ready = true;
  stream->next_ready = NULL;
  *h2->ready_end = stream;
  h2->ready_end = &stream->next_ready;
}

static void h2_unready(gw_h2 *h2, gw_h2_stream *stream) {
  if (!stream->is_ready) return;
  gw_h2_stream **link = &h2->ready;
  while (*link != stream)
    link = &(*link)->next_ready;
  *link = stream->next_ready;
  if (*link == NULL) h2->ready_end = link;
  stream->is_ready = false;
}

static void h2_stream_remove(gw_h2 *h2, gw_h2_stream *stream) {
  DL_DELETE2(h2->streams, stream, previous, next);
  h2->stream_count--;
  h2->has_changed = true;
  if (h2->block_stream == stream) h2->block_stream = NULL;
  stream->h2 = NULL;
}

static void h2_tick_ready(gw_h2 *h2) {
  while (h2->ready != NULL) {
    gw_h2_stream *stream = h2->ready;
    uint32_t noted = stream->noted;
    h2->ready = stream->next_ready;
    if (h2->ready == NULL) h2->ready_end = &h2->ready;
    stream->is_ready = false;
    stream->noted = 0;
    if (noted & GW_H2_CLOSED) h2_stream_remove(h2, stream);
    stream->tick(stream, noted);
  }
}

/* Closing one stream of ours, noted once. */
static void h2_stream_closed(gw_h2 *h2, gw_h2_stream *stream, gw_h2_closed_by by, uint32_t error) {
  if (stream->noted & GW_H2_CLOSED) return;
  stream->closed_by = by;
  stream->h2_error = error;
  h2_note(h2, stream, GW_H2_CLOSED);
}

/* ---- the end of a connection ---- */

static void h2_break(gw_h2 *h2, gw_code why) {
  gw_h2_stream *stream;
  if (h2->is_broken) return;
  h2->is_broken = h2->is_going = h2->has_changed = true;
  h2->why = why;
  DL_FOREACH2(h2->streams, stream, next) {
    h2_stream_closed(h2, stream,
                     stream->was_written ? GW_H2_CLOSED_CONNECTION : GW_H2_CLOSED_REFUSED,
                     GW_H2_INTERNAL_ERROR);
  }
  gw_loop_defer(h2->loop, &h2->task);
  gw_tcp_close(h2->tcp);
}

static void h2_on_tcp_closed(void *user) {
  gw_h2 *h2 = user;
  h2_tick_ready(h2);
  assert(h2->streams == NULL);
  gw_loop_withdraw(h2->loop, &h2->task);
  nghttp2_session_del(h2->session);
  h2->events->closed(h2->user, h2->why);
  free(h2);
}

static void h2_on_tcp_ended(void *user, gw_code why) {
  gw_h2 *h2 = user;
  snprintf(h2->failure, sizeof h2->failure, "%s", gw_tcp_failure(h2->tcp));
  h2_break(h2, why == GW_OK && h2->is_going ? GW_OK : GW_UNAVAILABLE);
}

/* ---- writing ---- */

/* Moves what nghttp2 has to say to the socket, a scratch buffer at a time. */
static void h2_flush(gw_h2 *h2) {
  char *scratch = gw_loop_write_scratch(h2->loop);
  size_t n = 0;
  ssize_t len = 0;
  while (!h2->is_broken && gw_tcp_queued(h2->tcp) == 0) {
    const uint8_t *bytes;
    len = nghttp2_session_mem_send(h2->session, &bytes);
    if (len <= 0) break;
    if (n + (size_t)len > LOOP_SCRATCH_BYTES) {
      gw_tcp_write(h2->tcp, &(gw_str){ scratch, n }, 1);
      n = 0;
    }
    assert((size_t)len <= LOOP_SCRATCH_BYTES); /* a frame: 16 KiB and its head */
    memcpy(scratch + n, bytes, (size_t)len);
    n += (size_t)len;
  }
  if (n > 0) gw_tcp_write(h2->tcp, &(gw_str){ scratch, n }, 1);
  if (len < 0) h2_break(h2, GW_NOMEM);
}

static void h2_check_over(gw_h2 *h2) {
  if (h2->is_broken) return;
  bool silent = !nghttp2_session_want_read(h2->session) && !nghttp2_session_want_write(h2->session);
  bool drained = h2->is_draining && h2->stream_count == 0;
  if ((silent || drained) && gw_tcp_queued(h2->tcp) == 0) h2_break(h2, h2->offence);
}

static void h2_step(gw_h2 *h2) {
  h2_tick_ready(h2);
  h2_flush(h2);
  h2_tick_ready(h2);
  h2_check_over(h2);
  if (h2->has_changed) {
    h2->has_changed = false;
    if (h2->events->changed != NULL) h2->events->changed(h2->user);
  }
}

static void h2_on_task(gw_task *task) {
  h2_step(GW_CONTAINER_OF(task, gw_h2, task));
}

static void h2_wake(gw_h2 *h2) {
  gw_loop_defer(h2->loop, &h2->task);
}

static void h2_on_tcp_drained(void *user) {
  h2_wake(user);
}

/* ---- reading ---- */

static void h2_on_tcp_read(void *user, char *bytes, size_t n) {
  gw_h2 *h2 = user;
  if (h2->is_broken) return;
  h2->read_at_ms = gw_loop_now_ms(h2->loop);
  ssize_t taken = nghttp2_session_mem_recv(h2->session, (const uint8_t *)bytes, n);
  h2_wake(h2);
  if (taken < 0) {
    h2_flush(h2); /* nghttp2's own GOAWAY */
    h2_break(h2, taken == NGHTTP2_ERR_NOMEM ? GW_NOMEM : GW_BAD_ANSWER);
  } else if (h2->marked || h2->budget.is_flooded) {
    nghttp2_session_terminate_session(h2->session, NGHTTP2_ENHANCE_YOUR_CALM);
    h2_flush(h2);
    h2_break(h2, GW_BAD_ANSWER);
  } else if (gw_h2_budget_is_worn(&h2->budget) && !h2->is_draining) {
    h2->has_changed = true;
    gw_h2_drain(h2);
  }
  if (nghttp2_session_get_outbound_queue_size(h2->session) > H2_FLUSHED_AT) h2_flush(h2);
  h2_tick_ready(h2);
}

static gw_h2_stream *h2_stream_of(gw_h2 *h2, int32_t id) {
  return nghttp2_session_get_stream_user_data(h2->session, id);
}

/* The peer broke a rule on one stream: it is reset, the others go on. */
static void h2_stream_fail(gw_h2 *h2, gw_h2_stream *stream, gw_code code, uint32_t error) {
  if (stream->failed != GW_OK) return;
  stream->failed = code;
  nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, stream->id, error);
}

static void h2_data_begins(gw_h2 *h2, const nghttp2_frame_hd *hd) {
  gw_h2_stream *stream = h2_stream_of(h2, hd->stream_id);
  h2->budget.data_received++;
  if (hd->length > 0 || (hd->flags & NGHTTP2_FLAG_END_STREAM)) return;
  gw_h2_budget_glitch(&h2->budget);
  if (stream != NULL && ++stream->empty_data > GW_H2_EMPTY_DATA_MAX) {
    h2_stream_fail(h2, stream, GW_BAD_ANSWER, NGHTTP2_ENHANCE_YOUR_CALM);
  }
}

static int h2_on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user) {
  gw_h2 *h2 = user;
  gw_h2_budget *budget = &h2->budget;
  uint64_t now_ms = gw_loop_now_ms(h2->loop);
  (void)session;
  switch (hd->type) {
  case NGHTTP2_DATA: h2_data_begins(h2, hd); break;
  case NGHTTP2_HEADERS:
  case NGHTTP2_RST_STREAM:
    /* Some for each call that we opened are the service's good right. */
    if (h2->role == GW_H2_SERVER ? hd->type == NGHTTP2_RST_STREAM
                                 : h2_stream_of(h2, hd->stream_id) == NULL) {
      gw_h2_budget_glitch(budget);
    }
    break;
  case NGHTTP2_WINDOW_UPDATE: gw_h2_budget_window_update(budget); break;
  case NGHTTP2_PING: gw_h2_budget_ping(budget, hd->flags & NGHTTP2_FLAG_ACK, now_ms); break;
  case NGHTTP2_SETTINGS: gw_h2_budget_settings(budget, now_ms); break;
  case NGHTTP2_PRIORITY:
  case H2_TYPE_PRIORITY_UPDATE: gw_h2_budget_priority(budget); break;
  default: gw_h2_budget_glitch(budget);
  }
  return 0;
}

static int h2_on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
  gw_h2 *h2 = user;
  h2->block_stream = h2_stream_of(h2, frame->hd.stream_id);
  h2->block_bytes = 0;
  h2->block_fields = 0;
  if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) h2->budget.streams++;
  if (h2->role != GW_H2_SERVER || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  gw_h2_stream *stream = h2->is_going ? NULL : h2->events->on_stream(h2->user);
  if (stream == NULL) {
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                              NGHTTP2_REFUSED_STREAM);
    return 0;
  }
  stream->h2 = h2;
  stream->id = frame->hd.stream_id;
  stream->was_written = true;
  gw_buf_init(&stream->in, stream->arena, GW_H2_CONNECTION_WINDOW + GW_ROUTE_BODY_BYTES_MAX);
  DL_APPEND2(h2->streams, stream, previous, next);
  h2->stream_count++;
  nghttp2_session_set_stream_user_data(session, stream->id, stream);
  h2->block_stream = stream;
  return 0;
}

static gw_code h2_field_add(gw_h2_stream *stream, gw_h2_fields *fields, gw_str name, gw_str value) {
  if (fields->count == fields->capacity) {
    uint32_t capacity = fields->capacity == 0 ? 8 : 2 * fields->capacity;
    gw_header *grown = gw_arena_grow(stream->arena, fields->items, fields->capacity * sizeof *grown,
                                     capacity * sizeof *grown);
    if (grown == NULL) return GW_NOMEM;
    fields->items = grown;
    fields->capacity = capacity;
  }
  char *copy = gw_arena_alloc(stream->arena, name.n + value.n + 1); /* the name may be empty */
  if (copy == NULL) return GW_NOMEM;
  memcpy(copy, name.p, name.n);
  memcpy(copy + name.n, value.p, value.n);
  fields->items[fields->count++] = (gw_header){ { copy, name.n }, { copy + name.n, value.n } };
  fields->bytes += name.n + value.n;
  return GW_OK;
}

/* nghttp2 has checked that pseudo fields are known, unique and first. */
static gw_code h2_pseudo_set(gw_h2_stream *stream, gw_str name, gw_str value) {
  gw_str *place = gw_str_eq(name, GW_STR(":path"))        ? &stream->path
                  : gw_str_eq(name, GW_STR(":method"))    ? &stream->method
                  : gw_str_eq(name, GW_STR(":scheme"))    ? &stream->scheme
                  : gw_str_eq(name, GW_STR(":authority")) ? &stream->authority
                                                          : NULL;
  uint64_t status;
  if (place != NULL) {
    *place = gw_arena_copy(stream->arena, value);
    return place->p != NULL ? GW_OK : GW_NOMEM;
  }
  if (gw_str_eq(name, GW_STR(":status")) && gw_str_parse_u64(value, &status)) {
    stream->status = (int)status;
  }
  return GW_OK;
}

/* False: the block is a bomb, and decoding stops. */
static bool h2_block_count(gw_h2 *h2, size_t name_n, size_t value_n) {
  h2->block_bytes += name_n + value_n + H2_FIELD_OVERHEAD;
  h2->block_fields++;
  if (h2->block_bytes > H2_BLOCK_BYTES_HARD) h2->marked = true;
  return !h2->marked;
}

static int h2_on_header(nghttp2_session *session, const nghttp2_frame *frame,
                        const uint8_t *name_bytes, size_t name_n, const uint8_t *value_bytes,
                        size_t value_n, uint8_t flags, void *user) {
  gw_h2 *h2 = user;
  gw_h2_stream *stream = h2->block_stream;
  gw_str name = { (const char *)name_bytes, name_n },
         value = { (const char *)value_bytes, value_n };
  (void)session;
  (void)frame;
  (void)flags;
  if (!h2_block_count(h2, name_n, value_n)) return NGHTTP2_ERR_PAUSE;
  if (stream == NULL || stream->failed != GW_OK) return 0;
  if (h2->block_bytes > GW_H2_HEADER_BYTES_MAX || h2->block_fields > GW_H2_HEADER_COUNT_MAX) {
    h2_stream_fail(h2, stream, GW_BAD_ANSWER, NGHTTP2_ENHANCE_YOUR_CALM);
    return 0;
  }
  gw_code code = name.n > 0 && name.p[0] == ':'
                     ? h2_pseudo_set(stream, name, value)
                     : h2_field_add(stream, stream->saw_final ? &stream->trailers : &stream->head,
                                    name, value);
  if (code != GW_OK) h2_stream_fail(h2, stream, code, NGHTTP2_INTERNAL_ERROR);
  return 0;
}

/* nghttp2 drops a field that HTTP forbids; decoding it has cost as much as any other. */
static int h2_on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
                                const uint8_t *name_bytes, size_t name_n,
                                const uint8_t *value_bytes, size_t value_n, uint8_t flags,
                                void *user) {
  (void)session;
  (void)frame;
  (void)name_bytes;
  (void)value_bytes;
  (void)flags;
  return h2_block_count(user, name_n, value_n) ? 0 : NGHTTP2_ERR_PAUSE;
}

/* A complete header block: an interim answer, the head, or the trailers. */
static void h2_block_done(gw_h2 *h2, gw_h2_stream *stream) {
  if (stream->saw_final) {
    h2_note(h2, stream, GW_H2_TRAILERS);
  } else if (h2->role == GW_H2_CLIENT && stream->status >= 100 && stream->status < 200) {
    stream->head.count = 0;
    if (++stream->informational > GW_H2_INFORMATIONAL_MAX) {
      h2_stream_fail(h2, stream, GW_BAD_ANSWER, NGHTTP2_ENHANCE_YOUR_CALM);
    }
  } else {
    stream->saw_final = true;
    h2_note(h2, stream, GW_H2_HEAD);
  }
}

/* gRFC A8: what a server says to a client that pings more often than it permits. */
static bool h2_goaway_is_calming(const nghttp2_goaway *goaway) {
  gw_str why = { (const char *)goaway->opaque_data, goaway->opaque_data_len };
  return goaway->error_code == NGHTTP2_ENHANCE_YOUR_CALM &&
         gw_str_eq(why, GW_STR("too_many_pings"));
}

static int h2_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
  gw_h2 *h2 = user;
  gw_h2_stream *stream;
  switch (frame->hd.type) {
  case NGHTTP2_SETTINGS: h2->is_ready = h2->has_changed = true; return 0;
  case NGHTTP2_GOAWAY:
    h2->is_going = h2->has_changed = true;
    h2->calmed |= h2_goaway_is_calming(&frame->goaway);
    return 0;
  case NGHTTP2_HEADERS:
  case NGHTTP2_DATA: break;
  default: return 0;
  }
  stream =
      frame->hd.type == NGHTTP2_HEADERS ? h2->block_stream : h2_stream_of(h2, frame->hd.stream_id);
  (void)session;
  if (stream == NULL || stream->failed != GW_OK) return 0;
  if (frame->hd.type == NGHTTP2_HEADERS) h2_block_done(h2, stream);
  if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) h2_note(h2, stream, GW_H2_ENDED);
  return 0;
}

static int h2_on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                      size_t n, void *user) {
  gw_h2 *h2 = user;
  gw_h2_stream *stream = nghttp2_session_get_stream_user_data(session, id);
  (void)flags;
  nghttp2_session_consume_connection(session, n);
  if (stream == NULL || stream->failed != GW_OK) {
    nghttp2_session_consume_stream(session, id, n);
    return 0;
  }
  stream->empty_data = 0;
  /* nghttp2 resets such a stream too, but hands out what comes until the RST_STREAM is written. */
  if (n > GW_H2_STREAM_WINDOW - stream->in_uncredited) {
    h2_stream_fail(h2, stream, GW_BAD_ANSWER, NGHTTP2_FLOW_CONTROL_ERROR);
    return 0;
  }
  gw_buf *in = &stream->in;
  if (stream->in_start > 0 && in->cap - in->n < n + GW_BUF_SLACK) {
    in->n -= stream->in_start;
    memmove(in->p, in->p + stream->in_start, in->n);
    stream->in_start = 0;
  }
  gw_code code = gw_buf_append(in, (gw_str){ (const char *)bytes, n });
  if (code != GW_OK) {
    h2_stream_fail(h2, stream, code, NGHTTP2_INTERNAL_ERROR);
    return 0;
  }
  stream->in_uncredited += n;
  h2_note(h2, stream, GW_H2_DATA);
  return 0;
}

static int h2_on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *user) {
  gw_h2 *h2 = user;
  gw_h2_stream *stream = nghttp2_session_get_stream_user_data(session, id);
  if (stream == NULL) return 0;
  gw_h2_closed_by by = stream->failed != GW_OK           ? GW_H2_CLOSED_PROTOCOL
                       : !stream->was_written            ? GW_H2_CLOSED_REFUSED
                       : error == NGHTTP2_NO_ERROR       ? GW_H2_CLOSED_CLEAN
                       : error == NGHTTP2_REFUSED_STREAM ? GW_H2_CLOSED_REFUSED
                                                         : GW_H2_CLOSED_RESET;
  if (by == GW_H2_CLOSED_CLEAN) h2->served = true;
  h2_stream_closed(h2, stream, by, error);
  return 0;
}

/* nghttp2 refuses a frame of the peer that its own rules forbid: the stream will be reset. */
static int h2_on_invalid(nghttp2_session *session, const nghttp2_frame *frame, int error,
                         void *user) {
  gw_h2_stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
  (void)user;
  (void)error;
  if (stream != NULL && stream->failed == GW_OK) stream->failed = GW_BAD_ANSWER;
  return 0;
}

/* Frames of unknown types are ignored (RFC 9113 section 5.5), but on_begin_frame must count them:
 * nghttp2 tells only of types that somebody wants to unpack. */
static int h2_on_unknown(nghttp2_session *session, void **payload, const nghttp2_frame_hd *hd,
                         void *user) {
  (void)session;
  (void)payload;
  (void)hd;
  (void)user;
  return NGHTTP2_ERR_CANCEL;
}

/* From here on the peer may have seen the frame. */
static int h2_on_before_send(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
  gw_h2 *h2 = user;
  gw_h2_stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
  if (frame->hd.type == NGHTTP2_HEADERS) {
    if (stream != NULL) stream->was_written = true;
  } else if (frame->hd.type == NGHTTP2_RST_STREAM) {
    /* Ours of a stream that nobody left: nghttp2 tells of a wrong content-length only so. */
    if (stream != NULL && stream->failed == GW_OK) stream->failed = GW_BAD_ANSWER;
  } else if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR) {
    h2->offence = GW_BAD_ANSWER;
  }
  return 0;
}

/* ---- streams ---- */

/* Values that differ with each call would only push others out of the peer's HPACK table;
 * credentials must not enter it (RFC 7541 section 7.1.3).  A timeout of whole seconds is a route's
 * own, which most calls have; any other is what was left of one. */
static uint8_t h2_nv_flags(const gw_header *field) {
  gw_str name = field->name;
  bool is_unique = false;
  switch (name.n) {
  case 11: is_unique = gw_str_eq(name, GW_STR("traceparent")); break;
  case 12:
    is_unique =
        gw_str_eq(name, GW_STR("x-request-id")) ||
        (gw_str_eq(name, GW_STR("grpc-timeout")) && !gw_str_ends(field->value, GW_STR("000m")));
    break;
  case 13: is_unique = gw_str_eq(name, GW_STR("authorization")); break;
  default: break;
  }
  return is_unique ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
}

/* `kept`: names are in lower case and, like values, live until the frame is written or nghttp2
 * knows that it will not be; otherwise nghttp2 takes copies. */
static size_t h2_nv(nghttp2_nv *nv, const gw_header *fields, size_t count, bool kept) {
  unsigned copy = kept ? NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE : 0;
  assert(count <= H2_FIELDS_NV_MAX);
  for (size_t i = 0; i < count; i++) {
    nv[i] = (nghttp2_nv){ (uint8_t *)(uintptr_t)fields[i].name.p,
                          (uint8_t *)(uintptr_t)fields[i].value.p, fields[i].name.n,
                          fields[i].value.n, (uint8_t)(h2_nv_flags(&fields[i]) | copy) };
  }
  return count;
}

static ssize_t h2_on_read_body(nghttp2_session *session, int32_t id, uint8_t *out, size_t room,
                               uint32_t *flags, nghttp2_data_source *source, void *user) {
  gw_h2 *h2 = user;
  gw_h2_stream *stream = nghttp2_session_get_stream_user_data(session, id);
  (void)source;
  if (stream == NULL) return NGHTTP2_ERR_DEFERRED; /* detached: its RST_STREAM is on the way */
  size_t n = gw_size_min(stream->out.n, room);
  if (n > 0) {
    memcpy(out, stream->out.p, n);
    h2->budget.data_sent++;
  }
  stream->out = gw_str_skip(stream->out, n);
  if (stream->out.n > 0) return (ssize_t)n;
  if (stream->out_set) {
    stream->out_set = false;
    h2_note(h2, stream, GW_H2_SENT);
  }
  if (stream->out_end) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (stream->out_trailers) {
      nghttp2_nv nv[H2_FIELDS_NV_MAX];
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      nghttp2_submit_trailer(session, id, nv,
                             h2_nv(nv, stream->trailer_fields, stream->trailer_count, false));
    }
    return (ssize_t)n;
  }
  if (n > 0) return (ssize_t)n;
  stream->out_deferred = true;
  return NGHTTP2_ERR_DEFERRED;
}

gw_code gw_h2_request(gw_h2 *h2, gw_h2_stream *stream, const gw_header *fields, size_t count) {
  nghttp2_nv nv[H2_FIELDS_NV_MAX];
  nghttp2_data_provider provider = { .read_callback = h2_on_read_body };
  assert(h2->role == GW_H2_CLIENT && stream->h2 == NULL);
  if (h2->is_going) return GW_UNAVAILABLE;
  if (gw_h2_room(h2) == 0) return GW_OVERLOADED;
  int32_t id = nghttp2_submit_request(h2->session, NULL, nv, h2_nv(nv, fields, count, true),
                                      &provider, stream);
  if (id < 0) return id == NGHTTP2_ERR_NOMEM ? GW_NOMEM : GW_UNAVAILABLE;
  h2->budget.streams++;
  stream->h2 = h2;
  stream->id = id;
  gw_buf_init(&stream->in, stream->arena, GW_H2_CONNECTION_WINDOW + GW_ROUTE_BODY_BYTES_MAX);
  DL_APPEND2(h2->streams, stream, previous, next);
  h2->stream_count++;
  /* RFC 9113 section 5.1.1: when the identifiers are used up, another connection goes on. */
  if (nghttp2_session_get_next_stream_id(h2->session) >= INT32_MAX) {
    h2->is_going = h2->has_changed = true;
  }
  h2_wake(h2);
  return GW_OK;
}

gw_code gw_h2_respond(gw_h2_stream *stream, const gw_header *fields, size_t count, bool end) {
  nghttp2_nv nv[H2_FIELDS_NV_MAX];
  nghttp2_data_provider provider = { .read_callback = h2_on_read_body };
  gw_h2 *h2 = stream->h2;
  if (h2 == NULL || h2->is_broken) return GW_UNAVAILABLE;
  int failed = nghttp2_submit_response(h2->session, stream->id, nv, h2_nv(nv, fields, count, false),
                                       end ? NULL : &provider);
  h2_wake(h2);
  return failed == 0 ? GW_OK : failed == NGHTTP2_ERR_NOMEM ? GW_NOMEM : GW_INTERNAL;
}

static void h2_resume(gw_h2_stream *stream) {
  if (stream->out_deferred) {
    stream->out_deferred = false;
    nghttp2_session_resume_data(stream->h2->session, stream->id);
  }
  h2_wake(stream->h2);
}

void gw_h2_send(gw_h2_stream *stream, gw_str bytes, bool end) {
  if (stream->h2 == NULL || stream->h2->is_broken) return;
  assert(!stream->out_set && !stream->out_end);
  stream->out = bytes;
  stream->out_set = true;
  stream->out_end = end;
  h2_resume(stream);
}

void gw_h2_send_trailers(gw_h2_stream *stream, const gw_header *fields, uint32_t count) {
  if (stream->h2 == NULL || stream->h2->is_broken) return;
  assert(!stream->out_end);
  stream->trailer_fields = fields;
  stream->trailer_count = count;
  stream->out_trailers = stream->out_end = true;
  h2_resume(stream);
}

static void h2_open_window(gw_h2_stream *stream, size_t n) {
  n = gw_size_min(n, stream->in_uncredited);
  stream->in_uncredited -= n;
  if (n == 0 || stream->h2 == NULL || stream->h2->is_broken) return;
  nghttp2_session_consume_stream(stream->h2->session, stream->id, n);
  h2_wake(stream->h2);
}

void gw_h2_consume(gw_h2_stream *stream, size_t n) {
  assert(n <= stream->in.n - stream->in_start);
  stream->in_start += n;
  if (stream->in_start == stream->in.n) stream->in_start = stream->in.n = 0;
  h2_open_window(stream, n);
}

void gw_h2_credit(gw_h2_stream *stream) {
  h2_open_window(stream, stream->in_uncredited);
}

void gw_h2_detach(gw_h2_stream *stream, uint32_t h2_error) {
  gw_h2 *h2 = stream->h2;
  if (h2 == NULL) return;
  if (!h2->is_broken) {
    nghttp2_session_set_stream_user_data(h2->session, stream->id, NULL);
    nghttp2_session_consume_stream(h2->session, stream->id, stream->in_uncredited);
    /* A request that was not written yet is taken back by this; were it not, nghttp2 would read
     * fields that are gone. */
    if (!(stream->noted & GW_H2_CLOSED) &&
        nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, stream->id, h2_error) != 0) {
      h2_break(h2, GW_NOMEM);
    }
  }
  h2_unready(h2, stream);
  h2_stream_remove(h2, stream);
  h2_wake(h2);
}

/* ---- the connection ---- */

static const gw_tcp_events h2_tcp_events = {
  .read = h2_on_tcp_read,
  .ended = h2_on_tcp_ended,
  .drained = h2_on_tcp_drained,
  .closed = h2_on_tcp_closed,
};

static void *h2_malloc(size_t size, void *pool) {
  return gw_mem_alloc(pool, size);
}

static void h2_free(void *piece, void *pool) {
  gw_mem_free(pool, piece);
}

static void *h2_calloc(size_t count, size_t size, void *pool) {
  return gw_mem_zalloc(pool, count, size);
}

static void *h2_realloc(void *piece, size_t size, void *pool) {
  return gw_mem_realloc(pool, piece, size);
}

static int h2_session_new(gw_h2 *h2) {
  nghttp2_mem mem = { gw_loop_mem_pool(h2->loop), h2_malloc, h2_free, h2_calloc, h2_realloc };
  nghttp2_session_callbacks *callbacks = NULL;
  nghttp2_option *option = NULL;
  int failed = NGHTTP2_ERR_NOMEM;
  if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0) {
    goto done;
  }
  nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, h2_on_begin_frame);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, h2_on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, h2_on_header);
  nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, h2_on_invalid_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, h2_on_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, h2_on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, h2_on_stream_close);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, h2_on_invalid);
  nghttp2_session_callbacks_set_before_frame_send_callback(callbacks, h2_on_before_send);
  nghttp2_session_callbacks_set_unpack_extension_callback(callbacks, h2_on_unknown);
  for (unsigned type = H2_TYPE_UNKNOWN; type <= UINT8_MAX; type++)
    nghttp2_option_set_user_recv_extension_type(option, (uint8_t)type);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_max_outbound_ack(option, H2_OUTBOUND_ACK_MAX);
  failed = h2->role == GW_H2_CLIENT
               ? nghttp2_session_client_new3(&h2->session, callbacks, h2, option, &mem)
               : nghttp2_session_server_new3(&h2->session, callbacks, h2, option, &mem);
done:
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  return failed;
}

static int h2_settings_submit(gw_h2 *h2) {
  static const nghttp2_settings_entry client[] = {
    { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
    { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, GW_H2_STREAM_WINDOW },
    { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, GW_H2_HEADER_BYTES_MAX },
  };
  static const nghttp2_settings_entry server[] = {
    { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, GW_H2_STREAMS_MAX },
    { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, GW_H2_STREAM_WINDOW },
    { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, GW_H2_HEADER_BYTES_MAX },
  };
  bool is_client = h2->role == GW_H2_CLIENT;
  int failed = nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, is_client ? client : server,
                                       is_client ? GW_COUNT_OF(client) : GW_COUNT_OF(server));
  if (failed != 0) return failed;
  return nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, 0,
                                               (int32_t)GW_H2_CONNECTION_WINDOW);
}

gw_code gw_h2_open(gw_loop *loop, gw_tcp *tcp, gw_h2_role role, const gw_h2_events *events,
                   void *user, gw_h2 **out) {
  gw_h2 *h2 = calloc(1, sizeof *h2);
  if (h2 == NULL) goto failed;
  *h2 = (gw_h2){ .loop = loop, .tcp = tcp, .role = role, .events = events, .user = user };
  h2->ready_end = &h2->ready;
  h2->task.run = h2_on_task;
  if (h2_session_new(h2) != 0 || h2_settings_submit(h2) != 0) goto failed;
  gw_tcp_own(tcp, &h2_tcp_events, h2);
  h2_wake(h2);
  *out = h2;
  return GW_OK;
failed:
  gw_tcp_own(tcp, NULL, NULL);
  gw_tcp_close(tcp);
  if (h2 != NULL) nghttp2_session_del(h2->session);
  free(h2);
  return GW_NOMEM;
}

void gw_h2_drain(gw_h2 *h2) {
  if (h2->is_draining || h2->is_broken) return;
  h2->is_draining = h2->is_going = true;
  nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(h2->session), NGHTTP2_NO_ERROR,
                        NULL, 0);
  h2_wake(h2);
}

void gw_h2_abort(gw_h2 *h2, gw_code why) {
  h2_break(h2, why);
}

void gw_h2_ping(gw_h2 *h2) {
  if (h2->is_broken) return;
  if (nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, NULL) != 0) h2_break(h2, GW_NOMEM);
  h2_wake(h2);
}

uint64_t gw_h2_read_at_ms(const gw_h2 *h2) {
  return h2->read_at_ms;
}

bool gw_h2_was_calmed(const gw_h2 *h2) {
  return h2->calmed;
}

uint32_t gw_h2_room(const gw_h2 *h2) {
  if (h2->is_going || !h2->is_ready) return 0;
  uint32_t max =
      nghttp2_session_get_remote_settings(h2->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  if (max > GW_H2_STREAMS_MAX) max = GW_H2_STREAMS_MAX;
  return max > h2->stream_count ? max - h2->stream_count : 0;
}

uint32_t gw_h2_stream_count(const gw_h2 *h2) {
  return h2->stream_count;
}

bool gw_h2_is_going(const gw_h2 *h2) {
  return h2->is_going;
}

bool gw_h2_is_broken(const gw_h2 *h2) {
  return h2->is_broken;
}

bool gw_h2_has_served(const gw_h2 *h2) {
  return h2->served;
}

const char *gw_h2_failure(const gw_h2 *h2) {
  return h2->failure;
}

bool gw_h2_is_ready(const gw_h2 *h2) {
  return h2->is_ready;
}
