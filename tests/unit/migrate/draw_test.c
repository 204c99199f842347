#include "migrate/draw.h"

#include "unit/test.h"

static gw_migration migration_of(const char *group) {
  return (gw_migration){ .route = gw_str_of("r"), .group = gw_str_of(group) };
}

static gw_stand canary(uint32_t share) {
  return gw_stand_of(GW_STAGE_CANARY, share);
}

/* ---- the hash ---- */

/* The key 00 01 .. 0f and the inputs of n bytes 00 01 .. as in the paper's appendix A and the
 * authors' vectors. */
TEST(draw, hash_is_siphash_2_4) {
  static const struct {
    size_t n;
    uint64_t wanted;
  } rows[] = {
    { 0, 0x726fdb47dd0e0e31u },  { 1, 0x74f839c593dc67fdu },  { 7, 0xab0200f58b01d137u },
    { 8, 0x93f5f5799a932462u },  { 9, 0x9e0082df0ba9e4b0u },  { 15, 0xa129ca6149be45e5u },
    { 16, 0x3f2acc7f57c29bdbu }, { 63, 0x958a324ceb064572u },
  };
  char bytes[64];
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (char)i;
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++)
    CHECK(gw_draw_hash(0x0706050403020100u, 0x0f0e0d0c0b0a0908u, (gw_str){ bytes, rows[i].n }) ==
          rows[i].wanted);
}

/* ---- sides ---- */

TEST(draw, side_follows_the_stage) {
  gw_migration m = migration_of("g");
  for (uint64_t i = 0; i < 1000; i++) {
    uint64_t random = i * 0x9e3779b97f4a7c15u;
    gw_str none = { NULL, 0 };
    CHECK_INT(gw_draw_side(&m, gw_stand_of(GW_STAGE_LEGACY, 0), none, random), GW_SIDE_LEGACY);
    CHECK_INT(gw_draw_side(&m, gw_stand_of(GW_STAGE_SHADOW, 0), none, random), GW_SIDE_LEGACY);
    CHECK_INT(gw_draw_side(&m, gw_stand_of(GW_STAGE_GRPC, 0), none, random), GW_SIDE_GRPC);
    CHECK_INT(gw_draw_side(&m, canary(0), none, random), GW_SIDE_LEGACY);
    CHECK_INT(gw_draw_side(&m, canary(GW_SHARE_WHOLE), none, random), GW_SIDE_GRPC);
  }
  CHECK_INT(gw_draw_side(&m, canary(GW_SHARE_WHOLE), (gw_str){ NULL, 0 }, UINT64_MAX),
            GW_SIDE_GRPC);
  CHECK_INT(gw_draw_side(&m, canary(1), (gw_str){ NULL, 0 }, 0), GW_SIDE_GRPC);
}

/* Frozen: a user who is on one side today must be there after an update too. */
TEST(draw, side_of_a_key_never_changes) {
  gw_migration m = migration_of("users");
  char picture[65] = { 0 };
  for (int i = 0; i < 64; i++) {
    char key[16];
    int n = snprintf(key, sizeof key, "user-%d", i);
    gw_side side = gw_draw_side(&m, canary(500000), (gw_str){ key, (size_t)n }, 0);
    picture[i] = side == GW_SIDE_GRPC ? 'g' : '-';
  }
  CHECK_STR(gw_str_of(picture), "gggggg--g--gggg---gggg---g-gg--g-g--gg--ggg-ggggg-ggg-g--g-g-g--");
}

TEST(draw, key_decides_and_not_the_random_bits) {
  gw_migration m = migration_of("users");
  for (int i = 0; i < 1000; i++) {
    char key[16];
    gw_str s = { key, (size_t)snprintf(key, sizeof key, "%d", i) };
    gw_side side = gw_draw_side(&m, canary(300000), s, 0);
    CHECK_INT(gw_draw_side(&m, canary(300000), s, UINT64_MAX), side);
    CHECK_INT(gw_draw_side(&m, canary(300000), s, (uint64_t)i << 50), side);
  }
}

TEST(draw, routes_of_a_group_agree_and_groups_do_not) {
  gw_migration a = migration_of("users"), b = migration_of("users"), other = migration_of("orders");
  b.route = gw_str_of("another-route");
  int others_differ = 0;
  for (int i = 0; i < 10000; i++) {
    char key[16];
    gw_str s = { key, (size_t)snprintf(key, sizeof key, "k%d", i) };
    gw_side side = gw_draw_side(&a, canary(500000), s, 1);
    CHECK_INT(gw_draw_side(&b, canary(500000), s, 2), side);
    others_differ += gw_draw_side(&other, canary(500000), s, 3) != side;
  }
  /* Half of them, 5 standard deviations of 50. */
  CHECK(others_differ > 4750 && others_differ < 5250);
}

