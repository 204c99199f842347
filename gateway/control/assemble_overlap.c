#include "control/assemble.h"

/* D-10: grpc-gateway gives a request to the rule that was registered last, Sluice to the most
 * specific one.  Where both are the same there is nothing to say; else whoever comes from there
 * should know. */

typedef struct overlap_search {
  const gw_rule *rule;  /* the one that gets the requests */
  bool gets;            /* or would, if D-02 had not given them to another */
  const gw_rule *rival; /* registered later, and takes them too; NULL: none found */
} overlap_search;

static const gw_placed_rule *placed(const gw_rule *rule) {
  return GW_CONTAINER_OF(rule, gw_placed_rule, rule);
}

static void overlap_on_rule(void *context, const gw_rule *other) {
  overlap_search *search = context;
  const gw_rule *rule = search->rule;
  if (other == rule) search->gets = true;
  if (other == rule || !gw_str_eq(other->method, rule->method)) return;
  if (!other->route->compat.overlap_warned || other->route->index == rule->route->index) return;
  if (placed(other)->order < placed(rule)->order || search->rival != NULL) return;
  search->rival = other;
}

/* A path that the rule takes, and hardly another one by its literals. */
static bool overlap_sample(const gw_rule *rule, gw_buf *path) {
  gw_code code = GW_OK;
  const gw_template *template = &rule->template;
  for (uint32_t i = 0; i < template->segment_count && code == GW_OK; i++) {
    const gw_segment *segment = &template->segments[i];
    bool literal = segment->kind == GW_SEGMENT_LITERAL;
    code =
        gw_buf_printf(path, "/" GW_STR_FMT, GW_STR_ARG(literal ? segment->literal : GW_STR("~")));
  }
  if (code == GW_OK && template->segment_count == 0) code = gw_buf_append(path, GW_STR("/"));
  if (code == GW_OK && template->verb.n > 0)
    code = gw_buf_printf(path, ":" GW_STR_FMT, GW_STR_ARG(template->verb));
  return code == GW_OK;
}

void gw_assembly_warn_overlaps(gw_assembly *assembly) {
  gw_conf *conf = assembly->conf;
  gw_buf path;
  gw_buf_init(&path, &conf->scratch, GW_KIB(64));
  for (size_t i = 0; i < assembly->rule_count; i++) {
    overlap_search search = { .rule = assembly->rules[i] };
    if (!search.rule->route->compat.overlap_warned) continue;
    path.n = 0;
    if (!overlap_sample(search.rule, &path)) {
      conf->code = GW_NOMEM;
      return;
    }
    gw_router_path sample = { gw_buf_str(&path), gw_buf_str(&path) };
    gw_router_each(conf->snapshot->router, sample, overlap_on_rule, &search);
    if (search.rival == NULL || !search.gets) continue;
    gw_findings_warn(conf->findings, placed(search.rule)->at,
                     "route \"" GW_STR_FMT
                     "\" gets requests that grpc-gateway would give to \"" GW_STR_FMT
                     "\" (" GW_STR_FMT " " GW_STR_FMT "), which was registered later",
                     GW_STR_ARG(search.rule->route->name), GW_STR_ARG(search.rival->route->name),
                     GW_STR_ARG(search.rival->method), GW_STR_ARG(search.rival->template.text));
  }
}
