#include "codec/base64.h"
#include "codec/number.h"
#include "codec/wire_printer.h"

static char *escape_write(uint8_t c, char *w) {
  static const char hex[] = "0123456789abcdef";
  static const char names[] = "btn\0fr"; /* 0x08 to 0x0d; 0x0b has no name */
  *w++ = '\\';
  if (c == '"' || c == '\\') {
    *w++ = (char)c;
  } else if (c >= 0x08 && c <= 0x0d && names[c - 0x08] != '\0') {
    *w++ = names[c - 0x08];
  } else {
    w = GW_WIRE_PUT(w, "u00");
    *w++ = hex[c >> 4];
    *w++ = hex[c & 15];
  }
  return w;
}

static inline bool continues(uint8_t c) {
  return (c & 0xC0) == 0x80;
}

/* Bytes of the well-formed sequence at p (Unicode table 3-7), or 0; p[0] is not ASCII. */
static inline size_t sequence_length(const uint8_t *p, const uint8_t *end) {
  uint8_t a = p[0];
  if (a >= 0xE0 && a <= 0xEF) {
    if (end - p < 3 || !continues(p[1]) || !continues(p[2])) return 0;
    return (a == 0xE0 && p[1] < 0xA0) || (a == 0xED && p[1] > 0x9F) ? 0 : 3;
  }
  if (a >= 0xC2 && a <= 0xDF) return end - p >= 2 && continues(p[1]) ? 2 : 0;
  if (a < 0xF0 || a > 0xF4 || end - p < 4) return 0;
  if (!continues(p[1]) || !continues(p[2]) || !continues(p[3])) return 0;
  return (a == 0xF0 && p[1] < 0x90) || (a == 0xF4 && p[1] > 0x8F) ? 0 : 4;
}

/* A byte that the mask found, and the run of letters beyond ASCII that it may begin. */
static gw_wire_at special_print(gw_wire_printer *s, gw_wire_at at, const uint8_t *end) {
  if (*at.p < 0x80) {
    at.w = escape_write(*at.p++, at.w);
    at.w = gw_wire_room(s, at.w, (size_t)(end - at.p) + 1);
    return at.w != NULL ? at : GW_WIRE_FAILED;
  }
  do {
    size_t n = sequence_length(at.p, end);
    if (n == 0) {
      return gw_wire_fail(s, GW_BAD_ANSWER, "a string that is not UTF-8 near byte %zu",
                          (size_t)(at.p - s->wire));
    }
    memcpy(at.w, at.p, n);
    at.p += n;
    at.w += n;
  } while (at.p < end && *at.p >= 0x80);
  return at;
}

/* Fewer than 16 bytes are left; behind the wire's end nothing may be read. */
static inline unsigned tail_copy(const gw_wire_printer *s, const uint8_t *p, size_t n, char *w) {
  uint8_t copy[GW_WIRE_CHUNK_BYTES] = { 0 };
  if (GW_UNLIKELY(s->wire_end - p < GW_WIRE_CHUNK_BYTES)) {
    memcpy(copy, p, n);
    p = copy;
  }
  return gw_wire_chunk_copy(p, w) & ((1u << n) - 1);
}

char *gw_wire_string_print(gw_wire_printer *s, gw_wire_span text, char *w) {
  gw_wire_at at = { text.p, gw_wire_room(s, w, (size_t)(text.end - text.p) + 2) };
  if (GW_UNLIKELY(at.w == NULL)) return NULL;
  *at.w++ = '"';
  while (at.p < text.end) {
    size_t n = gw_size_min((size_t)(text.end - at.p), GW_WIRE_CHUNK_BYTES);
    unsigned mask =
        n == GW_WIRE_CHUNK_BYTES ? gw_wire_chunk_copy(at.p, at.w) : tail_copy(s, at.p, n, at.w);
    if (GW_LIKELY(mask == 0)) {
      at.p += n;
      at.w += n;
      continue;
    }
    unsigned clean = (unsigned)__builtin_ctz(mask);
    at = special_print(s, (gw_wire_at){ at.p + clean, at.w + clean }, text.end);
    if (GW_UNLIKELY(at.p == NULL)) return NULL;
  }
  *at.w++ = '"';
  return at.w;
}

char *gw_wire_bytes_print(gw_wire_printer *s, gw_wire_span bytes, char *w) {
  gw_str raw = gw_wire_span_str(bytes);
  w = gw_wire_room(s, w, GW_BASE64_ENCODED_MAX(raw.n) + 2);
  if (w == NULL) return NULL;
  *w++ = '"';
  w += gw_base64_encode(raw, w);
  *w++ = '"';
  return w;
}

char *gw_wire_enum_print_slow(gw_wire_printer *s, const gw_enum *enumeration, int32_t number,
                              char *w) {
  if (enumeration->null_value) return GW_WIRE_PUT(w, "null");
  const gw_enum_value *value = NULL;
  if (!s->codec->style.enum_number) value = gw_enum_by_number(enumeration, number);
  if (value == NULL) return w + gw_number_print_i64(number, w);
  w = gw_wire_room(s, w, value->quoted.n);
  return w != NULL ? gw_wire_copy_padded(value->quoted.p, value->quoted.n, w) : NULL;
}
