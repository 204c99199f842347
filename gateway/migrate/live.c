/* Read by uthash.h, so it stands before it: without memory an element is left out of the hash, and
 * its handle has no table, where the process would end otherwise. */
#define HASH_NONFATAL_OOM 1

#include "migrate/live.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <uthash.h>

#include "migrate/live_shape.h"

typedef struct live_part live_part;
struct live_part {
  live_part *next;
  uint32_t worker;
  gw_live_counters counters;
};

/* One for each shape that the route's answer had: a comparison of an older snapshot may still be
 * under way when a reload brings other fields. */
typedef struct live_coverage live_coverage;
struct live_coverage {
  live_coverage *next;
  uint64_t shape;
  gw_coverage *coverage;
};

struct gw_live {
  UT_hash_handle hh;
  _Atomic uint64_t stand;    /* stage << 32 | share */
  _Atomic uint64_t since_ms; /* written under the lock */
  pthread_mutex_t lock;      /* all below */
  live_part *parts;
  gw_ledger *ledger; /* made with the route, read without the lock */
  live_coverage *coverages;
  gw_move *moves; /* oldest first; most routes of a thousand never have a second one */
  uint32_t move_count, move_room;
  uint64_t parity_before[GW_PARITY_COUNT]; /* the sums when the shown parity began */
  uint64_t parity_terms;
  bool has_parity_terms;
  gw_str route; /* in `name` */
  char name[];
};

static gw_live *live_routes;
static pthread_mutex_t live_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- counters ---- */

#define LATENCY_FIRST_LOG2 6u /* 64 us */

uint32_t gw_latency_bucket(uint64_t us) {
  /* 2^63 times 2^(1/4), 2^(2/4), 2^(3/4), rounded up: exact, since no integer lies on them. */
  static const uint64_t quarters[3] = { 0x9837f0518db8a970u, 0xb504f333f9de6485u,
                                        0xd744fccad69d6af5u };
  if (us < 1u << LATENCY_FIRST_LOG2) return 0;
  unsigned zeros = (unsigned)__builtin_clzll(us);
  uint64_t mantissa = us << zeros;
  uint32_t bucket = 1 + 4 * (63 - zeros - LATENCY_FIRST_LOG2);
  for (size_t i = 0; i < GW_COUNT_OF(quarters); i++)
    bucket += mantissa >= quarters[i];
  return bucket < GW_LATENCY_BUCKETS ? bucket : GW_LATENCY_BUCKETS - 1;
}

/* Within a bucket samples are taken to lie evenly on the logarithm, as buckets do. */
double gw_latency_quantile(const uint64_t buckets[GW_LATENCY_BUCKETS], double q) {
  uint64_t total = 0;
  for (uint32_t i = 0; i < GW_LATENCY_BUCKETS; i++)
    total += buckets[i];
  if (total == 0) return 0;
  double rank = q * (double)total, before = 0;
  uint32_t bucket = 0;
  while (bucket < GW_LATENCY_BUCKETS - 1 &&
         (buckets[bucket] == 0 || before + (double)buckets[bucket] < rank))
    before += (double)buckets[bucket++];
  double first = (double)(1u << LATENCY_FIRST_LOG2);
  double part = buckets[bucket] > 0 ? (rank - before) / (double)buckets[bucket] : 0;
  if (bucket == 0) return part * first;
  if (bucket == GW_LATENCY_BUCKETS - 1) part = 0; /* it has no upper edge */
  return first * exp2(((double)bucket - 1 + part) / 4);
}

double gw_latency_below(uint32_t bucket, double us) {
  double first = (double)(1u << LATENCY_FIRST_LOG2);
  if (us <= 0) return 0;
  if (bucket == 0) return fmin(1, us / first);
  double part = 4 * log2(us / first) - ((double)bucket - 1);
  if (bucket == GW_LATENCY_BUCKETS - 1) return part > 0 ? 1 : 0;
  return fmin(1, fmax(0, part));
}

void gw_side_count(gw_side_counters *counters, bool is_error, uint64_t duration_us) {
  gw_count(&counters->requests, 1);
  if (is_error) gw_count(&counters->errors, 1);
  gw_count(&counters->buckets[gw_latency_bucket(duration_us)], 1);
}

static const gw_str parity_names[GW_PARITY_COUNT] = {
  [GW_PARITY_EQUAL] = GW_STR_INIT("equal"),
  [GW_PARITY_DIFFERENT] = GW_STR_INIT("different"),
  [GW_PARITY_FAILED] = GW_STR_INIT("failed"),
  [GW_PARITY_DROPPED] = GW_STR_INIT("dropped"),
};

