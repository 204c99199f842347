#include "control/conf_retry.h"

#include "base/code.h"
#include "control/values.h"

/* The rest says that the request, and not the moment, is at fault: trying again changes nothing. */
static const unsigned retry_codes[] = {
  GW_GRPC_CANCELLED, GW_GRPC_UNKNOWN,  GW_GRPC_DEADLINE_EXCEEDED, GW_GRPC_RESOURCE_EXHAUSTED,
  GW_GRPC_ABORTED,   GW_GRPC_INTERNAL, GW_GRPC_UNAVAILABLE,       GW_GRPC_DATA_LOSS,
};

#define RETRY_CODES_EXPECTED                                                                       \
  "a list of UNAVAILABLE, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, INTERNAL, UNKNOWN, "     \
  "CANCELLED, DATA_LOSS"

static uint32_t retry_code_bit(const gw_yaml *node) {
  for (size_t i = 0; node->kind == GW_YAML_TEXT && i < GW_COUNT_OF(retry_codes); i++) {
    if (gw_str_eq(node->text, gw_str_of(gw_grpc_code_name(retry_codes[i])))) {
      return 1u << retry_codes[i];
    }
  }
  return 0;
}

void gw_option_retry_codes(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                           void *target) {
  uint32_t codes = 0;
  if (value->kind != GW_YAML_LIST || value->count == 0) {
    gw_conf_expected(conf, value, option->name, RETRY_CODES_EXPECTED);
    return;
  }
  for (const gw_yaml *node = value->first; node != NULL; node = node->next) {
    uint32_t bit = retry_code_bit(node);
    if (bit == 0) gw_conf_expected(conf, node, option->name, RETRY_CODES_EXPECTED);
    codes |= bit;
  }
  memcpy((char *)target + option->offset, &codes, sizeof codes);
}

void gw_option_retry_hedge(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                           void *target) {
  uint64_t before = UINT64_MAX, after = before;
  char *hedge_ms = (char *)target + option->offset;
  gw_retry_config *config =
      (gw_retry_config *)(void *)(hedge_ms - offsetof(gw_retry_config, hedge_ms));
  memcpy(hedge_ms, &before, sizeof before);
  gw_option_duration(conf, option, value, target);
  memcpy(&after, hedge_ms, sizeof after);
  if (after != UINT64_MAX) config->hedges = true;
}

const gw_retry_config gw_conf_retry_unset = { .attempts = 0,
                                              .backoff_ms = 0,
                                              .backoff_max_ms = 0,
                                              .codes = 0,
                                              .budget_ppm = UINT32_MAX,
                                              .timeout_ms = 0,
                                              .hedges = false };

const gw_retry_config *gw_conf_retry_merge(gw_conf *conf, const gw_retry_config *route,
                                           const gw_retry_config *upstream) {
  if (route->attempts == 0 && route->backoff_ms == 0 && route->backoff_max_ms == 0 &&
      route->codes == 0 && route->budget_ppm == UINT32_MAX && route->timeout_ms == 0 &&
      !route->hedges) {
    return NULL;
  }
  gw_retry_config *merged = gw_conf_alloc(conf, sizeof *merged);
  if (merged == NULL) return NULL;
  *merged = *upstream;
  if (route->attempts != 0) merged->attempts = route->attempts;
  if (route->backoff_ms != 0) merged->backoff_ms = route->backoff_ms;
  if (route->backoff_max_ms != 0) merged->backoff_max_ms = route->backoff_max_ms;
  if (route->codes != 0) merged->codes = route->codes;
  if (route->budget_ppm != UINT32_MAX) merged->budget_ppm = route->budget_ppm;
  if (route->timeout_ms != 0) merged->timeout_ms = route->timeout_ms;
  if (route->hedges) {
    merged->hedges = true;
    merged->hedge_ms = route->hedge_ms;
  }
  return merged;
}
