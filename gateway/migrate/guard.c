#include "migrate/guard.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "migrate/ramp.h"
#include "migrate/window.h"

#define GUARD_QUANTILE 0.99
/* It looks ten times a second for hours, so that 95 % would be wrong several times a day
 * (tests/unit/migrate/guard_simulation_test.c counts it). */
#define GUARD_Z GW_WILSON_999
/* One alone proves nothing, however small the share that is allowed. */
#define GUARD_HITS_MIN 2u

typedef struct guard_side {
  uint64_t requests, errors;
} guard_side;

struct gw_guard {
  bool is_begun;
  gw_stand stand;
  uint64_t begun_ms;
  gw_window window;
  guard_side legacy_before; /* the last window in which legacy had enough of them; over moves */
  gw_guard_view view;
};

gw_guard *gw_guard_new(void) {
  gw_guard *guard = calloc(1, sizeof *guard);
  if (guard != NULL) guard->view.ramp_step = GW_RAMP_BEFORE;
  return guard;
}

void gw_guard_free(gw_guard *guard) {
  free(guard);
}

gw_guard_view gw_guard_view_of(const gw_guard *guard) {
  return guard->view;
}

/* ---- the three grounds ---- */

static double guard_allowed(uint32_t millionths) {
  return (double)millionths / GW_SHARE_WHOLE;
}

static gw_share_sample guard_sample(guard_side side) {
  return (gw_share_sample){ (double)side.errors, (double)side.requests };
}

/* Legacy in the same window.  Where the share leaves it too little traffic to say anything, the
 * last window in which it had some stands beside it. */
static guard_side guard_legacy(const gw_guard *guard, const gw_guard_policy *policy,
                               const gw_live_sums *sums) {
  guard_side legacy = { sums->sides[GW_SIDE_LEGACY].requests, sums->sides[GW_SIDE_LEGACY].errors };
  if (legacy.requests < policy->requests) {
    legacy.requests += guard->legacy_before.requests;
    legacy.errors += guard->legacy_before.errors;
  }
  return legacy;
}

static double guard_percent(guard_side side) {
  return side.requests > 0 ? 100 * (double)side.errors / (double)side.requests : 0;
}

static bool guard_breaks_errors(const gw_guard *guard, const gw_guard_policy *policy,
                                const gw_live_sums *sums, uint64_t covered_ms,
                                gw_judgement *judgement) {
  guard_side grpc = { sums->sides[GW_SIDE_GRPC].requests, sums->sides[GW_SIDE_GRPC].errors };
  guard_side legacy = guard_legacy(guard, policy, sums);
  if (grpc.errors < GUARD_HITS_MIN) return false;
  /* A canary of everything has nothing beside it: any error counts.  After the migration errors of
   * a service that nobody compares are its own affair. */
  if (legacy.requests == 0 && guard->stand.stage == GW_STAGE_GRPC) return false;
  double excess = legacy.requests > 0
                      ? gw_wilson_excess_low(guard_sample(grpc), guard_sample(legacy), GUARD_Z)
                      : gw_wilson_share_low(guard_sample(grpc), GUARD_Z);
  if (excess <= guard_allowed(policy->errors)) return false;
  char most[GW_SHARE_TEXT_MAX];
  gw_share_print(policy->errors, most);
  snprintf(judgement->why, sizeof judgement->why,
           "errors %.1f%% of %" PRIu64 " against %.1f%% of %" PRIu64 " in %.1fs, at most %s more",
           guard_percent(grpc), grpc.requests, guard_percent(legacy), legacy.requests,
           (double)covered_ms / 1e3, most);
  return true;
}

static bool guard_breaks_parity(const gw_guard_policy *policy, const gw_live_sums *sums,
                                uint64_t covered_ms, gw_judgement *judgement) {
  uint64_t equal = sums->parity[GW_PARITY_EQUAL], different = sums->parity[GW_PARITY_DIFFERENT];
  if (policy->parity == 0 || different < GUARD_HITS_MIN) return false;
  uint64_t all = equal + different;
  gw_share_sample sample = { (double)different, (double)all };
  double low = gw_wilson_share_low(sample, GUARD_Z); /* of the share that differs */
  if (low <= 1 - guard_allowed(policy->parity)) return false;
  char least[GW_SHARE_TEXT_MAX];
  gw_share_print(policy->parity, least);
  snprintf(judgement->why, sizeof judgement->why,
           "parity %.2f%% of %" PRIu64 " compared in %.1fs, at least %s",
           100 * (double)equal / (double)all, all, (double)covered_ms / 1e3, least);
  return true;
}

/* How many took longer than `us`; within a bucket as gw_latency_quantile() reads it. */
static double guard_slower(const uint64_t buckets[GW_LATENCY_BUCKETS], double us) {
  double slower = 0;
  for (uint32_t i = 0; i < GW_LATENCY_BUCKETS; i++) {
    if (buckets[i] == 0) continue;
    slower += (double)buckets[i] * (1 - gw_latency_below(i, us));
  }
  return slower;
}

/* Whether more than one in a hundred of the gRPC side, and more than of legacy, took longer than
 * the ratio allows over legacy's p99: the 99th percentile of a few is little more than their
 * slowest, so that two of them side by side would prove nothing. */
