/* wkt_text: the text forms of Timestamp, Duration and FieldMask (their .proto comments).
 * Pure; any thread. */
#pragma once

#include "base/buf.h"

#define GW_TIME_TEXT_MAX 40 /* bytes of any timestamp or duration */

/* RFC 3339 as ProtoJSON restricts it: upper-case T and Z, offset with colon, at most 9 digits,
 * 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z after the offset. */
bool gw_timestamp_parse(gw_str text, int64_t *seconds, int32_t *nanos);
/* 0, 3, 6 or 9 digits.  Returns 0 when out of range. */
size_t gw_timestamp_print(int64_t seconds, int32_t nanos, char *out);

/* "-1.5s": at most 315576000000 s and a fraction; nanos take the sign of seconds. */
bool gw_duration_parse(gw_str text, int64_t *seconds, int32_t *nanos);
size_t gw_duration_print(int64_t seconds, int32_t nanos, char *out);

/* One FieldMask path, camelCase -> snake_case.  False: '_' in it (unless `snake_too`), or a
 * character that no path has.  Appends to out; *code is GW_NOMEM or GW_TOO_LARGE when the buffer is
 * full. */
GW_CHECKED gw_code gw_field_mask_path_parse(gw_str path, bool snake_too, gw_buf *out);
/* snake_case -> camelCase; GW_BAD_VALUE when it does not convert back identically. */
GW_CHECKED gw_code gw_field_mask_path_print(gw_str path, gw_buf *out);
