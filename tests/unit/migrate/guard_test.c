#include "migrate/guard.h"

#include "unit/test.h"

typedef struct fixture {
  gw_guard *guard;
  gw_migration migration;
  gw_stand stand;
  bool is_held;
  gw_live_sums sums;
  uint64_t now_ms;
  gw_judgement last;
} fixture;

/* A canary of a tenth under the default policy. */
static fixture *fixture_new(void) {
  fixture *f = calloc(1, sizeof *f);
  f->guard = gw_guard_new();
  f->migration.guard = (gw_guard_policy){
    .is_set = true, .window_ms = 30000, .requests = 50, .errors = 10000, .back_to = GW_STAGE_SHADOW
  };
  f->stand = gw_stand_of(GW_STAGE_CANARY, 100000);
  f->now_ms = 1000000;
  return f;
}

static void fixture_free(fixture *f) {
  gw_guard_free(f->guard);
  free(f);
}

static void serve(fixture *f, gw_side side, uint64_t ok, uint64_t errors, uint64_t us) {
  f->sums.sides[side].requests += ok + errors;
  f->sums.sides[side].errors += errors;
  f->sums.sides[side].buckets[gw_latency_bucket(us)] += ok + errors;
}

static void compare(fixture *f, uint64_t equal, uint64_t different) {
  f->sums.parity[GW_PARITY_EQUAL] += equal;
  f->sums.parity[GW_PARITY_DIFFERENT] += different;
}

static gw_verdict look(fixture *f) {
  f->now_ms += GW_GUARD_TICK_MS;
  f->last = gw_guard_look(f->guard, &f->migration, f->stand, f->is_held, &f->sums, f->now_ms);
  return f->last.verdict;
}

static void stays(fixture *f) {
  if (look(f) != GW_VERDICT_STAY) fail_msg("did not stay: %s", f->last.why);
}

static void goes_back(fixture *f, gw_stage to, const char *why) {
  if (look(f) != GW_VERDICT_BACK) fail_msg("did not go back");
  CHECK_INT(f->last.to.stage, to);
  CHECK_STR(gw_str_of(f->last.why), why);
}

/* ---- errors ---- */

TEST(guard, finds_errors_with_the_last_request_asked_for) {
  fixture *f = fixture_new();
  stays(f);
  for (int i = 0; i < 49; i++) {
    serve(f, GW_SIDE_LEGACY, 9, 0, 2000);
    serve(f, GW_SIDE_GRPC, 0, 1, 2000);
    stays(f);
  }
  serve(f, GW_SIDE_GRPC, 0, 1, 2000);
  goes_back(f, GW_STAGE_SHADOW, "errors 100.0% of 50 against 0.0% of 441 in 5.0s, at most 1% more");
  goes_back(f, GW_STAGE_SHADOW, /* until somebody moves it */
            "errors 100.0% of 50 against 0.0% of 441 in 5.1s, at most 1% more");
  fixture_free(f);
}

/* 1,000 requests/s, a tenth of them on gRPC, which fails from one moment on after a quiet time. */
TEST(guard, finds_a_failing_service_within_a_second) {
  fixture *f = fixture_new();
  for (int i = 0; i < 600; i++) {
    serve(f, GW_SIDE_LEGACY, 90, 0, 2000);
    serve(f, GW_SIDE_GRPC, 10, 0, 2000);
    stays(f);
  }
  int looks = 0;
  do {
    serve(f, GW_SIDE_LEGACY, 90, 0, 2000);
    serve(f, GW_SIDE_GRPC, 0, 10, 2000);
    looks++;
  } while (look(f) == GW_VERDICT_STAY && looks < 100);
  CHECK(looks > 3 && looks <= 6); /* more than 1 % of 3,000, and beyond doubt */
  fixture_free(f);
}

TEST(guard, one_error_is_no_evidence) {
  fixture *f = fixture_new();
  stays(f);
  f->migration.guard.errors = 0;
  serve(f, GW_SIDE_LEGACY, 5000, 0, 2000);
  serve(f, GW_SIDE_GRPC, 49, 1, 2000);
  stays(f);
  fixture_free(f);
}

