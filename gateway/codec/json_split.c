#include "codec/json_split.h"

#include <inttypes.h>
#include <stdio.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum {
  PLACE_START, /* the first byte says what the text is; must be 0: a splitter starts cleared */
  PLACE_FIRST, /* of an array: a value or its end */
  PLACE_VALUE, /* of an array, behind a comma */
  PLACE_NEXT,  /* of an array, behind a value: a comma or the end */
  PLACE_SEQUENCE,
  PLACE_DONE
};

enum { INSIDE_NOTHING, INSIDE_BRACKETS, INSIDE_STRING, INSIDE_WORD };

/* What a byte means outside of strings. */
enum { BYTE_OTHER, BYTE_SPACE, BYTE_LF, BYTE_CR, BYTE_QUOTE, BYTE_OPEN, BYTE_CLOSE, BYTE_MARK };

static const uint8_t byte_kinds[256] = {
  [' '] = BYTE_SPACE, ['\t'] = BYTE_SPACE, ['\n'] = BYTE_LF,  ['\r'] = BYTE_CR,
  ['"'] = BYTE_QUOTE, ['{'] = BYTE_OPEN,   ['['] = BYTE_OPEN, ['}'] = BYTE_CLOSE,
  [']'] = BYTE_CLOSE, [','] = BYTE_MARK,   [':'] = BYTE_MARK,
};

static uint8_t byte_kind(char c) {
  return byte_kinds[(unsigned char)c];
}

/* ---- errors ---- */

static uint32_t split_u32(uint64_t n) {
  return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static gw_code split_fail(const gw_json_split *split, gw_err *err, const char *text) {
  char where[32];
  int n = snprintf(where, sizeof where, "[%" PRIu64 "]", split->count - 1);
  gw_err_set(err, GW_BAD_REQUEST, "%s", text);
  gw_err_position(err, split_u32(split->line + 1), split_u32(split->at - split->line_at + 1));
  if (split->inside != INSIDE_NOTHING) gw_err_where(err, (gw_str){ where, (size_t)n });
  return GW_BAD_REQUEST;
}

static gw_code split_fail_byte(const gw_json_split *split, gw_err *err, char c,
                               const char *expected) {
  char text[128];
  bool shown = (unsigned char)c > ' ' && (unsigned char)c < 0x7f;
  snprintf(text, sizeof text, shown ? "expected %s, got '%c'" : "expected %s, got byte 0x%02x",
           expected, shown ? c : (unsigned char)c);
  return split_fail(split, err, text);
}

void gw_json_split_locate(const gw_json_split *split, gw_err *err) {
  char where[sizeof err->where];
  if (err == NULL || err->line == 0) return;
  if (err->line == 1) {
    err->column = split_u32(split->value_at - split->value_line_at + err->column);
  }
  err->line = split_u32(split->value_line + err->line);
  bool is_name = err->where[0] != '\0' && err->where[0] != '[';
  int n = snprintf(where, sizeof where, "[%" PRIu64 "]%s%s", split->count - 1, is_name ? "." : "",
                   err->where);
  memcpy(err->where, where, gw_size_min((size_t)n + 1, sizeof where));
  if (!split->is_array) return; /* the whole text is no JSON, so that nothing in it has a pointer */
  n = snprintf(where, sizeof where, "/%" PRIu64 "%s", split->count - 1, err->pointer);
  memcpy(err->pointer, where, gw_size_min((size_t)n + 1, sizeof where));
}

/* ---- lines: they end at LF, CR or both, as for codec/json_error.c ---- */

/* `at` bytes of the text stand before and with the one that ends a line. */
static void split_line(gw_json_split *split, char c, uint64_t at) {
  if (!(c == '\n' && split->was_cr && split->line_at == at - 1)) split->line++;
  split->line_at = at;
  split->was_cr = c == '\r';
}

/* ---- within a value: returns how many of the bytes were taken; the value may be over ---- */

/* The first byte from `i` on that a string does not just hold: a quote, a backslash, a control
 * character; in.n: none. */
static size_t split_plain(gw_str in, size_t i) {
#if defined(__SSE2__)
  for (; in.n - i >= 16; i += 16) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(in.p + i));
    __m128i quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    __m128i slashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    int found = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, slashes), controls));
    if (found != 0) return i + (size_t)__builtin_ctz((unsigned)found);
  }
#endif
  for (; i < in.n; i++) {
    unsigned char c = (unsigned char)in.p[i];
    if (c < ' ' || c == '"' || c == '\\') return i;
  }
  return in.n;
}

/* Stops in front of a control character: a line that lost its quote must not take the next ones
 * with it. */
static size_t split_string(gw_json_split *split, gw_str in) {
  size_t i = 0;
  if (split->is_escaped) {
    split->is_escaped = false;
    i = 1;
  }
  while ((i = split_plain(in, i)) < in.n) {
    char c = in.p[i];
    if (c != '"' && c != '\\') return i;
    if (c == '"') {
      split->inside = split->depth > 0 ? INSIDE_BRACKETS : INSIDE_NOTHING;
      return i + 1;
    }
    if (i + 1 == in.n) {
      split->is_escaped = true;
      return in.n;
    }
    i += 2;
  }
  return in.n;
}

