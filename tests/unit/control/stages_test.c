#include "control/stages.h"

#include <sys/stat.h>
#include <unistd.h>

#include "control/state.h"

#include "unit/test.h"

#define HEAD                                                                                       \
  "listen: [{address: '127.0.0.1:8080'}]\n"                                                        \
  "descriptors: [%s/descriptors/userservice.pb]\n"                                                 \
  "upstreams: {users: {endpoints: ['grpc://127.0.0.1:50051']},\n"                                  \
  "  old: {endpoints: ['http://127.0.0.1:8081']}}\n"                                               \
  "legacy: old\nroutes:\n"
#define ROUTE(name, options)                                                                       \
  "  - {name: " name ", match: 'GET /" name "/{user_id}', rpc: userservice.UserService/GetUser,\n" \
  "     upstream: users, " options "}\n"

static char folder[] = "/tmp/sluice-stages-XXXXXX";
static char config_path[128], state_path[128];

static void enter(void) {
  memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
  CHECK(mkdtemp(folder) != NULL);
  snprintf(config_path, sizeof config_path, "%s/c.yaml", folder);
  snprintf(state_path, sizeof state_path, "%s/c.yaml.state", folder);
}

static void leave(void) {
  char broken[160];
  snprintf(broken, sizeof broken, "%s.broken", state_path);
  unlink(broken);
  unlink(state_path);
  CHECK_INT(rmdir(folder), 0);
  gw_live_done();
}

static gw_snapshot *load(const char *routes) {
  gw_findings findings;
  gw_snapshot *snapshot = NULL;
  char yaml[4096], here[1024];
  CHECK(getcwd(here, sizeof here) != NULL);
  snprintf(yaml, sizeof yaml, HEAD, here);
  strncat(yaml, routes, sizeof yaml - strlen(yaml) - 1);
  gw_findings_init(&findings);
  gw_code code = gw_snapshot_parse(config_path, gw_str_of(yaml), &findings, &snapshot);
  if (findings.errors > 0) fail_msg(GW_STR_FMT, GW_STR_ARG(findings.items[0].text));
  CHECK_INT(code, GW_OK);
  gw_findings_done(&findings);
  return snapshot;
}

static void adopt(gw_stages *stages, const char *routes) {
  gw_snapshot *snapshot = load(routes);
  CHECK_INT(gw_stages_adopt(stages, snapshot), GW_OK);
  gw_snapshot_unref(snapshot);
}

static gw_stages *begin(const char *routes) {
  gw_stages *stages = gw_stages_new();
  CHECK(stages != NULL);
  adopt(stages, routes);
  return stages;
}

/* The end of a process and the start of the next one. */
static gw_stages *restart(gw_stages *stages, const char *routes) {
  gw_stages_free(stages);
  gw_live_done();
  return begin(routes);
}

static void check_stand(const char *route, gw_stage stage, uint32_t share) {
  gw_stand stand = gw_live_stand(gw_live_find(gw_str_of(route)));
  CHECK_INT(stand.stage, stage);
  CHECK_INT(stand.share, gw_stand_of(stage, share).share);
}

static gw_code order(gw_stages *stages, const char *route, gw_stage stage, uint32_t share) {
  gw_stage_order order = {
    .route = gw_str_of(route), .stage = stage, .has_share = share > 0, .share = share, .why = "test"
  };
  gw_stand from, to;
  return gw_stages_order(stages, &order, &from, &to, NULL);
}

static gw_move newest(const char *route) {
  static gw_move moves[GW_JOURNAL_MAX];
  CHECK(gw_live_journal(gw_live_find(gw_str_of(route)), moves) > 0);
  return moves[0];
}

TEST(stages, begin_where_the_configuration_says) {
  enter();
  gw_stages *stages =
      begin(ROUTE("a", "stage: canary, canary: 5%") ROUTE("b", "stage: shadow") ROUTE("c", ""));
  check_stand("a", GW_STAGE_CANARY, 50000);
  check_stand("b", GW_STAGE_SHADOW, 0);
  check_stand("c", GW_STAGE_GRPC, 0);
  CHECK(strcmp(newest("a").who, "configuration") == 0);
  CHECK(access(state_path, F_OK) != 0); /* nothing was set at run time */
  gw_stages_free(stages);
  leave();
}

