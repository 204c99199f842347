/* enum: one enumeration: names ready to copy, and the ways to find them. */
#include <stdlib.h>

#include "schema/build.h"
#include "schema/names.h"

#define ENUM_DENSE_MAX 512 /* numbers; 1 KB at most */

_Static_assert(GW_SCHEMA_FIELDS_MAX <= UINT16_MAX, "an index + 1 is a uint16_t");

/* False: the enumeration has the name already. */
static bool enum_name_add(gw_enum *e, gw_name_slot *slots, uint32_t index) {
  gw_str name = e->values[index].name;
  uint32_t hash = gw_name_hash(name);
  uint32_t at = hash & e->names_mask;
  for (; slots[at].index != 0; at = (at + 1) & e->names_mask) {
    if (gw_str_eq(e->values[slots[at].index - 1].name, name)) return false;
  }
  slots[at] = (gw_name_slot){ .hash = hash, .index = index + 1 };
  return true;
}

/* By number; of equal ones the first declared comes first. */
static int enum_order(const void *a, const void *b, void *context) {
  const gw_enum_value *values = context;
  uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
  if (values[i].number != values[j].number) return values[i].number < values[j].number ? -1 : 1;
  return i < j ? -1 : i > j;
}

/* Up to the largest number that is not too large for it; values are in order. */
static gw_code enum_dense(gw_build *b, gw_enum *e) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < e->value_count; i++) {
    int32_t number = e->values[e->by_number[i]].number;
    if (number >= 0 && number < ENUM_DENSE_MAX) count = (uint32_t)number + 1;
  }
  uint16_t *dense = gw_arena_zalloc(&b->pool->arena, count * sizeof dense[0]);
  if (dense == NULL) return GW_NOMEM;
  for (uint32_t i = e->value_count; i > 0; i--) { /* the first of equal ones stays */
    int32_t number = e->values[e->by_number[i - 1]].number;
    if (number >= 0 && (uint32_t)number < count)
      dense[number] = (uint16_t)(e->by_number[i - 1] + 1);
  }
  e->dense = dense;
  e->dense_count = e->null_value ? 0 : count;
  return GW_OK;
}

static gw_code enum_values(gw_build *b, const gw_build_file *file, gw_enum *e,
                           gw_enum_value *values, const Sluice__EnumDescriptorProto *proto) {
  gw_arena *arena = &b->pool->arena;
  gw_name_slot *slots = gw_name_table(arena, e->value_count, &e->names_mask);
  uint32_t *by_number = gw_arena_alloc(arena, e->value_count * sizeof by_number[0]);
  if (slots == NULL || by_number == NULL) return GW_NOMEM;
  for (uint32_t i = 0; i < e->value_count; i++) {
    gw_str name = gw_build_str(proto->value[i]->name);
    if (!gw_name_is_identifier(name)) {
      gw_build_error(b, GW_BAD_VALUE, file, e->full_name,
                     "has a value \"" GW_STR_FMT "\", which is not an identifier",
                     GW_STR_ARG(name));
      return GW_OK;
    }
    values[i] = (gw_enum_value){ .name = gw_arena_copy(arena, name),
                                 .quoted = gw_name_quote(arena, &b->text, name, ""),
                                 .number = proto->value[i]->number };
    if (values[i].name.p == NULL || values[i].quoted.p == NULL) return GW_NOMEM;
    by_number[i] = i;
    if (!enum_name_add(e, slots, i)) {
      gw_build_error(b, GW_CONFLICT, file, e->full_name, "has two values \"" GW_STR_FMT "\"",
                     GW_STR_ARG(name));
    }
  }
  qsort_r(by_number, e->value_count, sizeof by_number[0], enum_order, values);
  e->by_number = by_number;
  e->names = slots;
  return enum_dense(b, e);
}

gw_code gw_enum_build(gw_build *b, const gw_build_file *file, gw_features features,
                      const Sluice__EnumDescriptorProto *proto, gw_enum *out) {
  gw_features own =
      gw_features_merge(features, proto->options != NULL ? proto->options->features : NULL);
  if (proto->n_value == 0 || proto->n_value > GW_SCHEMA_FIELDS_MAX) {
    gw_build_error(b, GW_BAD_VALUE, file, out->full_name, "has %zu values; expected 1 to %u",
                   proto->n_value, GW_SCHEMA_FIELDS_MAX);
    return GW_OK;
  }
  gw_enum_value *values = gw_arena_zalloc(&b->pool->arena, proto->n_value * sizeof values[0]);
  if (values == NULL) return GW_NOMEM;
  out->closed = own.enum_type == GW_ENUM_CLOSED;
  out->null_value = gw_str_eq(out->full_name, GW_STR("google.protobuf.NullValue"));
  out->values = values;
  out->value_count = (uint32_t)proto->n_value;
  const gw_reserved_source reserved = { proto->reserved_range, proto->n_reserved_range,
                                        proto->reserved_name, proto->n_reserved_name, false };
  gw_code code = gw_reserved_build(b, &reserved, &out->reserved);
  return code == GW_OK ? enum_values(b, file, out, values, proto) : code;
}
