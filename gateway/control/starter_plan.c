#include "control/starter_plan.h"

#include "control/values.h"
#include "control/words.h"
#include "route/bind.h"
#include "route/shape.h"

#define STARTER_NAME_MAX 100u /* bytes, before a number: gw_value_is_name() takes 128 */

/* ---- names ---- */

/* "user-directory", cut to what a name may have. */
static gw_str starter_kebab(gw_starter_plan *plan, const gw_words *words) {
  gw_str name = gw_words_join(words, '-', plan->arena);
  if (name.p == NULL) return name;
  name = gw_str_first(name, gw_size_min(name.n, STARTER_NAME_MAX));
  return gw_value_is_name(name) ? name : GW_STR("unnamed"); /* only underscores */
}

/* `name`, or with the next free number. */
static gw_str starter_free_name(gw_starter_plan *plan, gw_names *names, gw_str name) {
  uint32_t *number = name.p != NULL ? gw_names_find(names, name) : NULL;
  gw_str made = name;
  while (number != NULL && made.p != NULL && gw_names_find(names, made) != NULL)
    made = gw_arena_printf(plan->arena, GW_STR_FMT "-%u", GW_STR_ARG(name), (*number)++);
  if (made.p != NULL && !gw_names_add(names, made, 2)) made = (gw_str){ NULL, 0 };
  return made;
}

gw_str gw_starter_route_name(gw_starter_plan *plan, const gw_starter_service *service,
                             const gw_rpc *rpc) {
  gw_words words = gw_words_split(rpc->name);
  gw_str name = starter_kebab(plan, &words);
  if (name.p != NULL && gw_names_find(&plan->names, name) != NULL) {
    gw_words all = gw_words_split(service->guess.name);
    for (uint32_t i = 0; i < words.count && all.count < GW_WORDS_MAX; i++)
      all.items[all.count++] = words.items[i];
    name = starter_kebab(plan, &all);
  }
  return starter_free_name(plan, &plan->names, name);
}

/* ---- ways ---- */

typedef struct way_work {
  gw_starter_plan *plan;
  gw_starter_way *way;
  gw_code code; /* GW_NOMEM */
} way_work;

static void way_on_report(void *context, const gw_err *err) {
  way_work *w = context;
  if (w->way->fault != NULL) return;
  gw_str text = gw_arena_printf(w->plan->arena, "%s%s%s", err->where,
                                err->where[0] != '\0' ? ": " : "", err->text);
  w->way->fault = text.p != NULL ? text.p : "out of memory";
}

/* True: nobody had it before. */
static bool way_take(way_work *w, const gw_template *template) {
  gw_buf key;
  gw_buf_init(&key, w->plan->arena, GW_KIB(64));
  w->code = gw_buf_printf(&key, GW_STR_FMT " ", GW_STR_ARG(w->way->method));
  if (w->code == GW_OK) w->code = gw_shape_print(template, &key);
  if (w->code != GW_OK) return false;
  if (gw_names_find(&w->plan->requests, gw_buf_str(&key)) != NULL) return false;
  if (gw_names_add(&w->plan->requests, gw_buf_str(&key), 0)) return true;
  w->code = GW_NOMEM;
  return false;
}

/* The same checks as when a configuration is loaded (assemble_rule.c), then takes the request. */
static gw_code way_check(gw_starter_plan *plan, const gw_rpc *rpc, gw_starter_way *way) {
  way_work work = { .plan = plan, .way = way };
  const gw_route route = { .rpc = rpc, .compat = plan->compat };
  gw_rule rule = { .route = &route,
                   .method = way->method,
                   .body_text = way->body,
                   .response_body_text = way->response_body };
  gw_err err;
  gw_err_init(&err);
  way->fault = gw_value_method_fault(way->method);
  if (way->fault != NULL) return GW_OK;
  gw_code code = gw_template_parse(way->path, plan->arena, &rule.template, &err);
  if (code == GW_OK)
    code = gw_rule_resolve(&rule, plan->arena, way_on_report, &work);
  else if (code != GW_NOMEM)
    way_on_report(&work, &err);
  if (code == GW_OK && !way_take(&work, &rule.template)) {
    way->fault = "another method has this request already";
    code = work.code;
  }
  return code == GW_NOMEM ? code : GW_OK;
}

/* ---- routes ---- */

