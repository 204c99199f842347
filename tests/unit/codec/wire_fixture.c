#include "unit/codec/wire_fixture.h"

#include "base/limits.h"
#include "codec/wire_printer.h"
#include "schema/load.h"

static gw_pool *fixture_pool;
static gw_codec_memo *fixture_memo;

static void fixture_done(void) {
  gw_codec_memo_free(fixture_memo);
  gw_pool_free(fixture_pool);
}

static void fixture_report(void *context, const gw_err *err) {
  (void)context;
  print_error("%s: %s\n", err->where, err->text);
}

static void fixture_load(void) {
  static const char *const files[] = { "descriptors/codec_test.pb", "descriptors/codec_test2.pb",
                                       "descriptors/editions_test.pb" };
  gw_schema_source sources[GW_COUNT_OF(files)];
  for (size_t i = 0; i < GW_COUNT_OF(files); i++) {
    sources[i] = (gw_schema_source){ gw_str_of(files[i]), test_read_file(files[i]) };
  }
  CHECK_INT(gw_pool_load(sources, GW_COUNT_OF(files), fixture_report, NULL, &fixture_pool), GW_OK);
  for (size_t i = 0; i < GW_COUNT_OF(files); i++) {
    free((void *)(uintptr_t)sources[i].bytes.p);
  }
  fixture_memo = gw_codec_memo_new(fixture_pool);
  CHECK(fixture_memo != NULL);
  atexit(fixture_done);
}

const gw_pool *wire_fixture_pool(void) {
  if (fixture_pool == NULL) fixture_load();
  return fixture_pool;
}

gw_codec_memo *wire_fixture_memo(void) {
  if (fixture_pool == NULL) fixture_load();
  return fixture_memo;
}

const gw_message *wire_fixture_message(const char *full_name) {
  const gw_message *message = gw_pool_find_message(wire_fixture_pool(), gw_str_of(full_name));
  if (message == NULL) fail_msg("no message %s", full_name);
  return message;
}

gw_str wire_fixture_bytes(gw_str text) {
  char *bytes = malloc(text.n + 1);
  size_t n = 0;
  int half = -1;
  for (size_t i = 0; i < text.n; i++) {
    char c = text.p[i];
    if (c == '#') {
      i += gw_str_find(gw_str_skip(text, i), '\n');
    } else if (c == '\'') {
      while (++i < text.n && text.p[i] != '\'') {
        bytes[n++] = text.p[i];
      }
    } else if (gw_char_hex(c) >= 0) {
      if (half >= 0) bytes[n++] = (char)(half * 16 + gw_char_hex(c));
      half = half >= 0 ? -1 : gw_char_hex(c);
    } else if (c != ' ' && c != '\n') {
      fail_msg("not hexadecimal: '%c'", c);
    }
  }
  CHECK(half < 0);
  char *exact = malloc(n > 0 ? n : 1);
  memcpy(exact, bytes, n);
  free(bytes);
  return (gw_str){ exact, n };
}

gw_json_style wire_fixture_style(const char *words) {
  gw_json_style style = { 0 };
  gw_str rest = gw_str_of(words != NULL ? words : "");
  while (rest.n > 0) {
    gw_str word = gw_str_trim(gw_str_cut(&rest, ' '), " \n");
    if (gw_str_eq(word, GW_STR("all"))) style.emit = GW_EMIT_ALL;
    if (gw_str_eq(word, GW_STR("nulls"))) style.emit = GW_EMIT_NULLS;
    if (gw_str_eq(word, GW_STR("int64_number"))) style.int64_number = true;
    if (gw_str_eq(word, GW_STR("proto_names"))) style.proto_names = true;
    if (gw_str_eq(word, GW_STR("enum_number"))) style.enum_number = true;
  }
  return style;
}

wire_result wire_fixture_run(const char *message, const char *field, gw_str wire,
                             const char *style) {
  wire_result result = { 0 };
  const gw_message *m = wire_fixture_message(message);
  const gw_field *f = field != NULL ? gw_message_field_by_name(m, gw_str_of(field)) : NULL;
  if (field != NULL && f == NULL) fail_msg("no field %s in %s", field, message);
  gw_arena arena;
  gw_buf out;
  gw_arena_init(&arena, NULL, GW_MIB(64));
  gw_buf_init(&out, NULL, GW_MIB(64));
  gw_codec codec = { .pool = wire_fixture_pool(),
                     .memo = wire_fixture_memo(),
                     .arena = &arena,
                     .style = wire_fixture_style(style) };
  gw_err_init(&result.err);
  result.code = gw_wire_convert(&codec, m, f, wire, &out, &result.err, &result.message_count);
  if (result.code != GW_OK) CHECK_INT(out.n, 0);
  result.json = gw_buf_str(&out);
  gw_arena_done(&arena);
  return result;
}

void wire_fixture_check(const char *message, const char *wire, const char *wanted) {
  gw_str bytes = wire_fixture_bytes(gw_str_of(wire));
  wire_result r = wire_fixture_run(message, NULL, bytes, NULL);
  char text[640];
  if (r.code != GW_OK) {
    int n =
        snprintf(text, sizeof text, "%s: %s [%s]", gw_code_name(r.code), r.err.text, r.err.where);
    CHECK_STR(((gw_str){ text, (size_t)n }), wanted);
  } else {
    CHECK_STR(r.json, wanted);
  }
  free((void *)(uintptr_t)r.json.p);
  free((void *)(uintptr_t)bytes.p);
}
