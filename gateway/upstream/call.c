#include "upstream/call.h"

#include "upstream/pick.h"

#define CALL_EARLY_MS        5u      /* by which a service's clock may be ahead */
#define CALL_JITTER          0.2     /* of a pause, either way (gRFC A6) */
#define CALL_PUSHBACK_MS_MAX 300000u /* the longest deadline there is */
#define CALL_HEDGE_AGAIN_MS  10u     /* at least, after a hedge that throttling forbade */

static void call_on_attempt(gw_attempt *attempt);

static gw_attempt *call_attempt(gw_call *call, uint32_t i) {
  return i == 0 ? &call->first : call->others[i - 1];
}

/* ---- choosing ---- */

static void call_retry_over(gw_call *call) {
  if (!call->is_retrying) return;
  call->is_retrying = false;
  gw_upstream_retry_over(call->upstream);
}

/* Waits no longer for the next attempt. */
static void call_unpause(gw_call *call) {
  gw_timer_cancel(call->loop, &call->timer);
  if (call->is_pausing) gw_upstream_unpause(call->upstream, call);
  call->is_pausing = false;
}

/* Ends all attempts but one. */
static void call_end_others(gw_call *call, const gw_attempt *but, gw_code code) {
  for (uint32_t i = 0; i < call->started; i++) {
    if (call_attempt(call, i) != but) gw_attempt_end(call_attempt(call, i), code);
  }
}

/* From here on the owner sees this attempt and nothing else. */
static void call_choose(gw_call *call, gw_attempt *attempt) {
  assert(call->chosen == NULL);
  call_unpause(call);
  call->chosen = attempt;
  call->state = GW_CALL_ANSWERING;
  call_end_others(call, attempt, GW_CANCELLED);
  call_retry_over(call);
}

static void call_finish(gw_call *call, gw_call_result result) {
  gw_rpc_metrics *metrics = call->request.metrics;
  call->state = GW_CALL_DONE;
  call->result = result;
  if (metrics != NULL) {
    gw_rpc_metrics_add_call(metrics, result.grpc_code,
                            gw_loop_woke_us(call->loop) - call->begin_us);
  }
}

/* The chosen attempt's end is the call's. */
static void call_check_done(gw_call *call) {
  if (call->state != GW_CALL_ANSWERING || call->message.p != NULL) return;
  if (call->chosen->state != GW_ATTEMPT_DONE) return;
  call_finish(call, call->chosen->result);
}

/* ---- trying again ---- */

typedef enum pushback { PUSHBACK_NONE, PUSHBACK_WAIT, PUSHBACK_NEVER } pushback;

/* gRFC A6: grpc-retry-pushback-ms in the trailers: so long and no shorter; anything else but a
 * number: never. */
static pushback call_pushback(const gw_attempt *attempt, uint64_t *wait_ms) {
  gw_str name = GW_STR("grpc-retry-pushback-ms");
  gw_str text = gw_h2_field_get(&attempt->stream.trailers, name);
  if (text.p == NULL && !attempt->has_trailers) text = gw_h2_field_get(&attempt->stream.head, name);
  if (text.p == NULL) return PUSHBACK_NONE;
  if (!gw_str_parse_u64(text, wait_ms) || *wait_ms > CALL_PUSHBACK_MS_MAX) return PUSHBACK_NEVER;
  return PUSHBACK_WAIT;
}

static const gw_retry_config *call_policy(const gw_call *call) {
  return call->request.retry != NULL ? call->request.retry : gw_upstream_retry(call->upstream);
}

/* An attempt's own time was up, not the call's.  The service was told of it by grpc-timeout, and
 * may say so before the timer here does. */
static bool call_ran_out(const gw_call *call, const gw_attempt *attempt) {
  unsigned code = attempt->result.grpc_code;
  if (attempt->expired) return true;
  if (code != GW_GRPC_DEADLINE_EXCEEDED && code != GW_GRPC_CANCELLED) return false;
  return attempt->deadline_ms != call->request.deadline_ms &&
         gw_loop_now_ms(call->loop) + CALL_EARLY_MS >= attempt->deadline_ms;
}

static bool call_is_worth_another(const gw_call *call, const gw_attempt *attempt) {
  const gw_call_result *result = &attempt->result;
  if (result->code == GW_OVERLOADED || result->code == GW_NOMEM) return false; /* our own trouble */
  if (call_ran_out(call, attempt)) return true;
  uint32_t codes = call_policy(call)->codes;
  /* Nobody on this side cancelled: it is how gRPC's C core says that its server is shutting down.
   */
  if (codes >> GW_GRPC_UNAVAILABLE & 1u) codes |= 1u << GW_GRPC_CANCELLED;
  return result->grpc_code < 32 && (codes >> result->grpc_code & 1u) != 0;
}

static uint64_t call_pause_ms(gw_call *call) {
  const gw_retry_config *policy = call_policy(call);
  double wait = (double)call->wait_ms * policy->backoff_factor;
  if (call->wait_ms == 0) wait = (double)policy->backoff_ms;
  if (wait > (double)policy->backoff_max_ms) wait = (double)policy->backoff_max_ms;
  call->wait_ms = (uint64_t)wait;
  return (uint64_t)(wait * (1.0 + CALL_JITTER * (2.0 * gw_upstream_draw(call->upstream) - 1.0)));
}

