/* wire_find: single fields of a message, without converting the rest of it.
 * All read the whole message: bytes that no serializer writes are GW_BAD_ANSWER, wherever they are.
 * A field that is not there is found empty: p == NULL.  Linear; any thread. */
#pragma once

#include "base/arena.h"
#include "schema/schema.h"

/* The content of the submessage that `fields[0 .. count)` lead to, which are singular messages or
 * groups; count 0: `wire` itself.  Borrows `wire`, unless the submessage comes in pieces: then they
 * are joined in `arena`, which is protobuf's merge.  GW_NOMEM. */
GW_CHECKED gw_code gw_wire_find_message(gw_str wire, const gw_field *const *fields, uint32_t count,
                                        gw_arena *arena, gw_str *out);

/* The payload of the last occurrence of a string or bytes field; borrows. */
GW_CHECKED gw_code gw_wire_find_bytes(gw_str wire, uint32_t number, gw_str *out);

/* The last occurrence of a varint field; *value stays as it is when there is none. */
GW_CHECKED gw_code gw_wire_find_varint(gw_str wire, uint32_t number, uint64_t *value);

/* Whether a field of this number occurs; false for malformed bytes too. */
bool gw_wire_find_any(gw_str wire, uint32_t number);

/* A field that is set although it and one of `fields[0 .. count)`, a path from `wire` downwards,
 * are members of one oneof; NULL: none.  `wire` is our own: well-formed, each submessage once. */
const gw_field *gw_wire_find_rival(gw_str wire, const gw_field *const *fields, uint32_t count);
