#include "control/explain.h"

#include "unit/golden.h"

#define TEXT_MAX (1u << 20)

/* "tests/golden/config/CASE/config.yaml" is shown as "config.yaml", so that cases can move. */
static void strip_folder(gw_buf *text, const char *folder) {
  size_t n = strlen(folder) + 1;
  for (char *hit = text->p; text->n > n;) {
    hit = memmem(hit, (size_t)(text->p + text->n - hit), folder, n - 1);
    if (hit == NULL) return;
    memmove(hit, hit + n, (size_t)(text->p + text->n - hit) - n);
    text->n -= n;
  }
}

static void run_config(golden_case *c, void *context) {
  (void)context;
  char path[600];
  gw_findings findings;
  gw_snapshot *snapshot = NULL;
  gw_buf found, routes;
  snprintf(path, sizeof path, "%s/config.yaml", c->path);
  gw_buf_init(&found, NULL, TEXT_MAX);
  gw_buf_init(&routes, NULL, TEXT_MAX);
  gw_findings_init(&findings);
  gw_code code = gw_snapshot_load(path, &findings, &snapshot);
  CHECK_INT(gw_findings_print(&findings, &found), GW_OK);
  CHECK_INT(code, findings.errors > 0 ? GW_BAD_VALUE : GW_OK);
  CHECK_INT(snapshot == NULL, code != GW_OK);
  if (snapshot != NULL) CHECK_INT(gw_routes_print(snapshot, false, &routes), GW_OK);
  strip_folder(&found, c->path);
  golden_check(c, "findings", gw_buf_str(&found));
  golden_check(c, "routes", gw_buf_str(&routes));
  gw_snapshot_unref(snapshot);
  gw_findings_done(&findings);
  gw_buf_done(&found);
  gw_buf_done(&routes);
}

/* Each case: config.yaml -> `findings` (absent: none) and `routes` (absent: refused). */
TEST(config, golden_cases) {
  setenv("SLUICE_TEST_PORT", "8081", 1);
  setenv("SLUICE_TEST_EMPTY", "", 1);
  unsetenv("SLUICE_TEST_UNSET");
  golden_each("config", run_config, NULL);
}
