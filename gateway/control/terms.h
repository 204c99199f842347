/* terms: on what a route's answers are compared: its options for comparing and those that change
 * what gRPC's answer looks like.  Other terms make other comparisons.
 * Errors: GW_NOMEM.  Pure; any thread. */
#pragma once

#include "control/snapshot.h"

/* A hash for each route that has a migration, by route index, in arena; 0 for the others. */
GW_CHECKED gw_code gw_terms_of(const gw_snapshot *snapshot, gw_arena *arena, uint64_t **out);
