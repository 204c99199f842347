/* stage_order: the body of PUT /routes/NAME/stage: {"stage":"canary","share":"10%","why":"..."};
 * share and why may be missing or null, any other key is a mistake.
 * Pure; any thread. */
#pragma once

#include "base/buf.h"
#include "control/stages.h"

#define GW_STAGE_ORDER_BYTES_MAX GW_KIB(4)

/* Everything but `route`; the reason is in `why`, NUL-terminated, cut to its size.  GW_BAD_VALUE
 * with err's text; GW_NOMEM. */
GW_CHECKED gw_code gw_stage_order_parse(gw_str body, char why[GW_JOURNAL_WHY_MAX],
                                        gw_stage_order *out, gw_err *err);

/* {"name","stage","share","from":{"stage","share"},"moved":[names of the group]} */
GW_CHECKED gw_code gw_stage_order_print(const gw_snapshot *snapshot, gw_str route, gw_stand from,
                                        gw_stand to, gw_buf *out);
