#include "upstream/upstream.h"

#include <stdlib.h>
#include <utlist.h>

#include "net/dns.h"
#include "upstream/pick.h"

#define UPSTREAM_JITTER   0.2   /* of a backoff, either way (gRPC connection backoff) */
#define UPSTREAM_FLAP_MS  5     /* the first wait after a connection that was dropped when ready */
#define UPSTREAM_HOPE_MS  100u  /* a call waits for a retry that is so near */
#define UPSTREAM_CLOSE_MS 1000u /* for GOAWAY to leave: then a peer that reads nothing is cut */

typedef struct gw_address gw_address;
typedef struct gw_conn gw_conn;

typedef enum conn_state {
  CONN_CONNECTING, /* woken by: connected, timeout */
  CONN_GREETING,   /* woken by: the peer's SETTINGS, timeout */
  CONN_READY,      /* woken by: GOAWAY, the end */
  CONN_GOING,      /* woken by: its last stream's end */
  CONN_BROKEN      /* woken by: its socket's close, in this iteration */
} conn_state;

struct gw_conn {
  gw_conn *previous, *next; /* the address's list */
  gw_address *address;
  conn_state state;
  gw_tcp *tcp; /* until it is handed to h2 */
  gw_h2 *h2;
  gw_timer timer;       /* connect timeout, then the closing's */
  uint64_t ready_at_ms; /* 0: it was never ready */
};

struct gw_address {
  gw_address *previous, *next; /* the upstream's list */
  gw_upstream *upstream;
  const gw_endpoint_config *endpoint;
  gw_sockaddr sockaddr;
  gw_conn *conns;
  uint32_t conn_count; /* all states */
  uint64_t backoff_ms; /* the last one; 0: the last connection was good */
  gw_timer retry;      /* set: waiting before the next attempt */
  bool is_gone;        /* the name no longer has it */
};

typedef struct upstream_name {
  gw_upstream *upstream;
  const gw_endpoint_config *endpoint;
  gw_dns *dns;   /* NULL: none under way */
  bool resolved; /* at least once answered or failed */
  gw_timer timer;
} upstream_name;

struct gw_upstream {
  gw_loop *loop;
  const gw_upstream_config *config;
  gw_upstream_metrics *metrics;
  gw_upstream_closed_fn *closed;
  void *user;
  gw_address *addresses;
  gw_address *cursor; /* the address that the last call took */
  gw_call *waiting;
  uint32_t waiting_count, in_flight;
  gw_timer waiting_timer;
  uint32_t conn_count, ready_count;
  bool is_closing;
  gw_task closing;
  uint64_t random;
  uint32_t name_count;
  upstream_name names[];
};

static void address_connect(gw_address *address);
static void upstream_dispatch(gw_upstream *upstream);
static void name_resolve(upstream_name *name);

/* ---- small parts ---- */

/* xorshift64*: jitter only. */
static double upstream_draw(gw_upstream *upstream) {
  uint64_t x = upstream->random;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  upstream->random = x;
  return (double)(x * 0x2545F4914F6CDD1Dull >> 11) / 9007199254740992.0;
}

/* ---- the end ---- */

static void upstream_on_closing(gw_task *task) {
  gw_upstream *upstream = GW_CONTAINER_OF(task, gw_upstream, closing);
  upstream->closed(upstream->user);
  free(upstream);
}

static void address_free(gw_address *address) {
  gw_upstream *upstream = address->upstream;
  gw_timer_cancel(upstream->loop, &address->retry);
  if (upstream->cursor == address) upstream->cursor = NULL;
  DL_DELETE2(upstream->addresses, address, previous, next);
  free(address);
}

static void upstream_check_closed(gw_upstream *upstream) {
  if (!upstream->is_closing || upstream->conn_count > 0) return;
  while (upstream->addresses != NULL)
    address_free(upstream->addresses);
  gw_loop_defer(upstream->loop, &upstream->closing);
}

/* ---- connections ---- */

static void conn_ready_set(gw_conn *conn, bool ready) {
  gw_upstream *upstream = conn->address->upstream;
  bool was = conn->state == CONN_READY;
  if (ready && !was) {
    conn->state = CONN_READY;
    conn->ready_at_ms = gw_loop_now_ms(upstream->loop);
    upstream->ready_count++;
    gw_count(&upstream->metrics->connections, 1);
  } else if (!ready && was) {
    conn->state = CONN_GOING;
    upstream->ready_count--;
    gw_uncount(&upstream->metrics->connections, 1);
  }
}

