#include "control/assemble.h"
#include "control/values.h"

#define ALSO_MAX    64  /* of one route */
#define NAMED_BYTES 100 /* of a wrong name shown in an error */

static gw_str shown(gw_str text) {
  return gw_str_first(text, gw_size_min(text.n, NAMED_BYTES));
}

/* ---- rpc ---- */

static gw_str *rpc_names(gw_conf *conf, const gw_service *service) {
  gw_str *names = gw_conf_scratch(conf, (service->rpc_count + 1) * sizeof *names);
  for (uint32_t i = 0; names != NULL && i < service->rpc_count; i++)
    names[i] = service->rpcs[i].name;
  return names;
}

static gw_str *service_names(gw_conf *conf) {
  uint32_t count = gw_pool_service_count(conf->snapshot->pool);
  gw_str *names = gw_conf_scratch(conf, (count + 1) * sizeof *names);
  for (uint32_t i = 0; names != NULL && i < count; i++)
    names[i] = gw_pool_service(conf->snapshot->pool, i)->full_name;
  return names;
}

void gw_assembly_unknown_service(gw_assembly *assembly, const gw_yaml *node, gw_str name) {
  gw_conf *conf = assembly->conf;
  if (conf->pool_partial) return; /* it may be in the set that could not be read */
  gw_str *names = service_names(conf);
  if (names == NULL) return;
  uint32_t count = gw_pool_service_count(conf->snapshot->pool);
  gw_findings_add(conf->findings, gw_conf_place(conf, node),
                  "the descriptors have no service \"" GW_STR_FMT "\"%s", GW_STR_ARG(shown(name)),
                  gw_conf_hint(conf, gw_str_nearest(name, names, count)));
}

static void rpc_unknown(gw_assembly *assembly, const gw_yaml *node, gw_str text) {
  gw_conf *conf = assembly->conf;
  gw_str method = text, service_name = gw_str_cut(&method, '/');
  if (method.n == 0) {
    gw_conf_expected(conf, node, GW_STR("rpc"), "package.Service/Method");
    return;
  }
  const gw_service *service = gw_pool_find_service(conf->snapshot->pool, service_name);
  if (service == NULL) {
    gw_assembly_unknown_service(assembly, node, service_name);
    return;
  }
  gw_str *names = rpc_names(conf, service);
  if (names == NULL) return;
  gw_findings_add(conf->findings, gw_conf_place(conf, node),
                  "service \"" GW_STR_FMT "\" has no method \"" GW_STR_FMT "\"%s",
                  GW_STR_ARG(shown(service_name)), GW_STR_ARG(shown(method)),
                  gw_conf_hint(conf, gw_str_nearest(method, names, service->rpc_count)));
}

/* NULL: unknown, which is reported. */
static const gw_rpc *route_rpc(gw_assembly *assembly, const gw_conf_route *options) {
  gw_conf *conf = assembly->conf;
  if (options->rpc == NULL) {
    gw_findings_add(conf->findings, gw_conf_place(conf, options->node), "\"rpc\" is missing");
    return NULL;
  }
  gw_str text = gw_conf_text(conf, options->rpc, GW_STR("rpc"), "package.Service/Method");
  if (text.p == NULL || conf->snapshot->pool == NULL) return NULL;
  const gw_rpc *rpc = gw_pool_find_rpc(conf->snapshot->pool, text);
  if (rpc == NULL) {
    rpc_unknown(assembly, options->rpc, text);
    return NULL;
  }
  return rpc;
}

/* ---- match, also ---- */

/* Text of a body or response body; empty when absent or wrong. */
static gw_str route_body(gw_conf *conf, const gw_yaml *node, const char *key, gw_place *at) {
  if (node == NULL) return GW_STR("");
  *at = gw_conf_place(conf, node);
  bool star = strcmp(key, "body") == 0;
  gw_str text = gw_conf_text(conf, node, gw_str_of(key), star ? "\"*\" or a field" : "a field");
  return text.p != NULL ? text : GW_STR("");
}

static void route_add_match(gw_assembly *assembly, gw_route *route, const gw_yaml *match,
                            const gw_yaml *body, const gw_yaml *response_body) {
  gw_conf *conf = assembly->conf;
  gw_str text = gw_conf_text(conf, match, GW_STR("match"), "METHOD /TEMPLATE");
  gw_rule_source source = { .label = GW_STR("") };
  source.body = route_body(conf, body, "body", &source.body_at);
  source.response_body = route_body(conf, response_body, "response_body", &source.response_body_at);
  if (text.p == NULL) return;
  source.method = gw_str_first(text, gw_str_find(text, ' '));
  source.template_text = gw_str_trim(gw_str_skip(text, source.method.n), " ");
  if (source.template_text.n == 0) {
    gw_conf_expected(conf, match, GW_STR("match"), "METHOD /TEMPLATE");
    return;
  }
  source.method_at = gw_conf_place(conf, match);
  source.template_at = source.method_at;
  source.template_at.column +=
      (uint32_t)(source.template_text.p - text.p) + (match->quoted ? 1 : 0);
  (void)gw_assembly_add_rule(assembly, route, &source);
}

