#include <inttypes.h>
#include <math.h>

#include "codec/number.h"
#include "codec/number_powers.h"
#include "unit/test.h"

static gw_number scanned(const char *text) {
  gw_number number;
  gw_str s = gw_str_of(text);
  if (!gw_number_scan(s, &number) || number.text.n != s.n) fail_msg("%s: not scanned whole", text);
  return number;
}

TEST(number, scan_reads_the_longest) {
  static const struct {
    const char *text;
    size_t n; /* 0: none */
  } rows[] = {
    { "", 0 },       { "-", 0 },     { "+1", 0 },       { ".5", 0 },    { "x", 0 },
    { "0", 1 },      { "01", 1 },    { "-0", 2 },       { "-01", 2 },   { "12a", 2 },
    { "1.", 1 },     { "1.5.5", 3 }, { "1e", 1 },       { "1e+", 1 },   { "1e5", 3 },
    { "1E-05x", 5 }, { "1.e5", 1 },  { "-1.25e+3", 8 }, { "0.0e0", 5 }, { "1e5.5", 3 },
    { "--1", 0 },    { "1-1", 1 },   { "Infinity", 0 }, { "1 ", 1 },    { "-a", 0 },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    gw_number number = { .text = { NULL, 0 } };
    bool found = gw_number_scan(gw_str_of(rows[i].text), &number);
    if (found != (rows[i].n > 0) || (found && number.text.n != rows[i].n)) {
      fail_msg("%s: %zu bytes", rows[i].text, number.text.n);
    }
  }
}

TEST(number, scan_respects_the_end) {
  gw_number number;
  CHECK(gw_number_scan((gw_str){ "1234", 2 }, &number));
  CHECK_INT(number.digits, 12);
  CHECK(gw_number_scan((gw_str){ "1.5", 2 }, &number));
  CHECK(number.integral);
  CHECK(gw_number_scan((gw_str){ "1e55", 2 }, &number));
  CHECK_INT(number.exponent, 0);
  CHECK(!gw_number_scan((gw_str){ "-5", 1 }, &number));
}

TEST(number, scan_parts) {
  gw_number number = scanned("-12.340e-5");
  CHECK(number.negative && !number.integral && !number.inexact);
  CHECK_INT(number.digits, 12340);
  CHECK_INT(number.exponent, -8);
  CHECK(scanned("7").integral && !scanned("7.0").integral && !scanned("7e0").integral);
  number = scanned("0.00000000000000000000123");
  CHECK(!number.inexact);
  CHECK_INT(number.digits, 123);
  CHECK_INT(number.exponent, -23);
  number = scanned("12345678901234567890123");
  CHECK(number.inexact);
  CHECK_INT(number.digits, 1234567890123456789);
  CHECK_INT(number.exponent, 4);
  CHECK_INT(scanned("1e99999999999999999999").exponent, scanned("1e999999999").exponent);
}

typedef struct integer_row {
  const char *text;
  bool fits_signed, fits_unsigned;
  int64_t as_signed;
  uint64_t as_unsigned;
} integer_row;

static const integer_row integers[] = {
  { "0", true, true, 0, 0 },
  { "-0", true, true, 0, 0 },
  { "1.0", true, true, 1, 1 },
  { "1e2", true, true, 100, 100 },
  { "100E-2", true, true, 1, 1 },
  { "-5", true, false, -5, 0 },
  { "1.5", false, false, 0, 0 },
  { "1e-1", false, false, 0, 0 },
  { "0e999999999", true, true, 0, 0 },
  { "1e999999999", false, false, 0, 0 },
  { "1e-999999999", false, false, 0, 0 },
  { "9223372036854775807", true, true, INT64_MAX, INT64_MAX },
  { "-9223372036854775808", true, false, INT64_MIN, 0 },
  { "9223372036854775808", false, true, 0, (uint64_t)INT64_MAX + 1 },
  { "-9223372036854775809", false, false, 0, 0 },
  { "18446744073709551615", false, true, 0, UINT64_MAX },
  { "18446744073709551616", false, false, 0, 0 },
  { "18446744073709551615.0", false, true, 0, UINT64_MAX },
  { "1844674407370955161500000e-5", false, true, 0, UINT64_MAX },
  { "1844674407370955161500001e-5", false, false, 0, 0 },
  { "0.000000000000000000000000000007e30", true, true, 7, 7 },
  { "-9223372036854775.808e3", true, false, INT64_MIN, 0 },
  { "1000000000000000000000", false, false, 0, 0 },
  { "1000000000000000000000e-21", true, true, 1, 1 },
  { "1000000000000000000000e-22", false, false, 0, 0 },
  { "0.0000000000000000000000", true, true, 0, 0 },
};

