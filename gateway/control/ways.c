#include "control/ways.h"

#include <stdarg.h>
#include <stdio.h>

#include "control/names.h"
#include "route/field_path.h"
#include "route/shape.h"

#define WAY_TEXT_MAX  800 /* bytes of one text; longer ones are cut */
#define WAY_SHOWN_MAX 160 /* bytes of a template or body in it */

/* What becomes of the ways of `older`. */
typedef struct ways_work {
  const gw_ways *newer;
  gw_arena *arena;
  gw_names by_request; /* "GET /v1/users/" and the shape -> index in newer */
  gw_names by_rpc;     /* the same behind the method's name */
  gw_names first_of;   /* a method's name -> index of its first way in newer */
  gw_change_fn *report;
  void *context;
  bool failed; /* no memory */
} ways_work;

/* ---- collecting ---- */

static gw_code ways_add_rpc(const gw_rpc *rpc, gw_arena *arena, gw_ways *ways) {
  for (uint32_t i = 0; i < rpc->rule_count; i++) {
    const gw_http_rule *rule = &rpc->rules[i];
    gw_way way = {
      .method = rule->method, .rpc = rpc, .body = rule->body, .response_body = rule->response_body
    };
    gw_err unused;
    gw_err_init(&unused);
    gw_code code = gw_template_parse(rule->path, arena, &way.template, &unused);
    if (code == GW_NOMEM) return code;
    if (code == GW_OK) ways->items[ways->count++] = way;
  }
  return GW_OK;
}

gw_code gw_ways_of_pool(const gw_pool *pool, gw_arena *arena, gw_ways *out) {
  size_t count = 0;
  for (uint32_t i = 0; i < gw_pool_service_count(pool); i++) {
    const gw_service *service = gw_pool_service(pool, i);
    for (uint32_t j = 0; j < service->rpc_count; j++)
      count += service->rpcs[j].rule_count;
  }
  gw_ways ways = { .items = gw_arena_alloc(arena, count * sizeof *ways.items) };
  gw_code code = ways.items != NULL ? GW_OK : GW_NOMEM;
  for (uint32_t i = 0; i < gw_pool_service_count(pool); i++) {
    const gw_service *service = gw_pool_service(pool, i);
    for (uint32_t j = 0; j < service->rpc_count && code == GW_OK; j++)
      code = ways_add_rpc(&service->rpcs[j], arena, &ways);
  }
  if (code == GW_OK) *out = ways;
  return code;
}

gw_code gw_ways_of_snapshot(const gw_snapshot *snapshot, gw_arena *arena, gw_ways *out) {
  gw_ways ways = { .items = gw_arena_alloc(arena, snapshot->rule_count * sizeof *ways.items) };
  if (ways.items == NULL) return GW_NOMEM;
  for (uint32_t i = 0; i < snapshot->rule_count; i++) {
    const gw_rule *rule = snapshot->rules[i];
    ways.items[ways.count++] =
        (gw_way){ rule->method,    rule->template,           rule->route->rpc,
                  rule->body_text, rule->response_body_text, !rule->implicit };
  }
  *out = ways;
  return GW_OK;
}

/* ---- finding ---- */

/* p == NULL: no memory, noted. */
static gw_str way_key(ways_work *w, const gw_way *way, bool with_rpc) {
  gw_buf buf;
  gw_buf_init(&buf, w->arena, GW_KIB(256));
  gw_code code = GW_OK;
  if (with_rpc) code = gw_buf_printf(&buf, GW_STR_FMT " ", GW_STR_ARG(way->rpc->full_name));
  if (code == GW_OK) code = gw_buf_printf(&buf, GW_STR_FMT " ", GW_STR_ARG(way->method));
  if (code == GW_OK) code = gw_shape_print(&way->template, &buf);
  if (code == GW_OK) return gw_buf_str(&buf);
  w->failed = true;
  return (gw_str){ NULL, 0 };
}