gw_str gw_parity_name(gw_parity parity) {
  return parity_names[parity];
}

/* ---- routes ---- */

static void live_free(gw_live *live) {
  if (live == NULL) return;
  for (live_part *part = live->parts, *next; part != NULL; part = next) {
    next = part->next;
    free(part);
  }
  for (live_coverage *item = live->coverages, *next; item != NULL; item = next) {
    next = item->next;
    gw_coverage_free(item->coverage);
    free(item);
  }
  if (live->ledger != NULL) gw_ledger_free(live->ledger);
  pthread_mutex_destroy(&live->lock);
  free(live->moves);
  free(live);
}

#define LIVE_MOVES_FIRST 1u
_Static_assert((GW_JOURNAL_MAX & (GW_JOURNAL_MAX - 1)) == 0, "the room for moves doubles up to it");

static gw_live *live_new(gw_str route) {
  gw_live *live = calloc(1, sizeof *live + route.n);
  if (live == NULL) return NULL;
  pthread_mutex_init(&live->lock, NULL);
  live->route = (gw_str){ live->name, route.n };
  if (route.n > 0) memcpy(live->name, route.p, route.n);
  live->moves = malloc(LIVE_MOVES_FIRST * sizeof *live->moves);
  live->move_room = live->moves != NULL ? LIVE_MOVES_FIRST : 0;
  live->ledger = gw_ledger_new();
  if (live->moves != NULL && live->ledger != NULL) return live;
  live_free(live);
  return NULL;
}

static gw_live *live_find(gw_str route) {
  gw_live *live;
  const char *key = route.n > 0 ? route.p : "";
  HASH_FIND(hh, live_routes, key, route.n, live);
  return live;
}

gw_live *gw_live_find(gw_str route) {
  pthread_mutex_lock(&live_lock);
  gw_live *live = live_find(route);
  pthread_mutex_unlock(&live_lock);
  return live;
}

gw_live *gw_live_get(gw_str route) {
  pthread_mutex_lock(&live_lock);
  gw_live *live = live_find(route);
  if (live == NULL && (live = live_new(route)) != NULL) {
    HASH_ADD_KEYPTR(hh, live_routes, live->name, live->route.n, live);
    if (live->hh.tbl == NULL) {
      live_free(live);
      live = NULL;
    }
  }
  pthread_mutex_unlock(&live_lock);
  return live;
}

void gw_live_done(void) {
  gw_live *live, *next;
  HASH_ITER(hh, live_routes, live, next) {
    HASH_DEL(live_routes, live);
    live_free(live);
  }
}

gw_str gw_live_route(const gw_live *live) {
  return live->route;
}

gw_live_counters *gw_live_counters_of(gw_live *live, uint32_t worker) {
  pthread_mutex_lock(&live->lock);
  live_part *part = live->parts;
  while (part != NULL && part->worker != worker)
    part = part->next;
  if (part == NULL && (part = calloc(1, sizeof *part)) != NULL) {
    part->worker = worker;
    part->next = live->parts;
    live->parts = part;
  }
  pthread_mutex_unlock(&live->lock);
  return part != NULL ? &part->counters : NULL;
}

static void live_sum_part(const gw_live_counters *part, gw_live_sums *out) {
  for (int side = 0; side < GW_SIDE_COUNT; side++) {
    out->sides[side].requests += gw_counter_get(&part->sides[side].requests);
    out->sides[side].errors += gw_counter_get(&part->sides[side].errors);
    for (uint32_t i = 0; i < GW_LATENCY_BUCKETS; i++)
      out->sides[side].buckets[i] += gw_counter_get(&part->sides[side].buckets[i]);
  }
  for (int i = 0; i < GW_PARITY_COUNT; i++)
    out->parity[i] += gw_counter_get(&part->parity[i]) + gw_counter_get(&part->compared[i]);
  for (int i = 0; i < GW_DIFF_KIND_COUNT; i++)
    out->kinds[i] += gw_counter_get(&part->kinds[i]);
  out->fallbacks += gw_counter_get(&part->fallbacks);
  out->fallbacks_refused += gw_counter_get(&part->fallbacks_refused);
  out->shadows += gw_counter_get(&part->shadows);
  out->shadows_in_flight += gw_counter_get(&part->shadows_in_flight);
}

void gw_live_sum(gw_live *live, gw_live_sums *out) {
  *out = (gw_live_sums){ 0 };
  pthread_mutex_lock(&live->lock);
  for (const live_part *part = live->parts; part != NULL; part = part->next)
    live_sum_part(&part->counters, out);
  pthread_mutex_unlock(&live->lock);
}

