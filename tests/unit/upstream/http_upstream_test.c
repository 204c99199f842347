#include "upstream/http_upstream.h"

#include "unit/upstream/http_bench.h"

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static uint64_t counted(const gw_counter *counter) {
  return gw_counter_get(counter);
}

static raw_conn *conn_asked(hbench *b, size_t server) {
  return raw_asked(&b->servers[server]);
}

/* Answers the one request that is there, whichever connection of `server` has it. */
static void answer_one(hbench *b, size_t server, const char *answer) {
  raw_conn *conn = NULL;
  PUMP(b->loop, (conn = conn_asked(b, server)) != NULL);
  raw_forget(conn);
  raw_say(conn, answer);
}

static void check_get(hbench *b, size_t server) {
  hcall *h = hcall_get(b);
  answer_one(b, server, ANSWER);
  hcall_check(b, h, GW_OK, 200, "hello");
}

TEST(http_upstream, connections_are_kept_between_calls) {
  hbench b;
  hbench_init(&b, 1);
  hbench_open(&b);
  for (int i = 0; i < 10; i++)
    check_get(&b, 0);
  CHECK_INT(b.servers[0].count, 1);
  CHECK_INT(counted(&b.metrics.reuses_total), 9);
  CHECK_INT(counted(&b.metrics.connects_total), 1);
  hbench_done(&b);
}

TEST(http_upstream, the_connection_used_last_is_used_first) {
  hbench b;
  hbench_init(&b, 1);
  hbench_open(&b);
  hcall *first = hcall_get(&b), *second = hcall_get(&b);
  PUMP(b.loop, b.servers[0].count == 2 && b.servers[0].conns[1].in_n > 0);
  raw_say(&b.servers[0].conns[0], ANSWER);
  hcall_check(&b, first, GW_OK, 200, "hello");
  raw_say(&b.servers[0].conns[1], ANSWER);
  hcall_check(&b, second, GW_OK, 200, "hello");
  raw_forget(&b.servers[0].conns[0]);
  raw_forget(&b.servers[0].conns[1]);
  for (int i = 0; i < 5; i++)
    check_get(&b, 0);
  CHECK(b.servers[0].conns[1].total == 0 && b.servers[0].conns[0].total == 0); /* forgotten */
  hcall *third = hcall_get(&b);
  PUMP(b.loop, conn_asked(&b, 0) != NULL);
  CHECK(conn_asked(&b, 0) == &b.servers[0].conns[1]);
  answer_one(&b, 0, ANSWER);
  hcall_check(&b, third, GW_OK, 200, "hello");
  hbench_done(&b);
}

TEST(http_upstream, connections_that_must_not_be_kept_are_closed) {
  static const char *answers[] = {
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\n",
  };
  hbench b;
  hbench_init(&b, 1);
  hbench_open(&b);
  for (uint32_t i = 0; i < GW_COUNT_OF(answers); i++) {
    hcall *h = hcall_get(&b);
    answer_one(&b, 0, answers[i]);
    hcall_check(&b, h, GW_OK, 200, "hello");
    PUMP(b.loop, b.servers[0].conns[i].tcp == NULL);
  }
  CHECK_INT(counted(&b.metrics.reuses_total), 0);
  hbench_done(&b);
}

TEST(http_upstream, a_connection_on_which_something_comes_unasked_is_closed) {
  hbench b;
  hbench_init(&b, 1);
  hbench_open(&b);
  raw_say(&b.servers[0].conns[0], ANSWER); /* would be the next call's */
  PUMP(b.loop, b.servers[0].conns[0].tcp == NULL);
  check_get(&b, 0);
  CHECK_INT(b.servers[0].count, 2);
  hbench_done(&b);
}

TEST(http_upstream, idle_connections_go_in_time) {
  for (int told = 0; told < 2; told++) {
    hbench b;
    hbench_init(&b, 1);
    if (!told) b.config.idle_timeout_ms = 30;
    hbench_open(&b);
    hcall *h = hcall_get(&b);
    answer_one(&b, 0,
               told ? "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 0\r\n\r\n"
                    : ANSWER);
    hcall_check(&b, h, GW_OK, 200, told ? "" : "hello");
    CHECK(b.servers[0].conns[0].tcp != NULL);
    PUMP(b.loop, b.servers[0].conns[0].tcp == NULL);
    CHECK_INT(counted(&b.metrics.usable), 1);
    check_get(&b, 0);
    hbench_done(&b);
  }
}

TEST(http_upstream, calls_wait_when_all_connections_are_taken) {
  hbench b;
  hbench_init(&b, 1);
  b.config.connections_max = 2;
  b.config.waiting_max = 5; /* the second connection is not there at once */
  hbench_open(&b);
  hcall *calls[6];
  for (size_t i = 0; i < GW_COUNT_OF(calls); i++)
    calls[i] = hcall_get(&b);
  hcall *over = hcall_get(&b);
  hcall_check(&b, over, GW_OVERLOADED, 0, "");
  CHECK_INT(counted(&b.metrics.overflow_total), 1);
  for (size_t i = 0; i < GW_COUNT_OF(calls); i++)
    answer_one(&b, 0, ANSWER);
  for (size_t i = 0; i < GW_COUNT_OF(calls); i++)
    hcall_check(&b, calls[i], GW_OK, 200, "hello");
  CHECK_INT(b.servers[0].count, 2);
  hbench_done(&b);
}

