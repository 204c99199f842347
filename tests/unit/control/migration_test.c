/* gw_route.migration: what the options of DESIGN section 4 become. */
#include "migrate/migration.h"

#include "control/explain.h"
#include "control/snapshot.h"

#include "unit/test.h"

#define PATH "tests/unit/control/config.yaml" /* relative paths start here */
#define HEAD                                                                                       \
  "listen: [{address: '127.0.0.1:8080'}]\n"                                                        \
  "descriptors: [../../../descriptors/userservice.pb]\n"                                           \
  "upstreams: {users: {endpoints: ['grpc://127.0.0.1:50051']},\n"                                  \
  "  old: {endpoints: ['http://127.0.0.1:8081']}, older: {endpoints: "                             \
  "['http://127.0.0.1:8082']}}\n"
#define GET                                                                                        \
  "  - match: GET /v1/users/{user_id}\n    rpc: userservice.UserService/GetUser\n"                 \
  "    upstream: users\n"
#define LIST                                                                                       \
  "  - match: GET /v1/users\n    rpc: userservice.UserService/ListUsers\n    upstream: users\n"

static gw_snapshot *load(const char *yaml) {
  gw_findings findings;
  gw_snapshot *snapshot = NULL;
  gw_findings_init(&findings);
  gw_code code = gw_snapshot_parse(PATH, gw_str_of(yaml), &findings, &snapshot);
  if (findings.errors > 0) fail_msg(GW_STR_FMT, GW_STR_ARG(findings.items[0].text));
  CHECK_INT(code, GW_OK);
  gw_findings_done(&findings);
  return snapshot;
}

TEST(migration, defaults_are_those_of_the_design) {
  gw_snapshot *s = load(HEAD "legacy: old\nroutes:\n" GET LIST);
  const gw_migration *get = s->routes[0]->migration, *list = s->routes[1]->migration;
  CHECK_STR(get->route, "GetUser");
  CHECK_STR(get->group, "GetUser");
  CHECK(!get->is_grouped && !get->fallback);
  CHECK_STR(get->legacy_name, "old");
  CHECK_INT(get->legacy, 1);
  CHECK(gw_stand_eq(get->stand, gw_stand_of(GW_STAGE_GRPC, 0)));
  CHECK_INT(get->canary, 0);
  CHECK_INT(get->sticky.kind, GW_STICKY_NONE);
  CHECK_INT(get->shadow.sample, GW_SHARE_WHOLE);
  CHECK_INT(get->shadow.in_flight, 64);
  CHECK_INT(get->shadow.body_bytes, 1u << 20);
  CHECK_INT(get->shadow.timeout_ms, 2000);
  CHECK(!get->shadow.unsafe && !get->shadow.legacy);
  CHECK(!get->guard.is_set);
  CHECK_INT(get->guard.window_ms, 30000);
  CHECK_INT(get->guard.requests, 50);
  CHECK_INT(get->guard.errors, 10000);
  CHECK_INT(get->guard.parity, 0);
  CHECK(get->guard.p99_ratio == 0);
  CHECK_INT(get->guard.back_to, GW_STAGE_SHADOW);
  CHECK_INT(get->ramp.step_count, 0);
  CHECK_INT(get->ramp.hold_ms, 600000);
  CHECK_INT(get->ramp.min_compared, 1000);
  CHECK_INT(get->ramp.min_parity, 999000);
  CHECK_STR(get->output->full_name, "userservice.User");
  CHECK(!get->is_list);
  CHECK(get->pool == s->pool);
  CHECK(get->style == &s->routes[0]->json);
  CHECK_STR(list->output->full_name, "userservice.User");
  CHECK(list->is_list); /* a stream is an array */
  CHECK_STR(s->state_path, PATH ".state");
  gw_snapshot_unref(s);
}

