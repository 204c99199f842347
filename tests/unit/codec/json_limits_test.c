/* json_to_wire at its limits: depth, size, memory, and what it learns. */
#include <pthread.h>

#include "codec/wire_to_json.h"
#include "unit/codec/json_fixture.h"

typedef struct text {
  char *p;
  size_t n;
} text;

static text repeated(const char *open, const char *inside, const char *close, size_t count) {
  size_t open_n = strlen(open), inside_n = strlen(inside), close_n = strlen(close);
  text out = { malloc(count * (open_n + close_n) + inside_n + 1), 0 };
  CHECK(out.p != NULL);
  for (size_t i = 0; i < count; i++, out.n += open_n)
    memcpy(out.p + out.n, open, open_n);
  memcpy(out.p + out.n, inside, inside_n);
  out.n += inside_n;
  for (size_t i = 0; i < count; i++, out.n += close_n)
    memcpy(out.p + out.n, close, close_n);
  return out;
}

/* What is accepted can also be printed: the way back has the same bound. */
static void convert_back(const char *message, gw_codec_memo *memo, gw_str wire) {
  gw_arena arena;
  gw_buf json;
  gw_err err;
  gw_arena_init(&arena, NULL, GW_MIB(64));
  gw_buf_init(&json, NULL, GW_MIB(64));
  gw_err_init(&err);
  gw_codec codec = { .pool = json_fixture_pool(), .memo = memo, .arena = &arena };
  gw_code code = gw_wire_to_json(&codec, json_fixture_message(message), wire, &json, &err);
  if (code != GW_OK) fail_msg("%s: %s", message, err.text);
  gw_buf_done(&json);
  gw_arena_done(&arena);
}

static gw_code convert(const char *message, gw_str json) {
  gw_codec_memo *memo = gw_codec_memo_new(json_fixture_pool());
  json_result result = json_fixture_convert(json_fixture_message(message), json,
                                            (gw_json_style){ .reject_unknown = false }, memo, '[');
  if (result.code == GW_OK) convert_back(message, memo, gw_buf_str(&result.wire));
  json_result_done(&result);
  gw_codec_memo_free(memo);
  return result.code;
}

static gw_code convert_text(const char *message, text json) {
  gw_code code = convert(message, (gw_str){ json.p, json.n });
  free(json.p);
  return code;
}

static const struct {
  const char *message, *open, *inside, *close;
  size_t levels, inside_levels; /* of one repetition, and of what is inside */
} deep_shapes[] = {
  { "codectest.Nested", "{\"child\":", "{}", "}", 1, 1 },
  { "codectest.Nested", "{\"children\":[", "{}", "]}", 1, 1 },
  { "codectest.Nested", "{\"unknown\":", "[]", "}", 1, 0 },
  { "codectest.Nested", "{\"unknown\":[", "[]", "]}", 1, 1 },
  { "google.protobuf.Value", "[", "{}", "]", 1, 1 },
  { "google.protobuf.Struct", "{\"a\":", "{}", "}", 1, 1 },
  { "google.protobuf.Struct", "{\"a\":[", "{}", "]}", 2, 1 },
  { "google.protobuf.Any", "{\"@type\":\"a/google.protobuf.Any\",\"value\":", "{}", "}", 1, 1 },
  { "google.protobuf.Any", "{\"value\":", "{}", ",\"@type\":\"a/google.protobuf.Any\"}", 1, 1 },
  { "google.protobuf.Any", "{\"children\":[", "{}", "],\"@type\":\"a/codectest.Nested\"}", 1, 1 },
  { "codectest2.Message2", "{\"item\":[{\"nested\":", "{}", "}]}", 2, 1 },
  { "codectest.Nested", "{\"byName\":{\"k\":", "{}", "}}", 2, 1 },
};

static void *convert_deep(void *context) {
  (void)context;
  for (size_t i = 0; i < GW_COUNT_OF(deep_shapes); i++) {
    const char *open = deep_shapes[i].open;
    for (size_t n = 1; n < 2 * GW_JSON_DEPTH_MAX; n++) {
      gw_code code = convert_text(deep_shapes[i].message,
                                  repeated(open, deep_shapes[i].inside, deep_shapes[i].close, n));
      size_t levels = n * deep_shapes[i].levels + deep_shapes[i].inside_levels;
      gw_code wanted = levels > GW_JSON_DEPTH_MAX ? GW_BAD_REQUEST : GW_OK;
      if (code != wanted) fail_msg("%s, %zu levels: %d", open, levels, code);
    }
    CHECK_INT(convert_text(deep_shapes[i].message, repeated(open, "", "", 1000000)),
              GW_BAD_REQUEST);
  }
  return NULL;
}

