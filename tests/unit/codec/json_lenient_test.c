#include "codec/json_reader.h"
#include "codec/wire_printer.h"
#include "codec/wkt_text.h"

#include "unit/test.h"

typedef struct row {
  const char *text, *wanted; /* NULL: nothing to rewrite */
} row;

static const row rows[] = {
  { "{}", NULL },
  { "{\"a\":\"b\\n\\u0041\\\\\"}", NULL },
  { "[1, 2.5, -3e+5, true, null]", NULL },
  { "{'a':'b\"c'}", "{\"a\":\"b\\\"c\"}" },
  { "{a_1:1,$b:2}", "{\"a_1\":1,\"$b\":2}" },
  { "{true:1}", NULL },
  { "{trueish : 1}", "{\"trueish\" : 1}" },
  { "{\"a\":[1,],}", "{\"a\":[1]}" },
  { "[1 , ]", "[1  ]" },
  { "[,]", NULL },
  { "[1,,]", NULL },
  { "{,}", NULL },
  { "\"a\tb\"", "\"a\\u0009b\"" },
  { "\"\\x\\v\\'\"", "\"x\\u000b'\"" },
  { "5.", "5.0" },
  { "5.e3", "5.0e3" },
  { "-.5", "-0.5" },
  { "00.5", "0.5" },
  { "007", NULL },
  { "[1]\f", "[1] " },
  { "'never closed", "\"never closed" },
  { "'ends in \\", "\"ends in \\" },
  { "", NULL },
};

TEST(json_lenient, rewrites_what_protobuf_takes_and_nothing_else) {
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    gw_arena arena;
    gw_str out;
    gw_arena_init(&arena, NULL, GW_MIB(1));
    gw_code code = gw_json_lenient_rewrite(gw_str_of(rows[i].text), &arena, &out);
    if (rows[i].wanted == NULL) {
      if (code != GW_BAD_REQUEST) fail_msg("%s", rows[i].text);
    } else {
      CHECK_INT(code, GW_OK);
      CHECK_STR(out, rows[i].wanted);
    }
    gw_arena_done(&arena);
  }
}

static gw_code rewrite_once(void *context) {
  gw_arena arena;
  gw_str out;
  gw_arena_init(&arena, NULL, GW_MIB(1));
  gw_code code = gw_json_lenient_rewrite(*(gw_str *)context, &arena, &out);
  gw_arena_done(&arena);
  return code;
}

TEST(json_lenient, survives_each_failed_alloc) {
  gw_str text = GW_STR("{a:'b',c:[1,],}");
  test_fail_each_alloc(rewrite_once, &text);
}

/* A comma looks ahead over space, and each control character becomes six bytes. */
TEST(json_lenient, work_and_memory_stay_in_proportion) {
  static char text[200000];
  gw_arena arena;
  gw_str out;
  memset(text, ' ', sizeof text);
  for (size_t i = 0; i < sizeof text; i += 1000)
    text[i] = i == 0 ? '[' : ',';
  gw_arena_init(&arena, NULL, 8 * sizeof text);
  CHECK_INT(gw_json_lenient_rewrite((gw_str){ text, sizeof text }, &arena, &out), GW_BAD_REQUEST);
  gw_arena_done(&arena);
  memset(text, '\1', sizeof text);
  text[0] = text[sizeof text - 1] = '"';
  gw_arena_init(&arena, NULL, 16 * sizeof text);
  CHECK_INT(gw_json_lenient_rewrite((gw_str){ text, sizeof text }, &arena, &out), GW_OK);
  CHECK_INT(out.n, 6 * (sizeof text - 2) + 2);
  gw_arena_done(&arena);
}

TEST(json_lenient, numbers_in_quotes) {
  static const row numbers[] = {
    { "01", "1" },    { "+1", "1" }, { "-007", "-7" },     { ".5", "0.5" },
    { "5.", "5.0" },  { "00", "0" }, { "+.5e3", "0.5e3" }, { "-.e1", "-0.0e1" },
    { "0x1", "0x1" }, { "", "" },    { "1 ", "1 " },       { "--1", "--1" },
  };
  gw_arena arena;
  gw_str out;
  gw_arena_init(&arena, NULL, GW_MIB(1));
  for (size_t i = 0; i < GW_COUNT_OF(numbers); i++) {
    CHECK(gw_json_lenient_number(gw_str_of(numbers[i].text), &arena, &out));
    CHECK_STR(out, numbers[i].wanted);
  }
  gw_arena_done(&arena);
}

