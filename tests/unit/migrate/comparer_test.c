#include "migrate/comparer.h"

#include <pthread.h>

#include "unit/migrate/answers.h"

static pthread_mutex_t done_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t done_wake = PTHREAD_COND_INITIALIZER;
static uint32_t done_count;
static bool done_waits; /* jobs are not let go */

static void job_done(gw_compare_job *job) {
  pthread_mutex_lock(&done_lock);
  while (done_waits)
    pthread_cond_wait(&done_wake, &done_lock);
  done_count++;
  pthread_cond_broadcast(&done_wake);
  pthread_mutex_unlock(&done_lock);
  free(job);
}

static void wait_done(uint32_t count) {
  pthread_mutex_lock(&done_lock);
  while (done_count < count)
    pthread_cond_wait(&done_wake, &done_lock);
  pthread_mutex_unlock(&done_lock);
}

static void let_go(bool waits) {
  pthread_mutex_lock(&done_lock);
  done_waits = waits;
  pthread_cond_broadcast(&done_wake);
  pthread_mutex_unlock(&done_lock);
}

typedef struct bench {
  answers a;
  gw_live *live;
  gw_live_counters *counters;
  gw_comparer *comparer;
} bench;

static void bench_init(bench *b) {
  done_count = 0;
  done_waits = false;
  answers_init(&b->a, GW_STR("message codectest.Nested"));
  b->live = gw_live_get(GW_STR("get-user"));
  b->counters = gw_live_counters_of(b->live, 0);
  b->comparer = gw_comparer_start(0);
  CHECK(b->comparer != NULL);
}

static void bench_done(bench *b) {
  gw_comparer_stop(b->comparer);
  gw_live_done();
  answers_done(&b->a);
}

static gw_side_answer json_answer(const char *body) {
  return (gw_side_answer){ .status = 200,
                           .content_type = GW_STR("application/json"),
                           .body = gw_str_of(body) };
}

static gw_compare_job *job_new(bench *b, const char *legacy, const char *grpc) {
  gw_compare_job *job = calloc(1, sizeof *job);
  CHECK(job != NULL);
  *job = (gw_compare_job){ .migration = &b->a.migration,
                           .live = b->live,
                           .counters = b->counters,
                           .request = GW_STR("GET /v1/users/7"),
                           .legacy = json_answer(legacy),
                           .grpc = json_answer(grpc),
                           .bytes = 100,
                           .done = job_done };
  return job;
}

static uint64_t compared(const bench *b, gw_parity parity) {
  return gw_counter_get(&b->counters->compared[parity]);
}

static void count_entries(void *context, const gw_ledger_entry *entry) {
  uint32_t *count = context;
  if (gw_str_eq(entry->pointer, GW_STR("/count"))) CHECK(entry->unstable);
  ++*count;
}

TEST(comparer, counts_and_writes_ledger_and_coverage) {
  bench b;
  bench_init(&b);
  gw_compare_job *twice = job_new(&b, "{\"count\":1}", "{\"count\":2}");
  twice->again = json_answer("{\"count\":3}");
  twice->has_again = true;
  CHECK(gw_comparer_offer(b.comparer, job_new(&b, "{\"name\":\"a\"}", "{\"name\":\"a\"}")));
  CHECK(gw_comparer_offer(b.comparer, job_new(&b, "{\"name\":\"a\"}", "{\"name\":\"b\"}")));
  CHECK(gw_comparer_offer(b.comparer, job_new(&b, "{\"name\":", "{\"name\":\"b\"}")));
  CHECK(gw_comparer_offer(b.comparer, twice));
  wait_done(4);
  CHECK_INT(compared(&b, GW_PARITY_EQUAL), 1);
  CHECK_INT(compared(&b, GW_PARITY_DIFFERENT), 2);
  CHECK_INT(compared(&b, GW_PARITY_FAILED), 1);
  CHECK_INT(compared(&b, GW_PARITY_DROPPED), 0);
  CHECK_INT(gw_counter_get(&b.counters->kinds[GW_DIFF_VALUE]), 2);
  uint32_t entries = 0;
  gw_ledger_failure failure;
  gw_ledger_each(gw_live_ledger(b.live), count_entries, &entries);
  CHECK_INT(entries, 2);
  CHECK(gw_ledger_failure_of(gw_live_ledger(b.live), &failure));
  CHECK(gw_str_starts((gw_str){ failure.reason, failure.reason_n },
                      GW_STR("legacy's body is no JSON")));
  json_t *json = gw_coverage_json(gw_live_coverage(b.live, &b.a.migration));
  CHECK_INT(json_integer_value(json_object_get(json_object_get(json, "fields"), "seen")), 2);
  CHECK_INT(json_integer_value(json_object_get(json_object_get(json, "statuses"), "200")), 3);
  json_decref(json);
  bench_done(&b);
}

TEST(comparer, a_full_queue_is_told_at_once_and_the_rest_is_dropped_at_stop) {
  bench b;
  uint32_t taken = 0;
  bench_init(&b);
  let_go(true); /* the first job keeps the thread */
  for (;;) {
    gw_compare_job *job = job_new(&b, "{}", "{}");
    if (gw_comparer_offer(b.comparer, job)) {
      taken++;
      continue;
    }
    free(job);
    break;
  }
  CHECK(taken == GW_COMPARER_JOBS_MAX || taken == GW_COMPARER_JOBS_MAX + 1);
  let_go(false);
  gw_comparer_stop(b.comparer);
  b.comparer = NULL;
  CHECK_INT(done_count, taken);
  CHECK_INT(compared(&b, GW_PARITY_EQUAL) + compared(&b, GW_PARITY_DROPPED), taken);
  bench_done(&b);
}

TEST(comparer, bytes_that_wait_are_bounded) {
  bench b;
  bench_init(&b);
  gw_compare_job *large = job_new(&b, "{}", "{}"), *more = job_new(&b, "{}", "{}");
  large->bytes = GW_COMPARER_BYTES_MAX + 1;
  CHECK(!gw_comparer_offer(b.comparer, large));
  large->bytes = GW_COMPARER_BYTES_MAX / 2 + 1;
  more->bytes = GW_COMPARER_BYTES_MAX / 2;
  let_go(true);
  gw_compare_job *blocks = job_new(&b, "{}", "{}");
  blocks->bytes = 0;
  CHECK(gw_comparer_offer(b.comparer, blocks));
  CHECK(gw_comparer_offer(b.comparer, large));
  CHECK(!gw_comparer_offer(b.comparer, more));
  let_go(false);
  wait_done(2);
  CHECK(gw_comparer_offer(b.comparer, more)); /* there is room again */
  wait_done(3);
  bench_done(&b);
}

TEST(comparer, stops_when_there_was_nothing_to_do) {
  gw_comparer_stop(gw_comparer_start(3));
  gw_comparer_stop(NULL);
}
