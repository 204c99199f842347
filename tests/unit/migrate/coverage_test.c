#include "migrate/coverage.h"

#include "migrate/meaning.h"
#include "unit/migrate/answers.h"

/* What a coverage says, compact. */
static void check_json(gw_coverage *coverage, const char *part, const char *wanted) {
  json_t *all = gw_coverage_json(coverage);
  CHECK(all != NULL);
  char *text = json_dumps(json_object_get(all, part), JSON_COMPACT | JSON_ENCODE_ANY);
  CHECK(text != NULL);
  CHECK_STR(gw_str_of(text), wanted);
  free(text);
  json_decref(all);
}

static void add(gw_coverage *coverage, const gw_migration *migration, int status,
                const char *body) {
  gw_arena arena;
  gw_json_node *tree = NULL;
  gw_err err;
  gw_err_init(&err);
  gw_arena_init(&arena, NULL, GW_MIB(16));
  gw_meaning meaning = { .policy = &migration->compare,
                         .pool = migration->pool,
                         .root = migration->output,
                         .is_list = migration->is_list,
                         .arena = &arena };
  if (body != NULL) {
    CHECK_INT(gw_json_tree_parse(gw_str_of(body), false, &arena, &tree, &err), GW_OK);
    CHECK_INT(gw_meaning_find(&meaning, tree), GW_OK);
  }
  gw_coverage_add(coverage, migration, status, tree);
  gw_arena_done(&arena);
}

TEST(coverage, tells_fields_by_pattern_and_enters_no_type_within_itself) {
  answers a;
  answers_init(&a, GW_STR("message codectest.Nested"));
  gw_coverage *coverage = gw_coverage_new(&a.migration);
  check_json(coverage, "fields",
             "{\"seen\":0,\"total\":6,\"missing\":[\"/name\",\"/count\",\"/child\",\"/children\","
             "\"/color\",\"/byName\"]}");
  add(coverage, &a.migration, 200, "{\"name\":\"a\",\"child\":{\"count\":5},\"other\":1}");
  check_json(coverage, "fields",
             "{\"seen\":2,\"total\":6,\"missing\":[\"/count\",\"/children\",\"/color\","
             "\"/byName\"]}");
  add(coverage, &a.migration, 200,
      "{\"count\":0,\"children\":[],\"by_name\":{\"k\":{}},\"color\":null}");
  check_json(coverage, "fields",
             "{\"seen\":3,\"total\":6,\"missing\":[\"/count\",\"/children\",\"/color\"]}");
  gw_coverage_free(coverage);
  gw_coverage_free(NULL);
  answers_done(&a);
}

TEST(coverage, tells_enum_values_also_those_that_are_not_printed) {
  answers a;
  answers_init(&a, GW_STR("message codectest.Nested"));
  gw_coverage *coverage = gw_coverage_new(&a.migration);
  add(coverage, &a.migration, 200, "{\"color\":\"RED\"}");
  add(coverage, &a.migration, 200, "{\"color\":300}");
  add(coverage, &a.migration, 200, "{\"color\":-1}");
  add(coverage, &a.migration, 200, "{\"color\":\"PURPLE\"}");
  check_json(coverage, "enums",
             "[{\"field\":\"/color\",\"seen\":[\"RED\",\"BLUE\",\"NEGATIVE\"],"
             "\"missing\":[\"COLOR_UNSPECIFIED\",\"GREEN\",\"MOST_NEGATIVE\"]}]");
  add(coverage, &a.migration, 200, "{}"); /* holds the first value */
  add(coverage, &a.migration, 200, "{\"color\":-2147483648}");
  check_json(coverage, "enums",
             "[{\"field\":\"/color\",\"seen\":[\"COLOR_UNSPECIFIED\",\"RED\",\"BLUE\",\"NEGATIVE\","
             "\"MOST_NEGATIVE\"],\"missing\":[\"GREEN\"]}]");
  gw_coverage_free(coverage);
  answers_done(&a);
}

TEST(coverage, an_alias_is_the_value_that_it_is_another_name_of) {
  answers a;
  answers_init(&a, GW_STR("message codectest.AllTypes"));
  gw_coverage *coverage = gw_coverage_new(&a.migration);
  add(coverage, &a.migration, 200, "{\"aliased\":\"ALIAS_UNO\"}");
  json_t *all = gw_coverage_json(coverage), *one;
  size_t i, found = 0;
  json_array_foreach(json_object_get(all, "enums"), i, one) {
    if (strcmp(json_string_value(json_object_get(one, "field")), "/aliased") != 0) continue;
    char *text = json_dumps(one, JSON_COMPACT);
    CHECK_STR(gw_str_of(text), "{\"field\":\"/aliased\",\"seen\":[\"ALIAS_ONE\"],"
                               "\"missing\":[\"ALIAS_ZERO\",\"alias_small\"]}");
    free(text);
    found++;
  }
  CHECK_INT(found, 1);
  json_decref(all);
  gw_coverage_free(coverage);
  answers_done(&a);
}