TEST(stages, an_order_is_done_kept_and_told) {
  enter();
  gw_stages *stages = begin(ROUTE("a", "stage: shadow, canary: 3%"));
  CHECK_INT(order(stages, "a", GW_STAGE_CANARY, 250000), GW_OK);
  check_stand("a", GW_STAGE_CANARY, 250000);
  gw_move move = newest("a");
  CHECK(strcmp(move.who, "operator") == 0 && strcmp(move.why, "test") == 0);
  CHECK_INT(move.from.stage, GW_STAGE_SHADOW);
  CHECK_INT(order(stages, "a", GW_STAGE_CANARY, 0), GW_OK); /* the configuration's share */
  check_stand("a", GW_STAGE_CANARY, 30000);
  CHECK_INT(gw_stages_view(stages, GW_STR("a")).moves[GW_MOVER_OPERATOR], 2);
  CHECK_INT(order(stages, "a", GW_STAGE_CANARY, 0), GW_OK); /* there already */
  CHECK_INT(gw_stages_view(stages, GW_STR("a")).moves[GW_MOVER_OPERATOR], 2);
  stages = restart(stages, ROUTE("a", "stage: shadow, canary: 3%"));
  check_stand("a", GW_STAGE_CANARY, 30000);
  CHECK(strcmp(newest("a").who, "state file") == 0);
  CHECK(strstr(newest("a").why, "operator: test") != NULL);
  gw_stages_free(stages);
  leave();
}

TEST(stages, bad_orders_are_refused) {
  enter();
  gw_stages *stages = begin(ROUTE("a", "stage: shadow"));
  CHECK_INT(order(stages, "b", GW_STAGE_GRPC, 0), GW_NOT_FOUND);
  CHECK_INT(order(stages, "a", GW_STAGE_CANARY, 0), GW_BAD_VALUE); /* no share anywhere */
  CHECK_INT(order(stages, "a", GW_STAGE_SHADOW, 10), GW_BAD_VALUE);
  CHECK_INT(order(stages, "a", GW_STAGE_CANARY, GW_SHARE_WHOLE + 1), GW_BAD_VALUE);
  check_stand("a", GW_STAGE_SHADOW, 0);
  gw_stages_free(stages);
  leave();
}

TEST(stages, a_reload_that_says_something_else_wins) {
  enter();
  gw_stages *stages = begin(ROUTE("a", "stage: shadow") ROUTE("b", "stage: shadow"));
  CHECK_INT(order(stages, "a", GW_STAGE_GRPC, 0), GW_OK);
  adopt(stages,
        ROUTE("a", "stage: shadow, shadow.sample: 5%") ROUTE("b", "stage: canary, canary: 1%"));
  check_stand("a", GW_STAGE_GRPC, 0); /* it said shadow then, and says so now */
  check_stand("b", GW_STAGE_CANARY, 10000);
  adopt(stages, ROUTE("a", "stage: legacy"));
  check_stand("a", GW_STAGE_LEGACY, 0);
  CHECK(strcmp(newest("a").who, "configuration") == 0);
  CHECK(strstr(newest("a").why, "said shadow when the stage was set to grpc by operator") != NULL);
  /* It is forgotten for good, even when the configuration says shadow again. */
  adopt(stages, ROUTE("a", "stage: shadow"));
  check_stand("a", GW_STAGE_SHADOW, 0);
  stages = restart(stages, ROUTE("a", "stage: shadow"));
  check_stand("a", GW_STAGE_SHADOW, 0);
  gw_stages_free(stages);
  leave();
}

TEST(stages, a_restart_whose_configuration_says_something_else_wins) {
  enter();
  gw_stages *stages = begin(ROUTE("a", "stage: shadow"));
  CHECK_INT(order(stages, "a", GW_STAGE_GRPC, 0), GW_OK);
  stages = restart(stages, ROUTE("a", "stage: canary, canary: 7%"));
  check_stand("a", GW_STAGE_CANARY, 70000);
  gw_stages_free(stages);
  leave();
}

