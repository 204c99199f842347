/* health: whether the service behind one connection says that it serves, by
 * grpc.health.v1.Health/Watch
 * (grpc/doc/health-checking.md; what a client makes of it: gRFC A17).
 *
 *   idle --start--> watching --(the stream ends)--> waiting --> watching ...  --stop--> idle
 *
 * UNIMPLEMENTED counts as serving, for good: such a service has no health checks.  Any other end
 * means not serving until a new stream says otherwise; it is opened by the upstream's backoff.
 * Embedded in its connection; private to upstream/.  One thread. */
#pragma once

#include "net/h2.h"
#include "upstream/config.h"

typedef enum gw_health_state {
  GW_HEALTH_UNKNOWN, /* no answer yet */
  GW_HEALTH_SERVING,
  GW_HEALTH_NOT_SERVING
} gw_health_state;

typedef struct gw_health {
  gw_health_state state;
  void (*changed)(struct gw_health *health); /* never from within gw_health_start() */
  /* private */
  gw_h2_stream stream;
  gw_loop *loop;
  gw_h2 *h2; /* NULL: idle */
  const gw_upstream_config *config;
  const gw_endpoint_config *endpoint;
  gw_arena arena;   /* of the stream under way */
  gw_timer retry;   /* set: waiting */
  uint64_t wait_ms; /* the last wait; 0: the last stream said something */
} gw_health;

/* health: zero-initialised but for `changed`.  All is borrowed until gw_health_stop(). */
void gw_health_start(gw_health *health, gw_loop *loop, gw_h2 *h2, const gw_upstream_config *config,
                     const gw_endpoint_config *endpoint);
/* Idle and stopped ones are a no-op. */
void gw_health_stop(gw_health *health);
