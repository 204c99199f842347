#include "route/query.h"

#include "codec/json_to_wire.h"
#include "codec/wire_find.h"
#include "route/field_path.h"
#include "route/patch_mask.h"
#include "route/uri.h"

/* Who sets a field.  Within one origin a field comes once; between them the later one wins. */
typedef enum query_origin { QUERY_PATH, QUERY_BODY, QUERY_PARAM, QUERY_HEADER } query_origin;

typedef struct query_seen {
  gw_field_path path;
  gw_str map_key; /* of a map's entry, else empty */
  query_origin origin;
  size_t from, to; /* of a parameter: what it became, in `out` */
} query_seen;

/* At most: the variables, the body's field, the parameters, the headers. */
#define QUERY_SEEN_MAX (GW_TEMPLATE_VARS_MAX + 1 + GW_QUERY_PARAMS_MAX + GW_HEADER_COUNT_MAX)

typedef struct query_binder {
  const gw_bind_input *input;
  gw_codec *codec;
  gw_buf *out;
  gw_bind_counts *counts;
  gw_err *err;
  size_t body_start, body_end; /* of the JSON body's bytes in out */
  uint32_t param_count, seen_count;
  query_seen seen[QUERY_SEEN_MAX];
} query_binder;

/* One "key=value", decoded.  `path` is "a.b" of "a.b[k]=v", `key` then the whole "a.b[k]". */
typedef struct query_param {
  gw_str key, path, map_key, value;
  bool has_map_key;
  bool form;
  const gw_field *fields[GW_FIELD_PATH_MAX];
  uint32_t count;
} query_param;

static gw_field_path param_path(const query_param *param) {
  return (gw_field_path){ .fields = param->fields, .count = param->count };
}

static void query_see(query_binder *q, gw_field_path path, gw_str map_key, query_origin origin) {
  assert(q->seen_count < QUERY_SEEN_MAX);
  q->seen[q->seen_count++] = (query_seen){ .path = path, .map_key = map_key, .origin = origin };
}

/* ---- whether a field may be set ---- */

static bool query_is_bound_by_path(const query_binder *q, gw_field_path path) {
  const gw_rule *rule = q->input->rule;
  for (uint32_t i = 0; i < rule->template.var_count; i++) {
    if (gw_field_path_overlaps(rule->vars[i], path)) return true;
  }
  return false;
}

/* D-22: a singular field twice, a map's key twice, or two members of one oneof. */
static gw_code query_check_seen(const query_binder *q, gw_field_path path, gw_str map_key,
                                query_origin origin, gw_str name) {
  const gw_field *leaf = path.fields[path.count - 1];
  bool last_wins = q->input->rule->route->compat.query_last_wins;
  for (uint32_t i = 0; i < q->seen_count; i++) {
    const query_seen *seen = &q->seen[i];
    const gw_field *rival = gw_field_path_oneof_rival(seen->path, path);
    if (rival != NULL) {
      return gw_err_at(q->err, GW_BAD_VALUE, name,
                       "\"" GW_STR_FMT "\" is one of a oneof of which another member is set",
                       GW_STR_ARG(rival->name));
    }
    if (seen->origin != origin || !gw_field_path_overlaps(seen->path, path)) continue;
    if (seen->path.count == path.count && leaf->repeated) {
      if (!leaf->map || last_wins || !gw_str_eq(seen->map_key, map_key)) continue;
      return gw_err_at(q->err, GW_BAD_VALUE, name, "this key is given twice");
    }
    return gw_err_at(q->err, GW_BAD_VALUE, name, "this field is given twice");
  }
  return GW_OK;
}

/* D-22, where the last one wins: what an earlier parameter said of this field, or of another member
 * of its oneof, is taken back. */
