/* wkt_text: the text forms of Timestamp, Duration and FieldMask (their .proto comments).
 * Pure; any thread. */
#pragma once

#include "codec/codec.h"

#define GW_TIME_TEXT_MAX 40 /* bytes of any timestamp or duration */

/* RFC 3339 as ProtoJSON restricts it: upper-case T and Z, offset with colon, at most 9 digits,
 * 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z after the offset. */
bool gw_timestamp_parse(gw_str text, int64_t *seconds, int32_t *nanos);
/* 0, 3, 6 or 9 digits.  Returns 0 when out of range. */
size_t gw_timestamp_print(int64_t seconds, int32_t nanos, char *out);

/* "-1.5s": at most 315576000000 s and a fraction; nanos take the sign of seconds. */
bool gw_duration_parse(gw_str text, int64_t *seconds, int32_t *nanos);
/* Also what peers take (D-46). */
bool gw_duration_parse_as(gw_str text, gw_durations form, int64_t *seconds, int32_t *nanos);
/* Go's time.ParseDuration(): "-1h15m30.5s", "300ms", "0" (D-25). */
bool gw_go_duration_parse(gw_str text, int64_t *seconds, int32_t *nanos);
size_t gw_duration_print(int64_t seconds, int32_t nanos, char *out);

/* How the paths of a FieldMask are spelled (D-26). */
typedef enum gw_mask_form {
  GW_MASK_CAMEL,   /* camelCase, which becomes snake_case; no "_" */
  GW_MASK_EITHER,  /* "_" too */
  GW_MASK_VERBATIM /* nothing is converted */
} gw_mask_form;

/* One FieldMask path, appended to out.  GW_BAD_VALUE: it is empty, or holds a character that no
 * path has; GW_NOMEM or GW_TOO_LARGE: the buffer is full. */
GW_CHECKED gw_code gw_field_mask_path_parse(gw_str path, gw_mask_form form, gw_buf *out);
/* snake_case -> camelCase; GW_BAD_VALUE when it does not convert back identically. */
GW_CHECKED gw_code gw_field_mask_path_print(gw_str path, gw_buf *out);
