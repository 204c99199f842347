#include "control/snapshot.h"

#include "unit/test.h"

#include <sys/stat.h>
#include <unistd.h>

/* Relative paths start here. */
#define PATH "tests/unit/control/config.yaml"

#define HEAD                                                                                       \
  "listen: [{address: '127.0.0.1:8080'}]\n"                                                        \
  "descriptors: [../../../descriptors/userservice.pb]\n"                                           \
  "upstreams: {users: {endpoints: ['grpc://127.0.0.1:50051']}}\n"
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
  for (size_t i = 0; i < findings.count; i++)
    print_error("%u:%u: " GW_STR_FMT "\n", findings.items[i].line, findings.items[i].column,
                GW_STR_ARG(findings.items[i].text));
  CHECK_INT(code, GW_OK);
  gw_findings_done(&findings);
  return snapshot;
}

TEST(snapshot, defaults_are_those_of_the_design) {
  gw_snapshot *s = load(HEAD "routes:\n" GET LIST);
  gw_limits limits = gw_limits_default();
  CHECK(s->workers >= 1);
  CHECK_INT(s->drain_timeout_ms, 30000);
  CHECK_STR(s->log_level, "info");
  CHECK(s->log_access);
  CHECK(!s->has_admin);
  CHECK_INT(s->limits.connections, limits.connections);
  CHECK_INT(s->limits.body, limits.body);
  const gw_upstream_config *u = &s->upstreams[0];
  CHECK_INT(u->connections, 1);
  CHECK_INT(u->connections_max, 8);
  CHECK_INT(u->connect_timeout_ms, 1000);
  CHECK_INT(u->resolve_every_ms, 30000);
  CHECK_INT(u->backoff_initial_ms, 1000);
  CHECK_INT(u->backoff_max_ms, 30000);
  CHECK(u->backoff_factor > 1.59 && u->backoff_factor < 1.61);
  CHECK_INT(u->waiting_max, 1024);
  CHECK_INT(u->waiting_time_ms, 1000);
  CHECK_INT(u->in_flight_max, 4096);
  CHECK_INT(u->message_bytes_max, 4u << 20);
  const gw_route *get = s->routes[0], *list = s->routes[1];
  CHECK_STR(get->name, "GetUser");
  CHECK(get->migration == NULL);
  CHECK_INT(get->timeout_ms, 15000);
  CHECK_INT(list->timeout_ms, 0);
  CHECK_INT(list->idle_timeout_ms, 300000);
  CHECK_INT(list->index, 1);
  CHECK_INT(get->success_status, 200);
  CHECK_INT(get->body_bytes_max, 4u << 20);
  CHECK_INT(get->message_bytes_max, 4u << 20);
  CHECK_INT(get->json.emit, GW_EMIT_SET);
  CHECK(!get->json.int64_number && !get->json.proto_names && !get->json.enum_number);
  CHECK(!get->json.reject_unknown && !get->query_reject_unknown &&
        get->compat.slash == GW_SLASH_IGNORE);
  CHECK_INT(get->compat.errors, GW_ERRORS_GOOGLE);
  CHECK_INT(get->stream, GW_STREAM_AUTO);
  gw_snapshot_unref(s);
}

TEST(snapshot, listeners_and_limits_are_kept) {
  gw_snapshot *s = load("listen: [{address: '127.0.0.1:8080'}, {address: '[::1]:0'}]\n"
                        "admin: {address: '127.0.0.1:9901'}\nworkers: 3\ndrain_timeout: 1500ms\n"
                        "limits: {connections: 7, header_timeout: 2s, body: 1KiB, body_rate: 0B}\n"
                        "log: {level: error, access: false}\n");
  CHECK_INT(s->listen_count, 2);
  CHECK_STR(s->listens[0].host, "127.0.0.1");
  CHECK_INT(s->listens[0].port, 8080);
  CHECK_STR(s->listens[1].host, "::1");
  CHECK_STR(s->listens[1].text, "[::1]:0");
  CHECK(s->has_admin);
  CHECK_INT(s->admin.port, 9901);
  CHECK_INT(s->admin_token_file.n, 0);
  CHECK_INT(s->workers, 3);
  CHECK_INT(s->drain_timeout_ms, 1500);
  CHECK_INT(s->limits.connections, 7);
  CHECK_INT(s->limits.header_timeout_ms, 2000);
  CHECK_INT(s->limits.body, 1024);
  CHECK_INT(s->limits.body_rate, 0);
  CHECK_STR(s->log_level, "error");
  CHECK(!s->log_access);
  CHECK_STR(s->path, PATH);
  CHECK(s->pool != NULL && s->router != NULL); /* even without descriptors and routes */
  gw_snapshot_unref(s);
}

