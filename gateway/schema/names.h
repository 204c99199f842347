/* names: what a name may look like, and the forms of it that the codec copies.
 * Memory is the arena's; NULL slices mean: no memory.  Pure otherwise. */
#pragma once

#include "base/buf.h"
#include "schema/schema.h"

bool gw_name_is_identifier(gw_str name); /* [A-Za-z_][A-Za-z0-9_]* */
bool gw_name_is_dotted(gw_str name);     /* identifiers with dots between */

/* A JSON name: anything that is valid UTF-8 without quotes and control characters. */
bool gw_name_is_json(gw_str name, gw_buf *scratch);

/* protoc's automatic JSON name: each '_' goes, the letter behind it becomes a capital. */
gw_str gw_name_camel(gw_arena *arena, gw_str name);

gw_str gw_name_join(gw_arena *arena, gw_str outer, char separator, gw_str inner);

/* `"name"` and the suffix, escaped, with GW_KEY_PAD zero bytes behind (not counted). */
gw_str gw_name_quote(gw_arena *arena, gw_buf *scratch, gw_str name, const char *suffix);

/* A table for `count` names: at most half full; the slots are zero. */
gw_name_slot *gw_name_table(gw_arena *arena, size_t count, uint32_t *mask);

/* What gw_name_slot.hash holds. */
static inline uint32_t gw_name_hash(gw_str name) {
  return (uint32_t)gw_str_hash(name, 0);
}
