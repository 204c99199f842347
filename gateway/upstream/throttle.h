/* throttle: how many retries an upstream bears (gRFC A6, "Throttling Retry Attempts"): a bucket of
 * tokens that failures empty and successes slowly fill, and a share of the calls that run.
 * Pure; owned by its upstream. */
#pragma once

#include "upstream/config.h"

/* At once, however few calls run: as many as fail, by default, before their address is ejected. */
#define GW_RETRIES_ALWAYS 5u

typedef struct gw_throttle {
  double tokens;
  uint32_t retries; /* calls that are being tried again */
} gw_throttle;

void gw_throttle_init(gw_throttle *throttle, const gw_throttle_config *config);
/* An attempt failed in a way that is worth another one (or its service forbade it), or succeeded.
 */
void gw_throttle_note(gw_throttle *throttle, const gw_throttle_config *config, bool failed);
/* Whether there are tokens for one more attempt of anybody. */
bool gw_throttle_allows(const gw_throttle *throttle, const gw_throttle_config *config);
/* True: one more call may be tried again; it counts until gw_throttle_over(). */
bool gw_throttle_begin(gw_throttle *throttle, const gw_throttle_config *config,
                       const gw_retry_config *retry, uint32_t in_flight);
void gw_throttle_over(gw_throttle *throttle);
