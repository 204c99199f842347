#include "migrate/comparer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"

/* Two bodies as trees: 64 bytes for each value of two bytes at worst, their indices, sorted lists.
 */
#define COMPARER_ARENA_MAX   GW_MIB(256)
#define COMPARER_NICE        10        /* clients' requests go first */
#define COMPARER_STACK_BYTES GW_MIB(2) /* recursion is bounded by GW_JSON_BRACKETS_MAX */

struct gw_comparer {
  pthread_t thread;
  pthread_mutex_t lock; /* of all that follows */
  pthread_cond_t wake;  /* a job, or stop */
  gw_compare_job *first, **last;
  uint32_t count;
  size_t bytes;
  bool stops;
  gw_arena_pool blocks; /* the thread's */
};

static uint64_t comparer_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- one job ---- */

static void job_count(const gw_compare_job *job, gw_parity parity) {
  gw_count(&job->counters->compared[parity], 1);
}

/* What legacy itself answers differently twice says nothing about gRPC. */
static void job_compare_again(const gw_compare_job *job, gw_ledger *ledger, gw_arena *arena,
                              uint64_t now_ms) {
  gw_comparison twice;
  gw_arena_done(arena);
  if (gw_compare(job->migration, &job->legacy, &job->again, arena, &twice) != GW_OK) return;
  if (twice.count > 0) gw_ledger_add_unstable(ledger, &twice, now_ms);
}

static void job_cover(const gw_compare_job *job, const gw_comparison *made) {
  gw_coverage *coverage = gw_live_coverage(job->live, job->migration);
  if (coverage != NULL)
    gw_coverage_add(coverage, job->migration, job->grpc.status, made->grpc_body);
}

static void job_run(const gw_compare_job *job, gw_arena *arena) {
  gw_ledger *ledger = gw_live_ledger(job->live);
  uint64_t now_ms = comparer_now_ms();
  gw_comparison made;
  gw_code code = gw_compare(job->migration, &job->legacy, &job->grpc, arena, &made);
  if (code != GW_OK || made.failed != NULL) {
    gw_str reason =
        code != GW_OK ? GW_STR("the answers are too large to be compared") : gw_str_of(made.failed);
    job_count(job, GW_PARITY_FAILED);
    gw_ledger_add_failure(ledger, reason, job->request, now_ms);
    return;
  }
  job_count(job, made.count == 0 ? GW_PARITY_EQUAL : GW_PARITY_DIFFERENT);
  for (int i = 0; i < GW_DIFF_KIND_COUNT; i++)
    gw_count(&job->counters->kinds[i], made.kinds[i]);
  gw_ledger_add(ledger, &made, job->request, job->legacy.status, job->grpc.status, now_ms);
  job_cover(job, &made);
  if (job->has_again) job_compare_again(job, ledger, arena, now_ms);
}

/* ---- the thread ---- */

/* Waits; NULL: it is to stop. */
static gw_compare_job *comparer_take(gw_comparer *comparer) {
  gw_compare_job *job = NULL;
  pthread_mutex_lock(&comparer->lock);
  while (comparer->first == NULL && !comparer->stops)
    pthread_cond_wait(&comparer->wake, &comparer->lock);
  if (!comparer->stops) {
    job = comparer->first;
    comparer->first = job->next;
    if (comparer->first == NULL) comparer->last = &comparer->first;
  }
  pthread_mutex_unlock(&comparer->lock);
  return job;
}

/* The job's bytes are the queue's until it is done with. */
static void comparer_release(gw_comparer *comparer, gw_compare_job *job) {
  pthread_mutex_lock(&comparer->lock);
  comparer->count--;
  comparer->bytes -= job->bytes;
  pthread_mutex_unlock(&comparer->lock);
  job->done(job);
}

static void *comparer_run(void *context) {
  gw_comparer *comparer = context;
  gw_compare_job *job;
  /* On Linux each thread has a nice value of its own.  Without it the work is the same. */
  (void)setpriority(PRIO_PROCESS, (id_t)gettid(), COMPARER_NICE);
  while ((job = comparer_take(comparer)) != NULL) {
    gw_arena arena;
    gw_arena_init(&arena, &comparer->blocks, COMPARER_ARENA_MAX);
    job_run(job, &arena);
    gw_arena_done(&arena);
    comparer_release(comparer, job);
  }
  return NULL;
}

static bool comparer_start_thread(gw_comparer *comparer, uint32_t worker) {
  pthread_attr_t attributes;
  char name[16];
  if (pthread_attr_init(&attributes) != 0) return false;
  (void)pthread_attr_setstacksize(&attributes, COMPARER_STACK_BYTES);
  int failed = pthread_create(&comparer->thread, &attributes, comparer_run, comparer);
  pthread_attr_destroy(&attributes);
  if (failed != 0) return false;
  snprintf(name, sizeof name, "compare-%u", worker);
  (void)pthread_setname_np(comparer->thread, name);
  return true;
}

static void comparer_free(gw_comparer *comparer) {
  pthread_mutex_destroy(&comparer->lock);
  pthread_cond_destroy(&comparer->wake);
  gw_arena_pool_done(&comparer->blocks);
  free(comparer);
}

gw_comparer *gw_comparer_start(uint32_t worker) {
  gw_comparer *comparer = calloc(1, sizeof *comparer);
  if (comparer == NULL) return NULL;
  pthread_mutex_init(&comparer->lock, NULL);
  pthread_cond_init(&comparer->wake, NULL);
  comparer->last = &comparer->first;
  if (comparer_start_thread(comparer, worker)) return comparer;
  comparer_free(comparer);
  return NULL;
}

bool gw_comparer_offer(gw_comparer *comparer, gw_compare_job *job) {
  pthread_mutex_lock(&comparer->lock);
  bool fits = comparer->count < GW_COMPARER_JOBS_MAX && job->bytes <= GW_COMPARER_BYTES_MAX &&
              comparer->bytes <= GW_COMPARER_BYTES_MAX - job->bytes;
  if (fits) {
    job->next = NULL;
    *comparer->last = job;
    comparer->last = &job->next;
    comparer->count++;
    comparer->bytes += job->bytes;
    pthread_cond_signal(&comparer->wake);
  }
  pthread_mutex_unlock(&comparer->lock);
  return fits;
}

void gw_comparer_stop(gw_comparer *comparer) {
  if (comparer == NULL) return;
  pthread_mutex_lock(&comparer->lock);
  comparer->stops = true;
  pthread_cond_signal(&comparer->wake);
  pthread_mutex_unlock(&comparer->lock);
  pthread_join(comparer->thread, NULL);
  for (gw_compare_job *job = comparer->first, *next; job != NULL; job = next) {
    next = job->next;
    job_count(job, GW_PARITY_DROPPED);
    job->done(job);
  }
  comparer_free(comparer);
}
