#include "base/buf.h"
#include "unit/test.h"

TEST(buf, grows_on_the_heap_and_in_an_arena) {
  gw_arena arena;
  gw_arena_init(&arena, NULL, 1 << 20);
  for (int in_arena = 0; in_arena <= 1; in_arena++) {
    gw_buf buf;
    gw_buf_init(&buf, in_arena ? &arena : NULL, 100000);
    for (int i = 0; i < 10000; i++) {
      char digits[4] = { (char)('0' + i % 10), (char)('0' + i / 10 % 10), '|', 0 };
      CHECK_INT(gw_buf_append(&buf, gw_str_of(digits)), GW_OK);
    }
    CHECK_INT(buf.n, 30000);
    CHECK_STR(gw_str_first(gw_buf_str(&buf), 9), "00|10|20|");
    CHECK_STR(gw_str_skip(gw_buf_str(&buf), 30000 - 6), "89|99|");
    gw_buf_done(&buf);
    CHECK_INT(buf.n, 0);
  }
  gw_arena_done(&arena);
}

TEST(buf, holds_its_limit_and_not_one_byte_more) {
  gw_buf buf;
  gw_buf_init(&buf, NULL, 10);
  CHECK_INT(gw_buf_append(&buf, GW_STR("0123456789")), GW_OK);
  CHECK_INT(gw_buf_append(&buf, GW_STR("")), GW_OK);
  CHECK_INT(gw_buf_append(&buf, GW_STR("x")), GW_TOO_LARGE);
  CHECK_INT(gw_buf_reserve(&buf, SIZE_MAX), GW_TOO_LARGE);
  CHECK_STR(gw_buf_str(&buf), "0123456789");
  gw_buf_done(&buf);
  gw_buf_init(&buf, NULL, 0);
  CHECK_INT(gw_buf_append(&buf, GW_STR("x")), GW_TOO_LARGE);
  CHECK_INT(gw_buf_append(&buf, (gw_str){ NULL, 0 }), GW_OK);
  gw_buf_done(&buf);
  gw_buf_init(&buf, NULL, SIZE_MAX);
  CHECK_INT(gw_buf_reserve(&buf, SIZE_MAX), GW_NOMEM);
  gw_buf_done(&buf);
}

TEST(buf, takes_no_more_memory_than_its_limit_and_the_slack) {
  gw_buf buf;
  gw_buf_init(&buf, NULL, 1000);
  for (int i = 0; i < 1000; i++)
    CHECK_INT(gw_buf_append(&buf, GW_STR("x")), GW_OK);
  CHECK_INT(buf.cap, 1000 + GW_BUF_SLACK);
  gw_buf_done(&buf);
}

TEST(buf, has_slack_behind_a_reservation) {
  gw_buf buf;
  gw_buf_init(&buf, NULL, 100000);
  for (size_t n = 0; n < 5000; n += 37) {
    CHECK_INT(gw_buf_reserve(&buf, n), GW_OK);
    memset(buf.p + buf.n, 'x', n + GW_BUF_SLACK);
  }
  gw_buf_done(&buf);
}

TEST(buf, trims_what_is_over) {
  gw_buf buf;
  gw_buf_init(&buf, NULL, 100000);
  CHECK_INT(gw_buf_printf(&buf, "%5000d", 1), GW_OK);
  gw_buf_trim(&buf, 100000);
  CHECK(buf.n == 0 && buf.cap >= 5000);
  gw_buf_trim(&buf, 1000);
  CHECK_INT(buf.cap, 0);
  CHECK_INT(gw_buf_append(&buf, GW_STR("again")), GW_OK);
  CHECK_STR(gw_buf_str(&buf), "again");
  gw_buf_done(&buf);
  gw_buf_done(NULL);
}

