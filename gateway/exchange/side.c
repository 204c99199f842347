#include "exchange/side.h"

#include "exchange/shadow.h"
#include "migrate/draw.h"
#include "route/method.h"

void gw_side_draw(gw_exchange *exchange, const gw_h1_request *request, gw_str peer) {
  const gw_rule *rule = exchange->rule;
  const gw_migration *migration = rule->route->migration;
  if (migration == NULL || exchange->is_shadow) return;
  gw_engine *engine = exchange->engine;
  gw_stand stand = gw_live_stand(exchange->lease->lives[rule->route->index]);
  exchange->counters = exchange->lease->live_counters[rule->route->index];
  exchange->side = stand.stage < GW_STAGE_CANARY ? GW_SIDE_LEGACY : GW_SIDE_GRPC;
  if (stand.stage == GW_STAGE_CANARY) {
    gw_str key = gw_draw_key(&migration->sticky, request->fields, request->field_count);
    exchange->side = gw_draw_side(migration, stand, key, gw_engine_random(engine));
  }
  /* A stream of requests is never whole, and cannot be sent twice. */
  if (stand.stage == GW_STAGE_LEGACY || rule->reads_stream) return;
  bool is_safe = gw_method_is_safe(request->method);
  if (gw_draw_shadow(migration, stand, is_safe, gw_engine_random(engine))) {
    gw_shadow_begin(exchange, request, peer);
  }
}

void gw_side_account(gw_exchange *exchange, bool is_error, uint64_t duration_us) {
  if (exchange->counters == NULL || exchange->is_counted) return;
  exchange->is_counted = true;
  gw_side_count(&exchange->counters->sides[exchange->side], is_error, duration_us);
}