/* Connections that are there for new calls, now or soon. */
static uint32_t address_staying(const gw_address *address) {
  const gw_conn *conn;
  uint32_t count = 0;
  DL_FOREACH2(address->conns, conn, next) {
    if (conn->state != CONN_GOING && conn->state != CONN_BROKEN) count++;
  }
  return count;
}

static void address_retry_fired(gw_timer *timer) {
  gw_address *address = GW_CONTAINER_OF(timer, gw_address, retry);
  uint32_t wanted = address->upstream->config->connections;
  for (uint32_t n = address_staying(address); n < wanted && address->retry.slot == 0; n++)
    address_connect(address);
}

typedef enum conn_end {
  CONN_END_GOOD,  /* it served a call, or lived for a while: the next one is opened at once */
  CONN_END_FLAP,  /* greeted and dropped: a short wait that doubles, or such a peer is asked without
                     pause */
  CONN_END_FAILED /* never ready: gRPC's connection backoff */
} conn_end;

static conn_end conn_end_of(const gw_conn *conn) {
  const gw_upstream *upstream = conn->address->upstream;
  if (conn->ready_at_ms == 0) return CONN_END_FAILED;
  uint64_t lived_ms = gw_loop_now_ms(upstream->loop) - conn->ready_at_ms;
  bool served = conn->h2 != NULL && gw_h2_has_served(conn->h2);
  return served || lived_ms >= upstream->config->backoff_initial_ms ? CONN_END_GOOD : CONN_END_FLAP;
}

static double address_wait_ms(const gw_address *address, conn_end last) {
  const gw_upstream_config *config = address->upstream->config;
  double was = (double)address->backoff_ms, wait = 0;
  switch (last) {
  case CONN_END_GOOD: break;
  case CONN_END_FLAP: wait = was == 0 ? UPSTREAM_FLAP_MS : 2 * was; break;
  case CONN_END_FAILED:
    wait = was * config->backoff_factor;
    if (wait < (double)config->backoff_initial_ms) wait = (double)config->backoff_initial_ms;
    break;
  }
  return wait < (double)config->backoff_max_ms ? wait : (double)config->backoff_max_ms;
}

static void address_retry_later(gw_address *address, conn_end last) {
  gw_upstream *upstream = address->upstream;
  if (upstream->is_closing || address->is_gone || address->retry.slot != 0) return;
  double wait_ms = address_wait_ms(address, last);
  double jitter = 1.0 + UPSTREAM_JITTER * (2.0 * upstream_draw(upstream) - 1.0);
  address->backoff_ms = (uint64_t)wait_ms;
  gw_timer_set(upstream->loop, &address->retry,
               gw_loop_now_ms(upstream->loop) + (uint64_t)(wait_ms * jitter));
}

static void address_resolve(const gw_address *address) {
  gw_upstream *upstream = address->upstream;
  for (uint32_t i = 0; i < upstream->name_count; i++) {
    if (upstream->names[i].endpoint == address->endpoint) name_resolve(&upstream->names[i]);
  }
}

/* A connection is over, whatever state it was in. */
static void conn_free(gw_conn *conn, gw_code why) {
  gw_address *address = conn->address;
  gw_upstream *upstream = address->upstream;
  conn_end end = conn_end_of(conn);
  conn_ready_set(conn, false);
  gw_timer_cancel(upstream->loop, &conn->timer);
  DL_DELETE2(address->conns, conn, previous, next);
  address->conn_count--;
  upstream->conn_count--;
  free(conn);
  if (upstream->is_closing) {
    upstream_check_closed(upstream);
    return;
  }
  if (address->is_gone) {
    if (address->conn_count == 0) address_free(address);
  } else {
    if (why != GW_OK) address_resolve(address);
    if (address_staying(address) < upstream->config->connections) {
      address_retry_later(address, end);
    }
  }
  upstream_dispatch(upstream);
}

static void conn_on_going(gw_conn *conn) {
  gw_address *address = conn->address;
  bool was_going = conn->state == CONN_GOING;
  conn_ready_set(conn, false);
  conn->state = CONN_GOING;
  /* Its successor is opened before its last call is over. */
  if (!was_going && !address->is_gone && address->retry.slot == 0 &&
      address_staying(address) < address->upstream->config->connections) {
    conn_end end = conn_end_of(conn);
    if (end == CONN_END_GOOD) {
      address_connect(address);
    } else {
      address_retry_later(address, end);
    }
  }
  if (gw_h2_stream_count(conn->h2) == 0) gw_h2_drain(conn->h2);
}

