/* mem_pool: malloc for one thread: free lists by size, no locks.
 * For libraries that allocate and free small pieces with every request (nghttp2).  A piece may only
 * go back to the pool that it came from.  What the lists keep is bounded; gw_mem_pool_done() needs
 * every piece back first. Under AddressSanitizer nothing is kept, so that a use after free is seen.
 * Errors: NULL when memory is at its end.  One thread. */
#pragma once

#include "base/base.h"

#define GW_MEM_CLASSES 32u /* sizes of 32, 64 ... 1024 bytes */

typedef struct gw_mem_piece gw_mem_piece;

/* Zero-initialised is ready. */
typedef struct gw_mem_pool {
  gw_mem_piece *free[GW_MEM_CLASSES];
  uint32_t free_count[GW_MEM_CLASSES];
} gw_mem_pool;

void *gw_mem_alloc(gw_mem_pool *pool, size_t size); /* aligned to 16 bytes, not cleared */
void *gw_mem_zalloc(gw_mem_pool *pool, size_t count, size_t size);
void *gw_mem_realloc(gw_mem_pool *pool, void *piece, size_t size); /* NULL: piece stays */
void gw_mem_free(gw_mem_pool *pool, void *piece);                  /* NULL is a no-op */
void gw_mem_pool_done(gw_mem_pool *pool);
