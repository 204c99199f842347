/* wire_printer: what the files of wire_to_json share: the state of one conversion, room in the
 * output, and who prints what.
 * A printing function takes and returns {read position, write position} in two registers.
 * p == NULL: it failed, printer->code says how.  w == NULL: nothing was printed, because the value
 * has no JSON (an unset Value) or is a default that is left out; the caller takes back what it
 * wrote before, the key.  After each value the caller writes a comma, which the closing bracket
 * overwrites.
 * Room: `w` may stand up to GW_BUF_SLACK bytes behind `limit`, and gw_wire_room() brings it back;
 * reserving exactly what is surely to come keeps the output's limit exact.
 * Private to codec/.  One thread. */
#pragma once

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/buf.h"
#include "base/limits.h"
#include "codec/codec.h"
#include "codec/wire_reader.h"

typedef struct gw_wire_at {
  const uint8_t *p;
  char *w;
} gw_wire_at;

typedef struct gw_wire_printer {
  gw_buf *out;
  char *limit; /* in out: the content's limit, or where the slack begins */
  const uint8_t *wire, *wire_end;
  gw_codec *codec;
  gw_codec_successor *next_tag; /* the memo's */
  size_t key_offset;            /* in gw_field: key_json or key_proto */
  bool emit_all;                /* GW_EMIT_ALL and GW_EMIT_NULLS */
  bool printf_digits;           /* D-50 */
  bool index_only;              /* the budget is spent: no message is printed while it is read */
  uint32_t depth;
  int64_t budget; /* bytes that may still be read a second time */

  /* A stack on top of the arena: what a message done by index needs while it is printed. */
  char *scratch;
  size_t scratch_n, scratch_cap;

  gw_code code;   /* GW_AGAIN: start again with index_only */
  bool malformed; /* the error is one of the wire, not of a value that has no JSON */
  gw_err err;     /* its text; the path below is its place */
  size_t path_begin;
  char path[192];         /* filled from its end while functions return with an error */
  uint64_t message_count; /* messages begun: the work done, for tests */
} gw_wire_printer;

/* The payloads of one message: a single span, or all occurrences that slots name. */
typedef struct gw_wire_source {
  gw_wire_span span; /* when slot_count is 0 */
  size_t slot;       /* offset in scratch */
  uint32_t number;   /* of the field, which may be a group */
  uint32_t slot_count;
} gw_wire_source;

#define GW_WIRE_CHUNK_BYTES 16 /* of a string at once */

#define GW_WIRE_FAILED ((gw_wire_at){ NULL, NULL })

/* ---- wire_html.c ---- */

/* Escapes what stands in `out` from `begin` on, which is JSON in UTF-8. */
GW_CHECKED gw_code gw_wire_html_escape(gw_arena *arena, gw_buf *out, size_t begin);

/* ---- wire_to_json.c ---- */

/* gw_wire_to_json, or gw_wire_to_json_field when `field` is not NULL, and what it cost. */
GW_CHECKED gw_code gw_wire_convert(gw_codec *codec, const gw_message *message,
                                   const gw_field *field, gw_str wire, gw_buf *out, gw_err *err,
                                   uint64_t *message_count);

/* One value of `field`, at.p behind its tag.  keep: also when it is an implicit default. */
gw_wire_at gw_wire_value_print(gw_wire_printer *s, const gw_field *field, gw_wire_at at,
                               const uint8_t *end, bool keep);
/* A scalar other than string and bytes, as gw_wire_scalar reads it; NULL: reported. */
char *gw_wire_scalar_print(gw_wire_printer *s, const gw_field *field, uint64_t value, char *w);
/* The packed list of scalars [at.p, end), each with a comma behind it. */
gw_wire_at gw_wire_packed_print(gw_wire_printer *s, const gw_field *field, gw_wire_at at,
                                const uint8_t *end);
gw_wire_at gw_wire_message_print(gw_wire_printer *s, const gw_message *message, gw_wire_span span,
                                 char *w);
/* The fields of a message and the closing brace, which takes a comma's place; the caller opened
 * it. group: number of the group whose end tag ends it, else 0. */
gw_wire_at gw_wire_body_print(gw_wire_printer *s, const gw_message *message, gw_wire_at at,
                              const uint8_t *end, uint32_t group);

/* ---- wire_state.c ---- */

char *gw_wire_room_slow(gw_wire_printer *s, char *w, size_t extra);
gw_wire_at gw_wire_fail(gw_wire_printer *s, gw_code code, const char *format, ...) GW_PRINTF(3, 4);
gw_wire_at gw_wire_malformed(gw_wire_printer *s, const uint8_t *p);
/* Put before the path of the error that is on its way out. */
void gw_wire_path_field(gw_wire_printer *s, const gw_field *field);
void gw_wire_path_index(gw_wire_printer *s, uint64_t index);
void gw_wire_path_key(gw_wire_printer *s, gw_str key);
/* Reports that it is too deep. */
void gw_wire_too_deep(gw_wire_printer *s, const uint8_t *p);
/* Before a message is done again by index.  False: the budget is spent, start with index_only. */
bool gw_wire_restart_pay(gw_wire_printer *s, size_t bytes_read);
/* Room on the scratch stack; *offset: where.  False: no memory, reported. */
bool gw_wire_scratch_push(gw_wire_printer *s, size_t bytes, size_t *offset);

