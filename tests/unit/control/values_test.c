#include "control/values.h"

#include "unit/test.h"

TEST(duration, has_a_unit_and_whole_milliseconds) {
  static const struct {
    const char *text;
    uint64_t ms;
  } good[] = { { "250ms", 250 }, { "5s", 5000 },    { "10m", 600000 }, { "1h", 3600000 },
               { "1.5s", 1500 }, { "0.001s", 1 },   { "0ms", 0 },      { "2.25h", 8100000 },
               { "007s", 7000 }, { "1.250s", 1250 } };
  static const char *const bad[] = { "",
                                     "5",
                                     "s",
                                     "5 s",
                                     "-5s",
                                     "+5s",
                                     "5S",
                                     "5sec",
                                     "1.s",
                                     ".5s",
                                     "1.0001s",
                                     "0.5ms",
                                     "1e3s",
                                     "5s5ms ",
                                     "0x10ms",
                                     "1.2.3s",
                                     "99999999999999s",
                                     "5s\0",
                                     "1d",
                                     "NaNs",
                                     "\xd9\xa1s" };
  for (size_t i = 0; i < GW_COUNT_OF(good); i++) {
    uint64_t ms = 1;
    CHECK(gw_value_duration_parse(gw_str_of(good[i].text), &ms));
    CHECK_INT(ms, good[i].ms);
  }
  for (size_t i = 0; i < GW_COUNT_OF(bad); i++) {
    uint64_t ms = 77;
    gw_str text = gw_str_of(bad[i]);
    if (i == 17) text = (gw_str){ bad[i], 3 }; /* with its NUL */
    if (gw_value_duration_parse(text, &ms)) fail_msg("\"%s\" was taken", bad[i]);
    CHECK_INT(ms, 77);
  }
}

TEST(duration, is_printed_in_its_largest_whole_unit) {
  char text[GW_VALUE_TEXT_MAX];
  CHECK_STR(gw_str_of(gw_value_duration_print(0, text)), "0ms");
  CHECK_STR(gw_str_of(gw_value_duration_print(1500, text)), "1500ms");
  CHECK_STR(gw_str_of(gw_value_duration_print(120000, text)), "2m");
  CHECK_STR(gw_str_of(gw_value_duration_print(7200000, text)), "2h");
}

TEST(bytes, have_a_unit) {
  static const struct {
    const char *text;
    uint64_t bytes;
  } good[] = { { "0B", 0 },          { "512B", 512 },   { "64KiB", 65536 },    { "4MiB", 4u << 20 },
               { "1GiB", 1u << 30 }, { "0.5KiB", 512 }, { "1.5MiB", 3u << 19 } };
  static const char *const bad[] = {
    "",     "64",  "64KB", "64kib", "64 KiB", "KiB",    "-1KiB",  "0.1B",           "1.KiB",
    "1e3B", "64K", "1TiB", "1KiB ", "0.3B",   "0.001B", "1,5MiB", "999999999999GiB"
  };
  for (size_t i = 0; i < GW_COUNT_OF(good); i++) {
    uint64_t bytes = 1;
    CHECK(gw_value_bytes_parse(gw_str_of(good[i].text), &bytes));
    CHECK_INT(bytes, good[i].bytes);
  }
  for (size_t i = 0; i < GW_COUNT_OF(bad); i++) {
    uint64_t bytes;
    if (gw_value_bytes_parse(gw_str_of(bad[i]), &bytes) && i < 16)
      fail_msg("\"%s\" was taken", bad[i]);
  }
  char text[GW_VALUE_TEXT_MAX];
  CHECK_STR(gw_str_of(gw_value_bytes_print(4u << 20, text)), "4MiB");
  CHECK_STR(gw_str_of(gw_value_bytes_print(1000, text)), "1000B");
}

TEST(decimal, has_at_most_one_point) {
  double value = 0;
  CHECK(gw_value_decimal_parse(GW_STR("1.6"), &value));
  CHECK(value > 1.5999 && value < 1.6001);
  CHECK(gw_value_decimal_parse(GW_STR("12"), &value));
  CHECK(value > 11.99 && value < 12.01);
  static const char *const bad[] = {
    "", ".", "1.", ".5", "-1", "1e3", "nan", "1.2.3", "0x1", "1 "
  };
  for (size_t i = 0; i < GW_COUNT_OF(bad); i++)
    CHECK(!gw_value_decimal_parse(gw_str_of(bad[i]), &value));
}

