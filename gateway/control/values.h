/* values: durations, sizes, addresses and endpoints as a configuration writes them.
 * Pure; any thread.  False, or an error that says what was expected: the text does not fit. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "control/snapshot.h"

#define GW_VALUE_TEXT_MAX 32 /* bytes of a printed duration or size, its NUL included */

/* "250ms", "1.5s", "10m", "1h": a number, up to three decimals, a unit; whole milliseconds. */
bool gw_value_duration_parse(gw_str text, uint64_t *ms);
/* The largest unit without a fraction: 1500 is "1500ms", 120000 is "2m".  Returns `text`. */
const char *gw_value_duration_print(uint64_t ms, char text[GW_VALUE_TEXT_MAX]);

/* "512B", "64KiB", "4MiB", "1GiB". */
bool gw_value_bytes_parse(gw_str text, uint64_t *bytes);
const char *gw_value_bytes_print(uint64_t bytes, char text[GW_VALUE_TEXT_MAX]);

/* "12.5%", "0.01%", "100%": parts per million, 1% being GW_VALUE_PERCENT; at most three decimals.
 */
#define GW_VALUE_PERCENT 10000u
bool gw_value_share_parse(gw_str text, uint64_t *ppm);
const char *gw_value_share_print(uint64_t ppm, char text[GW_VALUE_TEXT_MAX]);

/* "0.5", "1.6", "12": digits with at most one point; up to 1e9. */
bool gw_value_decimal_parse(gw_str text, double *value);

/* "127.0.0.1:8080", "[::1]:8080", "localhost:8080" (127.0.0.1), ":8080" (0.0.0.0).  out->host has a
 * NUL behind it.  Names are refused: what is listened on must not depend on DNS. */
GW_CHECKED gw_code gw_value_listen_parse(gw_str text, gw_arena *arena, gw_listen *out, gw_err *err);

/* "grpc://users-1:50051", "grpc://[::1]:50051".  Any scheme of gw_scheme is understood; which ones
 * are served is the caller's question. */
GW_CHECKED gw_code gw_value_endpoint_parse(gw_str text, gw_arena *arena, gw_endpoint_config *out,
                                           gw_err *err);

/* A name as DNS takes it, or an IPv4 address. */
bool gw_value_is_host(gw_str host);

/* What routes and upstreams may be called: letters, digits, "." "_" "-"; up to 128 bytes, so that a
 * name is one segment of an address and one label of a metric. */
bool gw_value_is_name(gw_str name);

/* An HTTP token (RFC 9110 section 5.6.2): methods and header names. */
bool gw_value_is_token(gw_str token);

/* Why a rule cannot have this method ("is not an HTTP method"); NULL: it can. */
const char *gw_value_method_fault(gw_str method);
