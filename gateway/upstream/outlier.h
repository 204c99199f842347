/* outlier: whether the calls of one address fail so much that it should take none for a while
 * (gRFC A50, Envoy's outlier detection): so many in a row, or too large a share of a window's.
 * The n-th ejection takes n times the first one's time; n falls by one for each such time without.
 * Whether too many addresses are ejected already is the caller's to know.
 * Pure; owned by its address. */
#pragma once

#include "upstream/config.h"

typedef struct gw_outlier {
  uint32_t failures; /* in a row */
  uint32_t window_calls, window_failures;
  uint64_t window_end_ms;
  uint32_t ejections;        /* the n */
  uint64_t ejected_until_ms; /* 0: never, or over and noticed */
} gw_outlier;

/* One call ended.  True: the address should be ejected now. */
bool gw_outlier_add(gw_outlier *outlier, const gw_outlier_config *config, bool failed,
                    uint64_t now_ms);
void gw_outlier_eject(gw_outlier *outlier, const gw_outlier_config *config, uint64_t now_ms);

static inline bool gw_outlier_is_ejected(const gw_outlier *outlier, uint64_t now_ms) {
  return GW_UNLIKELY(outlier->ejected_until_ms > now_ms);
}
