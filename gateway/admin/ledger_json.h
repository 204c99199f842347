/* ledger_json: the differences found on a route, as JSON.
 * Errors: GW_TOO_LARGE, GW_NOMEM.  Any thread. */
#pragma once

#include "control/snapshot.h"
#include "migrate/live.h"

/* Most frequent first: [{"pointer","pattern","kind","count","legacy","grpc","first","last",
 * "option","unstable"}] */
GW_CHECKED gw_code gw_ledger_json_diffs(gw_ledger *ledger, gw_buf *out);

/* Newest first: [{"at","request","legacy":{"status","body"},"grpc":{...},"differences":[{"pointer",
 * "kind"}]}] */
GW_CHECKED gw_code gw_ledger_json_pairs(gw_ledger *ledger, gw_buf *out);
