/* routes_json: the running routes with their live figures as JSON (DESIGN section 11).
 *   {"name","match","also","rpc","upstream","stage","requests","errors","p50_ms","p99_ms"}
 * `also` only where a route has more matches; the percentiles are null before the first request.
 * Pure; errors: GW_TOO_LARGE (over out->max), GW_NOMEM. */
#pragma once

#include "admin/metric_sums.h"
#include "control/snapshot.h"

/* A list of all routes. */
GW_CHECKED gw_code gw_routes_json_print(const gw_snapshot *snapshot, const gw_metric_sums *sums,
                                        gw_buf *out);

/* One route, with `rules`: [{"match","body","response_body","implicit"}].  GW_NOT_FOUND: no route
 * of that name. */
GW_CHECKED gw_code gw_routes_json_print_one(const gw_snapshot *snapshot, const gw_metric_sums *sums,
                                            gw_str name, gw_buf *out);
