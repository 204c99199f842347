#include "base/arena.h"
#include "unit/test.h"

#define LARGE 10000u /* bytes; a piece with a block of its own */

TEST(arena, pieces_are_aligned_apart_and_writable) {
  gw_arena arena;
  char *pieces[600];
  gw_arena_init(&arena, NULL, 1 << 20);
  for (size_t i = 0; i < GW_COUNT_OF(pieces); i++) {
    size_t n = i * 7 % 5000;
    pieces[i] = gw_arena_alloc(&arena, n);
    CHECK(pieces[i] != NULL && (uintptr_t)pieces[i] % 16 == 0);
    memset(pieces[i], (int)(i & 0x7f), n);
    if (arena.used > (1 << 20) - 6000) {
      pieces[i + 1] = NULL;
      break;
    }
  }
  for (size_t i = 0; i < GW_COUNT_OF(pieces) && pieces[i] != NULL; i++) {
    for (size_t j = 0; j < i * 7 % 5000; j++)
      CHECK_INT(pieces[i][j], i & 0x7f);
  }
  gw_arena_done(&arena);
  CHECK_INT(arena.used, 0);
}

TEST(arena, clears_when_asked) {
  gw_arena arena;
  gw_arena_pool pool = { 0 };
  for (int round = 0; round < 2; round++) { /* the second takes a used block from the pool */
    gw_arena_init(&arena, &pool, 1 << 20);
    char *small = gw_arena_zalloc(&arena, 100), *large = gw_arena_zalloc(&arena, LARGE);
    for (size_t i = 0; i < 100; i++)
      CHECK_INT(small[i], 0);
    for (size_t i = 0; i < LARGE; i++)
      CHECK_INT(large[i], 0);
    memset(small, 1, 100);
    gw_arena_done(&arena);
  }
  gw_arena_pool_done(&pool);
}

TEST(arena, never_exceeds_its_limit) {
  gw_arena arena;
  gw_arena_init(&arena, NULL, 2 * GW_ARENA_BLOCK_BYTES);
  CHECK(gw_arena_alloc(&arena, 3000) != NULL);
  CHECK(gw_arena_alloc(&arena, 3000) != NULL);
  CHECK(gw_arena_alloc(&arena, 3000) == NULL);
  CHECK(gw_arena_alloc(&arena, 1000) != NULL); /* what is left of a block is still there */
  CHECK(gw_arena_alloc(&arena, LARGE) == NULL);
  CHECK(gw_arena_alloc(&arena, SIZE_MAX) == NULL);
  CHECK(gw_arena_alloc(&arena, SIZE_MAX - 15) == NULL);
  CHECK_INT(arena.used, 2 * GW_ARENA_BLOCK_BYTES);
  gw_arena_done(&arena);
  gw_arena_init(&arena, NULL, SIZE_MAX);
  CHECK(gw_arena_alloc(&arena, SIZE_MAX) == NULL);
  CHECK_INT(arena.used, 0);
  gw_arena_done(&arena);
}

TEST(arena, gives_blocks_back_to_the_pool) {
  gw_arena arena;
  gw_arena_pool pool = { 0 };
  gw_arena_init(&arena, &pool, 1 << 20);
  void *first = gw_arena_alloc(&arena, 1);
  CHECK(gw_arena_alloc(&arena, LARGE) != NULL); /* not pooled */
  gw_arena_done(&arena);
  CHECK_INT(pool.free_count, 1);
  CHECK(gw_arena_alloc(&arena, 1) == first); /* usable again after done, from the pool */
  CHECK_INT(pool.free_count, 0);
  gw_arena_done(&arena);
  gw_arena_pool_done(&pool);
  CHECK_INT(pool.free_count, 0);
  gw_arena_done(NULL); /* a no-op */
}

/* Grows a piece from `from` to `to` and checks that the old bytes are there. */
static char *grow_check(gw_arena *arena, char *piece, size_t from, size_t to) {
  if (from > 0) memset(piece, 0x5a, from);
  char *grown = gw_arena_grow(arena, piece, from, to);
  CHECK(grown != NULL);
  for (size_t i = 0; i < from && i < to; i++)
    CHECK_INT(grown[i], 0x5a);
  if (to > 0) memset(grown, 0x5a, to);
  return grown;
}

TEST(arena, grows_pieces) {
  gw_arena arena;
  gw_arena_init(&arena, NULL, 1 << 20);
  char *piece = grow_check(&arena, NULL, 0, 10);
  CHECK(grow_check(&arena, piece, 10, 3000) == piece); /* the newest piece extends in place */
  CHECK(gw_arena_alloc(&arena, 16) != NULL);
  CHECK(grow_check(&arena, piece, 3000, 3500) != piece); /* something is behind it */
  piece = grow_check(&arena, gw_arena_alloc(&arena, 0), 0, 20);
  piece = grow_check(&arena, piece, 20, LARGE);
  char *other = gw_arena_alloc(&arena, LARGE);
  memset(other, 1, LARGE);
  piece = grow_check(&arena, piece, LARGE, 5 * LARGE); /* not the head of the list of large ones */
  other = gw_arena_grow(&arena, other, LARGE, 2 * LARGE);
  CHECK(other != NULL && other[0] == 1 && other[LARGE - 1] == 1);
  CHECK(gw_arena_grow(&arena, piece, 5 * LARGE, 10) == piece);
  gw_arena_done(&arena);
}

