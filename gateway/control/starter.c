#include "control/starter.h"

#include <stdarg.h>
#include <stdio.h>

#include "control/assemble.h"
#include "control/starter_plan.h"

#define STARTER_MEMORY_MAX GW_MIB(512)
#define STARTER_SHOWN_MAX  200u /* bytes of a text in a comment */

static const char starter_head[] =
    "# Written by sluice init: a start, not a decision.  Look at each route, then\n"
    "#   sluice check FILE                             reports every mistake, prints the routes\n"
    "#   sluice explain FILE 'GET /v1/users/7?x=1'     what becomes of a request\n"
    "#   sluice serve FILE\n"
    "listen:\n"
    "  - address: 127.0.0.1:8080        # where clients connect; 0.0.0.0:8080 for all addresses\n"
    "\n"
    "admin:\n"
    "  address: 127.0.0.1:9901          # for operators: health, metrics, routes, stages\n"
    "\n";

static const char starter_migration[] =
    "\n"
    "# Where a REST service answers these requests today, each route moves in steps, and back:\n"
    "#   stage: legacy   the old service answers\n"
    "#          shadow   the same, and a sample is also sent to gRPC and compared\n"
    "#          canary   gRPC answers a share of the clients, the old service the rest\n"
    "#          grpc     gRPC answers: the route is migrated\n"
    "# To begin, put the old service's address into `monolith` and take each \"#> \" off:\n"
    "#> legacy: monolith                # also gets what no route takes\n"
    "#> defaults:                       # for all routes; each can have its own\n"
    "#>   stage: legacy                 # then, route by route: shadow, canary, grpc\n"
    "#>   shadow: { sample: 25% }       # of GETs; POST and the like are not sent twice\n"
    "#>   canary: 5%\n"
    "#>   guard: { errors: 1%, parity: 99%, back_to: shadow }\n"
    "# Options that make answers look as they did: json.int64, json.names, json.enums, json.emit,\n"
    "# success_status, errors (`sluice suggest ROUTE` finds them out of compared answers).\n"
    "\n";

/* The text while it is written. */
typedef struct starter_work {
  gw_starter_plan plan;
  gw_buf *out;
  gw_code code; /* of the first line that could not be written */
} starter_work;

static void starter_print(starter_work *w, const char *format, ...) GW_PRINTF(2, 3);

static void starter_print(starter_work *w, const char *format, ...) {
  va_list args, again;
  if (w->code != GW_OK) return;
  va_start(args, format);
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, format, args);
  w->code = n >= 0 ? gw_buf_reserve(w->out, (size_t)n + 1) : GW_INTERNAL;
  if (w->code == GW_OK) {
    vsnprintf(w->out->p + w->out->n, (size_t)n + 1, format, again);
    w->out->n += (size_t)n;
  }
  va_end(again);
  va_end(args);
}

/* ---- texts ---- */

