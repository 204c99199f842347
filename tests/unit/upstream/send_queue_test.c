#include "upstream/send_queue.h"

#include "unit/upstream/bench.h"

#define MIXED_MAX GW_MIB(1)

static const script scripts[] = {
  { "/ok", "200", { GRPC }, BYTES(HELLO), { STATUS("0") } },
  { "/early", "200", { GRPC }, BYTES(HELLO), { STATUS("9") }, .early = true },
  { "/greets", "200", { GRPC }, BYTES(HELLO), .end = SCRIPT_HOLD, .early = true },
};

/* Bytes that tell whether one is missing or twice. */
static gw_str mixed(size_t from, size_t n) {
  static char bytes[MIXED_MAX];
  for (size_t i = 0; bytes[MIXED_MAX - 1] == 0 && i < MIXED_MAX; i++)
    bytes[i] = (char)(i * 2654435761u >> 11 | 1);
  CHECK(from + n <= MIXED_MAX);
  return (gw_str){ bytes + from, n };
}

static void compose(tcall *t, size_t from, size_t n) {
  CHECK_INT(gw_buf_append(gw_call_frames(&t->call, n), mixed(from, n)), GW_OK);
}

static void push(tcall *t, size_t from, size_t n, bool end) {
  if (n > 0) compose(t, from, n);
  gw_call_send(&t->call, end);
}

static service_stream *last_stream(bench *b) {
  return b->services[0].count > 0 ? b->services[0].streams[b->services[0].count - 1] : NULL;
}

static size_t received(bench *b) {
  return last_stream(b) != NULL ? last_stream(b)->received : 0;
}

static void queue_bench(bench *b) {
  bench_init(b, 1, scripts, GW_COUNT_OF(scripts));
  b->services[0].keeps_bodies = true;
}

TEST(send_queue, messages_leave_one_by_one) {
  bench b;
  queue_bench(&b);
  bench_ready(&b, 1);
  tcall *t = tcall_start_queue(&b, "/ok", UNARY);
  PUMP(b.loop, b.services[0].count == 1); /* the call begins without any */
  size_t n = 0;
  for (size_t i = 1; i < 50; i++) {
    uint32_t ticks = t->ticks;
    push(t, n, i, false);
    n += i;
    PUMP(b.loop, received(&b) == n && t->ticks > ticks);
    CHECK(!last_stream(&b)->ended);
  }
  push(t, 0, 0, true);
  PUMP(b.loop, t->done_count == 1);
  CHECK_INT(t->call.result.grpc_code, 0);
  CHECK_INT(t->messages, 1);
  CHECK(gw_str_eq(gw_buf_str(&last_stream(&b)->body), mixed(0, n)));
  tcall_free(t);
  bench_done(&b);
}

TEST(send_queue, none_at_all_is_an_empty_stream) {
  bench b;
  queue_bench(&b);
  bench_ready(&b, 1);
  tcall *t = tcall_start_queue(&b, "/ok", UNARY);
  push(t, 0, 0, true);
  PUMP(b.loop, t->done_count == 1);
  CHECK_INT(t->call.result.grpc_code, 0);
  CHECK_INT(received(&b), 0);
  tcall_free(t);
  bench_done(&b);
}

TEST(send_queue, what_was_composed_before_there_was_a_connection_leaves_too) {
  bench b;
  queue_bench(&b);
  bench_open(&b);
  tcall *t = tcall_start_queue(&b, "/ok", UNARY);
  CHECK_INT(t->call.first.state, GW_ATTEMPT_WAITING);
  push(t, 0, 1000, false);
  push(t, 1000, 1000, true);
  PUMP(b.loop, t->done_count == 1);
  CHECK(gw_str_eq(gw_buf_str(&last_stream(&b)->body), mixed(0, 2000)));
  tcall_free(t);
  bench_done(&b);
}

