#include "admin/migration_json.h"

#include <jansson.h>
#include <stdlib.h>

#include "migrate/live.h"
#include "migrate/wilson.h"

/* NULL where there is no legacy side, or nothing runs yet. */
static gw_live *route_live(const gw_route *route) {
  return route->migration != NULL ? gw_live_find(route->name) : NULL;
}

gw_stand gw_migration_json_now(const gw_route *route) {
  const gw_live *live = route_live(route);
  return live != NULL ? gw_live_stand(live) : gw_migration_stand(route->migration);
}

void gw_migration_json_stand(gw_json_out *w, const gw_route *route) {
  const gw_migration *migration = route->migration;
  const gw_live *live = route_live(route);
  const gw_str none = { NULL, 0 };
  gw_json_out_put(w, GW_STR(","));
  gw_json_out_stand(w, gw_migration_json_now(route));
  gw_json_out_member(w, "legacy", migration != NULL ? migration->legacy_name : none);
  gw_json_out_member(w, "group",
                     migration != NULL && migration->is_grouped ? migration->group : none);
  gw_json_out_time(w, "since", live != NULL ? gw_live_since_ms(live) : 0);
}

/* ---- figures ---- */

static void json_side(gw_json_out *w, const gw_live_sums *sums, gw_side side) {
  uint64_t requests = sums->sides[side].requests;
  const uint64_t *buckets = sums->sides[side].buckets;
  gw_json_out_text(w, gw_side_name(side));
  if (w->code == GW_OK)
    w->code = gw_buf_printf(w->out, ":{\"requests\":%llu", (unsigned long long)requests);
  gw_json_out_count(w, "errors", sums->sides[side].errors);
  gw_json_out_ms(w, "p50_ms", gw_latency_quantile(buckets, 0.5), requests > 0);
  gw_json_out_ms(w, "p99_ms", gw_latency_quantile(buckets, 0.99), requests > 0);
  gw_json_out_put(w, GW_STR("}"));
}

static void json_parity(gw_json_out *w, gw_live *live) {
  uint64_t parity[GW_PARITY_COUNT] = { 0 };
  if (live != NULL) gw_live_parity(live, parity);
  uint64_t equal = parity[GW_PARITY_EQUAL];
  uint64_t all = equal + parity[GW_PARITY_DIFFERENT];
  gw_json_out_put(w, GW_STR("{"));
  for (int i = 0; i < GW_PARITY_COUNT; i++) {
    if (i > 0) gw_json_out_put(w, GW_STR(","));
    gw_json_out_text(w, gw_parity_name((gw_parity)i));
    if (w->code == GW_OK) w->code = gw_buf_printf(w->out, ":%llu", (unsigned long long)parity[i]);
  }
  gw_json_out_ratio(w, "ratio", all > 0 ? (double)equal / (double)all : 0, all > 0);
  gw_json_out_ratio(w, "low", gw_wilson_low(equal, all), all > 0);
  gw_json_out_put(w, GW_STR("}"));
}

void gw_migration_json_figures(gw_json_out *w, const gw_route *route) {
  gw_live *live = route_live(route);
  gw_live_sums sums = { 0 };
  if (live != NULL) gw_live_sum(live, &sums);
  if (route->migration == NULL) {
    gw_json_out_put(w, GW_STR(",\"sides\":null,\"parity\":null,\"fallbacks\":0"));
    return;
  }
  gw_json_out_put(w, GW_STR(",\"sides\":{"));
  json_side(w, &sums, GW_SIDE_LEGACY);
  gw_json_out_put(w, GW_STR(","));
  json_side(w, &sums, GW_SIDE_GRPC);
  gw_json_out_put(w, GW_STR("},\"parity\":"));
  json_parity(w, live);
  gw_json_out_count(w, "fallbacks", sums.fallbacks);
}

/* ---- details ---- */

static void json_shadow(gw_json_out *w, const gw_shadow_policy *shadow, uint64_t running) {
  char sample[GW_SHARE_TEXT_MAX];
  gw_share_print(shadow->sample, sample);
  gw_json_out_put(w, GW_STR(",\"shadow\":{\"sample\":"));
  gw_json_out_text(w, gw_str_of(sample));
  gw_json_out_count(w, "in_flight", shadow->in_flight);
  gw_json_out_count(w, "body", shadow->body_bytes);
  gw_json_out_count(w, "timeout_ms", shadow->timeout_ms);
  gw_json_out_bool(w, "unsafe", shadow->unsafe);
  gw_json_out_bool(w, "legacy", shadow->legacy);
  gw_json_out_count(w, "running", running);
  gw_json_out_put(w, GW_STR("}"));
}

static void json_seen(gw_json_out *w, const gw_guard_view *view) {
  if (w->code == GW_OK)
    w->code =
        gw_buf_printf(w->out, ",\"seen\":{\"window_ms\":%llu", (unsigned long long)view->window_ms);
  for (int i = 0; i < GW_SIDE_COUNT; i++) {
    uint64_t requests = view->sides[i].requests;
    gw_json_out_put(w, i == GW_SIDE_LEGACY ? GW_STR(",\"legacy\":{\"requests\":")
                                           : GW_STR(",\"grpc\":{\"requests\":"));
    if (w->code == GW_OK) w->code = gw_buf_printf(w->out, "%llu", (unsigned long long)requests);
    gw_json_out_count(w, "errors", view->sides[i].errors);
    gw_json_out_ms(w, "p99_ms", view->sides[i].p99_us, requests > 0);
    gw_json_out_put(w, GW_STR("}"));
  }
  gw_json_out_count(w, "compared", view->compared);
  gw_json_out_count(w, "equal", view->equal);
  gw_json_out_put(w, GW_STR("}"));
}

