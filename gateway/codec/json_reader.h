/* json_reader: what the files of json_to_wire share; private to them (json_*.c, text_to_wire.c).
 * Functions take and return both positions by value, which is two registers.  `in` is NULL after a
 * failure; the error is then in reader->err and each caller on the way out adds its element to the
 * path.
 * Room: where a value begins, `out` is at most `limit`; GW_BUF_SLACK bytes behind it are writable,
 * which any tag, length prefix and number fit.  The buffer may move wherever room is made: what
 * lives longer than one value is an offset from `base`.
 * End of text: what stands behind `end` may be read, never believed.  Every token is either read
 * with that bound or found to have passed it before anything is said about it; a value never begins
 * at or behind `end`. */
#pragma once

#include "base/limits.h"
#include "codec/json_to_wire.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define GW_JSON_WHERE_MAX  192 /* bytes of a field path; a longer one loses its front */
#define GW_JSON_PREFIX_MAX 5u  /* bytes of a length prefix: 32 bits */
#define GW_JSON_NO_WORDS   SIZE_MAX

typedef struct gw_json_pos {
  const char *in;
  char *out;
} gw_json_pos;

/* Where "@type" stands in objects that do not begin with it; see json_any.c. */
typedef struct gw_json_types {
  uint64_t *slots; /* offset of the object << 32 | offset of the value; 0: free */
  uint32_t count, mask;
  const char *from, *to; /* the text that was searched */
} gw_json_types;

typedef struct gw_json_reader {
  const char *begin, *end;
  char *base, *limit;
  gw_codec_memo *memo;
  gw_codec *codec;
  gw_buf *out;
  gw_err *err;
  gw_code code; /* of the failure */
  uint32_t depth;
  const gw_field *found; /* by json_to_wire.c for the key that it looked up */
  uint64_t *words;       /* a stack in the arena: bit sets and hash tables of open objects */
  size_t words_n, words_cap;
  uint64_t seed; /* of the hashes; 0: not yet read */
  char *scratch; /* one decoded string, until the next one */
  size_t scratch_cap;
  gw_json_types types;
  size_t where_n, pointer_n; /* the path so far, at the end of `where` and of `pointer` */
  char where[GW_JSON_WHERE_MAX];
  char pointer[GW_JSON_WHERE_MAX];
} gw_json_reader;

/* An object that is an Any: its members are those of `target`, and "@type". */
typedef struct gw_json_any {
  const gw_message *target;
  bool type_seen;
} gw_json_any;

/* ---- json_error.c: always returns a failed position ---- */

gw_json_pos gw_json_fail(gw_json_reader *reader, const char *at, gw_code code, const char *format,
                         ...) GW_PRINTF(4, 5);
/* Something else than the value `expected` begins at `at`. */
gw_json_pos gw_json_fail_expected(gw_json_reader *reader, const char *at, gw_str expected);
/* The same; expected is e.g. "an array" of `type`. */
gw_json_pos gw_json_fail_shape(gw_json_reader *reader, const char *at, const char *shape,
                               gw_str type);
/* Something else than what JSON's grammar demands. */
gw_json_pos gw_json_fail_syntax(gw_json_reader *reader, const char *at, gw_str expected);
/* The text ends too early; so does every failure at or behind its end. */
gw_json_pos gw_json_fail_end(gw_json_reader *reader);
gw_json_pos gw_json_fail_memory(gw_json_reader *reader, gw_code code);
/* The key at `key` (its opening quote) is the next outer element of the path; of both, the field
 * path and the JSON pointer. */
void gw_json_where_key(gw_json_reader *reader, const char *key);
void gw_json_where_map_key(gw_json_reader *reader, const char *key);
void gw_json_where_index(gw_json_reader *reader, size_t index);
/* Once the path is complete: into reader->err. */
void gw_json_where_done(gw_json_reader *reader);

/* ---- json_to_wire.c ---- */

/* The field that a key names, extensions too; NULL: none. */
const gw_field *gw_json_field_find(const gw_json_reader *reader, const gw_message *message,
                                   gw_str name);

