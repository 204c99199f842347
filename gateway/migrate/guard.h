/* guard: sees when the gRPC side of a route does worse than legacy, and says so with the figures;
 * and ramps a route that does well (DESIGN section 4).  It judges; control/ moves.
 *
 *   every GW_GUARD_TICK_MS: sums of the route -> window (differences to an older sum) -> verdict
 *
 * What it judges, and by which formulas, is in docs/guard.md.
 * Main thread. */
#pragma once

#include "migrate/live.h"
#include "migrate/wilson.h"

#define GW_GUARD_TICK_MS 100u

typedef struct gw_guard gw_guard; /* one for each route that has a guard or a ramp */

gw_guard *gw_guard_new(void); /* NULL: no memory */
void gw_guard_free(gw_guard *guard);

typedef enum gw_verdict { GW_VERDICT_STAY, GW_VERDICT_BACK, GW_VERDICT_ON } gw_verdict;

typedef struct gw_judgement {
  gw_verdict verdict;
  gw_stand to;                  /* of BACK and ON */
  char why[GW_JOURNAL_WHY_MAX]; /* "errors 12.0% of 310 against 0.1% of 2790 in 30s, at most 1%" */
} gw_judgement;

/* Looks at the route's counters now.  now_ms: monotonic.  Begins anew by itself when the stand
 * changed.  A guard that moved the route back keeps the ramp still until somebody else moves it:
 * `is_held`. */
gw_judgement gw_guard_look(gw_guard *guard, const gw_migration *migration, gw_stand stand,
                           bool is_held, const gw_live_sums *sums, uint64_t now_ms);

/* What it saw last, for operators. */
typedef struct gw_guard_view {
  uint64_t window_ms; /* covered so far */
  struct {
    uint64_t requests, errors;
    double p99_us;
  } sides[GW_SIDE_COUNT];
  uint64_t compared, equal;           /* in the window */
  uint64_t step_compared, step_equal; /* since the last move */
  double step_parity_low;             /* lower bound of the 95 % interval; 0..1 */
  uint32_t ramp_step;                 /* index of the present step; UINT32_MAX: before the first */
  uint64_t hold_left_ms;
} gw_guard_view;

gw_guard_view gw_guard_view_of(const gw_guard *guard);
