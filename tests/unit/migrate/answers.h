/* answers: two sides' answers and a policy, read from texts, for the tests of the comparison.
 * An answer: the status on the first line, fields, an empty line, the body; a final newline does
 * not belong to it.  With "content-encoding: gzip" the body is compressed here. A policy, one
 * option on a line: "message NAME", "list", "ignore POINTER", "unordered POINTER", "tolerance
 * POINTER NUMBER", "header NAME", "json.int64 number", "json.names proto", "json.enums number",
 * "json.emit all", "body BYTES". */
#pragma once

#include "migrate/compare.h"
#include "unit/test.h"

/* codec_test.pb, codec_test2.pb and editions_test.pb; loaded once. */
const gw_pool *answers_pool(void);

typedef struct answers {
  gw_arena arena; /* holds what follows */
  gw_migration migration;
  gw_json_style style;
  gw_side_answer legacy, grpc;
} answers;

/* The texts are borrowed.  Done with answers_done(). */
void answers_init(answers *a, gw_str policy);
void answers_set(answers *a, gw_side_answer *side, gw_str text);
void answers_done(answers *a);

/* Of `c`: "equal", "failed: REASON", or a line for each difference. */
gw_str answers_print(const gw_comparison *c, gw_arena *arena);
