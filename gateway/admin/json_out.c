#include "admin/json_out.h"

#include <inttypes.h>

#include "base/wall_time.h"

#define json_printf(w, ...)                                                                        \
  do {                                                                                             \
    if ((w)->code == GW_OK) (w)->code = gw_buf_printf((w)->out, __VA_ARGS__);                      \
  } while (0)

void gw_json_out_put(gw_json_out *w, gw_str s) {
  if (w->code == GW_OK) w->code = gw_buf_append(w->out, s);
}

void gw_json_out_text(gw_json_out *w, gw_str value) {
  if (value.p == NULL)
    gw_json_out_put(w, GW_STR("null"));
  else if (w->code == GW_OK)
    w->code = gw_buf_append_json_string(w->out, value);
}

void gw_json_out_key(gw_json_out *w, const char *key) {
  json_printf(w, ",\"%s\":", key);
}

void gw_json_out_member(gw_json_out *w, const char *key, gw_str value) {
  gw_json_out_key(w, key);
  gw_json_out_text(w, value);
}

void gw_json_out_count(gw_json_out *w, const char *key, uint64_t value) {
  json_printf(w, ",\"%s\":%" PRIu64, key, value);
}

void gw_json_out_bool(gw_json_out *w, const char *key, bool value) {
  json_printf(w, ",\"%s\":%s", key, value ? "true" : "false");
}

void gw_json_out_share(gw_json_out *w, const char *key, uint32_t share) {
  char text[GW_SHARE_TEXT_MAX];
  gw_share_print(share, text);
  json_printf(w, ",\"%s\":\"%s\"", key, text);
}

void gw_json_out_ms(gw_json_out *w, const char *key, double us, bool is_known) {
  if (is_known)
    json_printf(w, ",\"%s\":%.3f", key, us / 1000);
  else
    json_printf(w, ",\"%s\":null", key);
}

void gw_json_out_ratio(gw_json_out *w, const char *key, double ratio, bool is_known) {
  if (is_known)
    json_printf(w, ",\"%s\":%.6f", key, ratio);
  else
    json_printf(w, ",\"%s\":null", key);
}

void gw_json_out_time(gw_json_out *w, const char *key, uint64_t wall_ms) {
  char text[GW_WALL_TIME_BYTES];
  gw_wall_time_print(wall_ms, text);
  gw_json_out_member(w, key, wall_ms > 0 ? gw_str_of(text) : (gw_str){ NULL, 0 });
}

void gw_json_out_stand(gw_json_out *w, gw_stand stand) {
  json_printf(w, "\"stage\":\"" GW_STR_FMT "\"", GW_STR_ARG(gw_stage_name(stand.stage)));
  if (stand.stage == GW_STAGE_CANARY)
    gw_json_out_share(w, "share", stand.share);
  else
    gw_json_out_put(w, GW_STR(",\"share\":null"));
}
