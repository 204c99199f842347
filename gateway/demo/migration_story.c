#include "demo/migration_story.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "base/limits.h"
#include "demo/curl.h"
#include "demo/traffic.h"

#define TELL_LOOK_MS     100
#define TELL_PATIENCE_MS 10000
#define TELL_COMPARED    150 /* requests that show enough */
#define TELL_SERVED      100
#define TELL_JSON        "Content-Type: application/json"

typedef struct teller {
  const gw_migration_demo *demo;
  gw_traffic *traffic;
  gw_story_result *result;
  gw_err *err;
  unsigned part; /* told so far */
  char base[64], admin[64];
} teller;

/* What GET /routes says of the route. */
typedef struct tell_figures {
  char stage[16], share[16];
  uint64_t legacy, grpc, equal, different;
} tell_figures;

/* ---- the configuration ---- */

/* What is not written out comes from the .proto's google.api.http rules, and stands at grpc. */
static const char config_head[] = "listen:\n"
                                  "  - address: 127.0.0.1:%u\n"
                                  "admin:\n"
                                  "  address: 127.0.0.1:%u\n"
                                  "workers: 1\n"
                                  "log: { level: error, access: false }\n"
                                  "descriptors: [userservice.pb]\n"
                                  "upstreams:\n"
                                  "  users:\n"
                                  "    endpoints: [grpc://127.0.0.1:%u]\n"
                                  "  monolith:\n"
                                  "    endpoints: [http://127.0.0.1:%u]\n"
                                  "services:\n"
                                  "  - service: userservice.UserService\n"
                                  "    upstream: users\n"
                                  "routes:\n"
                                  "  - match: POST /v1/users\n"
                                  "    rpc: userservice.UserService/CreateUser\n"
                                  "    upstream: users\n"
                                  "    body: \"*\"\n"
                                  "    legacy: monolith\n";
static const char config_create[] = "    stage: legacy\n";
static const char config_create_mended[] =
    "    success_status: 201                         # so legacy says\n"
    "    json: { names: proto, int64: number }\n"
    "    stage: grpc\n";
static const char config_get[] =
    "  - name: get-user\n"
    "    match: GET /v1/users/{user_id}\n"
    "    rpc: userservice.UserService/GetUser\n"
    "    upstream: users\n"
    "    legacy: monolith\n"
    "    stage: legacy\n"
    "    fallback: true\n"
    "    guard: { window: 5s, requests: 20, errors: 5%, back_to: shadow }\n";
static const char config_get_mended[] =
    "    json: { names: proto, int64: number }          # as legacy wrote them\n"
    "    compare:\n"
    "      ignore: [/error, /code, /message, /details]  # clients look at a 404's status only\n";

gw_code gw_migration_story_config(const gw_migration_demo *demo, bool is_mended, gw_err *err) {
  FILE *file = fopen(demo->config, "wb");
  if (file == NULL) return gw_err_set(err, GW_UNAVAILABLE, "%s cannot be written", demo->config);
  fprintf(file, config_head, (unsigned)demo->port, (unsigned)demo->admin_port,
          (unsigned)gw_user_service_port(demo->service), (unsigned)demo->legacy_port);
  fputs(is_mended ? config_create_mended : config_create, file);
  fputs(config_get, file);
  if (is_mended) fputs(config_get_mended, file);
  bool is_good = !ferror(file);
  if (fclose(file) == 0 && is_good) return GW_OK;
  return gw_err_set(err, GW_UNAVAILABLE, "%s cannot be written", demo->config);
}

/* ---- what is told ---- */

static void tell_pause(unsigned ms) {
  nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L },
            NULL);
}

static void tell_lines(const char *text) {
  gw_str rest = gw_str_of(text);
  while (rest.n > 0) {
    gw_str line = gw_str_cut(&rest, '\n');
    printf("     " GW_STR_FMT "\n", GW_STR_ARG(line));
  }
}

static void tell_title(teller *t, const char *title, const char *why) {
  printf("\n%u. %s\n   %s\n", ++t->part, title, why);
}

