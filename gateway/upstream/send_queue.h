/* send_queue: the messages that a call still has to send, when it sends a stream of them.
 *
 * The owner appends whole frames to gw_send_queue_frames() and says gw_send_queue_send(); the
 * call's tick comes again whenever the service's window has taken what was sent.
 * gw_send_queue_is_full(): the owner composes no more until then, so that GW_SEND_QUEUE_BYTES and
 * one message are the most that wait here. What was sent is kept while it is little and nothing of
 * an answer has come: a call that the service refused unseen can then be sent again from its first
 * byte. The owner's memory, zero-initialised; its bytes are in the call's arena.  One thread. */
#pragma once

#include "upstream/attempt.h"

#define GW_SEND_QUEUE_BYTES GW_KIB(64) /* one window of the service's, as it is by default */

struct gw_send_queue {
  gw_buf flying;  /* given to h2, or kept */
  gw_buf filling; /* composed since */
  size_t sent;    /* bytes of `flying` that h2 took */
  bool is_flying; /* h2 borrows the rest of `flying` */
  bool is_kept;   /* `flying` goes back to the call's first byte */
  bool is_ended, end_given;
};

/* Where frames are appended: before gw_send_queue_send(), while the call is not done.  Its limit
 * leaves room for one more message of up to `bytes_max` with its prefix. */
gw_buf *gw_send_queue_frames(gw_attempt *attempt, size_t bytes_max);
/* Lets what was appended go; `end`: nothing follows.  Done calls ignore it. */
void gw_send_queue_send(gw_attempt *attempt, bool end);
bool gw_send_queue_is_full(const gw_attempt *attempt);

/* For call.c: before the call is placed, and before it is placed again; it has a stream; h2 took
 * what it was given. */
void gw_send_queue_init(gw_attempt *attempt);
void gw_send_queue_rewind(gw_attempt *attempt);
void gw_send_queue_push(gw_attempt *attempt);
void gw_send_queue_sent(gw_attempt *attempt);