/* A sanitizer's frames are several times as large. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif
#ifdef SANITIZED
#define SMALL_STACK_BYTES GW_MIB(2)
#else
#define SMALL_STACK_BYTES GW_KIB(256)
#endif

TEST(json_to_wire, takes_100_levels_on_a_small_stack) {
  pthread_t thread;
  pthread_attr_t attr;
  json_fixture_pool();
  CHECK_INT(pthread_attr_init(&attr), 0);
  CHECK_INT(pthread_attr_setstacksize(&attr, SMALL_STACK_BYTES), 0);
  CHECK_INT(pthread_create(&thread, &attr, convert_deep, NULL), 0);
  CHECK_INT(pthread_join(thread, NULL), 0);
  pthread_attr_destroy(&attr);
}

static gw_code convert_within(gw_str json, const char *message, size_t out_max, size_t arena_max,
                              gw_buf *out) {
  gw_codec_memo *memo = gw_codec_memo_new(json_fixture_pool());
  if (memo == NULL) return GW_NOMEM;
  gw_arena arena;
  gw_arena_init(&arena, NULL, arena_max);
  gw_buf_init(out, NULL, out_max);
  gw_codec codec = { .pool = json_fixture_pool(), .memo = memo, .arena = &arena };
  gw_code code = gw_json_to_wire(&codec, json_fixture_message(message), json, out, NULL);
  gw_arena_done(&arena);
  gw_codec_memo_free(memo);
  return code;
}

#define PAD64 "                                                                "

/* Every way of writing: packed and tagged lists, prefixes that grow, maps, groups, bytes, masks. */
static const struct {
  const char *message, *json;
} sizes[] = {
  { "codectest.AllTypes", "{\"stringValue\":\"0123456789012345678901234567890123456789\"}" PAD64 },
  { "codectest.AllTypes", "{\"bytesValue\":\"QUJDREVGR0hJSktMTU5PUA==\"}" PAD64 },
  { "codectest.AllTypes", "{\"repeatedDouble\":[1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2]}" PAD64 },
  { "codectest.AllTypes", "{\"unpackedDouble\":[1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1]}" PAD64 },
  { "codectest.AllTypes", "{\"repeatedValue\":[1,[[[[[2,3,[],[],[],{},{\"a\":4}]]]]]]}" PAD64 },
  { "codectest.AllTypes",
    "{\"fieldMask\":\"ABCDEFGHIJKLM,a.b.c\",\"mapBool\":{\"true\":true}}" PAD64 },
  { "codectest.AllTypes", "{\"any\":{\"@type\":\"a/codectest.Nested\",\"name\":\"x\"}}" PAD64 },
  { "codectest2.Message2", "{\"item\":[{},{\"nested\":{\"item\":[{},{}]}}]}" PAD64 },
};

TEST(json_to_wire, never_writes_over_the_limit) {
  for (size_t i = 0; i < GW_COUNT_OF(sizes); i++) {
    gw_str json = gw_str_of(sizes[i].json);
    gw_buf out;
    json.n -= GW_JSON_PAD;
    CHECK_INT(convert_within(json, sizes[i].message, 4096, 4096, &out), GW_OK);
    size_t whole = out.n;
    gw_buf_done(&out);
    for (size_t max = 0; max < whole + 2; max++) {
      gw_code code = convert_within(json, sizes[i].message, max, 4096, &out);
      if (code != (max < whole ? GW_TOO_LARGE : GW_OK) || out.n > max) {
        fail_msg("case %zu of %zu bytes, limit %zu: %d", i, whole, max, code);
      }
      gw_buf_done(&out);
    }
  }
}

/* Needs the arena: escaped strings, a map of more than 12 keys, fields beyond 64, a late "@type".
 */
static const char hungry[] =
    "{\"map\\u0049nt32\":{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1,"
    "\"10\":1,\"11\":1,\"12\":1,\"13\":1,\"14\":1},\"numberMax\":1,\"repeatedNested\":[{},{}],"
    "\"any\":{\"name\":\"x\",\"@type\":\"a/codectest.Nested\"},"
    "\"bytesValue\":\"QUJ\\u0044\",\"fieldMask\":\"aB,c\",\"string_value\":"
    "\"a string that is long enough to make the buffer grow once more than at the start\"}" PAD64;