static bool tell_check(teller *t, bool is_good, const char *expected) {
  t->result->shown++;
  if (is_good) return true;
  t->result->failed++;
  printf("     NOT AS EXPECTED: %s\n", expected);
  return false;
}

/* Shows a request to the gateway, or to its operators' listener. */
static gw_code tell_request(teller *t, const char *base, const gw_story_step *step) {
  bool as_expected = false;
  gw_code code = gw_story_show(base, step, &as_expected, t->err);
  t->result->shown++;
  if (!as_expected) t->result->failed++;
  return code;
}

/* The JSON of an operators' page; NULL: there is none. */
static json_t *tell_fetch(teller *t, const char *path) {
  char url[160];
  gw_curl_answer answer = { 0 };
  json_t *found = NULL;
  snprintf(url, sizeof url, "%s%s", t->admin, path);
  const char *args[] = { url, NULL };
  if (gw_curl_run(args, &answer, t->err) == GW_OK && answer.text.n > 0)
    found = json_loadb(answer.text.p, answer.text.n, 0, NULL);
  gw_curl_done(&answer);
  return found;
}

static uint64_t figure_of(const json_t *of, const char *group, const char *name) {
  const json_t *value = json_object_get(json_object_get(of, group), name);
  return json_is_integer(value) ? (uint64_t)json_integer_value(value) : 0;
}

static tell_figures tell_look(teller *t) {
  tell_figures f = { .share = "-" };
  json_t *route = tell_fetch(t, "/routes/get-user");
  const json_t *sides = json_object_get(route, "sides");
  const char *stage = json_string_value(json_object_get(route, "stage"));
  const char *share = json_string_value(json_object_get(route, "share"));
  if (stage != NULL) snprintf(f.stage, sizeof f.stage, "%s", stage);
  if (share != NULL) snprintf(f.share, sizeof f.share, "%s", share);
  f.legacy = figure_of(sides, "legacy", "requests");
  f.grpc = figure_of(sides, "grpc", "requests");
  f.equal = figure_of(route, "parity", "equal");
  f.different = figure_of(route, "parity", "different");
  json_decref(route);
  return f;
}

static void tell_figures_print(const char *when, tell_figures f) {
  printf("     %-28s stage %-7s share %-5s legacy answered %" PRIu64 ", gRPC %" PRIu64
         "; compared: %" PRIu64 " equal, %" PRIu64 " different\n",
         when, f.stage, f.share, f.legacy, f.grpc, f.equal, f.different);
  fflush(stdout);
}

/* Looks until `is_so` or patience ends. */
typedef bool tell_so_fn(const tell_figures *begin, const tell_figures *now);
static tell_figures tell_wait(teller *t, tell_figures begin, tell_so_fn *is_so, bool *in_time) {
  tell_figures now = tell_look(t);
  for (int ms = 0; ms < TELL_PATIENCE_MS && !is_so(&begin, &now); ms += TELL_LOOK_MS) {
    tell_pause(TELL_LOOK_MS);
    now = tell_look(t);
  }
  *in_time = is_so(&begin, &now);
  return now;
}

static bool so_compared(const tell_figures *begin, const tell_figures *now) {
  return now->equal + now->different >= begin->equal + begin->different + TELL_COMPARED;
}

static bool so_both_served(const tell_figures *begin, const tell_figures *now) {
  return now->legacy >= begin->legacy + TELL_SERVED / 4 && now->grpc >= begin->grpc + TELL_SERVED;
}

static bool so_grpc_served(const tell_figures *begin, const tell_figures *now) {
  return now->grpc >= begin->grpc + TELL_SERVED;
}

static bool so_back(const tell_figures *begin, const tell_figures *now) {
  (void)begin;
  return strcmp(now->stage, "shadow") == 0;
}

/* ---- the parts of the story ---- */

static gw_story_step step_stage(const char *body) {
  return (gw_story_step){ .options = { "-X", "PUT", "-d", body },
                          .path = "/routes/get-user/stage",
                          .status = 200,
                          .parts = { "\"stage\"" } };
}

