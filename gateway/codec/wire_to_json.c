#include "codec/wire_to_json.h"

#include <math.h>

#include "codec/digits.h"
#include "codec/number.h"
#include "codec/wire_printer.h"

/* Restarts may read this many times the input, and short messages a few times for nothing. */
#define RESTART_BYTES_RATIO 2
#define RESTART_BYTES_MIN   64

/* Most numbers have one digit. */
static GW_ALWAYS_INLINE char *u64_print(uint64_t value, char *w) {
  if (value < 10) {
    *w = (char)('0' + value);
    return w + 1;
  }
  return w + gw_number_print_u64(value, w);
}

static GW_ALWAYS_INLINE char *i64_print(int64_t value, char *w) {
  return value >= 0 ? u64_print((uint64_t)value, w) : w + gw_number_print_i64(value, w);
}

static GW_ALWAYS_INLINE char *int64_print(const gw_wire_printer *s, int64_t value, char *w) {
  if (s->codec->style.int64_number) return i64_print(value, w);
  *w = '"';
  w += 1 + gw_number_print_i64(value, w + 1);
  *w = '"';
  return w + 1;
}

static GW_ALWAYS_INLINE char *uint64_print(const gw_wire_printer *s, uint64_t value, char *w) {
  if (s->codec->style.int64_number) return u64_print(value, w);
  *w = '"';
  w += 1 + gw_number_print_u64(value, w + 1);
  *w = '"';
  return w + 1;
}

static GW_ALWAYS_INLINE char *bool_print(bool value, char *w) {
  memcpy(w, value ? "true" : "false", 5);
  return w + (value ? 4 : 5);
}

/* google.protobuf.Value has no JSON for them (struct.proto). */
static char *not_finite_print(gw_wire_printer *s, const gw_field *field, double value, char *w) {
  if (field->parent->wkt == GW_WKT_VALUE) {
    gw_wire_fail(s, GW_BAD_ANSWER, "a google.protobuf.Value that is NaN or infinite");
    return NULL;
  }
  if (isnan(value)) return GW_WIRE_PUT(w, "\"NaN\"");
  return value < 0 ? GW_WIRE_PUT(w, "\"-Infinity\"") : GW_WIRE_PUT(w, "\"Infinity\"");
}

/* `value` as gw_wire_scalar_cut leaves it.  NULL: reported. */
static GW_ALWAYS_INLINE char *scalar_print(gw_wire_printer *s, const gw_field *field, gw_kind kind,
                                           uint64_t value, char *w) {
  double wide;
  float narrow;
  uint32_t word = (uint32_t)value;
  switch (kind) {
  case GW_KIND_DOUBLE:
    memcpy(&wide, &value, sizeof wide);
    if (GW_UNLIKELY(!isfinite(wide))) return not_finite_print(s, field, wide, w);
    if (GW_UNLIKELY(s->printf_digits)) return w + gw_number_print_double_c(wide, w);
    return w + gw_number_print_double(wide, w);
  case GW_KIND_FLOAT:
    memcpy(&narrow, &word, sizeof narrow);
    if (GW_UNLIKELY(!isfinite(narrow))) return not_finite_print(s, field, (double)narrow, w);
    if (GW_UNLIKELY(s->printf_digits)) return w + gw_number_print_float_c(narrow, w);
    return w + gw_number_print_float(narrow, w);
  case GW_KIND_INT64:
  case GW_KIND_SINT64:
  case GW_KIND_SFIXED64: return int64_print(s, (int64_t)value, w);
  case GW_KIND_UINT64:
  case GW_KIND_FIXED64: return uint64_print(s, value, w);
  case GW_KIND_UINT32:
  case GW_KIND_FIXED32: return u64_print(value, w);
  case GW_KIND_BOOL: return bool_print(value != 0, w);
  case GW_KIND_ENUM: return gw_wire_enum_print(s, field->enumeration, (int32_t)value, w);
  default: return i64_print((int64_t)value, w);
  }
}

/* A group has no length: it is printed while its end is looked for, or after: where the document is
 * done by index, and special messages, which a field of editions may have as a group. */
