#include "codec/base64.h"
#include "unit/test.h"

static void check_decode(const char *text, const char *wanted, size_t wanted_n) {
  char out[GW_BASE64_DECODED_MAX(64)];
  size_t n = 0;
  if (!gw_base64_decode(gw_str_of(text), out, &n)) fail_msg("%s: refused", text);
  if (n != wanted_n || memcmp(out, wanted, n) != 0) fail_msg("%s: other bytes", text);
}

TEST(base64, decodes_both_alphabets) {
  check_decode("", "", 0);
  check_decode("aGk=", "hi", 2);
  check_decode("aGk", "hi", 2);
  check_decode("aA==", "h", 1);
  check_decode("aA", "h", 1);
  check_decode("Zm9vYmFy", "foobar", 6);
  check_decode("+/+/", "\xfb\xff\xbf", 3);
  check_decode("-_-_", "\xfb\xff\xbf", 3);
  check_decode("-/+_", "\xfb\xff\xbf", 3);
  check_decode("AAAA", "\0\0\0", 3);
}

TEST(base64, tolerates_stray_bits) {
  check_decode("-_", "\xfb", 1);
  check_decode("aGl=", "hi", 2);
  check_decode("aP==", "h", 1);
}

TEST(base64, refuses) {
  static const char *const texts[] = { "a",     "aGkxa",    "=",      "==",    "====",  "a===",
                                       "aGk==", "aA=",      "aA=a",   "aG k",  "aGk\n", "aG.k",
                                       "a=Gk",  "aGk=aGk=", "\x80gk", "aGkx=", "aGkx==" };
  char out[GW_BASE64_DECODED_MAX(64)];
  size_t n;
  for (size_t i = 0; i < GW_COUNT_OF(texts); i++) {
    if (gw_base64_decode(gw_str_of(texts[i]), out, &n)) fail_msg("%s: accepted", texts[i]);
  }
}

TEST(base64, refuses_each_other_byte) {
  char out[GW_BASE64_DECODED_MAX(4)];
  size_t n, accepted = 0;
  for (int c = 0; c < 256; c++) {
    for (int at = 0; at < 3; at++) {
      char text[] = "AAA";
      text[at] = (char)c;
      if (gw_base64_decode((gw_str){ text, 3 }, out, &n)) accepted++;
    }
  }
  CHECK_INT(accepted, 3 * 66); /* 62 letters and digits, + - / _ */
}

TEST(base64, round_trips) {
  char bytes[67], text[GW_BASE64_ENCODED_MAX(67)],
      back[GW_BASE64_DECODED_MAX(GW_BASE64_ENCODED_MAX(67))];
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (char)(i * 37 + 11);
  for (size_t n = 0; n <= sizeof bytes; n++) {
    size_t text_n = gw_base64_encode((gw_str){ bytes, n }, text), back_n;
    CHECK_INT(text_n, GW_BASE64_ENCODED_MAX(n));
    CHECK(gw_base64_decode((gw_str){ text, text_n }, back, &back_n));
    CHECK_INT(back_n, n);
    CHECK(memcmp(back, bytes, n) == 0);
  }
  CHECK_STR(((gw_str){ text, gw_base64_encode(GW_STR("\xfb\xff"), text) }), "+/8=");
}