static gw_code route_read_rules(gw_starter_plan *plan, gw_starter_route *route) {
  gw_code code = GW_OK;
  for (uint32_t i = 0; i < route->rpc->rule_count && code == GW_OK; i++) {
    const gw_http_rule *rule = &route->rpc->rules[i];
    gw_starter_way way = { rule->method, rule->path, rule->body, rule->response_body, NULL };
    if (rule->path.n == 0) continue; /* TRANSCODING section 1: it registers nothing */
    code = way_check(plan, route->rpc, &way);
    if (way.fault == NULL) route->good_count++;
    route->ways[route->way_count++] = way;
  }
  plan->rule_count += route->good_count;
  return code;
}

/* The name's guess; where that is no route or is taken, a path with the method's name; where that
 * is too, the path that gRPC itself has. */
static gw_code route_guess(gw_starter_plan *plan, const gw_starter_service *service,
                           gw_starter_route *route) {
  gw_code code = GW_OK;
  for (int i = 0; i < 3 && code == GW_OK && route->good_count == 0; i++) {
    gw_guess guess = { GW_STR("POST"), route->rpc->path, GW_STR("*") };
    if (i == 0) guess = gw_guess_route(&service->guess, route->rpc, plan->arena);
    if (i == 1) guess = gw_guess_plain(&service->guess, route->rpc, plan->arena);
    if (guess.path.p == NULL) return GW_NOMEM;
    gw_starter_way way = { guess.method, guess.path, guess.body, GW_STR(""), NULL };
    code = way_check(plan, route->rpc, &way);
    if (way.fault != NULL) continue;
    route->ways[route->way_count++] = way;
    route->good_count = 1;
    route->is_guess = true;
    plan->rule_count++;
  }
  return code;
}

/* ---- all ---- */

static gw_code plan_add_service(gw_starter_plan *plan, const gw_service *service) {
  gw_arena *arena = plan->arena;
  gw_starter_service *out = &plan->services[plan->service_count];
  if (!gw_guess_service_read(service, arena, &out->guess)) return GW_NOMEM;
  out->routes = gw_arena_zalloc(arena, service->rpc_count * sizeof *out->routes);
  if (out->routes == NULL) return GW_NOMEM;
  plan->service_count++;
  gw_code code = GW_OK;
  for (uint32_t i = 0; i < service->rpc_count && code == GW_OK; i++) {
    gw_starter_route *route = &out->routes[i];
    route->rpc = &service->rpcs[i];
    route->ways = gw_arena_alloc(arena, (route->rpc->rule_count + 1) * sizeof *route->ways);
    code = route->ways != NULL ? route_read_rules(plan, route) : GW_NOMEM;
  }
  plan->route_count += service->rpc_count;
  return code;
}

static gw_code plan_guess(gw_starter_plan *plan) {
  gw_code code = GW_OK;
  for (uint32_t i = 0; i < plan->service_count && code == GW_OK; i++) {
    gw_starter_service *service = &plan->services[i];
    for (uint32_t k = 0; k < service->guess.service->rpc_count && code == GW_OK; k++) {
      if (service->routes[k].good_count == 0)
        code = route_guess(plan, service, &service->routes[k]);
    }
  }
  return code;
}

gw_code gw_starter_plan_make(const gw_pool *pool, gw_arena *arena, gw_starter_plan *out) {
  gw_starter_plan plan = { .arena = arena, .compat = gw_compat_of(GW_COMPAT_DEFAULT) };
  gw_names upstreams;
  uint32_t count = gw_pool_service_count(pool);
  gw_names_init(&plan.requests, arena);
  gw_names_init(&plan.names, arena);
  gw_names_init(&upstreams, arena);
  plan.services = gw_arena_zalloc(arena, count * sizeof *plan.services);
  gw_code code = plan.services != NULL ? GW_OK : GW_NOMEM;
  for (uint32_t i = 0; i < count && code == GW_OK; i++)
    code = plan_add_service(&plan, gw_pool_service(pool, i));
  if (code == GW_OK) code = plan_guess(&plan);
  for (uint32_t i = 0; i < count && code == GW_OK; i++) {
    gw_words words = gw_words_split(plan.services[i].guess.name);
    plan.services[i].upstream = starter_free_name(&plan, &upstreams, starter_kebab(&plan, &words));
    if (plan.services[i].upstream.p == NULL) code = GW_NOMEM;
  }
  if (code == GW_OK) *out = plan;
  return code;
}