static void ways_note(ways_work *w, gw_names *names, gw_str key, uint32_t index) {
  if (key.p == NULL || gw_names_find(names, key) != NULL) return;
  if (!gw_names_add(names, key, index)) w->failed = true;
}

static const gw_way *ways_find(ways_work *w, const gw_names *names, gw_str key) {
  const uint32_t *index = key.p != NULL ? gw_names_find(names, key) : NULL;
  return index != NULL ? &w->newer->items[*index] : NULL;
}

static void ways_index(ways_work *w) {
  gw_names_init(&w->by_request, w->arena);
  gw_names_init(&w->by_rpc, w->arena);
  gw_names_init(&w->first_of, w->arena);
  for (uint32_t i = 0; i < w->newer->count && !w->failed; i++) {
    const gw_way *way = &w->newer->items[i];
    ways_note(w, &w->by_request, way_key(w, way, false), i);
    ways_note(w, &w->by_rpc, way_key(w, way, true), i);
    ways_note(w, &w->first_of, way->rpc->full_name, i);
  }
}

/* A way of the same method that takes these requests and more.  A method's ways are neighbours. */
static const gw_way *ways_find_wider(ways_work *w, const gw_way *way) {
  const gw_way *at = ways_find(w, &w->first_of, way->rpc->full_name);
  for (size_t tries = 0; at != NULL && tries < 64; tries++, at++) {
    if (at == w->newer->items + w->newer->count) return NULL;
    if (!gw_str_eq(at->rpc->full_name, way->rpc->full_name)) return NULL;
    bool method = gw_str_eq(at->method, way->method) || gw_str_eq(at->method, GW_STR("*"));
    if (method && gw_shape_covers(&at->template, &way->template)) return at;
  }
  return NULL;
}

/* ---- reporting ---- */

static gw_str shown(gw_str text) {
  return gw_str_first(text, gw_size_min(text.n, WAY_SHOWN_MAX));
}

static void ways_report(ways_work *w, const gw_way *way, bool breaks, const char *format, ...)
    GW_PRINTF(4, 5);

static void ways_report(ways_work *w, const gw_way *way, bool breaks, const char *format, ...) {
  char text[WAY_TEXT_MAX];
  int n = snprintf(text, sizeof text, "route \"" GW_STR_FMT " " GW_STR_FMT "\" ",
                   GW_STR_ARG(shown(way->method)), GW_STR_ARG(shown(way->template.text)));
  va_list args;
  va_start(args, format);
  if (n >= 0 && (size_t)n < sizeof text) vsnprintf(text + n, sizeof text - (size_t)n, format, args);
  va_end(args);
  const gw_change change = { .where = way->rpc->full_name,
                             .text = gw_str_of(text),
                             .breaks = breaks,
                             .clients = GW_CLIENTS_REST };
  w->report(w->context, &change);
}

static void ways_report_missing(ways_work *w, const gw_way *way) {
  const gw_way *other = ways_find(w, &w->by_request, way_key(w, way, false));
  const gw_way *wider = ways_find_wider(w, way);
  const gw_way *now = ways_find(w, &w->first_of, way->rpc->full_name);
  if (wider != NULL)
    ways_report(w, way, false, "is part of \"" GW_STR_FMT " " GW_STR_FMT "\" now",
                GW_STR_ARG(shown(wider->method)), GW_STR_ARG(shown(wider->template.text)));
  else if (other != NULL)
    ways_report(w, way, true, "goes to " GW_STR_FMT " now", GW_STR_ARG(other->rpc->full_name));
  else if (now != NULL)
    ways_report(w, way, true, "removed; the method has \"" GW_STR_FMT " " GW_STR_FMT "\" now",
                GW_STR_ARG(shown(now->method)), GW_STR_ARG(shown(now->template.text)));
  else
    ways_report(w, way, true, "removed; the method has no route any more");
}

