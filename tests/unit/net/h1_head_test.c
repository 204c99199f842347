#include "unit/net/h1_feed.h"

#define HOST "Host: users.example\r\n"
#define END  "\r\n"

typedef struct bad_row {
  gw_str text;
  gw_code code;
} bad_row;

#define BAD(text, code)                                                                            \
  { H1_TEXT(text), code }
#define LINE(line)   line "\r\n" HOST END
#define FIELD(field) "GET / HTTP/1.1\r\n" HOST field "\r\n" END

static const size_t steps[] = { 0, 1, 2, 3, 7, 16, 17, 100 };

static const bad_row bad_rows[] = {
  /* the request line */
  BAD(LINE("get / HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GeT / HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE(" GET / HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET  / HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET\t/ HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET /  HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET / HTTP/1.1 "), GW_BAD_REQUEST),
  BAD(LINE("GET /\tHTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET / /x HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET /"), GW_BAD_REQUEST),
  BAD(LINE("GET"), GW_BAD_REQUEST),
  BAD(LINE("G(T / HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("G\0T / HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("G\xc3\x8bT / HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET: / HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("TRACE / HTTP/1.1"), GW_UNKNOWN_METHOD),
  BAD(LINE("CONNECT users.example:443 HTTP/1.1"), GW_UNKNOWN_METHOD),
  BAD(LINE("ABCDEFGHIJKLMNOPQRSTUVWXYZ-ABCDEF / HTTP/1.1"), GW_UNKNOWN_METHOD),
  BAD("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", GW_BAD_REQUEST),
  BAD("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\n" HOST END, GW_BAD_REQUEST),
  BAD("\r\n\r\n\0\r\nQUIT\n!", GW_BAD_REQUEST),
  BAD("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", GW_BAD_REQUEST),
  BAD(LINE("GET users HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET ?a HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET * HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("OPTIONS ** HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("OPTIONS *?a HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET /a#b HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET /a\x01"
           "b HTTP/1.1"),
      GW_BAD_REQUEST),
  BAD(LINE("GET /a\0b HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET /a\x7f"
           "b HTTP/1.1"),
      GW_BAD_REQUEST),
  BAD(LINE("GET /\xc3\xa4 HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET /sixteen-bytes-before-this\x80/and-behind HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET /a\rb HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET ftp://users.example/ HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET http:/users.example/ HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET http:///users HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET http://me@users.example/ HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET http://users.example:x/ HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET http://other.example/ HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET http://users.example:80/ HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET h HTTP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET / http/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET / HTTP/1."), GW_BAD_REQUEST),
  BAD(LINE("GET / HTTP/11"), GW_BAD_REQUEST),
  BAD(LINE("GET / HTTP/1.10"), GW_BAD_REQUEST),
  BAD(LINE("GET / HTTP/01.1"), GW_BAD_REQUEST),
  BAD(LINE("GET / HTTP/x.1"), GW_BAD_REQUEST),
  BAD(LINE("GET / HTTP /1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET / HTPP/1.1"), GW_BAD_REQUEST),
  BAD(LINE("GET / HTTP/0.9"), GW_UNKNOWN_VERSION),
  BAD(LINE("GET / HTTP/1.2"), GW_UNKNOWN_VERSION),
  BAD(LINE("GET / HTTP/2.0"), GW_UNKNOWN_VERSION),
  BAD(LINE("GET / HTTP/3.1"), GW_UNKNOWN_VERSION),
  BAD("GET / HTTP/1.1\n" HOST END, GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r" HOST END, GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\r\n" HOST END, GW_BAD_REQUEST),
  BAD("\nGET / HTTP/1.1\r\n" HOST END, GW_BAD_REQUEST),
  BAD("\rGET / HTTP/1.1\r\n" HOST END, GW_BAD_REQUEST),
  BAD("\r\n\r\n\r\nGET / HTTP/1.1\r\n" HOST END, GW_BAD_REQUEST),
  /* field lines */
  BAD(FIELD(" folded: a"), GW_BAD_REQUEST),
  BAD(FIELD("a: b\r\n c"), GW_BAD_REQUEST),
  BAD(FIELD("a: b\r\n\tc"), GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\n " HOST END, GW_BAD_REQUEST),
  BAD(FIELD("a : b"), GW_BAD_REQUEST),
  BAD(FIELD("a\t: b"), GW_BAD_REQUEST),
  BAD(FIELD(": b"), GW_BAD_REQUEST),
  BAD(FIELD("a"), GW_BAD_REQUEST),
  BAD(FIELD("a b: c"), GW_BAD_REQUEST),
  BAD(FIELD("a(b): c"), GW_BAD_REQUEST),
  BAD(FIELD("\"a\": c"), GW_BAD_REQUEST),
  BAD(FIELD("a\0: c"), GW_BAD_REQUEST),
  BAD(FIELD("a\x80: c"), GW_BAD_REQUEST),
  BAD(FIELD("sixteen-bytes-and-then[: c"), GW_BAD_REQUEST),
  BAD(FIELD("a: b\0c"), GW_BAD_REQUEST),
  BAD(FIELD("a: b\x01"
            "c"),
      GW_BAD_REQUEST),
  BAD(FIELD("a: b\x1f"), GW_BAD_REQUEST),
  BAD(FIELD("a: b\x7f"), GW_BAD_REQUEST),
  BAD(FIELD("a: sixteen bytes and more \x0b and more"), GW_BAD_REQUEST),
  BAD(FIELD("a: b\nc: d"), GW_BAD_REQUEST),
  BAD(FIELD("a: b\rc: d"), GW_BAD_REQUEST),
  BAD(FIELD("a: b\r\r\nc: d"), GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\n" HOST "\n", GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\n" HOST "\r\r\n", GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\n" HOST "\rx", GW_BAD_REQUEST),
  /* Host */
  BAD("GET / HTTP/1.1\r\n\r\n", GW_BAD_REQUEST),
  BAD(FIELD(HOST), GW_BAD_REQUEST),
  BAD(FIELD("hOST: users.example"), GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\nHost:\r\n\r\n", GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\nHost: a,b/\r\n\r\n", GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\nHost: me@a\r\n\r\n", GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\nHost: a?b\r\n\r\n", GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\nHost: a#b\r\n\r\n", GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n", GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\nHost: a%2\r\n\r\n", GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\nHost: a%zz\r\n\r\n", GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\nHost: :80\r\n\r\n", GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\nHost: a:-1\r\n\r\n", GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\nHost: []\r\n\r\n", GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\nHost: [::1%25eth0]\r\n\r\n", GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\nHost: [0000000:00000000:00000000:00000000:00000000:0001]\r\n\r\n",
      GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\nHost: a%2z\r\n\r\n", GW_BAD_REQUEST),
  BAD(LINE("G{T / HTTP/1.1"), GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\nHost: [::12345]\r\n\r\n", GW_BAD_REQUEST),
  BAD("GET / HTTP/1.1\r\nHost: \xc3\xa4\r\n\r\n", GW_BAD_REQUEST),
  BAD("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", GW_BAD_REQUEST),
  /* Content-Length and Transfer-Encoding */
  BAD(FIELD("Content-Length: 1\r\nContent-Length: 1"), GW_BAD_REQUEST),
  BAD(FIELD("Content-Length: 1\r\nCONTENT-LENGTH: 2"), GW_BAD_REQUEST),
  BAD(FIELD("Content-Length: 1, 1"), GW_BAD_REQUEST),
  BAD(FIELD("Content-Length:"), GW_BAD_REQUEST),
  BAD(FIELD("Content-Length: +1"), GW_BAD_REQUEST),
  BAD(FIELD("Content-Length: -1"), GW_BAD_REQUEST),
  BAD(FIELD("Content-Length: 0x1"), GW_BAD_REQUEST),
  BAD(FIELD("Content-Length: 1 1"), GW_BAD_REQUEST),
  BAD(FIELD("Content-Length: 1.0"), GW_BAD_REQUEST),
  BAD(FIELD("Content-Length: 1;"), GW_BAD_REQUEST),
  BAD(FIELD("Content-Length: \"1\""), GW_BAD_REQUEST),
  BAD(FIELD("Content-Length: 9223372036854775808"), GW_BAD_REQUEST),
  BAD(FIELD("Content-Length: 18446744073709551617"), GW_BAD_REQUEST),
  BAD(FIELD("Content-Length: 000000000000000000001"), GW_BAD_REQUEST),
  BAD(FIELD("Content-Length : 1"), GW_BAD_REQUEST),
  BAD(FIELD("Content_Length: 1"), GW_BAD_REQUEST),
  BAD(FIELD("content_length: 1"), GW_BAD_REQUEST),
  BAD(FIELD("Transfer_Encoding: chunked"), GW_BAD_REQUEST),
  BAD(FIELD("Content-Length: 1\r\nTransfer-Encoding: chunked"), GW_BAD_REQUEST),
  BAD(FIELD("Transfer-Encoding: chunked\r\nContent-Length: 1"), GW_BAD_REQUEST),
  BAD(FIELD("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), GW_BAD_REQUEST),
  BAD(FIELD("Transfer-Encoding:"), GW_BAD_REQUEST),
  BAD(FIELD("Transfer-Encoding: chunked, chunked"), GW_BAD_REQUEST),
  BAD(FIELD("Transfer-Encoding: chunked, gzip"), GW_BAD_REQUEST),
  BAD(FIELD("Transfer-Encoding: chunked;a=b"), GW_BAD_REQUEST),
  BAD(FIELD("Transfer-Encoding: , chunked"), GW_BAD_REQUEST),
  BAD(FIELD("Transfer-Encoding: \"chunked\""), GW_BAD_REQUEST),
  BAD(FIELD("Transfer-Encoding: chunked chunked"), GW_BAD_REQUEST),
  BAD(FIELD("Transfer-Encoding: \x0b"
            "chunked"),
      GW_BAD_REQUEST),
  BAD(FIELD("Transfer-Encoding: gzip, chunked"), GW_UNKNOWN_CODING),
  BAD(FIELD("Transfer-Encoding: gzip"), GW_UNKNOWN_CODING),
  BAD(FIELD("Transfer-Encoding: identity"), GW_UNKNOWN_CODING),
  BAD(FIELD("Transfer-Encoding: xchunked"), GW_UNKNOWN_CODING),
  BAD(FIELD("Transfer-Encoding: chunke"), GW_UNKNOWN_CODING),
  BAD("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", GW_BAD_REQUEST),
  /* others */
  BAD(FIELD("Expect: 200-ok"), GW_BAD_EXPECTATION),
  BAD(FIELD("Expect: 100-continue, x"), GW_BAD_EXPECTATION),
  BAD(FIELD("Expect:"), GW_BAD_EXPECTATION),
  BAD(FIELD("Connection: a b"), GW_BAD_REQUEST),
  BAD(FIELD("Connection: close;a"), GW_BAD_REQUEST),
};

/* A failing row's number and text help more than the line of the check. */
static void bad_check(const bad_row *row, gw_code code, size_t step) {
  if (code == row->code) return;
  print_error("row %td, step %zu: %s, wanted %s\n" GW_STR_FMT "\n", row - bad_rows, step,
              gw_code_name(code), gw_code_name(row->code), GW_STR_ARG(row->text));
  fail();
}

TEST(h1_head, refuses_bad_requests_however_they_are_cut) {
  for (size_t i = 0; i < GW_COUNT_OF(bad_rows); i++) {
    for (size_t s = 0; s < GW_COUNT_OF(steps); s++) {
      h1_feed feed;
      h1_feed_init(&feed);
      gw_code code = h1_feed_head(&feed, bad_rows[i].text, steps[s]);
      bad_check(&bad_rows[i], code, steps[s]);
      CHECK_INT(feed.err.code, code);
      CHECK(feed.err.text[0] != '\0');
      h1_feed_done(&feed);
    }
  }
}

TEST(h1_head, refuses_a_wrong_byte_at_once) {
  static const struct {
    const char *text;
    size_t fed;
  } rows[] = {
    { "\x16\x03\x01", 1 },
    { "get / HTTP/1.1", 1 },
    { "PRI * HTTP/2.0", 4 },
    { "PROXY TCP4 ", 7 },
    { "CONNECT a:1", 8 },
    { "GET /a b", 8 },
    { "GET /\n", 6 },
    { "GET / HTTP/1.1\n", 15 },
    { "GET / HTTP/1.1\r\n x", 17 },
    { "GET / HTTP/1.1\r\na :", 18 },
    { "GET / HTTP/1.1\r\na: b\n", 21 },
    { "GET / HTTP/1.1\r\nContent-Length: x\r\nmore", 35 },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    h1_feed feed;
    h1_feed_init(&feed);
    CHECK(h1_feed_head(&feed, gw_str_of(rows[i].text), 1) != GW_AGAIN);
    CHECK_INT(feed.fed, rows[i].fed);
    h1_feed_done(&feed);
  }
}

static h1_feed head_read(gw_str text, size_t step) {
  h1_feed feed;
  h1_feed_init(&feed);
  gw_code code = h1_feed_head(&feed, text, step);
  if (code != GW_OK) print_error("%s: %s\n", gw_code_name(code), feed.err.text);
  CHECK_INT(code, GW_OK);
  feed.reader.limits = NULL; /* the copy that is returned lies elsewhere */
  return feed;
}

#define READ(text) head_read(GW_STR(text), 0)

TEST(h1_head, gives_the_parts_of_a_request) {
  const gw_str text = GW_STR("\r\nPOST /v1/users?a=b%20c HTTP/1.1\r\n"
                             "HOST: users.example:8080\r\n"
                             "Content-Length:17\r\n"
                             "X-Mixed-CASE-name-longer-than-thirty-two: \t kept  inside\t \r\n"
                             "X-Odd!#$%&'*+.^`|~9: \"\xc3\xa4\"\r\n"
                             "X-Empty:\r\n"
                             "X-Blank:  \t\r\n"
                             "x_dropped: 1\r\n"
                             "\r\n"
                             "GET /next");
  for (size_t s = 0; s < GW_COUNT_OF(steps); s++) {
    h1_feed feed = head_read(text, steps[s]);
    gw_h1_request *r = &feed.request;
    CHECK_INT(feed.head_n, text.n - strlen("GET /next"));
    CHECK_STR(r->method, "POST");
    CHECK_STR(r->target, "/v1/users?a=b%20c");
    CHECK_STR(r->host, "users.example:8080");
    CHECK(!r->http10 && r->keep_alive && !r->expect_continue);
    CHECK_INT(r->body_kind, GW_H1_BODY_LENGTH);
    CHECK_INT(r->content_length, 17);
    CHECK_INT(r->field_count, 6);
    CHECK_INT(r->underscore_count, 1);
    CHECK_STR(r->fields[0].name, "host");
    CHECK_STR(r->fields[2].name, "x-mixed-case-name-longer-than-thirty-two");
    CHECK_STR(r->fields[2].value, "kept  inside");
    CHECK_STR(r->fields[3].name, "x-odd!#$%&'*+.^`|~9");
    CHECK_STR(r->fields[3].value, "\"\xc3\xa4\"");
    CHECK_STR(gw_h1_field_get(r, GW_STR("x-empty")), "");
    CHECK(gw_h1_field_get(r, GW_STR("x-empty")).p != NULL);
    CHECK_STR(gw_h1_field_get(r, GW_STR("x-blank")), "");
    CHECK(gw_h1_field_get(r, GW_STR("x_dropped")).p == NULL);
    CHECK(gw_h1_field_get(r, GW_STR("x-emptyy")).p == NULL);
    h1_feed_done(&feed);
  }
}

TEST(h1_head, lower_cases_nothing_but_names) {
  h1_feed feed = READ("GET /A HTTP/1.1\r\nHost: A\r\nX: ABCDEFGHIJKLMNOPQRSTUVWXYZ\r\n\r\n");
  CHECK_STR(feed.request.target, "/A");
  CHECK_STR(feed.request.host, "A");
  CHECK_STR(gw_h1_field_get(&feed.request, GW_STR("x")), "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  h1_feed_done(&feed);
}

TEST(h1_head, reduces_absolute_form_to_its_path) {
  static const struct {
    const char *target, *host, *wanted;
  } rows[] = {
    { "http://users.example/v1/users?x=/", "users.example", "/v1/users?x=/" },
    { "HTTP://users.example/", "USERS.example", "/" },
    { "https://users.example:8443/a", "users.example:8443", "/a" },
    { "http://users.example", "users.example", "/" },
    { "http://users.example?x=1", "users.example", "/?x=1" },
    { "http://[::1]:80/a", "[::1]:80", "/a" },
    { "http://a", "a", "/" },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    for (size_t s = 0; s < GW_COUNT_OF(steps); s++) {
      char text[256];
      snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", rows[i].target,
               rows[i].host);
      h1_feed feed = head_read(gw_str_of(text), steps[s]);
      CHECK_STR(feed.request.target, rows[i].wanted);
      CHECK_STR(feed.request.host, rows[i].host);
      h1_feed_done(&feed);
    }
  }
}

TEST(h1_head, takes_the_host_from_the_target_in_http10) {
  h1_feed feed = READ("GET http://users.example?x HTTP/1.0\r\n\r\n");
  CHECK(feed.request.http10);
  CHECK_STR(feed.request.host, "users.example");
  CHECK_STR(feed.request.target, "/?x");
  h1_feed_done(&feed);
  feed = READ("GET /a HTTP/1.0\r\n\r\n");
  CHECK_STR(feed.request.host, "");
  h1_feed_done(&feed);
}

TEST(h1_head, accepts_good_lines) {
  static const char *const rows[] = {
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "OPTIONS /v1 HTTP/1.1\r\nHost: a:80\r\n\r\n",
    "A|~B /v1 HTTP/1.1\r\nHost: a\r\n\r\n",
    ("GET / HTTP/1.1\r\nHost: a\r\nCookie: a\r\nReferer: b\r\nUser-Agent: c\r\n"
     "Accept-Charset: d\r\nIf-Modified-Since: e\r\nx: f\r\nDate: g\r\n\r\n"),
    "M-SEARCH /v1 HTTP/1.1\r\nHost: a:\r\n\r\n",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ-ABCDE /v1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET //a//b HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n",
    "GET /a%00%zz|\"<>\\^`{} HTTP/1.1\r\nHost: [::ffff:1.2.3.4]:8080\r\n\r\n",
    "\r\n\r\nGET / HTTP/1.1\r\nHost: a%20b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a_b~!$&'()*+,;=\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    ("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
     "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n"),
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: , close ,,x\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n",
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    for (size_t s = 0; s < GW_COUNT_OF(steps); s++) {
      h1_feed feed = head_read(gw_str_of(rows[i]), steps[s]);
      h1_feed_done(&feed);
    }
  }
}

TEST(h1_head, keeps_alive_as_version_and_connection_say) {
  static const struct {
    const char *version, *fields;
    bool wanted;
  } rows[] = {
    { "1.1", "", true },
    { "1.1", "Connection: close\r\n", false },
    { "1.1", "Connection: x, CLOSE\r\n", false },
    { "1.1", "Connection: keep-alive\r\nConnection: close\r\n", false },
    { "1.1", "Connection: closed\r\n", true },
    { "1.0", "", false },
    { "1.0", "Connection: Keep-Alive\r\n", true },
    { "1.0", "Connection: keep-alive, close\r\n", false },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    char text[256];
    snprintf(text, sizeof text, "GET / HTTP/%s\r\nHost: a\r\n%s\r\n", rows[i].version,
             rows[i].fields);
    h1_feed feed = head_read(gw_str_of(text), 0);
    CHECK_INT(feed.request.keep_alive, rows[i].wanted);
    h1_feed_done(&feed);
  }
}

TEST(h1_head, tells_what_connection_names) {
  h1_feed feed = READ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-One\r\n"
                      "X-One: 1\r\nX-Two: 2\r\nConnection: x-three\r\n\r\n");
  CHECK(gw_h1_connection_names(&feed.request, GW_STR("x-one")));
  CHECK(gw_h1_connection_names(&feed.request, GW_STR("x-three")));
  CHECK(gw_h1_connection_names(&feed.request, GW_STR("close")));
  CHECK(!gw_h1_connection_names(&feed.request, GW_STR("x-two")));
  CHECK(!gw_h1_connection_names(&feed.request, GW_STR("x-on")));
  h1_feed_done(&feed);
  feed = READ("GET / HTTP/1.1\r\nHost: a\r\nX-One: 1\r\n\r\n");
  CHECK(!gw_h1_connection_names(&feed.request, GW_STR("x-one")));
  h1_feed_done(&feed);
}

TEST(h1_head, expects_continue_only_for_a_body_in_http11) {
  static const struct {
    const char *version, *fields;
    bool wanted;
  } rows[] = {
    { "1.1", "Content-Length: 1\r\n", true },  { "1.1", "Transfer-Encoding: Chunked\r\n", true },
    { "1.1", "Content-Length: 0\r\n", false }, { "1.1", "", false },
    { "1.0", "Content-Length: 1\r\n", false },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    char text[256];
    snprintf(text, sizeof text, "PUT / HTTP/%s\r\nHost: a\r\nExpect: 100-Continue\r\n%s\r\n",
             rows[i].version, rows[i].fields);
    h1_feed feed = head_read(gw_str_of(text), 0);
    CHECK_INT(feed.request.expect_continue, rows[i].wanted);
    h1_feed_done(&feed);
  }
}

/* ---- limits ---- */

/* A request whose line, longest field line and number of field lines are as wanted. */
static gw_buf limit_text(size_t line_n, size_t field_n, size_t count, size_t block_n) {
  gw_buf text;
  gw_buf_init(&text, NULL, GW_MIB(1));
  CHECK_INT(gw_buf_printf(&text, "GET /%0*d HTTP/1.1\r\n", (int)(line_n - 14), 0), GW_OK);
  size_t begin = text.n;
  CHECK_INT(gw_buf_printf(&text, "Host: a\r\n"), GW_OK);
  CHECK_INT(gw_buf_printf(&text, "long: %0*d\r\n", (int)(field_n - 6), 0), GW_OK);
  for (size_t i = 2; i < count; i++)
    CHECK_INT(gw_buf_printf(&text, "x:\r\n"), GW_OK);
  if (block_n > 0) {
    size_t missing = block_n - (text.n - begin);
    CHECK_INT(gw_buf_printf(&text, "fill: %0*d\r\n", (int)(missing - 8), 0), GW_OK);
  }
  CHECK_INT(gw_buf_printf(&text, "\r\n"), GW_OK);
  return text;
}

static void limit_check(gw_buf text, gw_code wanted) {
  for (size_t s = 0; s < GW_COUNT_OF(steps); s++) {
    h1_feed feed;
    h1_feed_init(&feed);
    CHECK_INT(h1_feed_head(&feed, gw_buf_str(&text), steps[s]), wanted);
    h1_feed_done(&feed);
  }
  gw_buf_done(&text);
}

TEST(h1_head, limits_the_request_line) {
  limit_check(limit_text(8192, 10, 2, 0), GW_OK);
  limit_check(limit_text(8193, 10, 2, 0), GW_URI_TOO_LONG);
  limit_check(limit_text(8204, 10, 2, 0), GW_URI_TOO_LONG);
  limit_check(limit_text(20000, 10, 2, 0), GW_URI_TOO_LONG);
}

TEST(h1_head, limits_one_field_line) {
  limit_check(limit_text(20, 8192, 2, 0), GW_OK);
  limit_check(limit_text(20, 8193, 2, 0), GW_HEADERS_TOO_LARGE);
  limit_check(limit_text(20, 8200, 2, 0), GW_HEADERS_TOO_LARGE);
}

TEST(h1_head, limits_the_number_of_field_lines) {
  limit_check(limit_text(20, 10, 100, 0), GW_OK);
  limit_check(limit_text(20, 10, 101, 0), GW_HEADERS_TOO_LARGE);
}

TEST(h1_head, limits_the_header_block) {
  limit_check(limit_text(20, 8192, 2, 16384), GW_OK);
  limit_check(limit_text(20, 8192, 2, 16385), GW_HEADERS_TOO_LARGE);
  limit_check(limit_text(20, 8191, 3, 16384), GW_OK);
  limit_check(limit_text(20, 8191, 3, 16385), GW_HEADERS_TOO_LARGE);
}

TEST(h1_head, counts_dropped_fields) {
  for (uint32_t max = 3; max <= 4; max++) {
    h1_feed feed;
    h1_feed_init(&feed);
    feed.limits.header_count = max;
    gw_str text = GW_STR("GET / HTTP/1.1\r\nHost: a\r\na_b: c\r\na_b: c\r\na_b: c\r\n\r\n");
    CHECK_INT(h1_feed_head(&feed, text, 0), max == 4 ? GW_OK : GW_HEADERS_TOO_LARGE);
    h1_feed_done(&feed);
  }
}

TEST(h1_head, limits_a_name_and_a_block_smaller_than_a_line) {
  h1_feed feed;
  h1_feed_init(&feed);
  feed.limits.headers = 8;
  gw_str text = GW_STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK_INT(h1_feed_head(&feed, text, 0), GW_HEADERS_TOO_LARGE);
  h1_feed_done(&feed);
  h1_feed_init(&feed);
  feed.limits.header = 4;
  CHECK_INT(h1_feed_head(&feed, text, 0), GW_HEADERS_TOO_LARGE);
  h1_feed_done(&feed);
  h1_feed_init(&feed);
  feed.limits.headers = 9;
  CHECK_INT(h1_feed_head(&feed, text, 0), GW_OK);
  h1_feed_done(&feed);
}

TEST(h1_head, refuses_a_line_that_begins_at_the_edge_of_the_block) {
  for (uint32_t more = 9; more <= 16; more++) {
    h1_feed feed;
    h1_feed_init(&feed);
    feed.limits.headers = more; /* "Host: a" takes 9 of them, "x: yz" 7 */
    gw_str text = GW_STR("GET / HTTP/1.1\r\nHost: a\r\nx: yz\r\n\r\n");
    CHECK_INT(h1_feed_head(&feed, text, 0), more == 16 ? GW_OK : GW_HEADERS_TOO_LARGE);
    h1_feed_done(&feed);
  }
}

TEST(h1_head, reads_on_in_the_same_memory) {
  char text[] = "GET /a HTTP/1.1\r\nHost: a\r\nX-One: 1\r\n\r\n";
  gw_limits limits = gw_limits_default();
  gw_arena arena;
  gw_h1_reader reader;
  gw_h1_request request;
  size_t head_n = 0;
  gw_arena_init(&arena, NULL, GW_KIB(64));
  gw_h1_reader_init(&reader, &limits, &arena);
  for (size_t n = 0; n < sizeof text - 2; n++)
    CHECK_INT(gw_h1_head_read(&reader, text, n, &request, &head_n, NULL), GW_AGAIN);
  CHECK_INT(gw_h1_head_read(&reader, text, sizeof text - 1, &request, &head_n, NULL), GW_OK);
  CHECK_INT(head_n, sizeof text - 1);
  CHECK_STR(gw_h1_field_get(&request, GW_STR("x-one")), "1");
  gw_arena_done(&arena);
}

TEST(h1_head, a_refusal_stands) {
  h1_feed feed;
  h1_feed_init(&feed);
  CHECK_INT(h1_feed_head(&feed, GW_STR("GET /#"), 0), GW_BAD_REQUEST);
  gw_str text = GW_STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  feed.fed = 0;
  CHECK_INT(h1_feed_head(&feed, text, 0), GW_BAD_REQUEST);
  gw_str in = text, data;
  CHECK_INT(gw_h1_body_read(&feed.reader, &in, 10, &data, &feed.err), GW_BAD_REQUEST);
  h1_feed_done(&feed);
}

TEST(h1_head, needs_more_after_each_prefix_of_a_good_request) {
  gw_str text = GW_STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  for (size_t n = 1; n < text.n; n++) {
    h1_feed feed;
    h1_feed_init(&feed);
    CHECK_INT(h1_feed_head(&feed, gw_str_first(text, n), 0), GW_AGAIN);
    h1_feed_done(&feed);
  }
}

static gw_code head_with_failing_allocs(void *context) {
  gw_buf *text = context;
  gw_limits limits = gw_limits_default();
  gw_arena arena;
  gw_h1_reader reader;
  gw_h1_request request;
  size_t head_n;
  gw_arena_init(&arena, NULL, GW_KIB(64));
  gw_h1_reader_init(&reader, &limits, &arena);
  gw_code code = gw_h1_head_read(&reader, text->p, text->n, &request, &head_n, NULL);
  gw_arena_done(&arena);
  return code;
}

TEST(h1_head, survives_each_failed_alloc) {
  gw_buf text = limit_text(20, 10, 100, 0);
  test_fail_each_alloc(head_with_failing_allocs, &text);
  gw_buf_done(&text);
}

TEST(h1_head, needs_no_more_of_the_arena_than_its_limit) {
  gw_buf text = limit_text(20, 10, 100, 0);
  h1_feed feed;
  h1_feed_init(&feed);
  feed.arena.max = 4096;
  CHECK_INT(h1_feed_head(&feed, gw_buf_str(&text), 0), GW_NOMEM);
  h1_feed_done(&feed);
  gw_buf_done(&text);
}
