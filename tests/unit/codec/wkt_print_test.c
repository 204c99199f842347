#include "codec/wkt_text.h"
#include "unit/test.h"

TEST(timestamp_print, range_and_fractions) {
  static const struct {
    int64_t seconds;
    int32_t nanos;
    const char *text; /* "": out of range */
  } rows[] = {
    { 0, 0, "1970-01-01T00:00:00Z" },
    { -62135596800ll, 0, "0001-01-01T00:00:00Z" },
    { 253402300799ll, 999999999, "9999-12-31T23:59:59.999999999Z" },
    { -62135596801ll, 0, "" },
    { 253402300800ll, 0, "" },
    { INT64_MIN, 0, "" },
    { INT64_MAX, 0, "" },
    { 0, -1, "" },
    { 0, 1000000000, "" },
    { 951782400, 0, "2000-02-29T00:00:00Z" },
    { 951868800, 500000000, "2000-03-01T00:00:00.500Z" },
    { -2203977600ll, 1000, "1900-02-28T00:00:00.000001Z" },
    { -2203891200ll, 1, "1900-03-01T00:00:00.000000001Z" },
    { 1709164799, 120000000, "2024-02-28T23:59:59.120Z" },
    { 1709251199, 0, "2024-02-29T23:59:59Z" },
    { -1, 999000000, "1969-12-31T23:59:59.999Z" },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    char out[GW_TIME_TEXT_MAX];
    size_t n = gw_timestamp_print(rows[i].seconds, rows[i].nanos, out);
    CHECK_STR(((gw_str){ out, n }), rows[i].text);
  }
}

/* Every day of 400 years, by counting. */
TEST(timestamp_print, every_day) {
  static const unsigned days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
  int64_t seconds = -11676096000ll; /* 1600-01-01 */
  for (unsigned year = 1600; year < 2000; year++) {
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    for (unsigned month = 1; month <= 12; month++) {
      unsigned count = days[month - 1] + (leap && month == 2 ? 1 : 0);
      for (unsigned day = 1; day <= count; day++, seconds += 86400) {
        char wanted[64], out[GW_TIME_TEXT_MAX];
        snprintf(wanted, sizeof wanted, "%04u-%02u-%02uT00:00:00Z", year, month, day);
        CHECK_STR(((gw_str){ out, gw_timestamp_print(seconds, 0, out) }), wanted);
      }
    }
  }
}

TEST(duration_print, range_and_sign) {
  static const struct {
    int64_t seconds;
    int32_t nanos;
    const char *text; /* "": out of range */
  } rows[] = {
    { 0, 0, "0s" },
    { 1, 500000000, "1.500s" },
    { -1, -500000000, "-1.500s" },
    { 0, -5, "-0.000000005s" },
    { 0, 1000, "0.000001s" },
    { 315576000000ll, 999999999, "315576000000.999999999s" },
    { -315576000000ll, 0, "-315576000000s" },
    { 315576000001ll, 0, "" },
    { -315576000001ll, 0, "" },
    { INT64_MIN, 0, "" },
    { 1, -1, "" },
    { -1, 1, "" },
    { 0, 1000000000, "" },
    { 0, -1000000000, "" },
    { 0, INT32_MIN, "" },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    char out[GW_TIME_TEXT_MAX];
    size_t n = gw_duration_print(rows[i].seconds, rows[i].nanos, out);
    CHECK_STR(((gw_str){ out, n }), rows[i].text);
  }
}

TEST(field_mask_print, only_what_converts_back) {
  static const struct {
    const char *path, *text; /* NULL: has no JSON */
  } rows[] = {
    { "a", "a" },
    { "foo_bar", "fooBar" },
    { "foo_bar.baz_qux", "fooBar.bazQux" },
    { "_foo", "Foo" },
    { "*", "*" },
    { "a1.b2", "a1.b2" },
    { "fooBar", NULL },
    { "Foo", NULL },
    { "foo__bar", NULL },
    { "foo_3_bar", NULL },
    { "foo_", NULL },
    { "foo_.bar", NULL },
    { "a,b", NULL },
    { "a\"b", NULL },
    { "a\\b", NULL },
    { "a b", NULL },
    { "\xC3\xA4", NULL },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    gw_buf out;
    gw_buf_init(&out, NULL, 100);
    gw_code code = gw_field_mask_path_print(gw_str_of(rows[i].path), &out);
    CHECK_INT(code, rows[i].text != NULL ? GW_OK : GW_BAD_VALUE);
    CHECK_STR(gw_buf_str(&out), rows[i].text != NULL ? rows[i].text : "");
    gw_buf_done(&out);
  }
}

TEST(field_mask_print, stops_at_the_limit) {
  gw_buf out;
  gw_buf_init(&out, NULL, 3);
  CHECK_INT(gw_field_mask_path_print(GW_STR("abcd"), &out), GW_TOO_LARGE);
  CHECK_INT(gw_field_mask_path_print(GW_STR("abc"), &out), GW_OK);
  gw_buf_done(&out);
}
