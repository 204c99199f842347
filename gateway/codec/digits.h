/* digits: decimal digits eight at a time, all bytes of a word at once.
 * Against a loop over the digits this takes half of the instructions, and no branch depends on how
 * many digits a number has, which nothing can predict.
 * Private to codec/.  Pure; any thread. */
#pragma once

#include "base/base.h"

#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* The byte at the lowest address becomes the lowest one. */
static inline uint64_t gw_digits_load(const char *p) {
  uint64_t word;
  memcpy(&word, p, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  return word;
}

static inline void gw_digits_store(uint64_t word, char *p) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  memcpy(p, &word, sizeof word);
}

/* Bit i: byte i of the sixteen at p is a digit. */
static inline uint32_t gw_digits_mask(const char *p) {
#if defined(__SSE2__)
  /* '0' to '9' become the ten lowest of the signed bytes. */
  __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
  bytes = _mm_add_epi8(bytes, _mm_set1_epi8(0x80 - '0'));
  return (uint32_t)_mm_movemask_epi8(_mm_cmplt_epi8(bytes, _mm_set1_epi8(-0x80 + 10)));
#else
  uint32_t mask = 0;
  for (uint32_t i = 0; i < 16; i++)
    mask |= (uint32_t)((unsigned char)(p[i] - '0') < 10) << i;
  return mask;
#endif
}

/* The n digits, 0 to 8, that end at `end`; eight bytes before it are readable. */
static inline uint64_t gw_digits_8(const char *end, unsigned n) {
  uint64_t digits = gw_digits_load(end - 8) ^ 0x3030303030303030ull;
  unsigned half = 32 - 4 * n;                      /* a shift by all 64 bits would be none */
  digits = digits >> half >> half << half << half; /* leading zeros */
  digits = digits * 10 + (digits >> 8);            /* two digits in every second byte */
  uint64_t low = (digits & 0x000000FF000000FFull) * (100 + (1000000ull << 32));
  uint64_t high = (digits >> 16 & 0x000000FF000000FFull) * (1 + (10000ull << 32));
  return (low + high) >> 32;
}

#if defined(__SSE2__)
/* From byte n on: as many bytes of ones at the end as there are digits. */
static const char gw_digits_masks[32] = { [16] = -1, -1, -1, -1, -1, -1, -1, -1,
                                          -1,        -1, -1, -1, -1, -1, -1, -1 };

/* Sixteen digits as text, other bytes masked out: the first eight in the lower half, the others in
 * the upper one. */
static inline uint64_t gw_digits_halves(__m128i digits, __m128i mask) {
  digits = _mm_and_si128(_mm_xor_si128(digits, _mm_set1_epi8('0')), mask);
  digits = _mm_add_epi16(_mm_mullo_epi16(digits, _mm_set1_epi16(10)), _mm_srli_epi16(digits, 8));
  digits = _mm_and_si128(digits, _mm_set1_epi16(0xFF));           /* eight times two digits */
  digits = _mm_madd_epi16(digits, _mm_set1_epi32(100 | 1 << 16)); /* four times four */
  digits = _mm_madd_epi16(_mm_packs_epi32(digits, digits), _mm_set1_epi32(10000 | 1 << 16));
  return (uint64_t)_mm_cvtsi128_si64(digits);
}
#endif

/* The n digits, 0 to 16, that end at `end`; sixteen bytes before it are readable.  No branch
 * depends on n, which nothing can predict. */
static inline uint64_t gw_digits_16(const char *end, unsigned n) {
#if defined(__SSE2__)
  __m128i digits = _mm_loadu_si128((const __m128i *)(const void *)(end - 16));
  __m128i mask = _mm_loadu_si128((const __m128i *)(const void *)(gw_digits_masks + n));
  uint64_t halves = gw_digits_halves(digits, mask);
  return (uint32_t)halves * 100000000ull + (halves >> 32);
#else
  unsigned last = n < 8 ? n : 8;
  return gw_digits_8(end - 8, n - last) * 100000000 + gw_digits_8(end, last);
#endif
}

/* Two numbers at the cost of one: up to eight digits that end at `end`, and as many at `end2`. */
static inline uint64_t gw_digits_8_8(const char *end, unsigned n, const char *end2, unsigned n2,
                                     uint64_t *second) {
#if defined(__SSE2__)
  const char *mask = gw_digits_masks + 8 + n, *mask2 = gw_digits_masks + 8 + n2;
  __m128i digits = _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)(const void *)(end - 8)),
                                      _mm_loadl_epi64((const __m128i *)(const void *)(end2 - 8)));
  __m128i masks = _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)(const void *)mask),
                                     _mm_loadl_epi64((const __m128i *)(const void *)mask2));
  uint64_t halves = gw_digits_halves(digits, masks);
  *second = halves >> 32;
  return (uint32_t)halves;
#else
  *second = gw_digits_8(end2, n2);
  return gw_digits_8(end, n);
#endif
}

/* The eight digits of a value below 10^8 as bytes 0 to 9, the first digit lowest: the value is
 * halved into 4 + 4, 2 + 2 and 1 + 1 digits, all lanes of a step at once.  x * 10486 >> 20 is x /
 * 100 below 10^4, x * 103 >> 10 is x / 10 below 100.  A step's q | (x - q * n) << k is
 * (x << k) - q * ((n << k) - 1). */
static inline uint64_t gw_digits_of(uint32_t value) {
  uint64_t fours = ((uint64_t)value << 32) - value / 10000 * ((10000ull << 32) - 1);
  uint64_t hundreds = (fours * 10486 >> 20) & 0x0000007F0000007Full;
  uint64_t twos = (fours << 16) - hundreds * ((100 << 16) - 1);
  uint64_t tens = (twos * 103 >> 10) & 0x000F000F000F000Full;
  return (twos << 8) - tens * ((10 << 8) - 1);
}
