#include "exchange/shadow.h"

#include <stdlib.h>
#include <utlist.h>

#include "exchange/forward.h"
#include "exchange/record.h"
#include "migrate/comparer.h"
#include "route/method.h"

#define SHADOW_HEAD_BYTES GW_KIB(64) /* of request and answers besides their bodies */
#define SHADOW_AGAIN      20u        /* one of so many asks legacy a second time */

typedef enum shadow_state { SHADOW_RECORDING, SHADOW_ASKING, SHADOW_AGAIN_ASKING } shadow_state;

struct gw_shadow {
  gw_compare_job job; /* what the comparer gets of it: this object, from then on its own */
  gw_shadow *previous, *next;
  gw_engine *engine;
  gw_lease *lease;       /* counted */
  gw_snapshot *snapshot; /* counted, for the job */
  const gw_migration *migration;
  gw_live_counters *counters;
  shadow_state state;
  gw_arena arena; /* no worker's pool: the comparer's thread frees it */
  size_t bytes;   /* of it, as counted in engine->shadow_bytes */
  gw_h1_request request;
  gw_str peer;
  gw_buf body;
  bool has_body; /* all of it */
  bool is_safe;
  bool is_over;                    /* what our own exchange answers is more than is kept */
  gw_side first;                   /* whose answer the client got */
  gw_record given, other, again;   /* the client's answer, the other side's, legacy's second */
  gw_exchange *exchange;           /* RECORDING: the client's; else our own; NULL: in between */
  const gw_client_ops *client_ops; /* RECORDING: the client */
  void *client;
  gw_task task; /* the next step, outside of what an exchange calls */
  gw_timer timer;
};

/* ---- life ---- */

/* Everything but what the comparer needs. */
static void shadow_let_go(gw_shadow *shadow) {
  gw_engine *engine = shadow->engine;
  DL_DELETE2(engine->shadows, shadow, previous, next);
  gw_loop_withdraw(engine->loop, &shadow->task);
  gw_timer_cancel(engine->loop, &shadow->timer);
  engine->shadow_bytes -= shadow->bytes;
  gw_uncount(&shadow->counters->shadows_in_flight, 1);
  gw_lease_unref(shadow->lease);
}

static void shadow_free(gw_shadow *shadow) {
  gw_arena_done(&shadow->arena);
  gw_snapshot_unref(shadow->snapshot);
  free(shadow);
}

static void shadow_on_compared(gw_compare_job *job) {
  shadow_free(GW_CONTAINER_OF(job, gw_shadow, job));
}

/* The client's exchange goes on without it. */
static void shadow_detach(gw_shadow *shadow) {
  gw_exchange *exchange = shadow->exchange;
  exchange->client_ops = shadow->client_ops;
  exchange->client = shadow->client;
  exchange->shadow = NULL;
  shadow->exchange = NULL;
}

static void shadow_give_up(gw_shadow *shadow, gw_parity parity) {
  gw_count(&shadow->counters->parity[parity], 1);
  if (shadow->state == SHADOW_RECORDING && shadow->exchange != NULL) shadow_detach(shadow);
  if (shadow->exchange != NULL) gw_exchange_free(shadow->exchange);
  shadow_let_go(shadow);
  shadow_free(shadow);
}

/* False: all shadows together hold too much. */
static bool shadow_account(gw_shadow *shadow) {
  gw_engine *engine = shadow->engine;
  engine->shadow_bytes += shadow->arena.used - shadow->bytes;
  shadow->bytes = shadow->arena.used;
  return engine->shadow_bytes <= GW_SHADOW_BYTES_MAX;
}

/* Whether the side itself answered, and not the gateway in its place: 502 of a side that is not
 * there says nothing about parity.  A request that the gateway refuses for what it is, before any
 * side was asked, is answered too: so it is for a client. */
static bool exchange_was_answered(const gw_exchange *exchange) {
  if (exchange->forward != NULL) {
    const gw_http_call *call = &exchange->forward->call;
    return call->has_head && call->result.code == GW_OK;
  }
  if (exchange->call.state == GW_CALL_IDLE) return exchange->status < 500;
  return gw_call_is_done(&exchange->call) && exchange->call.result.code == GW_OK;
}

/* ---- the comparison ---- */

static void shadow_offer(gw_shadow *shadow) {
  gw_engine *engine = shadow->engine;
  bool is_legacy = shadow->first == GW_SIDE_LEGACY;
  shadow->job.migration = shadow->migration;
  shadow->job.counters = shadow->counters;
  shadow->job.legacy = is_legacy ? shadow->given.answer : shadow->other.answer;
  shadow->job.grpc = is_legacy ? shadow->other.answer : shadow->given.answer;
  shadow->job.has_again = shadow->again.is_whole;
  shadow->job.again = shadow->again.answer;
  shadow->job.bytes = shadow->arena.used;
  shadow->job.done = shadow_on_compared;
  shadow_let_go(shadow);
  if (!gw_comparer_offer(engine->comparer, &shadow->job)) {
    gw_count(&shadow->counters->parity[GW_PARITY_DROPPED], 1);
    shadow_free(shadow);
  }
}