static gw_wire_at group_print(gw_wire_printer *s, const gw_field *field, gw_wire_at at,
                              const uint8_t *end) {
  if (!s->index_only && !gw_wire_is_special(field->message)) {
    if (!gw_wire_enter(s, at.p)) return GW_WIRE_FAILED;
    at.w = gw_wire_room(s, at.w, 2);
    if (at.w == NULL) return GW_WIRE_FAILED;
    *at.w++ = '{';
    at = gw_wire_body_print(s, field->message, at, end, field->number);
    s->depth--;
    return at;
  }
  gw_wire_span span = { at.p, NULL };
  const uint8_t *next = gw_wire_skip_group(at.p, end, field->number, &span.end);
  if (next == NULL) return gw_wire_malformed(s, at.p);
  at = gw_wire_message_print(s, field->message, span, at.w);
  return at.p != NULL ? (gw_wire_at){ next, at.w } : at;
}

/* Reading and printing of one kind, which is a constant where this is expanded. */
static GW_ALWAYS_INLINE gw_wire_at kind_print(gw_wire_printer *s, const gw_field *field,
                                              gw_kind kind, gw_wire_at at, const uint8_t *end,
                                              bool keep) {
  uint64_t value;
  const uint8_t *next = gw_wire_scalar(kind, at.p, end, &value);
  if (GW_UNLIKELY(next == NULL)) return gw_wire_malformed(s, at.p);
  if (!keep && value == 0) return (gw_wire_at){ next, NULL };
  char *w = scalar_print(s, field, kind, value, at.w);
  return GW_LIKELY(w != NULL) ? (gw_wire_at){ next, w } : GW_WIRE_FAILED;
}

/* One switch for both halves. */
static GW_ALWAYS_INLINE gw_wire_at scalar_value_print(gw_wire_printer *s, const gw_field *field,
                                                      gw_wire_at at, const uint8_t *end,
                                                      bool keep) {
  switch ((gw_kind)field->kind) {
  case GW_KIND_DOUBLE: return kind_print(s, field, GW_KIND_DOUBLE, at, end, keep);
  case GW_KIND_FLOAT: return kind_print(s, field, GW_KIND_FLOAT, at, end, keep);
  case GW_KIND_INT64: return kind_print(s, field, GW_KIND_INT64, at, end, keep);
  case GW_KIND_UINT64: return kind_print(s, field, GW_KIND_UINT64, at, end, keep);
  case GW_KIND_INT32: return kind_print(s, field, GW_KIND_INT32, at, end, keep);
  case GW_KIND_FIXED64: return kind_print(s, field, GW_KIND_FIXED64, at, end, keep);
  case GW_KIND_FIXED32: return kind_print(s, field, GW_KIND_FIXED32, at, end, keep);
  case GW_KIND_BOOL: return kind_print(s, field, GW_KIND_BOOL, at, end, keep);
  case GW_KIND_UINT32: return kind_print(s, field, GW_KIND_UINT32, at, end, keep);
  case GW_KIND_ENUM: return kind_print(s, field, GW_KIND_ENUM, at, end, keep);
  case GW_KIND_SFIXED32: return kind_print(s, field, GW_KIND_SFIXED32, at, end, keep);
  case GW_KIND_SFIXED64: return kind_print(s, field, GW_KIND_SFIXED64, at, end, keep);
  case GW_KIND_SINT32: return kind_print(s, field, GW_KIND_SINT32, at, end, keep);
  case GW_KIND_SINT64: return kind_print(s, field, GW_KIND_SINT64, at, end, keep);
  default: return group_print(s, field, at, end);
  }
}

static GW_ALWAYS_INLINE gw_wire_at value_print(gw_wire_printer *s, const gw_field *field,
                                               gw_wire_at at, const uint8_t *end, bool keep) {
  gw_wire_span span;
  if (field->wire_type != GW_WIRE_LENGTH) return scalar_value_print(s, field, at, end, keep);
  const uint8_t *next = gw_wire_length(at.p, end, &span);
  if (GW_UNLIKELY(next == NULL)) return gw_wire_malformed(s, at.p);
  if (field->kind == GW_KIND_MESSAGE) return gw_wire_message_print(s, field->message, span, at.w);
  if (!keep && span.p == span.end) return (gw_wire_at){ next, NULL };
  char *w = field->kind == GW_KIND_STRING ? gw_wire_short_string_print(s, span, at.w)
                                          : gw_wire_bytes_print(s, span, at.w);
  return GW_LIKELY(w != NULL) ? (gw_wire_at){ next, w } : GW_WIRE_FAILED;
}

gw_wire_at gw_wire_value_print(gw_wire_printer *s, const gw_field *field, gw_wire_at at,
                               const uint8_t *end, bool keep) {
  at.w = gw_wire_room(s, at.w, 0);
  if (at.w == NULL) return GW_WIRE_FAILED;
  return value_print(s, field, at, end, keep);
}

