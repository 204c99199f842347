/* Requests whose body is a stream of messages, over HTTP/1.1. */
#include <sys/socket.h>
#include <unistd.h>

#include "unit/front/gate.h"

#define UPDATES "POST /updates HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
#define LINES   "1000\r\n" /* and 4,096 bytes */

/* A chunk of 128 values of 32 bytes; each becomes a frame of 24 bytes. */
static const char *lines_chunk(void) {
  static char chunk[6 + 4096 + 3];
  size_t n = 0;
  if (chunk[0] != '\0') return chunk;
  n += (size_t)snprintf(chunk, sizeof chunk, LINES);
  for (int i = 0; i < 128; i++)
    n += (size_t)snprintf(chunk + n, sizeof chunk - n, "{\"userId\":\"%017d\"} \n", i);
  snprintf(chunk + n, sizeof chunk - n, "\r\n");
  return chunk;
}

enum { CHUNK_BYTES = 6 + 4096 + 2, CHUNK_FRAMES = 128 * 24 };

/* Sends chunks until nothing goes any more; the bytes that went. */
static size_t user_offer(user *u) {
  const char *chunk = lines_chunk();
  size_t sent = 0;
  for (int idle = 0; idle < 20;) {
    size_t at = sent % CHUNK_BYTES;
    ssize_t n = send(u->fd, chunk + at, CHUNK_BYTES - at, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) {
      sent += (size_t)n;
      idle = 0;
    } else {
      pump_for(u->gate->loop, 2);
      idle++;
    }
  }
  return sent;
}

static service_stream *gate_stream(gate *g) {
  return g->service.streams[g->service.count - 1];
}

static user user_small(gate *g) {
  int bytes = 65536;
  user u = user_new(g);
  CHECK_INT(setsockopt(u.fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes), 0);
  return u;
}

TEST(request_stream, a_service_that_takes_nothing_stops_the_client) {
  gate *g = gate_new("");
  g->service.takes_nothing = true;
  user u = user_small(g);
  user_send(&u, UPDATES);
  size_t sent = user_offer(&u);
  CHECK(sent < GW_MIB(8)); /* what the kernel holds of it, mostly */
  CHECK_INT(gate_stream(g)->received, 0);
  PUMP(g->loop, user_has(&u, "success")); /* the answer has begun meanwhile */
  g->service.takes_nothing = false;
  service_take(&g->service);
  const char *chunk = lines_chunk();
  for (; sent % CHUNK_BYTES != 0; sent++) /* the chunk that is open */
    CHECK(raw_send(g->loop, u.fd, chunk + sent % CHUNK_BYTES, 1));
  user_send(&u, "0\r\n\r\n" DELETE);
  PUMP(g->loop, gate_stream(g)->ended);
  CHECK_INT(gate_stream(g)->received, sent / CHUNK_BYTES * CHUNK_FRAMES);
  CHECK_INT(user_count(&u, OK), 1); /* the next request waits for this answer's end */
  service_release(gate_stream(g));
  PUMP(g->loop, user_count(&u, OK) == 2);
  CHECK_INT(user_count(&u, "Connection: close"), 0);
  user_done(&u);
  gate_free(g);
}

