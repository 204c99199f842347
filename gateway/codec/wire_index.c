#include "codec/wire_printer.h"

/* MessageSet in protobuf's wire_format_lite: group Item = 1 { type_id = 2; message = 3 } */
enum { ITEM_GROUP = 1, ITEM_TYPE_ID = 2, ITEM_MESSAGE = 3 };

/* Neighbouring occurrences of one field: `count` of them from the tag at `at` on.  Eight bytes,
 * since there may be one for each two bytes of wire. */
typedef struct wire_slot {
  uint32_t at;
  uint16_t index; /* of the field in its message */
  uint16_t count; /* a longer row has several slots */
} wire_slot;

/* The member that a oneof ended with: the last one on the wire clears what came before. */
typedef struct oneof_slot {
  uint32_t member; /* index of the field + 1; 0: none */
  uint32_t since;  /* where its occurrences that count begin */
} oneof_slot;

typedef struct wire_index {
  const gw_message *message;
  size_t mark;   /* the scratch stack before */
  size_t oneofs; /* offsets in scratch */
  size_t slots;
  uint32_t count;
} wire_index;

/* The occurrences of one field that count. */
typedef struct field_slots {
  const gw_field *field;
  gw_wire_source source;
} field_slots;

static wire_slot *slot_at(const gw_wire_printer *s, size_t slots, uint32_t i) {
  return (wire_slot *)(void *)(s->scratch + slots) + i;
}

/* ---- going over occurrences, which were read before and cannot be malformed ---- */

typedef struct occurrence {
  uint32_t wire_type;
  const uint8_t *value; /* behind the tag */
} occurrence;

void gw_wire_walk_begin(gw_wire_walk *walk, const gw_wire_source *source) {
  *walk = (gw_wire_walk){ .source = source };
}

static bool walk_occurrence(gw_wire_printer *s, gw_wire_walk *walk, occurrence *o) {
  uint32_t tag;
  if (walk->left == 0) {
    if (walk->slot == walk->source->slot_count) return false;
    const wire_slot *slot = slot_at(s, walk->source->slot, walk->slot++);
    walk->left = slot->count;
    walk->p = s->wire + slot->at;
  }
  const uint8_t *value = gw_wire_tag(walk->p, s->wire_end, &tag);
  assert(value != NULL);
  *o = (occurrence){ tag & 7, value };
  walk->left--;
  /* The last one of a slot may be long, and nobody needs its end from here. */
  if (walk->left > 0) walk->p = gw_wire_skip(value, s->wire_end, tag);
  return true;
}

/* The content of a message, string, packed list or group. */
static gw_wire_span occurrence_span(const gw_wire_printer *s, const occurrence *o,
                                    uint32_t number) {
  gw_wire_span span = { o->value, o->value };
  if (o->wire_type == GW_WIRE_GROUP) {
    gw_wire_skip_group(o->value, s->wire_end, number, &span.end);
  } else {
    gw_wire_length(o->value, s->wire_end, &span);
  }
  return span;
}

bool gw_wire_walk_next(gw_wire_printer *s, gw_wire_walk *walk, gw_wire_span *span) {
  occurrence o;
  if (walk->source->slot_count == 0) {
    *span = walk->source->span;
    return walk->slot++ == 0;
  }
  if (!walk_occurrence(s, walk, &o)) return false;
  *span = occurrence_span(s, &o, walk->source->number);
  return true;
}

/* ---- building the index ---- */

static void oneof_note(gw_wire_printer *s, const wire_index *index, const gw_field *field,
                       uint32_t at) {
  oneof_slot *slot = (oneof_slot *)(void *)(s->scratch + index->oneofs) + field->oneof;
  if (slot->member == field->index + 1) return;
  *slot = (oneof_slot){ field->index + 1, at };
}

static bool slot_push(gw_wire_printer *s, wire_index *index, uint32_t field_index, uint32_t at) {
  size_t offset;
  if (!gw_wire_scratch_push(s, sizeof(wire_slot), &offset)) return false;
  *slot_at(s, offset, 0) = (wire_slot){ at, (uint16_t)field_index, 1 };
  index->count++;
  return true;
}

/* One field of a message set, from `tag` on: usually an item, a group of the extension's number and
 * its message, in either order, the first ones counting; parsers also take the message as an
 * ordinary field.  The occurrence is that of the message's own tag. */
