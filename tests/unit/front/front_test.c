#include "unit/front/gate.h"

#include <sys/socket.h>
#include <unistd.h>

#define BIG GW_MIB(3)

/* ---- keep-alive and pipelining ---- */

TEST(front, serves_request_after_request_on_one_connection) {
  gate *g = gate_new("");
  user u = user_new(g);
  for (uint32_t i = 1; i <= 20; i++) {
    user_send(&u, DELETE);
    PUMP(g->loop, user_count(&u, OK) == i);
  }
  CHECK_INT(user_count(&u, "Connection: close"), 0);
  CHECK_INT(gw_counter_get(&g->engine.metrics->connections), 1);
  user_done(&u);
  gate_free(g);
}

TEST(front, answers_a_thousand_pipelined_requests_cut_anywhere) {
  gate *g = gate_new("");
  size_t n = 1000 * (sizeof DELETE - 1);
  char *all = malloc(n);
  for (uint32_t i = 0; i < 1000; i++)
    memcpy(all + i * (sizeof DELETE - 1), DELETE, sizeof DELETE - 1);
  for (size_t piece = 7; piece < n; piece *= 37) {
    user u = user_new(g);
    for (size_t sent = 0; sent < n; sent += piece)
      CHECK(raw_send(g->loop, u.fd, all + sent, gw_size_min(piece, n - sent)));
    PUMP(g->loop, user_count(&u, OK) == 1000);
    CHECK(!u.ended);
    user_done(&u);
  }
  free(all);
  gate_free(g);
}

/* More than is ever kept behind one request: the rest waits in the socket. */
TEST(front, takes_any_amount_of_pipelined_requests) {
  gate *g = gate_new("");
  user u = user_new(g);
  static char many[64 * (sizeof DELETE + 5 + 4000)];
  size_t n = 0;
  for (uint32_t i = 0; i < 64; i++)
    n += (size_t)snprintf(many + n, sizeof many - n,
                          "DELETE /users/7 HTTP/1.1\r\nHost: a\r\nX: %04000d\r\n\r\n", 1);
  for (uint32_t i = 0; i < 20; i++) { /* 5 MB, with hardly a moment of rest */
    CHECK(raw_send(g->loop, u.fd, many, n));
    pump_for(g->loop, 1);
    user_read(&u, SIZE_MAX);
    CHECK(!u.ended);
  }
  PUMP(g->loop, user_count(&u, OK) == 20 * 64);
  user_done(&u);
  gate_free(g);
}

/* ---- answers before the body ---- */

TEST(front, an_early_answer_keeps_the_connection_when_the_body_is_small) {
  gate *g = gate_new("");
  user u = user_new(g);
  user_send(&u, "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234");
  PUMP(g->loop, user_has(&u, "HTTP/1.1 404"));
  CHECK(!user_has(&u, "Connection: close"));
  user_send(&u, "56789" DELETE);
  PUMP(g->loop, user_has(&u, OK));
  user_done(&u);
  gate_free(g);
}

TEST(front, an_early_answer_closes_when_the_body_is_large_or_unbounded) {
  static const char *const heads[] = {
    "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n",
    "POST /nowhere HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST /users HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n",
  };
  gate *g = gate_new("");
  for (size_t i = 0; i < GW_COUNT_OF(heads); i++) {
    user u = user_new(g);
    user_send(&u, heads[i]);
    PUMP(g->loop, user_has(&u, "HTTP/1.1 4"));
    CHECK(user_has(&u, "Connection: close"));
    user_send(&u, DELETE); /* belongs to the body: never an answer */
    PUMP(g->loop, user_ended(&u));
    CHECK(!u.reset);
    CHECK_INT(user_count(&u, "HTTP/1.1 "), 1);
    user_done(&u);
  }
  gate_free(g);
}

/* The rest of a small body that never comes: its client has sent its end. */
TEST(front, an_end_within_the_body_of_an_answered_request_closes_at_once) {
  gate *g = gate_new("body_timeout: 60s");
  user u = user_new(g);
  user_send(&u, "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234");
  PUMP(g->loop, user_has(&u, "HTTP/1.1 404"));
  CHECK_INT(shutdown(u.fd, SHUT_WR), 0);
  pump_for(g->loop, 50);
  CHECK(user_ended(&u));
  user_done(&u);
  gate_free(g);
}

/* ---- clients that leave ---- */