char *gw_wire_scalar_print(gw_wire_printer *s, const gw_field *field, uint64_t value, char *w) {
  return scalar_print(s, field, (gw_kind)field->kind, value, w);
}

/* Elements of one kind, which is a constant where this is expanded. */
static GW_ALWAYS_INLINE gw_wire_at packed_kind_print(gw_wire_printer *s, const gw_field *field,
                                                     gw_kind kind, gw_wire_at at,
                                                     const uint8_t *end) {
  while (at.p < end) {
    at.w = gw_wire_room(s, at.w, 2);
    if (GW_UNLIKELY(at.w == NULL)) return GW_WIRE_FAILED;
    at = kind_print(s, field, kind, at, end, true);
    if (GW_UNLIKELY(at.p == NULL)) return at;
    *at.w++ = ',';
  }
  return at;
}

/* Four digits, each with '0' and a comma behind it. */
static inline uint64_t digits_spread(uint64_t four) {
  four = (four | four << 16) & 0x0000FFFF0000FFFFull;
  four = (four | four << 8) & 0x00FF00FF00FF00FFull;
  return four + 0x2C302C302C302C30ull;
}

/* Counts, ratings and the like: as many of the next eight elements as have one digit; 0: at.p has
 * more, or the wire ends before eight. */
static inline unsigned digits_run_print(const gw_wire_printer *s, gw_wire_at at,
                                        const uint8_t *end) {
  if (*at.p > 9 || s->wire_end - at.p < 8) return 0;
  uint64_t digits = gw_digits_load((const char *)at.p);
  uint64_t others = (digits | (digits + 0x7676767676767676ull)) & 0x8080808080808080ull;
  unsigned n = others != 0 ? (unsigned)__builtin_ctzll(others) / 8 : 8;
  gw_digits_store(digits_spread(digits & UINT32_MAX), at.w);
  gw_digits_store(digits_spread(digits >> 32), at.w + 8);
  return (ptrdiff_t)n < end - at.p ? n : (unsigned)(end - at.p);
}

/* int32 and uint32 */
static __attribute__((noinline)) gw_wire_at
packed_small_print(gw_wire_printer *s, const gw_field *field, gw_wire_at at, const uint8_t *end) {
  while (at.p < end) {
    at.w = gw_wire_room(s, at.w, 2);
    if (GW_UNLIKELY(at.w == NULL)) return GW_WIRE_FAILED;
    unsigned n = digits_run_print(s, at, end);
    if (n > 0) {
      at = (gw_wire_at){ at.p + n, at.w + 2 * n };
      continue;
    }
    at = field->kind == GW_KIND_INT32 ? kind_print(s, field, GW_KIND_INT32, at, end, true)
                                      : kind_print(s, field, GW_KIND_UINT32, at, end, true);
    if (GW_UNLIKELY(at.p == NULL)) return at;
    *at.w++ = ',';
  }
  return at;
}

static inline bool packed_is_small(const gw_field *field) {
  return field->kind == GW_KIND_INT32 || field->kind == GW_KIND_UINT32;
}

gw_wire_at gw_wire_packed_print(gw_wire_printer *s, const gw_field *field, gw_wire_at at,
                                const uint8_t *end) {
  if (packed_is_small(field)) return packed_small_print(s, field, at, end);
  switch ((gw_kind)field->kind) {
  case GW_KIND_DOUBLE: return packed_kind_print(s, field, GW_KIND_DOUBLE, at, end);
  case GW_KIND_INT64: return packed_kind_print(s, field, GW_KIND_INT64, at, end);
  case GW_KIND_ENUM: return packed_kind_print(s, field, GW_KIND_ENUM, at, end);
  default: break;
  }
  while (at.p < end) {
    at.w = gw_wire_room(s, at.w, 2);
    if (GW_UNLIKELY(at.w == NULL)) return GW_WIRE_FAILED;
    at = scalar_value_print(s, field, at, end, true);
    if (GW_UNLIKELY(at.p == NULL)) return at;
    *at.w++ = ',';
  }
  return at;
}

/* ---- a message while it is read ---- */

static gw_wire_at packed_chunk_print(gw_wire_printer *s, const gw_field *field, gw_wire_at at,
                                     const uint8_t *end) {
  gw_wire_span span;
  const uint8_t *next = gw_wire_length(at.p, end, &span);
  if (next == NULL) return gw_wire_malformed(s, at.p);
  return gw_wire_packed_print(s, field, (gw_wire_at){ span.p, at.w }, span.end);
}

