#include "control/changes.h"

#include <stdlib.h>

#include "control/names.h"
#include "control/ways.h"

#define CHANGES_BYTES_MAX GW_MIB(16)  /* of the list */
#define CHANGES_WORK_MAX  GW_MIB(512) /* while rules are compared */

void gw_changes_init(gw_changes *changes) {
  *changes = (gw_changes){ 0 };
  gw_arena_init(&changes->arena, NULL, CHANGES_BYTES_MAX);
}

void gw_changes_done(gw_changes *changes) {
  gw_arena_done(&changes->arena);
  *changes = (gw_changes){ 0 };
}

static bool changes_reserve(gw_changes *changes) {
  if (changes->count < changes->capacity) return true;
  if (changes->count >= GW_CHANGES_MAX) return false;
  size_t capacity = gw_size_min(changes->capacity * 2 + 64, GW_CHANGES_MAX);
  gw_change *items = gw_arena_grow(&changes->arena, changes->items,
                                   changes->capacity * sizeof *items, capacity * sizeof *items);
  if (items == NULL) return false;
  changes->items = items;
  changes->capacity = capacity;
  return true;
}

/* A break that cannot be kept is counted all the same: it must not pass for none. */
static void changes_on_change(void *context, const gw_change *change) {
  gw_changes *changes = context;
  gw_change copy = *change;
  if (change->breaks) changes->breaks++;
  if (changes_reserve(changes)) {
    copy.where = gw_arena_copy(&changes->arena, change->where);
    copy.text = gw_arena_copy(&changes->arena, change->text);
    if (copy.where.p != NULL && copy.text.p != NULL) {
      changes->items[changes->count++] = copy;
      return;
    }
  }
  changes->lost++;
}

static int change_order(const void *a, const void *b) {
  const gw_change *x = a, *y = b;
  int order = gw_str_compare(x->where, y->where);
  if (order == 0) order = (int)y->breaks - (int)x->breaks;
  if (order == 0) order = (int)x->clients - (int)y->clients;
  return order != 0 ? order : gw_str_compare(x->text, y->text);
}

static void changes_sort(gw_changes *changes) {
  size_t kept = 0;
  if (changes->count > 1)
    qsort(changes->items, changes->count, sizeof changes->items[0], change_order);
  for (size_t i = 0; i < changes->count; i++) {
    const gw_change *item = &changes->items[i];
    if (kept > 0 && change_order(&changes->items[kept - 1], item) == 0) {
      if (item->breaks) changes->breaks--;
      continue;
    }
    changes->items[kept++] = *item;
  }
  changes->count = kept;
}

/* ---- comparing ---- */

gw_code gw_changes_of_pools(const gw_pool *older, const gw_pool *newer, gw_changes *out) {
  gw_arena arena;
  gw_ways from, to;
  gw_arena_init(&arena, NULL, CHANGES_WORK_MAX);
  gw_code code = gw_evolve_compare(older, newer, NULL, 0, changes_on_change, out);
  if (code == GW_OK) code = gw_ways_of_pool(older, &arena, &from);
  if (code == GW_OK) code = gw_ways_of_pool(newer, &arena, &to);
  if (code == GW_OK) code = gw_ways_compare(&from, &to, newer, &arena, changes_on_change, out);
  gw_arena_done(&arena);
  changes_sort(out);
  return code;
}

/* A snapshot's methods and services by name. */
static bool changes_index(const gw_snapshot *snapshot, gw_names *names) {
  for (uint32_t i = 0; i < snapshot->route_count; i++) {
    gw_str name = snapshot->routes[i]->rpc->full_name;
    if (gw_names_find(names, name) == NULL && !gw_names_add(names, name, 0)) return false;
  }
  for (uint32_t i = 0; i < snapshot->service_count; i++) {
    gw_str name = snapshot->services[i];
    if (gw_names_find(names, name) == NULL && !gw_names_add(names, name, 0)) return false;
  }
  return true;
}

/* The methods that count, and their rules: those that nobody wrote into the file are fixed to
 * what the descriptors say, if their service is still listed. */
