#include "migrate/live.h"

#include <math.h>
#include <pthread.h>

#include "unit/migrate/answers.h"

/* ---- latencies ---- */

/* Bucket i + 1 begins at 64 us times 2^(i/4): us^4 >= 64^4 * 2^i, which needs no rounding. */
static bool is_beyond_edge(uint64_t us, uint32_t i) {
  __uint128_t square = (__uint128_t)us * us;
  return square * square >= (__uint128_t)1 << (24 + i);
}

TEST(live, latency_buckets_are_exact_at_their_edges) {
  CHECK_INT(gw_latency_bucket(0), 0);
  CHECK_INT(gw_latency_bucket(63), 0);
  CHECK_INT(gw_latency_bucket(64), 1);
  for (uint32_t i = 0; i < GW_LATENCY_BUCKETS - 1; i++) {
    uint64_t low = 0, high = (uint64_t)1 << 30; /* low is below the edge, high not */
    while (high - low > 1) {
      uint64_t middle = low + (high - low) / 2;
      if (is_beyond_edge(middle, i))
        high = middle;
      else
        low = middle;
    }
    CHECK_INT(gw_latency_bucket(high - 1), i);
    CHECK_INT(gw_latency_bucket(high), i + 1);
  }
  CHECK_INT(gw_latency_bucket(UINT64_MAX), GW_LATENCY_BUCKETS - 1);
}

