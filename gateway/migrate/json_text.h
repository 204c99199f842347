/* json_text: a tree's node as JSON text for people: short and on one line, or indented; never more
 * than asked for, with redacted values replaced.  Recursion is bounded by the tree's depth.
 * Pure; any thread. */
#pragma once

#include "migrate/json_tree.h"

/* At most `most` bytes, the last three of them "..." where more would stand, cut between
 * characters; in the arena.  p == NULL: no memory. */
gw_str gw_json_text_print(const gw_json_node *node, bool indented, size_t most, gw_arena *arena);

/* `text`, which is any bytes, as a JSON string, cut in the same way. */
gw_str gw_json_text_quote(gw_str text, size_t most, gw_arena *arena);

#define GW_REDACTED "\"[redacted]\""