/* ---- asking the other side ---- */

static gw_record *shadow_record(gw_shadow *shadow) {
  return shadow->state == SHADOW_ASKING ? &shadow->other : &shadow->again;
}

/* What our own exchange calls.  Nothing is done within: it goes on after the call. */
static void asked_stop(gw_shadow *shadow) {
  gw_loop_defer(shadow->engine->loop, &shadow->task);
}

static void asked_begin(void *client, const gw_answer *head) {
  gw_shadow *shadow = client;
  if (gw_record_head(shadow_record(shadow), head) != GW_OK) shadow->is_over = true;
}

static void asked_piece(void *client, gw_str bytes) {
  gw_shadow *shadow = client;
  if (gw_record_piece(shadow_record(shadow), bytes) == GW_OK && shadow_account(shadow)) return;
  shadow->is_over = true;
  asked_stop(shadow);
}

static void asked_end(void *client) {
  gw_shadow *shadow = client;
  gw_record_end(shadow_record(shadow));
  asked_stop(shadow);
}

static void asked_answer(void *client, const gw_answer *answer) {
  asked_begin(client, answer);
  asked_end(client);
}

static void asked_cut(void *client) {
  asked_stop(client);
}

static bool asked_is_writable(const void *client) {
  (void)client;
  return true;
}

/* All of the body was given at once: there is nothing to hold. */
static void asked_hold(void *client, bool held) {
  (void)client;
  (void)held;
}

static const gw_client_ops asked_ops = {
  .answer = asked_answer,
  .begin = asked_begin,
  .piece = asked_piece,
  .end = asked_end,
  .cut = asked_cut,
  .is_writable = asked_is_writable,
  .hold = asked_hold,
};

static void shadow_ask(gw_shadow *shadow, shadow_state state, gw_side side) {
  gw_loop *loop = shadow->engine->loop;
  shadow->state = state;
  gw_exchange *exchange = gw_exchange_new_shadow(shadow->lease, side, &asked_ops, shadow);
  if (exchange == NULL ||
      !gw_timer_set(loop, &shadow->timer,
                    gw_loop_now_ms(loop) + shadow->migration->shadow.timeout_ms)) {
    if (exchange != NULL) gw_exchange_free(exchange);
    shadow_give_up(shadow, GW_PARITY_DROPPED);
    return;
  }
  shadow->exchange = exchange;
  gw_exchange_head(exchange, &shadow->request, shadow->peer);
  if (exchange->state != GW_EX_DONE) {
    gw_str none = { "", 0 };
    gw_exchange_body(exchange, shadow->body.n > 0 ? gw_buf_str(&shadow->body) : none, true);
  }
}

/* Our exchange is over, or its answer is more than is kept. */
static void shadow_asked(gw_shadow *shadow) {
  bool was_answered = exchange_was_answered(shadow->exchange);
  gw_exchange_free(shadow->exchange);
  shadow->exchange = NULL;
  gw_timer_cancel(shadow->engine->loop, &shadow->timer);
  if (shadow->state == SHADOW_AGAIN_ASKING) {
    if (!was_answered || shadow->is_over) shadow->again.is_whole = false;
    shadow_offer(shadow);
  } else if (shadow->is_over) {
    shadow_give_up(shadow, GW_PARITY_DROPPED);
  } else if (!was_answered || !shadow->other.is_whole) {
    shadow_give_up(shadow, GW_PARITY_FAILED);
  } else if (shadow->is_safe && gw_engine_draw(shadow->engine, SHADOW_AGAIN) == 0) {
    shadow_ask(shadow, SHADOW_AGAIN_ASKING, GW_SIDE_LEGACY);
  } else {
    shadow_offer(shadow);
  }
}

static void shadow_on_task(gw_task *task) {
  gw_shadow *shadow = GW_CONTAINER_OF(task, gw_shadow, task);
  if (shadow->state == SHADOW_RECORDING) {
    gw_side other = shadow->first == GW_SIDE_LEGACY ? GW_SIDE_GRPC : GW_SIDE_LEGACY;
    gw_count(&shadow->counters->shadows, 1);
    shadow_ask(shadow, SHADOW_ASKING, other);
  } else {
    shadow_asked(shadow);
  }
}

