/* state: the file that keeps stages set at run time over a restart (DESIGN section 4).
 *   {"version":1,"routes":{"NAME":{"stage","share","over":{"stage","share"},"who","why","at",
 *   "held"}}}
 * `over` is what the configuration said when the stage was set; `held`: ramps stand still.
 * Written to a file beside it, which then takes its place, both synced: whoever reads it, and
 * whenever the process or the machine ends, finds the old one whole or the new one.  Any thread,
 * one at a time for each path. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "migrate/stage.h"

#define GW_STATE_BYTES_MAX GW_MIB(16) /* 16,384 routes with reasons need 8 */

typedef struct gw_state_entry {
  gw_str route;
  gw_stand stand, over;
  gw_str who, why;
  uint64_t at_ms; /* wall time */
  bool held;
} gw_state_entry;

/* Items and texts are in `arena`.  GW_NOT_FOUND: there is none.  GW_BAD_VALUE: it cannot be read,
 * or is not what gw_state_write writes; err says why.  GW_NOMEM. */
GW_CHECKED gw_code gw_state_read(const char *path, gw_arena *arena, gw_state_entry **items,
                                 size_t *count, gw_err *err);

/* GW_UNAVAILABLE: it cannot be written, and is as it was; err says why.  GW_NOMEM. */
GW_CHECKED gw_code gw_state_write(const char *path, const gw_state_entry *items, size_t count,
                                  gw_err *err);

/* Renames a broken one to PATH.broken, so that it can be looked at; false: that failed. */
bool gw_state_set_aside(const char *path);