static bool guard_breaks_p99(const gw_guard_policy *policy, const gw_live_sums *sums,
                             uint64_t covered_ms, gw_judgement *judgement) {
  const uint64_t *legacy = sums->sides[GW_SIDE_LEGACY].buckets;
  const uint64_t *grpc = sums->sides[GW_SIDE_GRPC].buckets;
  uint64_t legacy_all = sums->sides[GW_SIDE_LEGACY].requests;
  uint64_t grpc_all = sums->sides[GW_SIDE_GRPC].requests;
  if (policy->p99_ratio <= 0 || legacy_all == 0 || legacy_all < policy->requests) return false;
  double most_us = policy->p99_ratio * gw_latency_quantile(legacy, GUARD_QUANTILE);
  gw_share_sample of_grpc = { guard_slower(grpc, most_us), (double)grpc_all };
  gw_share_sample of_legacy = { guard_slower(legacy, most_us), (double)legacy_all };
  if (of_grpc.hits < GUARD_HITS_MIN) return false;
  if (gw_wilson_share_low(of_grpc, GUARD_Z) <= 1 - GUARD_QUANTILE) return false;
  if (gw_wilson_excess_low(of_grpc, of_legacy, GUARD_Z) <= 0) return false;
  snprintf(judgement->why, sizeof judgement->why,
           "p99 %.1fms of %" PRIu64 " against %.1fms of %" PRIu64 " in %.1fs, at most %g times",
           gw_latency_quantile(grpc, GUARD_QUANTILE) / 1e3, grpc_all,
           gw_latency_quantile(legacy, GUARD_QUANTILE) / 1e3, legacy_all, (double)covered_ms / 1e3,
           policy->p99_ratio);
  return true;
}

static gw_judgement guard_judge(const gw_guard *guard, const gw_guard_policy *policy,
                                const gw_live_sums *sums, uint64_t covered_ms) {
  gw_judgement judgement = { .verdict = GW_VERDICT_STAY };
  if (!policy->is_set || guard->stand.stage < GW_STAGE_CANARY) return judgement;
  uint64_t requests = sums->sides[GW_SIDE_GRPC].requests;
  if (requests == 0 || requests < policy->requests) return judgement;
  if (guard_breaks_errors(guard, policy, sums, covered_ms, &judgement) ||
      guard_breaks_parity(policy, sums, covered_ms, &judgement) ||
      guard_breaks_p99(policy, sums, covered_ms, &judgement)) {
    judgement.verdict = GW_VERDICT_BACK;
    judgement.to = gw_stand_of(policy->back_to, 0);
  }
  return judgement;
}

/* ---- one look ---- */

static void guard_show(gw_guard *guard, const gw_migration *migration, const gw_live_sums *window,
                       uint64_t covered_ms, const gw_ramp_figures *step) {
  gw_guard_view *view = &guard->view;
  view->window_ms = covered_ms;
  for (int side = 0; side < GW_SIDE_COUNT; side++) {
    view->sides[side].requests = window->sides[side].requests;
    view->sides[side].errors = window->sides[side].errors;
    view->sides[side].p99_us = gw_latency_quantile(window->sides[side].buckets, GUARD_QUANTILE);
  }
  view->equal = window->parity[GW_PARITY_EQUAL];
  view->compared = view->equal + window->parity[GW_PARITY_DIFFERENT];
  view->step_compared = step->compared;
  view->step_equal = step->equal;
  view->step_parity_low = gw_wilson_low(step->equal, step->compared);
  view->ramp_step = gw_ramp_step(&migration->ramp, guard->stand);
  uint64_t hold_ms = migration->ramp.step_count > 0 ? migration->ramp.hold_ms : 0;
  view->hold_left_ms = step->since_ms < hold_ms ? hold_ms - step->since_ms : 0;
}

gw_judgement gw_guard_look(gw_guard *guard, const gw_migration *migration, gw_stand stand,
                           bool is_held, const gw_live_sums *sums, uint64_t now_ms) {
  const gw_guard_policy *policy = &migration->guard;
  if (!guard->is_begun || !gw_stand_eq(guard->stand, stand)) {
    guard->is_begun = true;
    guard->stand = stand;
    guard->begun_ms = now_ms;
    gw_window_begin(&guard->window, sums, now_ms);
  } else {
    gw_window_look(&guard->window, sums, policy->window_ms, now_ms);
  }
  gw_live_sums window;
  uint64_t covered_ms = gw_window_get(&guard->window, &window);
  const gw_live_sums *total = &guard->window.total.sums;
  gw_ramp_figures step = { .since_ms = guard->window.now_ms - guard->begun_ms,
                           .equal = total->parity[GW_PARITY_EQUAL],
                           .compared = total->parity[GW_PARITY_EQUAL] +
                                       total->parity[GW_PARITY_DIFFERENT] };
  guard_show(guard, migration, &window, covered_ms, &step);
  gw_judgement judgement = guard_judge(guard, policy, &window, covered_ms);
  uint64_t legacy_requests = window.sides[GW_SIDE_LEGACY].requests;
  if (legacy_requests > 0 && legacy_requests >= policy->requests)
    guard->legacy_before = (guard_side){ legacy_requests, window.sides[GW_SIDE_LEGACY].errors };
  if (judgement.verdict == GW_VERDICT_STAY && !is_held)
    judgement = gw_ramp_judge(&migration->ramp, stand, &step);
  return judgement;
}