static void shadow_on_timer(gw_timer *timer) {
  gw_shadow *shadow = GW_CONTAINER_OF(timer, gw_shadow, timer);
  if (shadow->state == SHADOW_ASKING) {
    shadow_give_up(shadow, GW_PARITY_FAILED);
    return;
  }
  gw_exchange_free(shadow->exchange);
  shadow->exchange = NULL;
  shadow->again.is_whole = false;
  shadow_offer(shadow);
}

/* ---- the client's exchange ---- */

/* Its answer is complete and on its way to the client. */
static void shadow_given(gw_shadow *shadow) {
  gw_record_end(&shadow->given);
  if (!shadow->has_body) { /* answered before all was asked: the other side cannot be asked alike */
    shadow_give_up(shadow, GW_PARITY_DROPPED);
    return;
  }
  if (!exchange_was_answered(shadow->exchange)) {
    shadow_give_up(shadow, GW_PARITY_FAILED);
    return;
  }
  shadow_detach(shadow);
  gw_loop_defer(shadow->engine->loop, &shadow->task);
}

/* Whether what came was kept; else the shadow is gone. */
static bool tee_keeps(gw_shadow *shadow, gw_code code) {
  if (code == GW_OK && shadow_account(shadow)) return true;
  shadow_give_up(shadow, GW_PARITY_DROPPED);
  return false;
}

static void tee_answer(void *client, const gw_answer *answer) {
  gw_shadow *shadow = client;
  const gw_client_ops *ops = shadow->client_ops;
  void *to = shadow->client;
  if (tee_keeps(shadow, gw_record_head(&shadow->given, answer))) shadow_given(shadow);
  ops->answer(to, answer);
}

static void tee_begin(void *client, const gw_answer *head) {
  gw_shadow *shadow = client;
  const gw_client_ops *ops = shadow->client_ops;
  void *to = shadow->client;
  (void)tee_keeps(shadow, gw_record_head(&shadow->given, head));
  ops->begin(to, head);
}

static void tee_piece(void *client, gw_str bytes) {
  gw_shadow *shadow = client;
  const gw_client_ops *ops = shadow->client_ops;
  void *to = shadow->client;
  (void)tee_keeps(shadow, gw_record_piece(&shadow->given, bytes));
  ops->piece(to, bytes);
}

static void tee_end(void *client) {
  gw_shadow *shadow = client;
  const gw_client_ops *ops = shadow->client_ops;
  void *to = shadow->client;
  shadow_given(shadow);
  ops->end(to);
}

static void tee_cut(void *client) {
  gw_shadow *shadow = client;
  const gw_client_ops *ops = shadow->client_ops;
  void *to = shadow->client;
  shadow_give_up(shadow, GW_PARITY_FAILED);
  ops->cut(to);
}

static bool tee_is_writable(const void *client) {
  const gw_shadow *shadow = client;
  return shadow->client_ops->is_writable(shadow->client);
}

static void tee_hold(void *client, bool held) {
  gw_shadow *shadow = client;
  shadow->client_ops->hold(shadow->client, held);
}

static const gw_client_ops tee_ops = {
  .answer = tee_answer,
  .begin = tee_begin,
  .piece = tee_piece,
  .end = tee_end,
  .cut = tee_cut,
  .is_writable = tee_is_writable,
  .hold = tee_hold,
};

/* Fields of the request that the other side gets: not those of its connection, nor of its body's
 * framing; and its answer shall not be compressed. */
static bool request_keeps(const gw_h1_request *request, gw_str name) {
  static const gw_str dropped[] = { GW_STR_INIT("accept-encoding"), GW_STR_INIT("connection"),
                                    GW_STR_INIT("content-length"), GW_STR_INIT("expect"),
                                    GW_STR_INIT("transfer-encoding") };
  for (size_t i = 0; i < GW_COUNT_OF(dropped); i++) {
    if (gw_str_eq(name, dropped[i])) return false;
  }
  return request->connection_count == 0 || !gw_h1_connection_names(request, name);
}

