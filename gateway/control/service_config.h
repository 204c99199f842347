/* service_config: a gRPC service config, the JSON that gRPC's clients are given, read as they read
 * it (gRFC A2, A6, A21): how methods are called, retries throttled, calls balanced.
 * What it says stands below what the configuration says itself.
 * Mistakes are findings at their places in the JSON file; keys that Sluice does not know are warned
 * of, since clients ignore them.  Main thread. */
#pragma once

#include "control/conf.h"
#include "upstream/config.h"

/* One entry of methodConfig. */
typedef struct gw_method_policy {
  uint64_t timeout_ms; /* 0: none */
  bool waits_ready;
  bool has_retry;
  gw_retry_config retry;                      /* all but the budget */
  size_t request_bytes_max, answer_bytes_max; /* SIZE_MAX: not given */
} gw_method_policy;

typedef struct gw_service_config gw_service_config;

/* Reads the file that `node` names; the result stays as long as conf->scratch.  NULL: it cannot be
 * read, which is reported. */
const gw_service_config *gw_service_config_read(gw_conf *conf, gw_str key, const gw_yaml *node);

/* What holds for all methods: balancing, throttling, health. */
void gw_service_config_apply(gw_conf *conf, const gw_service_config *config,
                             gw_upstream_config *upstream);

/* The most specific entry for "/package.Service/Method": for this method, its service, or all.
 * NULL: there is none. */
const gw_method_policy *gw_service_config_find(const gw_service_config *config, gw_str path);
