#include "control/service_config.h"

#include "control/json_place.h"
#include "unit/test.h"

/* Relative paths start here. */
#define PATH "tests/unit/control/config.yaml"
#define GOOD "service_config: ../../golden/config/service_config_good/service.json"

#define CONFIG(upstream, get)                                                                      \
  "listen: [{address: '127.0.0.1:8080'}]\n"                                                        \
  "descriptors: [../../../descriptors/userservice.pb]\n"                                           \
  "upstreams:\n  users:\n    endpoints: ['grpc://127.0.0.1:50051']\n    " GOOD "\n" upstream       \
  "routes:\n  - match: GET /v1/users/{user_id}\n    rpc: userservice.UserService/GetUser\n"        \
  "    upstream: users\n" get                                                                      \
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

#define BIT(code) (1u << GW_GRPC_##code)

TEST(service_config, the_most_specific_entry_counts) {
  gw_snapshot *s = load(CONFIG("", ""));
  const gw_route *get = s->routes[0], *list = s->routes[1];
  CHECK_INT(get->timeout_ms, 1500);
  CHECK(get->waits_ready);
  CHECK_INT(get->message_bytes_max, 1024);
  CHECK_INT(get->answer_bytes_max, 2048);
  CHECK_INT(get->retry->attempts, 5); /* nine are capped */
  CHECK_INT(get->retry->backoff_ms, 10);
  CHECK_INT(get->retry->backoff_max_ms, 501);
  CHECK(get->retry->backoff_factor > 1.49 && get->retry->backoff_factor < 1.51);
  CHECK_INT(get->retry->codes, BIT(UNAVAILABLE) | BIT(DEADLINE_EXCEEDED) | BIT(DATA_LOSS));
  CHECK_INT(get->retry->budget_ppm, 200000);
  CHECK(!get->retry->hedges);
  CHECK(list->retry->hedges && !list->waits_ready);
  CHECK_INT(list->retry->attempts, 3);
  CHECK_INT(list->retry->hedge_ms, 200);
  CHECK_INT(list->retry->codes, 0);
  CHECK_INT(list->timeout_ms, 0);
  CHECK_INT(list->message_bytes_max, 4u << 20);
  CHECK_INT(list->answer_bytes_max, 4u << 20);
  gw_snapshot_unref(s);
}

TEST(service_config, sets_the_upstream) {
  gw_snapshot *s = load(CONFIG("", ""));
  const gw_upstream_config *u = &s->upstreams[0];
  CHECK_INT(u->balance, GW_BALANCE_LEAST_REQUEST); /* the first one that is known */
  CHECK(u->throttle.tokens > 99.9 && u->throttle.tokens < 100.1);
  CHECK(u->health);
  CHECK_STR(u->health_service, "userservice.UserService");
  CHECK_INT(u->retry.attempts, 3); /* for methods without an entry */
  gw_snapshot_unref(s);
}

TEST(service_config, health_without_a_name_is_the_server_as_a_whole) {
  gw_snapshot *s = load(CONFIG("    health: {}\n", ""));
  CHECK(s->upstreams[0].health);
  CHECK_STR(s->upstreams[0].health_service, "");
  gw_snapshot_unref(s);
}

TEST(service_config, stands_below_what_the_configuration_says) {
  gw_snapshot *s = load(CONFIG("    balance: pick_first\n    health: {service: ''}\n"
                               "    retry: {attempts: 2, on: [ABORTED]}\n",
                               "    timeout: 1s\n    retry: {attempts: 4, backoff: 7ms}\n"));
  const gw_route *get = s->routes[0], *list = s->routes[1];
  CHECK_INT(s->upstreams[0].balance, GW_BALANCE_PICK_FIRST);
  CHECK_STR(s->upstreams[0].health_service, "");
  CHECK_INT(get->retry->attempts, 4);
  CHECK_INT(get->retry->backoff_ms, 7);
  CHECK_INT(get->retry->backoff_max_ms, 501);
  CHECK_INT(get->retry->codes, BIT(ABORTED));
  CHECK_INT(get->timeout_ms, 1000); /* of two, the shorter */
  CHECK_INT(list->retry->attempts, 2);
  CHECK_INT(list->retry->codes, BIT(ABORTED));
  gw_snapshot_unref(s);
}

static gw_code load_once(void *context) {
  gw_findings findings;
  gw_snapshot *snapshot = NULL;
  gw_findings_init(&findings);
  gw_code code = gw_snapshot_parse(PATH, gw_str_of(context), &findings, &snapshot);
  CHECK_INT(snapshot != NULL, code == GW_OK);
  gw_snapshot_unref(snapshot);
  gw_findings_done(&findings);
  return code;
}

TEST(service_config, survives_each_failed_alloc) {
  static char text[] = CONFIG("", "");
  test_fail_each_alloc(load_once, text);
}

TEST(json_place, finds_values) {
  static const char text[] =
      "{\n  \"a\" : [1, \"]\\\"\", {\"x\": [[]], \"\xc3\xa4\": 2, \"y\":\n3}],"
      "\n\t\"b\": true }";
  const gw_json_step a = { .key = GW_STR_INIT("a") }, b = { .key = GW_STR_INIT("b") };
  const gw_json_step first = { .index = 0 }, second = { .index = 1 }, third = { .index = 2 };
  const gw_json_step x = { .key = GW_STR_INIT("x") }, y = { .key = GW_STR_INIT("y") };
  const struct {
    gw_json_step steps[4];
    size_t count;
    uint32_t line, column;
  } rows[] = {
    { { { .index = 0 } }, 0, 1, 1 }, { { a }, 1, 2, 9 },
    { { a, first }, 2, 2, 10 },      { { a, second }, 2, 2, 13 },
    { { a, third }, 2, 2, 20 },      { { a, third, x, first }, 4, 2, 27 },
    { { a, third, y }, 3, 3, 1 },    { { b }, 1, 4, 7 },
    { { b, x }, 2, 4, 7 },           { { x }, 1, 1, 1 },
    { { a, x }, 2, 2, 9 },           { { third }, 1, 1, 1 },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    uint32_t line, column;
    gw_json_place_find(GW_STR(text), rows[i].steps, rows[i].count, &line, &column);
    if (line != rows[i].line || column != rows[i].column) print_error("row %zu\n", i);
    CHECK_INT(line, rows[i].line);
    CHECK_INT(column, rows[i].column);
  }
}

/* It is called with whole texts only, but must end on any. */
TEST(json_place, ends_on_each_cut) {
  static const char text[] = "{\"a\": [1, \"\\\\\", {\"b\": [{}, []]}]}";
  const gw_json_step steps[] = {
    { .key = GW_STR_INIT("a") }, { .index = 2 }, { .key = GW_STR_INIT("b") }, { .index = 1 }
  };
  for (size_t n = 0; n < sizeof text; n++) {
    uint32_t line = 0, column = 0;
    char *cut = malloc(n + 1); /* of its own, so that reading behind it is seen */
    memcpy(cut, text, n);
    gw_json_place_find((gw_str){ cut, n }, steps, 4, &line, &column);
    CHECK_INT(line, 1);
    CHECK(column >= 1 && column <= n + 1);
    free(cut);
  }
}
