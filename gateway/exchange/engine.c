#include "exchange/engine.h"

#include <stdlib.h>
#include <sys/random.h>

#include "exchange/exchange.h"
#include "exchange/shadow.h"

#define ENGINE_LOG_BYTES     GW_KIB(64) /* handed over when fuller */
#define ENGINE_SCRATCH_BYTES GW_MIB(512)

static void engine_on_log_task(gw_task *task) {
  gw_engine *engine = GW_CONTAINER_OF(task, gw_engine, log_task);
  gw_log_write(gw_buf_str(&engine->access_log));
  gw_buf_trim(&engine->access_log, ENGINE_LOG_BYTES);
}

gw_code gw_engine_init(gw_engine *engine, gw_loop *loop, uint32_t worker) {
  *engine = (gw_engine){ .loop = loop, .worker = worker };
  gw_buf_init(&engine->scratch, NULL, ENGINE_SCRATCH_BYTES);
  gw_buf_init(&engine->access_log, NULL, 4 * ENGINE_LOG_BYTES);
  engine->log_task.run = engine_on_log_task;
  if (getrandom(&engine->random, sizeof engine->random, 0) != (ssize_t)sizeof engine->random) {
    engine->random = gw_clock_us() ^ (uint64_t)worker << 32;
  }
  engine->random |= 1; /* xorshift never leaves 0 */
  engine->metrics = gw_metrics_worker(worker);
  return engine->metrics != NULL ? GW_OK : GW_NOMEM;
}

void gw_engine_done(gw_engine *engine) {
  assert(engine->lease_count == 0);
  gw_comparer_stop(engine->comparer);
  gw_loop_withdraw(engine->loop, &engine->log_task);
  engine_on_log_task(&engine->log_task);
  gw_buf_done(&engine->scratch);
  gw_buf_done(&engine->access_log);
  gw_exchange_free_all(engine);
}

gw_arena *gw_engine_message_arena(gw_engine *engine, size_t bytes_max) {
  assert(engine->message_arena.used == 0);
  gw_arena_init(&engine->message_arena, gw_loop_arena_pool(engine->loop), bytes_max);
  return &engine->message_arena;
}

uint64_t gw_engine_random(gw_engine *engine) {
  uint64_t x = engine->random; /* xorshift64* */
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  engine->random = x;
  return x * 0x2545F4914F6CDD1Dull;
}

uint32_t gw_engine_draw(gw_engine *engine, uint32_t n) {
  return (uint32_t)((gw_engine_random(engine) >> 33) % n);
}

/* ---- leases ---- */

static void lease_free(gw_lease *lease) {
  gw_codec_memo_free(lease->memo);
  gw_snapshot_unref(lease->snapshot);
  free(lease->upstreams);
  free(lease->http_upstreams);
  for (size_t side = 0; side < GW_METRIC_SIDES; side++)
    free(lease->route_metrics[side]);
  free(lease->rpc_metrics);
  free(lease->lives);
  free(lease->live_counters);
  free(lease);
}

static void lease_over(gw_lease *lease) {
  gw_engine *engine = lease->engine;
  lease_free(lease);
  if (--engine->lease_count == 0 && engine->idle != NULL) engine->idle(engine);
}

static void lease_on_upstream_closed(void *user) {
  gw_lease *lease = user;
  if (--lease->upstreams_open == 0) lease_over(lease);
}

gw_lease *gw_lease_ref(gw_lease *lease) {
  lease->refs++;
  return lease;
}

void gw_lease_unref(gw_lease *lease) {
  assert(lease->refs > 0);
  if (--lease->refs > 0) return;
  if (lease->upstreams_open == 0) {
    lease_over(lease);
    return;
  }
  for (uint32_t i = 0; i < lease->snapshot->upstream_count; i++) {
    if (lease->upstreams[i] != NULL) gw_upstream_close(lease->upstreams[i]);
    if (lease->http_upstreams[i] != NULL) gw_http_upstream_close(lease->http_upstreams[i]);
  }
}

static bool lease_open_upstream(gw_lease *lease, uint32_t i) {
  const gw_upstream_config *config = &lease->snapshot->upstreams[i];
  gw_loop *loop = lease->engine->loop;
  gw_upstream_metrics *metrics = gw_metrics_upstream(config->name, lease->engine->worker);
  if (metrics == NULL) return false;
  gw_counter_set(&metrics->is_http, gw_upstream_is_http(config));
  if (gw_upstream_is_http(config)) {
    lease->http_upstreams[i] =
        gw_http_upstream_open(loop, config, metrics, lease_on_upstream_closed, lease);
    return lease->http_upstreams[i] != NULL;
  }
  lease->upstreams[i] = gw_upstream_open(loop, config, metrics, lease_on_upstream_closed, lease);
  return lease->upstreams[i] != NULL;
}