TEST(migration, values_are_kept) {
  gw_snapshot *s = load(
      HEAD "state: /run/x\nroutes:\n" GET
           "    legacy: older\n    stage: canary\n    canary: 12.5%\n    group: g\n"
           "    sticky: {header: X-User}\n    fallback: true\n"
           "    shadow: {sample: 0.5%, in_flight: 3, body: 2KiB, timeout: 50ms, unsafe: true,\n"
           "      legacy: true}\n"
           "    compare: {ignore: [/name, '/a~1b/~0/*'], unordered: [/email],\n"
           "      tolerance: {/created_at: 1e-3}, headers: [ETag]}\n"
           "    guard: {window: 2s, requests: 7, errors: 0%, parity: 99.9%, p99_ratio: 2.5,\n"
           "      back_to: legacy}\n"
           "    ramp: {steps: [1%, 100%], hold: 1s, min_compared: 5, min_parity: 50%}\n");
  const gw_migration *m = s->routes[0]->migration;
  CHECK_STR(s->state_path, "/run/x");
  CHECK_STR(m->legacy_name, "older");
  CHECK(gw_stand_eq(m->stand, gw_stand_of(GW_STAGE_CANARY, 125000)));
  CHECK_STR(m->group, "g");
  CHECK(m->is_grouped && m->fallback);
  CHECK_INT(m->sticky.kind, GW_STICKY_HEADER);
  CHECK_STR(m->sticky.name, "x-user");
  CHECK_INT(m->shadow.sample, 5000);
  CHECK_INT(m->shadow.in_flight, 3);
  CHECK_INT(m->shadow.body_bytes, 2048);
  CHECK_INT(m->shadow.timeout_ms, 50);
  CHECK(m->shadow.unsafe && m->shadow.legacy);
  CHECK_INT(m->compare.ignore_count, 2);
  CHECK_INT(m->compare.ignore[1].count, 3);
  CHECK_STR(m->compare.ignore[1].text, "/a~1b/~0/*");
  CHECK_STR(m->compare.ignore[1].tokens[0], "a/b");
  CHECK_STR(m->compare.ignore[1].tokens[1], "~");
  CHECK_STR(m->compare.ignore[1].tokens[2], "*");
  CHECK_STR(m->compare.unordered[0].tokens[0], "email");
  CHECK(m->compare.tolerances[0].most == 1e-3);
  CHECK_STR(m->compare.headers[0], "etag");
  CHECK(m->guard.is_set);
  CHECK_INT(m->guard.window_ms, 2000);
  CHECK_INT(m->guard.requests, 7);
  CHECK_INT(m->guard.errors, 0);
  CHECK_INT(m->guard.parity, 999000);
  CHECK(m->guard.p99_ratio == 2.5);
  CHECK_INT(m->guard.back_to, GW_STAGE_LEGACY);
  CHECK_INT(m->ramp.step_count, 2);
  CHECK_INT(m->ramp.steps[0], 10000);
  CHECK_INT(m->ramp.steps[1], 1000000);
  gw_snapshot_unref(s);
}

TEST(migration, a_route_overrides_defaults_one_by_one) {
  gw_snapshot *s = load(HEAD "defaults:\n  legacy: old\n  stage: shadow\n  guard: {}\n"
                             "  sticky: {header: x-a}\n  shadow: {sample: 10%, timeout: 1s}\n"
                             "  compare: {ignore: [/x], headers: [etag]}\n  ramp.steps: [5%]\n"
                             "routes:\n" GET "    legacy: older\n    sticky: {cookie: Sid}\n"
                             "    shadow.sample: 20%\n    compare: {ignore: []}\n"
                             "    stage: canary\n" LIST);
  const gw_migration *get = s->routes[0]->migration, *list = s->routes[1]->migration;
  CHECK_STR(get->legacy_name, "older");
  CHECK_INT(get->sticky.kind, GW_STICKY_COOKIE);
  CHECK_STR(get->sticky.name, "Sid");
  CHECK_INT(get->shadow.sample, 200000);
  CHECK_INT(get->shadow.timeout_ms, 1000);
  CHECK_INT(get->compare.ignore_count, 0);
  CHECK_INT(get->compare.header_count, 1);
  CHECK(get->guard.is_set);
  /* Without `canary` the ramp's first step is the share. */
  CHECK(gw_stand_eq(get->stand, gw_stand_of(GW_STAGE_CANARY, 50000)));
  CHECK_STR(list->legacy_name, "old");
  CHECK_INT(list->stand.stage, GW_STAGE_SHADOW);
  CHECK_INT(list->stand.share, 0);
  CHECK_INT(list->sticky.kind, GW_STICKY_HEADER);
  CHECK_INT(list->compare.ignore_count, 1);
  gw_snapshot_unref(s);
}

