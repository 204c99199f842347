/* suggest: the route options that remove the differences a route's comparisons found, and the
 * pointers that legacy itself answers differently from time to time, as a fragment of the
 * configuration (`sluice suggest`).
 * Texts come from the answers of services: in YAML they are written so that nothing in them can
 * become another key or line.
 * Errors: GW_TOO_LARGE, GW_NOMEM.  Any thread. */
#pragma once

#include "migrate/live.h"

/* {"options":[{"option","count","pointers"}],"ignore":["/updated_at"],"yaml":"..."} */
GW_CHECKED gw_code gw_suggest_print_json(const gw_migration *migration, gw_live *live, gw_buf *out);

/* The fragment alone, with comments. */
GW_CHECKED gw_code gw_suggest_print_yaml(const gw_migration *migration, gw_live *live, gw_buf *out);
