#include "base/mem_pool.h"
#include "unit/test.h"

TEST(mem_pool, pieces_keep_their_bytes_through_reuse_and_growth) {
  gw_mem_pool pool = { 0 };
  for (int round = 0; round < 3; round++) {
    unsigned char *pieces[200];
    for (size_t i = 0; i < GW_COUNT_OF(pieces); i++) {
      size_t size = i * 11;
      pieces[i] = gw_mem_alloc(&pool, size);
      CHECK(pieces[i] != NULL && (uintptr_t)pieces[i] % 16 == 0);
      memset(pieces[i], (int)i, size);
    }
    for (size_t i = 0; i < GW_COUNT_OF(pieces); i++) {
      pieces[i] = gw_mem_realloc(&pool, pieces[i], i * 23);
      for (size_t j = 0; j < i * 11; j++)
        CHECK_INT(pieces[i][j], i & 255);
    }
    for (size_t i = 0; i < GW_COUNT_OF(pieces); i++)
      gw_mem_free(&pool, pieces[i]);
  }
  gw_mem_pool_done(&pool);
}

TEST(mem_pool, cleared_means_cleared_after_reuse) {
  gw_mem_pool pool = { 0 };
  char *piece = gw_mem_alloc(&pool, 100);
  memset(piece, 'x', 100);
  gw_mem_free(&pool, piece);
  piece = gw_mem_zalloc(&pool, 10, 10);
  for (size_t i = 0; i < 100; i++)
    CHECK_INT(piece[i], 0);
  gw_mem_free(&pool, piece);
  gw_mem_free(&pool, NULL);
  gw_mem_pool_done(&pool);
}

TEST(mem_pool, refuses_what_no_memory_has) {
  gw_mem_pool pool = { 0 };
  CHECK(gw_mem_zalloc(&pool, SIZE_MAX / 2, 4) == NULL);
  CHECK(gw_mem_alloc(&pool, SIZE_MAX) == NULL);
  gw_mem_pool_done(&pool);
}

static gw_code some_pieces(void *context) {
  gw_mem_pool pool = { 0 };
  char *a = gw_mem_alloc(&pool, 40), *b = a != NULL ? gw_mem_realloc(&pool, a, 5000) : NULL;
  (void)context;
  gw_mem_free(&pool, b != NULL ? b : a);
  gw_mem_pool_done(&pool);
  return b != NULL ? GW_OK : GW_NOMEM;
}

TEST(mem_pool, survives_each_failed_alloc) {
  test_fail_each_alloc(some_pieces, NULL);
}
