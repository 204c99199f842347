#include "base/limits.h"
#include "unit/schema/sets.h"

typedef struct load_seen {
  size_t count;
  gw_err last;
} load_seen;

static void load_note(void *context, const gw_err *err) {
  load_seen *seen = context;
  seen->count++;
  seen->last = *err;
}

static gw_code load_bytes(gw_str bytes, load_seen *seen, gw_pool **pool) {
  gw_schema_source source = { GW_STR_INIT("test.pb"), bytes };
  *seen = (load_seen){ 0 };
  return gw_pool_load(&source, 1, load_note, seen, pool);
}

TEST(load, merges_sets_and_takes_a_file_once) {
  const char *names[] = { "userservice", "codec_test", "codec_test2", "userservice" };
  gw_schema_source sources[4];
  gw_pool *pool = NULL;
  for (size_t i = 0; i < 4; i++)
    sources[i] = sets_source(names[i]);
  CHECK_INT(gw_pool_load(sources, 4, sets_print, NULL, &pool), GW_OK);
  for (size_t i = 0; i < 4; i++)
    free((void *)(uintptr_t)sources[i].bytes.p); /* the pool keeps nothing of them */
  CHECK_INT(gw_pool_service_count(pool), 3);
  CHECK_STR(gw_pool_service(pool, 0)->full_name, "codectest.EchoService");
  CHECK_STR(gw_pool_service(pool, 1)->full_name, "codectest2.Echo2Service");
  CHECK_STR(gw_pool_service(pool, 2)->full_name, "userservice.UserService");
  gw_pool_free(pool);
}

TEST(load, without_sources_holds_the_builtin_set) {
  gw_pool *pool = NULL;
  CHECK_INT(gw_pool_load(NULL, 0, sets_print, NULL, &pool), GW_OK);
  CHECK(gw_pool_find_message(pool, GW_STR("google.protobuf.Any")) != NULL);
  CHECK(gw_pool_find_message(pool, GW_STR("google.rpc.ErrorInfo")) != NULL);
  CHECK(gw_pool_find_message(pool, GW_STR("google.api.HttpBody")) != NULL);
  CHECK(gw_pool_find_enum(pool, GW_STR("google.rpc.Code")) != NULL);
  CHECK(gw_pool_find_extension(pool, GW_STR("google.api.http")) != NULL);
  CHECK_INT(gw_pool_service_count(pool), 0);
  gw_pool_free(pool);
}

/* A vendored copy under another file name wins over the built-in one. */
TEST(load, own_symbols_win_over_builtin_ones) {
  static const char set[] = "\x0a\x29\x0a\x07v.proto\x12\x0agoogle.api\x22\x0a\x0a\x08HttpRule"
                            "\x62\x06proto3";
  load_seen seen;
  gw_pool *pool = NULL;
  CHECK_INT(load_bytes((gw_str){ set, sizeof set - 1 }, &seen, &pool), GW_OK);
  const gw_message *rule = gw_pool_find_message(pool, GW_STR("google.api.HttpRule"));
  CHECK_INT(rule->field_count, 0);
  const gw_message *http = gw_pool_find_message(pool, GW_STR("google.api.Http"));
  CHECK(http != NULL && sets_field(http, "rules")->message == rule);
  gw_pool_free(pool);
}

/* protobuf-c refuses groups; options of proto2 may be groups. */
TEST(load, drops_custom_options_that_are_groups) {
  static const char good[] = "\x0a\x0d\x0a\x01"
                             "a\x42\x08\x8b\xb5\x18\x08\x01\x8c\xb5\x18";
  static const char open[] = "\x0a\x0a\x0a\x01"
                             "a\x42\x05\x8b\xb5\x18\x08\x01";
  load_seen seen;
  gw_pool *pool = NULL;
  CHECK_INT(load_bytes((gw_str){ good, sizeof good - 1 }, &seen, &pool), GW_OK);
  gw_pool_free(pool);
  pool = NULL;
  CHECK_INT(load_bytes((gw_str){ open, sizeof open - 1 }, &seen, &pool), GW_BAD_VALUE);
  CHECK(pool == NULL);
  CHECK_INT(seen.count, 1);
}