static GW_COLD void query_take_back(query_binder *q, gw_field_path path) {
  for (uint32_t i = q->seen_count; i-- > 0;) {
    query_seen seen = q->seen[i];
    bool list = seen.path.count == path.count && path.fields[path.count - 1]->repeated;
    bool rival = gw_field_path_oneof_rival(seen.path, path) != NULL;
    bool same = gw_field_path_overlaps(seen.path, path) && !list;
    if (seen.origin != QUERY_PARAM || (!rival && !same)) continue;
    size_t n = seen.to - seen.from;
    memmove(q->out->p + seen.from, q->out->p + seen.to, q->out->n - seen.to);
    q->out->n -= n;
    q->seen[i] = q->seen[--q->seen_count];
    for (uint32_t j = 0; j < q->seen_count; j++) {
      if (q->seen[j].origin != QUERY_PARAM || q->seen[j].from < seen.to) continue;
      q->seen[j].from -= n;
      q->seen[j].to -= n;
    }
  }
}

/* Notes that `path` is set; it is copied, since parameters are resolved on the stack. */
static gw_code query_note(query_binder *q, gw_field_path path, gw_str map_key, query_origin origin,
                          gw_str name) {
  gw_code code = query_check_seen(q, path, map_key, origin, name);
  if (code != GW_OK) return code;
  if (q->seen_count == QUERY_SEEN_MAX) { /* one header may be bound to many fields */
    return gw_err_at(q->err, GW_BAD_REQUEST, name, "over %d values", QUERY_SEEN_MAX);
  }
  const gw_field **copy = gw_arena_alloc(q->codec->arena, path.count * sizeof copy[0]);
  if (copy == NULL) return gw_err_set(q->err, GW_NOMEM, "out of memory");
  memcpy(copy, path.fields, path.count * sizeof copy[0]);
  query_see(q, (gw_field_path){ .fields = copy, .count = path.count }, map_key, origin);
  return GW_OK;
}

/* Messages that one text can fill; Struct, Value and ListValue take JSON text (D-27). */
static bool query_is_leaf(const gw_field *field) {
  if (field->message == NULL) return true;
  gw_wkt wkt = field->message->wkt;
  return gw_field_is_plain_message(field->message) || wkt == GW_WKT_STRUCT || wkt == GW_WKT_VALUE ||
         wkt == GW_WKT_LIST_VALUE;
}

static gw_code query_check_leaf(const query_binder *q, const query_param *param) {
  const gw_field *field = param->fields[param->count - 1];
  gw_str type = gw_field_type_name(field);
  if (field->map != param->has_map_key) {
    return gw_err_at(q->err, GW_BAD_VALUE, param->key,
                     field->map ? "a map is set as " GW_STR_FMT "[key]=value"
                                : "\"" GW_STR_FMT "\" is no map",
                     GW_STR_ARG(field->name));
  }
  const gw_field *leaf = field->map ? &field->message->fields[1] : field;
  if (query_is_leaf(leaf)) return GW_OK;
  if (field->map) type = gw_field_type_name(leaf);
  return gw_err_at(q->err, GW_BAD_VALUE, param->key,
                   "this is the message " GW_STR_FMT ", which a parameter cannot hold%s",
                   GW_STR_ARG(type), field->repeated ? "" : "; name one of its fields");
}

/* ---- which field is meant ---- */

/* D-21.  GW_OK: ignored and counted. */
static gw_code query_unknown(query_binder *q, const query_param *param, const gw_message *message,
                             gw_str name) {
  bool reject =
      param->form ? q->codec->style.reject_unknown : q->input->rule->route->query_reject_unknown;
  if (reject) return gw_field_path_unknown(q->err, param->key, message, name);
  if (param->form) {
    q->codec->unknown_count++;
  } else {
    q->counts->unknown_query++;
  }
  return GW_OK;
}

/* Whether a path may go on below `field`. */
static gw_code query_descend(const query_binder *q, const query_param *param,
                             const gw_field *field) {
  if (!field->repeated && field->message != NULL && field->message->wkt != GW_WKT_ANY) {
    return GW_OK;
  }
  return gw_err_at(q->err, GW_BAD_VALUE, param->key,
                   "\"" GW_STR_FMT "\" is %s" GW_STR_FMT ": it has no fields to be set",
                   GW_STR_ARG(field->name),
                   field->map        ? "a map, not "
                   : field->repeated ? "repeated "
                                     : "",
                   GW_STR_ARG(gw_field_type_name(field)));
}

