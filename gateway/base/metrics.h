/* metrics: counters that one worker writes and the operators' thread reads.
 * A counter has one writer, so that adding is a load and a store without a lock; readers see values
 * that are at most a moment old.  The objects are kept by name for the process's life, so that a
 * reload continues them; looking one up takes a lock and happens once for each snapshot, not for
 * each request. */
#pragma once

#include <stdatomic.h>

#include "base/code.h"
#include "base/str.h"

typedef struct gw_counter {
  _Atomic uint64_t value;
} gw_counter;

static inline uint64_t gw_counter_get(const gw_counter *counter) {
  return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

static inline void gw_counter_set(gw_counter *counter, uint64_t value) {
  atomic_store_explicit(&counter->value, value, memory_order_relaxed);
}

static inline void gw_count(gw_counter *counter, uint64_t n) {
  gw_counter_set(counter, gw_counter_get(counter) + n);
}

static inline void gw_uncount(gw_counter *counter, uint64_t n) {
  gw_counter_set(counter, gw_counter_get(counter) - n);
}

#define GW_METRIC_STATUSES                                                                         \
  24 /* different HTTP statuses counted for one route; the rest is code 0 */
#define GW_METRIC_SIDES          2 /* gw_side of migrate/stage.h: legacy, grpc */
#define GW_METRIC_STATUS_CLASSES 6
#define GW_METRIC_BUCKETS        16 /* upper bounds of gw_metric_bucket_us, the last one is +Inf */

extern const uint64_t gw_metric_bucket_us[GW_METRIC_BUCKETS - 1];

/* One side of a route on one worker. */
typedef struct gw_route_metrics {
  struct {
    gw_counter status; /* 0: free */
    gw_counter count;
  } by_status[GW_METRIC_STATUSES];
  gw_counter other_status;
  gw_counter buckets[GW_METRIC_BUCKETS]; /* not cumulative */
  gw_counter seconds_sum_us;
  gw_counter ignored_fields; /* JSON fields and query parameters that no field has */
} gw_route_metrics;

/* One upstream on one worker. */
typedef struct gw_upstream_metrics {
  gw_counter connections;    /* gauge: ready ones */
  gw_counter waiting;        /* gauge: calls without a connection */
  gw_counter in_flight;      /* gauge: calls with one */
  gw_counter connects_total; /* attempts */
  gw_counter connect_failures_total;
  gw_counter tls_failures_total; /* of these: the handshake failed */
  gw_counter calls_total;
  gw_counter ejections_total;             /* addresses taken out because their calls failed */
  gw_counter retries_total;               /* calls that were tried again */
  gw_counter retries_refused_total;       /* that were not, because too many were already */
  gw_counter overflow_total;              /* calls refused because too many waited or ran */
  gw_counter by_code[GW_GRPC_CODE_COUNT]; /* finished calls */
  /* of http upstreams */
  gw_counter is_http;                             /* 1 */
  gw_counter usable;                              /* gauge: addresses that can be reached */
  gw_counter reuses_total;                        /* calls on a connection that served before */
  gw_counter repeats_total;                       /* calls sent once more */
  gw_counter by_status[GW_METRIC_STATUS_CLASSES]; /* finished calls by status / 100; 0: no answer */
} gw_upstream_metrics;

typedef enum gw_limit {
  GW_LIMIT_CONNECTIONS,
  GW_LIMIT_REQUEST_LINE,
  GW_LIMIT_HEADERS,
  GW_LIMIT_BODY,
  GW_LIMIT_MESSAGE,
  GW_LIMIT_TLS_HANDSHAKE_TIMEOUT,
  GW_LIMIT_HEADER_TIMEOUT,
  GW_LIMIT_BODY_TIMEOUT,
  GW_LIMIT_IDLE_TIMEOUT,
  GW_LIMIT_STALL_TIMEOUT,
  GW_LIMIT_IN_FLIGHT,
  GW_LIMIT_WAITING,
  GW_LIMIT_MEMORY,
  GW_LIMIT_COUNT
} gw_limit;

const char *gw_limit_name(gw_limit limit); /* "request_line": as in `limits:` */

/* One worker. */
typedef struct gw_worker_metrics {
  gw_counter connections; /* gauge: of clients */
  gw_counter in_flight;   /* gauge: exchanges */
  gw_counter accepted_total;
  gw_counter tls_failures_total;     /* handshakes of clients */
  gw_counter refused_requests_total; /* by the HTTP/1.1 reader */
  gw_counter
      dropped_headers_total;       /* fields with an underscore, answers' fields that could split */
  gw_counter ignored_status_total; /* x-http-code out of range */
  gw_counter client_gone_total;
  gw_counter limits_hit[GW_LIMIT_COUNT];
  gw_route_metrics unrouted;  /* exchanges that nobody took */
  gw_route_metrics forwarded; /* those without a route that legacy answered */
} gw_worker_metrics;

typedef struct gw_rpc_metrics gw_rpc_metrics; /* base/rpc_metrics.h */

/* Get or create; NULL: no memory.  Never freed before gw_metrics_done(). */
gw_route_metrics *gw_metrics_route(gw_str name, unsigned side, uint32_t worker);
gw_upstream_metrics *gw_metrics_upstream(gw_str name, uint32_t worker);
/* method: "package.Service/Method". */
gw_rpc_metrics *gw_metrics_rpc(gw_str upstream, gw_str method, uint32_t worker);
gw_worker_metrics *gw_metrics_worker(uint32_t worker);
void gw_metrics_done(void); /* at the end of the process */

void gw_route_metrics_add(gw_route_metrics *metrics, int status, uint64_t duration_us);

/* Every object there is, in order of creation; under the lock: keep it short. */
typedef struct gw_metrics_visitor {
  void (*route)(void *context, gw_str name, unsigned side, uint32_t worker,
                const gw_route_metrics *metrics);
  void (*upstream)(void *context, gw_str name, uint32_t worker, const gw_upstream_metrics *metrics);
  void (*worker)(void *context, uint32_t worker, const gw_worker_metrics *metrics);
  /* name: upstream and method with a blank between */
  void (*rpc)(void *context, gw_str name, uint32_t worker, const gw_rpc_metrics *metrics);
} gw_metrics_visitor;
void gw_metrics_visit(const gw_metrics_visitor *visitor, void *context);