static gw_code run_hungry(void *context) {
  gw_buf out;
  (void)context;
  gw_str json = { hungry, sizeof hungry - 1 - GW_JSON_PAD };
  gw_code code = convert_within(json, "codectest.AllTypes", 4096, GW_MIB(1), &out);
  gw_buf_done(&out);
  return code;
}

TEST(json_to_wire, survives_each_failed_alloc) {
  json_fixture_pool();
  test_fail_each_alloc(run_hungry, NULL);
}

TEST(json_to_wire, says_when_the_arena_is_full) {
  gw_str json = { hungry, sizeof hungry - 1 - GW_JSON_PAD };
  gw_buf out;
  CHECK_INT(convert_within(json, "codectest.AllTypes", 4096, 0, &out), GW_NOMEM);
  gw_buf_done(&out);
}

TEST(json_to_wire, counts_what_it_ignores) {
  gw_codec_memo *memo = gw_codec_memo_new(json_fixture_pool());
  json_result result = json_fixture_convert(
      json_fixture_message("codectest.AllTypes"),
      GW_STR("{\"a\":1,\"nested\":{\"b\":{\"c\":2},\"d\":3},\"color\":\"PURPLE\"}"),
      (gw_json_style){ .reject_unknown = false }, memo, 0);
  CHECK_INT(result.code, GW_OK);
  CHECK_INT(result.unknown_count, 4);
  json_result_done(&result);
  gw_codec_memo_free(memo);
}

TEST(json_to_wire, appends) {
  gw_codec_memo *memo = gw_codec_memo_new(json_fixture_pool());
  gw_buf out;
  gw_buf_init(&out, NULL, 8);
  CHECK_INT(gw_buf_append(&out, GW_STR("abcd")), GW_OK);
  gw_codec codec = { .pool = json_fixture_pool(), .memo = memo };
  const gw_message *message = json_fixture_message("codectest.Nested");
  static const char two[] = "{\"count\":2}" PAD64, long_name[] = "{\"name\":\"xyz\"}" PAD64;
  CHECK_INT(gw_json_to_wire(&codec, message, (gw_str){ two, 11 }, &out, NULL), GW_OK);
  CHECK_STR(gw_buf_str(&out), "abcd\x10\x02");
  CHECK_INT(gw_json_to_wire(&codec, message, (gw_str){ long_name, 14 }, &out, NULL), GW_TOO_LARGE);
  gw_buf_done(&out);
  gw_codec_memo_free(memo);
}

static void check_field(const char *field, const char *json, const char *hex) {
  char padded[256] = { 0 };
  gw_codec_memo *memo = gw_codec_memo_new(json_fixture_pool());
  gw_arena arena;
  gw_buf out;
  size_t n = strlen(json);
  memcpy(padded, json, n);
  gw_arena_init(&arena, NULL, GW_MIB(1));
  gw_buf_init(&out, NULL, 4096);
  gw_codec codec = { .pool = json_fixture_pool(), .memo = memo, .arena = &arena };
  gw_code code = gw_json_to_wire_field(&codec, json_fixture_field("codectest.AllTypes", field),
                                       (gw_str){ padded, n }, &out, NULL);
  gw_str got = json_fixture_hex(gw_buf_str(&out));
  if (hex != NULL && code == GW_OK) CHECK_STR(got, hex);
  if ((hex == NULL) != (code != GW_OK)) fail_msg("%s: %s: %d", field, json, code);
  free((void *)(uintptr_t)got.p);
  gw_buf_done(&out);
  gw_arena_done(&arena);
  gw_codec_memo_free(memo);
}

TEST(json_to_wire, takes_one_field) {
  check_field("int32Value", " 5 ", "2805");
  check_field("int32Value", "0", "");
  check_field("int32Value", "null", "");
  check_field("int32Value", "\"x\"", NULL);
  check_field("int32Value", "1 2", NULL);
  check_field("int32Value", "", NULL);
  check_field("int32Value", " ", NULL);
  check_field("repeatedInt32", "[1,2]", "ea02020102");
  check_field("repeatedInt32", "null", "");
  check_field("repeatedInt32", "[null]", NULL);
  check_field("repeatedInt32", "1", NULL);
  check_field("mapBool", "{\"true\":false}", "8a050408011000");
  check_field("nested", "{\"count\":1}", "9201021001");
  check_field("nested", "{}", "920100");
  check_field("nested", "[]", NULL);
  check_field("value", "null", "9a07020800");
  check_field("choiceNull", "null", "900600");
  check_field("wrappedInt32", "7", "e207020807");
  check_field("wrappedInt32", "null", "");
  check_field("timestamp", "\"1970-01-01T00:00:01Z\"", "fa06020801");
}