/* ---- the shown parity: sums less what they were when it began; they only grow ---- */

static void live_sum_parity(const gw_live *live, uint64_t out[GW_PARITY_COUNT]) {
  for (int i = 0; i < GW_PARITY_COUNT; i++) {
    out[i] = 0;
    for (const live_part *part = live->parts; part != NULL; part = part->next)
      out[i] +=
          gw_counter_get(&part->counters.parity[i]) + gw_counter_get(&part->counters.compared[i]);
  }
}

void gw_live_parity(gw_live *live, uint64_t out[GW_PARITY_COUNT]) {
  pthread_mutex_lock(&live->lock);
  live_sum_parity(live, out);
  for (int i = 0; i < GW_PARITY_COUNT; i++)
    out[i] -= live->parity_before[i];
  pthread_mutex_unlock(&live->lock);
}

void gw_live_parity_begin(gw_live *live) {
  pthread_mutex_lock(&live->lock);
  live_sum_parity(live, live->parity_before);
  pthread_mutex_unlock(&live->lock);
}

void gw_live_parity_terms(gw_live *live, uint64_t terms) {
  pthread_mutex_lock(&live->lock);
  if (live->has_parity_terms && live->parity_terms != terms)
    live_sum_parity(live, live->parity_before);
  live->parity_terms = terms;
  live->has_parity_terms = true;
  pthread_mutex_unlock(&live->lock);
}

/* ---- ledger and coverage ---- */

gw_ledger *gw_live_ledger(gw_live *live) {
  return live->ledger;
}

gw_coverage *gw_live_coverage(gw_live *live, const gw_migration *migration) {
  uint64_t shape = gw_live_shape(migration);
  pthread_mutex_lock(&live->lock);
  live_coverage *item = live->coverages;
  while (item != NULL && item->shape != shape)
    item = item->next;
  if (item == NULL && (item = calloc(1, sizeof *item)) != NULL) {
    item->shape = shape;
    item->coverage = gw_coverage_new(migration);
    item->next = live->coverages;
    if (item->coverage != NULL) {
      live->coverages = item;
    } else {
      free(item);
      item = NULL;
    }
  }
  pthread_mutex_unlock(&live->lock);
  return item != NULL ? item->coverage : NULL;
}

/* ---- stand and journal ---- */

gw_stand gw_live_stand(const gw_live *live) {
  uint64_t word = atomic_load_explicit(&live->stand, memory_order_relaxed);
  return (gw_stand){ (gw_stage)(word >> 32), (uint32_t)word };
}

/* Room for one more, by the oldest one's if need be. */
static gw_move *live_next_move(gw_live *live) {
  if (live->move_count == live->move_room && live->move_room < GW_JOURNAL_MAX) {
    uint32_t room = live->move_room * 2;
    gw_move *moves = realloc(live->moves, room * sizeof *moves);
    if (moves != NULL) {
      live->moves = moves;
      live->move_room = room;
    }
  }
  if (live->move_count == live->move_room) {
    live->move_count--;
    memmove(live->moves, live->moves + 1, live->move_count * sizeof *live->moves);
  }
  return &live->moves[live->move_count++];
}

bool gw_live_move(gw_live *live, gw_stand to, const char *who, const char *why, uint64_t now_ms) {
  pthread_mutex_lock(&live->lock);
  bool is_first = live->move_count == 0;
  gw_stand from = is_first ? to : gw_live_stand(live);
  bool moves = is_first || !gw_stand_eq(from, to);
  if (from.stage != to.stage) live_sum_parity(live, live->parity_before);
  if (moves) {
    gw_move *move = live_next_move(live);
    *move = (gw_move){ .at_ms = now_ms, .from = from, .to = to };
    gw_str_copy_text(gw_str_of(who), move->who, sizeof move->who);
    gw_str_copy_text(gw_str_of(why), move->why, sizeof move->why);
    atomic_store_explicit(&live->since_ms, now_ms, memory_order_relaxed);
    atomic_store_explicit(&live->stand, (uint64_t)to.stage << 32 | to.share, memory_order_relaxed);
  }
  pthread_mutex_unlock(&live->lock);
  return moves;
}

uint32_t gw_live_journal(gw_live *live, gw_move *out) {
  pthread_mutex_lock(&live->lock);
  uint32_t n = live->move_count;
  for (uint32_t i = 0; i < n; i++)
    out[i] = live->moves[n - 1 - i];
  pthread_mutex_unlock(&live->lock);
  return n;
}

uint64_t gw_live_since_ms(const gw_live *live) {
  return atomic_load_explicit(&live->since_ms, memory_order_relaxed);
}
