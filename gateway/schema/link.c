/* link: the fields of each message, its extensions among them, and the ways to find them. */
#include <stdlib.h>

#include "schema/field.h"
#include "schema/names.h"

#define LINK_DENSE_COUNT 256 /* gw_message.dense */

/* What a message's oneof_decl becomes: the real ones are numbered, a synthetic one (the compiler's,
 * for one proto3 optional field) is -1. */
static gw_code link_oneofs(gw_build *b, gw_build_message *m, int32_t **map) {
  const Sluice__DescriptorProto *proto = m->proto;
  size_t count = proto->n_oneof_decl;
  gw_str *names = gw_arena_alloc(&b->pool->arena, count * sizeof names[0]);
  *map = gw_arena_zalloc(&b->scratch, count * sizeof **map);
  if (names == NULL || *map == NULL) return GW_NOMEM;
  for (size_t i = 0; i < proto->n_field; i++) {
    const Sluice__FieldDescriptorProto *field = proto->field[i];
    if (field->proto3_optional && field->has_oneof_index && field->oneof_index >= 0 &&
        (size_t)field->oneof_index < count) {
      (*map)[field->oneof_index] = -1;
    }
  }
  for (size_t i = 0; i < count; i++) {
    if ((*map)[i] < 0) continue;
    names[m->message->oneof_count] =
        gw_arena_copy(&b->pool->arena, gw_build_str(proto->oneof_decl[i]->name));
    if (names[m->message->oneof_count].p == NULL) return GW_NOMEM;
    (*map)[i] = (int32_t)m->message->oneof_count++;
  }
  m->message->oneofs = names;
  return GW_OK;
}

static gw_code link_field(gw_build *b, gw_build_message *m, const int32_t *oneofs,
                          const Sluice__FieldDescriptorProto *proto) {
  gw_field_source source = {
    .proto = proto, .file = m->file, .parent = m, .features = m->features, .oneof = -1
  };
  if (proto->has_oneof_index) {
    if (proto->oneof_index < 0 || (size_t)proto->oneof_index >= m->proto->n_oneof_decl) {
      gw_build_error(b, GW_BAD_VALUE, m->file, m->message->full_name,
                     "has a field in oneof %d; expected less than %zu", proto->oneof_index,
                     m->proto->n_oneof_decl);
      return GW_OK;
    }
    const Sluice__OneofOptions *options = m->proto->oneof_decl[proto->oneof_index]->options;
    source.oneof = oneofs[proto->oneof_index];
    source.features = gw_features_merge(m->features, options != NULL ? options->features : NULL);
  }
  return gw_field_build(b, &source, &m->fields[m->message->field_count++]);
}

static gw_code link_own_fields(gw_build *b, gw_build_message *m) {
  int32_t *oneofs = NULL;
  gw_code code = link_oneofs(b, m, &oneofs);
  for (size_t i = 0; i < m->proto->n_field && code == GW_OK; i++)
    code = link_field(b, m, oneofs, m->proto->field[i]);
  return code;
}

static void link_extendees(gw_build *b) {
  for (uint32_t i = 0; i < b->extension_count; i++) {
    gw_build_extension *x = &b->extensions[i];
    const gw_symbol *symbol =
        gw_build_resolve(b, x->file, x->full_name, "extends", x->proto->extendee);
    if (symbol == NULL) continue;
    if (symbol->kind != GW_SYMBOL_MESSAGE) {
      gw_build_error(b, GW_BAD_VALUE, x->file, x->full_name, "extends \"%s\"; expected a message",
                     x->proto->extendee);
      continue;
    }
    x->extendee = &b->messages[((const gw_message *)symbol->object)->id];
    x->extendee->extension_count++;
  }
}

static gw_code link_alloc(gw_build *b) {
  gw_pool *pool = b->pool;
  size_t total = 0;
  for (uint32_t i = 0; i < pool->message_count; i++) {
    gw_build_message *m = &b->messages[i];
    size_t count = m->proto->n_field + m->extension_count;
    if (count > GW_SCHEMA_FIELDS_MAX) {
      gw_build_error(b, GW_TOO_LARGE, m->file, m->message->full_name,
                     "has %zu fields; at most %u are possible", count, GW_SCHEMA_FIELDS_MAX);
    }
    total += count;
  }
  pool->fields = gw_arena_alloc(&pool->arena, total * sizeof pool->fields[0]);
  if (pool->fields == NULL) return GW_NOMEM;
  for (uint32_t i = 0; i < pool->message_count; i++) {
    gw_build_message *m = &b->messages[i];
    m->fields = pool->fields + pool->field_count;
    pool->field_count += (uint32_t)(m->proto->n_field + m->extension_count);
  }
  return GW_OK;
}

static gw_code link_extensions(gw_build *b) {
  gw_code code = GW_OK;
  for (uint32_t i = 0; i < b->extension_count && code == GW_OK; i++) {
    gw_build_extension *x = &b->extensions[i];
    gw_field_source source = { .proto = x->proto,
                               .file = x->file,
                               .parent = x->extendee,
                               .extension = x->full_name,
                               .features = x->features,
                               .oneof = -1 };
    code = gw_field_build(b, &source, &x->extendee->fields[x->extendee->message->field_count++]);
  }
  return code;
}

static int link_field_order(const void *a, const void *b) {
  const gw_field *x = a, *y = b;
  return x->number < y->number ? -1 : x->number > y->number;
}

