#include "unit/net/h2_pair.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static char bytes_to_send[GW_KIB(256)];

/* ---- plain sockets ---- */

int raw_listen(gw_sockaddr *address) {
  gw_err err;
  gw_err_init(&err);
  CHECK_INT(gw_sockaddr_parse(GW_STR("127.0.0.1"), 0, address), GW_OK);
  int fd = gw_socket_bind(address, false, &err);
  CHECK(fd >= 0);
  CHECK_INT(listen(fd, 64), 0);
  CHECK_INT(gw_sockaddr_parse(GW_STR("127.0.0.1"), gw_socket_port(fd), address), GW_OK);
  return fd;
}

/* Else a payload waits for the acknowledgement of its frame's head. */
static void raw_nodelay(int fd) {
  int on = 1;
  CHECK_INT(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
}

int raw_accept(gw_loop *loop, int listening) {
  int fd = -1;
  PUMP(loop, (fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0);
  raw_nodelay(fd);
  return fd;
}

int raw_connect(const gw_sockaddr *address) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK_INT(connect(fd, (const void *)address->bytes, sizeof(struct sockaddr_in)), 0);
  raw_nodelay(fd);
  return fd;
}

size_t raw_drain(int fd) {
  static char bytes[GW_KIB(64)];
  size_t total = 0;
  for (ssize_t n; (n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0;)
    total += (size_t)n;
  return total;
}

bool raw_send(gw_loop *loop, int fd, const void *bytes, size_t n) {
  const char *p = bytes;
  uint64_t until_ms = gw_loop_now_ms(loop) + PUMP_PATIENCE_MS;
  while (n > 0) {
    ssize_t sent = send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return false;
    if (sent < 0) {
      raw_drain(fd);
      pump_once(loop, until_ms, __FILE__, __LINE__);
      continue;
    }
    p += sent;
    n -= (size_t)sent;
  }
  return true;
}

bool raw_frame(gw_loop *loop, int fd, uint8_t type, uint8_t flags, uint32_t id, const void *payload,
               size_t n) {
  char head[9] = {
    (char)(n >> 16),  (char)(n >> 8),   (char)n,         (char)type, (char)flags,
    (char)(id >> 24), (char)(id >> 16), (char)(id >> 8), (char)id,
  };
  return raw_send(loop, fd, head, sizeof head) && raw_send(loop, fd, payload, n);
}

/* ---- one side ---- */

static void stream_send_more(side_stream *s) {
  size_t n = gw_size_min(s->left, sizeof bytes_to_send);
  s->left -= n;
  gw_h2_send(&s->h2, (gw_str){ bytes_to_send, n }, s->left == 0);
}

static void stream_answer(side_stream *s) {
  side *owner = s->owner;
  gw_header fields[128] = { { GW_STR(":status"), GW_STR("200") } };
  for (size_t i = 0; i < owner->extra_n; i++)
    fields[i + 1] = owner->extra[i];
  s->answered = true;
  s->left = owner->answer_n;
  CHECK_INT(gw_h2_respond(&s->h2, fields, owner->extra_n + 1, false), GW_OK);
  stream_send_more(s);
}

static void stream_on_tick(gw_h2_stream *h2, uint32_t noted) {
  side_stream *s = GW_CONTAINER_OF(h2, side_stream, h2);
  side *owner = s->owner;
  CHECK_INT(s->closed_count, 0); /* nothing comes behind CLOSED */
  s->noted |= noted;
  size_t pending = gw_h2_pending(h2).n;
  s->pending_max = gw_size_max(s->pending_max, pending);
  if (!owner->is_keeping) {
    gw_h2_consume(h2, pending);
    s->received += pending;
  }
  if (noted & GW_H2_CLOSED) {
    s->closed_count++;
    CHECK(h2->h2 == NULL);
    return;
  }
  if ((noted & GW_H2_SENT) && s->left > 0) stream_send_more(s);
  if (owner->role != GW_H2_SERVER || s->answered) return;
  if (owner->habit == SIDE_RESET) {
    gw_h2_detach(h2, owner->reset_error);
  } else if (owner->habit == SIDE_ANSWER && (s->noted & GW_H2_ENDED)) {
    stream_answer(s);
  }
}

static side_stream *stream_new(side *owner) {
  if (owner->count == SIDE_STREAMS_MAX) return NULL;
  side_stream *s = &owner->streams[owner->count++];
  memset(s, 0, sizeof *s);
  gw_arena_init(&s->arena, NULL, GW_MIB(8));
  s->owner = owner;
  s->h2.tick = stream_on_tick;
  s->h2.arena = &s->arena;
  return s;
}

static gw_h2_stream *side_on_stream(void *user) {
  side_stream *s = stream_new(user);
  return s != NULL ? &s->h2 : NULL;
}

static void side_on_closed(void *user, gw_code why) {
  side *s = user;
  s->closed_count++;
  s->why = why;
  s->h2 = NULL;
}

static const gw_h2_events side_events = { .on_stream = side_on_stream, .closed = side_on_closed };

void side_init(side *s, gw_loop *loop, gw_h2_role role) {
  memset(s, 0, sizeof *s);
  s->loop = loop;
  s->role = role;
}

static void side_on_connected(void *user, gw_code code) {
  side *s = user;
  CHECK_INT(code, GW_OK);
  CHECK_INT(gw_h2_open(s->loop, s->tcp, GW_H2_CLIENT, &side_events, s, &s->h2), GW_OK);
  s->is_connected = true;
}

static const gw_tcp_events connect_events = { .connected = side_on_connected };

void side_connect(side *s, const gw_sockaddr *address) {
  CHECK_INT(gw_tcp_connect(s->loop, address, &connect_events, s, &s->tcp), GW_OK);
  PUMP(s->loop, s->is_connected);
}

/* Streams that were detached or closed; the test knows that none is open. */
void side_done(side *s) {
  for (uint32_t i = 0; i < s->count; i++)
    gw_arena_done(&s->streams[i].arena);
}

side_stream *side_request(side *s, size_t body_n) {
  static const gw_header fields[] = {
    { GW_STR_INIT(":method"), GW_STR_INIT("POST") },
    { GW_STR_INIT(":scheme"), GW_STR_INIT("http") },
    { GW_STR_INIT(":path"), GW_STR_INIT("/a.B/C") },
    { GW_STR_INIT(":authority"), GW_STR_INIT("test") },
  };
  side_stream *stream = stream_new(s);
  CHECK(stream != NULL);
  if (gw_h2_request(s->h2, &stream->h2, fields, GW_COUNT_OF(fields)) != GW_OK) {
    s->count--;
    return NULL;
  }
  stream->left = body_n;
  stream_send_more(stream);
  return stream;
}

uint32_t side_count(const side *s, gw_h2_closed_by by) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < s->count; i++)
    count += s->streams[i].closed_count > 0 && s->streams[i].h2.closed_by == by;
  return count;
}

