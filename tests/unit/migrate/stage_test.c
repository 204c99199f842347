#include "migrate/stage.h"

#include "unit/test.h"

TEST(stage, names_are_read_as_they_are_written) {
  for (int i = 0; i < GW_STAGE_COUNT; i++) {
    gw_stage stage = GW_STAGE_COUNT;
    CHECK(gw_stage_parse(gw_stage_name((gw_stage)i), &stage));
    CHECK_INT(stage, i);
  }
  gw_stage stage;
  CHECK(!gw_stage_parse(GW_STR("Canary"), &stage));
  CHECK(!gw_stage_parse(GW_STR(""), &stage));
}

TEST(stage, a_share_belongs_to_canary) {
  CHECK_INT(gw_stand_of(GW_STAGE_LEGACY, 5).share, 0);
  CHECK_INT(gw_stand_of(GW_STAGE_SHADOW, 5).share, 0);
  CHECK_INT(gw_stand_of(GW_STAGE_CANARY, 5).share, 5);
  CHECK_INT(gw_stand_of(GW_STAGE_GRPC, 5).share, GW_SHARE_WHOLE);
}

TEST(stage, shares_are_printed_exactly) {
  static const struct {
    uint32_t share;
    const char *text;
  } rows[] = {
    { 0, "0%" },         { 1, "0.0001%" },       { 10000, "1%" },
    { 125000, "12.5%" }, { 999999, "99.9999%" }, { 1000000, "100%" },
    { 50100, "5.01%" },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    char text[GW_SHARE_TEXT_MAX];
    CHECK_INT(gw_share_print(rows[i].share, text), strlen(rows[i].text));
    CHECK_STR(gw_str_of(text), rows[i].text);
  }
}