TEST(guard, stays_where_legacy_does_as_badly) {
  fixture *f = fixture_new();
  for (int i = 0; i < 600; i++) {
    serve(f, GW_SIDE_LEGACY, 60, 30, 2000);
    serve(f, GW_SIDE_GRPC, 6, i % 10 == 0 ? 4 : 3, 2000); /* worse, but by less than 1 % */
    stays(f);
  }
  serve(f, GW_SIDE_LEGACY, 0, 2700, 2000);
  serve(f, GW_SIDE_GRPC, 0, 300, 2000);
  stays(f);
  fixture_free(f);
}

TEST(guard, allows_the_errors_that_the_policy_allows) {
  fixture *f = fixture_new();
  f->migration.guard.errors = 50000;
  stays(f);
  serve(f, GW_SIDE_LEGACY, 9900, 100, 2000);
  serve(f, GW_SIDE_GRPC, 945, 55, 2000); /* 5.5 %, where 6 % are allowed */
  stays(f);
  serve(f, GW_SIDE_GRPC, 0, 40, 2000); /* 9.1 % */
  CHECK_INT(look(f), GW_VERDICT_BACK);
  fixture_free(f);
}

TEST(guard, forgets_errors_that_the_window_left) {
  fixture *f = fixture_new();
  f->migration.guard.requests = 100;
  stays(f);
  serve(f, GW_SIDE_LEGACY, 900, 0, 2000);
  serve(f, GW_SIDE_GRPC, 0, 99, 2000); /* one too few to be judged */
  stays(f);
  for (int i = 0; i < 310; i++)
    stays(f);
  CHECK_INT(gw_guard_view_of(f->guard).sides[GW_SIDE_GRPC].errors, 0);
  serve(f, GW_SIDE_GRPC, 100, 0, 2000);
  stays(f);
  fixture_free(f);
}

TEST(guard, a_move_begins_anew) {
  fixture *f = fixture_new();
  stays(f);
  serve(f, GW_SIDE_GRPC, 0, 49, 2000);
  stays(f);
  f->stand.share = 200000;
  serve(f, GW_SIDE_GRPC, 0, 1, 2000);
  stays(f);
  CHECK_INT(gw_guard_view_of(f->guard).window_ms, 0);
  serve(f, GW_SIDE_GRPC, 0, 49, 2000);
  stays(f);
  serve(f, GW_SIDE_GRPC, 0, 1, 2000);
  CHECK_INT(look(f), GW_VERDICT_BACK);
  fixture_free(f);
}

TEST(guard, counters_that_begin_anew_are_no_errors) {
  fixture *f = fixture_new();
  serve(f, GW_SIDE_LEGACY, 100000, 100, 2000);
  serve(f, GW_SIDE_GRPC, 100000, 100, 2000);
  stays(f);
  serve(f, GW_SIDE_LEGACY, 100, 0, 2000);
  serve(f, GW_SIDE_GRPC, 100, 0, 2000);
  stays(f);
  memset(&f->sums, 0, sizeof f->sums);
  serve(f, GW_SIDE_GRPC, 20, 0, 2000);
  stays(f);
  gw_guard_view view = gw_guard_view_of(f->guard);
  CHECK_INT(view.sides[GW_SIDE_GRPC].requests, 120);
  CHECK_INT(view.sides[GW_SIDE_GRPC].errors, 0);
  fixture_free(f);
}

/* What stood before the guard's first look is another time's. */
TEST(guard, first_look_judges_nothing) {
  fixture *f = fixture_new();
  serve(f, GW_SIDE_LEGACY, 1000, 0, 2000);
  serve(f, GW_SIDE_GRPC, 0, 1000, 2000);
  stays(f);
  stays(f);
  fixture_free(f);
}

TEST(guard, watches_only_where_grpc_answers) {
  fixture *f = fixture_new();
  for (int stage = GW_STAGE_LEGACY; stage <= GW_STAGE_SHADOW; stage++) {
    f->stand = gw_stand_of((gw_stage)stage, 0);
    f->migration.guard.parity = 999000;
    stays(f);
    serve(f, GW_SIDE_LEGACY, 100, 0, 2000);
    serve(f, GW_SIDE_GRPC, 0, 100, 2000); /* such as began before the move */
    compare(f, 0, 1000);
    stays(f);
  }
  f->migration.guard.is_set = false;
  f->stand = gw_stand_of(GW_STAGE_CANARY, 1);
  stays(f);
  serve(f, GW_SIDE_GRPC, 0, 100, 2000);
  stays(f);
  fixture_free(f);
}

