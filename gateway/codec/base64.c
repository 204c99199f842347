#include "codec/base64.h"

static const char base64_alphabet[64] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#define BASE64_BAD 0xFFu

/* Both alphabets of RFC 4648 (sections 4 and 5) at once; letters in runs of sixteen. */
/* clang-format off */
static const uint8_t base64_values[256] = {
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,  62, 255,  62, 255,  63,
   52,  53,  54,  55,  56,  57,  58,  59,  60,  61, 255, 255, 255, 255, 255, 255,
  255,   0,   1,   2,   3,   4,   5,   6,   7,   8,   9,  10,  11,  12,  13,  14,
   15,  16,  17,  18,  19,  20,  21,  22,  23,  24,  25, 255, 255, 255, 255,  63,
  255,  26,  27,  28,  29,  30,  31,  32,  33,  34,  35,  36,  37,  38,  39,  40,
   41,  42,  43,  44,  45,  46,  47,  48,  49,  50,  51, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
};
/* clang-format on */

size_t gw_base64_encode(gw_str bytes, char *out) {
  const unsigned char *in = (const unsigned char *)bytes.p;
  char *w = out;
  size_t i = 0;
  for (; i + 3 <= bytes.n; i += 3, w += 4) {
    uint32_t group = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];
    w[0] = base64_alphabet[group >> 18];
    w[1] = base64_alphabet[group >> 12 & 63];
    w[2] = base64_alphabet[group >> 6 & 63];
    w[3] = base64_alphabet[group & 63];
  }
  size_t rest = bytes.n - i;
  if (rest > 0) {
    uint32_t group = (uint32_t)in[i] << 16 | (rest == 2 ? (uint32_t)in[i + 1] << 8 : 0);
    w[0] = base64_alphabet[group >> 18];
    w[1] = base64_alphabet[group >> 12 & 63];
    w[2] = rest == 2 ? base64_alphabet[group >> 6 & 63] : '=';
    w[3] = '=';
    w += 4;
  }
  return (size_t)(w - out);
}

/* The length without padding; false when '=' stands where no encoding has it. */
static bool base64_unpad(gw_str *text) {
  size_t padding = 0;
  while (padding < 2 && text->n > padding && text->p[text->n - 1 - padding] == '=')
    padding++;
  if (padding > 0 && text->n % 4 != 0) return false;
  text->n -= padding;
  return text->n % 4 != 1;
}

bool gw_base64_decode(gw_str text, char *out, size_t *n) {
  if (!base64_unpad(&text)) return false;
  const unsigned char *in = (const unsigned char *)text.p;
  char *w = out;
  size_t i = 0;
  for (; i + 4 <= text.n; i += 4, w += 3) {
    uint32_t a = base64_values[in[i]], b = base64_values[in[i + 1]];
    uint32_t c = base64_values[in[i + 2]], d = base64_values[in[i + 3]];
    if (((a | b | c | d) & 0x80) != 0) return false; /* only BASE64_BAD has the bit */
    uint32_t group = a << 18 | b << 12 | c << 6 | d;
    w[0] = (char)(group >> 16);
    w[1] = (char)(group >> 8);
    w[2] = (char)group;
  }
  uint32_t rest = 0;
  for (size_t k = i; k < text.n; k++) {
    if (base64_values[in[k]] == BASE64_BAD) return false;
    rest = rest << 6 | base64_values[in[k]];
  }
  /* Two letters carry one byte and four stray bits, three carry two bytes and two stray bits. */
  if (text.n - i == 2) *w++ = (char)(rest >> 4);
  if (text.n - i == 3) {
    *w++ = (char)(rest >> 10);
    *w++ = (char)(rest >> 2);
  }
  *n = (size_t)(w - out);
  return true;
}
