#include "control/assemble.h"

#include "control/conf_upstream.h"
#include "control/service_config.h"

/* Room for one more pointer in a growing array of the snapshot's arena. */
static bool assembly_reserve(gw_conf *conf, void **items, size_t count, size_t *capacity) {
  if (count < *capacity) return true;
  size_t next = *capacity * 2 + 16;
  void *grown =
      gw_arena_grow(conf->arena, *items, *capacity * sizeof(void *), next * sizeof(void *));
  if (grown == NULL) {
    conf->code = GW_NOMEM;
    return false;
  }
  *items = grown;
  *capacity = next;
  return true;
}

/* "GetUser", "GetUser-2", ...: each try costs one look, and the next one starts where it ended. */
static gw_str assembly_free_name(gw_assembly *assembly, gw_str name) {
  gw_conf *conf = assembly->conf;
  uint32_t *next = gw_names_find(&assembly->names, name);
  gw_str candidate = name;
  while (next != NULL && candidate.p != NULL && gw_names_find(&assembly->names, candidate) != NULL)
    candidate = gw_arena_printf(conf->arena, GW_STR_FMT "-%u", GW_STR_ARG(name), (*next)++);
  if (candidate.p == NULL || !gw_names_add(&assembly->names, candidate, 2)) {
    conf->code = GW_NOMEM;
    return name;
  }
  return candidate;
}

void gw_assembly_add_route(gw_assembly *assembly, gw_route *route, gw_str name) {
  void *items = assembly->routes;
  if (!assembly_reserve(assembly->conf, &items, assembly->route_count, &assembly->route_capacity))
    return;
  assembly->routes = items;
  if (route->name.n == 0) route->name = assembly_free_name(assembly, name);
  route->index = (uint32_t)assembly->route_count;
  assembly->routes[assembly->route_count++] = route;
}

void gw_assembly_keep_rule(gw_assembly *assembly, gw_rule *rule) {
  void *items = assembly->rules;
  if (!assembly_reserve(assembly->conf, &items, assembly->rule_count, &assembly->rule_capacity))
    return;
  assembly->rules = items;
  GW_CONTAINER_OF(rule, gw_placed_rule, rule)->order = assembly->rule_count;
  assembly->rules[assembly->rule_count++] = rule;
}

static void route_set_limits(gw_conf *conf, gw_route *route, const gw_conf_route *options) {
  const gw_limits *limits = &conf->snapshot->limits;
  const gw_upstream_config *upstream = &conf->snapshot->upstreams[route->upstream];
  route->body_bytes_max =
      options->body_bytes_max != GW_CONF_UNSET ? options->body_bytes_max : limits->body;
  route->message_bytes_max = limits->message;
  if (upstream->message_bytes_max != 0) route->message_bytes_max = upstream->message_bytes_max;
  if (options->message_bytes_max == GW_CONF_UNSET) return;
  route->message_bytes_max = options->message_bytes_max;
  if (upstream->message_bytes_max == 0 || route->message_bytes_max <= upstream->message_bytes_max ||
      options->node == NULL)
    return;
  gw_findings_add(conf->findings, gw_conf_place(conf, options->node),
                  "\"limits.message\" is over \"max_message\" of upstream \"" GW_STR_FMT "\"",
                  GW_STR_ARG(upstream->name));
}

/* What the route says itself wins over its profile. */
static gw_compat route_compat(const gw_conf_route *options) {
  gw_compat compat = gw_compat_of(options->compat);
  if (options->query_unknown != GW_CONF_NO_CHOICE)
    compat.query_reject_unknown = options->query_unknown == 1;
  if (options->slash != GW_CONF_NO_CHOICE) compat.slash = (gw_slash)options->slash;
  if (options->unescape != GW_CONF_NO_CHOICE) compat.unescape = (gw_unescape)options->unescape;
  if (options->stream != GW_CONF_NO_CHOICE) compat.stream = (gw_stream_form)options->stream;
  if (options->emit != GW_CONF_NO_CHOICE) {
    compat.json.emit = (gw_json_emit)options->emit;
    compat.json.optional_omitted = false;
  }
  if (options->errors != GW_CONF_NO_CHOICE) compat.errors_in_headers = false;
  if (options->errors == GW_ERRORS_PROBLEM) compat.errors = GW_ERRORS_PROBLEM;
  compat.json.int64_number = options->json.int64_number;
  compat.json.proto_names = options->json.proto_names;
  compat.json.enum_number = options->json.enum_number;
  compat.json.reject_unknown = options->json.reject_unknown;
  return compat;
}

