#include "unit/net/h1_feed.h"

#define HEAD    "POST / HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n"
#define NEXT    "GET /next"

static const size_t steps[] = { 0, 1, 2, 3, 5, 16 };

/* Reads `head`, then `text` as its body. */
static gw_code body_read(const char *head, gw_str text, size_t step, size_t body_max, gw_buf *body,
                         gw_str *rest) {
  h1_feed feed;
  h1_feed_init(&feed);
  gw_buf_init(body, NULL, GW_MIB(1));
  CHECK_INT(h1_feed_head(&feed, gw_str_of(head), 0), GW_OK);
  gw_code code = h1_feed_body(&feed, text, step, body_max, body, rest);
  if (code != GW_OK && code != GW_AGAIN) CHECK(feed.err.text[0] != '\0');
  h1_feed_done(&feed);
  return code;
}

static void body_check(const char *head, gw_str text, const char *wanted, const char *wanted_rest) {
  for (size_t s = 0; s < GW_COUNT_OF(steps); s++) {
    gw_buf body;
    gw_str rest;
    CHECK_INT(body_read(head, text, steps[s], 1000, &body, &rest), GW_OK);
    CHECK_STR(gw_buf_str(&body), wanted);
    CHECK_STR(rest, wanted_rest);
    gw_buf_done(&body);
  }
}

static void body_refused(const char *head, gw_str text, size_t body_max, gw_code wanted) {
  for (size_t s = 0; s < GW_COUNT_OF(steps); s++) {
    gw_buf body;
    gw_str rest;
    gw_code code = body_read(head, text, steps[s], body_max, &body, &rest);
    if (code != wanted) {
      print_error("step %zu: %s, wanted %s: " GW_STR_FMT "\n", steps[s], gw_code_name(code),
                  gw_code_name(wanted), GW_STR_ARG(text));
    }
    CHECK_INT(code, wanted);
    CHECK(body.n <= body_max);
    gw_buf_done(&body);
  }
}

TEST(h1_body, reads_by_length_and_leaves_what_follows) {
  body_check(HEAD "Content-Length: 5\r\n\r\n", GW_STR("hello" NEXT), "hello", NEXT);
  body_check(HEAD "Content-Length: 005\r\n\r\n", GW_STR("he\r\n\r"), "he\r\n\r", "");
  body_check(HEAD "Content-Length: 0\r\n\r\n", GW_STR(NEXT), "", NEXT);
  body_check(HEAD "\r\n", GW_STR(NEXT), "", NEXT);
}

TEST(h1_body, is_complete_with_its_last_byte) {
  h1_feed feed;
  gw_str in = GW_STR("hello"), data;
  h1_feed_init(&feed);
  CHECK_INT(h1_feed_head(&feed, GW_STR(HEAD "Content-Length: 5\r\n\r\n"), 0), GW_OK);
  gw_str part = gw_str_first(in, 4);
  CHECK_INT(gw_h1_body_read(&feed.reader, &part, 5, &data, NULL), GW_AGAIN);
  CHECK_STR(data, "hell");
  part = gw_str_skip(in, 4);
  CHECK_INT(gw_h1_body_read(&feed.reader, &part, 5, &data, NULL), GW_OK);
  CHECK_STR(data, "o");
  h1_feed_done(&feed);
}

TEST(h1_body, refuses_a_length_over_the_limit_before_any_byte) {
  h1_feed feed;
  gw_str in = GW_STR(""), data;
  h1_feed_init(&feed);
  CHECK_INT(h1_feed_head(&feed, GW_STR(HEAD "Content-Length: 6\r\n\r\n"), 0), GW_OK);
  CHECK_INT(gw_h1_body_read(&feed.reader, &in, 5, &data, NULL), GW_TOO_LARGE);
  h1_feed_done(&feed);
}

TEST(h1_body, reads_chunks_and_leaves_what_follows) {
  static const char *const rows[] = {
    "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n" NEXT,
    "0000000b\r\nhello world\r\n00000000\r\n\r\n" NEXT,
    "B\r\nhello world\r\n0\r\n\r\n" NEXT,
    "b;a\r\nhello world\r\n0;b=c\r\n\r\n" NEXT,
    "b;a=b;c=\"d \\\" \\\\ ;\t\xc3\xa4\";e\r\nhello world\r\n0\r\n\r\n" NEXT,
    "b \t; a = b ; c = \"\" ;d\r\nhello world\r\n0\r\n\r\n" NEXT,
    "b;a=\"\"\r\nhello world\r\n0\r\n\r\n" NEXT,
    "b\r\nhello world\r\n0\r\nX-Sum: 1\r\nx_y:\r\nContent-Lengths: 1\r\n\r\n" NEXT,
    "b\r\nhello world\r\n0\r\nHosts: a\r\nTransfer-Encoding-: a\r\n\r\n" NEXT,
    "1\r\nh\r\n1\r\ne\r\n9\r\nllo world\r\n0\r\n\r\n" NEXT,
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++)
    body_check(CHUNKED, gw_str_of(rows[i]), "hello world", NEXT);
}

TEST(h1_body, carries_any_byte_in_a_chunk) {
  for (size_t s = 0; s < GW_COUNT_OF(steps); s++) {
    gw_buf body;
    gw_str rest;
    gw_str text = GW_STR("7\r\n\0\r\n0\r\n\r\r\n0\r\n\r\n");
    CHECK_INT(body_read(CHUNKED, text, steps[s], 7, &body, &rest), GW_OK);
    CHECK(gw_str_eq(gw_buf_str(&body), GW_STR("\0\r\n0\r\n\r")));
    CHECK_INT(rest.n, 0);
    gw_buf_done(&body);
  }
}

