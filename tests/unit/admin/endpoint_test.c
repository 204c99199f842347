#include "admin/endpoint.h"

#include "unit/admin/fake_server.h"
#include "unit/test.h"

#define CONFIG "tests/unit/admin/routes.yaml"

typedef struct ask_row {
  const char *method, *path;
  const char *authorization; /* NULL: absent */
  bool is_foreign_page;
  int status;
  const char *allow; /* NULL: absent */
} ask_row;

static gw_endpoint_reply ask(const gw_endpoint_context *context, const ask_row *row) {
  gw_endpoint_reply reply;
  gw_endpoint_request request = { .method = gw_str_of(row->method),
                                  .path = gw_str_of(row->path),
                                  .is_foreign_page = row->is_foreign_page };
  if (row->authorization != NULL) request.authorization = gw_str_of(row->authorization);
  gw_endpoint_answer(context, &request, &reply);
  return reply;
}

/* Frees the reply. */
static void check_body(gw_endpoint_reply *reply, int status, const char *type, const char *body) {
  CHECK_INT(reply->status, status);
  CHECK(strncmp(reply->content_type, type, strlen(type)) == 0);
  CHECK_STR(gw_buf_str(&reply->body), body);
  gw_buf_done(&reply->body);
}

static void check_rows(const gw_endpoint_context *context, const ask_row *rows, size_t count) {
  for (size_t i = 0; i < count; i++) {
    gw_endpoint_reply reply = ask(context, &rows[i]);
    if (reply.status != rows[i].status)
      fail_msg("%s %s: %d, not %d", rows[i].method, rows[i].path, reply.status, rows[i].status);
    CHECK_STR(gw_str_of(reply.allow != NULL ? reply.allow : ""),
              rows[i].allow != NULL ? rows[i].allow : "");
    CHECK(reply.has_challenge == (reply.status == 401));
    CHECK(reply.body.n > 0);
    gw_buf_done(&reply.body);
  }
}

static gw_snapshot *endpoint_snapshot(void) {
  gw_findings findings;
  gw_snapshot *snapshot = NULL;
  gw_findings_init(&findings);
  CHECK_INT(gw_snapshot_load(CONFIG, &findings, &snapshot), GW_OK);
  gw_findings_done(&findings);
  return snapshot;
}

TEST(endpoint, paths_and_methods) {
  static const ask_row rows[] = {
    { "GET", "/", NULL, false, 200, NULL },
    { "GET", "/help", NULL, false, 200, NULL },
    { "POST", "/", NULL, false, 405, "GET, HEAD" },
    { "HEAD", "/livez", NULL, false, 200, NULL },
    { "GET", "/livez", "Basic x", true, 200, NULL },
    { "GET", "/metrics", NULL, false, 200, NULL },
    { "GET", "/routes", NULL, false, 200, NULL },
    { "GET", "/routes/get-user", NULL, false, 200, NULL },
    { "GET", "/routes/nobody", NULL, false, 404, NULL },
    { "GET", "/routes/", NULL, false, 404, NULL },
    { "GET", "/routes/get-user/", NULL, false, 404, NULL },
    { "GET", "", NULL, false, 404, NULL },
    { "GET", "/Livez", NULL, false, 404, NULL },
    { "GET", "/livez/", NULL, false, 404, NULL },
    { "GET", "//livez", NULL, false, 404, NULL },
    { "POST", "/nothing", NULL, true, 404, NULL },
    { "POST", "/livez", NULL, false, 405, "GET, HEAD" },
    { "get", "/livez", NULL, false, 405, "GET, HEAD" },
    { "DELETE", "/routes/get-user", NULL, false, 405, "GET, HEAD" },
    { "GET", "/reload", NULL, false, 405, "POST" },
    { "HEAD", "/drain", NULL, false, 405, "POST" },
    { "OPTIONS", "/drain", NULL, false, 405, "POST" },
  };
  gw_server server = { .snapshot = endpoint_snapshot() };
  gw_endpoint_context context = { .server = &server };
  check_rows(&context, rows, GW_COUNT_OF(rows));
  gw_snapshot_unref(server.snapshot);
}

