#include "control/changes.h"
#include "schema/load.h"
#include "unit/golden.h"

#include <libgen.h>
#include <unistd.h>

static void print_error_of_set(void *context, const gw_err *err) {
  print_error("%s: %s: %s\n", (const char *)context, err->where, err->text);
}

/* make compiles tests/golden/changes/CASE/FILE.proto into the folder of this program. */
static gw_pool *load_set(golden_case *c, const char *file) {
  char self[512], path[1024];
  ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
  CHECK(n > 0);
  self[n] = '\0';
  snprintf(path, sizeof path, "%s/../golden/changes/%s/%s.pb", dirname(self), c->name, file);
  gw_schema_source source = { gw_str_of(file), test_read_file(path) };
  gw_pool *pool = NULL;
  CHECK_INT(gw_pool_load(&source, 1, print_error_of_set, path, &pool), GW_OK);
  free((void *)(uintptr_t)source.bytes.p);
  return pool;
}

static void run_changes(golden_case *c, void *context) {
  gw_pool *older = load_set(c, "old"), *newer = load_set(c, "new");
  gw_changes changes;
  gw_buf out;
  (void)context;
  gw_changes_init(&changes);
  gw_buf_init(&out, NULL, 1u << 20);
  CHECK_INT(gw_changes_of_pools(older, newer, &changes), GW_OK);
  CHECK_INT(gw_changes_print(&changes, GW_STR("new.pb"), &out), GW_OK);
  golden_check(c, "changes", gw_buf_str(&out));
  gw_changes_done(&changes);
  /* Nothing breaks whom nothing changed for. */
  gw_changes_init(&changes);
  CHECK_INT(gw_changes_of_pools(older, older, &changes), GW_OK);
  CHECK_INT(changes.count, 0);
  gw_changes_done(&changes);
  gw_buf_done(&out);
  gw_pool_free(older);
  gw_pool_free(newer);
}

/* Each case: old.proto, new.proto -> `changes` (absent: none). */
TEST(changes, golden_cases) {
  golden_each("changes", run_changes, NULL);
}

typedef struct two_pools {
  const gw_pool *older, *newer;
} two_pools;

static gw_code compare_pools(void *context) {
  const two_pools *pools = context;
  gw_changes changes;
  gw_changes_init(&changes);
  gw_code code = gw_changes_of_pools(pools->older, pools->newer, &changes);
  if (code == GW_OK && changes.lost > 0) code = GW_NOMEM;
  CHECK(code != GW_OK || changes.breaks > 0);
  gw_changes_done(&changes);
  return code;
}

TEST(changes, survives_each_failed_alloc) {
  golden_case c = { .suite = "changes", .name = "route_binding_removed" };
  gw_pool *older = load_set(&c, "old"), *newer = load_set(&c, "new");
  two_pools pools = { older, newer };
  test_fail_each_alloc(compare_pools, &pools);
  gw_pool_free(older);
  gw_pool_free(newer);
}
