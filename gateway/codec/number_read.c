#include <stdio.h>
#include <stdlib.h>

#include "codec/digits.h"
#include "codec/number.h"
#include "codec/number_powers.h"

#define NUMBER_DIGITS_MAX   19     /* significant decimal digits that always fit 64 bits */
#define NUMBER_EXPONENT_MAX 100000 /* of ten; far outside what any type holds */

/* No double or midpoint of two has more than 767 significant digits: behind these a single 1 stands
 * for whatever follows. */
#define NUMBER_SLOW_DIGITS_MAX 800

/* The two formats of IEEE 754 that protobuf has. */
typedef struct number_format {
  int mantissa_bits; /* the implicit one included */
  int exponent_bias;
  uint64_t exponent_all_ones;
} number_format;

static const number_format number_double = { 53, 1023, 0x7FF };
static const number_format number_float = { 24, 127, 0xFF };

static inline bool number_is_digit(char c) {
  return (unsigned char)(c - '0') < 10;
}

/* ---- text -> parts ----------------------------------------------------------------------------*/

/* Reads "e+12" at p if it stands there; otherwise leaves p alone. */
static const char *number_scan_exponent(const char *p, const char *end, int32_t *exponent) {
  const char *q = p + 1;
  bool negative = q < end && *q == '-';
  if (q < end && (*q == '-' || *q == '+')) q++;
  if (q == end || !number_is_digit(*q)) return p;
  int32_t value = 0;
  for (; q < end && number_is_digit(*q); q++) {
    if (value < NUMBER_EXPONENT_MAX) value = value * 10 + (*q - '0');
  }
  *exponent = negative ? -value : value;
  return q;
}

/* More than 19 digits: keeps the first 19 significant ones. `mantissa` is the text from the first
 * digit to the exponent, `point_n` the digits before the point. */
static void number_cut(gw_number *out, gw_str mantissa, size_t point_n) {
  uint64_t digits = 0;
  int kept = 0;
  size_t seen = 0; /* digits passed, leading zeros too */
  for (size_t i = 0; i < mantissa.n && kept < NUMBER_DIGITS_MAX; i++) {
    if (mantissa.p[i] == '.') continue;
    seen++;
    digits = digits * 10 + (uint64_t)(mantissa.p[i] - '0');
    if (digits != 0) kept++;
  }
  size_t total = mantissa.n - (memchr(mantissa.p, '.', mantissa.n) != NULL ? 1 : 0);
  out->digits = digits;
  out->inexact = seen < total;
  int64_t shift = (int64_t)point_n - (int64_t)seen + out->exponent;
  int64_t max = NUMBER_EXPONENT_MAX;
  out->exponent = (int32_t)(shift > max ? max : shift < -max ? -max : shift);
}

bool gw_number_scan(gw_str s, gw_number *out) {
  if (s.n == 0) return false;
  const char *p = s.p, *end = s.p + s.n;
  bool negative = *p == '-';
  if (negative) p++;
  if (p == end || !number_is_digit(*p)) return false;
  const char *first = p;
  uint64_t digits = 0;
  if (*p == '0') {
    p++;
  } else {
    for (; p < end && number_is_digit(*p); p++)
      digits = digits * 10 + (uint64_t)(*p - '0');
  }
  size_t point_n = (size_t)(p - first), fraction_n = 0;
  if (p + 1 < end && *p == '.' && number_is_digit(p[1])) {
    const char *point = p++;
    for (; p < end && number_is_digit(*p); p++)
      digits = digits * 10 + (uint64_t)(*p - '0');
    fraction_n = (size_t)(p - point - 1);
  }
  const char *mantissa_end = p;
  int32_t exponent = 0;
  if (p < end && (*p == 'e' || *p == 'E')) p = number_scan_exponent(p, end, &exponent);
  *out = (gw_number){ .negative = negative,
                      .integral = fraction_n == 0 && p == mantissa_end,
                      .digits = digits,
                      .exponent = exponent,
                      .text = gw_str_from(s.p, p) };
  if (GW_UNLIKELY(point_n + fraction_n > NUMBER_DIGITS_MAX)) {
    number_cut(out, gw_str_from(first, mantissa_end), point_n);
  } else {
    out->exponent -= (int32_t)fraction_n;
  }
  return true;
}

/* ---- integers ---------------------------------------------------------------------------------*/