/* ---- durations ---- */

typedef struct duration_row {
  const char *text;
  bool cpp, go_json, go;
  int64_t seconds;
  int32_t nanos;
} duration_row;

TEST(json_lenient, durations_as_peers_read_them) {
  static const duration_row durations[] = {
    { "3s", true, true, true, 3, 0 },
    { "+3s", true, true, true, 3, 0 },
    { "3.s", true, true, true, 3, 0 },
    { "-.5s", false, true, true, 0, -500000000 },
    { "01s", true, false, true, 1, 0 },
    { "1h0m1.5s", false, false, true, 3601, 500000000 },
    { "1.5h", false, false, true, 5400, 0 },
    { "-300ms", false, false, true, 0, -300000000 },
    { "1us2ns", false, false, true, 0, 1002 },
    { "3\xc2\xb5s", false, false, true, 0, 3000 },
    { "0", false, false, true, 0, 0 },
    { "9223372036s", true, true, true, 9223372036, 0 },
    { "", false, false, false, 0, 0 },
    { "s", false, false, false, 0, 0 },
    { ".s", false, false, false, 0, 0 },
    { "1", false, false, false, 0, 0 },
    { "-", false, false, false, 0, 0 },
    { "1x", false, false, false, 0, 0 },
    { "--1s", false, false, false, 0, 0 },
    { "2562048h", false, false, false, 0, 0 },
    { "99999999999999999999h", false, false, false, 0, 0 },
  };
  for (size_t i = 0; i < GW_COUNT_OF(durations); i++) {
    const duration_row *d = &durations[i];
    gw_str text = gw_str_of(d->text);
    for (int form = 0; form < 3; form++) {
      static const gw_durations forms[] = { GW_DURATIONS_CPP, GW_DURATIONS_GO };
      bool wanted = form == 0 ? d->cpp : form == 1 ? d->go_json : d->go;
      int64_t seconds = -1;
      int32_t nanos = -1;
      bool got = form < 2 ? gw_duration_parse_as(text, forms[form], &seconds, &nanos)
                          : gw_go_duration_parse(text, &seconds, &nanos);
      if (got != wanted) fail_msg("%s: %d", d->text, form);
      if (!wanted) continue;
      CHECK_INT(seconds, d->seconds);
      CHECK_INT(nanos, d->nanos);
    }
  }
}

/* ---- escapes for HTML ---- */

TEST(json_lenient, html_escapes_keep_everything_else) {
  static const row texts[] = {
    { "{\"a\":1}", "{\"a\":1}" },
    { "\"<b>\"", "\"\\u003cb\\u003e\"" },
    { "\"\x7f\xc2\x80\xc2\x9f\xc2\xa0\"", "\"\\u007f\\u0080\\u009f\xc2\xa0\"" },
    { "\"\xe2\x80\xa8\xe2\x80\xa7\"", "\"\\u2028\xe2\x80\xa7\"" },
    { "\"\xf0\x9d\x85\xb3\xf0\x9f\x98\x80\"", "\"\\ud834\\udd73\xf0\x9f\x98\x80\"" },
  };
  for (size_t i = 0; i < GW_COUNT_OF(texts); i++) {
    gw_arena arena;
    gw_buf out;
    gw_arena_init(&arena, NULL, GW_MIB(1));
    gw_buf_init(&out, &arena, GW_KIB(64));
    CHECK_INT(gw_buf_append(&out, GW_STR("<before>")), GW_OK);
    CHECK_INT(gw_buf_append(&out, gw_str_of(texts[i].text)), GW_OK);
    CHECK_INT(gw_wire_html_escape(&arena, &out, 8), GW_OK);
    CHECK(gw_str_starts(gw_buf_str(&out), GW_STR("<before>")));
    CHECK_STR(gw_str_skip(gw_buf_str(&out), 8), texts[i].wanted);
    gw_arena_done(&arena);
  }
}
