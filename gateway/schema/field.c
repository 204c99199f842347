#include "schema/field.h"

#include <stdio.h>

#include "schema/names.h"

#define FIELD_NUMBER_MAX     536870911 /* 29 bits (protobuf encoding guide) */
#define FIELD_RESERVED_FIRST 19000     /* for the implementations of protobuf */
#define FIELD_RESERVED_LAST  19999
#define FIELD_ELEMENT_MAX    192 /* bytes shown of a field's name in an error */

/* MessageSet in protobuf's wire_format_lite: group Item = 1 { type_id = 2; message = 3 } */
enum { ITEM_GROUP = 1, ITEM_TYPE_ID = 2, ITEM_MESSAGE = 3 };
enum { LABEL_OPTIONAL = 1, LABEL_REQUIRED = 2, LABEL_REPEATED = 3 };

static const uint8_t field_wire_types[GW_KIND_COUNT] = {
  [GW_KIND_DOUBLE] = GW_WIRE_FIXED64,   [GW_KIND_FLOAT] = GW_WIRE_FIXED32,
  [GW_KIND_INT64] = GW_WIRE_VARINT,     [GW_KIND_UINT64] = GW_WIRE_VARINT,
  [GW_KIND_INT32] = GW_WIRE_VARINT,     [GW_KIND_FIXED64] = GW_WIRE_FIXED64,
  [GW_KIND_FIXED32] = GW_WIRE_FIXED32,  [GW_KIND_BOOL] = GW_WIRE_VARINT,
  [GW_KIND_STRING] = GW_WIRE_LENGTH,    [GW_KIND_GROUP] = GW_WIRE_GROUP,
  [GW_KIND_MESSAGE] = GW_WIRE_LENGTH,   [GW_KIND_BYTES] = GW_WIRE_LENGTH,
  [GW_KIND_UINT32] = GW_WIRE_VARINT,    [GW_KIND_ENUM] = GW_WIRE_VARINT,
  [GW_KIND_SFIXED32] = GW_WIRE_FIXED32, [GW_KIND_SFIXED64] = GW_WIRE_FIXED64,
  [GW_KIND_SINT32] = GW_WIRE_VARINT,    [GW_KIND_SINT64] = GW_WIRE_VARINT,
};

typedef struct field_builder {
  gw_build *b;
  const gw_field_source *source;
  gw_field *out;
  gw_str element; /* for errors */
  gw_features features;
} field_builder;

#define FIELD_ERROR(f, code, ...)                                                                  \
  gw_build_error((f)->b, code, (f)->source->file, (f)->element, __VA_ARGS__)

static uint8_t field_varint_write(uint8_t *out, uint32_t rest) {
  uint8_t n = 0;
  for (; rest >= 0x80; rest >>= 7)
    out[n++] = (uint8_t)(rest | 0x80);
  out[n++] = (uint8_t)rest;
  return n;
}

static uint8_t field_tag_write(uint8_t *out, uint32_t number, unsigned wire_type) {
  return field_varint_write(out, number << 3 | wire_type);
}

/* The start of an item of a message set, up to its message's length: 4 to 8 bytes. */
static uint8_t field_item_write(uint8_t *out, uint32_t number) {
  uint8_t n = 0;
  out[n++] = ITEM_GROUP << 3 | GW_WIRE_GROUP;
  out[n++] = ITEM_TYPE_ID << 3 | GW_WIRE_VARINT;
  n = (uint8_t)(n + field_varint_write(out + n, number));
  out[n++] = ITEM_MESSAGE << 3 | GW_WIRE_LENGTH;
  return n;
}

