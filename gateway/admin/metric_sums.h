/* metric_sums: the counters of all workers added up, by name.
 * Collected under the registry's lock and printed after it: no worker waits for a slow scrape.
 * Names are borrowed from the registry, which keeps them until gw_metrics_done().
 * Errors: GW_NOMEM.  One thread. */
#pragma once

#include <uthash.h>

#include "base/rpc_metrics.h"

/* Workers may have met different statuses: room for twice as many as one of them counts. */
#define GW_SUMS_STATUSES (2 * GW_METRIC_STATUSES)

typedef struct gw_route_sums {
  UT_hash_handle hh; /* next: in order of creation */
  gw_str name;       /* n == 0: exchanges that no route took */
  gw_str side;       /* who answered: "legacy", "grpc"; n == 0: nobody */
  struct {
    uint64_t status, count;
  } by_status[GW_SUMS_STATUSES]; /* ascending */
  size_t status_count;
  uint64_t other_status;
  uint64_t buckets[GW_METRIC_BUCKETS]; /* not cumulative */
  uint64_t seconds_sum_us;
  uint64_t ignored_fields;
} gw_route_sums;

typedef struct gw_upstream_sums {
  UT_hash_handle hh;
  gw_str name;
  uint64_t connections, waiting, in_flight;
  uint64_t connects_total, connect_failures_total, tls_failures_total, ejections_total,
      retries_total, retries_refused_total, calls_total, overflow_total;
  uint64_t by_code[GW_GRPC_CODE_COUNT];
  uint64_t is_http; /* not 0: it is */
  uint64_t usable, reuses_total, repeats_total, by_status[GW_METRIC_STATUS_CLASSES];
} gw_upstream_sums;

typedef struct gw_rpc_sums {
  UT_hash_handle hh;
  gw_str upstream, method;
  gw_rpc_metrics total;
} gw_rpc_sums;

typedef struct gw_worker_sums {
  uint64_t connections, in_flight;
  uint64_t accepted_total, refused_requests_total, dropped_headers_total, ignored_status_total;
  uint64_t client_gone_total, tls_failures_total;
  uint64_t limits_hit[GW_LIMIT_COUNT];
} gw_worker_sums;

typedef struct gw_metric_sums {
  gw_route_sums *routes[GW_METRIC_SIDES]; /* hashes by name */
  gw_upstream_sums *upstreams;
  gw_rpc_sums *rpcs;
  gw_route_sums unrouted, forwarded; /* as in gw_worker_metrics */
  gw_worker_sums workers;
  gw_code code; /* GW_NOMEM as soon as memory was missing once */
} gw_metric_sums;

/* *sums needs gw_metric_sums_done() after a failure too. */
GW_CHECKED gw_code gw_metric_sums_collect(gw_metric_sums *sums);
void gw_metric_sums_done(gw_metric_sums *sums);

/* NULL: nothing was counted under this name. */
const gw_route_sums *gw_metric_sums_find(const gw_metric_sums *sums, gw_str name, unsigned side);

/* Both sides added up; zeros where there is nothing. */
void gw_metric_sums_route(const gw_metric_sums *sums, gw_str name, gw_route_sums *out);

uint64_t gw_route_sums_requests(const gw_route_sums *route);
uint64_t gw_route_sums_errors(const gw_route_sums *route); /* statuses from 500 */

/* The duration that a share of the requests (0 < quantile < 1) did not exceed, as if those of one
 * bucket were spread evenly over it; above the last bound it is that bound.  False: no requests. */
bool gw_route_sums_quantile(const gw_route_sums *route, double quantile, double *us);
