/* What a conversion takes from memory: in proportion to the message, and in few pieces. */
#include "base/limits.h"
#include "codec/json_to_wire.h"
#include "codec/wire_to_json.h"
#include "unit/codec/wire_fixture.h"

/* A text of `count` repetitions; %zu in `each` is their number. */
static const struct {
  const char *message, *open, *each, *close;
} shapes[] = {
  { "codectest.Shelf", "{\"books\":[",
    "{\"bookId\":\"%zu\",\"title\":\"T\",\"authors\":[\"a\",\"b\"],\"price\":1.5,\"ratings\":[1,2]"
    "}",
    "]}" },
  { "codectest.Nested", "{\"children\":[", "{}", "]}" },
  { "codectest.Nested", "{\"children\":[", "{\"child\":{\"child\":{\"count\":1}}}", "]}" },
  { "codectest.Text", "{\"lines\":[", "\"\"", "]}" },
  { "codectest.Text", "{\"lines\":[", "\"\\n\\u00e9 %zu\\t\"", "]}" },
  { "codectest.AllTypes", "{\"mapInt32\":{", "\"%zu\":0", "}}" },
  { "codectest.AllTypes", "{\"mapString\":{", "\"%zu\":\"\"", "}}" },
  { "codectest.AllTypes", "{\"mapNested\":{", "\"\\u0061%zu\":{}", "}}" },
  { "codectest.AllTypes", "{\"repeatedBool\":[", "true", "]}" },
  { "codectest.AllTypes", "{\"repeatedDouble\":[", "0", "]}" },
  { "codectest.AllTypes", "{\"repeatedTimestamp\":[", "\"1970-01-01T00:00:00Z\"", "]}" },
  { "codectest.AllTypes", "{\"repeatedFieldMask\":[", "\"a\"", "]}" },
  { "codectest.AllTypes", "{\"repeatedWrappedInt64\":[", "0", "]}" },
  { "codectest.AllTypes", "{\"repeatedAny\":[",
    "{\"value\":\"1s\",\"@type\":\"x/google.protobuf.Duration\"}", "]}" },
  { "codectest.AllTypes", "{\"repeatedAny\":[", "{\"name\":\"\",\"@type\":\"x/codectest.Nested\"}",
    "]}" },
  { "codectest.AllTypes", "{\"struct\":{", "\"%zu\":{}", "}}" },
  { "codectest.AllTypes", "{\"value\":[", "[]", "]}" },
  { "codectest.AllTypes", "{\"repeatedRecursive\":[", "{\"numberMax\":1}", "]}" },
  { "codectest.Nested", "{", "\"x%zu\":[]", "}" },
  { "codectest2.Message2", "{\"item\":[", "{\"name\":\"\"}", "]}" },
};

typedef struct usage {
  size_t allocs, bytes; /* pieces, and what the arena was charged */
  size_t message;       /* the larger of text and wire */
} usage;

static gw_str shape_text(size_t shape, size_t count) {
  gw_buf text;
  char each[160];
  gw_buf_init(&text, NULL, GW_MIB(64));
  CHECK_INT(gw_buf_append(&text, gw_str_of(shapes[shape].open)), GW_OK);
  for (size_t i = 0; i < count; i++) {
    /* the text is one of the rows above */
    const char *number = strstr(shapes[shape].each, "%zu");
    if (number == NULL) {
      snprintf(each, sizeof each, "%s", shapes[shape].each);
    } else {
      snprintf(each, sizeof each, "%.*s%zu%s", (int)(number - shapes[shape].each),
               shapes[shape].each, i, number + 3);
    }
    if (i > 0) CHECK_INT(gw_buf_append(&text, GW_STR(",")), GW_OK);
    CHECK_INT(gw_buf_append(&text, gw_str_of(each)), GW_OK);
  }
  CHECK_INT(gw_buf_append(&text, gw_str_of(shapes[shape].close)), GW_OK);
  CHECK_INT(gw_buf_reserve(&text, GW_JSON_PAD), GW_OK);
  return gw_buf_str(&text);
}

static gw_codec codec_of(gw_arena *arena) {
  return (gw_codec){ .pool = wire_fixture_pool(), .memo = wire_fixture_memo(), .arena = arena };
}

