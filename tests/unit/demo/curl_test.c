#include "demo/curl.h"

#include "unit/test.h"

static gw_buf printed(const char *const *args) {
  gw_buf out;
  gw_buf_init(&out, NULL, 1024);
  CHECK_INT(gw_curl_print(args, &out), GW_OK);
  return out;
}

TEST(curl, prints_a_line_that_a_shell_reads_the_same_way) {
  gw_buf plain = printed((const char *[]){ "-X", "PUT", "http://127.0.0.1:80/a", NULL });
  CHECK_STR(gw_buf_str(&plain), "curl -X PUT http://127.0.0.1:80/a");
  gw_buf_done(&plain);
  gw_buf quoted = printed((const char *[]){ "-d", "{\"a\":1}", "http://h/a?b=1&c", "", NULL });
  CHECK_STR(gw_buf_str(&quoted), "curl -d '{\"a\":1}' 'http://h/a?b=1&c' ''");
  gw_buf_done(&quoted);
}

TEST(curl, prints_no_more_than_its_buffer_holds) {
  gw_buf out;
  gw_buf_init(&out, NULL, 8);
  CHECK_INT(gw_curl_print((const char *[]){ "--version", NULL }, &out), GW_TOO_LARGE);
  gw_buf_done(&out);
}
