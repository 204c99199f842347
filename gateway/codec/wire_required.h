/* wire_required: proto2's required fields (TRANSCODING D-45).  The content of an Any is not looked
 * at.  Pure; any thread. */
#pragma once

#include "base/arena.h"
#include "schema/schema.h"

/* The first required field that `wire` lacks, submessages included; NULL: none.  Parts of a
 * submessage count one by one: join them first (codec/wire_merge.h). */
const gw_field *gw_wire_required_missing(const gw_message *message, gw_str wire);

/* Whether `message` has required fields, or one that it contains.  `arena` holds what was visited;
 * without memory *code is GW_NOMEM. */
bool gw_wire_required_any(const gw_message *message, gw_arena *arena, gw_code *code);