/* All elements that follow one another, packed or not; at.p behind the first one's tag.
 * w == NULL: none came, and an empty list is not wanted. */
static __attribute__((noinline)) gw_wire_at list_print(gw_wire_printer *s, const gw_field *field,
                                                       gw_wire_at at, const uint8_t *end,
                                                       uint32_t wire_type) {
  uint64_t index = 0;
  *at.w++ = '[';
  for (;;) {
    if (wire_type != field->wire_type) {
      at = packed_chunk_print(s, field, at, end);
      if (GW_UNLIKELY(at.p == NULL)) return at;
    } else {
      size_t before = gw_wire_offset(s, at.w);
      at = value_print(s, field, at, end, true);
      if (GW_UNLIKELY(at.p == NULL)) {
        gw_wire_path_index(s, index);
        return at;
      }
      if (GW_LIKELY(at.w != NULL)) {
        *at.w++ = ',';
      } else {
        at.w = s->out->p + before;
      }
    }
    index++;
    at.w = gw_wire_room(s, at.w, 0);
    if (GW_UNLIKELY(at.w == NULL)) return GW_WIRE_FAILED;
    uint32_t tag;
    const uint8_t *next = gw_wire_tag(at.p, end, &tag);
    if (next == NULL || tag >> 3 != field->number || !gw_wire_type_fits(field, tag & 7)) break;
    wire_type = tag & 7;
    at.p = next;
  }
  if (at.w[-1] == '[' && !s->emit_all) return (gw_wire_at){ at.p, NULL };
  at.w = gw_wire_close(at.w, ']');
  return at;
}

/* Cuts back to where the message began and does it by index; `read`: how far it had come. */
static __attribute__((noinline)) gw_wire_at body_restart(gw_wire_printer *s,
                                                         const gw_message *message,
                                                         gw_wire_span span, uint32_t group,
                                                         size_t begin_offset, const uint8_t *read) {
  if (!gw_wire_restart_pay(s, (size_t)(read - span.p))) return GW_WIRE_FAILED;
  gw_wire_source source = { .span = span };
  const uint8_t *next = span.end;
  if (group != 0) {
    next = gw_wire_skip_group(span.p, span.end, group, &source.span.end);
    if (next == NULL) return gw_wire_malformed(s, read);
  }
  gw_wire_at at = gw_wire_index_print(s, message, &source, s->out->p + begin_offset);
  return at.p != NULL ? (gw_wire_at){ next, at.w } : at;
}

/* `next`: the fields from it on did not come. */
static GW_ALWAYS_INLINE gw_wire_at body_close(gw_wire_printer *s, const gw_message *message,
                                              const gw_field *next, gw_wire_at at) {
  if (GW_UNLIKELY(s->emit_all)) {
    at.w = gw_wire_unset_print(s, next, message->fields + message->field_count, at.w);
    if (at.w == NULL) return GW_WIRE_FAILED;
  }
  at.w = gw_wire_room(s, gw_wire_close(at.w, '}'), 0);
  return GW_LIKELY(at.w != NULL) ? at : GW_WIRE_FAILED;
}

/* Key, list and comma, of strings: they have one form, and are never left out. */
static __attribute__((noinline)) gw_wire_at
string_list_print(gw_wire_printer *s, const gw_field *field, gw_wire_at at, const uint8_t *end) {
  const uint32_t wanted = field->number << 3 | GW_WIRE_LENGTH;
  char *w = gw_wire_key_print(s, field, at.w);
  if (GW_UNLIKELY(w == NULL)) return GW_WIRE_FAILED;
  const uint8_t *p = at.p;
  *w++ = '[';
  for (uint64_t index = 0;; index++) {
    uint32_t tag;
    gw_wire_span span;
    const uint8_t *next = gw_wire_length(p, end, &span);
    w = GW_LIKELY(next != NULL) ? gw_wire_short_string_print(s, span, w)
                                : gw_wire_malformed(s, p).w;
    if (GW_LIKELY(w != NULL)) w = gw_wire_room(s, w + 1, 0);
    if (GW_UNLIKELY(w == NULL)) {
      gw_wire_path_index(s, index);
      return GW_WIRE_FAILED;
    }
    w[-1] = ',';
    p = gw_wire_tag(next, end, &tag);
    if (p != NULL && tag == wanted) continue;
    w[-1] = ']';
    *w++ = ',';
    return (gw_wire_at){ next, w };
  }
}

