/* What operators see and do of a migration: orders, differences, suggestions, a route's object. */
#include "admin/ledger_json.h"
#include "admin/routes_json.h"
#include "admin/stage_order.h"
#include "admin/suggest.h"

#include <jansson.h>

#include "unit/admin/fake_server.h"
#include "unit/test.h"

/* ---- orders ---- */

typedef struct order_row {
  const char *body;
  gw_code code;
  gw_stage stage;
  uint32_t share; /* 0: none */
  const char *why;
} order_row;

static const order_row order_rows[] = {
  { "{\"stage\":\"grpc\"}", GW_OK, GW_STAGE_GRPC, 0, "" },
  { "{\"stage\":\"canary\",\"share\":\"12.5%\",\"why\":\"so\"}", GW_OK, GW_STAGE_CANARY, 125000,
    "so" },
  { " {\"share\":null,\"why\":null,\"stage\":\"shadow\"} ", GW_OK, GW_STAGE_SHADOW, 0, "" },
  { "", GW_BAD_VALUE, 0, 0, NULL },
  { "null", GW_BAD_VALUE, 0, 0, NULL },
  { "{\"stage\":\"grpc\"", GW_BAD_VALUE, 0, 0, NULL },
  { "{\"stage\":\"grpc\"}x", GW_BAD_VALUE, 0, 0, NULL },
  { "{\"stage\":\"GRPC\"}", GW_BAD_VALUE, 0, 0, NULL },
  { "{\"stage\":\"grpc\",\"stage\":\"grpc\"}", GW_BAD_VALUE, 0, 0, NULL },
  { "{\"stage\":\"grpc\",\"to\":1}", GW_BAD_VALUE, 0, 0, NULL },
  { "{\"stage\":\"canary\",\"share\":0.1}", GW_BAD_VALUE, 0, 0, NULL },
  { "{\"stage\":\"canary\",\"share\":\"10\"}", GW_BAD_VALUE, 0, 0, NULL },
  { "{\"stage\":\"grpc\",\"why\":\"a\\u0007\"}", GW_BAD_VALUE, 0, 0, NULL },
};

TEST(stage_order, rows) {
  for (size_t i = 0; i < GW_COUNT_OF(order_rows); i++) {
    const order_row *row = &order_rows[i];
    char why[GW_JOURNAL_WHY_MAX];
    gw_stage_order order = { .why = NULL };
    gw_err err;
    gw_err_init(&err);
    gw_code code = gw_stage_order_parse(gw_str_of(row->body), why, &order, &err);
    if (code != row->code) fail_msg("%s: %s", row->body, gw_code_name(code));
    CHECK(code == GW_OK || err.text[0] != '\0');
    if (code != GW_OK) continue;
    CHECK_INT(order.stage, row->stage);
    CHECK_INT(order.has_share, row->share > 0);
    CHECK_INT(order.share, row->share);
    CHECK_STR(gw_str_of(order.why), row->why);
  }
}

TEST(stage_order, the_body_is_bounded) {
  static char body[GW_STAGE_ORDER_BYTES_MAX + 2];
  char why[GW_JOURNAL_WHY_MAX];
  gw_stage_order order = { .why = NULL };
  memset(body, ' ', sizeof body - 1);
  memcpy(body, "{\"stage\":\"grpc\"}", 16);
  CHECK_INT(gw_stage_order_parse((gw_str){ body, sizeof body - 2 }, why, &order, NULL), GW_OK);
  CHECK_INT(gw_stage_order_parse((gw_str){ body, sizeof body - 1 }, why, &order, NULL),
            GW_BAD_VALUE);
}

/* ---- what was found ---- */

/* The texts are another server's. */
#define HOSTILE "/a\xe2\x80\xa8upstream: evil\n\"\\"