static const gw_story_step step_user = {
  .path = "/v1/users/7",
  .status = 200,
  .parts = { "{\"user_id\":\"7\",\"name\":\"Ada Lovelace\",\"email\":\"ada@lovelace.example\","
             "\"created_at\":1714564800}" },
};

static gw_code tell_legacy(teller *t) {
  tell_title(t, "Everything as before",
             "Stage legacy: the old REST service answers, byte for byte: snake_case, 64-bit "
             "numbers as numbers.");
  return tell_request(t, t->base, &step_user);
}

static gw_code tell_shadow(teller *t) {
  const gw_story_step stage = step_stage("{\"stage\":\"shadow\"}");
  const gw_story_step suggest = { .path = "/routes/get-user/suggest?format=yaml",
                                  .status = 200,
                                  .parts = { "int64: number", "names: proto" } };
  const gw_story_step diffs = { .path = "/routes/get-user/diffs",
                                .status = 200,
                                .parts = { "/created_at", "representation", "/email", "value" } };
  bool in_time;
  tell_figures begin = tell_look(t);
  tell_title(t, "Shadow: each request is asked of gRPC too",
             "Clients still get legacy's answer; what gRPC would have said is compared with it.");
  gw_code code = tell_request(t, t->admin, &stage);
  if (code != GW_OK) return code;
  tell_figures now = tell_wait(t, begin, so_compared, &in_time);
  tell_figures_print("after a moment of traffic:", now);
  if (!tell_check(t, in_time && now.different > begin.different, "differences are found"))
    return GW_OK;
  tell_title(
      t, "The differences, and what removes them",
      "The gateway knows both sides: most are ways of writing, for which there are options.");
  code = tell_request(t, t->admin, &suggest);
  if (code != GW_OK) return code;
  printf("\n   One is not: user 8 has another email. The ledger shows where:\n");
  return tell_request(t, t->admin, &diffs);
}

static gw_code tell_mended(teller *t) {
  const gw_story_step reload = {
    .options = { "-X", "POST" }, .path = "/reload", .status = 200, .parts = { "\"reloaded\":true" }
  };
  const gw_story_step patch = { .options = { "-X", "PATCH", "-H", TELL_JSON, "-d",
                                             "{\"email\":\"grace@navy.example\"}" },
                                .path = "/v1/users/8",
                                .status = 200,
                                .parts = { "grace@navy.example" } };
  const gw_story_step clear = { .options = { "-X", "DELETE" },
                                .path = "/routes/get-user/diffs",
                                .status = 200 };
  bool in_time;
  tell_title(t, "The options are taken, the data are mended",
             "These lines go into the route; a reload loses no request. The email is repaired.");
  tell_lines(config_get_mended);
  gw_code code = gw_migration_story_config(t->demo, true, t->err);
  if (code == GW_OK) code = tell_request(t, t->admin, &reload);
  if (code == GW_OK) code = tell_request(t, t->base, &patch);
  if (code == GW_OK) code = tell_request(t, t->admin, &clear);
  if (code != GW_OK) return code;
  tell_pause(500); /* what was asked before is compared */
  tell_figures begin = tell_look(t);
  tell_figures now = tell_wait(t, begin, so_compared, &in_time);
  tell_figures_print("since then:", now);
  tell_check(t, in_time && now.different == begin.different, "both sides answer alike");
  return GW_OK;
}

static gw_code tell_canary(teller *t) {
  const gw_story_step stage = step_stage("{\"stage\":\"canary\",\"share\":\"50%\"}");
  bool in_time;
  tell_figures begin = tell_look(t);
  tell_title(t, "Canary: half of the requests are answered by gRPC",
             "The guard watches: errors, differences, latency of both sides in one window.");
  gw_code code = tell_request(t, t->admin, &stage);
  if (code != GW_OK) return code;
  tell_figures now = tell_wait(t, begin, so_both_served, &in_time);
  tell_figures_print("after a moment:", now);
  tell_check(t, in_time, "both sides answer");
  return GW_OK;
}

