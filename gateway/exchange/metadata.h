/* metadata: which client headers travel to the service and which of its metadata come back (DESIGN
 * section 3, headers.request and headers.response).
 * One emitter for each direction: allow-lists, never grpc-*, pseudo or hop-by-hop names, never a
 * value that could split a message.  Names and values are copied into the arena where they do not
 * live long enough. Pure. */
#pragma once

#include "base/metrics.h"
#include "net/h1.h"
#include "net/h2.h"
#include "route/rule.h"
#include "upstream/call.h"

/* All but traceparent, which the exchange adds: *out has room for one more.
 * Fills at most GW_CALL_METADATA_MAX - 1 fields; *out lives in arena, `peer` as
 * long as that.  `dropped` counts headers on
 * the list whose value metadata cannot carry. */
GW_CHECKED gw_code gw_metadata_of_request(const gw_h1_request *request, const gw_route *route,
                                          gw_str peer, gw_arena *arena, gw_header **out,
                                          uint32_t *count, uint32_t *dropped);

/* Appends to `out` (room for `max`) what of `fields` the client gets; borrows. */
uint32_t gw_metadata_of_answer(const gw_h2_fields *fields, const gw_route *route, gw_header *out,
                               uint32_t max);

/* Whether metadata, and so a header, can carry the value. */
bool gw_metadata_fits(gw_str name, gw_str value);

/* The same as grpc-gateway names them (D-36): all but reserved ones behind `prefix` (n == 0: none
 * of them), those that the route lists unchanged.  Names live in arena. */
uint32_t gw_metadata_prefixed(const gw_h2_fields *fields, const gw_route *route, gw_str prefix,
                              gw_arena *arena, gw_header *out, uint32_t max);

/* TE: trailers. */
bool gw_metadata_wants_trailers(const gw_h1_request *request);

/* x-http-code: 200 to 599, else 0 (*bad is set when it was there). */
int gw_metadata_http_code(const gw_h2_fields *fields, bool *bad);
