#include "exchange/bound_headers.h"

#include "codec/wire_find.h"
#include "codec/wire_to_json.h"
#include "exchange/metadata.h"

#define BOUND_VALUE_MAX GW_KIB(8)

static bool bound_is_text(const gw_field *field) {
  if (field->message != NULL) field = &field->message->fields[0]; /* a wrapper's */
  return field->kind == GW_KIND_STRING;
}

/* A string as it is: JSON would escape its quotes, which an ETag has. */
static gw_code bound_string(const gw_codec *codec, const gw_field *field, gw_str holder,
                            gw_str *text) {
  uint32_t number = field->number;
  gw_code code = GW_OK;
  if (field->message != NULL) {
    code = gw_wire_find_message(holder, &field, 1, codec->arena, &holder);
    number = 1;
  }
  return code == GW_OK ? gw_wire_find_bytes(holder, number, text) : code;
}

/* Anything else as its JSON, without the quotes. */
static gw_code bound_scalar(gw_codec *codec, const gw_field *field, gw_str holder, gw_str *text) {
  gw_buf json;
  gw_err err;
  gw_err_init(&err);
  gw_buf_init(&json, codec->arena, BOUND_VALUE_MAX);
  gw_code code = gw_wire_to_json_field(codec, field, holder, &json, &err);
  if (code == GW_OK) *text = gw_str_trim(gw_buf_str(&json), "\"");
  return code;
}

/* text->n == 0: the field is not set. */
static gw_code bound_text(gw_codec *codec, const gw_header_bind *bind, gw_str message,
                          gw_str *text) {
  const gw_field_path *path = &bind->field;
  const gw_field *field = path->fields[path->count - 1];
  gw_str holder;
  *text = (gw_str){ NULL, 0 };
  gw_code code =
      gw_wire_find_message(message, path->fields, path->count - 1, codec->arena, &holder);
  if (code != GW_OK) return code;
  if (field->presence && !gw_wire_find_any(holder, field->number)) return GW_OK;
  code = bound_is_text(field) ? bound_string(codec, field, holder, text)
                              : bound_scalar(codec, field, holder, text);
  if (code != GW_OK) return code;
  bool fits = text->n <= BOUND_VALUE_MAX && gw_metadata_fits(bind->header, *text);
  return fits ? GW_OK : GW_BAD_VALUE;
}

/* Takes the fields of this name out; returns how many are left. */
static uint32_t bound_remove(gw_header *fields, uint32_t count, gw_str name) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (!gw_str_eq(fields[i].name, name)) fields[kept++] = fields[i];
  }
  return kept;
}

uint32_t gw_bound_headers(gw_exchange *exchange, gw_codec *codec, gw_str message, gw_header *fields,
                          uint32_t count, uint32_t max) {
  const gw_route *route = exchange->rule->route;
  for (uint32_t i = 0; i < route->header_bind_count; i++) {
    const gw_header_bind *bind = &route->header_binds[i];
    gw_str text;
    if (!bind->response) continue;
    gw_code code = bound_text(codec, bind, message, &text);
    if (code == GW_OK && text.n == 0) continue;
    if (code == GW_OK) count = bound_remove(fields, count, bind->header);
    if (code == GW_OK && count < max) {
      fields[count++] = (gw_header){ bind->header, text };
    } else {
      gw_count(&exchange->engine->metrics->dropped_headers_total, 1);
    }
  }
  return count;
}
