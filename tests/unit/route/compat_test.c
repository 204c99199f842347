#include "route/compat.h"

#include "unit/route/route_table.h"

/* Routes that tests and `explain` make without a profile are zeroed: that must be the default. */
TEST(compat, the_default_profile_is_all_zeros) {
  gw_compat compat = gw_compat_of(GW_COMPAT_DEFAULT), zero;
  memset(&zero, 0, sizeof zero);
  CHECK(memcmp(&compat, &zero, sizeof zero) == 0);
}

TEST(compat, each_profile_has_its_column) {
  gw_compat envoy = gw_compat_of(GW_COMPAT_ENVOY);
  gw_compat gateway = gw_compat_of(GW_COMPAT_GRPC_GATEWAY);
  CHECK(envoy.json.lenient && !gateway.json.lenient);
  CHECK(!envoy.json.tail_ignored && gateway.json.tail_ignored);
  CHECK(envoy.media_any && gateway.media_any);
  CHECK_INT(envoy.slash, GW_SLASH_ALL);
  CHECK_INT(gateway.slash, GW_SLASH_STRICT);
  CHECK_INT(gateway.json.emit, GW_EMIT_NULLS);
  CHECK_INT(gateway.unescape, GW_UNESCAPE_LEGACY);
  CHECK_INT(envoy.unescape, GW_UNESCAPE_RESERVED);
}

/* ---- routes of different profiles beside each other ---- */

static gw_route routes[GW_COMPAT_COUNT];

static void set_profiles(route_table *table, const gw_compat_profile *profiles) {
  for (int i = 0; i < GW_COMPAT_COUNT; i++)
    routes[i].compat = gw_compat_of((gw_compat_profile)i);
  for (size_t i = 0; i < table->count; i++)
    table->rules[i].route = &routes[profiles[i]];
}

static const gw_rule *find(const gw_router *router, const char *path, const char *split,
                           gw_binds *binds) {
  gw_router_path both = { gw_str_of(path), gw_str_of(split) };
  return gw_router_match_as(router, GW_STR("GET"), both, binds);
}

TEST(compat, each_rule_reads_a_path_as_its_profile_does) {
  static const gw_compat_profile profiles[] = { GW_COMPAT_DEFAULT, GW_COMPAT_ENVOY,
                                                GW_COMPAT_GRPC_GATEWAY, GW_COMPAT_GRPC_GATEWAY,
                                                GW_COMPAT_DEFAULT };
  route_table table;
  gw_router *router;
  gw_binds binds;
  route_table_init(&table, GW_STR("GET /d/{a}\nGET /e/{a}\nGET /g/{a}\nGET /g/{a}/{b}\n"
                                  "GET /d/x:verb\n"));
  set_profiles(&table, profiles);
  CHECK_INT(gw_router_build(table.pointers, table.count, NULL, NULL, &router), GW_OK);
  CHECK(gw_router_splits(router));
  const gw_rule *const *rules = table.pointers;
  CHECK(find(router, "/d/x%2Fy", "/d/x/y", &binds) == rules[0]);
  CHECK_STR(binds.values[0], "x%2Fy");
  CHECK(find(router, "/g/x%2Fy", "/g/x/y", &binds) == rules[3]);
  CHECK_STR(binds.values[1], "y");
  CHECK(find(router, "/g/x", "/g/x", &binds) == rules[2]);
  CHECK(find(router, "/g%2Fx%2F..", "/g/x/..", &binds) == NULL);
  CHECK(find(router, "/d/x/", "/d/x/", &binds) == rules[0]);
  CHECK(find(router, "/d/x//", "/d/x//", &binds) == NULL);
  CHECK(find(router, "/e/x///", "/e/x///", &binds) == rules[1]);
  CHECK_STR(binds.values[0], "x");
  CHECK(find(router, "/g/x/", "/g/x/", &binds) == NULL);
  CHECK(find(router, "/d/y:verb", "/d/y:verb", &binds) == NULL);
  CHECK(find(router, "/g/y:verb", "/g/y:verb", &binds) == rules[2]);
  CHECK_STR(binds.values[0], "y:verb");
  CHECK(find(router, "/e/y:verb/", "/e/y:verb/", &binds) == rules[1]);
  gw_router_free(router);
  route_table_done(&table);
}

TEST(compat, of_two_readings_the_more_specific_rule_wins) {
  static const gw_compat_profile profiles[] = { GW_COMPAT_DEFAULT, GW_COMPAT_GRPC_GATEWAY };
  route_table table;
  gw_router *router;
  gw_binds binds;
  route_table_init(&table, GW_STR("GET /{a=**}\nGET /g/{a}/{b}\n"));
  set_profiles(&table, profiles);
  CHECK_INT(gw_router_build(table.pointers, table.count, NULL, NULL, &router), GW_OK);
  CHECK(find(router, "/g/x%2Fy", "/g/x/y", &binds) == table.pointers[1]);
  CHECK(find(router, "/h/x%2Fy", "/h/x/y", &binds) == table.pointers[0]);
  gw_router_free(router);
  route_table_done(&table);
}

TEST(compat, of_two_rules_for_the_same_requests_the_later_one_wins_only_in_its_profile) {
  route_table table;
  gw_router *router;
  gw_binds binds;
  route_table_init(&table, GW_STR("GET /a/{a}\nGET /a/{b}\n"));
  gw_compat_profile both[] = { GW_COMPAT_GRPC_GATEWAY, GW_COMPAT_GRPC_GATEWAY };
  set_profiles(&table, both);
  CHECK_INT(gw_router_build(table.pointers, table.count, NULL, NULL, &router), GW_OK);
  CHECK(find(router, "/a/x", "/a/x", &binds) == table.pointers[1]);
  gw_router_free(router);
  both[0] = GW_COMPAT_DEFAULT;
  set_profiles(&table, both);
  CHECK_INT(gw_router_build(table.pointers, table.count, NULL, NULL, &router), GW_CONFLICT);
  route_table_done(&table);
}

/* ---- templates with colons ---- */

typedef struct colon_row {
  const char *text, *verb;
  uint32_t segments;
} colon_row;

TEST(compat, colons_in_templates_as_grpc_gateway_reads_them) {
  static const colon_row rows[] = {
    { "/v1/a:b", "b", 2 },
    { "/v1/a:b/c", "", 3 },
    { "/v1/{x}:a:b", "a:b", 2 },
    { "/v1/a:b:c", "c", 2 },
    { "/v1/*:a:b", "a:b", 2 },
    { "/v1/{x=a:b/*}", "", 3 },
    { "/v1/{x=a:b/*}:c:d", "c:d", 3 },
  };
  static const char *const bad[] = { "/v1/{x}:", "/v1/a:", "/v1/{x}a:b", "/v1/{x=a:b}c" };
  gw_arena arena;
  gw_template template;
  gw_err err;
  gw_arena_init(&arena, NULL, GW_MIB(1));
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    gw_str text = gw_str_of(rows[i].text);
    gw_err_init(&err);
    if (gw_template_parse_as(text, true, &arena, &template, &err) != GW_OK)
      fail_msg("%s: %s", rows[i].text, err.text);
    CHECK_STR(template.verb, rows[i].verb);
    CHECK_INT(template.segment_count, rows[i].segments);
  }
  for (size_t i = 0; i < GW_COUNT_OF(bad); i++) {
    gw_err_init(&err);
    if (gw_template_parse_as(gw_str_of(bad[i]), true, &arena, &template, &err) != GW_BAD_VALUE)
      fail_msg("%s", bad[i]);
  }
  gw_arena_done(&arena);
}
