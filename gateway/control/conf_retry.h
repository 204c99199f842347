/* conf_retry: the keys of `retry`, which upstreams and routes have (DESIGN sections 5 and 11).
 * What a route does not say is taken from its upstream. */
#pragma once

#include "control/conf.h"
#include "control/values.h"
#include "upstream/config.h"

/* A list of gRPC codes that are worth another attempt, into a set of bits. */
gw_option_fn gw_option_retry_codes;
/* A duration that also turns hedging on; target: the gw_retry_config's `hedge_ms`. */
gw_option_fn gw_option_retry_hedge;

/* The keys' table for a gw_retry_config that is `member` of `type`. */
#define GW_CONF_RETRY_OPTIONS(type, member)                                                        \
  GW_OPTION_NUMBER("attempts", gw_option_count, type, member.attempts, 1, GW_RETRY_ATTEMPTS_MAX),  \
      GW_OPTION_NUMBER("backoff", gw_option_duration, type, member.backoff_ms, 1, 60000),          \
      GW_OPTION_NUMBER("max_backoff", gw_option_duration, type, member.backoff_max_ms, 1, 300000), \
      { .name = GW_STR_INIT("on"),                                                                 \
        .read = gw_option_retry_codes,                                                             \
        GW_OPTION_FIELD(type, member.codes) },                                                     \
      GW_OPTION_NUMBER("budget", gw_option_share, type, member.budget_ppm, 0,                      \
                       100 * GW_VALUE_PERCENT),                                                    \
      GW_OPTION_NUMBER("timeout", gw_option_duration, type, member.timeout_ms, 1, 300000), {       \
    .name = GW_STR_INIT("hedge"), .read = gw_option_retry_hedge,                                   \
    GW_OPTION_FIELD(type, member.hedge_ms), .min = 0, .max = 60000                                 \
  }

/* Codes that are worth another attempt: the rest says that the request is at fault. */
uint32_t gw_conf_retry_codes(void);

/* Before anything was read: nothing is set. */
extern const gw_retry_config gw_conf_retry_unset;
/* What holds where nobody says anything. */
extern const gw_retry_config gw_conf_retry_default;

bool gw_conf_retry_is_set(const gw_retry_config *config);
/* What is set in `from`, over what `onto` has. */
void gw_conf_retry_merge(gw_retry_config *onto, const gw_retry_config *from);
