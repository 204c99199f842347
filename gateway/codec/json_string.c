#include "codec/json_reader.h"
#include "codec/utf8.h"

static const char *string_fail(gw_json_reader *reader, const char *at, const char *what) {
  return gw_json_fail(reader, at, GW_BAD_REQUEST, "%s", what).in;
}

/* Four hexadecimal digits; -1: not there. */
static int32_t string_hex4(const char *p, const char *end) {
  int32_t value = 0;
  if (end - p < 4) return -1;
  for (int i = 0; i < 4; i++) {
    int digit = gw_char_hex(p[i]);
    if (digit < 0) return -1;
    value = value << 4 | digit;
  }
  return value;
}

/* "\u1234" at `in`, or a pair of them; returns the position behind it. */
static const char *string_unicode(gw_json_reader *reader, const char *in, uint32_t *code_point) {
  const char *end = reader->end;
  int32_t unit = string_hex4(in + 2, end);
  if (unit < 0) {
    /* Where the text ends inside the digits, its end is the fault. */
    bool cut = end - in < 6 && memchr(in, '"', (size_t)(end - in)) == NULL;
    return string_fail(reader, cut ? end : in, "\\u needs four hexadecimal digits");
  }
  *code_point = (uint32_t)unit;
  if (unit < 0xD800 || unit > 0xDFFF) return in + 6;
  int32_t low = unit < 0xDC00 && end - in >= 8 && in[6] == '\\' && in[7] == 'u'
                    ? string_hex4(in + 8, end)
                    : -1;
  if (low < 0xDC00 || low > 0xDFFF) return string_fail(reader, in, "unpaired surrogate");
  *code_point = 0x10000 + (((uint32_t)unit & 0x3FF) << 10 | ((uint32_t)low & 0x3FF));
  return in + 12;
}

/* The escape at `in`, decoded to at most 4 bytes at *out (NULL: only checked). */
static const char *string_escape(gw_json_reader *reader, const char *in, char **out) {
  uint32_t code_point = 0;
  if (reader->end - in < 2) return gw_json_fail_end(reader).in;
  const char *next = in + 2;
  switch (in[1]) {
  case '"':
  case '\\':
  case '/': code_point = (unsigned char)in[1]; break;
  case 'b': code_point = '\b'; break;
  case 'f': code_point = '\f'; break;
  case 'n': code_point = '\n'; break;
  case 'r': code_point = '\r'; break;
  case 't': code_point = '\t'; break;
  case 'u': next = string_unicode(reader, in, &code_point); break;
  default: return string_fail(reader, in, "unknown escape");
  }
  if (next != NULL && out != NULL) *out += gw_utf8_encode(code_point, *out);
  return next;
}

/* Where the text ends inside a sequence, its end is the fault. */
static const char *string_bad_utf8(gw_json_reader *reader, const char *in) {
  unsigned char lead = (unsigned char)*in;
  size_t n = 1, wanted = lead < 0xC2 || lead > 0xF4 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  while (n < wanted && in + n < reader->end && ((unsigned char)in[n] & 0xC0) == 0x80)
    n++;
  if (in + n >= reader->end) return gw_json_fail_end(reader).in;
  return string_fail(reader, in, "invalid UTF-8");
}

/* A run of bytes that are not ASCII: checked, and copied to *out unless NULL.  Ends before the
 * slack does, so that room is asked for in between.  Past the end of the text its caller stops. */
static const char *string_utf8(gw_json_reader *reader, const char *in, char **out) {
  for (uint32_t room = GW_BUF_SLACK - 32; room >= 4 && (unsigned char)*in >= 0x80;) {
    size_t n = gw_utf8_sequence(in);
    if (GW_UNLIKELY(n == 0)) return string_bad_utf8(reader, in);
    if (out != NULL) {
      memcpy(*out, in, 4);
      *out += n;
    }
    in += n;
    room -= (uint32_t)n;
  }
  return in < reader->end ? in : gw_json_fail_end(reader).in;
}

