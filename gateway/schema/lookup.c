/* lookup: what schema.h finds by name and by number. */
#include "schema/pool.h"

#define LOOKUP_NEAREST_MAX 256u /* fields that a misspelt name is compared with */

static const void *lookup_symbol(const gw_pool *pool, gw_str name, gw_symbol_kind kind) {
  const gw_symbol *symbol = gw_symbols_find(&pool->symbols, name);
  return symbol != NULL && symbol->kind == kind ? symbol->object : NULL;
}

const gw_message *gw_pool_find_message(const gw_pool *pool, gw_str full_name) {
  return lookup_symbol(pool, full_name, GW_SYMBOL_MESSAGE);
}

const gw_enum *gw_pool_find_enum(const gw_pool *pool, gw_str full_name) {
  return lookup_symbol(pool, full_name, GW_SYMBOL_ENUM);
}

const gw_service *gw_pool_find_service(const gw_pool *pool, gw_str full_name) {
  return lookup_symbol(pool, full_name, GW_SYMBOL_SERVICE);
}

const gw_rpc *gw_pool_find_rpc(const gw_pool *pool, gw_str full_name) {
  if (full_name.n > 0 && full_name.p[0] == '/') full_name = gw_str_skip(full_name, 1);
  return lookup_symbol(pool, full_name, GW_SYMBOL_RPC);
}

const gw_field *gw_pool_find_extension(const gw_pool *pool, gw_str full_name) {
  return lookup_symbol(pool, full_name, GW_SYMBOL_EXTENSION);
}

uint32_t gw_pool_message_count(const gw_pool *pool) {
  return pool->message_count;
}

uint32_t gw_pool_field_count(const gw_pool *pool) {
  return pool->field_count;
}

uint32_t gw_pool_service_count(const gw_pool *pool) {
  return pool->service_count;
}

const gw_service *gw_pool_service(const gw_pool *pool, uint32_t i) {
  assert(i < pool->service_count);
  return pool->services[i];
}

const gw_field *gw_message_field_by_number_slow(const gw_message *message, uint32_t number) {
  uint32_t low = 0, high = message->field_count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (message->fields[middle].number < number) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < message->field_count && message->fields[low].number == number ? &message->fields[low]
                                                                             : NULL;
}

const gw_field *gw_message_field_by_name(const gw_message *message, gw_str name) {
  uint32_t hash = (uint32_t)gw_str_hash(name, 0);
  uint32_t at = hash & message->names_mask;
  for (; message->names[at].index != 0; at = (at + 1) & message->names_mask) {
    if (message->names[at].hash != hash) continue;
    const gw_field *field = &message->fields[message->names[at].index - 1];
    if (gw_str_eq(field->json_name, name)) return field;
    if (!field->extension && gw_str_eq(field->name, name)) return field;
  }
  return NULL;
}

/* Halves what is left without a branch: which half it is cannot be predicted. */
const gw_enum_value *gw_enum_by_number(const gw_enum *enumeration, int32_t number) {
  const uint32_t *from = enumeration->by_number;
  uint32_t left = enumeration->value_count;
  if (left == 0) return NULL;
  while (left > 1) {
    uint32_t half = left / 2;
    from += enumeration->values[from[half - 1]].number < number ? half : 0;
    left -= half;
  }
  const gw_enum_value *value = &enumeration->values[*from];
  return value->number == number ? value : NULL;
}

const gw_enum_value *gw_enum_by_name(const gw_enum *enumeration, gw_str name) {
  uint32_t hash = (uint32_t)gw_str_hash(name, 0);
  uint32_t at = hash & enumeration->names_mask;
  for (; enumeration->names[at].index != 0; at = (at + 1) & enumeration->names_mask) {
    const gw_enum_value *value = &enumeration->values[enumeration->names[at].index - 1];
    if (enumeration->names[at].hash == hash && gw_str_eq(value->name, name)) return value;
  }
  return NULL;
}

const gw_str *gw_message_nearest_field(const gw_message *message, gw_str name) {
  const gw_str *best = NULL;
  size_t count = gw_size_min(message->field_count, LOOKUP_NEAREST_MAX);
  for (size_t i = 0; i < 2 * count; i++) {
    const gw_field *field = &message->fields[i / 2];
    const gw_str *candidate = i % 2 == 0 ? &field->json_name : &field->name;
    gw_str pair[2] = { best != NULL ? *best : (gw_str){ NULL, 0 }, *candidate };
    if (gw_str_nearest(name, pair, 2) == &pair[1]) best = candidate;
  }
  return best;
}

gw_str gw_field_type_name(const gw_field *field) {
  static const gw_str names[GW_KIND_COUNT] = {
    [GW_KIND_DOUBLE] = GW_STR_INIT("double"),     [GW_KIND_FLOAT] = GW_STR_INIT("float"),
    [GW_KIND_INT64] = GW_STR_INIT("int64"),       [GW_KIND_UINT64] = GW_STR_INIT("uint64"),
    [GW_KIND_INT32] = GW_STR_INIT("int32"),       [GW_KIND_FIXED64] = GW_STR_INIT("fixed64"),
    [GW_KIND_FIXED32] = GW_STR_INIT("fixed32"),   [GW_KIND_BOOL] = GW_STR_INIT("bool"),
    [GW_KIND_STRING] = GW_STR_INIT("string"),     [GW_KIND_BYTES] = GW_STR_INIT("bytes"),
    [GW_KIND_UINT32] = GW_STR_INIT("uint32"),     [GW_KIND_SFIXED32] = GW_STR_INIT("sfixed32"),
    [GW_KIND_SFIXED64] = GW_STR_INIT("sfixed64"), [GW_KIND_SINT32] = GW_STR_INIT("sint32"),
    [GW_KIND_SINT64] = GW_STR_INIT("sint64"),
  };
  if (field->message != NULL) return field->message->full_name;
  if (field->enumeration != NULL) return field->enumeration->full_name;
  return names[field->kind];
}
