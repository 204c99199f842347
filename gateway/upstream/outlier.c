#include "upstream/outlier.h"

static void outlier_window(gw_outlier *outlier, const gw_outlier_config *config, uint64_t now_ms) {
  if (now_ms < outlier->window_end_ms) return;
  outlier->window_calls = outlier->window_failures = 0;
  outlier->window_end_ms = now_ms + config->window_ms;
}

bool gw_outlier_add(gw_outlier *outlier, const gw_outlier_config *config, bool failed,
                    uint64_t now_ms) {
  if (config->failures == 0 || gw_outlier_is_ejected(outlier, now_ms)) return false;
  outlier_window(outlier, config, now_ms);
  outlier->window_calls++;
  outlier->failures = failed ? outlier->failures + 1 : 0;
  if (!failed) return false;
  outlier->window_failures++;
  bool share = outlier->window_calls >= config->share_calls &&
               (uint64_t)outlier->window_failures * 1000000 >=
                   (uint64_t)outlier->window_calls * config->share_ppm;
  return share || outlier->failures >= config->failures;
}

void gw_outlier_eject(gw_outlier *outlier, const gw_outlier_config *config, uint64_t now_ms) {
  /* Time without an ejection is forgiven. */
  if (outlier->ejected_until_ms != 0) {
    uint64_t good = (now_ms - outlier->ejected_until_ms) / config->ejection_ms;
    outlier->ejections -= good < outlier->ejections ? (uint32_t)good : outlier->ejections;
  }
  uint64_t time_ms = ++outlier->ejections * config->ejection_ms;
  outlier->ejected_until_ms =
      now_ms + (time_ms < config->ejection_max_ms ? time_ms : config->ejection_max_ms);
  outlier->failures = outlier->window_calls = outlier->window_failures = 0;
}
