/* http_call: one HTTP/1.1 request for an exchange: head and body out, head and body back, both in
 * pieces.  Embedded in its owner's memory.
 *
 *   idle --start--> waiting (for a connection) --> open --> done
 *
 * `tick` says that something changed; the owner then looks: gw_http_call_wants(),
 * gw_http_call_head(), gw_http_call_next(), gw_http_call_is_done().  It never runs before
 * gw_http_call_start() has returned, and never after gw_http_call_cancel() or after the owner saw
 * done.
 * Back-pressure: an answer's bytes are not read further until gw_http_call_next() took what is
 * there, and the owner sends no more of a body than gw_http_call_wants() asks for.
 * Once more on another connection goes a request of which the server provably saw nothing, or, when
 * it is idempotent, one on a kept connection that ended before any byte of the answer (RFC 9112
 * section 9.3.1): once, and only while all of its body so far is kept (GW_HTTP_REPLAY_BYTES_MAX).
 * The deadline is the owner's to watch. */
#pragma once

#include "base/buf.h"
#include "net/h1_response.h"
#include "upstream/circuit.h"
#include "upstream/http_upstream.h"

#define GW_HTTP_REPLAY_BYTES_MAX GW_KIB(64) /* of a body, kept for a second attempt */

typedef struct gw_http_request {
  gw_str head;        /* request line, fields, empty line; borrowed until done or cancelled */
  bool to_head;       /* the method is HEAD */
  bool is_chunked;    /* pieces of the body get a chunk's frame */
  bool is_idempotent; /* RFC 9110 section 9.2.2 */
} gw_http_request;

/* How a call ended. */
typedef struct gw_http_result {
  gw_code code;   /* GW_OK: the answer is whole; GW_BAD_ANSWER, GW_UNAVAILABLE, GW_OVERLOADED ... */
  gw_str message; /* what went wrong, for the one who can mend it */
} gw_http_result;

typedef enum gw_http_call_state {
  GW_HTTP_CALL_IDLE,
  GW_HTTP_CALL_WAITING,
  GW_HTTP_CALL_OPEN,
  GW_HTTP_CALL_DONE
} gw_http_call_state;

typedef struct gw_http_call gw_http_call;
typedef struct gw_http_conn gw_http_conn;

struct gw_http_call {
  void (*tick)(gw_http_call *call);
  gw_http_call_state state;
  gw_arena *arena;
  gw_http_upstream *upstream;
  gw_http_request request;
  gw_http_result result; /* once done */
  uint32_t attempts;     /* connections that it was sent on */
  /* private to http_call.c and http_upstream.c */
  gw_loop *loop;
  gw_task task;       /* tells the owner what no event of the connection told */
  gw_waiter waiter;   /* for a connection */
  gw_http_conn *conn; /* OPEN */
  gw_str first;       /* the piece given to start; only within it */
  gw_buf body;        /* what was sent of the body, with its frames, as long as it is kept */
  gw_h1_reader reader;
  gw_h1_response response;
  gw_buf head;  /* of the answer */
  gw_str input; /* what was just read and not yet taken */
  gw_buf kept;  /* what the owner did not take; the connection is not read meanwhile */
  size_t kept_start;
  gw_code end_code; /* of the connection, when has_conn_ended */
  bool is_starting, first_ends, end_given, is_kept, is_again, has_head, is_paused, has_conn_ended;
};

/* call: zero-initialised but for tick and arena.  `piece`: the beginning of the body, maybe empty;
 * `end`: all of it.  With a connection at hand head and piece leave in one write. */
void gw_http_call_start(gw_http_call *call, gw_loop *loop, gw_http_upstream *upstream,
                        const gw_http_request *request, gw_str piece, bool end);

/* True: the next piece of the body may be sent.  False while the connection takes no more (a tick
 * follows when it does), before it is there, and after the end was given. */
bool gw_http_call_wants(const gw_http_call *call);
/* The next piece, maybe empty with `end`.  When the call does not want it, it is kept as it is:
 * owners that go on without being asked are bounded by what they send. */
void gw_http_call_send(gw_http_call *call, gw_str piece, bool end);

/* The answer's head, which lives as long as the arena; NULL: not yet. */
static inline const gw_h1_response *gw_http_call_head(const gw_http_call *call) {
  return call->has_head ? &call->response : NULL;
}

/* GW_OK: *piece is the next one of the answer's body, not empty, valid until the loop goes on.
 * GW_AGAIN: none is there now, or no more will come: then gw_http_call_is_done(). */
GW_CHECKED gw_code gw_http_call_next(gw_http_call *call, gw_str *piece);

/* True: no more pieces are to be had and call->result says how it ended. */
static inline bool gw_http_call_is_done(const gw_http_call *call) {
  return call->state == GW_HTTP_CALL_DONE;
}

/* Ends the call at once, wherever it is; its connection is closed.  Also fine on idle and done
 * ones. */
void gw_http_call_cancel(gw_http_call *call);
