/* comparer: a thread of low priority beside each worker that compares answers and writes ledger,
 * coverage and parity (DESIGN section 4: off the data path).
 * Its queue is bounded by count and bytes; a full one is told at once, and the job is dropped and
 * counted by the worker.  offer: the worker's thread. */
#pragma once

#include "migrate/live.h"

#define GW_COMPARER_JOBS_MAX  256u
#define GW_COMPARER_BYTES_MAX GW_MIB(32)

typedef struct gw_comparer gw_comparer;
typedef struct gw_compare_job gw_compare_job;

struct gw_compare_job {
  gw_compare_job *next; /* private */
  const gw_migration *migration;
  gw_live *live;
  gw_live_counters *counters; /* of the worker: compared[] and kinds[] are written */
  gw_str request;             /* "GET /v1/users/7" */
  gw_side_answer legacy, grpc;
  gw_side_answer again; /* legacy's second answer to the same request */
  bool has_again;
  size_t bytes;                      /* that the job holds */
  void (*done)(gw_compare_job *job); /* frees it; on the comparer's thread or at stop */
};

gw_comparer *gw_comparer_start(uint32_t worker); /* NULL: no memory or no thread */
/* Takes the job; false: full, and it is still the caller's. */
bool gw_comparer_offer(gw_comparer *comparer, gw_compare_job *job);
/* Drops what waits; what runs is finished.  NULL is a no-op. */
void gw_comparer_stop(gw_comparer *comparer);
