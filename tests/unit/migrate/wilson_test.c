#include "migrate/wilson.h"

#include <math.h>

#include "unit/test.h"

static bool is_near(double got, double wanted) {
  return fabs(got - wanted) < 5e-5; /* as the tables print: four digits */
}

/* By hand: (k/n + z^2/2n - z sqrt(k/n (1 - k/n) / n + z^2/4n^2)) / (1 + z^2/n), z = 1.96; 81 of 263
 * and 15 of 148 are the examples of Newcombe's paper on single proportions (1998). */
TEST(wilson, low_is_that_of_the_formula) {
  static const struct {
    uint64_t equal, all;
    double wanted;
  } rows[] = {
    { 0, 0, 0 },
    { 0, 1, 0 },
    { 0, 1000000000, 0 },
    { 1, 1, 1 / 4.8416 }, /* n / (n + z^2) */
    { 10, 10, 10 / 13.8416 },
    { 1000, 1000, 1000 / 1003.8416 },
    { 50, 100, 0.4038 },
    { 81, 263, 0.2553 },
    { 15, 148, 0.0624 },
    { 1, 50, 0.0035 },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    double got = gw_wilson_low(rows[i].equal, rows[i].all);
    if (!is_near(got, rows[i].wanted)) fail_msg("row %zu: %g", i, got);
  }
  CHECK(is_near(gw_wilson_share_high((gw_share_sample){ 81, 263 }, GW_WILSON_95), 0.3662));
  CHECK(is_near(gw_wilson_share_high((gw_share_sample){ 15, 148 }, GW_WILSON_95), 0.1605));
  CHECK(gw_wilson_share_high((gw_share_sample){ 0, 0 }, GW_WILSON_95) == 1);
  CHECK(gw_wilson_share_high((gw_share_sample){ 7, 7 }, GW_WILSON_95) == 1);
  /* What docs/guard.md says of 99.9 %. */
  CHECK(gw_wilson_low(3837, 3837) < 0.999);
  CHECK(gw_wilson_low(3838, 3838) >= 0.999);
}

TEST(wilson, low_stays_below_the_share_and_grows_with_the_sample) {
  for (uint64_t k = 1; k < 100; k++) {
    double before = 0;
    for (uint64_t scale = 1; scale <= 1000000; scale *= 10) {
      double low = gw_wilson_low(k * scale, 100 * scale);
      CHECK(low > before && low < (double)k / 100);
      CHECK(gw_wilson_share_high((gw_share_sample){ (double)(k * scale), 100.0 * (double)scale },
                                 GW_WILSON_95) > (double)k / 100);
      before = low;
    }
  }
}

/* The table of method 10 in Newcombe's paper on the difference (1998). */
TEST(wilson, excess_is_newcombes) {
  static const struct {
    gw_share_sample a, b;
    double wanted;
  } rows[] = {
    { { 56, 70 }, { 48, 80 }, 0.0524 }, { { 9, 10 }, { 3, 10 }, 0.1705 },
    { { 10, 10 }, { 0, 20 }, 0.6791 },  { { 10, 10 }, { 0, 10 }, 0.6075 },
    { { 5, 56 }, { 0, 29 }, -0.0381 },  { { 0, 10 }, { 0, 20 }, -0.1611 },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    double got = gw_wilson_excess_low(rows[i].a, rows[i].b, GW_WILSON_95);
    if (!is_near(got, rows[i].wanted)) fail_msg("row %zu: %g", i, got);
  }
}
