#include "upstream/call.h"

#include "unit/upstream/bench.h"
#include "upstream/pick.h"
#include "upstream/throttle.h"

#define UNAVAILABLE (1u << 14)

static const script good[] = {
  { "/m", "200", { GRPC }, BYTES(HELLO), { STATUS("0") }, .end = SCRIPT_END },
};
static const script failing[] = {
  { "/m", "200", { GRPC, STATUS("14") }, EMPTY, .end = SCRIPT_END },
};
static const script invalid[] = {
  { "/m", "200", { GRPC, STATUS("3") }, EMPTY, .end = SCRIPT_END },
};
static const script holding[] = {
  { "/m", "200", { GRPC }, EMPTY, .end = SCRIPT_HOLD },
};
static const script late_failure[] = {
  /* after a message: a stream has begun */
  { "/m", "200", { GRPC }, BYTES(HELLO), { STATUS("14") }, .end = SCRIPT_END },
};

static void bench_init_retry(bench *b, size_t services, const script *scripts) {
  bench_init(b, services, scripts, 1);
  b->config.retry = (gw_retry_config){ .attempts = 3,
                                       .backoff_ms = 10,
                                       .backoff_max_ms = 50,
                                       .backoff_factor = 2,
                                       .codes = UNAVAILABLE,
                                       .budget_ppm = 1000000 };
  b->config.throttle = (gw_throttle_config){ .tokens = 100, .ratio = 0.1 };
}

static tcall *call_start(bench *b, bool streaming, bool idempotent) {
  tcall *t = calloc(1, sizeof *t);
  gw_arena_init(&t->arena, NULL, GW_MIB(1));
  t->call.tick = tcall_on_tick;
  t->call.arena = &t->arena;
  gw_call_request request = { .path = GW_STR("/m"),
                              .frames = { HELLO, 10 },
                              .message_bytes_max = MESSAGE_MAX,
                              .deadline_ms = gw_loop_now_ms(b->loop) + 60000,
                              .streaming = streaming,
                              .idempotent = idempotent };
  gw_call_start(&t->call, b->loop, b->upstream, &request);
  return t;
}

static unsigned outcome(bench *b, bool streaming, bool idempotent) {
  tcall *t = call_start(b, streaming, idempotent);
  PUMP(b->loop, t->done_count == 1);
  unsigned code = t->call.result.grpc_code;
  tcall_free(t);
  return code;
}

static gw_str previous_attempts(const service *s, uint32_t i) {
  return gw_h2_field_get(&s->streams[i]->h2.head, GW_STR("grpc-previous-rpc-attempts"));
}

TEST(retry, a_failed_call_is_tried_elsewhere) {
  for (int streaming = 0; streaming < 2; streaming++) {
    bench b;
    bench_init_retry(&b, 2, good);
    b.services[0].scripts = failing;
    bench_ready(&b, 2);
    for (int i = 0; i < 4; i++)
      CHECK_INT(outcome(&b, streaming, true), 0);
    CHECK_INT(b.services[0].count + b.services[1].count,
              4 + gw_counter_get(&b.metrics.retries_total));
    CHECK(b.services[0].count >= 2);
    bench_done(&b);
  }
}

TEST(retry, stops_after_so_many_attempts_and_tells_the_service_which_one_it_is) {
  bench b;
  bench_init_retry(&b, 1, failing);
  bench_ready(&b, 1);
  CHECK_INT(outcome(&b, UNARY, true), 14);
  CHECK_INT(b.services[0].count, 3);
  CHECK(previous_attempts(&b.services[0], 0).p == NULL);
  CHECK_STR(previous_attempts(&b.services[0], 1), "1");
  CHECK_STR(previous_attempts(&b.services[0], 2), "2");
  bench_done(&b);
}

TEST(retry, what_may_have_been_done_is_not_done_again) {
  bench b;
  bench_init_retry(&b, 1, failing);
  bench_ready(&b, 1);
  CHECK_INT(outcome(&b, UNARY, false), 14);
  CHECK_INT(b.services[0].count, 1);
  bench_done(&b);
}

/* How gRPC's C core ends what comes while its server shuts down. */
TEST(retry, a_call_that_the_service_cancelled_is_tried_again) {
  static const script cancelled[] = {
    { "/m", "200", { GRPC, STATUS("1") }, EMPTY, .end = SCRIPT_END },
  };
  bench b;
  bench_init_retry(&b, 2, good);
  b.services[0].scripts = cancelled;
  bench_ready(&b, 2);
  for (int i = 0; i < 4; i++)
    CHECK_INT(outcome(&b, UNARY, true), 0);
  CHECK(b.services[0].count >= 2);
  bench_done(&b);
}

