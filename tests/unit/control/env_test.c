#include "control/env.h"

#include "unit/test.h"

static gw_arena arena;

static gw_code expand(const char *text, gw_str *out, gw_err *err) {
  gw_err_init(err);
  *out = (gw_str){ NULL, 0 };
  return gw_env_expand(gw_str_of(text), &arena, out, err);
}

TEST(env, variables_and_defaults_are_put_in) {
  static const char *const rows[][2] = {
    { "plain", "plain" },
    { "", "" },
    { "$", "$" },
    { "$HOME {x}", "$HOME {x}" },
    { "${SLUICE_T_A}", "one" },
    { "<${SLUICE_T_A}-${SLUICE_T_A}>", "<one-one>" },
    { "${SLUICE_T_NONE:-two words}", "two words" },
    { "${SLUICE_T_EMPTY:-two}", "two" },
    { "${SLUICE_T_EMPTY}", "" },
    { "${SLUICE_T_A:-two}", "one" },
    { "${SLUICE_T_NONE:-}", "" },
    { "${SLUICE_T_NONE:-a:-b}", "a:-b" },
    /* What a variable holds is not expanded again. */
    { "${SLUICE_T_NESTED}", "${SLUICE_T_A}" },
  };
  gw_err err;
  gw_str out;
  setenv("SLUICE_T_A", "one", 1);
  setenv("SLUICE_T_EMPTY", "", 1);
  setenv("SLUICE_T_NESTED", "${SLUICE_T_A}", 1);
  unsetenv("SLUICE_T_NONE");
  gw_arena_init(&arena, NULL, 1u << 20);
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    CHECK_INT(expand(rows[i][0], &out, &err), GW_OK);
    CHECK_STR(out, rows[i][1]);
  }
  gw_arena_done(&arena);
}

TEST(env, mistakes_say_where_they_begin) {
  static const struct {
    const char *text;
    uint32_t column;
  } rows[] = { { "${SLUICE_T_NONE}", 1 },
               { "ab${SLUICE_T_NONE}", 3 },
               { "${}", 1 },
               { "x${", 2 },
               { "${A B}", 1 },
               { "${1A:-x}", 1 },
               { "${A-x}", 1 },
               { "${:-x}", 1 },
               { "${A:-x", 1 } };
  gw_err err;
  gw_str out;
  unsetenv("SLUICE_T_NONE");
  gw_arena_init(&arena, NULL, 1u << 20);
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    CHECK_INT(expand(rows[i].text, &out, &err), GW_BAD_VALUE);
    CHECK_INT(err.column, rows[i].column);
    CHECK(out.p == NULL);
  }
  gw_arena_done(&arena);
}

TEST(env, one_value_is_bounded) {
  char *big = malloc(40001);
  gw_err err;
  gw_str out;
  memset(big, 'x', 40000);
  big[40000] = '\0';
  setenv("SLUICE_T_BIG", big, 1);
  gw_arena_init(&arena, NULL, 1u << 20);
  CHECK_INT(expand("${SLUICE_T_BIG}", &out, &err), GW_OK);
  CHECK_INT(out.n, 40000);
  CHECK_INT(expand("${SLUICE_T_BIG}${SLUICE_T_BIG}", &out, &err), GW_TOO_LARGE);
  gw_arena_done(&arena);
  unsetenv("SLUICE_T_BIG");
  free(big);
}