TEST(endpoint, the_dashboard_is_one_page_with_its_policy) {
  static const ask_row page = { .method = "GET", .path = "/" };
  static const ask_row routes = { .method = "GET", .path = "/help" };
  gw_server server = { .reason = NULL };
  gw_endpoint_context context = { .server = &server };
  gw_endpoint_reply reply = ask(&context, &page);
  gw_str body = gw_buf_str(&reply.body);
  CHECK_INT(reply.status, 200);
  CHECK(strcmp(reply.content_type, "text/html; charset=utf-8") == 0);
  CHECK(gw_str_starts(body, GW_STR("<!doctype html>")));
  CHECK(gw_str_ends(body, GW_STR("</html>\n")));
  /* Nothing of another address is loaded: all is in the page. */
  CHECK(memmem(body.p, body.n, "<script src", 11) == NULL);
  CHECK(memmem(body.p, body.n, "stylesheet", 10) == NULL);
  CHECK(reply.policy != NULL && strncmp(reply.policy, "default-src 'none'; ", 20) == 0);
  CHECK(strstr(reply.policy, "unsafe") == NULL);
  gw_buf_done(&reply.body);
  reply = ask(&context, &routes);
  CHECK(reply.policy == NULL);
  gw_buf_done(&reply.body);
}

TEST(endpoint, health) {
  static const ask_row livez = { .method = "GET", .path = "/livez" };
  static const ask_row readyz = { .method = "GET", .path = "/readyz" };
  gw_server server = { .reason = NULL };
  gw_endpoint_context context = { .server = &server };
  gw_endpoint_reply reply = ask(&context, &readyz);
  check_body(&reply, 200, "text/plain", "ready\n");
  server.reason = "draining\nupstream a: no usable endpoint\n";
  reply = ask(&context, &readyz);
  check_body(&reply, 503, "text/plain", server.reason);
  reply = ask(&context, &livez);
  check_body(&reply, 200, "text/plain", "ok\n");
}

TEST(endpoint, a_reload_tells_what_is_wrong) {
  static const ask_row reload = { .method = "POST", .path = "/reload" };
  gw_server server = { .reload_code = GW_OK };
  gw_endpoint_context context = { .server = &server };
  gw_endpoint_reply reply = ask(&context, &reload);
  check_body(&reply, 200, "application/json", "{\"reloaded\":true}\n");
  server.warning = "never used";
  reply = ask(&context, &reload);
  check_body(&reply, 200, "application/json",
             "{\"reloaded\":true,\"warnings\":[{\"file\":\"a\\\"b.yaml\",\"line\":3,\"column\":7,"
             "\"text\":\"never used\"}]}\n");
  server.warning = NULL;
  server.reload_code = GW_BAD_VALUE;
  server.mistake = "unknown key \"x\"";
  reply = ask(&context, &reload);
  check_body(&reply, 400, "application/json",
             "{\"reloaded\":false,\"errors\":[{\"file\":\"a\\\"b.yaml\",\"line\":3,\"column\":7,"
             "\"text\":\"unknown key \\\"x\\\"\"}]}\n");
  server.reload_code = GW_NOMEM;
  server.mistake = NULL;
  reply = ask(&context, &reload);
  check_body(&reply, 400, "application/json",
             "{\"reloaded\":false,\"errors\":[{\"file\":\"\",\"line\":0,\"column\":0,"
             "\"text\":\"no_memory\"}]}\n");
  CHECK_INT(server.reload_count, 4);
}

typedef struct reload_row {
  const char *argument, *body; /* argument NULL: absent */
  int status;
  bool allowed;
} reload_row;

