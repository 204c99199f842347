/* explain: what the gateway would do with one request, without calling anybody (`sluice explain`).
 * Text for a person; main thread. */
#pragma once

#include "control/snapshot.h"

/* `request`: 'GET /v1/users/7?x=1'; `body` may be empty (GW_JSON_PAD readable bytes behind it).
 * Appends: the winner (name, where it is written, rpc, upstream), why each other rule loses, the
 * bindings, the request message as JSON and as hex, metadata, deadline.  GW_OK; GW_NO_ROUTE and
 * friends when no route wins or a value is bad: `out` then says why and err too. */
GW_CHECKED gw_code gw_explain(const gw_snapshot *snapshot, gw_str request, gw_str body, gw_buf *out,
                              gw_err *err);

/* The table of `sluice routes` and `check`: name, match, rpc, upstream, stage; or a JSON list of
 * objects with those keys (DESIGN section 11). */
GW_CHECKED gw_code gw_routes_print(const gw_snapshot *snapshot, bool json, gw_buf *out);