static bool item_scan(gw_wire_printer *s, wire_index *index, const uint8_t *begin,
                      gw_wire_span rest, uint32_t tag) {
  const uint8_t *message = NULL;
  uint64_t number = 0;
  gw_wire_span group = { rest.p, rest.p };
  if (tag == (ITEM_GROUP << 3 | GW_WIRE_GROUP)) {
    gw_wire_skip_group(rest.p, rest.end, ITEM_GROUP, &group.end);
  } else if ((tag & 7) == GW_WIRE_LENGTH) {
    number = tag >> 3;
    message = begin;
  }
  for (const uint8_t *p = group.p; p < group.end;) {
    uint32_t inner;
    const uint8_t *value = gw_wire_tag(p, group.end, &inner);
    if (inner == (ITEM_TYPE_ID << 3 | GW_WIRE_VARINT) && number == 0) {
      gw_wire_varint(value, group.end, &number);
    } else if (inner == (ITEM_MESSAGE << 3 | GW_WIRE_LENGTH) && message == NULL) {
      message = p;
    }
    p = gw_wire_skip(value, group.end, inner);
  }
  if (message == NULL || number == 0 || number > INT32_MAX) return true;
  const gw_field *field = gw_message_field_by_number(index->message, (uint32_t)number);
  return field == NULL || slot_push(s, index, field->index, (uint32_t)(message - s->wire));
}

static bool span_scan(gw_wire_printer *s, wire_index *index, gw_wire_span span) {
  const uint8_t *p = span.p, *run_end = NULL;
  uint32_t run_field = 0;
  while (p < span.end) {
    uint32_t tag;
    const uint8_t *begin = p, *value = gw_wire_tag(p, span.end, &tag);
    const gw_field *field =
        value != NULL ? gw_message_field_by_number(index->message, tag >> 3) : NULL;
    p = value != NULL ? gw_wire_skip(value, span.end, tag) : NULL;
    if (p == NULL) {
      gw_wire_malformed(s, begin);
      if (field != NULL && !field->item) gw_wire_path_field(s, field);
      return false;
    }
    if (GW_UNLIKELY(index->message->wkt == GW_WKT_MESSAGE_SET)) {
      if (!item_scan(s, index, begin, (gw_wire_span){ value, p }, tag)) return false;
      continue;
    }
    if (field == NULL || !gw_wire_type_fits(field, tag & 7)) continue;
    wire_slot *last = index->count > 0 ? slot_at(s, index->slots, index->count - 1) : NULL;
    if (begin == run_end && run_field == field->index && last->count < UINT16_MAX) {
      last->count++;
    } else {
      uint32_t at = (uint32_t)(begin - s->wire);
      if (!slot_push(s, index, field->index, at)) return false;
      if (field->oneof >= 0) oneof_note(s, index, field, at);
    }
    run_end = p;
    run_field = field->index;
  }
  return true;
}

static inline uint64_t slot_order(wire_slot slot) {
  return (uint64_t)slot.index << 32 | slot.at;
}

static void slots_sift(wire_slot *slots, size_t root, size_t count) {
  wire_slot moved = slots[root];
  for (;;) {
    size_t child = root * 2 + 1;
    if (child >= count) break;
    if (child + 1 < count && slot_order(slots[child]) < slot_order(slots[child + 1])) child++;
    if (slot_order(moved) >= slot_order(slots[child])) break;
    slots[root] = slots[child];
    root = child;
  }
  slots[root] = moved;
}

/* By field, then by place.  In place and never quadratic: insertion while little has to move, else
 * heapsort. */
static void slots_sort(wire_slot *slots, size_t count) {
  size_t moves_left = count * 4 + 64;
  size_t i = 1;
  for (; i < count; i++) {
    wire_slot moved = slots[i];
    size_t j = i;
    while (j > 0 && slot_order(slots[j - 1]) > slot_order(moved) && moves_left > 0) {
      slots[j] = slots[j - 1];
      j--;
      moves_left--;
    }
    slots[j] = moved;
    if (moves_left == 0) break;
  }
  if (i >= count) return;
  for (size_t root = count / 2; root-- > 0;) {
    slots_sift(slots, root, count);
  }
  for (size_t last = count; --last > 0;) {
    wire_slot largest = slots[0];
    slots[0] = slots[last];
    slots[last] = largest;
    slots_sift(slots, 0, last);
  }
}

