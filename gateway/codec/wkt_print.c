#include "codec/number.h"
#include "codec/wkt_text.h"

#define TIMESTAMP_SECONDS_MIN (-62135596800ll) /* 0001-01-01T00:00:00Z */
#define TIMESTAMP_SECONDS_MAX 253402300799ll   /* 9999-12-31T23:59:59Z */
#define DURATION_SECONDS_MAX  315576000000ll   /* duration.proto: about 10,000 years */
#define NANOS_MAX             999999999
#define DAY_SECONDS           86400

static char *pair_write(char *out, unsigned value) {
  out[0] = (char)('0' + value / 10);
  out[1] = (char)('0' + value % 10);
  return out + 2;
}

/* 0, 3, 6 or 9 digits, with their point. */
static char *nanos_write(char *out, unsigned nanos) {
  if (nanos == 0) return out;
  int digits = nanos % 1000000 == 0 ? 3 : nanos % 1000 == 0 ? 6 : 9;
  for (int i = digits; i < 9; i++) {
    nanos /= 10;
  }
  *out++ = '.';
  for (int i = digits; i > 0; i--) {
    out[i - 1] = (char)('0' + nanos % 10);
    nanos /= 10;
  }
  return out + digits;
}

/* Days since 0000-03-01, when a leap day is the last day of its year, make months regular. */
static char *date_write(char *out, unsigned days) {
  unsigned era = days / 146097, of_era = days % 146097;
  unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  unsigned shifted = (5 * of_year + 2) / 153;
  unsigned day = of_year - (153 * shifted + 2) / 5 + 1;
  unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
  unsigned year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  out = pair_write(pair_write(out, year / 100), year % 100);
  *out++ = '-';
  out = pair_write(out, month);
  *out++ = '-';
  return pair_write(out, day);
}

size_t gw_timestamp_print(int64_t seconds, int32_t nanos, char *out) {
  if (seconds < TIMESTAMP_SECONDS_MIN || seconds > TIMESTAMP_SECONDS_MAX) return 0;
  if (nanos < 0 || nanos > NANOS_MAX) return 0;
  /* 306 days from 0000-03-01 to 0001-01-01 */
  uint64_t since = (uint64_t)(seconds - TIMESTAMP_SECONDS_MIN) + 306ull * DAY_SECONDS;
  unsigned of_day = (unsigned)(since % DAY_SECONDS);
  char *end = date_write(out, (unsigned)(since / DAY_SECONDS));
  *end++ = 'T';
  end = pair_write(end, of_day / 3600);
  *end++ = ':';
  end = pair_write(end, of_day / 60 % 60);
  *end++ = ':';
  end = nanos_write(pair_write(end, of_day % 60), (unsigned)nanos);
  *end++ = 'Z';
  return (size_t)(end - out);
}

size_t gw_duration_print(int64_t seconds, int32_t nanos, char *out) {
  if (seconds < -DURATION_SECONDS_MAX || seconds > DURATION_SECONDS_MAX) return 0;
  if (nanos < -NANOS_MAX || nanos > NANOS_MAX) return 0;
  if ((seconds < 0 && nanos > 0) || (seconds > 0 && nanos < 0)) return 0;
  char *end = out;
  if (seconds < 0 || nanos < 0) *end++ = '-';
  end += gw_number_print_u64((uint64_t)(seconds < 0 ? -seconds : seconds), end);
  end = nanos_write(end, (unsigned)(nanos < 0 ? -nanos : nanos));
  *end++ = 's';
  return (size_t)(end - out);
}

/* Printed without escapes, and a comma would end the path. */
static bool field_mask_char(char c) {
  return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != ',';
}

gw_code gw_field_mask_path_print(gw_str path, gw_buf *out) {
  gw_code code = gw_buf_reserve(out, path.n);
  if (code != GW_OK) return code;
  char *end = out->p + out->n;
  for (size_t i = 0; i < path.n; i++) {
    char c = path.p[i];
    if (!field_mask_char(c) || (c >= 'A' && c <= 'Z')) return GW_BAD_VALUE;
    if (c == '_') {
      if (++i == path.n || path.p[i] < 'a' || path.p[i] > 'z') return GW_BAD_VALUE;
      c = (char)(path.p[i] - 'a' + 'A');
    }
    *end++ = c;
  }
  out->n = (size_t)(end - out->p);
  return GW_OK;
}
