/* forward: a request goes to an HTTP/1.1 upstream as it is, and the answer comes back as it is;
 * both are streamed, and neither is held whole (DESIGN section 8: the legacy side).
 *
 *   client --gw_exchange_body()--> gw_http_call_send() --> upstream
 *   client <-- client ops <------- gw_http_call_next() <-- upstream
 *
 * Nothing passes as text: both heads are written anew from what the strict readers took.
 * The request: method, path and query byte for byte; Host as the client's; fields but those of the
 * connection (RFC 9110 section 7.6.1: hop-by-hop ones, those that Connection names) and Expect,
 * which the front meets; X-Forwarded-For, -Host, -Proto and Via added.  The answer likewise, with
 * reason and Date as the upstream wrote them, and Via added.  Length or chunks stay what they were;
 * a body until the connection's end becomes chunks, for HTTP/1.0 a connection's end again. Trailers
 * are dropped either way.
 *
 * The request is sent from its first piece on: head and piece in one write.  What goes slower holds
 * the other: the client is held while the upstream takes no more, and the answer is not read while
 * the client takes no more.
 * Times: the client must send at the minimum rate of `limits`, over the first body_grace and then
 * over each stall_timeout in which it is its turn: a pause within a long upload is no attack; from
 * the request's end to the answer's head legacy_timeout_ms, between two pieces of it
 * legacy_idle_timeout_ms. Errors before the answer: 502 (not understood, or broken), 503, 504; a
 * begun answer is cut. In the exchange's arena.  One thread. */
#pragma once

#include "exchange/exchange.h"
#include "upstream/http_call.h"

struct gw_forward {
  gw_http_call call;
  gw_exchange *exchange;
  gw_http_upstream *upstream;
  gw_str upstream_name;
  gw_http_request request;
  uint64_t timeout_ms, idle_timeout_ms;
  uint64_t due_ms;       /* of what is waited for now; 0: nothing */
  uint64_t window_bytes; /* of the request's body since the last look at its rate */
  bool is_steady;        /* the client kept the rate once */
  bool is_sent;          /* the request was handed over whole */
  bool is_held;          /* the client waits */
};

/* Writes the head that `upstream` (an index in the snapshot) would be sent; nothing begins.  *out
 * lives as long as the exchange. */
GW_CHECKED gw_code gw_forward_prepare(gw_exchange *exchange, const gw_h1_request *request,
                                      gw_str peer, uint32_t upstream, gw_forward **out);
/* From here on legacy answers: sets exchange->forward.  The body follows by gw_forward_body(). */
void gw_forward_start(gw_exchange *exchange, gw_forward *forward);

/* Both, for a request that was just read; upstream: index in the snapshot.  Sets exchange->forward.
 * The body follows by gw_forward_body().  GW_NOMEM and others: nothing was done. */
GW_CHECKED gw_code gw_forward_begin(gw_exchange *exchange, const gw_h1_request *request,
                                    gw_str peer, uint32_t upstream);
void gw_forward_body(gw_exchange *exchange, gw_str piece, bool end);
/* The client takes more of the answer. */
void gw_forward_writable(gw_exchange *exchange);