TEST(migration, the_answer_is_what_the_client_gets_of_it) {
  gw_snapshot *s =
      load(HEAD "legacy: old\nroutes:\n" GET "    response_body: name\n"
                "  - {match: 'PATCH /u/{user.user_id}', rpc: userservice.UserService/UpdateUser,\n"
                "     upstream: users, also: [{match: 'PUT /u/{user.user_id}'}]}\n"
                "  - {match: 'PATCH /w/{user.user_id}', rpc: userservice.UserService/UpdateUser,\n"
                "     upstream: users,\n"
                "     also: [{match: 'PUT /w/{user.user_id}', response_body: name}]}\n");
  CHECK(s->routes[0]->migration->output == NULL); /* a string */
  CHECK_STR(s->routes[1]->migration->output->full_name, "userservice.User");
  CHECK(s->routes[2]->migration->output == NULL); /* two ways in, two answers */
  gw_snapshot_unref(s);
}

/* ---- explain ---- */

typedef struct explained {
  const char *options, *request, *expected;
} explained;

static const explained explained_rows[] = {
  { "stage: legacy", "GET /v1/users/7", "stage     legacy\nside      legacy (old)\n\n" },
  { "stage: shadow", "GET /v1/users/7",
    "stage     shadow\nside      legacy (old)\n"
    "shadow    100% of such requests are sent to the other side too and compared\n" },
  { "stage: shadow", "DELETE /v1/users/7",
    "side      legacy (old)\n"
    "shadow    none: DELETE is not safe, and \"shadow.unsafe\" is off\n" },
  { "stage: shadow\n    shadow: {unsafe: true, sample: 25%}", "DELETE /v1/users/7",
    "shadow    25% of such requests are sent to the other side too and compared\n" },
  { "stage: canary\n    canary: 10%", "GET /v1/users/7",
    "stage     canary 10%\nside      grpc for 10% of all requests; legacy (old) for the rest\n" },
  { "stage: canary\n    canary: 10%\n    sticky: {header: x-u}\n    group: g\n    fallback: true",
    "DELETE /v1/users/7",
    "side      grpc for 10% of the values of the header x-u (of the requests without it too), as "
    "group g draws; legacy (old) for the rest; legacy (old) where grpc is UNAVAILABLE or "
    "UNIMPLEMENTED, not for this method\n" },
  { "fallback: true", "GET /v1/users/7",
    "stage     grpc\nside      grpc; legacy (old) where grpc is UNAVAILABLE or UNIMPLEMENTED\n\n" },
  { "shadow.legacy: true", "GET /v1/users/7",
    "side      grpc\nshadow    100% of such requests are sent to the other side too and "
    "compared\n" },
};

TEST(migration, explain_tells_which_side_answers_and_what_is_compared) {
  for (size_t i = 0; i < GW_COUNT_OF(explained_rows); i++) {
    const explained *row = &explained_rows[i];
    char yaml[2048];
    gw_buf out;
    snprintf(yaml, sizeof yaml,
             HEAD "legacy: old\nroutes:\n"
                  "  - match: '* /v1/users/{user_id}'\n    rpc: userservice.UserService/GetUser\n"
                  "    upstream: users\n    %s\n",
             row->options);
    gw_snapshot *s = load(yaml);
    gw_buf_init(&out, NULL, 1u << 16);
    CHECK_INT(gw_explain(s, gw_str_of(row->request), GW_STR(""), &out, NULL), GW_OK);
    if (memmem(out.p, out.n, row->expected, strlen(row->expected)) == NULL)
      fail_msg("%s: " GW_STR_FMT, row->options, GW_STR_ARG(gw_buf_str(&out)));
    gw_buf_done(&out);
    gw_snapshot_unref(s);
  }
}

static gw_code build_once(void *context) {
  gw_findings findings;
  gw_snapshot *snapshot = NULL;
  gw_findings_init(&findings);
  gw_code code = gw_snapshot_parse(PATH, gw_str_of(context), &findings, &snapshot);
  gw_snapshot_unref(snapshot);
  gw_findings_done(&findings);
  return code;
}

TEST(migration, survives_each_failed_alloc) {
  static char text[] =
      HEAD "legacy: old\nstate: s\ndefaults: {guard: {}, compare: {headers: [etag]}}\n"
           "routes:\n" GET "    stage: shadow\n    group: g\n    sticky: {cookie: a}\n"
           "    compare: {ignore: [/name, '/nme'], tolerance: {/created_at: 1}}\n"
           "    ramp: {steps: [1%]}\n" LIST
           "    stage: shadow\n    group: g\n    sticky: {cookie: a}\n    canary: 1%\n";
  test_fail_each_alloc(build_once, text);
}