/* A message whose JSON is an object. */
static inline gw_wire_at object_print(gw_wire_printer *s, const gw_message *message,
                                      gw_wire_span span, char *w) {
  gw_wire_at at = { span.p, w };
  if (GW_UNLIKELY(!gw_wire_enter(s, span.p))) return GW_WIRE_FAILED;
  at.w = gw_wire_room(s, at.w, 2);
  if (GW_UNLIKELY(at.w == NULL)) return GW_WIRE_FAILED;
  *at.w++ = '{';
  if (GW_LIKELY(!s->index_only)) {
    at = gw_wire_body_print(s, message, at, span.end, 0);
  } else {
    gw_wire_source source = { .span = span };
    at = gw_wire_index_print(s, message, &source, at.w);
    if (at.p != NULL) at.p = span.end;
  }
  s->depth--;
  return at;
}

/* Key, value and comma of any field whose value may have no JSON. */
static __attribute__((noinline)) gw_wire_at rare_field_print(gw_wire_printer *s,
                                                             const gw_field *field, gw_wire_at at,
                                                             const uint8_t *end,
                                                             uint32_t wire_type) {
  size_t before = gw_wire_offset(s, at.w);
  at.w = gw_wire_key_print(s, field, at.w);
  if (GW_UNLIKELY(at.w == NULL)) return GW_WIRE_FAILED;
  if (!field->repeated) {
    at = value_print(s, field, at, end, field->presence || s->emit_all);
  } else if (!field->map) {
    at = list_print(s, field, at, end, wire_type);
  } else {
    at = gw_wire_map_print(s, field, at, end);
  }
  if (GW_LIKELY(at.w != NULL)) {
    *at.w++ = ',';
  } else if (at.p != NULL && s->code != GW_CONFLICT) {
    at.w = s->out->p + before;
  }
  return at;
}

/* True when an element of the list `field` stands at p. */
static inline bool list_goes_on(const gw_field *field, const uint8_t *p, const uint8_t *end) {
  uint32_t tag;
  return gw_wire_tag(p, end, &tag) != NULL && tag >> 3 == field->number &&
         gw_wire_type_fits(field, tag & 7);
}

/* The same for a packed list; as a rule it comes in one piece and is not empty. */
static __attribute__((noinline)) gw_wire_at
packed_list_print(gw_wire_printer *s, const gw_field *field, gw_wire_at at, const uint8_t *end) {
  gw_wire_span span;
  const uint8_t *next = gw_wire_length(at.p, end, &span);
  if (GW_UNLIKELY(next == NULL)) return gw_wire_malformed(s, at.p);
  if (GW_UNLIKELY(span.p == span.end || list_goes_on(field, next, end))) {
    return rare_field_print(s, field, at, end, GW_WIRE_LENGTH);
  }
  char *w = gw_wire_key_print(s, field, at.w);
  if (GW_UNLIKELY(w == NULL)) return GW_WIRE_FAILED;
  *w++ = '[';
  at = (gw_wire_at){ span.p, w };
  at = packed_is_small(field) ? packed_small_print(s, field, at, span.end)
                              : gw_wire_packed_print(s, field, at, span.end);
  if (GW_UNLIKELY(at.p == NULL)) return at;
  at.w[-1] = ']';
  *at.w++ = ',';
  return at;
}

/* The same for a list of objects. */
static __attribute__((noinline)) gw_wire_at
object_list_print(gw_wire_printer *s, const gw_field *field, gw_wire_at at, const uint8_t *end) {
  const uint32_t wanted = field->number << 3 | GW_WIRE_LENGTH;
  uint32_t tag;
  at.w = gw_wire_key_print(s, field, at.w);
  if (GW_UNLIKELY(at.w == NULL)) return GW_WIRE_FAILED;
  *at.w++ = '[';
  for (uint64_t index = 0;; index++) {
    gw_wire_span span;
    const uint8_t *next = gw_wire_length(at.p, end, &span);
    at = GW_LIKELY(next != NULL) ? object_print(s, field->message, span, at.w)
                                 : gw_wire_malformed(s, at.p);
    if (GW_UNLIKELY(at.p == NULL)) {
      gw_wire_path_index(s, index);
      return at;
    }
    *at.w++ = ',';
    next = gw_wire_tag(at.p, end, &tag);
    if (next == NULL || tag != wanted) break;
    at.p = next;
  }
  at.w[-1] = ']';
  *at.w++ = ',';
  return at;
}

