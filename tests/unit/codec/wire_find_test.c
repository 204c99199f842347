#include "codec/wire_find.h"

#include "base/limits.h"
#include "unit/codec/wire_fixture.h"

static const gw_field *find_field(const gw_message *message, const char *name) {
  const gw_field *field = gw_message_field_by_name(message, gw_str_of(name));
  CHECK(field != NULL);
  return field;
}

/* The text of `name` in the submessage that `path` ("a.b") of codectest.AllTypes leads to. */
static gw_code find_text(const char *path, const char *hex, gw_arena *arena, gw_str *out) {
  const gw_message *message = wire_fixture_message("codectest.AllTypes");
  const gw_field *fields[8];
  uint32_t count = 0;
  gw_str wire = wire_fixture_bytes(gw_str_of(hex)), found, text = { NULL, 0 };
  gw_str rest = gw_str_of(path);
  while (rest.n > 0) {
    gw_str name = gw_str_cut(&rest, '.');
    fields[count] = gw_message_field_by_name(message, name);
    CHECK(fields[count] != NULL);
    message = fields[count++]->message;
  }
  gw_code code = gw_wire_find_message(wire, fields, count, arena, &found);
  if (code == GW_OK) {
    code = gw_wire_find_bytes(found, find_field(message, "name")->number, &text);
  }
  if (code == GW_OK && text.n > 0) *out = gw_arena_copy(arena, text);
  free((void *)(uintptr_t)wire.p);
  return code;
}

typedef struct find_row {
  const char *path, *wire, *text; /* text NULL: malformed */
} find_row;

/* nested = 18, child = 3, name = 1, count = 2. */
static const find_row find_rows[] = {
  { "nested", "", "" },
  { "nested", "9201 03 0a01 'a'", "a" },
  { "nested.child", "9201 05 1a03 0a01 'a'", "a" },
  { "nested.child", "9201 03 0a01 'a'", "" },
  { "nested", "9201 03 0a01 'a' 9201 03 0a01 'b'", "b" },
  { "nested", "9201 03 0a01 'a' 9201 02 1005", "a" },
  { "nested", "9201 03 0a01 'a' 9201 00", "a" },
  { "nested", "9201 06 0a01 'a' 0a01 'b'", "b" },
  { "nested.child", "9201 05 1a03 0a01 'a' 2805 9201 04 1a02 1007 2806", "a" },
  { "nested", "4a01 'x' 9201 03 0a01 'a' 08", NULL },
  { "nested", "9205 03 0a01 'a'", "" },
  { "nested", "900105 9201 03 0a01 'a'", "a" },
  { "nested", "9201 03 0805 10", NULL },
  { "nested", "9201 04 0a01 'a'", NULL },
  { "nested", "9201 03 0a02 'a'", NULL },
  { "nested", "9201 03 0a01 'a' 80", NULL },
};

TEST(wire_find, finds_what_is_set_last) {
  gw_arena arena;
  for (size_t i = 0; i < GW_COUNT_OF(find_rows); i++) {
    const find_row *row = &find_rows[i];
    gw_str out = GW_STR("");
    gw_arena_init(&arena, NULL, GW_MIB(1));
    gw_code code = find_text(row->path, row->wire, &arena, &out);
    if (code != (row->text != NULL ? GW_OK : GW_BAD_ANSWER)) fail_msg("%s: %d", row->wire, code);
    if (row->text != NULL) CHECK_STR(out, row->text);
    gw_arena_done(&arena);
  }
}

/* 500,000 pieces of one submessage: joining them two by two would copy 10^12 bytes. */
TEST(wire_find, pieces_are_joined_in_one_go) {
  enum { PIECES = 500000 };
  static const uint8_t piece[] = { 0x92, 0x01, 0x02, 0x10, 0x05 };
  const gw_field *nested = find_field(wire_fixture_message("codectest.AllTypes"), "nested");
  char *bytes = malloc(PIECES * sizeof piece);
  gw_arena arena;
  gw_str out;
  CHECK(bytes != NULL);
  for (size_t i = 0; i < PIECES; i++)
    memcpy(bytes + i * sizeof piece, piece, sizeof piece);
  gw_arena_init(&arena, NULL, GW_MIB(4));
  CHECK_INT(
      gw_wire_find_message((gw_str){ bytes, PIECES * sizeof piece }, &nested, 1, &arena, &out),
      GW_OK);
  CHECK_INT(out.n, PIECES * 2);
  gw_arena_done(&arena);
  gw_arena_init(&arena, NULL, GW_KIB(64));
  CHECK_INT(
      gw_wire_find_message((gw_str){ bytes, PIECES * sizeof piece }, &nested, 1, &arena, &out),
      GW_NOMEM);
  gw_arena_done(&arena);
  free(bytes);
}

TEST(wire_find, any_occurrence_counts) {
  CHECK(gw_wire_find_any(GW_STR("\x08\x00\x12\x01x"), 2));
  CHECK(gw_wire_find_any(GW_STR("\x08\x00"), 1));
  CHECK(!gw_wire_find_any(GW_STR("\x08\x00\x12\x01x"), 3));
  CHECK(!gw_wire_find_any(GW_STR("\x12\x05x"), 3));
  CHECK(!gw_wire_find_any(GW_STR(""), 1));
}

TEST(wire_find, rivals_are_members_of_one_oneof) {
  const gw_message *all = wire_fixture_message("codectest.AllTypes");
  const gw_field *text = find_field(all, "choice_string"),
                 *second = find_field(all, "second_int64");
  const gw_field *deep[2] = { find_field(all, "recursive"), text };
  CHECK(gw_wire_find_rival(GW_STR(""), &text, 1) == NULL);
  CHECK(gw_wire_find_rival(GW_STR("\xd8\x05\x00"), &text, 1) == find_field(all, "choice_uint32"));
  CHECK(gw_wire_find_rival(GW_STR("\xd8\x05\x00"), &second, 1) == NULL);
  CHECK(gw_wire_find_rival(GW_STR("\xe2\x05\x01z"), &text, 1) == NULL);
  CHECK(gw_wire_find_rival(GW_STR("\x9a\x01\x03\xd8\x05\x00"), &text, 1) == NULL);
  CHECK(gw_wire_find_rival(GW_STR("\x9a\x01\x03\xd8\x05\x00"), deep, 2) ==
        find_field(all, "choice_uint32"));
}
