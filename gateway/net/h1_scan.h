/* h1_scan: which bytes an HTTP/1.1 message may hold where, sixteen at a time where there is SSE2.
 * Each function returns the index of the first byte of p[0..n) that is not allowed, or n; none
 * reads past n.  Pure; any thread. */
#pragma once

#include "base/str.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* For each byte: its lower case when it may stand in a token (RFC 9110 section 5.6.2), else 0. */
extern const unsigned char gw_h1_token_lower[256];

static inline bool h1_is_token(char c) {
  return gw_h1_token_lower[(unsigned char)c] != 0;
}

/* Field values: field-vchar, SP, HTAB (RFC 9110 section 5.5); obs-text is let through unread. */
static inline bool h1_is_value(char c) {
  unsigned char u = (unsigned char)c;
  return (u >= 0x20 && u != 0x7f) || u == '\t';
}

/* A request target is visible ASCII; a fragment is never sent (RFC 9112 section 3.2). */
static inline bool h1_is_target(char c) {
  return c > 0x20 && c < 0x7f && c != '#';
}

static inline size_t h1_scan_token(const char *p, size_t n) {
  size_t i = 0;
  while (i < n && h1_is_token(p[i]))
    i++;
  return i;
}

static inline size_t h1_scan_value(const char *p, size_t n) {
  size_t i = 0;
#ifdef __SSE2__
  const __m128i last_control = _mm_set1_epi8(0x1f), tab = _mm_set1_epi8('\t');
  const __m128i delete = _mm_set1_epi8(0x7f);
  for (; n - i >= 16; i += 16) {
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, last_control), v);
    __m128i bad =
        _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(v, tab), low), _mm_cmpeq_epi8(v, delete));
    int mask = _mm_movemask_epi8(bad);
    if (mask != 0) return i + (size_t)__builtin_ctz((unsigned)mask);
  }
#endif
  while (i < n && h1_is_value(p[i]))
    i++;
  return i;
}

static inline size_t h1_scan_target(const char *p, size_t n) {
  size_t i = 0;
#ifdef __SSE2__
  /* signed comparison: bytes from 0x80 are negative, thus below '!' */
  const __m128i first = _mm_set1_epi8('!'), delete = _mm_set1_epi8(0x7f);
  const __m128i hash = _mm_set1_epi8('#');
  for (; n - i >= 16; i += 16) {
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
    __m128i bad = _mm_or_si128(_mm_cmplt_epi8(v, first), _mm_cmpeq_epi8(v, delete));
    int mask = _mm_movemask_epi8(_mm_or_si128(bad, _mm_cmpeq_epi8(v, hash)));
    if (mask != 0) return i + (size_t)__builtin_ctz((unsigned)mask);
  }
#endif
  while (i < n && h1_is_target(p[i]))
    i++;
  return i;
}

#ifdef __SSE2__
/* 0xff where low <= v <= high, for bounds in ASCII. */
static inline __m128i h1_between(__m128i v, char low, char high) {
  return _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8((char)(low - 1))),
                       _mm_cmplt_epi8(v, _mm_set1_epi8((char)(high + 1))));
}
#endif

/* Lower-cases a field name in place up to the first byte that is not of a token; sets *underscore
 * when it passes one. */
static inline size_t h1_scan_name(char *p, size_t n, bool *underscore) {
  size_t i = 0;
#ifdef __SSE2__
  /* Letters, digits and '-' are all that common names have; the loop below does the others. */
  const __m128i index = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  for (; n - i >= 16; i += 16) {
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
    __m128i upper = h1_between(v, 'A', 'Z');
    __m128i ok =
        _mm_or_si128(_mm_or_si128(upper, h1_between(v, 'a', 'z')),
                     _mm_or_si128(h1_between(v, '0', '9'), _mm_cmpeq_epi8(v, _mm_set1_epi8('-'))));
    unsigned other = (unsigned)_mm_movemask_epi8(ok) ^ 0xffffu;
    int count = other != 0 ? __builtin_ctz(other) : 16;
    __m128i ours = _mm_cmplt_epi8(index, _mm_set1_epi8((char)count));
    __m128i shift = _mm_and_si128(_mm_and_si128(upper, ours), _mm_set1_epi8(0x20));
    _mm_storeu_si128((__m128i *)(void *)(p + i), _mm_or_si128(v, shift));
    if (count < 16) {
      i += (size_t)count;
      break;
    }
  }
#endif
  for (; i < n; i++) {
    unsigned char lower = gw_h1_token_lower[(unsigned char)p[i]];
    if (lower == 0) break;
    if (lower == '_') *underscore = true;
    p[i] = (char)lower;
  }
  return i;
}
