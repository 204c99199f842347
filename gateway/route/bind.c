#include "route/bind.h"

#include "codec/json_to_wire.h"
#include "codec/utf8.h"
#include "codec/wire_find.h"
#include "codec/wire_merge.h"
#include "codec/wire_required.h"
#include "route/field_path.h"
#include "route/patch_mask.h"
#include "route/query.h"

/* google.api.HttpBody's fields (google/api/httpbody.proto). */
enum { HTTP_BODY_CONTENT_TYPE = 1, HTTP_BODY_DATA = 2 };

static gw_code bind_too_large(gw_err *err, gw_code code) {
  return gw_err_set(err, code, code == GW_TOO_LARGE ? "the message is too large" : "out of memory");
}

/* ---- body ---- */

/* Appends bytes as one field of wire type 2. */
static gw_code bind_bytes(const gw_message *message, uint32_t number, gw_str bytes, gw_buf *out,
                          gw_err *err) {
  const gw_field *field = gw_message_field_by_number(message, number);
  size_t start = out->n;
  if (field == NULL || bytes.n == 0) return GW_OK;
  gw_code code = gw_buf_append(out, bytes);
  if (code == GW_OK) code = gw_field_path_wrap(&field, 1, out, start);
  return code == GW_OK ? GW_OK : bind_too_large(err, code);
}

/* TRANSCODING section 6.1: nothing is parsed. */
static gw_code bind_http_body(const gw_bind_input *input, const gw_message *message, gw_buf *out,
                              gw_err *err) {
  if (!gw_utf8_valid(input->content_type)) {
    gw_err_origin(err, "header");
    return gw_err_at(err, GW_BAD_REQUEST, GW_STR("content-type"), "the value is not UTF-8");
  }
  gw_code code = bind_bytes(message, HTTP_BODY_CONTENT_TYPE, input->content_type, out, err);
  if (code == GW_OK) code = bind_bytes(message, HTTP_BODY_DATA, input->body, out, err);
  return code;
}

static gw_code bind_body_field(const gw_bind_input *input, gw_codec *codec, gw_buf *out,
                               gw_err *err) {
  gw_field_path path = input->rule->body;
  const gw_field *leaf = path.fields[path.count - 1];
  size_t start = out->n;
  uint32_t around = path.count - 1;
  gw_code code;
  if (input->rule->reads_raw) {
    around = path.count;
    code = bind_http_body(input, leaf->message, out, err);
  } else {
    code = gw_json_to_wire_field(codec, leaf, input->body, out, err);
  }
  /* null is "unset": then the messages around the field are not set either. */
  if (code != GW_OK || out->n == start) return code;
  code = gw_field_path_wrap(path.fields, around, out, start);
  return code == GW_OK ? GW_OK : bind_too_large(err, code);
}

/* A zero-length body is {} or an unset field, but an empty file has a type; white space alone is
 * the JSON reader's error. */
static gw_code bind_body(const gw_bind_input *input, gw_codec *codec, gw_buf *out, gw_err *err) {
  const gw_message *message = input->rule->route->rpc->input;
  bool empty_file = input->rule->reads_raw && input->content_type.n > 0;
  if (input->body.n == 0 && !empty_file) return GW_OK;
  switch (input->rule->body_use) {
  case GW_BODY_NONE: return GW_OK;
  case GW_BODY_FIELD: return bind_body_field(input, codec, out, err);
  case GW_BODY_ALL: break;
  }
  if (input->rule->reads_raw) return bind_http_body(input, message, out, err);
  return gw_json_to_wire(codec, message, input->body, out, err);
}

/* `curl -d '{...}'` declares a form and sends JSON (TRANSCODING D-32). */
static bool bind_is_form(const gw_bind_input *input) {
  return input->form && !gw_str_starts(gw_str_trim(input->body, " \t\r\n"), GW_STR("{"));
}