TEST(h1_body, refuses_bad_chunks) {
  static const gw_str rows[] = {
    H1_TEXT("\r\n"),
    H1_TEXT(";a\r\n"),
    H1_TEXT("g\r\n"),
    H1_TEXT("0x5\r\n"),
    H1_TEXT("+5\r\n"),
    H1_TEXT("-5\r\n"),
    H1_TEXT(" 5\r\n"),
    H1_TEXT("5 \r\n"),
    H1_TEXT("5\t\r\n"),
    H1_TEXT("5\n"),
    H1_TEXT("5\r"
            "hello"),
    H1_TEXT("5\r\r\n"),
    H1_TEXT("5\0\r\n"),
    H1_TEXT("000000005\r\n"),
    H1_TEXT("100000000\r\n"),
    H1_TEXT("5;\r\n"),
    H1_TEXT("5;;a\r\n"),
    H1_TEXT("5;=a\r\n"),
    H1_TEXT("5;a=\r\n"),
    H1_TEXT("5;a=b=c\r\n"),
    H1_TEXT("5;a b\r\n"),
    H1_TEXT("5;a \r\n"),
    H1_TEXT("5;a=b \r\n"),
    H1_TEXT("5;a=\"b\r\n"),
    H1_TEXT("5;a=\"b\\\r\n"),
    H1_TEXT("5;a=\"b\"c\r\n"),
    H1_TEXT("5;a=\"\0\"\r\n"),
    H1_TEXT("5;a=\"\n\"\r\n"),
    H1_TEXT("5;a\n"),
    H1_TEXT("5;\xc3\xa4\r\n"),
    H1_TEXT("5;a\x7f\r\n"),
    H1_TEXT("5\r\nhello0\r\n\r\n"),
    H1_TEXT("5\r\nhello\n0\r\n\r\n"),
    H1_TEXT("5\r\nhello\r0\r\n\r\n"),
    H1_TEXT("5\r\nhello\r\n\r\n0\r\n\r\n"),
    H1_TEXT("0\r\n\n"),
    H1_TEXT("0\r\n\r\r\n"),
    H1_TEXT("0\r\n\rG"),
    H1_TEXT("0\r\n: a\r\n\r\n"),
    H1_TEXT("0\r\na\r\n\r\n"),
    H1_TEXT("0\r\na : b\r\n\r\n"),
    H1_TEXT("0\r\n a: b\r\n\r\n"),
    H1_TEXT("0\r\na: b\r\n c\r\n\r\n"),
    H1_TEXT("0\r\na: b\nc: d\r\n\r\n"),
    H1_TEXT("0\r\na: b\0\r\n\r\n"),
    H1_TEXT("0\r\na: b\rc: d\r\n\r\n"),
    H1_TEXT("0\r\nContent-Length: 5\r\n\r\n"),
    H1_TEXT("0\r\nx: y\r\ncontent_length: 5\r\n\r\n"),
    H1_TEXT("0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    H1_TEXT("0\r\nHOST: a\r\n\r\n"),
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++)
    body_refused(CHUNKED, rows[i], 1000, GW_BAD_REQUEST);
}

TEST(h1_body, needs_more_after_each_prefix) {
  gw_str text = GW_STR("5;a=\"b\"\r\nhello\r\n0\r\nx: y\r\n\r\n");
  for (size_t n = 0; n < text.n; n++) {
    gw_buf body;
    gw_str rest;
    CHECK_INT(body_read(CHUNKED, gw_str_first(text, n), 0, 1000, &body, &rest), GW_AGAIN);
    CHECK_INT(rest.n, 0);
    gw_buf_done(&body);
  }
}

TEST(h1_body, limits_a_chunked_body_exactly) {
  body_refused(CHUNKED, GW_STR("6\r\nhello!\r\n0\r\n\r\n"), 5, GW_TOO_LARGE);
  body_refused(CHUNKED, GW_STR("5\r\nhello\r\n1\r\n"), 5, GW_TOO_LARGE);
  body_refused(CHUNKED, GW_STR("1\r\n"), 0, GW_TOO_LARGE);
  body_refused(CHUNKED, GW_STR("3\r\nabc\r\nffffffff\r\n"), 5, GW_TOO_LARGE);
  body_refused(CHUNKED, GW_STR("2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"), 5, GW_OK);
  body_refused(CHUNKED, GW_STR("0\r\n\r\n"), 0, GW_OK);
}

TEST(h1_body, limits_the_extension_of_each_chunk) {
  for (int over = 0; over <= 1; over++) {
    gw_buf text;
    gw_buf_init(&text, NULL, GW_KIB(4));
    /* ";" and the name are the extension */
    CHECK_INT(
        gw_buf_printf(&text, "1;%0*d\r\nx\r\n1;%0*d\r\nx\r\n0\r\n\r\n", 255, 0, 255 + over, 0),
        GW_OK);
    body_refused(CHUNKED, gw_buf_str(&text), 2, over ? GW_BAD_REQUEST : GW_OK);
    gw_buf_done(&text);
  }
}

TEST(h1_body, limits_the_trailers) {
  for (int over = 0; over <= 1; over++) {
    gw_buf text;
    gw_buf_init(&text, NULL, GW_KIB(8));
    CHECK_INT(gw_buf_printf(&text, "0\r\na: b\r\nc:%0*d\r\n\r\n", 4096 - 6 - 4 + over, 0), GW_OK);
    body_refused(CHUNKED, gw_buf_str(&text), 2, over ? GW_HEADERS_TOO_LARGE : GW_OK);
    gw_buf_done(&text);
  }
}
