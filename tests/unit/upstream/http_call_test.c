#include "upstream/http_call.h"

#include "unit/upstream/http_bench.h"

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static uint64_t counted(const gw_counter *counter) {
  return gw_counter_get(counter);
}

/* The server's first connection got a request that ends so, and answers. */
static void serve(hbench *b, raw_conn *conn, const char *end, const char *answer) {
  PUMP(b->loop, raw_has(conn, end));
  raw_forget(conn);
  raw_say(conn, answer);
}

/* ---- one call ---- */

TEST(http_call, sends_and_receives) {
  hbench b;
  hbench_init(&b, 1);
  hbench_open(&b);
  raw_conn *conn = &b.servers[0].conns[0];
  hcall *h = hcall_post(&b);
  PUMP(b.loop, raw_has(conn, "hello"));
  CHECK_STR(gw_str_of(conn->in), POST_HEAD "hello");
  raw_say(conn, "HTTP/1.1 201 Created\r\nX-Name: Value\r\nContent-Length: 5\r\n\r\nworld");
  PUMP(b.loop, h->done_count == 1);
  CHECK_STR(gw_http_call_head(&h->call)->reason, "Created");
  CHECK_STR(gw_http_call_head(&h->call)->fields[0].name, "X-Name");
  CHECK_INT(h->ticks, 1); /* what came in one piece is told in one */
  hcall_check(&b, h, GW_OK, 201, "world");
  CHECK_INT(counted(&b.metrics.by_status[2]), 1);
  hbench_done(&b);
}

TEST(http_call, keeps_the_head_of_an_answer_that_comes_in_pieces) {
  hbench b;
  hbench_init(&b, 1);
  hbench_open(&b);
  raw_conn *conn = &b.servers[0].conns[0];
  static const char *pieces[] = { "HT", "TP/1.1 200 OK\r\nX-A", ": 1\r\n\r", "\nab", "cd" };
  hcall *h = hcall_get(&b);
  PUMP(b.loop, raw_has(conn, "\r\n\r\n"));
  for (size_t i = 0; i < GW_COUNT_OF(pieces); i++) {
    raw_say(conn, pieces[i]);
    pump_for(b.loop, 3);
  }
  CHECK_STR(gw_h1_response_field(gw_http_call_head(&h->call), GW_STR("x-a")), "1");
  CHECK_INT(h->done_count, 0);
  raw_drop(conn);
  hcall_check(&b, h, GW_OK, 200, "abcd");
  hbench_done(&b);
}

TEST(http_call, frames_a_chunked_body) {
  hbench b;
  hbench_init(&b, 1);
  hbench_open(&b);
  raw_conn *conn = &b.servers[0].conns[0];
  gw_http_request request = { .head = GW_STR("PUT / HTTP/1.1\r\n\r\n"), .is_chunked = true };
  hcall *h = hcall_start(&b, &request, "hello", false);
  PUMP(b.loop, raw_has(conn, "hello\r\n"));
  CHECK(gw_http_call_wants(&h->call));
  gw_http_call_send(&h->call, GW_STR("sixteen bytes..."), false);
  gw_http_call_send(&h->call, GW_STR(""), true);
  CHECK(!gw_http_call_wants(&h->call));
  PUMP(b.loop, raw_has(conn, "0\r\n\r\n"));
  CHECK_STR(gw_str_of(conn->in), "PUT / HTTP/1.1\r\n\r\n5\r\nhello\r\n10\r\nsixteen bytes...\r\n"
                                 "0\r\n\r\n");
  raw_say(conn, ANSWER);
  hcall_check(&b, h, GW_OK, 200, "hello");
  h = hcall_start(&b, &request, "", true); /* an empty one */
  serve(&b, conn, "\r\n\r\n0\r\n\r\n", ANSWER);
  hcall_check(&b, h, GW_OK, 200, "hello");
  hbench_done(&b);
}

