#include <pthread.h>

#include "base/limits.h"
#include "unit/codec/wire_fixture.h"

/* `depth` messages, each in the field of the tag of the one before. */
static gw_str nested_wire(int depth, uint8_t tag) {
  char *bytes = malloc(1024), *begin = bytes + 1024;
  for (int i = 1; i < depth; i++) {
    size_t n = (size_t)(bytes + 1024 - begin);
    if (n >= 128) *--begin = (char)(n >> 7);
    *--begin = (char)(n >= 128 ? (n & 127) | 128 : n);
    *--begin = (char)tag;
  }
  size_t n = (size_t)(bytes + 1024 - begin);
  char *exact = malloc(n > 0 ? n : 1);
  memcpy(exact, begin, n);
  free(bytes);
  return (gw_str){ exact, n };
}

static gw_code nested_run(const char *message, int depth, uint8_t tag, const char *style) {
  gw_str wire = nested_wire(depth, tag);
  wire_result r = wire_fixture_run(message, NULL, wire, style);
  free((void *)(uintptr_t)r.json.p);
  free((void *)(uintptr_t)wire.p);
  return r.code;
}

TEST(wire_to_json, depth_is_bounded) {
  /* Nested.child, Nested.children, in groups of one tag byte each */
  CHECK_INT(nested_run("codectest.Nested", GW_JSON_DEPTH_MAX, 0x1a, ""), GW_OK);
  CHECK_INT(nested_run("codectest.Nested", GW_JSON_DEPTH_MAX + 1, 0x1a, ""), GW_BAD_ANSWER);
  CHECK_INT(nested_run("codectest.Nested", GW_JSON_DEPTH_MAX, 0x22, "nulls"), GW_OK);
  CHECK_INT(nested_run("codectest.Nested", GW_JSON_DEPTH_MAX + 1, 0x22, "nulls"), GW_BAD_ANSWER);
}

/* Groups of an unknown field are skipped, up to the same depth. */
TEST(wire_to_json, depth_of_skipped_groups_is_bounded) {
  for (int depth = GW_JSON_DEPTH_MAX; depth <= GW_JSON_DEPTH_MAX + 1; depth++) {
    char bytes[2 * (GW_JSON_DEPTH_MAX + 1)];
    memset(bytes, 0x7b, (size_t)depth);
    memset(bytes + depth, 0x7c, (size_t)depth);
    gw_str wire = { bytes, (size_t)depth * 2 };
    wire_result r = wire_fixture_run("codectest.Nested", NULL, wire, NULL);
    CHECK_INT(r.code, depth <= GW_JSON_DEPTH_MAX ? GW_OK : GW_BAD_ANSWER);
    free((void *)(uintptr_t)r.json.p);
  }
}

/* ListValue in ListValue: two messages of wire for each level of JSON. */
static gw_code list_values_run(int depth) {
  char bytes[2048];
  size_t begin = sizeof bytes;
  for (int i = 1; i < depth; i++) {
    for (int tag = 0; tag < 2; tag++) {
      size_t n = sizeof bytes - begin;
      if (n >= 128) bytes[--begin] = (char)(n >> 7);
      bytes[--begin] = (char)(n >= 128 ? (n & 127) | 128 : n);
      bytes[--begin] = tag == 0 ? 0x32 : 0x0a;
    }
  }
  gw_str wire = { bytes + begin, sizeof bytes - begin };
  wire_result r = wire_fixture_run("google.protobuf.ListValue", NULL, wire, NULL);
  free((void *)(uintptr_t)r.json.p);
  return r.code;
}

