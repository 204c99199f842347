#include "base/str.h"

#define NEAREST_LETTERS_MAX 64 /* bytes; longer words are never guessed */

bool gw_str_eq_nocase(gw_str a, gw_str b) {
  if (a.n != b.n) return false;
  for (size_t i = 0; i < a.n; i++) {
    if (gw_char_lower(a.p[i]) != gw_char_lower(b.p[i])) return false;
  }
  return true;
}

size_t gw_str_find(gw_str s, char c) {
  const char *hit = s.n > 0 ? memchr(s.p, c, s.n) : NULL;
  return hit != NULL ? (size_t)(hit - s.p) : s.n;
}

gw_str gw_str_trim(gw_str s, const char *set) {
  while (s.n > 0 && strchr(set, s.p[0]) != NULL && s.p[0] != '\0')
    s = gw_str_skip(s, 1);
  while (s.n > 0 && strchr(set, s.p[s.n - 1]) != NULL && s.p[s.n - 1] != '\0')
    s.n--;
  return s;
}

gw_str gw_str_cut(gw_str *rest, char separator) {
  size_t at = gw_str_find(*rest, separator);
  gw_str piece = gw_str_first(*rest, at);
  *rest = gw_str_skip(*rest, at < rest->n ? at + 1 : at);
  return piece;
}

bool gw_str_parse_u64(gw_str s, uint64_t *value) {
  uint64_t sum = 0;
  if (s.n == 0 || s.n > 20) return false;
  for (size_t i = 0; i < s.n; i++) {
    if (s.p[i] < '0' || s.p[i] > '9') return false;
    if (__builtin_mul_overflow(sum, 10u, &sum)) return false;
    if (__builtin_add_overflow(sum, (uint64_t)(s.p[i] - '0'), &sum)) return false;
  }
  *value = sum;
  return true;
}

/* Eight bytes at a time, each step a multiplication folded to 64 bits. */
uint64_t gw_str_hash(gw_str s, uint64_t seed) {
  const uint64_t k = 0x9E3779B97F4A7C15ull;
  uint64_t h = seed ^ (s.n * k);
  while (s.n >= 8) {
    uint64_t word;
    memcpy(&word, s.p, 8);
    __uint128_t product = (__uint128_t)(h ^ word) * k;
    h = (uint64_t)product ^ (uint64_t)(product >> 64);
    s = gw_str_skip(s, 8);
  }
  uint64_t tail = 0;
  if (s.n > 0) memcpy(&tail, s.p, s.n);
  __uint128_t product = (__uint128_t)(h ^ tail) * k;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

int gw_str_compare(gw_str a, gw_str b) {
  size_t n = gw_size_min(a.n, b.n);
  int order = n > 0 ? memcmp(a.p, b.p, n) : 0;
  if (order != 0) return order;
  return a.n < b.n ? -1 : a.n > b.n;
}

void gw_str_copy_text(gw_str s, char *out, size_t size) {
  size_t n = gw_size_min(s.n, size - 1);
  while (n > 0 && n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
    n--;
  if (n > 0) memcpy(out, s.p, n);
  out[n] = '\0';
}

/* Edits from one word to the other without regard to case; letters swapped with their neighbour
 * count once (optimal string alignment), since that is what fingers do. */
static size_t str_distance(gw_str a, gw_str b) {
  size_t rows[3][NEAREST_LETTERS_MAX + 1];
  for (size_t j = 0; j <= b.n; j++)
    rows[0][j] = j;
  for (size_t i = 1; i <= a.n; i++) {
    size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
    row[0] = i;
    for (size_t j = 1; j <= b.n; j++) {
      char x = gw_char_lower(a.p[i - 1]), y = gw_char_lower(b.p[j - 1]);
      size_t best = above[j - 1] + (x == y ? 0 : 1);
      best = gw_size_min(best, gw_size_min(above[j], row[j - 1]) + 1);
      if (i > 1 && j > 1 && x == gw_char_lower(b.p[j - 2]) && y == gw_char_lower(a.p[i - 2])) {
        best = gw_size_min(best, two_above[j - 2] + 1);
      }
      row[j] = best;
    }
  }
  return rows[a.n % 3][b.n];
}

const gw_str *gw_str_nearest(gw_str word, const gw_str *candidates, size_t count) {
  const gw_str *best = NULL;
  size_t best_distance = SIZE_MAX;
  if (word.n == 0 || word.n > NEAREST_LETTERS_MAX) return NULL;
  for (size_t i = 0; i < count; i++) {
    gw_str candidate = candidates[i];
    if (candidate.n == 0 || candidate.n > NEAREST_LETTERS_MAX) continue;
    size_t longer = gw_size_max(word.n, candidate.n), shorter = gw_size_min(word.n, candidate.n);
    size_t allowed = longer / 3;
    if (longer - shorter > allowed) continue; /* so many edits at least */
    size_t distance = str_distance(word, candidate);
    if (distance <= allowed && distance < best_distance) {
      best = &candidates[i];
      best_distance = distance;
    }
  }
  return best;
}