TEST(retry, codes_that_are_not_listed_are_final) {
  bench b;
  bench_init_retry(&b, 1, invalid);
  bench_ready(&b, 1);
  CHECK_INT(outcome(&b, UNARY, true), 3);
  CHECK_INT(b.services[0].count, 1);
  bench_done(&b);
}

TEST(retry, a_stream_that_has_begun_is_not_tried_again) {
  bench b;
  bench_init_retry(&b, 1, late_failure);
  bench_ready(&b, 1);
  CHECK_INT(outcome(&b, STREAM, true), 14);
  CHECK_INT(b.services[0].count, 1);
  /* A unary call was not shown to anybody yet. */
  CHECK_INT(outcome(&b, UNARY, true), 14);
  CHECK_INT(b.services[0].count, 4);
  bench_done(&b);
}

TEST(retry, pushback_is_obeyed) {
  static const struct {
    const char *value;
    uint32_t attempts;
    uint64_t ms_min;
  } rows[] = { { "150", 3, 300 }, { "-1", 1, 0 }, { "soon", 1, 0 }, { "0", 3, 0 } };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    script pushing = {
      "/m",
      "200",
      { GRPC, STATUS("14"), { GW_STR("grpc-retry-pushback-ms"), gw_str_of(rows[i].value) } },
      EMPTY,
      .end = SCRIPT_END
    };
    bench b;
    bench_init_retry(&b, 1, &pushing);
    bench_ready(&b, 1);
    uint64_t begin = gw_loop_now_ms(b.loop);
    CHECK_INT(outcome(&b, UNARY, true), 14);
    CHECK_INT(b.services[0].count, rows[i].attempts);
    CHECK(gw_loop_now_ms(b.loop) - begin >= rows[i].ms_min);
    bench_done(&b);
  }
}

TEST(retry, without_any_connection_the_client_is_told_at_once) {
  bench b;
  bench_init_retry(&b, 1, holding);
  b.config.retry.backoff_ms = b.config.retry.backoff_max_ms = 5000;
  b.config.backoff_initial_ms = b.config.backoff_max_ms = 5000;
  bench_ready(&b, 1);
  tcall *t = call_start(&b, UNARY, true);
  PUMP(b.loop, b.services[0].count == 1);
  gw_listener_close(b.services[0].listener);
  b.services[0].listener = NULL;
  uint64_t begin = gw_loop_now_ms(b.loop);
  gw_h2_abort(b.services[0].conns[0].h2, GW_INTERNAL);
  PUMP(b.loop, t->done_count == 1);
  CHECK_INT(t->call.result.grpc_code, 14);
  CHECK(gw_loop_now_ms(b.loop) - begin < 1000);
  tcall_free(t);
  bench_done(&b);
}

TEST(retry, an_attempt_has_a_time_of_its_own) {
  bench b;
  bench_init_retry(&b, 2, good);
  b.services[0].scripts = holding;
  b.config.retry.timeout_ms = 50;
  bench_ready(&b, 2);
  for (int i = 0; i < 4; i++)
    CHECK_INT(outcome(&b, UNARY, true), 0);
  CHECK(b.services[0].count >= 2);
  PUMP(b.loop, service_open_streams(&b.services[0]) == 0); /* given up ones are cancelled */
  bench_done(&b);
}

/* What the service says of its own accord is no attempt's end. */
TEST(retry, a_deadline_that_is_not_the_attempts_is_final) {
  static const script late[] = {
    { "/m", "200", { GRPC, STATUS("4") }, EMPTY, .end = SCRIPT_END },
  };
  bench b;
  bench_init_retry(&b, 1, late);
  b.config.retry.timeout_ms = 30000;
  bench_ready(&b, 1);
  CHECK_INT(outcome(&b, UNARY, true), 4);
  CHECK_INT(b.services[0].count, 1);
  bench_done(&b);
}

TEST(retry, can_be_cancelled_while_it_waits) {
  bench b;
  bench_init_retry(&b, 1, failing);
  b.config.retry.backoff_ms = b.config.retry.backoff_max_ms = 5000;
  bench_ready(&b, 1);
  tcall *t = call_start(&b, UNARY, true);
  PUMP(b.loop, b.services[0].count == 1);
  pump_for(b.loop, 20);
  CHECK_INT(t->done_count, 0);
  tcall_free(t);
  bench_done(&b);
}

