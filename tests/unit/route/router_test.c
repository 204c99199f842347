#include "route/router.h"

#include "route/uri.h"
#include "unit/golden.h"
#include "unit/route/route_table.h"

static void print_rule(const gw_rule *rule, gw_buf *out) {
  CHECK_INT(gw_buf_printf(out, GW_STR_FMT " " GW_STR_FMT, GW_STR_ARG(rule->method),
                          GW_STR_ARG(rule->template.text)),
            GW_OK);
}

static void print_match(const gw_rule *rule, const gw_binds *binds, gw_buf *out) {
  CHECK_INT(gw_buf_append(out, GW_STR("  -> ")), GW_OK);
  print_rule(rule, out);
  for (uint32_t i = 0; i < rule->template.var_count; i++) {
    CHECK_INT(gw_buf_printf(out, " " GW_STR_FMT "=\"" GW_STR_FMT "\"",
                            GW_STR_ARG(rule->template.vars[i].field_path),
                            GW_STR_ARG(binds->values[i])),
              GW_OK);
  }
  CHECK_INT(gw_buf_append(out, GW_STR("\n")), GW_OK);
}

static void print_conflict(void *context, const gw_rule *first, const gw_rule *second) {
  gw_buf *out = context;
  CHECK_INT(gw_buf_append(out, GW_STR("conflict: ")), GW_OK);
  print_rule(first, out);
  CHECK_INT(gw_buf_append(out, GW_STR(" and ")), GW_OK);
  print_rule(second, out);
  CHECK_INT(gw_buf_append(out, GW_STR("\n")), GW_OK);
}

static const gw_rule *find_pointer(const route_table *table, const gw_rule *rule) {
  for (size_t i = 0; i < table->count; i++) {
    if (table->pointers[i] == rule) return rule;
  }
  return NULL;
}

static void run_request(const route_table *table, const gw_router *router, gw_str line,
                        gw_buf *out) {
  gw_binds binds;
  CHECK_INT(gw_buf_printf(out, GW_STR_FMT "\n", GW_STR_ARG(line)), GW_OK);
  gw_str method = gw_str_cut(&line, ' ');
  const gw_rule *rule = gw_router_match(router, method, line, &binds);
  if (rule != NULL) {
    CHECK(find_pointer(table, rule) != NULL);
    CHECK(gw_rule_fits(rule, method, line, NULL));
    print_match(rule, &binds, out);
    return;
  }
  CHECK_INT(gw_buf_append(out, GW_STR("  -> none; Allow: ")), GW_OK);
  CHECK_INT(gw_router_allow(router, line, out), GW_OK);
  CHECK_INT(gw_buf_append(out, GW_STR("\n")), GW_OK);
}

static void run_routing(golden_case *c, void *context) {
  (void)context;
  gw_str routes = golden_read(c, "routes", true);
  gw_str requests = golden_read(c, "requests", true), rest = requests;
  route_table table;
  gw_router *router = NULL;
  gw_buf out;
  gw_buf_init(&out, NULL, GW_MIB(1));
  route_table_init(&table, routes);
  gw_code code = gw_router_build(table.pointers, table.count, print_conflict, &out, &router);
  CHECK_INT(code, out.n > 0 ? GW_CONFLICT : GW_OK);
  while (code == GW_OK && rest.n > 0)
    run_request(&table, router, gw_str_cut(&rest, '\n'), &out);
  golden_check(c, "winners", gw_buf_str(&out));
  gw_router_free(router);
  route_table_done(&table);
  gw_buf_done(&out);
  free((void *)(uintptr_t)routes.p);
  free((void *)(uintptr_t)requests.p);
}

TEST(router, golden) {
  golden_each("routing", run_routing, NULL);
}

static gw_router *build(route_table *table, const char *routes) {
  gw_router *router = NULL;
  route_table_init(table, gw_str_of(routes));
  CHECK_INT(gw_router_build(table->pointers, table->count, NULL, NULL, &router), GW_OK);
  return router;
}