TEST(wire_to_json, depth_of_values_is_bounded) {
  CHECK_INT(list_values_run(GW_JSON_DEPTH_MAX), GW_OK);
  CHECK_INT(list_values_run(GW_JSON_DEPTH_MAX + 1), GW_BAD_ANSWER);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define FAR_TOO_DEEP 100000

/* Length-delimited fields and groups within each other, from the inside out; each level's tags from
 * `tags` in turn. */
static gw_str far_too_deep_wire(const uint8_t *tags, size_t tag_count) {
  size_t size = FAR_TOO_DEEP * 6, begin = FAR_TOO_DEEP * 4, end = begin;
  char *bytes = malloc(size);
  CHECK(bytes != NULL);
  for (size_t i = FAR_TOO_DEEP; i-- > 0;) {
    uint8_t tag = tags[i % tag_count];
    size_t n = end - begin;
    if ((tag & 7) == GW_WIRE_GROUP) {
      bytes[end++] = (char)((tag & ~7) | GW_WIRE_END_GROUP);
    } else {
      bytes[--begin] = (char)(n >> 14);
      bytes[--begin] = (char)((n >> 7 & 127) | 128);
      bytes[--begin] = (char)((n & 127) | 128);
    }
    bytes[--begin] = (char)tag;
  }
  memmove(bytes, bytes + begin, end - begin);
  return (gw_str){ bytes, end - begin };
}

_Static_assert(FAR_TOO_DEEP * 4 < 1 << 21, "lengths of three bytes");

static gw_code far_too_deep_run(const char *message, const uint8_t *tags, size_t tag_count,
                                const char *style) {
  gw_str wire = far_too_deep_wire(tags, tag_count);
  wire_result r = wire_fixture_run(message, NULL, wire, style);
  free((void *)(uintptr_t)r.json.p);
  free((void *)(uintptr_t)wire.p);
  return r.code;
}

static const struct {
  const char *message;
  uint8_t tags[3];
  size_t tag_count;
} far_too_deep[] = {
  { "codectest.Nested", { 0x1a }, 1 },          /* child */
  { "codectest.Nested", { 0x22 }, 1 },          /* children */
  { "codectest.Nested", { 0x7b }, 1 },          /* groups that nobody knows */
  { "codectest2.Message2", { 0x7b, 0x12 }, 2 }, /* Item.nested */
  { "google.protobuf.Struct", { 0x0a, 0x12, 0x2a }, 3 },
  { "google.protobuf.Value", { 0x32, 0x0a }, 2 },
};

enum { SHALLOW_RUNS = 2, SMALL_STACK_RUNS = SHALLOW_RUNS + GW_COUNT_OF(far_too_deep) };

static void *small_stack_run(void *context) {
  gw_code *codes = context;
  codes[0] = nested_run("codectest.Nested", GW_JSON_DEPTH_MAX, 0x22, "");
  codes[1] = list_values_run(GW_JSON_DEPTH_MAX);
  for (size_t i = 0; i < GW_COUNT_OF(far_too_deep); i++) {
    codes[SHALLOW_RUNS + i] = far_too_deep_run(far_too_deep[i].message, far_too_deep[i].tags,
                                               far_too_deep[i].tag_count, NULL);
  }
  return NULL;
}

TEST(wire_to_json, works_on_a_small_stack) {
  pthread_t thread;
  pthread_attr_t attr;
  gw_code codes[SMALL_STACK_RUNS] = { GW_INTERNAL, GW_INTERNAL };
  wire_fixture_pool(); /* loaded by this thread: only the conversion is meant */
  CHECK_INT(pthread_attr_init(&attr), 0);
  CHECK_INT(pthread_attr_setstacksize(&attr, GW_KIB(256)), 0);
  CHECK_INT(pthread_create(&thread, &attr, small_stack_run, codes), 0);
  CHECK_INT(pthread_join(thread, NULL), 0);
  pthread_attr_destroy(&attr);
  CHECK_INT(codes[0], GW_OK);
  CHECK_INT(codes[1], GW_OK);
  for (size_t i = SHALLOW_RUNS; i < SMALL_STACK_RUNS; i++)
    CHECK_INT(codes[i], GW_BAD_ANSWER);
}
#endif

static const char mixed_wire[] =
    "0a 05 'hello'  10 07  1a 07 0a 05 'child'  22 00 22 04 10 01 28 02"
    "32 07 0a 01 'k' 12 02 10 05  28 01  10 08";

static gw_code mixed_run(gw_str wire, size_t out_max, size_t arena_max, gw_buf *out) {
  gw_arena arena;
  gw_arena_init(&arena, NULL, arena_max);
  gw_codec codec = { .pool = wire_fixture_pool(), .memo = wire_fixture_memo(), .arena = &arena };
  gw_buf_init(out, NULL, out_max);
  gw_code code = gw_wire_to_json(&codec, wire_fixture_message("codectest.Nested"), wire, out, NULL);
  gw_arena_done(&arena);
  return code;
}

/* Exactly at the limit it fits, one byte below it does not, and nothing is left behind. */
TEST(wire_to_json, output_limit_is_exact) {
  gw_str wire = wire_fixture_bytes(gw_str_of(mixed_wire));
  gw_buf out;
  CHECK_INT(mixed_run(wire, GW_MIB(1), GW_MIB(1), &out), GW_OK);
  size_t n = out.n;
  gw_buf_done(&out);
  CHECK_INT(mixed_run(wire, n, GW_MIB(1), &out), GW_OK);
  CHECK_INT(out.n, n);
  gw_buf_done(&out);
  for (size_t max = 0; max < n; max++) {
    CHECK_INT(mixed_run(wire, max, GW_MIB(1), &out), GW_TOO_LARGE);
    CHECK_INT(out.n, 0);
    gw_buf_done(&out);
  }
  free((void *)(uintptr_t)wire.p);
}

TEST(wire_to_json, arena_limit_is_an_ordinary_error) {
  gw_str wire = wire_fixture_bytes(gw_str_of(mixed_wire));
  gw_buf out;
  CHECK_INT(mixed_run(wire, GW_MIB(1), 0, &out), GW_NOMEM);
  CHECK_INT(out.n, 0);
  gw_buf_done(&out);
  free((void *)(uintptr_t)wire.p);
}

static gw_code mixed_each_alloc(void *context) {
  gw_buf out;
  gw_code code = mixed_run(*(gw_str *)context, GW_MIB(1), GW_MIB(1), &out);
  gw_buf_done(&out);
  return code;
}

TEST(wire_to_json, survives_each_failed_alloc) {
  gw_str wire = wire_fixture_bytes(gw_str_of(mixed_wire));
  wire_fixture_pool(); /* loaded before allocations fail */
  test_fail_each_alloc(mixed_each_alloc, &wire);
  free((void *)(uintptr_t)wire.p);
}

/* What stands in `out` before stays, also after an error. */
TEST(wire_to_json, appends) {
  gw_arena arena;
  gw_buf out;
  gw_arena_init(&arena, NULL, GW_MIB(1));
  gw_buf_init(&out, NULL, 100);
  gw_codec codec = { .pool = wire_fixture_pool(), .memo = wire_fixture_memo(), .arena = &arena };
  const gw_message *nested = wire_fixture_message("codectest.Nested");
  CHECK_INT(gw_buf_append(&out, GW_STR("data: ")), GW_OK);
  CHECK_INT(gw_wire_to_json(&codec, nested, GW_STR("\x10\x07"), &out, NULL), GW_OK);
  CHECK_INT(gw_wire_to_json(&codec, nested, GW_STR("\x10"), &out, NULL), GW_BAD_ANSWER);
  CHECK_STR(gw_buf_str(&out), "data: {\"count\":7}");
  gw_buf_done(&out);
  gw_arena_done(&arena);
}
