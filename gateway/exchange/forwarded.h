/* forwarded: what a server behind the gateway is told of the client's connection: X-Forwarded-For,
 * -Host and -Proto.  Pure. */
#pragma once

#include "net/h1.h"

#define GW_FORWARDED_COUNT 3u

typedef struct gw_forwarded {
  gw_header fields[GW_FORWARDED_COUNT];
  bool is_own[GW_FORWARDED_COUNT]; /* the value is not the client's: of `peer`, or a literal */
} gw_forwarded;

/* The client's chain of addresses with its own behind it; host and scheme as the client's side was
 * told, else as it asked.  Values are borrowed from request and peer or made in arena.
 * Errors: GW_NOMEM. */
GW_CHECKED gw_code gw_forwarded_of(const gw_h1_request *request, gw_str peer, gw_arena *arena,
                                   gw_forwarded *out);
/* Whether a field (lower case) is one of them. */
bool gw_forwarded_has(gw_str name);