_Static_assert(GW_METRIC_SIDES == GW_SIDE_COUNT, "metrics are kept for each side");

static bool lease_find_metrics(gw_lease *lease) {
  const gw_snapshot *snapshot = lease->snapshot;
  for (unsigned side = 0; side < GW_SIDE_COUNT; side++) {
    gw_route_metrics **found = calloc(snapshot->route_count + 1u, sizeof *found);
    lease->route_metrics[side] = found;
    if (found == NULL) return false;
    for (uint32_t i = 0; i < snapshot->route_count; i++) {
      const gw_route *route = snapshot->routes[i];
      if (side == GW_SIDE_LEGACY && route->migration == NULL) continue;
      found[i] = gw_metrics_route(route->name, side, lease->engine->worker);
      if (found[i] == NULL) return false;
    }
  }
  return true;
}

/* Routes of one method at one upstream share its figures. */
static bool lease_find_rpcs(gw_lease *lease) {
  const gw_snapshot *snapshot = lease->snapshot;
  lease->rpc_metrics = calloc(snapshot->route_count + 1u, sizeof(gw_rpc_metrics *));
  if (lease->rpc_metrics == NULL) return false;
  for (uint32_t i = 0; i < snapshot->route_count; i++) {
    const gw_route *route = snapshot->routes[i];
    gw_str upstream = snapshot->upstreams[route->upstream].name;
    lease->rpc_metrics[i] =
        gw_metrics_rpc(upstream, gw_str_skip(route->rpc->path, 1), lease->engine->worker);
    if (lease->rpc_metrics[i] == NULL) return false;
  }
  return true;
}

/* What of a route's migration goes on from one configuration to the next. */
static bool lease_find_migrations(gw_lease *lease) {
  const gw_snapshot *snapshot = lease->snapshot;
  gw_engine *engine = lease->engine;
  lease->lives = calloc(snapshot->route_count + 1u, sizeof(gw_live *));
  lease->live_counters = calloc(snapshot->route_count + 1u, sizeof(gw_live_counters *));
  if (lease->lives == NULL || lease->live_counters == NULL) return false;
  for (uint32_t i = 0; i < snapshot->route_count; i++) {
    if (snapshot->routes[i]->migration == NULL) continue;
    lease->lives[i] = gw_live_get(snapshot->routes[i]->name);
    if (lease->lives[i] == NULL) return false;
    lease->live_counters[i] = gw_live_counters_of(lease->lives[i], engine->worker);
    if (lease->live_counters[i] == NULL) return false;
    if (engine->comparer == NULL) engine->comparer = gw_comparer_start(engine->worker);
    if (engine->comparer == NULL) return false;
  }
  return true;
}

static gw_code lease_open(gw_lease *lease) {
  const gw_snapshot *snapshot = lease->snapshot;
  lease->memo = gw_codec_memo_new(snapshot->pool);
  lease->upstreams = calloc(snapshot->upstream_count + 1u, sizeof(gw_upstream *));
  lease->http_upstreams = calloc(snapshot->upstream_count + 1u, sizeof(gw_http_upstream *));
  if (lease->memo == NULL || lease->upstreams == NULL || lease->http_upstreams == NULL ||
      !lease_find_metrics(lease) || !lease_find_rpcs(lease) || !lease_find_migrations(lease)) {
    return GW_NOMEM;
  }
  for (uint32_t i = 0; i < snapshot->upstream_count; i++) {
    if (!lease_open_upstream(lease, i)) return GW_NOMEM;
    lease->upstreams_open++;
  }
  return GW_OK;
}

gw_code gw_engine_adopt(gw_engine *engine, gw_snapshot *snapshot) {
  gw_lease *lease = calloc(1, sizeof *lease);
  if (lease == NULL) return GW_NOMEM;
  lease->engine = engine;
  lease->snapshot = gw_snapshot_ref(snapshot);
  lease->refs = 1;
  engine->lease_count++;
  gw_code code = lease_open(lease);
  if (code != GW_OK) {
    gw_lease_unref(lease);
    return code;
  }
  gw_lease *old = engine->lease;
  engine->lease = lease;
  if (old != NULL) gw_lease_unref(old);
  return GW_OK;
}

void gw_engine_stop(gw_engine *engine) {
  gw_lease *lease = engine->lease;
  engine->lease = NULL;
  gw_shadow_cancel_all(engine);
  if (lease != NULL) gw_lease_unref(lease);
}
