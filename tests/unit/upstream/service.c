#include "unit/upstream/service.h"

#include <unistd.h>

static void stream_end(service_stream *s) {
  const script *played = s->played;
  uint32_t n = 0;
  while (n < SCRIPT_FIELDS_MAX && played->trailers[n].name.n > 0)
    n++;
  switch (played->end) {
  case SCRIPT_HOLD: return;
  case SCRIPT_RESET:
    s->closed = true;
    gw_h2_detach(&s->h2, played->reset);
    return;
  case SCRIPT_BREAK: gw_h2_abort(s->conn->h2, GW_INTERNAL); return;
  case SCRIPT_END: break;
  }
  if (n > 0) {
    gw_h2_send_trailers(&s->h2, played->trailers, n);
  } else {
    gw_h2_send(&s->h2, GW_STR(""), true);
  }
}

static void stream_play(service_stream *s) {
  const script *played = s->played;
  gw_header fields[SCRIPT_FIELDS_MAX + 1] = { { GW_STR(":status"), { NULL, 0 } } };
  uint32_t n = 0;
  if (played->status == NULL) {
    stream_end(s);
    return;
  }
  fields[0].value = gw_str_of(played->status);
  while (n < SCRIPT_FIELDS_MAX && played->head[n].name.n > 0) {
    fields[n + 1] = played->head[n];
    n++;
  }
  bool only_head =
      played->end == SCRIPT_END && played->data_n == 0 && played->trailers[0].name.n == 0;
  CHECK_INT(gw_h2_respond(&s->h2, fields, n + 1, only_head), GW_OK);
  if (only_head) return;
  if (played->data_n > 0) {
    gw_h2_send(&s->h2, (gw_str){ played->data, played->data_n }, false);
  } else {
    stream_end(s);
  }
}

static const script *script_find(const service *s, gw_str path) {
  for (size_t i = 0; i < s->script_count; i++) {
    if (gw_str_ends(path, gw_str_of(s->scripts[i].method))) return &s->scripts[i];
  }
  fail_msg("no script for " GW_STR_FMT, GW_STR_ARG(path));
  return NULL;
}

static void stream_on_tick(gw_h2_stream *h2, uint32_t noted) {
  service_stream *s = GW_CONTAINER_OF(h2, service_stream, h2);
  gw_str pending = gw_h2_pending(h2);
  if (!s->owner->takes_nothing) {
    if (s->owner->keeps_bodies) CHECK_INT(gw_buf_append(&s->body, pending), GW_OK);
    s->received += pending.n;
    gw_h2_consume(h2, pending.n);
  }
  if (noted & GW_H2_CLOSED) {
    s->closed = true;
    return;
  }
  if (noted & GW_H2_ENDED) s->ended = true;
  if (s->played == NULL && (s->ended || (noted & GW_H2_HEAD))) {
    const script *found = script_find(s->owner, h2->path);
    if (!s->ended && !found->early) return;
    s->played = found;
    stream_play(s);
  } else if (noted & GW_H2_SENT) {
    stream_end(s);
  }
}

static gw_h2_stream *conn_on_stream(void *user) {
  service_conn *conn = user;
  service *s = conn->owner;
  if (s->breaks_at_stream) {
    gw_h2_abort(conn->h2, GW_INTERNAL);
    return NULL;
  }
  CHECK(s->count < SERVICE_STREAMS_MAX);
  service_stream *stream = calloc(1, sizeof *stream);
  s->streams[s->count++] = stream;
  gw_arena_init(&stream->arena, NULL, GW_MIB(8));
  stream->owner = s;
  stream->conn = conn;
  stream->h2.tick = stream_on_tick;
  stream->h2.arena = &stream->arena;
  gw_buf_init(&stream->body, &stream->arena, GW_MIB(4));
  return &stream->h2;
}

static void conn_on_changed(void *user) {
  service_conn *conn = user;
  if (!gw_h2_is_ready(conn->h2)) return;
  if (conn->owner->breaks_greeted) gw_h2_abort(conn->h2, GW_INTERNAL);
  if (conn->owner->drains_greeted) gw_h2_drain(conn->h2);
}

static void conn_on_closed(void *user, gw_code why) {
  (void)why;
  ((service_conn *)user)->h2 = NULL;
}

static const gw_h2_events conn_events = { .changed = conn_on_changed,
                                          .on_stream = conn_on_stream,
                                          .closed = conn_on_closed };

static void service_on_accepted(void *user, gw_tcp *tcp) {
  service *s = user;
  if (s->closes_at_once || s->conn_count == SERVICE_CONNS_MAX) {
    s->conn_count += s->closes_at_once;
    gw_tcp_close(tcp);
    return;
  }
  service_conn *conn = &s->conns[s->conn_count++];
  conn->owner = s;
  conn->tcp = tcp;
  CHECK_INT(gw_h2_open(s->loop, tcp, GW_H2_SERVER, &conn_events, conn, &conn->h2), GW_OK);
}

void service_open(service *s, gw_loop *loop, const script *scripts, size_t count) {
  gw_sockaddr address;
  gw_err err;
  gw_err_init(&err);
  memset(s, 0, sizeof *s);
  s->loop = loop;
  s->scripts = scripts;
  s->script_count = count;
  CHECK_INT(gw_sockaddr_parse(GW_STR("127.0.0.1"), 0, &address), GW_OK);
  int fd = gw_socket_bind(&address, false, &err);
  CHECK(fd >= 0);
  s->port = gw_socket_port(fd);
  CHECK_INT(gw_listener_open(loop, fd, service_on_accepted, s, &s->listener), GW_OK);
}

uint32_t service_open_conns(const service *s) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < gw_size_min(s->conn_count, SERVICE_CONNS_MAX); i++)
    count += s->conns[i].h2 != NULL;
  return count;
}

uint32_t service_open_streams(const service *s) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < s->count; i++)
    count += !s->streams[i]->closed;
  return count;
}

void service_release(service_stream *stream) {
  static const gw_header ok = { GW_STR_INIT("grpc-status"), GW_STR_INIT("0") };
  gw_h2_send_trailers(&stream->h2, &ok, 1);
}

void service_take(service *s) {
  s->takes_nothing = false;
  for (uint32_t i = 0; i < s->count; i++) {
    if (!s->streams[i]->closed) stream_on_tick(&s->streams[i]->h2, 0);
  }
}

void service_goaway(service *s) {
  for (uint32_t i = 0; i < s->conn_count; i++) {
    if (s->conns[i].h2 != NULL) gw_h2_drain(s->conns[i].h2);
  }
}

void service_close(service *s) {
  gw_listener_close(s->listener);
  for (uint32_t i = 0; i < gw_size_min(s->conn_count, SERVICE_CONNS_MAX); i++) {
    if (s->conns[i].h2 != NULL) gw_h2_abort(s->conns[i].h2, GW_CANCELLED);
  }
  PUMP(s->loop, service_open_conns(s) == 0);
  for (uint32_t i = 0; i < s->count; i++) {
    gw_arena_done(&s->streams[i]->arena);
    free(s->streams[i]);
  }
}
