/* services: what the methods take and return, and their google.api.http rules. */
#include <stdlib.h>

#include "schema/build.h"

static const gw_message *services_message(gw_build *b, const gw_build_file *file, const gw_rpc *rpc,
                                          const char *relation, const char *type_name) {
  const gw_symbol *symbol = gw_build_resolve(b, file, rpc->full_name, relation, type_name);
  if (symbol == NULL) return NULL;
  if (symbol->kind != GW_SYMBOL_MESSAGE) {
    gw_build_error(b, GW_BAD_VALUE, file, rpc->full_name, "%s \"%s\"; expected a message", relation,
                   type_name);
    return NULL;
  }
  return symbol->object;
}

static gw_http_rule services_rule(const Sluice__HttpRule *proto) {
  gw_http_rule rule = { .body = gw_build_str(proto->body),
                        .response_body = gw_build_str(proto->response_body) };
  switch (proto->pattern_case) {
  case SLUICE__HTTP_RULE__PATTERN_GET:
    rule.method = GW_STR("GET");
    rule.path = gw_build_str(proto->get);
    break;
  case SLUICE__HTTP_RULE__PATTERN_PUT:
    rule.method = GW_STR("PUT");
    rule.path = gw_build_str(proto->put);
    break;
  case SLUICE__HTTP_RULE__PATTERN_POST:
    rule.method = GW_STR("POST");
    rule.path = gw_build_str(proto->post);
    break;
  case SLUICE__HTTP_RULE__PATTERN_DELETE:
    rule.method = GW_STR("DELETE");
    rule.path = gw_build_str(proto->delete_);
    break;
  case SLUICE__HTTP_RULE__PATTERN_PATCH:
    rule.method = GW_STR("PATCH");
    rule.path = gw_build_str(proto->patch);
    break;
  case SLUICE__HTTP_RULE__PATTERN_CUSTOM:
    rule.method = gw_build_str(proto->custom->kind);
    rule.path = gw_build_str(proto->custom->path);
    break;
  default: break; /* no pattern: an empty path, which whoever serves the method refuses */
  }
  return rule;
}

static gw_code services_add_rule(gw_build *b, const Sluice__HttpRule *proto, gw_http_rule *rules,
                                 uint32_t *count) {
  gw_arena *arena = &b->pool->arena;
  gw_http_rule rule = services_rule(proto);
  gw_http_rule copy = { .method = gw_arena_copy(arena, rule.method),
                        .path = gw_arena_copy(arena, rule.path),
                        .body = gw_arena_copy(arena, rule.body),
                        .response_body = gw_arena_copy(arena, rule.response_body) };
  if (copy.method.p == NULL || copy.path.p == NULL || copy.body.p == NULL ||
      copy.response_body.p == NULL) {
    return GW_NOMEM;
  }
  rules[(*count)++] = copy;
  return GW_OK;
}

/* google/api/http.proto: additional bindings have none of their own. */
static gw_code services_add_rules(gw_build *b, const gw_build_file *file,
                                  const Sluice__HttpRule *proto, gw_rpc *rpc) {
  size_t more = proto->n_additional_bindings;
  gw_http_rule *rules = gw_arena_alloc(&b->pool->arena, (more + 1) * sizeof rules[0]);
  if (rules == NULL) return GW_NOMEM;
  rpc->rules = rules;
  gw_code code = services_add_rule(b, proto, rules, &rpc->rule_count);
  for (size_t i = 0; i < more && code == GW_OK; i++) {
    const Sluice__HttpRule *additional = proto->additional_bindings[i];
    code = services_add_rule(b, additional, rules, &rpc->rule_count);
    if (additional->n_additional_bindings == 0) continue;
    gw_build_error(b, GW_BAD_VALUE, file, rpc->full_name,
                   "has additional bindings within an additional binding; expected one level");
  }
  return code;
}

static gw_code services_link_rpc(gw_build *b, const gw_build_file *file,
                                 const Sluice__MethodDescriptorProto *proto, gw_rpc *rpc) {
  const Sluice__MethodOptions *options = proto->options;
  rpc->input = services_message(b, file, rpc, "takes", proto->input_type);
  rpc->output = services_message(b, file, rpc, "returns", proto->output_type);
  rpc->client_streaming = proto->client_streaming;
  rpc->server_streaming = proto->server_streaming;
  if (options == NULL) return GW_OK;
  if (options->idempotency_level == GW_NO_SIDE_EFFECTS ||
      options->idempotency_level == GW_IDEMPOTENT) {
    rpc->idempotency = (gw_idempotency)options->idempotency_level;
  }
  if (options->http == NULL) return GW_OK;
  return services_add_rules(b, file, options->http, rpc);
}

static int services_order(const void *a, const void *b) {
  const gw_service *const *x = a, *const *y = b;
  return gw_str_compare((*x)->full_name, (*y)->full_name);
}

gw_code gw_services_link(gw_build *b) {
  gw_pool *pool = b->pool;
  pool->services = gw_arena_alloc(&pool->arena, b->service_count * sizeof pool->services[0]);
  if (pool->services == NULL) return GW_NOMEM;
  for (uint32_t i = 0; i < b->service_count; i++) {
    const gw_build_service *s = &b->services[i];
    if (!s->file->builtin) pool->services[pool->service_count++] = s->service;
    for (uint32_t j = 0; j < s->service->rpc_count; j++) {
      gw_rpc *rpc = (gw_rpc *)(uintptr_t)&s->service->rpcs[j]; /* still ours to fill */
      gw_code code = services_link_rpc(b, s->file, s->proto->method[j], rpc);
      if (code != GW_OK) return code;
    }
  }
  qsort(pool->services, pool->service_count, sizeof pool->services[0], services_order);
  return GW_OK;
}