/* ---- comparing ---- */

/* The same fields by number; texts that name no field are the same when they are equal. */
static bool path_is_same(ways_work *w, gw_str older, const gw_message *older_message, gw_str newer,
                         const gw_message *newer_message) {
  gw_field_path from = { 0 }, to = { 0 };
  gw_err unused;
  bool literal = older.n == 0 || newer.n == 0 || gw_str_eq(older, GW_STR("*")) ||
                 gw_str_eq(newer, GW_STR("*"));
  if (literal) return gw_str_eq(older, newer);
  gw_err_init(&unused);
  gw_code code = gw_field_path_parse(older, older_message, w->arena, &from, &unused);
  if (code == GW_OK) code = gw_field_path_parse(newer, newer_message, w->arena, &to, &unused);
  if (code == GW_NOMEM) w->failed = true;
  if (code != GW_OK) return gw_str_eq(older, newer);
  if (from.count != to.count) return false;
  for (uint32_t i = 0; i < from.count; i++) {
    bool renumbered = gw_str_eq(from.fields[i]->name, to.fields[i]->name);
    if (from.fields[i]->number != to.fields[i]->number && !renumbered) return false;
  }
  return true;
}

static bool ways_compare_vars(ways_work *w, const gw_way *older, const gw_way *newer) {
  const gw_template *from = &older->template, *to = &newer->template;
  bool same = from->var_count == to->var_count;
  for (uint32_t i = 0; same && i < from->var_count; i++) {
    const gw_template_var *a = &from->vars[i], *b = &to->vars[i];
    same = a->first == b->first && a->count == b->count &&
           path_is_same(w, a->field_path, older->rpc->input, b->field_path, newer->rpc->input);
  }
  return same;
}

static gw_str body_shown(gw_str body) {
  return body.n > 0 ? shown(body) : GW_STR("nothing");
}

static void ways_compare_one(ways_work *w, const gw_way *older, const gw_way *newer) {
  const gw_message *from = older->rpc->input, *to = newer->rpc->input;
  if (newer->is_fixed) return;
  if (!ways_compare_vars(w, older, newer))
    ways_report(w, older, true, "is \"" GW_STR_FMT "\" now: its variables set other fields",
                GW_STR_ARG(shown(newer->template.text)));
  if (!path_is_same(w, older->body, from, newer->body, to))
    ways_report(w, older, true, "reads its body as \"" GW_STR_FMT "\", it was \"" GW_STR_FMT "\"",
                GW_STR_ARG(body_shown(newer->body)), GW_STR_ARG(body_shown(older->body)));
  if (path_is_same(w, older->response_body, older->rpc->output, newer->response_body,
                   newer->rpc->output))
    return;
  gw_str all = GW_STR("the whole message");
  ways_report(w, older, true, "answers with \"" GW_STR_FMT "\", it was \"" GW_STR_FMT "\"",
              GW_STR_ARG(newer->response_body.n > 0 ? shown(newer->response_body) : all),
              GW_STR_ARG(older->response_body.n > 0 ? shown(older->response_body) : all));
}

gw_code gw_ways_compare(const gw_ways *older, const gw_ways *newer, const gw_pool *newer_pool,
                        gw_arena *arena, gw_change_fn *report, void *context) {
  ways_work work = { .newer = newer, .arena = arena, .report = report, .context = context };
  ways_index(&work);
  for (size_t i = 0; i < older->count && !work.failed; i++) {
    const gw_way *way = &older->items[i];
    if (way->is_fixed || gw_pool_find_rpc(newer_pool, way->rpc->full_name) == NULL) continue;
    const gw_way *now = ways_find(&work, &work.by_rpc, way_key(&work, way, true));
    if (now != NULL)
      ways_compare_one(&work, way, now);
    else
      ways_report_missing(&work, way);
  }
  return work.failed ? GW_NOMEM : GW_OK;
}
