/* The guard over synthetic traffic: how often it cries without a reason, and how soon it does with
 * one.  Seeded, so that each run sees the same; the figures are those of docs/guard.md. */
#include <math.h>

#include "migrate/guard.h"
#include "unit/test.h"

/* ---- drawing ---- */

typedef struct dice {
  uint64_t seed;
} dice;

static double dice_unit(dice *d) { /* SplitMix64 */
  uint64_t z = (d->seed += 0x9e3779b97f4a7c15u);
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return ((double)((z ^ z >> 31) >> 11) + 0.5) / 9007199254740992.0;
}

static uint32_t dice_poisson(dice *d, double mean) {
  double limit = exp(-mean), product = dice_unit(d);
  uint32_t n = 0;
  for (; product > limit; n++)
    product *= dice_unit(d);
  return n;
}

static double dice_lognormal(dice *d, double median, double sigma) {
  double radius = sqrt(-2 * log(dice_unit(d)));
  return median * exp(sigma * radius * cos(6.283185307179586 * dice_unit(d)));
}

/* ---- a route ---- */

typedef struct side_model {
  double errors;           /* the share of 5xx */
  double median_us, sigma; /* latencies are log-normal */
} side_model;

typedef struct route_model {
  double per_second; /* requests, of both sides */
  uint32_t share;    /* that gRPC answers, millionths */
  side_model sides[GW_SIDE_COUNT];
  double compared, differ; /* the share of requests that is compared; of these, that differs */
} route_model;

typedef struct simulation {
  dice dice;
  gw_guard *guard;
  gw_migration migration;
  gw_live_sums sums;
  gw_stand stand;
  uint64_t now_ms;
} simulation;

static const gw_guard_policy policy = { .is_set = true,
                                        .window_ms = 30000,
                                        .requests = 50,
                                        .errors = 10000,
                                        .parity = 999000,
                                        .p99_ratio = 1.5,
                                        .back_to = GW_STAGE_SHADOW };

static simulation *simulation_new(uint64_t seed) {
  simulation *s = calloc(1, sizeof *s);
  s->dice.seed = seed;
  s->guard = gw_guard_new();
  s->migration.guard = policy;
  return s;
}

static void simulation_free(simulation *s) {
  gw_guard_free(s->guard);
  free(s);
}

/* The guard's next look is its first one. */
static void simulation_begin_anew(simulation *s) {
  gw_guard_free(s->guard);
  s->guard = gw_guard_new();
}

static void simulate_side(simulation *s, const side_model *model, gw_side side, double mean) {
  uint32_t n = dice_poisson(&s->dice, mean);
  for (uint32_t i = 0; i < n; i++) {
    double us = dice_lognormal(&s->dice, model->median_us, model->sigma);
    s->sums.sides[side].requests++;
    s->sums.sides[side].errors += dice_unit(&s->dice) < model->errors;
    s->sums.sides[side].buckets[gw_latency_bucket((uint64_t)us)]++;
  }
}

static gw_judgement simulate_tick(simulation *s, const route_model *model) {
  double share = (double)model->share / GW_SHARE_WHOLE;
  double mean = model->per_second * GW_GUARD_TICK_MS / 1000;
  simulate_side(s, &model->sides[GW_SIDE_LEGACY], GW_SIDE_LEGACY, mean * (1 - share));
  simulate_side(s, &model->sides[GW_SIDE_GRPC], GW_SIDE_GRPC, mean * share);
  uint32_t compared = dice_poisson(&s->dice, mean * model->compared);
  for (uint32_t i = 0; i < compared; i++) {
    bool differs = dice_unit(&s->dice) < model->differ;
    s->sums.parity[differs ? GW_PARITY_DIFFERENT : GW_PARITY_EQUAL]++;
  }
  s->now_ms += GW_GUARD_TICK_MS;
  s->stand = gw_stand_of(GW_STAGE_CANARY, model->share);
  return gw_guard_look(s->guard, &s->migration, s->stand, false, &s->sums, s->now_ms);
}

/* ---- quiet routes ---- */

#define QUIET_WINDOWS 1000
#define WINDOW_LOOKS  300u /* 30 s */

typedef struct quiet_row {
  const char *name;
  route_model model;
} quiet_row;