TEST(arena, grows_a_large_piece_that_was_shrunk_before) {
  gw_arena arena;
  gw_arena_init(&arena, NULL, 1 << 20);
  char *piece = gw_arena_alloc(&arena, 2 * LARGE);
  CHECK(gw_arena_grow(&arena, piece, 2 * LARGE, LARGE) == piece);
  size_t used = arena.used;
  CHECK(grow_check(&arena, piece, LARGE, LARGE + 100) == piece);
  CHECK_INT(arena.used, used);
  CHECK(grow_check(&arena, piece, LARGE + 100, 3 * LARGE) != NULL);
  CHECK_INT(arena.used, used + LARGE);
  gw_arena_done(&arena);
}

TEST(arena, a_refused_growth_leaves_the_piece) {
  gw_arena arena;
  gw_arena_init(&arena, NULL, 2 * LARGE);
  char *piece = gw_arena_alloc(&arena, LARGE);
  memset(piece, 0x5a, LARGE);
  CHECK(gw_arena_grow(&arena, piece, LARGE, 2 * LARGE + 1) == NULL);
  CHECK(gw_arena_grow(&arena, piece, LARGE, SIZE_MAX) == NULL);
  CHECK_INT(arena.used, LARGE);
  CHECK_INT(piece[LARGE - 1], 0x5a);
  CHECK(gw_arena_grow(&arena, piece, LARGE, 2 * LARGE) != NULL);
  gw_arena_done(&arena);
}

TEST(arena, copies_and_prints_with_a_zero_behind) {
  gw_arena arena;
  gw_arena_init(&arena, NULL, 1 << 20);
  gw_str copy = gw_arena_copy(&arena, GW_STR("a\0b"));
  CHECK(gw_str_eq(copy, GW_STR("a\0b")) && copy.p[3] == '\0');
  copy = gw_arena_copy(&arena, (gw_str){ NULL, 0 });
  CHECK(copy.p != NULL && copy.p[0] == '\0' && copy.n == 0);
  CHECK(gw_arena_copy(&arena, (gw_str){ "a", SIZE_MAX }).p == NULL);
  gw_str text = gw_arena_printf(&arena, "%s-%d", "a", 7);
  CHECK_STR(text, "a-7");
  CHECK_INT(text.p[3], '\0');
  CHECK_STR(gw_arena_printf(&arena, "%5000d", 1).n == 5000 ? GW_STR("long") : GW_STR(""), "long");
  gw_arena_done(&arena);
  gw_arena_init(&arena, NULL, 100);
  CHECK(gw_arena_printf(&arena, "%s", "no room").p == NULL);
  CHECK(gw_arena_copy(&arena, GW_STR("no room")).p == NULL);
  gw_arena_done(&arena);
}

static gw_code arena_with_failing_allocs(void *context __attribute__((unused))) {
  gw_arena arena;
  gw_arena_pool pool = { 0 };
  gw_arena_init(&arena, &pool, 1 << 20);
  void *small = gw_arena_alloc(&arena, 100), *large = gw_arena_alloc(&arena, LARGE);
  bool ok = small != NULL && large != NULL;
  if (large != NULL) ok = gw_arena_grow(&arena, large, LARGE, 2 * LARGE) != NULL && ok;
  if (small != NULL) ok = gw_arena_grow(&arena, small, 100, LARGE) != NULL && ok;
  ok = gw_arena_printf(&arena, "%4000d", 1).p != NULL && ok;
  if (ok) CHECK_INT(arena.used, 2 * GW_ARENA_BLOCK_BYTES + 3 * LARGE);
  gw_arena_done(&arena);
  CHECK_INT(arena.used, 0);
  gw_arena_pool_done(&pool);
  return ok ? GW_OK : GW_NOMEM;
}

TEST(arena, survives_each_failed_alloc) {
  test_fail_each_alloc(arena_with_failing_allocs, NULL);
}

static gw_code arena_charge_when_failing(void *context __attribute__((unused))) {
  gw_arena arena;
  gw_arena_init(&arena, NULL, 1 << 20);
  size_t wanted = 0;
  if (gw_arena_alloc(&arena, 1) != NULL) wanted += GW_ARENA_BLOCK_BYTES;
  CHECK_INT(arena.used, wanted);
  void *large = gw_arena_alloc(&arena, LARGE);
  if (large != NULL) wanted += LARGE;
  CHECK_INT(arena.used, wanted);
  if (large != NULL && gw_arena_grow(&arena, large, LARGE, 2 * LARGE) != NULL) wanted += LARGE;
  CHECK_INT(arena.used, wanted);
  gw_arena_done(&arena);
  return wanted == GW_ARENA_BLOCK_BYTES + 2 * LARGE ? GW_OK : GW_NOMEM;
}

TEST(arena, charges_nothing_for_a_failed_alloc) {
  test_fail_each_alloc(arena_charge_when_failing, NULL);
}