static void route_add_also(gw_assembly *assembly, gw_route *route, const gw_yaml *node) {
  gw_conf_also also = { 0 };
  gw_conf_read_map(assembly->conf, node, &gw_conf_also_options, &also);
  if (node->kind != GW_YAML_MAP) return;
  if (also.match != NULL)
    route_add_match(assembly, route, also.match, also.body, also.response_body);
  else
    gw_findings_add(assembly->conf->findings, gw_conf_place(assembly->conf, node),
                    "\"match\" is missing");
}

static void route_add_matches(gw_assembly *assembly, gw_route *route,
                              const gw_conf_route *options) {
  gw_conf *conf = assembly->conf;
  if (options->match != NULL)
    route_add_match(assembly, route, options->match, options->body, options->response_body);
  else
    gw_findings_add(conf->findings, gw_conf_place(conf, options->node), "\"match\" is missing");
  if (options->also == NULL) return;
  if (options->also->kind != GW_YAML_LIST || options->also->count > ALSO_MAX) {
    gw_conf_expected(conf, options->also, GW_STR("also"), "a list of at most 64 {match: ...}");
    return;
  }
  for (const gw_yaml *node = options->also->first; node != NULL; node = node->next)
    route_add_also(assembly, route, node);
}

_Static_assert(ALSO_MAX == 64, "the text above names it");

/* ---- headers.bind ---- */

static bool field_is_text(const gw_field_path *path) {
  for (uint32_t i = 0; i < path->count; i++) {
    if (path->fields[i]->repeated) return false;
  }
  const gw_field *leaf = path->fields[path->count - 1];
  if (leaf->kind == GW_KIND_GROUP) return false;
  if (leaf->kind != GW_KIND_MESSAGE) return true;
  gw_wkt wkt = leaf->message->wkt;
  return wkt == GW_WKT_TIMESTAMP || wkt == GW_WKT_DURATION || wkt == GW_WKT_FIELD_MASK ||
         wkt == GW_WKT_WRAPPER;
}

/* A field of the request, or else one of the response. */
static bool bind_find_field(gw_conf *conf, const gw_rpc *rpc, const gw_yaml *node, gw_str text,
                            gw_header_bind *bind) {
  gw_err err, unused;
  gw_err_init(&err);
  gw_err_init(&unused);
  gw_code code = gw_field_path_parse(text, rpc->input, conf->arena, &bind->field, &err);
  if (code == GW_OK) return true;
  bind->response = true;
  if (code != GW_NOMEM)
    code = gw_field_path_parse(text, rpc->output, conf->arena, &bind->field, &unused);
  if (code == GW_OK) return true;
  if (code == GW_NOMEM) {
    conf->code = code;
    return false;
  }
  gw_findings_add(conf->findings, gw_conf_place(conf, node),
                  "\"headers.bind\": neither request nor response has \"" GW_STR_FMT "\": %s",
                  GW_STR_ARG(shown(text)), err.text);
  return false;
}

static bool route_read_bind(gw_conf *conf, const gw_rpc *rpc, const gw_yaml *key,
                            gw_header_bind *bind) {
  gw_str option = GW_STR("headers.bind");
  gw_str text = gw_conf_text(conf, key->value, option, "a field");
  if (text.p == NULL || !bind_find_field(conf, rpc, key->value, text, bind)) return false;
  bind->header = gw_conf_header_name(conf, key, option,
                                     bind->response ? GW_HEADER_ANSWER : GW_HEADER_TO_FIELD);
  if (bind->header.p == NULL) return false;
  if (field_is_text(&bind->field)) return true;
  gw_findings_add(conf->findings, gw_conf_place(conf, key->value),
                  "\"headers.bind\": \"" GW_STR_FMT
                  "\" is not a single value that a header can hold",
                  GW_STR_ARG(shown(text)));
  return false;
}

/* Without a method there are no fields to look for, but a wrong name is wrong in any case. */
static void route_check_binds(gw_conf *conf, const gw_yaml *map) {
  for (const gw_yaml *key = map != NULL ? map->first : NULL; key != NULL; key = key->next) {
    (void)gw_conf_text(conf, key->value, GW_STR("headers.bind"), "a field");
    (void)gw_conf_header_name(conf, key, GW_STR("headers.bind"), GW_HEADER_UNKNOWN);
  }
}

