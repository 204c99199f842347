/* Lists: elements are matched by index; where an order is not asked for, or all elements are there
 * in another one, by their hashes. */
#include <stdlib.h>

#include "migrate/meaning.h"
#include "migrate/walk.h"

#define NO_MATCH UINT32_MAX

typedef struct list_side {
  const gw_json_node **items;
  uint32_t count;
  uint32_t *match; /* of each element: the other side's that it is compared with, or NO_MATCH */
} list_side;

/* For sorting: equal hashes by the tolerated numbers, then in the list's order. */
typedef struct list_key {
  uint64_t hash;
  double level;
  uint32_t index;
} list_key;

static int list_key_order(const void *a, const void *b) {
  const list_key *x = a, *y = b;
  if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
  if (x->level != y->level) return x->level < y->level ? -1 : 1;
  return x->index < y->index ? -1 : x->index > y->index;
}

static gw_code side_init(list_side *side, const gw_json_node *list, gw_arena *arena) {
  uint32_t i = 0;
  side->count = list->n;
  side->items = gw_arena_alloc(arena, (list->n + 1u) * sizeof(gw_json_node *));
  side->match = gw_arena_alloc(arena, (list->n + 1u) * sizeof(uint32_t));
  if (side->items == NULL || side->match == NULL) return GW_NOMEM;
  for (const gw_json_node *item = list->first; item != NULL; item = item->next) {
    side->match[i] = NO_MATCH;
    side->items[i++] = item;
  }
  return GW_OK;
}

static void pair_up(list_side *a, uint32_t i, list_side *b, uint32_t j) {
  a->match[i] = j;
  b->match[j] = i;
}

static list_key *side_sorted(const list_side *side, gw_arena *arena) {
  list_key *keys = gw_arena_alloc(arena, (side->count + 1u) * sizeof *keys);
  if (keys == NULL) return NULL;
  for (uint32_t i = 0; i < side->count; i++)
    keys[i] = (list_key){ side->items[i]->hash, side->items[i]->level, i };
  qsort(keys, side->count, sizeof *keys, list_key_order);
  return keys;
}

/* Elements of one list that have the same hash: they differ by tolerated numbers at most. */
typedef struct list_run {
  const list_key *keys;
  uint32_t count;
} list_run;

static list_run run_of(const list_key *keys, uint32_t count) {
  uint32_t n = 1;
  while (n < count && keys[n].hash == keys[0].hash)
    n++;
  return (list_run){ keys, n };
}

static void match_equal_levels(list_side *a, list_run x, list_side *b, list_run y) {
  uint32_t i = 0, j = 0;
  while (i < x.count && j < y.count) {
    if (x.keys[i].level < y.keys[j].level)
      i++;
    else if (x.keys[i].level > y.keys[j].level)
      j++;
    else
      pair_up(a, x.keys[i++].index, b, y.keys[j++].index);
  }
}

/* The lowest with the lowest, which is best as long as both have as many; else those that are equal
 * go first. */
static void match_runs(list_side *a, list_run x, list_side *b, list_run y) {
  uint32_t j = 0;
  if (x.count != y.count) match_equal_levels(a, x, b, y);
  for (uint32_t i = 0; i < x.count; i++) {
    if (a->match[x.keys[i].index] != NO_MATCH) continue;
    while (j < y.count && b->match[y.keys[j].index] != NO_MATCH)
      j++;
    if (j == y.count) return;
    pair_up(a, x.keys[i].index, b, y.keys[j].index);
  }
}

/* Pairs elements of equal hash; how many. */
static gw_code match_by_hash(list_side *a, list_side *b, gw_arena *arena, uint32_t *pairs) {
  list_key *x = side_sorted(a, arena), *y = side_sorted(b, arena);
  uint32_t i = 0, j = 0;
  *pairs = 0;
  if (x == NULL || y == NULL) return GW_NOMEM;
  while (i < a->count && j < b->count) {
    if (x[i].hash < y[j].hash) {
      i++;
    } else if (x[i].hash > y[j].hash) {
      j++;
    } else { /* only here are runs counted: each once */
      list_run from = run_of(x + i, a->count - i), to = run_of(y + j, b->count - j);
      match_runs(a, from, b, to);
      *pairs += from.count < to.count ? from.count : to.count;
      i += from.count;
      j += to.count;
    }
  }
  return GW_OK;
}

