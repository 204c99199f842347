/* call: one gRPC call (grpc/doc/PROTOCOL-HTTP2.md) for an exchange: a message out, or a stream of
 * them, metadata, messages and a status back, by as many attempts (upstream/attempt.h) as it takes
 * and its policy allows (gRFC A6).  Embedded in its owner's memory.
 *
 *   idle --start--> trying --(an attempt is chosen)--> answering --> done
 *                   ^    |
 *                   +----+ an attempt failed: another one, after a pause; when hedging, beside it
 *
 * `tick` says that something changed; the owner then looks: gw_call_head(), gw_call_next(),
 * gw_call_is_done().  It never runs before gw_call_start() has returned, and never after
 * gw_call_cancel() or after the owner saw done.
 * An attempt is chosen when its answer is what the owner shall see: a unary one when its status has
 * come and is final, a stream when its head has come.  From then on nothing is tried again.
 * Received bytes stay in the attempt, and the service's window closed, until gw_call_next() hands
 * out the message after them: an owner that cannot take more simply does not ask.
 * The deadline is the owner's to watch; attempts only send what is left of it. */
#pragma once

#include "upstream/attempt.h"
#include "upstream/send_queue.h"

typedef enum gw_call_state {
  GW_CALL_IDLE,
  GW_CALL_TRYING,    /* woken by: attempts, the timer */
  GW_CALL_ANSWERING, /* woken by: the chosen attempt */
  GW_CALL_DONE
} gw_call_state;

struct gw_call {
  void (*tick)(gw_call *call);
  gw_arena *arena;
  gw_call_state state;
  gw_call_request request;
  gw_call_result result; /* once done */
  /* private */
  gw_loop *loop;
  gw_upstream *upstream;
  gw_attempt first;
  gw_attempt *others[GW_RETRY_ATTEMPTS_MAX - 1]; /* in the arena */
  uint32_t started;                              /* attempts, `first` among them */
  uint32_t open;                                 /* not yet over */
  gw_attempt *chosen;
  gw_str message;           /* of the chosen unary attempt, not yet handed out; p == NULL: none */
  gw_timer timer;           /* the next attempt */
  gw_call *previous, *next; /* the upstream's list of those that pause */
  uint64_t begin_us;
  uint64_t wait_ms;
  bool is_pausing;
  bool is_retrying; /* counted in the upstream's throttle */
  bool was_rescued; /* tried again once although that might not have been allowed */
};

/* call: zero-initialised but for tick and arena. */
void gw_call_start(gw_call *call, gw_loop *loop, gw_upstream *upstream,
                   const gw_call_request *request);

/* The response metadata; NULL: not yet.  Trailers likewise, before done NULL. */
const gw_h2_fields *gw_call_head(const gw_call *call);
const gw_h2_fields *gw_call_trailers(const gw_call *call);

/* GW_OK: *message is the next one, valid until the end of the tick; a unary call's is handed out
 * only when its status has come too.  GW_AGAIN: none is there now, or no more will come: then
 * gw_call_is_done(). A message that is malformed or over its limit ends the call. */
GW_CHECKED gw_code gw_call_next(gw_call *call, gw_str *message);

/* A call with a queue: where frames are appended before gw_call_send(), while it is not done; see
 * upstream/send_queue.h. */
gw_buf *gw_call_frames(gw_call *call, size_t bytes_max);
void gw_call_send(gw_call *call, bool end);
bool gw_call_is_full(const gw_call *call);

/* True: no more messages are to be had and call->result says how it ended. */
static inline bool gw_call_is_done(const gw_call *call) {
  return call->state == GW_CALL_DONE;
}

/* Streams that were opened for it so far. */
uint32_t gw_call_streams(const gw_call *call);

/* Ends the call at once, wherever it is; the service sees a cancel.  Also fine on idle and done
 * ones. */
void gw_call_cancel(gw_call *call);
/* The same because its deadline passed, which its endpoint is to blame for. */
void gw_call_expire(gw_call *call);