TEST(listen, takes_numeric_addresses_only) {
  static const struct {
    const char *text, *host;
    uint16_t port;
  } good[] = { { "127.0.0.1:8080", "127.0.0.1", 8080 },
               { "[::1]:443", "::1", 443 },
               { "[::]:0", "::", 0 },
               { ":8080", "0.0.0.0", 8080 },
               { "localhost:65535", "127.0.0.1", 65535 } };
  static const char *const bad[] = { "",
                                     "8080",
                                     "127.0.0.1",
                                     "127.0.0.1:",
                                     "::1:8080",
                                     "[::1]",
                                     "[::1:8080",
                                     "[::1]8080",
                                     "[1.2.3.4]:1",
                                     "example.org:1",
                                     "127.0.0.1:65536",
                                     "127.0.0.1:-1",
                                     "127.0.0.1:80x",
                                     "1.2.3:80",
                                     "[]:80",
                                     "[localhost]:80",
                                     "*:80",
                                     "1.2.3.4.5:1",
                                     "[::g]:1" };
  gw_arena arena;
  gw_arena_init(&arena, NULL, 65536);
  for (size_t i = 0; i < GW_COUNT_OF(good); i++) {
    gw_listen listen;
    CHECK_INT(gw_value_listen_parse(gw_str_of(good[i].text), &arena, &listen, NULL), GW_OK);
    CHECK_STR(listen.host, good[i].host);
    CHECK_INT(listen.host.p[listen.host.n], '\0');
    CHECK_INT(listen.port, good[i].port);
    CHECK_STR(listen.text, good[i].text);
  }
  for (size_t i = 0; i < GW_COUNT_OF(bad); i++) {
    gw_listen listen;
    gw_err err;
    gw_err_init(&err);
    if (gw_value_listen_parse(gw_str_of(bad[i]), &arena, &listen, &err) != GW_BAD_VALUE)
      fail_msg("\"%s\" was taken", bad[i]);
    CHECK(err.text[0] != '\0');
  }
  gw_arena_done(&arena);
}

TEST(endpoint, is_a_scheme_a_host_and_a_port) {
  static const struct {
    const char *text, *host, *authority;
    gw_scheme scheme;
    uint16_t port;
  } good[] = {
    { "grpc://users-1:50051", "users-1", "users-1:50051", GW_SCHEME_GRPC, 50051 },
    { "grpcs://a_b.example.org:443", "a_b.example.org", "a_b.example.org:443", GW_SCHEME_GRPCS,
      443 },
    { "http://10.0.0.5:8081", "10.0.0.5", "10.0.0.5:8081", GW_SCHEME_HTTP, 8081 },
    { "https://[fe80::1]:1", "fe80::1", "[fe80::1]:1", GW_SCHEME_HTTPS, 1 },
  };
  static const char *const bad[] = {
    "",
    "users:50051",
    "grpc:users:1",
    "grpc://",
    "grpc://users",
    "grpc://:1",
    "grpc://users:0",
    "grpc://users:1/",
    "grpc://a b:1",
    "grpc://u@users:1",
    "GRPC://a:1",
    "grpc://a..b:1",
    "grpc://.a:1",
    "grpc://[::1]",
    "grpc://::1:1",
    "dns:///a:1",
    "grpc://a:70000",
    "grpc://a%62:1",
    "grpc://[a]:1",
    "grpc://-a:1",
    "grpc://a:1?x",
    "grpc://a\r\nb:1",
  };
  gw_arena arena;
  gw_arena_init(&arena, NULL, 65536);
  for (size_t i = 0; i < GW_COUNT_OF(good); i++) {
    gw_endpoint_config endpoint;
    CHECK_INT(gw_value_endpoint_parse(gw_str_of(good[i].text), &arena, &endpoint, NULL), GW_OK);
    CHECK_INT(endpoint.scheme, good[i].scheme);
    CHECK_STR(endpoint.host, good[i].host);
    CHECK_STR(endpoint.authority, good[i].authority);
    CHECK_INT(endpoint.port, good[i].port);
  }
  for (size_t i = 0; i < GW_COUNT_OF(bad); i++) {
    gw_endpoint_config endpoint;
    if (gw_value_endpoint_parse(gw_str_of(bad[i]), &arena, &endpoint, NULL) != GW_BAD_VALUE)
      fail_msg("\"%s\" was taken", bad[i]);
  }
  gw_arena_done(&arena);
}

TEST(name, is_one_segment_of_an_address) {
  CHECK(gw_value_is_name(GW_STR("list-users_2.v1")));
  CHECK(!gw_value_is_name(GW_STR("")));
  CHECK(!gw_value_is_name(GW_STR("a/b")));
  CHECK(!gw_value_is_name(GW_STR("a b")));
  CHECK(!gw_value_is_name(GW_STR("..")));
  CHECK(!gw_value_is_name(GW_STR("a\"b")));
  CHECK(!gw_value_is_name((gw_str){ "a\0b", 3 }));
}

TEST(token, is_what_rfc_9110_says) {
  CHECK(gw_value_is_token(GW_STR("x-Trace_id!#$%&'*+.^`|~0")));
  CHECK(!gw_value_is_token(GW_STR("")));
  CHECK(!gw_value_is_token(GW_STR("a b")));
  CHECK(!gw_value_is_token(GW_STR("a:b")));
  CHECK(!gw_value_is_token((gw_str){ "a\0b", 3 }));
  CHECK(!gw_value_is_token(GW_STR("\xc3\xa4")));
}
