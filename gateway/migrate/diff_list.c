#include "migrate/diff_list.h"

#include "base/buf.h"

#define SEEN_FIRST  64u /* slots */
#define HASH_ANY    0x165667B19E3779F9ull
#define HASH_FIELD  0x27D4EB2F165667C5ull
#define HASH_FACTOR 0x9E3779B97F4A7C15ull

static const gw_str kind_names[GW_DIFF_KIND_COUNT] = {
  [GW_DIFF_VALUE] = GW_STR_INIT("value"),
  [GW_DIFF_MISSING] = GW_STR_INIT("missing"),
  [GW_DIFF_EXTRA] = GW_STR_INIT("extra"),
  [GW_DIFF_TYPE] = GW_STR_INIT("type"),
  [GW_DIFF_REPRESENTATION] = GW_STR_INIT("representation"),
  [GW_DIFF_DEFAULT] = GW_STR_INIT("default"),
  [GW_DIFF_ORDER] = GW_STR_INIT("order"),
};

gw_str gw_diff_kind_name(gw_diff_kind kind) {
  return kind_names[kind];
}

void gw_diff_list_init(gw_diff_list *list, gw_arena *arena) {
  memset(list, 0, sizeof *list);
  list->arena = arena;
  list->seed = gw_json_tree_seed();
}

/* ---- where it stands ---- */