static bool text_is_plain(gw_str text) {
  static const gw_str good = GW_STR_INIT(
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./{}=*:~-+%,;@$&'()! ");
  char first = text.n > 0 ? gw_char_lower(text.p[0]) : '\0';
  bool plain = (first >= 'a' && first <= 'z') || first == '/' || first == '.' || first == '_';
  for (size_t i = 0; i < text.n && plain; i++)
    plain = gw_str_find(good, text.p[i]) < good.n;
  return plain && !gw_str_eq_nocase(text, GW_STR("null"));
}

/* A value of YAML: plain where that can mean nothing else, else as JSON writes strings. */
static void starter_print_value(starter_work *w, const char *key, gw_str text) {
  starter_print(w, "%s", key);
  if (w->code != GW_OK) return;
  w->code =
      text_is_plain(text) ? gw_buf_append(w->out, text) : gw_buf_append_json_string(w->out, text);
}

/* One line of a comment stays one, whatever descriptors say. */
static void starter_print_shown(starter_work *w, gw_str text) {
  size_t begin = w->out->n;
  text = gw_str_first(text, gw_size_min(text.n, STARTER_SHOWN_MAX));
  starter_print(w, GW_STR_FMT, GW_STR_ARG(text));
  for (size_t i = begin; i < w->out->n; i++) {
    unsigned char c = (unsigned char)w->out->p[i];
    if (c < 0x20 || c >= 0x7F) w->out->p[i] = '?';
  }
}

/* ---- routes ---- */

static void starter_print_fault(starter_work *w, const gw_starter_way *way) {
  starter_print(w, "  # google.api.http says \"");
  starter_print_shown(w, way->method);
  starter_print(w, " ");
  starter_print_shown(w, way->path);
  starter_print(w, "\", which cannot be served: ");
  starter_print_shown(w, gw_str_of(way->fault));
  starter_print(w, "\n");
}

static void starter_print_match(starter_work *w, const char *key, const gw_starter_way *way) {
  gw_str text = gw_arena_printf(w->plan.arena, GW_STR_FMT " " GW_STR_FMT, GW_STR_ARG(way->method),
                                GW_STR_ARG(way->path));
  if (text.p == NULL) w->code = GW_NOMEM;
  starter_print_value(w, key, text);
}

static void starter_print_bodies(starter_work *w, const char *body_key, const char *response_key,
                                 const gw_starter_way *way) {
  if (way->body.n > 0) starter_print_value(w, body_key, way->body);
  if (way->response_body.n > 0 && !gw_str_eq(way->response_body, GW_STR("*")))
    starter_print_value(w, response_key, way->response_body);
}

/* What the first way does not say. */
static void starter_print_kind(starter_work *w, const gw_starter_route *route,
                               const gw_starter_way *way) {
  const gw_rpc *rpc = route->rpc;
  bool creates = route->is_guess && gw_str_eq(way->method, GW_STR("POST")) &&
                 gw_str_find(way->path, ':') == way->path.n && !gw_rpc_is_stream(rpc) &&
                 !gw_str_eq(way->path, rpc->path);
  if (creates) starter_print(w, "    # success_status: 201          # for what was created\n");
  if (rpc->client_streaming && way->body.n > 0)
    starter_print(w,
                  "    # a stream of requests: the body is a JSON array of messages, or one after "
                  "the other\n");
  if (rpc->client_streaming && way->body.n == 0)
    starter_print(w, "    # a stream of requests: what path and query say is its only message\n");
  if (rpc->server_streaming)
    starter_print(w,
                  "    stream: auto                   # array, ndjson, sse; auto: as the client's "
                  "Accept says\n");
}

/* Up to 1 + GW_STARTER_ALSO_MAX good ways from *next on: a method with more gets more routes. */
static void starter_print_route(starter_work *w, const gw_starter_service *service,
                                const gw_starter_route *route, uint32_t *next) {
  gw_str name = gw_starter_route_name(&w->plan, service, route->rpc);
  const gw_starter_way *first = NULL;
  uint32_t printed = 0;
  if (name.p == NULL) w->code = GW_NOMEM;
  for (; *next < route->way_count && printed <= GW_STARTER_ALSO_MAX && w->code == GW_OK; ++*next) {
    const gw_starter_way *way = &route->ways[*next];
    if (way->fault != NULL) continue;
    if (printed++ == 0) {
      first = way;
      starter_print_value(w, "\n  - name: ", name);
      starter_print_match(w, "\n    match: ", way);
      if (route->is_guess) starter_print(w, "    # guessed from the method's name");
      starter_print_value(w, "\n    rpc: ", route->rpc->full_name);
      starter_print_value(w, "\n    upstream: ", service->upstream);
      starter_print_bodies(w, "\n    body: ", "\n    response_body: ", way);
    } else {
      starter_print_match(w,
                          printed == 2 ? "\n    also:\n      - match: " : "\n      - match: ", way);
      starter_print_bodies(w, "\n        body: ", "\n        response_body: ", way);
    }
  }
  if (first == NULL) return;
  starter_print(w, "\n");
  starter_print_kind(w, route, first);
}

static void starter_print_routes(starter_work *w, const gw_starter_service *service) {
  starter_print(w, "\n  # ---- " GW_STR_FMT " ----\n",
                GW_STR_ARG(service->guess.service->full_name));
  for (uint32_t i = 0; i < service->guess.service->rpc_count; i++) {
    const gw_starter_route *route = &service->routes[i];
    uint32_t next = 0;
    bool has_faults = route->way_count > route->good_count;
    if (has_faults) starter_print(w, "\n");
    for (uint32_t k = 0; k < route->way_count; k++) {
      if (route->ways[k].fault != NULL) starter_print_fault(w, &route->ways[k]);
    }
    if (route->good_count == 0)
      starter_print(w, "  # " GW_STR_FMT " gets no route: no request is left for it\n",
                    GW_STR_ARG(route->rpc->full_name));
    while (next < route->way_count && w->code == GW_OK)
      starter_print_route(w, service, route, &next);
  }
}

/* ---- the whole ---- */

static void starter_print_all(starter_work *w, char *const *paths, size_t path_count) {
  const gw_starter_plan *plan = &w->plan;
  starter_print(w, "%sdescriptors:\n", starter_head);
  for (size_t i = 0; i < path_count; i++) {
    starter_print_value(w, "  - ", gw_str_of(paths[i]));
    starter_print(w, "\n");
  }
  starter_print(w, "\nupstreams:\n");
  for (uint32_t i = 0; i < plan->service_count; i++) {
    const gw_starter_service *service = &plan->services[i];
    starter_print(w, "  " GW_STR_FMT ":\n", GW_STR_ARG(service->upstream));
    starter_print(
        w, "    endpoints: [\"grpc://127.0.0.1:50051\"]    # " GW_STR_FMT "; grpcs:// for TLS\n",
        GW_STR_ARG(service->guess.service->full_name));
  }
  starter_print(w,
                "%s  monolith:                        # the REST service that answers today\n"
                "%s    endpoints: [\"http://127.0.0.1:8081\"]\n",
                plan->service_count > 0 ? "#> " : "", plan->service_count > 0 ? "#> " : "");
  starter_print(w, "%s", starter_migration);
  if (plan->service_count == 0) {
    starter_print(w, "# The descriptor sets define no service: there is nothing to route.\n"
                     "routes: []\n");
    return;
  }
  starter_print(w, plan->rule_count > 0 ? "routes:" : "routes: []");
  for (uint32_t i = 0; i < plan->service_count && w->code == GW_OK; i++)
    starter_print_routes(w, &plan->services[i]);
}

static gw_code starter_check_paths(char *const *paths, size_t path_count, gw_err *err) {
  for (size_t i = 0; i < path_count; i++) {
    if (strstr(paths[i], "${") == NULL) continue;
    return gw_err_at(err, GW_BAD_VALUE, gw_str_of(paths[i]),
                     "\"${\" in a path: a configuration would take it for a variable");
  }
  return GW_OK;
}

gw_code gw_starter_print(const gw_pool *pool, char *const *paths, size_t path_count, gw_buf *out,
                         gw_err *err) {
  starter_work work = { .out = out };
  gw_arena arena;
  gw_code code = starter_check_paths(paths, path_count, err);
  if (code != GW_OK) return code;
  gw_arena_init(&arena, NULL, STARTER_MEMORY_MAX);
  code = gw_starter_plan_make(pool, &arena, &work.plan);
  if (code == GW_OK &&
      (work.plan.route_count > GW_ROUTES_MAX || work.plan.rule_count > GW_ROUTES_RULES_MAX))
    code =
        gw_err_set(err, GW_TOO_LARGE,
                   "%u methods with %u rules; a configuration has at most "
                   "%u routes with %u rules",
                   work.plan.route_count, work.plan.rule_count, GW_ROUTES_MAX, GW_ROUTES_RULES_MAX);
  if (code == GW_OK) {
    starter_print_all(&work, paths, path_count);
    code = work.code;
  }
  gw_arena_done(&arena);
  return code == GW_OK ? code : gw_err_set(err, code, "out of memory");
}