/* Out of the limit: more room, or a failure.  Afterwards out <= limit - extra. */
gw_json_pos gw_json_room(gw_json_reader *reader, gw_json_pos pos, size_t extra);
/* After others wrote to reader->out: goes on behind its content. */
gw_json_pos gw_json_resume(gw_json_reader *reader, const char *in);
/* Words of zeros on the stack; GW_JSON_NO_WORDS: no memory.  Dropped by resetting words_n. */
size_t gw_json_words_push(gw_json_reader *reader, size_t count);
const char *gw_json_space_slow(const gw_json_reader *reader, const char *in);
/* What follows a member or element at `in`: *more: behind the comma and its space; otherwise behind
 * `close`.  NULL: failed. */
const char *gw_json_next_slow(gw_json_reader *reader, const char *in, char close, bool *more);
const char *gw_json_too_deep(gw_json_reader *reader, const char *in);
/* Colon and space behind a key; NULL: failed. */
const char *gw_json_colon(gw_json_reader *reader, const char *in);

/* Behind '{' and its space, not at '}': the members up to and with '}'. */
gw_json_pos gw_json_members(gw_json_reader *reader, const gw_message *message, gw_json_pos pos,
                            gw_json_any *any);
/* The content of a message, without tag and length; special forms too. */
gw_json_pos gw_json_message(gw_json_reader *reader, const gw_message *message, gw_json_pos pos);
/* A length prefix and such a content. */
gw_json_pos gw_json_nested(gw_json_reader *reader, const gw_field *field, gw_json_pos pos);
/* '[' ... ']' as tagged elements or one packed field. */
gw_json_pos gw_json_list(gw_json_reader *reader, const gw_field *field, gw_json_pos pos);
/* One value with its tag; nothing when it is an implicit default. */
gw_json_pos gw_json_singular(gw_json_reader *reader, const gw_field *field, gw_json_pos pos);
/* One value without its tag; nothing at all when it is an unknown enum name that is ignored. */
gw_json_pos gw_json_payload(gw_json_reader *reader, const gw_field *field, gw_json_pos pos);

/* ---- json_lenient.c ---- */

/* Rewrites what protobuf C++ tolerates (D-39) as strict JSON in `arena`, padded.  GW_BAD_REQUEST:
 * there is nothing to be rewritten. */
GW_CHECKED gw_code gw_json_lenient_rewrite(gw_str json, gw_arena *arena, gw_str *out);
/* Text in quotes as a strict number: "+1", "01", ".5", "5." (D-41). */
bool gw_json_lenient_number(gw_str text, gw_arena *arena, gw_str *out);
/* What protobuf C++ reads as a boolean. */
bool gw_json_lenient_bool(gw_str text, bool *value);

/* ---- json_map.c ---- */

/* '{' ... '}' as map entries. */
gw_json_pos gw_json_map(gw_json_reader *reader, const gw_field *field, gw_json_pos pos);

/* ---- json_scalar.c ---- */

gw_json_pos gw_json_integer(gw_json_reader *reader, const gw_field *field, gw_json_pos pos);
/* Only the quoted plain decimal that a map key is. */
gw_json_pos gw_json_integer_key(gw_json_reader *reader, const gw_field *field, gw_json_pos pos);
gw_json_pos gw_json_floating(gw_json_reader *reader, const gw_field *field, gw_json_pos pos);
/* The elements of a packed list of such numbers: behind '[' and its space, not at ']', up to and
 * with ']'. */
gw_json_pos gw_json_integers(gw_json_reader *reader, const gw_field *field, gw_json_pos pos);
gw_json_pos gw_json_floatings(gw_json_reader *reader, const gw_field *field, gw_json_pos pos);
gw_json_pos gw_json_bool(gw_json_reader *reader, const gw_field *field, gw_json_pos pos);
gw_json_pos gw_json_bool_key(gw_json_reader *reader, const gw_field *field, gw_json_pos pos);
gw_json_pos gw_json_enum(gw_json_reader *reader, const gw_field *field, gw_json_pos pos);
gw_json_pos gw_json_bytes(gw_json_reader *reader, const gw_field *field, gw_json_pos pos);
/* The declared name that a user may have meant, or NULL. */
const gw_enum_value *gw_json_enum_nearest(const gw_enum *enumeration, gw_str name);
/* "NaN", "Infinity", "-Infinity": the three values that JSON has no number for. */
bool gw_json_special_number(gw_str text, double *value);
/* A number as the field's kind is written, up to 10 bytes; false: out of its range. */
bool gw_json_integer_encode(const gw_field *field, bool negative, uint64_t magnitude, char **out);

