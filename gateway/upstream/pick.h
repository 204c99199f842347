/* pick: the upstream's side of an attempt: a connection with room, or a place in the queue; and
 * whether a failed one may be tried again.  Private to upstream/. */
#pragma once

#include "upstream/attempt.h"

/* Opens the attempt on a connection, queues it, or fails it; its tick runs later in any case. */
void gw_upstream_place(gw_upstream *upstream, gw_attempt *attempt);
void gw_upstream_unqueue(gw_upstream *upstream, gw_attempt *attempt);
/* One that was placed before looks for another connection, to another address if there is one. */
void gw_upstream_replace(gw_upstream *upstream, gw_attempt *attempt);
/* A placed one is over, as its result says: counts it and judges its address by it. */
void gw_upstream_done(gw_upstream *upstream, gw_attempt *attempt);

/* A call pauses before its next attempt: when no connection is left to hope for meanwhile, its
 * timer is set to now. */
void gw_upstream_pause(gw_upstream *upstream, gw_call *call);
void gw_upstream_unpause(gw_upstream *upstream, gw_call *call);

/* A connection is there or to be expected soon. */
bool gw_upstream_has_hope(const gw_upstream *upstream);
double gw_upstream_draw(gw_upstream *upstream); /* uniform in [0, 1) */

/* Another address than this one can take a call now, and is not ejected. */
bool gw_upstream_has_other(const gw_upstream *upstream, uint32_t address_id);
/* A call is tried again without asking those below: counted. */
void gw_upstream_rescued(gw_upstream *upstream);

const gw_retry_config *gw_upstream_retry(const gw_upstream *upstream);
/* gRFC A6's throttling: what an attempt's end means for it. */
void gw_upstream_retry_note(gw_upstream *upstream, bool failed);
/* True: one more retry may run, and counts until gw_upstream_retry_over(). */
bool gw_upstream_retry_begin(gw_upstream *upstream, const gw_retry_config *config);
/* The same for a further attempt of one that runs. */
bool gw_upstream_retry_allowed(gw_upstream *upstream);
void gw_upstream_retry_over(gw_upstream *upstream);
