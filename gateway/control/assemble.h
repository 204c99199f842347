/* assemble: options as written -> routes and rules, looked up in descriptors and upstreams.
 * assemble_rule.c makes one rule, assemble_routes.c those of `routes`, assemble_services.c those of
 * `services`, assemble_migration.c what concerns the legacy side; assemble.c numbers, names and
 * routes them all. One run of gw_snapshot_parse; main thread.  Mistakes are findings; the work goes
 * on. */
#pragma once

#include "control/conf_route.h"
#include "control/names.h"

#define GW_ROUTES_MAX       16384u /* of one configuration */
#define GW_ROUTES_RULES_MAX 65536u /* of all routes together */

/* A rule with the place that mistakes about it are reported at. */
typedef struct gw_placed_rule {
  gw_rule rule;
  gw_place at;
  size_t order; /* among all rules */
} gw_placed_rule;

typedef struct gw_assembly {
  gw_conf *conf;
  gw_conf_route defaults;
  gw_names names;  /* of routes -> the number that the next one of this name gets */
  gw_names shapes; /* method and shape of rules that are written in the file */
  gw_names groups; /* of routes -> the index of the first one */
  uint32_t legacy; /* the upstream of routes that name none; UINT32_MAX: none */
  gw_route **routes;
  size_t route_count, route_capacity;
  gw_rule **rules; /* each is the `rule` of a gw_placed_rule */
  size_t rule_count, rule_capacity;
} gw_assembly;

/* What a rule is made from. */
typedef struct gw_rule_source {
  gw_str method, template_text;
  gw_place method_at;   /* in `services` all places are the entry's */
  gw_place template_at; /* of the template's first byte */
  gw_str body, response_body;
  gw_place body_at, response_body_at;
  gw_str label; /* implicit rules: "pkg.Service/Method: ", before every text */
  bool implicit;
} gw_rule_source;

/* Reads defaults, routes and services and builds the router; fills conf->snapshot. */
void gw_assembly_run(gw_conf *conf);

/* The two sources of routes. */
void gw_assembly_add_routes(gw_assembly *assembly);
void gw_assembly_add_services(gw_assembly *assembly);

/* A route with everything but name and index; NULL: no memory.  Without `rpc` (NULL) or `upstream`
 * (UINT32_MAX) it is only checked: that they are unknown is a finding already. */
gw_route *gw_assembly_route_new(gw_assembly *assembly, const gw_conf_route *options,
                                const gw_rpc *rpc, uint32_t upstream);
/* Appends the route.  Without a name it gets `name`, made unique by a number. */
void gw_assembly_add_route(gw_assembly *assembly, gw_route *route, gw_str name);

/* headers.bind, a mapping or NULL: which fields of the route's method the headers mean. */
void gw_assembly_read_binds(gw_assembly *assembly, gw_route *route, const gw_yaml *map);

/* Appends a rule of `route`, unless its method or template is wrong (reported) or it is an implicit
 * one that the file overrides.  True: it was added, though its fields may be wrong (reported). */
bool gw_assembly_add_rule(gw_assembly *assembly, const gw_route *route,
                          const gw_rule_source *source);

/* Reads the top-level `legacy` and that of `defaults`. */
void gw_assembly_read_legacy(gw_assembly *assembly);

/* The migration of a route that has its name and whose rules are those from `first_rule` on; none
 * without a legacy side.  `at`: where the route is written. */
void gw_assembly_add_migration(gw_assembly *assembly, gw_route *route, const gw_conf_route *options,
                               gw_place at, size_t first_rule);

/* Reports that the descriptors have no service `name`, with the nearest one. */
void gw_assembly_unknown_service(gw_assembly *assembly, const gw_yaml *node, gw_str name);

/* Warns where grpc-gateway would have given requests to another rule (D-10). */
void gw_assembly_warn_overlaps(gw_assembly *assembly);

/* Appends a finished rule. */
void gw_assembly_keep_rule(gw_assembly *assembly, gw_rule *rule);

/* The upstream that `node` names, which must be of the kind that `key` needs; UINT32_MAX after
 * reporting why not. */
uint32_t gw_assembly_find_upstream(gw_conf *conf, gw_str key, const gw_yaml *node, bool http);

/* The grpc upstream that `node` names (UINT32_MAX after reporting why not). */
uint32_t gw_assembly_upstream(gw_assembly *assembly, const gw_yaml *owner, const gw_yaml *node);
