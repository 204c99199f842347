/* wire_find: one submessage of a message, without reading the rest of it.  Pure; any thread. */
#pragma once

#include "base/str.h"

/* The payload of the last length-delimited occurrence of field `number`.  False: there is none, or
 * the bytes are malformed. */
bool gw_wire_find(gw_str wire, uint32_t number, gw_str *payload);