TEST(retry, many_failures_stop_all_retries) {
  bench b;
  bench_init_retry(&b, 1, failing);
  b.config.throttle.tokens = 10;
  bench_ready(&b, 1);
  for (int i = 0; i < 50; i++)
    CHECK_INT(outcome(&b, UNARY, true), 14);
  CHECK(b.services[0].count <= 60);
  CHECK(gw_counter_get(&b.metrics.retries_refused_total) > 40);
  bench_done(&b);
}

/* gRFC A6: asked before each attempt, not once for each call. */
TEST(retry, failures_stop_the_attempts_of_a_call_that_is_being_tried) {
  bench b;
  bench_init_retry(&b, 1, failing);
  b.config.retry.attempts = 5;
  b.config.throttle.tokens = 4;
  bench_ready(&b, 1);
  CHECK_INT(outcome(&b, UNARY, true), 14);
  CHECK_INT(b.services[0].count, 2); /* the second failure leaves half of the tokens */
  bench_done(&b);
}

/* ---- one address is lost ---- */

#define LOST_CALLS 24u

/* As many calls as that on the first service, and others on the second, without tokens or budget.
 */
static void rescue_start(bench *b, const script *scripts, tcall **calls, bool idempotent) {
  bench_init_retry(b, 2, good);
  b->services[0].scripts = scripts;
  b->config.throttle.tokens = 2;
  b->config.retry.budget_ppm = 0;
  b->config.outlier = (gw_outlier_config){ .failures = 1,
                                           .share_ppm = 1000000,
                                           .share_calls = 1000,
                                           .window_ms = 60000,
                                           .ejection_ms = 60000,
                                           .ejection_max_ms = 60000,
                                           .ejected_ppm = 500000 };
  bench_ready(b, 2);
  for (uint32_t i = 0; i < 2 * LOST_CALLS; i++)
    calls[i] = call_start(b, UNARY, idempotent);
}

static uint32_t rescue_done(bench *b, tcall **calls) {
  uint32_t good_count = 0;
  for (uint32_t i = 0; i < 2 * LOST_CALLS; i++) {
    PUMP(b->loop, calls[i]->done_count == 1);
    if (calls[i]->call.result.grpc_code == 0) good_count++;
    tcall_free(calls[i]);
  }
  return good_count;
}

TEST(rescue, calls_that_a_broken_connection_takes_along_are_all_tried_elsewhere) {
  bench b;
  tcall *calls[2 * LOST_CALLS];
  rescue_start(&b, holding, calls, true);
  PUMP(b.loop, b.services[0].count == LOST_CALLS);
  gw_h2_abort(b.services[0].conns[0].h2, GW_INTERNAL);
  CHECK_INT(rescue_done(&b, calls), 2 * LOST_CALLS);
  CHECK_INT(gw_counter_get(&b.metrics.retries_total), LOST_CALLS);
  CHECK_INT(gw_counter_get(&b.metrics.retries_refused_total), 0);
  bench_done(&b);
}

TEST(rescue, calls_that_an_ejected_address_held_are_all_tried_elsewhere) {
  bench b;
  tcall *calls[2 * LOST_CALLS];
  rescue_start(&b, failing, calls, true);
  CHECK_INT(rescue_done(&b, calls), 2 * LOST_CALLS);
  CHECK_INT(gw_counter_get(&b.metrics.ejections_total), 1);
  bench_done(&b);
}

TEST(rescue, is_not_for_what_may_have_been_done) {
  bench b;
  tcall *calls[2 * LOST_CALLS];
  rescue_start(&b, holding, calls, false);
  PUMP(b.loop, b.services[0].count == LOST_CALLS);
  gw_h2_abort(b.services[0].conns[0].h2, GW_INTERNAL);
  CHECK_INT(rescue_done(&b, calls), LOST_CALLS);
  CHECK_INT(b.services[1].count, LOST_CALLS);
  bench_done(&b);
}

/* The second one fails too: from then on the call is as all others. */
TEST(rescue, is_had_once) {
  bench b;
  bench_init_retry(&b, 2, holding);
  b.config.throttle.tokens = 2;
  b.config.retry.attempts = 5;
  bench_ready(&b, 2);
  tcall *t = call_start(&b, UNARY, true);
  for (uint32_t i = 0; i < 2; i++) {
    PUMP(b.loop, b.services[0].count + b.services[1].count == i + 1);
    service *s = service_open_streams(&b.services[0]) > 0 ? &b.services[0] : &b.services[1];
    for (uint32_t n = 0; n < s->conn_count; n++) {
      if (s->conns[n].h2 != NULL) gw_h2_abort(s->conns[n].h2, GW_INTERNAL);
    }
  }
  PUMP(b.loop, t->done_count == 1);
  CHECK_INT(t->call.result.grpc_code, 14);
  CHECK_INT(gw_counter_get(&b.metrics.retries_total), 1);
  CHECK_INT(gw_counter_get(&b.metrics.retries_refused_total), 1);
  tcall_free(t);
  bench_done(&b);
}

