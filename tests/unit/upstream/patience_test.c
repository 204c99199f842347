#include "upstream/call.h"

#include "unit/upstream/bench.h"

/* Calls that wait for a connection as long as they may (gRFC A2's waitForReady). */

static const script good[] = {
  { "/m", "200", { GRPC }, BYTES(HELLO), { STATUS("0") }, .end = SCRIPT_END },
};

/* A service that nobody reaches, and whose next connection is not near. */
static void bench_unreachable(bench *b) {
  bench_init(b, 1, good, 1);
  b->services[0].closes_at_once = true;
  b->config.backoff_initial_ms = b->config.backoff_max_ms = 300;
  b->config.waiting_time_ms = 100;
  bench_open(b);
  PUMP(b->loop, gw_counter_get(&b->metrics.connect_failures_total) > 0);
}

static tcall *call_start(bench *b, bool waits_ready) {
  tcall *t = calloc(1, sizeof *t);
  gw_arena_init(&t->arena, NULL, GW_MIB(1));
  t->call.tick = tcall_on_tick;
  t->call.arena = &t->arena;
  gw_call_request request = { .path = GW_STR("/m"),
                              .frames = { HELLO, 10 },
                              .message_bytes_max = MESSAGE_MAX,
                              .deadline_ms = gw_loop_now_ms(b->loop) + 60000,
                              .waits_ready = waits_ready };
  gw_call_start(&t->call, b->loop, b->upstream, &request);
  return t;
}

TEST(patience, a_patient_call_outlives_those_that_fail_at_once) {
  bench b;
  bench_unreachable(&b);
  tcall *patient = call_start(&b, true), *other = call_start(&b, false);
  PUMP(b.loop, other->done_count == 1);
  CHECK_INT(other->call.result.code, GW_UNAVAILABLE);
  pump_for(b.loop, 400); /* far beyond waiting_time, and over failed connections */
  CHECK_INT(patient->done_count, 0);
  CHECK_INT(gw_counter_get(&b.metrics.waiting), 1);
  b.services[0].closes_at_once = false;
  PUMP(b.loop, patient->done_count == 1);
  CHECK_INT(patient->call.result.code, GW_OK);
  CHECK_INT(patient->call.result.grpc_code, 0);
  tcall_free(other);
  tcall_free(patient);
  bench_done(&b);
}

TEST(patience, the_queue_stays_bounded) {
  bench b;
  tcall *calls[5];
  bench_unreachable(&b);
  for (size_t i = 0; i < 5; i++)
    calls[i] = call_start(&b, true);
  PUMP(b.loop, calls[4]->done_count == 1); /* waiting_max is 4 */
  CHECK_INT(calls[4]->call.result.code, GW_OVERLOADED);
  for (size_t i = 0; i < 5; i++) {
    CHECK_INT(calls[i]->done_count, i == 4);
    tcall_free(calls[i]); /* also ends those that wait */
  }
  bench_done(&b);
}

TEST(patience, all_that_wait_are_served_when_the_service_comes) {
  bench b;
  tcall *calls[4];
  bench_unreachable(&b);
  for (size_t i = 0; i < 4; i++)
    calls[i] = call_start(&b, i % 2 == 0);
  b.services[0].closes_at_once = false;
  for (size_t i = 0; i < 4; i++) {
    PUMP(b.loop, calls[i]->done_count == 1);
    CHECK_INT(calls[i]->call.result.grpc_code, i % 2 == 0 ? 0 : 14);
    tcall_free(calls[i]);
  }
  CHECK_INT(b.services[0].count, 2);
  bench_done(&b);
}
