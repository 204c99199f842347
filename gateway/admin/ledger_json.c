#include "admin/ledger_json.h"

#include "admin/json_out.h"

typedef struct ledger_list {
  gw_json_out w;
  bool has_items;
} ledger_list;

static void list_next(ledger_list *list) {
  gw_json_out_put(&list->w, list->has_items ? GW_STR(",\n {") : GW_STR("{"));
  list->has_items = true;
}

static void list_add_entry(void *context, const gw_ledger_entry *entry) {
  ledger_list *list = context;
  gw_json_out *w = &list->w;
  const gw_str none = { NULL, 0 };
  list_next(list);
  gw_json_out_put(w, GW_STR("\"pointer\":"));
  gw_json_out_text(w, entry->pointer);
  gw_json_out_member(w, "pattern", entry->pattern);
  gw_json_out_member(w, "kind", gw_diff_kind_name(entry->kind));
  gw_json_out_count(w, "count", entry->count);
  gw_json_out_member(w, "legacy", entry->legacy);
  gw_json_out_member(w, "grpc", entry->grpc);
  gw_json_out_time(w, "first", entry->first_ms);
  gw_json_out_time(w, "last", entry->last_ms);
  gw_json_out_member(w, "option", entry->option.n > 0 ? entry->option : none);
  gw_json_out_bool(w, "unstable", entry->unstable);
  gw_json_out_put(w, GW_STR("}"));
}

gw_code gw_ledger_json_diffs(gw_ledger *ledger, gw_buf *out) {
  ledger_list list = { .w = { .out = out, .code = GW_OK } };
  gw_json_out_put(&list.w, GW_STR("["));
  if (ledger != NULL) gw_ledger_each(ledger, list_add_entry, &list);
  gw_json_out_put(&list.w, GW_STR("]\n"));
  return list.w.code;
}

static void list_add_answer(gw_json_out *w, const char *key, int status, gw_str text) {
  gw_json_out_key(w, key);
  if (w->code == GW_OK) w->code = gw_buf_printf(w->out, "{\"status\":%d", status);
  gw_json_out_member(w, "body", text);
  gw_json_out_put(w, GW_STR("}"));
}

static void list_add_pair(void *context, const gw_ledger_pair *pair) {
  ledger_list *list = context;
  gw_json_out *w = &list->w;
  list_next(list);
  gw_json_out_put(w, GW_STR("\"request\":"));
  gw_json_out_text(w, pair->request);
  gw_json_out_time(w, "at", pair->at_ms);
  list_add_answer(w, "legacy", pair->legacy_status, pair->legacy_text);
  list_add_answer(w, "grpc", pair->grpc_status, pair->grpc_text);
  gw_json_out_put(w, GW_STR(",\"differences\":["));
  for (uint32_t i = 0; i < pair->diff_count; i++) {
    gw_json_out_put(w, i > 0 ? GW_STR(",{\"pointer\":") : GW_STR("{\"pointer\":"));
    gw_json_out_text(w, pair->pointers[i]);
    gw_json_out_member(w, "kind", gw_diff_kind_name(pair->kinds[i]));
    gw_json_out_put(w, GW_STR("}"));
  }
  gw_json_out_put(w, GW_STR("]}"));
}

gw_code gw_ledger_json_pairs(gw_ledger *ledger, gw_buf *out) {
  ledger_list list = { .w = { .out = out, .code = GW_OK } };
  gw_json_out_put(&list.w, GW_STR("["));
  if (ledger != NULL) gw_ledger_each_pair(ledger, list_add_pair, &list);
  gw_json_out_put(&list.w, GW_STR("]\n"));
  return list.w.code;
}