TEST(throttle, keeps_within_its_share_but_for_a_few) {
  gw_throttle_config tokens = { .tokens = 10, .ratio = 0.1 };
  gw_retry_config retry = { .budget_ppm = 200000 };
  gw_throttle throttle;
  gw_throttle_init(&throttle, &tokens);
  for (uint32_t i = 0; i < GW_RETRIES_ALWAYS; i++)
    CHECK(gw_throttle_begin(&throttle, &tokens, &retry, 1));
  CHECK(!gw_throttle_begin(&throttle, &tokens, &retry, 25)); /* 20 % of 25 */
  CHECK(gw_throttle_begin(&throttle, &tokens, &retry, 30));
  gw_throttle_over(&throttle);
  for (int i = 0; i < 5; i++)
    gw_throttle_note(&throttle, &tokens, true);
  CHECK(!gw_throttle_begin(&throttle, &tokens, &retry, 1000)); /* half of the tokens are gone */
  gw_throttle_note(&throttle, &tokens, false);
  CHECK(gw_throttle_begin(&throttle, &tokens, &retry, 1000));
}

/* ---- hedging ---- */

TEST(hedge, a_slow_attempt_is_joined_by_another_and_the_first_answer_wins) {
  bench b;
  bench_init_retry(&b, 2, good);
  b.services[0].scripts = holding;
  b.config.retry.hedges = true;
  b.config.retry.hedge_ms = 20;
  bench_ready(&b, 2);
  for (int i = 0; i < 4; i++)
    CHECK_INT(outcome(&b, UNARY, true), 0);
  CHECK(b.services[0].count >= 2);
  PUMP(b.loop, service_open_streams(&b.services[0]) == 0);
  CHECK_INT(b.services[0].streams[0]->h2.h2_error, GW_H2_CANCEL);
  bench_done(&b);
}

/* Else it would be as slow as its first attempt, however soon there are tokens again. */
TEST(hedge, that_was_forbidden_is_asked_for_again) {
  bench b;
  bench_init_retry(&b, 2, good);
  b.services[0].scripts = holding;
  b.config.retry.hedges = true;
  b.config.retry.hedge_ms = 5;
  b.config.throttle = (gw_throttle_config){ .tokens = 2, .ratio = 1 };
  bench_ready(&b, 2);
  for (int i = 0; i < 2; i++) { /* one of them is held */
    gw_upstream_retry_note(b.upstream, true);
    tcall *t = call_start(&b, UNARY, true);
    PUMP(b.loop, t->done_count == 1 || gw_counter_get(&b.metrics.retries_refused_total) >= 2);
    gw_upstream_retry_note(b.upstream, false);
    PUMP(b.loop, t->done_count == 1);
    CHECK_INT(t->call.result.grpc_code, 0);
    tcall_free(t);
  }
  CHECK(gw_counter_get(&b.metrics.retries_refused_total) >= 2);
  bench_done(&b);
}

TEST(hedge, is_only_for_calls_that_may_run_twice) {
  bench b;
  bench_init_retry(&b, 1, holding);
  b.config.retry.hedges = true;
  b.config.retry.hedge_ms = 5;
  bench_ready(&b, 1);
  tcall *t = call_start(&b, UNARY, false);
  PUMP(b.loop, b.services[0].count == 1);
  pump_for(b.loop, 50);
  CHECK_INT(b.services[0].count, 1);
  tcall_free(t);
  t = call_start(&b, UNARY, true);
  PUMP(b.loop, b.services[0].count == 1 + 3);
  pump_for(b.loop, 50);
  CHECK_INT(b.services[0].count, 1 + 3); /* and no more than `attempts` */
  tcall_free(t);
  PUMP(b.loop, service_open_streams(&b.services[0]) == 0);
  bench_done(&b);
}

TEST(hedge, a_final_answer_ends_the_others) {
  bench b;
  bench_init_retry(&b, 2, invalid);
  b.services[0].scripts = holding;
  b.config.retry.hedges = true;
  b.config.retry.hedge_ms = 5;
  bench_ready(&b, 2);
  CHECK_INT(outcome(&b, UNARY, true), 3);
  PUMP(b.loop, service_open_streams(&b.services[0]) == 0);
  bench_done(&b);
}
