/* h2: one HTTP/2 connection (RFC 9113), either role, by nghttp2 over a gw_tcp.
 *
 * nghttp2's callbacks only record; after each read every stream that something was noted for is
 * ticked once, outside of nghttp2.  Within a tick all functions below may be called.
 *
 *   stream states:  idle --request/accepted--> open --END both ways or reset--> closed
 *
 * A stream is embedded in its owner's memory.  It is the connection's from gw_h2_request() (client)
 * or its on_stream (server) until it noted GW_H2_CLOSED in a tick or the owner called
 * gw_h2_detach(); then its memory is the owner's alone.  However a connection ends, each of its
 * streams notes CLOSED exactly once: the connection keeps its own list, since nghttp2 closes no
 * stream on a connection error.
 *
 * Flow control is by credit: a received byte stays in stream->in, and its window closed, until
 * gw_h2_consume().  The connection's own window opens at once, so that one slow stream never holds
 * up the others.  Writes are gathered for a loop iteration and leave in one system call.
 *
 * What nghttp2 does not bound is bounded here: decoded header bytes and fields, 1xx, empty DATA,
 * and what h2_budget.h counts (RELIABILITY rule 7). */
#pragma once

#include "base/buf.h"
#include "base/header.h"
#include "base/limits.h"
#include "net/tcp.h"

typedef struct gw_h2 gw_h2;
typedef struct gw_h2_stream gw_h2_stream;

/* What a stream has noted since its last tick. */
enum {
  GW_H2_HEAD = 1,     /* the head is complete: stream->head */
  GW_H2_DATA = 2,     /* stream->in grew */
  GW_H2_TRAILERS = 4, /* stream->trailers */
  GW_H2_ENDED = 8,    /* the peer sent END_STREAM: `in` is all there will be */
  GW_H2_SENT = 16,    /* the slice given to gw_h2_send() was taken */
  GW_H2_CLOSED = 32   /* stream->closed_by, ->h2_error; no more ticks */
};

typedef enum gw_h2_closed_by {
  GW_H2_CLOSED_CLEAN,    /* END_STREAM both ways, or NO_ERROR */
  GW_H2_CLOSED_RESET,    /* RST_STREAM with h2_error */
  GW_H2_CLOSED_REFUSED,  /* the peer provably processed nothing: REFUSED_STREAM, above GOAWAY's last
                            id,  or never sent */
  GW_H2_CLOSED_PROTOCOL, /* the peer broke a rule or a limit on this stream */
  GW_H2_CLOSED_CONNECTION /* the connection broke */
} gw_h2_closed_by;

typedef struct gw_h2_fields {
  gw_header *items; /* in the stream's arena; regular fields in order, no pseudo fields */
  uint32_t count, capacity;
  size_t bytes;
} gw_h2_fields;

struct gw_h2_stream {
  void (*tick)(gw_h2_stream *stream, uint32_t noted); /* set by the owner */
  gw_arena *arena; /* set by the owner: memory of fields and `in` */
  gw_h2 *h2;       /* NULL: idle or closed */
  int32_t id;
  uint32_t noted;
  gw_h2_closed_by closed_by;
  uint32_t h2_error;
  int status;                             /* client: the answer's :status */
  gw_str method, path, scheme, authority; /* server: the request's pseudo fields */
  gw_h2_fields head, trailers;
  gw_buf in; /* DATA; what the owner has not consumed yet is gw_h2_pending() */
  size_t in_start;
  size_t in_uncredited; /* bytes received whose window is still closed */
  /* private to h2.c */
  gw_h2_stream *previous, *next; /* the connection's list */
  gw_h2_stream *next_ready;
  bool is_ready, was_written, saw_final, out_set, out_end, out_deferred, out_trailers;
  uint8_t informational, empty_data;
  gw_code failed; /* the rule that the peer broke */
  gw_str out;     /* borrowed: what is left of gw_h2_send()'s slice */
  const gw_header *trailer_fields;
  uint32_t trailer_count;
};

typedef struct gw_h2_events {
  /* Client: the number of streams that may be opened changed, or the connection is going away. */
  void (*changed)(void *user);
  /* Server: a request begins.  Returns a stream with tick and arena set and everything else zero;
   * NULL refuses it. */
  gw_h2_stream *(*on_stream)(void *user);
  /* The connection is over, all its streams were ticked with CLOSED; the gw_h2 is gone after
   * return. */
  void (*closed)(void *user, gw_code why);
} gw_h2_events;

