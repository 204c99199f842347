/* base64: RFC 4648, both alphabets, padding optional, stray tail bits tolerated (ProtoJSON).
 * Pure; any thread. */
#pragma once

#include "base/str.h"

#define GW_BASE64_ENCODED_MAX(n) (((n) + 2) / 3 * 4)
#define GW_BASE64_DECODED_MAX(n) ((n) / 4 * 3 + 3)

/* Standard alphabet with padding; returns the bytes written to `out`. */
size_t gw_base64_encode(gw_str bytes, char *out);

/* False: a byte outside both alphabets, wrong padding, or a length no encoding has. */
bool gw_base64_decode(gw_str text, char *out, size_t *n);