TEST(http_upstream, a_call_that_waited_too_long_fails_as_overload) {
  hbench b;
  hbench_init(&b, 1);
  b.config.connections_max = 1;
  b.config.waiting_time_ms = 20;
  hbench_open(&b);
  hcall *held = hcall_get(&b);
  hcall *late = hcall_get(&b);
  hcall_check(&b, late, GW_OVERLOADED, 0, "");
  hcall_free(held);
  hbench_done(&b);
}

TEST(http_upstream, calls_in_flight_are_bounded) {
  hbench b;
  hbench_init(&b, 1);
  b.config.in_flight_max = 1;
  hbench_open(&b);
  hcall *held = hcall_get(&b), *over = hcall_get(&b);
  hcall_check(&b, over, GW_OVERLOADED, 0, "");
  hcall_free(held);
  hbench_done(&b);
}

TEST(http_upstream, a_refused_connection_fails_calls_and_is_tried_by_backoff) {
  hbench b;
  hbench_init(&b, 1);
  b.config.waiting_time_ms = 100; /* the next attempt is near: a call waits for it */
  raw_close(&b.servers[0]);
  hbench_open(&b);
  CHECK_INT(counted(&b.metrics.usable), 0);
  hcall *h = hcall_get(&b);
  hcall_check(&b, h, GW_UNAVAILABLE, 0, "");
  pump_for(b.loop, 300);
  uint64_t connects = counted(&b.metrics.connects_total);
  CHECK(connects >= 3 && connects <= 12); /* 40 ms, 64 ms, then 100 ms, 20 % less at most */
  raw_open(&b.servers[0], b.loop, b.servers[0].port);
  PUMP(b.loop, counted(&b.metrics.usable) == 1); /* without any request */
  check_get(&b, 0);
  hbench_done(&b);
}

TEST(http_upstream, a_refused_connection_fails_calls_at_once_when_the_next_attempt_is_far) {
  hbench b;
  hbench_init(&b, 1);
  b.config.backoff_initial_ms = b.config.backoff_max_ms = 60000;
  raw_close(&b.servers[0]);
  hbench_open(&b);
  hcall *h = hcall_get(&b);
  pump_turn(b.loop);
  CHECK_INT(h->done_count, 1);
  hcall_check(&b, h, GW_UNAVAILABLE, 0, "");
  hbench_done(&b);
}

TEST(http_upstream, a_restarted_server_is_used_again) {
  hbench b;
  hbench_init(&b, 1);
  hbench_open(&b);
  check_get(&b, 0);
  raw_close(&b.servers[0]);
  pump_for(b.loop, 5);
  CHECK_INT(counted(&b.metrics.connections), 0);
  raw_open(&b.servers[0], b.loop, b.servers[0].port);
  check_get(&b, 0);
  hbench_done(&b);
}

TEST(http_upstream, round_robin_goes_around_and_passes_a_dead_one) {
  hbench b;
  hbench_init(&b, 2);
  hbench_open(&b);
  for (int i = 0; i < 6; i++) {
    hcall *h = hcall_get(&b);
    PUMP(b.loop, conn_asked(&b, 0) != NULL || conn_asked(&b, 1) != NULL);
    answer_one(&b, conn_asked(&b, 0) != NULL ? 0 : 1, ANSWER);
    hcall_check(&b, h, GW_OK, 200, "hello");
  }
  CHECK_INT(counted(&b.metrics.reuses_total), 4);
  raw_close(&b.servers[0]);
  pump_for(b.loop, 5);
  for (int i = 0; i < 6; i++)
    check_get(&b, 1);
  hbench_done(&b);
}

TEST(http_upstream, pick_first_stays_with_one) {
  hbench b;
  hbench_init(&b, 2);
  b.config.balance = GW_BALANCE_PICK_FIRST;
  hbench_open(&b);
  for (int i = 0; i < 4; i++)
    check_get(&b, 0);
  hcall *calls[3];
  for (size_t i = 0; i < GW_COUNT_OF(calls); i++)
    calls[i] = hcall_get(&b);
  for (size_t i = 0; i < GW_COUNT_OF(calls); i++)
    answer_one(&b, 0, ANSWER);
  for (size_t i = 0; i < GW_COUNT_OF(calls); i++)
    hcall_check(&b, calls[i], GW_OK, 200, "hello");
  CHECK_INT(b.servers[1].conns[0].total, 0);
  hbench_done(&b);
}

TEST(http_upstream, least_request_avoids_the_loaded_one) {
  hbench b;
  hbench_init(&b, 2);
  b.config.balance = GW_BALANCE_LEAST_REQUEST;
  hbench_open(&b);
  hcall *held = hcall_get(&b);
  PUMP(b.loop, conn_asked(&b, 0) != NULL || conn_asked(&b, 1) != NULL);
  size_t other = conn_asked(&b, 0) != NULL ? 1 : 0;
  for (int i = 0; i < 5; i++)
    check_get(&b, other);
  hcall_free(held);
  hbench_done(&b);
}

TEST(http_upstream, names_are_resolved) {
  hbench b;
  hbench_init(&b, 1);
  b.endpoints[0].host = GW_STR("localhost"); /* maybe ::1 too, where nobody listens */
  b.config.resolve_every_ms = 5;
  hbench_open(&b);
  check_get(&b, 0);
  pump_for(b.loop, 30); /* the same answer again changes nothing */
  check_get(&b, 0);
  CHECK_INT(b.servers[0].count, 1);
  hbench_done(&b);
}

TEST(http_upstream, can_be_closed_while_connecting_and_while_resolving) {
  for (int i = 0; i < 2; i++) {
    hbench b;
    hbench_init(&b, 1);
    if (i == 1) b.endpoints[0].host = GW_STR("localhost");
    hbench_begin(&b);
    hbench_done(&b);
  }
}
