#include "unit/front/peer_service.h"

#include "codec/grpc_frame.h"
#include "codec/json_to_wire.h"

/* ---- messages from text ---- */

static void message_of_hex(gw_str text, gw_buf *out) {
  for (size_t i = 0; i + 1 < text.n; i += 2) {
    int byte = gw_char_hex(text.p[i]) << 4 | gw_char_hex(text.p[i + 1]);
    char c = (char)byte;
    CHECK_INT(gw_buf_append(out, (gw_str){ &c, 1 }), GW_OK);
  }
}

static void message_of_json(peer_call *call, gw_str text, gw_buf *out) {
  const gw_pool *pool = call->owner->pool;
  const gw_rpc *rpc = gw_pool_find_rpc(pool, call->h2.path);
  gw_codec codec = { .pool = pool, .memo = gw_codec_memo_new(pool), .arena = &call->arena };
  gw_err err;
  gw_err_init(&err);
  CHECK(rpc != NULL);
  char *padded = gw_arena_zalloc(&call->arena, text.n + GW_JSON_PAD);
  memcpy(padded, text.p, text.n);
  gw_code code = gw_json_to_wire(&codec, rpc->output, (gw_str){ padded, text.n }, out, &err);
  if (code != GW_OK) fail_msg(GW_STR_FMT ": %s", GW_STR_ARG(text), err.text);
  gw_codec_memo_free(codec.memo);
}

static void call_add_message(peer_call *call, gw_str line) {
  static const char empty[GW_GRPC_PREFIX_BYTES];
  size_t at = call->out.n;
  CHECK_INT(gw_buf_append(&call->out, (gw_str){ empty, sizeof empty }), GW_OK);
  if (gw_str_starts(line, GW_STR("hex "))) {
    message_of_hex(gw_str_skip(line, 4), &call->out);
  } else {
    message_of_json(call, line, &call->out);
  }
  gw_grpc_prefix_write((uint8_t *)call->out.p + at,
                       (uint32_t)(call->out.n - at - GW_GRPC_PREFIX_BYTES));
}

/* ---- answering ---- */

static void call_end(peer_call *call) {
  const peer_answer *answer = call->owner->answer;
  uint32_t n = 0;
  if (answer->resets) {
    gw_h2_detach(&call->h2, GW_H2_INTERNAL_ERROR);
    return;
  }
  if (answer->status.n > 0) {
    gw_h2_send(&call->h2, GW_STR(""), true);
    return;
  }
  gw_str status = answer->grpc_status.n > 0 ? answer->grpc_status : GW_STR("0");
  call->trailers[n++] = (gw_header){ GW_STR("grpc-status"), status };
  if (answer->grpc_message.n > 0)
    call->trailers[n++] = (gw_header){ GW_STR("grpc-message"), answer->grpc_message };
  for (uint32_t i = 0; i < answer->trailer_count; i++)
    call->trailers[n++] = answer->trailers[i];
  gw_h2_send_trailers(&call->h2, call->trailers, n);
}

static void call_answer(peer_call *call) {
  const peer_answer *answer = call->owner->answer;
  gw_header head[PEER_FIELDS_MAX + 2];
  bool foreign = answer->status.n > 0;
  uint32_t n = 0;
  CHECK(answer != NULL);
  head[n++] = (gw_header){ GW_STR(":status"), foreign ? answer->status : GW_STR("200") };
  if (!foreign) head[n++] = (gw_header){ GW_STR("content-type"), GW_STR("application/grpc") };
  for (uint32_t i = 0; i < answer->head_count; i++)
    head[n++] = answer->head[i];
  CHECK_INT(gw_h2_respond(&call->h2, head, n, false), GW_OK);
  gw_str rest = answer->messages;
  while (rest.n > 0)
    call_add_message(call, gw_str_cut(&rest, '\n'));
  if (foreign) CHECK_INT(gw_buf_append(&call->out, answer->body), GW_OK);
  if (call->out.n > 0) {
    gw_h2_send(&call->h2, gw_buf_str(&call->out), false);
  } else {
    call_end(call);
  }
}

static void call_on_tick(gw_h2_stream *h2, uint32_t noted) {
  peer_call *call = GW_CONTAINER_OF(h2, peer_call, h2);
  gw_str pending = gw_h2_pending(h2);
  CHECK_INT(gw_buf_append(&call->body, pending), GW_OK);
  gw_h2_consume(h2, pending.n);
  if (noted & GW_H2_CLOSED) return;
  if ((noted & GW_H2_ENDED) && !call->answered) {
    call->answered = true;
    call_answer(call);
  } else if (noted & GW_H2_SENT) {
    call_end(call);
  }
}

static gw_h2_stream *service_on_stream(void *user) {
  peer_service *s = user;
  CHECK(s->count < PEER_CALLS_MAX);
  peer_call *call = calloc(1, sizeof *call);
  s->calls[s->count++] = call;
  gw_arena_init(&call->arena, NULL, GW_MIB(16));
  gw_buf_init(&call->body, &call->arena, PEER_BYTES_MAX);
  gw_buf_init(&call->out, &call->arena, PEER_BYTES_MAX);
  call->owner = s;
  call->h2.tick = call_on_tick;
  call->h2.arena = &call->arena;
  return &call->h2;
}

static void service_on_changed(void *user) {
  (void)user;
}

static void service_on_closed(void *user, gw_code why) {
  (void)why;
  ((peer_service *)user)->h2 = NULL;
}

static void service_on_accepted(void *user, gw_tcp *tcp) {
  static const gw_h2_events events = { .changed = service_on_changed,
                                       .on_stream = service_on_stream,
                                       .closed = service_on_closed };
  peer_service *s = user;
  CHECK(s->h2 == NULL);
  CHECK_INT(gw_h2_open(s->loop, tcp, GW_H2_SERVER, &events, s, &s->h2), GW_OK);
}

void peer_service_open(peer_service *s, gw_loop *loop) {
  gw_sockaddr address;
  gw_err err;
  gw_err_init(&err);
  memset(s, 0, sizeof *s);
  s->loop = loop;
  CHECK_INT(gw_sockaddr_parse(GW_STR("127.0.0.1"), 0, &address), GW_OK);
  int fd = gw_socket_bind(&address, false, &err);
  CHECK(fd >= 0);
  s->port = gw_socket_port(fd);
  CHECK_INT(gw_listener_open(loop, fd, service_on_accepted, s, &s->listener), GW_OK);
}

void peer_service_close(peer_service *s) {
  gw_listener_close(s->listener);
  if (s->h2 != NULL) gw_h2_abort(s->h2, GW_CANCELLED);
  PUMP(s->loop, s->h2 == NULL);
  for (uint32_t i = 0; i < s->count; i++) {
    gw_arena_done(&s->calls[i]->arena);
    free(s->calls[i]);
  }
}