#define EVEN(errors, sigma)                                                                        \
  {                                                                                                \
    { (errors), 20000, (sigma) }, {                                                                \
      (errors), 20000, (sigma)                                                                     \
    }                                                                                              \
  }

static const quiet_row quiet_rows[] = {
  { "20/s, 10%, no errors", { 20, 100000, EVEN(0, 0.5), 0.25, 0 } },
  { "20/s, 10%, 0.5% errors", { 20, 100000, EVEN(0.005, 0.5), 0.25, 0.0001 } },
  { "20/s, 50%, 0.5% errors", { 20, 500000, EVEN(0.005, 0.5), 0.25, 0.0001 } },
  { "20/s, 90%, 0.5% errors", { 20, 900000, EVEN(0.005, 0.5), 0.25, 0.0001 } },
  { "100/s, 10%, 0.5% errors", { 100, 100000, EVEN(0.005, 0.5), 0.25, 0.0001 } },
  { "100/s, 10%, 5% errors", { 100, 100000, EVEN(0.05, 0.5), 0.25, 0.0001 } },
  { "100/s, 10%, long tail", { 100, 100000, EVEN(0.005, 1.0), 0.25, 0.0001 } },
  { "20/s, 50%, long tail", { 20, 500000, EVEN(0.005, 1.0), 0.25, 0.0001 } },
};

typedef struct alarms {
  uint32_t errors, parity, p99;
  uint32_t bare; /* windows in which the bare figures were over the policy at some look */
} alarms;

static void alarms_count(alarms *a, const char *why) {
  a->errors += strncmp(why, "errors", 6) == 0;
  a->parity += strncmp(why, "parity", 6) == 0;
  a->p99 += strncmp(why, "p99", 3) == 0;
}

static double errors_share(const gw_guard_view *view, gw_side side) {
  double requests = (double)view->sides[side].requests;
  return requests > 0 ? (double)view->sides[side].errors / requests : 0;
}

/* What a guard would see that takes shares and percentiles of a window at their word. */
static bool is_bare_alarm(const gw_guard_view *view) {
  if (view->sides[GW_SIDE_GRPC].requests < policy.requests) return false;
  double excess = errors_share(view, GW_SIDE_GRPC) - errors_share(view, GW_SIDE_LEGACY);
  if (excess * GW_SHARE_WHOLE > policy.errors) return true;
  if ((double)view->equal * GW_SHARE_WHOLE < (double)view->compared * policy.parity) return true;
  return view->sides[GW_SIDE_LEGACY].requests >= policy.requests &&
         view->sides[GW_SIDE_GRPC].p99_us > policy.p99_ratio * view->sides[GW_SIDE_LEGACY].p99_us;
}

/* The 1,000 windows follow each other, and each is looked at 300 times; after an alarm the guard
 * begins anew, as it does after the move. */
static alarms simulate_quiet(const route_model *model, uint64_t seed) {
  simulation *s = simulation_new(seed);
  alarms a = { 0 };
  for (int window = 0; window < QUIET_WINDOWS; window++) {
    bool is_bare = false;
    for (uint32_t i = 0; i < WINDOW_LOOKS; i++) {
      gw_judgement j = simulate_tick(s, model);
      gw_guard_view view = gw_guard_view_of(s->guard);
      is_bare = is_bare || is_bare_alarm(&view);
      if (j.verdict != GW_VERDICT_BACK) continue;
      alarms_count(&a, j.why);
      simulation_begin_anew(s);
    }
    a.bare += is_bare;
  }
  simulation_free(s);
  return a;
}

TEST(guard_simulation, quiet_routes_raise_few_alarms) {
  for (size_t i = 0; i < GW_COUNT_OF(quiet_rows); i++) {
    alarms a = simulate_quiet(&quiet_rows[i].model, 100 + i);
    print_message("quiet: %-26s of %d windows: %u errors, %u parity, %u p99; bare figures %u\n",
                  quiet_rows[i].name, QUIET_WINDOWS, a.errors, a.parity, a.p99, a.bare);
    CHECK(a.errors + a.parity + a.p99 <= 1);
  }
}

/* ---- faults ---- */

#define FAULT_TRIALS 40

typedef struct fault_row {
  const char *name, *ground;
  route_model quiet, broken;
  double most_s; /* within which each trial must find it */
} fault_row;

