#include "codec/utf8.h"

size_t gw_utf8_valid_prefix(gw_str s) {
  size_t i = 0;
  while (i < s.n) {
    uint64_t word;
    if (s.n - i >= sizeof word) {
      memcpy(&word, s.p + i, sizeof word);
      if ((word & 0x8080808080808080u) == 0) {
        i += sizeof word;
        continue;
      }
    }
    if ((unsigned char)s.p[i] < 0x80) {
      i++;
      continue;
    }
    char last[4] = { 0 }; /* zeros end every sequence */
    const char *p = s.p + i;
    if (s.n - i < sizeof last) p = memcpy(last, p, s.n - i);
    size_t n = gw_utf8_sequence(p);
    if (n == 0) return i;
    i += n;
  }
  return s.n;
}

size_t gw_utf8_encode(uint32_t code_point, char *out) {
  if (code_point < 0x80) {
    out[0] = (char)code_point;
    return 1;
  }
  size_t n = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
  for (size_t i = n - 1; i > 0; i--) {
    out[i] = (char)(0x80 | (code_point & 0x3F));
    code_point >>= 6;
  }
  out[0] = (char)((0xF00u >> n & 0xF0u) | code_point);
  return n;
}
