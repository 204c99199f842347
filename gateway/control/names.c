#include "control/names.h"

void gw_names_init(gw_names *names, gw_arena *arena) {
  *names = (gw_names){ .arena = arena };
}

static gw_names_slot *names_slot(const gw_names *names, gw_str name) {
  size_t mask = names->capacity - 1, at = (size_t)gw_str_hash(name, 0) & mask;
  while (names->slots[at].name.p != NULL && !gw_str_eq(names->slots[at].name, name))
    at = (at + 1) & mask;
  return &names->slots[at];
}

uint32_t *gw_names_find(const gw_names *names, gw_str name) {
  if (names->count == 0) return NULL;
  gw_names_slot *slot = names_slot(names, name);
  return slot->name.p != NULL ? &slot->value : NULL;
}

static bool names_grow(gw_names *names) {
  size_t capacity = gw_size_max(names->capacity * 2, 64);
  gw_names next = { .arena = names->arena, .count = names->count, .capacity = capacity };
  next.slots = gw_arena_zalloc(names->arena, capacity * sizeof *next.slots);
  if (next.slots == NULL) return false;
  for (size_t i = 0; i < names->capacity; i++) {
    if (names->slots[i].name.p != NULL) *names_slot(&next, names->slots[i].name) = names->slots[i];
  }
  *names = next;
  return true;
}

bool gw_names_add(gw_names *names, gw_str name, uint32_t value) {
  assert(name.p != NULL);
  if (names->count * 2 >= names->capacity && !names_grow(names)) return false;
  *names_slot(names, name) = (gw_names_slot){ name, value };
  names->count++;
  return true;
}
