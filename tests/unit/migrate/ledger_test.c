#include "migrate/ledger.h"

#include "unit/test.h"

/* One difference at a pointer whose last token may be any index. */
static gw_diff diff_at(gw_diff_kind kind, const char *pointer, const char *pattern) {
  return (gw_diff){ .kind = kind,
                    .pointer = gw_str_of(pointer),
                    .pattern = gw_str_of(pattern),
                    .legacy = GW_STR("1"),
                    .grpc = GW_STR("\"1\""),
                    .option = GW_STR("json.int64: number") };
}

static void add(gw_ledger *ledger, const gw_diff *items, uint32_t count, uint64_t now_ms) {
  gw_comparison c = {
    .items = items, .count = count, .legacy_text = GW_STR("{legacy}"), .grpc_text = GW_STR("{grpc}")
  };
  gw_ledger_add(ledger, &c, GW_STR("GET /v1/users/7"), 200, 201, now_ms);
}

static void add_one(gw_ledger *ledger, gw_diff_kind kind, const char *pointer, const char *pattern,
                    uint64_t now_ms) {
  gw_diff diff = diff_at(kind, pointer, pattern);
  add(ledger, &diff, 1, now_ms);
}

/* "pointer kind count first-last [unstable]" of each entry, one on a line. */
typedef struct listing {
  char text[16384];
  size_t n;
} listing;

static void list_entry(void *context, const gw_ledger_entry *e) {
  listing *l = context;
  l->n += (size_t)snprintf(l->text + l->n, sizeof l->text - l->n,
                           GW_STR_FMT " " GW_STR_FMT " %llu %llu-%llu%s\n", GW_STR_ARG(e->pointer),
                           GW_STR_ARG(gw_diff_kind_name(e->kind)), (unsigned long long)e->count,
                           (unsigned long long)e->first_ms, (unsigned long long)e->last_ms,
                           e->unstable ? " unstable" : "");
}

static gw_str list(gw_ledger *ledger, listing *l) {
  l->n = 0;
  gw_ledger_each(ledger, list_entry, l);
  return (gw_str){ l->text, l->n };
}

TEST(ledger, counts_by_pointer_and_kind_most_frequent_first) {
  gw_ledger *ledger = gw_ledger_new();
  listing l;
  add_one(ledger, GW_DIFF_VALUE, "/a", "/a", 10);
  add_one(ledger, GW_DIFF_VALUE, "/b", "/b", 20);
  add_one(ledger, GW_DIFF_TYPE, "/b", "/b", 25);
  add_one(ledger, GW_DIFF_VALUE, "/b", "/b", 30);
  CHECK_STR(list(ledger, &l), "/b value 2 20-30\n/b type 1 25-25\n/a value 1 10-10\n");
  gw_ledger_clear(ledger);
  CHECK_STR(list(ledger, &l), "");
  gw_ledger_free(ledger);
  gw_ledger_free(NULL);
}

TEST(ledger, a_pointer_is_exact_as_long_as_there_was_one_only) {
  gw_ledger *ledger = gw_ledger_new();
  listing l;
  add_one(ledger, GW_DIFF_VALUE, "/items/3/x", "/items/*/x", 1);
  CHECK_STR(list(ledger, &l), "/items/3/x value 1 1-1\n");
  add_one(ledger, GW_DIFF_VALUE, "/items/3/x", "/items/*/x", 2);
  CHECK_STR(list(ledger, &l), "/items/3/x value 2 1-2\n");
  add_one(ledger, GW_DIFF_VALUE, "/items/4/x", "/items/*/x", 3);
  CHECK_STR(list(ledger, &l), "/items/*/x value 3 1-3\n");
  add_one(ledger, GW_DIFF_VALUE, "/items/4/x", "/items/*/x", 4);
  CHECK_STR(list(ledger, &l), "/items/*/x value 4 1-4\n");
  gw_ledger_free(ledger);
}

TEST(ledger, a_comparison_counts_once_however_many_elements_differ) {
  gw_ledger *ledger = gw_ledger_new();
  gw_diff diffs[] = { diff_at(GW_DIFF_VALUE, "/0", "/*"), diff_at(GW_DIFF_VALUE, "/1", "/*") };
  listing l;
  add(ledger, diffs, 2, 5);
  CHECK_STR(list(ledger, &l), "/* value 1 5-5\n");
  gw_ledger_free(ledger);
}

