/* call: one gRPC call (grpc/doc/PROTOCOL-HTTP2.md) for an exchange: a message out, or a stream of
 * them (upstream/call_queue.h), metadata, messages and a status back.  Embedded in its owner's
 * memory.
 *
 *   idle --start--> waiting (for a connection) --> open --> done
 *
 * `tick` says that something changed; the owner then looks: gw_call_head(), gw_call_next(),
 * gw_call_is_done().  It never runs before gw_call_start() has returned, and never after
 * gw_call_cancel() or after the owner saw done.
 * Received bytes stay in the call, and the service's window closed, until gw_call_next() hands out
 * the message after them: an owner that cannot take more simply does not ask.
 * A call that the service provably did not see (REFUSED_STREAM, an id above GOAWAY's last, never
 * written) is sent once more by itself (gRFC A6, transparent retry); a stream of requests only
 * while all of it is still there. The deadline is the owner's to watch; the call only sends what is
 * left of it. */
#pragma once

#include "codec/grpc_frame.h"
#include "codec/number.h"
#include "upstream/upstream.h"

typedef struct gw_call_queue gw_call_queue;

typedef struct gw_call_request {
  gw_str path;               /* "/package.Service/Method" */
  const gw_header *metadata; /* borrowed until the call is done or cancelled */
  uint32_t metadata_count;   /* at most GW_CALL_METADATA_MAX */
  gw_str frames;             /* the message with its prefix; borrowed likewise */
  gw_call_queue *queue;      /* or NULL; cleared: messages follow instead, by gw_call_send() */
  uint64_t deadline_ms;      /* loop time; 0: none */
  size_t message_bytes_max;  /* of an answer's message */
  bool keeps_foreign;        /* an answer that is not gRPC is kept: result.foreign_body */
  bool streaming;            /* any number of messages come back; else exactly one is an answer */
} gw_call_request;

#define GW_CALL_METADATA_MAX 100u

/* How a call ended. */
typedef struct gw_call_result {
  gw_code code;       /* GW_OK: the service gave the status; else what the gateway found */
  unsigned grpc_code; /* google.rpc.Code as the service sent it, or what `code` maps to */
  gw_str message;     /* grpc-message, still percent-encoded, when code is GW_OK; else plain text */
  gw_str details;     /* grpc-status-details-bin, still base64; may be empty */
  int foreign_status; /* HTTP status of a kept answer that is not gRPC; 0: none */
  gw_str foreign_body;
} gw_call_result;

typedef enum gw_call_state {
  GW_CALL_IDLE,
  GW_CALL_WAITING,
  GW_CALL_OPEN,
  GW_CALL_DONE
} gw_call_state;

struct gw_call {
  void (*tick)(gw_call *call);
  gw_call_state state;
  gw_arena *arena;
  gw_upstream *upstream;
  gw_call_request request;
  gw_call_result result; /* once done */
  /* private to call.c and upstream.c */
  gw_h2_stream stream;
  gw_loop *loop;
  gw_task task;               /* tells the owner of an end that came while starting */
  struct gw_address *address; /* where it is or was; NULL: nowhere yet */
  gw_call *previous, *next;   /* the upstream's waiting list */
  uint64_t waiting_until_ms;
  size_t taken; /* bytes of the frame that gw_call_next() handed out last */
  uint32_t message_count;
  uint32_t attempts; /* streams opened */
  bool has_head, speaks_grpc, has_trailers, ended, was_refused;
  char timeout[GW_NUMBER_TEXT_MAX + 1];
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

/* True: no more messages are to be had and call->result says how it ended. */
static inline bool gw_call_is_done(const gw_call *call) {
  return call->state == GW_CALL_DONE;
}

/* Ends the call at once, wherever it is; the service sees a cancel.  Also fine on idle and done
 * ones. */
void gw_call_cancel(gw_call *call);
/* The same because its deadline passed, which its endpoint is to blame for. */
void gw_call_expire(gw_call *call);

/* For the upstream: a stream on this connection, or the end of waiting. */
GW_CHECKED gw_code gw_call_open(gw_call *call, gw_h2 *h2, gw_str authority);
void gw_call_fail(gw_call *call, gw_code code, const char *format, ...) GW_PRINTF(3, 4);
