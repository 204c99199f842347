/* wilson: what a sample says of the share behind it: bounds of a confidence interval.
 * One share: E. B. Wilson, Journal of the American Statistical Association 22 (1927).  The
 * difference of two: R. G. Newcombe, Statistics in Medicine 17 (1998) 873, method 10, which is made
 * of Wilson's bounds of both.  Counts may be parts of one, where they are interpolated.
 * Pure; any thread. */
#pragma once

#include "base/base.h"

/* How sure: the normal distribution's quantile for what is left out at both ends. */
#define GW_WILSON_95  1.96
#define GW_WILSON_999 3.29 /* 99.9 % */

typedef struct gw_share_sample {
  double hits, all; /* 0 <= hits <= all */
} gw_share_sample;

double gw_wilson_share_low(gw_share_sample sample, double z);  /* 0 for an empty one */
double gw_wilson_share_high(gw_share_sample sample, double z); /* 1 for an empty one */
/* The lower bound of a's share minus b's; -1 .. 1. */
double gw_wilson_excess_low(gw_share_sample a, gw_share_sample b, double z);

/* The lower bound for `equal` of `all` at 95 %; 0 for none. */
double gw_wilson_low(uint64_t equal, uint64_t all);
