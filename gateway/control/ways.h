/* ways: which requests reach which method, compared between two configurations or two sets of
 * descriptors.  Templates are compared by their shape and variables by the fields that they set: a
 * field that only has another name now is none of its business (schema/evolve.h).
 * Main thread, and whoever reloads. */
#pragma once

#include "control/snapshot.h"
#include "schema/evolve.h"

/* One rule. */
typedef struct gw_way {
  gw_str method;
  gw_template template;
  const gw_rpc *rpc;
  gw_str body, response_body;
  bool is_fixed; /* written by the operator: it says what it means */
} gw_way;

typedef struct gw_ways {
  gw_way *items;
  size_t count;
} gw_ways;

/* The google.api.http rules of the pool's services.  Those with a template that is none are left
 * out: no one can serve them.  In arena; GW_NOMEM. */
GW_CHECKED gw_code gw_ways_of_pool(const gw_pool *pool, gw_arena *arena, gw_ways *out);

/* The rules of the snapshot. */
GW_CHECKED gw_code gw_ways_of_snapshot(const gw_snapshot *snapshot, gw_arena *arena, gw_ways *out);

/* Reports what requests that one of `older` took, unless it is fixed or its method is gone, become
 * in `newer`. */
GW_CHECKED gw_code gw_ways_compare(const gw_ways *older, const gw_ways *newer,
                                   const gw_pool *newer_pool, gw_arena *arena, gw_change_fn *report,
                                   void *context);