static void field_set_number(field_builder *f) {
  int32_t number = f->source->proto->number;
  int32_t max = f->out->item ? INT32_MAX : FIELD_NUMBER_MAX;
  if (number < 1 || number > max ||
      (number >= FIELD_RESERVED_FIRST && number <= FIELD_RESERVED_LAST)) {
    FIELD_ERROR(f, GW_BAD_VALUE, "has the number %d; expected 1 to %d without %d to %d", number,
                max, FIELD_RESERVED_FIRST, FIELD_RESERVED_LAST);
    return;
  }
  f->out->number = (uint32_t)number;
  if (f->out->item) {
    f->out->tag_n = field_item_write(f->out->tag, f->out->number);
    return;
  }
  f->out->tag_n = field_tag_write(f->out->tag, f->out->number, f->out->wire_type);
  (void)field_tag_write(f->out->packed_tag, f->out->number, GW_WIRE_LENGTH);
}

static bool field_is_message(int32_t type) {
  return type == GW_KIND_MESSAGE || type == GW_KIND_GROUP;
}

/* Messages, groups and enumerations: what type_name points to. */
static void field_set_named_type(field_builder *f, int32_t type) {
  const char *name = f->source->proto->type_name;
  const gw_symbol *symbol =
      gw_build_resolve(f->b, f->source->file, f->element, "has the type", name);
  if (symbol == NULL) return;
  bool message = symbol->kind == GW_SYMBOL_MESSAGE && (type == 0 || field_is_message(type));
  bool enumeration = symbol->kind == GW_SYMBOL_ENUM && (type == 0 || type == GW_KIND_ENUM);
  if (message) {
    f->out->message = symbol->object;
    f->out->kind = type == GW_KIND_GROUP ? GW_KIND_GROUP : GW_KIND_MESSAGE;
  } else if (enumeration) {
    f->out->enumeration = symbol->object;
    f->out->kind = GW_KIND_ENUM;
  } else {
    FIELD_ERROR(f, GW_BAD_VALUE, "has the type \"%s\"; expected %s", name,
                field_is_message(type) ? "a message"
                : type == 0            ? "a message or an enumeration"
                                       : "an enumeration");
  }
}

static void field_set_type(field_builder *f) {
  const Sluice__FieldDescriptorProto *proto = f->source->proto;
  /* descriptor.proto lets writers leave `type` out where `type_name` says it. */
  int32_t type = proto->has_type ? proto->type : 0;
  bool named = type == GW_KIND_ENUM || field_is_message(type);
  if (named || (!proto->has_type && proto->type_name != NULL)) {
    field_set_named_type(f, type);
  } else if (type < 1 || type >= GW_KIND_COUNT) {
    FIELD_ERROR(f, GW_BAD_VALUE, "has the type number %d; expected 1 to %d", type,
                GW_KIND_COUNT - 1);
  } else {
    f->out->kind = (uint8_t)type;
  }
  /* Maps stay length-prefixed whatever their file says (Feature Settings for Editions). */
  const gw_message *parent = f->source->parent->message;
  if (f->out->kind == GW_KIND_MESSAGE && f->features.encoding == GW_ENCODING_DELIMITED &&
      !f->out->message->map_entry && !parent->map_entry) {
    f->out->kind = GW_KIND_GROUP;
  }
  f->out->item =
      f->out->extension && f->out->kind == GW_KIND_MESSAGE && parent->wkt == GW_WKT_MESSAGE_SET;
  if (f->out->item) f->out->kind = GW_KIND_GROUP;
  f->out->wire_type = field_wire_types[f->out->kind];
}

static bool field_can_pack(const gw_field *field) {
  return field->wire_type != GW_WIRE_LENGTH && field->wire_type != GW_WIRE_GROUP;
}

