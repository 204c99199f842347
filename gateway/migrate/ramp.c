#include "migrate/ramp.h"

#include <inttypes.h>
#include <stdio.h>

uint32_t gw_ramp_step(const gw_ramp_policy *policy, gw_stand stand) {
  uint32_t step = GW_RAMP_BEFORE;
  for (uint32_t i = 0; i < policy->step_count && policy->steps[i] <= stand.share; i++)
    step = i;
  return step;
}

bool gw_ramp_next(const gw_ramp_policy *policy, gw_stand stand, gw_stand *to) {
  if (policy->step_count == 0) return false;
  if (stand.stage != GW_STAGE_SHADOW && stand.stage != GW_STAGE_CANARY) return false;
  for (uint32_t i = 0; i < policy->step_count; i++) {
    if (policy->steps[i] <= stand.share) continue;
    *to = gw_stand_of(GW_STAGE_CANARY, policy->steps[i]);
    return true;
  }
  if (stand.share < GW_SHARE_WHOLE) return false; /* the last step is where it was asked to stop */
  *to = gw_stand_of(GW_STAGE_GRPC, 0);
  return true;
}

gw_judgement gw_ramp_judge(const gw_ramp_policy *policy, gw_stand stand,
                           const gw_ramp_figures *figures) {
  gw_judgement judgement = { .verdict = GW_VERDICT_STAY };
  gw_stand to;
  if (!gw_ramp_next(policy, stand, &to)) return judgement;
  if (figures->since_ms < policy->hold_ms) return judgement;
  if (figures->compared == 0 || figures->compared < policy->min_compared) return judgement;
  double low = gw_wilson_low(figures->equal, figures->compared);
  if (low * GW_SHARE_WHOLE < policy->min_parity) return judgement;
  char at_least[GW_SHARE_TEXT_MAX];
  gw_share_print(policy->min_parity, at_least);
  judgement.verdict = GW_VERDICT_ON;
  judgement.to = to;
  snprintf(judgement.why, sizeof judgement.why,
           "%" PRIu64 " of %" PRIu64 " equal in %" PRIu64 "s, so that parity is above %.3f%%, at "
           "least %s",
           figures->equal, figures->compared, figures->since_ms / 1000, 100 * low, at_least);
  return judgement;
}
