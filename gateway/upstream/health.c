#include "upstream/health.h"

#include "codec/grpc_frame.h"
#include "codec/wire_find.h"

#define HEALTH_MESSAGE_MAX 1024u       /* a HealthCheckResponse is 2 bytes */
#define HEALTH_ARENA_MAX   GW_KIB(128) /* of one stream: its window and fields */
#define HEALTH_NAME_MAX    256u
#define HEALTH_STATUS      1u /* HealthCheckResponse.status */
#define HEALTH_SERVING     1u /* HealthCheckResponse.ServingStatus */

static void health_watch(gw_health *health);

static void health_set(gw_health *health, gw_health_state state) {
  if (health->state == state) return;
  health->state = state;
  health->changed(health);
}

/* The stream is over: its memory goes back, another one is opened after a pause. */
static void health_again(gw_health *health) {
  const gw_upstream_config *config = health->config;
  double wait = (double)health->wait_ms * config->backoff_factor;
  if (wait < (double)config->backoff_initial_ms) wait = (double)config->backoff_initial_ms;
  if (wait > (double)config->backoff_max_ms) wait = (double)config->backoff_max_ms;
  health->wait_ms = (uint64_t)wait;
  gw_arena_done(&health->arena);
  gw_timer_set(health->loop, &health->retry, gw_loop_now_ms(health->loop) + health->wait_ms);
  health_set(health, GW_HEALTH_NOT_SERVING);
}

static void health_on_retry(gw_timer *timer) {
  health_watch(GW_CONTAINER_OF(timer, gw_health, retry));
}

/* Takes the messages that are whole; false: what came is none. */
static bool health_take(gw_health *health) {
  gw_h2_stream *stream = &health->stream;
  gw_health_state state = health->state;
  gw_str message;
  gw_err err;
  gw_err_init(&err);
  gw_code code;
  while ((code = gw_grpc_frame_next(gw_h2_pending(stream), HEALTH_MESSAGE_MAX, &message, NULL,
                                    &err)) == GW_OK) {
    uint64_t status = 0;
    if (gw_wire_find_varint(message, HEALTH_STATUS, &status) != GW_OK) return false;
    state = status == HEALTH_SERVING ? GW_HEALTH_SERVING : GW_HEALTH_NOT_SERVING;
    health->wait_ms = 0;
    gw_h2_consume(stream, GW_GRPC_PREFIX_BYTES + message.n);
  }
  if (code != GW_AGAIN) return false;
  health_set(health, state);
  return true;
}

static bool health_is_unimplemented(const gw_h2_stream *stream) {
  gw_str status = gw_h2_field_get(&stream->trailers, GW_STR("grpc-status"));
  if (status.p == NULL) status = gw_h2_field_get(&stream->head, GW_STR("grpc-status"));
  return stream->status == 200 && gw_str_eq(status, GW_STR("12"));
}

static void health_on_stream(gw_h2_stream *stream, uint32_t noted) {
  gw_health *health = GW_CONTAINER_OF(stream, gw_health, stream);
  bool is_over = (noted & (GW_H2_ENDED | GW_H2_CLOSED)) != 0;
  bool is_good = (noted & GW_H2_DATA) == 0 || health_take(health);
  if (health->h2 == NULL || (is_good && !is_over)) return; /* stopped meanwhile, or it goes on */
  bool unimplemented = health_is_unimplemented(stream);
  gw_h2_detach(stream, GW_H2_CANCEL);
  if (unimplemented) {
    gw_arena_done(&health->arena);
    health_set(health, GW_HEALTH_SERVING);
  } else {
    health_again(health);
  }
}

static void health_watch(gw_health *health) {
  /* HealthCheckRequest { string service = 1; } in its frame */
  char request[GW_GRPC_PREFIX_BYTES + 3 + HEALTH_NAME_MAX];
  bool is_secure = gw_scheme_is_secure(health->endpoint->scheme);
  const gw_header fields[] = {
    { GW_STR(":method"), GW_STR("POST") },
    { GW_STR(":scheme"), is_secure ? GW_STR("https") : GW_STR("http") },
    { GW_STR(":path"), GW_STR("/grpc.health.v1.Health/Watch") },
    { GW_STR(":authority"), health->endpoint->authority },
    { GW_STR("te"), GW_STR("trailers") },
    { GW_STR("content-type"), GW_STR("application/grpc") },
    { GW_STR("user-agent"), GW_STR("sluice/" GW_VERSION) },
  };
  gw_str name = health->config->health_service;
  size_t n = GW_GRPC_PREFIX_BYTES;
  assert(name.n <= HEALTH_NAME_MAX);
  if (name.n > 0) {
    request[n++] = 1 << 3 | 2;
    if (name.n >= 0x80) request[n++] = (char)(name.n | 0x80);
    request[n++] = (char)(name.n >= 0x80 ? name.n >> 7 : name.n);
    memcpy(request + n, name.p, name.n);
    n += name.n;
  }
  gw_grpc_prefix_write((uint8_t *)request, (uint32_t)(n - GW_GRPC_PREFIX_BYTES));
  gw_arena_init(&health->arena, gw_loop_arena_pool(health->loop), HEALTH_ARENA_MAX);
  health->stream = (gw_h2_stream){ .tick = health_on_stream, .arena = &health->arena };
  gw_str copy = gw_arena_copy(&health->arena, (gw_str){ request, n });
  gw_code code = copy.p == NULL
                     ? GW_NOMEM
                     : gw_h2_request(health->h2, &health->stream, fields, GW_COUNT_OF(fields));
  if (code == GW_OK) {
    gw_h2_send(&health->stream, copy, true);
  } else {
    health_again(health);
  }
}

void gw_health_start(gw_health *health, gw_loop *loop, gw_h2 *h2, const gw_upstream_config *config,
                     const gw_endpoint_config *endpoint) {
  assert(health->h2 == NULL);
  health->loop = loop;
  health->h2 = h2;
  health->config = config;
  health->endpoint = endpoint;
  health->retry.fired = health_on_retry;
  /* In the next iteration, so that `changed` never runs before the return. */
  gw_timer_set(loop, &health->retry, gw_loop_now_ms(loop));
}

void gw_health_stop(gw_health *health) {
  if (health->h2 == NULL) return;
  gw_timer_cancel(health->loop, &health->retry);
  gw_h2_detach(&health->stream, GW_H2_CANCEL);
  gw_arena_done(&health->arena);
  health->h2 = NULL;
}