TEST(json_to_wire, learns_the_order_of_fields) {
  gw_codec_memo *memo = gw_codec_memo_new(json_fixture_pool());
  const gw_message *message = json_fixture_message("codectest.Nested");
  gw_json_style style = { .reject_unknown = true };
  static const char *const texts[] = {
    "{\"count\":1,\"name\":\"a\"}",
    "{\"name\":\"a\",\"count\":1}",
    "{\"by_name\":{},\"count\":1}",
    "{\"byName\":{},\"count\":1}",
    "{\"count\":1}",
    "{\"count\":1,\"name\":\"a\"}",
  };
  for (size_t i = 0; i < GW_COUNT_OF(texts); i++) {
    json_result result = json_fixture_convert(message, gw_str_of(texts[i]), style, memo, 0);
    CHECK_INT(result.code, GW_OK);
    json_result_done(&result);
  }
  CHECK(memo->first_field[message->id].field == json_fixture_field("codectest.Nested", "count"));
  gw_codec_memo_free(memo);
}

/* An expected name is compared sixteen bytes at a time, the quotes among them. */
TEST(json_to_wire, expects_long_names) {
  static const char name[] = "\"aNameThatIsMuchLongerThanThirtyTwoBytesInEitherSpelling\":";
  gw_codec_memo *memo = gw_codec_memo_new(json_fixture_pool());
  const gw_message *message = json_fixture_message("codectest.AllTypes");
  gw_json_style style = { .reject_unknown = false };
  for (size_t differs = 1; differs < sizeof name - 3; differs++) {
    char json[128], changed[sizeof name];
    memcpy(changed, name, sizeof name);
    changed[differs] = 'x';
    for (int i = 0; i < 2; i++) {
      snprintf(json, sizeof json, "{%s7}", i == 0 ? name : changed);
      json_result result = json_fixture_convert(message, gw_str_of(json), style, memo, ':');
      CHECK_INT(result.code, GW_OK);
      CHECK_INT(result.unknown_count, i);
      json_result_done(&result);
    }
    for (size_t n = 1; n < sizeof name; n++) { /* the text ends inside */
      snprintf(json, sizeof json, "{%.*s", (int)n, name);
      json_result result = json_fixture_convert(message, gw_str_of(json), style, memo, name[n]);
      CHECK_INT(result.code, GW_BAD_REQUEST);
      CHECK_INT(result.err.column, n + 2);
      json_result_done(&result);
    }
  }
  gw_codec_memo_free(memo);
}

/* Lengths that were learned from one text are wrong for the next. */
TEST(json_to_wire, moves_wrong_lengths) {
  gw_codec_memo *memo = gw_codec_memo_new(json_fixture_pool());
  const gw_message *message = json_fixture_message("codectest.Nested");
  size_t lengths[] = { 1, 200, 1, 20000, 130, 1, 3000000, 1 };
  for (size_t i = 0; i < GW_COUNT_OF(lengths); i++) {
    text name = { malloc(lengths[i] + 64), 0 };
    CHECK(name.p != NULL);
    name.n = (size_t)snprintf(name.p, 64, "{\"child\":{\"child\":{\"name\":\"");
    memset(name.p + name.n, 'x', lengths[i]);
    name.n += lengths[i];
    name.n += (size_t)snprintf(name.p + name.n, 8, "\"}}}");
    json_result result = json_fixture_convert(message, (gw_str){ name.p, name.n },
                                              (gw_json_style){ .reject_unknown = false }, memo, 0);
    CHECK_INT(result.code, GW_OK);
    size_t prefix = lengths[i] < 128 ? 1 : lengths[i] < 16384 ? 2 : lengths[i] < 2097152 ? 3 : 4;
    CHECK_INT(result.wire.n, lengths[i] + 3 * (1 + prefix));
    json_result_done(&result);
    free(name.p);
  }
  gw_codec_memo_free(memo);
}
