#include "base/rpc_metrics.h"

#include <stdlib.h>

/* gRFC A66 names these bounds. */
const uint64_t gw_metric_size_bytes[GW_METRIC_SIZES - 1] = {
  0,        1u << 10, 1u << 11, 1u << 12, 1u << 14, 1u << 16, 1u << 18,
  1u << 20, 1u << 22, 1u << 24, 1u << 26, 1u << 28, 1u << 30, UINT64_C(1) << 32
};

static size_t rpc_bucket(const uint64_t *bounds, size_t count, uint64_t value) {
  size_t i = 0;
  while (i < count && value > bounds[i])
    i++;
  return i;
}

static void rpc_times_add(gw_rpc_times *times, uint64_t us) {
  gw_count(&times->buckets[rpc_bucket(gw_metric_bucket_us, GW_METRIC_BUCKETS - 1, us)], 1);
  gw_count(&times->sum_us, us);
}

static void rpc_sizes_add(gw_rpc_sizes *sizes, uint64_t bytes) {
  gw_count(&sizes->buckets[rpc_bucket(gw_metric_size_bytes, GW_METRIC_SIZES - 1, bytes)], 1);
  gw_count(&sizes->sum_bytes, bytes);
}

/* Made when they are first needed; readers see them only when they are ready.  NULL: no memory. */
static gw_rpc_figures *rpc_figures(gw_rpc_metrics *metrics, unsigned grpc_code) {
  unsigned code = grpc_code < GW_GRPC_CODE_COUNT ? grpc_code : GW_GRPC_UNKNOWN;
  gw_rpc_figures *found = atomic_load_explicit(&metrics->by_code[code], memory_order_relaxed);
  if (GW_LIKELY(found != NULL)) return found;
  found = calloc(1, sizeof *found);
  atomic_store_explicit(&metrics->by_code[code], found, memory_order_release);
  return found;
}

void gw_rpc_metrics_add_attempt(gw_rpc_metrics *metrics, unsigned grpc_code, uint64_t duration_us,
                                uint64_t sent_bytes, uint64_t received_bytes) {
  gw_rpc_figures *figures = rpc_figures(metrics, grpc_code);
  if (figures == NULL) return;
  rpc_times_add(&figures->attempts, duration_us);
  rpc_sizes_add(&figures->sent, sent_bytes);
  rpc_sizes_add(&figures->received, received_bytes);
}

void gw_rpc_metrics_add_call(gw_rpc_metrics *metrics, unsigned grpc_code, uint64_t duration_us) {
  gw_rpc_figures *figures = rpc_figures(metrics, grpc_code);
  if (figures != NULL) rpc_times_add(&figures->calls, duration_us);
}

/* ---- sums ---- */

static void rpc_times_merge(gw_rpc_times *total, const gw_rpc_times *part) {
  for (size_t i = 0; i < GW_METRIC_BUCKETS; i++)
    gw_count(&total->buckets[i], gw_counter_get(&part->buckets[i]));
  gw_count(&total->sum_us, gw_counter_get(&part->sum_us));
}

static void rpc_sizes_merge(gw_rpc_sizes *total, const gw_rpc_sizes *part) {
  for (size_t i = 0; i < GW_METRIC_SIZES; i++)
    gw_count(&total->buckets[i], gw_counter_get(&part->buckets[i]));
  gw_count(&total->sum_bytes, gw_counter_get(&part->sum_bytes));
}

gw_code gw_rpc_metrics_merge(gw_rpc_metrics *total, const gw_rpc_metrics *part) {
  gw_count(&total->attempts_started, gw_counter_get(&part->attempts_started));
  for (unsigned i = 0; i < GW_GRPC_CODE_COUNT; i++) {
    const gw_rpc_figures *from = atomic_load_explicit(&part->by_code[i], memory_order_acquire);
    if (from == NULL) continue;
    gw_rpc_figures *to = rpc_figures(total, i);
    if (to == NULL) return GW_NOMEM;
    rpc_times_merge(&to->attempts, &from->attempts);
    rpc_times_merge(&to->calls, &from->calls);
    rpc_sizes_merge(&to->sent, &from->sent);
    rpc_sizes_merge(&to->received, &from->received);
  }
  return GW_OK;
}

void gw_rpc_metrics_done(gw_rpc_metrics *metrics) {
  for (unsigned i = 0; i < GW_GRPC_CODE_COUNT; i++)
    free(atomic_load_explicit(&metrics->by_code[i], memory_order_relaxed));
  *metrics = (gw_rpc_metrics){ 0 };
}
