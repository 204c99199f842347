#include "upstream/upstream.h"

#include <sys/socket.h>
#include <unistd.h>

#include "unit/upstream/bench.h"

static const script scripts[] = {
  { "/hold", "200", { GRPC }, BYTES(HELLO), .end = SCRIPT_HOLD },
  { "/ok", "200", { GRPC }, BYTES(HELLO), { STATUS("0") }, .end = SCRIPT_END },
  { "/break", .end = SCRIPT_BREAK },
};

static void bench_init_usual(bench *b, size_t services) {
  bench_init(b, services, scripts, GW_COUNT_OF(scripts));
}

static void check_ok(bench *b) {
  tcall *t = tcall_start(b, "/ok", UNARY);
  PUMP(b->loop, t->done_count == 1);
  CHECK_INT(t->call.result.grpc_code, 0);
  tcall_free(t);
}

static uint64_t connects(const bench *b) {
  return gw_counter_get(&b->metrics.connects_total);
}

/* Backoff of 40 ms, 64 ms, then 100 ms, 20 % less at most: attempts come, and no faster than that,
 * however late they are. */
static void check_backoff(bench *b, uint64_t begin_ms) {
  pump_for(b->loop, 300);
  PUMP(b->loop, connects(b) >= 3);
  CHECK(connects(b) <= 1 + (gw_loop_now_ms(b->loop) - begin_ms) / 32);
}

/* ---- the way to a connection ---- */

TEST(upstream, a_call_waits_for_the_first_connection) {
  bench b;
  bench_init_usual(&b, 1);
  bench_open(&b);
  check_ok(&b);
  bench_done(&b);
}

TEST(upstream, a_refused_connection_fails_calls_at_once_and_is_tried_by_backoff) {
  bench b;
  bench_init_usual(&b, 1);
  gw_listener_close(b.services[0].listener);
  b.services[0].listener = NULL;
  bench_open(&b);
  uint64_t begin_ms = gw_loop_now_ms(b.loop);
  tcall *t = tcall_start(&b, "/ok", UNARY);
  PUMP(b.loop, t->done_count == 1);
  CHECK_INT(t->call.result.code, GW_UNAVAILABLE);
  CHECK_INT(t->call.result.grpc_code, 14);
  check_backoff(&b, begin_ms);
  tcall_free(t);
  bench_done(&b);
}

/* Each way in which a peer takes connections and drops them again. */
TEST(upstream, a_flapping_peer_is_tried_by_backoff) {
  for (int way = 0; way < 3; way++) {
    bench b;
    bench_init_usual(&b, 1);
    b.services[0].closes_at_once = way == 0;
    b.services[0].breaks_greeted = way == 1;
    b.services[0].drains_greeted = way == 2;
    bench_open(&b);
    check_backoff(&b, gw_loop_now_ms(b.loop));
    b.services[0].closes_at_once = b.services[0].breaks_greeted = false;
    b.services[0].drains_greeted = false;
    PUMP(b.loop, gw_counter_get(&b.metrics.connections) == 1);
    check_ok(&b);
    bench_done(&b);
  }
}

TEST(upstream, a_connection_that_broke_while_serving_is_replaced) {
  bench b;
  bench_init_usual(&b, 1);
  bench_ready(&b, 1);
  pump_for(b.loop, b.config.backoff_initial_ms + 5); /* it lived: no backoff */
  tcall *t = tcall_start(&b, "/break", UNARY);
  PUMP(b.loop, t->done_count == 1);
  CHECK_INT(t->call.result.code, GW_UNAVAILABLE);
  tcall_free(t);
  check_ok(&b); /* waits for the next one, which comes at once */
  CHECK_INT(connects(&b), 2);
  bench_done(&b);
}

TEST(upstream, goaway_after_each_call_loses_none) {
  bench b;
  bench_init_usual(&b, 1);
  bench_ready(&b, 1);
  for (int i = 0; i < 20; i++) {
    check_ok(&b);
    service_goaway(&b.services[0]);
    pump_for(b.loop, 2);
  }
  CHECK(connects(&b) <= 21);
  bench_done(&b);
}

/* The old connection still carries a stream when its successor breaks. */
TEST(upstream, a_broken_successor_of_a_going_connection_is_replaced) {
  bench b;
  bench_init_usual(&b, 1);
  bench_ready(&b, 1);
  tcall *held = tcall_start(&b, "/hold", STREAM);
  PUMP(b.loop, held->messages == 1);
  service_goaway(&b.services[0]);
  PUMP(b.loop, b.services[0].conn_count == 2 && gw_counter_get(&b.metrics.connections) == 1);
  gw_h2_abort(b.services[0].conns[1].h2, GW_INTERNAL);
  PUMP(b.loop, gw_counter_get(&b.metrics.connections) == 0);
  PUMP(b.loop, gw_counter_get(&b.metrics.connections) == 1);
  check_ok(&b);
  CHECK_INT(held->done_count, 0);
  tcall_free(held);
  bench_done(&b);
}

