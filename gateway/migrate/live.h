/* live: what changes of a route's migration while the gateway runs: its stand, the counters of both
 * sides, parity, the ledger, coverage, the journal of its moves.
 * Kept by the route's name for the process's life, so that a reload continues it; looking one up
 * takes a lock and happens once for each snapshot and worker.
 *
 * Threads: the stand is read by every worker with one load and moved by main and operators'
 * threads under the object's lock.  Counters have one writer each, as in base/metrics.h. */
#pragma once

#include "base/metrics.h"
#include "migrate/coverage.h"
#include "migrate/ledger.h"

/* ---- counters ---- */

/* Latencies in buckets of a quarter of an octave: 0 is below 64 us, the last one is open. */
#define GW_LATENCY_BUCKETS 84u
uint32_t gw_latency_bucket(uint64_t us);
/* The quantile in microseconds, interpolated; 0: no samples. */
double gw_latency_quantile(const uint64_t buckets[GW_LATENCY_BUCKETS], double q);
/* The share of that bucket's samples which lies below `us`, interpolated alike; 0..1. */
double gw_latency_below(uint32_t bucket, double us);

typedef struct gw_side_counters {
  gw_counter requests;
  gw_counter errors; /* 5xx, or cut */
  gw_counter buckets[GW_LATENCY_BUCKETS];
} gw_side_counters;

typedef enum gw_parity {
  GW_PARITY_EQUAL,
  GW_PARITY_DIFFERENT,
  GW_PARITY_FAILED,  /* the shadow gave no answer, or none that can be compared */
  GW_PARITY_DROPPED, /* over a bound: not tried, or given up */
  GW_PARITY_COUNT
} gw_parity;

gw_str gw_parity_name(gw_parity parity); /* "equal": sluice_parity_total's label */

/* One route on one worker. */
typedef struct gw_live_counters {
  /* written by the worker */
  gw_side_counters sides[GW_SIDE_COUNT]; /* clients' requests by the side that was asked first */
  gw_counter fallbacks;                  /* answered by legacy after gRPC failed */
  gw_counter fallbacks_refused;          /* over the budget */
  gw_counter shadows;                    /* begun */
  gw_counter shadows_in_flight;          /* gauge */
  gw_counter parity[GW_PARITY_COUNT];    /* FAILED and DROPPED as the worker sees them */
  /* written by the worker's comparer */
  gw_counter compared[GW_PARITY_COUNT];
  gw_counter kinds[GW_DIFF_KIND_COUNT];
} gw_live_counters;

void gw_side_count(gw_side_counters *counters, bool is_error, uint64_t duration_us);

/* Sums over workers. */
typedef struct gw_live_sums {
  struct {
    uint64_t requests, errors, buckets[GW_LATENCY_BUCKETS];
  } sides[GW_SIDE_COUNT];
  uint64_t parity[GW_PARITY_COUNT]; /* worker's and comparer's together */
  uint64_t kinds[GW_DIFF_KIND_COUNT];
  uint64_t fallbacks, fallbacks_refused, shadows, shadows_in_flight;
} gw_live_sums;

/* ---- the journal ---- */

#define GW_JOURNAL_MAX     64u  /* moves kept of one route */
#define GW_JOURNAL_WHY_MAX 256u /* bytes */

typedef struct gw_move {
  uint64_t at_ms; /* wall time */
  gw_stand from, to;
  char who[32];                 /* "configuration", "state file", "operator", "guard", "ramp" */
  char why[GW_JOURNAL_WHY_MAX]; /* the figures of a guard's or ramp's move */
} gw_move;

/* ---- one route ---- */

typedef struct gw_live gw_live;

/* Get or create; NULL: no memory.  Never freed before gw_live_done(). */
gw_live *gw_live_get(gw_str route);
gw_live *gw_live_find(gw_str route); /* NULL: there is none */
void gw_live_done(void);             /* at the end of the process */

gw_str gw_live_route(const gw_live *live);
gw_stand gw_live_stand(const gw_live *live); /* one relaxed load */
gw_live_counters *gw_live_counters_of(gw_live *live,
                                      uint32_t worker); /* created; NULL: no memory */
gw_ledger *gw_live_ledger(gw_live *live);
/* Made for the migration's output on first use, and anew when the message's fields changed; NULL:
 * no memory. */
gw_coverage *gw_live_coverage(gw_live *live, const gw_migration *migration);
void gw_live_sum(gw_live *live, gw_live_sums *out);
/* Parity as operators are shown it: since it last began anew, where the sums go on from the start
 * of the process.  It begins anew with a move to another stage and by these two. */
void gw_live_parity(gw_live *live, uint64_t out[GW_PARITY_COUNT]);
void gw_live_parity_begin(gw_live *live);
/* The terms of the route's comparisons, as a hash: anew, if they were others before. */
void gw_live_parity_terms(gw_live *live, uint64_t terms);

/* Moves the route and writes the journal; false: it stands there already, nothing was done.  The
 * first stand (who: "configuration" or "state file") is a move from itself. */
bool gw_live_move(gw_live *live, gw_stand to, const char *who, const char *why, uint64_t now_ms);
/* Newest first; returns how many were written to out[GW_JOURNAL_MAX]. */
uint32_t gw_live_journal(gw_live *live, gw_move *out);
uint64_t gw_live_since_ms(const gw_live *live); /* wall time of the last move */