/* Repeated, required, presence, packing, UTF-8: after the type. */
static void field_set_manner(field_builder *f) {
  const Sluice__FieldDescriptorProto *proto = f->source->proto;
  const Sluice__FieldOptions *options = proto->options;
  gw_field *out = f->out;
  int32_t label = proto->has_label ? proto->label : LABEL_OPTIONAL;
  if (label < LABEL_OPTIONAL || label > LABEL_REPEATED) {
    FIELD_ERROR(f, GW_BAD_VALUE, "has the label %d; expected 1 to 3", label);
  }
  out->repeated = label == LABEL_REPEATED;
  out->map = out->repeated && out->kind == GW_KIND_MESSAGE && out->message->map_entry;
  if (out->repeated) {
    bool packed = f->features.repeated == GW_REPEATED_PACKED;
    if (options != NULL && options->has_packed) packed = options->packed;
    out->packed = packed && field_can_pack(out);
  } else {
    out->required = label == LABEL_REQUIRED || f->features.presence == GW_PRESENCE_REQUIRED;
    out->presence = f->features.presence != GW_PRESENCE_IMPLICIT || out->message != NULL ||
                    out->extension || proto->proto3_optional || out->oneof >= 0;
  }
  out->check_utf8 = out->kind == GW_KIND_STRING && f->features.utf8 == GW_UTF8_VERIFY;
  out->redact = options != NULL && options->debug_redact;
  out->is_optional = proto->proto3_optional;
  if (out->repeated && out->oneof >= 0) {
    FIELD_ERROR(f, GW_BAD_VALUE, "is repeated inside a oneof; expected one value");
  }
  if (out->required && out->extension) {
    FIELD_ERROR(f, GW_BAD_VALUE, "is a required extension; expected optional or repeated");
  }
}

static gw_code field_set_names(field_builder *f) {
  gw_arena *arena = &f->b->pool->arena;
  gw_field *out = f->out;
  gw_str name = gw_build_str(f->source->proto->name);
  if (out->extension) {
    out->name = f->source->extension;
    out->json_name = gw_arena_printf(arena, "[" GW_STR_FMT "]", GW_STR_ARG(out->name));
  } else {
    if (!gw_name_is_identifier(name)) {
      FIELD_ERROR(f, GW_BAD_VALUE, "is not an identifier; expected letters, digits and '_'");
      return GW_OK;
    }
    out->name = gw_arena_copy(arena, name);
    out->json_name = f->source->proto->json_name != NULL
                         ? gw_arena_copy(arena, gw_build_str(f->source->proto->json_name))
                         : gw_name_camel(arena, name);
  }
  if (out->name.p == NULL || out->json_name.p == NULL) return GW_NOMEM;
  if (!gw_name_is_json(out->json_name, &f->b->text)) {
    FIELD_ERROR(f, GW_BAD_VALUE,
                "has a json_name with a quote, a control character or bytes that are not UTF-8");
    return GW_OK;
  }
  gw_str json = gw_name_quote(arena, &f->b->text, out->json_name, ":");
  bool same = out->extension || gw_str_eq(out->name, out->json_name);
  gw_str proto = same ? json : gw_name_quote(arena, &f->b->text, out->name, ":");
  if (json.p == NULL || proto.p == NULL) return GW_NOMEM;
  out->key_json = (gw_key){ json.p, (uint32_t)json.n };
  out->key_proto = (gw_key){ proto.p, (uint32_t)proto.n };
  return GW_OK;
}

gw_code gw_field_build(gw_build *b, const gw_field_source *source, gw_field *out) {
  const Sluice__FieldDescriptorProto *proto = source->proto;
  char element[FIELD_ELEMENT_MAX];
  field_builder f = { .b = b, .source = source, .out = out };
  if (source->extension.n > 0) {
    f.element = source->extension;
  } else {
    snprintf(element, sizeof element, GW_STR_FMT ".%s",
             GW_STR_ARG(source->parent->message->full_name),
             proto->name != NULL ? proto->name : "");
    f.element = gw_str_of(element);
  }
  f.features =
      gw_features_merge(source->features, proto->options != NULL ? proto->options->features : NULL);
  *out = (gw_field){ .extension = source->extension.n > 0,
                     .oneof = source->oneof,
                     .parent = source->parent->message };
  field_set_type(&f);
  field_set_number(&f);
  field_set_manner(&f);
  if (proto->default_value != NULL) {
    out->default_value = gw_arena_copy(&b->pool->arena, gw_str_of(proto->default_value));
    if (out->default_value.p == NULL) return GW_NOMEM;
  }
  return field_set_names(&f);
}