/* No group and key run into each other's bytes. */
TEST(draw, group_and_key_are_kept_apart) {
  gw_migration a = migration_of("ab"), b = migration_of("a");
  int differ = 0;
  for (int i = 0; i < 1000; i++) {
    char key[16], longer[17] = "b";
    gw_str s = { key, (size_t)snprintf(key, sizeof key, "%d", i) };
    memcpy(longer + 1, key, s.n);
    differ += gw_draw_side(&a, canary(500000), s, 0) !=
              gw_draw_side(&b, canary(500000), (gw_str){ longer, s.n + 1 }, 0);
  }
  CHECK(differ > 400 && differ < 600);
}

TEST(draw, share_grows_without_losing_a_key) {
  static const uint32_t shares[] = { 1, 10000, 50000, 125000, 250000, 500000, 999999, 1000000 };
  gw_migration m = migration_of("users");
  uint32_t counts[GW_COUNT_OF(shares)] = { 0 };
  for (int i = 0; i < 100000; i++) {
    char key[32];
    gw_str s = { key, (size_t)snprintf(key, sizeof key, "session-%08x", i) };
    bool was_grpc = false;
    for (size_t k = 0; k < GW_COUNT_OF(shares); k++) {
      bool is_grpc = gw_draw_side(&m, canary(shares[k]), s, 0) == GW_SIDE_GRPC;
      CHECK(is_grpc || !was_grpc);
      counts[k] += is_grpc;
      was_grpc = is_grpc;
    }
  }
  for (size_t k = 0; k < GW_COUNT_OF(shares); k++) {
    double p = shares[k] / 1e6, mean = 100000 * p;
    double distance = (double)counts[k] - mean;
    /* 4 standard deviations of the binomial, and one for the rare ones. */
    CHECK(distance * distance <= 16 * mean * (1 - p) + 1);
  }
}

TEST(draw, no_key_draws_at_random) {
  gw_migration m = migration_of("users");
  uint64_t seed = 7;
  int grpc = 0;
  for (int i = 0; i < 100000; i++) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    uint64_t random = (seed ^ seed >> 29) * 0xbf58476d1ce4e5b9u;
    grpc += gw_draw_side(&m, canary(125000), (gw_str){ NULL, 0 }, random) == GW_SIDE_GRPC;
  }
  CHECK(grpc > 12500 - 420 && grpc < 12500 + 420); /* 4 standard deviations of 104.6 */
}

/* ---- shadows ---- */

TEST(draw, shadow_follows_stage_method_and_sample) {
  static const struct {
    gw_stage stage;
    bool safe, unsafe, legacy, wanted;
  } rows[] = {
    { GW_STAGE_LEGACY, true, true, true, false },
    { GW_STAGE_SHADOW, true, false, false, true },
    { GW_STAGE_SHADOW, false, false, false, false },
    { GW_STAGE_SHADOW, false, true, false, true },
    { GW_STAGE_CANARY, true, false, false, true },
    { GW_STAGE_CANARY, false, false, false, false },
    { GW_STAGE_CANARY, false, true, false, true },
    { GW_STAGE_GRPC, true, false, false, false },
    { GW_STAGE_GRPC, true, false, true, true },
    { GW_STAGE_GRPC, false, false, true, false },
    { GW_STAGE_GRPC, false, true, true, true },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    gw_migration m = migration_of("g");
    m.shadow = (gw_shadow_policy){ .sample = GW_SHARE_WHOLE,
                                   .unsafe = rows[i].unsafe,
                                   .legacy = rows[i].legacy };
    gw_stand stand = gw_stand_of(rows[i].stage, 1);
    CHECK_INT(gw_draw_shadow(&m, stand, rows[i].safe, UINT64_MAX), rows[i].wanted);
    m.shadow.sample = 0;
    CHECK(!gw_draw_shadow(&m, stand, rows[i].safe, 0));
  }
  gw_migration m = migration_of("g");
  m.shadow.sample = 250000;
  gw_stand shadow = gw_stand_of(GW_STAGE_SHADOW, 0);
  CHECK(gw_draw_shadow(&m, shadow, true, (UINT64_MAX >> 2) - (UINT64_MAX >> 40)));
  CHECK(!gw_draw_shadow(&m, shadow, true, (UINT64_MAX >> 2) + (UINT64_MAX >> 40)));
}

/* ---- keys ---- */