/* Any number of digits: walks the text, digit by digit. */
static bool number_magnitude_slow(const gw_number *number, uint64_t *out) {
  gw_str text = number->text;
  const char *end = text.p + text.n, *p = text.p + (number->negative ? 1 : 0);
  const char *mantissa_end = p;
  int64_t before_point = -1, digit_count = 0;
  for (; mantissa_end < end && *mantissa_end != 'e' && *mantissa_end != 'E'; mantissa_end++) {
    if (*mantissa_end == '.') {
      before_point = digit_count;
    } else {
      digit_count++;
    }
  }
  int32_t exponent = 0;
  if (mantissa_end < end) number_scan_exponent(mantissa_end, end, &exponent);
  if (before_point < 0) before_point = digit_count;
  int64_t whole = before_point + exponent, seen = 0; /* digits that stand before the real point */
  uint64_t value = 0;
  for (; p < mantissa_end; p++) {
    if (*p == '.') continue;
    uint64_t digit = (uint64_t)(*p - '0');
    if (seen++ >= whole) {
      if (digit != 0) return false;
    } else if (__builtin_mul_overflow(value, 10u, &value) ||
               __builtin_add_overflow(value, digit, &value)) {
      return false;
    }
  }
  for (; seen < whole && value != 0; seen++) {
    if (__builtin_mul_overflow(value, 10u, &value)) return false;
  }
  *out = value;
  return true;
}

/* False: a fraction remains, or over 64 bits. */
static bool number_magnitude(const gw_number *number, uint64_t *out) {
  uint64_t value = number->digits;
  int32_t exponent = number->exponent;
  if (number->inexact) return number_magnitude_slow(number, out);
  if (value == 0) exponent = 0;
  for (; exponent > 0; exponent--) {
    if (__builtin_mul_overflow(value, 10u, &value)) return false;
  }
  for (; exponent < 0; exponent++) {
    if (value % 10 != 0) return false;
    value /= 10;
  }
  *out = value;
  return true;
}

gw_code gw_number_to_u64(const gw_number *number, uint64_t *out) {
  uint64_t value;
  if (!number_magnitude(number, &value)) return GW_BAD_VALUE;
  if (number->negative && value != 0) return GW_BAD_VALUE;
  *out = value;
  return GW_OK;
}

gw_code gw_number_to_i64(const gw_number *number, int64_t *out) {
  uint64_t value;
  if (!number_magnitude(number, &value)) return GW_BAD_VALUE;
  if (value > (uint64_t)INT64_MAX + (number->negative ? 1 : 0)) return GW_BAD_VALUE;
  *out = (int64_t)(number->negative ? 0 - value : value);
  return GW_OK;
}

/* ---- floating point ---------------------------------------------------------------------------*/

