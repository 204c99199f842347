#include "migrate/value.h"

#include <math.h>

#include "base/buf.h"
#include "codec/base64.h"
#include "codec/number.h"
#include "codec/wkt_text.h"

gw_scalar gw_scalar_of(const gw_field *field, const gw_message *message) {
  if (message == NULL) return (gw_scalar){ (gw_kind)field->kind, GW_WKT_NONE, field->enumeration };
  if (message->wkt != GW_WKT_WRAPPER) return (gw_scalar){ GW_KIND_MESSAGE, message->wkt, NULL };
  return (gw_scalar){ (gw_kind)message->fields[0].kind, GW_WKT_WRAPPER, NULL };
}

/* ---- numbers ---- */

static gw_value value_of_integer(bool is_negative, uint64_t magnitude) {
  return (gw_value){ .kind = GW_VALUE_INTEGER,
                     .is_negative = is_negative && magnitude != 0,
                     .bits = magnitude };
}

static gw_value value_of_double(double number) {
  gw_value value = { .kind = GW_VALUE_DOUBLE };
  if (number == 0) number = 0; /* -0 is 0 */
  if (isnan(number)) number = NAN;
  memcpy(&value.bits, &number, sizeof number);
  return value;
}

/* The whole text is one. */
static bool value_scan(gw_str text, gw_number *out) {
  return gw_number_scan(text, out) && out->text.n == text.n;
}

static bool value_integer_of(const gw_number *number, gw_value *out) {
  int64_t negative;
  uint64_t positive;
  if (!number->negative) {
    if (gw_number_to_u64(number, &positive) != GW_OK) return false;
    *out = value_of_integer(false, positive);
    return true;
  }
  if (gw_number_to_i64(number, &negative) != GW_OK) return false;
  *out = value_of_integer(true, 0 - (uint64_t)negative);
  return true;
}

static gw_value value_of_any_number(const gw_number *number) {
  gw_value value;
  double real;
  if (value_integer_of(number, &value)) return value;
  if (gw_number_to_double(number, &real) == GW_OK) return value_of_double(real);
  return (gw_value){ .kind = GW_VALUE_HUGE, .text = number->text };
}

bool gw_value_of_number(gw_str text, gw_value *out) {
  gw_number number;
  if (!value_scan(text, &number)) return false;
  *out = value_of_any_number(&number);
  return true;
}

/* Digits are the field's: a float is a float however many there are. */
static gw_code value_read_real(gw_kind kind, const gw_json_node *node, gw_value *out) {
  static const struct {
    gw_str name;
    double value;
  } names[] = { { GW_STR_INIT("NaN"), (double)NAN },
                { GW_STR_INIT("Infinity"), (double)INFINITY },
                { GW_STR_INIT("-Infinity"), (double)-INFINITY } };
  gw_str text = gw_json_text(node);
  gw_number number;
  double real;
  float narrow;
  for (size_t i = 0; node->type == GW_JSON_STRING && i < GW_COUNT_OF(names); i++) {
    if (!gw_str_eq(text, names[i].name)) continue;
    *out = value_of_double(names[i].value);
    return GW_OK;
  }
  if (!value_scan(text, &number)) return GW_BAD_VALUE;
  if (kind == GW_KIND_FLOAT && gw_number_to_float(&number, &narrow) == GW_OK) {
    *out = value_of_double((double)narrow);
  } else if (gw_number_to_double(&number, &real) == GW_OK) {
    *out = value_of_double(real);
  } else {
    *out = (gw_value){ .kind = GW_VALUE_HUGE, .text = text };
  }
  return GW_OK;
}

/* ---- by type ---- */

static gw_code value_read_bool(const gw_json_node *node, gw_value *out) {
  gw_str text = node->n > 0 ? gw_json_text(node) : GW_STR("");
  bool is_text = node->type == GW_JSON_STRING, is_number = node->type == GW_JSON_NUMBER;
  bool yes = node->type == GW_JSON_TRUE || (is_text && gw_str_eq(text, GW_STR("true"))) ||
             (is_number && gw_str_eq(text, GW_STR("1")));
  bool no = node->type == GW_JSON_FALSE || (is_text && gw_str_eq(text, GW_STR("false"))) ||
            (is_number && gw_str_eq(text, GW_STR("0")));
  if (!yes && !no) return GW_BAD_VALUE;
  *out = (gw_value){ .kind = GW_VALUE_BOOL, .bits = yes ? 1 : 0 };
  return GW_OK;
}

static gw_code value_read_enum(const gw_enum *enumeration, const gw_json_node *node,
                               gw_value *out) {
  gw_number number;
  if (node->type == GW_JSON_NULL && enumeration->null_value) {
    *out = value_of_integer(false, 0);
    return GW_OK;
  }
  if (node->type != GW_JSON_STRING && node->type != GW_JSON_NUMBER) return GW_BAD_VALUE;
  const gw_enum_value *named = gw_enum_by_name(enumeration, gw_json_text(node));
  if (node->type == GW_JSON_STRING && named != NULL) {
    int64_t n = named->number;
    *out = value_of_integer(n < 0, n < 0 ? (uint64_t)-n : (uint64_t)n);
    return GW_OK;
  }
  if (!value_scan(gw_json_text(node), &number)) return GW_BAD_VALUE;
  return value_integer_of(&number, out) ? GW_OK : GW_BAD_VALUE;
}

