#include "exchange/bound_headers.h"

#include "codec/wire_find.h"
#include "codec/wire_to_json.h"

#define BOUND_VALUE_MAX GW_KIB(8)

/* The message that holds the path's last field; false: it is not there. */
static bool bound_descend(const gw_field_path *path, gw_str *message) {
  for (uint32_t i = 0; i + 1 < path->count; i++) {
    if (!gw_wire_find(*message, path->fields[i]->number, message)) return false;
  }
  return true;
}

/* A JSON scalar as a header's value: a string without its quotes; n == 0: it has none. */
static gw_str bound_text(gw_str json) {
  gw_str none = { NULL, 0 };
  if (json.n == 0 || gw_str_eq(json, GW_STR("null"))) return none;
  if (json.p[0] == '{' || json.p[0] == '[') return none;
  if (json.p[0] != '"') return json;
  gw_str text = { json.p + 1, json.n - 2 };
  for (size_t i = 0; i < text.n; i++) {
    unsigned char c = (unsigned char)text.p[i];
    if (c < 0x20 || c > 0x7e || c == '\\') return none;
  }
  return text;
}

uint32_t gw_bound_headers(gw_exchange *exchange, gw_codec *codec, gw_str message, gw_header *out,
                          uint32_t max) {
  const gw_route *route = exchange->rule->route;
  uint32_t count = 0;
  for (uint32_t i = 0; i < route->header_bind_count && count < max; i++) {
    const gw_header_bind *bind = &route->header_binds[i];
    gw_str holder = message;
    gw_buf json;
    gw_err err;
    if (!bind->response || !bound_descend(&bind->field, &holder)) continue;
    gw_err_init(&err);
    gw_buf_init(&json, codec->arena, BOUND_VALUE_MAX);
    const gw_field *field = bind->field.fields[bind->field.count - 1];
    gw_code code = gw_wire_to_json_field(codec, field, holder, &json, &err);
    gw_str text = code == GW_OK ? bound_text(gw_buf_str(&json)) : (gw_str){ NULL, 0 };
    if (text.n > 0) {
      out[count++] = (gw_header){ bind->header, text };
    } else {
      gw_count(&exchange->engine->metrics->dropped_headers_total, 1);
    }
  }
  return count;
}
