#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/upstream/bench.h"

/* A peer of plain bytes: it greets, looks for PINGs and answers the first one as a server does that
 * finds them too many (gRFC A8). */
typedef struct raw_peer {
  int listening, fd;
  char in[4096];
  size_t in_n;
  uint32_t conns, pings;
  bool skipped_preface;
} raw_peer;

#define PREFACE_BYTES 24u
#define FRAME_HEAD    9u

static const char settings[] = "\0\0\0\4\0\0\0\0\0";
static const char calm[] = "\0\0\x16\7\0\0\0\0\0\x7f\xff\xff\xff\0\0\0\x0btoo_many_pings";

static void peer_open(raw_peer *peer, uint16_t *port) {
  gw_sockaddr address;
  gw_err err;
  gw_err_init(&err);
  *peer = (raw_peer){ .fd = -1 };
  CHECK_INT(gw_sockaddr_parse(GW_STR("127.0.0.1"), 0, &address), GW_OK);
  peer->listening = gw_socket_bind(&address, false, &err);
  CHECK_INT(listen(peer->listening, 16), 0);
  *port = gw_socket_port(peer->listening);
}

static void peer_hang_up(raw_peer *peer) {
  if (peer->fd >= 0) close(peer->fd);
  peer->fd = -1;
}

/* Takes the frames that are whole; true: a PING that is no answer was among them. */
static bool peer_saw_ping(raw_peer *peer) {
  ssize_t n = recv(peer->fd, peer->in + peer->in_n, sizeof peer->in - peer->in_n, MSG_DONTWAIT);
  bool saw = false;
  if (n > 0) peer->in_n += (size_t)n;
  size_t at = peer->skipped_preface ? 0 : PREFACE_BYTES;
  if (peer->in_n < at) return false;
  peer->skipped_preface = true;
  while (peer->in_n - at >= FRAME_HEAD) {
    const unsigned char *head = (const unsigned char *)peer->in + at;
    size_t length = (size_t)head[1] << 8 | head[2];
    if (peer->in_n - at < FRAME_HEAD + length) break;
    saw |= head[3] == 6 && (head[4] & 1) == 0;
    at += FRAME_HEAD + length;
  }
  peer->in_n -= at;
  memmove(peer->in, peer->in + at, peer->in_n);
  return saw;
}

/* One look: accepts, greets, reads.  True: a PING came. */
static bool peer_step(raw_peer *peer) {
  if (peer->fd < 0) {
    peer->fd = accept(peer->listening, NULL, NULL);
    if (peer->fd < 0) return false;
    peer->conns++;
    peer->in_n = 0;
    peer->skipped_preface = false;
    CHECK_INT(send(peer->fd, settings, sizeof settings - 1, MSG_NOSIGNAL), sizeof settings - 1);
  }
  bool saw = peer_saw_ping(peer);
  peer->pings += saw;
  return saw;
}

TEST(keepalive, too_many_pings_doubles_the_interval) {
  bench b;
  raw_peer peer;
  bench_init(&b, 1, NULL, 0);
  peer_open(&peer, &b.endpoints[0].port);
  b.config.keepalive_ms = 100;
  b.config.keepalive_timeout_ms = 5000;
  b.config.backoff_initial_ms = 5;
  bench_open(&b);
  PUMP(b.loop, peer_step(&peer) || gw_counter_get(&b.metrics.connections) == 1);
  uint64_t begin = gw_loop_now_ms(b.loop);
  tcall *t = tcall_start(&b, "/m", STREAM);
  PUMP(b.loop, peer_step(&peer));
  CHECK(gw_loop_now_ms(b.loop) - begin < 1000);
  CHECK_INT(send(peer.fd, calm, sizeof calm - 1, MSG_NOSIGNAL), sizeof calm - 1);
  PUMP(b.loop, gw_counter_get(&b.metrics.connections) == 0);
  peer_hang_up(&peer);
  PUMP(b.loop, t->done_count == 1);
  tcall_free(t);
  PUMP(b.loop, !peer_step(&peer) && gw_counter_get(&b.metrics.connections) == 1);
  begin = gw_loop_now_ms(b.loop);
  t = tcall_start(&b, "/m", STREAM);
  PUMP(b.loop, peer_step(&peer));
  CHECK(gw_loop_now_ms(b.loop) - begin >= 150); /* 200 less what passed since the greeting */
  tcall_free(t);
  peer_hang_up(&peer);
  close(peer.listening);
  bench_done(&b);
}
