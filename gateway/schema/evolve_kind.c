/* evolve_kind: what another type or label of a field does to its bytes and to its JSON. */
#include "schema/evolve_work.h"

/* Kinds that read each other's bytes (protobuf.dev: Updating A Message Type). */
typedef enum wire_group {
  WIRE_VARINT,
  WIRE_ZIGZAG,
  WIRE_FIXED32,
  WIRE_FIXED64,
  WIRE_BYTES,
  WIRE_MESSAGE,
  WIRE_ALONE /* float, double, groups: only themselves */
} wire_group;

/* How a value looks in JSON. */
typedef enum json_class {
  JSON_NUMBER,
  JSON_INT64, /* digits in quotes */
  JSON_FLOAT,
  JSON_BOOL,
  JSON_STRING,
  JSON_BASE64,
  JSON_ENUM,
  JSON_OBJECT,
  JSON_OWN /* well-known types */
} json_class;

typedef struct kind_row {
  uint8_t group, json;
  bool is_unsigned;
} kind_row;

static const kind_row kind_rows[GW_KIND_COUNT] = {
  [GW_KIND_DOUBLE] = { WIRE_ALONE, JSON_FLOAT, false },
  [GW_KIND_FLOAT] = { WIRE_ALONE, JSON_FLOAT, false },
  [GW_KIND_INT64] = { WIRE_VARINT, JSON_INT64, false },
  [GW_KIND_UINT64] = { WIRE_VARINT, JSON_INT64, true },
  [GW_KIND_INT32] = { WIRE_VARINT, JSON_NUMBER, false },
  [GW_KIND_FIXED64] = { WIRE_FIXED64, JSON_INT64, true },
  [GW_KIND_FIXED32] = { WIRE_FIXED32, JSON_NUMBER, true },
  [GW_KIND_BOOL] = { WIRE_VARINT, JSON_BOOL, true },
  [GW_KIND_STRING] = { WIRE_BYTES, JSON_STRING, false },
  [GW_KIND_GROUP] = { WIRE_ALONE, JSON_OBJECT, false },
  [GW_KIND_MESSAGE] = { WIRE_MESSAGE, JSON_OBJECT, false },
  [GW_KIND_BYTES] = { WIRE_BYTES, JSON_BASE64, false },
  [GW_KIND_UINT32] = { WIRE_VARINT, JSON_NUMBER, true },
  [GW_KIND_ENUM] = { WIRE_VARINT, JSON_ENUM, false },
  [GW_KIND_SFIXED32] = { WIRE_FIXED32, JSON_NUMBER, false },
  [GW_KIND_SFIXED64] = { WIRE_FIXED64, JSON_INT64, false },
  [GW_KIND_SINT32] = { WIRE_ZIGZAG, JSON_NUMBER, false },
  [GW_KIND_SINT64] = { WIRE_ZIGZAG, JSON_INT64, false },
};

/* ---- bytes ---- */

/* Wrappers are written as their value in JSON, and have the bytes of a message around it. */
static const gw_field *kind_unwrap(const gw_field *field) {
  bool wrapper = field->message != NULL && field->message->wkt == GW_WKT_WRAPPER;
  return wrapper && field->message->field_count > 0 ? &field->message->fields[0] : field;
}

static gw_effect kind_grpc(const gw_field *older, const gw_field *newer) {
  if (kind_unwrap(older) != older && kind_unwrap(newer) != newer) {
    older = kind_unwrap(older);
    newer = kind_unwrap(newer);
  }
  uint8_t from = kind_rows[older->kind].group, to = kind_rows[newer->kind].group;
  if (older->kind == newer->kind) {
    bool same = older->message == NULL || gw_evolve_is_comparable(older->message, newer->message);
    return same ? (gw_effect){ 0 } : (gw_effect){ GW_WEIGHT_BREAK, NULL };
  }
  if (from == to && from == WIRE_BYTES)
    return (gw_effect){ GW_WEIGHT_WARNING, "the same bytes, if they are UTF-8" };
  if (from == to && from != WIRE_ALONE)
    return (gw_effect){ GW_WEIGHT_WARNING, "the same bytes, but values that do not fit are cut" };
  if ((from == WIRE_MESSAGE && newer->kind == GW_KIND_BYTES) ||
      (to == WIRE_MESSAGE && older->kind == GW_KIND_BYTES))
    return (gw_effect){ GW_WEIGHT_WARNING, "the same bytes, if they are a message" };
  return (gw_effect){ GW_WEIGHT_BREAK, "other bytes" };
}

/* ---- JSON ---- */

static json_class kind_json(const gw_field *field) {
  bool own = field->message != NULL &&
             (gw_message_has_own_json(field->message) || field->message->wkt == GW_WKT_HTTP_BODY);
  return own ? JSON_OWN : (json_class)kind_rows[field->kind].json;
}

static gw_effect kind_rest_same(const gw_field *older, const gw_field *newer, json_class class) {
  if (class == JSON_OWN && !gw_str_eq(older->message->full_name, newer->message->full_name))
    return (gw_effect){ GW_WEIGHT_BREAK, "other JSON" };
  if (class == JSON_FLOAT && newer->kind == GW_KIND_FLOAT && older->kind == GW_KIND_DOUBLE)
    return (gw_effect){ GW_WEIGHT_WARNING, "fewer digits, and large values are refused" };
  if ((class == JSON_NUMBER || class == JSON_INT64) &&
      kind_rows[older->kind].is_unsigned != kind_rows[newer->kind].is_unsigned)
    return (gw_effect){ GW_WEIGHT_WARNING, "another range of values" };
  return (gw_effect){ 0 };
}

