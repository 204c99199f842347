#include <inttypes.h>
#include <time.h>

#include "codec/wkt_text.h"
#include "unit/test.h"

/* The C library counts the days too. */
TEST(timestamp, agrees_with_timegm) {
  for (int year = 1; year <= 9999; year += year < 1890 || year > 2110 ? 13 : 1) {
    for (int month = 1; month <= 12; month++) {
      struct tm date = { .tm_year = year - 1900,
                         .tm_mon = month - 1,
                         .tm_mday = 1 + (year * 7 + month) % 28,
                         .tm_hour = year % 24,
                         .tm_min = month * 4,
                         .tm_sec = year % 60 };
      char text[64];
      int n = snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ", year, month,
                       date.tm_mday, date.tm_hour, date.tm_min, date.tm_sec);
      int64_t seconds;
      int32_t nanos;
      if (!gw_timestamp_parse((gw_str){ text, (size_t)n }, &seconds, &nanos)) fail_msg("%s", text);
      CHECK_INT(seconds, (int64_t)timegm(&date));
      CHECK_INT(nanos, 0);
    }
  }
}

TEST(timestamp, parses) {
  static const struct {
    const char *text;
    int64_t seconds;
    int32_t nanos;
  } rows[] = {
    { "0001-01-01T00:00:00Z", -62135596800, 0 },
    { "9999-12-31T23:59:59.999999999Z", 253402300799, 999999999 },
    { "1970-01-01T00:00:00.5Z", 0, 500000000 },
    { "1969-12-31T23:59:59.000000001Z", -1, 1 },
    { "2000-02-29T00:00:00Z", 951782400, 0 },
    { "1970-01-01T01:30:00+01:30", 0, 0 },
    { "1969-12-31T16:00:00-08:00", 0, 0 },
    { "9999-12-31T23:59:59+00:01", 253402300739, 0 },
    { "1970-01-01T00:00:00.12Z", 0, 120000000 },
    { "1970-01-01T00:00:00-00:00", 0, 0 },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    int64_t seconds = 7;
    int32_t nanos = 7;
    if (!gw_timestamp_parse(gw_str_of(rows[i].text), &seconds, &nanos) ||
        seconds != rows[i].seconds || nanos != rows[i].nanos) {
      fail_msg("%s: %" PRId64 ".%09d", rows[i].text, seconds, nanos);
    }
  }
}

TEST(timestamp, refuses) {
  static const char *const texts[] = {
    "",
    "1970-01-01",
    "1970-01-01T00:00:00",
    "1970-01-01t00:00:00Z",
    "1970-01-01T00:00:00z",
    "1970-01-01 00:00:00Z",
    "1970-1-01T00:00:00Z",
    "70-01-01T00:00:00Z",
    "01970-01-01T00:00:00Z",
    "1970-00-01T00:00:00Z",
    "1970-13-01T00:00:00Z",
    "1970-01-00T00:00:00Z",
    "1970-01-32T00:00:00Z",
    "1970-04-31T00:00:00Z",
    "1970-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "1970-01-01T24:00:00Z",
    "1970-01-01T00:60:00Z",
    "1970-01-01T00:00:60Z",
    "1970-01-01T00:00:00.Z",
    "1970-01-01T00:00:00,5Z",
    "1970-01-01T00:00:00.1234567890Z",
    "1970-01-01T00:00:00+0100",
    "1970-01-01T00:00:00+01",
    "1970-01-01T00:00:00+24:00",
    "1970-01-01T00:00:00+01:60",
    "1970-01-01T00:00:00ZZ",
    "1970-01-01T00:00:00Z ",
    " 1970-01-01T00:00:00Z",
    "1970-01-01T00:00:00+01:00Z",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-00:01",
    "-001-01-01T00:00:00Z",
    "19a0-01-01T00:00:00Z",
    "1970-01-01T+1:00:00Z",
    "1970/01/01T00:00:00Z",
    "1970-01-01T00-00-00Z",
    "1970-01-01T00:00:00.123456789012345678901234567890Z",
  };
  for (size_t i = 0; i < GW_COUNT_OF(texts); i++) {
    int64_t seconds;
    int32_t nanos;
    if (gw_timestamp_parse(gw_str_of(texts[i]), &seconds, &nanos)) fail_msg("%s", texts[i]);
  }
}