static gw_code shadow_copy_request(gw_shadow *shadow, const gw_h1_request *request, gw_str peer) {
  gw_arena *arena = &shadow->arena;
  gw_header *fields = gw_arena_alloc(arena, (request->field_count + 1) * sizeof *fields);
  uint32_t count = 0;
  if (fields == NULL) return GW_NOMEM;
  for (uint32_t i = 0; i < request->field_count; i++) {
    if (!request_keeps(request, request->fields[i].name)) continue;
    fields[count].name = gw_arena_copy(arena, request->fields[i].name);
    fields[count].value = gw_arena_copy(arena, request->fields[i].value);
    if (fields[count].name.p == NULL || fields[count].value.p == NULL) return GW_NOMEM;
    count++;
  }
  shadow->request = (gw_h1_request){ .method = gw_arena_copy(arena, request->method),
                                     .target = gw_arena_copy(arena, request->target),
                                     .http10 = request->http10,
                                     .host = gw_arena_copy(arena, request->host),
                                     .is_secure = request->is_secure,
                                     .fields = fields,
                                     .field_count = count };
  shadow->peer = gw_arena_copy(arena, peer);
  gw_str path = shadow->request.target;
  path.n = gw_str_find(path, '?');
  shadow->job.request = gw_arena_printf(arena, GW_STR_FMT " " GW_STR_FMT,
                                        GW_STR_ARG(request->method), GW_STR_ARG(path));
  bool is_whole = shadow->request.method.p != NULL && shadow->request.target.p != NULL &&
                  shadow->request.host.p != NULL && shadow->peer.p != NULL &&
                  shadow->job.request.p != NULL;
  return is_whole ? GW_OK : GW_NOMEM;
}

static void shadow_init(gw_shadow *shadow, gw_exchange *exchange) {
  const gw_migration *migration = exchange->rule->route->migration;
  const gw_shadow_policy *policy = &migration->shadow;
  *shadow = (gw_shadow){ .engine = exchange->engine,
                         .migration = migration,
                         .counters = exchange->counters,
                         .first = exchange->side,
                         .is_safe = gw_method_is_safe(exchange->method) };
  gw_arena_init(&shadow->arena, NULL, SHADOW_HEAD_BYTES + 8 * policy->body_bytes);
  gw_buf_init(&shadow->body, &shadow->arena, policy->body_bytes);
  gw_record_init(&shadow->given, &shadow->arena, &migration->compare, policy->body_bytes);
  gw_record_init(&shadow->other, &shadow->arena, &migration->compare, policy->body_bytes);
  gw_record_init(&shadow->again, &shadow->arena, &migration->compare, policy->body_bytes);
  shadow->task.run = shadow_on_task;
  shadow->timer.fired = shadow_on_timer;
}

static bool shadow_has_room(const gw_exchange *exchange, const gw_h1_request *request) {
  const gw_shadow_policy *policy = &exchange->rule->route->migration->shadow;
  /* Workers don't know of each other: each has a part, and the parts are no more than the whole. */
  uint32_t workers = exchange->lease->snapshot->workers;
  uint32_t part = policy->in_flight / workers;
  if (exchange->engine->worker < policy->in_flight % workers) part++;
  if (gw_counter_get(&exchange->counters->shadows_in_flight) >= part) return false;
  if (exchange->engine->shadow_bytes >= GW_SHADOW_BYTES_MAX) return false;
  return request->body_kind != GW_H1_BODY_LENGTH || request->content_length <= policy->body_bytes;
}

void gw_shadow_begin(gw_exchange *exchange, const gw_h1_request *request, gw_str peer) {
  gw_engine *engine = exchange->engine;
  gw_shadow *shadow = shadow_has_room(exchange, request) ? malloc(sizeof *shadow) : NULL;
  if (shadow == NULL) {
    gw_count(&exchange->counters->parity[GW_PARITY_DROPPED], 1);
    return;
  }
  shadow_init(shadow, exchange);
  if (shadow_copy_request(shadow, request, peer) != GW_OK) {
    gw_count(&exchange->counters->parity[GW_PARITY_DROPPED], 1);
    gw_arena_done(&shadow->arena);
    free(shadow);
    return;
  }
  shadow->lease = gw_lease_ref(exchange->lease);
  shadow->snapshot = gw_snapshot_ref(shadow->lease->snapshot);
  shadow->job.live = shadow->lease->lives[exchange->rule->route->index];
  gw_count(&shadow->counters->shadows_in_flight, 1);
  DL_APPEND2(engine->shadows, shadow, previous, next);
  shadow->exchange = exchange;
  shadow->client_ops = exchange->client_ops;
  shadow->client = exchange->client;
  exchange->client_ops = &tee_ops;
  exchange->client = shadow;
  exchange->shadow = shadow;
}

void gw_shadow_body(gw_exchange *exchange, gw_str piece, bool end) {
  gw_shadow *shadow = exchange->shadow;
  if (!tee_keeps(shadow, gw_buf_append(&shadow->body, piece)) || !end) return;
  shadow->has_body = true;
  shadow->request.content_length = shadow->body.n;
  shadow->request.body_kind = shadow->body.n > 0 ? GW_H1_BODY_LENGTH : GW_H1_BODY_NONE;
}

void gw_shadow_leave(gw_exchange *exchange, gw_parity parity) {
  shadow_give_up(exchange->shadow, parity);
}

void gw_shadow_cancel_all(gw_engine *engine) {
  while (engine->shadows != NULL)
    shadow_give_up(engine->shadows, GW_PARITY_DROPPED);
}