TEST(router, sixty_four_thousand_slashes) {
  route_table table;
  gw_router *router = build(&table, "GET /a/**/x\nGET /a/{b=*/**}/y\nGET /{c=**}/x/x\n"
                                    "GET /*/*/*/**/z\nPOST /a/**\n");
  gw_binds binds;
  size_t n = 64000;
  char *path = malloc(n + 8);
  memset(path, '/', n);
  memcpy(path, "/a", 2);
  CHECK(gw_router_match(router, GW_STR("GET"), (gw_str){ path, n }, &binds) == NULL);
  memcpy(path + n, "/x", 2);
  const gw_rule *rule = gw_router_match(router, GW_STR("GET"), (gw_str){ path, n + 2 }, &binds);
  CHECK(rule == table.pointers[0]);
  memcpy(path + n, "/x/x", 4);
  rule = gw_router_match(router, GW_STR("GET"), (gw_str){ path, n + 4 }, &binds);
  CHECK(rule == table.pointers[0]);
  memset(path, '/', n);
  rule = gw_router_match(router, GW_STR("GET"), (gw_str){ path, n + 4 }, &binds);
  CHECK(rule == table.pointers[2]);
  CHECK_INT(binds.values[0].n, n - 1);
  CHECK_INT(gw_router_match(router, GW_STR("GET"), (gw_str){ path, n }, &binds) == NULL, true);
  free(path);
  gw_router_free(router);
  route_table_done(&table);
}

static void say(gw_buf *out, const char *text, size_t times) {
  gw_str piece = text[0] != '\0' ? gw_str_of(text) : (gw_str){ text, 1 };
  for (size_t i = 0; i < times; i++)
    CHECK_INT(gw_buf_append(out, piece), GW_OK);
}

TEST(router, deepest_template_and_longer_paths) {
  route_table table;
  gw_buf both, path;
  gw_buf_init(&both, NULL, GW_KIB(4));
  gw_buf_init(&path, NULL, GW_KIB(4));
  say(&both, "GET ", 1);
  say(&both, "/*", GW_TEMPLATE_SEGMENTS_MAX);
  say(&both, "\nGET /**", 1);
  say(&both, "/a", GW_TEMPLATE_SEGMENTS_MAX - 1);
  say(&both, "\0", 1);
  say(&path, "/a", GW_TEMPLATE_SEGMENTS_MAX);
  gw_router *router = build(&table, both.p);
  gw_binds binds;
  CHECK(gw_router_match(router, GW_STR("GET"), gw_buf_str(&path), &binds) == table.pointers[0]);
  say(&path, "/a", 1);
  CHECK(gw_router_match(router, GW_STR("GET"), gw_buf_str(&path), &binds) == table.pointers[1]);
  say(&path, "/b", 1);
  CHECK(gw_router_match(router, GW_STR("GET"), gw_buf_str(&path), &binds) == NULL);
  gw_buf_done(&both);
  gw_buf_done(&path);
  gw_router_free(router);
  route_table_done(&table);
}

TEST(router, two_thousand_literal_siblings_are_told_apart) {
  route_table table;
  size_t count = ROUTE_TABLE_MAX;
  char *text = calloc(count, 64), *end = text;
  for (size_t i = 0; i < count; i++)
    end += snprintf(end, 64, "GET /v1/things%zu/{id}\n", i);
  gw_router *router = build(&table, text);
  for (size_t i = 0; i < count; i++) {
    gw_binds binds;
    char path[64];
    snprintf(path, sizeof path, "/v1/thing%%73%zu/%zu", i, i);
    CHECK(gw_router_match(router, GW_STR("GET"), gw_str_of(path), &binds) == table.pointers[i]);
    CHECK_STR(binds.values[0], strrchr(path, '/') + 1);
  }
  gw_binds binds;
  CHECK(gw_router_match(router, GW_STR("GET"), GW_STR("/v1/things/1"), &binds) == NULL);
  CHECK(gw_router_match(router, GW_STR("GET"), GW_STR("/v1/things99999/1"), &binds) == NULL);
  gw_router_free(router);
  route_table_done(&table);
  free(text);
}

