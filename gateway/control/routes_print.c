#include <stdio.h>

#include "control/explain.h"
#include "migrate/migration.h"

/* The cells of one row of the table. */
enum { CELL_NAME, CELL_MATCH, CELL_RPC, CELL_UPSTREAM, CELL_STAGE, CELL_COUNT };

static const char *const cell_names[CELL_COUNT] = { "name", "match", "rpc", "upstream", "stage" };

typedef struct routes_table {
  size_t widths[CELL_COUNT];
  gw_buf *out;
} routes_table;

typedef struct table_row {
  gw_str cells[CELL_COUNT];
  char stage[16 + GW_SHARE_TEXT_MAX]; /* "canary 12.5%" */
} table_row;

static void row_of_rule(const gw_rule *rule, table_row *row) {
  const gw_route *route = rule->route;
  gw_stand stand = gw_migration_stand(route->migration);
  gw_str stage = gw_stage_name(stand.stage), *cells = row->cells;
  char share[GW_SHARE_TEXT_MAX];
  gw_share_print(stand.share, share);
  bool divided = stand.stage == GW_STAGE_CANARY;
  snprintf(row->stage, sizeof row->stage, GW_STR_FMT "%s%s", GW_STR_ARG(stage), divided ? " " : "",
           divided ? share : "");
  cells[CELL_NAME] = route->name;
  cells[CELL_MATCH] = rule->method; /* and the template: see cell_width() */
  cells[CELL_RPC] = route->rpc->full_name;
  cells[CELL_UPSTREAM] = route->upstream_name;
  cells[CELL_STAGE] = gw_str_of(row->stage);
}

static size_t cell_width(const gw_rule *rule, const gw_str cells[CELL_COUNT], size_t i) {
  return cells[i].n + (i == CELL_MATCH ? 1 + rule->template.text.n : 0);
}

static void table_measure(routes_table *table, const gw_snapshot *snapshot) {
  table_row row;
  for (size_t i = 0; i < CELL_COUNT; i++)
    table->widths[i] = strlen(cell_names[i]);
  for (uint32_t r = 0; r < snapshot->rule_count; r++) {
    row_of_rule(snapshot->rules[r], &row);
    for (size_t i = 0; i < CELL_COUNT; i++)
      table->widths[i] =
          gw_size_max(table->widths[i], cell_width(snapshot->rules[r], row.cells, i));
  }
}

/* A cell and what fills its column; the last column needs no filling. */
static gw_code table_cell(routes_table *table, size_t i, gw_str first, gw_str second) {
  size_t width = first.n + (second.n > 0 ? 1 + second.n : 0);
  int fill = i + 1 == CELL_COUNT ? 0 : (int)(table->widths[i] - width) + 2;
  return gw_buf_printf(table->out, GW_STR_FMT "%s" GW_STR_FMT "%*s%s", GW_STR_ARG(first),
                       second.n > 0 ? " " : "", GW_STR_ARG(second), fill, "",
                       i + 1 == CELL_COUNT ? "\n" : "");
}

static gw_code routes_print_text(const gw_snapshot *snapshot, gw_buf *out) {
  routes_table table = { .out = out };
  table_row row;
  gw_str none = { NULL, 0 };
  gw_code code = GW_OK;
  table_measure(&table, snapshot);
  for (size_t i = 0; i < CELL_COUNT && code == GW_OK; i++)
    code = table_cell(&table, i, gw_str_of(cell_names[i]), none);
  for (uint32_t r = 0; r < snapshot->rule_count && code == GW_OK; r++) {
    const gw_rule *rule = snapshot->rules[r];
    row_of_rule(rule, &row);
    for (size_t i = 0; i < CELL_COUNT && code == GW_OK; i++)
      code = table_cell(&table, i, row.cells[i], i == CELL_MATCH ? rule->template.text : none);
  }
  return code;
}

/* ---- JSON ---- */

static gw_code json_match(const gw_rule *rule, gw_buf *out) {
  char text[64 + GW_KIB(8)];
  int n = snprintf(text, sizeof text, GW_STR_FMT " " GW_STR_FMT, GW_STR_ARG(rule->method),
                   GW_STR_ARG(rule->template.text));
  return gw_buf_append_json_string(out, (gw_str){ text, gw_size_min((size_t)n, sizeof text - 1) });
}

static gw_code json_member(gw_buf *out, const char *key, gw_str value) {
  gw_code code = gw_buf_printf(out, ",\"%s\":", key);
  return code == GW_OK ? gw_buf_append_json_string(out, value) : code;
}

static gw_code json_stand(const gw_migration *migration, gw_buf *out) {
  gw_stand stand = gw_migration_stand(migration);
  char share[GW_SHARE_TEXT_MAX];
  gw_code code = json_member(out, "stage", gw_stage_name(stand.stage));
  if (code == GW_OK && stand.stage == GW_STAGE_CANARY)
    code = json_member(out, "share", (gw_str){ share, gw_share_print(stand.share, share) });
  if (code == GW_OK && migration != NULL) code = json_member(out, "legacy", migration->legacy_name);
  return code;
}

/* The first rule is `match`; a route with more rules has them in `also`. */
static gw_code json_route(gw_rule *const *rules, uint32_t count, gw_buf *out) {
  const gw_route *route = rules[0]->route;
  gw_code code = gw_buf_append(out, GW_STR("{\"name\":"));
  if (code == GW_OK) code = gw_buf_append_json_string(out, route->name);
  if (code == GW_OK) code = gw_buf_append(out, GW_STR(",\"match\":"));
  if (code == GW_OK) code = json_match(rules[0], out);
  if (code == GW_OK) code = json_member(out, "rpc", route->rpc->full_name);
  if (code == GW_OK) code = json_member(out, "upstream", route->upstream_name);
  if (code == GW_OK) code = json_stand(route->migration, out);
  for (uint32_t i = 1; i < count && code == GW_OK; i++) {
    code = gw_buf_append(out, i == 1 ? GW_STR(",\"also\":[") : GW_STR(","));
    if (code == GW_OK) code = json_match(rules[i], out);
  }
  if (code == GW_OK && count > 1) code = gw_buf_append(out, GW_STR("]"));
  return code == GW_OK ? gw_buf_append(out, GW_STR("}")) : code;
}

static gw_code routes_print_json(const gw_snapshot *snapshot, gw_buf *out) {
  gw_code code = gw_buf_append(out, GW_STR("["));
  for (uint32_t r = 0, count; r < snapshot->rule_count && code == GW_OK; r += count) {
    const gw_route *route = snapshot->rules[r]->route;
    /* The rules of one route stand together. */
    for (count = 1; r + count < snapshot->rule_count; count++) {
      if (snapshot->rules[r + count]->route != route) break;
    }
    if (r > 0) code = gw_buf_append(out, GW_STR(",\n "));
    if (code == GW_OK) code = json_route(&snapshot->rules[r], count, out);
  }
  return code == GW_OK ? gw_buf_append(out, GW_STR("]\n")) : code;
}

gw_code gw_routes_print(const gw_snapshot *snapshot, bool json, gw_buf *out) {
  return json ? routes_print_json(snapshot, out) : routes_print_text(snapshot, out);
}
