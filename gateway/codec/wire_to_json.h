/* wire_to_json: protobuf wire bytes -> JSON text, in one pass, driven by the schema (ProtoJSON).
 * Fields are printed in ascending number without insignificant whitespace.  While numbers ascend
 * and lists are contiguous it prints as it reads; otherwise the message concerned is done by index
 * (last scalar wins, lists gather, submessages merge, last oneof member and last map key win),
 * restarts being paid from a budget in proportion to the input, so that no input is quadratic or
 * exponential. Unknown fields and wrong wire types are skipped; groups too. Errors: GW_BAD_ANSWER
 * (malformed wire, depth over GW_JSON_DEPTH_MAX, invalid UTF-8, Timestamp or Any that has no JSON),
 * err->where the field path; GW_TOO_LARGE, GW_NOMEM.  `out` is then cut back. Pure; one thread (the
 * memo). */
#pragma once

#include "codec/codec.h"

GW_CHECKED gw_code gw_wire_to_json(gw_codec *codec, const gw_message *message, gw_str wire,
                                   gw_buf *out, gw_err *err);

/* Only the value of `field` of the message in `wire` (response_body): a scalar's default, [], {} or
 * null when it is not set. */
GW_CHECKED gw_code gw_wire_to_json_field(gw_codec *codec, const gw_field *field, gw_str wire,
                                         gw_buf *out, gw_err *err);
