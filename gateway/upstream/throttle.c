#include "upstream/throttle.h"

void gw_throttle_init(gw_throttle *throttle, const gw_throttle_config *config) {
  *throttle = (gw_throttle){ .tokens = config->tokens };
}

void gw_throttle_note(gw_throttle *throttle, const gw_throttle_config *config, bool failed) {
  throttle->tokens += failed ? -1.0 : config->ratio;
  if (throttle->tokens < 0) throttle->tokens = 0;
  if (throttle->tokens > config->tokens) throttle->tokens = config->tokens;
}

bool gw_throttle_allows(const gw_throttle *throttle, const gw_throttle_config *config) {
  return config->tokens <= 0 || throttle->tokens > config->tokens / 2;
}

bool gw_throttle_begin(gw_throttle *throttle, const gw_throttle_config *config,
                       const gw_retry_config *retry, uint32_t in_flight) {
  if (!gw_throttle_allows(throttle, config)) return false;
  uint64_t budget = (uint64_t)in_flight * retry->budget_ppm / 1000000;
  if (throttle->retries >= GW_RETRIES_ALWAYS && throttle->retries >= budget) return false;
  throttle->retries++;
  return true;
}

void gw_throttle_over(gw_throttle *throttle) {
  assert(throttle->retries > 0);
  throttle->retries--;
}