static void check_texts(void *context, const gw_ledger_entry *e) {
  (void)context;
  CHECK_STR(e->legacy, "2");
  CHECK(e->grpc.p == NULL);
  CHECK_STR(e->option, "json.emit: all");
}

TEST(ledger, shows_the_last_texts_from_its_own_memory) {
  gw_ledger *ledger = gw_ledger_new();
  char pointer[] = "/a", text[] = "1";
  gw_diff diff = diff_at(GW_DIFF_DEFAULT, pointer, pointer);
  diff.legacy = gw_str_of(text);
  add(ledger, &diff, 1, 1);
  text[0] = '2';
  diff.grpc = (gw_str){ NULL, 0 };
  diff.option = GW_STR("json.emit: all");
  add(ledger, &diff, 1, 2);
  memset(text, 'x', 1);
  memset(pointer, 'x', 2);
  gw_ledger_each(ledger, check_texts, NULL);
  gw_ledger_free(ledger);
}

TEST(ledger, what_legacy_answers_differently_twice_is_unstable) {
  gw_ledger *ledger = gw_ledger_new();
  gw_diff a = diff_at(GW_DIFF_VALUE, "/at", "/at"), b = diff_at(GW_DIFF_VALUE, "/new", "/new");
  gw_comparison twice = { .items = &a, .count = 1 };
  listing l;
  add(ledger, &a, 1, 1);
  gw_ledger_add_unstable(ledger, &twice, 2);
  CHECK_STR(list(ledger, &l), "/at value 1 1-1 unstable\n");
  twice.items = &b; /* known before any difference of the sides */
  gw_ledger_add_unstable(ledger, &twice, 3);
  CHECK_STR(list(ledger, &l), "/at value 1 1-1 unstable\n/new value 0 3-3 unstable\n");
  add_one(ledger, GW_DIFF_TYPE, "/new", "/new", 4); /* of another kind */
  add_one(ledger, GW_DIFF_TYPE, "/other", "/other", 5);
  CHECK_STR(list(ledger, &l), "/other type 1 5-5\n/new type 1 4-4 unstable\n"
                              "/at value 1 1-1 unstable\n/new value 0 3-3 unstable\n");
  gw_ledger_free(ledger);
}

typedef struct survivors {
  uint32_t entries, frequent, newest;
} survivors;

static void count_survivor(void *context, const gw_ledger_entry *e) {
  survivors *s = context;
  s->entries++;
  if (e->count > 1) s->frequent++;
  if (e->count == 1 && e->last_ms > 1000) s->newest++;
}

TEST(ledger, the_most_frequent_and_the_newest_stay) {
  gw_ledger *ledger = gw_ledger_new();
  survivors s = { 0 };
  char name[32];
  for (int twice = 0; twice < 2; twice++) {
    for (uint32_t i = 0; i < GW_LEDGER_ENTRIES_MAX / 2; i++) {
      snprintf(name, sizeof name, "/often/%u", i);
      add_one(ledger, GW_DIFF_VALUE, name, name, 1 + i);
    }
  }
  for (uint32_t i = 0; i < 1000; i++) {
    snprintf(name, sizeof name, "/once/%u", i);
    add_one(ledger, GW_DIFF_VALUE, name, name, 500 + i);
  }
  gw_ledger_each(ledger, count_survivor, &s);
  CHECK_INT(s.entries, GW_LEDGER_ENTRIES_MAX);
  CHECK_INT(s.frequent, GW_LEDGER_ENTRIES_MAX / 2);
  CHECK_INT(s.newest, GW_LEDGER_ENTRIES_MAX / 2);
  CHECK_INT(gw_ledger_lost(ledger), 1000 - GW_LEDGER_ENTRIES_MAX / 2);
  gw_ledger_free(ledger);
}

static void check_pair(void *context, const gw_ledger_pair *pair) {
  uint64_t *at_ms = context;
  CHECK_INT(pair->at_ms, *at_ms);
  CHECK_STR(pair->request, "GET /v1/users/7");
  CHECK_INT(pair->legacy_status, 200);
  CHECK_INT(pair->grpc_status, 201);
  CHECK_STR(pair->legacy_text, "{legacy}");
  CHECK_STR(pair->grpc_text, "{grpc}");
  CHECK_INT(pair->diff_count, 2);
  CHECK_STR(pair->pointers[0], "/a");
  CHECK_STR(pair->pointers[1], "");
  CHECK_INT(pair->kinds[0], GW_DIFF_MISSING);
  CHECK_INT(pair->kinds[1], GW_DIFF_ORDER);
  --*at_ms;
}

