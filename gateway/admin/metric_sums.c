/* Read by uthash.h, so it stands before it: without memory an element is left out of the hash, and
 * its handle has no table, where the process would end otherwise. */
#define HASH_NONFATAL_OOM 1

#include "admin/metric_sums.h"

#include <stdlib.h>

#include "migrate/stage.h"

/* object: that of `name` in the hash `head`, made when there is none; NULL: no memory. */
#define sums_get(head, name, object)                                                               \
  do {                                                                                             \
    HASH_FIND(hh, head, (name).p, (name).n, object);                                               \
    if ((object) != NULL || ((object) = calloc(1, sizeof *(object))) == NULL) break;               \
    HASH_ADD_KEYPTR(hh, head, (name).p, (name).n, object);                                         \
    if ((object)->hh.tbl != NULL) break;                                                           \
    free(object);                                                                                  \
    (object) = NULL;                                                                               \
  } while (0)

static gw_route_sums *sums_route(gw_metric_sums *sums, gw_str name, unsigned side) {
  gw_route_sums *route;
  sums_get(sums->routes[side], name, route);
  if (route == NULL) return NULL;
  route->name = name;
  route->side = gw_side_name((gw_side)side);
  return route;
}

static gw_upstream_sums *sums_upstream(gw_metric_sums *sums, gw_str name) {
  gw_upstream_sums *upstream;
  sums_get(sums->upstreams, name, upstream);
  if (upstream != NULL) upstream->name = name;
  return upstream;
}

static gw_rpc_sums *sums_rpc(gw_metric_sums *sums, gw_str name) {
  gw_rpc_sums *rpc;
  sums_get(sums->rpcs, name, rpc);
  if (rpc == NULL) return NULL;
  rpc->upstream = gw_str_first(name, gw_str_find(name, ' '));
  rpc->method = gw_str_skip(name, rpc->upstream.n + 1);
  return rpc;
}

static void sums_add_status(gw_route_sums *route, uint64_t status, uint64_t count) {
  size_t i = 0;
  while (i < route->status_count && route->by_status[i].status < status)
    i++;
  if (i == route->status_count || route->by_status[i].status != status) {
    if (route->status_count == GW_SUMS_STATUSES) {
      route->other_status += count;
      return;
    }
    memmove(&route->by_status[i + 1], &route->by_status[i],
            (route->status_count - i) * sizeof route->by_status[0]);
    route->by_status[i].status = status;
    route->by_status[i].count = 0;
    route->status_count++;
  }
  route->by_status[i].count += count;
}

static void sums_add_route(gw_route_sums *route, const gw_route_metrics *metrics) {
  for (size_t i = 0; i < GW_METRIC_STATUSES; i++) {
    uint64_t status = gw_counter_get(&metrics->by_status[i].status);
    if (status == 0) break;
    sums_add_status(route, status, gw_counter_get(&metrics->by_status[i].count));
  }
  for (size_t i = 0; i < GW_METRIC_BUCKETS; i++)
    route->buckets[i] += gw_counter_get(&metrics->buckets[i]);
  route->other_status += gw_counter_get(&metrics->other_status);
  route->seconds_sum_us += gw_counter_get(&metrics->seconds_sum_us);
  route->ignored_fields += gw_counter_get(&metrics->ignored_fields);
}

static void sums_on_route(void *context, gw_str name, unsigned side, uint32_t worker,
                          const gw_route_metrics *metrics) {
  gw_metric_sums *sums = context;
  gw_route_sums *route = sums_route(sums, name, side);
  (void)worker;
  if (route == NULL) {
    sums->code = GW_NOMEM;
    return;
  }
  sums_add_route(route, metrics);
}

static void sums_on_upstream(void *context, gw_str name, uint32_t worker,
                             const gw_upstream_metrics *metrics) {
  gw_metric_sums *sums = context;
  gw_upstream_sums *upstream = sums_upstream(sums, name);
  (void)worker;
  if (upstream == NULL) {
    sums->code = GW_NOMEM;
    return;
  }
  upstream->connections += gw_counter_get(&metrics->connections);
  upstream->waiting += gw_counter_get(&metrics->waiting);
  upstream->in_flight += gw_counter_get(&metrics->in_flight);
  upstream->connects_total += gw_counter_get(&metrics->connects_total);
  upstream->connect_failures_total += gw_counter_get(&metrics->connect_failures_total);
  upstream->ejections_total += gw_counter_get(&metrics->ejections_total);
  upstream->retries_total += gw_counter_get(&metrics->retries_total);
  upstream->retries_refused_total += gw_counter_get(&metrics->retries_refused_total);
  upstream->tls_failures_total += gw_counter_get(&metrics->tls_failures_total);
  upstream->calls_total += gw_counter_get(&metrics->calls_total);
  upstream->overflow_total += gw_counter_get(&metrics->overflow_total);
  for (size_t i = 0; i < GW_GRPC_CODE_COUNT; i++)
    upstream->by_code[i] += gw_counter_get(&metrics->by_code[i]);
  upstream->is_http += gw_counter_get(&metrics->is_http);
  upstream->usable += gw_counter_get(&metrics->usable);
  upstream->reuses_total += gw_counter_get(&metrics->reuses_total);
  upstream->repeats_total += gw_counter_get(&metrics->repeats_total);
  for (size_t i = 0; i < GW_METRIC_STATUS_CLASSES; i++)
    upstream->by_status[i] += gw_counter_get(&metrics->by_status[i]);
}