TEST(stages, a_group_moves_as_one_and_takes_newcomers_along) {
  const char *two = ROUTE("a", "stage: shadow, group: g") ROUTE("b", "stage: shadow, group: g")
      ROUTE("c", "stage: shadow");
  enter();
  gw_stages *stages = begin(two);
  CHECK_INT(order(stages, "b", GW_STAGE_CANARY, 50000), GW_OK);
  check_stand("a", GW_STAGE_CANARY, 50000);
  check_stand("b", GW_STAGE_CANARY, 50000);
  check_stand("c", GW_STAGE_SHADOW, 0);
  adopt(stages, ROUTE("a", "stage: shadow, group: g") ROUTE("c", "stage: shadow, group: g"));
  check_stand("c", GW_STAGE_CANARY, 50000);
  stages = restart(stages, two); /* "b" was forgotten when it was not there, and comes back */
  check_stand("b", GW_STAGE_CANARY, 50000);
  gw_stages_free(stages);
  leave();
}

TEST(stages, a_broken_state_file_is_set_aside) {
  char broken[160];
  enter();
  FILE *file = fopen(state_path, "w");
  CHECK(file != NULL);
  fputs("{\"version\":1,", file);
  fclose(file);
  gw_stages *stages = begin(ROUTE("a", "stage: shadow"));
  check_stand("a", GW_STAGE_SHADOW, 0);
  snprintf(broken, sizeof broken, "%s.broken", state_path);
  CHECK_INT(access(broken, F_OK), 0);
  CHECK(access(state_path, F_OK) != 0);
  CHECK_INT(order(stages, "a", GW_STAGE_GRPC, 0), GW_OK);
  stages = restart(stages, ROUTE("a", "stage: shadow"));
  check_stand("a", GW_STAGE_GRPC, 0);
  gw_stages_free(stages);
  leave();
}

TEST(stages, an_unwritable_state_file_costs_only_its_memory) {
  char aside[160];
  enter();
  gw_stages *stages = begin(ROUTE("a", "stage: shadow"));
  snprintf(aside, sizeof aside, "%s.tmp", state_path);
  CHECK_INT(mkdir(aside, 0700), 0);
  CHECK_INT(order(stages, "a", GW_STAGE_GRPC, 0), GW_OK);
  check_stand("a", GW_STAGE_GRPC, 0);
  CHECK(access(state_path, F_OK) != 0);
  CHECK_INT(rmdir(aside), 0);
  CHECK_INT(order(stages, "a", GW_STAGE_LEGACY, 0), GW_OK); /* the next change is kept again */
  CHECK_INT(access(state_path, F_OK), 0);
  gw_stages_free(stages);
  leave();
}

/* ---- guards and ramps ---- */

static void answer(const char *route, gw_side side, unsigned good, unsigned bad) {
  gw_live_counters *counters = gw_live_counters_of(gw_live_find(gw_str_of(route)), 0);
  CHECK(counters != NULL);
  for (unsigned i = 0; i < good + bad; i++)
    gw_side_count(&counters->sides[side], i < bad, 1000);
}

static void compare(const char *route, unsigned equal) {
  gw_count(&gw_live_counters_of(gw_live_find(gw_str_of(route)), 0)->compared[GW_PARITY_EQUAL],
           equal);
}