TEST(coverage, counts_statuses_up_to_a_bound) {
  answers a;
  answers_init(&a, GW_STR("message codectest.Nested"));
  gw_coverage *coverage = gw_coverage_new(&a.migration);
  add(coverage, &a.migration, 200, NULL);
  add(coverage, &a.migration, 404, NULL);
  add(coverage, &a.migration, 200, NULL);
  check_json(coverage, "statuses", "{\"200\":2,\"404\":1}");
  for (int status = 300; status < 500; status++)
    add(coverage, &a.migration, status, NULL);
  json_t *all = gw_coverage_json(coverage);
  CHECK_INT(json_object_size(json_object_get(all, "statuses")), GW_COVERAGE_STATUSES_MAX);
  json_decref(all);
  gw_coverage_free(coverage);
  answers_done(&a);
}

TEST(coverage, lists_have_a_star_and_names_are_the_route_s) {
  answers a;
  answers_init(&a, GW_STR("message codectest.Nested\nlist\njson.names proto"));
  gw_coverage *coverage = gw_coverage_new(&a.migration);
  add(coverage, &a.migration, 200, "[{\"name\":\"a\"},{\"children\":[{}]}]");
  check_json(coverage, "fields",
             "{\"seen\":2,\"total\":6,\"missing\":[\"/*/count\",\"/*/child\",\"/*/color\","
             "\"/*/by_name\"]}");
  gw_coverage_free(coverage);
  answers_done(&a);
}

TEST(coverage, goes_into_lists_and_maps_of_other_messages_within_a_bound) {
  answers a;
  answers_init(&a, GW_STR("message codectest.AllTypes"));
  gw_coverage *coverage = gw_coverage_new(&a.migration);
  json_t *all = gw_coverage_json(coverage);
  json_t *fields = json_object_get(all, "fields"), *pattern;
  bool in_list = false, in_map = false, in_struct = false, in_itself = false;
  size_t i;
  CHECK(json_integer_value(json_object_get(fields, "total")) <= GW_COVERAGE_FIELDS_MAX);
  json_array_foreach(json_object_get(fields, "missing"), i, pattern) {
    gw_str p = gw_str_of(json_string_value(pattern));
    in_list = in_list || gw_str_eq(p, GW_STR("/repeatedNested/*/name"));
    in_map = in_map || gw_str_eq(p, GW_STR("/mapNested/*/name"));
    in_struct = in_struct || gw_str_starts(p, GW_STR("/struct/"));
    in_itself = in_itself || gw_str_starts(p, GW_STR("/recursive/"));
  }
  CHECK(in_list && in_map && !in_struct && !in_itself);
  json_decref(all);
  add(coverage, &a.migration, 200, "{\"mapNested\":{\"k\":{\"name\":\"x\"}}}");
  all = gw_coverage_json(coverage);
  CHECK_INT(json_integer_value(json_object_get(json_object_get(all, "fields"), "seen")), 2);
  json_decref(all);
  gw_coverage_free(coverage);
  answers_done(&a);
}

TEST(coverage, of_no_message_is_that_of_statuses) {
  answers a;
  answers_init(&a, GW_STR(""));
  gw_coverage *coverage = gw_coverage_new(&a.migration);
  add(coverage, &a.migration, 200, "{\"x\":1}");
  check_json(coverage, "fields", "{\"seen\":0,\"total\":0,\"missing\":[]}");
  check_json(coverage, "enums", "[]");
  check_json(coverage, "statuses", "{\"200\":1}");
  gw_coverage_free(coverage);
  answers_done(&a);
}

static gw_code make_and_print(void *context) {
  answers *a = context;
  gw_coverage *coverage = gw_coverage_new(&a->migration);
  if (coverage == NULL) return GW_NOMEM;
  json_t *all = gw_coverage_json(coverage);
  gw_coverage_free(coverage);
  if (all == NULL) return GW_NOMEM;
  json_decref(all);
  return GW_OK;
}

TEST(coverage, survives_each_failed_alloc) {
  answers a;
  answers_init(&a, GW_STR("message codectest.Nested"));
  test_fail_each_alloc(make_and_print, &a);
  answers_done(&a);
}
