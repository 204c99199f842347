#include "base/str.h"
#include "unit/test.h"

static const gw_str nothing = { NULL, 0 };

TEST(str, equality_is_of_bytes) {
  CHECK(gw_str_eq(GW_STR("a\0b"), GW_STR("a\0b")));
  CHECK(!gw_str_eq(GW_STR("a\0b"), GW_STR("a\0c")));
  CHECK(!gw_str_eq(GW_STR("a"), GW_STR("ab")));
  CHECK(gw_str_eq(nothing, GW_STR("")));
  CHECK(gw_str_eq_nocase(GW_STR("Content-TYPE9"), GW_STR("cONTENT-type9")));
  CHECK(!gw_str_eq_nocase(GW_STR("["), GW_STR("{"))); /* 0x20 apart, but no letters */
  CHECK(!gw_str_eq_nocase(GW_STR("a"), GW_STR("ab")));
  CHECK(!gw_str_eq_nocase(GW_STR("\xc4"), GW_STR("\xe4")));
}

TEST(str, starts_and_ends) {
  CHECK(gw_str_starts(GW_STR("abc"), GW_STR("ab")));
  CHECK(gw_str_starts(nothing, nothing));
  CHECK(!gw_str_starts(GW_STR("a"), GW_STR("ab")));
  CHECK(!gw_str_starts(GW_STR("abc"), GW_STR("b")));
  CHECK(gw_str_ends(GW_STR("abc"), GW_STR("bc")));
  CHECK(gw_str_ends(GW_STR("abc"), nothing));
  CHECK(!gw_str_ends(GW_STR("c"), GW_STR("bc")));
  CHECK(!gw_str_ends(GW_STR("abc"), GW_STR("b")));
}

TEST(str, finds_and_skips) {
  CHECK_INT(gw_str_find(GW_STR("a\0b"), 'b'), 2);
  CHECK_INT(gw_str_find(GW_STR("a\0b"), '\0'), 1);
  CHECK_INT(gw_str_find(GW_STR("abc"), 'x'), 3);
  CHECK_INT(gw_str_find(nothing, 'x'), 0);
  CHECK_STR(gw_str_skip(GW_STR("abc"), 1), "bc");
  CHECK_INT(gw_str_skip(nothing, 0).n, 0);
  CHECK_STR(gw_str_first(GW_STR("abc"), 1), "a");
}

TEST(str, trims_both_ends) {
  CHECK_STR(gw_str_trim(GW_STR(" \ta b\t "), " \t"), "a b");
  CHECK_STR(gw_str_trim(GW_STR("   "), " "), "");
  CHECK_STR(gw_str_trim(GW_STR("a"), ""), "a");
  CHECK_INT(gw_str_trim(GW_STR("\0 a \0"), " ").n, 5); /* strchr would find the set's own end */
  CHECK_INT(gw_str_trim(nothing, " ").n, 0);
}

TEST(str, cuts_piece_by_piece) {
  gw_str rest = GW_STR("a,,b");
  CHECK_STR(gw_str_cut(&rest, ','), "a");
  CHECK_STR(gw_str_cut(&rest, ','), "");
  CHECK_STR(gw_str_cut(&rest, ','), "b");
  CHECK_INT(rest.n, 0);
  CHECK_STR(gw_str_cut(&rest, ','), "");
  rest = nothing;
  CHECK_INT(gw_str_cut(&rest, ',').n, 0);
}

TEST(str, hexadecimal_digits) {
  CHECK_INT(gw_char_hex('0'), 0);
  CHECK_INT(gw_char_hex('9'), 9);
  CHECK_INT(gw_char_hex('a'), 10);
  CHECK_INT(gw_char_hex('F'), 15);
  static const char others[] = "/:@G`g \xe1";
  for (size_t i = 0; i < sizeof others; i++) /* the last is NUL */
    CHECK_INT(gw_char_hex(others[i]), -1);
}

