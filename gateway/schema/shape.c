/* shape: what the codec relies on without looking: map entries hold a key and a value, well-known
 * types the fields that protobuf gives them.  A set may define google.protobuf.Timestamp as it
 * likes; then it is refused here. */
#include "schema/build.h"

typedef struct shape_field {
  uint8_t kind;
  bool repeated;
  gw_wkt wkt; /* of its message */
} shape_field;

/* Fields are numbered from 1 without gaps. */
typedef struct shape_row {
  gw_str name;
  gw_wkt wkt;
  shape_field fields[6];
} shape_row;

#define SHAPE_WRAPPER(name, kind)                                                                  \
  {                                                                                                \
    GW_STR_INIT("google.protobuf." name), GW_WKT_WRAPPER, {                                        \
      { kind, false, GW_WKT_NONE }                                                                 \
    }                                                                                              \
  }

static const shape_row shape_rows[] = {
  { GW_STR_INIT("google.protobuf.Any"),
    GW_WKT_ANY,
    { { GW_KIND_STRING, false, GW_WKT_NONE }, { GW_KIND_BYTES, false, GW_WKT_NONE } } },
  { GW_STR_INIT("google.protobuf.Timestamp"),
    GW_WKT_TIMESTAMP,
    { { GW_KIND_INT64, false, GW_WKT_NONE }, { GW_KIND_INT32, false, GW_WKT_NONE } } },
  { GW_STR_INIT("google.protobuf.Duration"),
    GW_WKT_DURATION,
    { { GW_KIND_INT64, false, GW_WKT_NONE }, { GW_KIND_INT32, false, GW_WKT_NONE } } },
  { GW_STR_INIT("google.protobuf.FieldMask"),
    GW_WKT_FIELD_MASK,
    { { GW_KIND_STRING, true, GW_WKT_NONE } } },
  { GW_STR_INIT("google.protobuf.Struct"),
    GW_WKT_STRUCT,
    { { GW_KIND_MESSAGE, true, GW_WKT_NONE } } },
  { GW_STR_INIT("google.protobuf.Value"),
    GW_WKT_VALUE,
    { { GW_KIND_ENUM, false, GW_WKT_NONE },
      { GW_KIND_DOUBLE, false, GW_WKT_NONE },
      { GW_KIND_STRING, false, GW_WKT_NONE },
      { GW_KIND_BOOL, false, GW_WKT_NONE },
      { GW_KIND_MESSAGE, false, GW_WKT_STRUCT },
      { GW_KIND_MESSAGE, false, GW_WKT_LIST_VALUE } } },
  { GW_STR_INIT("google.protobuf.ListValue"),
    GW_WKT_LIST_VALUE,
    { { GW_KIND_MESSAGE, true, GW_WKT_VALUE } } },
  { GW_STR_INIT("google.protobuf.Empty"), GW_WKT_EMPTY, { { 0, false, GW_WKT_NONE } } },
  { GW_STR_INIT("google.api.HttpBody"),
    GW_WKT_HTTP_BODY,
    { { GW_KIND_STRING, false, GW_WKT_NONE },
      { GW_KIND_BYTES, false, GW_WKT_NONE },
      { GW_KIND_MESSAGE, true, GW_WKT_ANY } } },
  SHAPE_WRAPPER("DoubleValue", GW_KIND_DOUBLE),
  SHAPE_WRAPPER("FloatValue", GW_KIND_FLOAT),
  SHAPE_WRAPPER("Int64Value", GW_KIND_INT64),
  SHAPE_WRAPPER("UInt64Value", GW_KIND_UINT64),
  SHAPE_WRAPPER("Int32Value", GW_KIND_INT32),
  SHAPE_WRAPPER("UInt32Value", GW_KIND_UINT32),
  SHAPE_WRAPPER("BoolValue", GW_KIND_BOOL),
  SHAPE_WRAPPER("StringValue", GW_KIND_STRING),
  SHAPE_WRAPPER("BytesValue", GW_KIND_BYTES),
};

static const shape_row *shape_find(gw_str full_name) {
  if (!gw_str_starts(full_name, GW_STR("google."))) return NULL;
  for (size_t i = 0; i < GW_COUNT_OF(shape_rows); i++) {
    if (gw_str_eq(shape_rows[i].name, full_name)) return &shape_rows[i];
  }
  return NULL;
}