static gw_code value_read_bytes(gw_str text, gw_arena *arena, gw_value *out) {
  size_t n;
  char *bytes = gw_arena_alloc(arena, GW_BASE64_DECODED_MAX(text.n));
  if (bytes == NULL) return GW_NOMEM;
  if (!gw_base64_decode(text, bytes, &n)) return GW_BAD_VALUE;
  *out = (gw_value){ .kind = GW_VALUE_TEXT, .text = { bytes, n } };
  return GW_OK;
}

/* "userId,name" and "user_id,name" are the same paths. */
static gw_code value_read_mask(gw_str text, gw_arena *arena, gw_value *out) {
  gw_buf paths;
  gw_code code = GW_OK;
  gw_buf_init(&paths, arena, 2 * text.n + 1);
  while (text.n > 0 && code == GW_OK) {
    gw_str path = gw_str_cut(&text, ',');
    if (paths.n > 0) code = gw_buf_append(&paths, GW_STR(","));
    if (code == GW_OK) code = gw_field_mask_path_parse(path, GW_MASK_EITHER, &paths);
  }
  if (code != GW_OK) return code == GW_BAD_VALUE ? code : GW_NOMEM;
  *out = (gw_value){ .kind = GW_VALUE_TEXT, .text = gw_buf_str(&paths) };
  return GW_OK;
}

static gw_code value_read_wkt(gw_wkt wkt, gw_str text, gw_arena *arena, gw_value *out) {
  int64_t seconds = 0;
  int32_t nanos = 0;
  if (wkt == GW_WKT_FIELD_MASK) return value_read_mask(text, arena, out);
  bool read = wkt == GW_WKT_TIMESTAMP ? gw_timestamp_parse(text, &seconds, &nanos)
                                      : gw_duration_parse(text, &seconds, &nanos);
  if (!read) return GW_BAD_VALUE;
  *out = (gw_value){ .kind = GW_VALUE_TIME, .bits = (uint64_t)seconds, .nanos = nanos };
  return GW_OK;
}

gw_code gw_value_read(gw_scalar scalar, const gw_json_node *node, gw_arena *arena, gw_value *out) {
  gw_number number;
  bool is_text = node->type == GW_JSON_STRING;
  if (scalar.kind == GW_KIND_BOOL) return value_read_bool(node, out);
  if (scalar.kind == GW_KIND_ENUM) return value_read_enum(scalar.enumeration, node, out);
  if (!is_text && node->type != GW_JSON_NUMBER) return GW_BAD_VALUE;
  gw_str text = gw_json_text(node);
  switch (scalar.kind) {
  case GW_KIND_DOUBLE:
  case GW_KIND_FLOAT: return value_read_real(scalar.kind, node, out);
  case GW_KIND_STRING:
    *out = (gw_value){ .kind = GW_VALUE_TEXT, .text = text };
    return is_text ? GW_OK : GW_BAD_VALUE;
  case GW_KIND_BYTES: return is_text ? value_read_bytes(text, arena, out) : GW_BAD_VALUE;
  case GW_KIND_GROUP:
  case GW_KIND_MESSAGE:
    return is_text ? value_read_wkt(scalar.wkt, text, arena, out) : GW_BAD_VALUE;
  default: /* integers */
    if (!value_scan(text, &number)) return GW_BAD_VALUE;
    *out = value_of_any_number(&number);
    return GW_OK;
  }
}

/* ---- what is known of a value ---- */

bool gw_value_eq(const gw_value *a, const gw_value *b) {
  return a->kind == b->kind && a->is_negative == b->is_negative && a->bits == b->bits &&
         a->nanos == b->nanos && gw_str_eq(a->text, b->text);
}

uint64_t gw_value_hash(const gw_value *value) {
  const uint64_t k = 0x9E3779B97F4A7C15ull;
  uint64_t hash = gw_str_hash(value->text, (uint64_t)value->kind * k);
  hash = (hash ^ value->bits) * k;
  return (hash ^ hash >> 29 ^ (uint64_t)(uint32_t)value->nanos ^ (value->is_negative ? k : 0)) * k;
}

bool gw_value_to_double(const gw_value *value, double *out) {
  if (value->kind == GW_VALUE_INTEGER) {
    *out = value->is_negative ? -(double)value->bits : (double)value->bits;
    return true;
  }
  if (value->kind != GW_VALUE_DOUBLE) return false;
  memcpy(out, &value->bits, sizeof *out);
  return true;
}

bool gw_value_is_default(const gw_value *value, const gw_field *field, gw_scalar scalar,
                         gw_arena *arena) {
  if (field != NULL && !field->repeated && field->message == NULL &&
      field->default_value.p != NULL && scalar.kind != GW_KIND_BYTES) { /* those have C's escapes */
    gw_json_node node = { .type = GW_JSON_STRING };
    gw_value set;
    node.text = field->default_value.p;
    node.n = (uint32_t)field->default_value.n;
    return gw_value_read(scalar, &node, arena, &set) == GW_OK && gw_value_eq(value, &set);
  }
  return value->kind != GW_VALUE_HUGE && value->bits == 0 && value->nanos == 0 &&
         value->text.n == 0;
}
