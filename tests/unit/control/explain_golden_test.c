#include "control/explain.h"

#include "codec/json_to_wire.h"

#include "unit/golden.h"

#define CONFIG   "tests/unit/control/explain.yaml"
#define TEXT_MAX (1u << 20)

static void run_explain(golden_case *c, void *context) {
  const gw_snapshot *snapshot = context;
  gw_str request = golden_read(c, "request", true), body = golden_read(c, "body", false);
  gw_buf out, error;
  gw_err err;
  gw_err_init(&err);
  gw_buf_init(&out, NULL, TEXT_MAX);
  gw_buf_init(&error, NULL, TEXT_MAX);
  while (body.n > 0 && body.p[body.n - 1] == '\n') /* the file's end is not the body's */
    body.n--;
  gw_code code = gw_explain(snapshot, request, body, &out, &err);
  CHECK_INT(err.code, code);
  if (code != GW_OK) CHECK_INT(gw_buf_printf(&error, "%s\n", gw_code_name(code)), GW_OK);
  golden_check(c, "explained", gw_buf_str(&out));
  golden_check(c, "error", gw_buf_str(&error));
  gw_buf_done(&out);
  gw_buf_done(&error);
  free((void *)(uintptr_t)request.p);
  free((void *)(uintptr_t)body.p);
}

static gw_snapshot *explain_snapshot(void) {
  gw_findings findings;
  gw_snapshot *snapshot = NULL;
  gw_findings_init(&findings);
  CHECK_INT(gw_snapshot_load(CONFIG, &findings, &snapshot), GW_OK);
  gw_findings_done(&findings);
  return snapshot;
}

/* Each case: `request` and perhaps `body` -> `explained` and, when it fails, `error`. */
TEST(explain, golden_cases) {
  gw_snapshot *snapshot = explain_snapshot();
  golden_each("explain", run_explain, snapshot);
  gw_snapshot_unref(snapshot);
}

static gw_code explain_once(void *context) {
  static const char body[64 + GW_JSON_PAD] = "{\"user_id\":\"8\"}";
  gw_buf out;
  gw_buf_init(&out, NULL, TEXT_MAX);
  gw_code code =
      gw_explain(context, GW_STR("GET /v1/users/a%20b?x=1"), gw_str_of(body), &out, NULL);
  gw_buf_done(&out);
  return code;
}

TEST(explain, survives_each_failed_alloc) {
  gw_snapshot *snapshot = explain_snapshot();
  test_fail_each_alloc(explain_once, snapshot);
  gw_snapshot_unref(snapshot);
}

TEST(explain, says_who_gets_what_no_route_matches) {
  gw_findings findings;
  gw_snapshot *snapshot = NULL;
  gw_buf out;
  gw_findings_init(&findings);
  CHECK_INT(gw_snapshot_load("config/legacy.yaml", &findings, &snapshot), GW_OK);
  gw_buf_init(&out, NULL, TEXT_MAX);
  CHECK_INT(gw_explain(snapshot, GW_STR("PUT /v1/users/7"), GW_STR(""), &out, NULL), GW_BAD_METHOD);
  CHECK(memmem(out.p, out.n, "\nno route: legacy upstream \"monolith\" gets the request as it is\n",
               64) != NULL);
  gw_buf_done(&out);
  gw_snapshot_unref(snapshot);
  gw_findings_done(&findings);
}

TEST(routes, as_json_are_one_object_for_each_route) {
  gw_snapshot *snapshot = explain_snapshot();
  gw_buf out;
  gw_buf_init(&out, NULL, TEXT_MAX);
  CHECK_INT(gw_routes_print(snapshot, true, &out), GW_OK);
  const char *first = "[{\"name\":\"get-user\",\"match\":\"GET /v1/users/{user_id}\","
                      "\"rpc\":\"userservice.UserService/GetUser\",\"upstream\":\"users\","
                      "\"stage\":\"grpc\"},\n";
  CHECK(gw_str_starts(gw_buf_str(&out), gw_str_of(first)));
  CHECK(memmem(out.p, out.n, "\"stage\":\"grpc\",\"also\":[\"* /v1/any/{user_id}:find\"]}", 51) !=
        NULL);
  CHECK(gw_str_ends(gw_buf_str(&out), GW_STR("]}]\n")));
  size_t names = 0;
  for (const char *p = out.p; (p = memmem(p, (size_t)(out.p + out.n - p), "{\"name\"", 7)); p++)
    names++;
  CHECK_INT(names, snapshot->route_count);
  gw_buf_done(&out);
  gw_snapshot_unref(snapshot);
}
