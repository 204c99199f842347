/* headers: which header names may pass the gateway, and which do without being named in a route
 * (DESIGN section 3, headers.request and headers.response).  Names are in lower case.  Pure; any
 * thread. */
#pragma once

#include "base/str.h"

/* Hop-by-hop (RFC 9110 section 7.6.1), framing, what the gateway writes itself, grpc-*, pseudo
 * names: never passed on, whoever lists them. */
bool gw_headers_reserved(gw_str name);

/* The entry of the default list, which lives as long as the program, or n == 0. */
gw_str gw_headers_request_default(gw_str name);
bool gw_headers_answer_default(gw_str name);

/* The request's defaults in words, with those that the gateway itself completes: for `explain`. */
extern const char gw_headers_request_text[];
