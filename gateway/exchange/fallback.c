#include "exchange/fallback.h"

#include "exchange/forward.h"
#include "exchange/shadow.h"
#include "exchange/side.h"
#include "route/method.h"

gw_code gw_fallback_prepare(gw_exchange *exchange, const gw_h1_request *request, gw_str peer) {
  const gw_migration *migration = exchange->rule->route->migration;
  if (migration == NULL || !migration->fallback || exchange->is_shadow) return GW_OK;
  if (!gw_method_is_safe(request->method) || request->body_kind != GW_H1_BODY_NONE) return GW_OK;
  return gw_forward_prepare(exchange, request, peer, migration->legacy, &exchange->fallback);
}

static unsigned fallback_code(const gw_call_result *result) {
  return result->code == GW_OK ? result->grpc_code : gw_code_grpc(result->code);
}

/* Legacy answers within what is left of the request's deadline.  False: nothing is. */
static bool fallback_has_time(const gw_exchange *exchange, gw_forward *forward) {
  uint64_t now = gw_loop_now_ms(exchange->engine->loop);
  if (exchange->deadline_ms == 0) return true;
  if (exchange->deadline_ms <= now) return false;
  uint64_t left = exchange->deadline_ms - now;
  if (forward->timeout_ms == 0 || forward->timeout_ms > left) forward->timeout_ms = left;
  return true;
}

bool gw_fallback_take(gw_exchange *exchange, const gw_call_result *result) {
  gw_engine *engine = exchange->engine;
  gw_forward *forward = exchange->fallback;
  unsigned code = fallback_code(result);
  if (forward == NULL || exchange->has_begun) return false;
  if (code != GW_GRPC_UNAVAILABLE && code != GW_GRPC_UNIMPLEMENTED) return false;
  gw_side_account(exchange, true, gw_clock_us() - exchange->begin_us);
  if (exchange->shadow != NULL) gw_shadow_leave(exchange, GW_PARITY_FAILED);
  if (engine->fallbacks >= GW_FALLBACKS_MAX || !fallback_has_time(exchange, forward)) {
    gw_count(&exchange->counters->fallbacks_refused, 1);
    return false;
  }
  engine->fallbacks++;
  gw_count(&exchange->counters->fallbacks, 1);
  exchange->fallback = NULL;
  exchange->is_fallback = true;
  gw_timer_cancel(engine->loop, &exchange->timer);
  gw_forward_start(exchange, forward);
  gw_forward_body(exchange, GW_STR(""), true);
  return true;
}

void gw_fallback_done(gw_exchange *exchange) {
  if (!exchange->is_fallback) return;
  exchange->is_fallback = false;
  exchange->engine->fallbacks--;
}
