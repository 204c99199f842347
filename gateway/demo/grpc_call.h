/* grpc_call: one call of a gRPC service that this program serves itself, over net/h2's server role
 * (grpc/doc/PROTOCOL-HTTP2.md): the request's head, length-prefixed messages both ways, trailers.
 *
 *   READING --request (and the client's end, unless it streams)--> ANSWERING
 *   ANSWERING --answers sent--> READING (client streams) or ANSWERING (more) or DONE
 *   DONE --stream closed--> freed; what the client still sends is dropped
 *
 * The next message is read only when the answers to the last one were taken, so that nothing piles
 * up.  A call belongs to its connection and frees itself when the stream closes.  Messages are
 * bounded by GW_GRPC_CALL_MESSAGE_MAX; compressed ones are refused.  One thread. */
#pragma once

#include "net/h2.h"

#define GW_GRPC_CALL_MESSAGE_MAX GW_KIB(16) /* fits the stream's first window */
#define GW_GRPC_CALL_ANSWERS_MAX GW_KIB(64) /* gathered for one send */
#define GW_GRPC_CALL_BATCH       GW_KIB(16) /* `more` stops adding here */

typedef struct gw_grpc_call gw_grpc_call;

typedef struct gw_grpc_method {
  gw_str path; /* "/package.Service/Method" */
  bool client_streaming;
  /* One request: adds answers, or fails the call.  `message` is borrowed during the call. */
  void (*request)(gw_grpc_call *call, gw_str message);
  /* Adds further answers; adding none ends the call.  NULL: there are none. */
  void (*more)(gw_grpc_call *call);
} gw_grpc_method;

/* Embedded in nothing; its fields are for methods. */
struct gw_grpc_call {
  void *service;     /* borrowed from gw_grpc_call_new() */
  gw_arena arena;    /* the method's memory too */
  gw_buf out;        /* frames not yet given to the connection */
  uint64_t at, left; /* a method's own place in a long answer */
  /* private to grpc_call.c */
  gw_h2_stream stream;
  const gw_grpc_method *methods, *method;
  size_t method_count;
  size_t answer_start; /* of the message that is being written */
  int state;
  bool client_ended, is_sending, has_head, is_broken;
  gw_header trailers[3];
};

/* Takes nothing; methods and service outlive the stream.  NULL: no memory. */
gw_h2_stream *gw_grpc_call_new(const gw_grpc_method *methods, size_t count, void *service,
                               gw_arena_pool *pool);

/* Between the two, the answer's fields are appended to call->out. */
GW_CHECKED gw_code gw_grpc_call_answer_begin(gw_grpc_call *call);
void gw_grpc_call_answer_end(gw_grpc_call *call);

/* Ends the call with an error; answers not yet sent are dropped.  detail: the wire bytes of the
 * google.rpc message `detail_type` ("google.rpc.ErrorInfo"), n == 0: none.  Once in a call. */
void gw_grpc_call_fail(gw_grpc_call *call, gw_grpc_code code, gw_str message, gw_str detail_type,
                       gw_str detail);
