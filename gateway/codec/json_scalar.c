#include "codec/base64.h"
#include "codec/digits.h"
#include "codec/json_reader.h"
#include "codec/number.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "as the wire's numbers are");

#define SCALAR_FAST_DIGITS 19   /* decimal digits that fit 64 bits */
#define SCALAR_NEAREST_MAX 256u /* names looked through for a near one */
#define SCALAR_SHOWN_MAX   48   /* bytes of a wrong value that an error shows */

/* ---- integers ---------------------------------------------------------------------------------*/

/* The largest magnitudes, then those below zero; enums are int32. */
static const uint64_t scalar_ranges[GW_KIND_COUNT][2] = {
  [GW_KIND_INT32] = { INT32_MAX, (uint64_t)INT32_MAX + 1 },
  [GW_KIND_SINT32] = { INT32_MAX, (uint64_t)INT32_MAX + 1 },
  [GW_KIND_SFIXED32] = { INT32_MAX, (uint64_t)INT32_MAX + 1 },
  [GW_KIND_ENUM] = { INT32_MAX, (uint64_t)INT32_MAX + 1 },
  [GW_KIND_UINT32] = { UINT32_MAX, 0 },
  [GW_KIND_FIXED32] = { UINT32_MAX, 0 },
  [GW_KIND_INT64] = { INT64_MAX, (uint64_t)INT64_MAX + 1 },
  [GW_KIND_SINT64] = { INT64_MAX, (uint64_t)INT64_MAX + 1 },
  [GW_KIND_SFIXED64] = { INT64_MAX, (uint64_t)INT64_MAX + 1 },
  [GW_KIND_UINT64] = { UINT64_MAX, 0 },
  [GW_KIND_FIXED64] = { UINT64_MAX, 0 },
};

/* gw_json_put_varint() for numbers of any length: seven bits to each byte, all at once.  Lists of
 * numbers that differ in length and sign are a fifth faster for it. */
static inline char *scalar_put_varint(char *out, uint64_t value) {
  static const uint64_t more_bits[] = {
    0x00,         0x80,           0x8080,           0x808080,           0x80808080,
    0x8080808080, 0x808080808080, 0x80808080808080, 0x8080808080808080, 0x8080808080808080
  };
  if (value < 0x80) {
    *out = (char)value;
    return out + 1;
  }
  unsigned more = (unsigned)(63 - __builtin_clzll(value)) / 7; /* bytes that another one follows */
  uint64_t spread = (value & 0x000000000FFFFFFFull) | (value & 0x00FFFFFFF0000000ull) << 4;
  spread = (spread & 0x00003FFF00003FFFull) | (spread & 0x0FFFC0000FFFC000ull) << 2;
  spread = (spread & 0x007F007F007F007Full) | (spread & 0x3F803F803F803F80ull) << 1;
  spread |= more_bits[more];
  memcpy(out, &spread, sizeof spread);
  out[8] = (char)(value >> 56); /* its highest bit is the 64th, which has the tenth byte */
  out[9] = (char)(value >> 63);
  return out + more + 1;
}

/* Behind the number; NULL: out of the field's range.  Which sign and how many digits come next is
 * hard to predict in a list of numbers: hence no branch on either that can be avoided. */
static inline char *scalar_encode(const gw_field *field, bool negative, uint64_t magnitude,
                                  char *out) {
  uint64_t sign = negative ? 1 : 0;
  if (GW_UNLIKELY(magnitude > scalar_ranges[field->kind][sign])) return NULL;
  uint64_t value = (magnitude ^ (0 - sign)) + sign;
  if (field->wire_type == GW_WIRE_VARINT) {
    if (field->kind == GW_KIND_SINT32 || field->kind == GW_KIND_SINT64) {
      value = value << 1 ^ (0 - (value >> 63));
    }
    return scalar_put_varint(out, value);
  }
  memcpy(out, &value, sizeof value); /* little-endian: four bytes are its lower half */
  return out + (field->wire_type == GW_WIRE_FIXED32 ? 4 : 8);
}

bool gw_json_integer_encode(const gw_field *field, bool negative, uint64_t magnitude, char **out) {
  char *next = scalar_encode(field, negative, magnitude, *out);
  if (next != NULL) *out = next;
  return next != NULL;
}

static gw_json_pos scalar_fail(gw_json_reader *reader, const char *at, gw_str text,
                               const gw_field *field) {
  return gw_json_fail(reader, at, GW_BAD_VALUE, "\"%.*s\" is no " GW_STR_FMT,
                      (int)gw_size_min(text.n, SCALAR_SHOWN_MAX), text.p,
                      GW_STR_ARG(gw_field_type_name(field)));
}

