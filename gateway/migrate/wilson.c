#include "migrate/wilson.h"

#include <math.h>

typedef struct wilson_interval {
  double low, share, high;
} wilson_interval;

static wilson_interval wilson_of(gw_share_sample sample, double z) {
  if (sample.all <= 0) return (wilson_interval){ 0, 0, 1 };
  const double square = z * z;
  double n = sample.all, share = sample.hits / n;
  double centre = share + square / (2 * n);
  double half = z * sqrt(share * (1 - share) / n + square / (4 * n * n));
  double whole = 1 + square / n;
  /* At the ends rounding would step over them. */
  return (wilson_interval){ .low = sample.hits > 0 ? fmax(0, (centre - half) / whole) : 0,
                            .share = share,
                            .high = sample.hits < n ? fmin(1, (centre + half) / whole) : 1 };
}

double gw_wilson_share_low(gw_share_sample sample, double z) {
  return wilson_of(sample, z).low;
}

double gw_wilson_share_high(gw_share_sample sample, double z) {
  return wilson_of(sample, z).high;
}

double gw_wilson_excess_low(gw_share_sample a, gw_share_sample b, double z) {
  wilson_interval of_a = wilson_of(a, z), of_b = wilson_of(b, z);
  return of_a.share - of_b.share - hypot(of_a.share - of_a.low, of_b.high - of_b.share);
}

double gw_wilson_low(uint64_t equal, uint64_t all) {
  return gw_wilson_share_low((gw_share_sample){ (double)equal, (double)all }, GW_WILSON_95);
}
