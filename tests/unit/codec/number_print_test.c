#include <inttypes.h>
#include <math.h>

#include "codec/number.h"
#include "unit/test.h"

#define RANDOM_COUNT 1000000
#define LENGTH_EVERY 16 /* the search for the shortest length is slow */

static uint64_t random_state = 88172645463325252ull;

static uint64_t random_next(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state;
}

static const char *print_double(double value) {
  static char text[GW_NUMBER_TEXT_MAX + 1];
  text[gw_number_print_double(value, text)] = '\0';
  return text;
}

static const char *print_float(float value) {
  static char text[GW_NUMBER_TEXT_MAX + 1];
  text[gw_number_print_float(value, text)] = '\0';
  return text;
}

/* Significant digits of a number's text. */
static int digits_count(const char *text) {
  int count = 0, last = 0;
  for (; *text != '\0' && *text != 'e'; text++) {
    if (*text < '0' || *text > '9' || (count == 0 && *text == '0')) continue;
    count++;
    if (*text != '0') last = count;
  }
  return last;
}

TEST(number_print, integers) {
  static const struct {
    uint64_t value;
    const char *text;
  } rows[] = {
    { 0, "0" },
    { 9, "9" },
    { 10, "10" },
    { 99, "99" },
    { 100, "100" },
    { 99999999, "99999999" },
    { 100000000, "100000000" },
    { 1000000001, "1000000001" },
    { 9999999999999999ull, "9999999999999999" },
    { 10000000000000000ull, "10000000000000000" },
    { 10000000100000000ull, "10000000100000000" },
    { UINT64_MAX, "18446744073709551615" },
  };
  char out[GW_NUMBER_TEXT_MAX];
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    CHECK_STR(((gw_str){ out, gw_number_print_u64(rows[i].value, out) }), rows[i].text);
  }
  CHECK_STR(((gw_str){ out, gw_number_print_i64(INT64_MIN, out) }), "-9223372036854775808");
  CHECK_STR(((gw_str){ out, gw_number_print_i64(INT64_MAX, out) }), "9223372036854775807");
  CHECK_STR(((gw_str){ out, gw_number_print_i64(-1, out) }), "-1");
}

TEST(number_print, integers_as_printf) {
  char out[GW_NUMBER_TEXT_MAX], wanted[32];
  for (int i = 0; i < 300000; i++) {
    uint64_t value = random_next() >> (random_next() % 64);
    snprintf(wanted, sizeof wanted, "%" PRIu64, value);
    CHECK_STR(((gw_str){ out, gw_number_print_u64(value, out) }), wanted);
  }
}

TEST(number_print, doubles_at_the_edges) {
  static const struct {
    double value;
    const char *text;
  } rows[] = {
    { 0.0, "0" },
    { -0.0, "-0" },
    { 1, "1" },
    { -1.5, "-1.5" },
    { 0.1, "0.1" },
    { 0.3, "0.3" },
    { 0.1 + 0.2, "0.30000000000000004" },
    { 1.0 / 3, "0.3333333333333333" },
    { 4.35, "4.35" },
    { 19.99, "19.99" },
    { 123456789.123456, "123456789.123456" },
    { 999999999.999999, "999999999.999999" },
    { 1e-6, "0.000001" },
    { 1.5e-6, "0.0000015" },
    { 9.999999e-7, "9.999999e-7" },
    { 1e-7, "1e-7" },
    { -1.25e-7, "-1.25e-7" },
    { 1e15, "1000000000000000" },
    { 1e16, "10000000000000000" },
    { 1e20, "100000000000000000000" },
    { 1e21, "1e+21" },
    { 1.5e21, "1.5e+21" },
    { 123456789012345680000.0, "123456789012345680000" },
    { 1e22, "1e+22" },
    { 1e23, "1e+23" },
    { 9007199254740991.0, "9007199254740991" },
    { 9007199254740992.0, "9007199254740992" },
    { 9007199254740994.0, "9007199254740994" },
    { 5e-324, "5e-324" },
    { 2.2250738585072009e-308, "2.225073858507201e-308" },
    { 2.2250738585072014e-308, "2.2250738585072014e-308" },
    { 1.7976931348623157e308, "1.7976931348623157e+308" },
    { 9.5367431640625e-7, "9.5367431640625e-7" },
    { 4.503599627370496e15, "4503599627370496" },
    { 2.98023223876953125e-8, "2.9802322387695312e-8" },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    CHECK_STR(gw_str_of(print_double(rows[i].value)), rows[i].text);
  }
}