/* ---- wire_text.c ---- */

/* Copies 16 bytes; a bit for each one that cannot stand in a JSON string as it is, or may not. */
static inline unsigned gw_wire_chunk_copy(const uint8_t *p, char *w) {
#ifdef __SSE2__
  __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
  _mm_storeu_si128((__m128i *)(void *)w, v);
  /* Only the sign counts: signed, bytes from 0x80 are negative, so below a space too. */
  __m128i low = _mm_subs_epi8(v, _mm_set1_epi8(' '));
  __m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
  __m128i slash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
  return (unsigned)_mm_movemask_epi8(_mm_or_si128(low, _mm_or_si128(quote, slash)));
#else
  unsigned mask = 0;
  memcpy(w, p, GW_WIRE_CHUNK_BYTES);
  for (unsigned i = 0; i < GW_WIRE_CHUNK_BYTES; i++) {
    bool special = p[i] < ' ' || p[i] >= 0x80 || p[i] == '"' || p[i] == '\\';
    mask |= (special ? 1u : 0u) << i;
  }
  return mask;
#endif
}

/* With quotes; NULL: reported. */
char *gw_wire_string_print(gw_wire_printer *s, gw_wire_span text, char *w);
char *gw_wire_bytes_print(gw_wire_printer *s, gw_wire_span bytes, char *w);
/* Numbers that gw_enum.dense does not have. */
char *gw_wire_enum_print_slow(gw_wire_printer *s, const gw_enum *enumeration, int32_t number,
                              char *w);

/* ---- wire_unset.c ---- */

/* What stands for a scalar, list or map that is not set: its default, [] or {}. */
char *gw_wire_default_print(gw_wire_printer *s, const gw_field *field, char *w);
/* The keys that emit_all wants for the unset fields in [from, to). */
char *gw_wire_unset_print(gw_wire_printer *s, const gw_field *from, const gw_field *to, char *w);

/* ---- wire_map.c ---- */

/* Entries of a map field from the first on, at.p behind its tag; ends where another field begins.
 * A key that comes twice: w == NULL and code GW_CONFLICT, p where it stands. */
gw_wire_at gw_wire_map_print(gw_wire_printer *s, const gw_field *field, gw_wire_at at,
                             const uint8_t *end);
/* The same for a map that is all its message has (Struct); other fields are skipped. */
gw_wire_at gw_wire_only_map_print(gw_wire_printer *s, const gw_field *field, gw_wire_at at,
                                  const uint8_t *end);

typedef struct gw_wire_entry {
  gw_wire_span span;
  uint32_t key_at;      /* see gw_wire_entry_read */
  uint32_t value_count; /* occurrences of the value; a message's merge */
  const uint8_t *value; /* the last one, behind its tag; NULL: none */
} gw_wire_entry;

/* key_at: offset of the key's value in the wire; with GW_WIRE_KEY_MISSING the entry's own end, so
 * that two entries without a key differ in it. */
#define GW_WIRE_KEY_MISSING 0x80000000u
bool gw_wire_entry_read(gw_wire_printer *s, const gw_field *field, gw_wire_span span,
                        gw_wire_entry *entry);
/* `"key":value,`, or nothing when the value has no JSON. */
gw_wire_at gw_wire_entry_print(gw_wire_printer *s, const gw_field *field,
                               const gw_wire_entry *entry, char *w);

/* Keys seen so far, each with its location, in a table on the scratch stack. */
typedef struct gw_wire_keys {
  const gw_field *key_field;
  uint64_t seed;
  size_t table; /* offset in scratch; its top while keys are added */
  uint32_t mask, count;
} gw_wire_keys;

bool gw_wire_keys_begin(gw_wire_printer *s, gw_wire_keys *keys, const gw_field *map);
/* *known: where the table holds the location of the same key; NULL: it was not there and is now.
 * False: no memory, reported. */
bool gw_wire_keys_add(gw_wire_printer *s, gw_wire_keys *keys, uint32_t key_at, uint32_t **known);

/* ---- wire_index.c ---- */

/* What gw_wire_body_print prints, by index. */
gw_wire_at gw_wire_index_print(gw_wire_printer *s, const gw_message *message,
                               const gw_wire_source *source, char *w);
/* Only the value of `field`; w == NULL: not set. */
gw_wire_at gw_wire_index_field_print(gw_wire_printer *s, const gw_field *field,
                                     const gw_wire_source *source, char *w);
/* Value, Struct and ListValue: the bare value of the one field that counts. */
gw_wire_at gw_wire_index_bare_print(gw_wire_printer *s, const gw_message *message,
                                    const gw_wire_source *source, char *w);