static gw_json_pos scalar_fail_range(gw_json_reader *reader, const char *at, gw_str text,
                                     const gw_field *field) {
  return gw_json_fail(reader, at, GW_BAD_VALUE, "%.*s does not fit " GW_STR_FMT,
                      (int)gw_size_min(text.n, SCALAR_SHOWN_MAX), text.p,
                      GW_STR_ARG(gw_field_type_name(field)));
}

/* The number at `in`, bare or in quotes; *text is its text without quotes.  number->text.p is NULL
 * where quotes hold something else.  Returns the position behind it; NULL: failed. */
static const char *scalar_number(gw_json_reader *reader, const gw_field *field, const char *in,
                                 gw_number *number, gw_str *text) {
  bool quoted = *in == '"';
  const char *next = NULL;
  *text = gw_str_from(in, reader->end);
  if (quoted) {
    next = gw_json_text(reader, in, text);
    if (next == NULL) return NULL;
  }
  if (gw_number_scan(*text, number)) {
    if (!quoted) {
      *text = number->text;
      return in + number->text.n;
    }
    if (number->text.n == text->n) return next;
  }
  if (quoted && GW_UNLIKELY(reader->codec->style.loose_numbers)) {
    gw_str strict;
    if (gw_json_lenient_number(*text, reader->codec->arena, &strict) &&
        gw_number_scan(strict, number) && number->text.n == strict.n)
      return next;
  }
  if (quoted) {
    number->text = (gw_str){ NULL, 0 };
    return next;
  }
  if (*in != '-') return gw_json_fail_expected(reader, in, gw_field_type_name(field)).in;
  return gw_json_fail(reader, in + 1, GW_BAD_REQUEST, "no digit behind '-'").in;
}

static gw_json_pos scalar_integer_slow(gw_json_reader *reader, const gw_field *field,
                                       gw_json_pos pos) {
  gw_number number;
  gw_str text;
  const char *next = scalar_number(reader, field, pos.in, &number, &text);
  if (next == NULL) return (gw_json_pos){ NULL, NULL };
  if (number.text.p == NULL) return scalar_fail(reader, pos.in, text, field);
  bool negative = number.negative;
  uint64_t magnitude;
  if (negative) { /* the sign is the encoder's, since kinds differ in it */
    number.negative = false;
    number.text = gw_str_skip(number.text, 1);
  }
  char *out = NULL;
  if (gw_number_to_u64(&number, &magnitude) == GW_OK) {
    out = scalar_encode(field, negative, magnitude, pos.out);
  }
  if (out == NULL) return scalar_fail_range(reader, pos.in, text, field);
  return (gw_json_pos){ next, out };
}

/* Nearly all integers are up to 19 plain digits, in quotes or not, and end where the text goes on;
 * anything else, right or wrong, is for the slow way: failed, without an error.  The sign and the
 * number of digits are hard to predict in a list: hence no branch on them, but on one digit, which
 * so many have that it pays to look, and on more than 15. */
static GW_ALWAYS_INLINE gw_json_pos scalar_integer_fast(const char *end, const gw_field *field,
                                                        gw_json_pos pos) {
  static const gw_json_pos slow = { NULL, NULL };
  const char *p = pos.in;
  bool quoted = *p == '"';
  p += quoted ? 1 : 0;
  bool negative = *p == '-';
  unsigned sign = negative ? 1 : 0;
  uint64_t magnitude = (unsigned char)(p[sign] - '0');
  if (GW_UNLIKELY(magnitude > 9)) return slow;
  if ((unsigned char)(p[sign + 1] - '0') > 9) {
    p += sign + 1;
  } else {
    if (GW_UNLIKELY(magnitude == 0)) return slow;
    unsigned stop = (unsigned)__builtin_ctz(~gw_digits_mask(p) & ~1u);
    if (GW_LIKELY(stop < 16)) {
      p += stop;
      magnitude = gw_digits_16(p, stop - sign);
    } else {
      unsigned n = 16 + (unsigned)__builtin_ctz(~gw_digits_mask(p + 16)) - sign;
      if (GW_UNLIKELY(n > SCALAR_FAST_DIGITS)) return slow;
      p += sign + n;
      magnitude = gw_digits_16(p, n < 16 ? n : 16);
      if (n > 16) magnitude += gw_digits_8(p - 16, n - 16) * 10000000000000000;
    }
  }
  bool whole = quoted ? *p++ == '"' : *p != '.' && (*p | 0x20) != 'e';
  if (GW_UNLIKELY(!whole || p > end)) return slow;
  char *out = scalar_encode(field, negative, magnitude, pos.out);
  if (GW_UNLIKELY(out == NULL)) return slow;
  return (gw_json_pos){ p, out };
}