TEST(upstream, all_connections_of_an_address_come_back) {
  bench b;
  bench_init_usual(&b, 1);
  b.config.connections = b.config.connections_max = 3;
  bench_ready(&b, 3);
  for (uint32_t i = 0; i < 3; i++)
    gw_h2_abort(b.services[0].conns[i].h2, GW_INTERNAL);
  PUMP(b.loop, gw_counter_get(&b.metrics.connections) == 0);
  PUMP(b.loop, gw_counter_get(&b.metrics.connections) == 3);
  bench_done(&b);
}

TEST(upstream, a_peer_that_never_greets_is_given_up) {
  gw_sockaddr address;
  gw_err err;
  bench b;
  gw_err_init(&err);
  bench_init_usual(&b, 1);
  CHECK_INT(gw_sockaddr_parse(GW_STR("127.0.0.1"), 0, &address), GW_OK);
  int silent = gw_socket_bind(&address, false, &err); /* the kernel accepts, nobody answers */
  CHECK_INT(listen(silent, 16), 0);
  b.endpoints[0].port = gw_socket_port(silent);
  b.config.connect_timeout_ms = 30;
  b.config.waiting_time_ms = 5000;
  bench_open(&b);
  tcall *t = tcall_start(&b, "/ok", UNARY);
  PUMP(b.loop, t->done_count == 1);
  CHECK_INT(t->call.result.code, GW_UNAVAILABLE);
  CHECK(gw_counter_get(&b.metrics.connect_failures_total) >= 1);
  tcall_free(t);
  bench_done(&b);
  close(silent);
}

/* ---- many calls ---- */

TEST(upstream, waiting_is_bounded_in_number_and_time) {
  tcall *held[GW_H2_STREAMS_MAX], *waiting[4];
  bench b;
  bench_init_usual(&b, 1);
  bench_ready(&b, 1);
  for (size_t i = 0; i < GW_COUNT_OF(held); i++)
    held[i] = tcall_start(&b, "/hold", STREAM);
  for (size_t i = 0; i < GW_COUNT_OF(waiting); i++)
    waiting[i] = tcall_start(&b, "/ok", UNARY);
  CHECK_INT(gw_counter_get(&b.metrics.waiting), 4);
  tcall *over = tcall_start(&b, "/ok", UNARY);
  PUMP(b.loop, over->done_count == 1);
  CHECK_INT(over->call.result.code, GW_OVERLOADED);
  PUMP(b.loop, held[99]->messages == 1);
  tcall_free(held[0]); /* makes room for one */
  PUMP(b.loop, waiting[0]->done_count == 1);
  CHECK_INT(waiting[0]->call.result.grpc_code, 0);
  held[0] = tcall_start(&b, "/hold", STREAM); /* behind those that waited before */
  PUMP(b.loop, waiting[3]->done_count == 1);
  for (size_t i = 0; i < GW_COUNT_OF(waiting); i++)
    tcall_free(waiting[i]);
  for (size_t i = 0; i < GW_COUNT_OF(held); i++)
    tcall_free(held[i]);
  tcall_free(over);
  bench_done(&b);
}

TEST(upstream, a_call_that_waited_too_long_fails_as_overload) {
  tcall *held[GW_H2_STREAMS_MAX];
  bench b;
  bench_init_usual(&b, 1);
  bench_ready(&b, 1);
  for (size_t i = 0; i < GW_COUNT_OF(held); i++)
    held[i] = tcall_start(&b, "/hold", STREAM);
  tcall *late = tcall_start(&b, "/ok", UNARY);
  PUMP(b.loop, late->done_count == 1);
  CHECK_INT(late->call.result.code, GW_OVERLOADED);
  CHECK_INT(gw_counter_get(&b.metrics.overflow_total), 1);
  tcall_free(late);
  for (size_t i = 0; i < GW_COUNT_OF(held); i++)
    tcall_free(held[i]);
  bench_done(&b);
}

TEST(upstream, a_second_connection_is_opened_when_all_streams_are_taken) {
  tcall *held[150];
  bench b;
  bench_init_usual(&b, 1);
  b.config.connections_max = 2;
  b.config.waiting_max = 100;
  b.config.waiting_time_ms = 5000;
  bench_ready(&b, 1);
  for (size_t i = 0; i < GW_COUNT_OF(held); i++)
    held[i] = tcall_start(&b, "/hold", STREAM);
  PUMP(b.loop, b.services[0].count == 150);
  CHECK_INT(connects(&b), 2);
  for (size_t i = 0; i < GW_COUNT_OF(held); i++)
    tcall_free(held[i]);
  bench_done(&b);
}

/* Two services; calls made before any connection is there must be spread as well. */
TEST(upstream, round_robin_spreads_calls_evenly) {
  tcall *calls[10];
  bench b;
  bench_init_usual(&b, 2);
  b.config.waiting_max = 100;
  bench_ready(&b, 2);
  for (size_t i = 0; i < GW_COUNT_OF(calls); i++) {
    calls[i] = tcall_start(&b, "/ok", UNARY);
    PUMP(b.loop, calls[i]->done_count == 1);
    tcall_free(calls[i]);
  }
  CHECK_INT(b.services[0].count, 5);
  CHECK_INT(b.services[1].count, 5);
  bench_done(&b);
}

