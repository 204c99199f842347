/* attempt: one try of a gRPC call (grpc/doc/PROTOCOL-HTTP2.md): one stream on one connection.
 *
 *   idle --start--> waiting (for a connection) --> open --> done
 *
 * `tick` says that something changed.  It never runs before gw_attempt_start() has returned, and
 * never after gw_attempt_cancel() or after the owner saw done.
 * One that the service provably did not see (REFUSED_STREAM, an id above GOAWAY's last, never
 * written) is sent once more by itself (gRFC A6, transparent retry); a stream of requests only
 * while all of it is still there.
 * Private to upstream/: calls make attempts (upstream/call.h). */
#pragma once

#include "base/rpc_metrics.h"
#include "codec/grpc_frame.h"
#include "codec/number.h"
#include "upstream/circuit.h"
#include "upstream/upstream.h"

typedef struct gw_send_queue gw_send_queue;
typedef struct gw_attempt gw_attempt;

typedef struct gw_call_request {
  gw_str path;               /* "/package.Service/Method" */
  const gw_header *metadata; /* borrowed until the call is done or cancelled */
  uint32_t metadata_count;   /* at most GW_CALL_METADATA_MAX */
  gw_str frames;             /* the message with its prefix; borrowed likewise */
  gw_send_queue *queue;      /* or NULL; cleared: messages follow instead, by gw_call_send() */
  uint64_t deadline_ms;      /* loop time; 0: none */
  size_t message_bytes_max;  /* of an answer's message */
  bool keeps_foreign;        /* an answer that is not gRPC is kept: result.foreign_body */
  bool streaming;            /* any number of messages come back; else exactly one is an answer */
  bool compressed;           /* messages may be, by gzip, each as its flag says */
  bool waits_ready;          /* for a connection until its deadline, with or without hope */
  bool idempotent;           /* may be tried again although the service may have seen it */
  const gw_retry_config *retry; /* NULL: the upstream's own */
  gw_rpc_metrics *metrics;      /* of the method; NULL: nobody counts it */
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

typedef enum gw_attempt_state {
  GW_ATTEMPT_IDLE,
  GW_ATTEMPT_WAITING,
  GW_ATTEMPT_OPEN,
  GW_ATTEMPT_DONE
} gw_attempt_state;

struct gw_attempt {
  void (*tick)(gw_attempt *attempt);
  gw_attempt_state state;
  gw_call *call;
  gw_arena *arena;
  const gw_call_request *request; /* the call's */
  uint32_t previous_count;        /* attempts of the call before this one */
  uint64_t deadline_ms;           /* the call's, or its own when that is sooner; 0: none */
  gw_call_result result;          /* once done */
  /* private to attempt.c and upstream.c */
  gw_upstream *upstream;
  gw_h2_stream stream;
  gw_loop *loop;
  gw_task task;               /* tells the owner of an end that came while starting */
  gw_timer timer;             /* its own deadline */
  struct gw_address *address; /* where it is; NULL: nowhere yet, or done */
  uint32_t address_id;        /* where it is or was: the next try avoids that; 0: nowhere yet */
  gw_waiter waiter;           /* for a connection */
  gw_buf *inflated; /* the message handed out last, when it came compressed; NULL: none yet */
  size_t taken;     /* bytes of the frame that gw_attempt_next() handed out last */
  uint64_t begin_us;
  uint64_t sent_bytes, received_bytes; /* of messages, without prefixes */
  uint32_t message_count;
  uint32_t streams; /* opened */
  bool has_head, speaks_grpc, has_trailers, ended, was_refused;
  bool unseen;   /* done, and the service provably processed nothing */
  bool expired;  /* done by its own deadline, not the call's */
  bool stranded; /* failed because its connection broke, or on an address that is now ejected */
  char timeout[GW_NUMBER_TEXT_MAX + 1], count[GW_NUMBER_TEXT_MAX];
};

/* attempt: zero-initialised but for tick, call, arena, request, previous_count, deadline_ms and
 * address_id (the address to avoid). */
void gw_attempt_start(gw_attempt *attempt, gw_loop *loop, gw_upstream *upstream);
/* As gw_call_next(). */
GW_CHECKED gw_code gw_attempt_next(gw_attempt *attempt, gw_str *message);
/* Ends it at once; code: GW_CANCELLED or GW_DEADLINE. */
void gw_attempt_end(gw_attempt *attempt, gw_code code);

/* For the upstream: a stream on this connection, or the end of waiting. */
GW_CHECKED gw_code gw_attempt_open(gw_attempt *attempt, gw_h2 *h2,
                                   const gw_endpoint_config *endpoint);
void gw_attempt_fail(gw_attempt *attempt, gw_code code, const char *format, ...) GW_PRINTF(3, 4);