static gw_code changes_of_snapshots(const gw_snapshot *older, const gw_snapshot *newer,
                                    gw_arena *arena, gw_changes *out) {
  gw_names names;
  gw_ways from, to;
  size_t count = 0;
  gw_names_init(&names, arena);
  const gw_rpc **rpcs = gw_arena_alloc(arena, older->route_count * sizeof *rpcs);
  if (rpcs == NULL || !changes_index(newer, &names)) return GW_NOMEM;
  for (uint32_t i = 0; i < older->route_count; i++) {
    const gw_rpc *rpc = older->routes[i]->rpc;
    if (gw_names_find(&names, rpc->full_name) != NULL ||
        gw_names_find(&names, rpc->service->full_name) != NULL)
      rpcs[count++] = rpc;
  }
  gw_code code = gw_evolve_compare(older->pool, newer->pool, rpcs, count, changes_on_change, out);
  if (code == GW_OK) code = gw_ways_of_snapshot(older, arena, &from);
  if (code == GW_OK) code = gw_ways_of_snapshot(newer, arena, &to);
  if (code != GW_OK) return code;
  for (size_t i = 0; i < from.count; i++) {
    if (gw_names_find(&names, from.items[i].rpc->service->full_name) == NULL)
      from.items[i].is_fixed = true;
  }
  return gw_ways_compare(&from, &to, newer->pool, arena, changes_on_change, out);
}

gw_code gw_changes_of_snapshots(const gw_snapshot *older, const gw_snapshot *newer,
                                gw_changes *out) {
  gw_arena arena;
  if (older->descriptors_hash == newer->descriptors_hash) return GW_OK;
  gw_arena_init(&arena, NULL, CHANGES_WORK_MAX);
  gw_code code = changes_of_snapshots(older, newer, &arena, out);
  gw_arena_done(&arena);
  changes_sort(out);
  return code;
}

/* ---- showing ---- */

static const char *change_clients(const gw_change *change) {
  return change->clients == GW_CLIENTS_GRPC   ? "gRPC clients"
         : change->clients == GW_CLIENTS_REST ? "REST clients"
                                              : "both";
}

/* Paths and defaults stand in descriptors as they were written: a line stays a line. */
static gw_code change_append_text(gw_str text, gw_buf *out) {
  gw_code code = gw_buf_append(out, text);
  for (size_t i = out->n - text.n; i < out->n && code == GW_OK; i++) {
    unsigned char c = (unsigned char)out->p[i];
    if (c < 0x20 || c == 0x7F) out->p[i] = '?';
  }
  return code;
}

gw_code gw_changes_print(const gw_changes *changes, gw_str file, gw_buf *out) {
  gw_code code = GW_OK;
  for (size_t i = 0; i < changes->count && code == GW_OK; i++) {
    const gw_change *item = &changes->items[i];
    code = gw_buf_printf(out, GW_STR_FMT ": %s: " GW_STR_FMT ": ", GW_STR_ARG(file),
                         item->breaks ? "break" : "warning", GW_STR_ARG(item->where));
    if (code == GW_OK) code = change_append_text(item->text, out);
    if (code == GW_OK) code = gw_buf_printf(out, " (%s)\n", change_clients(item));
  }
  if (code != GW_OK || changes->lost == 0) return code;
  return gw_buf_printf(out, GW_STR_FMT ": %zu more changes are not shown\n", GW_STR_ARG(file),
                       changes->lost);
}

void gw_changes_find(const gw_changes *changes, const gw_snapshot *newer, bool allowed,
                     gw_findings *findings) {
  gw_place at = { newer->path, newer->descriptors_line, newer->descriptors_column };
  if (at.line == 0) at.line = at.column = 1;
  for (size_t i = 0; i < changes->count; i++) {
    const gw_change *item = &changes->items[i];
    (item->breaks && !allowed ? gw_findings_add : gw_findings_warn)(
        findings, at, "%s" GW_STR_FMT ": " GW_STR_FMT " (%s)",
        item->breaks ? "breaks clients: " : "", GW_STR_ARG(item->where), GW_STR_ARG(item->text),
        change_clients(item));
  }
  if (changes->breaks > 0 && !allowed)
    gw_findings_add(findings, at,
                    "refused: %zu changes of the descriptors break clients; where they are meant, "
                    "use POST /reload?allow_breaking=true or serve with --allow-breaking",
                    changes->breaks);
  gw_findings_sort(findings);
}
