#include "upstream/call.h"

#include "unit/upstream/bench.h"

/* ---- how calls end ---- */

typedef struct result_row {
  bool streaming;
  gw_code code;
  unsigned grpc_code;
  uint32_t messages;
  script script;
} result_row;

static const result_row results[] = {
  { UNARY, GW_OK, 0, 1, { "/ok", "200", { GRPC }, BYTES(HELLO), { STATUS("0") } } },
  { UNARY,
    GW_OK,
    0,
    1,
    { "/proto",
      "200",
      { { GW_STR_INIT("content-type"), GW_STR_INIT("application/grpc+proto") } },
      BYTES(HELLO),
      { STATUS("0") } } },
  { UNARY, GW_OK, 5, 0, { "/trailers-only", "200", { GRPC, STATUS("5") }, EMPTY } },
  { UNARY, GW_OK, 7, 0, { "/late", "200", { GRPC }, .trailers = { STATUS("7") } } },
  { UNARY, GW_OK, 9, 1, { "/both", "200", { GRPC }, BYTES(HELLO), { STATUS("9") } } },
  { UNARY, GW_OK, 99, 0, { "/unknown-code", "200", { GRPC, STATUS("99") }, EMPTY } },
  /* no status, or none that says one thing */
  { UNARY, GW_OK, 2, 1, { "/no-status", "200", { GRPC }, BYTES(HELLO) } },
  { UNARY, GW_OK, 2, 0, { "/nothing", "200", { GRPC }, EMPTY } },
  { UNARY, GW_OK, 2, 0, { "/twice", "200", { GRPC }, .trailers = { STATUS("0"), STATUS("0") } } },
  { UNARY, GW_OK, 2, 0, { "/alpha", "200", { GRPC }, .trailers = { STATUS("x") } } },
  { UNARY, GW_OK, 2, 0, { "/negative", "200", { GRPC }, .trailers = { STATUS("-1") } } },
  { UNARY, GW_OK, 2, 0, { "/empty", "200", { GRPC }, .trailers = { STATUS("") } } },
  { UNARY, GW_OK, 2, 0, { "/long", "200", { GRPC }, .trailers = { STATUS("0000000000") } } },
  /* a status before messages is none: the end may be missing */
  { UNARY, GW_OK, 2, 1, { "/status-in-head", "200", { GRPC, STATUS("0") }, BYTES(HELLO) } },
  { UNARY,
    GW_OK,
    13,
    1,
    { "/status-then-reset",
      "200",
      { GRPC, STATUS("0") },
      BYTES(HELLO),
      .end = SCRIPT_RESET,
      .reset = GW_H2_INTERNAL_ERROR } },
  { UNARY,
    GW_UNAVAILABLE,
    14,
    1,
    { "/status-then-break", "200", { GRPC, STATUS("0") }, BYTES(HELLO), .end = SCRIPT_BREAK } },
  { STREAM,
    GW_OK,
    13,
    1,
    { "/stream-then-reset",
      "200",
      { GRPC, STATUS("0") },
      BYTES(HELLO),
      .end = SCRIPT_RESET,
      .reset = GW_H2_INTERNAL_ERROR } },
  /* not gRPC, whatever it says of itself */
  { UNARY,
    GW_OK,
    14,
    0,
    { "/503",
      "503",
      { { GW_STR_INIT("content-type"), GW_STR_INIT("text/html") } },
      BYTES("<html>") } },
  { UNARY, GW_OK, 12, 0, { "/404", "404", .data_n = 0 } },
  { UNARY,
    GW_OK,
    2,
    0,
    { "/html",
      "200",
      { { GW_STR_INIT("content-type"), GW_STR_INIT("text/html") } },
      BYTES("<html>") } },
  { STREAM, GW_OK, 14, 0, { "/503-says-ok", "503", { GRPC, STATUS("0") }, EMPTY } },
  { STREAM,
    GW_OK,
    2,
    0,
    { "/html-says-ok",
      "200",
      { { GW_STR_INIT("content-type"), GW_STR_INIT("text/html") } },
      BYTES("<html>"),
      { STATUS("0") } } },
  /* messages */
  { UNARY, GW_OK, 13, 0, { "/zero", "200", { GRPC }, .trailers = { STATUS("0") } } },
  { UNARY, GW_OK, 13, 0, { "/zero-only", "200", { GRPC, STATUS("0") }, EMPTY } },
  { UNARY, GW_OK, 13, 0, { "/two", "200", { GRPC }, BYTES(HELLO HELLO), { STATUS("0") } } },
  { UNARY,
    GW_BAD_ANSWER,
    13,
    0,
    { "/flag-1", "200", { GRPC }, BYTES("\1\0\0\0\5hello"), { STATUS("0") } } },
  { STREAM,
    GW_BAD_ANSWER,
    13,
    1,
    { "/flag-2", "200", { GRPC }, BYTES(HELLO "\2\0\0\0\0"), { STATUS("0") } } },
  { UNARY,
    GW_BAD_ANSWER,
    13,
    0,
    { "/4-gib", "200", { GRPC }, BYTES("\0\xff\xff\xff\xff"), .end = SCRIPT_HOLD } },
  { UNARY,
    GW_BAD_ANSWER,
    13,
    0,
    { "/over-limit", "200", { GRPC }, BYTES("\0\0\0\3\xe9"), .end = SCRIPT_HOLD } },
  { UNARY,
    GW_BAD_ANSWER,
    13,
    0,
    { "/cut", "200", { GRPC }, BYTES("\0\0\0\0\5hell"), { STATUS("0") } } },
  { STREAM,
    GW_BAD_ANSWER,
    13,
    1,
    { "/cut-prefix", "200", { GRPC }, BYTES(HELLO "\0\0"), { STATUS("0") } } },
  { STREAM, GW_OK, 0, 3, { "/three", "200", { GRPC }, BYTES(HELLO HELLO HELLO), { STATUS("0") } } },
  { STREAM, GW_OK, 0, 0, { "/none", "200", { GRPC }, .trailers = { STATUS("0") } } },
  { STREAM, GW_OK, 0, 0, { "/none-only", "200", { GRPC, STATUS("0") }, EMPTY } },
  { STREAM, GW_OK, 8, 2, { "/two-then-8", "200", { GRPC }, BYTES(HELLO HELLO), { STATUS("8") } } },
  { STREAM,
    GW_UNAVAILABLE,
    14,
    1,
    { "/broken", "200", { GRPC }, BYTES(HELLO), .end = SCRIPT_BREAK } },
  { UNARY, GW_UNAVAILABLE, 14, 0, { "/broken-at-once", .end = SCRIPT_BREAK } },
};