/* ---- json_string.c ---- */

/* Length prefix and content of a string field. */
gw_json_pos gw_json_string(gw_json_reader *reader, const gw_field *field, gw_json_pos pos);
/* The string at `in`, decoded: a piece of the text, or in reader->scratch.  Returns the position
 * behind the closing quote; NULL: failed. */
const char *gw_json_text(gw_json_reader *reader, const char *in, gw_str *text);
/* Only checks it. */
const char *gw_json_string_skip(gw_json_reader *reader, const char *in);

/* ---- json_skip.c ---- */

/* Behind any value; NULL: failed.  `types`: also notes where "@type" stands. */
const char *gw_json_skip(gw_json_reader *reader, const char *in, gw_json_types *types);

/* ---- json_wkt.c, json_any.c ---- */

gw_json_pos gw_json_wkt(gw_json_reader *reader, const gw_message *message, gw_json_pos pos);
gw_json_pos gw_json_any_read(gw_json_reader *reader, const gw_message *message, gw_json_pos pos);
/* A member of an Any that its target does not know: "@type", or "value" of an Empty.  Sets *taken,
 * and then reads the value at pos. */
gw_json_pos gw_json_any_member(gw_json_reader *reader, gw_json_any *any, gw_str name,
                               const char *key, gw_json_pos pos, bool *taken);
/* False: no memory. */
bool gw_json_types_note(gw_json_reader *reader, gw_json_types *types, const char *object,
                        const char *value);

/* ---- small and hot ---- */

static inline bool gw_json_failed(gw_json_pos pos) {
  return GW_UNLIKELY(pos.in == NULL);
}

static inline size_t gw_json_offset(const gw_json_reader *reader, const char *out) {
  return (size_t)(out - reader->base);
}

static inline const char *gw_json_space(const gw_json_reader *reader, const char *in) {
  if (GW_LIKELY((unsigned char)*in > ' ')) return in;
  if (in[0] == ' ' && (unsigned char)in[1] > ' ') return in + 1;
  return gw_json_space_slow(reader, in);
}

/* Into the container whose bracket is at `in`: behind it and its space.  NULL: too deep. */
static inline const char *gw_json_open(gw_json_reader *reader, const char *in) {
  if (GW_UNLIKELY(reader->depth >= GW_JSON_DEPTH_MAX)) return gw_json_too_deep(reader, in);
  reader->depth++;
  return gw_json_space(reader, in + 1);
}

static inline const char *gw_json_next(gw_json_reader *reader, const char *in, char close,
                                       bool *more) {
  if (GW_LIKELY(in < reader->end)) {
    *more = *in == ',';
    if (*more) return gw_json_space(reader, in + 1);
    if (*in == close) return in + 1;
  }
  return gw_json_next_slow(reader, in, close, more);
}

static inline char *gw_json_put_varint(char *out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    *out++ = (char)(value | 0x80);
  *out++ = (char)value;
  return out;
}

static inline char *gw_json_put_tag(char *out, const gw_field *field) {
  memcpy(out, field->tag, 8);
  return out + field->tag_n;
}

/* Behind `key` (behind which GW_KEY_PAD bytes are readable) if the text goes on with it; else NULL.
 * in <= end. */
static inline const char *gw_json_starts(const gw_json_reader *reader, const char *in,
                                         const char *key, uint32_t n) {
#if defined(__SSE2__)
  for (uint32_t i = 0;; i += 16) {
    __m128i a = _mm_loadu_si128((const __m128i *)(const void *)(in + i));
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(key + i));
    uint32_t unequal = ~(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(a, b)); /* bit 16 is set */
    uint32_t equal = (uint32_t)__builtin_ctz(unequal);
    if (GW_LIKELY(i + equal >= n)) break;
    if (equal < 16 || (size_t)(reader->end - in) < n) return NULL;
  }
