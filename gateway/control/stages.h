/* stages: where the routes stand while the gateway runs, and who moves them (DESIGN section 4).
 *
 *   configuration (start, reload) --+
 *   operators (admin API)         --+--> gw_live's stand, its journal, the log, the state file
 *   guards and ramps (the tick)   --+
 *
 * Routes of a group move together.  A stage set at run time is kept in the state file with what the
 * configuration said then, and holds until the configuration says something else.
 * Under its own lock; any thread. */
#pragma once

#include "control/snapshot.h"
#include "migrate/guard.h"

typedef struct gw_stages gw_stages;

typedef enum gw_mover {
  GW_MOVER_CONFIGURATION,
  GW_MOVER_STATE_FILE,
  GW_MOVER_OPERATOR,
  GW_MOVER_GUARD,
  GW_MOVER_RAMP,
  GW_MOVER_COUNT
} gw_mover;

const char *gw_mover_name(gw_mover mover); /* "state file": who, in journal and log */

gw_stages *gw_stages_new(void); /* NULL: no memory */
void gw_stages_free(gw_stages *stages);

/* Puts the routes of a snapshot where they are to stand, before any worker serves it; reads the
 * state file the first time.  Counts the snapshot for itself.  GW_NOMEM: nothing was moved. */
GW_CHECKED gw_code gw_stages_adopt(gw_stages *stages, gw_snapshot *snapshot);

/* What an operator asks for. */
typedef struct gw_stage_order {
  gw_str route;
  gw_stage stage;
  bool has_share; /* canary without one: that of the configuration */
  uint32_t share;
  const char *why; /* "" */
} gw_stage_order;

/* Moves the route and its group; *from, *to: of this route, equal when it stood there already.
 * GW_NOT_FOUND: no such route; GW_BAD_VALUE: it cannot stand there; err says why. */
GW_CHECKED gw_code gw_stages_order(gw_stages *stages, const gw_stage_order *order, gw_stand *from,
                                   gw_stand *to, gw_err *err);

/* Lets the guards and ramps look at the counters, and moves what they say.  Every GW_GUARD_TICK_MS;
 * now_ms: monotonic. */
void gw_stages_tick(gw_stages *stages, uint64_t now_ms);

/* What there is to see of a route beside its gw_live. */
typedef struct gw_stage_view {
  bool has_guard; /* `guard` was filled */
  gw_guard_view guard;
  bool is_held; /* its ramp stands still */
  uint64_t moves[GW_MOVER_COUNT];
} gw_stage_view;

gw_stage_view gw_stages_view(gw_stages *stages, gw_str route);