/* Continues param->fields below `message` along param->path.  count 0: unknown and ignored. */
static gw_code query_resolve(query_binder *q, query_param *param, const gw_message *message) {
  gw_str rest = param->path;
  const gw_field *field = NULL;
  for (bool last = false; !last;) {
    last = gw_str_find(rest, '.') == rest.n;
    gw_str name = gw_str_cut(&rest, '.');
    if (field != NULL) {
      gw_code code = query_descend(q, param, field);
      if (code != GW_OK) return code;
      message = field->message;
    }
    if (param->count == GW_FIELD_PATH_MAX) {
      return gw_err_at(q->err, GW_BAD_VALUE, param->key, "the path is over %d fields deep",
                       GW_FIELD_PATH_MAX);
    }
    field = q->input->rule->route->compat.query_proto_first && !param->form
                ? gw_field_path_find(message, name, false)
                : gw_message_field_by_name(message, name);
    if (field == NULL) {
      param->count = 0;
      return query_unknown(q, param, message, name);
    }
    param->fields[param->count++] = field;
  }
  return GW_OK;
}

/* ---- setting it ---- */

static gw_code query_write(query_binder *q, const query_param *param) {
  const gw_field *field = param->fields[param->count - 1];
  size_t start = q->out->n;
  gw_code code;
  if (!field->map) {
    code = gw_text_to_wire_field(q->codec, field, param->value, false, q->out, q->err);
  } else {
    /* An entry is a message of its own, whose key and value are fields 1 and 2. */
    const gw_field *entry = field->message->fields;
    code = gw_text_to_wire_field(q->codec, &entry[0], param->map_key, true, q->out, q->err);
    if (code == GW_OK) {
      code = gw_text_to_wire_field(q->codec, &entry[1], param->value, true, q->out, q->err);
    }
  }
  if (code != GW_OK) {
    gw_err_where(q->err, param->key);
    return code;
  }
  code = gw_field_path_wrap(param->fields, param->count - (field->map ? 0 : 1), q->out, start);
  return code == GW_OK ? GW_OK : gw_err_at(q->err, code, param->key, "the message is too large");
}

/* Cuts "m[k]" in two.  Keys may hold dots and brackets: the first "[" and the last "]" count. */
static void param_cut_map_key(query_param *param) {
  gw_str key = param->key;
  size_t open = gw_str_find(key, '[');
  param->path = key;
  param->map_key = (gw_str){ NULL, 0 };
  if (open == key.n || key.p[key.n - 1] != ']') return;
  param->has_map_key = true;
  param->path = gw_str_first(key, open);
  param->map_key = gw_str_from(key.p + open + 1, key.p + key.n - 1);
}

/* D-16, where parameters reach below the body: whether the body set this field, or another member
 * of a oneof on its way.  Lists are continued. */
static GW_COLD bool query_is_in_body(const query_binder *q, gw_field_path path) {
  gw_str wire = gw_str_from(q->out->p + q->body_start, q->out->p + q->body_end);
  const gw_field *leaf = path.fields[path.count - 1];
  gw_arena *arena = q->codec->arena;
  if (gw_wire_find_rival(wire, path.fields, path.count) != NULL) return true;
  if (leaf->repeated && !leaf->map) return false;
  /* Without memory the body counts as the one that said it. */
  return gw_wire_find_message(wire, path.fields, path.count - 1, arena, &wire) != GW_OK ||
         gw_wire_find_any(wire, leaf->number);
}

/* Whether a parameter for `path` says nothing, since path or body have said it. */
static bool query_is_unused(const query_binder *q, const query_param *param, gw_field_path path) {
  const gw_rule *rule = q->input->rule;
  if (query_is_bound_by_path(q, path)) return true;
  if (param->form || rule->body_use == GW_BODY_NONE) return false;
  if (rule->route->compat.query_merged) return query_is_in_body(q, path);
  return rule->body_use == GW_BODY_FIELD && gw_field_path_overlaps(rule->body, path);
}