TEST(send_queue, is_full_while_the_services_window_is_closed) {
  enum { PIECE = 3000 };
  bench b;
  queue_bench(&b);
  b.services[0].takes_nothing = true;
  bench_ready(&b, 1);
  tcall *t = tcall_start_queue(&b, "/ok", UNARY);
  size_t sent = 0;
  for (int idle = 0; idle < 5;) {
    while (!gw_call_is_full(&t->call)) {
      push(t, sent, PIECE, false);
      sent += PIECE;
      idle = 0;
    }
    pump_for(b.loop, 2);
    if (gw_call_is_full(&t->call)) idle++;
  }
  CHECK(sent <= GW_H2_STREAM_WINDOW + GW_SEND_QUEUE_BYTES + 2 * PIECE);
  CHECK(sent >= GW_H2_STREAM_WINDOW + GW_SEND_QUEUE_BYTES - PIECE);
  CHECK_INT(received(&b), 0);
  CHECK(t->arena.used < 4 * GW_SEND_QUEUE_BYTES);
  uint32_t ticks = t->ticks;
  service_take(&b.services[0]);
  PUMP(b.loop, received(&b) == sent && t->ticks > ticks && !gw_call_is_full(&t->call));
  push(t, sent, PIECE, true);
  PUMP(b.loop, t->done_count == 1);
  CHECK(gw_str_eq(gw_buf_str(&last_stream(&b)->body), mixed(0, sent + PIECE)));
  tcall_free(t);
  bench_done(&b);
}

TEST(send_queue, memory_does_not_grow_with_the_stream) {
  bench b;
  queue_bench(&b);
  b.services[0].keeps_bodies = false;
  bench_ready(&b, 1);
  tcall *t = tcall_start_queue(&b, "/ok", UNARY);
  for (uint32_t i = 0; i < 2000; i++) { /* 20 MB */
    PUMP(b.loop, !gw_call_is_full(&t->call));
    push(t, 0, 10000, false);
  }
  push(t, 0, 0, true);
  PUMP(b.loop, t->done_count == 1);
  CHECK_INT(received(&b), 20000000);
  CHECK(t->arena.used < 5 * GW_SEND_QUEUE_BYTES);
  tcall_free(t);
  bench_done(&b);
}

TEST(send_queue, a_message_larger_than_the_queue_passes) {
  bench b;
  queue_bench(&b);
  bench_ready(&b, 1);
  tcall *t = tcall_start_queue(&b, "/ok", UNARY);
  push(t, 0, 300000, false);
  CHECK(gw_call_is_full(&t->call));
  PUMP(b.loop, !gw_call_is_full(&t->call));
  push(t, 300000, 300000, true);
  PUMP(b.loop, t->done_count == 1);
  CHECK(gw_str_eq(gw_buf_str(&last_stream(&b)->body), mixed(0, 600000)));
  tcall_free(t);
  bench_done(&b);
}

TEST(send_queue, the_service_may_answer_before_any) {
  bench b;
  queue_bench(&b);
  bench_ready(&b, 1);
  tcall *t = tcall_start_queue(&b, "/greets", STREAM);
  PUMP(b.loop, t->messages == 1);
  push(t, 0, 100, true);
  PUMP(b.loop, received(&b) == 100 && last_stream(&b)->ended);
  service_release(last_stream(&b));
  PUMP(b.loop, t->done_count == 1);
  CHECK_INT(t->call.result.grpc_code, 0);
  tcall_free(t);
  bench_done(&b);
}

TEST(send_queue, an_early_status_ends_the_call_and_more_is_ignored) {
  for (int way = 0; way < 2; way++) {
    bench b;
    queue_bench(&b);
    b.services[0].takes_nothing = way == 1; /* with bytes that wait */
    bench_ready(&b, 1);
    tcall *t = tcall_start_queue(&b, "/early", UNARY);
    push(t, 0, way == 1 ? 200000 : 10, false);
    PUMP(b.loop, t->done_count == 1);
    CHECK_INT(t->call.result.grpc_code, 9);
    push(t, 10, 10, false);
    push(t, 20, 10, true);
    PUMP(b.loop, service_open_streams(&b.services[0]) == 0);
    CHECK_INT(t->done_count, 1);
    tcall_free(t);
    bench_done(&b);
  }
}

