/* json_out: writing the operators' JSON straight into a buffer; lists of thousands of routes need
 * no tree.  The first failure stops all further writing; its code is the answer. Members begin with
 * their comma.  Pure; any thread.  Errors in `code`: GW_TOO_LARGE, GW_NOMEM. */
#pragma once

#include "base/buf.h"
#include "migrate/stage.h"

typedef struct gw_json_out {
  gw_buf *out;
  gw_code code;
} gw_json_out;

void gw_json_out_put(gw_json_out *w, gw_str s);      /* as it is */
void gw_json_out_text(gw_json_out *w, gw_str value); /* in quotes; p == NULL: null */

/* ,"key": and the value */
void gw_json_out_key(gw_json_out *w, const char *key);
void gw_json_out_member(gw_json_out *w, const char *key, gw_str value);
void gw_json_out_count(gw_json_out *w, const char *key, uint64_t value);
void gw_json_out_bool(gw_json_out *w, const char *key, bool value);
void gw_json_out_share(gw_json_out *w, const char *key, uint32_t share); /* "12.5%" */
/* Milliseconds of microseconds, and shares of one; null unless `is_known`. */
void gw_json_out_ms(gw_json_out *w, const char *key, double us, bool is_known);
void gw_json_out_ratio(gw_json_out *w, const char *key, double ratio, bool is_known);
/* RFC 3339, UTC, of wall time; 0: null. */
void gw_json_out_time(gw_json_out *w, const char *key, uint64_t wall_ms);

/* "stage":"canary","share":"10%" (null but for canary), without a comma before it. */
void gw_json_out_stand(gw_json_out *w, gw_stand stand);