/* index_end() when done; on failure all of the scratch is lost anyway. */
static bool index_begin(gw_wire_printer *s, const gw_message *message, const gw_wire_source *source,
                        wire_index *index) {
  gw_wire_walk walk;
  gw_wire_span span;
  size_t oneof_bytes = message->oneof_count * sizeof(oneof_slot);
  *index = (wire_index){ .message = message, .mark = s->scratch_n };
  if (!gw_wire_scratch_push(s, oneof_bytes, &index->oneofs)) return false;
  if (oneof_bytes > 0) memset(s->scratch + index->oneofs, 0, oneof_bytes);
  index->slots = s->scratch_n;
  gw_wire_walk_begin(&walk, source);
  while (gw_wire_walk_next(s, &walk, &span)) {
    if (!span_scan(s, index, span)) return false;
  }
  if (index->count > 1) slots_sort(slot_at(s, index->slots, 0), index->count);
  return true;
}

static void index_end(gw_wire_printer *s, const wire_index *index) {
  s->scratch_n = index->mark;
}

/* The next field from slot *i on; false: there is none. */
static bool index_next(const gw_wire_printer *s, const wire_index *index, uint32_t *i,
                       field_slots *out) {
  while (*i < index->count) {
    uint32_t first = *i, field_index = slot_at(s, index->slots, first)->index;
    const gw_field *field = &index->message->fields[field_index];
    while (*i < index->count && slot_at(s, index->slots, *i)->index == field_index) {
      ++*i;
    }
    if (field->oneof >= 0) {
      const oneof_slot *oneof =
          (const oneof_slot *)(const void *)(s->scratch + index->oneofs) + field->oneof;
      if (oneof->member != field_index + 1) continue;
      while (slot_at(s, index->slots, first)->at < oneof->since) {
        first++;
      }
    }
    *out = (field_slots){ field,
                          { .slot = index->slots + first * sizeof(wire_slot),
                            .slot_count = *i - first,
                            .number = field->number } };
    return true;
  }
  return false;
}

/* ---- printing ---- */

static gw_wire_at last_print(gw_wire_printer *s, const field_slots *f, char *w, bool keep) {
  gw_wire_walk walk;
  occurrence o = { 0 };
  gw_wire_source last = f->source;
  last.slot += (f->source.slot_count - 1) * sizeof(wire_slot);
  last.slot_count = 1;
  gw_wire_walk_begin(&walk, &last);
  while (walk_occurrence(s, &walk, &o)) {
  }
  return gw_wire_value_print(s, f->field, (gw_wire_at){ o.value, w }, s->wire_end, keep);
}

static gw_wire_at list_print(gw_wire_printer *s, const field_slots *f, char *w) {
  gw_wire_walk walk;
  occurrence o;
  gw_wire_at at = { s->wire, w };
  uint64_t count = 0;
  *at.w++ = '[';
  gw_wire_walk_begin(&walk, &f->source);
  while (walk_occurrence(s, &walk, &o)) {
    size_t before = gw_wire_offset(s, at.w);
    if (o.wire_type != f->field->wire_type) {
      gw_wire_span span = occurrence_span(s, &o, 0);
      at = gw_wire_packed_print(s, f->field, (gw_wire_at){ span.p, at.w }, span.end);
    } else {
      at = gw_wire_value_print(s, f->field, (gw_wire_at){ o.value, at.w }, s->wire_end, true);
      if (at.w != NULL) *at.w++ = ',';
    }
    if (at.p == NULL) {
      gw_wire_path_index(s, count);
      return at;
    }
    if (at.w == NULL) at.w = s->out->p + before;
    count++;
  }
  if (at.w[-1] == '[' && !s->emit_all) return (gw_wire_at){ s->wire, NULL };
  at.w = gw_wire_room(s, gw_wire_close(at.w, ']'), 0);
  return at.w != NULL ? at : GW_WIRE_FAILED;
}

static bool entry_next(gw_wire_printer *s, const gw_field *field, gw_wire_walk *walk,
                       gw_wire_entry *entry) {
  gw_wire_span span;
  return gw_wire_walk_next(s, walk, &span) && gw_wire_entry_read(s, field, span, entry);
}

