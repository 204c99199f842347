/* request_stream: the body of a route whose RPC takes a stream of requests (TRANSCODING section 8,
 * D-38, and 6.1): the values in it become messages as they arrive.
 *
 *   client --gw_exchange_body()--> values (codec/json_split.h) --bind--> gw_call_frames() -->
 * service
 *
 * The call starts with the request's head, so that a service may speak first.  Path, query and
 * headers go into the first message only; a body without values sends none.  A google.api.HttpBody
 * is not parsed: each piece that arrives is a message, and an empty body is one message without
 * data. When the call is full (upstream/send_queue.h) the client is held: its socket is not read.
 * What it sent before waits in `rest`. A malformed value ends the exchange and cancels the call;
 * nothing of it reaches the service. */
#pragma once

#include "codec/json_split.h"
#include "exchange/exchange.h"
#include "upstream/send_queue.h"

#define GW_REQUEST_PIECE_BYTES_MAX                                                                 \
  GW_MIB(1) /* of a google.api.HttpBody in one message, as Envoy cuts */

struct gw_request_stream {
  gw_send_queue queue;
  gw_json_split split;
  gw_buf value;      /* one that came in pieces */
  gw_buf rest;       /* came while the call was full */
  size_t rest_start; /* what of it was taken */
  uint64_t message_count;
  bool is_raw;    /* google.api.HttpBody */
  bool has_ended; /* the body is whole */
  bool is_sent;   /* and all of it was handed to the call */
  bool is_held;   /* the client waits */
};

/* GW_NOMEM.  Sets exchange->requests; the call may start. */
GW_CHECKED gw_code gw_request_stream_begin(gw_exchange *exchange);
/* The next piece of the body: at most what a client hands over before it heeds being held. */
void gw_request_stream_take(gw_exchange *exchange, gw_str piece, bool end);
/* The call's tick: there may be room again. */
void gw_request_stream_resume(gw_exchange *exchange);
/* Whether it is the client's turn: it is neither whole nor held. */
bool gw_request_stream_awaits_client(const gw_exchange *exchange);