TEST(http_call, refuses_hostile_answers) {
  static const char *answers[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "HTTP/1.1 200 OK\r\nX : 1\r\n\r\n",
    "HTTP/1.1 200 OK\nX: 1\n\n",
    "220 mail.example ESMTP\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX",
    "HTTP/1.1 101 Switching Protocols\r\n\r\n",
  };
  hbench b;
  hbench_init(&b, 1);
  hbench_open(&b);
  for (size_t i = 0; i < GW_COUNT_OF(answers); i++) {
    hcall *h = hcall_get(&b);
    raw_conn *conn = NULL;
    PUMP(b.loop, (conn = raw_asked(&b.servers[0])) != NULL);
    raw_say(conn, answers[i]);
    PUMP(b.loop, h->done_count == 1);
    CHECK_INT(h->call.result.code, GW_BAD_ANSWER);
    CHECK(h->call.result.message.n > 0);
    hcall_free(h);
    PUMP(b.loop, conn->tcp == NULL); /* such a connection is not used again */
  }
  CHECK_INT(counted(&b.metrics.repeats_total), 0);
  hbench_done(&b);
}

TEST(http_call, an_answer_that_breaks_is_not_whole) {
  static const char *answers[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    "HTTP/1.1 200 OK\r\nX: 1\r\n",
  };
  hbench b;
  hbench_init(&b, 1);
  hbench_open(&b);
  for (size_t i = 0; i < GW_COUNT_OF(answers); i++) {
    hcall *h = hcall_get(&b);
    raw_conn *conn = NULL;
    PUMP(b.loop, (conn = raw_asked(&b.servers[0])) != NULL);
    raw_say(conn, answers[i]);
    pump_for(b.loop, 3);
    raw_drop(conn);
    hcall_check(&b, h, GW_BAD_ANSWER, 0, i < 3 ? "hello" : "");
  }
  /* until the end of the connection, which is a reset */
  hcall *h = hcall_get(&b);
  raw_conn *conn = NULL;
  PUMP(b.loop, (conn = raw_asked(&b.servers[0])) != NULL);
  raw_say(conn, "HTTP/1.1 200 OK\r\n\r\nhello");
  PUMP(b.loop, h->body_n == 5);
  gw_tcp_reset(conn->tcp);
  hcall_check(&b, h, GW_BAD_ANSWER, 200, "hello");
  hbench_done(&b);
}