/* 200 streams are taken; the 10 calls behind them go where room appears first, in turn. */
TEST(upstream, round_robin_spreads_calls_that_waited) {
  tcall *held[2 * GW_H2_STREAMS_MAX], *calls[10];
  bench b;
  bench_init_usual(&b, 2);
  b.config.waiting_max = 100;
  b.config.waiting_time_ms = 5000;
  bench_ready(&b, 2);
  for (size_t i = 0; i < GW_COUNT_OF(held); i++)
    held[i] = tcall_start(&b, "/hold", STREAM);
  PUMP(b.loop, b.services[0].count == 100 && b.services[1].count == 100);
  for (size_t i = 0; i < GW_COUNT_OF(calls); i++)
    calls[i] = tcall_start(&b, "/hold", STREAM);
  for (size_t i = 0; i < 20; i++)
    tcall_free(held[i]); /* ten of each */
  PUMP(b.loop, b.services[0].count + b.services[1].count == 210);
  CHECK_INT(b.services[0].count, 105);
  for (size_t i = 20; i < GW_COUNT_OF(held); i++)
    tcall_free(held[i]);
  for (size_t i = 0; i < GW_COUNT_OF(calls); i++)
    tcall_free(calls[i]);
  bench_done(&b);
}

/* ---- closing ---- */

TEST(upstream, can_be_closed_while_a_name_is_resolved) {
  bench b;
  bench_init_usual(&b, 1);
  b.endpoints[0].host = GW_STR("localhost");
  bench_open(&b);
  bench_done(&b);
}

TEST(upstream, names_are_resolved_and_served) {
  bench b;
  bench_init_usual(&b, 1);
  b.endpoints[0].host = GW_STR("localhost"); /* maybe ::1 too, where nobody listens */
  b.config.waiting_time_ms = 5000;
  b.config.resolve_every_ms = 5;
  bench_open(&b);
  check_ok(&b);
  pump_for(b.loop, 50); /* the same answer again opens nothing */
  CHECK_INT(service_open_conns(&b.services[0]), 1);
  bench_done(&b);
}

TEST(upstream, can_be_closed_while_connecting) {
  bench b;
  bench_init_usual(&b, 2);
  bench_open(&b);
  bench_done(&b);
}

/* A peer that reads nothing must not keep a worker from ending. */
TEST(upstream, closing_does_not_wait_for_a_peer_that_reads_nothing) {
  bench b;
  gw_sockaddr address;
  gw_err err;
  gw_err_init(&err);
  bench_init_usual(&b, 1);
  CHECK_INT(gw_sockaddr_parse(GW_STR("127.0.0.1"), 0, &address), GW_OK);
  int deaf = gw_socket_bind(&address, false, &err);
  CHECK_INT(listen(deaf, 16), 0);
  b.endpoints[0].port = gw_socket_port(deaf);
  bench_open(&b);
  int fd = -1;
  PUMP(b.loop, (fd = accept(deaf, NULL, NULL)) >= 0);
  /* SETTINGS with INITIAL_WINDOW_SIZE 2^31-1, then a window of the connection to match */
  static const char greeting[] = "\0\0\6\4\0\0\0\0\0\0\4\x7f\xff\xff\xff"
                                 "\0\0\4\x8\0\0\0\0\0\x7f\xfe\0\0";
  CHECK_INT(write(fd, greeting, sizeof greeting - 1), sizeof greeting - 1);
  PUMP(b.loop, gw_counter_get(&b.metrics.connections) == 1);
  tcall *calls[20];
  for (size_t i = 0; i < GW_COUNT_OF(calls); i++)
    calls[i] = tcall_start_sized(&b, "/ok", UNARY, GW_MIB(2));
  pump_for(b.loop, 50);
  for (size_t i = 0; i < GW_COUNT_OF(calls); i++)
    tcall_free(calls[i]);
  bench_done(&b);
  close(fd);
  close(deaf);
}

/* ---- keepalive ---- */

/* A peer that reads nothing does not answer the PING. */
TEST(upstream, a_peer_without_a_sign_of_life_is_given_up_while_calls_run) {
  bench b;
  bench_init_usual(&b, 1);
  b.config.keepalive_ms = 60;
  b.config.keepalive_timeout_ms = 60;
  bench_ready(&b, 1);
  pump_for(b.loop, 150); /* nothing runs: nothing is asked */
  CHECK_INT(connects(&b), 1);
  tcall *t = tcall_start(&b, "/hold", STREAM);
  PUMP(b.loop, t->messages == 1);
  pump_for(b.loop, 250); /* answered PINGs keep it */
  CHECK_INT(t->done_count, 0);
  CHECK_INT(connects(&b), 1);
  gw_tcp_pause(b.services[0].conns[0].tcp, true);
  PUMP(b.loop, t->done_count == 1);
  CHECK_INT(t->call.result.code, GW_UNAVAILABLE);
  tcall_free(t);
  bench_done(&b);
}
