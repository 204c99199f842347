#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BUF_FIRST_BYTES 256u

void gw_buf_init(gw_buf *buf, gw_arena *arena, size_t bytes_max) {
  *buf = (gw_buf){ .arena = arena, .max = bytes_max };
}

void gw_buf_done(gw_buf *buf) {
  if (buf == NULL) return;
  if (buf->arena == NULL) free(buf->p);
  gw_buf_init(buf, buf->arena, buf->max);
}

void gw_buf_trim(gw_buf *buf, size_t keep) {
  buf->n = 0;
  if (buf->arena == NULL && buf->cap > keep) gw_buf_done(buf);
}

gw_code gw_buf_grow(gw_buf *buf, size_t extra) {
  size_t needed, cap;
  if (gw_add_overflows(buf->n, extra, &needed) || needed > buf->max) return GW_TOO_LARGE;
  if (gw_add_overflows(needed, GW_BUF_SLACK, &needed)) return GW_NOMEM;
  cap = gw_size_max(BUF_FIRST_BYTES, buf->cap + buf->cap / 2);
  if (cap - GW_BUF_SLACK > buf->max) cap = buf->max + GW_BUF_SLACK; /* more is never used */
  cap = gw_size_max(needed, cap);
  char *grown =
      buf->arena != NULL ? gw_arena_grow(buf->arena, buf->p, buf->cap, cap) : realloc(buf->p, cap);
  if (grown == NULL) return GW_NOMEM;
  buf->p = grown;
  buf->cap = cap;
  return GW_OK;
}

gw_code gw_buf_append(gw_buf *buf, gw_str s) {
  gw_code code = gw_buf_reserve(buf, s.n);
  if (code != GW_OK) return code;
  if (s.n > 0) memcpy(buf->p + buf->n, s.p, s.n);
  buf->n += s.n;
  return GW_OK;
}

gw_code gw_buf_printf(gw_buf *buf, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, format, args);
  /* the slack takes vsnprintf's NUL */
  gw_code code = n >= 0 ? gw_buf_reserve(buf, (size_t)n) : GW_INTERNAL;
  if (code == GW_OK) {
    vsnprintf(buf->p + buf->n, (size_t)n + 1, format, again);
    buf->n += (size_t)n;
  }
  va_end(again);
  va_end(args);
  return code;
}

/* Bytes of the well-formed UTF-8 sequence at s (Unicode table 3-7), or 0. */
static size_t buf_utf8_length(gw_str s) {
  unsigned char a = (unsigned char)s.p[0];
  if (a < 0x80) return 1;
  size_t n = a >= 0xC2 && a <= 0xDF ? 2 : (a & 0xF0) == 0xE0 ? 3 : a >= 0xF0 && a <= 0xF4 ? 4 : 0;
  if (n == 0 || s.n < n) return 0;
  for (size_t i = 1; i < n; i++) {
    if (((unsigned char)s.p[i] & 0xC0) != 0x80) return 0;
  }
  unsigned char b = (unsigned char)s.p[1];
  if ((a == 0xE0 && b < 0xA0) || (a == 0xED && b > 0x9F) || (a == 0xF0 && b < 0x90) ||
      (a == 0xF4 && b > 0x8F)) {
    return 0;
  }
  return n;
}

static size_t buf_escape(char *out, unsigned char c) {
  static const char hex[] = "0123456789abcdef";
  static const char *const names = "btn\0fr"; /* 0x08 to 0x0d; 0x0b has no name */
  out[0] = '\\';
  if (c == '"' || c == '\\') {
    out[1] = (char)c;
    return 2;
  }
  if (c >= 0x08 && c <= 0x0d && names[c - 0x08] != '\0') {
    out[1] = names[c - 0x08];
    return 2;
  }
  memcpy(out + 1, "u00", 3);
  out[4] = hex[c >> 4];
  out[5] = hex[c & 15];
  return 6;
}

/* Bytes at the front of s that stand for themselves in a JSON string. */
static size_t buf_json_plain(gw_str s) {
  size_t plain = 0;
  while (plain < s.n) {
    unsigned char c = (unsigned char)s.p[plain];
    size_t n = buf_utf8_length(gw_str_skip(s, plain));
    if (n == 0 || c < 0x20 || c == '"' || c == '\\' || c == 0x7f) break;
    plain += n;
  }
  return plain;
}

gw_code gw_buf_append_json_string(gw_buf *buf, gw_str s) {
  size_t begin = buf->n;
  gw_code code = gw_buf_append(buf, GW_STR("\""));
  while (code == GW_OK && s.n > 0) {
    char escaped[6];
    size_t n = buf_json_plain(s);
    if (n > 0) {
      code = gw_buf_append(buf, gw_str_first(s, n));
    } else if ((n = buf_utf8_length(s)) == 0) {
      n = 1;
      code = gw_buf_append(buf, GW_STR("\xEF\xBF\xBD"));
    } else {
      size_t escaped_n = buf_escape(escaped, (unsigned char)s.p[0]);
      code = gw_buf_append(buf, (gw_str){ escaped, escaped_n });
    }
    s = gw_str_skip(s, n);
  }
  if (code == GW_OK) code = gw_buf_append(buf, GW_STR("\""));
  if (code != GW_OK) buf->n = begin;
  return code;
}