static void conn_on_h2_changed(void *user) {
  gw_conn *conn = user;
  gw_upstream *upstream = conn->address->upstream;
  if (gw_h2_is_broken(conn->h2)) {
    conn_ready_set(conn, false);
    conn->state = CONN_BROKEN;
    return; /* the rest when it is closed */
  }
  if (gw_h2_is_going(conn->h2)) {
    conn_on_going(conn);
  } else if (conn->state == CONN_GREETING && gw_h2_is_ready(conn->h2)) {
    gw_timer_cancel(upstream->loop, &conn->timer);
    conn_ready_set(conn, true);
  }
  upstream_dispatch(upstream);
}

static void conn_on_h2_closed(void *user, gw_code why) {
  gw_conn *conn = user;
  if (conn->ready_at_ms == 0) {
    gw_count(&conn->address->upstream->metrics->connect_failures_total, 1);
  }
  conn_free(conn, why); /* the h2 is gone after our return */
}

static const gw_h2_events conn_h2_events = {
  .changed = conn_on_h2_changed,
  .closed = conn_on_h2_closed,
};

static void conn_on_tcp_closed(void *user) {
  conn_free(user, GW_UNAVAILABLE);
}

static void conn_on_connected(void *user, gw_code code) {
  gw_conn *conn = user;
  gw_upstream *upstream = conn->address->upstream;
  if (code != GW_OK) {
    gw_count(&upstream->metrics->connect_failures_total, 1);
    gw_tcp_close(conn->tcp);
    return;
  }
  conn->state = CONN_GREETING;
  gw_tcp *tcp = conn->tcp;
  conn->tcp = NULL;
  if (gw_h2_open(upstream->loop, tcp, GW_H2_CLIENT, &conn_h2_events, conn, &conn->h2) != GW_OK) {
    conn_free(conn, GW_NOMEM);
  }
}

/* Before h2 has it a connection only connects: the other events need no answer. */
static void conn_on_tcp_read(void *user, char *bytes, size_t n) {
  (void)user;
  (void)bytes;
  (void)n;
}

static void conn_on_tcp_ended(void *user, gw_code why) {
  (void)why;
  gw_tcp_close(((gw_conn *)user)->tcp);
}

static void conn_on_tcp_drained(void *user) {
  (void)user;
}

static const gw_tcp_events conn_tcp_events = {
  .connected = conn_on_connected,
  .read = conn_on_tcp_read,
  .ended = conn_on_tcp_ended,
  .drained = conn_on_tcp_drained,
  .closed = conn_on_tcp_closed,
};

static void conn_on_timeout(gw_timer *timer) {
  gw_conn *conn = GW_CONTAINER_OF(timer, gw_conn, timer);
  if (conn->h2 != NULL) {
    gw_h2_abort(conn->h2, GW_UNAVAILABLE);
  } else {
    gw_count(&conn->address->upstream->metrics->connect_failures_total, 1);
    gw_tcp_close(conn->tcp);
  }
}

static void address_connect(gw_address *address) {
  gw_upstream *upstream = address->upstream;
  if (upstream->is_closing || address->is_gone) return;
  gw_conn *conn = calloc(1, sizeof *conn);
  gw_code code = GW_NOMEM;
  gw_count(&upstream->metrics->connects_total, 1);
  if (conn != NULL) {
    conn->address = address;
    conn->timer.fired = conn_on_timeout;
    code = gw_tcp_connect(upstream->loop, &address->sockaddr, &conn_tcp_events, conn, &conn->tcp);
  }
  if (code != GW_OK) {
    free(conn);
    gw_count(&upstream->metrics->connect_failures_total, 1);
    address_retry_later(address, CONN_END_FAILED);
    return;
  }
  DL_APPEND2(address->conns, conn, previous, next);
  address->conn_count++;
  upstream->conn_count++;
  gw_timer_set(upstream->loop, &conn->timer,
               gw_loop_now_ms(upstream->loop) + upstream->config->connect_timeout_ms);
}

/* ---- names ---- */

static gw_address *address_find(upstream_name *name, const gw_sockaddr *sockaddr) {
  gw_address *address;
  DL_FOREACH2(name->upstream->addresses, address, next) {
    if (address->endpoint == name->endpoint && !address->is_gone &&
        gw_sockaddr_eq(&address->sockaddr, sockaddr)) {
      break;
    }
  }
  return address;
}