/* Twice over the entries: which place each key has last, then those that are there. */
static gw_wire_at map_print(gw_wire_printer *s, const field_slots *f, char *w) {
  gw_wire_walk walk;
  gw_wire_entry entry;
  gw_wire_keys keys;
  uint32_t *known;
  if (!gw_wire_keys_begin(s, &keys, f->field)) return GW_WIRE_FAILED;
  s->code = GW_OK;
  gw_wire_walk_begin(&walk, &f->source);
  while (entry_next(s, f->field, &walk, &entry)) {
    if (!gw_wire_keys_add(s, &keys, entry.key_at, &known)) return GW_WIRE_FAILED;
    if (known != NULL) *known = entry.key_at;
  }
  if (s->code != GW_OK) return GW_WIRE_FAILED;
  gw_wire_at at = { s->wire, w };
  *at.w++ = '{';
  gw_wire_walk_begin(&walk, &f->source);
  while (entry_next(s, f->field, &walk, &entry)) {
    if (!gw_wire_keys_add(s, &keys, entry.key_at, &known)) return GW_WIRE_FAILED;
    if (*known != entry.key_at) continue;
    at = gw_wire_entry_print(s, f->field, &entry, at.w);
    if (at.p == NULL) return at;
  }
  s->scratch_n = keys.table;
  if (at.w[-1] == '{' && !s->emit_all) return (gw_wire_at){ s->wire, NULL };
  at.w = gw_wire_room(s, gw_wire_close(at.w, '}'), 0);
  return at.w != NULL ? at : GW_WIRE_FAILED;
}

static gw_wire_at merged_print(gw_wire_printer *s, const field_slots *f, char *w) {
  gw_wire_walk walk;
  gw_wire_span span;
  if (f->source.slot_count > 1 || slot_at(s, f->source.slot, 0)->count > 1) {
    return gw_wire_merged_print(s, f->field->message, &f->source, w);
  }
  gw_wire_walk_begin(&walk, &f->source);
  gw_wire_walk_next(s, &walk, &span);
  return gw_wire_message_print(s, f->field->message, span, w);
}

static gw_wire_at field_slots_print(gw_wire_printer *s, const field_slots *f, char *w, bool keep) {
  w = gw_wire_room(s, w, 0);
  if (w == NULL) return GW_WIRE_FAILED;
  if (f->field->map) return map_print(s, f, w);
  if (f->field->repeated) return list_print(s, f, w);
  if (f->field->message != NULL) return merged_print(s, f, w);
  return last_print(s, f, w, keep);
}

gw_wire_at gw_wire_index_print(gw_wire_printer *s, const gw_message *message,
                               const gw_wire_source *source, char *w) {
  wire_index index;
  field_slots f;
  const gw_field *next = message->fields;
  if (!index_begin(s, message, source, &index)) return GW_WIRE_FAILED;
  for (uint32_t i = 0; index_next(s, &index, &i, &f);) {
    if (s->emit_all) w = gw_wire_unset_print(s, next, f.field, w);
    if (w == NULL) return GW_WIRE_FAILED;
    next = f.field + 1;
    size_t before = gw_wire_offset(s, w);
    w = gw_wire_key_print(s, f.field, w);
    if (w == NULL) return GW_WIRE_FAILED;
    gw_wire_at at = field_slots_print(s, &f, w, f.field->presence || s->emit_all);
    if (at.p == NULL) {
      gw_wire_path_field(s, f.field);
      return at;
    }
    w = at.w != NULL ? at.w : s->out->p + before;
    if (at.w != NULL) *w++ = ',';
  }
  index_end(s, &index);
  if (s->emit_all) {
    w = gw_wire_unset_print(s, next, message->fields + message->field_count, w);
    if (w == NULL) return GW_WIRE_FAILED;
  }
  w = gw_wire_room(s, gw_wire_close(w, '}'), 0);
  return w != NULL ? (gw_wire_at){ s->wire, w } : GW_WIRE_FAILED;
}

gw_wire_at gw_wire_index_field_print(gw_wire_printer *s, const gw_field *field,
                                     const gw_wire_source *source, char *w) {
  wire_index index;
  field_slots f;
  gw_wire_at at = { s->wire, NULL };
  if (!index_begin(s, field->parent, source, &index)) return GW_WIRE_FAILED;
  for (uint32_t i = 0; index_next(s, &index, &i, &f);) {
    if (f.field != field) continue;
    at = field_slots_print(s, &f, w, true);
    if (at.p == NULL) gw_wire_path_field(s, field);
    break;
  }
  index_end(s, &index);
  return at;
}

gw_wire_at gw_wire_index_bare_print(gw_wire_printer *s, const gw_message *message,
                                    const gw_wire_source *source, char *w) {
  wire_index index;
  field_slots f;
  uint32_t i = 0;
  gw_wire_at at = { s->wire, NULL };
  if (!index_begin(s, message, source, &index)) return GW_WIRE_FAILED;
  if (index_next(s, &index, &i, &f)) at = field_slots_print(s, &f, w, true);
  index_end(s, &index);
  return at;
}