static gw_code query_bind_param(query_binder *q, query_param *param, const gw_message *message) {
  bool last_wins = q->input->rule->route->compat.query_last_wins;
  param_cut_map_key(param);
  gw_code code = query_resolve(q, param, message);
  if (code != GW_OK || param->count == 0) return code;
  gw_field_path path = param_path(param);
  if (query_is_unused(q, param, path)) {
    q->counts->unused_query++;
    return GW_OK;
  }
  code = query_check_leaf(q, param);
  if (code == GW_OK && last_wins) query_take_back(q, path);
  if (code == GW_OK) code = query_note(q, path, param->map_key, QUERY_PARAM, param->key);
  size_t from = q->out->n;
  if (code == GW_OK) code = query_write(q, param);
  if (code != GW_OK) return code;
  q->seen[q->seen_count - 1].from = from;
  q->seen[q->seen_count - 1].to = q->out->n;
  return GW_OK;
}

static gw_code query_count(query_binder *q) {
  if (q->param_count++ < GW_QUERY_PARAMS_MAX) return GW_OK;
  return gw_err_set(q->err, GW_BAD_REQUEST, "over %d parameters", GW_QUERY_PARAMS_MAX);
}

/* TRANSCODING section 6: with body "*" there are no query parameters. */
static gw_code query_refuse(query_binder *q, gw_str key) {
  if (q->input->rule->route->query_reject_unknown) {
    return gw_err_at(q->err, GW_BAD_VALUE, key, "the body holds the whole message: no parameters");
  }
  q->counts->unused_query++;
  return GW_OK;
}

static gw_decode_mode query_mode(const query_binder *q, bool form) {
  const gw_compat *compat = &q->input->rule->route->compat;
  if (form) return GW_DECODE_QUERY;
  if (compat->query_escape_lenient) {
    return compat->query_plus ? GW_DECODE_LOOSE : GW_DECODE_LOOSE_PLUS;
  }
  return compat->query_plus ? GW_DECODE_ALL : GW_DECODE_QUERY;
}

/* Binds "k=v&k=v".  `base`: the path of the message that the keys start in, for a form. */
static gw_code query_bind_text(query_binder *q, gw_str text, bool form, gw_field_path base) {
  const gw_message *message = q->input->rule->route->rpc->input;
  gw_arena *arena = q->codec->arena;
  const gw_compat *compat = &q->input->rule->route->compat;
  gw_decode_mode mode = query_mode(q, form);
  if (base.count > 0) message = base.fields[base.count - 1]->message;
  while (text.n > 0) {
    query_param param;
    gw_str piece = gw_str_cut(&text, '&');
    bool bare = compat->query_bare_ignored && gw_str_find(piece, '=') == piece.n;
    gw_str key = gw_str_cut(&piece, '=');
    if (key.n == 0 || bare) continue;
    gw_code code = query_count(q);
    if (code != GW_OK) return code;
    code = gw_uri_decode(key, mode, arena, &param.key, q->err);
    if (code == GW_OK) code = gw_uri_decode(piece, mode, arena, &param.value, q->err);
    if (code != GW_OK) {
      gw_err_where(q->err, key);
    } else if (!form && q->input->rule->body_use == GW_BODY_ALL && !compat->query_merged) {
      code = query_refuse(q, param.key);
    } else {
      param.form = form;
      param.has_map_key = false;
      param.count = base.count;
      if (base.count > 0) memcpy(param.fields, base.fields, base.count * sizeof base.fields[0]);
      code = query_bind_param(q, &param, message);
    }
    if (code != GW_OK) {
      gw_err_origin(q->err, form ? "form field" : "query parameter");
      return code;
    }
  }
  return GW_OK;
}

static gw_code query_bind_form(query_binder *q) {
  const gw_rule *rule = q->input->rule;
  if (rule->body_use == GW_BODY_NONE) return GW_OK;
  if (rule->body_use == GW_BODY_FIELD) {
    const gw_field *leaf = rule->body.fields[rule->body.count - 1];
    if (leaf->repeated || leaf->message == NULL) {
      return gw_err_at(q->err, GW_BAD_VALUE, rule->body_text,
                       "a form cannot fill this field, which is %s" GW_STR_FMT,
                       leaf->repeated ? "repeated " : "", GW_STR_ARG(gw_field_type_name(leaf)));
    }
  }
  return query_bind_text(q, q->input->body, true, rule->body);
}

