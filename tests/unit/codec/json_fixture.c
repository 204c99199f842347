#include "unit/codec/json_fixture.h"

static gw_pool *fixture_pool;

static void fixture_report(void *context, const gw_err *err) {
  (void)context;
  fail_msg("%s: %s", err->where, err->text);
}

__attribute__((destructor)) static void fixture_done(void) {
  gw_pool_free(fixture_pool);
}

const gw_pool *json_fixture_pool(void) {
  static const char *const paths[] = { "descriptors/codec_test.pb", "descriptors/codec_test2.pb",
                                       "descriptors/editions_test.pb" };
  gw_schema_source sources[GW_COUNT_OF(paths)];
  if (fixture_pool != NULL) return fixture_pool;
  for (size_t i = 0; i < GW_COUNT_OF(paths); i++) {
    sources[i] = (gw_schema_source){ gw_str_of(paths[i]), test_read_file(paths[i]) };
  }
  CHECK_INT(gw_pool_load(sources, GW_COUNT_OF(paths), fixture_report, NULL, &fixture_pool), GW_OK);
  for (size_t i = 0; i < GW_COUNT_OF(paths); i++)
    free((void *)(uintptr_t)sources[i].bytes.p);
  return fixture_pool;
}

const gw_message *json_fixture_message(const char *full_name) {
  const gw_message *message = gw_pool_find_message(json_fixture_pool(), gw_str_of(full_name));
  if (message == NULL) fail_msg("no message %s", full_name);
  return message;
}

const gw_field *json_fixture_field(const char *message, const char *field) {
  const gw_field *found = gw_message_field_by_name(json_fixture_message(message), gw_str_of(field));
  if (found == NULL) fail_msg("no field %s in %s", field, message);
  return found;
}

json_result json_fixture_convert(const gw_message *message, gw_str json, gw_json_style style,
                                 gw_codec_memo *memo, char pad) {
  json_result result = { .code = GW_OK };
  gw_arena arena;
  char *copy = malloc(json.n + GW_JSON_PAD);
  CHECK(copy != NULL);
  if (json.n > 0) memcpy(copy, json.p, json.n);
  memset(copy + json.n, pad, GW_JSON_PAD);
  gw_arena_init(&arena, NULL, GW_MIB(64));
  gw_buf_init(&result.wire, NULL, GW_MIB(64));
  gw_err_init(&result.err);
  gw_codec codec = { .pool = json_fixture_pool(), .memo = memo, .arena = &arena, .style = style };
  result.code =
      gw_json_to_wire(&codec, message, (gw_str){ copy, json.n }, &result.wire, &result.err);
  result.unknown_count = codec.unknown_count;
  gw_arena_done(&arena);
  free(copy);
  return result;
}

void json_result_done(json_result *result) {
  gw_buf_done(&result->wire);
}

gw_str json_fixture_hex(gw_str bytes) {
  char *hex = malloc(2 * bytes.n + 1);
  CHECK(hex != NULL);
  for (size_t i = 0; i < bytes.n; i++)
    snprintf(hex + 2 * i, 3, "%02x", (unsigned char)bytes.p[i]);
  return (gw_str){ hex, 2 * bytes.n };
}
