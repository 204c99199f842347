#include "route/uri.h"

#include "base/limits.h"
#include "unit/test.h"

typedef struct uri_row {
  const char *target, *path, *query, *authority; /* query NULL: none; path NULL: refused */
} uri_row;

static const uri_row uri_rows[] = {
  { "/", "/", NULL, "" },
  { "/v1/users/7?x=1&y", "/v1/users/7", "x=1&y", "" },
  { "/a?", "/a", "", "" },
  { "/a?b?c", "/a", "b?c", "" },
  { "/a//b/", "/a//b/", NULL, "" },
  { "/a%2Fb/%C3%A9/%00", "/a%2Fb/%C3%A9/%00", NULL, "" },
  { "/a/...", "/a/...", NULL, "" },
  { "/.well-known/x", "/.well-known/x", NULL, "" },
  { "/a/.b", "/a/.b", NULL, "" },
  { "/a/..%2Fb", "/a/..%2Fb", NULL, "" },
  { "/a/%2e%2e%2e", "/a/%2e%2e%2e", NULL, "" },
  { "/a;v=1/b", "/a;v=1/b", NULL, "" },
  { "/?../%zz", "/", "../%zz", "" },
  { "/!$&'()*+,;=:@-._~|[]", "/!$&'()*+,;=:@-._~|[]", NULL, "" },
  { "/?f={\"a\":[1|2]}<>^`\\", "/", "f={\"a\":[1|2]}<>^`\\", "" },
  { "http://host", "/", NULL, "host" },
  { "HTTP://host:80/p?q", "/p", "q", "host:80" },
  { "https://[::1]?q=/", "/", "q=/", "[::1]" },
  { "", NULL, NULL, NULL },
  { "*", NULL, NULL, NULL },
  { "a/b", NULL, NULL, NULL },
  { "?x", NULL, NULL, NULL },
  { "ftp://host/", NULL, NULL, NULL },
  { "http://", NULL, NULL, NULL },
  { "http:///a", NULL, NULL, NULL },
  { "http://user@host/", NULL, NULL, NULL },
  { "http://host#x", NULL, NULL, NULL },
  { "host:443", NULL, NULL, NULL },
  { "/a#b", NULL, NULL, NULL },
  { "/a?b#c", NULL, NULL, NULL },
  { "/a b", NULL, NULL, NULL },
  { "/a?b c", NULL, NULL, NULL },
  { "/a\tb", NULL, NULL, NULL },
  { "/a\x7f", NULL, NULL, NULL },
  { "/a\"b", NULL, NULL, NULL },
  { "/a<b", NULL, NULL, NULL },
  { "/a>b", NULL, NULL, NULL },
  { "/a\\b", NULL, NULL, NULL },
  { "/..\\b", NULL, NULL, NULL },
  { "/a^b", NULL, NULL, NULL },
  { "/a`b", NULL, NULL, NULL },
  { "/{a}", NULL, NULL, NULL },
  { "/}", NULL, NULL, NULL },
  { "/\xc3\xa9", NULL, NULL, NULL },
  { "/a?\xc3\xa9", NULL, NULL, NULL },
  { "/a?\x01", NULL, NULL, NULL },
  { "/%", NULL, NULL, NULL },
  { "/a%2", NULL, NULL, NULL },
  { "/a%2?5", NULL, NULL, NULL },
  { "/a%zz/b", NULL, NULL, NULL },
  { "/.", NULL, NULL, NULL },
  { "/..", NULL, NULL, NULL },
  { "/../etc", NULL, NULL, NULL },
  { "/a/./b", NULL, NULL, NULL },
  { "/a/../b", NULL, NULL, NULL },
  { "/a/..?x", NULL, NULL, NULL },
  { "/a/%2e%2E/b", NULL, NULL, NULL },
  { "/a/.%2e", NULL, NULL, NULL },
  { "/%2e/", NULL, NULL, NULL },
  { "http://host/a/../b", NULL, NULL, NULL },
};