TEST(number, integers) {
  for (size_t i = 0; i < GW_COUNT_OF(integers); i++) {
    const integer_row *row = &integers[i];
    gw_number number = scanned(row->text);
    int64_t as_signed = 0;
    uint64_t as_unsigned = 0;
    gw_code signed_code = gw_number_to_i64(&number, &as_signed);
    gw_code unsigned_code = gw_number_to_u64(&number, &as_unsigned);
    if (signed_code != (row->fits_signed ? GW_OK : GW_BAD_VALUE) ||
        unsigned_code != (row->fits_unsigned ? GW_OK : GW_BAD_VALUE) ||
        as_signed != row->as_signed || as_unsigned != row->as_unsigned) {
      fail_msg("%s: %" PRId64 ", %" PRIu64, row->text, as_signed, as_unsigned);
    }
  }
}

/* Reading at once: not at all, or the same number up to the same place.  `pad` stands behind the
 * text, which has no room of its own for what may be read. */
static bool read_at_once(gw_str text, const char *pad) {
  char room[1024] =
      "1234567890123.56"; /* and what stands before it is not taken for a part of it */
  char *copy = room + GW_NUMBER_BEFORE;
  gw_number number;
  double wide_wanted;
  float narrow_wanted;
  snprintf(copy, sizeof room - GW_NUMBER_BEFORE, GW_STR_FMT "%s", GW_STR_ARG(text), pad);
  const char *end = copy + text.n;
  gw_number_double wide = gw_number_read_double(copy, end);
  gw_number_float narrow = gw_number_read_float(copy, end);
  bool found = gw_number_scan((gw_str){ copy, text.n }, &number);
  if (wide.next != NULL) {
    CHECK(found && wide.next == copy + number.text.n);
    CHECK_INT(gw_number_to_double(&number, &wide_wanted), GW_OK);
    CHECK(memcmp(&wide.value, &wide_wanted, sizeof wide_wanted) == 0);
  }
  if (narrow.next != NULL) {
    CHECK(found && narrow.next == copy + number.text.n);
    CHECK_INT(gw_number_to_float(&number, &narrow_wanted), GW_OK);
    CHECK(memcmp(&narrow.value, &narrow_wanted, sizeof narrow_wanted) == 0);
  }
  return wide.next != NULL && narrow.next != NULL;
}

TEST(number, read_at_once) {
  static const struct {
    const char *text, *pad;
    bool read;
  } rows[] = {
    { "0", ",", true },
    { "-0", ",", true },
    { "7", "", true },
    { "-1.5", "]", true },
    { "12345678", ",", true },
    { "123456789012345", ",", true },
    { "1234567890123456", ",", false }, /* 16 before the point */
    { "0.123456789012345678", ",", true },
    { "0.1234567890123456789", ",", false }, /* 20 in all */
    { "1.25e3", ",", true },
    { "1E-07", ",", true },
    { "1e+22", ",", true },
    { "1e0001", ",", false }, /* rare enough */
    { "01", ",", false },
    { "-", "1", false },
    { "1", "2", false }, /* the text ends inside */
    { "1.", "5", false },
    { "1.5", "5", false },
    { "1e", "5", false },
    { "1e5", "5", false },
    { "1", ".5", false },
    { "", "1", false },
    { "1.", ",", false },
    { ".5", ",", false },
    { "1e", ",", false },
    { "1e+", ",", false },
    { "+1", ",", false },
    { "1.e5", ",", false },
    { "1.5.5", ",", true },
    { "1:", ",", true },
    { "1/", ",", true },
    { "NaN", ",", false },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    if (read_at_once(gw_str_of(rows[i].text), rows[i].pad) != rows[i].read) {
      fail_msg("%s|%s", rows[i].text, rows[i].pad);
    }
  }
}

/* The C library's reading is the reference, in the locale "C". */
static void check_floating(const char *text) {
  gw_number number = scanned(text);
  double wide = 0, wide_wanted = strtod(text, NULL);
  float narrow = 0, narrow_wanted = strtof(text, NULL);
  gw_code wide_code = gw_number_to_double(&number, &wide);
  gw_code narrow_code = gw_number_to_float(&number, &narrow);
  if (isinf(wide_wanted) ? wide_code != GW_BAD_VALUE
                         : wide_code != GW_OK || memcmp(&wide, &wide_wanted, sizeof wide) != 0) {
    fail_msg("%s as double: %a, wanted %a", text, wide, wide_wanted);
  }
  if (isinf(narrow_wanted)
          ? narrow_code != GW_BAD_VALUE
          : narrow_code != GW_OK || memcmp(&narrow, &narrow_wanted, sizeof narrow) != 0) {
    fail_msg("%s as float: %a, wanted %a", text, (double)narrow, (double)narrow_wanted);
  }
  if (strlen(text) < 900) read_at_once(gw_str_of(text), ",");
}