static void match_clear(list_side *side) {
  for (uint32_t i = 0; i < side->count; i++)
    side->match[i] = NO_MATCH;
}

/* What found no equal is compared with what found none either, in the order of both. */
static void match_rest(list_side *a, list_side *b) {
  uint32_t j = 0;
  for (uint32_t i = 0; i < a->count; i++) {
    if (a->match[i] != NO_MATCH) continue;
    while (j < b->count && b->match[j] != NO_MATCH)
      j++;
    if (j == b->count) return;
    pair_up(a, i, b, j);
  }
}

/* By index; what only one list has more of may stand in the middle: equal beginnings and ends are
 * paired first. */
static void match_by_index(list_side *a, list_side *b) {
  uint32_t n = a->count < b->count ? a->count : b->count, front = 0, back = 0;
  while (front < n && a->items[front]->hash == b->items[front]->hash)
    front++;
  while (back < n - front &&
         a->items[a->count - 1 - back]->hash == b->items[b->count - 1 - back]->hash)
    back++;
  for (uint32_t i = 0; i < n - back; i++)
    pair_up(a, i, b, i);
  for (uint32_t i = 1; i <= back; i++)
    pair_up(a, a->count - i, b, b->count - i);
}

static bool is_same_order(const list_side *a, const list_side *b) {
  if (a->count != b->count) return false;
  for (uint32_t i = 0; i < a->count; i++) {
    if (a->items[i]->hash != b->items[i]->hash) return false;
  }
  return true;
}

static gw_code match(const gw_walk *walk, bool unordered, list_side *a, list_side *b,
                     bool *is_moved) {
  uint32_t pairs = 0;
  *is_moved = false;
  if (unordered || (a->count == b->count && !is_same_order(a, b))) {
    gw_code code = match_by_hash(a, b, walk->arena, &pairs);
    if (code != GW_OK) return code;
    *is_moved = !unordered && pairs == a->count;
    if (unordered) match_rest(a, b);
    if (unordered || *is_moved) return GW_OK;
    match_clear(a);
    match_clear(b);
  }
  match_by_index(a, b);
  return GW_OK;
}

static gw_code walk_item(const gw_walk *walk, const gw_json_node *legacy, const gw_json_node *grpc,
                         uint32_t index) {
  gw_diff_list_enter_item(walk->list, index);
  gw_code code = legacy != NULL && grpc != NULL ? gw_walk_pair(walk, legacy, grpc)
                                                : gw_walk_lone(walk, legacy, grpc, false);
  gw_diff_list_leave(walk->list);
  return code;
}

gw_code gw_walk_lists(const gw_walk *walk, const gw_json_node *legacy, const gw_json_node *grpc) {
  list_side a = { 0 }, b = { 0 };
  bool unordered = ((legacy->flags | grpc->flags) & GW_NODE_UNORDERED) != 0, is_moved = false;
  gw_code code = side_init(&a, legacy, walk->arena);
  if (code == GW_OK) code = side_init(&b, grpc, walk->arena);
  if (code == GW_OK) code = match(walk, unordered, &a, &b, &is_moved);
  if (code == GW_OK && is_moved)
    code = gw_walk_report(walk, GW_DIFF_ORDER, legacy, grpc, GW_STR(""));
  for (uint32_t i = 0; i < a.count && code == GW_OK; i++) {
    const gw_json_node *other = a.match[i] != NO_MATCH ? b.items[a.match[i]] : NULL;
    code = walk_item(walk, a.items[i], other, i);
  }
  for (uint32_t j = 0; j < b.count && code == GW_OK; j++) {
    if (b.match[j] == NO_MATCH) code = walk_item(walk, NULL, b.items[j], j);
  }
  return code;
}
