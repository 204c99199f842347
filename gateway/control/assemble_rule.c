#include <stdio.h>

#include "control/assemble.h"
#include "control/values.h"
#include "route/field_path.h"
#include "route/shape.h"

/* A rule while it is made. */
typedef struct rule_work {
  gw_assembly *assembly;
  const gw_rule_source *source;
  gw_placed_rule *placed;
  bool wrong;
} rule_work;

static void rule_report(rule_work *work, gw_place at, const char *text) {
  work->wrong = true;
  gw_findings_add(work->assembly->conf->findings, at, GW_STR_FMT "%s",
                  GW_STR_ARG(work->source->label), text);
}

/* ---- method ---- */

static void rule_check_method(rule_work *work, gw_place at) {
  gw_str method = work->source->method;
  char text[256];
  const char *fault = gw_value_method_fault(method);
  if (fault == NULL) return;
  snprintf(text, sizeof text, "method \"" GW_STR_FMT "\" %s",
           GW_STR_ARG(gw_str_first(method, gw_size_min(method.n, 80))), fault);
  rule_report(work, at, text);
}

/* ---- template and shape ---- */

static void rule_parse_template(rule_work *work) {
  gw_conf *conf = work->assembly->conf;
  const gw_rule_source *source = work->source;
  gw_err err;
  gw_err_init(&err);
  gw_rule *rule = &work->placed->rule;
  gw_code code = gw_template_parse_as(source->template_text, rule->route->compat.template_colons,
                                      conf->arena, &rule->template, &err);
  if (code == GW_OK) return;
  if (code == GW_NOMEM) {
    conf->code = code;
    work->wrong = true;
    return;
  }
  gw_place at = source->template_at;
  if (!source->implicit && err.column > 0) at.column += err.column - 1;
  char text[512];
  snprintf(
      text, sizeof text, "template \"" GW_STR_FMT "\": %s",
      GW_STR_ARG(gw_str_first(source->template_text, gw_size_min(source->template_text.n, 120))),
      err.text);
  rule_report(work, at, text);
}

/* What decides which requests a rule takes: the template without the names of its variables. */
static gw_str rule_shape(gw_conf *conf, const gw_rule *rule) {
  gw_buf buf;
  gw_buf_init(&buf, &conf->scratch, GW_KIB(64));
  gw_code code = gw_buf_printf(&buf, GW_STR_FMT " ", GW_STR_ARG(rule->method));
  if (code == GW_OK) code = gw_shape_print(&rule->template, &buf);
  if (code == GW_OK) return gw_buf_str(&buf);
  conf->code = GW_NOMEM;
  return (gw_str){ NULL, 0 };
}

/* True: the file has a rule of this shape, which overrides this implicit one. */
static bool rule_is_overridden(gw_assembly *assembly, const gw_rule *rule) {
  gw_str shape = rule_shape(assembly->conf, rule);
  if (shape.p == NULL) return false;
  bool known = gw_names_find(&assembly->shapes, shape) != NULL;
  if (rule->implicit || known) return known && rule->implicit;
  if (!gw_names_add(&assembly->shapes, shape, 0)) assembly->conf->code = GW_NOMEM;
  return false;
}

/* ---- fields ---- */

static gw_body_use body_use(gw_str text) {
  if (text.n == 0) return GW_BODY_NONE;
  return gw_str_eq(text, GW_STR("*")) ? GW_BODY_ALL : GW_BODY_FIELD;
}

/* The place of what an error speaks of: a variable in the template, the body, the response body. */
static gw_place rule_error_place(const rule_work *work, const gw_err *err) {
  const gw_rule_source *source = work->source;
  const gw_template *template = &work->placed->rule.template;
  gw_str where = gw_str_of(err->where);
  gw_place at = source->template_at;
  if (source->implicit || where.n == 0) return at;
  for (uint32_t i = 0; i < template->var_count; i++) {
    gw_str path = template->vars[i].field_path;
    const char *hit = memmem(template->text.p, template->text.n, path.p, path.n);
    if (!gw_str_eq(path, where) || hit == NULL) continue;
    at.column += (uint32_t)(hit - template->text.p);
    return at;
  }
  if (gw_str_eq(where, source->body)) return source->body_at;
  return gw_str_eq(where, source->response_body) ? source->response_body_at : at;
}

