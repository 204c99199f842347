/* ledger: the differences found on one route, by pointer and kind, and the newest pairs of answers
 * that differed; bounded: the newest and the most frequent stay (DESIGN section 4).
 * Written by comparers, read by operators' threads, both under its lock.  Any thread. */
#pragma once

#include "base/buf.h"
#include "migrate/compare.h"

#define GW_LEDGER_ENTRIES_MAX 128u
#define GW_LEDGER_PAIRS_MAX   8u
#define GW_LEDGER_PAIR_BYTES                                                                       \
  GW_KIB(16) /* of each body in a pair; longer ones are cut and say so                             \
              */

typedef struct gw_ledger gw_ledger;

typedef struct gw_ledger_entry {
  gw_diff_kind kind;
  gw_str pointer; /* the exact one as long as there was one only, then the pattern */
  gw_str pattern;
  uint64_t count; /* comparisons in which it was found; 0: only between two answers of legacy */
  uint64_t first_ms, last_ms; /* wall time */
  gw_str legacy, grpc;        /* the last one's texts */
  gw_str option;
  bool unstable; /* two answers of legacy itself differed there */
} gw_ledger_entry;

typedef struct gw_ledger_pair {
  uint64_t at_ms;
  gw_str request; /* "GET /v1/users/7?x=1", without values of its fields */
  int legacy_status, grpc_status;
  gw_str legacy_text, grpc_text;
  uint32_t diff_count;
  const gw_str *pointers; /* diff_count of them */
  const gw_diff_kind *kinds;
} gw_ledger_pair;

/* Why answers could not be compared, the last time. */
typedef struct gw_ledger_failure {
  uint64_t at_ms; /* 0: never */
  char reason[256], request[256];
  size_t reason_n, request_n;
} gw_ledger_failure;

gw_ledger *gw_ledger_new(void); /* NULL: no memory */
void gw_ledger_free(gw_ledger *ledger);
/* A comparison with differences.  Memory that is at its end loses entries, never counts twice. */
void gw_ledger_add(gw_ledger *ledger, const gw_comparison *comparison, gw_str request,
                   int legacy_status, int grpc_status, uint64_t now_ms);
/* Legacy's answer compared with another one of legacy. */
void gw_ledger_add_unstable(gw_ledger *ledger, const gw_comparison *comparison, uint64_t now_ms);
void gw_ledger_add_failure(gw_ledger *ledger, gw_str reason, gw_str request, uint64_t now_ms);
void gw_ledger_clear(gw_ledger *ledger);
uint64_t gw_ledger_lost(gw_ledger *ledger); /* entries that others replaced */

bool gw_ledger_failure_of(gw_ledger *ledger, gw_ledger_failure *out); /* false: there was none */

typedef void gw_ledger_visit_fn(void *context, const gw_ledger_entry *entry);
typedef void gw_ledger_pair_fn(void *context, const gw_ledger_pair *pair);
/* Most frequent first; pairs newest first.  Under the lock. */
void gw_ledger_each(gw_ledger *ledger, gw_ledger_visit_fn *visit, void *context);
void gw_ledger_each_pair(gw_ledger *ledger, gw_ledger_pair_fn *visit, void *context);
