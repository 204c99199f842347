/* peer_service: a gRPC service in the loop of a test that notes each call and answers as the case
 * says, for the golden cases of `compat`. */
#pragma once

#include "net/h2.h"
#include "schema/schema.h"
#include "unit/net/pump.h"

#define PEER_FIELDS_MAX 16u
#define PEER_CALLS_MAX  256u
#define PEER_BYTES_MAX  GW_MIB(1)

/* What one call is answered with. */
typedef struct peer_answer {
  gw_header head[PEER_FIELDS_MAX], trailers[PEER_FIELDS_MAX]; /* besides those of gRPC */
  uint32_t head_count, trailer_count;
  gw_str messages; /* a line each: JSON of the method's output, or "hex ..." */
  gw_str status;   /* of HTTP: it is no gRPC then, and `body` follows; n == 0: gRPC */
  gw_str body;
  bool resets;        /* the stream ends with RST_STREAM */
  gw_str grpc_status; /* n == 0: "0" */
  gw_str grpc_message;
} peer_answer;

typedef struct peer_call {
  gw_h2_stream h2;
  gw_arena arena;
  struct peer_service *owner;
  gw_buf body, out;
  gw_header trailers[PEER_FIELDS_MAX + 2];
  bool answered;
} peer_call;

typedef struct peer_service {
  gw_loop *loop;
  gw_listener *listener;
  uint16_t port;
  gw_h2 *h2; /* the one connection; NULL: none */
  const gw_pool *pool;
  const peer_answer *answer; /* of the next call */
  peer_call *calls[PEER_CALLS_MAX];
  uint32_t count;
} peer_service;

void peer_service_open(peer_service *s, gw_loop *loop);
void peer_service_close(peer_service *s);
