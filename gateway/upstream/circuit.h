/* circuit: how many calls an upstream has, and those of them that wait for a connection, within the
 * bounds of `circuit` in the configuration: so many at once, so many waiting, for so long.  Who is
 * patient waits as long as its owner lets it.
 * Embedded in its upstream; one thread.  Private to upstream/. */
#pragma once

#include "base/metrics.h"
#include "net/loop.h"
#include "upstream/config.h"

typedef struct gw_circuit gw_circuit;

/* Embedded in what waits. */
typedef struct gw_waiter {
  struct gw_waiter *previous, *next;
  uint64_t until_ms;
  uint64_t number; /* in the order of coming */
  bool is_patient;
} gw_waiter;

typedef void gw_waited_fn(gw_circuit *circuit, gw_waiter *waiter);

struct gw_circuit {
  gw_loop *loop;
  const gw_upstream_config *config;
  gw_upstream_metrics *metrics;
  gw_waited_fn *waited; /* its time is over, and it waits no more */
  gw_waiter *hasty, *patient;
  uint32_t in_flight, waiting_count;
  uint64_t number;
  gw_timer timer;
};

void gw_circuit_init(gw_circuit *circuit, gw_loop *loop, const gw_upstream_config *config,
                     gw_upstream_metrics *metrics, gw_waited_fn *waited);
/* Nothing may be in flight. */
void gw_circuit_done(gw_circuit *circuit);

/* One call more, until gw_circuit_end().  False: it is one too many. */
bool gw_circuit_begin(gw_circuit *circuit);
void gw_circuit_end(gw_circuit *circuit);

/* False: too many wait already. */
bool gw_circuit_wait(gw_circuit *circuit, gw_waiter *waiter, bool is_patient);
void gw_circuit_leave(gw_circuit *circuit, gw_waiter *waiter);
/* Who came first; NULL: nobody waits. */
gw_waiter *gw_circuit_first(const gw_circuit *circuit);