TEST(guard, goes_back_to_where_the_policy_says) {
  fixture *f = fixture_new();
  f->migration.guard.back_to = GW_STAGE_LEGACY;
  stays(f);
  serve(f, GW_SIDE_GRPC, 0, 50, 2000);
  CHECK_INT(look(f), GW_VERDICT_BACK);
  CHECK(gw_stand_eq(f->last.to, gw_stand_of(GW_STAGE_LEGACY, 0)));
  fixture_free(f);
}

/* ---- a canary that leaves legacy little or nothing ---- */

TEST(guard, canary_of_everything_is_held_to_no_errors) {
  fixture *f = fixture_new();
  f->stand = gw_stand_of(GW_STAGE_CANARY, GW_SHARE_WHOLE);
  stays(f);
  serve(f, GW_SIDE_GRPC, 99, 1, 2000);
  stays(f);
  serve(f, GW_SIDE_GRPC, 90, 10, 2000);
  goes_back(f, GW_STAGE_SHADOW, "errors 5.5% of 200 against 0.0% of 0 in 0.2s, at most 1% more");
  fixture_free(f);
}

TEST(guard, canary_of_everything_is_held_to_what_legacy_did_before) {
  fixture *f = fixture_new();
  stays(f);
  serve(f, GW_SIDE_LEGACY, 900, 100, 2000); /* a tenth fails, on either side */
  serve(f, GW_SIDE_GRPC, 90, 10, 2000);
  stays(f);
  static const gw_stage stages[] = { GW_STAGE_CANARY, GW_STAGE_GRPC };
  for (size_t i = 0; i < GW_COUNT_OF(stages); i++) {
    f->stand = gw_stand_of(stages[i], GW_SHARE_WHOLE);
    stays(f);
    serve(f, GW_SIDE_GRPC, 900, 100, 2000);
    stays(f);
  }
  serve(f, GW_SIDE_GRPC, 0, 200, 2000);
  goes_back(f, GW_STAGE_SHADOW,
            "errors 25.0% of 1200 against 10.0% of 1000 in 0.2s, at most 1% more");
  fixture_free(f);
}

TEST(guard, after_the_migration_nothing_is_compared_with_nothing) {
  fixture *f = fixture_new();
  f->stand = gw_stand_of(GW_STAGE_GRPC, 0);
  stays(f);
  serve(f, GW_SIDE_GRPC, 500, 500, 2000);
  stays(f);
  f->migration.guard.parity = 999000; /* but for what `shadow: { legacy: true }` compares */
  compare(f, 90, 10);
  goes_back(f, GW_STAGE_SHADOW, "parity 90.00% of 100 compared in 0.2s, at least 99.9%");
  fixture_free(f);
}

/* Of three requests legacy answered two badly by chance; before, all was well. */
TEST(guard, few_requests_of_legacy_excuse_nothing) {
  fixture *f = fixture_new();
  f->stand.share = 990000;
  stays(f);
  serve(f, GW_SIDE_LEGACY, 500, 0, 2000);
  serve(f, GW_SIDE_GRPC, 5000, 0, 2000);
  stays(f);
  f->stand.share = 999000;
  stays(f);
  serve(f, GW_SIDE_LEGACY, 1, 2, 2000);
  serve(f, GW_SIDE_GRPC, 80, 20, 2000);
  CHECK_INT(look(f), GW_VERDICT_BACK);
  fixture_free(f);
}

/* ---- parity ---- */

TEST(guard, finds_differences_with_the_last_request_asked_for) {
  fixture *f = fixture_new();
  f->migration.guard.parity = 990000;
  stays(f);
  compare(f, 20, 9);
  serve(f, GW_SIDE_GRPC, 49, 0, 2000);
  serve(f, GW_SIDE_LEGACY, 441, 0, 2000);
  stays(f);
  serve(f, GW_SIDE_GRPC, 1, 0, 2000);
  goes_back(f, GW_STAGE_SHADOW, "parity 68.97% of 29 compared in 0.2s, at least 99%");
  fixture_free(f);
}