static GW_ALWAYS_INLINE gw_wire_at list_field_print(gw_wire_printer *s, const gw_field *field,
                                                    gw_wire_at at, const uint8_t *end,
                                                    uint32_t wire_type) {
  if (field->kind == GW_KIND_STRING) return string_list_print(s, field, at, end);
  if (field->kind == GW_KIND_MESSAGE) {
    if (!field->map && !gw_wire_is_special(field->message))
      return object_list_print(s, field, at, end);
  } else if (wire_type != field->wire_type) {
    return packed_list_print(s, field, at, end);
  }
  return rare_field_print(s, field, at, end, wire_type);
}

/* The same for a scalar of one kind: its value is looked at before the key is printed. */
static GW_ALWAYS_INLINE gw_wire_at kind_field_print(gw_wire_printer *s, const gw_field *field,
                                                    gw_kind kind, gw_wire_at at,
                                                    const uint8_t *end) {
  uint64_t value;
  /* A number at the end of its message too is read with what stands behind it, at once. */
  const uint8_t *next = gw_wire_scalar(kind, at.p, s->wire_end, &value);
  if (GW_UNLIKELY(next == NULL || next > end)) return gw_wire_malformed(s, at.p);
  if (GW_UNLIKELY(value == 0) && !field->presence && !s->emit_all) {
    return (gw_wire_at){ next, at.w };
  }
  char *w = gw_wire_key_print(s, field, at.w);
  if (GW_LIKELY(w != NULL)) w = scalar_print(s, field, kind, value, w);
  if (GW_UNLIKELY(w == NULL)) return GW_WIRE_FAILED;
  *w++ = ',';
  return (gw_wire_at){ next, w };
}

static GW_ALWAYS_INLINE gw_wire_at string_field_print(gw_wire_printer *s, const gw_field *field,
                                                      gw_wire_at at, const uint8_t *end) {
  gw_wire_span span;
  const uint8_t *next = gw_wire_length(at.p, end, &span);
  if (GW_UNLIKELY(next == NULL)) return gw_wire_malformed(s, at.p);
  if (GW_UNLIKELY(span.p == next) && !field->presence && !s->emit_all) {
    return (gw_wire_at){ next, at.w };
  }
  char *w = gw_wire_key_print(s, field, at.w);
  if (GW_LIKELY(w != NULL)) w = gw_wire_short_string_print(s, span, w);
  if (GW_UNLIKELY(w == NULL)) return GW_WIRE_FAILED;
  *w++ = ',';
  return (gw_wire_at){ next, w };
}

/* An object is always printed. */
static GW_ALWAYS_INLINE gw_wire_at object_field_print(gw_wire_printer *s, const gw_field *field,
                                                      gw_wire_at at, const uint8_t *end) {
  gw_wire_span span;
  const uint8_t *next = gw_wire_length(at.p, end, &span);
  if (GW_UNLIKELY(next == NULL)) return gw_wire_malformed(s, at.p);
  char *w = gw_wire_key_print(s, field, at.w);
  if (GW_UNLIKELY(w == NULL)) return GW_WIRE_FAILED;
  at = object_print(s, field->message, span, w);
  if (GW_LIKELY(at.p != NULL)) *at.w++ = ',';
  return at;
}

/* Key, value and comma; nothing for an implicit default. */
static GW_ALWAYS_INLINE gw_wire_at field_print(gw_wire_printer *s, const gw_field *field,
                                               gw_wire_at at, const uint8_t *end,
                                               uint32_t wire_type) {
  if (field->repeated) return list_field_print(s, field, at, end, wire_type);
  switch ((gw_kind)field->kind) {
  case GW_KIND_STRING: return string_field_print(s, field, at, end);
  case GW_KIND_MESSAGE:
    if (GW_UNLIKELY(gw_wire_is_special(field->message))) break;
    return object_field_print(s, field, at, end);
  case GW_KIND_DOUBLE: return kind_field_print(s, field, GW_KIND_DOUBLE, at, end);
  case GW_KIND_INT64: return kind_field_print(s, field, GW_KIND_INT64, at, end);
  case GW_KIND_INT32: return kind_field_print(s, field, GW_KIND_INT32, at, end);
  case GW_KIND_BOOL: return kind_field_print(s, field, GW_KIND_BOOL, at, end);
  case GW_KIND_ENUM: return kind_field_print(s, field, GW_KIND_ENUM, at, end);
  default: break;
  }
  return rare_field_print(s, field, at, end, wire_type);
}