TEST(front, a_client_that_leaves_in_any_state_leaves_nothing_behind) {
  static const char *const sent[] = {
    "",
    "GET /us",
    "POST /users HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{",
    "POST /users HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",             /* held */
    "POST /users HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}" DELETE "GE", /* and more */
    "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234",
    "GARBAGE\r\n\r\n",
    DELETE, /* answered and idle */
    DELETE "GE",
  };
  gate *g = gate_new("");
  for (int way = 0; way < 2; way++) { /* end, reset */
    for (size_t i = 0; i < GW_COUNT_OF(sent); i++) {
      struct linger now = { .l_onoff = way, .l_linger = 0 };
      user u = user_new(g);
      user_send(&u, sent[i]);
      pump_for(g->loop, 10);
      user_read(&u, SIZE_MAX); /* else its end is a reset */
      CHECK_INT(setsockopt(u.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
      user_done(&u);
      PUMP(g->loop, gw_counter_get(&g->engine.metrics->connections) == 0);
      CHECK_INT(g->engine.in_flight, 0);
      PUMP(g->loop, service_open_streams(&g->service) == 0); /* cancelled */
    }
  }
  gate_free(g);
}

static void script_large(size_t i, char **bytes, size_t message_n, size_t count) {
  size_t n = 5 + 5 + message_n;
  char *p = *bytes = calloc(count, n);
  for (size_t k = 0; k < count; k++, p += n) {
    size_t m = 5 + message_n; /* an unknown field, so that JSON stays small or not */
    p[1] = (char)(m >> 24), p[2] = (char)(m >> 16), p[3] = (char)(m >> 8), p[4] = (char)m;
    p[5] = 0x12; /* field 2: a string */
    for (int b = 0; b < 4; b++)
      p[6 + b] = (char)((message_n >> (7 * b) & 0x7f) | (b < 3 ? 0x80 : 0));
    memset(p + 10, 'n', message_n);
  }
  gate_scripts[i].data = *bytes;
  gate_scripts[i].data_n = count * n;
}

TEST(front, an_answer_is_flushed_to_a_client_that_sends_no_more) {
  char *bytes;
  script_large(2, &bytes, BIG, 1);
  gate *g = gate_new("");
  user u = user_new(g);
  user_send(&u, "GET /users/7 HTTP/1.1\r\nHost: a\r\n\r\n");
  PUMP(g->loop, (user_read(&u, 1), u.n > 0));
  pump_for(g->loop, 20);
  CHECK_INT(shutdown(u.fd, SHUT_WR), 0);
  pump_for(g->loop, 20);
  PUMP(g->loop, user_ended(&u));
  CHECK(!u.reset);
  CHECK(u.n > BIG);
  PUMP(g->loop, gw_counter_get(&g->engine.metrics->connections) == 0);
  user_done(&u);
  gate_free(g);
  free(bytes);
  gate_scripts[2].data_n = 0;
}

/* GET would be chunked: there is no length to tell (RFC 9110 section 8.6). */
TEST(front, head_of_a_stream_tells_no_length) {
  char *bytes;
  script_large(3, &bytes, 10, 3);
  gate *g = gate_new("");
  user u = user_new(g);
  user_send(&u, "HEAD /users HTTP/1.1\r\nHost: a\r\n\r\n" DELETE);
  PUMP(g->loop, user_count(&u, OK) == 2);
  CHECK_INT(user_count(&u, "Content-Length"), 1); /* the other answer's */
  user_done(&u);
  gate_free(g);
  free(bytes);
  gate_scripts[3].data_n = 0;
}

TEST(front, memory_of_a_large_answer_is_given_back) {
  char *bytes;
  script_large(2, &bytes, BIG, 1);
  gate *g = gate_new("");
  user u = user_new(g);
  user_send(&u, "GET /users/7 HTTP/1.1\r\nHost: a\r\n\r\n");
  PUMP(g->loop, (user_read(&u, SIZE_MAX), u.n > BIG));
  PUMP(g->loop, g->engine.in_flight == 0);
  CHECK(g->engine.scratch.cap <= GW_MIB(1));
  user_done(&u);
  gate_free(g);
  free(bytes);
  gate_scripts[2].data_n = 0;
}

/* ---- slow readers ---- */

TEST(front, a_slow_reader_of_a_stream_stops_the_service) {
  char *bytes;
  script_large(3, &bytes, 1000, LONG_STREAM / 1010);
  gate *g = gate_new("");
  user u = user_new(g);
  user_send(&u, "GET /users HTTP/1.1\r\nHost: a\r\n\r\n");
  PUMP(g->loop, (user_read(&u, 100), u.n >= 100));
  pump_for(g->loop, 300); /* what fits into the kernel's buffers has left */
  service_stream *s = g->service.streams[g->service.count - 1];
  CHECK(s->h2.out.n > LONG_STREAM / 4);
  size_t left = s->h2.out.n;
  pump_for(g->loop, 100);
  CHECK_INT(s->h2.out.n, left);
  PUMP(g->loop, user_has(&u, "\r\n0\r\n\r\n"));
  CHECK_INT(user_count(&u, "\n{"), LONG_STREAM / 1010);
  user_send(&u, DELETE);
  PUMP(g->loop, user_count(&u, OK) == 2);
  user_done(&u);
  gate_free(g);
  free(bytes);
  gate_scripts[3].data_n = 0;
}

TEST(front, a_reader_that_takes_nothing_is_cut) {
  char *bytes;
  script_large(3, &bytes, 1000, LONG_STREAM / 1010);
  gate *g = gate_new("stall_timeout: 200ms");
  user u = user_new(g);
  user_send(&u, "GET /users HTTP/1.1\r\nHost: a\r\n\r\n");
  PUMP(g->loop, (user_read(&u, 100), u.n >= 100));
  PUMP(g->loop, gw_counter_get(&g->engine.metrics->connections) == 0);
  CHECK_INT(g->engine.in_flight, 0);
  PUMP(g->loop, service_open_streams(&g->service) == 0);
  PUMP(g->loop, user_ended(&u));
  CHECK(!user_has(&u, "\r\n0\r\n\r\n"));
  user_done(&u);
  gate_free(g);
  free(bytes);
  gate_scripts[3].data_n = 0;
}

/* ---- draining ---- */

TEST(front, a_drain_closes_idle_connections_before_their_time) {
  gate *g = gate_new("");
  user fresh = user_new(g), used = user_new(g);
  user_send(&used, DELETE);
  PUMP(g->loop, user_has(&used, OK));
  uint64_t begin_ms = gw_loop_now_ms(g->loop);
  gw_front_drain(g->front);
  PUMP(g->loop, g->drained_count == 1);
  CHECK(gw_loop_now_ms(g->loop) - begin_ms < 10000); /* idle they may be for a minute */
  CHECK(user_ended(&fresh) && user_ended(&used));
  user_done(&fresh);
  user_done(&used);
  gate_free(g);
}

TEST(front, a_drain_answers_what_runs_and_says_close) {
  gate *g = gate_new("");
  user u = user_new(g), idle = user_new(g);
  user_send(&idle, DELETE);
  PUMP(g->loop, user_has(&idle, OK));
  user_send(&u, "POST /users HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}");
  PUMP(g->loop, g->engine.in_flight == 1 && service_open_streams(&g->service) == 1);
  gw_front_drain(g->front);
  user_send(&idle, DELETE); /* was on its way */
  PUMP(g->loop, user_count(&idle, OK) == 2);
  CHECK_INT(user_count(&idle, "Connection: close"), 1);
  gw_h2_detach(&g->service.streams[g->service.count - 2]->h2, GW_H2_INTERNAL_ERROR);
  gw_h2_detach(&g->service.streams[g->service.count - 1]->h2, GW_H2_INTERNAL_ERROR);
  PUMP(g->loop, user_has(&u, "HTTP/1.1 5"));
  CHECK(user_has(&u, "Connection: close"));
  close(u.fd);
  close(idle.fd);
  PUMP(g->loop, g->drained_count == 1);
  free(u.text);
  free(idle.text);
  gate_free(g);
}

/* Its head said that the connection stays: a request may already be on its way. */
TEST(front, a_drain_during_an_answer_that_promised_to_stay_takes_one_more_request) {
  char *bytes;
  script_large(3, &bytes, 1000, LONG_STREAM / 1010);
  gate *g = gate_new("");
  user u = user_new(g);
  user_send(&u, "GET /users HTTP/1.1\r\nHost: a\r\n\r\n");
  PUMP(g->loop, (user_read(&u, 100), u.n >= 100));
  gw_front_drain(g->front);
  PUMP(g->loop, user_ends_with(&u, "\r\n0\r\n\r\n"));
  user_send(&u, DELETE); /* at once: the drain does not wait for long */
  PUMP(g->loop, user_ends_with(&u, "{}"));
  CHECK_INT(user_count(&u, OK), 2);
  CHECK_INT(user_count(&u, "Connection: close"), 1); /* the second answer's */
  PUMP(g->loop, user_ended(&u));
  user_done(&u);
  gate_free(g);
  free(bytes);
  gate_scripts[3].data_n = 0;
}

TEST(front, a_cut_ends_a_stream_so_that_it_does_not_look_whole) {
  char *bytes;
  script_large(3, &bytes, 1000, LONG_STREAM / 1010);
  for (int version = 0; version < 2; version++) {
    gate *g = gate_new("");
    user u = user_new(g);
    user_send(&u, version == 1 ? "GET /users HTTP/1.1\r\nHost: a\r\n\r\n"
                               : "GET /users HTTP/1.0\r\n\r\n");
    PUMP(g->loop, (user_read(&u, 100), u.n >= 100));
    gw_front_drain(g->front);
    gw_front_cut(g->front);
    PUMP(g->loop, user_ended(&u));
    CHECK(!user_has(&u, "\r\n0\r\n\r\n"));
    if (version == 0) CHECK(u.reset); /* without chunks only a reset tells */
    user_done(&u);
    gate_free(g);
  }
  free(bytes);
  gate_scripts[3].data_n = 0;
}
