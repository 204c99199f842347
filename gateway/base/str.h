/* str: a slice of bytes: a pointer and a length, never a NUL.
 * Owns nothing; passed by value.  Pure; any thread. */
#pragma once

#include <string.h>

#include "base/base.h"

typedef struct gw_str {
  const char *p;
  size_t n;
} gw_str;

#define GW_STR_INIT(literal)                                                                       \
  { (literal), sizeof(literal) - 1 }
#define GW_STR(literal) ((gw_str)GW_STR_INIT(literal))
#define GW_STR_FMT      "%.*s"
#define GW_STR_ARG(s)   (int)(s).n, (s).n > 0 ? (s).p : ""

static inline gw_str gw_str_of(const char *terminated) {
  return (gw_str){ terminated, strlen(terminated) };
}

static inline gw_str gw_str_from(const char *begin, const char *end) {
  return (gw_str){ begin, (size_t)(end - begin) };
}

static inline bool gw_str_eq(gw_str a, gw_str b) {
  return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool gw_str_starts(gw_str s, gw_str prefix) {
  return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool gw_str_ends(gw_str s, gw_str suffix) {
  return s.n >= suffix.n &&
         (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

static inline char gw_char_lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* The value of a hexadecimal digit, or -1. */
static inline int gw_char_hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  char lower = gw_char_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static inline gw_str gw_str_skip(gw_str s, size_t n) {
  assert(n <= s.n);
  return (gw_str){ n > 0 ? s.p + n : s.p, s.n - n }; /* p may be NULL: C 6.5.6 forbids NULL + 0 */
}

static inline gw_str gw_str_first(gw_str s, size_t n) {
  assert(n <= s.n);
  return (gw_str){ s.p, n };
}

bool gw_str_eq_nocase(gw_str a, gw_str b);        /* ASCII letters only */
size_t gw_str_find(gw_str s, char c);             /* the first index of c, or s.n */
gw_str gw_str_trim(gw_str s, const char *set);    /* without bytes of `set` at both ends */
gw_str gw_str_cut(gw_str *rest, char separator);  /* the piece before it; *rest: what follows */
bool gw_str_parse_u64(gw_str s, uint64_t *value); /* 1 to 20 decimal digits, nothing else */
uint64_t gw_str_hash(gw_str s,
                     uint64_t seed);    /* not cryptographic: seed it where keys are foreign */
int gw_str_compare(gw_str a, gw_str b); /* as memcmp, shorter first */

/* Copies what fits into `size` bytes, cut between UTF-8 characters, and a NUL. */
void gw_str_copy_text(gw_str s, char *out, size_t size);

/* The candidate that a typing error most likely meant: at most a third of its letters differ.
 * Returns NULL when none is near. */
const gw_str *gw_str_nearest(gw_str word, const gw_str *candidates, size_t count);
