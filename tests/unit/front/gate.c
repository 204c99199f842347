#include "unit/front/gate.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define BYTES(literal) .data = literal, .data_n = sizeof(literal) - 1
#define GRPC                                                                                       \
  { GW_STR_INIT("content-type"), GW_STR_INIT("application/grpc") }
#define STATUS(text)                                                                               \
  { GW_STR_INIT("grpc-status"), GW_STR_INIT(text) }

script gate_scripts[] = {
  { "/DeleteUser", "200", { GRPC }, BYTES("\0\0\0\0\0"), { STATUS("0") }, .end = SCRIPT_END },
  { "/CreateUser", .end = SCRIPT_HOLD },
  { "/GetUser", "200", { GRPC }, .trailers = { STATUS("0") }, .end = SCRIPT_END },
  { "/ListUsers", "200", { GRPC }, .trailers = { STATUS("0") }, .end = SCRIPT_END },
  { "/StreamUpdates",
    "200",
    { GRPC },
    BYTES("\0\0\0\0\2\x08\1"),
    .end = SCRIPT_HOLD,
    .early = true },
};

static void gate_on_drained(void *context) {
  gate *g = context;
  g->drained_count++;
  gw_engine_stop(&g->engine);
}

static void gate_on_idle(gw_engine *engine) {
  GW_CONTAINER_OF(engine, gate, engine)->idle = true;
}

static gw_snapshot *gate_snapshot(const gate *g, const char *limits) {
  static const char yaml[] =
      "listen: [{address: '127.0.0.1:0'}]\ndescriptors: [descriptors/userservice.pb]\n"
      "upstreams: {users: {endpoints: ['grpc://127.0.0.1:%u']}}\n"
      "workers: 1\nlog: {access: false}\nlimits: {%s}\nroutes:\n"
      "  - {match: 'GET /users/{user_id}', rpc: userservice.UserService/GetUser, upstream: users}\n"
      "  - {match: GET /users, rpc: userservice.UserService/ListUsers, upstream: users,"
      " stream: ndjson}\n"
      "  - {match: POST /users, rpc: userservice.UserService/CreateUser, upstream: users,"
      " body: '*', timeout: 60s}\n"
      "  - {match: 'DELETE /users/{user_id}', rpc: userservice.UserService/DeleteUser,"
      " upstream: users}\n"
      "  - {match: POST /updates, rpc: userservice.UserService/StreamUpdates, upstream: users,"
      " body: '*', stream: ndjson}\n";
  char text[2048];
  gw_findings findings;
  gw_snapshot *snapshot = NULL;
  gw_findings_init(&findings);
  snprintf(text, sizeof text, yaml, (unsigned)g->service.port, limits);
  gw_code code = gw_snapshot_parse("test.yaml", gw_str_of(text), &findings, &snapshot);
  for (size_t i = 0; i < findings.count; i++)
    print_error(GW_STR_FMT "\n", GW_STR_ARG(findings.items[i].text));
  CHECK_INT(code, GW_OK);
  gw_findings_done(&findings);
  return snapshot;
}

gate *gate_new(const char *limits) {
  gate *g = calloc(1, sizeof *g);
  g->loop = gw_loop_new();
  service_open(&g->service, g->loop, gate_scripts, GW_COUNT_OF(gate_scripts));
  gw_snapshot *snapshot = gate_snapshot(g, limits);
  CHECK_INT(gw_engine_init(&g->engine, g->loop, 0), GW_OK);
  g->engine.idle = gate_on_idle;
  CHECK_INT(gw_engine_adopt(&g->engine, snapshot), GW_OK);
  gw_snapshot_unref(snapshot);
  g->front = gw_front_new(&g->engine, gate_on_drained, g);
  CHECK_INT(gw_front_listen(g->front, raw_listen(&g->address)), GW_OK);
  PUMP(g->loop, service_open_conns(&g->service) == 1);
  pump_for(g->loop, 5);
  return g;
}

void gate_free(gate *g) {
  gw_front_drain(g->front);
  gw_front_cut(g->front);
  PUMP(g->loop, g->drained_count == 1 && g->idle);
  CHECK_INT(g->engine.in_flight, 0);
  gw_front_free(g->front);
  gw_engine_done(&g->engine);
  service_close(&g->service);
  gw_loop_free(g->loop);
  gw_metrics_done();
  free(g);
}

/* ---- a client ---- */

user user_new(gate *g) {
  return (user){ .gate = g, .fd = raw_connect(&g->address), .text = calloc(1, 2 * LONG_STREAM) };
}

void user_send(user *u, const char *text) {
  CHECK(raw_send(u->gate->loop, u->fd, text, strlen(text)));
}

void user_read(user *u, size_t max) {
  while (max > 0 && !u->ended) {
    CHECK(u->n < 2 * LONG_STREAM);
    ssize_t n = recv(u->fd, u->text + u->n, gw_size_min(max, 65536), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    u->reset = n < 0;
    u->ended = n <= 0;
    if (n > 0) u->n += (size_t)n;
    if (n > 0) max -= (size_t)n;
  }
}

uint32_t user_count(user *u, const char *text) {
  size_t n = strlen(text);
  const char *p;
  user_read(u, SIZE_MAX);
  if (u->counted == NULL || strcmp(u->counted, text) != 0) u->count = 0, u->counted_n = 0;
  u->counted = text;
  /* memchr() rather than memmem(): a sanitizer looks at all that memmem() might read */
  while (u->n >= u->counted_n + n &&
         (p = memchr(u->text + u->counted_n, text[0], u->n - u->counted_n - n + 1)) != NULL) {
    bool found = memcmp(p, text, n) == 0;
    u->counted_n = (size_t)(p - u->text) + (found ? n : 1);
    u->count += found;
  }
  return u->count;
}

bool user_has(user *u, const char *text) {
  return user_count(u, text) > 0;
}

bool user_ends_with(user *u, const char *text) {
  size_t n = strlen(text);
  user_read(u, SIZE_MAX);
  return u->n >= n && memcmp(u->text + u->n - n, text, n) == 0;
}

bool user_ended(user *u) {
  user_read(u, SIZE_MAX);
  return u->ended;
}

void user_done(user *u) {
  close(u->fd);
  free(u->text);
}
