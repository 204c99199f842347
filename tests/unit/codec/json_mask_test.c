/* Most of gw_json_mask is seen by the golden cases tests/golden/binding/patch-mask*; here is what
 * those cannot hold. */
#include "codec/json_mask.h"

#include "unit/codec/json_fixture.h"

/* The mask's paths, one a line; the text ends GW_JSON_PAD bytes before its memory does. */
static gw_code mask_paths(const gw_message *message, gw_str json, gw_arena *arena, size_t out_max,
                          gw_buf *lines) {
  gw_codec_memo *memo = gw_codec_memo_new(json_fixture_pool());
  gw_codec codec = { .pool = json_fixture_pool(), .memo = memo, .arena = arena };
  char *copy = malloc(json.n + GW_JSON_PAD);
  gw_buf out;
  gw_code code = GW_NOMEM;
  gw_buf_init(&out, NULL, out_max);
  if (memo != NULL && copy != NULL) {
    memcpy(copy, json.p, json.n);
    memset(copy + json.n, '"', GW_JSON_PAD);
    code = gw_json_mask(&codec, message, (gw_str){ copy, json.n }, NULL, 0, &out);
  }
  if (code != GW_OK) CHECK_INT(out.n, 0);
  for (size_t i = 0; i < out.n && lines != NULL;) {
    size_t n = (unsigned char)out.p[i + 1];
    CHECK_INT(out.p[i], 0x0a);
    CHECK(n < 0x80);
    CHECK_INT(gw_buf_printf(lines, "%.*s\n", (int)n, out.p + i + 2), GW_OK);
    i += 2 + n;
  }
  free(copy);
  gw_codec_memo_free(memo);
  gw_buf_done(&out);
  return code;
}

static void check_mask(const char *message, const char *json, const char *wanted) {
  gw_arena arena;
  gw_buf lines;
  gw_arena_init(&arena, NULL, GW_MIB(1));
  gw_buf_init(&lines, NULL, GW_MIB(1));
  CHECK_INT(mask_paths(json_fixture_message(message), gw_str_of(json), &arena, GW_MIB(1), &lines),
            GW_OK);
  CHECK_STR(gw_buf_str(&lines), wanted);
  gw_buf_done(&lines);
  gw_arena_done(&arena);
}

TEST(json_mask, keys_of_a_struct_are_data) {
  check_mask("google.protobuf.Struct", "{\"\":1,\"a.b\":{\"\\u0041\\n\":[{}],\"x\":{}}}",
             "\na.b.A\n\na.b.x\n");
  check_mask("codectest.AllTypes", "{\"value\":{\"int32_value\":{\"q\":1}},\"struct\":{}}",
             "value.int32_value.q\nstruct\n");
}

TEST(json_mask, groups_and_extensions_have_paths) {
  check_mask("codectest2.Message2",
             "{\"[codectest2.extension_int32]\":5,"
             "\"[codectest2.extension_message]\":{\"label\":\"\"},"
             "\"data\":{\"groupInt32\":1,\"inner\":{\"deep\":\"\"}},\"item\":[]}",
             "[codectest2.extension_int32]\n[codectest2.extension_message].label\n"
             "data.group_int32\ndata.inner.deep\nitem\n");
}

TEST(json_mask, what_is_no_object_has_no_paths) {
  check_mask("codectest.AllTypes", "null", "");
  check_mask("google.protobuf.Value", "[{\"a\":1}]", "");
  check_mask("codectest.AllTypes", " \n{\t} ", "");
}

/* As deep as the codec reads, and one level more, which it never lets through. */
TEST(json_mask, goes_as_deep_as_json_may) {
  char text[4 + GW_JSON_DEPTH_MAX * 12];
  gw_arena arena;
  for (size_t levels = GW_JSON_DEPTH_MAX; levels <= GW_JSON_DEPTH_MAX + 1; levels++) {
    size_t n = 0;
    for (size_t i = 1; i < levels; i++, n += 9)
      memcpy(text + n, "{\"child\":", 9);
    text[n++] = '{';
    text[n++] = '}';
    for (size_t i = 1; i < levels; i++)
      text[n++] = '}';
    gw_arena_init(&arena, NULL, GW_MIB(1));
    gw_code code = mask_paths(json_fixture_message("codectest.Nested"), (gw_str){ text, n }, &arena,
                              GW_MIB(1), NULL);
    CHECK_INT(code, GW_OK);
    gw_arena_done(&arena);
  }
}

/* Deep leaves have long paths: 100 bytes of text may mean 10,000 of mask. */
TEST(json_mask, its_size_has_a_limit) {
  static const char json[] = "{\"recursive\":{\"recursive\":{\"int32Value\":1,\"int64Value\":2}}}";
  gw_arena arena;
  gw_arena_init(&arena, NULL, GW_MIB(1));
  const gw_message *all = json_fixture_message("codectest.AllTypes");
  size_t enough = 2 * (2 + strlen("recursive.recursive.int32_value"));
  CHECK_INT(mask_paths(all, gw_str_of(json), &arena, enough, NULL), GW_OK);
  CHECK_INT(mask_paths(all, gw_str_of(json), &arena, enough - 1, NULL), GW_TOO_LARGE);
  gw_arena_done(&arena);
}

static gw_code mask_once(void *context) {
  static const char json[] =
      "{\"nested\":{\"name\":\"x\"},\"a\\\\b\":1,\"struct\":{\"k\\n\":{\"l\":1}}}";
  gw_arena arena;
  (void)context;
  gw_arena_init(&arena, NULL, GW_MIB(1));
  gw_code code = mask_paths(json_fixture_message("codectest.AllTypes"), gw_str_of(json), &arena,
                            GW_MIB(1), NULL);
  gw_arena_done(&arena);
  return code;
}

TEST(json_mask, survives_each_failed_alloc) {
  json_fixture_message("codectest.AllTypes"); /* loaded before */
  test_fail_each_alloc(mask_once, NULL);
}
