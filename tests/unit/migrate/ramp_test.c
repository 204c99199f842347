#include "migrate/ramp.h"

#include "unit/test.h"

static const gw_ramp_policy policy = { .steps = { 10000, 50000, 250000, 500000, 1000000 },
                                       .step_count = 5,
                                       .hold_ms = 600000,
                                       .min_compared = 1000,
                                       .min_parity = 999000 };

static gw_stand canary(uint32_t share) {
  return gw_stand_of(GW_STAGE_CANARY, share);
}

TEST(ramp, step_is_the_greatest_reached) {
  CHECK_INT(gw_ramp_step(&policy, gw_stand_of(GW_STAGE_LEGACY, 0)), GW_RAMP_BEFORE);
  CHECK_INT(gw_ramp_step(&policy, gw_stand_of(GW_STAGE_SHADOW, 0)), GW_RAMP_BEFORE);
  CHECK_INT(gw_ramp_step(&policy, canary(9999)), GW_RAMP_BEFORE);
  CHECK_INT(gw_ramp_step(&policy, canary(10000)), 0);
  CHECK_INT(gw_ramp_step(&policy, canary(49999)), 0);
  CHECK_INT(gw_ramp_step(&policy, canary(500000)), 3);
  CHECK_INT(gw_ramp_step(&policy, canary(1000000)), 4);
  CHECK_INT(gw_ramp_step(&policy, gw_stand_of(GW_STAGE_GRPC, 0)), 4);
}

TEST(ramp, next_is_the_next_step) {
  static const struct {
    gw_stage stage;
    uint32_t share;
    gw_stage to;
    uint32_t to_share;
  } rows[] = {
    { GW_STAGE_SHADOW, 0, GW_STAGE_CANARY, 10000 },
    { GW_STAGE_CANARY, 1, GW_STAGE_CANARY, 10000 },
    { GW_STAGE_CANARY, 10000, GW_STAGE_CANARY, 50000 },
    { GW_STAGE_CANARY, 100000, GW_STAGE_CANARY, 250000 }, /* set by hand between two */
    { GW_STAGE_CANARY, 500000, GW_STAGE_CANARY, 1000000 },
    { GW_STAGE_CANARY, 1000000, GW_STAGE_GRPC, 1000000 },
  };
  gw_stand to;
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    CHECK(gw_ramp_next(&policy, gw_stand_of(rows[i].stage, rows[i].share), &to));
    CHECK_INT(to.stage, rows[i].to);
    CHECK_INT(to.share, rows[i].to_share);
  }
  CHECK(!gw_ramp_next(&policy, gw_stand_of(GW_STAGE_LEGACY, 0), &to));
  CHECK(!gw_ramp_next(&policy, gw_stand_of(GW_STAGE_GRPC, 0), &to));
  gw_ramp_policy none = { 0 }, half = { .steps = { 500000 }, .step_count = 1 };
  CHECK(!gw_ramp_next(&none, gw_stand_of(GW_STAGE_SHADOW, 0), &to));
  CHECK(!gw_ramp_next(&none, canary(1000000), &to));
  CHECK(gw_ramp_next(&half, gw_stand_of(GW_STAGE_SHADOW, 0), &to));
  CHECK(!gw_ramp_next(&half, canary(500000), &to)); /* not from a half to all */
}

TEST(ramp, goes_on_only_with_time_and_evidence) {
  static const struct {
    gw_ramp_figures figures;
    bool wanted;
  } rows[] = {
    { { 600000, 3838, 3838 }, true },
    { { 599999, 1000000, 1000000 }, false },
    { { 600000, 3837, 3837 }, false }, /* all equal, but too few to be sure of 99.9 % */
    { { 600000, 999, 999 }, false },
    { { 86400000, 0, 0 }, false },
    { { 600000, 10000, 9999 }, true },
    { { 600000, 10000, 9995 }, false }, /* above, but not surely */
    { { 600000, 10000, 9990 }, false },
    { { 600000, 1000000, 999200 }, true },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    gw_judgement j = gw_ramp_judge(&policy, canary(10000), &rows[i].figures);
    if ((j.verdict == GW_VERDICT_ON) != rows[i].wanted) fail_msg("row %zu: %s", i, j.why);
    CHECK(j.verdict != GW_VERDICT_BACK);
    if (rows[i].wanted) CHECK(gw_stand_eq(j.to, canary(50000)));
  }
  /* min_compared binds where the parity asked is low. */
  gw_ramp_policy low = policy;
  low.min_parity = 500000;
  CHECK_INT(gw_ramp_judge(&low, canary(10000), &(gw_ramp_figures){ 600000, 999, 999 }).verdict,
            GW_VERDICT_STAY);
  CHECK_INT(gw_ramp_judge(&low, canary(10000), &(gw_ramp_figures){ 600000, 1000, 1000 }).verdict,
            GW_VERDICT_ON);
}

TEST(ramp, never_goes_on_without_a_comparison) {
  gw_ramp_policy lax = { .steps = { 500000 }, .step_count = 1 };
  gw_ramp_figures figures = { .since_ms = 1000000000 };
  CHECK_INT(gw_ramp_judge(&lax, gw_stand_of(GW_STAGE_SHADOW, 0), &figures).verdict,
            GW_VERDICT_STAY);
}

TEST(ramp, says_why) {
  gw_ramp_figures figures = { 600000, 10000, 9999 };
  gw_judgement j = gw_ramp_judge(&policy, canary(10000), &figures);
  CHECK_STR(gw_str_of(j.why),
            "9999 of 10000 equal in 600s, so that parity is above 99.943%, at least 99.9%");
}