static uint64_t hash_step(uint64_t before, uint64_t step) {
  __uint128_t product = (__uint128_t)(before ^ step) * HASH_FACTOR;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t list_hash(const gw_diff_list *list) {
  return list->depth > 0 ? list->steps[list->depth - 1].hash : list->seed;
}

void gw_diff_list_enter(gw_diff_list *list, gw_str key, const gw_field *field, bool is_map) {
  uint64_t step = is_map ? HASH_ANY : gw_str_hash(key, list->seed), before = list_hash(list);
  if (field != NULL && !is_map) step = HASH_FIELD + field->id;
  assert(list->depth < GW_DIFF_PATH_STEPS_MAX);
  if (key.p == NULL) key.p = "";
  list->steps[list->depth++] =
      (gw_diff_step){ .key = key, .is_any = is_map, .hash = hash_step(before, step) };
}

void gw_diff_list_enter_item(gw_diff_list *list, uint32_t index) {
  uint64_t hash = hash_step(list_hash(list), HASH_ANY);
  assert(list->depth < GW_DIFF_PATH_STEPS_MAX);
  list->steps[list->depth++] = (gw_diff_step){ .index = index, .is_any = true, .hash = hash };
}

void gw_diff_list_leave(gw_diff_list *list) {
  assert(list->depth > 0);
  list->depth--;
}

/* RFC 6901 section 3: "~" and "/" within a token are "~0" and "~1".  Stops when it is too long. */
static gw_code pointer_token(gw_buf *out, gw_str token) {
  gw_code code = gw_buf_append(out, GW_STR("/"));
  token.n = gw_size_min(token.n, GW_DIFF_POINTER_MAX + 1);
  while (code == GW_OK && token.n > 0) {
    size_t plain = 0;
    while (plain < token.n && token.p[plain] != '~' && token.p[plain] != '/')
      plain++;
    code = gw_buf_append(out, gw_str_first(token, plain));
    token = gw_str_skip(token, plain);
    if (code != GW_OK || token.n == 0) continue;
    code = gw_buf_append(out, token.p[0] == '~' ? GW_STR("~0") : GW_STR("~1"));
    token = gw_str_skip(token, 1);
  }
  return code;
}

static gw_str pointer_cut(gw_buf *out) {
  gw_str text = gw_buf_str(out);
  if (text.n <= GW_DIFF_POINTER_MAX) return text.p != NULL ? text : GW_STR("");
  size_t n = GW_DIFF_POINTER_MAX - 3;
  while (n > 0 && ((unsigned char)text.p[n] & 0xC0) == 0x80)
    n--;
  memcpy(out->p + n, "...", 3);
  return gw_str_first(text, n + 3);
}

static gw_code list_pointer(const gw_diff_list *list, bool is_pattern, gw_str *pointer) {
  gw_buf out;
  gw_code code = GW_OK;
  gw_buf_init(&out, list->arena, SIZE_MAX / 2);
  for (uint32_t i = 0; i < list->depth && code == GW_OK && out.n <= GW_DIFF_POINTER_MAX; i++) {
    const gw_diff_step *step = &list->steps[i];
    if (step->is_any && is_pattern) {
      code = gw_buf_append(&out, GW_STR("/*"));
    } else if (step->key.p != NULL) {
      code = pointer_token(&out, step->key);
    } else {
      code = gw_buf_printf(&out, "/%u", step->index);
    }
  }
  if (code == GW_OK) *pointer = pointer_cut(&out);
  return code;
}

/* ---- what was seen ---- */

static gw_diff_seen *seen_slot(gw_diff_seen *seen, uint32_t mask, uint64_t hash) {
  uint32_t i = (uint32_t)hash & mask;
  while (seen[i].hash != 0 && seen[i].hash != hash)
    i = (i + 1) & mask;
  return &seen[i];
}

static gw_code seen_grow(gw_diff_list *list) {
  uint32_t slots = list->seen != NULL ? (list->seen_mask + 1) * 2 : SEEN_FIRST;
  gw_diff_seen *grown = gw_arena_zalloc(list->arena, slots * sizeof *grown);
  if (grown == NULL) return GW_NOMEM;
  for (uint32_t i = 0; list->seen != NULL && i <= list->seen_mask; i++) {
    if (list->seen[i].hash != 0) *seen_slot(grown, slots - 1, list->seen[i].hash) = list->seen[i];
  }
  list->seen = grown;
  list->seen_mask = slots - 1;
  return GW_OK;
}

/* How often it was asked before about this place and `what`. */
static gw_code seen_count(gw_diff_list *list, uint64_t what, uint32_t *before) {
  if (list->seen == NULL || list->seen_count * 2 > list->seen_mask) {
    gw_code code = seen_grow(list);
    if (code != GW_OK) return code;
  }
  gw_diff_seen *slot = seen_slot(list->seen, list->seen_mask, hash_step(list_hash(list), what) | 1);
  if (slot->hash == 0) {
    slot->hash = hash_step(list_hash(list), what) | 1;
    list->seen_count++;
  }
  *before = slot->count++;
  return GW_OK;
}

gw_code gw_diff_list_first(gw_diff_list *list, bool *first) {
  uint32_t before;
  gw_code code = seen_count(list, GW_DIFF_KIND_COUNT, &before);
  if (code == GW_OK) *first = before == 0;
  return code;
}

/* ---- what was found ---- */

gw_code gw_diff_list_count(gw_diff_list *list, gw_diff_kind kind, bool *wanted) {
  uint32_t before;
  gw_code code = seen_count(list, kind, &before);
  if (code != GW_OK) return code;
  list->kinds[kind]++;
  *wanted = list->count < GW_DIFFS_MAX && before < GW_DIFFS_ALIKE_MAX;
  if (!*wanted) list->more++;
  return GW_OK;
}

static gw_code list_put(gw_diff_list *list, const gw_diff *diff) {
  assert(list->count < GW_DIFFS_MAX);
  if (list->items == NULL) {
    list->items = gw_arena_alloc(list->arena, GW_DIFFS_MAX * sizeof *list->items);
    if (list->items == NULL) return GW_NOMEM;
  }
  list->items[list->count++] = *diff;
  return GW_OK;
}

gw_code gw_diff_list_put(gw_diff_list *list, gw_diff_kind kind, gw_str legacy, gw_str grpc,
                         gw_str option) {
  gw_diff diff = { .kind = kind, .legacy = legacy, .grpc = grpc, .option = option };
  gw_code code = list_pointer(list, false, &diff.pointer);
  if (code == GW_OK) code = list_pointer(list, true, &diff.pattern);
  return code == GW_OK ? list_put(list, &diff) : code;
}

gw_code gw_diff_list_add(gw_diff_list *list, gw_str pointer, gw_diff_kind kind, gw_str legacy,
                         gw_str grpc, gw_str option) {
  gw_diff diff = { kind, pointer, pointer, legacy, grpc, option };
  list->kinds[kind]++;
  if (list->count < GW_DIFFS_MAX) return list_put(list, &diff);
  list->more++;
  return GW_OK;
}
