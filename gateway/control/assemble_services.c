#include "control/assemble.h"

/* One entry of `services` while its routes are made. */
typedef struct service_work {
  gw_assembly *assembly;
  const gw_conf_service *options;
  gw_place at;
  uint32_t upstream;
  const gw_service *service;
} service_work;

static bool service_add_rule(const service_work *work, const gw_route *route,
                             const gw_http_rule *http) {
  gw_conf *conf = work->assembly->conf;
  gw_rule_source source = {
    .method = http->method,
    .template_text = http->path,
    .method_at = work->at,
    .template_at = work->at,
    .body = http->body,
    .response_body = http->response_body,
    .body_at = work->at,
    .response_body_at = work->at,
    .implicit = true,
  };
  source.label =
      gw_arena_printf(&conf->scratch, GW_STR_FMT ": ", GW_STR_ARG(route->rpc->full_name));
  if (source.label.p == NULL) {
    conf->code = GW_NOMEM;
    return false;
  }
  return gw_assembly_add_rule(work->assembly, route, &source);
}

static void service_add_rpc(const service_work *work, const gw_rpc *rpc) {
  gw_assembly *assembly = work->assembly;
  bool served = false;
  size_t first_rule = assembly->rule_count;
  if (rpc->rule_count == 0 && !work->options->automatic) return;
  gw_conf_route options = assembly->defaults;
  options.timeout_at = NULL;
  gw_route *route = gw_assembly_route_new(assembly, &options, rpc, work->upstream);
  if (route == NULL) return;
  for (uint32_t i = 0; i < rpc->rule_count; i++) {
    /* TRANSCODING section 1: a rule without a pattern registers nothing. */
    if (rpc->rules[i].path.n > 0 && service_add_rule(work, route, &rpc->rules[i])) served = true;
  }
  if (work->options->automatic) {
    gw_http_rule post = { GW_STR("POST"), rpc->path, GW_STR("*"), GW_STR("") };
    if (service_add_rule(work, route, &post)) served = true;
  }
  /* All its rules may be overridden by routes of the file: then there is nothing left to route. */
  if (!served) return;
  gw_assembly_add_route(assembly, route, rpc->name);
  gw_assembly_read_binds(assembly, route, options.bind);
  gw_assembly_add_migration(assembly, route, &options, work->at, first_rule);
}

static void service_add_rpcs(const service_work *work) {
  gw_conf *conf = work->assembly->conf;
  uint32_t wanted = 0;
  for (uint32_t i = 0; i < work->service->rpc_count && conf->code == GW_OK; i++) {
    const gw_rpc *rpc = &work->service->rpcs[i];
    wanted += work->options->automatic || rpc->rule_count > 0;
    service_add_rpc(work, rpc);
  }
  if (wanted > 0) return;
  gw_findings_warn(conf->findings, work->at,
                   "service \"" GW_STR_FMT
                   "\" has no google.api.http rule and \"auto\" is off: it gets no route",
                   GW_STR_ARG(work->service->full_name));
}

static const gw_service *service_find(gw_assembly *assembly, const gw_conf_service *options,
                                      const gw_yaml *entry) {
  gw_conf *conf = assembly->conf;
  if (options->service == NULL) {
    gw_findings_add(conf->findings, gw_conf_place(conf, entry), "\"service\" is missing");
    return NULL;
  }
  gw_str name = gw_conf_text(conf, options->service, GW_STR("service"), "package.Service");
  if (name.p == NULL || conf->snapshot->pool == NULL) return NULL;
  const gw_service *service = gw_pool_find_service(conf->snapshot->pool, name);
  if (service == NULL) gw_assembly_unknown_service(assembly, options->service, name);
  return service;
}

static void assembly_add_service(gw_assembly *assembly, const gw_yaml *entry, gw_names *seen,
                                 gw_str *services) {
  gw_conf *conf = assembly->conf;
  gw_conf_service options = { .upstream = assembly->defaults.upstream };
  gw_conf_read_map(conf, entry, &gw_conf_service_options, &options);
  if (entry->kind != GW_YAML_MAP) return;
  service_work work = { .assembly = assembly, .options = &options };
  work.service = service_find(assembly, &options, entry);
  work.upstream = gw_assembly_upstream(assembly, entry, options.upstream);
  if (work.service == NULL) return;
  work.at = gw_conf_place(conf, options.service);
  if (gw_names_find(seen, work.service->full_name) != NULL) {
    gw_findings_add(conf->findings, work.at, "service \"" GW_STR_FMT "\" is listed twice",
                    GW_STR_ARG(work.service->full_name));
    return;
  }
  if (!gw_names_add(seen, work.service->full_name, 0)) conf->code = GW_NOMEM;
  services[conf->snapshot->service_count++] = work.service->full_name;
  service_add_rpcs(&work);
}

void gw_assembly_add_services(gw_assembly *assembly) {
  gw_conf *conf = assembly->conf;
  const gw_yaml *list = conf->services;
  gw_names seen;
  if (list == NULL) return;
  if (list->kind != GW_YAML_LIST) {
    gw_conf_expected(conf, list, GW_STR("services"), "a list of {service: ..., upstream: ...}");
    return;
  }
  if (list->count == 0) return;
  gw_str *services = gw_conf_alloc(conf, list->count * sizeof *services);
  if (services == NULL) return;
  conf->snapshot->services = services;
  gw_names_init(&seen, &conf->scratch);
  for (const gw_yaml *node = list->first; node != NULL && conf->code == GW_OK; node = node->next)
    assembly_add_service(assembly, node, &seen, services);
}
