#include "codec/wire_required.h"

#include "base/limits.h"
#include "codec/wire_find.h"
#include "codec/wire_reader.h"

static const gw_field *required_of_message(const gw_message *message, gw_str wire) {
  if (!message->has_required) return NULL;
  for (uint32_t i = 0; i < message->field_count; i++) {
    const gw_field *field = &message->fields[i];
    if (field->required && !gw_wire_find_any(wire, field->number)) return field;
  }
  return NULL;
}

static const gw_field *required_missing(const gw_message *message, gw_str wire, uint32_t depth) {
  const uint8_t *p = (const uint8_t *)wire.p, *end = p + wire.n;
  if (depth > GW_JSON_DEPTH_MAX) return NULL;
  const gw_field *missing = required_of_message(message, wire);
  while (missing == NULL && p < end) {
    uint32_t tag = 0;
    const uint8_t *value = gw_wire_tag(p, end, &tag);
    p = value != NULL ? gw_wire_skip(value, end, tag) : NULL;
    if (p == NULL) return NULL;
    const gw_field *field = gw_message_field_by_number(message, tag >> 3);
    if (field == NULL || field->message == NULL || (tag & 7) != field->wire_type) continue;
    gw_wire_span content = { value, NULL };
    if (field->kind == GW_KIND_GROUP)
      gw_wire_skip_group(value, end, field->number, &content.end);
    else
      gw_wire_length(value, end, &content);
    missing = required_missing(field->message, gw_wire_span_str(content), depth + 1);
  }
  return missing;
}

const gw_field *gw_wire_required_missing(const gw_message *message, gw_str wire) {
  return required_missing(message, wire, 1);
}

/* ---- by type ---- */

typedef struct required_search {
  gw_arena *arena;
  uint64_t *seen; /* bits, by message id */
  size_t seen_words;
  const gw_message **open; /* still to be looked at */
  size_t count, capacity;
} required_search;

static bool search_add(required_search *search, const gw_message *message) {
  size_t word = message->id / 64;
  uint64_t bit = (uint64_t)1 << (message->id % 64);
  if (word >= search->seen_words) {
    size_t words = 2 * word + 16;
    uint64_t *grown = gw_arena_zalloc(search->arena, words * sizeof *grown);
    if (grown == NULL) return false;
    if (search->seen_words > 0) memcpy(grown, search->seen, search->seen_words * sizeof *grown);
    search->seen = grown;
    search->seen_words = words;
  }
  if (search->seen[word] & bit) return true;
  search->seen[word] |= bit;
  if (search->count == search->capacity) {
    size_t capacity = search->capacity * 2 + 16;
    void *grown =
        gw_arena_grow(search->arena, search->open, search->capacity * sizeof search->open[0],
                      capacity * sizeof search->open[0]);
    if (grown == NULL) return false;
    search->open = grown;
    search->capacity = capacity;
  }
  search->open[search->count++] = message;
  return true;
}

bool gw_wire_required_any(const gw_message *message, gw_arena *arena, gw_code *code) {
  required_search search = { .arena = arena };
  bool memory = search_add(&search, message);
  while (memory && search.count > 0) {
    message = search.open[--search.count];
    if (message->has_required) return true;
    for (uint32_t i = 0; memory && i < message->field_count; i++) {
      if (message->fields[i].message != NULL)
        memory = search_add(&search, message->fields[i].message);
    }
  }
  if (!memory) *code = GW_NOMEM;
  return false;
}