/* The output lies in the arena, as an exchange's request does. */
static usage to_wire(const gw_message *message, gw_str text, gw_buf *kept) {
  gw_arena arena;
  gw_buf out;
  gw_err err;
  size_t before = test_alloc_count();
  gw_arena_init(&arena, NULL, GW_MIB(64));
  gw_buf_init(&out, &arena, GW_MIB(64));
  gw_err_init(&err);
  gw_codec codec = codec_of(&arena);
  gw_code code = gw_json_to_wire(&codec, message, text, &out, &err);
  if (code != GW_OK) fail_msg("%s", err.text);
  usage used = { test_alloc_count() - before, arena.used, gw_size_max(text.n, out.n) };
  CHECK_INT(gw_buf_append(kept, gw_buf_str(&out)), GW_OK);
  gw_arena_done(&arena);
  return used;
}

/* The output is the worker's, which keeps it; the arena has what order needs. */
static usage to_json(const gw_message *message, gw_str wire, gw_buf *json) {
  gw_arena arena;
  gw_err err;
  size_t before = test_alloc_count();
  gw_arena_init(&arena, NULL, GW_MIB(64));
  gw_err_init(&err);
  gw_codec codec = codec_of(&arena);
  gw_code code = gw_wire_to_json(&codec, message, wire, json, &err);
  if (code != GW_OK) fail_msg("%s", err.text);
  usage used = { test_alloc_count() - before, arena.used, gw_size_max(wire.n, json->n) };
  gw_arena_done(&arena);
  return used;
}

static void check_share(size_t shape, const char *way, usage used) {
  /* blocks are whole, and a few bytes of text need their tables */
  if (used.bytes <= GW_ARENA_RATIO * used.message + 4 * GW_ARENA_BLOCK_BYTES) return;
  fail_msg("%s %s, %s: %zu bytes for a message of %zu", shapes[shape].message, shapes[shape].each,
           way, used.bytes, used.message);
}

/* Both ways, and the wire twice in a row, which is done by index: (allocations, bytes) of each. */
static void convert_shape(size_t shape, size_t count, usage used[3]) {
  const gw_message *message = wire_fixture_message(shapes[shape].message);
  gw_str text = shape_text(shape, count);
  gw_buf wire, json;
  gw_buf_init(&wire, NULL, GW_MIB(64));
  gw_buf_init(&json, NULL, GW_MIB(64));
  used[0] = to_wire(message, text, &wire);
  used[1] = to_json(message, gw_buf_str(&wire), &json);
  json.n = 0;
  size_t n = wire.n;
  CHECK_INT(gw_buf_reserve(&wire, n), GW_OK);
  if (n > 0) memcpy(wire.p + n, wire.p, n);
  wire.n += n;
  used[2] = to_json(message, gw_buf_str(&wire), &json);
  gw_buf_done(&wire);
  gw_buf_done(&json);
  free((void *)(uintptr_t)text.p);
}

/* Growth is by steps: sizes on both sides of each of them. */
TEST(memory, is_in_proportion_to_the_message) {
  static const char *const ways[] = { "to wire", "to JSON", "to JSON by index" };
  for (size_t shape = 0; shape < GW_COUNT_OF(shapes); shape++) {
    for (size_t count = 1; count < 20000; count += count / 8 + 1) {
      usage used[3];
      convert_shape(shape, count, used);
      for (size_t way = 0; way < 3; way++)
        check_share(shape, ways[way], used[way]);
    }
  }
}

/* 32 times the fields cost a few steps of growth more, not an allocation each. */
TEST(memory, fields_are_not_allocated_one_by_one) {
  for (size_t shape = 0; shape < GW_COUNT_OF(shapes); shape++) {
    usage few[3], many[3];
    convert_shape(shape, 500, few);
    convert_shape(shape, 16000, many);
    for (size_t way = 0; way < 3; way++) {
      if (many[way].allocs > few[way].allocs + 40) {
        fail_msg("%s %s: %zu allocations, then %zu", shapes[shape].message, shapes[shape].each,
                 few[way].allocs, many[way].allocs);
      }
    }
  }
}
