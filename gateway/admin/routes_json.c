#include "admin/routes_json.h"

#include <inttypes.h>

#include "migrate/migration.h"

/* The first failure stops all further writing; its code is the answer. */
typedef struct json_writer {
  gw_buf *out;
  gw_code code;
} json_writer;

static void json_put(json_writer *w, gw_str s) {
  if (w->code == GW_OK) w->code = gw_buf_append(w->out, s);
}

static void json_text(json_writer *w, gw_str value) {
  if (w->code == GW_OK) w->code = gw_buf_append_json_string(w->out, value);
}

static void json_member(json_writer *w, const char *key, gw_str value) {
  if (w->code == GW_OK) w->code = gw_buf_printf(w->out, ",\"%s\":", key);
  json_text(w, value);
}

static void json_count(json_writer *w, const char *key, uint64_t value) {
  if (w->code == GW_OK) w->code = gw_buf_printf(w->out, ",\"%s\":%" PRIu64, key, value);
}

/* "GET /v1/users/{user_id}", as one string. */
static void json_match(json_writer *w, const gw_rule *rule) {
  gw_buf text;
  gw_buf_init(&text, NULL, w->out->max);
  if (w->code == GW_OK) w->code = gw_buf_append(&text, rule->method);
  if (w->code == GW_OK) w->code = gw_buf_append(&text, GW_STR(" "));
  if (w->code == GW_OK) w->code = gw_buf_append(&text, rule->template.text);
  json_text(w, gw_buf_str(&text));
  gw_buf_done(&text);
}

static void json_percentile(json_writer *w, const char *key, const gw_route_sums *sums,
                            double quantile) {
  double us;
  if (w->code != GW_OK) return;
  if (gw_route_sums_quantile(sums, quantile, &us))
    w->code = gw_buf_printf(w->out, ",\"%s\":%.3f", key, us / 1000);
  else
    w->code = gw_buf_printf(w->out, ",\"%s\":null", key);
}

/* Without the closing brace. */
static void json_route(json_writer *w, gw_rule *const *rules, uint32_t count,
                       const gw_metric_sums *all) {
  const gw_route *route = rules[0]->route;
  gw_route_sums sums;
  gw_metric_sums_route(all, route->name, &sums);
  json_put(w, GW_STR("{\"name\":"));
  json_text(w, route->name);
  json_put(w, GW_STR(",\"match\":"));
  json_match(w, rules[0]);
  for (uint32_t i = 1; i < count; i++) {
    json_put(w, i == 1 ? GW_STR(",\"also\":[") : GW_STR(","));
    json_match(w, rules[i]);
  }
  if (count > 1) json_put(w, GW_STR("]"));
  json_member(w, "rpc", route->rpc->full_name);
  json_member(w, "upstream", route->upstream_name);
  json_member(w, "stage", gw_stage_name(gw_migration_stand(route->migration).stage));
  json_count(w, "requests", gw_route_sums_requests(&sums));
  json_count(w, "errors", gw_route_sums_errors(&sums));
  json_percentile(w, "p50_ms", &sums, 0.5);
  json_percentile(w, "p99_ms", &sums, 0.99);
}

static void json_rules(json_writer *w, gw_rule *const *rules, uint32_t count) {
  json_put(w, GW_STR(",\"rules\":["));
  for (uint32_t i = 0; i < count; i++) {
    json_put(w, i > 0 ? GW_STR(",{\"match\":") : GW_STR("{\"match\":"));
    json_match(w, rules[i]);
    json_member(w, "body", rules[i]->body_text);
    json_member(w, "response_body", rules[i]->response_body_text);
    json_put(w,
             rules[i]->implicit ? GW_STR(",\"implicit\":true}") : GW_STR(",\"implicit\":false}"));
  }
  json_put(w, GW_STR("]"));
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
  json_writer w = { .out = out, .code = GW_OK };
  json_put(&w, GW_STR("["));
  for (uint32_t r = 0, count; r < snapshot->rule_count && w.code == GW_OK; r += count) {
    count = rules_of_route(snapshot, r);
    if (r > 0) json_put(&w, GW_STR(",\n "));
    json_route(&w, &snapshot->rules[r], count, sums);
    json_put(&w, GW_STR("}"));
  }
  json_put(&w, GW_STR("]\n"));
  return w.code;
}

gw_code gw_routes_json_print_one(const gw_snapshot *snapshot, const gw_metric_sums *sums,
                                 gw_str name, gw_buf *out) {
  json_writer w = { .out = out, .code = GW_OK };
  for (uint32_t r = 0, count; r < snapshot->rule_count; r += count) {
    count = rules_of_route(snapshot, r);
    if (!gw_str_eq(snapshot->rules[r]->route->name, name)) continue;
    json_route(&w, &snapshot->rules[r], count, sums);
    json_rules(&w, &snapshot->rules[r], count);
    json_put(&w, GW_STR("}\n"));
    return w.code;
  }
  return GW_NOT_FOUND;
}
