/* names: which names are taken, each with a number; for thousands of routes.
 * Borrows the names.  In an arena; nothing to free.  Main thread. */
#pragma once

#include "base/arena.h"

typedef struct gw_names_slot {
  gw_str name; /* p == NULL: free */
  uint32_t value;
} gw_names_slot;

typedef struct gw_names {
  gw_arena *arena;
  gw_names_slot *slots;
  size_t count, capacity; /* capacity is a power of two */
} gw_names;

void gw_names_init(gw_names *names, gw_arena *arena);

/* The number of `name`, for reading and writing; NULL when it is not there. */
uint32_t *gw_names_find(const gw_names *names, gw_str name);

/* Adds `name`, which is not there yet.  False: no memory. */
bool gw_names_add(gw_names *names, gw_str name, uint32_t value);
