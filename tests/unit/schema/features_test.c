/* Editions: defaults of 2023, and overrides by file, message, oneof, enumeration and field. */
#include "unit/schema/sets.h"

typedef struct feature_row {
  const char *message, *field;
  uint8_t kind;
  bool presence, required, packed, check_utf8, map;
} feature_row;

static void features_check(const feature_row *rows, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const feature_row *row = &rows[i];
    const gw_field *f = sets_field(sets_message("editions_test", row->message), row->field);
    if (f->kind != row->kind || f->presence != row->presence || f->required != row->required ||
        f->packed != row->packed || f->check_utf8 != row->check_utf8 || f->map != row->map) {
      fail_msg("%s.%s: kind %u presence %d required %d packed %d utf8 %d map %d", row->message,
               row->field, f->kind, f->presence, f->required, f->packed, f->check_utf8, f->map);
    }
  }
}

TEST(features, defaults_of_2023_and_single_fields) {
  static const feature_row rows[] = {
    { .field = "explicit", .kind = GW_KIND_INT32, .presence = true },
    { .field = "implicit", .kind = GW_KIND_INT32 },
    { .field = "required", .kind = GW_KIND_INT32, .presence = true, .required = true },
    { .field = "packed", .kind = GW_KIND_INT32, .packed = true },
    { .field = "expanded", .kind = GW_KIND_INT32 },
    { .field = "verified", .kind = GW_KIND_STRING, .presence = true, .check_utf8 = true },
    { .field = "unverified", .kind = GW_KIND_STRING, .presence = true },
    { .field = "prefixed", .kind = GW_KIND_MESSAGE, .presence = true },
    { .field = "delimited", .kind = GW_KIND_GROUP, .presence = true },
    { .field = "delimitedList", .kind = GW_KIND_GROUP },
    { .field = "picked", .kind = GW_KIND_INT32, .presence = true },
    { .field = "map", .kind = GW_KIND_MESSAGE, .map = true },
    { .field = "open", .kind = GW_KIND_ENUM, .presence = true },
    { .field = "untypedMessage", .kind = GW_KIND_MESSAGE, .presence = true },
    { .field = "untypedEnum", .kind = GW_KIND_ENUM, .presence = true },
    { .field = "[editionstest2.note]", .kind = GW_KIND_STRING, .presence = true },
  };
  feature_row filled[GW_COUNT_OF(rows)];
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    filled[i] = rows[i];
    filled[i].message = "editionstest.Defaults";
  }
  features_check(filled, GW_COUNT_OF(rows));
}

TEST(features, file_and_message_override) {
  static const char turned[] = "editionstest2.Turned", back[] = "editionstest2.Back",
                    inner[] = "editionstest2.Back.Inner", entry[] = "editionstest2.Turned.MapEntry";
  static const feature_row rows[] = {
    { turned, "implicit", GW_KIND_INT32, false, false, false, false, false },
    { turned, "explicit", GW_KIND_INT32, true, false, false, false, false },
    { turned, "expanded", GW_KIND_INT32, false, false, false, false, false },
    { turned, "unverified", GW_KIND_STRING, false, false, false, false, false },
    { turned, "delimited", GW_KIND_GROUP, true, false, false, false, false },
    { turned, "map", GW_KIND_MESSAGE, false, false, false, false, true },
    { turned, "picked", GW_KIND_STRING, true, false, false, true, false },
    { entry, "value", GW_KIND_MESSAGE, true, false, false, false, false },
    { back, "packed", GW_KIND_INT32, false, false, true, false, false },
    { back, "verified", GW_KIND_STRING, false, false, false, true, false },
    { inner, "packed", GW_KIND_INT32, false, false, true, false, false },
  };
  features_check(rows, GW_COUNT_OF(rows));
}

TEST(features, enumerations_open_and_closed) {
  static const struct {
    const char *name;
    bool closed;
  } rows[] = {
    { "editionstest.Open", false },          { "editionstest.Closed", true },
    { "editionstest2.Turned.Closed", true }, { "editionstest2.Back.Open", false },
    { "google.protobuf.NullValue", false },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    const gw_enum *e = gw_pool_find_enum(sets_pool("editions_test"), gw_str_of(rows[i].name));
    CHECK(e != NULL && e->closed == rows[i].closed);
  }
  CHECK(gw_pool_find_enum(sets_pool("codec_test"), GW_STR("codectest.Color"))->closed == false);
  CHECK(gw_pool_find_enum(sets_pool("codec_test2"), GW_STR("codectest2.Closed"))->closed);
}

TEST(features, debug_redact_is_kept) {
  const gw_message *m = sets_message("editions_test", "editionstest.Defaults");
  CHECK(sets_field(m, "secret")->redact);
  CHECK(!sets_field(m, "verified")->redact);
}