TEST(endpoint, a_reload_may_break_clients_only_when_told_so) {
  static const reload_row rows[] = {
    { NULL, "", 200, false },
    { NULL, " \r\n", 200, false },
    { NULL, "{}", 200, false },
    { "false", "", 200, false },
    { "true", "", 200, true },
    { NULL, "{\"allow_breaking\":true}", 200, true },
    { NULL, "{\"allow_breaking\":false}", 200, false },
    { "false", "{\"allow_breaking\":true}", 200, true },
    { "", "", 400, false },
    { "yes", "", 400, false },
    { "true", "{", 400, false },
    { NULL, "true", 400, false },
    { NULL, "[]", 400, false },
    { NULL, "{\"allow_breaking\":1}", 400, false },
    { NULL, "{\"allow_breaking\":true,\"x\":1}", 400, false },
    { NULL, "{\"allow_breaking\":true,\"allow_breaking\":true}", 400, false },
    { NULL, "{\"x\":true}", 400, false },
  };
  gw_server server = { .reload_code = GW_OK };
  gw_endpoint_context context = { .server = &server };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    gw_endpoint_request request = { .method = GW_STR("POST"), .path = GW_STR("/reload") };
    gw_endpoint_reply reply;
    if (rows[i].argument != NULL) request.allow_breaking = gw_str_of(rows[i].argument);
    request.body = gw_str_of(rows[i].body);
    server.reload_allowed = false;
    server.reload_count = 0;
    gw_endpoint_answer(&context, &request, &reply);
    if (reply.status != rows[i].status) fail_msg("row %zu: %d", i, reply.status);
    CHECK(server.reload_allowed == rows[i].allowed);
    CHECK_INT(server.reload_count, rows[i].status == 200);
    gw_buf_done(&reply.body);
  }
}

/* A second signal would end the process before its requests are finished. */
TEST(endpoint, a_drain_is_begun_once) {
  static const ask_row drain = { .method = "POST", .path = "/drain" };
  gw_server server = { .is_draining = false };
  gw_endpoint_context context = { .server = &server };
  gw_endpoint_reply reply = ask(&context, &drain);
  CHECK(reply.wants_drain);
  check_body(&reply, 202, "application/json", "{\"draining\":true}\n");
  server.is_draining = true;
  reply = ask(&context, &drain);
  CHECK(!reply.wants_drain);
  check_body(&reply, 202, "application/json", "{\"draining\":true}\n");
}

TEST(endpoint, the_token_guards_what_changes_state) {
  static const ask_row rows[] = {
    { "POST", "/reload", "Bearer s3cret", false, 200, NULL },
    { "POST", "/reload", "Bearer s3cret", true, 200, NULL },
    { "POST", "/drain", "Bearer s3cret", false, 202, NULL },
    { "POST", "/reload", NULL, false, 401, NULL },
    { "POST", "/reload", NULL, true, 401, NULL },
    { "POST", "/reload", "Bearer s3cre", false, 401, NULL },
    { "POST", "/drain", "s3cret", false, 401, NULL },
    { "GET", "/livez", NULL, false, 200, NULL },
    { "GET", "/routes", "Bearer wrong", false, 200, NULL },
    { "GET", "/drain", NULL, false, 405, "POST" },
  };
  gw_server server = { .snapshot = endpoint_snapshot() };
  gw_endpoint_context context = { .server = &server, .token = { .n = 6, .bytes = "s3cret" } };
  check_rows(&context, rows, GW_COUNT_OF(rows));
  CHECK_INT(server.reload_count, 2);
  gw_snapshot_unref(server.snapshot);
}

TEST(endpoint, a_web_page_cannot_change_state_without_a_token) {
  static const ask_row rows[] = {
    { "POST", "/reload", NULL, true, 403, NULL },
    { "POST", "/drain", "Bearer x", true, 403, NULL },
    { "POST", "/reload", NULL, false, 200, NULL },
    { "GET", "/livez", NULL, true, 200, NULL },
  };
  gw_server server = { .reload_code = GW_OK };
  gw_endpoint_context context = { .server = &server };
  check_rows(&context, rows, GW_COUNT_OF(rows));
  CHECK_INT(server.reload_count, 1);
}

static gw_code endpoint_once(void *context) {
  static const ask_row rows[] = { { .method = "GET", .path = "/metrics" },
                                  { .method = "GET", .path = "/routes/get-user" },
                                  { .method = "POST", .path = "/reload" } };
  gw_code code = GW_OK;
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    gw_endpoint_reply reply = ask(context, &rows[i]);
    if (reply.status == 500) code = GW_NOMEM;
    gw_buf_done(&reply.body);
  }
  return code;
}

TEST(endpoint, survives_each_failed_alloc) {
  gw_server server = { .snapshot = endpoint_snapshot(), .mistake = "wrong" };
  gw_endpoint_context context = { .server = &server };
  test_fail_each_alloc(endpoint_once, &context);
  gw_snapshot_unref(server.snapshot);
}