static const double number_exact_powers[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                              1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                              1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

/* What the digits before a point are worth when n follow it. */
static const uint64_t number_whole_powers[] = { 1,
                                                10,
                                                100,
                                                1000,
                                                10000,
                                                100000,
                                                1000000,
                                                10000000,
                                                100000000,
                                                1000000000,
                                                10000000000,
                                                100000000000,
                                                1000000000000,
                                                10000000000000,
                                                100000000000000,
                                                1000000000000000,
                                                10000000000000000,
                                                100000000000000000,
                                                1000000000000000000 };

/* Eisel and Lemire: digits * 10^exponent, rounded to nearest even, without sign.  False where 128
 * bits of the power do not decide, and for subnormal, infinite and far-off results.
 * Lemire, "Number parsing at a gigabyte per second" (2021), sections 5 to 8. */
static inline bool number_eisel_lemire(const number_format *format, uint64_t digits,
                                       int32_t exponent, uint64_t *bits) {
  if (exponent < GW_NUMBER_POWER_MIN || exponent > GW_NUMBER_POWER_MAX) return false;
  const uint64_t *power = gw_number_powers[exponent - GW_NUMBER_POWER_MIN];
  int zeros = __builtin_clzll(digits);
  digits <<= zeros;
  __uint128_t product = (__uint128_t)digits * power[0];
  uint64_t high = (uint64_t)(product >> 64), low = (uint64_t)product;
  int shift = 62 - format->mantissa_bits;
  uint64_t tail = ((uint64_t)1 << shift) - 1;
  /* The cut half of the power could still carry into the bits that are kept. */
  if ((high & tail) == tail && low + digits < low) {
    __uint128_t rest = (__uint128_t)digits * power[1];
    uint64_t carry = (uint64_t)(rest >> 64);
    if (low + carry < low) high++;
    low += carry;
    if ((high & tail) == tail && low == UINT64_MAX && (uint64_t)rest + digits < digits) {
      return false;
    }
  }
  int top = (int)(high >> 63);
  uint64_t mantissa = high >> (shift + top); /* one bit more than needed: it rounds */
  if (low == 0 && (high & tail) == 0 && (mantissa & 3) == 1) return false; /* half way, perhaps */
  mantissa = (mantissa + (mantissa & 1)) >> 1;
  int64_t biased = gw_number_power_shift(exponent) + 64 + format->exponent_bias - zeros - (top ^ 1);
  if (mantissa >> format->mantissa_bits != 0) {
    mantissa >>= 1;
    biased++;
  }
  if (biased <= 0 || biased >= (int64_t)format->exponent_all_ones) return false;
  uint64_t fraction = mantissa & (((uint64_t)1 << (format->mantissa_bits - 1)) - 1);
  *bits = (uint64_t)biased << (format->mantissa_bits - 1) | fraction;
  return true;
}

/* No bits of a number: a NaN in either format. */
#define NUMBER_UNDECIDED UINT64_MAX

/* Values, not a gw_number: one whose address is known is built in memory and read from there, which
 * costs a number on the way below a third of its time. */
static uint64_t number_bits(const number_format *format, uint64_t digits, int32_t exponent,
                            bool inexact) {
  uint64_t bits, above; /* what was cut lies between digits and digits + 1 */
  if (!number_eisel_lemire(format, digits, exponent, &bits)) return NUMBER_UNDECIDED;
  if (!inexact) return bits;
  if (!number_eisel_lemire(format, digits + 1, exponent, &above)) return NUMBER_UNDECIDED;
  return above == bits ? bits : NUMBER_UNDECIDED;
}

/* A number other than 0 as an integer with exponent, short enough for strtod whatever the text's
 * length, and without a point, which in strtod depends on the locale. */
static void number_print_slow(const gw_number *number, char *out, size_t size) {
  gw_str text = number->text;
  const char *end = text.p + text.n, *p = text.p + (number->negative ? 1 : 0);
  size_t n = 0;
  int64_t dropped = 0, fraction = 0;
  bool in_fraction = false, sticky = false;
  int32_t exponent = 0;
  for (; p < end; p++) {
    if (*p == '.') {
      in_fraction = true;
      continue;
    }
    if (!number_is_digit(*p)) {
      number_scan_exponent(p, end, &exponent);
      break;
    }
    if (in_fraction) fraction++;
    if (n == 0 && *p == '0') continue;
    if (n < NUMBER_SLOW_DIGITS_MAX) {
      out[n++] = *p;
    } else {
      dropped++;
      if (*p != '0') sticky = true;
    }
  }
  if (sticky) {
    out[n++] = '1';
    dropped--;
  }
  int64_t scale = exponent - fraction + dropped;
  int64_t max = 10 * NUMBER_EXPONENT_MAX;
  scale = scale > max ? max : scale < -max ? -max : scale;
  snprintf(out + n, size - n, "e%d", (int)scale);
}

/* Nobody can predict the sign: hence no branch. */
static inline double number_signed(double value, bool negative) {
  static const double signs[] = { 1, -1 };
  return value * signs[negative];
}

/* False: not decided here. */
static GW_ALWAYS_INLINE bool number_double_fast(const gw_number *number, double *out) {
  double value = 0;
  int32_t exponent = number->exponent;
  if (!number->inexact && number->digits <= (uint64_t)1 << 53 && exponent >= -22 &&
      exponent <= 22) {
    /* Clinger: both operands are exact, so that one operation rounds once. */
    value = exponent < 0 ? (double)number->digits / number_exact_powers[-exponent]
                         : (double)number->digits * number_exact_powers[exponent];
  } else if (number->digits != 0) {
    uint64_t bits = number_bits(&number_double, number->digits, exponent, number->inexact);
    if (bits == NUMBER_UNDECIDED) return false;
    memcpy(&value, &bits, sizeof value);
  }
  *out = number_signed(value, number->negative);
  return true;
}

gw_code gw_number_to_double(const gw_number *number, double *out) {
  if (number_double_fast(number, out)) return GW_OK;
  char text[NUMBER_SLOW_DIGITS_MAX + 32];
  number_print_slow(number, text, sizeof text);
  double value = strtod(text, NULL);
  if (value > 1.7976931348623157e308) return GW_BAD_VALUE;
  *out = number->negative ? -value : value;
  return GW_OK;
}

static GW_ALWAYS_INLINE bool number_float_fast(const gw_number *number, float *out) {
  float value = 0;
  int32_t exponent = number->exponent;
  if (!number->inexact && number->digits <= 1u << 24 && exponent >= -10 && exponent <= 10) {
    /* As in number_double_fast(); float holds powers up to 10^10 exactly. */
    float power = (float)number_exact_powers[exponent < 0 ? -exponent : exponent];
    value = exponent < 0 ? (float)number->digits / power : (float)number->digits * power;
  } else if (number->digits != 0) {
    uint64_t bits = number_bits(&number_float, number->digits, exponent, number->inexact);
    if (bits == NUMBER_UNDECIDED) return false;
    uint32_t bits32 = (uint32_t)bits;
    memcpy(&value, &bits32, sizeof value);
  }
  *out = number->negative ? -value : value;
  return true;
}

gw_code gw_number_to_float(const gw_number *number, float *out) {
  if (number_float_fast(number, out)) return GW_OK;
  char text[NUMBER_SLOW_DIGITS_MAX + 32];
  number_print_slow(number, text, sizeof text);
  float value = strtof(text, NULL);
  if (value > 3.40282347e38f) return GW_BAD_VALUE;
  *out = number->negative ? -value : value;
  return GW_OK;
}

/* ---- both at once, for nearly all numbers -----------------------------------------------------*/

/* "e+12" at p, up to three digits, onto out->exponent. */
static GW_ALWAYS_INLINE const char *number_take_exponent(const char *p, gw_number *out) {
  int32_t exponent = 0;
  bool negative = *++p == '-';
  if (negative || *p == '+') p++;
  const char *first = p;
  for (; number_is_digit(*p) && p - first < 4; p++)
    exponent = exponent * 10 + (*p - '0');
  if (p == first || p - first == 4) return NULL;
  out->exponent += negative ? -exponent : exponent;
  return p;
}

/* Up to 14 digits before the point and 19 in all, without what JSON forbids.  NULL:
 * anything else, right or wrong.
 * Where the number ends does not hang on its sign: the next one begins the earlier. */
static GW_ALWAYS_INLINE const char *number_take(const char *p, const char *end, gw_number *out) {
  *out = (gw_number){ .negative = *p == '-' };
  unsigned sign = out->negative ? 1 : 0;
  uint32_t others = ~gw_digits_mask(p) & ~1u; /* no digits; from bit 16 on all are set */
  unsigned point = (unsigned)__builtin_ctz(others), whole = point - sign;
  unsigned first = (unsigned char)(p[sign] - '0');
  if (GW_UNLIKELY(point > 15 || first > 9 || (first == 0 && whole > 1))) return NULL;
  const char *next = p + point;
  if (*next == '.') {
    unsigned stop = (unsigned)__builtin_ctz(others & (others - 1));
    if (stop == 16) stop += (unsigned)__builtin_ctz(~gw_digits_mask(p + 16));
    unsigned n = stop - point - 1;
    uint64_t fraction;
    next = p + stop;
    if (whole <= 8 && n <= 8) {
      out->digits = gw_digits_8_8(p + point, whole, next, n, &fraction);
    } else {
      if (GW_UNLIKELY(whole + n > NUMBER_DIGITS_MAX)) return NULL;
      out->digits = gw_digits_16(p + point, whole);
      fraction = gw_digits_16(next, n < 16 ? n : 16);
      if (n > 16) fraction += gw_digits_8(next - 16, n - 16) * number_whole_powers[16];
    }
    if (GW_UNLIKELY(n == 0)) return NULL;
    out->digits = out->digits * number_whole_powers[n] + fraction;
    out->exponent = -(int32_t)n;
  } else {
    out->digits = gw_digits_16(next, whole);
  }
  if (GW_UNLIKELY((*next | 0x20) == 'e')) next = number_take_exponent(next, out);
  return next != NULL && next <= end ? next : NULL;
}

gw_number_double gw_number_read_double(const char *p, const char *end) {
  gw_number number;
  double value;
  p = number_take(p, end, &number);
  if (GW_UNLIKELY(p == NULL || !number_double_fast(&number, &value))) {
    return (gw_number_double){ NULL, 0 };
  }
  return (gw_number_double){ p, value };
}

gw_number_float gw_number_read_float(const char *p, const char *end) {
  gw_number number;
  float value;
  p = number_take(p, end, &number);
  if (GW_UNLIKELY(p == NULL || !number_float_fast(&number, &value))) {
    return (gw_number_float){ NULL, 0 };
  }
  return (gw_number_float){ p, value };
}
