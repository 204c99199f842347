#include "admin/routes_json.h"

#include "admin/json_out.h"
#include "admin/migration_json.h"
#include "migrate/live.h"

/* "GET /v1/users/{user_id}", as one string. */
static void json_match(gw_json_out *w, const gw_rule *rule) {
  gw_buf text;
  gw_buf_init(&text, NULL, w->out->max);
  if (w->code == GW_OK) w->code = gw_buf_append(&text, rule->method);
  if (w->code == GW_OK) w->code = gw_buf_append(&text, GW_STR(" "));
  if (w->code == GW_OK) w->code = gw_buf_append(&text, rule->template.text);
  if (w->code == GW_OK) gw_json_out_text(w, gw_buf_str(&text));
  gw_buf_done(&text);
}

static void json_percentile(gw_json_out *w, const char *key, const gw_route_sums *sums,
                            double quantile) {
  double us = 0;
  bool is_known = gw_route_sums_quantile(sums, quantile, &us);
  gw_json_out_ms(w, key, us, is_known);
}

/* Without the closing brace. */
static void json_route(gw_json_out *w, gw_rule *const *rules, uint32_t count,
                       const gw_metric_sums *all) {
  const gw_route *route = rules[0]->route;
  gw_route_sums sums;
  gw_metric_sums_route(all, route->name, &sums);
  gw_json_out_put(w, GW_STR("{\"name\":"));
  gw_json_out_text(w, route->name);
  gw_json_out_put(w, GW_STR(",\"match\":"));
  json_match(w, rules[0]);
  for (uint32_t i = 1; i < count; i++) {
    gw_json_out_put(w, i == 1 ? GW_STR(",\"also\":[") : GW_STR(","));
    json_match(w, rules[i]);
  }
  if (count > 1) gw_json_out_put(w, GW_STR("]"));
  gw_json_out_member(w, "rpc", route->rpc->full_name);
  gw_json_out_member(w, "upstream", route->upstream_name);
  gw_migration_json_stand(w, route);
  gw_json_out_count(w, "requests", gw_route_sums_requests(&sums));
  gw_json_out_count(w, "errors", gw_route_sums_errors(&sums));
  json_percentile(w, "p50_ms", &sums, 0.5);
  json_percentile(w, "p99_ms", &sums, 0.99);
  gw_migration_json_figures(w, route);
}

static void json_rules(gw_json_out *w, gw_rule *const *rules, uint32_t count) {
  gw_json_out_put(w, GW_STR(",\"rules\":["));
  for (uint32_t i = 0; i < count; i++) {
    gw_json_out_put(w, i > 0 ? GW_STR(",{\"match\":") : GW_STR("{\"match\":"));
    json_match(w, rules[i]);
    gw_json_out_member(w, "body", rules[i]->body_text);
    gw_json_out_member(w, "response_body", rules[i]->response_body_text);
    gw_json_out_bool(w, "implicit", rules[i]->implicit);
    gw_json_out_put(w, GW_STR("}"));
  }
  gw_json_out_put(w, GW_STR("]"));
}

/* The rules of one route stand together: how many from `first` on. */
static uint32_t rules_of_route(const gw_snapshot *snapshot, uint32_t first) {
  uint32_t count = 1;
  while (first + count < snapshot->rule_count &&
         snapshot->rules[first + count]->route == snapshot->rules[first]->route)
    count++;
  return count;
}

gw_code gw_routes_json_print(const gw_snapshot *snapshot, const gw_metric_sums *sums, gw_buf *out) {
  gw_json_out w = { .out = out, .code = GW_OK };
  gw_json_out_put(&w, GW_STR("["));
  for (uint32_t r = 0, count; r < snapshot->rule_count && w.code == GW_OK; r += count) {
    count = rules_of_route(snapshot, r);
    if (r > 0) gw_json_out_put(&w, GW_STR(",\n "));
    json_route(&w, &snapshot->rules[r], count, sums);
    gw_json_out_put(&w, GW_STR("}"));
  }
  gw_json_out_put(&w, GW_STR("]\n"));
  return w.code;
}

gw_code gw_routes_json_print_one(const gw_snapshot *snapshot, const gw_metric_sums *sums,
                                 gw_str name, const gw_stage_view *view, gw_buf *out) {
  gw_json_out w = { .out = out, .code = GW_OK };
  for (uint32_t r = 0, count; r < snapshot->rule_count; r += count) {
    count = rules_of_route(snapshot, r);
    if (!gw_str_eq(snapshot->rules[r]->route->name, name)) continue;
    json_route(&w, &snapshot->rules[r], count, sums);
    json_rules(&w, &snapshot->rules[r], count);
    gw_migration_json_details(&w, snapshot->rules[r]->route, view);
    gw_json_out_put(&w, GW_STR("}\n"));
    return w.code;
  }
  return GW_NOT_FOUND;
}
