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

static unsigned rpc_code(unsigned grpc_code) {
  return grpc_code < GW_GRPC_CODE_COUNT ? grpc_code : GW_GRPC_UNKNOWN;
}

/* Made when they are first needed; a reader sees them only when they are ready.  NULL: no memory.
 */
static gw_rpc_attempts *rpc_attempts(gw_rpc_metrics *metrics, unsigned code) {
  gw_rpc_attempts *found = atomic_load_explicit(&metrics->attempts[code], memory_order_relaxed);
  if (GW_LIKELY(found != NULL)) return found;
  found = calloc(1, sizeof *found);
  atomic_store_explicit(&metrics->attempts[code], found, memory_order_release);
  return found;
}

static gw_rpc_times *rpc_calls(gw_rpc_metrics *metrics, unsigned code) {
  gw_rpc_times *found = atomic_load_explicit(&metrics->calls[code], memory_order_relaxed);
  if (GW_LIKELY(found != NULL)) return found;
  found = calloc(1, sizeof *found);
  atomic_store_explicit(&metrics->calls[code], found, memory_order_release);
  return found;
}

void gw_rpc_metrics_add_attempt(gw_rpc_metrics *metrics, unsigned grpc_code, uint64_t duration_us,
                                uint64_t sent_bytes, uint64_t received_bytes) {
  gw_rpc_attempts *attempts = rpc_attempts(metrics, rpc_code(grpc_code));
  if (attempts == NULL) return;
  rpc_times_add(&attempts->times, duration_us);
  rpc_sizes_add(&attempts->sent, sent_bytes);
  rpc_sizes_add(&attempts->received, received_bytes);
}

void gw_rpc_metrics_add_call(gw_rpc_metrics *metrics, unsigned grpc_code, uint64_t duration_us) {
  gw_rpc_times *calls = rpc_calls(metrics, rpc_code(grpc_code));
  if (calls != NULL) rpc_times_add(calls, duration_us);
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
  gw_code code = GW_OK;
  gw_count(&total->attempts_started, gw_counter_get(&part->attempts_started));
  for (unsigned i = 0; i < GW_GRPC_CODE_COUNT; i++) {
    const gw_rpc_attempts *attempts =
        atomic_load_explicit(&part->attempts[i], memory_order_acquire);
    const gw_rpc_times *calls = atomic_load_explicit(&part->calls[i], memory_order_acquire);
    gw_rpc_attempts *all_attempts = attempts != NULL ? rpc_attempts(total, i) : NULL;
    gw_rpc_times *all_calls = calls != NULL ? rpc_calls(total, i) : NULL;
    if (all_attempts != NULL) {
      rpc_times_merge(&all_attempts->times, &attempts->times);
      rpc_sizes_merge(&all_attempts->sent, &attempts->sent);
      rpc_sizes_merge(&all_attempts->received, &attempts->received);
    }
    if (all_calls != NULL) rpc_times_merge(all_calls, calls);
    if ((attempts != NULL) != (all_attempts != NULL) || (calls != NULL) != (all_calls != NULL))
      code = GW_NOMEM;
  }
  return code;
}

void gw_rpc_metrics_done(gw_rpc_metrics *metrics) {
  for (unsigned i = 0; i < GW_GRPC_CODE_COUNT; i++) {
    free(atomic_load_explicit(&metrics->attempts[i], memory_order_relaxed));
    free(atomic_load_explicit(&metrics->calls[i], memory_order_relaxed));
  }
  *metrics = (gw_rpc_metrics){ 0 };
}
