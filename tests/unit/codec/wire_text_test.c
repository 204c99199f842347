#include "unit/codec/wire_fixture.h"

#define LENGTH_MAX 70

/* One string field with `text` in it, as exactly sized memory. */
static wire_result string_run(gw_str text) {
  char *wire = malloc(text.n + 2);
  CHECK(text.n < 128);
  wire[0] = 0x0a;
  wire[1] = (char)text.n;
  memcpy(wire + 2, text.p, text.n);
  wire_result r = wire_fixture_run("codectest.Nested", NULL, (gw_str){ wire, text.n + 2 }, "all");
  free(wire);
  return r;
}

static void string_check(gw_str text, gw_str printed) {
  char wanted[1024];
  wire_result r = string_run(text);
  int n = snprintf(wanted, sizeof wanted,
                   "{\"name\":\"" GW_STR_FMT "\",\"count\":0,\"children\":[],"
                   "\"color\":\"COLOR_UNSPECIFIED\",\"byName\":{}}",
                   GW_STR_ARG(printed));
  CHECK_INT(r.code, GW_OK);
  test_check_str(r.json, (gw_str){ wanted, (size_t)n }, __FILE__, __LINE__);
  free((void *)(uintptr_t)r.json.p);
}

/* Each special sequence at each place of strings around the 16-byte steps. */
TEST(wire_text, specials_at_every_place) {
  static const struct {
    const char *raw, *printed;
  } rows[] = {
    { "\"", "\\\"" },
    { "\\", "\\\\" },
    { "\n", "\\n" },
    { "\x01", "\\u0001" },
    { "\x1f", "\\u001f" },
    { "\x7f", "\x7f" },
    { "\xC3\xA9", "\xC3\xA9" },
    { "\xE2\x82\xAC", "\xE2\x82\xAC" },
    { "\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80" },
    { "\xED\x9F\xBF\xEE\x80\x80", "\xED\x9F\xBF\xEE\x80\x80" },
    { "\xF4\x8F\xBF\xBF", "\xF4\x8F\xBF\xBF" },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    for (size_t n = 0; n < LENGTH_MAX; n++) {
      for (size_t at = 0; at <= n; at++) {
        char raw[128], printed[256];
        memset(raw, 'x', n);
        memset(printed, 'x', n);
        size_t raw_n = strlen(rows[i].raw), printed_n = strlen(rows[i].printed);
        memmove(raw + at + raw_n, raw + at, n - at);
        memcpy(raw + at, rows[i].raw, raw_n);
        memmove(printed + at + printed_n, printed + at, n - at);
        memcpy(printed + at, rows[i].printed, printed_n);
        string_check((gw_str){ raw, n + raw_n }, (gw_str){ printed, n + printed_n });
      }
    }
  }
}

/* Every byte below 0x80. */
TEST(wire_text, ascii) {
  for (int c = 0; c < 0x80; c++) {
    static const char names[] = "\bb\ff\nn\rr\tt\"\"\\\\";
    char raw = (char)c, printed[8];
    const char *name = c != 0 ? memchr(names, c, sizeof names - 1) : NULL;
    int n = name != NULL && (name - names) % 2 == 0
                ? snprintf(printed, sizeof printed, "\\%c", name[1])
            : c < 0x20 ? snprintf(printed, sizeof printed, "\\u%04x", (unsigned)c)
                       : snprintf(printed, sizeof printed, "%c", c);
    string_check((gw_str){ &raw, 1 }, (gw_str){ printed, (size_t)n });
  }
}

/* All escapes: six times the bytes. */
TEST(wire_text, grows_by_escapes) {
  char raw[120], printed[720];
  for (size_t i = 0; i < 120; i++) {
    raw[i] = 1;
    memcpy(printed + i * 6, "\\u0001", 6);
  }
  string_check((gw_str){ raw, 120 }, (gw_str){ printed, 720 });
}

TEST(wire_text, refuses_what_is_not_utf8) {
  static const char *const rows[] = {
    "\x80",         "\xBF",         "\xC0\x80",         "\xC1\xBF",         "\xC3",
    "\xC3\x41",     "\xE0\x9F\xBF", "\xE2\x82",         "\xE2\x28\xA1",     "\xED\xA0\x80",
    "\xED\xBF\xBF", "\xF0\x9F\x98", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
    "\xFF",         "\xFE",         "\xE2\x82\xC3\xA9",
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    for (size_t before = 0; before < 40; before++) {
      for (size_t behind = 0; behind < 2; behind++) {
        char raw[64];
        size_t n = strlen(rows[i]);
        memset(raw, 'x', sizeof raw);
        memcpy(raw + before, rows[i], n);
        wire_result r = string_run((gw_str){ raw, before + n + behind * 17 });
        CHECK_INT(r.code, GW_BAD_ANSWER);
        CHECK_STR(gw_str_of(r.err.where), "name");
        free((void *)(uintptr_t)r.json.p);
      }
    }
  }
}
