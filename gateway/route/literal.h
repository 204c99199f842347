/* literal: one path segment read as the router compares it: escapes of unreserved characters are
 * decoded, all others keep their three bytes with upper-case digits (RFC 3986 section 6.2.2), so
 * that "it%65ms" is "items" but "a%2Fb" never "a/b".
 * Pure; any thread. */
#pragma once

#include "base/str.h"

/* RFC 3986 section 2.3. */
static inline bool gw_literal_unreserved(char c) {
  char lower = gw_char_lower(c);
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

/* Whether "%XX" stands at `p`; *byte: what it means. */
static inline bool gw_literal_escape(const char *p, const char *end, char *byte) {
  if (end - p < 3 || *p != '%') return false;
  int high = gw_char_hex(p[1]), low = gw_char_hex(p[2]);
  if (high < 0 || low < 0) return false;
  *byte = (char)(high << 4 | low);
  return true;
}

/* Reads one unit at *p (which is before `end`) into out, 1 or 3 bytes; returns how many.  A
 * malformed escape is one literal "%". */
static inline size_t gw_literal_next(const char **p, const char *end, char out[3]) {
  char byte;
  if (!gw_literal_escape(*p, end, &byte)) {
    out[0] = *(*p)++;
    return 1;
  }
  const char *digits = *p + 1;
  *p += 3;
  if (gw_literal_unreserved(byte)) {
    out[0] = byte;
    return 1;
  }
  out[0] = '%';
  for (int i = 0; i < 2; i++) {
    char c = digits[i];
    out[i + 1] = c >= 'a' && c <= 'f' ? (char)(c - 0x20) : c;
  }
  return 3;
}

/* Whether the raw segment `text` is `literal`, which is normalised. */
static inline bool gw_literal_eq(gw_str text, gw_str literal) {
  if (gw_str_eq(text, literal)) return true;
  if (text.n == 0 || memchr(text.p, '%', text.n) == NULL) return false;
  const char *end = text.p + text.n;
  char unit[3];
  size_t at = 0;
  for (const char *p = text.p; p < end;) {
    size_t n = gw_literal_next(&p, end, unit);
    if (n > literal.n - at || memcmp(literal.p + at, unit, n) != 0) return false;
    at += n;
  }
  return at == literal.n;
}
