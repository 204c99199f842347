#include "migrate/json_text.h"

#include "unit/test.h"

enum { MOST = 8 };

/* In memory of just that size, for ASan. */
TEST(json_text, a_text_is_cut_without_a_look_behind_its_end) {
  for (size_t n = 0; n <= 3 * MOST; n++) {
    gw_arena arena;
    gw_arena_init(&arena, NULL, 1 << 16);
    char *bytes = malloc(n + 1), *exact = n > 0 ? bytes + 1 : bytes;
    memset(bytes, 'a', n + 1);
    gw_str text = gw_json_text_quote((gw_str){ exact, n }, MOST, &arena);
    CHECK_INT(text.n, gw_size_min(n + 2, MOST));
    CHECK(n + 2 <= MOST ? gw_str_ends(text, GW_STR("\"")) : gw_str_ends(text, GW_STR("...")));
    free(bytes);
    gw_arena_done(&arena);
  }
}