static void address_add(upstream_name *name, const gw_sockaddr *sockaddr) {
  gw_upstream *upstream = name->upstream;
  gw_address *address = calloc(1, sizeof *address);
  if (address == NULL) return;
  address->upstream = upstream;
  address->endpoint = name->endpoint;
  address->sockaddr = *sockaddr;
  address->retry.fired = address_retry_fired;
  DL_APPEND2(upstream->addresses, address, previous, next);
  for (uint32_t i = 0; i < upstream->config->connections; i++)
    address_connect(address);
}

static void address_drop(gw_address *address) {
  gw_upstream *upstream = address->upstream;
  gw_conn *conn, *next;
  address->is_gone = true;
  gw_timer_cancel(upstream->loop, &address->retry);
  if (address->conn_count == 0) {
    address_free(address);
    return;
  }
  DL_FOREACH_SAFE2(address->conns, conn, next, next) {
    if (conn->h2 != NULL) {
      gw_h2_drain(conn->h2);
      if (upstream->is_closing) {
        gw_timer_set(upstream->loop, &conn->timer,
                     gw_loop_now_ms(upstream->loop) + UPSTREAM_CLOSE_MS);
      }
    } else {
      gw_tcp_close(conn->tcp);
    }
  }
}

static void name_on_resolved(void *user, const gw_sockaddr *found, size_t count) {
  upstream_name *name = user;
  gw_upstream *upstream = name->upstream;
  gw_address *address, *next;
  name->dns = NULL;
  name->resolved = true;
  gw_timer_set(upstream->loop, &name->timer,
               gw_loop_now_ms(upstream->loop) + upstream->config->resolve_every_ms);
  if (count > 0) { /* else the last good answer is kept */
    DL_FOREACH_SAFE2(upstream->addresses, address, next, next) {
      bool still = address->endpoint != name->endpoint;
      for (size_t i = 0; i < count && !still; i++) {
        still = gw_sockaddr_eq(&address->sockaddr, &found[i]);
      }
      if (!still && !address->is_gone) address_drop(address);
    }
    for (size_t i = 0; i < count; i++) {
      address = address_find(name, &found[i]);
      if (address == NULL) address_add(name, &found[i]);
    }
  }
  upstream_dispatch(upstream);
}

static void name_resolve(upstream_name *name) {
  gw_upstream *upstream = name->upstream;
  if (name->dns != NULL || upstream->is_closing) return;
  gw_timer_cancel(upstream->loop, &name->timer);
  name->dns = gw_dns_start(upstream->loop, name->endpoint->host, name->endpoint->port,
                           name_on_resolved, name);
  if (name->dns == NULL) {
    gw_timer_set(upstream->loop, &name->timer,
                 gw_loop_now_ms(upstream->loop) + upstream->config->backoff_initial_ms);
  }
}

static void name_on_timer(gw_timer *timer) {
  name_resolve(GW_CONTAINER_OF(timer, upstream_name, timer));
}

/* ---- picking ---- */

/* The connection of this address with room and the fewest streams; NULL: none. */
static gw_conn *address_pick(gw_address *address) {
  gw_conn *conn, *best = NULL;
  DL_FOREACH2(address->conns, conn, next) {
    if (conn->state != CONN_READY || gw_h2_room(conn->h2) == 0) continue;
    if (best == NULL || gw_h2_stream_count(conn->h2) < gw_h2_stream_count(best->h2)) best = conn;
  }
  return best;
}

static gw_address *address_after(gw_upstream *upstream, gw_address *address) {
  return address != NULL && address->next != NULL ? address->next : upstream->addresses;
}

/* From `start` around: the first address with room. */
static gw_conn *upstream_pick_from(gw_upstream *upstream, gw_address *start) {
  gw_address *address = start;
  if (start == NULL) return NULL;
  do {
    gw_conn *conn = address->is_gone ? NULL : address_pick(address);
    if (conn != NULL) {
      upstream->cursor = address;
      return conn;
    }
    address = address_after(upstream, address);
  } while (address != start);
  return NULL;
}

static uint32_t address_load(const gw_address *address) {
  const gw_conn *conn;
  uint32_t load = 0;
  DL_FOREACH2(address->conns, conn, next) {
    if (conn->h2 != NULL) load += gw_h2_stream_count(conn->h2);
  }
  return load;
}

static gw_address *upstream_draw_address(gw_upstream *upstream) {
  gw_address *address;
  uint32_t count = 0;
  DL_COUNT2(upstream->addresses, address, count, next);
  uint32_t n = (uint32_t)(upstream_draw(upstream) * count);
  for (address = upstream->addresses; n > 0 && address->next != NULL; n--)
    address = address->next;
  return address;
}

