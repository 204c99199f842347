/* pick: the upstream's side of a call: a connection with room, or a place in the queue.
 * Private to upstream/. */
#pragma once

#include "upstream/call.h"

/* Opens the call on a connection, queues it, or fails it; the call's tick runs later in any case.
 */
void gw_upstream_place(gw_upstream *upstream, gw_call *call);
void gw_upstream_unqueue(gw_upstream *upstream, gw_call *call);
/* A call that was placed before looks for another connection, to another address if there is one.
 */
void gw_upstream_replace(gw_upstream *upstream, gw_call *call);
/* A placed call is over, as call->result says: counts it and judges its address by it. */
void gw_upstream_call_done(gw_upstream *upstream, gw_call *call);