gw_json_pos gw_json_integer_key(gw_json_reader *reader, const gw_field *field, gw_json_pos pos) {
  gw_number number;
  gw_str text;
  const char *next = gw_json_text(reader, pos.in, &text);
  if (next == NULL) return (gw_json_pos){ NULL, NULL };
  if (!gw_number_scan(text, &number) || !number.integral || number.text.n != text.n) {
    return scalar_fail(reader, pos.in, text, field);
  }
  return scalar_integer_slow(reader, field, pos);
}

/* ---- floating point ---------------------------------------------------------------------------*/

bool gw_json_special_number(gw_str text, double *value) {
  if (gw_str_eq(text, GW_STR("NaN"))) {
    *value = __builtin_nan("");
  } else if (gw_str_eq(text, GW_STR("Infinity"))) {
    *value = __builtin_inf();
  } else if (gw_str_eq(text, GW_STR("-Infinity"))) {
    *value = -__builtin_inf();
  } else {
    return false;
  }
  return true;
}

static gw_json_pos scalar_floating_slow(gw_json_reader *reader, const gw_field *field,
                                        gw_json_pos pos) {
  gw_number number;
  gw_str text;
  const char *next = scalar_number(reader, field, pos.in, &number, &text);
  if (GW_UNLIKELY(next == NULL)) return (gw_json_pos){ NULL, NULL };
  double wide = 0;
  float narrow = 0;
  gw_code code = GW_OK;
  if (GW_UNLIKELY(number.text.p == NULL)) {
    if (!gw_json_special_number(text, &wide)) return scalar_fail(reader, pos.in, text, field);
    narrow = (float)wide;
  } else if (field->kind == GW_KIND_DOUBLE) {
    code = gw_number_to_double(&number, &wide);
  } else {
    code = gw_number_to_float(&number, &narrow);
  }
  if (GW_UNLIKELY(code != GW_OK)) return scalar_fail_range(reader, pos.in, text, field);
  if (field->kind == GW_KIND_DOUBLE) {
    memcpy(pos.out, &wide, sizeof wide);
    pos.out += sizeof wide;
  } else {
    memcpy(pos.out, &narrow, sizeof narrow);
    pos.out += sizeof narrow;
  }
  pos.in = next;
  return pos;
}

/* Failed, without an error: for the slow way. */
static GW_ALWAYS_INLINE gw_json_pos scalar_floating_fast(const char *end, const gw_field *field,
                                                         gw_json_pos pos) {
  if (field->kind == GW_KIND_DOUBLE) {
    gw_number_double wide = gw_number_read_double(pos.in, end);
    memcpy(pos.out, &wide.value, sizeof wide.value);
    return (gw_json_pos){ wide.next, pos.out + sizeof wide.value };
  }
  gw_number_float narrow = gw_number_read_float(pos.in, end);
  memcpy(pos.out, &narrow.value, sizeof narrow.value);
  return (gw_json_pos){ narrow.next, pos.out + sizeof narrow.value };
}

/* ---- numbers of either sort -------------------------------------------------------------------*/

static GW_ALWAYS_INLINE gw_json_pos scalar_fast(const char *end, const gw_field *field,
                                                gw_json_pos pos, bool floating) {
  return floating ? scalar_floating_fast(end, field, pos) : scalar_integer_fast(end, field, pos);
}

/* Where fewer than 16 bytes of the text stand before the number: in a copy of it. */
static GW_COLD gw_json_pos scalar_near_begin(const gw_json_reader *reader, const gw_field *field,
                                             gw_json_pos pos, bool floating) {
  char copy[GW_NUMBER_BEFORE + GW_NUMBER_BEHIND] = { 0 };
  const char *in = copy + GW_NUMBER_BEFORE;
  size_t rest = gw_size_min((size_t)(reader->end - pos.in), GW_NUMBER_BEHIND);
  memcpy(copy + GW_NUMBER_BEFORE, pos.in, GW_NUMBER_BEHIND);
  gw_json_pos next = scalar_fast(in + rest, field, (gw_json_pos){ in, pos.out }, floating);
  if (next.in != NULL) next.in = pos.in + (next.in - in);
  return next;
}

static GW_ALWAYS_INLINE gw_json_pos scalar_read(gw_json_reader *reader, const gw_field *field,
                                                gw_json_pos pos, bool floating) {
  gw_json_pos next = GW_LIKELY(pos.in - reader->begin >= GW_NUMBER_BEFORE)
                         ? scalar_fast(reader->end, field, pos, floating)
                         : scalar_near_begin(reader, field, pos, floating);
  if (GW_LIKELY(next.in != NULL)) return next;
  return floating ? scalar_floating_slow(reader, field, pos)
                  : scalar_integer_slow(reader, field, pos);
}