TEST(str, parses_unsigned_numbers) {
  static const struct {
    const char *text;
    uint64_t wanted;
  } good[] = {
    { "0", 0 },
    { "7", 7 },
    { "00000000000000000042", 42 },
    { "18446744073709551615", UINT64_MAX },
  };
  static const char *const bad[] = { "",
                                     "-1",
                                     "+1",
                                     " 1",
                                     "1 ",
                                     "1.0",
                                     "0x1",
                                     "18446744073709551616",
                                     "1_000",
                                     "\xd9\xa1",
                                     "99999999999999999999",
                                     "000000000000000000042" };
  for (size_t i = 0; i < GW_COUNT_OF(good); i++) {
    uint64_t value = 1;
    CHECK(gw_str_parse_u64(gw_str_of(good[i].text), &value));
    CHECK(value == good[i].wanted);
  }
  for (size_t i = 0; i < GW_COUNT_OF(bad); i++) {
    uint64_t value = 77;
    CHECK(!gw_str_parse_u64(gw_str_of(bad[i]), &value));
    CHECK_INT(value, 77); /* untouched */
  }
}

TEST(str, hash_depends_on_every_byte_the_length_and_the_seed) {
  char text[24] = { 0 };
  for (size_t n = 0; n <= sizeof text; n++) {
    uint64_t whole = gw_str_hash((gw_str){ text, n }, 1);
    CHECK(whole == gw_str_hash((gw_str){ text, n }, 1));
    CHECK(whole != gw_str_hash((gw_str){ text, n }, 2));
    if (n > 0) CHECK(whole != gw_str_hash((gw_str){ text, n - 1 }, 1));
    for (size_t i = 0; i < n; i++) {
      text[i] = 1;
      CHECK(whole != gw_str_hash((gw_str){ text, n }, 1));
      text[i] = 0;
    }
  }
  CHECK(gw_str_hash(nothing, 1) == gw_str_hash(GW_STR(""), 1));
}

TEST(str, compares_in_order_of_bytes) {
  CHECK(gw_str_compare(GW_STR("a"), GW_STR("b")) < 0);
  CHECK(gw_str_compare(GW_STR("b"), GW_STR("a")) > 0);
  CHECK(gw_str_compare(GW_STR("a"), GW_STR("ab")) < 0);
  CHECK(gw_str_compare(GW_STR("ab"), GW_STR("a")) > 0);
  CHECK(gw_str_compare(GW_STR("\x7f"), GW_STR("\x80")) < 0);
  CHECK_INT(gw_str_compare(GW_STR("ab"), GW_STR("ab")), 0);
  CHECK_INT(gw_str_compare(nothing, GW_STR("")), 0);
}

TEST(str, nearest_is_what_was_most_likely_meant) {
  static const gw_str names[] = { GW_STR_INIT("timeout"), GW_STR_INIT("idle_timeout"),
                                  GW_STR_INIT("retry"),   GW_STR_INIT("upstream"),
                                  GW_STR_INIT("id"),      GW_STR_INIT("") };
  static const struct {
    const char *word, *wanted; /* NULL: none is near */
  } rows[] = {
    { "timeuot", "timeout" },
    { "TIMEOUT", "timeout" },
    { "idletimeout", "idle_timeout" },
    { "retries", NULL },
    { "retrys", "retry" },
    { "upstreams", "upstream" },
    { "ids", "id" },
    { "xy", NULL },
    { "ix", NULL },
    { "something else", NULL },
    { "", NULL },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    const gw_str *near = gw_str_nearest(gw_str_of(rows[i].word), names, GW_COUNT_OF(names));
    CHECK_INT(near != NULL, rows[i].wanted != NULL);
    if (near != NULL) CHECK_STR(*near, rows[i].wanted);
  }
  char endless[1000];
  memset(endless, 'a', sizeof endless);
  CHECK(gw_str_nearest((gw_str){ endless, sizeof endless }, names, GW_COUNT_OF(names)) == NULL);
}

TEST(str, text_is_copied_up_to_a_character) {
  static const struct {
    const char *text;
    size_t size;
    const char *copy;
  } rows[] = {
    { "abc", 4, "abc" },       { "abc", 3, "ab" },      { "", 1, "" },
    { "abc", 1, "" },          { "a\xc3\xa4", 3, "a" }, { "a\xc3\xa4", 4, "a\xc3\xa4" },
    { "\xe2\x82\xac", 3, "" },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    char out[8] = "???????";
    gw_str_copy_text(gw_str_of(rows[i].text), out, rows[i].size);
    CHECK_STR(gw_str_of(out), rows[i].copy);
  }
}