static void sums_on_worker(void *context, uint32_t worker, const gw_worker_metrics *metrics) {
  gw_metric_sums *sums = context;
  gw_worker_sums *workers = &sums->workers;
  (void)worker;
  workers->connections += gw_counter_get(&metrics->connections);
  workers->in_flight += gw_counter_get(&metrics->in_flight);
  workers->accepted_total += gw_counter_get(&metrics->accepted_total);
  workers->refused_requests_total += gw_counter_get(&metrics->refused_requests_total);
  workers->dropped_headers_total += gw_counter_get(&metrics->dropped_headers_total);
  workers->ignored_status_total += gw_counter_get(&metrics->ignored_status_total);
  workers->client_gone_total += gw_counter_get(&metrics->client_gone_total);
  workers->tls_failures_total += gw_counter_get(&metrics->tls_failures_total);
  for (size_t i = 0; i < GW_LIMIT_COUNT; i++)
    workers->limits_hit[i] += gw_counter_get(&metrics->limits_hit[i]);
  sums_add_route(&sums->unrouted, &metrics->unrouted);
  sums_add_route(&sums->forwarded, &metrics->forwarded);
}

static void sums_on_rpc(void *context, gw_str name, uint32_t worker,
                        const gw_rpc_metrics *metrics) {
  gw_metric_sums *sums = context;
  gw_rpc_sums *rpc = sums_rpc(sums, name);
  (void)worker;
  if (rpc == NULL || gw_rpc_metrics_merge(&rpc->total, metrics) != GW_OK) sums->code = GW_NOMEM;
}

gw_code gw_metric_sums_collect(gw_metric_sums *sums) {
  static const gw_metrics_visitor visitor = { sums_on_route, sums_on_upstream, sums_on_worker,
                                              sums_on_rpc };
  *sums = (gw_metric_sums){ .forwarded.side = gw_side_name(GW_SIDE_LEGACY), .code = GW_OK };
  gw_metrics_visit(&visitor, sums);
  return sums->code;
}

void gw_metric_sums_done(gw_metric_sums *sums) {
  gw_route_sums *route, *next_route;
  gw_upstream_sums *upstream, *next_upstream;
  gw_rpc_sums *rpc, *next_rpc;
  for (unsigned side = 0; side < GW_METRIC_SIDES; side++) {
    HASH_ITER(hh, sums->routes[side], route, next_route) {
      HASH_DEL(sums->routes[side], route);
      free(route);
    }
  }
  HASH_ITER(hh, sums->upstreams, upstream, next_upstream) {
    HASH_DEL(sums->upstreams, upstream);
    free(upstream);
  }
  HASH_ITER(hh, sums->rpcs, rpc, next_rpc) {
    HASH_DEL(sums->rpcs, rpc);
    gw_rpc_metrics_done(&rpc->total);
    free(rpc);
  }
}

const gw_route_sums *gw_metric_sums_find(const gw_metric_sums *sums, gw_str name, unsigned side) {
  gw_route_sums *route;
  HASH_FIND(hh, sums->routes[side], name.p, name.n, route);
  return route;
}

void gw_metric_sums_route(const gw_metric_sums *sums, gw_str name, gw_route_sums *out) {
  *out = (gw_route_sums){ .name = name };
  for (unsigned side = 0; side < GW_METRIC_SIDES; side++) {
    const gw_route_sums *part = gw_metric_sums_find(sums, name, side);
    if (part == NULL) continue;
    for (size_t i = 0; i < part->status_count; i++)
      sums_add_status(out, part->by_status[i].status, part->by_status[i].count);
    for (size_t i = 0; i < GW_METRIC_BUCKETS; i++)
      out->buckets[i] += part->buckets[i];
    out->other_status += part->other_status;
    out->seconds_sum_us += part->seconds_sum_us;
    out->ignored_fields += part->ignored_fields;
  }
}

uint64_t gw_route_sums_requests(const gw_route_sums *route) {
  uint64_t requests = 0;
  for (size_t i = 0; i < GW_METRIC_BUCKETS; i++)
    requests += route->buckets[i];
  return requests;
}

uint64_t gw_route_sums_errors(const gw_route_sums *route) {
  uint64_t errors = 0;
  for (size_t i = 0; i < route->status_count; i++) {
    if (route->by_status[i].status >= 500) errors += route->by_status[i].count;
  }
  return errors;
}

bool gw_route_sums_quantile(const gw_route_sums *route, double quantile, double *us) {
  double rank = quantile * (double)gw_route_sums_requests(route), below = 0;
  assert(quantile > 0 && quantile < 1);
  if (rank <= 0) return false;
  for (size_t i = 0; i < GW_METRIC_BUCKETS - 1; i++) {
    double count = (double)route->buckets[i];
    double low = i > 0 ? (double)gw_metric_bucket_us[i - 1] : 0;
    double high = (double)gw_metric_bucket_us[i];
    if (count > 0 && below + count >= rank) {
      *us = low + (high - low) * (rank - below) / count;
      return true;
    }
    below += count;
  }
  *us = (double)gw_metric_bucket_us[GW_METRIC_BUCKETS - 2];
  return true;
}