/* A form's mask is made where its fields are known: query.c. */
static gw_code bind_mask(const gw_bind_input *input, gw_codec *codec, gw_buf *out, size_t start,
                         gw_err *err) {
  const gw_rule *rule = input->rule;
  gw_str message = gw_buf_tail(out, start);
  if (input->body.n == 0 || gw_patch_mask_is_set(rule, codec->arena, message)) return GW_OK;
  gw_code code = gw_patch_mask_of_json(rule, codec, input->body, out);
  return code == GW_OK ? GW_OK : bind_too_large(err, code);
}

/* ---- path ---- */

/* D-22 between path and JSON body: the last member would win in silence. */
static gw_code bind_check_oneofs(const gw_rule *rule, gw_str body, gw_err *err) {
  for (uint32_t i = 0; i < rule->template.var_count; i++) {
    gw_field_path path = rule->vars[i];
    const gw_field *rival = gw_wire_find_rival(body, path.fields, path.count);
    if (rival == NULL) continue;
    gw_err_origin(err, "path variable");
    return gw_field_path_in_body(err, rule->template.vars[i].field_path, rival);
  }
  return GW_OK;
}

gw_decode_mode gw_bind_decode_mode(const gw_rule *rule, uint32_t index) {
  switch (rule->route->compat.unescape) {
  case GW_UNESCAPE_ALL:
  case GW_UNESCAPE_LEGACY: return GW_DECODE_ALL;
  case GW_UNESCAPE_SLASH:
    return rule->template.vars[index].multi ? GW_DECODE_EXCEPT_SLASH : GW_DECODE_ALL;
  case GW_UNESCAPE_RESERVED: break;
  }
  return rule->template.vars[index].multi ? GW_DECODE_EXCEPT_RESERVED : GW_DECODE_ALL;
}

/* D-09: "**" that took no segment stands for an empty one, as if its "/" had been written. */
static GW_COLD gw_code bind_empty_segment(const gw_bind_input *input, uint32_t index,
                                          gw_arena *arena, gw_str *value, gw_err *err) {
  const gw_template *template = &input->rule->template;
  const gw_template_var *var = &template->vars[index];
  uint32_t many = (uint32_t) template->many, slashes = 0;
  if (template->many < 0 || many < var->first || many >= var->first + var->count) return GW_OK;
  size_t at = many == var->first ? 0 : value->n;
  for (size_t i = 0; i < value->n; i++) {
    if (value->p[i] == '/' && ++slashes == many - var->first) at = i;
  }
  if (slashes + 1 >= var->count) return GW_OK;
  gw_str before = gw_str_first(*value, at), after = gw_str_skip(*value, at);
  *value = gw_arena_printf(arena, GW_STR_FMT "/" GW_STR_FMT, GW_STR_ARG(before), GW_STR_ARG(after));
  return value->p != NULL ? GW_OK : gw_err_set(err, GW_NOMEM, "out of memory");
}

/* The decoded value as one element of the field, or as several (D-01). */
static gw_code bind_path_value(const gw_rule *rule, const gw_field *field, gw_str value,
                               gw_codec *codec, gw_buf *out, gw_err *err) {
  /* The path wins over a body in every case, with a default value too (D-14). */
  bool always = rule->body_use != GW_BODY_NONE;
  bool commas = field->repeated && rule->route->compat.path_list == GW_LIST_COMMAS;
  if (!commas) return gw_text_to_wire_field(codec, field, value, always, out, err);
  for (bool more = true; more;) {
    more = gw_str_find(value, ',') < value.n;
    gw_str element = gw_str_cut(&value, ',');
    gw_code code = gw_text_to_wire_field(codec, field, element, always, out, err);
    if (code != GW_OK) return code;
  }
  return GW_OK;
}