TEST(number, floating_edges) {
  static const char *const texts[] = {
    "0",
    "-0",
    "0.0",
    "-0e5",
    "1",
    "-1.5",
    "1e22",
    "1e23",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "9007199254740992999999999999999",
    "9007199254740993.0000000000000000001",
    "1.7976931348623157e308",
    "1.7976931348623158e308",
    "1.7976931348623159e308",
    "1e309",
    "-1e400",
    "1e999999999",
    "1e-999999999",
    "2.2250738585072014e-308",
    "2.2250738585072011e-308",
    "4.9406564584124654e-324",
    "2.4703282292062327e-324",
    "2.4703282292062328e-324",
    "1e-400",
    "3.4028234663852886e38",
    "3.4028235e38",
    "3.40282356779733e38",
    "3.40282356779734e38",
    "3.4028236e38",
    "1.1754943508222875e-38",
    "1.401298464324817e-45",
    "7.006492321624085e-46",
    "7.0064923216240854e-46",
    "1.00000017881393432617187499",
    "1.00000017881393432617187500",
    "1.00000017881393432617187501",
    "16777217",
    "33554433",
    "8589973e9",
    "1e10",
    "1e11",
    "0.000000000000000000000000000000000000000000000000000000000000001",
    "123456789012345678901234567890",
    "7.8459735791271921e65",
    "3.571e266",
    "3.08984926168550152811e-32",
    "6929495644600919.5",
    "5881231722982422.5",
    "0.1e-6",
    "1.0e+1",
  };
  for (size_t i = 0; i < GW_COUNT_OF(texts); i++)
    check_floating(texts[i]);
}

/* Half way between two doubles, told apart only by a digit far behind. */
TEST(number, floating_long_texts) {
  static char text[5000];
  static const char halfway[] = "9007199254740993.";
  for (size_t zeros = 1; zeros < 4900; zeros = zeros * 2 + 1) {
    size_t n = sizeof halfway - 1;
    memcpy(text, halfway, n);
    memset(text + n, '0', zeros);
    memcpy(text + n + zeros, "1", 2);
    check_floating(text);
    text[n + zeros] = '0';
    check_floating(text);
  }
  memset(text, '1', 4990);
  text[4990] = '\0';
  check_floating(text);
  memcpy(text + 4980, "e-4970", 7);
  check_floating(text);
  memset(text, '0', 4990);
  text[1] = '.';
  memcpy(text + 4900, "123e4890", 9);
  check_floating(text);
}

static uint64_t random_state = 0x853C49E6748FEA9Bu;

static uint64_t random_next(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state;
}

TEST(number, floating_random) {
  char text[64];
  for (int i = 0; i < 300000; i++) {
    uint64_t bits = random_next();
    double wide;
    float narrow;
    uint32_t low = (uint32_t)bits;
    memcpy(&wide, &bits, sizeof wide);
    memcpy(&narrow, &low, sizeof narrow);
    switch (i % 4) {
    case 0: snprintf(text, sizeof text, "%.*g", 1 + i % 20, isfinite(wide) ? wide : 0.5); break;
    case 1: snprintf(text, sizeof text, "%.9g", isfinite(narrow) ? (double)narrow : 0.5); break;
    case 2:
      snprintf(text, sizeof text, "%" PRIu64 "e%d", bits, (int)(random_next() % 700) - 350);
      break;
    default: snprintf(text, sizeof text, "%" PRIu64 ".%u", bits % 100000, i % 1000);
    }
    check_floating(text);
  }
}

TEST(number, powers_are_normal) {
  for (int e = GW_NUMBER_POWER_MIN; e <= GW_NUMBER_POWER_MAX; e++) {
    const uint64_t *power = gw_number_powers[e - GW_NUMBER_POWER_MIN];
    CHECK(power[0] >> 63 == 1);
    if (e < -300 || e > 300) continue;
    double wanted = pow(10, e);
    double got = ldexp((double)power[0], gw_number_power_shift(e) - 63);
    CHECK(fabs(got - wanted) <= wanted * 1e-14);
  }
}