/* How its calls are tried again: as the route says, else its upstream, else the service config. */
static const gw_retry_config *route_retry(gw_conf *conf, const gw_conf_route *options,
                                          const gw_conf_upstream *upstream,
                                          const gw_method_policy *policy) {
  bool has_policy = policy != NULL && policy->has_retry;
  if (!has_policy && !gw_conf_retry_is_set(&options->retry)) return NULL;
  gw_retry_config *retry = gw_conf_alloc(conf, sizeof *retry);
  if (retry == NULL) return NULL;
  *retry = has_policy ? policy->retry : gw_conf_retry_default;
  gw_conf_retry_merge(retry, &upstream->retry);
  gw_conf_retry_merge(retry, &options->retry);
  return retry;
}

/* gRFC A2: of two timeouts, and of two limits, the smaller counts. */
static void route_apply_policy(gw_route *route, const gw_method_policy *policy) {
  if (policy == NULL) return;
  uint64_t timeout_ms = policy->timeout_ms;
  if (timeout_ms > 0 && (route->timeout_ms == 0 || timeout_ms < route->timeout_ms))
    route->timeout_ms = timeout_ms;
  route->waits_ready = policy->waits_ready;
  route->message_bytes_max = gw_size_min(route->message_bytes_max, policy->request_bytes_max);
  route->answer_bytes_max = gw_size_min(route->answer_bytes_max, policy->answer_bytes_max);
}

gw_route *gw_assembly_route_new(gw_assembly *assembly, const gw_conf_route *options,
                                const gw_rpc *rpc, uint32_t upstream) {
  gw_conf *conf = assembly->conf;
  gw_route *route = gw_conf_alloc(conf, sizeof *route);
  if (route == NULL) return NULL;
  /* A default timeout is meant for calls; it would cut every stream. */
  bool timed = rpc == NULL || !gw_rpc_is_stream(rpc) || options->timeout_at != NULL;
  bool known = upstream != UINT32_MAX;
  gw_compat compat = route_compat(options);
  *route = (gw_route){
    .rpc = rpc,
    .upstream_name = known ? conf->snapshot->upstreams[upstream].name : GW_STR(""),
    .upstream = upstream,
    .timeout_ms = timed ? options->timeout_ms : 0,
    .idle_timeout_ms = options->idle_timeout_ms,
    .success_status = (int)options->success_status,
    .compat = compat,
    .query_reject_unknown = compat.query_reject_unknown,
    .json = compat.json,
    .stream = compat.stream,
    .headers_request = options->headers_request.items,
    .headers_request_count = options->headers_request.count,
    .headers_response = options->headers_response.items,
    .headers_response_count = options->headers_response.count,
    .headers_response_all = options->headers_response.all,
  };
  if (known) {
    const gw_conf_upstream *config = &conf->upstream_options[upstream];
    const gw_method_policy *policy = NULL;
    if (config->service_config != NULL && rpc != NULL)
      policy = gw_service_config_find(config->service_config, rpc->path);
    route->retry = route_retry(conf, options, config, policy);
    route_set_limits(conf, route, options);
    route->answer_bytes_max = route->message_bytes_max;
    route->compresses = config->config.compresses;
    route_apply_policy(route, policy);
  }
  if (compat.method_override) conf->snapshot->has_overrides = true;
  return route;
}

uint32_t gw_assembly_find_upstream(gw_conf *conf, gw_str key, const gw_yaml *node, bool http) {
  gw_str name = gw_conf_text(conf, node, key, "an upstream's name");
  if (name.p == NULL) return UINT32_MAX;
  const gw_snapshot *snapshot = conf->snapshot;
  uint32_t found = gw_conf_upstream_find(conf, name);
  if (found != UINT32_MAX) {
    const gw_upstream_config *upstream = &snapshot->upstreams[found];
    if (upstream->endpoint_count == 0 || gw_upstream_is_http(upstream) == http) return found;
    gw_findings_add(conf->findings, gw_conf_place(conf, node),
                    "\"" GW_STR_FMT "\": upstream \"" GW_STR_FMT "\" has %s endpoints, not %s",
                    GW_STR_ARG(key), GW_STR_ARG(name), http ? "grpc://" : "http://",
                    http ? "http://" : "grpc://");
    return UINT32_MAX;
  }
  if (conf->findings->errors >= GW_FINDINGS_MAX) return found;
  gw_str *names = gw_conf_scratch(conf, (snapshot->upstream_count + 1) * sizeof *names);
  if (names == NULL) return UINT32_MAX;
  for (uint32_t i = 0; i < snapshot->upstream_count; i++)
    names[i] = snapshot->upstreams[i].name;
  gw_findings_add(conf->findings, gw_conf_place(conf, node), "no upstream \"" GW_STR_FMT "\"%s",
                  GW_STR_ARG(gw_str_first(name, gw_size_min(name.n, 80))),
                  gw_conf_hint(conf, gw_str_nearest(name, names, snapshot->upstream_count)));
  return UINT32_MAX;
}