TEST(call, ends_as_the_service_says_or_as_it_misbehaves) {
  for (size_t i = 0; i < GW_COUNT_OF(results); i++) {
    const result_row *row = &results[i];
    bench b;
    bench_init(&b, 1, &row->script, 1);
    bench_ready(&b, 1);
    tcall *t = tcall_start(&b, row->script.method, row->streaming);
    PUMP(b.loop, t->done_count == 1);
    const gw_call_result *result = &t->call.result;
    if (result->code != row->code || result->grpc_code != row->grpc_code ||
        t->messages != row->messages) {
      print_error("%s: code %d, grpc %u, %u messages: " GW_STR_FMT "\n", row->script.method,
                  (int)result->code, result->grpc_code, t->messages, GW_STR_ARG(result->message));
    }
    CHECK_INT(result->code, row->code);
    CHECK_INT(result->grpc_code, row->grpc_code);
    CHECK_INT(t->messages, row->messages);
    if (t->messages > 0) CHECK_STR(gw_str_of(t->text), "hello");
    CHECK(t->arena.used <= GW_KIB(16)); /* never from the prefix */
    PUMP(b.loop, service_open_streams(&b.services[0]) == 0);
    tcall_free(t);
    bench_done(&b);
  }
}

/* PROTOCOL-HTTP2.md, "Errors" */
TEST(call, maps_http2_error_codes) {
  static const struct {
    uint32_t reset;
    gw_code code;
    unsigned grpc_code;
  } rows[] = {
    { 0, GW_OK, 13 }, { 1, GW_OK, 13 },  { 2, GW_OK, 13 },  { 3, GW_OK, 13 },
    { 4, GW_OK, 13 }, { 5, GW_OK, 13 },  { 6, GW_OK, 13 },  { 7, GW_UNAVAILABLE, 14 },
    { 8, GW_OK, 1 },  { 9, GW_OK, 13 },  { 10, GW_OK, 13 }, { 11, GW_OK, 8 },
    { 12, GW_OK, 7 }, { 13, GW_OK, 13 }, { 14, GW_OK, 13 }, { 0x7fffffff, GW_OK, 13 },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    script reset = { "/x", .end = SCRIPT_RESET, .reset = rows[i].reset };
    bench b;
    bench_init(&b, 1, &reset, 1);
    bench_ready(&b, 1);
    tcall *t = tcall_start(&b, "/x", UNARY);
    PUMP(b.loop, t->done_count == 1);
    CHECK_INT(t->call.result.code, rows[i].code);
    CHECK_INT(t->call.result.grpc_code, rows[i].grpc_code);
    /* A refused call is tried again, once. */
    CHECK_INT(b.services[0].count, rows[i].reset == GW_H2_REFUSED_STREAM ? 2 : 1);
    tcall_free(t);
    bench_done(&b);
  }
}