typedef enum gw_h2_role { GW_H2_CLIENT, GW_H2_SERVER } gw_h2_role;

/* Takes a connected `tcp` (also on failure: it is closed).  The preface and SETTINGS go out at the
 * end of the iteration.  GW_NOMEM. */
GW_CHECKED gw_code gw_h2_open(gw_loop *loop, gw_tcp *tcp, gw_h2_role role,
                              const gw_h2_events *events, void *user, gw_h2 **out);

/* Sends GOAWAY and closes as soon as the streams are done; at once when there are none. */
void gw_h2_drain(gw_h2 *h2);
/* Breaks the connection; `closed` comes in a later iteration. */
void gw_h2_abort(gw_h2 *h2, gw_code why);

/* Asks the peer for a sign of life: whatever it sends next is one. */
void gw_h2_ping(gw_h2 *h2);
uint64_t gw_h2_read_at_ms(const gw_h2 *h2); /* when bytes last came; 0: never */
bool gw_h2_was_calmed(const gw_h2 *h2);     /* its GOAWAY said "too_many_pings" (gRFC A8) */

/* Client: how many more streams may be opened now: min(peer's MAX_CONCURRENT_STREAMS,
 * GW_H2_STREAMS_MAX) less those open; 0 after GOAWAY. */
uint32_t gw_h2_room(const gw_h2 *h2);
uint32_t gw_h2_stream_count(const gw_h2 *h2);
bool gw_h2_is_going(const gw_h2 *h2);   /* GOAWAY came or was sent, or the connection is closing */
bool gw_h2_is_broken(const gw_h2 *h2);  /* it is over: `closed` comes in this iteration */
bool gw_h2_has_served(const gw_h2 *h2); /* at least one stream came to a clean end */
const char *gw_h2_failure(const gw_h2 *h2); /* why TLS broke it; "" otherwise */
bool gw_h2_is_ready(const gw_h2 *h2);       /* the peer's SETTINGS came */

/* Client: opens a stream.  Names and values are borrowed until the stream is closed or detached;
 * names are in lower case.  stream: tick and arena set, the rest zero.
 * GW_OVERLOADED: no room.  GW_UNAVAILABLE: going away.  GW_NOMEM. */
GW_CHECKED gw_code gw_h2_request(gw_h2 *h2, gw_h2_stream *stream, const gw_header *fields,
                                 size_t count);
/* Server: the answer's head.  Fields are copied; `:status` first.  `end`: nothing follows. */
GW_CHECKED gw_code gw_h2_respond(gw_h2_stream *stream, const gw_header *fields, size_t count,
                                 bool end);

/* One slice of DATA at a time, borrowed until SENT is noted (or the stream is closed or detached).
 * `end`: END_STREAM behind it. */
void gw_h2_send(gw_h2_stream *stream, gw_str bytes, bool end);
/* Server: ends the stream with trailers behind what was sent; fields are borrowed until CLOSED. */
void gw_h2_send_trailers(gw_h2_stream *stream, const gw_header *fields, uint32_t count);

/* DATA received and not yet consumed; valid until the next read of the connection or consume. */
static inline gw_str gw_h2_pending(const gw_h2_stream *stream) {
  return (gw_str){ stream->in.p + stream->in_start, stream->in.n - stream->in_start };
}

/* Removes n bytes from the front of what is pending and opens the window for those not yet
 * credited. */
void gw_h2_consume(gw_h2_stream *stream, size_t n);
/* Opens the window for everything received, keeping the bytes (a message that is still incomplete).
 */
void gw_h2_credit(gw_h2_stream *stream);

/* The owner is done: RST_STREAM with h2_error unless the stream is already over; no more ticks. */
void gw_h2_detach(gw_h2_stream *stream, uint32_t h2_error);

/* h2 error codes (RFC 9113 section 7) */
enum {
  GW_H2_NO_ERROR = 0,
  GW_H2_PROTOCOL_ERROR = 1,
  GW_H2_INTERNAL_ERROR = 2,
  GW_H2_FLOW_CONTROL_ERROR = 3,
  GW_H2_REFUSED_STREAM = 7,
  GW_H2_CANCEL = 8,
  GW_H2_ENHANCE_YOUR_CALM = 11
};

/* The value of the first field of that name, or p == NULL. */
static inline gw_str gw_h2_field_get(const gw_h2_fields *fields, gw_str name) {
  for (uint32_t i = 0; i < fields->count; i++) {
    if (gw_str_eq(fields->items[i].name, name)) return fields->items[i].value;
  }
  return (gw_str){ NULL, 0 };
}