static void rule_on_report(void *context, const gw_err *err) {
  rule_work *work = context;
  char text[600];
  snprintf(text, sizeof text, "%s%s%s", err->where, err->where[0] != '\0' ? ": " : "", err->text);
  rule_report(work, rule_error_place(work, err), text);
}

static void rule_resolve(rule_work *work) {
  gw_conf *conf = work->assembly->conf;
  gw_code code = gw_rule_resolve(&work->placed->rule, conf->arena, rule_on_report, work);
  if (code == GW_OK) return;
  if (code == GW_NOMEM) conf->code = code;
  work->wrong = true;
}

/* RFC 9110 section 9.3.1: such a body has no meaning that proxies and clients agree on. */
static void rule_warn_body(const rule_work *work) {
  const gw_rule_source *source = work->source;
  bool bodiless = gw_str_eq(source->method, GW_STR("GET")) ||
                  gw_str_eq(source->method, GW_STR("HEAD")) ||
                  gw_str_eq(source->method, GW_STR("DELETE"));
  if (!bodiless || source->body.n == 0) return;
  gw_findings_warn(work->assembly->conf->findings, source->body_at,
                   GW_STR_FMT GW_STR_FMT " with a body: many clients and proxies drop it",
                   GW_STR_ARG(source->label), GW_STR_ARG(source->method));
}

/* The bytes of a body fill all of an HttpBody: a variable inside it has no effect. */
static void rule_warn_raw(const rule_work *work) {
  const gw_rule *rule = &work->placed->rule;
  for (uint32_t i = 0; i < rule->template.var_count && rule->reads_raw; i++) {
    if (rule->vars[i].count == 0 || !gw_field_path_in_raw_body(rule, rule->vars[i])) continue;
    gw_findings_warn(work->assembly->conf->findings, work->source->template_at,
                     GW_STR_FMT "variable \"" GW_STR_FMT
                                "\" has no effect: the body fills the google.api.HttpBody",
                     GW_STR_ARG(work->source->label),
                     GW_STR_ARG(rule->template.vars[i].field_path));
  }
}

static bool rule_copy_texts(gw_conf *conf, const gw_rule_source *source, gw_placed_rule *placed) {
  placed->at = source->template_at;
  placed->rule.method = gw_conf_copy(conf, source->method);
  placed->rule.body_text = gw_conf_copy(conf, source->body);
  placed->rule.response_body_text = gw_conf_copy(conf, source->response_body);
  placed->rule.body_use = body_use(source->body);
  placed->rule.implicit = source->implicit;
  if (!source->implicit) {
    placed->rule.line = source->template_at.line;
    placed->rule.column = source->template_at.column;
  }
  return conf->code == GW_OK;
}

bool gw_assembly_add_rule(gw_assembly *assembly, const gw_route *route,
                          const gw_rule_source *source) {
  gw_conf *conf = assembly->conf;
  rule_work work = { .assembly = assembly, .source = source };
  work.placed = gw_conf_alloc(conf, sizeof *work.placed);
  if (work.placed == NULL || !rule_copy_texts(conf, source, work.placed)) return false;
  gw_rule *rule = &work.placed->rule;
  rule->route = route;
  rule_check_method(&work, source->method_at);
  rule_parse_template(&work);
  if (work.wrong) return false;
  if (rule_is_overridden(assembly, rule)) return false;
  rule_warn_body(&work);
  if (route->rpc != NULL) rule_resolve(&work); /* else there is nothing to resolve against */
  if (conf->code != GW_OK) return false;
  if (route->rpc != NULL) rule_warn_raw(&work);
  /* With wrong fields too: whether it takes another one's requests is worth knowing in one run. */
  gw_assembly_keep_rule(assembly, rule);
  return true;
}
