/* digits: decimal digits eight at a time, all bytes of a word at once.
 * Against a loop over the digits this takes half of the instructions, and no branch depends on how
 * many digits a number has, which nothing can predict.
 * Private to codec/.  Pure; any thread. */
#pragma once

#include "base/base.h"

#include <string.h>

static const uint32_t gw_digits_powers[] = { 1,      10,      100,      1000,     10000,
                                             100000, 1000000, 10000000, 100000000 };

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

/* Reads the digits among the eight bytes at p, up to the first other one.  Returns their number. */
static inline unsigned gw_digits_first(const char *p, uint64_t *value) {
  uint64_t digits = gw_digits_load(p) ^ 0x3030303030303030ull;
  /* The lowest byte above 9 gets its highest bit; those below it send no carry. */
  uint64_t others = (digits | (digits + 0x7676767676767676ull)) & 0x8080808080808080ull;
  unsigned n = 8;
  if (others != 0) {
    n = (unsigned)__builtin_ctzll(others) / 8;
    if (n == 0) return 0;
    digits <<= 64 - 8 * n; /* leading zeros */
  }
  digits = digits * 10 + (digits >> 8); /* two digits in every second byte */
  uint64_t low = (digits & 0x000000FF000000FFull) * (100 + (1000000ull << 32));
  uint64_t high = (digits >> 16 & 0x000000FF000000FFull) * (1 + (10000ull << 32));
  *value = (low + high) >> 32;
  return n;
}

/* The same for what follows: *sum is multiplied by ten for each digit before they are added. */
static inline unsigned gw_digits_take(const char *p, uint64_t *sum) {
  uint64_t value;
  unsigned n = gw_digits_first(p, &value);
  if (n > 0) *sum = *sum * gw_digits_powers[n] + value;
  return n;
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
