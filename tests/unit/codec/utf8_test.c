#include "codec/utf8.h"
#include "unit/test.h"

/* Unicode table 3-7, by arithmetic instead of by ranges: decode, then look at the result. */
static size_t slow_sequence(const unsigned char *p, size_t n) {
  static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
  if (p[0] < 0x80) return 1;
  size_t wanted = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : p[0] >= 0xC0 ? 2 : 0;
  if (wanted == 0 || p[0] >= 0xF8 || n < wanted) return 0;
  uint32_t code_point = p[0] & (0xFFu >> (wanted + 1));
  for (size_t i = 1; i < wanted; i++) {
    if (p[i] >> 6 != 2) return 0;
    code_point = code_point << 6 | (p[i] & 0x3Fu);
  }
  if (code_point < smallest[wanted] || code_point > 0x10FFFF) return 0;
  return code_point >= 0xD800 && code_point <= 0xDFFF ? 0 : wanted;
}

TEST(utf8, agrees_with_arithmetic) {
  static const unsigned char tails[] = {
    0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF
  };
  unsigned char bytes[4];
  for (unsigned a = 0x80; a < 0x100; a++) {
    for (unsigned b = 0; b < 0x100; b++) {
      for (size_t k = 0; k < sizeof tails * sizeof tails; k++) {
        bytes[0] = (unsigned char)a;
        bytes[1] = (unsigned char)b;
        bytes[2] = tails[k / sizeof tails];
        bytes[3] = tails[k % sizeof tails];
        size_t wanted = slow_sequence(bytes, 4);
        CHECK_INT(gw_utf8_sequence((const char *)bytes), wanted);
        gw_str text = { (const char *)bytes, wanted > 0 ? wanted : 4 };
        CHECK(gw_utf8_valid(text) == (wanted > 0));
      }
    }
  }
}

TEST(utf8, valid_prefix) {
  static const struct {
    const char *text;
    size_t prefix;
  } rows[] = {
    { "", 0 },
    { "plain text longer than a word", 29 },
    { "12345678\xC3\xA9", 10 },
    { "1234567\xE6\xBC\xA2", 10 },
    { "a\xF0\x9F\x98\x80z", 6 },
    { "abc\xE6\xBC", 3 },
    { "abc\xC3", 3 },
    { "abc\xF0\x9F\x98", 3 },
    { "\x80", 0 },
    { "ok\xED\xA0\x80", 2 },
    { "12345678\xFF", 8 },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    gw_str text = gw_str_of(rows[i].text);
    CHECK_INT(gw_utf8_valid_prefix(text), rows[i].prefix);
    CHECK(gw_utf8_valid(text) == (rows[i].prefix == text.n));
  }
  CHECK_INT(gw_utf8_valid_prefix((gw_str){ "\xC3\xA9", 1 }), 0);
}

TEST(utf8, encodes_what_it_accepts) {
  for (uint32_t c = 1; c < 0x110000; c += c < 0x900 ? 1 : 61) {
    char bytes[4];
    size_t n = gw_utf8_encode(c, bytes);
    CHECK_INT(n, c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4);
    CHECK(gw_utf8_valid((gw_str){ bytes, n }) == (c < 0xD800 || c > 0xDFFF));
  }
  char bytes[4];
  CHECK_STR(((gw_str){ bytes, gw_utf8_encode(0x1F600, bytes) }), "\xF0\x9F\x98\x80");
  CHECK_STR(((gw_str){ bytes, gw_utf8_encode(0x20AC, bytes) }), "\xE2\x82\xAC");
}