void gw_assembly_read_binds(gw_assembly *assembly, gw_route *route, const gw_yaml *map) {
  gw_conf *conf = assembly->conf;
  if (map == NULL || map->count == 0) return;
  gw_header_bind *binds = gw_conf_alloc(conf, map->count * sizeof *binds);
  if (binds == NULL) return;
  for (const gw_yaml *key = map->first; key != NULL; key = key->next) {
    gw_header_bind bind = { 0 };
    if (!route_read_bind(conf, route->rpc, key, &bind)) continue;
    for (uint32_t i = 0; i < route->header_bind_count; i++) {
      if (binds[i].response == bind.response && gw_str_eq(binds[i].header, bind.header))
        gw_findings_add(conf->findings, gw_conf_place(conf, key),
                        "\"headers.bind\": \"" GW_STR_FMT "\" is bound twice",
                        GW_STR_ARG(bind.header));
    }
    binds[route->header_bind_count++] = bind;
  }
  route->header_binds = binds;
}

/* ---- routes ---- */

static void route_check_kind(gw_assembly *assembly, const gw_rpc *rpc,
                             const gw_conf_route *options) {
  gw_conf *conf = assembly->conf;
  if (!gw_rpc_is_stream(rpc) && options->timeout_ms > GW_DEADLINE_MS_MAX)
    gw_conf_expected(conf, options->timeout_at, GW_STR("timeout"),
                     "1ms to 5m for a call that is no stream");
  if (!rpc->server_streaming && options->stream_at != NULL)
    gw_findings_warn(conf->findings, gw_conf_place(conf, options->stream_at),
                     "\"stream\" has no effect: \"" GW_STR_FMT "\" answers with one message",
                     GW_STR_ARG(rpc->full_name));
}

/* That of its method; of an unknown one as it is written. */
static gw_str route_default_name(const gw_conf_route *options, const gw_rpc *rpc) {
  if (rpc != NULL) return rpc->name;
  gw_str text =
      options->rpc != NULL && options->rpc->kind == GW_YAML_TEXT ? options->rpc->text : GW_STR("");
  size_t slash = gw_str_find(text, '/');
  return slash < text.n ? gw_str_skip(text, slash + 1) : GW_STR("unnamed");
}

static void assembly_add_route(gw_assembly *assembly, const gw_conf_route *options) {
  const gw_rpc *rpc = route_rpc(assembly, options);
  uint32_t upstream = gw_assembly_upstream(assembly, options->node, options->upstream);
  gw_route *route = gw_assembly_route_new(assembly, options, rpc, upstream);
  if (route == NULL) return;
  if (rpc != NULL) route_check_kind(assembly, rpc, options);
  if (options->name != NULL) route->name = gw_conf_copy(assembly->conf, options->name->text);
  gw_assembly_add_route(assembly, route, route_default_name(options, rpc));
  if (rpc != NULL)
    gw_assembly_read_binds(assembly, route, options->bind);
  else
    route_check_binds(assembly->conf, options->bind);
  size_t first_rule = assembly->rule_count;
  route_add_matches(assembly, route, options);
  gw_assembly_add_migration(assembly, route, options, gw_conf_place(assembly->conf, options->node),
                            first_rule);
}

/* Names that are given come first: a default name must give way to them, wherever they stand. */
static void assembly_take_name(gw_assembly *assembly, gw_conf_route *options) {
  gw_conf *conf = assembly->conf;
  const gw_yaml *node = options->name;
  if (node == NULL) return;
  options->name = NULL; /* unless it is good */
  gw_str name = gw_conf_text(conf, node, GW_STR("name"), "a name");
  if (name.p == NULL) return;
  if (!gw_value_is_name(name)) {
    gw_conf_expected(conf, node, GW_STR("name"),
                     "a name of letters, digits, \".\", \"_\" and \"-\"");
  } else if (gw_names_find(&assembly->names, name) != NULL) {
    gw_findings_add(conf->findings, gw_conf_place(conf, node),
                    "another route is called \"" GW_STR_FMT "\" already", GW_STR_ARG(name));
  } else {
    if (!gw_names_add(&assembly->names, name, 2)) conf->code = GW_NOMEM;
    options->name = node;
  }
}

void gw_assembly_add_routes(gw_assembly *assembly) {
  gw_conf *conf = assembly->conf;
  const gw_yaml *list = conf->routes;
  if (list == NULL || (list->kind == GW_YAML_LIST && list->count == 0)) return;
  if (list->kind != GW_YAML_LIST || list->count > GW_ROUTES_MAX) {
    gw_conf_expected(conf, list, GW_STR("routes"), "a list of at most 16384 routes");
    return;
  }
  gw_conf_route *options = gw_conf_scratch(conf, list->count * sizeof *options);
  size_t count = 0;
  if (options == NULL) return;
  for (const gw_yaml *node = list->first; node != NULL; node = node->next) {
    if (node->kind == GW_YAML_MAP) {
      options[count] = gw_conf_route_read(conf, &assembly->defaults, node);
      assembly_take_name(assembly, &options[count++]);
    } else {
      gw_conf_expected(conf, node, GW_STR("routes"), "a mapping {match: ..., rpc: ...}");
    }
  }
  for (size_t i = 0; i < count && conf->code == GW_OK; i++)
    assembly_add_route(assembly, &options[i]);
}

_Static_assert(GW_ROUTES_MAX == 16384, "the text above names it");