gw_json_pos gw_json_integer(gw_json_reader *reader, const gw_field *field, gw_json_pos pos) {
  return scalar_read(reader, field, pos, false);
}

gw_json_pos gw_json_floating(gw_json_reader *reader, const gw_field *field, gw_json_pos pos) {
  return scalar_read(reader, field, pos, true);
}

static GW_ALWAYS_INLINE gw_json_pos scalar_list(gw_json_reader *reader, const gw_field *field,
                                                gw_json_pos pos, bool floating) {
  bool more = true;
  for (size_t index = 0; more; index++) {
    if (GW_UNLIKELY(pos.in >= reader->end)) return gw_json_fail_end(reader);
    if (GW_UNLIKELY(pos.out > reader->limit)) {
      pos = gw_json_room(reader, pos, 0);
      if (gw_json_failed(pos)) return pos;
    }
    pos = scalar_read(reader, field, pos, floating);
    if (gw_json_failed(pos)) {
      gw_json_where_index(reader, index);
      return pos;
    }
    if (GW_LIKELY(*pos.in == ',')) { /* behind the end of the text there is no element either */
      pos.in = gw_json_space(reader, pos.in + 1);
      continue;
    }
    pos.in = gw_json_next(reader, pos.in, ']', &more);
    if (gw_json_failed(pos)) return pos;
  }
  return pos;
}

gw_json_pos gw_json_integers(gw_json_reader *reader, const gw_field *field, gw_json_pos pos) {
  return scalar_list(reader, field, pos, false);
}

gw_json_pos gw_json_floatings(gw_json_reader *reader, const gw_field *field, gw_json_pos pos) {
  return scalar_list(reader, field, pos, true);
}

/* ---- bool, enum, bytes ------------------------------------------------------------------------*/

/* D-39: protobuf C++ reads "true" in quotes, and more. */
static gw_json_pos scalar_quoted_bool(gw_json_reader *reader, const gw_field *field,
                                      gw_json_pos pos) {
  gw_str text;
  bool value;
  const char *next = gw_json_text(reader, pos.in, &text);
  if (next == NULL) return (gw_json_pos){ NULL, NULL };
  if (!gw_json_lenient_bool(text, &value)) return scalar_fail(reader, pos.in, text, field);
  *pos.out++ = value;
  pos.in = next;
  return pos;
}

gw_json_pos gw_json_bool(gw_json_reader *reader, const gw_field *field, gw_json_pos pos) {
  bool is_true = memcmp(pos.in, "true", 4) == 0;
  if (GW_UNLIKELY(!is_true && memcmp(pos.in, "false", 5) != 0)) {
    gw_str rest = gw_str_from(pos.in, reader->end);
    bool cut = gw_str_starts(GW_STR("true"), rest) || gw_str_starts(GW_STR("false"), rest);
    if (reader->codec->style.lenient && *pos.in == '"')
      return scalar_quoted_bool(reader, field, pos);
    return gw_json_fail_expected(reader, cut ? reader->end : pos.in, gw_field_type_name(field));
  }
  pos.in += is_true ? 4 : 5;
  if (GW_UNLIKELY(pos.in > reader->end)) {
    return gw_json_fail_end(reader);
  }
  *pos.out++ = is_true;
  return pos;
}

gw_json_pos gw_json_bool_key(gw_json_reader *reader, const gw_field *field, gw_json_pos pos) {
  gw_str text;
  const char *next = gw_json_text(reader, pos.in, &text);
  if (next == NULL) return (gw_json_pos){ NULL, NULL };
  bool is_true = gw_str_eq(text, GW_STR("true"));
  if (!is_true && !gw_str_eq(text, GW_STR("false"))) {
    return scalar_fail(reader, pos.in, text, field);
  }
  *pos.out++ = is_true;
  pos.in = next;
  return pos;
}

const gw_enum_value *gw_json_enum_nearest(const gw_enum *enumeration, gw_str name) {
  size_t count = gw_size_min(enumeration->value_count, SCALAR_NEAREST_MAX);
  for (size_t i = 0; i < count; i++) {
    if (gw_str_nearest(name, &enumeration->values[i].name, 1) != NULL) {
      return &enumeration->values[i];
    }
  }
  return NULL;
}