TEST(duration, parses) {
  static const struct {
    const char *text;
    int64_t seconds;
    int32_t nanos;
  } rows[] = {
    { "0s", 0, 0 },
    { "-0s", 0, 0 },
    { "1s", 1, 0 },
    { "-1.5s", -1, -500000000 },
    { "-0.5s", 0, -500000000 },
    { "0.000000001s", 0, 1 },
    { "3.123s", 3, 123000000 },
    { "315576000000s", 315576000000, 0 },
    { "-315576000000s", -315576000000, 0 },
    { "315575999999.999999999s", 315575999999, 999999999 },
    { "315576000000.000s", 315576000000, 0 },
    { "315576000000.999999999s", 315576000000, 999999999 },
    { "-315576000000.999999999s", -315576000000, -999999999 },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    int64_t seconds = 7;
    int32_t nanos = 7;
    if (!gw_duration_parse(gw_str_of(rows[i].text), &seconds, &nanos) ||
        seconds != rows[i].seconds || nanos != rows[i].nanos) {
      fail_msg("%s: %" PRId64 ".%09d", rows[i].text, seconds, nanos);
    }
  }
}

TEST(duration, refuses) {
  static const char *const texts[] = {
    "",
    "s",
    "1",
    "-",
    "-s",
    "+1s",
    "--1s",
    "01s",
    "00s",
    ".5s",
    "3.s",
    "1e3s",
    "1S",
    "1 s",
    " 1s",
    "1s ",
    "1ss",
    "1m",
    "1.5",
    "0x1s",
    "1.-5s",
    "315576000001s",
    "-315576000001s",
    "1000000000000s",
    "99999999999999999999999s",
    "0.1234567890s",
    "1,5s",
  };
  for (size_t i = 0; i < GW_COUNT_OF(texts); i++) {
    int64_t seconds;
    int32_t nanos;
    if (gw_duration_parse(gw_str_of(texts[i]), &seconds, &nanos)) fail_msg("%s", texts[i]);
  }
}

static void check_path(const char *path, bool snake_too, const char *wanted) {
  gw_buf out;
  gw_buf_init(&out, NULL, 256);
  gw_code code = gw_field_mask_path_parse(gw_str_of(path), snake_too, &out);
  if (wanted == NULL) {
    CHECK_INT(code, GW_BAD_VALUE);
    CHECK_INT(out.n, 0);
  } else {
    CHECK_INT(code, GW_OK);
    CHECK_STR(gw_buf_str(&out), wanted);
  }
  gw_buf_done(&out);
}

TEST(field_mask, converts_paths) {
  check_path("foo", false, "foo");
  check_path("fooBar.bazQux", false, "foo_bar.baz_qux");
  check_path("Foo", false, "_foo");
  check_path("a1B2", false, "a1_b2");
  check_path("*", false, "*");
  check_path("foo_bar", false, NULL);
  check_path("foo_bar", true, "foo_bar");
  check_path("foo_barBaz", true, "foo_bar_baz");
  check_path("", false, NULL);
  check_path("a b", false, NULL);
  check_path("a,b", true, NULL);
  check_path("gr\xC3\xB6\xC3\x9F", true, NULL);
  check_path("a-b", true, NULL);
}

TEST(field_mask, respects_the_buffer) {
  gw_buf out;
  gw_buf_init(&out, NULL, 3);
  CHECK_INT(gw_field_mask_path_parse(GW_STR("abcd"), false, &out), GW_TOO_LARGE);
  gw_buf_done(&out);
}