/* round_robin: the next address after the last one; pick_first: the last one as long as it has
 * room; least_request: the less loaded of two drawn ones ("power of two choices"). */
static gw_conn *upstream_pick(gw_upstream *upstream) {
  if (upstream->addresses == NULL) return NULL;
  switch (upstream->config->balance) {
  case GW_BALANCE_PICK_FIRST:
    return upstream_pick_from(upstream,
                              upstream->cursor != NULL ? upstream->cursor : upstream->addresses);
  case GW_BALANCE_LEAST_REQUEST: {
    gw_address *a = upstream_draw_address(upstream), *b = upstream_draw_address(upstream);
    if (a == b) b = address_after(upstream, a);
    bool b_wins =
        address_pick(a) == NULL || (address_pick(b) != NULL && address_load(b) < address_load(a));
    return upstream_pick_from(upstream, b_wins ? b : a);
  }
  case GW_BALANCE_ROUND_ROBIN: break;
  }
  return upstream_pick_from(upstream, address_after(upstream, upstream->cursor));
}

/* Opens one more connection where all streams are taken.  False: no connection is or will soon be
 * there. */
static bool upstream_grow(gw_upstream *upstream) {
  gw_address *address, *best = NULL;
  bool hope = false;
  for (uint32_t i = 0; i < upstream->name_count; i++) {
    if (!upstream->names[i].resolved) hope = true;
  }
  DL_FOREACH2(upstream->addresses, address, next) {
    bool connecting = false, ready = false;
    gw_conn *conn;
    if (address->is_gone) continue;
    DL_FOREACH2(address->conns, conn, next) {
      connecting |= conn->state == CONN_CONNECTING || conn->state == CONN_GREETING;
      ready |= conn->state == CONN_READY;
      hope |= conn->state == CONN_BROKEN; /* its close will tell more */
    }
    hope |= connecting || ready;
    if (address->retry.slot != 0 && address->backoff_ms <= UPSTREAM_HOPE_MS) hope = true;
    if (connecting || !ready) continue;
    if (address_staying(address) >= upstream->config->connections_max) continue;
    if (best == NULL || address->conn_count < best->conn_count) best = address;
  }
  if (best != NULL) address_connect(best);
  return hope;
}

static void upstream_waiting_arm(gw_upstream *upstream) {
  if (upstream->waiting == NULL) {
    gw_timer_cancel(upstream->loop, &upstream->waiting_timer);
  } else {
    gw_timer_set(upstream->loop, &upstream->waiting_timer, upstream->waiting->waiting_until_ms);
  }
}

void gw_upstream_unqueue(gw_upstream *upstream, gw_call *call) {
  DL_DELETE2(upstream->waiting, call, previous, next);
  upstream->waiting_count--;
  gw_uncount(&upstream->metrics->waiting, 1);
  upstream_waiting_arm(upstream);
}

static void upstream_fail_no_connection(gw_upstream *upstream, gw_call *call) {
  gw_call_fail(call, GW_UNAVAILABLE, "no connection to upstream \"" GW_STR_FMT "\"",
               GW_STR_ARG(upstream->config->name));
}

static void upstream_give(gw_call *call, gw_conn *conn) {
  gw_code code = gw_call_open(call, conn->h2, conn->address->endpoint->authority);
  if (code != GW_OK) {
    gw_call_fail(call, code == GW_NOMEM ? GW_NOMEM : GW_UNAVAILABLE, "no stream to upstream");
  }
}

static void upstream_dispatch(gw_upstream *upstream) {
  while (upstream->waiting != NULL) {
    gw_call *call = upstream->waiting;
    gw_conn *conn = upstream_pick(upstream);
    bool hope = conn != NULL || upstream_grow(upstream);
    if (conn == NULL && hope) break;
    gw_upstream_unqueue(upstream, call);
    if (conn == NULL) {
      upstream_fail_no_connection(upstream, call);
    } else {
      upstream_give(call, conn);
    }
  }
}

