/* engine: what all exchanges of one worker share: the loop, the current lease, scratch, the access
 * log.
 *
 * A lease is the worker's hold on one snapshot: its upstreams with their connections, its codec
 * memo, its counters.  A reload makes a new lease current; the old one ends when its last exchange
 * ends, and its upstreams are closed then.  One thread. */
#pragma once

#include "base/log.h"
#include "base/metrics.h"
#include "control/snapshot.h"
#include "migrate/comparer.h"
#include "upstream/http_upstream.h"
#include "upstream/upstream.h"

#define GW_ENGINE_SCRATCH_KEPT                                                                     \
  GW_MIB(1) /* after an exchange: a large answer's memory goes back                                \
             */

typedef struct gw_engine gw_engine;
typedef struct gw_lease gw_lease;

struct gw_lease {
  gw_engine *engine;
  gw_snapshot *snapshot; /* counted */
  gw_codec_memo *memo;
  gw_upstream **upstreams;           /* as in the snapshot; NULL: of the other kind */
  gw_http_upstream **http_upstreams; /* likewise */
  /* By route index; legacy's are NULL where a route has no legacy side. */
  gw_route_metrics **route_metrics[GW_METRIC_SIDES];
  gw_rpc_metrics **rpc_metrics;     /* by route index */
  gw_live **lives;                  /* by route index; NULL: no migration */
  gw_live_counters **live_counters; /* likewise */
  uint32_t refs;                    /* exchanges, and one while it is current */
  uint32_t upstreams_open;
};

struct gw_engine {
  gw_loop *loop;
  uint32_t worker;
  gw_lease *lease; /* the current one */
  gw_worker_metrics *metrics;
  gw_buf scratch;         /* JSON of one answer or of a few messages of a stream */
  gw_arena message_arena; /* of one message of a stream; empty in between */
  gw_buf access_log;      /* lines of this iteration */
  gw_task log_task;
  uint32_t lease_count;      /* with the current one */
  uint32_t in_flight;        /* exchanges */
  struct gw_shadow *shadows; /* all that run (exchange/shadow.h) */
  size_t shadow_bytes;
  uint32_t fallbacks;    /* that run (exchange/fallback.h) */
  gw_comparer *comparer; /* NULL until a configuration has a migration */
  struct gw_exchange *free_exchanges;
  uint32_t free_count;
  uint64_t random;
  void (*idle)(gw_engine *engine); /* the last lease is gone: after gw_engine_stop() */
};

GW_CHECKED gw_code gw_engine_init(gw_engine *engine, gw_loop *loop, uint32_t worker);
void gw_engine_done(gw_engine *engine);

/* Makes a lease of `snapshot` (counted anew) the current one; the old one ends by itself. GW_NOMEM:
 * the old one stays. */
GW_CHECKED gw_code gw_engine_adopt(gw_engine *engine, gw_snapshot *snapshot);
/* Lets the current lease go; engine->idle runs when the last one is over. */
void gw_engine_stop(gw_engine *engine);

gw_lease *gw_lease_ref(gw_lease *lease);
void gw_lease_unref(gw_lease *lease);

/* Scratch for one message of a stream, whose exchange's own arena would grow with each: the caller
 * ends it by gw_arena_done() before anything else may ask. */
gw_arena *gw_engine_message_arena(gw_engine *engine, size_t bytes_max);

/* Not 0; not for secrets. */
uint64_t gw_engine_random(gw_engine *engine);
/* Uniform in [0, n). */
uint32_t gw_engine_draw(gw_engine *engine, uint32_t n);
