#include "route/patch_mask.h"

#include "codec/json_mask.h"
#include "codec/wire_find.h"
#include "route/field_path.h"

/* ---- when the configuration is loaded ---- */

/* The request's only FieldMask; NULL: there is none, or which one is meant is not clear. */
static const gw_field *mask_find(const gw_message *message) {
  const gw_field *found = NULL;
  for (uint32_t i = 0; i < message->field_count; i++) {
    const gw_field *field = &message->fields[i];
    if (field->repeated || field->oneof >= 0) continue;
    if (field->message == NULL || field->message->wkt != GW_WKT_FIELD_MASK) continue;
    if (found != NULL) return NULL;
    found = field;
  }
  return found;
}

/* A body of which parts can be named. */
static bool mask_fits_body(const gw_rule *rule) {
  if (rule->body_use != GW_BODY_FIELD) return false;
  const gw_field *field = rule->body.fields[rule->body.count - 1];
  if (field->repeated || field->message == NULL) return false;
  gw_wkt wkt = field->message->wkt;
  return wkt == GW_WKT_NONE || wkt == GW_WKT_STRUCT || wkt == GW_WKT_VALUE;
}

static gw_field_path path_below(gw_field_path path, uint32_t count) {
  return (gw_field_path){ .fields = path.fields + count, .count = path.count - count };
}

gw_code gw_patch_mask_resolve(gw_rule *rule, gw_arena *arena) {
  rule->mask = NULL;
  if (!gw_str_eq(rule->method, GW_STR("PATCH")) || !mask_fits_body(rule)) return GW_OK;
  if (rule->route->rpc->client_streaming) return GW_OK; /* many bodies, one mask */
  const gw_field *mask = mask_find(rule->route->rpc->input);
  gw_field_path *skips = gw_arena_zalloc(arena, (rule->template.var_count + 1) * sizeof skips[0]);
  uint32_t skip_count = 0;
  if (skips == NULL) return GW_NOMEM;
  for (uint32_t i = 0; i < rule->template.var_count; i++) {
    gw_field_path var = rule->vars[i];
    if (var.count > 0 && var.fields[0] == mask) return GW_OK;
    bool inside = gw_field_path_common(rule->body, var) == rule->body.count;
    if (inside && var.count > rule->body.count)
      skips[skip_count++] = path_below(var, rule->body.count);
  }
  rule->mask = mask;
  rule->mask_skips = skips;
  rule->mask_skip_count = skip_count;
  return GW_OK;
}

/* ---- for each request ---- */

bool gw_patch_mask_is_set(const gw_rule *rule, gw_arena *arena, gw_str message) {
  gw_str content;
  gw_code code = gw_wire_find_message(message, &rule->mask, 1, arena, &content);
  return code != GW_OK || content.n > 0; /* no memory: the next one who asks for some says so */
}

/* The paths from `start` on become the mask. */
static gw_code mask_wrap(const gw_rule *rule, gw_buf *out, size_t start) {
  if (out->n == start) return GW_OK;
  return gw_field_path_wrap(&rule->mask, 1, out, start);
}

gw_code gw_patch_mask_of_json(const gw_rule *rule, gw_codec *codec, gw_str body, gw_buf *out) {
  const gw_field *field = rule->body.fields[rule->body.count - 1];
  size_t start = out->n;
  gw_code code =
      gw_json_mask(codec, field->message, body, rule->mask_skips, rule->mask_skip_count, out);
  return code == GW_OK ? mask_wrap(rule, out, start) : code;
}

static bool paths_are_equal(gw_field_path a, gw_field_path b) {
  return a.count == b.count && gw_field_path_common(a, b) == a.count;
}

/* A list's field comes once for each element. */
static bool path_came_before(const gw_field_path *paths, uint32_t i) {
  for (uint32_t k = 0; k < i; k++) {
    if (paths_are_equal(paths[k], paths[i])) return true;
  }
  return false;
}

static gw_code path_append(gw_field_path path, gw_buf *out) {
  gw_code code = GW_OK;
  for (uint32_t i = 0; i < path.count && code == GW_OK; i++) {
    if (i > 0) code = gw_buf_append(out, GW_STR("."));
    if (code == GW_OK) code = gw_buf_append(out, path.fields[i]->name);
  }
  return code;
}

gw_code gw_patch_mask_of_paths(const gw_rule *rule, const gw_field_path *paths, uint32_t count,
                               gw_codec *codec, gw_buf *out) {
  size_t start = out->n;
  gw_code code = GW_OK;
  gw_buf text;
  gw_buf_init(&text, codec->arena, out->max);
  for (uint32_t i = 0; i < count && code == GW_OK; i++) {
    if (paths[i].count <= rule->body.count || path_came_before(paths, i)) continue;
    text.n = 0;
    code = path_append(path_below(paths[i], rule->body.count), &text);
    if (code == GW_OK) code = gw_json_mask_path(gw_buf_str(&text), out);
  }
  return code == GW_OK ? mask_wrap(rule, out, start) : code;
}
