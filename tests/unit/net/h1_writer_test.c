#include "net/h1_writer.h"
#include "unit/test.h"

#define DATE_SECONDS 784111777u /* RFC 9110 section 5.6.7's example */
#define DATE_LINE    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

TEST(h1_writer, writes_an_answer) {
  gw_h1_writer writer;
  gw_buf out;
  gw_buf_init(&out, NULL, 1000);
  gw_h1_write_status(&writer, &out, 404, DATE_SECONDS);
  gw_h1_write_field(&writer, GW_STR("Content-Type"), GW_STR("application/json"));
  gw_h1_write_field(&writer, GW_STR("X-Empty"), (gw_str){ NULL, 0 });
  gw_h1_write_length(&writer, 18446744073709551615u);
  CHECK_INT(gw_h1_write_end(&writer), GW_OK);
  CHECK_STR(gw_buf_str(&out),
            "HTTP/1.1 404 Not Found\r\n" DATE_LINE "Content-Type: application/json\r\nX-Empty: \r\n"
            "Content-Length: 18446744073709551615\r\n\r\n");
  CHECK_INT(writer.dropped, 0);
  gw_buf_done(&out);
}

TEST(h1_writer, appends_to_what_is_there) {
  gw_h1_writer writer;
  gw_buf out;
  gw_buf_init(&out, NULL, 1000);
  CHECK_INT(gw_buf_append(&out, GW_STR("before|")), GW_OK);
  gw_h1_write_status(&writer, &out, 200, DATE_SECONDS);
  gw_h1_write_chunked(&writer);
  CHECK_INT(gw_h1_write_end(&writer), GW_OK);
  gw_h1_write_status(&writer, &out, 204, DATE_SECONDS);
  gw_h1_write_length(&writer, 0);
  CHECK_INT(gw_h1_write_end(&writer), GW_OK);
  CHECK_STR(gw_buf_str(&out),
            "before|HTTP/1.1 200 OK\r\n" DATE_LINE "Transfer-Encoding: chunked\r\n\r\n"
            "HTTP/1.1 204 No Content\r\n" DATE_LINE "Content-Length: 0\r\n\r\n");
  gw_buf_done(&out);
}

static void status_check(int status, uint64_t seconds, const char *wanted) {
  gw_h1_writer writer;
  gw_buf out;
  gw_buf_init(&out, NULL, 1000);
  gw_h1_write_status(&writer, &out, status, seconds);
  CHECK_INT(gw_h1_write_end(&writer), GW_OK);
  CHECK_STR(gw_buf_str(&out), wanted);
  gw_buf_done(&out);
}

TEST(h1_writer, keeps_status_lines_and_dates_apart) {
  /* 200 and 456 and 504 share a place among the kept lines */
  for (int round = 0; round < 2; round++) {
    status_check(200, 0, "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n");
    status_check(504, 951782400,
                 "HTTP/1.1 504 Gateway Timeout\r\nDate: Tue, 29 Feb 2000 00:00:00 GMT\r\n\r\n");
    status_check(456, 4102444799, "HTTP/1.1 456 \r\nDate: Thu, 31 Dec 2099 23:59:59 GMT\r\n\r\n");
    status_check(431, 4102444800,
                 "HTTP/1.1 431 Request Header Fields Too Large\r\n"
                 "Date: Fri, 01 Jan 2100 00:00:00 GMT\r\n\r\n");
  }
}

TEST(h1_writer, drops_fields_that_could_split_an_answer) {
  static const struct {
    gw_str name, value;
  } rows[] = {
    { GW_STR_INIT("a"), GW_STR_INIT("b\r\nc: d") },
    { GW_STR_INIT("a"), GW_STR_INIT("b\nc") },
    { GW_STR_INIT("a"), GW_STR_INIT("b\rc") },
    { GW_STR_INIT("a"), GW_STR_INIT("\0") },
    { GW_STR_INIT("a"), GW_STR_INIT("sixteen bytes and \x1b[0m") },
    { GW_STR_INIT("a"), GW_STR_INIT("\x7f") },
    { GW_STR_INIT(""), GW_STR_INIT("b") },
    { GW_STR_INIT("a b"), GW_STR_INIT("c") },
    { GW_STR_INIT("a:"), GW_STR_INIT("c") },
    { GW_STR_INIT("a\r\nb"), GW_STR_INIT("c") },
    { GW_STR_INIT("a\0"), GW_STR_INIT("c") },
    { GW_STR_INIT("\xc3\xa4"), GW_STR_INIT("c") },
    { GW_STR_INIT("content-Length"), GW_STR_INIT("5") },
    { GW_STR_INIT("Transfer-Encoding"), GW_STR_INIT("chunked") },
  };
  gw_h1_writer writer;
  gw_buf out;
  gw_buf_init(&out, NULL, 1000);
  gw_h1_write_status(&writer, &out, 200, DATE_SECONDS);
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++)
    gw_h1_write_field(&writer, rows[i].name, rows[i].value);
  CHECK_INT(gw_h1_write_end(&writer), GW_OK);
  CHECK_INT(writer.dropped, GW_COUNT_OF(rows));
  CHECK_STR(gw_buf_str(&out), "HTTP/1.1 200 OK\r\n" DATE_LINE "\r\n");
  gw_buf_done(&out);
  CHECK(gw_h1_field_ok(GW_STR("x-a_b!"), GW_STR("\tc \xc3\xa4~")));
}