static void add(gw_ledger *ledger, gw_diff_kind kind, const char *pointer, const char *option,
                unsigned times) {
  gw_diff diff = { .kind = kind,
                   .pointer = gw_str_of(pointer),
                   .pattern = gw_str_of(pointer),
                   .legacy = GW_STR("1"),
                   .grpc = GW_STR("\"1\""),
                   .option = gw_str_of(option) };
  gw_comparison comparison = {
    .items = &diff, .count = 1, .legacy_text = GW_STR("{}"), .grpc_text = GW_STR("[]")
  };
  for (unsigned i = 0; i < times; i++)
    gw_ledger_add(ledger, &comparison, GW_STR("GET /a"), 200, 500, 1795773720123u + i);
}

static gw_live *fill(void) {
  gw_live *live = gw_live_get(GW_STR("r"));
  CHECK(live != NULL);
  gw_ledger *ledger = gw_live_ledger(live);
  add(ledger, GW_DIFF_REPRESENTATION, "/n", "json.int64: number", 2);
  add(ledger, GW_DIFF_REPRESENTATION, "/e", "json.enums: number", 5);
  add(ledger, GW_DIFF_REPRESENTATION, "/f", "json.enums: name", 1);
  add(ledger, GW_DIFF_REPRESENTATION, HOSTILE, "json.int64: number", 1);
  add(ledger, GW_DIFF_VALUE, "/plain", "", 1);
  gw_diff noise = { .kind = GW_DIFF_VALUE,
                    .pointer = GW_STR("/at"),
                    .pattern = GW_STR("/at"),
                    .legacy = GW_STR("1"),
                    .grpc = GW_STR("2") };
  gw_comparison twice = { .items = &noise, .count = 1 };
  gw_ledger_add_unstable(ledger, &twice, 1795773720123u);
  return live;
}

static const gw_str ignored_token = GW_STR_INIT("old");
static const gw_pointer ignored = { GW_STR_INIT("/old"), &ignored_token, 1 };
static const gw_migration migration = { .route = GW_STR_INIT("r"),
                                        .compare = { .ignore = &ignored, .ignore_count = 1 } };

TEST(suggest, yaml_holds_nothing_but_what_was_meant) {
  gw_live *live = fill();
  gw_buf out;
  gw_buf_init(&out, NULL, GW_MIB(1));
  CHECK_INT(gw_suggest_print_yaml(&migration, live, &out), GW_OK);
  CHECK_STR(gw_buf_str(&out),
            "# for route r\n"
            "# 5 times: /e\njson.enums: number\n"
            "# 3 times: /n, \"/a\\U00002028upstream: evil\\U0000000A\\\"\\\\\"\n"
            "json.int64: number\n"
            "# 1 times: /f\n# or: json.enums: name\n"
            "compare.ignore:\n  - /old\n  - /at  # legacy's own answers differ here\n");
  gw_buf_done(&out);
  gw_live_done();
}

/* The text must be JSON; the caller frees the tree. */
static json_t *parse(const gw_buf *out) {
  json_error_t error;
  json_t *root = json_loadb(out->p, out->n, JSON_REJECT_DUPLICATES, &error);
  if (root == NULL) fail_msg("%s: " GW_STR_FMT, error.text, GW_STR_ARG(gw_buf_str(out)));
  return root;
}

static const char *text_at(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  CHECK(text != NULL);
  return text;
}

TEST(ledger_json, differences_and_pairs_are_json_whatever_they_hold) {
  gw_live *live = fill();
  gw_buf out;
  gw_buf_init(&out, NULL, GW_MIB(1));
  CHECK_INT(gw_ledger_json_diffs(gw_live_ledger(live), &out), GW_OK);
  json_t *root = parse(&out);
  const json_t *first = json_array_get(root, 0);
  CHECK_STR(gw_str_of(text_at(first, "pointer")), "/e");
  CHECK_STR(gw_str_of(text_at(first, "kind")), "representation");
  CHECK_STR(gw_str_of(text_at(first, "grpc")), "\"1\"");
  CHECK_STR(gw_str_of(text_at(first, "option")), "json.enums: number");
  CHECK_STR(gw_str_of(text_at(first, "first")), "2026-11-27T10:02:00.123Z");
  CHECK_INT(json_integer_value(json_object_get(first, "count")), 5);
  size_t hostile = 0, i;
  const json_t *item;
  json_array_foreach(root, i, item) hostile += strcmp(text_at(item, "pointer"), HOSTILE) == 0;
  CHECK_INT(hostile, 1);
  json_decref(root);
  out.n = 0;
  CHECK_INT(gw_ledger_json_pairs(gw_live_ledger(live), &out), GW_OK);
  root = parse(&out);
  CHECK(json_array_size(root) > 0 && json_array_size(root) <= GW_LEDGER_PAIRS_MAX);
  first = json_array_get(root, 0);
  CHECK_STR(gw_str_of(text_at(first, "request")), "GET /a");
  CHECK_INT(json_integer_value(json_object_get(json_object_get(first, "grpc"), "status")), 500);
  json_decref(root);
  gw_buf_done(&out);
  gw_live_done();
}

