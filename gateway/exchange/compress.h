/* compress: gzip for what an exchange sends: messages to a service that is to get them so, and
 * whole answers to clients that take it (RFC 9110 section 12.5.3). What does not get smaller by it
 * stays as it is. */
#pragma once

#include "exchange/exchange.h"

/* The frame that begins at `start` and ends `out`; small messages stay as they are.  Scratch comes
 * from `arena`.  GW_NOMEM. */
GW_CHECKED gw_code gw_compress_message(gw_exchange *exchange, gw_arena *arena, gw_buf *out,
                                       size_t start);

/* An answer of at least the configured size: sets its body, and the fields that tell of it and that
 * another client would get it otherwise; they live in the exchange's arena. */
void gw_compress_answer(gw_exchange *exchange, gw_answer *answer);
