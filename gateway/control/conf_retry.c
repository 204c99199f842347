#include "control/conf_retry.h"

#include "base/code.h"
#include "control/values.h"

/* The rest says that the request, and not the moment, is at fault: trying again changes nothing. */
static const unsigned retry_codes[] = {
  GW_GRPC_CANCELLED, GW_GRPC_UNKNOWN,  GW_GRPC_DEADLINE_EXCEEDED, GW_GRPC_RESOURCE_EXHAUSTED,
  GW_GRPC_ABORTED,   GW_GRPC_INTERNAL, GW_GRPC_UNAVAILABLE,       GW_GRPC_DATA_LOSS,
};

uint32_t gw_conf_retry_codes(void) {
  uint32_t codes = 0;
  for (size_t i = 0; i < GW_COUNT_OF(retry_codes); i++)
    codes |= 1u << retry_codes[i];
  return codes;
}

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

const gw_retry_config gw_conf_retry_default = { .attempts = 3,
                                                .backoff_ms = 100,
                                                .backoff_max_ms = 1000,
                                                .backoff_factor = 2,
                                                .codes = 1u << GW_GRPC_UNAVAILABLE,
                                                .budget_ppm = 20 * GW_VALUE_PERCENT };

bool gw_conf_retry_is_set(const gw_retry_config *config) {
  return config->attempts != 0 || config->backoff_ms != 0 || config->backoff_max_ms != 0 ||
         config->codes != 0 || config->budget_ppm != UINT32_MAX || config->timeout_ms != 0 ||
         config->hedges;
}

void gw_conf_retry_merge(gw_retry_config *onto, const gw_retry_config *from) {
  if (from->attempts != 0) onto->attempts = from->attempts;
  if (from->backoff_ms != 0) onto->backoff_ms = from->backoff_ms;
  if (from->backoff_max_ms != 0) onto->backoff_max_ms = from->backoff_max_ms;
  if (from->codes != 0) onto->codes = from->codes;
  if (from->budget_ppm != UINT32_MAX) onto->budget_ppm = from->budget_ppm;
  if (from->timeout_ms != 0) onto->timeout_ms = from->timeout_ms;
  if (!from->hedges) return;
  onto->hedges = true;
  onto->hedge_ms = from->hedge_ms;
}
