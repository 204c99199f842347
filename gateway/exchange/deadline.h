/* deadline: how long an exchange may take: the route's timeout, shortened by what the client asks
 * for. Sources: gRPC PROTOCOL-HTTP2.md (Grpc-Timeout), TRANSCODING section 12.  Pure. */
#pragma once

#include "net/h1.h"

/* The smallest of route_ms (0: none) and the client's Grpc-Timeout, X-Server-Timeout (seconds,
 * fractions allowed) and X-Request-Timeout-Ms.  GW_BAD_REQUEST: one of them is malformed,
 * err->where names it. */
GW_CHECKED gw_code gw_deadline_of(const gw_h1_request *request, uint64_t route_ms, uint64_t *ms,
                                  gw_err *err);
