/* metrics_text: counters as Prometheus text, version 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats).
 * Every family has HELP and TYPE; counts of something that never happened are left out where their
 * number has no small bound (a route's statuses, an upstream's codes).
 * Errors: GW_TOO_LARGE (over out->max), GW_NOMEM. */
#pragma once

#include "admin/metric_sums.h"
#include "admin/process.h"
#include "server.h"

typedef struct gw_metrics_source {
  const gw_metric_sums *sums;
  const gw_snapshot *snapshot; /* its routes' migrations */
  gw_server *server;           /* who moved them */
  gw_process_figures process;
  const char *version;
  uint64_t start_ms; /* since 1970 */
  uint64_t log_dropped;
} gw_metrics_source;

GW_CHECKED gw_code gw_metrics_text_print(const gw_metrics_source *source, gw_buf *out);
