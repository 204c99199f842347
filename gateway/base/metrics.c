#include "base/metrics.h"

#include <pthread.h>
#include <stdlib.h>
#include <uthash.h>

#include "base/rpc_metrics.h"

const uint64_t gw_metric_bucket_us[GW_METRIC_BUCKETS - 1] = { 500,     1000,     2500,    5000,
                                                              10000,   25000,    50000,   100000,
                                                              250000,  500000,   1000000, 2500000,
                                                              5000000, 10000000, 30000000 };

typedef enum metric_kind { METRIC_ROUTE, METRIC_UPSTREAM, METRIC_WORKER, METRIC_RPC } metric_kind;

typedef struct metric_object {
  UT_hash_handle hh;
  metric_kind kind;
  unsigned side; /* of a ROUTE */
  uint32_t worker;
  gw_str name; /* in `key` */
  union {
    gw_route_metrics route;
    gw_upstream_metrics upstream;
    gw_worker_metrics of_worker;
    gw_rpc_metrics rpc;
  } u;
  size_t key_n;
  char key[]; /* kind, side, worker, name */
} metric_object;

static metric_object *metric_objects;
static pthread_mutex_t metric_lock = PTHREAD_MUTEX_INITIALIZER;

#define METRIC_KEY_HEAD   6u
#define METRIC_NAME_BYTES 512u

static const char *const limit_names[GW_LIMIT_COUNT] = {
  [GW_LIMIT_CONNECTIONS] = "connections",
  [GW_LIMIT_REQUEST_LINE] = "request_line",
  [GW_LIMIT_HEADERS] = "headers",
  [GW_LIMIT_BODY] = "body",
  [GW_LIMIT_MESSAGE] = "message",
  [GW_LIMIT_TLS_HANDSHAKE_TIMEOUT] = "tls_handshake_timeout",
  [GW_LIMIT_HEADER_TIMEOUT] = "header_timeout",
  [GW_LIMIT_BODY_TIMEOUT] = "body_timeout",
  [GW_LIMIT_IDLE_TIMEOUT] = "idle_timeout",
  [GW_LIMIT_STALL_TIMEOUT] = "stall_timeout",
  [GW_LIMIT_IN_FLIGHT] = "in_flight",
  [GW_LIMIT_WAITING] = "waiting",
  [GW_LIMIT_MEMORY] = "memory",
};

const char *gw_limit_name(gw_limit limit) {
  assert(limit < GW_LIMIT_COUNT);
  return limit_names[limit];
}

static metric_object *metric_get(metric_kind kind, gw_str name, unsigned side, uint32_t worker) {
  char key[METRIC_KEY_HEAD + METRIC_NAME_BYTES];
  metric_object *object;
  name.n = gw_size_min(name.n, METRIC_NAME_BYTES);
  key[0] = (char)kind;
  key[1] = (char)side;
  memcpy(key + 2, &worker, sizeof worker);
  if (name.n > 0) memcpy(key + METRIC_KEY_HEAD, name.p, name.n);
  size_t n = METRIC_KEY_HEAD + name.n;
  pthread_mutex_lock(&metric_lock);
  HASH_FIND(hh, metric_objects, key, n, object);
  if (object == NULL && (object = calloc(1, sizeof *object + n)) != NULL) {
    object->kind = kind;
    object->side = side;
    object->worker = worker;
    object->key_n = n;
    memcpy(object->key, key, n);
    object->name = (gw_str){ object->key + METRIC_KEY_HEAD, name.n };
    HASH_ADD_KEYPTR(hh, metric_objects, object->key, n, object);
  }
  pthread_mutex_unlock(&metric_lock);
  return object;
}

gw_route_metrics *gw_metrics_route(gw_str name, unsigned side, uint32_t worker) {
  assert(side < GW_METRIC_SIDES);
  metric_object *object = metric_get(METRIC_ROUTE, name, side, worker);
  return object != NULL ? &object->u.route : NULL;
}

gw_upstream_metrics *gw_metrics_upstream(gw_str name, uint32_t worker) {
  metric_object *object = metric_get(METRIC_UPSTREAM, name, 0, worker);
  return object != NULL ? &object->u.upstream : NULL;
}

gw_worker_metrics *gw_metrics_worker(uint32_t worker) {
  metric_object *object = metric_get(METRIC_WORKER, (gw_str){ NULL, 0 }, 0, worker);
  return object != NULL ? &object->u.of_worker : NULL;
}

gw_rpc_metrics *gw_metrics_rpc(gw_str upstream, gw_str method, uint32_t worker) {
  char name[METRIC_NAME_BYTES];
  size_t n = gw_size_min(upstream.n, sizeof name - 1);
  memcpy(name, upstream.p, n);
  name[n++] = ' ';
  method = gw_str_first(method, gw_size_min(method.n, sizeof name - n));
  memcpy(name + n, method.p, method.n);
  metric_object *object = metric_get(METRIC_RPC, (gw_str){ name, n + method.n }, 0, worker);
  return object != NULL ? &object->u.rpc : NULL;
}

void gw_metrics_done(void) {
  metric_object *object, *next;
  HASH_ITER(hh, metric_objects, object, next) {
    HASH_DEL(metric_objects, object);
    if (object->kind == METRIC_RPC) gw_rpc_metrics_done(&object->u.rpc);
    free(object);
  }
}

static void metric_add_status(gw_route_metrics *metrics, int status) {
  for (size_t i = 0; i < GW_METRIC_STATUSES; i++) {
    uint64_t known = gw_counter_get(&metrics->by_status[i].status);
    if (known == 0) gw_counter_set(&metrics->by_status[i].status, (uint64_t)status);
    if (known == 0 || known == (uint64_t)status) {
      gw_count(&metrics->by_status[i].count, 1);
      return;
    }
  }
  gw_count(&metrics->other_status, 1);
}

void gw_route_metrics_add(gw_route_metrics *metrics, int status, uint64_t duration_us) {
  size_t bucket = 0;
  while (bucket < GW_METRIC_BUCKETS - 1 && duration_us > gw_metric_bucket_us[bucket])
    bucket++;
  gw_count(&metrics->buckets[bucket], 1);
  gw_count(&metrics->seconds_sum_us, duration_us);
  metric_add_status(metrics, status);
}

void gw_metrics_visit(const gw_metrics_visitor *visitor, void *context) {
  pthread_mutex_lock(&metric_lock);
  for (metric_object *object = metric_objects; object != NULL; object = object->hh.next) {
    switch (object->kind) {
    case METRIC_ROUTE:
      visitor->route(context, object->name, object->side, object->worker, &object->u.route);
      break;
    case METRIC_UPSTREAM:
      visitor->upstream(context, object->name, object->worker, &object->u.upstream);
      break;
    case METRIC_WORKER: visitor->worker(context, object->worker, &object->u.of_worker); break;
    case METRIC_RPC: visitor->rpc(context, object->name, object->worker, &object->u.rpc); break;
    }
  }
  pthread_mutex_unlock(&metric_lock);
}