static size_t split_brackets(gw_json_split *split, gw_str in) {
  for (size_t i = 0; i < in.n; i++) {
    switch (byte_kind(in.p[i])) {
    case BYTE_QUOTE:
      i = split_plain(in, i + 1);
      if (GW_LIKELY(i < in.n && in.p[i] == '"' && split->depth > 0)) break;
      split->inside = INSIDE_STRING; /* it has escapes, or is cut, or is all of the value */
      return i;
    case BYTE_OPEN:
      if (++split->depth > GW_JSON_BRACKETS_MAX) return i;
      break;
    case BYTE_CLOSE:
      if (--split->depth > 0) break;
      split->inside = INSIDE_NOTHING;
      return i + 1;
    case BYTE_LF:
    case BYTE_CR: split_line(split, in.p[i], split->at + i + 1); break;
    default: break;
    }
  }
  return in.n;
}

/* A number or a name ends in front of what cannot be part of it. */
static size_t split_word(gw_json_split *split, gw_str in) {
  for (size_t i = 0; i < in.n; i++) {
    if (byte_kind(in.p[i]) == BYTE_OTHER) continue;
    split->inside = INSIDE_NOTHING;
    return i;
  }
  return in.n;
}

static gw_code split_refuse(const gw_json_split *split, gw_err *err, char c) {
  char text[64];
  if (split->depth > GW_JSON_BRACKETS_MAX) {
    snprintf(text, sizeof text, "nested deeper than %d levels", GW_JSON_BRACKETS_MAX);
  } else {
    snprintf(text, sizeof text, "control character 0x%02x in a string", (unsigned char)c);
  }
  return split_fail(split, err, text);
}

/* GW_OK: the value ends within `in`. */
static gw_code split_value(gw_json_split *split, gw_str in, size_t *taken, gw_err *err) {
  uint64_t begin = split->at;
  size_t n = 0;
  while (n < in.n && split->inside != INSIDE_NOTHING) {
    gw_str rest = gw_str_skip(in, n);
    size_t step = split->inside == INSIDE_STRING ? split_string(split, rest)
                  : split->inside == INSIDE_WORD ? split_word(split, rest)
                                                 : split_brackets(split, rest);
    n += step;
    split->at = begin + n;
    bool is_stuck = step == 0 && split->inside == INSIDE_STRING;
    if (is_stuck || split->depth > GW_JSON_BRACKETS_MAX) return split_refuse(split, err, in.p[n]);
  }
  *taken = n;
  return split->inside == INSIDE_NOTHING ? GW_OK : GW_AGAIN;
}

/* ---- between values ---- */

/* The value's first byte is still to be taken. */
static void split_begin(gw_json_split *split, uint8_t kind) {
  split->inside = kind == BYTE_OTHER ? INSIDE_WORD : INSIDE_BRACKETS;
  split->depth = 0;
  split->place = split->is_array ? PLACE_NEXT : PLACE_SEQUENCE;
  split->value_line = split->line;
  split->value_line_at = split->line_at;
  split->value_at = split->at;
  split->count++;
}

/* A byte that is no white space; it may begin a value. */
static gw_code split_mark(gw_json_split *split, char c, gw_err *err) {
  uint8_t kind = byte_kind(c);
  switch (split->place) {
  case PLACE_START:
    if (split->form == GW_SPLIT_ARRAY && c != '[')
      return split_fail_byte(split, err, c, "an array of messages");
    split->is_array = c == '[' && split->form != GW_SPLIT_LINES;
    split->place = split->is_array ? PLACE_FIRST : PLACE_SEQUENCE;
    if (split->is_array) return GW_OK;
    break;
  case PLACE_FIRST:
    if (c != ']') break;
    split->place = PLACE_DONE;
    return GW_OK;
  case PLACE_NEXT:
    if (c != ',' && c != ']') return split_fail_byte(split, err, c, "',' or ']'");
    split->place = c == ',' ? PLACE_VALUE : PLACE_DONE;
    return GW_OK;
  case PLACE_DONE: return split_fail(split, err, "something follows the array");
  default: break;
  }
  if (kind == BYTE_CLOSE || kind == BYTE_MARK) return split_fail_byte(split, err, c, "a value");
  split_begin(split, kind);
  return GW_OK;
}

gw_code gw_json_split_next(gw_json_split *split, gw_str *in, gw_str *part, gw_err *err) {
  size_t n = 0;
  while (split->inside == INSIDE_NOTHING && in->n > 0) {
    char c = in->p[0];
    uint8_t kind = byte_kind(c);
    if (kind == BYTE_LF || kind == BYTE_CR) {
      split_line(split, c, split->at + 1);
    } else if (kind != BYTE_SPACE) {
      gw_code code = split_mark(split, c, err);
      if (code != GW_OK) return code;
      if (split->inside != INSIDE_NOTHING) break;
    }
    *in = gw_str_skip(*in, 1);
    split->at++;
  }
  *part = gw_str_first(*in, 0);
  if (in->n == 0) return GW_AGAIN;
  gw_code code = split_value(split, *in, &n, err);
  *part = gw_str_first(*in, n);
  *in = gw_str_skip(*in, n);
  return code;
}

gw_code gw_json_split_end(gw_json_split *split, gw_err *err) {
  if (split->inside == INSIDE_WORD) {
    split->inside = INSIDE_NOTHING;
    return split->is_array ? split_fail(split, err, "the text ends before the array does") : GW_OK;
  }
  if (split->inside != INSIDE_NOTHING) {
    return split_fail(split, err, "the text ends before the value does");
  }
  bool is_open = split->is_array && split->place != PLACE_DONE;
  return is_open ? split_fail(split, err, "the text ends before the array does") : GW_AGAIN;
}
