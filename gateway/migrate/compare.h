/* compare: whether two answers are alike as a client sees them: status, chosen headers, body
 * (DESIGN section 4).  JSON bodies are compared as trees (migrate/json_tree.h), others byte by
 * byte. What a value means is the message's to say where there is one: "1" and 1 are the same
 * int64, "ACTIVE" and 1 the same enum value, userId and user_id the same field. Cost: trees of both
 * bodies, so never on a worker's loop; migrate/comparer.h is its thread. Bodies are another
 * server's: depth, count and texts are bounded.  Pure; any thread. */
#pragma once

#include "base/arena.h"
#include "base/header.h"
#include "base/limits.h"
#include "migrate/json_tree.h"
#include "migrate/migration.h"

#define GW_DIFFS_MAX     64u  /* listed of one comparison; the rest is only counted */
#define GW_DIFF_TEXT_MAX 256u /* bytes of a value's JSON text that are kept */
/* Bytes of a body's text for people; over GW_LEDGER_PAIR_BYTES, so that the ledger sees a cut. */
#define GW_COMPARE_TEXT_MAX GW_KIB(17)

typedef enum gw_diff_kind {
  GW_DIFF_VALUE,
  GW_DIFF_MISSING, /* legacy has it, gRPC has not */
  GW_DIFF_EXTRA,   /* the reverse */
  GW_DIFF_TYPE,
  GW_DIFF_REPRESENTATION, /* the same value written otherwise */
  GW_DIFF_DEFAULT,        /* absent against the default value */
  GW_DIFF_ORDER,          /* the same elements in another order */
  GW_DIFF_KIND_COUNT
} gw_diff_kind;

gw_str gw_diff_kind_name(gw_diff_kind kind); /* "representation" */

typedef struct gw_diff {
  gw_diff_kind kind;
  gw_str pointer; /* RFC 6901 in the legacy answer's names; "status" and "headers/etag" are not in
                     the body and have no slash in front */
  gw_str pattern; /* the same with "*" for each index and each key of a map */
  gw_str legacy, grpc; /* JSON texts, at most GW_DIFF_TEXT_MAX bytes, cut between characters;
                          p == NULL: absent; redacted ones are "[redacted]" in quotes */
  gw_str option; /* the route option that removes it: "json.int64: number"; n == 0: none does */
} gw_diff;

/* One side's answer.  Everything is borrowed. */
typedef struct gw_side_answer {
  int status;
  gw_str content_type;     /* n == 0: none */
  const gw_header *fields; /* names in any case; content-encoding is heeded: gzip is read */
  uint32_t field_count;
  gw_str body;
} gw_side_answer;

typedef struct gw_comparison {
  const gw_diff *items; /* in the order of the legacy body */
  uint32_t count;
  uint32_t more;                      /* differences beyond those listed */
  uint32_t kinds[GW_DIFF_KIND_COUNT]; /* all of them; the sum is count + more */
  const char *failed; /* NULL, or why the answers could not be compared: nothing is listed */
  /* Both bodies for people, indented, with debug_redact fields' values replaced; in the arena. */
  gw_str legacy_text, grpc_text;
  const gw_json_node *grpc_body; /* for coverage; NULL: no success, or not JSON */
} gw_comparison;

/* Output in `arena`.  GW_NOMEM: also its limit. */
GW_CHECKED gw_code gw_compare(const gw_migration *migration, const gw_side_answer *legacy,
                              const gw_side_answer *grpc, gw_arena *arena, gw_comparison *out);