TEST(stages, a_guard_takes_the_group_back_and_holds_the_ramp) {
  const char *routes = ROUTE("a", "stage: canary, canary: 10%, group: g, guard: {requests: 50},"
                                  " ramp: {steps: [10%, 100%], hold: 1s, min_compared: 10}")
      ROUTE("b", "stage: canary, canary: 10%, group: g");
  enter();
  gw_stages *stages = begin(routes);
  gw_stages_tick(stages, 1000);
  answer("a", GW_SIDE_GRPC, 60, 40);
  answer("a", GW_SIDE_LEGACY, 900, 0);
  gw_stages_tick(stages, 1100);
  check_stand("a", GW_STAGE_SHADOW, 0);
  check_stand("b", GW_STAGE_SHADOW, 0);
  CHECK(strcmp(newest("a").who, "guard") == 0);
  CHECK(strstr(newest("b").why, "errors 40.0%") != NULL);
  gw_stage_view view = gw_stages_view(stages, GW_STR("a"));
  CHECK(view.has_guard && view.is_held);
  CHECK_INT(view.moves[GW_MOVER_GUARD], 1);
  /* All is well again, yet the ramp stands still, also after a restart ... */
  stages = restart(stages, routes);
  check_stand("a", GW_STAGE_SHADOW, 0);
  gw_stages_tick(stages, 1000);
  compare("a", 100000);
  for (uint64_t now_ms = 1100; now_ms < 5000; now_ms += 100)
    gw_stages_tick(stages, now_ms);
  check_stand("a", GW_STAGE_SHADOW, 0);
  /* ... until somebody moves the route on. */
  CHECK_INT(order(stages, "a", GW_STAGE_CANARY, 100000), GW_OK);
  gw_stages_tick(stages, 5000);
  compare("a", 100000);
  for (uint64_t now_ms = 5100; now_ms < 7000; now_ms += 100)
    gw_stages_tick(stages, now_ms);
  check_stand("a", GW_STAGE_CANARY, 1000000);
  check_stand("b", GW_STAGE_CANARY, 1000000);
  CHECK(strcmp(newest("b").who, "ramp") == 0);
  gw_stages_free(stages);
  leave();
}

TEST(stages, a_group_goes_on_only_when_all_its_ramps_say_so) {
  const char *ramp = "stage: shadow, group: g, ramp: {steps: [10%], hold: 1s, min_compared: 10}";
  char routes[1024];
  enter();
  snprintf(routes, sizeof routes, ROUTE("a", "%s") ROUTE("b", "%s"), ramp, ramp);
  gw_stages *stages = begin(routes);
  gw_stages_tick(stages, 1000);
  compare("a", 100000);
  for (uint64_t now_ms = 1100; now_ms < 4000; now_ms += 100)
    gw_stages_tick(stages, now_ms);
  check_stand("a", GW_STAGE_SHADOW, 0);
  compare("b", 100000);
  gw_stages_tick(stages, 4000);
  check_stand("a", GW_STAGE_CANARY, 100000);
  check_stand("b", GW_STAGE_CANARY, 100000);
  gw_stages_free(stages);
  leave();
}

TEST(stages, an_operator_who_moves_back_holds_the_ramp) {
  enter();
  gw_stages *stages =
      begin(ROUTE("a", "stage: canary, ramp: {steps: [10%, 50%], hold: 1s, min_compared: 10}"));
  CHECK_INT(order(stages, "a", GW_STAGE_SHADOW, 0), GW_OK);
  CHECK(gw_stages_view(stages, GW_STR("a")).is_held);
  CHECK_INT(order(stages, "a", GW_STAGE_CANARY, 0), GW_OK);
  CHECK(!gw_stages_view(stages, GW_STR("a")).is_held);
  gw_stages_free(stages);
  leave();
}

static gw_code run_once(void *context) {
  gw_stages *stages = gw_stages_new();
  gw_code code = stages != NULL ? gw_stages_adopt(stages, context) : GW_NOMEM;
  if (code == GW_OK) {
    gw_stage_order move = { .route = GW_STR("a"), .stage = GW_STAGE_GRPC, .why = "" };
    gw_stand from, to;
    code = gw_stages_order(stages, &move, &from, &to, NULL);
    gw_stages_tick(stages, 1000);
  }
  gw_stages_free(stages);
  gw_live_done();
  return code;
}

/* A state file that cannot be written for want of memory is told and no failure: the code of such
 * a run is GW_OK, too. */
static gw_code run_all(void *context) {
  unlink(state_path);
  gw_code code = run_once(context);
  return code == GW_OK && access(state_path, F_OK) != 0 ? GW_NOMEM : code;
}

TEST(stages, survive_each_failed_alloc) {
  enter();
  gw_snapshot *snapshot =
      load(ROUTE("a", "stage: shadow, group: g, guard: {}") ROUTE("b", "stage: shadow, group: g"));
  CHECK_INT(run_once(snapshot), GW_OK);
  test_fail_each_alloc(run_all, snapshot);
  gw_snapshot_unref(snapshot);
  leave();
}
