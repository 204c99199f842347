/* config: what the configuration says about one upstream (DESIGN section 5).
 * Immutable; owned by a snapshot; read by all workers. */
#pragma once

#include "base/limits.h"
#include "base/str.h"
#include "net/tls.h"

typedef enum gw_balance {
  GW_BALANCE_ROUND_ROBIN,
  GW_BALANCE_LEAST_REQUEST,
  GW_BALANCE_PICK_FIRST
} gw_balance;

typedef enum gw_scheme {
  GW_SCHEME_GRPC,
  GW_SCHEME_GRPCS,
  GW_SCHEME_HTTP,
  GW_SCHEME_HTTPS
} gw_scheme;

static inline bool gw_scheme_is_secure(gw_scheme scheme) {
  return scheme == GW_SCHEME_GRPCS || scheme == GW_SCHEME_HTTPS;
}

typedef struct gw_endpoint_config {
  gw_scheme scheme;
  gw_str host; /* a name or an address, without brackets; NUL behind it */
  uint16_t port;
  gw_str authority; /* "users-1:50051", as :authority */
} gw_endpoint_config;

/* When an address whose calls fail takes none for a while: upstream/outlier.h. */
typedef struct gw_outlier_config {
  uint32_t failures;    /* in a row; 0: off */
  uint32_t share_ppm;   /* of the calls of a window that failed; parts per million */
  uint32_t share_calls; /* a window with fewer says nothing */
  uint64_t window_ms;
  uint64_t ejection_ms, ejection_max_ms; /* the n-th takes n times as long */
  uint32_t ejected_ppm;                  /* of the addresses, at most */
} gw_outlier_config;

#define GW_RETRY_ATTEMPTS_MAX 5u /* gRFC A6 */

/* When a call is tried again (gRFC A6). */
typedef struct gw_retry_config {
  uint32_t attempts; /* all together; 1: none again */
  uint64_t backoff_ms, backoff_max_ms;
  double backoff_factor; /* jitter is +-20 % */
  uint32_t codes;        /* bit n: google.rpc.Code n is worth another attempt */
  uint32_t budget_ppm;   /* retries that run, of all calls that run; a few may always */
  uint64_t timeout_ms;   /* of one attempt; 0: only the call's deadline */
  bool hedges;           /* further attempts run beside the first, hedge_ms after each other */
  uint64_t hedge_ms;
} gw_retry_config;

/* gRFC A6's retryThrottling. */
typedef struct gw_throttle_config {
  double tokens; /* the most; retries stop at half of it */
  double ratio;  /* what a call that did not fail gives back */
} gw_throttle_config;

#define GW_HEALTH_SERVICE_MAX 256u /* bytes of a service's name */

typedef struct gw_upstream_config {
  gw_str name;
  uint32_t index; /* in the snapshot */
  const gw_endpoint_config *endpoints;
  uint32_t endpoint_count;
  gw_tls *tls;        /* of endpoints with grpcs; NULL: there are none */
  gw_str server_name; /* that their certificate must hold; n == 0: the endpoint's host */
  gw_balance balance;
  uint32_t connections;     /* to each address, for each worker; grpc */
  uint32_t connections_max; /* to each address, for each worker */
  uint64_t idle_timeout_ms; /* of a connection that no call uses; http */
  uint64_t connect_timeout_ms;
  uint64_t resolve_every_ms;
  uint64_t backoff_initial_ms, backoff_max_ms;
  double backoff_factor; /* jitter is +-20 % */
  uint32_t waiting_max;  /* calls that wait for a connection, for each worker */
  uint64_t waiting_time_ms;
  uint32_t in_flight_max;
  size_t message_bytes_max;
  bool compresses;       /* messages to the service, by gzip */
  uint64_t keepalive_ms; /* a PING after so long a silence while calls run */
  uint64_t keepalive_timeout_ms;
  bool health;           /* watched, as `health_service` ("": the server as a whole) */
  gw_str health_service; /* at most GW_HEALTH_SERVICE_MAX bytes */
  gw_outlier_config outlier;
  gw_retry_config retry;
  gw_throttle_config throttle;
} gw_upstream_config;

/* The endpoints of one upstream are of one kind. */
static inline bool gw_upstream_is_http(const gw_upstream_config *config) {
  return config->endpoint_count > 0 && (config->endpoints[0].scheme == GW_SCHEME_HTTP ||
                                        config->endpoints[0].scheme == GW_SCHEME_HTTPS);
}
