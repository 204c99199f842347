#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_ALIGN          16u
#define ARENA_POOL_BLOCK_MAX 1024u /* blocks; 4 MiB for each worker */

struct gw_arena_block {
  gw_arena_block *next;
  char pad[8];
};

struct gw_arena_large {
  gw_arena_large *next;
  size_t size; /* of the piece behind this head */
};

_Static_assert(sizeof(struct gw_arena_block) % ARENA_ALIGN == 0, "pieces stay aligned");
_Static_assert(sizeof(struct gw_arena_large) % ARENA_ALIGN == 0, "pieces stay aligned");

static size_t arena_aligned(size_t size) {
  return (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
}

static bool arena_is_large(size_t size) {
  return size > GW_ARENA_BLOCK_BYTES - sizeof(gw_arena_block);
}

void gw_arena_init(gw_arena *arena, gw_arena_pool *pool, size_t bytes_max) {
  *arena = (gw_arena){ .pool = pool, .max = bytes_max };
}

static void arena_block_release(gw_arena_pool *pool, gw_arena_block *block) {
  if (pool == NULL || pool->free_count >= ARENA_POOL_BLOCK_MAX) {
    free(block);
    return;
  }
  block->next = pool->free;
  pool->free = block;
  pool->free_count++;
}

void gw_arena_done(gw_arena *arena) {
  if (arena == NULL) return;
  for (gw_arena_block *block = arena->blocks, *next; block != NULL; block = next) {
    next = block->next;
    arena_block_release(arena->pool, block);
  }
  for (gw_arena_large *large = arena->large, *next; large != NULL; large = next) {
    next = large->next;
    free(large);
  }
  gw_arena_init(arena, arena->pool, arena->max);
}

void gw_arena_pool_done(gw_arena_pool *pool) {
  for (gw_arena_block *block = pool->free, *next; block != NULL; block = next) {
    next = block->next;
    free(block);
  }
  *pool = (gw_arena_pool){ 0 };
}

static bool arena_charge(gw_arena *arena, size_t bytes) {
  size_t used;
  if (gw_add_overflows(arena->used, bytes, &used) || used > arena->max) return false;
  arena->used = used;
  return true;
}

static void *arena_alloc_large(gw_arena *arena, size_t size) {
  if (size > SIZE_MAX / 2 || !arena_charge(arena, size)) return NULL;
  gw_arena_large *large = malloc(sizeof *large + size);
  if (large == NULL) {
    arena->used -= size;
    return NULL;
  }
  *large = (gw_arena_large){ .next = arena->large, .size = size };
  arena->large = large;
  return large + 1;
}

static bool arena_add_block(gw_arena *arena) {
  if (!arena_charge(arena, GW_ARENA_BLOCK_BYTES)) return false;
  gw_arena_block *block = arena->pool != NULL ? arena->pool->free : NULL;
  if (block != NULL) {
    arena->pool->free = block->next;
    arena->pool->free_count--;
  } else if ((block = malloc(GW_ARENA_BLOCK_BYTES)) == NULL) {
    arena->used -= GW_ARENA_BLOCK_BYTES;
    return false;
  }
  block->next = arena->blocks;
  arena->blocks = block;
  arena->next = (char *)(block + 1);
  arena->end = (char *)block + GW_ARENA_BLOCK_BYTES;
  return true;
}

void *gw_arena_alloc_slow(gw_arena *arena, size_t size) {
  if (arena_is_large(size)) return arena_alloc_large(arena, size);
  size_t taken = arena_aligned(size > 0 ? size : 1);
  if ((size_t)(arena->end - arena->next) < taken && !arena_add_block(arena)) return NULL;
  void *piece = arena->next;
  arena->next += taken;
  return piece;
}

void *gw_arena_zalloc(gw_arena *arena, size_t size) {
  void *piece = gw_arena_alloc(arena, size);
  if (piece != NULL) memset(piece, 0, size);
  return piece;
}

static void *arena_grow_large(gw_arena *arena, gw_arena_large *old, size_t new_size) {
  if (new_size <= old->size) return old + 1; /* its owner made less of it before */
  if (new_size > SIZE_MAX / 2 || !arena_charge(arena, new_size - old->size)) return NULL;
  gw_arena_large **link = &arena->large;
  while (*link != old)
    link = &(*link)->next;
  gw_arena_large *grown = realloc(old, sizeof *grown + new_size);
  if (grown == NULL) {
    arena->used -= new_size - old->size;
    return NULL;
  }
  grown->size = new_size;
  *link = grown;
  return grown + 1;
}

void *gw_arena_grow(gw_arena *arena, void *piece, size_t old_size, size_t new_size) {
  if (piece == NULL) return gw_arena_alloc(arena, new_size);
  if (new_size <= old_size) return piece;
  if (arena_is_large(old_size)) {
    return arena_grow_large(arena, (gw_arena_large *)piece - 1, new_size);
  }
  char *piece_end = (char *)piece + arena_aligned(old_size > 0 ? old_size : 1);
  if (piece_end == arena->next && !arena_is_large(new_size) &&
      (size_t)(arena->end - (char *)piece) >= arena_aligned(new_size)) {
    arena->next = (char *)piece + arena_aligned(new_size);
    return piece;
  }
  void *moved = gw_arena_alloc(arena, new_size);
  if (moved != NULL) memcpy(moved, piece, old_size);
  return moved;
}

gw_str gw_arena_copy(gw_arena *arena, gw_str s) {
  char *copy = s.n < SIZE_MAX ? gw_arena_alloc(arena, s.n + 1) : NULL;
  if (copy == NULL) return (gw_str){ NULL, 0 };
  if (s.n > 0) memcpy(copy, s.p, s.n);
  copy[s.n] = '\0';
  return (gw_str){ copy, s.n };
}

gw_str gw_arena_printf(gw_arena *arena, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, format, args);
  char *text = n >= 0 ? gw_arena_alloc(arena, (size_t)n + 1) : NULL;
  if (text != NULL) vsnprintf(text, (size_t)n + 1, format, again);
  va_end(again);
  va_end(args);
  return (gw_str){ text, text != NULL ? (size_t)n : 0 };
}
