/* h2_budget: frames that cost an HTTP/2 peer next to nothing and us work, counted for one
 * connection (RELIABILITY, "Default limits"; nghttp2 bounds none of them).
 *
 * PING and SETTINGS have a burst and a rate; WINDOW_UPDATE is measured by the DATA that we sent,
 * PRIORITY by the streams that were opened; everything else that no peer needs is a glitch.  A
 * connection of many glitches is worn: it takes no new streams and is replaced, so that an odd peer
 * costs nobody a call; one over a budget is flooded and to be cut.
 * Zero is the beginning.  Owns nothing; pure; one thread. */
#pragma once

#include "base/limits.h"

typedef struct gw_h2_bucket {
  uint64_t spent, at_ms; /* spent: thousandths of a frame */
} gw_h2_bucket;

typedef struct gw_h2_budget {
  gw_h2_bucket pings, settings;
  uint64_t data_sent, data_received, streams; /* kept by the owner, of the whole connection */
  uint64_t ping_count, window_updates, priorities;
  uint32_t glitches;
  bool is_flooded;
} gw_h2_budget;

/* A frame of that kind came. */
void gw_h2_budget_ping(gw_h2_budget *budget, bool is_ack, uint64_t now_ms);
void gw_h2_budget_settings(gw_h2_budget *budget, uint64_t now_ms);
void gw_h2_budget_window_update(gw_h2_budget *budget);
void gw_h2_budget_priority(gw_h2_budget *budget);
void gw_h2_budget_glitch(gw_h2_budget *budget);

static inline bool gw_h2_budget_is_worn(const gw_h2_budget *budget) {
  return budget->glitches >= GW_H2_GLITCHES_WORN;
}