TEST(router, without_rules_nothing_matches) {
  gw_router *router = NULL;
  gw_binds binds;
  gw_buf out;
  gw_buf_init(&out, NULL, 64);
  CHECK_INT(gw_router_build(NULL, 0, NULL, NULL, &router), GW_OK);
  CHECK(gw_router_match(router, GW_STR("GET"), GW_STR("/"), &binds) == NULL);
  CHECK(gw_router_match(router, GW_STR("GET"), GW_STR(""), &binds) == NULL);
  CHECK(gw_router_match(router, GW_STR("OPTIONS"), GW_STR("*"), &binds) == NULL);
  CHECK_INT(gw_router_allow(router, GW_STR("/"), &out), GW_OK);
  CHECK_INT(out.n, 0);
  gw_router_free(router);
  gw_router_free(NULL);
}

static gw_code build_and_allow(void *context) {
  route_table *table = context;
  gw_router *router = NULL;
  gw_buf out;
  gw_buf_init(&out, NULL, GW_KIB(4));
  gw_code code = gw_router_build(table->pointers, table->count, NULL, NULL, &router);
  if (code == GW_OK) code = gw_router_allow(router, GW_STR("/v1/a"), &out);
  if (code == GW_OK) CHECK_STR(gw_buf_str(&out), "GET, HEAD, OPTIONS, POST");
  gw_buf_done(&out);
  gw_router_free(router);
  return code;
}

TEST(router, survives_each_failed_alloc) {
  route_table table;
  route_table_init(&table, GW_STR("GET /v1/{x}\nPOST /v1/a\nPUT /v1/a:b\n"));
  test_fail_each_alloc(build_and_allow, &table);
  route_table_done(&table);
}

typedef struct fits_row {
  const char *rule, *method, *path, *why; /* why NULL: it fits */
} fits_row;

static const fits_row fits_rows[] = {
  { "GET /v1/users/{id}", "GET", "/v1/users/7", NULL },
  { "GET /v1/users/{id}", "HEAD", "/v1/us%65rs/7/", NULL },
  { "* /v1/users/{id}", "REPORT", "/v1/users/7", NULL },
  { "GET /", "GET", "/", NULL },
  { "GET /a/**/x:v", "GET", "/a/x:v", NULL },
  { "GET /a/** strict", "GET", "/a/b/", NULL },
  { "GET /v1/users/{id}", "POST", "/v1/users/7", "method GET expected" },
  { "GET /v1/users/{id}", "GET", "/v1/user/7", "segment 2: \"users\" expected, not \"user\"" },
  { "GET /v1/users/{id}", "GET", "/v1/users", "the path ends before segment 3" },
  { "GET /v1/users/{id}", "GET", "/v1/users//", "segment 3 is empty" },
  { "GET /v1/users/{id}", "GET", "/v1/users/7/x", "the path goes on after segment 3" },
  { "GET /v1/users strict", "GET", "/v1/users/",
    "the path ends with \"/\", about which the route is strict" },
  { "GET /v1/**/x/y", "GET", "/v1/x/z/y", "\"x\" expected 2 from the end" },
  { "GET /v1/**/x/y", "GET", "/v1/y", "\"x\" expected 2 from the end" },
  { "GET /v1/**/x", "GET", "/v1", "\"x\" expected 1 from the end" },
  { "GET /v1:go", "GET", "/v1", "verb \":go\" expected at the end" },
  { "GET /v1:go", "GET", "/v1:goo", "verb \":go\" expected at the end" },
  { "GET /v1", "GET", "v1", "a path begins with \"/\"" },
};

TEST(rule, fits_or_says_why_not) {
  for (size_t i = 0; i < GW_COUNT_OF(fits_rows); i++) {
    const fits_row *row = &fits_rows[i];
    route_table table;
    gw_err err;
    gw_err_init(&err);
    route_table_init(&table, gw_str_of(row->rule));
    bool fits = gw_rule_fits(table.pointers[0], gw_str_of(row->method), gw_str_of(row->path), &err);
    CHECK_INT(fits, row->why == NULL);
    CHECK_STR(gw_str_of(err.text), row->why != NULL ? row->why : "");
    route_table_done(&table);
  }
}