typedef enum body_step { BODY_FIELD, BODY_SKIPPED, BODY_END, BODY_BACK, BODY_MALFORMED } body_step;

/* A message while it is read. */
typedef struct body_state {
  const gw_message *message;
  const gw_field *next; /* those below it are done */
  uint64_t oneofs;      /* that have a member */
  uint32_t group;       /* number of the group that it is, else 0 */
  /* What body_step_find() found. */
  const gw_field *field;
  const uint8_t *skipped;
} body_state;

/* What to do with a tag that was not expected.  BODY_FIELD: print body->field, which is learned as
 * the successor.  BODY_BACK: the message cannot be printed while it is read, because the field goes
 * back or is a second member of its oneof.  BODY_SKIPPED: body->skipped is behind it. */
static __attribute__((noinline)) body_step body_step_find(body_state *body, uint32_t tag,
                                                          const uint8_t *value, const uint8_t *end,
                                                          gw_codec_successor *successor) {
  const gw_field *found = gw_message_field_by_number(body->message, tag >> 3);
  if (GW_UNLIKELY(found == NULL || !gw_wire_type_fits(found, tag & 7))) {
    if ((tag & 7) == GW_WIRE_END_GROUP && body->group != 0 && tag >> 3 == body->group) {
      return BODY_END;
    }
    body->skipped = gw_wire_skip(value, end, tag);
    return body->skipped != NULL ? BODY_SKIPPED : BODY_MALFORMED;
  }
  if (GW_UNLIKELY(found < body->next)) return BODY_BACK;
  body->field = found;
  if (found->oneof < 0) {
    *successor = (gw_codec_successor){ found, tag };
    return BODY_FIELD;
  }
  uint64_t bit = found->oneof < 64 ? 1ull << found->oneof : 0;
  if ((body->oneofs & bit) != 0 || bit == 0) return BODY_BACK;
  body->oneofs |= bit;
  return BODY_FIELD;
}

gw_wire_at gw_wire_body_print(gw_wire_printer *s, const gw_message *message, gw_wire_at at,
                              const uint8_t *end, uint32_t group) {
  const uint8_t *begin = at.p;
  const size_t begin_offset = gw_wire_offset(s, at.w);
  body_state body;
  body.message = message;
  body.next = message->fields;
  body.oneofs = 0;
  body.group = group;
  gw_codec_successor *successor = &s->codec->memo->first_tag[message->id];
  while (at.p < end) {
    uint32_t tag;
    const uint8_t *value = gw_wire_tag(at.p, end, &tag);
    if (GW_UNLIKELY(value == NULL)) return gw_wire_malformed(s, at.p);
    const gw_field *field = successor->field;
    if (GW_UNLIKELY(tag != successor->tag)) {
      switch (body_step_find(&body, tag, value, end, successor)) {
      case BODY_FIELD: field = body.field; break;
      case BODY_SKIPPED: at.p = body.skipped; continue;
      case BODY_END: return body_close(s, message, body.next, (gw_wire_at){ value, at.w });
      case BODY_BACK:
        return body_restart(s, message, (gw_wire_span){ begin, end }, group, begin_offset, value);
      case BODY_MALFORMED: return gw_wire_malformed(s, at.p);
      }
    }
    if (GW_UNLIKELY(s->emit_all) && field != body.next) {
      at.w = gw_wire_unset_print(s, body.next, field, at.w);
      if (at.w == NULL) return GW_WIRE_FAILED;
    }
    body.next = field + 1;
    at = field_print(s, field, (gw_wire_at){ value, at.w }, end, tag & 7);
    if (GW_UNLIKELY(at.w == NULL)) {
      if (at.p != NULL) /* GW_CONFLICT */
        return body_restart(s, message, (gw_wire_span){ begin, end }, group, begin_offset, at.p);
      gw_wire_path_field(s, field);
      return at;
    }
    successor = &s->next_tag[field->id];
  }
  if (group != 0) return gw_wire_malformed(s, at.p);
  return body_close(s, message, body.next, at);
}

gw_wire_at gw_wire_message_print(gw_wire_printer *s, const gw_message *message, gw_wire_span span,
                                 char *w) {
  if (GW_UNLIKELY(gw_wire_is_special(message))) return gw_wire_wkt_print(s, message, span, w);
  return object_print(s, message, span, w);
}

/* ---- the whole conversion ---- */

