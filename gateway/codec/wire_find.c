#include "codec/wire_find.h"

#include "codec/wire_reader.h"

/* No arithmetic on a null pointer. */
static const uint8_t *find_begin(gw_str wire) {
  return (const uint8_t *)(wire.n > 0 ? wire.p : "");
}

/* The next length-delimited field or group `number`, others being skipped.  Returns where the rest
 * begins; *found: whether there was one.  NULL: malformed. */
static const uint8_t *find_next(const uint8_t *p, const uint8_t *end, uint32_t number,
                                uint32_t wire_type, gw_str *content, bool *found) {
  *found = false;
  while (p < end && !*found) {
    uint32_t tag;
    gw_wire_span span;
    p = gw_wire_tag(p, end, &tag);
    if (p == NULL) return NULL;
    *found = tag == (number << 3 | wire_type);
    if (!*found) {
      p = gw_wire_skip(p, end, tag);
    } else if (wire_type == GW_WIRE_LENGTH) {
      p = gw_wire_length(p, end, &span);
    } else {
      span.p = p;
      p = gw_wire_skip_group(p, end, number, &span.end);
    }
    if (p == NULL) return NULL;
    if (*found) *content = gw_wire_span_str(span);
  }
  return p;
}

/* Copies the content of all occurrences behind each other; their bytes are known to be good. */
static void find_copy_pieces(gw_str wire, const gw_field *field, char *out) {
  const uint8_t *p = find_begin(wire), *end = p + wire.n;
  gw_str piece;
  bool found;
  while (p < end) {
    p = find_next(p, end, field->number, field->wire_type, &piece, &found);
    assert(p != NULL);
    if (!found || piece.n == 0) continue;
    memcpy(out, piece.p, piece.n);
    out += piece.n;
  }
}

/* All occurrences of a submessage as one. */
static gw_code find_joined(gw_str wire, const gw_field *field, gw_arena *arena, gw_str *out) {
  const uint8_t *p = find_begin(wire), *end = p + wire.n;
  gw_str last = { NULL, 0 }, piece;
  size_t total = 0; /* never more than wire.n */
  bool found;
  while (p < end) {
    p = find_next(p, end, field->number, field->wire_type, &piece, &found);
    if (p == NULL) return GW_BAD_ANSWER;
    if (!found || piece.n == 0) continue;
    last = piece;
    total += piece.n;
  }
  *out = last;
  if (total == last.n) return GW_OK; /* at most one has content */
  char *copy = gw_arena_alloc(arena, total);
  if (copy == NULL) return GW_NOMEM;
  find_copy_pieces(wire, field, copy);
  *out = (gw_str){ copy, total };
  return GW_OK;
}

gw_code gw_wire_find_message(gw_str wire, const gw_field *const *fields, uint32_t count,
                             gw_arena *arena, gw_str *out) {
  for (uint32_t i = 0; i < count; i++) {
    gw_code code = find_joined(wire, fields[i], arena, &wire);
    if (code != GW_OK) return code;
  }
  *out = wire;
  return GW_OK;
}

gw_code gw_wire_find_bytes(gw_str wire, uint32_t number, gw_str *out) {
  const uint8_t *p = find_begin(wire), *end = p + wire.n;
  gw_str last = { NULL, 0 };
  bool found;
  while (p < end) {
    p = find_next(p, end, number, GW_WIRE_LENGTH, &last, &found);
    if (p == NULL) return GW_BAD_ANSWER;
  }
  *out = last;
  return GW_OK;
}

gw_code gw_wire_find_varint(gw_str wire, uint32_t number, uint64_t *value) {
  const uint8_t *p = find_begin(wire), *end = p + wire.n;
  uint64_t last = *value;
  while (p < end) {
    uint32_t tag;
    p = gw_wire_tag(p, end, &tag);
    if (p == NULL) return GW_BAD_ANSWER;
    bool found = tag == (number << 3 | GW_WIRE_VARINT);
    p = found ? gw_wire_varint(p, end, &last) : gw_wire_skip(p, end, tag);
    if (p == NULL) return GW_BAD_ANSWER;
  }
  *value = last;
  return GW_OK;
}

bool gw_wire_find_any(gw_str wire, uint32_t number) {
  const uint8_t *p = find_begin(wire), *end = p + wire.n;
  while (p != NULL && p < end) {
    uint32_t tag;
    p = gw_wire_tag(p, end, &tag);
    if (p != NULL && tag >> 3 == number) return true;
    if (p != NULL) p = gw_wire_skip(p, end, tag);
  }
  return false;
}

const gw_field *gw_wire_find_rival(gw_str wire, const gw_field *const *fields, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    const uint8_t *p = find_begin(wire), *end = p + wire.n;
    const gw_field *wanted = fields[i];
    gw_str inner = { NULL, 0 };
    while (p < end) {
      uint32_t tag;
      gw_wire_span span = { NULL, NULL };
      const uint8_t *value = gw_wire_tag(p, end, &tag);
      assert(value != NULL);
      const gw_field *field = gw_message_field_by_number(wanted->parent, tag >> 3);
      if (field == wanted && field->wire_type == GW_WIRE_LENGTH) {
        gw_wire_length(value, end, &span);
      } else if (field == wanted && field->wire_type == GW_WIRE_GROUP) {
        gw_wire_skip_group(value, end, field->number, &span.end);
        span.p = value;
      } else if (field != NULL && field != wanted && wanted->oneof >= 0 &&
                 field->oneof == wanted->oneof) {
        return field;
      }
      if (span.p != NULL) inner = gw_wire_span_str(span);
      p = gw_wire_skip(value, end, tag);
      assert(p != NULL);
    }
    wire = inner;
  }
  return NULL;
}
