#include "unit/route/route_table.h"

static const gw_route route_lenient, route_strict = { .compat.slash = GW_SLASH_STRICT };

static void route_table_add(route_table *table, gw_str line) {
  gw_err err;
  gw_err_init(&err);
  if (table->count == ROUTE_TABLE_MAX) fail_msg("too many routes");
  gw_rule *rule = &table->rules[table->count];
  *rule = (gw_rule){ .route = &route_lenient };
  rule->method = gw_str_cut(&line, ' ');
  gw_str template = gw_str_cut(&line, ' ');
  while (line.n > 0) {
    gw_str flag = gw_str_cut(&line, ' ');
    if (gw_str_eq(flag, GW_STR("strict"))) rule->route = &route_strict;
    if (gw_str_eq(flag, GW_STR("implicit"))) rule->implicit = true;
  }
  if (gw_template_parse(template, &table->arena, &rule->template, &err) != GW_OK) {
    fail_msg(GW_STR_FMT ": %s", GW_STR_ARG(template), err.text);
  }
  table->pointers[table->count++] = rule;
}

void route_table_init(route_table *table, gw_str text) {
  *table = (route_table){ 0 };
  gw_arena_init(&table->arena, NULL, GW_MIB(64));
  table->rules = calloc(ROUTE_TABLE_MAX, sizeof table->rules[0]);
  table->pointers = calloc(ROUTE_TABLE_MAX, sizeof table->pointers[0]);
  while (text.n > 0) {
    gw_str line = gw_str_cut(&text, '\n');
    if (line.n > 0) route_table_add(table, line);
  }
}

void route_table_done(route_table *table) {
  gw_arena_done(&table->arena);
  free(table->rules);
  free(table->pointers);
}
