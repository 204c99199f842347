#include "unit/upstream/bench.h"

void bench_init(bench *b, size_t service_count, const script *scripts, size_t count) {
  memset(b, 0, sizeof *b);
  b->loop = gw_loop_new();
  b->service_count = service_count;
  for (size_t i = 0; i < service_count; i++) {
    service_open(&b->services[i], b->loop, scripts, count);
    b->endpoints[i] = (gw_endpoint_config){ .host = GW_STR("127.0.0.1"),
                                            .port = b->services[i].port,
                                            .authority = GW_STR("service") };
  }
  b->config = (gw_upstream_config){ .name = GW_STR("u"),
                                    .endpoints = b->endpoints,
                                    .endpoint_count = (uint32_t)service_count,
                                    .connections = 1,
                                    .connections_max = 1,
                                    .connect_timeout_ms = 500,
                                    .resolve_every_ms = 30000,
                                    .backoff_initial_ms = 40,
                                    .backoff_max_ms = 100,
                                    .backoff_factor = 1.6,
                                    .waiting_max = 4,
                                    .waiting_time_ms = 1000,
                                    .in_flight_max = 1000,
                                    .retry = { .attempts = 1 },
                                    .keepalive_ms = 300000,
                                    .keepalive_timeout_ms = 20000,
                                    .message_bytes_max = MESSAGE_MAX };
}

static void bench_on_closed(void *user) {
  ((bench *)user)->closed = true;
}

void bench_open(bench *b) {
  b->upstream = gw_upstream_open(b->loop, &b->config, &b->metrics, bench_on_closed, b);
  CHECK(b->upstream != NULL);
}

void bench_ready(bench *b, uint64_t connections) {
  bench_open(b);
  PUMP(b->loop, gw_counter_get(&b->metrics.connections) == connections);
}

void bench_done(bench *b) {
  CHECK_INT(gw_counter_get(&b->metrics.in_flight), 0);
  CHECK_INT(gw_counter_get(&b->metrics.waiting), 0);
  gw_upstream_close(b->upstream);
  CHECK(!b->closed); /* in a later iteration */
  PUMP(b->loop, b->closed);
  CHECK_INT(gw_counter_get(&b->metrics.connections), 0);
  for (size_t i = 0; i < b->service_count; i++)
    service_close(&b->services[i]);
  gw_loop_free(b->loop);
}

void tcall_on_tick(gw_call *call) {
  tcall *t = GW_CONTAINER_OF(call, tcall, call);
  gw_str message;
  CHECK_INT(t->done_count, 0); /* nothing comes behind the end */
  t->ticks++;
  while (!t->takes_nothing && gw_call_next(call, &message) == GW_OK) {
    t->messages++;
    snprintf(t->text, sizeof t->text, GW_STR_FMT, GW_STR_ARG(message));
  }
  if (gw_call_is_done(call)) t->done_count++;
}

static tcall *tcall_start_with(bench *b, const char *path, bool streaming, size_t frames_n,
                               bool queued) {
  static char frames[GW_MIB(2)] = HELLO;
  tcall *t = calloc(1, sizeof *t);
  gw_arena_init(&t->arena, NULL, GW_MIB(1));
  t->call.tick = tcall_on_tick;
  t->call.arena = &t->arena;
  gw_call_request request = { .path = gw_str_of(path),
                              .frames = { frames, frames_n },
                              .queue = queued ? &t->queue : NULL,
                              .message_bytes_max = MESSAGE_MAX,
                              .deadline_ms = gw_loop_now_ms(b->loop) + 60000,
                              .streaming = streaming };
  gw_call_start(&t->call, b->loop, b->upstream, &request);
  CHECK_INT(t->done_count + t->messages, 0);
  return t;
}

tcall *tcall_start_sized(bench *b, const char *path, bool streaming, size_t frames_n) {
  return tcall_start_with(b, path, streaming, frames_n, false);
}

tcall *tcall_start_queue(bench *b, const char *path, bool streaming) {
  return tcall_start_with(b, path, streaming, 0, true);
}

tcall *tcall_start(bench *b, const char *path, bool streaming) {
  return tcall_start_sized(b, path, streaming, 10);
}

void tcall_free(tcall *t) {
  gw_call_cancel(&t->call);
  gw_arena_done(&t->arena);
  free(t);
}
