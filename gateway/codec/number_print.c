#include <stdlib.h>

#include "codec/digits.h"
#include "codec/number.h"

#include "codec/number_powers.h"
#include <stdio.h>
#include <stdlib.h>

/* Shortest digits by Schubfach: Raffaello Giulietti, "The Schubfach way to render doubles".
 * A value v = c * 2^q lies between the bounds of its rounding interval; with k chosen so that 10^k
 * fits into the interval but 10^(k+1) needs luck, the candidates are the two multiples of each that
 * enclose v.  All is done on 4v and its bounds, scaled by 10^-k and rounded to odd, so that the
 * lowest bit remembers what was cut. */

#define DOUBLE_FRACTION_BITS 52
#define DOUBLE_HIDDEN_BIT    (1ull << DOUBLE_FRACTION_BITS)
#define DOUBLE_BIAS          (1023 + DOUBLE_FRACTION_BITS)
#define FLOAT_FRACTION_BITS  23
#define FLOAT_HIDDEN_BIT     (1u << FLOAT_FRACTION_BITS)
#define FLOAT_BIAS           (127 + FLOAT_FRACTION_BITS)
#define PLAIN_DIGITS_MAX     21 /* below 1e21 plain notation */
#define PLAIN_ZEROS_MAX      6  /* from 1e-6 plain notation: 5 zeros behind the point */

static inline void eight_store(uint64_t digits, char *out) {
  gw_digits_store(digits | 0x3030303030303030ull, out);
}

/* Without leading zeros; may write 8 bytes. */
static inline size_t up_to_eight_write(uint32_t value, char *out) {
  uint64_t digits = gw_digits_of(value);
  unsigned zeros = (unsigned)__builtin_ctzll(digits | 1ull << 56) / 8;
  eight_store(digits >> (zeros * 8), out);
  return 8 - zeros;
}

