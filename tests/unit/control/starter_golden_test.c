#include "control/starter.h"

#include "control/snapshot.h"
#include "schema/load.h"
#include "unit/control/golden_sets.h"

static void check_accepted(golden_case *c, gw_str text) {
  gw_findings findings;
  gw_snapshot *snapshot = NULL;
  gw_buf shown;
  gw_findings_init(&findings);
  gw_buf_init(&shown, NULL, 1u << 20);
  gw_code code = gw_snapshot_parse(golden_set_path(c, "sluice.yaml"), text, &findings, &snapshot);
  CHECK_INT(gw_findings_print(&findings, &shown), GW_OK);
  if (code != GW_OK || findings.count > 0)
    fail_msg("%s: not accepted:\n" GW_STR_FMT, c->name, GW_STR_ARG(gw_buf_str(&shown)));
  gw_buf_done(&shown);
  gw_findings_done(&findings);
  gw_snapshot_unref(snapshot);
}

/* With the marks of its optional lines taken off. */
static void check_migration(golden_case *c, gw_str text) {
  gw_buf all;
  gw_buf_init(&all, NULL, 1u << 20);
  for (gw_str rest = text; rest.n > 0;) {
    gw_str line = gw_str_cut(&rest, '\n');
    if (gw_str_starts(line, GW_STR("#> "))) line = gw_str_skip(line, 3);
    CHECK_INT(gw_buf_printf(&all, GW_STR_FMT "\n", GW_STR_ARG(line)), GW_OK);
  }
  check_accepted(c, gw_buf_str(&all));
  gw_buf_done(&all);
}

static void run_starter(golden_case *c, void *context) {
  static char path[] = "service.pb";
  char *const paths[] = { path };
  gw_pool *pool = golden_set_load(c, "service");
  gw_buf out;
  gw_err err;
  (void)context;
  gw_err_init(&err);
  gw_buf_init(&out, NULL, 1u << 20);
  CHECK_INT(gw_starter_print(pool, paths, 1, &out, &err), GW_OK);
  check_accepted(c, gw_buf_str(&out));
  check_migration(c, gw_buf_str(&out));
  /* The first part is the same for all: only one case keeps it. */
  gw_str kept = gw_buf_str(&out);
  const char *routes = memmem(kept.p, kept.n, "\nroutes:", 8);
  CHECK(routes != NULL);
  if (strcmp(c->name, "whole") != 0) kept = gw_str_from(routes + 1, kept.p + kept.n);
  golden_check(c, "starter.yaml", kept);
  gw_buf_done(&out);
  gw_pool_free(pool);
}

/* Each case: service.proto -> `starter.yaml`, from its routes on. */
TEST(starter, golden_cases) {
  golden_each("starter", run_starter, NULL);
}

static gw_code print_starter(void *context) {
  static char path[] = "a.pb";
  char *const paths[] = { path };
  gw_buf out;
  gw_err err;
  gw_err_init(&err);
  gw_buf_init(&out, NULL, 1u << 20);
  gw_code code = gw_starter_print(context, paths, 1, &out, &err);
  CHECK((code == GW_OK) == (err.code == GW_OK));
  gw_buf_done(&out);
  return code;
}

TEST(starter, survives_each_failed_alloc) {
  golden_case c = { .suite = "starter", .name = "crud" };
  gw_pool *pool = golden_set_load(&c, "service");
  test_fail_each_alloc(print_starter, pool);
  gw_pool_free(pool);
}

TEST(starter, a_path_that_a_configuration_would_expand_is_refused) {
  static char path[] = "a${HOME}.pb";
  char *const paths[] = { path };
  golden_case c = { .suite = "starter", .name = "crud" };
  gw_pool *pool = golden_set_load(&c, "service");
  gw_buf out;
  gw_err err;
  gw_err_init(&err);
  gw_buf_init(&out, NULL, 1u << 20);
  CHECK_INT(gw_starter_print(pool, paths, 1, &out, &err), GW_BAD_VALUE);
  CHECK_STR(gw_str_of(err.where), "a${HOME}.pb");
  CHECK_INT(out.n, 0);
  gw_buf_done(&out);
  gw_pool_free(pool);
}