static gw_json_pos scalar_unknown_name(gw_json_reader *reader, const gw_field *field, gw_str name,
                                       gw_json_pos pos) {
  const gw_enum_value *near = gw_json_enum_nearest(field->enumeration, name);
  int shown = (int)gw_size_min(name.n, SCALAR_SHOWN_MAX);
  if (near == NULL) return scalar_fail(reader, pos.in, name, field);
  return gw_json_fail(reader, pos.in, GW_BAD_VALUE,
                      "\"%.*s\" is no " GW_STR_FMT "; did you mean \"" GW_STR_FMT "\"?", shown,
                      name.p, GW_STR_ARG(field->enumeration->full_name), GW_STR_ARG(near->name));
}

/* "1" in quotes is no name, and an unknown name only where unknown ones are refused (D-43). */
static bool scalar_is_quoted_number(gw_str name) {
  gw_number number;
  return gw_number_scan(name, &number) && number.text.n == name.n;
}

/* D-43: the declared value whose number stands in quotes. */
static const gw_enum_value *scalar_quoted_enum(const gw_enum *enumeration, gw_str text) {
  gw_number number;
  int64_t wanted;
  if (!gw_number_scan(text, &number) || number.text.n != text.n) return NULL;
  if (gw_number_to_i64(&number, &wanted) != GW_OK) return NULL;
  if (wanted < INT32_MIN || wanted > INT32_MAX) return NULL;
  return gw_enum_by_number(enumeration, (int32_t)wanted);
}

gw_json_pos gw_json_enum(gw_json_reader *reader, const gw_field *field, gw_json_pos pos) {
  if (*pos.in != '"') {
    gw_str rest = gw_str_from(pos.in, reader->end);
    if (field->enumeration->null_value && gw_str_starts(rest, GW_STR("null"))) {
      *pos.out++ = 0;
      pos.in += 4;
      return pos;
    }
    if (gw_str_starts(GW_STR("null"), rest)) return gw_json_fail_end(reader);
    return gw_json_integer(reader, field, pos);
  }
  uint32_t *guess = &reader->memo->enum_value[field->id];
  if (*guess != 0) {
    const gw_enum_value *expected = &field->enumeration->values[*guess - 1];
    const char *next =
        gw_json_starts(reader, pos.in, expected->quoted.p, (uint32_t)expected->quoted.n);
    if (next != NULL) {
      return (gw_json_pos){ next,
                            gw_json_put_varint(pos.out, (uint64_t)(int64_t)expected->number) };
    }
  }
  gw_str name;
  const char *next = gw_json_text(reader, pos.in, &name);
  if (next == NULL) return (gw_json_pos){ NULL, NULL };
  const gw_enum_value *value = gw_enum_by_name(field->enumeration, name);
  if (GW_UNLIKELY(value == NULL) && reader->codec->style.quoted_enums)
    value = scalar_quoted_enum(field->enumeration, name);
  if (GW_LIKELY(value != NULL)) {
    *guess = (uint32_t)(value - field->enumeration->values) + 1;
    pos.out = gw_json_put_varint(pos.out, (uint64_t)(int64_t)value->number);
  } else if (reader->codec->style.reject_unknown || scalar_is_quoted_number(name)) {
    return scalar_unknown_name(reader, field, name, pos);
  } else {
    reader->codec->unknown_count++;
  }
  pos.in = next;
  return pos;
}

gw_json_pos gw_json_bytes(gw_json_reader *reader, const gw_field *field, gw_json_pos pos) {
  gw_str text;
  if (*pos.in != '"') return gw_json_fail_expected(reader, pos.in, GW_STR("bytes as base64"));
  const char *next = gw_json_text(reader, pos.in, &text);
  if (next == NULL) return (gw_json_pos){ NULL, NULL };
  gw_json_prefix prefix = gw_json_prefix_open(reader, field, pos.out);
  pos.out += prefix.reserved;
  size_t padding = gw_str_ends(text, GW_STR("==")) ? 2 : gw_str_ends(text, GW_STR("=")) ? 1 : 0;
  size_t n, room = (text.n - padding) / 4 * 3 + (text.n - padding) % 4;
  if (pos.out > reader->limit || room > (size_t)(reader->limit - pos.out)) {
    pos = gw_json_room(reader, pos, (text.n - padding) * 3 / 4);
    if (gw_json_failed(pos)) return pos;
  }
  if (!gw_base64_decode(text, pos.out, &n)) {
    return gw_json_fail(reader, pos.in, GW_BAD_VALUE, "expected bytes as base64, got \"%.*s\"",
                        (int)gw_size_min(text.n, SCALAR_SHOWN_MAX), text.p);
  }
  pos.out += n;
  pos.in = next;
  return gw_json_prefix_close(reader, field, pos, prefix);
}
