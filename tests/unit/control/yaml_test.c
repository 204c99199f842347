#include "control/yaml.h"

#include "unit/test.h"

typedef struct yaml_fixture {
  gw_arena arena;
  gw_findings findings;
  gw_yaml *root;
  gw_code code;
} yaml_fixture;

static void yaml_open(yaml_fixture *f, gw_str text) {
  *f = (yaml_fixture){ 0 };
  gw_arena_init(&f->arena, NULL, 16u << 20);
  gw_findings_init(&f->findings);
  f->code = gw_yaml_parse(text, GW_STR("f"), &f->arena, &f->findings, &f->root);
}

static void yaml_close(yaml_fixture *f) {
  gw_arena_done(&f->arena);
  gw_findings_done(&f->findings);
}

TEST(yaml, nodes_know_their_places) {
  yaml_fixture f;
  yaml_open(&f, GW_STR("a: 1\nbc:\n  - x\n  - {d: 'e'}\n"));
  CHECK_INT(f.code, GW_OK);
  CHECK_INT(f.root->kind, GW_YAML_MAP);
  CHECK_INT(f.root->count, 2);
  const gw_yaml *bc = f.root->first->next;
  CHECK_STR(bc->text, "bc");
  CHECK_INT(bc->line, 2);
  CHECK_INT(bc->column, 1);
  CHECK_INT(bc->value->kind, GW_YAML_LIST);
  CHECK_INT(bc->value->count, 2);
  const gw_yaml *e = bc->value->first->next->first->value;
  CHECK_STR(e->text, "e");
  CHECK(e->quoted);
  CHECK_INT(e->line, 4);
  CHECK_INT(e->column, 9);
  yaml_close(&f);
}

TEST(yaml, null_is_only_what_is_not_quoted) {
  yaml_fixture f;
  yaml_open(&f, GW_STR("[~, null, '', 'null', , x]"));
  /* An empty element of a flow list is a syntax error, the rest is read one by one below. */
  CHECK_INT(f.code, GW_BAD_VALUE);
  yaml_close(&f);
  yaml_open(&f, GW_STR("[~, null, '', 'null', x]"));
  const gw_yaml *node = f.root->first;
  CHECK(gw_yaml_is_null(node));
  CHECK(gw_yaml_is_null(node->next));
  CHECK(!gw_yaml_is_null(node->next->next));
  CHECK(!gw_yaml_is_null(node->next->next->next));
  CHECK(!gw_yaml_is_null(node->next->next->next->next));
  yaml_close(&f);
}

TEST(yaml, many_keys_are_compared_in_less_than_quadratic_time_and_all_found) {
  gw_buf text;
  yaml_fixture f;
  gw_buf_init(&text, NULL, 8u << 20);
  for (int i = 0; i < 50000; i++)
    CHECK_INT(gw_buf_printf(&text, "k%d: 1\n", i), GW_OK);
  CHECK_INT(gw_buf_append(&text, GW_STR("k777: 2\n")), GW_OK);
  yaml_open(&f, gw_buf_str(&text));
  CHECK_INT(f.code, GW_OK);
  CHECK_INT(f.root->count, 50000);
  CHECK_INT(f.findings.count, 1);
  CHECK_STR(f.findings.items[0].text, "duplicate key \"k777\"; it stands in line 778 already");
  CHECK_INT(f.findings.items[0].line, 50001);
  yaml_close(&f);
  gw_buf_done(&text);
}

TEST(yaml, too_many_nodes_are_refused) {
  gw_buf text;
  yaml_fixture f;
  gw_buf_init(&text, NULL, 8u << 20);
  for (unsigned i = 0; i <= GW_YAML_NODES_MAX; i++)
    CHECK_INT(gw_buf_append(&text, GW_STR("- a\n")), GW_OK);
  *(&f) = (yaml_fixture){ 0 };
  gw_arena_init(&f.arena, NULL, 256u << 20);
  gw_findings_init(&f.findings);
  f.code = gw_yaml_parse(gw_buf_str(&text), GW_STR("f"), &f.arena, &f.findings, &f.root);
  CHECK_INT(f.code, GW_BAD_VALUE);
  CHECK_STR(f.findings.items[0].text, "the configuration has too many keys and values");
  yaml_close(&f);
  gw_buf_done(&text);
}

TEST(yaml, nesting_is_bounded_exactly) {
  char text[64];
  yaml_fixture f;
  for (unsigned depth = GW_YAML_DEPTH_MAX; depth <= GW_YAML_DEPTH_MAX + 1; depth++) {
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    yaml_open(&f, (gw_str){ text, 2 * (size_t)depth });
    CHECK_INT(f.code, depth == GW_YAML_DEPTH_MAX ? GW_OK : GW_BAD_VALUE);
    yaml_close(&f);
  }
}

TEST(yaml, a_noncharacter_is_refused_at_its_character) {
  yaml_fixture f;
  yaml_open(&f, GW_STR("a: 1\n\xC3\xA9: \xEF\xB7\x90\n"));
  CHECK_INT(f.code, GW_BAD_VALUE);
  CHECK_STR(f.findings.items[0].text, "YAML: a noncharacter (U+FDD0 to U+FDEF) is not allowed");
  CHECK_INT(f.findings.items[0].line, 2);
  CHECK_INT(f.findings.items[0].column, 4);
  yaml_close(&f);
}

TEST(yaml, variables_in_keys_stay_as_written) {
  yaml_fixture f;
  yaml_open(&f, GW_STR("{${A}: ${SLUICE_T_NONE:-b}}"));
  CHECK_INT(f.code, GW_OK);
  CHECK_STR(f.root->first->text, "${A}");
  CHECK_STR(f.root->first->value->text, "b");
  yaml_close(&f);
}

TEST(yaml, a_nul_byte_is_refused) {
  yaml_fixture f;
  yaml_open(&f, GW_STR("a: \"x\\0y\"\n"));
  CHECK_INT(f.code, GW_BAD_VALUE);
  CHECK_STR(f.findings.items[0].text, "a NUL byte is not allowed");
  yaml_close(&f);
}

static gw_code yaml_once(void *context) {
  (void)context;
  yaml_fixture f;
  yaml_open(&f, GW_STR("a: [1, {b: c}, '${HOME:-x}', ${HOME:-y}]\nd: e\nd: f\n"));
  gw_code code = f.code;
  /* The duplicate key must be reported, or counted when there is no memory for its text. */
  if (code == GW_OK) CHECK_INT(f.findings.errors, 1);
  yaml_close(&f);
  return code;
}

TEST(yaml, survives_each_failed_alloc) {
  test_fail_each_alloc(yaml_once, NULL);
}
