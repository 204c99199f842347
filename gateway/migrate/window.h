/* window: what was added to a route's sums in the last while, in slots that fall out at its end.
 * It covers at most the asked time, and at least a slot less once it ran so long.
 * Sums that shrink (their counters began anew) count from zero.  One thread. */
#pragma once

#include "migrate/live.h"

#define GW_WINDOW_SLOTS 30u

typedef union gw_window_words {
  gw_live_sums sums;
  uint64_t words[sizeof(gw_live_sums) / sizeof(uint64_t)];
} gw_window_words;
_Static_assert(sizeof(gw_live_sums) % sizeof(uint64_t) == 0, "sums are counters and nothing else");

typedef struct gw_window_slot {
  uint64_t at_ms;
  gw_window_words total; /* what it was then */
} gw_window_slot;

typedef struct gw_window {
  gw_window_words seen;  /* the sums at the last look */
  gw_window_words total; /* since it began */
  uint64_t now_ms;       /* of the last look */
  uint32_t first, count; /* of the ring */
  gw_window_slot slots[GW_WINDOW_SLOTS + 1];
} gw_window;

void gw_window_begin(gw_window *window, const gw_live_sums *sums, uint64_t now_ms);
void gw_window_look(gw_window *window, const gw_live_sums *sums, uint64_t window_ms,
                    uint64_t now_ms);
/* What came in the window; returns how long that took, in milliseconds. */
uint64_t gw_window_get(const gw_window *window, gw_live_sums *out);