TEST(guard, parity_must_be_beyond_doubt) {
  fixture *f = fixture_new();
  serve(f, GW_SIDE_LEGACY, 0, 0, 0);
  stays(f);
  serve(f, GW_SIDE_GRPC, 1000, 0, 2000);
  compare(f, 10, 1000); /* not judged without a policy */
  stays(f);
  f->stand.share++;
  f->migration.guard.parity = 999000;
  stays(f);
  serve(f, GW_SIDE_GRPC, 1000, 0, 2000);
  compare(f, 9, 1); /* one alone */
  stays(f);
  compare(f, 1988, 2); /* 99.85 % of 2000 */
  stays(f);
  compare(f, 0, 5); /* 99.6 % */
  CHECK_INT(look(f), GW_VERDICT_BACK);
  fixture_free(f);
}

TEST(guard, parity_counts_neither_failed_nor_dropped) {
  fixture *f = fixture_new();
  f->migration.guard.parity = 999000;
  stays(f);
  serve(f, GW_SIDE_GRPC, 1000, 0, 2000);
  compare(f, 100, 0);
  f->sums.parity[GW_PARITY_FAILED] += 500;
  f->sums.parity[GW_PARITY_DROPPED] += 500;
  stays(f);
  CHECK_INT(gw_guard_view_of(f->guard).compared, 100);
  fixture_free(f);
}

/* ---- p99 ---- */

TEST(guard, finds_a_slow_side_with_the_last_request_asked_for) {
  fixture *f = fixture_new();
  f->migration.guard.p99_ratio = 1.5;
  stays(f);
  serve(f, GW_SIDE_LEGACY, 441, 0, 10000);
  serve(f, GW_SIDE_GRPC, 44, 0, 10000);
  serve(f, GW_SIDE_GRPC, 5, 0, 40000);
  stays(f);
  serve(f, GW_SIDE_GRPC, 1, 0, 10000);
  CHECK_INT(look(f), GW_VERDICT_BACK);
  CHECK(strstr(f->last.why, "of 50 against") != NULL);
  CHECK(strstr(f->last.why, "of 441 in 0.2s, at most 1.5 times") != NULL);
  CHECK(strncmp(f->last.why, "p99 4", 5) == 0);
  fixture_free(f);
}

TEST(guard, stays_where_legacy_is_as_slow) {
  fixture *f = fixture_new();
  f->migration.guard.p99_ratio = 1.5;
  for (int i = 0; i < 400; i++) {
    serve(f, GW_SIDE_LEGACY, 88, 0, 10000);
    serve(f, GW_SIDE_LEGACY, 2, 0, 400000);
    serve(f, GW_SIDE_GRPC, 10, 0, 10000);
    serve(f, GW_SIDE_GRPC, i % 5 == 0, 0, 400000);
    stays(f);
  }
  fixture_free(f);
}

TEST(guard, one_slow_request_is_no_evidence) {
  fixture *f = fixture_new();
  f->migration.guard.p99_ratio = 1.5;
  f->migration.guard.requests = 5;
  stays(f);
  serve(f, GW_SIDE_LEGACY, 1000, 0, 10000);
  serve(f, GW_SIDE_GRPC, 4, 0, 10000);
  serve(f, GW_SIDE_GRPC, 1, 0, 4000000);
  stays(f);
  fixture_free(f);
}

TEST(guard, latencies_need_legacy_beside_them) {
  fixture *f = fixture_new();
  f->migration.guard.p99_ratio = 1.5;
  stays(f);
  serve(f, GW_SIDE_LEGACY, 49, 0, 1000);
  serve(f, GW_SIDE_GRPC, 500, 0, 400000);
  stays(f);
  serve(f, GW_SIDE_LEGACY, 1, 0, 1000);
  CHECK_INT(look(f), GW_VERDICT_BACK);
  fixture_free(f);
}

/* ---- with the ramp ---- */

