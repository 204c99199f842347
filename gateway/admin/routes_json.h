/* routes_json: the running routes with their live figures as JSON (DESIGN section 11).
 *   {"name","match","also","rpc","upstream","stage","share","legacy","group","since","requests",
 *    "errors","p50_ms","p99_ms","sides","parity","fallbacks"}
 * `also` only where a route has more matches; the percentiles are null before the first request;
 * `sides` and `parity` are null where a route has no legacy side.
 * Errors: GW_TOO_LARGE (over out->max), GW_NOMEM.  Any thread. */
#pragma once

#include "admin/metric_sums.h"
#include "control/stages.h"

/* A list of all routes. */
GW_CHECKED gw_code gw_routes_json_print(const gw_snapshot *snapshot, const gw_metric_sums *sums,
                                        gw_buf *out);

/* One route, with `rules`: [{"match","body","response_body","implicit"}], `configured`, `shadow`,
 * `guard`, `ramp`, `journal` and `coverage`.  GW_NOT_FOUND: no route of that name. */
GW_CHECKED gw_code gw_routes_json_print_one(const gw_snapshot *snapshot, const gw_metric_sums *sums,
                                            gw_str name, const gw_stage_view *view, gw_buf *out);
