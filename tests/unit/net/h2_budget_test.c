/* What an HTTP/2 peer may send that nobody needs (RELIABILITY, "Default limits"). */
#include "net/h2_budget.h"
#include "unit/test.h"

TEST(h2_budget, a_burst_of_settings_and_then_two_a_second) {
  gw_h2_budget b = { 0 };
  uint64_t now = 1000000;
  for (uint32_t i = 0; i < GW_H2_CALM_BURST; i++)
    gw_h2_budget_settings(&b, now);
  for (int second = 0; second < 1000; second++) {
    now += 500;
    gw_h2_budget_settings(&b, now);
    now += 500;
    gw_h2_budget_settings(&b, now);
  }
  CHECK(!b.is_flooded);
  gw_h2_budget_settings(&b, now + 499);
  CHECK(b.is_flooded);
}

TEST(h2_budget, silence_earns_no_more_than_a_burst) {
  gw_h2_budget b = { 0 };
  gw_h2_budget_settings(&b, 1);
  for (uint32_t i = 0; i < GW_H2_CALM_BURST; i++)
    gw_h2_budget_settings(&b, 1u << 30);
  CHECK(!b.is_flooded);
  gw_h2_budget_settings(&b, 1u << 30);
  CHECK(b.is_flooded);
}

TEST(h2_budget, pings_behind_data_are_free_acknowledgements_are_not) {
  gw_h2_budget b = { .data_sent = 500, .data_received = 500 };
  for (int i = 0; i < 1000; i++)
    gw_h2_budget_ping(&b, false, 5);
  for (uint32_t i = 0; i < GW_H2_CALM_BURST; i++)
    gw_h2_budget_ping(&b, i % 2 == 0, 5);
  CHECK(!b.is_flooded);
  gw_h2_budget_ping(&b, true, 5);
  CHECK(b.is_flooded);
}

TEST(h2_budget, pings_and_settings_do_not_share) {
  gw_h2_budget b = { 0 };
  for (uint32_t i = 0; i < GW_H2_CALM_BURST; i++) {
    gw_h2_budget_ping(&b, false, 5);
    gw_h2_budget_settings(&b, 5);
  }
  CHECK(!b.is_flooded);
}

TEST(h2_budget, window_updates_follow_the_data_that_was_sent) {
  gw_h2_budget b = { .data_sent = 7, .data_received = 1000000 };
  uint32_t max = GW_H2_WINDOW_UPDATES_FREE + 7 * GW_H2_WINDOW_UPDATES_PER_DATA;
  for (uint32_t i = 0; i < max; i++)
    gw_h2_budget_window_update(&b);
  CHECK(!b.is_flooded);
  gw_h2_budget_window_update(&b);
  CHECK(b.is_flooded);
}

TEST(h2_budget, priorities_follow_the_streams) {
  gw_h2_budget b = { .streams = 3 };
  for (uint32_t i = 0; i < 4 * GW_H2_PRIORITIES_PER_STREAM; i++)
    gw_h2_budget_priority(&b);
  CHECK(!b.is_flooded);
  gw_h2_budget_priority(&b);
  CHECK(b.is_flooded);
}

TEST(h2_budget, glitches_wear_and_then_flood) {
  gw_h2_budget b = { 0 };
  for (uint32_t i = 1; i <= GW_H2_GLITCHES_MAX; i++) {
    gw_h2_budget_glitch(&b);
    CHECK(gw_h2_budget_is_worn(&b) == (i >= GW_H2_GLITCHES_WORN));
    CHECK(!b.is_flooded);
  }
  gw_h2_budget_glitch(&b);
  CHECK(b.is_flooded);
}