typedef struct gw_wire_walk { /* over the payloads of a source */
  const gw_wire_source *source;
  uint32_t slot, left;
  const uint8_t *p;
} gw_wire_walk;

void gw_wire_walk_begin(gw_wire_walk *walk, const gw_wire_source *source);
bool gw_wire_walk_next(gw_wire_printer *s, gw_wire_walk *walk, gw_wire_span *span);

/* ---- wire_wkt.c ---- */

/* A well-known type from one span, while reading it where it can be. */
gw_wire_at gw_wire_wkt_print(gw_wire_printer *s, const gw_message *message, gw_wire_span span,
                             char *w);
/* Any message, merged from all payloads of `source`. */
gw_wire_at gw_wire_merged_print(gw_wire_printer *s, const gw_message *message,
                                const gw_wire_source *source, char *w);

/* ---- room and keys ---- */

/* Messages that gw_wire_wkt_print does: those whose JSON or wire is not that of their fields. */
static inline bool gw_wire_is_special(const gw_message *message) {
  return message->wkt >= GW_WKT_ANY && message->wkt <= GW_WKT_MESSAGE_SET;
}

/* Returns w, moved with the output; NULL: reported. */
static inline char *gw_wire_room(gw_wire_printer *s, char *w, size_t extra) {
  if (GW_LIKELY(s->limit - w >= (ptrdiff_t)extra)) return w;
  return gw_wire_room_slow(s, w, extra);
}

/* False: too deep, reported. */
static inline bool gw_wire_enter(gw_wire_printer *s, const uint8_t *p) {
  s->message_count++;
  if (GW_LIKELY(s->depth < GW_JSON_DEPTH_MAX)) {
    s->depth++;
    return true;
  }
  gw_wire_too_deep(s, p);
  return false;
}

static inline size_t gw_wire_offset(const gw_wire_printer *s, const char *w) {
  return (size_t)(w - s->out->p);
}

static inline const gw_key *gw_wire_key(const gw_wire_printer *s, const gw_field *field) {
  return (const gw_key *)(const void *)((const char *)field + s->key_offset);
}

/* What is read behind `n` bytes is padding, what is written there slack or overwritten. */
static inline char *gw_wire_copy_padded(const char *p, size_t n, char *w) {
  memcpy(w, p, 16);
  for (size_t i = 16; i < n; i += 16) {
    memcpy(w + i, p + i, 16);
  }
  return w + n;
}

/* Room for the key is reserved, and so the slack behind it for any number. */
static inline char *gw_wire_key_print(gw_wire_printer *s, const gw_field *field, char *w) {
  const gw_key key = *gw_wire_key(s, field);
  w = gw_wire_room(s, w, key.n);
  return GW_LIKELY(w != NULL) ? gw_wire_copy_padded(key.p, key.n, w) : NULL;
}

/* The name, or the number.  NULL: reported. */
static inline char *gw_wire_enum_print(gw_wire_printer *s, const gw_enum *enumeration,
                                       int32_t number, char *w) {
  uint32_t at = (uint32_t)number < enumeration->dense_count ? enumeration->dense[number] : 0;
  if (GW_UNLIKELY(at == 0 || s->codec->style.enum_number))
    return gw_wire_enum_print_slow(s, enumeration, number, w);
  const gw_str quoted = enumeration->values[at - 1].quoted;
  w = gw_wire_room(s, w, quoted.n);
  return GW_LIKELY(w != NULL) ? gw_wire_copy_padded(quoted.p, quoted.n, w) : NULL;
}

/* gw_wire_string_print, which most strings do not need: up to 32 plain bytes. */
static inline char *gw_wire_short_string_print(gw_wire_printer *s, gw_wire_span text, char *w) {
  size_t n = (size_t)(text.end - text.p);
  if (GW_LIKELY(s->wire_end - text.p >= 2 * GW_WIRE_CHUNK_BYTES)) {
    uint64_t mask = gw_wire_chunk_copy(text.p, w + 1);
    if (n > GW_WIRE_CHUNK_BYTES && n <= 2 * GW_WIRE_CHUNK_BYTES) {
      const size_t second = GW_WIRE_CHUNK_BYTES;
      mask |= (uint64_t)gw_wire_chunk_copy(text.p + second, w + 1 + second) << second;
    }
    if (GW_LIKELY(n <= 2 * GW_WIRE_CHUNK_BYTES && (mask & ((1ull << n) - 1)) == 0)) {
      w[0] = w[n + 1] = '"';
      return w + n + 2;
    }
  }
  return gw_wire_string_print(s, text, w);
}

/* A literal of up to 16 bytes, within the slack. */
#define GW_WIRE_PUT(w, literal)                                                                    \
  (memcpy((w), (literal), sizeof(literal) - 1), (w) + sizeof(literal) - 1)

/* Closes with `bracket`, which takes the place of the last comma. */
static inline char *gw_wire_close(char *w, char bracket) {
  if (w[-1] == ',') {
    w[-1] = bracket;
    return w;
  }
  *w = bracket;
  return w + 1;
}