/* An owner that cannot take the answers yet must not be stopped by what nobody reads. */
TEST(send_queue, is_never_full_behind_the_services_end) {
  bench b;
  queue_bench(&b);
  b.services[0].takes_nothing = true;
  bench_ready(&b, 1);
  tcall *t = tcall_start_queue(&b, "/early", STREAM);
  t->takes_nothing = true;
  push(t, 0, 200000, false);
  CHECK(gw_call_is_full(&t->call));
  PUMP(b.loop, t->call.first.ended);
  for (int i = 0; i < 100; i++) {
    CHECK(!gw_call_is_full(&t->call));
    push(t, 0, 50000, false);
  }
  push(t, 0, 10, true);
  pump_for(b.loop, 5);
  CHECK(t->arena.used < 600000);
  t->takes_nothing = false;
  tcall_on_tick(&t->call);
  CHECK_INT(t->done_count, 1);
  CHECK_INT(t->messages, 1);
  CHECK_INT(t->call.result.grpc_code, 9);
  tcall_free(t);
  bench_done(&b);
}

TEST(send_queue, a_refused_stream_is_sent_again_while_it_is_kept) {
  bench b;
  queue_bench(&b);
  bench_ready(&b, 1);
  tcall *t = tcall_start_queue(&b, "/ok", UNARY);
  for (size_t i = 0; i < 6; i++) { /* each leaves alone */
    push(t, i * 10000, 10000, false);
    PUMP(b.loop, received(&b) == (i + 1) * 10000);
  }
  service_stream *first = last_stream(&b);
  compose(t, 60000, 10000); /* composed, not sent */
  first->closed = true;
  gw_h2_detach(&first->h2, GW_H2_REFUSED_STREAM);
  PUMP(b.loop, b.services[0].count == 2 && received(&b) >= 60000);
  push(t, 70000, 10000, true);
  PUMP(b.loop, t->done_count == 1);
  CHECK_INT(t->call.result.grpc_code, 0);
  CHECK_INT(gw_call_streams(&t->call), 2);
  CHECK(gw_str_eq(gw_buf_str(&last_stream(&b)->body), mixed(0, 80000)));
  tcall_free(t);
  bench_done(&b);
}

TEST(send_queue, a_refused_stream_that_was_let_go_fails) {
  bench b;
  queue_bench(&b);
  bench_ready(&b, 1);
  tcall *t = tcall_start_queue(&b, "/ok", UNARY);
  for (size_t i = 0; i < 8; i++) {
    push(t, i * 10000, 10000, false);
    PUMP(b.loop, received(&b) == (i + 1) * 10000);
  }
  service_stream *first = last_stream(&b);
  first->closed = true;
  gw_h2_detach(&first->h2, GW_H2_REFUSED_STREAM);
  PUMP(b.loop, t->done_count == 1);
  CHECK_INT(t->call.result.code, GW_UNAVAILABLE);
  CHECK_INT(b.services[0].count, 1);
  tcall_free(t);
  bench_done(&b);
}

TEST(send_queue, can_be_cancelled_with_bytes_on_the_way) {
  bench b;
  queue_bench(&b);
  b.services[0].takes_nothing = true;
  bench_ready(&b, 1);
  for (int way = 0; way < 3; way++) { /* nothing written, some, all that fits */
    tcall *t = tcall_start_queue(&b, "/ok", UNARY);
    if (way > 0) push(t, 0, 200000, way == 2);
    if (way > 0) PUMP(b.loop, last_stream(&b) != NULL && gw_h2_pending(&last_stream(&b)->h2).n > 0);
    tcall_free(t);
    PUMP(b.loop, service_open_streams(&b.services[0]) == 0);
  }
  bench_done(&b);
}