TEST(ledger, keeps_the_newest_pairs) {
  gw_ledger *ledger = gw_ledger_new();
  gw_diff diffs[] = { diff_at(GW_DIFF_MISSING, "/a", "/a"), diff_at(GW_DIFF_ORDER, "", "") };
  uint64_t at_ms = 20;
  for (uint64_t i = 1; i <= 20; i++)
    add(ledger, diffs, 2, i);
  gw_ledger_each_pair(ledger, check_pair, &at_ms);
  CHECK_INT(at_ms, 20 - GW_LEDGER_PAIRS_MAX);
  gw_ledger_free(ledger);
}

static void check_cut(void *context, const gw_ledger_pair *pair) {
  (void)context;
  CHECK(pair->legacy_text.n <= GW_LEDGER_PAIR_BYTES);
  CHECK(gw_str_ends(pair->legacy_text, GW_STR("\xC3\xA9\n... (cut)")));
  CHECK_INT(pair->grpc_text.n, GW_LEDGER_PAIR_BYTES);
  CHECK(gw_str_ends(pair->grpc_text, GW_STR("xxx")));
}

TEST(ledger, long_bodies_are_cut_between_characters_and_say_so) {
  gw_ledger *ledger = gw_ledger_new();
  static char accents[GW_LEDGER_PAIR_BYTES + 2], letters[GW_LEDGER_PAIR_BYTES];
  for (size_t i = 0; i < sizeof accents; i += 2)
    memcpy(accents + i, "\xC3\xA9", 2);
  memset(letters, 'x', sizeof letters);
  gw_diff diff = diff_at(GW_DIFF_VALUE, "/a", "/a");
  gw_comparison c = { .items = &diff,
                      .count = 1,
                      .legacy_text = { accents, sizeof accents },
                      .grpc_text = { letters, sizeof letters } };
  gw_ledger_add(ledger, &c, GW_STR("GET /"), 200, 200, 1);
  gw_ledger_each_pair(ledger, check_cut, NULL);
  gw_ledger_free(ledger);
}

TEST(ledger, tells_why_answers_could_not_be_compared) {
  gw_ledger *ledger = gw_ledger_new();
  gw_ledger_failure failure;
  char long_text[600];
  CHECK(!gw_ledger_failure_of(ledger, &failure));
  gw_ledger_add_failure(ledger, GW_STR("no JSON"), GW_STR("GET /x"), 7);
  CHECK(gw_ledger_failure_of(ledger, &failure));
  CHECK_INT(failure.at_ms, 7);
  CHECK_STR(((gw_str){ failure.reason, failure.reason_n }), "no JSON");
  CHECK_STR(((gw_str){ failure.request, failure.request_n }), "GET /x");
  memset(long_text, 'y', sizeof long_text);
  gw_ledger_add_failure(ledger, (gw_str){ long_text, sizeof long_text }, GW_STR(""), 8);
  CHECK(gw_ledger_failure_of(ledger, &failure));
  CHECK_INT(failure.reason_n, sizeof failure.reason);
  CHECK_INT(failure.request_n, 0);
  gw_ledger_free(ledger);
}

static void count_entry(void *context, const gw_ledger_entry *e) {
  uint64_t *sum = context;
  *sum += e->count;
  CHECK(e->pointer.n == 2 && e->pattern.n == 2);
}

/* What cannot be kept is lost, and what is there stays right. */
static gw_code add_some(void *context) {
  (void)context;
  gw_ledger *ledger = gw_ledger_new();
  if (ledger == NULL) return GW_NOMEM;
  uint64_t sum = 0;
  add_one(ledger, GW_DIFF_VALUE, "/a", "/a", 1);
  add_one(ledger, GW_DIFF_VALUE, "/a", "/a", 2);
  add_one(ledger, GW_DIFF_VALUE, "/b", "/b", 3);
  gw_ledger_each(ledger, count_entry, &sum);
  bool lost = gw_ledger_lost(ledger) > 0;
  CHECK(sum == 3 || (lost && sum == 2));
  gw_ledger_free(ledger);
  return GW_OK;
}

TEST(ledger, survives_each_failed_alloc) {
  test_fail_each_alloc(add_some, NULL);
}
