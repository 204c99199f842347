#include "control/changes.h"
#include "schema/load.h"
#include "unit/control/golden_sets.h"

static void run_changes(golden_case *c, void *context) {
  gw_pool *older = golden_set_load(c, "old"), *newer = golden_set_load(c, "new");
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
  gw_pool *older = golden_set_load(&c, "old"), *newer = golden_set_load(&c, "new");
  two_pools pools = { older, newer };
  test_fail_each_alloc(compare_pools, &pools);
  gw_pool_free(older);
  gw_pool_free(newer);
}
