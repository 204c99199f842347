/* number_powers: the powers of ten that reading and printing of floating point share.
 * Row e - GW_NUMBER_POWER_MIN holds the leading 128 bits of 10^e, cut and not rounded, as
 * { high 64 bits, low 64 bits }; the highest bit is set.  Exact for e in [0, 55].  With
 *   s = gw_number_power_shift(e),   10^e = (high * 2^64 + low + fraction) * 2^(s - 127),
 * 0 <= fraction < 1.  The .c file is made by tests/unit/codec/make_powers.py.
 * Constant data; any thread. */
#pragma once

#include "base/base.h"

#define GW_NUMBER_POWER_MIN (-342)
#define GW_NUMBER_POWER_MAX 324

extern const uint64_t gw_number_powers[GW_NUMBER_POWER_MAX - GW_NUMBER_POWER_MIN + 1][2];

/* floor(log2(10^e)), exact in the table's range. */
static inline int gw_number_power_shift(int e) {
  return (e * 217706) >> 16;
}
