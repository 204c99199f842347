/* bound_headers: fields of an answer's message that headers.bind turns into headers.  One thread.
 */
#pragma once

#include "exchange/exchange.h"

/* Appends to fields[0 .. count), which has room for `max`, one header for each bound field whose
 * text a header can carry: scalars, enums, timestamps and the like; others are dropped and counted.
 * A field that tracks presence is left out when it is not set, a string when it is empty.  Replaces
 * what the service's metadata says under the same name.  Values live in the exchange's arena or in
 * `message`.  Returns the new count. */
uint32_t gw_bound_headers(gw_exchange *exchange, gw_codec *codec, gw_str message, gw_header *fields,
                          uint32_t count, uint32_t max);
