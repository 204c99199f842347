/* gw_text_to_wire_field over tests/golden/text_to_wire: each line of `input` is "FIELD TEXT" or
 * "always FIELD TEXT", a field of codectest.AllTypes; TEXT is all behind the space, with \xNN for
 * bytes.  `output` has the wire or the error of each line. */
#include "unit/codec/json_fixture.h"
#include "unit/golden.h"

typedef struct lines {
  gw_codec_memo *memo;
} lines;

static gw_str unescaped(gw_str text) {
  char *out = malloc(text.n + 1);
  size_t n = 0;
  CHECK(out != NULL);
  for (size_t i = 0; i < text.n; i++) {
    bool escape = text.n - i >= 4 && text.p[i] == '\\' && text.p[i + 1] == 'x';
    int code = escape ? gw_char_hex(text.p[i + 2]) * 16 + gw_char_hex(text.p[i + 3]) : text.p[i];
    out[n++] = (char)code;
    if (escape) i += 3;
  }
  /* The text ends where its memory does. */
  return (gw_str){ n > 0 ? realloc(out, n) : out, n };
}

static void run_line(const lines *context, gw_str line, gw_buf *report) {
  gw_arena arena;
  gw_buf out;
  gw_err err;
  gw_str whole = line;
  bool always = gw_str_starts(line, GW_STR("always "));
  if (always) line = gw_str_skip(line, 7);
  gw_str name = gw_str_cut(&line, ' '), text = unescaped(line);
  const gw_field *field =
      gw_message_field_by_name(json_fixture_message("codectest.AllTypes"), name);
  if (field == NULL) fail_msg("no field " GW_STR_FMT, GW_STR_ARG(name));
  gw_arena_init(&arena, NULL, GW_MIB(1));
  gw_buf_init(&out, NULL, GW_MIB(1));
  gw_err_init(&err);
  gw_codec codec = { .pool = json_fixture_pool(), .memo = context->memo, .arena = &arena };
  gw_code code = gw_text_to_wire_field(&codec, field, text, always, &out, &err);
  gw_str hex = json_fixture_hex(gw_buf_str(&out));
  const char *shown = code != GW_OK ? err.text : hex.n == 0 ? "nothing" : NULL;
  CHECK_INT(gw_buf_printf(report, GW_STR_FMT " => %s" GW_STR_FMT "\n", GW_STR_ARG(whole),
                          shown != NULL ? shown : "", shown != NULL ? 0 : (int)hex.n, hex.p),
            GW_OK);
  CHECK_INT(code, code == GW_OK ? GW_OK : GW_BAD_VALUE);
  CHECK_INT(err.where[0], 0);
  free((void *)(uintptr_t)hex.p);
  free((void *)(uintptr_t)text.p);
  gw_buf_done(&out);
  gw_arena_done(&arena);
}

static void run_case(golden_case *c, void *context) {
  gw_str input = golden_read(c, "input", true), rest = input;
  lines *state = context;
  gw_buf report;
  gw_buf_init(&report, NULL, GW_MIB(1));
  while (rest.n > 0) {
    gw_str line = gw_str_cut(&rest, '\n');
    if (line.n > 0) run_line(state, line, &report);
  }
  golden_check(c, "output", gw_buf_str(&report));
  gw_buf_done(&report);
  free((void *)(uintptr_t)input.p);
}

TEST(text_to_wire, golden_cases) {
  lines all = { gw_codec_memo_new(json_fixture_pool()) };
  golden_each("text_to_wire", run_case, &all);
  gw_codec_memo_free(all.memo);
}

static gw_code run_texts(void *context) {
  static const struct {
    const char *field, *text;
  } rows[] = { { "stringValue", "a string that is longer than what a buffer has at its start" },
               { "bytesValue", "QUJD" },
               { "wrappedInt32", "5" },
               { "fieldMask", "a,b_c,dE" },
               { "struct", "{\"a\":[1,2]}" } };
  gw_arena arena;
  gw_buf out;
  gw_code code = GW_OK;
  gw_codec_memo *memo = gw_codec_memo_new(json_fixture_pool());
  (void)context;
  if (memo == NULL) return GW_NOMEM;
  gw_arena_init(&arena, NULL, GW_MIB(1));
  gw_buf_init(&out, NULL, 256);
  gw_codec codec = { .pool = json_fixture_pool(), .memo = memo, .arena = &arena };
  for (size_t i = 0; i < GW_COUNT_OF(rows) && code == GW_OK; i++) {
    code = gw_text_to_wire_field(&codec, json_fixture_field("codectest.AllTypes", rows[i].field),
                                 gw_str_of(rows[i].text), false, &out, NULL);
  }
  gw_buf_done(&out);
  gw_arena_done(&arena);
  gw_codec_memo_free(memo);
  return code;
}

TEST(text_to_wire, survives_each_failed_alloc) {
  json_fixture_pool();
  test_fail_each_alloc(run_texts, NULL);
}

TEST(text_to_wire, respects_the_limit) {
  gw_codec_memo *memo = gw_codec_memo_new(json_fixture_pool());
  gw_arena arena;
  gw_arena_init(&arena, NULL, GW_MIB(1));
  gw_codec codec = { .pool = json_fixture_pool(), .memo = memo, .arena = &arena };
  static const char *const fields[] = { "stringValue", "bytesValue", "wrappedString", "value" };
  static const char *const texts[] = { "0123456789", "QUJDREVG", "0123456789", "\"0123456789\"" };
  for (size_t i = 0; i < GW_COUNT_OF(fields); i++) {
    for (size_t max = 0; max < 20; max++) {
      gw_buf out;
      gw_buf_init(&out, NULL, max);
      gw_code code =
          gw_text_to_wire_field(&codec, json_fixture_field("codectest.AllTypes", fields[i]),
                                gw_str_of(texts[i]), false, &out, NULL);
      CHECK(code == GW_OK || code == GW_TOO_LARGE);
      CHECK(out.n <= max);
      CHECK(max < 18 || code == GW_OK);
      gw_buf_done(&out);
    }
  }
  gw_arena_done(&arena);
  gw_codec_memo_free(memo);
}
