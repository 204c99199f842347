#include "codec/wire_required.h"
#include "route/bind.h"
#include "route/field_path.h"
#include "route/patch_mask.h"

/* What the rule says, checked piece by piece; each fault is reported on its own. */

static const gw_field *path_leaf(gw_field_path path) {
  return path.fields[path.count - 1];
}

/* A path variable is one text: no list, no map, no message without a plain text form. */
static gw_code resolve_leaf(const gw_rule *rule, gw_str text, gw_field_path path, gw_err *err) {
  const gw_field *leaf = path_leaf(path);
  bool list = rule->route->compat.path_list != GW_LIST_REFUSED;
  if (leaf->map || (leaf->repeated && !list)) {
    return gw_err_at(err, GW_BAD_VALUE, text,
                     "\"" GW_STR_FMT "\" of " GW_STR_FMT " is %s: a path variable holds one value",
                     GW_STR_ARG(leaf->name), GW_STR_ARG(leaf->parent->full_name),
                     leaf->map ? "a map" : "repeated");
  }
  if (leaf->message != NULL && !gw_field_is_plain_message(leaf->message)) {
    return gw_err_at(err, GW_BAD_VALUE, text,
                     "\"" GW_STR_FMT "\" of " GW_STR_FMT " is the message " GW_STR_FMT
                     ": a path variable names one of its fields",
                     GW_STR_ARG(leaf->name), GW_STR_ARG(leaf->parent->full_name),
                     GW_STR_ARG(leaf->message->full_name));
  }
  /* Merging appends the mask of the path to that of the body instead of replacing it. */
  bool in_body =
      rule->body_use == GW_BODY_ALL || (rule->body_use == GW_BODY_FIELD &&
                                        gw_field_path_common(rule->body, path) == rule->body.count);
  if (in_body && leaf->message != NULL && leaf->message->wkt == GW_WKT_FIELD_MASK) {
    return gw_err_at(err, GW_BAD_VALUE, text, "a FieldMask in the path cannot override the body's");
  }
  if (in_body && leaf->repeated) {
    return gw_err_at(err, GW_BAD_VALUE, text,
                     "a repeated field in the path cannot override the body's");
  }
  return GW_OK;
}

/* Against the variables before it: one value for each field, one member for each oneof. */
static gw_code resolve_rivals(gw_str text, const gw_field_path *vars, uint32_t index, gw_err *err) {
  for (uint32_t i = 0; i < index; i++) {
    if (vars[i].count == 0) continue;
    if (gw_field_path_overlaps(vars[i], vars[index])) {
      return gw_err_at(err, GW_BAD_VALUE, text, "two path variables set the same field");
    }
    if (gw_field_path_oneof_rival(vars[i], vars[index]) != NULL) {
      return gw_err_at(err, GW_BAD_VALUE, text, "two path variables set members of one oneof");
    }
  }
  return GW_OK;
}

/* Not the body's own field and nothing above it; fields inside the body are welcome. */
static gw_code resolve_body_rival(const gw_rule *rule, gw_str text, gw_field_path path,
                                  gw_err *err) {
  if (rule->body_use != GW_BODY_FIELD) return GW_OK;
  if (gw_field_path_common(rule->body, path) == path.count) {
    return gw_err_at(err, GW_BAD_VALUE, text, "the path and the body set the same field");
  }
  if (gw_field_path_oneof_rival(rule->body, path) != NULL) {
    return gw_err_at(err, GW_BAD_VALUE, text, "the path and the body set members of one oneof");
  }
  return GW_OK;
}

static gw_code resolve_var(const gw_rule *rule, gw_field_path *vars, uint32_t index,
                           gw_arena *arena, gw_err *err) {
  gw_str text = rule->template.vars[index].field_path;
  gw_field_path path = { 0 };
  const gw_message *input = rule->route->rpc->input;
  gw_code code = gw_field_path_parse_template(text, input, arena, &path, err);
  if (code == GW_OK) code = resolve_leaf(rule, text, path, err);
  if (code != GW_OK) return code;
  vars[index] = path;
  code = resolve_rivals(text, vars, index, err);
  if (code == GW_OK) code = resolve_body_rival(rule, text, path, err);
  return code;
}

