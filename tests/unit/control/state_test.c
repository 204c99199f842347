#include "control/state.h"

#include <sys/stat.h>
#include <unistd.h>

#include "unit/test.h"

static char folder[] = "/tmp/sluice-state-XXXXXX";
static char path[128];

/* A fresh folder; removed by leave(). */
static void enter(void) {
  memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
  CHECK(mkdtemp(folder) != NULL);
  snprintf(path, sizeof path, "%s/state", folder);
}

static void leave(void) {
  static const char *const names[] = { "", ".tmp", ".broken" };
  for (size_t i = 0; i < GW_COUNT_OF(names); i++) {
    char name[160];
    snprintf(name, sizeof name, "%s%s", path, names[i]);
    unlink(name);
  }
  rmdir(path);
  CHECK_INT(rmdir(folder), 0);
}

static void put(const char *text) {
  FILE *file = fopen(path, "w");
  CHECK(file != NULL);
  fputs(text, file);
  fclose(file);
}

static const gw_state_entry entries[] = {
  { .route = GW_STR_INIT("get-user"),
    .stand = { GW_STAGE_CANARY, 125000 },
    .over = { GW_STAGE_SHADOW, 0 },
    .who = GW_STR_INIT("operator"),
    .why = GW_STR_INIT("\"it\"\nlooks \xc3\xa4"),
    .at_ms = 1795773720123u },
  { .route = GW_STR_INIT("b"),
    .stand = { GW_STAGE_SHADOW, 0 },
    .over = { GW_STAGE_CANARY, 10 },
    .who = GW_STR_INIT("guard"),
    .why = GW_STR_INIT(""),
    .at_ms = 0,
    .held = true },
};

TEST(state, what_is_written_is_read) {
  gw_arena arena;
  gw_state_entry *items = NULL;
  size_t count = 0;
  enter();
  gw_arena_init(&arena, NULL, 1u << 20);
  CHECK_INT(gw_state_read(path, &arena, &items, &count, NULL), GW_NOT_FOUND);
  CHECK_INT(gw_state_write(path, entries, 2, NULL), GW_OK);
  CHECK_INT(gw_state_read(path, &arena, &items, &count, NULL), GW_OK);
  CHECK_INT(count, 2);
  for (size_t i = 0; i < 2; i++) {
    CHECK(gw_str_eq(items[i].route, entries[i].route));
    CHECK(gw_stand_eq(items[i].stand, gw_stand_of(entries[i].stand.stage, entries[i].stand.share)));
    CHECK(gw_stand_eq(items[i].over, gw_stand_of(entries[i].over.stage, entries[i].over.share)));
    CHECK(gw_str_eq(items[i].who, entries[i].who));
    CHECK(gw_str_eq(items[i].why, entries[i].why));
    CHECK_INT(items[i].at_ms, entries[i].at_ms);
    CHECK_INT(items[i].held, entries[i].held);
  }
  CHECK_INT(gw_state_write(path, NULL, 0, NULL), GW_OK);
  CHECK_INT(gw_state_read(path, &arena, &items, &count, NULL), GW_OK);
  CHECK_INT(count, 0);
  gw_arena_done(&arena);
  leave();
}

#define ENTRY(stage, rest) "{\"version\":1,\"routes\":{\"a\":{\"stage\":" stage rest "}}}"
#define REST                                                                                       \
  ",\"over\":{\"stage\":\"shadow\"},\"who\":\"x\",\"why\":\"\","                                   \
  "\"at\":\"2026-11-27T08:00:00.000Z\""

static const char *const broken_rows[] = {
  "",
  "{",
  "[]",
  "{\"version\":2,\"routes\":{}}",
  "{\"version\":1}",
  "{\"version\":1,\"routes\":[]}",
  "{\"version\":1,\"routes\":{},\"routes\":{}}",
  "{\"version\":1,\"routes\":{\"a\":1}}",
  "{\"version\":1,\"routes\":{\"a b\":{}}}",
  ENTRY("\"canari\"", REST),
  ENTRY("\"canary\",\"share\":\"101%\"", REST),
  ENTRY("\"canary\",\"share\":0.5", REST),
  ENTRY("\"canary\",\"share\":\"5\"", REST),
  ENTRY("1", REST),
  ENTRY("\"shadow\"", ""),
  ENTRY("\"shadow\"", ",\"over\":{\"stage\":\"grpc\"},\"who\":\"x\",\"why\":\"\",\"at\":\"now\""),
  ENTRY("\"shadow\"", ",\"over\":{\"stage\":\"grpc\"},\"who\":\"x\",\"why\":\"\","
                      "\"at\":\"2026-11-27T08:00:00.000Zx\""),
  ENTRY("\"shadow\"", ",\"over\":{\"stage\":\"grpc\"},\"who\":1,\"why\":\"\","
                      "\"at\":\"2026-11-27T08:00:00.000Z\""),
};

TEST(state, a_broken_one_is_refused_with_a_reason_and_can_be_set_aside) {
  enter();
  for (size_t i = 0; i < GW_COUNT_OF(broken_rows); i++) {
    gw_arena arena;
    gw_err err;
    gw_state_entry *items = NULL;
    size_t count = 7;
    gw_err_init(&err);
    gw_arena_init(&arena, NULL, 1u << 20);
    put(broken_rows[i]);
    if (gw_state_read(path, &arena, &items, &count, &err) != GW_BAD_VALUE)
      fail_msg("accepted: %s", broken_rows[i]);
    CHECK(err.text[0] != '\0');
    CHECK(items == NULL && count == 7);
    gw_arena_done(&arena);
  }
  CHECK(gw_state_set_aside(path));
  CHECK(access(path, F_OK) != 0);
  CHECK(!gw_state_set_aside(path));
  leave();
}

TEST(state, a_failed_write_leaves_the_old_one) {
  gw_arena arena;
  gw_err err;
  gw_state_entry *items = NULL;
  size_t count = 0;
  char wrong[160];
  enter();
  gw_err_init(&err);
  gw_arena_init(&arena, NULL, 1u << 20);
  CHECK_INT(gw_state_write(path, entries, 1, NULL), GW_OK);
  /* What the new one would be written to is a folder: open() fails, also for root. */
  snprintf(wrong, sizeof wrong, "%s.tmp", path);
  CHECK_INT(mkdir(wrong, 0700), 0);
  CHECK_INT(gw_state_write(path, entries, 2, &err), GW_UNAVAILABLE);
  CHECK(err.text[0] != '\0');
  CHECK_INT(rmdir(wrong), 0);
  CHECK_INT(gw_state_read(path, &arena, &items, &count, NULL), GW_OK);
  CHECK_INT(count, 1);
  snprintf(wrong, sizeof wrong, "%s/none/state", folder);
  CHECK_INT(gw_state_write(wrong, entries, 1, NULL), GW_UNAVAILABLE);
  gw_arena_done(&arena);
  leave();
}

static gw_code write_and_read(void *context) {
  gw_arena arena;
  gw_state_entry *items = NULL;
  size_t count = 0;
  (void)context;
  gw_arena_init(&arena, NULL, 1u << 20);
  gw_code code = gw_state_write(path, entries, 2, NULL);
  if (code == GW_OK) code = gw_state_read(path, &arena, &items, &count, NULL);
  if (code == GW_OK && count != 2) code = GW_INTERNAL;
  gw_arena_done(&arena);
  return code;
}

TEST(state, survives_each_failed_alloc) {
  enter();
  test_fail_each_alloc(write_and_read, NULL);
  leave();
}