static void upstream_on_waiting_timer(gw_timer *timer) {
  gw_upstream *upstream = GW_CONTAINER_OF(timer, gw_upstream, waiting_timer);
  uint64_t now = gw_loop_now_ms(upstream->loop);
  while (upstream->waiting != NULL && upstream->waiting->waiting_until_ms <= now) {
    gw_call *call = upstream->waiting;
    gw_upstream_unqueue(upstream, call);
    if (upstream->ready_count > 0) {
      gw_count(&upstream->metrics->overflow_total, 1);
      gw_call_fail(call, GW_OVERLOADED, "upstream \"" GW_STR_FMT "\" had no free stream in time",
                   GW_STR_ARG(upstream->config->name));
    } else {
      upstream_fail_no_connection(upstream, call);
    }
  }
}

void gw_upstream_place(gw_upstream *upstream, gw_call *call) {
  const gw_upstream_config *config = upstream->config;
  gw_count(&upstream->metrics->calls_total, 1);
  upstream->in_flight++;
  gw_count(&upstream->metrics->in_flight, 1);
  if (upstream->in_flight > config->in_flight_max) {
    gw_count(&upstream->metrics->overflow_total, 1);
    gw_call_fail(call, GW_OVERLOADED, "upstream \"" GW_STR_FMT "\" has %u calls in flight",
                 GW_STR_ARG(config->name), (unsigned)config->in_flight_max);
    return;
  }
  gw_upstream_replace(upstream, call);
}

void gw_upstream_replace(gw_upstream *upstream, gw_call *call) {
  const gw_upstream_config *config = upstream->config;
  gw_conn *conn = upstream->waiting == NULL ? upstream_pick(upstream) : NULL;
  if (conn != NULL) {
    upstream_give(call, conn);
    return;
  }
  if (!upstream_grow(upstream)) {
    upstream_fail_no_connection(upstream, call);
  } else if (upstream->waiting_count >= config->waiting_max) {
    gw_count(&upstream->metrics->overflow_total, 1);
    gw_call_fail(call, GW_OVERLOADED, "%u calls already wait for upstream \"" GW_STR_FMT "\"",
                 (unsigned)upstream->waiting_count, GW_STR_ARG(config->name));
  } else {
    call->waiting_until_ms = gw_loop_now_ms(upstream->loop) + config->waiting_time_ms;
    DL_APPEND2(upstream->waiting, call, previous, next);
    upstream->waiting_count++;
    gw_count(&upstream->metrics->waiting, 1);
    upstream_waiting_arm(upstream);
  }
}

void gw_upstream_call_done(gw_upstream *upstream, unsigned grpc_code) {
  upstream->in_flight--;
  gw_uncount(&upstream->metrics->in_flight, 1);
  gw_count(
      &upstream->metrics->by_code[grpc_code < GW_GRPC_CODE_COUNT ? grpc_code : GW_GRPC_UNKNOWN], 1);
}

/* ---- opening and closing ---- */

gw_upstream *gw_upstream_open(gw_loop *loop, const gw_upstream_config *config,
                              gw_upstream_metrics *metrics, gw_upstream_closed_fn *closed,
                              void *user) {
  gw_upstream *upstream =
      calloc(1, sizeof *upstream + config->endpoint_count * sizeof upstream->names[0]);
  if (upstream == NULL) return NULL;
  upstream->loop = loop;
  upstream->config = config;
  upstream->metrics = metrics;
  upstream->closed = closed;
  upstream->user = user;
  upstream->closing.run = upstream_on_closing;
  upstream->waiting_timer.fired = upstream_on_waiting_timer;
  upstream->random = (uint64_t)(uintptr_t)upstream | 1;
  upstream->name_count = config->endpoint_count;
  for (uint32_t i = 0; i < config->endpoint_count; i++) {
    upstream_name *name = &upstream->names[i];
    gw_sockaddr numeric;
    name->upstream = upstream;
    name->endpoint = &config->endpoints[i];
    name->timer.fired = name_on_timer;
    if (gw_sockaddr_parse(name->endpoint->host, name->endpoint->port, &numeric) == GW_OK) {
      name->resolved = true;
      address_add(name, &numeric);
    } else {
      name_resolve(name);
    }
  }
  return upstream;
}

void gw_upstream_close(gw_upstream *upstream) {
  gw_address *address, *next;
  assert(upstream->waiting == NULL && upstream->in_flight == 0);
  upstream->is_closing = true;
  gw_timer_cancel(upstream->loop, &upstream->waiting_timer);
  for (uint32_t i = 0; i < upstream->name_count; i++) {
    gw_dns_cancel(upstream->names[i].dns);
    gw_timer_cancel(upstream->loop, &upstream->names[i].timer);
  }
  DL_FOREACH_SAFE2(upstream->addresses, address, next, next) {
    address_drop(address);
  }
  upstream_check_closed(upstream);
}