TEST(snapshot, a_route_overrides_defaults_one_by_one) {
  gw_snapshot *s = load(
      HEAD "defaults: {timeout: 1s, json: {int64: number, names: proto}, success_status: 202,\n"
           "  stream: sse, headers: {request: [x-a], response: ['*']}}\n"
           "routes:\n" GET "    json.names: camel\n    timeout: 5m\n"
           "    headers.request: [X-B, x-c]\n" LIST "    idle_timeout: 1m\n");
  const gw_route *get = s->routes[0], *list = s->routes[1];
  CHECK_INT(get->timeout_ms, 300000);
  CHECK(get->json.int64_number);
  CHECK(!get->json.proto_names);
  CHECK_INT(get->success_status, 202);
  CHECK_INT(get->headers_request_count, 2);
  CHECK_STR(get->headers_request[0], "x-b");
  CHECK_STR(get->headers_request[1], "x-c");
  CHECK(get->headers_response_all);
  /* A default timeout is for calls: a stream has one only when its own route says so. */
  CHECK_INT(list->timeout_ms, 0);
  CHECK_INT(list->idle_timeout_ms, 60000);
  CHECK_INT(list->stream, GW_STREAM_SSE);
  CHECK(list->json.proto_names);
  CHECK_STR(list->headers_request[0], "x-a");
  gw_snapshot_unref(s);
}

TEST(snapshot, a_stream_may_have_a_timeout_of_its_own) {
  gw_snapshot *s = load(HEAD "routes:\n" LIST "    timeout: 1h\n");
  CHECK_INT(s->routes[0]->timeout_ms, 3600000);
  gw_snapshot_unref(s);
}

TEST(snapshot, headers_are_bound_to_request_or_response) {
  gw_snapshot *s = load(HEAD "routes:\n" GET "    headers.bind: {X-User: user_id, etag: email}\n");
  const gw_route *route = s->routes[0];
  CHECK_INT(route->header_bind_count, 2);
  CHECK_STR(route->header_binds[0].header, "x-user");
  CHECK(!route->header_binds[0].response);
  CHECK_STR(route->header_binds[0].field.fields[0]->name, "user_id");
  CHECK_STR(route->header_binds[1].header, "etag");
  CHECK(route->header_binds[1].response);
  CHECK_STR(route->header_binds[1].field.fields[0]->name, "email");
  gw_snapshot_unref(s);
}

TEST(snapshot, message_limits_come_from_the_nearest_place) {
  gw_snapshot *s = load("limits: {body: 2MiB, message: 3MiB}\n" HEAD "routes:\n" GET
                        "    limits: {body: 32MiB, message: 16MiB}\n" LIST);
  CHECK_INT(s->routes[0]->body_bytes_max, 32u << 20);
  CHECK_INT(s->routes[0]->message_bytes_max, 16u << 20);
  CHECK_INT(s->routes[1]->body_bytes_max, 2u << 20);
  CHECK_INT(s->routes[1]->message_bytes_max, 3u << 20);
  /* An upstream without a limit of its own carries what its routes allow. */
  CHECK_INT(s->upstreams[0].message_bytes_max, 16u << 20);
  gw_snapshot_unref(s);
}

TEST(snapshot, rules_of_a_service_are_implicit_and_have_their_own_bodies) {
  gw_snapshot *s = load(HEAD "services: [{service: userservice.UserService, upstream: users}]\n");
  CHECK_INT(s->route_count, 5);
  CHECK_INT(s->rule_count, 5);
  CHECK(s->rules[3]->implicit);
  CHECK_INT(s->rules[3]->line, 0);
  CHECK_STR(s->rules[3]->body_text, "user");
  CHECK_INT(s->rules[3]->body_use, GW_BODY_FIELD);
  CHECK_INT(s->rules[2]->body_use, GW_BODY_ALL);
  CHECK_INT(s->rules[0]->body_use, GW_BODY_NONE);
  gw_binds binds;
  const gw_rule *hit = gw_router_match(s->router, GW_STR("GET"), GW_STR("/v1/users/7"), &binds);
  CHECK(hit != NULL && hit->route == s->routes[0]);
  CHECK_STR(binds.values[0], "7");
  gw_snapshot_unref(s);
}

TEST(snapshot, a_route_of_the_file_wins_over_a_rule_of_a_descriptor) {
  gw_snapshot *s = load(HEAD "routes:\n" GET "    name: mine\n"
                             "services: [{service: userservice.UserService, upstream: users}]\n");
  gw_binds binds;
  const gw_rule *hit = gw_router_match(s->router, GW_STR("GET"), GW_STR("/v1/users/7"), &binds);
  CHECK_STR(hit->route->name, "mine");
  CHECK(!hit->implicit);
  CHECK_INT(hit->line, 5);
  CHECK_INT(s->route_count, 5);
  gw_snapshot_unref(s);
}