uint32_t gw_assembly_upstream(gw_assembly *assembly, const gw_yaml *owner, const gw_yaml *node) {
  gw_conf *conf = assembly->conf;
  if (node != NULL) return gw_assembly_find_upstream(conf, GW_STR("upstream"), node, false);
  gw_findings_add(conf->findings, gw_conf_place(conf, owner), "\"upstream\" is missing");
  return UINT32_MAX;
}

static void assembly_on_conflict(void *context, const gw_rule *first, const gw_rule *second) {
  gw_assembly *assembly = context;
  gw_place at = GW_CONTAINER_OF(second, gw_placed_rule, rule)->at;
  gw_place other = GW_CONTAINER_OF(first, gw_placed_rule, rule)->at;
  bool yields = gw_router_yields(first, second);
  (yields ? gw_findings_warn : gw_findings_add)(
      assembly->conf->findings, at,
      "route \"" GW_STR_FMT "\" (" GW_STR_FMT " " GW_STR_FMT
      ") takes the same requests as route \"" GW_STR_FMT "\" (" GW_STR_FMT " " GW_STR_FMT
      ") at " GW_STR_FMT ":%u:%u%s",
      GW_STR_ARG(second->route->name), GW_STR_ARG(second->method),
      GW_STR_ARG(second->template.text), GW_STR_ARG(first->route->name), GW_STR_ARG(first->method),
      GW_STR_ARG(first->template.text), GW_STR_ARG(other.file), other.line, other.column,
      yields ? ", which gets none" : "");
}

/* An upstream without a limit of its own carries what its routes allow. */
static void assembly_fill_upstreams(gw_assembly *assembly) {
  gw_snapshot *snapshot = assembly->conf->snapshot;
  for (uint32_t i = 0; i < snapshot->upstream_count; i++) {
    if (snapshot->upstreams[i].message_bytes_max == 0)
      snapshot->upstreams[i].message_bytes_max = snapshot->limits.message;
  }
  for (size_t i = 0; i < assembly->route_count; i++) {
    const gw_route *route = assembly->routes[i];
    if (route->upstream == UINT32_MAX) continue;
    gw_upstream_config *upstream = &snapshot->upstreams[route->upstream];
    upstream->message_bytes_max =
        gw_size_max(upstream->message_bytes_max,
                    gw_size_max(route->message_bytes_max, route->answer_bytes_max));
  }
}

void gw_assembly_run(gw_conf *conf) {
  gw_assembly assembly = { .conf = conf };
  gw_snapshot *snapshot = conf->snapshot;
  gw_names_init(&assembly.names, &conf->scratch);
  gw_names_init(&assembly.shapes, &conf->scratch);
  gw_names_init(&assembly.groups, &conf->scratch);
  assembly.defaults = gw_conf_route_defaults(conf);
  snapshot->compat = route_compat(&assembly.defaults);
  gw_assembly_read_legacy(&assembly);
  gw_assembly_add_routes(&assembly);
  gw_assembly_add_services(&assembly);
  assembly_fill_upstreams(&assembly);
  snapshot->routes = assembly.routes;
  snapshot->route_count = (uint32_t)assembly.route_count;
  snapshot->rules = assembly.rules;
  snapshot->rule_count = (uint32_t)assembly.rule_count;
  if (conf->code != GW_OK) return;
  gw_code code = gw_router_build((const gw_rule *const *)assembly.rules, assembly.rule_count,
                                 assembly_on_conflict, &assembly, &snapshot->router);
  if (code == GW_OK) gw_assembly_warn_overlaps(&assembly);
  /* Whatever else may have stopped it must not pass for success. */
  if (code != GW_OK && conf->findings->errors == 0) conf->code = code;
}