TEST(buf, prints_up_to_its_limit) {
  gw_buf buf;
  gw_buf_init(&buf, NULL, 6);
  CHECK_INT(gw_buf_printf(&buf, "%s=", "a"), GW_OK);
  CHECK_INT(gw_buf_printf(&buf, "%d", 12345), GW_TOO_LARGE);
  CHECK_STR(gw_buf_str(&buf), "a=");
  CHECK_INT(gw_buf_printf(&buf, "%d", 1234), GW_OK); /* vsnprintf's NUL does not count */
  CHECK_STR(gw_buf_str(&buf), "a=1234");
  gw_buf_done(&buf);
}

TEST(buf, writes_json_strings) {
  static const struct {
    gw_str text;
    const char *wanted;
  } rows[] = {
    { GW_STR_INIT(""), "\"\"" },
    { GW_STR_INIT("plain"), "\"plain\"" },
    { GW_STR_INIT("a\"b\\c/"), "\"a\\\"b\\\\c/\"" },
    { GW_STR_INIT("\b\t\n\f\r"), "\"\\b\\t\\n\\f\\r\"" },
    { GW_STR_INIT("\0\x01\x0b\x1f\x7f"), "\"\\u0000\\u0001\\u000b\\u001f\\u007f\"" },
    { GW_STR_INIT("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
      "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"" },
    /* well-formed at the edges of Unicode's table 3-7 */
    { GW_STR_INIT("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"),
      "\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"" },
    /* and just beyond: each bad byte becomes U+FFFD */
    { GW_STR_INIT("\x80"), "\"\xef\xbf\xbd\"" },
    { GW_STR_INIT("a\xc3"), "\"a\xef\xbf\xbd\"" },
    { GW_STR_INIT("\xc3("), "\"\xef\xbf\xbd(\"" },
    { GW_STR_INIT("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
    { GW_STR_INIT("\xc1\xbf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
    { GW_STR_INIT("\xe0\x9f\xbf"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
    { GW_STR_INIT("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
    { GW_STR_INIT("\xf0\x8f\xbf\xbf"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
    { GW_STR_INIT("\xf4\x90\x80\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
    { GW_STR_INIT("\xf5\xff"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
    { GW_STR_INIT("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    gw_buf buf;
    gw_buf_init(&buf, NULL, strlen(rows[i].wanted)); /* room for it and no more */
    CHECK_INT(gw_buf_append_json_string(&buf, rows[i].text), GW_OK);
    CHECK_STR(gw_buf_str(&buf), rows[i].wanted);
    gw_buf_done(&buf);
    for (size_t max = 1; max < strlen(rows[i].wanted); max++) {
      gw_buf_init(&buf, NULL, max);
      CHECK_INT(gw_buf_append(&buf, GW_STR("=")), GW_OK);
      CHECK_INT(gw_buf_append_json_string(&buf, rows[i].text), GW_TOO_LARGE);
      CHECK_STR(gw_buf_str(&buf), "="); /* as it was */
      gw_buf_done(&buf);
    }
  }
}

static gw_code buf_with_failing_allocs(void *context) {
  gw_arena *arena = context;
  gw_buf buf;
  gw_code code = GW_OK;
  gw_buf_init(&buf, arena, 1 << 20);
  for (int i = 0; i < 100 && code == GW_OK; i++) {
    size_t before = buf.n;
    code = i % 2 != 0 ? gw_buf_printf(&buf, "%100d", i)
                      : gw_buf_append_json_string(&buf, GW_STR("a \"string\" \n of some length"));
    if (code != GW_OK) CHECK_INT(buf.n, before);
  }
  gw_buf_done(&buf);
  if (arena != NULL) gw_arena_done(arena);
  return code;
}

TEST(buf, survives_each_failed_alloc) {
  gw_arena arena;
  test_fail_each_alloc(buf_with_failing_allocs, NULL);
  gw_arena_init(&arena, NULL, 1 << 20);
  test_fail_each_alloc(buf_with_failing_allocs, &arena);
}