static gw_code bind_path(const gw_bind_input *input, gw_codec *codec, gw_buf *out, gw_err *err) {
  const gw_rule *rule = input->rule;
  size_t total = 0;
  for (uint32_t i = 0; i < rule->template.var_count; i++) {
    const gw_template_var *var = &rule->template.vars[i];
    gw_field_path path = rule->vars[i];
    gw_str value = input->binds->values[i];
    size_t start = out->n;
    if (gw_field_path_in_raw_body(rule, path)) continue;
    gw_code code = GW_OK;
    if (GW_UNLIKELY(rule->route->compat.many_slash))
      code = bind_empty_segment(input, i, codec->arena, &value, err);
    if (code == GW_OK)
      code = gw_uri_decode(value, gw_bind_decode_mode(rule, i), codec->arena, &value, err);
    if (code == GW_OK && (total += value.n) > GW_PATH_VALUES_MAX) {
      code = gw_err_set(err, GW_BAD_REQUEST, "the path's variables are over %zu bytes",
                        GW_PATH_VALUES_MAX);
    }
    if (code == GW_OK)
      code = bind_path_value(rule, path.fields[path.count - 1], value, codec, out, err);
    if (code != GW_OK) {
      gw_err_where(err, var->field_path);
      gw_err_origin(err, "path variable");
      return code;
    }
    if (path.count == 1) continue;
    code = gw_field_path_wrap(path.fields, path.count - 1, out, start);
    if (code != GW_OK) return bind_too_large(err, code);
  }
  return GW_OK;
}

/* Whether parts of one submessage may have been written apart: only paths of several elements do
 * so, and what comes from the query and headers is not known beforehand. */
static bool bind_is_in_pieces(const gw_bind_input *input) {
  const gw_rule *rule = input->rule;
  if (input->query.n > 0 || input->header_count > 0 || input->form) return true;
  for (uint32_t i = 0; input->binds != NULL && i < rule->template.var_count; i++) {
    if (rule->vars[i].count > 1) return true;
  }
  return false;
}

/* D-45: as the peer's own reader, which the service never hears of. */
static GW_COLD gw_code bind_check_required(const gw_bind_input *input, gw_str wire, gw_err *err) {
  const gw_field *missing = gw_wire_required_missing(input->rule->route->rpc->input, wire);
  if (missing == NULL) return GW_OK;
  return gw_err_at(err, GW_BAD_VALUE, missing->name,
                   "the required field \"" GW_STR_FMT "\" of " GW_STR_FMT " is not set",
                   GW_STR_ARG(missing->name), GW_STR_ARG(missing->parent->full_name));
}

gw_code gw_bind_request(const gw_bind_input *input, gw_codec *codec, gw_buf *out,
                        gw_bind_counts *counts, gw_err *err) {
  size_t start = out->n;
  bool form = input->form && bind_is_form(input);
  gw_code code = form ? GW_OK : bind_body(input, codec, out, err);
  if (code == GW_OK && input->rule->vars_in_oneof && out->n > start && input->binds != NULL) {
    code = bind_check_oneofs(input->rule, gw_buf_tail(out, start), err);
  }
  if (code == GW_OK && (form || input->query.n > 0 || input->header_count > 0)) {
    gw_bind_input rest = *input;
    rest.form = form;
    code = gw_query_bind(&rest, start, codec, out, counts, err);
  }
  if (code == GW_OK && input->rule->mask != NULL && !form)
    code = bind_mask(input, codec, out, start, err);
  if (code == GW_OK && input->binds != NULL) code = bind_path(input, codec, out, err);
  if (code == GW_OK && bind_is_in_pieces(input)) {
    code = gw_wire_merge(input->rule->route->rpc->input, codec->arena, out, start);
    if (code != GW_OK) bind_too_large(err, code);
  }
  if (code == GW_OK && GW_UNLIKELY(input->rule->checks_required))
    code = bind_check_required(input, gw_str_from(out->p + start, out->p + out->n), err);
  if (code != GW_OK) out->n = start;
  return code;
}
