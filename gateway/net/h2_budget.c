#include "net/h2_budget.h"

#define BUDGET_FRAME 1000u /* in thousandths: a rate for each second fits a ms clock */

static bool bucket_take(gw_h2_bucket *bucket, uint64_t now_ms) {
  uint64_t forgiven = (now_ms - bucket->at_ms) * GW_H2_CALM_PER_SECOND;
  bucket->spent -= forgiven < bucket->spent ? forgiven : bucket->spent;
  bucket->spent += BUDGET_FRAME;
  bucket->at_ms = now_ms;
  return bucket->spent <= (uint64_t)GW_H2_CALM_BURST * BUDGET_FRAME;
}

void gw_h2_budget_ping(gw_h2_budget *budget, bool is_ack, uint64_t now_ms) {
  /* Behind DATA it measures the way, as gRPC's libraries do. */
  if (!is_ack && ++budget->ping_count <= budget->data_sent + budget->data_received) return;
  if (!bucket_take(&budget->pings, now_ms)) budget->is_flooded = true;
}

void gw_h2_budget_settings(gw_h2_budget *budget, uint64_t now_ms) {
  if (!bucket_take(&budget->settings, now_ms)) budget->is_flooded = true;
}

void gw_h2_budget_window_update(gw_h2_budget *budget) {
  uint64_t max = GW_H2_WINDOW_UPDATES_PER_DATA * budget->data_sent + GW_H2_WINDOW_UPDATES_FREE;
  if (++budget->window_updates > max) budget->is_flooded = true;
}

void gw_h2_budget_priority(gw_h2_budget *budget) {
  uint64_t max = GW_H2_PRIORITIES_PER_STREAM * (budget->streams + 1);
  if (++budget->priorities > max) budget->is_flooded = true;
}

void gw_h2_budget_glitch(gw_h2_budget *budget) {
  if (++budget->glitches > GW_H2_GLITCHES_MAX) budget->is_flooded = true;
}