TEST(load, reports_at_most_a_hundred_errors_and_counts_the_rest) {
  char set[3 + 3 + 120 * 5] = "\x0a\xdb\x04\x0a\x01"
                              "a"; /* 603 bytes */
  for (size_t i = 0; i < 120; i++) {
    char *import = set + 6 + i * 5;
    import[0] = 0x1a;
    import[1] = 3;
    import[2] = 'x';
    import[3] = (char)('0' + i / 10);
    import[4] = (char)('0' + i % 10);
  }
  load_seen seen;
  gw_pool *pool = NULL;
  CHECK_INT(load_bytes((gw_str){ set, sizeof set }, &seen, &pool), GW_NOT_FOUND);
  CHECK_INT(seen.count, 101);
  CHECK_STR(gw_str_of(seen.last.text), "20 more errors");
}

TEST(load, refuses_every_truncation_or_loads_it_whole) {
  gw_schema_source source = sets_source("editions_test");
  size_t whole = source.bytes.n;
  for (size_t n = 0; n < whole; n++) {
    load_seen seen;
    gw_pool *pool = NULL;
    gw_code code = load_bytes(gw_str_first(source.bytes, n), &seen, &pool);
    CHECK((code == GW_OK) == (seen.count == 0));
    gw_pool_free(pool);
  }
  free((void *)(uintptr_t)source.bytes.p);
}

TEST(load, refuses_a_set_over_its_limit) {
  static const char byte = 0;
  load_seen seen;
  gw_pool *pool = NULL;
  /* Never read: the length alone decides. */
  CHECK_INT(load_bytes((gw_str){ &byte, GW_DESCRIPTOR_BYTES_MAX + 1 }, &seen, &pool), GW_TOO_LARGE);
  CHECK_STR(gw_str_of(seen.last.text), "has 67108865 bytes; at most 67108864 are read");
  CHECK_STR(gw_str_of(seen.last.where), "test.pb");
}

/* A file with `levels` messages, each in the one before it.  Returns the set's bytes. */
static size_t load_nested(unsigned levels, char *end) {
  static const char innermost[] = "\x0a\x01M";
  char *at = end - 3;
  memcpy(at, innermost, 3);
  for (unsigned i = 1; i <= levels + 1; i++) {
    size_t n = (size_t)(end - at);
    *--at = (char)(n >> 7);
    *--at = (char)(n | 0x80);
    /* nested_type of the message around it, message_type of the file, file of the set */
    *--at = i < levels ? 0x1a : i == levels ? 0x22 : 0x0a;
    if (i <= levels) memcpy(at -= 3, innermost, 3); /* the name of what is around it */
  }
  return (size_t)(end - at);
}

TEST(load, nests_as_deep_as_the_limit_and_no_deeper) {
  char bytes[2048];
  char *end = bytes + sizeof bytes;
  load_seen seen;
  gw_pool *pool = NULL;
  size_t n = load_nested(GW_DESCRIPTOR_DEPTH_MAX - 1, end); /* the file is the first level */
  CHECK_INT(load_bytes((gw_str){ end - n, n }, &seen, &pool), GW_OK);
  CHECK(gw_pool_find_message(pool, GW_STR("M.M.M.M")) != NULL);
  gw_pool_free(pool);
  pool = NULL;
  n = load_nested(GW_DESCRIPTOR_DEPTH_MAX, end);
  CHECK_INT(load_bytes((gw_str){ end - n, n }, &seen, &pool), GW_TOO_LARGE);
  CHECK(pool == NULL);
}

static gw_code load_and_free(void *context) {
  const gw_schema_source *sources = context;
  load_seen seen = { 0 };
  gw_pool *pool = NULL;
  gw_code code = gw_pool_load(sources, 2, load_note, &seen, &pool);
  CHECK((code == GW_OK) == (pool != NULL));
  CHECK((code == GW_OK) == (seen.count == 0));
  gw_pool_free(pool);
  return code;
}

TEST(load, survives_each_failed_alloc) {
  gw_schema_source sources[2] = { sets_source("codec_test2"), sets_source("editions_test") };
  test_fail_each_alloc(load_and_free, sources);
  for (size_t i = 0; i < 2; i++)
    free((void *)(uintptr_t)sources[i].bytes.p);
}
