#include "migrate/window.h"

#include "unit/test.h"

typedef struct fixture {
  gw_window window;
  gw_live_sums sums, got;
} fixture;

static fixture *fixture_new(uint64_t now_ms) {
  fixture *f = calloc(1, sizeof *f);
  gw_window_begin(&f->window, &f->sums, now_ms);
  return f;
}

static uint64_t look(fixture *f, uint64_t now_ms) {
  gw_window_look(&f->window, &f->sums, 30000, now_ms);
  uint64_t covered_ms = gw_window_get(&f->window, &f->got);
  CHECK(covered_ms <= 30000);
  return covered_ms;
}

TEST(window, counts_from_its_beginning) {
  fixture *f = calloc(1, sizeof *f);
  f->sums.fallbacks = 1000;
  gw_window_begin(&f->window, &f->sums, 5000);
  CHECK_INT(look(f, 5000), 0);
  CHECK_INT(f->got.fallbacks, 0);
  f->sums.fallbacks += 3;
  f->sums.sides[GW_SIDE_GRPC].buckets[5] += 4;
  CHECK_INT(look(f, 5100), 100);
  CHECK_INT(f->got.fallbacks, 3);
  CHECK_INT(f->got.sides[GW_SIDE_GRPC].buckets[5], 4);
  free(f);
}

/* One event a look: what the window holds are the looks of its time, less at most a slot. */
TEST(window, slides) {
  fixture *f = fixture_new(1000);
  for (uint64_t ms = 100; ms <= 300000; ms += 100) {
    f->sums.shadows++;
    uint64_t covered_ms = look(f, 1000 + ms);
    CHECK_INT(f->got.shadows, covered_ms / 100);
    if (ms <= 30000) CHECK_INT(covered_ms, ms);
    if (ms > 30000) CHECK(covered_ms > 29000);
  }
  free(f);
}

TEST(window, forgets_what_is_older) {
  fixture *f = fixture_new(0);
  look(f, 100);
  f->sums.sides[GW_SIDE_GRPC].errors = 500;
  for (uint64_t ms = 200; ms <= 29000; ms += 100) {
    look(f, ms);
    CHECK_INT(f->got.sides[GW_SIDE_GRPC].errors, 500);
  }
  for (uint64_t ms = 29100; ms <= 31300; ms += 100)
    look(f, ms);
  CHECK_INT(f->got.sides[GW_SIDE_GRPC].errors, 0);
  free(f);
}

/* The main thread may be late: what came meanwhile counts, once. */
TEST(window, bears_a_gap) {
  fixture *f = fixture_new(0);
  for (uint64_t ms = 100; ms <= 40000; ms += 100)
    look(f, ms);
  f->sums.shadows = 70;
  gw_window_look(&f->window, &f->sums, 30000, 200000);
  CHECK(gw_window_get(&f->window, &f->got) >= 160000);
  CHECK_INT(f->got.shadows, 70);
  f->sums.shadows = 71;
  look(f, 200100);
  CHECK_INT(f->got.shadows, 1);
  free(f);
}

TEST(window, counters_that_begin_anew_do_not_underflow) {
  fixture *f = fixture_new(0);
  f->sums.shadows = 1000;
  look(f, 100);
  f->sums.shadows = 7; /* and not 2^64 - 993 */
  look(f, 200);
  CHECK_INT(f->got.shadows, 1007);
  f->sums.shadows = 9;
  look(f, 300);
  CHECK_INT(f->got.shadows, 1009);
  free(f);
}

TEST(window, bears_another_length) {
  fixture *f = fixture_new(0);
  for (uint64_t ms = 100; ms <= 30000; ms += 100) {
    f->sums.shadows++;
    look(f, ms);
  }
  gw_window_look(&f->window, &f->sums, 5000, 30100);
  CHECK(gw_window_get(&f->window, &f->got) <= 5000);
  CHECK(f->got.shadows >= 40 && f->got.shadows <= 50);
  for (uint64_t ms = 30200; ms <= 400000; ms += 100) {
    f->sums.shadows++;
    gw_window_look(&f->window, &f->sums, 100000, ms);
    CHECK(gw_window_get(&f->window, &f->got) <= 100000);
  }
  CHECK(f->got.shadows > 960);
  free(f);
}

TEST(window, bears_a_clock_that_stands_still_or_goes_back) {
  fixture *f = fixture_new(5000);
  for (int i = 0; i < 100; i++) {
    f->sums.shadows++;
    look(f, 5000);
    look(f, 4000);
  }
  CHECK_INT(f->got.shadows, 100);
  free(f);
}