static gw_code show_once(void *context) {
  gw_buf out;
  gw_buf_init(&out, NULL, GW_MIB(1));
  gw_code code = gw_ledger_json_diffs(gw_live_ledger(context), &out);
  if (code == GW_OK) code = gw_ledger_json_pairs(gw_live_ledger(context), &out);
  if (code == GW_OK) code = gw_suggest_print_json(&migration, context, &out);
  if (code == GW_OK) code = gw_suggest_print_yaml(&migration, context, &out);
  gw_buf_done(&out);
  return code;
}

TEST(ledger_json, survives_each_failed_alloc) {
  test_fail_each_alloc(show_once, fill());
  gw_live_done();
}

/* ---- a route's object ---- */

static gw_snapshot *snapshot_with_sides(void) {
  gw_findings findings;
  gw_snapshot *snapshot = NULL;
  gw_findings_init(&findings);
  CHECK_INT(gw_snapshot_load("config/canary.yaml", &findings, &snapshot), GW_OK);
  gw_findings_done(&findings);
  return snapshot;
}

static gw_code object_once(void *context) {
  gw_metric_sums sums;
  gw_stage_view view = { .has_guard = true, .is_held = true, .guard = { .step_compared = 3 } };
  gw_buf out;
  gw_buf_init(&out, NULL, GW_MIB(1));
  gw_code code = gw_metric_sums_collect(&sums);
  if (code == GW_OK)
    code = gw_routes_json_print_one(context, &sums, GW_STR("get-user"), &view, &out);
  if (code == GW_OK) {
    json_t *root = parse(&out);
    CHECK_STR(gw_str_of(text_at(root, "share")), "5%");
    CHECK_STR(gw_str_of(text_at(root, "legacy")), "monolith");
    CHECK_STR(gw_str_of(text_at(json_object_get(root, "configured"), "share")), "1%");
    CHECK_INT(json_integer_value(json_object_get(
                  json_object_get(json_object_get(root, "sides"), "grpc"), "requests")),
              1);
    CHECK(json_is_true(json_object_get(json_object_get(root, "ramp"), "held")));
    CHECK_INT(json_array_size(json_object_get(root, "journal")), 2);
    json_decref(root);
  }
  gw_metric_sums_done(&sums);
  gw_buf_done(&out);
  return code;
}

TEST(routes_json, a_route_with_two_sides_survives_each_failed_alloc) {
  gw_snapshot *snapshot = snapshot_with_sides();
  gw_live *live = gw_live_get(GW_STR("get-user"));
  CHECK(live != NULL);
  gw_live_move(live, gw_stand_of(GW_STAGE_CANARY, 10000), "configuration", "", 1000);
  gw_live_move(live, gw_stand_of(GW_STAGE_CANARY, 50000), "operator", "why", 2000);
  gw_side_count(&gw_live_counters_of(live, 0)->sides[GW_SIDE_GRPC], false, 1000);
  CHECK_INT(object_once(snapshot), GW_OK);
  test_fail_each_alloc(object_once, snapshot);
  gw_snapshot_unref(snapshot);
  gw_live_done();
  gw_metrics_done();
}