static uint64_t random_next(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

static double random_unit(uint64_t *state) {
  return ((double)(random_next(state) >> 11) + 0.5) / 9007199254740992.0;
}

static int compare_u64(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

static uint64_t draw_latency(int shape, uint64_t *state) {
  double u = random_unit(state), v = random_unit(state);
  switch (shape) {
  case 0: return (uint64_t)(-5000 * log(u)); /* exponential */
  case 1:
    return (uint64_t)(3000 * exp(0.7 * sqrt(-2 * log(u)) * cos(6.283185307 * v))); /* log-normal */
  case 2: return (uint64_t)(1000 + 49000 * u);                                     /* even */
  default: return (uint64_t)((v < 0.9 ? 2000 : 80000) * (1 + u));                  /* two humps */
  }
}

TEST(live, latency_quantile_is_within_a_tenth) {
  enum { SAMPLES = 20000 };
  static const double quantiles[] = { 0.01, 0.1, 0.5, 0.9, 0.95, 0.99 };
  uint64_t seed = 1;
  uint64_t *samples = malloc(SAMPLES * sizeof *samples);
  for (int shape = 0; shape < 4; shape++) {
    uint64_t buckets[GW_LATENCY_BUCKETS] = { 0 };
    for (int i = 0; i < SAMPLES; i++) {
      samples[i] = draw_latency(shape, &seed);
      buckets[gw_latency_bucket(samples[i])]++;
    }
    qsort(samples, SAMPLES, sizeof *samples, compare_u64);
    for (size_t i = 0; i < GW_COUNT_OF(quantiles); i++) {
      double wanted = (double)samples[(size_t)(quantiles[i] * SAMPLES)];
      double got = gw_latency_quantile(buckets, quantiles[i]);
      if (wanted < 64) continue; /* bucket 0 tells no more than that it is below */
      if (fabs(got - wanted) >= 0.1 * wanted)
        fail_msg("shape %d: quantile %g is %g, not %g", shape, quantiles[i], got, wanted);
    }
  }
  free(samples);
}

TEST(live, latency_quantile_of_a_few) {
  uint64_t buckets[GW_LATENCY_BUCKETS] = { 0 };
  CHECK(gw_latency_quantile(buckets, 0.99) == 0);
  buckets[0] = 10;
  CHECK(gw_latency_quantile(buckets, 0.5) == 32);
  CHECK(gw_latency_quantile(buckets, 1) == 64);
  buckets[0] = 0;
  /* All of one value: never further off than its bucket is wide, 19 %. */
  for (uint64_t us = 64; us < 90000000; us += us / 7 + 1) {
    uint64_t one[GW_LATENCY_BUCKETS] = { 0 };
    one[gw_latency_bucket(us)] = 1000;
    for (double q = 0.0; q <= 1; q += 0.125) {
      double ratio = gw_latency_quantile(one, q) / (double)us;
      CHECK(ratio > 0.84 && ratio < 1.1893);
    }
  }
  buckets[GW_LATENCY_BUCKETS - 1] = 3; /* open: its lower edge is all that is known */
  CHECK(fabs(gw_latency_quantile(buckets, 0.99) - 64 * exp2(20.5)) < 1);
}

TEST(live, side_count_counts) {
  gw_side_counters counters = { 0 };
  gw_side_count(&counters, false, 10);
  gw_side_count(&counters, true, 64);
  gw_side_count(&counters, true, UINT64_MAX);
  CHECK_INT(gw_counter_get(&counters.requests), 3);
  CHECK_INT(gw_counter_get(&counters.errors), 2);
  CHECK_INT(gw_counter_get(&counters.buckets[0]), 1);
  CHECK_INT(gw_counter_get(&counters.buckets[1]), 1);
  CHECK_INT(gw_counter_get(&counters.buckets[GW_LATENCY_BUCKETS - 1]), 1);
}

TEST(live, parity_names_are_the_metrics_labels) {
  CHECK_STR(gw_parity_name(GW_PARITY_EQUAL), "equal");
  CHECK_STR(gw_parity_name(GW_PARITY_DIFFERENT), "different");
  CHECK_STR(gw_parity_name(GW_PARITY_FAILED), "failed");
  CHECK_STR(gw_parity_name(GW_PARITY_DROPPED), "dropped");
}

/* ---- routes ---- */

TEST(live, get_keeps_one_for_each_name) {
  gw_live *a = gw_live_get(GW_STR("a")), *b = gw_live_get(GW_STR("b"));
  CHECK(a != NULL && b != NULL && a != b);
  CHECK(gw_live_get(GW_STR("a")) == a);
  CHECK(gw_live_find(GW_STR("b")) == b);
  CHECK(gw_live_find(GW_STR("ab")) == NULL);
  CHECK(gw_live_find((gw_str){ NULL, 0 }) == NULL);
  CHECK_STR(gw_live_route(a), "a");
  gw_live_done();
  CHECK(gw_live_find(GW_STR("a")) == NULL);
}

TEST(live, sum_adds_all_workers) {
  gw_live *live = gw_live_get(GW_STR("r"));
  gw_live_sums sums;
  memset(&sums, 0xff, sizeof sums);
  gw_live_sum(live, &sums);
  CHECK_INT(sums.sides[GW_SIDE_GRPC].requests, 0);
  for (uint32_t worker = 0; worker < 3; worker++) {
    gw_live_counters *counters = gw_live_counters_of(live, worker * 100);
    CHECK(counters == gw_live_counters_of(live, worker * 100));
    gw_side_count(&counters->sides[GW_SIDE_LEGACY], false, 100);
    gw_side_count(&counters->sides[GW_SIDE_GRPC], true, 1000);
    gw_count(&counters->fallbacks, 1);
    gw_count(&counters->fallbacks_refused, 2);
    gw_count(&counters->shadows, 3);
    gw_count(&counters->shadows_in_flight, 4);
    gw_count(&counters->parity[GW_PARITY_FAILED], 5);
    gw_count(&counters->compared[GW_PARITY_FAILED], 6);
    gw_count(&counters->compared[GW_PARITY_EQUAL], 7);
    gw_count(&counters->kinds[GW_DIFF_ORDER], 8);
  }
  gw_live_sum(live, &sums);
  CHECK_INT(sums.sides[GW_SIDE_LEGACY].requests, 3);
  CHECK_INT(sums.sides[GW_SIDE_LEGACY].errors, 0);
  CHECK_INT(sums.sides[GW_SIDE_LEGACY].buckets[gw_latency_bucket(100)], 3);
  CHECK_INT(sums.sides[GW_SIDE_GRPC].errors, 3);
  CHECK_INT(sums.sides[GW_SIDE_GRPC].buckets[gw_latency_bucket(1000)], 3);
  CHECK_INT(sums.fallbacks, 3);
  CHECK_INT(sums.fallbacks_refused, 6);
  CHECK_INT(sums.shadows, 9);
  CHECK_INT(sums.shadows_in_flight, 12);
  CHECK_INT(sums.parity[GW_PARITY_FAILED], 33);
  CHECK_INT(sums.parity[GW_PARITY_EQUAL], 21);
  CHECK_INT(sums.kinds[GW_DIFF_ORDER], 24);
  gw_live_done();
}

static void check_parity(gw_live *live, uint64_t equal, uint64_t failed) {
  uint64_t parity[GW_PARITY_COUNT];
  gw_live_parity(live, parity);
  CHECK_INT(parity[GW_PARITY_EQUAL], equal);
  CHECK_INT(parity[GW_PARITY_FAILED], failed);
  CHECK_INT(parity[GW_PARITY_DIFFERENT] + parity[GW_PARITY_DROPPED], 0);
}

TEST(live, shown_parity_begins_anew_and_sums_go_on) {
  gw_live *live = gw_live_get(GW_STR("r"));
  gw_live_sums sums;
  gw_live_parity_terms(live, 7);
  CHECK(gw_live_move(live, gw_stand_of(GW_STAGE_SHADOW, 0), "configuration", "", 1));
  gw_live_counters *one = gw_live_counters_of(live, 0), *two = gw_live_counters_of(live, 1);
  gw_count(&one->compared[GW_PARITY_EQUAL], 5);
  gw_count(&two->parity[GW_PARITY_FAILED], 3);
  gw_live_parity_terms(live, 7);
  check_parity(live, 5, 3);
  gw_live_parity_terms(live, 8); /* others */
  check_parity(live, 0, 0);
  gw_count(&two->compared[GW_PARITY_EQUAL], 2);
  check_parity(live, 2, 0);
  CHECK(gw_live_move(live, gw_stand_of(GW_STAGE_CANARY, 10), "operator", "", 2));
  check_parity(live, 0, 0);
  gw_count(&one->compared[GW_PARITY_EQUAL], 4);
  CHECK(gw_live_move(live, gw_stand_of(GW_STAGE_CANARY, 20), "ramp", "", 3)); /* the same stage */
  check_parity(live, 4, 0);
  gw_live_parity_begin(live);
  check_parity(live, 0, 0);
  gw_count(&gw_live_counters_of(live, 2)->parity[GW_PARITY_FAILED], 1);
  check_parity(live, 0, 1);
  gw_live_sum(live, &sums);
  CHECK_INT(sums.parity[GW_PARITY_EQUAL], 11);
  CHECK_INT(sums.parity[GW_PARITY_FAILED], 4);
  gw_live_done();
}

/* ---- stand and journal ---- */

TEST(live, first_move_is_from_itself) {
  gw_live *live = gw_live_get(GW_STR("r"));
  gw_move moves[GW_JOURNAL_MAX];
  CHECK_INT(gw_live_journal(live, moves), 0);
  CHECK_INT(gw_live_stand(live).stage, GW_STAGE_LEGACY);
  /* Also to where a new one stands anyway. */
  CHECK(gw_live_move(live, gw_stand_of(GW_STAGE_LEGACY, 0), "configuration", "", 1000));
  CHECK_INT(gw_live_journal(live, moves), 1);
  CHECK(gw_stand_eq(moves[0].from, moves[0].to));
  CHECK_INT(moves[0].at_ms, 1000);
  CHECK_INT(gw_live_since_ms(live), 1000);
  gw_live_done();
}

TEST(live, move_changes_the_stand_and_writes_the_journal) {
  gw_live *live = gw_live_get(GW_STR("r"));
  gw_stand shadow = gw_stand_of(GW_STAGE_SHADOW, 0), tenth = gw_stand_of(GW_STAGE_CANARY, 100000);
  gw_move moves[GW_JOURNAL_MAX];
  CHECK(gw_live_move(live, shadow, "state file", "as it was", 1));
  CHECK(gw_live_move(live, tenth, "operator", "let's see", 2));
  CHECK(!gw_live_move(live, tenth, "operator", "again", 3));
  CHECK(gw_stand_eq(gw_live_stand(live), tenth));
  CHECK(gw_live_move(live, gw_stand_of(GW_STAGE_CANARY, 250000), "ramp", "", 4));
  CHECK_INT(gw_live_since_ms(live), 4);
  CHECK_INT(gw_live_journal(live, moves), 3);
  CHECK_STR(gw_str_of(moves[0].who), "ramp");
  CHECK(gw_stand_eq(moves[0].from, tenth));
  CHECK_INT(moves[0].to.share, 250000);
  CHECK_STR(gw_str_of(moves[1].why), "let's see");
  CHECK_INT(moves[1].at_ms, 2);
  CHECK(gw_stand_eq(moves[1].from, shadow));
  CHECK_STR(gw_str_of(moves[2].who), "state file");
  gw_live_done();
}

TEST(live, journal_is_a_ring) {
  gw_live *live = gw_live_get(GW_STR("r"));
  gw_move moves[GW_JOURNAL_MAX];
  for (uint32_t i = 1; i <= 3 * GW_JOURNAL_MAX + 5; i++) {
    CHECK(gw_live_move(live, gw_stand_of(GW_STAGE_CANARY, i), "operator", "", i));
    uint32_t n = gw_live_journal(live, moves);
    CHECK_INT(n, i < GW_JOURNAL_MAX ? i : GW_JOURNAL_MAX);
    for (uint32_t k = 0; k < n; k++) {
      CHECK_INT(moves[k].at_ms, i - k);
      CHECK_INT(moves[k].to.share, i - k);
      CHECK_INT(moves[k].from.share, i - k > 1 ? i - k - 1 : 1);
    }
  }
  gw_live_done();
}

TEST(live, journal_cuts_texts_between_characters) {
  gw_live *live = gw_live_get(GW_STR("r"));
  char long_text[400];
  gw_move moves[GW_JOURNAL_MAX];
  for (size_t shift = 0; shift < 3; shift++) {
    memset(long_text, 'x', shift);
    for (size_t i = shift; i + 3 < sizeof long_text; i += 3)
      memcpy(long_text + i, "\xe2\x82\xac", 4);
    CHECK(gw_live_move(live, gw_stand_of(GW_STAGE_CANARY, (uint32_t)shift + 1), long_text,
                       long_text, 1));
    CHECK_INT(gw_live_journal(live, moves), shift + 1);
    size_t n = strlen(moves[0].why);
    CHECK(n >= GW_JOURNAL_WHY_MAX - 3 && (n - shift) % 3 == 0);
    CHECK_INT((strlen(moves[0].who) - shift) % 3, 0);
    CHECK(strlen(moves[0].who) >= 29);
  }
  long_text[GW_JOURNAL_WHY_MAX - 1] = '\0';
  memset(long_text, 'y', GW_JOURNAL_WHY_MAX - 1); /* just fits */
  CHECK(gw_live_move(live, gw_stand_of(GW_STAGE_GRPC, 0), "operator", long_text, 1));
  gw_live_journal(live, moves);
  CHECK_STR(gw_str_of(moves[0].why), long_text);
  gw_live_done();
}

/* Readers of the stand see whole ones only: stage and share belong together. */
static void *read_stands(void *context) {
  gw_live *live = context;
  uint64_t torn = 0;
  for (int i = 0; i < 200000; i++) {
    gw_stand stand = gw_live_stand(live);
    torn += !gw_stand_eq(stand, gw_stand_of(stand.stage, stand.share));
  }
  return (void *)(uintptr_t)torn;
}

TEST(live, stand_is_read_whole_by_other_threads) {
  gw_live *live = gw_live_get(GW_STR("r"));
  pthread_t reader;
  CHECK_INT(pthread_create(&reader, NULL, read_stands, live), 0);
  for (uint32_t i = 1; i <= 20000; i++)
    gw_live_move(live, gw_stand_of((gw_stage)(i % GW_STAGE_COUNT), i), "operator", "", i);
  void *torn = NULL;
  CHECK_INT(pthread_join(reader, &torn), 0);
  CHECK(torn == NULL);
  gw_live_done();
}

/* ---- coverage ---- */

static gw_migration migration_to(const char *message) {
  return (gw_migration){ .pool = answers_pool(),
                         .output = gw_pool_find_message(answers_pool(), gw_str_of(message)) };
}

/* A reload that brings other fields begins a new one; a comparison of the older snapshot that still
 * runs keeps its own. */
TEST(live, coverage_is_one_for_each_shape_of_the_answer) {
  gw_live *live = gw_live_get(GW_STR("r"));
  gw_migration book = migration_to("codectest.Book"), shelf = migration_to("codectest.Shelf");
  gw_migration again = book;
  gw_coverage *of_book = gw_live_coverage(live, &book);
  CHECK(of_book != NULL);
  CHECK(gw_live_coverage(live, &again) == of_book);
  gw_coverage *of_shelf = gw_live_coverage(live, &shelf);
  CHECK(of_shelf != NULL && of_shelf != of_book);
  CHECK(gw_live_coverage(live, &book) == of_book);
  CHECK(gw_live_coverage(live, &shelf) == of_shelf);
  gw_live_done();
}

static gw_code make_coverage(void *context) {
  gw_live *live = gw_live_get(GW_STR("r"));
  gw_code code = live != NULL && gw_live_coverage(live, context) != NULL ? GW_OK : GW_NOMEM;
  gw_live_done();
  return code;
}

TEST(live, coverage_survives_each_failed_alloc) {
  gw_migration shelf = migration_to("codectest.Shelf");
  test_fail_each_alloc(make_coverage, &shelf);
}

/* ---- memory ---- */

static gw_code make_live(void *context) {
  (void)context;
  gw_code code = GW_OK;
  for (uint32_t i = 0; i < 40; i++) { /* enough for the hash to grow */
    char name[16];
    gw_live *live = gw_live_get((gw_str){ name, (size_t)snprintf(name, sizeof name, "r%u", i) });
    if (live == NULL || gw_live_counters_of(live, i) == NULL) code = GW_NOMEM;
    if (live == NULL) continue;
    CHECK(gw_live_find(gw_live_route(live)) == live);
    for (uint32_t k = 1; k < 4; k++) /* it moves, with or without a place in the journal */
      CHECK(gw_live_move(live, gw_stand_of(GW_STAGE_CANARY, k), "configuration", "", 1));
    gw_move moves[GW_JOURNAL_MAX];
    CHECK_INT(gw_live_stand(live).share, 3);
    CHECK(gw_live_journal(live, moves) > 0);
    CHECK_INT(moves[0].to.share, 3);
  }
  gw_live_done();
  return code;
}

TEST(live, survives_each_failed_alloc) {
  test_fail_each_alloc(make_live, NULL);
}
