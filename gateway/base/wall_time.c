#include "base/wall_time.h"

#include <stdio.h>
#include <time.h>

void gw_wall_time_print(uint64_t wall_ms, char out[GW_WALL_TIME_BYTES]) {
  struct tm utc;
  time_t seconds = (time_t)(wall_ms / 1000);
  gmtime_r(&seconds, &utc);
  snprintf(out, GW_WALL_TIME_BYTES, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", utc.tm_year + 1900,
           utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
           (unsigned)(wall_ms % 1000));
}

bool gw_wall_time_parse(gw_str text, uint64_t *wall_ms) {
  struct tm utc = { 0 };
  unsigned millis;
  char copy[GW_WALL_TIME_BYTES], again[GW_WALL_TIME_BYTES];
  if (text.n >= sizeof copy || text.n == 0) return false;
  memcpy(copy, text.p, text.n);
  copy[text.n] = '\0';
  if (sscanf(copy, "%4d-%2d-%2dT%2d:%2d:%2d.%3uZ", &utc.tm_year, &utc.tm_mon, &utc.tm_mday,
             &utc.tm_hour, &utc.tm_min, &utc.tm_sec, &millis) != 7)
    return false;
  utc.tm_year -= 1900;
  utc.tm_mon -= 1;
  time_t seconds = timegm(&utc);
  if (seconds < 0) return false;
  uint64_t ms = (uint64_t)seconds * 1000 + millis;
  gw_wall_time_print(ms, again); /* neither a 31st of June nor anything behind */
  if (!gw_str_eq(gw_str_of(again), text)) return false;
  *wall_ms = ms;
  return true;
}
