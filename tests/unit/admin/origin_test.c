#include "admin/origin.h"

#include "unit/test.h"

TEST(origin, only_the_page_itself) {
  static const struct {
    const char *origin, *host;
    bool is_own;
  } rows[] = {
    { "http://127.0.0.1:9901", "127.0.0.1:9901", true },
    { "http://localhost:9901", "localhost:9901", true },
    { "http://LOCALHOST:9901", "localhost:9901", true },
    { "http://[::1]:9901", "[::1]:9901", true },
    { "http://10.0.0.5", "10.0.0.5", true },
    { "http://127.0.0.1:8080", "127.0.0.1:9901", false },
    { "http://localhost:9901", "127.0.0.1:9901", false },
    { "https://127.0.0.1:9901", "127.0.0.1:9901", false },
    { "http://evil.example:9901", "127.0.0.1:9901", false },
    /* A name that was made to point at the listener. */
    { "http://evil.example:9901", "evil.example:9901", false },
    { "http://127.0.0.1.evil.example", "127.0.0.1.evil.example", false },
    { "http://localhost.evil.example", "localhost.evil.example", false },
    { "http://127.0.0.1:9901", "", false },
    { "http://", "", false },
    { "null", "127.0.0.1:9901", false },
    { "", "127.0.0.1:9901", false },
    { "http://[]", "[]", false },
    { "http://:9901", ":9901", false },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    if (gw_origin_is_own(gw_str_of(rows[i].origin), gw_str_of(rows[i].host)) != rows[i].is_own)
      fail_msg("%s at %s", rows[i].origin, rows[i].host);
  }
  CHECK(!gw_origin_is_own((gw_str){ NULL, 0 }, GW_STR("127.0.0.1:9901")));
  CHECK(!gw_origin_is_own(GW_STR("http://127.0.0.1"), (gw_str){ NULL, 0 }));
}