static void json_guard(gw_json_out *w, const gw_guard_policy *guard, const gw_guard_view *view) {
  if (!guard->is_set) {
    gw_json_out_put(w, GW_STR(",\"guard\":null"));
    return;
  }
  if (w->code == GW_OK)
    w->code = gw_buf_printf(w->out, ",\"guard\":{\"window_ms\":%llu",
                            (unsigned long long)guard->window_ms);
  gw_json_out_count(w, "requests", guard->requests);
  gw_json_out_share(w, "errors", guard->errors);
  if (guard->parity > 0)
    gw_json_out_share(w, "parity", guard->parity);
  else
    gw_json_out_put(w, GW_STR(",\"parity\":null"));
  gw_json_out_key(w, "p99_ratio");
  if (w->code == GW_OK && guard->p99_ratio > 0)
    w->code = gw_buf_printf(w->out, "%g", guard->p99_ratio);
  else
    gw_json_out_put(w, GW_STR("null"));
  gw_json_out_member(w, "back_to", gw_stage_name(guard->back_to));
  json_seen(w, view);
  gw_json_out_put(w, GW_STR("}"));
}

static void json_ramp(gw_json_out *w, const gw_ramp_policy *ramp, const gw_stage_view *view) {
  char share[GW_SHARE_TEXT_MAX];
  if (ramp->step_count == 0) {
    gw_json_out_put(w, GW_STR(",\"ramp\":null"));
    return;
  }
  gw_json_out_put(w, GW_STR(",\"ramp\":{\"steps\":["));
  for (uint32_t i = 0; i < ramp->step_count; i++) {
    if (i > 0) gw_json_out_put(w, GW_STR(","));
    gw_share_print(ramp->steps[i], share);
    gw_json_out_text(w, gw_str_of(share));
  }
  gw_json_out_put(w, GW_STR("]"));
  gw_json_out_count(w, "hold_ms", ramp->hold_ms);
  gw_json_out_count(w, "min_compared", ramp->min_compared);
  gw_json_out_share(w, "min_parity", ramp->min_parity);
  if (view->guard.ramp_step < ramp->step_count)
    gw_json_out_count(w, "step", view->guard.ramp_step);
  else
    gw_json_out_put(w, GW_STR(",\"step\":null"));
  gw_json_out_bool(w, "held", view->is_held);
  gw_json_out_count(w, "hold_left_ms", view->guard.hold_left_ms);
  gw_json_out_count(w, "compared", view->guard.step_compared);
  gw_json_out_count(w, "equal", view->guard.step_equal);
  gw_json_out_ratio(w, "low", view->guard.step_parity_low, view->guard.step_compared > 0);
  gw_json_out_put(w, GW_STR("}"));
}

static void json_move(gw_json_out *w, const gw_move *move) {
  gw_json_out_put(w, GW_STR("{\"from\":{"));
  gw_json_out_stand(w, move->from);
  gw_json_out_put(w, GW_STR("},\"to\":{"));
  gw_json_out_stand(w, move->to);
  gw_json_out_put(w, GW_STR("}"));
  gw_json_out_time(w, "at", move->at_ms);
  gw_json_out_member(w, "who", gw_str_of(move->who));
  gw_json_out_member(w, "why", gw_str_of(move->why));
  gw_json_out_put(w, GW_STR("}"));
}

static void json_journal(gw_json_out *w, gw_live *live) {
  gw_move *moves = live != NULL ? calloc(GW_JOURNAL_MAX, sizeof *moves) : NULL;
  if (live != NULL && moves == NULL) w->code = GW_NOMEM;
  uint32_t count = moves != NULL ? gw_live_journal(live, moves) : 0;
  gw_json_out_put(w, GW_STR(",\"journal\":["));
  for (uint32_t i = 0; i < count; i++) {
    if (i > 0) gw_json_out_put(w, GW_STR(","));
    json_move(w, &moves[i]);
  }
  gw_json_out_put(w, GW_STR("]"));
  free(moves);
}

static void json_coverage(gw_json_out *w, gw_live *live, const gw_migration *migration) {
  gw_coverage *coverage = live != NULL ? gw_live_coverage(live, migration) : NULL;
  gw_json_out_key(w, "coverage");
  if (coverage == NULL) {
    gw_json_out_put(w, GW_STR("null"));
    return;
  }
  json_t *tree = gw_coverage_json(coverage);
  char *text = tree != NULL ? json_dumps(tree, JSON_COMPACT) : NULL;
  if (text != NULL)
    gw_json_out_put(w, gw_str_of(text));
  else
    w->code = GW_NOMEM;
  free(text);
  json_decref(tree);
}

void gw_migration_json_details(gw_json_out *w, const gw_route *route, const gw_stage_view *view) {
  const gw_migration *migration = route->migration;
  gw_live *live = route_live(route);
  gw_live_sums sums = { 0 };
  gw_json_out_put(w, GW_STR(",\"configured\":{"));
  gw_json_out_stand(w, gw_migration_stand(migration));
  gw_json_out_put(w, GW_STR("}"));
  if (migration == NULL) {
    gw_json_out_put(w, GW_STR(",\"shadow\":null,\"guard\":null,\"ramp\":null,\"journal\":[],"
                              "\"coverage\":null"));
    return;
  }
  if (live != NULL) gw_live_sum(live, &sums);
  json_shadow(w, &migration->shadow, sums.shadows_in_flight);
  json_guard(w, &migration->guard, &view->guard);
  json_ramp(w, &migration->ramp, view);
  json_journal(w, live);
  json_coverage(w, live, migration);
}
