#include "codec/wire_merge.h"

#include "base/limits.h"
#include "codec/wire_reader.h"

/* One field of the wire: from `begin` to `next`; content of a submessage in `content`. */
typedef struct merge_piece {
  const uint8_t *begin, *next;
  const gw_field *submessage; /* NULL: anything but a singular submessage */
  gw_wire_span content;
} merge_piece;

/* Our own bytes: always well-formed.  Items of a message set are never joined: no path names an
 * extension. */
static merge_piece merge_next(const gw_message *message, const uint8_t *p, const uint8_t *end) {
  merge_piece piece = { .begin = p };
  uint32_t tag = 0;
  p = gw_wire_tag(p, end, &tag);
  assert(p != NULL);
  const gw_field *field = gw_message_field_by_number(message, tag >> 3);
  bool joins = field != NULL && field->message != NULL && !field->repeated && !field->item &&
               (tag & 7) == field->wire_type;
  if (!joins) {
    piece.next = gw_wire_skip(p, end, tag);
  } else if (field->kind == GW_KIND_GROUP) {
    piece.content.p = p;
    piece.next = gw_wire_skip_group(p, end, field->number, &piece.content.end);
  } else {
    piece.next = gw_wire_length(p, end, &piece.content);
  }
  if (joins) piece.submessage = field;
  assert(piece.next != NULL);
  return piece;
}

/* Counts the pieces of each submessage; true: some come more than once. */
static bool merge_count(const gw_message *message, gw_str wire, uint8_t *counts) {
  const uint8_t *p = (const uint8_t *)wire.p, *end = p + wire.n;
  bool twice = false;
  while (p < end) {
    merge_piece piece = merge_next(message, p, end);
    if (piece.submessage != NULL) {
      uint8_t *count = &counts[piece.submessage->index];
      if (*count > 0) twice = true;
      if (*count < 2) (*count)++;
    }
    p = piece.next;
  }
  return twice;
}

static gw_code merge_varint(gw_buf *out, uint64_t value) {
  gw_code code = gw_buf_reserve(out, 10);
  if (code != GW_OK) return code;
  while (value >= 0x80) {
    out->p[out->n++] = (char)(value | 0x80);
    value >>= 7;
  }
  out->p[out->n++] = (char)value;
  return GW_OK;
}

static gw_code merge_message(const gw_message *message, gw_str wire, uint32_t depth,
                             gw_arena *arena, gw_buf *out);

/* All pieces of one submessage as one. */
static gw_code merge_field(const gw_message *message, const gw_field *field, gw_str wire,
                           uint32_t depth, gw_arena *arena, gw_buf *out) {
  const uint8_t *p = (const uint8_t *)wire.p, *end = p + wire.n;
  gw_buf joined, merged;
  gw_code code = GW_OK;
  gw_buf_init(&joined, arena, out->max);
  gw_buf_init(&merged, arena, out->max);
  while (p < end && code == GW_OK) {
    merge_piece piece = merge_next(message, p, end);
    if (piece.submessage == field) {
      code = gw_buf_append(
          &joined, gw_str_from((const char *)piece.content.p, (const char *)piece.content.end));
    }
    p = piece.next;
  }
  if (code == GW_OK) {
    code = merge_message(field->message, gw_buf_str(&joined), depth + 1, arena, &merged);
  }
  if (code == GW_OK) code = gw_buf_append(out, (gw_str){ (const char *)field->tag, field->tag_n });
  if (code == GW_OK && field->kind != GW_KIND_GROUP) code = merge_varint(out, merged.n);
  if (code == GW_OK) code = gw_buf_append(out, gw_buf_str(&merged));
  if (code == GW_OK && field->kind == GW_KIND_GROUP) {
    code = merge_varint(out, (uint64_t)field->number << 3 | GW_WIRE_END_GROUP);
  }
  return code;
}

/* Depth is that of the bound field paths: only what comes in pieces is entered. */
static gw_code merge_message(const gw_message *message, gw_str wire, uint32_t depth,
                             gw_arena *arena, gw_buf *out) {
  const uint8_t *p = (const uint8_t *)wire.p, *end = p + wire.n;
  gw_code code = GW_OK;
  if (depth > GW_JSON_DEPTH_MAX) return GW_TOO_LARGE;
  uint8_t *counts = gw_arena_zalloc(arena, message->field_count);
  if (counts == NULL) return GW_NOMEM;
  if (!merge_count(message, wire, counts)) return gw_buf_append(out, wire);
  while (p < end && code == GW_OK) {
    merge_piece piece = merge_next(message, p, end);
    uint8_t *count = piece.submessage != NULL ? &counts[piece.submessage->index] : NULL;
    if (count == NULL || *count == 1) {
      code = gw_buf_append(out, gw_str_from((const char *)piece.begin, (const char *)piece.next));
    } else if (*count == 2) {
      *count = 3; /* the later pieces are part of this one */
      code = merge_field(message, piece.submessage, wire, depth, arena, out);
    }
    p = piece.next;
  }
  return code;
}

gw_code gw_wire_merge(const gw_message *message, gw_arena *arena, gw_buf *out, size_t start) {
  gw_str wire = { out->p + start, out->n - start };
  gw_buf merged;
  uint8_t *counts = gw_arena_zalloc(arena, message->field_count);
  if (counts == NULL) return GW_NOMEM;
  if (!merge_count(message, wire, counts)) return GW_OK;
  gw_buf_init(&merged, arena, out->max);
  gw_code code = merge_message(message, wire, 1, arena, &merged);
  if (code != GW_OK) return code;
  out->n = start;
  return gw_buf_append(out, gw_buf_str(&merged));
}