static gw_code tell_fault(teller *t) {
  bool in_time;
  uint64_t sent, failed;
  tell_figures begin = tell_look(t);
  tell_title(
      t, "The gRPC service breaks",
      "Every call is UNAVAILABLE now. Legacy answers instead (fallback), and the guard takes "
      "the route back.");
  gw_user_service_break(t->demo->service, true);
  tell_figures now = tell_wait(t, begin, so_back, &in_time);
  tell_figures_print("by itself:", now);
  json_t *route = tell_fetch(t, "/routes/get-user");
  const json_t *move = json_array_get(json_object_get(route, "journal"), 0);
  const char *who = json_string_value(json_object_get(move, "who"));
  const char *why = json_string_value(json_object_get(move, "why"));
  printf("     its journal: %s: %s\n", who != NULL ? who : "?", why != NULL ? why : "?");
  bool by_guard = who != NULL && strcmp(who, "guard") == 0;
  json_decref(route);
  gw_traffic_count(t->traffic, &sent, &failed);
  printf("     clients so far: %" PRIu64 " requests, %" PRIu64 " of them failed\n", sent, failed);
  tell_check(t, in_time && by_guard && failed == 0, "the guard took it back, no client saw it");
  gw_user_service_break(t->demo->service, false);
  return GW_OK;
}

static gw_code tell_end(teller *t) {
  const gw_story_step canary = step_stage("{\"stage\":\"canary\",\"share\":\"100%\"}");
  const gw_story_step grpc = step_stage("{\"stage\":\"grpc\"}");
  const gw_story_step create = {
    .options = { "-H", TELL_JSON, "-d",
                 "{\"name\":\"Edsger Dijkstra\",\"email\":\"edsger@example.com\"}" },
    .path = "/v1/users",
    .status = 201,
    .parts = { "\"user_id\":", "\"name\":\"Edsger Dijkstra\"", "\"created_at\":1" }
  };
  bool in_time;
  uint64_t sent, failed;
  tell_title(t, "Mended, and on to the end",
             "The service is well again. All requests go to gRPC, then the route is done.");
  tell_figures begin = tell_look(t);
  gw_code code = tell_request(t, t->admin, &canary);
  if (code != GW_OK) return code;
  tell_wait(t, begin, so_grpc_served, &in_time);
  code = tell_request(t, t->admin, &grpc);
  if (code != GW_OK) return code;
  tell_figures now = tell_wait(t, tell_look(t), so_grpc_served, &in_time);
  tell_figures_print("at the end:", now);
  tell_check(t, in_time && strcmp(now.stage, "grpc") == 0, "gRPC answers everything");
  tell_title(t, "Clients see what they saw in the beginning",
             "The same bytes, now from gRPC; and 201 for what is created.");
  code = tell_request(t, t->base, &step_user);
  if (code == GW_OK) code = tell_request(t, t->base, &create);
  gw_traffic_count(t->traffic, &sent, &failed);
  printf("\n   %" PRIu64 " requests were sent meanwhile; %" PRIu64 " failed.\n", sent, failed);
  tell_check(t, failed == 0, "no client lost a request");
  return code;
}

gw_code gw_migration_story_tell(const gw_migration_demo *demo, gw_story_stop_fn *stop,
                                gw_story_result *result, gw_err *err) {
  gw_code (*const parts[])(teller *) = { tell_legacy, tell_shadow, tell_mended,
                                         tell_canary, tell_fault,  tell_end };
  teller t = { .demo = demo, .result = result, .err = err };
  *result = (gw_story_result){ 0 };
  snprintf(t.base, sizeof t.base, "http://127.0.0.1:%u", (unsigned)demo->port);
  snprintf(t.admin, sizeof t.admin, "http://127.0.0.1:%u", (unsigned)demo->admin_port);
  gw_code code = gw_traffic_start(demo->port, &t.traffic, err);
  for (size_t i = 0; i < GW_COUNT_OF(parts) && code == GW_OK; i++) {
    if (result->failed > 0 || (stop != NULL && stop())) break;
    code = parts[i](&t);
    fflush(stdout);
  }
  gw_traffic_stop(t.traffic);
  return code;
}
