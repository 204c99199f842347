/* mask: lets ${NAME:-default} stand unquoted inside {} and [], where YAML would end the text at the
 * first brace, bracket or comma.  Before YAML is read, the characters of each ${...} that YAML
 * takes for itself become others, one for one, so that lines and columns (in characters) hold;
 * afterwards they are put back.  The others are noncharacters, which Unicode keeps for a program's
 * inner use (chapter 23.7): text has none.
 * Pure; any thread. */
#pragma once

#include "base/arena.h"
#include "base/code.h"

/* Where `text` holds one of the noncharacters; text.n: nowhere. */
size_t gw_mask_find(gw_str text);

/* Quoted text, comments and blocks keep their bytes: there ${...} needs no help.  *out borrows
 * `text` when nothing changes, else it is in arena.  GW_NOMEM. */
GW_CHECKED gw_code gw_mask_apply(gw_str text, gw_arena *arena, gw_str *out);

/* In place; returns the new length. */
size_t gw_mask_undo(char *text, size_t n);
