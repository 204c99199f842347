#include "front/front.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>

#include "front/front_list.h"
#include "front/h1_conn.h"

#define FRONT_LISTENERS_MAX 64u
#define FRONT_HEAD_MAX      GW_KIB(64) /* of one answer's head */
#define FRONT_WALL_MS       250u
#define FRONT_TLS_LOG_MAX   10u /* failed handshakes logged in a second */
#define FRONT_EVICT_SHARE   0.9 /* of the connections' limit: from here the oldest idle one goes */

typedef struct front_listener {
  gw_front *front;
  gw_listener *listener;
  char text[64]; /* its address as written: what a reload may change is found by it */
  gw_tls *tls;   /* the last known; NULL: plain */
} front_listener;

struct gw_front {
  gw_engine *engine;
  void (*drained)(void *user);
  void *user;
  front_listener listeners[FRONT_LISTENERS_MAX];
  size_t listener_count;
  gw_h1_conn *idle; /* the oldest first */
  gw_h1_conn *busy;
  uint32_t count;
  bool is_draining;
  gw_buf head;
  gw_task task; /* tells `drained` */
  uint64_t wall_seconds, wall_at_ms;
  size_t pending_bytes;
  uint64_t tls_log_at_ms; /* when the second began that tls_log_count counts */
  uint32_t tls_log_count;
};

static void front_on_task(gw_task *task) {
  gw_front *front = GW_CONTAINER_OF(task, gw_front, task);
  if (front->count > 0) return; /* one more came out of a listener's backlog */
  front->drained(front->user);
}

gw_front *gw_front_new(gw_engine *engine, void (*drained)(void *user), void *user) {
  gw_front *front = calloc(1, sizeof *front);
  if (front == NULL) return NULL;
  front->engine = engine;
  front->drained = drained;
  front->user = user;
  front->task.run = front_on_task;
  gw_buf_init(&front->head, NULL, FRONT_HEAD_MAX);
  return front;
}

void gw_front_free(gw_front *front) {
  if (front == NULL) return;
  assert(front->count == 0);
  for (size_t i = 0; i < FRONT_LISTENERS_MAX; i++)
    gw_tls_unref(front->listeners[i].tls);
  gw_loop_withdraw(front->engine->loop, &front->task);
  gw_buf_done(&front->head);
  free(front);
}

/* ---- accepting ---- */

/* Certificates are those of the current snapshot; a listener that it no longer has keeps its last.
 */
static gw_tls *listener_tls(front_listener *listener) {
  const gw_snapshot *snapshot = listener->front->engine->lease->snapshot;
  for (uint32_t i = 0; i < snapshot->listen_count; i++) {
    const gw_listen *listen = &snapshot->listens[i];
    if (!gw_str_eq(listen->text, gw_str_of(listener->text)) || listen->tls == listener->tls)
      continue;
    gw_tls_unref(listener->tls);
    listener->tls = listen->tls != NULL ? gw_tls_ref(listen->tls) : NULL;
  }
  return listener->tls;
}

/* Over the limit, and nothing to evict: an answer from static memory, unread; none within TLS,
 * whose handshake would cost more than serving. */
static void front_shed(gw_front *front, gw_tcp *tcp, bool is_plain) {
  static const gw_str answer =
      GW_STR_INIT("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: 0\r\n"
                  "Connection: close\r\n\r\n");
  gw_count(&front->engine->metrics->limits_hit[GW_LIMIT_CONNECTIONS], 1);
  if (is_plain) gw_tcp_write(tcp, &answer, 1);
  gw_tcp_close(tcp);
}

static void front_on_accepted(void *user, gw_tcp *tcp) {
  front_listener *listener = user;
  gw_front *front = listener->front;
  gw_tls *tls = listener_tls(listener);
  const gw_snapshot *snapshot = front->engine->lease->snapshot;
  uint32_t max = snapshot->limits.connections / snapshot->workers;
  if (max == 0) max = 1;
  gw_count(&front->engine->metrics->accepted_total, 1);
  if (front->count >= (uint32_t)((double)max * FRONT_EVICT_SHARE) && front->idle != NULL) {
    gw_count(&front->engine->metrics->limits_hit[GW_LIMIT_CONNECTIONS], 1);
    gw_h1_conn_close(front->idle);
  }
  if (front->count >= max) {
    front_shed(front, tcp, tls == NULL);
    return;
  }
  gw_h1_conn *conn = gw_h1_conn_open(front, tcp, tls);
  if (conn == NULL) return;
  DL_APPEND2(front->idle, conn, previous, next);
  conn->is_idle_listed = true;
  front->count++;
  gw_counter_set(&front->engine->metrics->connections, front->count);
  if (front->is_draining) gw_h1_conn_drain(conn);
}