TEST(request_stream, a_client_that_leaves_while_it_waits_cancels) {
  struct linger now = { .l_onoff = 1 };
  gate *g = gate_new("");
  g->service.takes_nothing = true;
  user u = user_small(g);
  user_send(&u, UPDATES);
  CHECK(user_offer(&u) > GW_H2_STREAM_WINDOW);
  CHECK_INT(setsockopt(u.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
  user_done(&u);
  PUMP(g->loop, gw_counter_get(&g->engine.metrics->connections) == 0);
  CHECK_INT(g->engine.in_flight, 0);
  PUMP(g->loop, service_open_streams(&g->service) == 0);
  gate_free(g);
}

TEST(request_stream, a_client_that_leaves_anywhere_leaves_nothing_behind) {
  static const char *const sent[] = {
    UPDATES,
    UPDATES "5\r\n{\"us",
    UPDATES "3\r\n{}\n\r\n",
    UPDATES "3\r\n{}\n\r\n0\r\n\r\n",
    UPDATES "3\r\n{}\n\r\n0\r\n\r\n" DELETE,
    UPDATES "3\r\n{]\n\r\n",
    UPDATES "3\r\n{}\n\r\nX",
  };
  gate *g = gate_new("");
  for (int way = 0; way < 2; way++) { /* end, reset */
    for (size_t i = 0; i < GW_COUNT_OF(sent); i++) {
      struct linger now = { .l_onoff = way, .l_linger = 0 };
      user u = user_new(g);
      user_send(&u, sent[i]);
      pump_for(g->loop, 10);
      user_read(&u, SIZE_MAX);
      CHECK_INT(setsockopt(u.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
      user_done(&u);
      PUMP(g->loop, gw_counter_get(&g->engine.metrics->connections) == 0);
      CHECK_INT(g->engine.in_flight, 0);
      PUMP(g->loop, service_open_streams(&g->service) == 0);
    }
  }
  gate_free(g);
}

/* It sends and does not read: neither side would ever go on. */
TEST(request_stream, a_client_that_does_not_read_its_answer_is_cut) {
  static char frames[GW_MIB(20)];
  for (size_t i = 0; i < sizeof frames; i += 1024)
    memcpy(frames + i, "\0\0\0\x03\xfb\x12\xf8\x07", 8); /* a text of 1,016 bytes */
  script was = gate_scripts[GATE_UPDATES];
  gate_scripts[GATE_UPDATES].data = frames;
  gate_scripts[GATE_UPDATES].data_n = sizeof frames;
  gate *g = gate_new("stall_timeout: 200ms");
  user u = user_new(g);
  user_send(&u, UPDATES "3\r\n{}\n\r\n");
  PUMP(g->loop, (user_read(&u, 100), u.n >= 100));
  PUMP(g->loop, gw_counter_get(&g->engine.metrics->connections) == 0);
  CHECK_INT(gw_counter_get(&g->engine.metrics->limits_hit[GW_LIMIT_STALL_TIMEOUT]), 1);
  PUMP(g->loop, service_open_streams(&g->service) == 0);
  user_done(&u);
  gate_free(g);
  gate_scripts[GATE_UPDATES] = was;
}

/* The answer is over, the request is not. */
TEST(request_stream, what_follows_an_answer_is_read_within_bounds) {
  gate *g = gate_new("");
  user quick = user_new(g), long_one = user_new(g);
  user_send(&quick, UPDATES "3\r\n{}\n\r\n");
  PUMP(g->loop, user_has(&quick, "success"));
  service_release(gate_stream(g));
  PUMP(g->loop, user_has(&quick, "\r\n0\r\n\r\n"));
  user_send(&quick, "3\r\n{}\n\r\n0\r\n\r\n" DELETE);
  PUMP(g->loop, user_count(&quick, OK) == 2);
  user_send(&long_one, UPDATES "3\r\n{}\n\r\n");
  PUMP(g->loop, user_has(&long_one, "success"));
  service_release(gate_stream(g));
  PUMP(g->loop, user_has(&long_one, "\r\n0\r\n\r\n"));
  user_send(&long_one, "fffff\r\n"); /* a chunk of 1 MiB */
  user_offer(&long_one);
  PUMP(g->loop, user_ended(&long_one));
  CHECK_INT(user_count(&long_one, "HTTP/1.1 "), 1);
  user_done(&quick);
  user_done(&long_one);
  gate_free(g);
}

TEST(request_stream, a_stop_ends_it_with_an_error) {
  gate *g = gate_new("");
  user u = user_new(g);
  user_send(&u, UPDATES "3\r\n{}\n\r\n");
  PUMP(g->loop, user_has(&u, "success"));
  gw_front_drain(g->front);
  gw_front_stop(g->front);
  PUMP(g->loop, user_has(&u, "{\"error\":{\"code\":14"));
  close(u.fd);
  PUMP(g->loop, g->drained_count == 1);
  free(u.text);
  gate_free(g);
}
