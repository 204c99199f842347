#include "base/mem_pool.h"

#include <stdlib.h>
#include <string.h>

#define MEM_CLASS_BYTES 32u
#define MEM_LARGE       UINT32_MAX /* class of pieces that are malloc's own */

#if defined(__has_feature)
#if __has_feature(address_sanitizer) /* clang's way of saying it */
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#ifdef __SANITIZE_ADDRESS__
#define MEM_KEPT_MAX 0u
#else
#define MEM_KEPT_MAX 1024u /* pieces of one class; 16 MiB in all */
#endif

/* Stands before each piece. */
struct gw_mem_piece {
  gw_mem_piece *next; /* while it is free */
  uint32_t class;
  uint32_t room; /* bytes behind this head; of large ones only what was asked for */
};

_Static_assert(sizeof(struct gw_mem_piece) == 16, "pieces stay aligned");

static gw_mem_piece *mem_head(void *piece) {
  return (gw_mem_piece *)piece - 1;
}

void *gw_mem_alloc(gw_mem_pool *pool, size_t size) {
  uint32_t class = size <= MEM_CLASS_BYTES ? 0 : (uint32_t)((size - 1) / MEM_CLASS_BYTES);
  bool large = size > GW_MEM_CLASSES * MEM_CLASS_BYTES;
  if (size > UINT32_MAX - sizeof(gw_mem_piece)) return NULL;
  if (!large && pool->free[class] != NULL) {
    gw_mem_piece *piece = pool->free[class];
    pool->free[class] = piece->next;
    pool->free_count[class]--;
    return piece + 1;
  }
  uint32_t room = large ? (uint32_t)size : (class + 1) * MEM_CLASS_BYTES;
  gw_mem_piece *piece = malloc(sizeof *piece + room);
  if (piece == NULL) return NULL;
  *piece = (gw_mem_piece){ .class = large ? MEM_LARGE : class, .room = room };
  return piece + 1;
}

void *gw_mem_zalloc(gw_mem_pool *pool, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
  void *piece = gw_mem_alloc(pool, bytes);
  if (piece != NULL) memset(piece, 0, bytes);
  return piece;
}

void gw_mem_free(gw_mem_pool *pool, void *piece) {
  if (piece == NULL) return;
  gw_mem_piece *head = mem_head(piece);
  uint32_t class = head->class;
  if (class == MEM_LARGE || pool->free_count[class] + 1 > MEM_KEPT_MAX) {
    free(head);
    return;
  }
  head->next = pool->free[class];
  pool->free[class] = head;
  pool->free_count[class]++;
}

void *gw_mem_realloc(gw_mem_pool *pool, void *piece, size_t size) {
  if (piece == NULL) return gw_mem_alloc(pool, size);
  size_t room = mem_head(piece)->room;
  if (size <= room) return piece;
  void *moved = gw_mem_alloc(pool, size);
  if (moved == NULL) return NULL;
  memcpy(moved, piece, room);
  gw_mem_free(pool, piece);
  return moved;
}

void gw_mem_pool_done(gw_mem_pool *pool) {
  for (uint32_t class = 0; class < GW_MEM_CLASSES; class ++) {
    for (gw_mem_piece *piece = pool->free[class], *next; piece != NULL; piece = next) {
      next = piece->next;
      free(piece);
    }
  }
  *pool = (gw_mem_pool){ 0 };
}