/* ---- cancel ---- */

static const script hold[] = { { "/hold", "200", { GRPC }, BYTES(HELLO), .end = SCRIPT_HOLD },
                               { "/ok", "200", { GRPC }, BYTES(HELLO), { STATUS("0") } } };

TEST(call, can_be_cancelled_in_each_state) {
  bench b;
  bench_init(&b, 1, hold, 2);
  bench_open(&b);
  tcall idle = { 0 };
  gw_call_cancel(&idle.call);
  tcall *waiting = tcall_start(&b, "/hold", STREAM);
  CHECK_INT(waiting->call.first.state, GW_ATTEMPT_WAITING);
  tcall_free(waiting);
  CHECK_INT(gw_counter_get(&b.metrics.waiting), 0);
  PUMP(b.loop, gw_counter_get(&b.metrics.connections) == 1);
  CHECK_INT(b.services[0].count, 0);
  tcall_free(tcall_start(&b, "/hold", STREAM)); /* open, nothing written */
  tcall *open = tcall_start(&b, "/hold", STREAM);
  PUMP(b.loop, open->messages == 1);
  CHECK_INT(b.services[0].count, 1);
  gw_call_cancel(&open->call);
  gw_call_cancel(&open->call); /* done: a no-op */
  CHECK_INT(open->call.result.code, GW_CANCELLED);
  PUMP(b.loop, service_open_streams(&b.services[0]) == 0);
  CHECK_INT(b.services[0].streams[0]->h2.h2_error, GW_H2_CANCEL);
  CHECK_INT(open->done_count, 0);
  tcall_free(open);
  bench_done(&b);
}

TEST(call, an_end_told_later_is_not_told_after_cancel) {
  bench b;
  bench_init(&b, 1, hold, 2);
  b.config.in_flight_max = 0;
  bench_ready(&b, 1);
  tcall *t = tcall_start(&b, "/ok", UNARY); /* refused, its tick is still to come */
  CHECK_INT(t->call.first.result.code, GW_OVERLOADED);
  gw_call_cancel(&t->call);
  pump_for(b.loop, 10);
  CHECK_INT(t->done_count, 0);
  tcall_free(t);
  bench_done(&b);
}

/* ---- back-pressure ---- */

TEST(call, a_service_waits_for_an_owner_that_takes_nothing) {
  static char frames[200 * 1005];
  for (int i = 0; i < 200; i++)
    memcpy(frames + i * 1005, "\0\0\0\3\xe8", 5); /* 1,000 bytes each */
  script many = { "/many",       "200",           { GRPC },         frames,
                  sizeof frames, { STATUS("0") }, .end = SCRIPT_END };
  bench b;
  bench_init(&b, 1, &many, 1);
  bench_ready(&b, 1);
  tcall *t = tcall_start(&b, "/many", STREAM);
  t->takes_nothing = true;
  PUMP(b.loop, gw_h2_pending(&t->call.first.stream).n == GW_H2_STREAM_WINDOW);
  pump_for(b.loop, 30);
  CHECK_INT(gw_h2_pending(&t->call.first.stream).n, GW_H2_STREAM_WINDOW);
  t->takes_nothing = false;
  tcall_on_tick(&t->call);
  PUMP(b.loop, t->done_count == 1);
  CHECK_INT(t->messages, 200);
  CHECK_INT(t->call.result.grpc_code, 0);
  CHECK(t->arena.used <= GW_KIB(256));
  tcall_free(t);
  bench_done(&b);
}