/* Whatever interrupts a plain run, except the closing quote. */
static const char *string_special(gw_json_reader *reader, const char *in, char **out) {
  unsigned char c = (unsigned char)*in;
  if (in >= reader->end) return gw_json_fail_end(reader).in;
  if (c == '\\') return string_escape(reader, in, out);
  if (c >= 0x80) return string_utf8(reader, in, out);
  return gw_json_fail(reader, in, GW_BAD_REQUEST, "control character 0x%02x in a string", c).in;
}

/* Copies what stands behind the opening quote; the result is behind the closing one. */
static gw_json_pos string_copy(gw_json_reader *reader, gw_json_pos pos) {
  const char *end = reader->end;
  for (;;) {
    if (GW_UNLIKELY(pos.out > reader->limit)) {
      pos = gw_json_room(reader, pos, 0);
      if (gw_json_failed(pos)) return pos;
    }
    uint32_t stops = gw_json_string_stops(pos.in, pos.out);
    if (stops == 0) {
      pos.in += 16;
      pos.out += 16;
      if (GW_UNLIKELY(pos.in >= end)) return gw_json_fail_end(reader);
      continue;
    }
    uint32_t plain = (uint32_t)__builtin_ctz(stops);
    pos.in += plain;
    pos.out += plain;
    if (GW_LIKELY(*pos.in == '"' && pos.in < end)) {
      pos.in++;
      return pos;
    }
    pos.in = string_special(reader, pos.in, &pos.out);
    if (pos.in == NULL) return pos;
  }
}

gw_json_pos gw_json_string(gw_json_reader *reader, const gw_field *field, gw_json_pos pos) {
  if (*pos.in != '"' || pos.in >= reader->end) {
    return gw_json_fail_expected(reader, pos.in, GW_STR("string"));
  }
  pos.in++;
  gw_json_prefix prefix = gw_json_prefix_open(reader, field, pos.out);
  pos.out += prefix.reserved;
  pos = string_copy(reader, pos);
  if (gw_json_failed(pos)) return pos;
  return gw_json_prefix_close(reader, field, pos, prefix);
}

/* Behind the closing quote; *escaped: the content differs from its text. */
static const char *string_end(gw_json_reader *reader, const char *in, bool *escaped) {
  for (in++;;) {
    uint32_t stops = gw_json_string_stops(in, NULL);
    if (stops == 0) {
      in += 16;
      if (in >= reader->end) return gw_json_fail_end(reader).in;
      continue;
    }
    in += __builtin_ctz(stops);
    if (*in == '"' && in < reader->end) return in + 1;
    if (*in == '\\') *escaped = true;
    in = string_special(reader, in, NULL);
    if (in == NULL) return NULL;
  }
}

const char *gw_json_string_skip(gw_json_reader *reader, const char *in) {
  bool escaped = false;
  return string_end(reader, in, &escaped);
}

static bool string_scratch(gw_json_reader *reader, size_t n) {
  if (n <= reader->scratch_cap) return true;
  size_t cap = gw_size_max(n, 2 * reader->scratch_cap);
  char *grown = gw_arena_alloc(reader->codec->arena, cap);
  if (grown == NULL) return false;
  reader->scratch = grown;
  reader->scratch_cap = cap;
  return true;
}

const char *gw_json_text(gw_json_reader *reader, const char *in, gw_str *text) {
  bool escaped = false;
  const char *next = string_end(reader, in, &escaped);
  if (next == NULL) return NULL;
  *text = gw_str_from(in + 1, next - 1);
  if (!escaped) return next;
  /* Four bytes may be stored where the last escape leaves one. */
  if (!string_scratch(reader, text->n + 4)) return gw_json_fail_memory(reader, GW_NOMEM).in;
  char *out = reader->scratch;
  for (const char *p = text->p; p < next - 1;) {
    if (*p == '\\') {
      p = string_escape(reader, p, &out);
    } else {
      *out++ = *p++;
    }
  }
  *text = gw_str_from(reader->scratch, out);
  return next;
}