static gw_wire_at root_print(gw_wire_printer *s, const gw_message *message, const gw_field *field,
                             char *w) {
  gw_wire_source source = { .span = { s->wire, s->wire_end } };
  gw_wire_at at = field == NULL ? gw_wire_message_print(s, message, source.span, w)
                                : gw_wire_index_field_print(s, field, &source, w);
  if (at.p == NULL || at.w != NULL) return at;
  w = s->out->p + s->out->n;
  if (field != NULL && (field->repeated || field->message == NULL)) {
    at.w = gw_wire_default_print(s, field, w);
  } else {
    at.w = GW_WIRE_PUT(w, "null");
  }
  return at.w != NULL ? at : GW_WIRE_FAILED;
}

static gw_wire_at pass_print(gw_wire_printer *s, const gw_message *message, const gw_field *field,
                             size_t out_begin) {
  gw_err_init(&s->err);
  s->code = GW_OK;
  s->malformed = false;
  s->depth = 0;
  s->scratch_n = 0;
  s->path_begin = sizeof s->path - 1;
  s->out->n = out_begin;
  s->limit = s->out->p + gw_size_min(s->out->cap - GW_BUF_SLACK, s->out->max);
  return root_print(s, message, field, s->out->p + out_begin);
}

/* D-51.  What is escaped stands only within strings, so that the finished text will do. */
static GW_COLD gw_code html_escape(gw_codec *codec, gw_buf *out, size_t begin, gw_err *err) {
  gw_code code = gw_wire_html_escape(codec->arena, out, begin);
  return code == GW_OK ? GW_OK : gw_err_set(err, code, "no memory for the message as JSON");
}

gw_code gw_wire_convert(gw_codec *codec, const gw_message *message, const gw_field *field,
                        gw_str wire, gw_buf *out, gw_err *err, uint64_t *message_count) {
  static const uint8_t nothing[1];
  size_t out_begin = out->n;
  gw_wire_printer s;
  if (wire.n >= GW_WIRE_KEY_MISSING) {
    return gw_err_set(err, GW_TOO_LARGE, "a message of %zu bytes", wire.n);
  }
  s.out = out;
  s.codec = codec;
  s.next_tag = codec->memo->next_tag;
  s.wire = wire.n > 0 ? (const uint8_t *)wire.p : nothing;
  s.wire_end = s.wire + wire.n;
  s.key_offset =
      codec->style.proto_names ? offsetof(gw_field, key_proto) : offsetof(gw_field, key_json);
  s.emit_all = codec->style.emit != GW_EMIT_SET;
  s.printf_digits = codec->style.printf_digits;
  s.index_only = false;
  s.budget = (int64_t)wire.n * RESTART_BYTES_RATIO + RESTART_BYTES_MIN;
  s.scratch = NULL;
  s.scratch_cap = 0;
  s.message_count = 0;
  s.path[sizeof s.path - 1] = '\0';
  /* JSON is rarely shorter than the wire. */
  gw_code code = gw_buf_reserve(out, gw_size_min(wire.n, out->max - out->n));
  if (code != GW_OK) return gw_err_set(err, code, "no memory for the message as JSON");
  gw_wire_at at = pass_print(&s, message, field, out_begin);
  /* A bad value may be one that a later one replaces: by index only what counts is printed. */
  bool bad_value = s.code == GW_BAD_ANSWER && !s.malformed;
  if (GW_UNLIKELY(at.p == NULL && (s.code == GW_AGAIN || bad_value))) {
    s.index_only = true;
    at = pass_print(&s, message, field, out_begin);
  }
  if (at.p != NULL) {
    at.w = gw_wire_room(&s, at.w, 0);
    if (at.w == NULL) at.p = NULL;
  }
  if (message_count != NULL) *message_count = s.message_count;
  out->n = at.p != NULL ? gw_wire_offset(&s, at.w) : out_begin;
  if (at.p != NULL && GW_UNLIKELY(codec->style.html_escapes))
    return html_escape(codec, out, out_begin, err);
  if (at.p != NULL) return GW_OK;
  gw_str where = gw_str_of(s.path + s.path_begin);
  return gw_err_at(err, s.code, where, "%s", s.err.text);
}

gw_code gw_wire_to_json(gw_codec *codec, const gw_message *message, gw_str wire, gw_buf *out,
                        gw_err *err) {
  return gw_wire_convert(codec, message, NULL, wire, out, err, NULL);
}

gw_code gw_wire_to_json_field(gw_codec *codec, const gw_field *field, gw_str wire, gw_buf *out,
                              gw_err *err) {
  return gw_wire_convert(codec, field->parent, field, wire, out, err, NULL);
}
