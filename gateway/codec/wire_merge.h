/* wire_merge: one occurrence for each singular submessage.
 * Protobuf's merge rule lets a serializer write a submessage in pieces, and binding makes use of
 * it: a body's `user` and a path's `user.user_id` are two pieces.  Not every decoder merges,
 * though: protobufjs, which most
 * @grpc/grpc-js services use, keeps only the last piece.  So they are joined before they leave.
 * Scalars that come twice stay: the last one wins everywhere. */
#pragma once

#include "base/buf.h"
#include "schema/schema.h"

/* Rewrites out->p[start ...], a `message` that this program wrote, where a submessage comes in
 * pieces; else leaves it untouched.  Linear for each level of nesting; scratch comes from arena.
 * GW_TOO_LARGE, GW_NOMEM. */
GW_CHECKED gw_code gw_wire_merge(const gw_message *message, gw_arena *arena, gw_buf *out,
                                 size_t start);
