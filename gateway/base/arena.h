/* arena: memory of one exchange: handed out piece by piece, freed at once, never above its limit.
 * Small blocks come from and go back to a pool of the worker; a piece larger than a block has a
 * block of its own, which gw_arena_grow() can move without leaving a copy behind.
 * Errors: NULL, when the limit is reached or memory is at its end.  One thread. */
#pragma once

#include "base/str.h"

#define GW_ARENA_BLOCK_BYTES 4096u /* one pooled block, its head included */

typedef struct gw_arena_block gw_arena_block;
typedef struct gw_arena_large gw_arena_large;

/* Blocks kept for reuse; zero-initialised is ready.  Owned by a worker. */
typedef struct gw_arena_pool {
  gw_arena_block *free;
  size_t free_count;
} gw_arena_pool;

typedef struct gw_arena {
  char *next, *end; /* the free part of the newest block */
  gw_arena_block *blocks;
  gw_arena_large *large;
  gw_arena_pool *pool; /* borrowed; may be NULL */
  size_t used, max;    /* bytes taken from the system or the pool */
} gw_arena;

void gw_arena_init(gw_arena *arena, gw_arena_pool *pool, size_t bytes_max);
void gw_arena_done(gw_arena *arena); /* frees all pieces; the arena can be initialised again */

void *gw_arena_alloc_slow(gw_arena *arena, size_t size); /* a new block, or a large piece */

/* Aligned to 16 bytes, not cleared. */
static inline void *gw_arena_alloc(gw_arena *arena, size_t size) {
  size_t taken = (size + 15u) & ~(size_t)15u;
  if (GW_UNLIKELY(size == 0 || size > GW_ARENA_BLOCK_BYTES ||
                  (size_t)(arena->end - arena->next) < taken)) {
    return gw_arena_alloc_slow(arena, size);
  }
  void *piece = arena->next;
  arena->next += taken;
  return piece;
}

void *gw_arena_zalloc(gw_arena *arena, size_t size); /* cleared */

/* Moves or extends `piece` of old_size bytes; NULL leaves the old piece as it was. */
void *gw_arena_grow(gw_arena *arena, void *piece, size_t old_size, size_t new_size);

/* A copy with a NUL behind it (not counted).  On failure p is NULL. */
gw_str gw_arena_copy(gw_arena *arena, gw_str s);
gw_str gw_arena_printf(gw_arena *arena, const char *format, ...) GW_PRINTF(2, 3);

void gw_arena_pool_done(gw_arena_pool *pool);
