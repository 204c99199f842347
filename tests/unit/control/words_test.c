#include "control/words.h"

#include "unit/test.h"

typedef struct words_row {
  const char *name, *split, *camel, *plural, *singular;
} words_row;

static const words_row rows[] = {
  { "GetUser", "get-user", "getUser", "get-users", "get-user" },
  { "BatchGetHTTPRoutes", "batch-get-http-routes", "batchGetHttpRoutes", "batch-get-http-routes",
    "batch-get-http-route" },
  { "HTTPServer", "http-server", "httpServer", "http-servers", "http-server" },
  { "GetV2Thing", "get-v2-thing", "getV2Thing", "get-v2-things", "get-v2-thing" },
  { "snake_case_City", "snake-case-city", "snakeCaseCity", "snake-case-cities", "snake-case-city" },
  { "__a__b_", "a-b", "aB", "a-bs", "a-b" },
  { "Boxes", "boxes", "boxes", "boxes", "box" },
  { "Addresses", "addresses", "addresses", "addresses", "address" },
  { "Status", "status", "status", "statuses", "status" },
  { "Day", "day", "day", "days", "day" },
  { "Cities", "cities", "cities", "cities", "city" },
  { "Shelf", "shelf", "shelf", "shelves", "shelf" },
  { "Shelves", "shelves", "shelves", "shelves", "shelf" },
  { "UserData", "user-data", "userData", "user-data", "user-data" },
  { "", "", "", "", "" },
  { "___", "", "", "", "" },
  { "X", "x", "x", "xes", "x" },
};

TEST(words, are_split_and_joined) {
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    gw_arena arena;
    gw_arena_init(&arena, NULL, 1u << 20);
    gw_words words = gw_words_split(gw_str_of(rows[i].name));
    gw_words many = gw_words_plural(&words, &arena), one = gw_words_singular(&words, &arena);
    CHECK_STR(gw_words_join(&words, '-', &arena), rows[i].split);
    CHECK_STR(gw_words_camel(&words, &arena), rows[i].camel);
    CHECK_STR(gw_words_join(&many, '-', &arena), rows[i].plural);
    CHECK_STR(gw_words_join(&one, '-', &arena), rows[i].singular);
    gw_arena_done(&arena);
  }
}

/* However many there are: the last one keeps what is left. */
TEST(words, are_bounded) {
  char name[201];
  gw_arena arena;
  gw_arena_init(&arena, NULL, 1u << 20);
  for (size_t i = 0; i < 200; i += 2)
    memcpy(name + i, "Ab", 2);
  gw_words words = gw_words_split((gw_str){ name, 200 });
  CHECK_INT(words.count, GW_WORDS_MAX);
  CHECK_INT(words.items[GW_WORDS_MAX - 1].n, 200 - 2 * (GW_WORDS_MAX - 1));
  CHECK_INT(gw_words_camel(&words, &arena).n, 200);
  gw_arena_done(&arena);
}