static bool call_has_time(const gw_call *call, uint64_t wait_ms) {
  uint64_t deadline = call->request.deadline_ms;
  return deadline == 0 || gw_loop_now_ms(call->loop) + wait_ms < deadline;
}

/* Each further attempt asks: failures of others meanwhile stop this call's too. */
static bool call_may_retry(gw_call *call) {
  if (call->is_retrying) return gw_upstream_retry_allowed(call->upstream);
  call->is_retrying = gw_upstream_retry_begin(call->upstream, call_policy(call));
  return call->is_retrying;
}

/* One address is lost and another is well: that is no overload, which throttling is against, and
 * all calls that were on their way there need another attempt at the same time.  Once for each. */
static bool call_may_be_rescued(const gw_call *call, const gw_attempt *failed) {
  return failed->stranded && !call->was_rescued &&
         gw_upstream_has_other(call->upstream, failed->address_id);
}

/* A failed attempt: whether another one follows it, and when. */
static bool call_try_again(gw_call *call, const gw_attempt *failed) {
  uint64_t wait_ms = 0;
  const gw_retry_config *policy = call_policy(call);
  bool is_worth = call_is_worth_another(call, failed);
  pushback pushed = call_pushback(failed, &wait_ms);
  bool rescued = is_worth && pushed == PUSHBACK_NONE && call_may_be_rescued(call, failed);
  if ((is_worth && !rescued) || pushed == PUSHBACK_NEVER) {
    gw_upstream_retry_note(call->upstream, true);
  }
  if (!is_worth || pushed == PUSHBACK_NEVER || call->request.queue != NULL) return false;
  if (!call->request.idempotent && !failed->unseen) return false;
  if (call->started >= policy->attempts) return false;
  /* Where no connection is to be expected the client is told at once. */
  if (!call->request.waits_ready && !gw_upstream_has_hope(call->upstream)) return false;
  if (pushed == PUSHBACK_NONE) wait_ms = policy->hedges || rescued ? 0 : call_pause_ms(call);
  if (!call_has_time(call, wait_ms)) return false;
  if (rescued) {
    call->was_rescued = true;
    gw_upstream_rescued(call->upstream);
  } else if (!call_may_retry(call)) {
    return false;
  }
  gw_timer_set(call->loop, &call->timer, gw_loop_now_ms(call->loop) + wait_ms);
  if (!call->is_pausing) gw_upstream_pause(call->upstream, call);
  call->is_pausing = true;
  return true;
}

/* ---- attempts ---- */

static void call_start_attempt(gw_call *call, gw_attempt *attempt, uint32_t avoid) {
  const gw_retry_config *policy = call_policy(call);
  uint64_t deadline_ms = call->request.deadline_ms;
  if (policy->timeout_ms > 0 && call->request.queue == NULL) {
    uint64_t own_ms = gw_loop_now_ms(call->loop) + policy->timeout_ms;
    if (deadline_ms == 0 || own_ms < deadline_ms) deadline_ms = own_ms;
  }
  attempt->tick = call_on_attempt;
  attempt->call = call;
  attempt->arena = call->arena;
  attempt->request = &call->request;
  attempt->previous_count = call->started++;
  attempt->deadline_ms = deadline_ms;
  attempt->address_id = avoid;
  call->open++;
  gw_attempt_start(attempt, call->loop, call->upstream);
}

static void call_hedge_later(gw_call *call, uint64_t wait_ms) {
  const gw_retry_config *policy = call_policy(call);
  if (!policy->hedges || !call->request.idempotent || call->request.queue != NULL) return;
  if (call->started >= policy->attempts || !call_has_time(call, wait_ms)) return;
  gw_timer_set(call->loop, &call->timer, gw_loop_now_ms(call->loop) + wait_ms);
}

/* The next attempt is due: after a failure, or because those that run take long. */
static void call_on_timer(gw_timer *timer) {
  gw_call *call = GW_CONTAINER_OF(timer, gw_call, timer);
  assert(call->state == GW_CALL_TRYING && call->started <= GW_COUNT_OF(call->others));
  gw_attempt *last = call_attempt(call, call->started - 1);
  bool was_asked = call->is_pausing;
  call_unpause(call);
  if (!was_asked && !call_may_retry(call)) { /* too many already, for now */
    uint64_t hedge_ms = call_policy(call)->hedge_ms;
    call_hedge_later(call, hedge_ms > CALL_HEDGE_AGAIN_MS ? hedge_ms : CALL_HEDGE_AGAIN_MS);
    return;
  }
  gw_attempt *attempt = gw_arena_zalloc(call->arena, sizeof *attempt);
  if (attempt == NULL) {
    if (call->open > 0) return;
    call_choose(call, last);
    call_check_done(call);
    call->tick(call);
    return;
  }
  call->others[call->started - 1] = attempt;
  call_start_attempt(call, attempt, last->address_id);
  call_hedge_later(call, call_policy(call)->hedge_ms);
}

