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
#define DECIMAL_DIGITS       17
#define DECIMAL_MIN          10000000000000000ull /* of so many digits */

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
  uint32_t twos = (value << 16) - hundreds * ((100 << 16) - 1);
  uint32_t tens = (twos * 103 >> 10) & 0x000F000F;
  uint32_t digits = (twos << 8) - tens * ((10 << 8) - 1);
  unsigned zeros = (unsigned)__builtin_ctz(digits | 1u << 24) / 8;
  digits = (digits | 0x30303030) >> (zeros * 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  digits = __builtin_bswap32(digits);
#endif
  memcpy(out, &digits, 4);
  return 4 - zeros;
}

static inline size_t below_eight_write(uint32_t value, char *out) {
  return value < 10000 ? up_to_four_write(value, out) : up_to_eight_write(value, out);
}

size_t gw_number_print_u64(uint64_t value, char *out) {
  if (value < 10) {
    out[0] = (char)('0' + value);
    return 1;
  }
  if (value < 100000000) return below_eight_write((uint32_t)value, out);
  uint64_t high = value / 100000000, low = value - high * 100000000;
  size_t n = 0;
  if (high < 100000000) {
    n = below_eight_write((uint32_t)high, out);
  } else {
    uint64_t highest = high / 100000000; /* below 1845 */
    n = up_to_four_write((uint32_t)highest, out);
    eight_store(gw_digits_of((uint32_t)(high - highest * 100000000)), out + n);
    n += 8;
  }
  eight_store(gw_digits_of((uint32_t)low), out + n);
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

static size_t exponent_write(int exponent, char *out) {
  size_t n = 0;
  out[n++] = 'e';
  out[n++] = exponent < 0 ? '-' : '+';
  return n + gw_number_print_u64((uint64_t)abs(exponent), out + n);
}

/* The same value with all 17 digits, zeros at the end.  Schubfach gives 16 or 17 of them, fewer
 * only for a subnormal one. */
static inline decimal decimal_fill(decimal d) {
  if (d.digits < DECIMAL_MIN) d = (decimal){ d.digits * 10, d.exponent - 1 };
  while (GW_UNLIKELY(d.digits < DECIMAL_MIN)) {
    d = (decimal){ d.digits * 10, d.exponent - 1 };
  }
  return d;
}

/* The digits of a decimal: the first one, and eight and eight as gw_digits_of() gives them, but as
 * text.  What is laid out comes from here, never from bytes that were just written: those are slow
 * to read until they are in the cache. */
typedef struct decimal_text {
  char first;
  uint64_t middle, last;
  int count; /* without the zeros at the end */
} decimal_text;

static inline decimal_text decimal_text_of(uint64_t digits) {
  uint64_t high = digits / 100000000;
  uint32_t first = (uint32_t)(high / 100000000);
  uint64_t middle = gw_digits_of((uint32_t)high - first * 100000000);
  uint64_t last = gw_digits_of((uint32_t)(digits - high * 100000000));
  int zeros = last != 0 ? __builtin_clzll(last) / 8 : 8 + __builtin_clzll(middle | 1) / 8;
  if (GW_UNLIKELY((last | middle) == 0)) zeros = DECIMAL_DIGITS - 1;
  return (decimal_text){ (char)('0' + first), middle | 0x3030303030303030ull,
                         last | 0x3030303030303030ull, DECIMAL_DIGITS - zeros };
}

static inline void decimal_store(const decimal_text *text, char *first, char *rest) {
  *first = text->first;
  gw_digits_store(text->middle, rest);
  gw_digits_store(text->last, rest + 8);
}

/* With the point behind `point` digits, 0 < point < DECIMAL_DIGITS: all are stored where they stand
 * before the point, and those behind it once more. */
static inline size_t decimal_point_write(const decimal_text *text, int point, char *out) {
  decimal_store(text, out, out + 1);
  char *behind = out + point + 1;
  if (point <= 8) {
    gw_digits_store(text->middle >> 8 * (point - 1), behind);
    gw_digits_store(text->last, out + 10);
  } else {
    gw_digits_store(text->last >> 8 * (point - 9), behind);
  }
  out[point] = '.';
  return (size_t)text->count + 1;
}

/* d.digits is not 0.  Copies are of fixed size where `out` has the room: digits that do not belong
 * there are overwritten or not counted. */
static size_t decimal_write(decimal d, char *out) {
  d = decimal_fill(d);
  const decimal_text text = decimal_text_of(d.digits);
  int point = DECIMAL_DIGITS + d.exponent; /* value = 0.DIGITS * 10^point */
  if (point > 0 && point <= PLAIN_DIGITS_MAX) {
    if (text.count > point) return decimal_point_write(&text, point, out);
    decimal_store(&text, out, out + 1);
    memcpy(out + DECIMAL_DIGITS, "0000", PLAIN_DIGITS_MAX - DECIMAL_DIGITS);
    return (size_t)point;
  }
  if (point <= 0 && point > -PLAIN_ZEROS_MAX) {
    memcpy(out, "0.00000", 7);
    out += 2 - point;
    decimal_store(&text, out, out + 1);
    return (size_t)(2 - point + text.count);
  }
  decimal_store(&text, out, out + 2);
  out[1] = '.';
  size_t n = text.count == 1 ? 1 : (size_t)text.count + 1;
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
static inline size_t short_decimal_write(double value, char *out) {
  if (!(value >= 1e-6 && value < 1e8)) return 0;
  uint64_t millionths = (uint64_t)(int64_t)(value * 1e6 + 0.5);
  if ((double)(int64_t)millionths / 1e6 != value) return 0;
  uint32_t whole = (uint32_t)(millionths / 1000000);
  uint32_t rest = (uint32_t)millionths - whole * 1000000;
  size_t n = below_eight_write(whole, out);
  if (rest == 0) return n;
  out[n] = '.';
  uint64_t digits = gw_digits_of(rest) >> 16;
  eight_store(digits, out + n + 1);
  return n + 1 + 8 - (unsigned)__builtin_clzll(digits) / 8;
}

/* Not inline: the short way needs no registers to be saved. */
static __attribute__((noinline)) size_t long_decimal_write(uint64_t fraction, int biased,
                                                           char *out) {
  return decimal_write(schubfach_double(fraction, biased), out);
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
  if (n == 0) n = long_decimal_write(fraction, biased, out);
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
  decimal d = schubfach_float(fraction, biased);
  return sign + decimal_write((decimal){ d.digits * 100000000, d.exponent - 8 }, out);
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
