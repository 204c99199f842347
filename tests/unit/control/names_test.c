#include "control/names.h"

#include "unit/test.h"

TEST(names, thousands_are_found_again) {
  gw_arena arena;
  gw_names names;
  gw_arena_init(&arena, NULL, 16u << 20);
  gw_names_init(&names, &arena);
  CHECK(gw_names_find(&names, GW_STR("n1")) == NULL);
  for (uint32_t i = 0; i < 5000; i++)
    CHECK(gw_names_add(&names, gw_arena_printf(&arena, "n%u", i), i));
  for (uint32_t i = 0; i < 5000; i++) {
    uint32_t *value = gw_names_find(&names, gw_arena_printf(&arena, "n%u", i));
    CHECK(value != NULL);
    CHECK_INT(*value, i);
  }
  CHECK(gw_names_find(&names, GW_STR("n5000")) == NULL);
  CHECK(gw_names_find(&names, GW_STR("")) == NULL);
  gw_arena_done(&arena);
}