TEST(http_call, an_answer_before_the_requests_end_is_told) {
  hbench b;
  hbench_init(&b, 1);
  hbench_open(&b);
  raw_conn *conn = &b.servers[0].conns[0];
  gw_http_request request = { .head = GW_STR(POST_HEAD) };
  hcall *h = hcall_start(&b, &request, "he", false);
  serve(&b, conn, "he", "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
  hcall_check(&b, h, GW_OK, 413, "no");
  PUMP(b.loop, conn->tcp == NULL); /* half a request is no good neighbour */
  hbench_done(&b);
}

TEST(http_call, can_be_cancelled_in_every_state) {
  hbench b;
  hbench_init(&b, 1);
  b.config.connections_max = 1;
  hbench_open(&b);
  hcall *open = hcall_get(&b), *waiting = hcall_get(&b);
  CHECK_INT(counted(&b.metrics.waiting), 1);
  hcall_free(waiting);
  PUMP(b.loop, b.servers[0].conns[0].in_n > 0);
  hcall_free(open);
  PUMP(b.loop, b.servers[0].conns[0].tcp == NULL); /* the server sees it */
  hcall *answered = hcall_get(&b);
  PUMP(b.loop, b.servers[0].count == 2 && b.servers[0].conns[1].in_n > 0);
  raw_say(&b.servers[0].conns[1], "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello");
  PUMP(b.loop, answered->body_n == 5);
  hcall_free(answered);
  PUMP(b.loop, b.servers[0].conns[1].tcp == NULL);
  hbench_done(&b);
}

/* ---- back-pressure ---- */

TEST(http_call, an_answer_that_nobody_takes_is_not_read) {
  static char much[GW_MIB(8)];
  hbench b;
  hbench_init(&b, 1);
  hbench_open(&b);
  raw_conn *conn = &b.servers[0].conns[0];
  memset(much, 'x', sizeof much);
  gw_str part = { much, sizeof much };
  hcall *h = hcall_get(&b);
  h->takes_nothing = true;
  serve(&b, conn, "\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n");
  gw_tcp_write(conn->tcp, &part, 1);
  PUMP(b.loop, h->ticks >= 1);
  pump_for(b.loop, 50);
  CHECK(h->arena.used < GW_KIB(256));
  CHECK(gw_tcp_queued(conn->tcp) > 0);
  h->takes_nothing = false;
  hcall_take(h);
  PUMP(b.loop, h->done_count == 1);
  CHECK_INT(h->body_n, sizeof much);
  CHECK_INT(h->call.result.code, GW_OK);
  CHECK(h->arena.used < GW_KIB(256));
  hcall_free(h);
  h = hcall_get(&b); /* the connection is still good */
  serve(&b, conn, "\r\n\r\n", ANSWER);
  hcall_check(&b, h, GW_OK, 200, "hello");
  CHECK_INT(b.servers[0].count, 1);
  hbench_done(&b);
}

TEST(http_call, the_end_of_a_connection_comes_behind_what_was_not_taken) {
  hbench b;
  hbench_init(&b, 1);
  hbench_open(&b);
  raw_conn *conn = &b.servers[0].conns[0];
  hcall *h = hcall_get(&b);
  h->takes_nothing = true;
  serve(&b, conn, "\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nhello");
  PUMP(b.loop, h->ticks >= 1);
  raw_drop(conn);
  pump_for(b.loop, 20);
  h->takes_nothing = false;
  hcall_take(h);
  hcall_check(&b, h, GW_OK, 200, "hello");
  hbench_done(&b);
}

TEST(http_call, a_server_that_takes_nothing_is_sent_no_more) {
  static char piece[GW_KIB(64)];
  hbench b;
  hbench_init(&b, 1);
  hbench_open(&b);
  raw_conn *conn = &b.servers[0].conns[0];
  gw_http_request request = { .head = GW_STR("PUT / HTTP/1.1\r\n\r\n"), .is_chunked = true };
  hcall *h = hcall_start(&b, &request, "x", false);
  PUMP(b.loop, conn->in_n > 0);
  gw_tcp_pause(conn->tcp, true);
  size_t sent = 0;
  while (gw_http_call_wants(&h->call)) {
    gw_http_call_send(&h->call, (gw_str){ piece, sizeof piece }, false);
    sent += sizeof piece;
    CHECK(sent < GW_MIB(64)); /* the kernel's buffers end somewhere */
  }
  uint32_t ticks = h->ticks;
  pump_for(b.loop, 20);
  CHECK_INT(h->ticks, ticks);
  gw_tcp_pause(conn->tcp, false);
  PUMP(b.loop, gw_http_call_wants(&h->call));
  CHECK(h->ticks > ticks); /* it was told */
  gw_http_call_send(&h->call, GW_STR(""), true);
  PUMP(b.loop, raw_has(conn, "") && conn->total > sent);
  raw_say(conn, ANSWER);
  hcall_check(&b, h, GW_OK, 200, "hello");
  hbench_done(&b);
}

TEST(http_call, asks_for_more_when_its_turn_comes) {
  hbench b;
  hbench_init(&b, 1);
  b.config.connections_max = 1;
  hbench_open(&b);
  raw_conn *conn = &b.servers[0].conns[0];
  hcall *first = hcall_get(&b);
  gw_http_request request = { .head = GW_STR(POST_HEAD) };
  hcall *h = hcall_start(&b, &request, "he", false);
  CHECK(!gw_http_call_wants(&h->call));
  serve(&b, conn, GET_HEAD, ANSWER);
  hcall_check(&b, first, GW_OK, 200, "hello");
  PUMP(b.loop, h->ticks > 0);
  CHECK(gw_http_call_wants(&h->call));
  gw_http_call_send(&h->call, GW_STR("llo"), true);
  PUMP(b.loop, raw_has(conn, "hello"));
  CHECK_STR(gw_str_of(conn->in), POST_HEAD "hello");
  raw_say(conn, ANSWER);
  hcall_check(&b, h, GW_OK, 200, "hello");
  hbench_done(&b);
}

/* ---- stale connections ---- */

TEST(http_call, an_idempotent_request_on_a_stale_connection_is_sent_once_more) {
  hbench b;
  hbench_init(&b, 1);
  hbench_open(&b);
  pump_for(b.loop, 5);
  hcall *h = hcall_get(&b);
  PUMP(b.loop, raw_has(&b.servers[0].conns[0], "\r\n\r\n"));
  raw_drop(&b.servers[0].conns[0]);
  PUMP(b.loop, b.servers[0].count == 2);
  serve(&b, &b.servers[0].conns[1], "\r\n\r\n", ANSWER);
  CHECK_INT(h->call.attempts, 2);
  hcall_check(&b, h, GW_OK, 200, "hello");
  CHECK_INT(counted(&b.metrics.repeats_total), 1);
  hbench_done(&b);
}

TEST(http_call, a_request_is_repeated_once_only) {
  hbench b;
  hbench_init(&b, 1);
  hbench_open(&b);
  pump_for(b.loop, 5);
  hcall *h = hcall_get(&b);
  for (uint32_t i = 0; i < 2; i++) {
    PUMP(b.loop, b.servers[0].count == i + 1 && raw_has(&b.servers[0].conns[i], "\r\n\r\n"));
    raw_drop(&b.servers[0].conns[i]);
  }
  hcall_check(&b, h, GW_BAD_ANSWER, 0, "");
  CHECK_INT(b.servers[0].count, 2);
  hbench_done(&b);
}

TEST(http_call, a_request_with_effects_that_the_server_saw_is_never_repeated) {
  for (int reset = 0; reset < 2; reset++) {
    hbench b;
    hbench_init(&b, 1);
    hbench_open(&b);
    pump_for(b.loop, 5);
    hcall *h = hcall_post(&b);
    raw_conn *conn = &b.servers[0].conns[0];
    PUMP(b.loop, raw_has(conn, "hello"));
    if (reset) {
      gw_tcp_reset(conn->tcp);
    } else {
      raw_drop(conn);
    }
    hcall_check(&b, h, GW_BAD_ANSWER, 0, "");
    CHECK_INT(counted(&b.metrics.repeats_total), 0);
    CHECK_INT(b.servers[0].count, 1);
    hbench_done(&b);
  }
}

/* The server's end is on its way when the request leaves: nothing of it was acknowledged. */
TEST(http_call, a_request_that_came_after_the_servers_end_is_repeated_whatever_it_does) {
  hbench b;
  hbench_init(&b, 1);
  hbench_open(&b);
  hcall *h = hcall_post(&b);
  serve(&b, &b.servers[0].conns[0], "hello", ANSWER);
  hcall_check(&b, h, GW_OK, 200, "hello");
  raw_drop(&b.servers[0].conns[0]); /* the loop is not turned: nobody knows yet */
  h = hcall_post(&b);
  PUMP(b.loop, b.servers[0].count == 2);
  serve(&b, &b.servers[0].conns[1], POST_HEAD "hello", ANSWER);
  CHECK_INT(h->call.attempts, 2);
  hcall_check(&b, h, GW_OK, 200, "hello");
  CHECK_INT(counted(&b.metrics.repeats_total), 1);
  hbench_done(&b);
}

TEST(http_call, half_an_answer_is_never_repeated) {
  hbench b;
  hbench_init(&b, 1);
  hbench_open(&b);
  pump_for(b.loop, 5);
  hcall *h = hcall_get(&b);
  PUMP(b.loop, raw_has(&b.servers[0].conns[0], "\r\n\r\n"));
  raw_say(&b.servers[0].conns[0], "H");
  pump_for(b.loop, 3);
  raw_drop(&b.servers[0].conns[0]);
  hcall_check(&b, h, GW_BAD_ANSWER, 0, "");
  CHECK_INT(counted(&b.metrics.repeats_total), 0);
  hbench_done(&b);
}