/* As up_to_eight_write() below 10^4, in half of the steps. */
static inline size_t up_to_four_write(uint32_t value, char *out) {
  uint32_t hundreds = value * 10486 >> 20;
  uint32_t twos = hundreds | (value - hundreds * 100) << 16;
  uint32_t tens = (twos * 103 >> 10) & 0x000F000F;
  uint32_t digits = tens | (twos - tens * 10) << 8;
  unsigned zeros = (unsigned)__builtin_ctz(digits | 1u << 24) / 8;
  digits = (digits | 0x30303030) >> (zeros * 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  digits = __builtin_bswap32(digits);
#endif
  memcpy(out, &digits, 4);
  return 4 - zeros;
}

size_t gw_number_print_u64(uint64_t value, char *out) {
  if (value < 10) {
    out[0] = (char)('0' + value);
    return 1;
  }
  if (value < 10000) return up_to_four_write((uint32_t)value, out);
  if (value < 100000000) return up_to_eight_write((uint32_t)value, out);
  uint64_t high = value / 100000000;
  size_t n = 0;
  if (high < 100000000) {
    n = up_to_eight_write((uint32_t)high, out);
  } else {
    n = up_to_eight_write((uint32_t)(high / 100000000), out);
    eight_store(gw_digits_of((uint32_t)(high % 100000000)), out + n);
    n += 8;
  }
  eight_store(gw_digits_of((uint32_t)(value % 100000000)), out + n);
  return n + 8;
}

/* Without a branch on the sign, which in a list of numbers nothing can predict. */
size_t gw_number_print_i64(int64_t value, char *out) {
  uint64_t sign = (uint64_t)value >> 63;
  out[0] = '-';
  return sign + gw_number_print_u64(((uint64_t)value ^ (0 - sign)) + sign, out + sign);
}

/* ---- the layout ---- */

typedef struct decimal {
  uint64_t digits;
  int exponent; /* of ten */
} decimal;

/* The shortest digits end in no zero; Schubfach itself drops at most one. */
static decimal decimal_trim(decimal d) {
  static const uint32_t powers[] = { 100000000, 10000, 100, 10 };
  int zeros = 8;
  if (GW_LIKELY(d.digits % 10 != 0)) return d;
  for (size_t i = 0; i < GW_COUNT_OF(powers); i++, zeros /= 2) {
    while (d.digits % powers[i] == 0) {
      d.digits /= powers[i];
      d.exponent += zeros;
    }
  }
  return d;
}

static size_t exponent_write(int exponent, char *out) {
  size_t n = 0;
  out[n++] = 'e';
  out[n++] = exponent < 0 ? '-' : '+';
  return n + gw_number_print_u64((uint64_t)abs(exponent), out + n);
}

/* d.digits is neither 0 nor divisible by 10.  Copies are of fixed size where `out` has the room:
 * digits that do not belong there are overwritten or not counted. */
static size_t decimal_write(decimal d, char *out) {
  char digits[GW_NUMBER_TEXT_MAX];
  int count = (int)gw_number_print_u64(d.digits, digits);
  int point = count + d.exponent; /* value = 0.DIGITS * 10^point */
  if (point > 0 && point <= PLAIN_DIGITS_MAX) {
    memcpy(out, digits, 20);
    if (d.exponent >= 0) {
      memset(out + count, '0', (size_t)d.exponent);
      return (size_t)point;
    }
    out[point] = '.';
    if (point <= 8) {
      memcpy(out + point + 1, digits + point, 16);
    } else {
      memcpy(out + point + 1, digits + point, 8);
    }
    return (size_t)count + 1;
  }
  if (point <= 0 && point > -PLAIN_ZEROS_MAX) {
    memcpy(out, "0.00000", 7);
    memcpy(out + 2 - point, digits, 20);
    return (size_t)(2 - point + count);
  }
  out[0] = digits[0];
  out[1] = '.';
  memcpy(out + 2, digits + 1, 16);
  size_t n = count == 1 ? 1 : (size_t)count + 1;
  return n + exponent_write(point - 1, out + n);
}

/* ---- Schubfach ---- */

static inline int floor_log10_pow2(int e) {
  return (e * 1262611) >> 22;
}

static inline int floor_log10_three_quarters_pow2(int e) {
  return (e * 1262611 - 524031) >> 22;
}

/* The table's rows are cut; Schubfach wants them rounded up. */
static inline void power_rounded_up(int e, uint64_t *high, uint64_t *low) {
  const uint64_t *row = gw_number_powers[e - GW_NUMBER_POWER_MIN];
  uint64_t up = e < 0 || e > 55 ? 1 : 0;
  *low = row[1] + up;
  *high = row[0] + (*low < up ? 1 : 0);
}

static inline uint64_t round_to_odd_128(uint64_t high, uint64_t low, uint64_t factor) {
  __uint128_t x = (__uint128_t)low * factor;
  __uint128_t y = (__uint128_t)high * factor + (uint64_t)(x >> 64);
  return (uint64_t)(y >> 64) | ((uint64_t)y > 1 ? 1 : 0);
}

static inline uint64_t round_to_odd_64(uint64_t power, uint32_t factor) {
  __uint128_t x = (__uint128_t)power * factor;
  return (uint64_t)(x >> 64) | ((uint32_t)(x >> 32) > 1 ? 1 : 0);
}

/* lower, middle, upper: four times the scaled bounds and value.  `open`: the bounds themselves
 * round elsewhere, because the significand is odd. */
static decimal schubfach_choose(uint64_t lower, uint64_t middle, uint64_t upper, uint64_t open,
                                int k) {
  uint64_t s = middle / 4;
  lower += open;
  upper -= open;
  if (s >= 10) {
    uint64_t tens = s / 10;
    bool down_inside = lower <= 40 * tens, up_inside = 40 * tens + 40 <= upper;
    if (down_inside != up_inside) return (decimal){ tens + (up_inside ? 1 : 0), k + 1 };
  }
  bool down_inside = lower <= 4 * s, up_inside = 4 * s + 4 <= upper;
  if (down_inside != up_inside) return (decimal){ s + (up_inside ? 1 : 0), k };
  uint64_t half = 4 * s + 2;
  bool up = middle > half || (middle == half && (s & 1) != 0);
  return (decimal){ s + (up ? 1 : 0), k };
}

static decimal schubfach_double(uint64_t fraction, int biased) {
  uint64_t c = biased != 0 ? fraction | DOUBLE_HIDDEN_BIT : fraction;
  int q = (biased != 0 ? biased : 1) - DOUBLE_BIAS;
  bool lower_closer = fraction == 0 && biased > 1;
  int k = lower_closer ? floor_log10_three_quarters_pow2(q) : floor_log10_pow2(q);
  int shift = q + gw_number_power_shift(-k) + 1;
  uint64_t high, low;
  power_rounded_up(-k, &high, &low);
  uint64_t lower = round_to_odd_128(high, low, (4 * c - (lower_closer ? 1 : 2)) << shift);
  uint64_t middle = round_to_odd_128(high, low, 4 * c << shift);
  uint64_t upper = round_to_odd_128(high, low, (4 * c + 2) << shift);
  return schubfach_choose(lower, middle, upper, c & 1, k);
}

static decimal schubfach_float(uint32_t fraction, int biased) {
  uint32_t c = biased != 0 ? fraction | FLOAT_HIDDEN_BIT : fraction;
  int q = (biased != 0 ? biased : 1) - FLOAT_BIAS;
  bool lower_closer = fraction == 0 && biased > 1;
  int k = lower_closer ? floor_log10_three_quarters_pow2(q) : floor_log10_pow2(q);
  int shift = q + gw_number_power_shift(-k) + 1;
  uint64_t high, low;
  power_rounded_up(-k, &high, &low);
  uint64_t power = high + (low != 0 ? 1 : 0);
  uint64_t lower = round_to_odd_64(power, (4 * c - (lower_closer ? 1 : 2)) << shift);
  uint64_t middle = round_to_odd_64(power, 4 * c << shift);
  uint64_t upper = round_to_odd_64(power, (4 * c + 2) << shift);
  return schubfach_choose(lower, middle, upper, c & 1, k);
}

/* Prices, coordinates and the like: at most 6 digits behind the point and 15 in all.  Decimals of
 * up to 15 digits lie further apart than doubles, so one that reads back as `value` is the only one
 * and, without its zeros, the shortest.  0: not of this kind. */
static size_t short_decimal_write(double value, char *out) {
  if (!(value >= 1e-6 && value < 1e9)) return 0;
  uint64_t millionths = (uint64_t)(value * 1e6 + 0.5);
  if ((double)millionths / 1e6 != value) return 0;
  size_t n = gw_number_print_u64(millionths / 1000000, out);
  uint64_t rest = millionths % 1000000;
  if (rest == 0) return n;
  out[n] = '.';
  uint64_t digits = gw_digits_of((uint32_t)rest) >> 16;
  eight_store(digits, out + n + 1);
  return n + 1 + 8 - (unsigned)__builtin_clzll(digits) / 8;
}

size_t gw_number_print_double(double value, char *out) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  size_t sign = (size_t)(bits >> 63);
  if (sign != 0) *out++ = '-';
  uint64_t fraction = bits & (DOUBLE_HIDDEN_BIT - 1);
  int biased = (int)(bits >> DOUBLE_FRACTION_BITS & 0x7FF);
  if (biased == 0 && fraction == 0) {
    *out = '0';
    return sign + 1;
  }
  size_t n = short_decimal_write(sign != 0 ? -value : value, out);
  if (n == 0) n = decimal_write(decimal_trim(schubfach_double(fraction, biased)), out);
  return sign + n;
}

size_t gw_number_print_float(float value, char *out) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  size_t sign = bits >> 31;
  if (sign != 0) *out++ = '-';
  uint32_t fraction = bits & (FLOAT_HIDDEN_BIT - 1);
  int biased = (int)(bits >> FLOAT_FRACTION_BITS & 0xFF);
  if (biased == 0 && fraction == 0) {
    *out = '0';
    return sign + 1;
  }
  return sign + decimal_write(decimal_trim(schubfach_float(fraction, biased)), out);
}

/* ---- as printf() does ---- */

size_t gw_number_print_double_c(double value, char *out) {
  int n = snprintf(out, GW_NUMBER_TEXT_MAX, "%.15g", value);
  if (strtod(out, NULL) != value) n = snprintf(out, GW_NUMBER_TEXT_MAX, "%.17g", value);
  return (size_t)n;
}

size_t gw_number_print_float_c(float value, char *out) {
  int n = snprintf(out, GW_NUMBER_TEXT_MAX, "%.6g", (double)value);
  if (strtof(out, NULL) != value) n = snprintf(out, GW_NUMBER_TEXT_MAX, "%.9g", (double)value);
  return (size_t)n;
}