static fixture *fixture_with_ramp(void) {
  fixture *f = fixture_new();
  f->migration.ramp = (gw_ramp_policy){ .steps = { 10000, 50000, 250000, 500000, 1000000 },
                                        .step_count = 5,
                                        .hold_ms = 600000,
                                        .min_compared = 1000,
                                        .min_parity = 999000 };
  f->stand = gw_stand_of(GW_STAGE_SHADOW, 0);
  return f;
}

TEST(guard, ramps_step_by_step_to_grpc) {
  static const uint32_t shares[] = { 0, 10000, 50000, 250000, 500000, 1000000 };
  fixture *f = fixture_with_ramp();
  for (size_t i = 0; i < GW_COUNT_OF(shares); i++) {
    CHECK_INT(f->stand.share, shares[i]);
    CHECK_INT(look(f), GW_VERDICT_STAY);
    uint64_t begun_ms = f->now_ms;
    for (int k = 0; k < 5999; k++) {
      serve(f, GW_SIDE_LEGACY, 10, 0, 2000);
      serve(f, GW_SIDE_GRPC, 10, 0, 2000);
      compare(f, 1, 0);
      stays(f);
    }
    gw_guard_view view = gw_guard_view_of(f->guard);
    CHECK_INT(view.step_compared, 5999);
    CHECK_INT(view.ramp_step, i == 0 ? UINT32_MAX : i - 1);
    CHECK_INT(view.hold_left_ms, 100);
    CHECK_INT(look(f), GW_VERDICT_ON);
    CHECK_INT(f->now_ms - begun_ms, 600000);
    CHECK_INT(f->last.to.stage, i + 1 < GW_COUNT_OF(shares) ? GW_STAGE_CANARY : GW_STAGE_GRPC);
    f->stand = f->last.to;
  }
  for (int k = 0; k < 7000; k++) {
    compare(f, 1, 0);
    stays(f);
  }
  fixture_free(f);
}

/* The comparisons of one step say nothing of the next. */
TEST(guard, ramp_waits_for_the_evidence_of_its_own_step) {
  fixture *f = fixture_with_ramp();
  stays(f);
  compare(f, 100000, 0);
  f->now_ms += 600000;
  CHECK_INT(look(f), GW_VERDICT_ON);
  f->stand = f->last.to;
  stays(f);
  f->now_ms += 6000000;
  compare(f, 3837, 0);
  stays(f);
  compare(f, 1, 0);
  CHECK_INT(look(f), GW_VERDICT_ON);
  f->stand = f->last.to;
  stays(f);
  f->now_ms += 6000000;
  compare(f, 100000, 101);
  stays(f);
  fixture_free(f);
}

TEST(guard, held_ramp_stays_and_is_still_guarded) {
  fixture *f = fixture_with_ramp();
  f->stand = gw_stand_of(GW_STAGE_CANARY, 10000);
  f->is_held = true;
  stays(f);
  compare(f, 100000, 0);
  f->now_ms += 600000;
  stays(f);
  f->is_held = false;
  CHECK_INT(look(f), GW_VERDICT_ON);
  f->is_held = true;
  serve(f, GW_SIDE_GRPC, 0, 50, 2000);
  CHECK_INT(look(f), GW_VERDICT_BACK);
  fixture_free(f);
}

TEST(guard, breach_goes_before_the_ramp) {
  fixture *f = fixture_with_ramp();
  f->stand = gw_stand_of(GW_STAGE_CANARY, 10000);
  stays(f);
  compare(f, 100000, 0);
  serve(f, GW_SIDE_GRPC, 0, 50, 2000);
  f->now_ms += 600000;
  CHECK_INT(look(f), GW_VERDICT_BACK);
  fixture_free(f);
}

TEST(guard, view_of_a_new_one) {
  gw_guard *guard = gw_guard_new();
  gw_guard_view view = gw_guard_view_of(guard);
  CHECK_INT(view.ramp_step, UINT32_MAX);
  CHECK_INT(view.window_ms, 0);
  gw_guard_free(guard);
  gw_guard_free(NULL);
}

static gw_code make_guard(void *context) {
  (void)context;
  gw_guard *guard = gw_guard_new();
  gw_guard_free(guard);
  return guard != NULL ? GW_OK : GW_NOMEM;
}

TEST(guard, survives_each_failed_alloc) {
  test_fail_each_alloc(make_guard, NULL);
}