TEST(snapshot, lives_until_the_last_reference_goes) {
  gw_snapshot *s = load(HEAD "routes:\n" GET);
  CHECK(gw_snapshot_ref(s) == s);
  gw_snapshot_unref(s);
  CHECK_STR(s->routes[0]->name, "GetUser"); /* under ASan: still there */
  gw_snapshot_unref(s);
  gw_snapshot_unref(NULL);
}

TEST(snapshot, a_missing_file_is_a_finding_about_the_file) {
  gw_findings findings;
  gw_snapshot *snapshot = NULL;
  gw_findings_init(&findings);
  CHECK_INT(gw_snapshot_load("tests/no-such.yaml", &findings, &snapshot), GW_BAD_VALUE);
  CHECK_INT(findings.count, 1);
  CHECK_INT(findings.items[0].line, 1);
  CHECK_INT(findings.items[0].column, 1);
  CHECK_STR(findings.items[0].text, "No such file or directory");
  gw_findings_done(&findings);
  gw_findings_init(&findings);
  CHECK_INT(gw_snapshot_load("tests", &findings, &snapshot), GW_BAD_VALUE);
  CHECK_STR(findings.items[0].text, "it is not a file");
  gw_findings_done(&findings);
  CHECK(snapshot == NULL);
}

TEST(snapshot, a_token_file_must_be_its_owners_alone) {
  char path[] = P_tmpdir "/sluice-token-XXXXXX", yaml[256];
  int fd = mkstemp(path);
  CHECK(fd >= 0);
  CHECK_INT(write(fd, "secret\n", 7), 7);
  snprintf(yaml, sizeof yaml, "listen: [{address: ':1'}]\nadmin: {token_file: %s}\n", path);
  CHECK_INT(fchmod(fd, 0644), 0);
  gw_findings findings;
  gw_snapshot *snapshot = NULL;
  gw_findings_init(&findings);
  CHECK_INT(gw_snapshot_parse(PATH, gw_str_of(yaml), &findings, &snapshot), GW_BAD_VALUE);
  CHECK(gw_str_ends(findings.items[0].text,
                    GW_STR("others than its owner may use it; chmod 600 it")));
  gw_findings_done(&findings);
  CHECK_INT(fchmod(fd, 0600), 0);
  snapshot = load(yaml);
  CHECK_STR(snapshot->admin_token_file, path);
  gw_snapshot_unref(snapshot);
  close(fd);
  unlink(path);
}

TEST(snapshot, a_thousand_routes_of_one_method_get_names) {
  gw_buf text;
  gw_buf_init(&text, NULL, 1u << 20);
  CHECK_INT(gw_buf_append(&text, GW_STR(HEAD "routes:\n")), GW_OK);
  for (int i = 0; i < 1000; i++)
    CHECK_INT(gw_buf_printf(&text,
                            "  - match: GET /r%d/{user_id}\n"
                            "    rpc: userservice.UserService/GetUser\n    upstream: users\n",
                            i),
              GW_OK);
  CHECK_INT(gw_buf_append(&text, (gw_str){ "", 1 }), GW_OK);
  gw_snapshot *s = load(text.p);
  CHECK_INT(s->route_count, 1000);
  CHECK_STR(s->routes[999]->name, "GetUser-1000");
  gw_snapshot_unref(s);
  gw_buf_done(&text);
}

static gw_code build_once(void *context) {
  gw_findings findings;
  gw_snapshot *snapshot = NULL;
  gw_findings_init(&findings);
  gw_code code = gw_snapshot_parse(PATH, gw_str_of(context), &findings, &snapshot);
  CHECK_INT(snapshot != NULL, code == GW_OK);
  gw_snapshot_unref(snapshot);
  gw_findings_done(&findings);
  return code;
}

TEST(snapshot, survives_each_failed_alloc) {
  static char text[] =
      HEAD "defaults: {json.int64: number}\nroutes:\n" GET
           "    headers: {request: [x-a], bind: {x-user: user_id}}\n    also:\n"
           "      - match: GET /a/{user_id}\n"
           "services: [{service: userservice.UserService, upstream: users, auto: true}]\n";
  static char small[] = "listen: [{address: '127.0.0.1:8080'}]\nadmin: {}\n"
                        "upstreams: {a: {endpoints: ['grpc://a:1']}}\nlog: {level: warn}\n";
  static char peer[] =
      HEAD "defaults: {compat: grpc-gateway}\nroutes:\n" GET
           "    also: [{match: 'GET /v1/users/x:y/{user_id}'}]\n"
           "  - {match: 'GET /v1/{user_id=**}', rpc: userservice.UserService/GetUser,"
           " upstream: users}\n";
  test_fail_each_alloc(build_once, small);
  test_fail_each_alloc(build_once, text);
  test_fail_each_alloc(build_once, peer);
}
