/* wall_time: a point in time as people and JSON write it: RFC 3339, UTC, with milliseconds.
 * Pure; any thread. */
#pragma once

#include "base/str.h"

#define GW_WALL_TIME_BYTES 80u /* 25 until the year 9999; the compiler counts on more */

/* "2026-01-02T03:04:05.678Z", NUL-terminated; wall_ms: since 1970. */
void gw_wall_time_print(uint64_t wall_ms, char out[GW_WALL_TIME_BYTES]);
/* Reads what print writes, and nothing else. */
bool gw_wall_time_parse(gw_str text, uint64_t *wall_ms);