uint32_t side_closed(const side *s) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < s->count; i++)
    count += s->streams[i].closed_count;
  return count;
}

/* ---- both ---- */

static void pair_on_accepted(void *user, gw_tcp *tcp) {
  pair *p = user;
  CHECK(p->server.h2 == NULL);
  CHECK_INT(gw_h2_open(p->loop, tcp, GW_H2_SERVER, &side_events, &p->server, &p->server.h2), GW_OK);
}

pair *pair_new(void) {
  gw_err err;
  pair *p = calloc(1, sizeof *p);
  gw_err_init(&err);
  p->loop = gw_loop_new();
  side_init(&p->client, p->loop, GW_H2_CLIENT);
  side_init(&p->server, p->loop, GW_H2_SERVER);
  int fd = raw_listen(&p->address);
  CHECK_INT(gw_listener_open(p->loop, fd, pair_on_accepted, p, &p->listener), GW_OK);
  side_connect(&p->client, &p->address);
  PUMP(p->loop,
       p->server.h2 != NULL && gw_h2_is_ready(p->server.h2) && gw_h2_is_ready(p->client.h2));
  return p;
}

void pair_free(pair *p) {
  if (p->client.h2 != NULL) gw_h2_abort(p->client.h2, GW_CANCELLED);
  if (p->server.h2 != NULL) gw_h2_abort(p->server.h2, GW_CANCELLED);
  PUMP(p->loop, p->client.h2 == NULL && p->server.h2 == NULL);
  CHECK_INT(p->client.closed_count, 1);
  CHECK_INT(p->server.closed_count, 1);
  gw_listener_close(p->listener);
  side_done(&p->client);
  side_done(&p->server);
  gw_loop_free(p->loop);
  free(p);
}