static gw_code resolve_body(gw_rule *rule, gw_arena *arena, gw_err *err) {
  gw_str text = rule->body_text;
  rule->body = (gw_field_path){ 0 };
  rule->body_use = text.n == 0                    ? GW_BODY_NONE
                   : gw_str_eq(text, GW_STR("*")) ? GW_BODY_ALL
                                                  : GW_BODY_FIELD;
  if (rule->body_use != GW_BODY_FIELD) return GW_OK;
  gw_code code = gw_field_path_parse(text, rule->route->rpc->input, arena, &rule->body, err);
  if (code != GW_OK) rule->body_use = GW_BODY_NONE;
  return code;
}

/* google/api/http.proto allows fields of the response's top level only; deeper ones are welcome. */
static gw_code resolve_response_body(gw_rule *rule, gw_arena *arena, gw_err *err) {
  gw_str text = rule->response_body_text;
  rule->response_body = (gw_field_path){ 0 };
  if (text.n == 0 || gw_str_eq(text, GW_STR("*"))) return GW_OK;
  gw_code code =
      gw_field_path_parse(text, rule->route->rpc->output, arena, &rule->response_body, err);
  if (code != GW_OK || !rule->route->compat.response_raw_only) return code;
  const gw_field *field = path_leaf(rule->response_body);
  bool raw = !field->repeated && field->message != NULL && field->message->wkt == GW_WKT_HTTP_BODY;
  if (!raw) rule->response_body = (gw_field_path){ 0 }; /* D-33 */
  return GW_OK;
}

static gw_code resolve_required(gw_rule *rule, gw_arena *arena, gw_err *err) {
  gw_code code = GW_OK;
  if (!rule->route->compat.required_checked) return GW_OK;
  rule->checks_required = gw_wire_required_any(rule->route->rpc->input, arena, &code);
  return code == GW_OK ? GW_OK : gw_err_set(err, code, "out of memory");
}

static bool resolve_is_http_body(const gw_rule *rule) {
  const gw_message *message = rule->body_use == GW_BODY_ALL ? rule->route->rpc->input : NULL;
  if (rule->body_use == GW_BODY_FIELD) {
    const gw_field *field = rule->body.fields[rule->body.count - 1];
    message = field->repeated ? NULL : field->message;
  }
  return message != NULL && message->wkt == GW_WKT_HTTP_BODY;
}

/* Hands `err` on and clears it for the next check. */
static void resolve_report(gw_code code, gw_code *first, gw_err *err, gw_rule_report_fn *report,
                           void *context) {
  if (code == GW_OK) return;
  if (*first == GW_OK) *first = code;
  if (report != NULL) report(context, err);
  gw_err_init(err);
}

/* Whether a variable sets a member of a oneof of which a body may set another one. */
static bool resolve_in_oneof(const gw_rule *rule) {
  for (uint32_t i = 0; i < rule->template.var_count; i++) {
    for (uint32_t k = 0; k < rule->vars[i].count; k++) {
      if (rule->vars[i].fields[k]->oneof >= 0) return rule->body_use != GW_BODY_NONE;
    }
  }
  return false;
}

gw_code gw_rule_resolve(gw_rule *rule, gw_arena *arena, gw_rule_report_fn *report, void *context) {
  gw_code first = GW_OK;
  gw_err err;
  gw_err_init(&err);
  gw_field_path *vars = gw_arena_zalloc(arena, rule->template.var_count * sizeof vars[0]);
  if (vars == NULL) {
    resolve_report(gw_err_set(&err, GW_NOMEM, "out of memory"), &first, &err, report, context);
    return first;
  }
  resolve_report(resolve_body(rule, arena, &err), &first, &err, report, context);
  resolve_report(resolve_response_body(rule, arena, &err), &first, &err, report, context);
  resolve_report(resolve_required(rule, arena, &err), &first, &err, report, context);
  for (uint32_t i = 0; i < rule->template.var_count; i++) {
    resolve_report(resolve_var(rule, vars, i, arena, &err), &first, &err, report, context);
  }
  rule->vars = vars;
  rule->vars_in_oneof = resolve_in_oneof(rule);
  if (first == GW_OK && gw_patch_mask_resolve(rule, arena) != GW_OK) {
    resolve_report(gw_err_set(&err, GW_NOMEM, "out of memory"), &first, &err, report, context);
  }
  rule->reads_raw = resolve_is_http_body(rule);
  rule->reads_stream = rule->route->rpc->client_streaming && rule->body_use != GW_BODY_NONE;
  return first;
}
