#include "net/tcp.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "unit/net/h2_pair.h"

#define ANSWER GW_MIB(16) /* more than the kernel takes */

typedef struct accepting {
  gw_loop *loop;
  gw_listener *listener;
  gw_sockaddr address;
  gw_tcp *tcp;
  uint32_t accepted, ended_count, drained_count, closed_count;
  gw_code why;
  size_t received;
} accepting;

static void on_read(void *user, char *bytes, size_t n) {
  (void)bytes;
  ((accepting *)user)->received += n;
}

static void on_ended(void *user, gw_code why) {
  accepting *a = user;
  a->ended_count++;
  a->why = why;
}

static void on_drained(void *user) {
  ((accepting *)user)->drained_count++;
}

static void on_closed(void *user) {
  accepting *a = user;
  a->closed_count++;
  a->tcp = NULL;
}

static const gw_tcp_events events = {
  .read = on_read, .ended = on_ended, .drained = on_drained, .closed = on_closed
};

static void on_accepted(void *user, gw_tcp *tcp) {
  accepting *a = user;
  a->accepted++;
  a->tcp = tcp;
  gw_tcp_own(tcp, &events, a);
}

static void accepting_init(accepting *a) {
  memset(a, 0, sizeof *a);
  a->loop = gw_loop_new();
  int fd = raw_listen(&a->address);
  CHECK_INT(gw_listener_open(a->loop, fd, on_accepted, a, &a->listener), GW_OK);
}

typedef struct deadline {
  gw_timer timer;
  const accepting *a;
  size_t received; /* when it passed */
  bool passed;
} deadline;

static void deadline_on_fired(gw_timer *timer) {
  deadline *d = GW_CONTAINER_OF(timer, deadline, timer);
  d->received = d->a->received;
  d->passed = true;
}

static void accepting_done(accepting *a) {
  if (a->tcp != NULL) gw_tcp_close(a->tcp);
  PUMP(a->loop, a->tcp == NULL);
  gw_listener_close(a->listener);
  gw_loop_free(a->loop);
}

static void send_answer(accepting *a) {
  char *bytes = calloc(1, ANSWER);
  gw_tcp_write(a->tcp, &(gw_str){ bytes, ANSWER }, 1);
  free(bytes);
  CHECK(gw_tcp_queued(a->tcp) > 0);
}

/* Reads until the other side's end, or until `max`. */
static size_t read_all(accepting *a, int fd, size_t max) {
  static char bytes[GW_KIB(64)];
  size_t total = 0;
  uint64_t until_ms = gw_loop_now_ms(a->loop) + PUMP_PATIENCE_MS;
  while (total < max) {
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n == 0) break;
    if (n > 0) total += (size_t)n;
    if (n < 0) pump_once(a->loop, until_ms, __FILE__, __LINE__);
  }
  return total;
}

/* Such a client still wants its answer (RFC 9112 section 9.6). */
TEST(tcp, what_is_queued_still_leaves_after_the_peers_end) {
  accepting a;
  accepting_init(&a);
  int fd = raw_connect(&a.address);
  PUMP(a.loop, a.accepted == 1);
  send_answer(&a);
  CHECK_INT(shutdown(fd, SHUT_WR), 0);
  PUMP(a.loop, a.ended_count == 1);
  CHECK_INT(a.why, GW_OK);
  gw_tcp_write(a.tcp, &GW_STR("tail"), 1);
  CHECK_INT(read_all(&a, fd, ANSWER + 4), ANSWER + 4);
  PUMP(a.loop, a.drained_count == 1);
  CHECK_INT(gw_tcp_queued(a.tcp), 0);
  gw_tcp_pause(a.tcp, true);
  gw_tcp_pause(a.tcp, false); /* the end is not told again */
  pump_for(a.loop, 5);
  CHECK_INT(a.ended_count, 1);
  close(fd);
  accepting_done(&a);
}

TEST(tcp, a_peer_that_ends_and_then_leaves_is_told_as_broken) {
  accepting a;
  accepting_init(&a);
  int fd = raw_connect(&a.address);
  PUMP(a.loop, a.accepted == 1);
  send_answer(&a);
  CHECK_INT(shutdown(fd, SHUT_WR), 0);
  PUMP(a.loop, a.ended_count == 1);
  close(fd); /* with unread bytes: a reset */
  PUMP(a.loop, a.ended_count == 2);
  CHECK_INT(a.why, GW_UNAVAILABLE);
  pump_for(a.loop, 5);
  CHECK_INT(a.ended_count, 2);
  accepting_done(&a);
}

TEST(tcp, finish_sends_the_end_behind_all_that_is_queued) {
  accepting a;
  accepting_init(&a);
  int fd = raw_connect(&a.address);
  PUMP(a.loop, a.accepted == 1);
  send_answer(&a);
  gw_tcp_write(a.tcp, &GW_STR("behind"), 1);
  gw_tcp_finish(a.tcp);
  CHECK_INT(read_all(&a, fd, SIZE_MAX), ANSWER + 6);
  CHECK_INT(a.ended_count, 0);
  close(fd);
  PUMP(a.loop, a.ended_count == 1);
  accepting_done(&a);
}

static gw_code accept_one(void *context) {
  accepting *a = context;
  uint32_t before = a->accepted;
  int fd = raw_connect(&a->address);
  pump_for(a->loop, 5);
  bool served = a->accepted == before + 1;
  if (a->tcp != NULL) gw_tcp_close(a->tcp);
  close(fd);
  pump_for(a->loop, served ? 5 : 150); /* without memory it tries again by itself */
  if (a->tcp != NULL) gw_tcp_close(a->tcp);
  pump_for(a->loop, 2);
  return served ? GW_OK : GW_NOMEM;
}

/* One failed allocation must not end accepting for ever. */
TEST(tcp, a_listener_survives_each_failed_alloc) {
  accepting a;
  accepting_init(&a);
  CHECK_INT(accept_one(&a), GW_OK); /* the loop has what it needs now */
  test_fail_each_alloc(accept_one, &a);
  uint32_t before = a.accepted;
  int fd = raw_connect(&a.address);
  PUMP(a.loop, a.accepted > before);
  close(fd);
  accepting_done(&a);
}

/* A machine that was paused, or too busy: what came in time is not late. */
TEST(tcp, what_came_while_the_thread_did_not_run_is_read_before_deadlines_pass) {
  accepting a;
  accepting_init(&a);
  int fd = raw_connect(&a.address);
  PUMP(a.loop, a.accepted == 1);
  deadline d = { .timer.fired = deadline_on_fired, .a = &a };
  CHECK(gw_timer_set(a.loop, &d.timer, gw_loop_now_ms(a.loop) + 1));
  CHECK_INT(write(fd, "here", 4), 4);
  usleep(100000);
  PUMP(a.loop, d.passed);
  CHECK_INT(d.received, 4);
  close(fd);
  accepting_done(&a);
}