#else
  /* Behind a comma that stands behind the end, `in` may too. */
  if (in > reader->end || (size_t)(reader->end - in) < n || memcmp(in, key, n) != 0) return NULL;
#endif
  in += n;
  return GW_LIKELY(in <= reader->end) ? in : NULL; /* what matched may stand behind the end */
}

#if defined(__SSE2__)
/* Bit i: byte i of the sixteen at p ends the plain run: a quote, a backslash, a control character
 * or a byte that is not ASCII (negative as a signed byte, hence less than ' ' too).  Copies them
 * unless `copy` is NULL. */
static inline uint32_t gw_json_string_stops(const char *p, char *copy) {
  __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
  if (copy != NULL) _mm_storeu_si128((__m128i *)(void *)copy, bytes);
  __m128i stops = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                            _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
                               _mm_cmplt_epi8(bytes, _mm_set1_epi8(' ')));
  return (uint32_t)_mm_movemask_epi8(stops);
}
#else
static inline uint32_t gw_json_string_stops(const char *p, char *copy) {
  uint32_t stops = 0;
  if (copy != NULL) memcpy(copy, p, 16);
  for (uint32_t i = 0; i < 16; i++) {
    unsigned char c = (unsigned char)p[i];
    stops |= (uint32_t)(c == '"' || c == '\\' || c < ' ' || c >= 0x80) << i;
  }
  return stops;
}
#endif

/* Most strings are short: up to 15 plain bytes, whose length prefix is one byte.  Another one is
 * gw_json_string()'s. */
static inline gw_json_pos gw_json_short_string(gw_json_reader *reader, const gw_field *field,
                                               gw_json_pos pos) {
  uint32_t stops = gw_json_string_stops(pos.in + 1, pos.out + 1);
  if (GW_LIKELY(stops != 0 && *pos.in == '"')) {
    uint32_t n = (uint32_t)__builtin_ctz(stops);
    const char *quote = pos.in + 1 + n;
    if (GW_LIKELY(*quote == '"' && quote < reader->end)) {
      *pos.out = (char)n;
      return (gw_json_pos){ quote + 1, pos.out + n + 1 };
    }
  }
  return gw_json_string(reader, field, pos);
}

/* A length prefix whose content is still to come: as many bytes as it took last time. */
typedef struct gw_json_prefix {
  size_t at;
  uint32_t reserved;
} gw_json_prefix;

static inline gw_json_prefix gw_json_prefix_open(const gw_json_reader *reader,
                                                 const gw_field *field, const char *out) {
  uint8_t learned = reader->memo->length_bytes[field->id];
  return (gw_json_prefix){ gw_json_offset(reader, out), learned != 0 ? learned : 1 };
}

/* Needs other bytes than reserved: moves the content. */
gw_json_pos gw_json_prefix_move(gw_json_reader *reader, const gw_field *field, gw_json_pos pos,
                                gw_json_prefix prefix);

static inline gw_json_pos gw_json_prefix_close(gw_json_reader *reader, const gw_field *field,
                                               gw_json_pos pos, gw_json_prefix prefix) {
  char *at = reader->base + prefix.at;
  size_t n = (size_t)(pos.out - at) - prefix.reserved;
  if (GW_LIKELY(n < 0x80 && prefix.reserved == 1)) {
    *at = (char)n;
    return pos;
  }
  if (n >= 0x80 && n < 0x4000 && prefix.reserved == 2) {
    at[0] = (char)(n | 0x80);
    at[1] = (char)(n >> 7);
    return pos;
  }
  return gw_json_prefix_move(reader, field, pos, prefix);
}

/* Whether a payload is the implicit default of a scalar.  -0.0 has a bit set and is none. */
static inline bool gw_json_is_default(const gw_field *field, const char *payload, size_t n) {
  uint64_t word64 = 1;
  uint32_t word32 = 1;
  if (n == 1) return *payload == 0;
  if (n == 8 && field->wire_type == GW_WIRE_FIXED64) memcpy(&word64, payload, 8);
  if (n == 4 && field->wire_type == GW_WIRE_FIXED32) memcpy(&word32, payload, 4);
  return word64 == 0 || word32 == 0;
}