#define QUIET_ERRORS 0.005
#define SIDES(grpc_errors, grpc_us)                                                                \
  {                                                                                                \
    { QUIET_ERRORS, 20000, 0.5 }, {                                                                \
      (grpc_errors), (grpc_us), 0.5                                                                \
    }                                                                                              \
  }
#define ROUTE(per_second, share, grpc_errors, grpc_us, differ)                                     \
  { (per_second), (share), SIDES(grpc_errors, grpc_us), 0.25, (differ) }
#define QUIET(per_second, share) ROUTE(per_second, share, QUIET_ERRORS, 20000, 0.0001)
#define FAULT(name, ground, per_second, share, errors, us, differ, most_s)                         \
  { name, ground, QUIET(per_second, share), ROUTE(per_second, share, errors, us, differ), most_s }

static const fault_row fault_rows[] = {
  FAULT("1000/s, 10%: all fail", "errors", 1000, 100000, 1, 20000, 0.0001, 1),
  FAULT("1000/s, 10%: 5% fail", "errors", 1000, 100000, 0.05, 20000, 0.0001, 30),
  FAULT("100/s, 10%: all fail", "errors", 100, 100000, 1, 20000, 0.0001, 5),
  FAULT("100/s, 10%: 10% fail", "errors", 100, 100000, 0.1, 20000, 0.0001, 30),
  FAULT("20/s, 10%: all fail", "errors", 20, 100000, 1, 20000, 0.0001, 30),
  FAULT("20/s, 10%: half fail", "errors", 20, 100000, 0.5, 20000, 0.0001, 30),
  FAULT("100/s: 5% differ", "parity", 100, 100000, QUIET_ERRORS, 20000, 0.05, 30),
  FAULT("20/s: 10% differ", "parity", 20, 100000, QUIET_ERRORS, 20000, 0.1, 30),
  FAULT("1000/s, 10%: twice as slow", "p99", 1000, 100000, QUIET_ERRORS, 40000, 0.0001, 30),
  FAULT("100/s, 10%: 3 times as slow", "p99", 100, 100000, QUIET_ERRORS, 60000, 0.0001, 30),
  FAULT("100/s, 10%: 5 times as slow", "p99", 100, 100000, QUIET_ERRORS, 100000, 0.0001, 5),
  FAULT("20/s, 50%: 5 times as slow", "p99", 20, 500000, QUIET_ERRORS, 100000, 0.0001, 30),
};

/* The seconds from the fault, which comes after two quiet windows, to the verdict. */
static double simulate_fault(const fault_row *row, uint64_t seed) {
  simulation *s = simulation_new(seed);
  gw_judgement j = { .verdict = GW_VERDICT_STAY };
  for (uint32_t i = 0; i < 2 * WINDOW_LOOKS && j.verdict == GW_VERDICT_STAY; i++)
    j = simulate_tick(s, &row->quiet);
  CHECK_INT(j.verdict, GW_VERDICT_STAY);
  uint32_t looks = 0;
  while (j.verdict == GW_VERDICT_STAY && looks < 2 * WINDOW_LOOKS) {
    j = simulate_tick(s, &row->broken);
    looks++;
  }
  if (j.verdict != GW_VERDICT_BACK || strncmp(j.why, row->ground, strlen(row->ground)) != 0)
    fail_msg("%s: %s", row->name, j.why);
  simulation_free(s);
  return looks * GW_GUARD_TICK_MS / 1e3;
}

static int compare_doubles(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

TEST(guard_simulation, faults_are_found_within_a_window) {
  for (size_t i = 0; i < GW_COUNT_OF(fault_rows); i++) {
    double seconds[FAULT_TRIALS];
    for (uint64_t trial = 0; trial < FAULT_TRIALS; trial++)
      seconds[trial] = simulate_fault(&fault_rows[i], 1000 * i + trial);
    qsort(seconds, FAULT_TRIALS, sizeof seconds[0], compare_doubles);
    print_message("fault: %-28s found by %s after %4.1fs, at most %4.1fs\n", fault_rows[i].name,
                  fault_rows[i].ground, seconds[FAULT_TRIALS / 2], seconds[FAULT_TRIALS - 1]);
    CHECK(seconds[FAULT_TRIALS - 1] <= fault_rows[i].most_s);
  }
}
