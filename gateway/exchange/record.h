/* record: one answer as a client gets it, kept for comparing: status, the fields that a comparison
 * looks at, the body.  Everything is copied into the owner's arena.  One thread. */
#pragma once

#include "exchange/client.h"
#include "migrate/compare.h"

typedef struct gw_record {
  gw_arena *arena; /* borrowed */
  const gw_compare_policy *policy;
  gw_side_answer answer; /* its body once is_whole */
  gw_buf body;
  bool is_whole; /* with its end */
} gw_record;

void gw_record_init(gw_record *record, gw_arena *arena, const gw_compare_policy *policy,
                    size_t body_bytes_max);
/* An answer's head, and what comes of its body with it.  Errors here and below: GW_TOO_LARGE (the
 * body), GW_NOMEM. */
GW_CHECKED gw_code gw_record_head(gw_record *record, const gw_answer *answer);
GW_CHECKED gw_code gw_record_piece(gw_record *record, gw_str piece);
void gw_record_end(gw_record *record);
