/* changes: what new descriptors break for the clients of the old ones, as a list to show.
 * schema/evolve.h compares types and methods, control/ways.h what requests reach them.
 * Owned by the caller; main thread, and whoever reloads. */
#pragma once

#include "control/findings.h"
#include "control/snapshot.h"
#include "schema/evolve.h"

#define GW_CHANGES_MAX 10000u /* kept; whoever has more has another interface */

typedef struct gw_changes {
  gw_arena arena;
  gw_change *items; /* each once; by place, what breaks first */
  size_t count, capacity;
  size_t lost;   /* beyond what is kept */
  size_t breaks; /* of them all */
  bool failed;   /* no memory for one */
} gw_changes;

void gw_changes_init(gw_changes *changes);
void gw_changes_done(gw_changes *changes);

/* Everything that two pools hold. */
GW_CHECKED gw_code gw_changes_of_pools(const gw_pool *older, const gw_pool *newer, gw_changes *out);

/* What the routes of `older` use, if `newer` still has them or lists their service: a route that
 * the operator took out is no accident.  Nothing when the descriptor sets are the same bytes. */
GW_CHECKED gw_code gw_changes_of_snapshots(const gw_snapshot *older, const gw_snapshot *newer,
                                           gw_changes *out);

/* "FILE: break: pkg.Message.field: removed ... (gRPC clients)\n" each. */
GW_CHECKED gw_code gw_changes_print(const gw_changes *changes, gw_str file, gw_buf *out);

/* The same as findings of the configuration: breaks are errors, unless they are allowed. */
void gw_changes_find(const gw_changes *changes, const gw_snapshot *newer, bool allowed,
                     gw_findings *findings);
