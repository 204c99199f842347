/* bound_headers: fields of an answer's message that headers.bind turns into headers.  One thread.
 */
#pragma once

#include "exchange/exchange.h"

/* Appends to `out` (room for `max`) one header for each bound field that is set and whose text a
 * header can carry: scalars, enums, timestamps and the like; others are dropped and counted. Values
 * live in the exchange's arena.  Returns how many. */
uint32_t gw_bound_headers(gw_exchange *exchange, gw_codec *codec, gw_str message, gw_header *out,
                          uint32_t max);