static gw_effect kind_rest(const gw_field *older, const gw_field *newer, unsigned uses) {
  const gw_field *from_field = kind_unwrap(older), *to_field = kind_unwrap(newer);
  json_class from = kind_json(from_field), to = kind_json(to_field);
  bool answer = (uses & GW_USE_ANSWER) != 0, request = (uses & GW_USE_REQUEST) != 0;
  if (from == to) return kind_rest_same(from_field, to_field, from);
  if (from == JSON_NUMBER && to == JSON_INT64) {
    if (answer) return (gw_effect){ GW_WEIGHT_BREAK, "JSON answers have \"1\" where they had 1" };
    return (gw_effect){ 0 }; /* both are read */
  }
  if (from == JSON_INT64 && to == JSON_NUMBER) {
    if (answer) return (gw_effect){ GW_WEIGHT_BREAK, "JSON answers have 1 where they had \"1\"" };
    return (gw_effect){ GW_WEIGHT_WARNING, "values of more than 32 bits are refused" };
  }
  if (from == JSON_NUMBER && to == JSON_FLOAT) {
    if (answer) return (gw_effect){ GW_WEIGHT_WARNING, "JSON answers may have fractions" };
    return (gw_effect){ 0 };
  }
  if (from == JSON_FLOAT && to == JSON_NUMBER) {
    if (request) return (gw_effect){ GW_WEIGHT_BREAK, "JSON with fractions is refused" };
    return (gw_effect){ 0 };
  }
  if (from == JSON_STRING && to == JSON_BASE64)
    return (gw_effect){ GW_WEIGHT_BREAK, "JSON has base64 where it had text" };
  if (from == JSON_BASE64 && to == JSON_STRING)
    return (gw_effect){ GW_WEIGHT_BREAK, "JSON has text where it had base64" };
  return (gw_effect){ GW_WEIGHT_BREAK, "other JSON" };
}

/* ---- together ---- */

static gw_effect effect_of(gw_effect effect, unsigned clients, unsigned which) {
  return (clients & which) != 0 ? effect : (gw_effect){ 0 };
}

static void kind_report_type(gw_evolution *e, gw_str where, const char *what, const gw_field *older,
                             const gw_field *newer, unsigned uses, unsigned clients) {
  gw_effect grpc = kind_grpc(older, newer), rest = kind_rest(older, newer, uses);
  gw_str from = gw_field_type_name(older), to = gw_field_type_name(newer);
  bool named = older->kind == newer->kind && !gw_str_eq(from, to);
  if (older->kind == newer->kind && !named) return;
  if (named && grpc.weight == GW_WEIGHT_NONE)
    grpc =
        (gw_effect){ GW_WEIGHT_WARNING, older->message != NULL
                                            ? "generated code names it; its fields are compared"
                                            : "generated code names it; its values are compared" };
  gw_str text = gw_evolve_text(e, "%s changed from %s" GW_STR_FMT " to %s" GW_STR_FMT, what,
                               older->kind == GW_KIND_GROUP ? "group " : "", GW_STR_ARG(from),
                               newer->kind == GW_KIND_GROUP ? "group " : "", GW_STR_ARG(to));
  gw_evolve_report(e, where, text, effect_of(grpc, clients, GW_CLIENTS_GRPC),
                   effect_of(rest, clients, GW_CLIENTS_REST));
}

static const char *kind_label(const gw_field *field) {
  return field->map ? "a map" : field->repeated ? "repeated" : "singular";
}

/* A reader takes the last of several texts or messages; it does not take a packed list for one
 * number.  A map is a list of its entries. */
static gw_effect kind_label_grpc(const gw_field *older, const gw_field *newer) {
  if (older->repeated && newer->repeated)
    return (gw_effect){ GW_WEIGHT_WARNING, "the same bytes, but keys are unique in a map" };
  if (older->wire_type == GW_WIRE_LENGTH && newer->wire_type == GW_WIRE_LENGTH)
    return (gw_effect){ GW_WEIGHT_WARNING, "of several values the last one is read" };
  return (gw_effect){ GW_WEIGHT_BREAK, "other bytes" };
}

static bool kind_report_label(gw_evolution *e, gw_str where, const gw_field *older,
                              const gw_field *newer, unsigned clients) {
  if (older->repeated == newer->repeated && older->map == newer->map) return false;
  gw_str text = gw_evolve_text(e, "was %s, is %s now", kind_label(older), kind_label(newer));
  const gw_effect rest = { GW_WEIGHT_BREAK, "other JSON" };
  gw_effect grpc = kind_label_grpc(older, newer);
  gw_evolve_report(e, where, text, effect_of(grpc, clients, GW_CLIENTS_GRPC),
                   effect_of(rest, clients, GW_CLIENTS_REST));
  return true;
}

void gw_evolve_kind(gw_evolution *e, gw_str where, const gw_field *older, const gw_field *newer,
                    unsigned uses, unsigned clients) {
  bool relabelled = kind_report_label(e, where, older, newer, clients);
  if (older->map && newer->map) {
    const gw_field *from = older->message->fields, *to = newer->message->fields;
    kind_report_type(e, where, "key's type", &from[0], &to[0], GW_USE_BOTH, clients);
    kind_report_type(e, where, "value's type", &from[1], &to[1], uses, clients);
  } else if (!older->map && !newer->map) {
    kind_report_type(e, where, "type", older, newer, uses, clients);
  } else {
    assert(relabelled); /* a map's entry has a name of its own: nothing to say about it */
  }
}