TEST(number_print, floats_at_their_own_width) {
  static const struct {
    float value;
    const char *text;
  } rows[] = {
    { 0.0f, "0" },
    { -0.0f, "-0" },
    { 1.02f, "1.02" },
    { 0.1f, "0.1" },
    { 16777216.0f, "16777216" },
    { 16777215.0f, "16777215" },
    { 3.4028235e38f, "3.4028235e+38" },
    { 1.17549435e-38f, "1.1754944e-38" },
    { 1.4e-45f, "1e-45" },
    { 1e-6f, "0.000001" },
    { 1e-7f, "1e-7" },
    { 1e20f, "100000000000000000000" },
    { 1e21f, "1e+21" },
    { -33554432.0f, "-33554432" },
    { 8388608.0f, "8388608" },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    CHECK_STR(gw_str_of(print_float(rows[i].value)), rows[i].text);
  }
}

static double random_double(int i) {
  uint64_t bits = random_next();
  double value;
  if (i % 4 == 1) return (double)(int64_t)(bits % 2000000000) / 100 - 1e7;
  if (i % 4 == 2) return (double)(bits >> (random_next() % 64));
  if (i % 4 == 3) bits = (bits & 0x800FFFFFFFFFFFFFull) | (random_next() % 100 + 973) << 52;
  memcpy(&value, &bits, sizeof value);
  return isfinite(value) ? value : 0;
}

TEST(number_print, doubles_come_back_and_are_shortest) {
  for (int i = 0; i < RANDOM_COUNT; i++) {
    double value = random_double(i);
    const char *text = print_double(value);
    CHECK(strlen(text) < GW_NUMBER_TEXT_MAX);
    double back = strtod(text, NULL);
    if (memcmp(&back, &value, sizeof back) != 0) fail_msg("%a became %s", value, text);
    if (i % LENGTH_EVERY >= 4 || value == 0) continue;
    char other[40];
    int digits = 0;
    do {
      snprintf(other, sizeof other, "%.*e", digits++, value);
    } while (strtod(other, NULL) != value);
    if (digits_count(text) != digits) fail_msg("%s is longer than %s", text, other);
  }
}

TEST(number_print, floats_come_back_and_are_shortest) {
  for (int i = 0; i < RANDOM_COUNT; i++) {
    uint32_t bits = (uint32_t)random_next();
    float value;
    memcpy(&value, &bits, sizeof value);
    if (!isfinite(value)) continue;
    const char *text = print_float(value);
    float back = strtof(text, NULL);
    if (memcmp(&back, &value, sizeof back) != 0) fail_msg("%a became %s", (double)value, text);
    if (i % LENGTH_EVERY != 0 || value == 0) continue;
    char other[40];
    int digits = 0;
    do {
      snprintf(other, sizeof other, "%.*e", digits++, (double)value);
    } while (strtof(other, NULL) != value);
    if (digits_count(text) != digits) fail_msg("%s is longer than %s", text, other);
  }
}

/* Of all that are shortest, the one nearest to the value. */
TEST(number_print, doubles_are_nearest) {
  for (int i = 0; i < 100000; i++) {
    double value = random_double(i * 4);
    char other[40], text[40];
    snprintf(text, sizeof text, "%s", print_double(value));
    if (value == 0) continue;
    snprintf(other, sizeof other, "%.*e", digits_count(text) - 1, value);
    if (strtod(other, NULL) != value) continue; /* nearest of this length, but not the value */
    CHECK_STR(gw_str_of(print_double(strtod(other, NULL))), text);
    long double a = fabsl(strtold(text, NULL) - (long double)value);
    long double b = fabsl(strtold(other, NULL) - (long double)value);
    if (a > b) fail_msg("%s is farther than %s", text, other);
  }
}