static void check_key(gw_sticky_kind kind, const char *name, const gw_header *fields,
                      uint32_t count, const char *wanted) {
  gw_sticky sticky = { kind, name != NULL ? gw_str_of(name) : (gw_str){ NULL, 0 } };
  gw_str key = gw_draw_key(&sticky, fields, count);
  if (wanted == NULL) {
    CHECK(key.p == NULL);
  } else {
    CHECK(key.p != NULL);
    CHECK_STR(key, wanted);
  }
}

TEST(draw, key_of_a_header) {
  const gw_header fields[] = {
    { GW_STR("host"), GW_STR("x") },           { GW_STR("x-user-id"), GW_STR("") },
    { GW_STR("x-user-id"), GW_STR(" \t42 ") }, { GW_STR("x-user-id"), GW_STR("43") },
    { GW_STR("x-user-id-2"), GW_STR("no") },
  };
  check_key(GW_STICKY_HEADER, "x-user-id", fields, GW_COUNT_OF(fields), "42");
  check_key(GW_STICKY_HEADER, "x-user-id", fields, 2, NULL);
  check_key(GW_STICKY_HEADER, "x-other", fields, GW_COUNT_OF(fields), NULL);
  check_key(GW_STICKY_HEADER, "x-user-id", NULL, 0, NULL);
  check_key(GW_STICKY_NONE, NULL, fields, GW_COUNT_OF(fields), NULL);
}

TEST(draw, key_of_a_cookie) {
  static const struct {
    const char *field, *wanted;
  } rows[] = {
    { "session=abc", "abc" },
    { "a=1; session=abc; b=2", "abc" },
    { "a=1;session=abc;b=2", "abc" },
    { "session=\"abc\"", "abc" },
    { "session = abc ", "abc" },
    { "\tsession=abc\t;", "abc" },
    { "session=a=b==", "a=b==" },
    { "session=abc; session=def", "abc" },
    { "session=; session=def", "def" },
    { "session=\"\"; session=def", "def" },
    { "mysession=1; session2=2; Session=3; sessio=4; session=5", "5" },
    { "session=\"abc", "\"abc" },
    { "session=abc\"", "abc\"" },
    { "session=\"", "\"" },
    { "a=\"x; session=abc\"", "abc\"" }, /* RFC 6265: no ";" in quotes */
    { "session", NULL },
    { "session;session", NULL },
    { "=session", NULL },
    { "; ; ;=;==; = ", NULL },
    { "session=", NULL },
    { "session=  ", NULL },
    { "", NULL },
    { ";", NULL },
    { "xsession=abc", NULL },
    { "sess\xc3\xaf"
      "on=abc",
      NULL },
    { "session=\xff\x01\x7f", "\xff\x01\x7f" },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    gw_header field = { GW_STR("cookie"), gw_str_of(rows[i].field) };
    check_key(GW_STICKY_COOKIE, "session", &field, 1, rows[i].wanted);
  }
}

TEST(draw, key_of_several_cookie_fields) {
  const gw_header fields[] = {
    { GW_STR("cookie"), { NULL, 0 } },
    { GW_STR("cookie"), GW_STR("a=1") },
    { GW_STR("x-cookie"), GW_STR("session=no") },
    { GW_STR("cookie"), GW_STR("session=abc") },
    { GW_STR("cookie"), GW_STR("session=def") },
  };
  check_key(GW_STICKY_COOKIE, "session", fields, GW_COUNT_OF(fields), "abc");
  check_key(GW_STICKY_COOKIE, "session", fields, 3, NULL);
}

/* The key never reaches out of the field that it is in, whatever the bytes. */
TEST(draw, key_stays_within_hostile_bytes) {
  static const char alphabet[] = "s=;\" \t\0a";
  uint32_t seed = 99;
  for (int round = 0; round < 200000; round++) {
    char *bytes = malloc(12); /* of the heap, so that ASan sees its end */
    size_t n = (size_t)round % 13;
    for (size_t i = 0; i < n; i++) {
      seed = seed * 1664525 + 1013904223;
      bytes[i] = alphabet[(seed >> 24) % 8];
    }
    gw_header field = { GW_STR("cookie"), { bytes, n } };
    gw_sticky sticky = { GW_STICKY_COOKIE, GW_STR("s") };
    gw_str key = gw_draw_key(&sticky, &field, 1);
    if (key.p != NULL) {
      CHECK(key.n > 0);
      CHECK(key.p >= bytes + 2 && key.p + key.n <= bytes + n);
      CHECK(memchr(key.p, ';', key.n) == NULL);
    }
    free(bytes);
  }
}