TEST(uri, splits_targets_and_refuses_bad_ones) {
  for (size_t i = 0; i < GW_COUNT_OF(uri_rows); i++) {
    const uri_row *row = &uri_rows[i];
    gw_uri uri;
    gw_err err;
    gw_err_init(&err);
    gw_code code = gw_uri_parse(gw_str_of(row->target), &uri, &err);
    if ((code == GW_OK) != (row->path != NULL)) fail_msg("%s: %s", row->target, err.text);
    if (row->path == NULL) {
      CHECK_INT(code, GW_BAD_REQUEST);
      CHECK(err.text[0] != '\0');
      continue;
    }
    CHECK_STR(uri.path, row->path);
    CHECK_INT(uri.has_query, row->query != NULL);
    CHECK_STR(uri.query, row->query != NULL ? row->query : "");
    CHECK_STR(uri.authority, row->authority);
  }
}

typedef struct decode_row {
  const char *text;
  const char *all, *except_reserved, *query; /* NULL: refused */
} decode_row;

static const decode_row decode_rows[] = {
  { "", "", "", "" },
  { "plain", "plain", "plain", "plain" },
  { "a+b", "a+b", "a+b", "a b" },
  { "a%20b", "a b", "a b", "a b" },
  { "a%2Fb", "a/b", "a%2Fb", "a/b" },
  { "a%2fb", "a/b", "a%2fb", "a/b" },
  { "%2523", "%23", "%23", "%23" },
  { "%25", "%", "%", "%" },
  { "%C3%a9", "\xc3\xa9", "\xc3\xa9", "\xc3\xa9" },
  { "%2B+", "++", "%2B+", "+ " },
  { "%21%23%24%26%27%28%29%2A%2B%2C%2F%3A%3B%3D%3F%40%5B%5D", "!#$&'()*+,/:;=?@[]",
    "%21%23%24%26%27%28%29%2A%2B%2C%2F%3A%3B%3D%3F%40%5B%5D", "!#$&'()*+,/:;=?@[]" },
  { "%2D%2E%5F%7E%22%3C%3E%5C%5E%60%7B%7C%7D", "-._~\"<>\\^`{|}", "-._~\"<>\\^`{|}",
    "-._~\"<>\\^`{|}" },
  { "%", NULL, NULL, NULL },
  { "a%", NULL, NULL, NULL },
  { "a%2", NULL, NULL, NULL },
  { "%g0", NULL, NULL, NULL },
  { "%0g+", NULL, NULL, NULL },
};

static void check_decode(const char *text, gw_decode_mode mode, const char *wanted) {
  gw_arena arena;
  gw_err err;
  gw_str out = GW_STR("untouched");
  gw_arena_init(&arena, NULL, GW_MIB(1));
  gw_err_init(&err);
  gw_code code = gw_uri_decode(gw_str_of(text), mode, &arena, &out, &err);
  CHECK_INT(code, wanted != NULL ? GW_OK : GW_BAD_REQUEST);
  CHECK_STR(out, wanted != NULL ? wanted : "untouched");
  gw_arena_done(&arena);
}

TEST(uri, decodes_once_and_by_mode) {
  for (size_t i = 0; i < GW_COUNT_OF(decode_rows); i++) {
    const decode_row *row = &decode_rows[i];
    check_decode(row->text, GW_DECODE_ALL, row->all);
    check_decode(row->text, GW_DECODE_EXCEPT_RESERVED, row->except_reserved);
    check_decode(row->text, GW_DECODE_QUERY, row->query);
  }
}

TEST(uri, decoded_nul_is_a_byte_like_others) {
  gw_arena arena;
  gw_str out;
  gw_arena_init(&arena, NULL, GW_MIB(1));
  CHECK_INT(gw_uri_decode(GW_STR("a%00b"), GW_DECODE_EXCEPT_RESERVED, &arena, &out, NULL), GW_OK);
  CHECK(gw_str_eq(out, GW_STR("a\0b")));
  gw_arena_done(&arena);
}

TEST(uri, text_without_escapes_is_borrowed) {
  gw_arena arena;
  gw_str out, text = GW_STR("a+b");
  gw_arena_init(&arena, NULL, 0);
  CHECK_INT(gw_uri_decode(text, GW_DECODE_ALL, &arena, &out, NULL), GW_OK);
  CHECK(out.p == text.p);
  CHECK_INT(gw_uri_decode(text, GW_DECODE_QUERY, &arena, &out, NULL), GW_NOMEM);
  gw_arena_done(&arena);
}
