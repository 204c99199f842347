/* migration_json: what a route's migration looks like to operators, as members of its object.
 * Any thread. */
#pragma once

#include "admin/json_out.h"
#include "control/stages.h"

/* ,"stage","share","legacy","group","since" */
void gw_migration_json_stand(gw_json_out *w, const gw_route *route);

/* ,"sides","parity","fallbacks": from the gw_live's counters. */
void gw_migration_json_figures(gw_json_out *w, const gw_route *route);

/* ,"configured","shadow","guard","ramp","journal","coverage" */
void gw_migration_json_details(gw_json_out *w, const gw_route *route, const gw_stage_view *view);

/* Where it stands now. */
gw_stand gw_migration_json_now(const gw_route *route);
