/* rpc_metrics: what gRPC's own clients count of a method (gRFC A66): attempts, which retries and
 * hedges make more than one of a call, and calls as their owner sees them.
 * As with all metrics one worker writes, and the operators' thread reads meanwhile.  Figures of a
 * status exist from the first that ends so; without memory for them it is not counted. */
#pragma once

#include "base/metrics.h"

#define GW_METRIC_SIZES 15 /* upper bounds of gw_metric_size_bytes, the last one is +Inf */

extern const uint64_t gw_metric_size_bytes[GW_METRIC_SIZES - 1];

typedef struct gw_rpc_times {
  gw_counter buckets[GW_METRIC_BUCKETS]; /* by gw_metric_bucket_us; not cumulative */
  gw_counter sum_us;
} gw_rpc_times;

/* Of all messages of one attempt, as they travel, without the prefixes of gRPC. */
typedef struct gw_rpc_sizes {
  gw_counter buckets[GW_METRIC_SIZES]; /* by gw_metric_size_bytes; not cumulative */
  gw_counter sum_bytes;
} gw_rpc_sizes;

/* What ended with one status. */
typedef struct gw_rpc_figures {
  gw_rpc_times attempts, calls;
  gw_rpc_sizes sent, received; /* of attempts */
} gw_rpc_figures;

/* One method at one upstream; zero-initialised. */
typedef struct gw_rpc_metrics {
  gw_counter attempts_started;
  _Atomic(gw_rpc_figures *) by_code[GW_GRPC_CODE_COUNT];
} gw_rpc_metrics;

/* Codes that gRPC does not know count as UNKNOWN. */
void gw_rpc_metrics_add_attempt(gw_rpc_metrics *metrics, unsigned grpc_code, uint64_t duration_us,
                                uint64_t sent_bytes, uint64_t received_bytes);
void gw_rpc_metrics_add_call(gw_rpc_metrics *metrics, unsigned grpc_code, uint64_t duration_us);

/* Adds what another worker counted.  GW_NOMEM: not all of it. */
GW_CHECKED gw_code gw_rpc_metrics_merge(gw_rpc_metrics *total, const gw_rpc_metrics *part);
void gw_rpc_metrics_done(gw_rpc_metrics *metrics);