enum { LINK_BY_JSON = 1, LINK_BY_PROTO = 2 }; /* which names a table holds */

/* NULL: added.  Otherwise the field that is found by this name already. */
static const gw_field *link_name_add(const gw_message *message, gw_name_slot *slots, gw_str name,
                                     uint32_t index, unsigned by) {
  uint32_t hash = gw_name_hash(name);
  uint32_t at = hash & message->names_mask;
  for (; slots[at].index != 0; at = (at + 1) & message->names_mask) {
    const gw_field *other = &message->fields[slots[at].index - 1];
    if (slots[at].hash != hash) continue;
    if ((by & LINK_BY_JSON) != 0 && gw_str_eq(other->json_name, name)) return other;
    if ((by & LINK_BY_PROTO) != 0 && gw_str_eq(other->name, name)) return other;
  }
  slots[at] = (gw_name_slot){ .hash = hash, .index = index + 1 };
  return NULL;
}

/* JSON names first: they win where they cross with another field's proto name.  Of two equal JSON
 * names, which protoc accepts in proto2, the lower number's is read. */
static gw_code link_names(gw_build *b, gw_message *message) {
  size_t count = 2 * (size_t)message->field_count;
  gw_name_slot *slots = gw_name_table(&b->pool->arena, count, &message->names_mask);
  if (slots == NULL) return GW_NOMEM;
  for (uint32_t i = 0; i < message->field_count; i++)
    (void)link_name_add(message, slots, message->fields[i].json_name, i, LINK_BY_JSON);
  for (uint32_t i = 0; i < message->field_count; i++) {
    const gw_field *field = &message->fields[i];
    if (field->extension) continue;
    (void)link_name_add(message, slots, field->name, i, LINK_BY_JSON | LINK_BY_PROTO);
  }
  message->names = slots;
  return GW_OK;
}

/* In the table above a crossing JSON name could hide that two fields have one proto name. */
static gw_code link_check_names(gw_build *b, const gw_build_message *m) {
  gw_message *message = m->message;
  gw_name_slot *slots = gw_name_table(&b->scratch, message->field_count, &message->names_mask);
  if (slots == NULL) return GW_NOMEM;
  for (uint32_t i = 0; i < message->field_count; i++) {
    const gw_field *field = &message->fields[i];
    const gw_field *other = link_name_add(message, slots, field->name, i, LINK_BY_PROTO);
    if (other == NULL) continue;
    gw_build_error(b, GW_CONFLICT, m->file, message->full_name,
                   "has two fields \"" GW_STR_FMT "\", with the numbers %u and %u",
                   GW_STR_ARG(field->name), other->number, field->number);
  }
  return GW_OK;
}

static gw_code link_dense(gw_build *b, gw_message *message) {
  uint16_t *dense = gw_arena_zalloc(&b->pool->arena, LINK_DENSE_COUNT * sizeof dense[0]);
  if (dense == NULL) return GW_NOMEM;
  for (uint32_t i = 0; i < message->field_count; i++) {
    if (message->fields[i].number >= LINK_DENSE_COUNT) break;
    dense[message->fields[i].number] = (uint16_t)(i + 1);
  }
  message->dense = dense;
  return GW_OK;
}

/* Once all fields are there: order, ids, tables. */
static gw_code link_finish(gw_build *b, const gw_build_message *m) {
  gw_message *message = m->message;
  if (message->field_count > 0) {
    qsort(m->fields, message->field_count, sizeof m->fields[0], link_field_order);
  }
  message->fields = m->fields;
  for (uint32_t i = 0; i < message->field_count; i++) {
    gw_field *field = &m->fields[i];
    field->index = i;
    field->id = (uint32_t)(field - b->pool->fields);
    if (field->required) message->has_required = true;
    if (i > 0 && field[-1].number == field->number) {
      gw_build_error(b, GW_CONFLICT, m->file, message->full_name,
                     "has the number %u twice: \"" GW_STR_FMT "\" and \"" GW_STR_FMT "\"",
                     field->number, GW_STR_ARG(field[-1].name), GW_STR_ARG(field->name));
    }
  }
  gw_code code = link_check_names(b, m);
  if (code == GW_OK) code = link_dense(b, message);
  return code == GW_OK ? link_names(b, message) : code;
}

/* Now that the fields have their final places. */
static void link_extension_symbols(gw_build *b) {
  gw_symbols *symbols = &b->pool->symbols;
  for (uint32_t i = 0; i < b->extension_count; i++) {
    const gw_build_extension *x = &b->extensions[i];
    const gw_symbol *symbol = gw_symbols_find(symbols, x->full_name);
    symbols->rows[symbol - symbols->rows].object =
        gw_message_field_by_number(x->extendee->message, (uint32_t)x->proto->number);
  }
}

gw_code gw_link_all(gw_build *b) {
  gw_code code = GW_OK;
  link_extendees(b);
  if (b->first == GW_OK) code = link_alloc(b);
  for (uint32_t i = 0; i < b->pool->message_count && code == GW_OK && b->pool->fields != NULL; i++)
    code = link_own_fields(b, &b->messages[i]);
  if (code != GW_OK || b->first != GW_OK) return code;
  code = link_extensions(b);
  for (uint32_t i = 0; i < b->pool->message_count && code == GW_OK; i++)
    code = link_finish(b, &b->messages[i]);
  if (code == GW_OK && b->first == GW_OK) link_extension_symbols(b);
  return code;
}
