/* utf8: well-formedness by Unicode table 3-7 (no overlong forms, no surrogates, at most U+10FFFF).
 * Pure; any thread. */
#pragma once

#include "base/str.h"

/* The length of the longest well-formed prefix; equal to s.n when all of it is. */
size_t gw_utf8_valid_prefix(gw_str s);

static inline bool gw_utf8_valid(gw_str s) {
  return gw_utf8_valid_prefix(s) == s.n;
}

/* Bytes of the well-formed sequence that begins with the non-ASCII byte at p, or 0.  Four bytes at
 * p must be readable; whether they belong to the text is the caller's to check. */
static inline size_t gw_utf8_sequence(const char *p) {
  const unsigned char *u = (const unsigned char *)p;
  unsigned char a = u[0];
  if (a >= 0xC2 && a < 0xE0) return (u[1] & 0xC0) == 0x80 ? 2 : 0; /* C0, C1: overlong */
  if (a < 0xE0 || a > 0xF4) return 0;                              /* F5 and up: over U+10FFFF */
  /* The second byte's range excludes overlong forms, surrogates and what is over U+10FFFF. */
  unsigned char low = a == 0xE0 ? 0xA0 : a == 0xF0 ? 0x90 : 0x80;
  unsigned char high = a == 0xED ? 0x9F : a == 0xF4 ? 0x8F : 0xBF;
  if (u[1] < low || u[1] > high || (u[2] & 0xC0) != 0x80) return 0;
  if (a < 0xF0) return 3;
  return (u[3] & 0xC0) == 0x80 ? 4 : 0;
}

/* Writes code_point (no surrogate) as 1 to 4 bytes; returns how many. */
size_t gw_utf8_encode(uint32_t code_point, char *out);
