#include "admin/metrics_text.h"
#include "admin/routes_json.h"

#include "unit/admin/counters.h"
#include "unit/admin/fake_server.h"
#include "unit/golden.h"

#define CONFIG   "tests/unit/admin/routes.yaml"
#define TEXT_MAX GW_MIB(1)

static gw_snapshot *figures_snapshot(void) {
  gw_findings findings;
  gw_snapshot *snapshot = NULL;
  gw_findings_init(&findings);
  CHECK_INT(gw_snapshot_load(CONFIG, &findings, &snapshot), GW_OK);
  gw_findings_done(&findings);
  return snapshot;
}

static gw_server figures_server;

static gw_code figures_metrics(const gw_snapshot *snapshot, gw_buf *out) {
  gw_metric_sums sums;
  gw_code code = gw_metric_sums_collect(&sums);
  gw_metrics_source source = { .sums = &sums,
                               .snapshot = snapshot,
                               .server = &figures_server,
                               .process = { .resident_bytes = 1048576, .open_fds = 12 },
                               .version = "1.2.3",
                               .start_ms = 1700000000042,
                               .log_dropped = 3 };
  if (code == GW_OK) code = gw_metrics_text_print(&source, out);
  gw_metric_sums_done(&sums);
  return code;
}

/* name.n == 0: the list. */
static gw_code figures_routes(const gw_snapshot *snapshot, gw_str name, gw_buf *out) {
  gw_metric_sums sums;
  gw_code code = gw_metric_sums_collect(&sums);
  if (code == GW_OK) {
    code = name.n > 0 ? gw_routes_json_print_one(snapshot, &sums, name, &figures_server.view, out)
                      : gw_routes_json_print(snapshot, &sums, out);
  }
  gw_metric_sums_done(&sums);
  return code;
}

static void run_metrics_text(golden_case *c, void *snapshot) {
  gw_str counters = golden_read(c, "counters", true);
  gw_buf out;
  gw_buf_init(&out, NULL, TEXT_MAX);
  counters_fill(counters);
  CHECK_INT(figures_metrics(snapshot, &out), GW_OK);
  golden_check(c, "metrics", gw_buf_str(&out));
  gw_buf_done(&out);
  gw_metrics_done();
  free((void *)(uintptr_t)counters.p);
}

/* Each case: `counters` -> `metrics`. */
TEST(metrics_text, golden_cases) {
  gw_snapshot *snapshot = figures_snapshot();
  golden_each("metrics_text", run_metrics_text, snapshot);
  gw_snapshot_unref(snapshot);
}

static void run_routes_json(golden_case *c, void *snapshot) {
  gw_str counters = golden_read(c, "counters", true), name = golden_read(c, "name", false);
  gw_buf out;
  gw_buf_init(&out, NULL, TEXT_MAX);
  counters_fill(counters);
  gw_code code = figures_routes(snapshot, gw_str_trim(name, "\n"), &out);
  golden_check(c, "json", gw_buf_str(&out));
  golden_check(c, "error", gw_str_of(code != GW_OK ? gw_code_name(code) : ""));
  gw_buf_done(&out);
  gw_metrics_done();
  free((void *)(uintptr_t)counters.p);
  free((void *)(uintptr_t)name.p);
}

/* Each case: `counters` and perhaps the `name` of one route -> `json` or `error`. */
TEST(routes_json, golden_cases) {
  gw_snapshot *snapshot = figures_snapshot();
  golden_each("routes_json", run_routes_json, snapshot);
  gw_snapshot_unref(snapshot);
}

static gw_code figures_once(void *snapshot) {
  gw_buf out;
  gw_buf_init(&out, NULL, TEXT_MAX);
  gw_code code = figures_metrics(snapshot, &out);
  if (code == GW_OK) code = figures_routes(snapshot, GW_STR("get-user"), &out);
  gw_buf_done(&out);
  return code;
}

TEST(figures, survive_each_failed_alloc) {
  gw_snapshot *snapshot = figures_snapshot();
  counters_fill(GW_STR("request get-user 0 200 10 1\nrequest create-user 1 200 10 1\n"
                       "upstream users 0 waiting 1\nupstream users 1 waiting 1"));
  test_fail_each_alloc(figures_once, snapshot);
  gw_metrics_done();
  gw_snapshot_unref(snapshot);
}

/* A prefix of the text would look like figures that went away. */
TEST(figures, over_the_limit_fail_as_a_whole) {
  gw_snapshot *snapshot = figures_snapshot();
  gw_buf out;
  gw_buf_init(&out, NULL, 1000);
  CHECK_INT(figures_metrics(snapshot, &out), GW_TOO_LARGE);
  gw_buf_done(&out);
  gw_buf_init(&out, NULL, 100);
  CHECK_INT(figures_routes(snapshot, GW_STR(""), &out), GW_TOO_LARGE);
  gw_buf_done(&out);
  gw_metrics_done();
  gw_snapshot_unref(snapshot);
}