/* PATCH: the form's fields, when neither query nor header gave a mask. */
static gw_code query_fill_mask(query_binder *q, uint32_t first, uint32_t end) {
  const gw_rule *rule = q->input->rule;
  gw_field_path paths[GW_QUERY_PARAMS_MAX];
  uint32_t count = 0;
  gw_str message = gw_buf_tail(q->out, q->body_start);
  if (gw_patch_mask_is_set(rule, q->codec->arena, message)) return GW_OK;
  for (uint32_t i = first; i < end; i++)
    paths[count++] = q->seen[i].path;
  gw_code code = gw_patch_mask_of_paths(rule, paths, count, q->codec, q->out);
  return code == GW_OK ? GW_OK : gw_err_set(q->err, code, "the message is too large");
}

/* ---- headers ---- */

static gw_code query_bind_header(query_binder *q, const gw_header *header, gw_field_path path) {
  if (query_is_bound_by_path(q, path)) return GW_OK;
  if (gw_field_path_in_raw_body(q->input->rule, path)) return GW_OK;
  gw_str body = gw_str_first(gw_buf_tail(q->out, q->body_start), q->body_end - q->body_start);
  const gw_field *rival = gw_wire_find_rival(body, path.fields, path.count);
  if (rival != NULL) return gw_field_path_in_body(q->err, header->name, rival);
  gw_code code = query_note(q, path, (gw_str){ NULL, 0 }, QUERY_HEADER, header->name);
  if (code != GW_OK) return code;
  size_t start = q->out->n;
  /* "always": a header overrides what a query or body said, with a default value too. */
  code = gw_text_to_wire_field(q->codec, path.fields[path.count - 1], header->value, true, q->out,
                               q->err);
  if (code != GW_OK) {
    gw_err_where(q->err, header->name);
    return code;
  }
  code = gw_field_path_wrap(path.fields, path.count - 1, q->out, start);
  return code == GW_OK ? GW_OK : gw_err_at(q->err, code, header->name, "the message is too large");
}

static gw_code query_bind_headers(query_binder *q) {
  const gw_route *route = q->input->rule->route;
  if (q->input->header_count > GW_HEADER_COUNT_MAX) {
    return gw_err_set(q->err, GW_BAD_REQUEST, "over %d headers", GW_HEADER_COUNT_MAX);
  }
  for (uint32_t i = 0; i < q->input->header_count; i++) {
    for (uint32_t j = 0; j < route->header_bind_count; j++) {
      const gw_header_bind *bind = &route->header_binds[j];
      if (bind->response || !gw_str_eq(bind->header, q->input->headers[i].name)) continue;
      gw_code code = query_bind_header(q, &q->input->headers[i], bind->field);
      if (code != GW_OK) {
        gw_err_origin(q->err, "header");
        return code;
      }
    }
  }
  return GW_OK;
}

gw_code gw_query_bind(const gw_bind_input *input, size_t body_start, gw_codec *codec, gw_buf *out,
                      gw_bind_counts *counts, gw_err *err) {
  const gw_rule *rule = input->rule;
  query_binder q;
  q.input = input;
  q.codec = codec;
  q.out = out;
  q.counts = counts;
  q.err = err;
  q.param_count = q.seen_count = 0;
  q.body_start = body_start;
  q.body_end = out->n;
  for (uint32_t i = 0; input->binds != NULL && i < rule->template.var_count; i++)
    query_see(&q, rule->vars[i], (gw_str){ NULL, 0 }, QUERY_PATH);
  if (q.body_end > body_start && rule->body_use == GW_BODY_FIELD)
    query_see(&q, rule->body, (gw_str){ NULL, 0 }, QUERY_BODY);
  uint32_t form_first = q.seen_count;
  gw_code code = input->form ? query_bind_form(&q) : GW_OK;
  uint32_t form_end = q.seen_count;
  if (code == GW_OK) code = query_bind_text(&q, input->query, false, (gw_field_path){ 0 });
  if (code == GW_OK) code = query_bind_headers(&q);
  if (code == GW_OK && input->form && rule->mask != NULL) {
    code = query_fill_mask(&q, form_first, form_end);
  }
  return code;
}
