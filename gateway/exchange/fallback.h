/* fallback: a safe request that gRPC could not answer is answered by legacy (DESIGN section 4).
 * Only UNAVAILABLE and UNIMPLEMENTED, only requests without a body that RFC 9110 calls safe, only
 * before the client got anything, and only GW_FALLBACKS_MAX at a time for each worker: a legacy
 * that has no room for them must not be taken down as well.  One thread. */
#pragma once

#include "exchange/exchange.h"

/* Keeps what legacy would be sent, where the route falls back and the request may. */
GW_CHECKED gw_code gw_fallback_prepare(gw_exchange *exchange, const gw_h1_request *request,
                                       gw_str peer);
/* The gRPC side failed so.  True: legacy was asked, and will answer. */
bool gw_fallback_take(gw_exchange *exchange, const gw_call_result *result);
/* The exchange is over. */
void gw_fallback_done(gw_exchange *exchange);
