#include "control/mask.h"

#include "unit/test.h"

#define MASKED_OPEN "\xEF\xB7\x90" /* "{" */

static gw_arena arena;

static gw_str mask(gw_str text) {
  gw_str out = { NULL, 0 };
  CHECK_INT(gw_mask_apply(text, &arena, &out), GW_OK);
  return out;
}

static bool is_masked(gw_str text) {
  return memmem(text.p, text.n, MASKED_OPEN, 3) != NULL;
}

TEST(mask, only_plain_variables_are_masked) {
  static const struct {
    bool masked;
    const char *text;
  } rows[] = {
    { true, "${A}" },
    { true, "[x, ${A:-b}]" },
    { true, "it's ${A}" },
    { true, "a: b 'c ${A}" },
    { true, "a: b, 'c ${A}" },
    { true, "'it''s': ${A}" },
    { true, "[\"a\\\"b\", ${A}]" },
    { true, "a: |\n  b ' # c\nd: ${A}" },
    { true, "- >-\n\n  'b\n\n- ${A}" },
    { true, "a: # it's\n  - ${A}" },
    { true, "a#b ${A}" },
    { false, "" },
    { false, "$A {b} ${" },
    { false, "${A\n}" },
    { false, "'${A}'" },
    { false, "[\"${A}\"]" },
    { false, "{\"a\":\"${A}\"}" },
    { false, "- '\n ${A}'" },
    { false, "# ${A}" },
    { false, "a: b # ${A}" },
    { false, "a: |\n  ${A}\n  b ${A}\n" },
    { false, "- b: >2-\n\n    ${A}" },
    { false, "'a" },
    { false, "\"a\\" },
    { false, "a: |" },
  };
  gw_arena_init(&arena, NULL, 1u << 20);
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    gw_str text = gw_str_of(rows[i].text), out = mask(text);
    if (is_masked(out) != rows[i].masked) fail_msg("row %zu: %s", i, rows[i].text);
    if (!rows[i].masked) CHECK(out.p == text.p && out.n == text.n);
  }
  gw_arena_done(&arena);
}

TEST(mask, what_is_masked_comes_back) {
  gw_str text = GW_STR("[${A:-{b[c],d: #\xC3\xA9}, x${Y}z]\n");
  char copy[128];
  gw_arena_init(&arena, NULL, 1u << 20);
  gw_str out = mask(text);
  CHECK(out.n < sizeof copy);
  CHECK_INT(gw_mask_find(text), text.n);
  CHECK_INT(gw_mask_find(out), 2);
  memcpy(copy, out.p, out.n);
  CHECK_STR(((gw_str){ copy, gw_mask_undo(copy, out.n) }), text.p);
  gw_arena_done(&arena);
}

TEST(mask, other_characters_are_left_alone) {
  char text[] = "\xEF\xB7\x97\xEF\xB7\xEF\xBB\xBF\xEF";
  size_t n = sizeof text - 1;
  CHECK_INT(gw_mask_find((gw_str){ text, n }), n);
  CHECK_INT(gw_mask_undo(text, n), n);
}

TEST(mask, a_line_of_many_variables_takes_linear_time) {
  size_t count = 300000;
  char *text = malloc(count * 4);
  gw_arena_init(&arena, NULL, 64u << 20);
  for (size_t i = 0; i < count; i++)
    memcpy(text + i * 4, i % 2 == 0 ? "${A}" : "x${ ", 4);
  CHECK(is_masked(mask((gw_str){ text, count * 4 })));
  memset(text, ' ', 4);
  for (size_t i = 1; i < count; i++)
    memcpy(text + i * 4, "x${ ", 4);
  CHECK(!is_masked(mask((gw_str){ text, count * 4 })));
  gw_arena_done(&arena);
  free(text);
}

static gw_code mask_once(void *context) {
  gw_str out;
  (void)context;
  gw_arena_init(&arena, NULL, 1u << 20);
  gw_code code = gw_mask_apply(GW_STR("[${A}, ${B:-c}]"), &arena, &out);
  gw_arena_done(&arena);
  return code;
}

TEST(mask, survives_each_failed_alloc) {
  test_fail_each_alloc(mask_once, NULL);
}
