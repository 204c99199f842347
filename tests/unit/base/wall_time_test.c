#include "base/wall_time.h"

#include "unit/test.h"

TEST(wall_time, is_read_as_it_is_written) {
  static const struct {
    uint64_t ms;
    const char *text;
  } rows[] = { { 0, "1970-01-01T00:00:00.000Z" },
               { 1709210096007u, "2024-02-29T12:34:56.007Z" },
               { 253402300799999u, "9999-12-31T23:59:59.999Z" } };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    char text[GW_WALL_TIME_BYTES];
    uint64_t ms = 1;
    gw_wall_time_print(rows[i].ms, text);
    CHECK_STR(gw_str_of(text), rows[i].text);
    CHECK(gw_wall_time_parse(gw_str_of(text), &ms));
    CHECK(ms == rows[i].ms);
  }
}

TEST(wall_time, nothing_else_is_read) {
  static const char *const bad[] = {
    "",
    "2024-02-29",
    "2024-02-29T12:34:56Z",
    "2023-02-29T12:34:56.007Z",
    "2024-02-29T24:34:56.007Z",
    "2024-02-29T12:34:56.007Z ",
    "2024-02-29T12:34:56.007+00:00",
    "2024-2-29T12:34:56.007Z",
    "1969-12-31T23:59:59.999Z",
    "2024-02-29T12:34:56.007Z2024-02-29T12:34:56.007Z",
  };
  uint64_t ms = 5;
  for (size_t i = 0; i < GW_COUNT_OF(bad); i++)
    CHECK(!gw_wall_time_parse(gw_str_of(bad[i]), &ms));
  CHECK_INT(ms, 5);
}