gw_wkt gw_shape_wkt(gw_str full_name) {
  const shape_row *row = shape_find(full_name);
  return row != NULL ? row->wkt : GW_WKT_NONE;
}

static bool shape_field_fits(const gw_field *field, const shape_field *wanted, uint32_t number) {
  return field->number == number && field->kind == wanted->kind &&
         field->repeated == wanted->repeated &&
         (field->message == NULL || field->message->wkt == wanted->wkt) &&
         (field->enumeration == NULL || field->enumeration->null_value);
}

static bool shape_is_struct_map(const gw_field *field) {
  const gw_message *entry = field->message;
  return field->map && entry->field_count == 2 && entry->fields[0].kind == GW_KIND_STRING &&
         entry->fields[1].kind == GW_KIND_MESSAGE && entry->fields[1].message->wkt == GW_WKT_VALUE;
}

static void shape_check_known(gw_build *b, const gw_build_message *m) {
  const shape_row *row = shape_find(m->message->full_name);
  uint32_t wanted = 0;
  while (wanted < GW_COUNT_OF(row->fields) && row->fields[wanted].kind != 0)
    wanted++;
  bool fits = m->message->field_count == wanted;
  for (uint32_t i = 0; i < wanted && fits; i++)
    fits = shape_field_fits(&m->message->fields[i], &row->fields[i], i + 1);
  if (fits && row->wkt == GW_WKT_STRUCT) fits = shape_is_struct_map(&m->message->fields[0]);
  if (fits) return;
  gw_build_error(b, GW_BAD_VALUE, m->file, m->message->full_name,
                 "has not the fields that every protobuf implementation gives this type");
}

static bool shape_key_fits(const gw_field *key) {
  switch (key->kind) {
  case GW_KIND_DOUBLE:
  case GW_KIND_FLOAT:
  case GW_KIND_BYTES:
  case GW_KIND_ENUM:
  case GW_KIND_MESSAGE:
  case GW_KIND_GROUP: return false;
  default: return true;
  }
}

static void shape_check_entry(gw_build *b, const gw_build_message *m) {
  const gw_message *entry = m->message;
  const gw_field *f = entry->fields;
  if (entry->field_count == 2 && f[0].number == 1 && f[1].number == 2 && !f[0].repeated &&
      !f[1].repeated && !f[1].extension && f[0].oneof < 0 && f[1].oneof < 0 &&
      shape_key_fits(&f[0])) {
    return;
  }
  gw_build_error(b, GW_BAD_VALUE, m->file, entry->full_name,
                 "is marked as a map's entry; expected field 1, an integer, bool or string key, "
                 "and field 2, the value");
}

/* An entry has meaning only as the element of a map. */
static void shape_check_uses(gw_build *b, const gw_build_message *m) {
  for (uint32_t i = 0; i < m->message->field_count; i++) {
    const gw_field *field = &m->message->fields[i];
    if (field->message == NULL || !field->message->map_entry || field->map) continue;
    gw_build_error(b, GW_BAD_VALUE, m->file, m->message->full_name,
                   "has the field \"" GW_STR_FMT "\" of a map's entry type; expected it repeated",
                   GW_STR_ARG(field->name));
  }
}

/* protoc demands it too: an item has no place for anything else. */
static void shape_check_set(gw_build *b, const gw_build_message *m) {
  for (uint32_t i = 0; i < m->message->field_count; i++) {
    const gw_field *field = &m->message->fields[i];
    if (field->item && !field->repeated) continue;
    gw_build_error(b, GW_BAD_VALUE, m->file, m->message->full_name,
                   "is a message set with the field \"" GW_STR_FMT
                   "\"; expected only extensions that are single messages",
                   GW_STR_ARG(field->name));
  }
}

void gw_shape_check(gw_build *b) {
  for (uint32_t i = 0; i < b->pool->message_count; i++) {
    const gw_build_message *m = &b->messages[i];
    shape_check_uses(b, m);
    if (m->message->map_entry) shape_check_entry(b, m);
    if (m->message->wkt == GW_WKT_MESSAGE_SET) {
      shape_check_set(b, m);
    } else if (m->message->wkt != GW_WKT_NONE) {
      shape_check_known(b, m);
    }
  }
}
