#include "codec/wkt_text.h"

#include <stdio.h>

#define TIME_SECONDS_MIN     (-62135596800) /* 0001-01-01T00:00:00Z */
#define TIME_SECONDS_MAX     253402300799   /* 9999-12-31T23:59:59Z */
#define DURATION_SECONDS_MAX 315576000000   /* google/protobuf/duration.proto */
#define DURATION_DIGITS_MAX  12

/* `count` digits at p; -1: something else stands there. */
static int64_t time_digits(const char *p, size_t count) {
  int64_t value = 0;
  for (size_t i = 0; i < count; i++) {
    unsigned char digit = (unsigned char)(p[i] - '0');
    if (digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/* ".123" at the start of *rest, cut off; false: a point without 1 to 9 digits.  None is 0. */
static bool time_fraction(gw_str *rest, int32_t *nanos) {
  *nanos = 0;
  if (rest->n == 0 || rest->p[0] != '.') return true;
  *rest = gw_str_skip(*rest, 1);
  int32_t value = 0, scale = 1000000000;
  while (rest->n > 0 && (unsigned char)(rest->p[0] - '0') <= 9) {
    if (scale == 1) return false;
    scale /= 10;
    value += (rest->p[0] - '0') * scale;
    *rest = gw_str_skip(*rest, 1);
  }
  *nanos = value;
  return scale < 1000000000;
}

/* Days since 1970-01-01 in the Gregorian calendar, which repeats after 400 years; the year is taken
 * to begin in March, so that the leap day is its last one. */
static int64_t time_days(int64_t year, int64_t month, int64_t day) {
  int64_t y = month <= 2 ? year - 1 : year;
  int64_t from_march = (month + 9) % 12;
  int64_t leap_days = y / 4 - y / 100 + y / 400;
  return y * 365 + leap_days + (from_march * 153 + 2) / 5 + day - 1 - 719468;
}

static bool time_is_date(int64_t year, int64_t month, int64_t day) {
  static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return day <= days[month - 1] + (leap && month == 2 ? 1 : 0);
}

/* "Z" or "+01:30", the whole of `text`. */
static bool time_offset(gw_str text, int64_t *seconds) {
  *seconds = 0;
  if (text.n == 1 && text.p[0] == 'Z') return true;
  if (text.n != 6 || (text.p[0] != '+' && text.p[0] != '-') || text.p[3] != ':') return false;
  int64_t hours = time_digits(text.p + 1, 2), minutes = time_digits(text.p + 4, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return false;
  *seconds = (hours * 60 + minutes) * (text.p[0] == '-' ? -60 : 60);
  return true;
}

bool gw_timestamp_parse(gw_str text, int64_t *seconds, int32_t *nanos) {
  if (text.n < 20 || text.n > GW_TIME_TEXT_MAX) return false;
  const char *p = text.p;
  if (p[4] != '-' || p[7] != '-' || p[10] != 'T' || p[13] != ':' || p[16] != ':') return false;
  int64_t year = time_digits(p, 4), month = time_digits(p + 5, 2), day = time_digits(p + 8, 2);
  int64_t hour = time_digits(p + 11, 2), minute = time_digits(p + 14, 2);
  int64_t second = time_digits(p + 17, 2), offset;
  if (!time_is_date(year, month, day)) return false;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return false;
  gw_str rest = gw_str_skip(text, 19);
  int32_t fraction;
  if (!time_fraction(&rest, &fraction) || !time_offset(rest, &offset)) return false;
  int64_t total = time_days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
  if (total < TIME_SECONDS_MIN || total > TIME_SECONDS_MAX) return false;
  *seconds = total;
  *nanos = fraction;
  return true;
}

bool gw_duration_parse(gw_str text, int64_t *seconds, int32_t *nanos) {
  bool negative = text.n > 0 && text.p[0] == '-';
  if (negative) text = gw_str_skip(text, 1);
  size_t digits = 0;
  while (digits < text.n && digits <= DURATION_DIGITS_MAX &&
         (unsigned char)(text.p[digits] - '0') <= 9)
    digits++;
  if (digits == 0 || digits > DURATION_DIGITS_MAX) return false;
  if (digits > 1 && text.p[0] == '0') return false;
  int64_t whole = time_digits(text.p, digits);
  int32_t fraction;
  text = gw_str_skip(text, digits);
  if (!time_fraction(&text, &fraction)) return false;
  if (text.n != 1 || text.p[0] != 's') return false;
  if (whole > DURATION_SECONDS_MAX) return false;
  *seconds = negative ? -whole : whole;
  *nanos = negative ? -fraction : fraction;
  return true;
}

/* Digits at the start of *text, cut off. */
static gw_str time_cut_digits(gw_str *text) {
  size_t n = 0;
  while (n < text->n && (unsigned char)(text->p[n] - '0') <= 9)
    n++;
  gw_str digits = gw_str_first(*text, n);
  *text = gw_str_skip(*text, n);
  return digits;
}

/* Rewrites what a peer takes as the strict form; false: nobody takes it. */
static bool duration_rewrite(gw_str text, gw_durations form, char *out, size_t *n) {
  bool negative = gw_str_starts(text, GW_STR("-")), go = form == GW_DURATIONS_GO;
  if (negative || gw_str_starts(text, GW_STR("+"))) text = gw_str_skip(text, 1);
  gw_str whole = time_cut_digits(&text);
  while (!go && whole.n > 1 && whole.p[0] == '0')
    whole = gw_str_skip(whole, 1);
  bool point = gw_str_starts(text, GW_STR("."));
  if (point) text = gw_str_skip(text, 1);
  gw_str fraction = time_cut_digits(&text);
  if (whole.n == 0 && (!go || fraction.n == 0)) return false;
  if (whole.n == 0) whole = GW_STR("0");
  if (whole.n > DURATION_DIGITS_MAX || fraction.n > 9 || !gw_str_eq(text, GW_STR("s")))
    return false;
  *n = (size_t)snprintf(out, GW_TIME_TEXT_MAX, "%s" GW_STR_FMT "%s" GW_STR_FMT "s",
                        negative ? "-" : "", GW_STR_ARG(whole), fraction.n > 0 ? "." : "",
                        GW_STR_ARG(fraction));
  return true;
}

bool gw_duration_parse_as(gw_str text, gw_durations form, int64_t *seconds, int32_t *nanos) {
  char strict[GW_TIME_TEXT_MAX];
  size_t n;
  if (gw_duration_parse(text, seconds, nanos)) return true;
  if (form == GW_DURATIONS_STRICT || text.n > GW_TIME_TEXT_MAX) return false;
  return duration_rewrite(text, form, strict, &n) &&
         gw_duration_parse((gw_str){ strict, n }, seconds, nanos);
}

/* ---- Go's durations ---- */

#define GO_NANOS_MAX ((uint64_t)INT64_MAX) /* what a time.Duration can hold */

/* The unit at the start of *text, cut off; 0: none. */
static uint64_t go_cut_unit(gw_str *text) {
  static const struct {
    gw_str name;
    uint64_t nanos;
  } units[] = {
    { GW_STR_INIT("ns"), 1 },          { GW_STR_INIT("us"), 1000 },
    { GW_STR_INIT("\u00b5s"), 1000 },  { GW_STR_INIT("\u03bcs"), 1000 },
    { GW_STR_INIT("ms"), 1000000 },    { GW_STR_INIT("s"), 1000000000 },
    { GW_STR_INIT("m"), 60000000000 }, { GW_STR_INIT("h"), 3600000000000 },
  };
  for (size_t i = 0; i < GW_COUNT_OF(units); i++) {
    if (!gw_str_starts(*text, units[i].name)) continue;
    *text = gw_str_skip(*text, units[i].name.n);
    return units[i].nanos;
  }
  return 0;
}

/* "1.5h" at the start of *text, cut off, added to *nanos. */
static bool go_add_part(gw_str *text, uint64_t *nanos) {
  uint64_t whole = 0, part = 0, scale = 1, total;
  gw_str digits = time_cut_digits(text), fraction = GW_STR("");
  if (gw_str_starts(*text, GW_STR("."))) {
    *text = gw_str_skip(*text, 1);
    fraction = time_cut_digits(text);
  }
  if (digits.n + fraction.n == 0) return false;
  for (size_t i = 0; i < digits.n; i++) {
    if (whole > GO_NANOS_MAX / 10) return false;
    whole = whole * 10 + (uint64_t)(digits.p[i] - '0');
  }
  /* What is below a nanosecond even in hours does not count. */
  for (size_t i = 0; i < fraction.n && i < 14; i++) {
    part = part * 10 + (uint64_t)(fraction.p[i] - '0');
    scale *= 10;
  }
  uint64_t unit = go_cut_unit(text);
  if (unit == 0 || __builtin_mul_overflow(whole, unit, &total) || total > GO_NANOS_MAX)
    return false;
  total += (uint64_t)((unsigned __int128)part * unit / scale);
  if (total > GO_NANOS_MAX || *nanos > GO_NANOS_MAX - total) return false;
  *nanos += total;
  return true;
}

bool gw_go_duration_parse(gw_str text, int64_t *seconds, int32_t *nanos) {
  uint64_t total = 0;
  bool negative = gw_str_starts(text, GW_STR("-"));
  if (negative || gw_str_starts(text, GW_STR("+"))) text = gw_str_skip(text, 1);
  if (text.n == 0) return false;
  if (!gw_str_eq(text, GW_STR("0"))) {
    while (text.n > 0) {
      if (!go_add_part(&text, &total)) return false;
    }
  }
  *seconds = (int64_t)(total / 1000000000);
  *nanos = (int32_t)(total % 1000000000);
  if (negative) {
    *seconds = -*seconds;
    *nanos = -*nanos;
  }
  return true;
}

/* ---- field masks ---- */

gw_code gw_field_mask_path_parse(gw_str path, gw_mask_form form, gw_buf *out) {
  bool verbatim = form == GW_MASK_VERBATIM;
  size_t n = path.n;
  if (path.n == 0) return GW_BAD_VALUE;
  for (size_t i = 0; i < path.n; i++) {
    char c = path.p[i], lower = gw_char_lower(c);
    bool known = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '*' ||
                 (c == '_' && form != GW_MASK_CAMEL);
    if (!known) return GW_BAD_VALUE;
    if (c != lower && !verbatim && gw_add_overflows(n, 1, &n)) return GW_TOO_LARGE;
  }
  gw_code code = gw_buf_reserve(out, n);
  if (code != GW_OK) return code;
  char *w = out->p + out->n;
  for (size_t i = 0; i < path.n; i++) {
    char c = path.p[i];
    if (c >= 'A' && c <= 'Z' && !verbatim) *w++ = '_';
    *w++ = verbatim ? c : gw_char_lower(c);
  }
  out->n += n;
  return GW_OK;
}
