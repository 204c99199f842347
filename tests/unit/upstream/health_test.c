#include "upstream/health.h"

#include "unit/upstream/bench.h"

#define SAYS(status) "\0\0\0\0\2\x08" status
#define CALL                                                                                       \
  { "/m", "200", { GRPC }, BYTES(HELLO), { STATUS("0") }, .end = SCRIPT_END }
#define WATCH "/grpc.health.v1.Health/Watch"

static const script serving[] = {
  { WATCH, "200", { GRPC }, BYTES(SAYS("\1")), .end = SCRIPT_HOLD },
  CALL,
};
static const script not_serving[] = {
  { WATCH, "200", { GRPC }, BYTES(SAYS("\2")), .end = SCRIPT_HOLD },
  CALL,
};
static const script silent[] = {
  { WATCH, "200", { GRPC }, EMPTY, .end = SCRIPT_HOLD },
  CALL,
};
static const script unimplemented[] = {
  { WATCH, "200", { GRPC, STATUS("12") }, EMPTY, .end = SCRIPT_END },
  CALL,
};
static const script broken[] = {
  { WATCH, "200", { GRPC }, BYTES("\0\0\0\0\2\xff\xff"), .end = SCRIPT_HOLD },
  CALL,
};
static const script unavailable[] = {
  { WATCH, "200", { GRPC, STATUS("14") }, EMPTY, .end = SCRIPT_END },
  CALL,
};

static void bench_open_watched(bench *b, size_t services, const script *scripts) {
  bench_init(b, services, scripts, 2);
  b->config.health = true;
  b->config.health_service = GW_STR("a.Service");
  bench_open(b);
}

static uint64_t ready(const bench *b) {
  return gw_counter_get(&b->metrics.connections);
}

static service_stream *watch_of(service *s) {
  for (uint32_t i = s->count; i > 0; i--) {
    if (gw_str_ends(s->streams[i - 1]->h2.path, GW_STR(WATCH))) return s->streams[i - 1];
  }
  return NULL;
}

static unsigned outcome(bench *b) {
  tcall *t = tcall_start(b, "/m", UNARY);
  PUMP(b->loop, t->done_count == 1);
  unsigned code = t->call.result.grpc_code;
  tcall_free(t);
  return code;
}

TEST(health, a_serving_service_takes_calls) {
  bench b;
  bench_open_watched(&b, 1, serving);
  CHECK_INT(outcome(&b), 0); /* waited for the word */
  CHECK_INT(watch_of(&b.services[0])->received, 5 + 11);
  bench_done(&b);
}

TEST(health, calls_wait_for_the_first_word) {
  bench b;
  bench_open_watched(&b, 1, silent);
  tcall *t = tcall_start(&b, "/m", UNARY);
  PUMP(b.loop, watch_of(&b.services[0]) != NULL);
  pump_for(b.loop, 20);
  CHECK_INT(t->done_count, 0);
  gw_h2_send(&watch_of(&b.services[0])->h2, (gw_str){ SAYS("\1"), 7 }, false);
  PUMP(b.loop, t->done_count == 1);
  CHECK_INT(t->call.result.grpc_code, 0);
  tcall_free(t);
  bench_done(&b);
}

TEST(health, a_service_that_does_not_serve_takes_none) {
  bench b;
  bench_open_watched(&b, 2, not_serving);
  b.services[0].scripts = serving;
  PUMP(b.loop, ready(&b) == 1 && watch_of(&b.services[1]) != NULL);
  pump_for(b.loop, 20);
  uint32_t before = b.services[1].count;
  for (int i = 0; i < 6; i++)
    CHECK_INT(outcome(&b), 0);
  CHECK_INT(b.services[1].count, before);
  bench_done(&b);
}

TEST(health, without_a_healthy_service_calls_fail_at_once) {
  bench b;
  bench_open_watched(&b, 1, not_serving);
  PUMP(b.loop, watch_of(&b.services[0]) != NULL);
  pump_for(b.loop, 20);
  uint64_t begin = gw_loop_now_ms(b.loop);
  CHECK_INT(outcome(&b), 14);
  CHECK(gw_loop_now_ms(b.loop) - begin < b.config.waiting_time_ms / 2);
  bench_done(&b);
}

TEST(health, changes_are_followed) {
  bench b;
  bench_open_watched(&b, 1, serving);
  PUMP(b.loop, ready(&b) == 1);
  gw_h2_send(&watch_of(&b.services[0])->h2, (gw_str){ SAYS("\2"), 7 }, false);
  PUMP(b.loop, ready(&b) == 0);
  gw_h2_send(&watch_of(&b.services[0])->h2, (gw_str){ SAYS("\1"), 7 }, false);
  PUMP(b.loop, ready(&b) == 1);
  CHECK_INT(b.services[0].conn_count, 1);
  bench_done(&b);
}

TEST(health, unimplemented_is_healthy_and_not_asked_again) {
  bench b;
  bench_open_watched(&b, 1, unimplemented);
  CHECK_INT(outcome(&b), 0);
  pump_for(b.loop, 200);
  CHECK_INT(b.services[0].count, 2);
  bench_done(&b);
}

/* A stream that ends, or says nonsense, means not serving until the next one. */
TEST(health, a_watch_that_fails_is_tried_again_by_backoff) {
  const script *ways[] = { unavailable, broken };
  for (size_t i = 0; i < GW_COUNT_OF(ways); i++) {
    bench b;
    bench_open_watched(&b, 1, ways[i]);
    uint64_t begin_ms = gw_loop_now_ms(b.loop);
    pump_for(b.loop, 300);
    PUMP(b.loop, b.services[0].count >= 3);
    CHECK(b.services[0].count <= 1 + (gw_loop_now_ms(b.loop) - begin_ms) / 32);
    CHECK_INT(ready(&b), 0);
    b.services[0].scripts = serving;
    PUMP(b.loop, ready(&b) == 1);
    CHECK_INT(outcome(&b), 0);
    CHECK_INT(b.services[0].conn_count, 1);
    bench_done(&b);
  }
}

/* The watch must not keep a connection that is going away. */
TEST(health, goaway_ends_the_watch_too) {
  bench b;
  bench_open_watched(&b, 1, serving);
  PUMP(b.loop, ready(&b) == 1);
  service_goaway(&b.services[0]);
  PUMP(b.loop,
       service_open_conns(&b.services[0]) == 1 && b.services[0].conn_count == 2 && ready(&b) == 1);
  CHECK_INT(outcome(&b), 0);
  bench_done(&b);
}