TEST(h1_writer, leaves_nothing_behind_when_the_buffer_is_full) {
  gw_h1_writer writer;
  gw_buf out;
  gw_buf_init(&out, NULL, 80);
  CHECK_INT(gw_buf_append(&out, GW_STR("before")), GW_OK);
  gw_h1_write_status(&writer, &out, 200, DATE_SECONDS);
  gw_h1_write_field(&writer, GW_STR("a"), GW_STR("a value that does not fit any more"));
  gw_h1_write_field(&writer, GW_STR("b"), GW_STR("c"));
  gw_h1_write_length(&writer, 5);
  CHECK_INT(gw_h1_write_end(&writer), GW_TOO_LARGE);
  CHECK_STR(gw_buf_str(&out), "before");
  gw_buf_done(&out);
}

static gw_code writer_with_failing_allocs(void *context __attribute__((unused))) {
  gw_h1_writer writer;
  gw_buf out;
  gw_buf_init(&out, NULL, 5000);
  gw_h1_write_status(&writer, &out, 200, DATE_SECONDS);
  for (int i = 0; i < 100; i++)
    gw_h1_write_field(&writer, GW_STR("a-name-of-some-length"), GW_STR("and a value"));
  gw_code code = gw_h1_write_end(&writer);
  if (code != GW_OK) CHECK_INT(out.n, 0);
  gw_buf_done(&out);
  return code;
}

TEST(h1_writer, survives_each_failed_alloc) {
  test_fail_each_alloc(writer_with_failing_allocs, NULL);
}

TEST(h1_writer, writes_chunk_sizes) {
  static const struct {
    size_t n;
    const char *wanted;
  } rows[] = {
    { 0, "0\r\n" },
    { 1, "1\r\n" },
    { 15, "f\r\n" },
    { 16, "10\r\n" },
    { 0x1a2, "1a2\r\n" },
    { 65536, "10000\r\n" },
    { SIZE_MAX, "ffffffffffffffff\r\n" },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    char out[20];
    size_t n = gw_h1_chunk_prefix(rows[i].n, out);
    CHECK_STR(((gw_str){ out, n }), rows[i].wanted);
  }
}

TEST(h1_writer, passes_on_another_servers_reason) {
  static const struct {
    int status;
    gw_str reason;
    const char *wanted;
  } rows[] = {
    { 200, GW_STR_INIT("OK"), "HTTP/1.1 200 OK\r\n\r\n" },
    { 200, GW_STR_INIT(""), "HTTP/1.1 200 OK\r\n\r\n" },
    { 418, GW_STR_INIT("I'm a teapot"), "HTTP/1.1 418 I'm a teapot\r\n\r\n" },
    { 599, GW_STR_INIT("a\xc3\xa4\tb"), "HTTP/1.1 599 a\xc3\xa4\tb\r\n\r\n" },
    { 404, GW_STR_INIT("a\r\nX: 1"), "HTTP/1.1 404 Not Found\r\n\r\n" },
    { 404, GW_STR_INIT("a\0"), "HTTP/1.1 404 Not Found\r\n\r\n" },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    gw_h1_writer writer;
    gw_buf out;
    gw_buf_init(&out, NULL, 1000);
    gw_h1_write_status_of(&writer, &out, rows[i].status, rows[i].reason);
    CHECK_INT(gw_h1_write_end(&writer), GW_OK);
    CHECK_STR(gw_buf_str(&out), rows[i].wanted);
    gw_buf_done(&out);
  }
}

TEST(h1_writer, writes_a_request) {
  gw_h1_writer writer;
  gw_buf out;
  gw_buf_init(&out, NULL, 1000);
  gw_h1_write_request(&writer, &out, GW_STR("POST"), GW_STR("/a%2Fb?c=d&e"));
  gw_h1_write_field(&writer, GW_STR("host"), GW_STR("users"));
  gw_h1_write_length(&writer, 5);
  CHECK_INT(gw_h1_write_end(&writer), GW_OK);
  CHECK_STR(gw_buf_str(&out),
            "POST /a%2Fb?c=d&e HTTP/1.1\r\nhost: users\r\nContent-Length: 5\r\n\r\n");
  gw_buf_done(&out);
}

TEST(h1_writer, refuses_a_request_line_that_could_split) {
  static const struct {
    gw_str method, target;
  } rows[] = {
    { GW_STR_INIT(""), GW_STR_INIT("/") },
    { GW_STR_INIT("G T"), GW_STR_INIT("/") },
    { GW_STR_INIT("G\r\nX: 1"), GW_STR_INIT("/") },
    { GW_STR_INIT("GET"), GW_STR_INIT("") },
    { GW_STR_INIT("GET"), GW_STR_INIT("/ HTTP/1.1\r\nX: 1") },
    { GW_STR_INIT("GET"), GW_STR_INIT("/a b") },
    { GW_STR_INIT("GET"), GW_STR_INIT("/\0") },
    { GW_STR_INIT("GET"), GW_STR_INIT("/#a") },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    gw_h1_writer writer;
    gw_buf out;
    gw_buf_init(&out, NULL, 1000);
    gw_h1_write_request(&writer, &out, rows[i].method, rows[i].target);
    gw_h1_write_field(&writer, GW_STR("host"), GW_STR("users"));
    CHECK_INT(gw_h1_write_end(&writer), GW_BAD_VALUE);
    CHECK_INT(out.n, 0);
    gw_buf_done(&out);
  }
}
