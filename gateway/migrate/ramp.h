/* ramp: which step a route stands on, and whether it may take the next one (DESIGN section 4).
 * The way is shadow, then the steps, then grpc where the last step is all of the traffic.
 * Pure; any thread. */
#pragma once

#include "migrate/guard.h"

#define GW_RAMP_BEFORE UINT32_MAX

/* The greatest step up to the stand's share; GW_RAMP_BEFORE: it is before the first. */
uint32_t gw_ramp_step(const gw_ramp_policy *policy, gw_stand stand);
/* Where it goes from here; false: nowhere, it is at the end or not on the way. */
bool gw_ramp_next(const gw_ramp_policy *policy, gw_stand stand, gw_stand *to);

/* What the route did since it stands there. */
typedef struct gw_ramp_figures {
  uint64_t since_ms;
  uint64_t compared, equal;
} gw_ramp_figures;

/* ON, with the figures as the reason, or STAY. */
gw_judgement gw_ramp_judge(const gw_ramp_policy *policy, gw_stand stand,
                           const gw_ramp_figures *figures);
