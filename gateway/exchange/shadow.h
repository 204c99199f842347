/* shadow: a request that is sent to the other side too, so that both answers can be compared
 * (DESIGN section 4).  The client's exchange neither waits for it nor sees it: its request and its
 * answer are copied on their way, and the other side is asked by a second exchange without a client
 * only when the client has its answer.
 *
 *   RECORDING  the client's exchange runs; its answer passes through here     front, upstream
 *   ASKING     the second exchange runs                                       its answer, the timer
 *   AGAIN      for a few, legacy is asked once more: what differs there is    the same
 *              no difference between the sides
 *   then both answers go to the comparer, or are counted as failed or dropped.
 *
 * Bounds: in flight for each route, bytes of each body, time, and GW_SHADOW_BYTES_MAX for all of a
 * worker.  What does not fit is given up at once and counted as dropped.
 * Owned by the engine; memory of its own, since the comparer's thread frees it.  One thread. */
#pragma once

#include "exchange/exchange.h"

/* Keeps a copy of what `exchange` is asked and answers from here on; sets exchange->shadow.  When a
 * bound is reached nothing is done but counting.  `request` is borrowed for the call. */
void gw_shadow_begin(gw_exchange *exchange, const gw_h1_request *request, gw_str peer);
/* A piece of the client's request body, before the exchange takes it. */
void gw_shadow_body(gw_exchange *exchange, gw_str piece, bool end);
/* The client gets no answer that could be compared; counted as `parity`.  Afterwards the exchange
 * has no shadow. */
void gw_shadow_leave(gw_exchange *exchange, gw_parity parity);
/* The worker stops: gives up all that run. */
void gw_shadow_cancel_all(gw_engine *engine);
