#include "admin/stage_order.h"

#include <jansson.h>

#include "admin/json_out.h"
#include "control/values.h"

static gw_str json_str(const json_t *value) {
  if (!json_is_string(value)) return (gw_str){ NULL, 0 };
  return (gw_str){ json_string_value(value), json_string_length(value) };
}

static gw_code order_read_stage(const json_t *value, gw_stage_order *order, gw_err *err) {
  gw_str text = json_str(value);
  if (text.p != NULL && gw_stage_parse(text, &order->stage)) return GW_OK;
  return gw_err_set(err, GW_BAD_VALUE,
                    "\"stage\": expected \"legacy\", \"shadow\", \"canary\" or \"grpc\"");
}

static gw_code order_read_share(const json_t *value, gw_stage_order *order, gw_err *err) {
  uint64_t share;
  gw_str text = json_str(value);
  if (json_is_null(value)) return GW_OK;
  if (text.p == NULL || !gw_value_share_parse(text, &share))
    return gw_err_set(err, GW_BAD_VALUE, "\"share\": expected a percentage such as \"12.5%%\"");
  order->has_share = true;
  order->share = (uint32_t)share;
  return GW_OK;
}

/* One line of the log and the journal: no line ends, no other controls. */
static gw_code order_read_why(const json_t *value, char *why, gw_err *err) {
  gw_str text = json_str(value);
  if (json_is_null(value)) return GW_OK;
  if (text.p == NULL || text.n >= GW_JOURNAL_WHY_MAX)
    return gw_err_set(err, GW_BAD_VALUE, "\"why\": expected a text of at most %u bytes",
                      GW_JOURNAL_WHY_MAX - 1);
  for (size_t i = 0; i < text.n; i++) {
    if ((unsigned char)text.p[i] < ' ')
      return gw_err_set(err, GW_BAD_VALUE, "\"why\": a control character");
  }
  memcpy(why, text.p, text.n);
  why[text.n] = '\0';
  return GW_OK;
}

static gw_code order_read(const json_t *root, char *why, gw_stage_order *order, gw_err *err) {
  const char *key;
  json_t *value;
  gw_code code = GW_OK;
  if (!json_is_object(root) || json_object_get(root, "stage") == NULL)
    return gw_err_set(err, GW_BAD_VALUE, "expected {\"stage\":\"canary\",\"share\":\"10%%\"}");
  json_object_foreach((json_t *)(uintptr_t)root, key, value) {
    if (strcmp(key, "stage") == 0)
      code = order_read_stage(value, order, err);
    else if (strcmp(key, "share") == 0)
      code = order_read_share(value, order, err);
    else if (strcmp(key, "why") == 0)
      code = order_read_why(value, why, err);
    else
      code = gw_err_set(err, GW_BAD_VALUE, "unknown key \"%.80s\"", key);
    if (code != GW_OK) return code;
  }
  return GW_OK;
}

gw_code gw_stage_order_parse(gw_str body, char why[GW_JOURNAL_WHY_MAX], gw_stage_order *out,
                             gw_err *err) {
  json_error_t error;
  gw_stage_order order = { .why = why };
  why[0] = '\0';
  if (body.n > GW_STAGE_ORDER_BYTES_MAX)
    return gw_err_set(err, GW_BAD_VALUE, "the body is over 4 KiB");
  json_t *root = json_loadb(body.n > 0 ? body.p : "", body.n, JSON_REJECT_DUPLICATES, &error);
  if (root == NULL && json_error_code(&error) == json_error_out_of_memory) return GW_NOMEM;
  if (root == NULL)
    return gw_err_set(err, GW_BAD_VALUE, "line %d, column %d: %s", error.line, error.column,
                      error.text);
  gw_code code = order_read(root, why, &order, err);
  json_decref(root);
  if (code == GW_OK) *out = order;
  return code;
}

_Static_assert(GW_STAGE_ORDER_BYTES_MAX == 4096, "4 KiB stands in a text");

/* ---- the answer ---- */

static void order_print_moved(gw_json_out *w, const gw_snapshot *snapshot, gw_str name) {
  const gw_migration *migration = NULL;
  bool has_items = false;
  for (uint32_t i = 0; i < snapshot->route_count && migration == NULL; i++) {
    if (gw_str_eq(snapshot->routes[i]->name, name)) migration = snapshot->routes[i]->migration;
  }
  for (uint32_t i = 0; i < snapshot->route_count && migration != NULL; i++) {
    const gw_migration *other = snapshot->routes[i]->migration;
    if (other == NULL || !gw_migration_is_with(migration, other)) continue;
    if (has_items) gw_json_out_put(w, GW_STR(","));
    gw_json_out_text(w, other->route);
    has_items = true;
  }
}

gw_code gw_stage_order_print(const gw_snapshot *snapshot, gw_str route, gw_stand from, gw_stand to,
                             gw_buf *out) {
  gw_json_out w = { .out = out, .code = GW_OK };
  gw_json_out_put(&w, GW_STR("{\"name\":"));
  gw_json_out_text(&w, route);
  gw_json_out_put(&w, GW_STR(","));
  gw_json_out_stand(&w, to);
  gw_json_out_put(&w, GW_STR(",\"from\":{"));
  gw_json_out_stand(&w, from);
  gw_json_out_put(&w, GW_STR("},\"moved\":["));
  if (!gw_stand_eq(from, to)) order_print_moved(&w, snapshot, route);
  gw_json_out_put(&w, GW_STR("]}\n"));
  return w.code;
}