gw_code gw_front_listen(gw_front *front, int descriptor) {
  if (front->listener_count == FRONT_LISTENERS_MAX) {
    close(descriptor);
    return GW_TOO_LARGE;
  }
  const gw_snapshot *snapshot = front->engine->lease->snapshot;
  front_listener *listener = &front->listeners[front->listener_count];
  assert(front->listener_count < snapshot->listen_count);
  gw_str text = snapshot->listens[front->listener_count].text;
  listener->front = front;
  snprintf(listener->text, sizeof listener->text, GW_STR_FMT, GW_STR_ARG(text));
  gw_code code = gw_listener_open(front->engine->loop, descriptor, front_on_accepted, listener,
                                  &listener->listener);
  if (code == GW_OK) front->listener_count++;
  return code;
}

/* ---- what connections tell ---- */

gw_engine *gw_front_engine(gw_front *front) {
  return front->engine;
}

bool gw_front_is_draining(const gw_front *front) {
  return front->is_draining;
}

gw_buf *gw_front_head(gw_front *front) {
  return &front->head;
}

size_t *gw_front_pending_bytes(gw_front *front) {
  return &front->pending_bytes;
}

void gw_front_tls_failed(gw_front *front, const gw_tcp *tcp) {
  uint64_t now = gw_loop_now_ms(front->engine->loop);
  gw_count(&front->engine->metrics->tls_failures_total, 1);
  if (now - front->tls_log_at_ms >= 1000) {
    front->tls_log_at_ms = now;
    front->tls_log_count = 0;
  }
  if (front->tls_log_count++ >= FRONT_TLS_LOG_MAX) return;
  gw_str peer = gw_tcp_peer(tcp);
  gw_log(GW_LOG_INFO, "tls", "handshake with client " GW_STR_FMT " failed: %s", GW_STR_ARG(peer),
         gw_tcp_failure(tcp));
}

uint64_t gw_front_wall_seconds(gw_front *front) {
  uint64_t now = gw_loop_now_ms(front->engine->loop);
  if (front->wall_seconds == 0 || now - front->wall_at_ms >= FRONT_WALL_MS) {
    front->wall_seconds = gw_clock_wall_ms() / 1000;
    front->wall_at_ms = now;
  }
  return front->wall_seconds;
}

void gw_front_set_idle(gw_front *front, gw_h1_conn *conn, bool idle) {
  if (conn->is_idle_listed == idle) return;
  conn->is_idle_listed = idle;
  if (idle) {
    DL_DELETE2(front->busy, conn, previous, next);
    DL_APPEND2(front->idle, conn, previous, next);
  } else {
    DL_DELETE2(front->idle, conn, previous, next);
    DL_APPEND2(front->busy, conn, previous, next);
  }
}

static void front_check_drained(gw_front *front) {
  if (front->is_draining && front->count == 0) gw_loop_defer(front->engine->loop, &front->task);
}

void gw_front_remove(gw_front *front, gw_h1_conn *conn) {
  if (conn->is_idle_listed) {
    DL_DELETE2(front->idle, conn, previous, next);
  } else {
    DL_DELETE2(front->busy, conn, previous, next);
  }
  front->count--;
  gw_counter_set(&front->engine->metrics->connections, front->count);
  front_check_drained(front);
}

/* ---- draining ---- */

void gw_front_drain(gw_front *front) {
  gw_h1_conn *conn, *next;
  if (front->is_draining) return;
  front->is_draining = true;
  for (size_t i = 0; i < front->listener_count; i++)
    gw_listener_close(front->listeners[i].listener);
  front->listener_count = 0;
  DL_FOREACH_SAFE2(front->idle, conn, next, next) {
    gw_h1_conn_drain(conn);
  }
  DL_FOREACH_SAFE2(front->busy, conn, next, next) {
    gw_h1_conn_drain(conn);
  }
  front_check_drained(front);
}

void gw_front_stop(gw_front *front) {
  gw_h1_conn *conn, *next;
  DL_FOREACH_SAFE2(front->idle, conn, next, next) {
    gw_h1_conn_stop(conn);
  }
  DL_FOREACH_SAFE2(front->busy, conn, next, next) {
    gw_h1_conn_stop(conn);
  }
}

void gw_front_cut(gw_front *front) {
  gw_h1_conn *conn, *next;
  DL_FOREACH_SAFE2(front->idle, conn, next, next) {
    gw_h1_conn_close(conn);
  }
  DL_FOREACH_SAFE2(front->busy, conn, next, next) {
    gw_h1_conn_close(conn);
  }
}