/* A unary attempt is read to its end before anybody sees it.  True: it is there. */
static bool call_read_unary(gw_attempt *attempt, gw_str *message) {
  gw_str next;
  *message = (gw_str){ NULL, 0 };
  while (gw_attempt_next(attempt, &next) == GW_OK)
    *message = next.n > 0 ? next : GW_STR("");
  return attempt->state == GW_ATTEMPT_DONE;
}

/* A stream's attempt: its head decides, unless the status comes with it.  True: it is decided. */
static bool call_read_stream(gw_attempt *attempt) {
  gw_str none;
  bool is_over = attempt->ended || attempt->stream.h2 == NULL;
  if (attempt->state != GW_ATTEMPT_OPEN) return attempt->state == GW_ATTEMPT_DONE;
  if (attempt->speaks_grpc && (!is_over || gw_h2_pending(&attempt->stream).n > 0)) return true;
  /* Nothing to show but a status: it is taken, and so is what does not speak gRPC. */
  return gw_attempt_next(attempt, &none) != GW_OK && attempt->state == GW_ATTEMPT_DONE;
}

static bool attempt_has_failed(const gw_attempt *attempt) {
  if (attempt->state != GW_ATTEMPT_DONE) return false;
  return attempt->result.code != GW_OK || attempt->result.grpc_code != GW_GRPC_OK;
}

static void call_on_attempt(gw_attempt *attempt) {
  gw_call *call = attempt->call;
  if (call->chosen != NULL) {
    if (attempt != call->chosen) return;
    call_check_done(call);
    call->tick(call);
    return;
  }
  gw_str message = { NULL, 0 };
  bool decided =
      call->request.streaming ? call_read_stream(attempt) : call_read_unary(attempt, &message);
  if (!decided) return;
  if (attempt->state == GW_ATTEMPT_DONE) call->open--;
  if (attempt_has_failed(attempt)) {
    if (call_try_again(call, attempt)) return;
    /* Others may still do better, unless this is an answer that none would change. */
    bool is_final = !call_is_worth_another(call, attempt);
    if (!is_final && call->open > 0) return;
  } else if (attempt->state == GW_ATTEMPT_DONE) {
    gw_upstream_retry_note(call->upstream, false);
  }
  call_choose(call, attempt);
  call->message = message;
  call_check_done(call);
  call->tick(call);
}

/* ---- the owner's side ---- */

void gw_call_start(gw_call *call, gw_loop *loop, gw_upstream *upstream,
                   const gw_call_request *request) {
  assert(call->state == GW_CALL_IDLE);
  call->loop = loop;
  call->upstream = upstream;
  call->request = *request;
  call->begin_us = gw_loop_woke_us(loop);
  call->timer.fired = call_on_timer;
  call->state = GW_CALL_TRYING;
  if (request->queue != NULL) { /* the owner follows how it is sent: there is no other */
    call->chosen = &call->first;
    call->state = GW_CALL_ANSWERING;
  }
  call_start_attempt(call, &call->first, 0);
  if (call->chosen == NULL) call_hedge_later(call, call_policy(call)->hedge_ms);
}

gw_code gw_call_next(gw_call *call, gw_str *message) {
  if (call->message.p != NULL) {
    *message = call->message;
    call->message = (gw_str){ NULL, 0 };
    call_check_done(call);
    return GW_OK;
  }
  if (call->state != GW_CALL_ANSWERING) return GW_AGAIN;
  gw_code code = gw_attempt_next(call->chosen, message);
  call_check_done(call);
  return code;
}

const gw_h2_fields *gw_call_head(const gw_call *call) {
  const gw_attempt *attempt = call->chosen;
  return attempt != NULL && attempt->has_head ? &attempt->stream.head : NULL;
}

const gw_h2_fields *gw_call_trailers(const gw_call *call) {
  const gw_attempt *attempt = call->chosen;
  return attempt != NULL && attempt->has_trailers ? &attempt->stream.trailers : NULL;
}

gw_buf *gw_call_frames(gw_call *call, size_t bytes_max) {
  return gw_send_queue_frames(&call->first, bytes_max);
}

void gw_call_send(gw_call *call, bool end) {
  gw_send_queue_send(&call->first, end);
}

bool gw_call_is_full(const gw_call *call) {
  return gw_send_queue_is_full(&call->first);
}

uint32_t gw_call_streams(const gw_call *call) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < call->started; i++)
    count += i == 0 ? call->first.streams : call->others[i - 1]->streams;
  return count;
}

static void call_end(gw_call *call, gw_code code) {
  if (call->state == GW_CALL_IDLE) return;
  call_unpause(call);
  call_end_others(call, NULL, code);
  call_retry_over(call);
  if (call->state == GW_CALL_DONE) return;
  call->message = (gw_str){ NULL, 0 };
  call_finish(call, (gw_call_result){ .code = code, .grpc_code = gw_code_grpc(code) });
}

void gw_call_cancel(gw_call *call) {
  call_end(call, GW_CANCELLED);
}

void gw_call_expire(gw_call *call) {
  call_end(call, GW_DEADLINE);
}
