#include "server.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/metrics.h"
#include "control/changes.h"
#include "control/file.h"
#include "net/tcp.h"
#include "worker.h"

struct gw_server {
  pthread_mutex_t reload_lock; /* one reload at a time */
  pthread_mutex_t lock;        /* over snapshot and is_draining */
  gw_snapshot *snapshot;
  gw_stages *stages; /* has a lock of its own */
  bool is_draining;
  bool allow_breaking;              /* by every reload */
  uint64_t files_tried, files_seen; /* watched files as last loaded (or not); as last looked at */
  uint32_t worker_count;
  gw_worker *workers[];
};

/* One socket for each worker and address; sockets[worker * listen_count + i]. */
static gw_code server_bind(const gw_snapshot *snapshot, int *sockets, size_t *bound, gw_err *err) {
  for (uint32_t i = 0; i < snapshot->listen_count; i++) {
    const gw_listen *listen = &snapshot->listens[i];
    uint16_t port = listen->port;
    for (uint32_t w = 0; w < snapshot->workers; w++) {
      gw_sockaddr address;
      if (gw_sockaddr_parse(listen->host, port, &address) != GW_OK) {
        return gw_err_set(err, GW_BAD_VALUE, "cannot listen on " GW_STR_FMT,
                          GW_STR_ARG(listen->text));
      }
      int descriptor = gw_socket_bind(&address, snapshot->workers > 1, err);
      if (descriptor < 0) return GW_UNAVAILABLE;
      sockets[w * snapshot->listen_count + i] = descriptor;
      (*bound)++;
      port = gw_socket_port(descriptor);
    }
    gw_log(GW_LOG_INFO, "listen", "listening on " GW_STR_FMT ":%u", GW_STR_ARG(listen->host), port);
  }
  return GW_OK;
}

void gw_server_free(gw_server *server) {
  pthread_mutex_destroy(&server->reload_lock);
  pthread_mutex_destroy(&server->lock);
  gw_stages_free(server->stages);
  gw_snapshot_unref(server->snapshot);
  free(server);
}

/* NULL: no memory. */
static gw_server *server_new(gw_snapshot *snapshot) {
  gw_server *server = calloc(1, sizeof *server + snapshot->workers * sizeof(gw_worker *));
  gw_stages *stages = gw_stages_new();
  if (server == NULL || stages == NULL || pthread_mutex_init(&server->lock, NULL) != 0 ||
      pthread_mutex_init(&server->reload_lock, NULL) != 0) {
    gw_stages_free(stages);
    free(server);
    return NULL;
  }
  server->snapshot = gw_snapshot_ref(snapshot);
  server->stages = stages;
  return server;
}

/* Takes all sockets, which are bound. */
static gw_code server_start_workers(gw_server *server, const int *sockets, gw_err *err) {
  gw_snapshot *snapshot = server->snapshot;
  size_t count = snapshot->listen_count;
  while (server->worker_count < snapshot->workers) {
    uint32_t w = server->worker_count;
    server->workers[w] = gw_worker_start(w, snapshot, sockets + w * count, count, err);
    if (server->workers[w] == NULL) {
      for (size_t i = (w + 1) * count; i < snapshot->workers * count; i++)
        close(sockets[i]);
      return GW_UNAVAILABLE;
    }
    server->worker_count++;
  }
  return GW_OK;
}

gw_code gw_server_start(gw_snapshot *snapshot, bool allow_breaking, gw_server **out, gw_err *err) {
  size_t socket_count = (size_t)snapshot->workers * snapshot->listen_count, bound = 0;
  gw_server *server = server_new(snapshot);
  int *sockets = calloc(socket_count + 1, sizeof *sockets);
  gw_code code = GW_NOMEM;
  for (size_t i = 0; i < socket_count && sockets != NULL; i++)
    sockets[i] = -1;
  if (server != NULL && sockets != NULL) {
    server->allow_breaking = allow_breaking;
    code = server_bind(snapshot, sockets, &bound, err);
    /* Before any worker asks which side answers. */
    if (code == GW_OK) code = gw_stages_adopt(server->stages, snapshot);
    for (size_t i = 0; i < socket_count && code != GW_OK; i++) {
      if (sockets[i] >= 0) close(sockets[i]);
    }
    if (code == GW_OK) code = server_start_workers(server, sockets, err);
  }
  free(sockets);
  if (code == GW_OK) {
    *out = server;
    return GW_OK;
  }
  if (server != NULL) {
    gw_server_drain(server);
    gw_server_wait(server);
    gw_server_free(server);
  }
  return gw_err_set(err, code, "the gateway cannot start: %s", gw_code_name(code));
}

gw_snapshot *gw_server_snapshot(gw_server *server) {
  pthread_mutex_lock(&server->lock);
  gw_snapshot *snapshot = gw_snapshot_ref(server->snapshot);
  pthread_mutex_unlock(&server->lock);
  return snapshot;
}

/* What a reload cannot change is told, so that nobody waits for it. */
static void server_warn_fixed(const gw_snapshot *old, const gw_snapshot *new) {
  bool same = old->listen_count == new->listen_count;
  for (uint32_t i = 0; same && i < old->listen_count; i++) {
    same = gw_str_eq(old->listens[i].text, new->listens[i].text);
  }
  if (!same) gw_log(GW_LOG_WARN, "reload", "listen: changed addresses need a restart");
  if (old->workers != new->workers) {
    gw_log(GW_LOG_WARN, "reload", "workers: a changed number needs a restart");
  }
  if (old->has_admin != new->has_admin ||
      (old->has_admin && !gw_str_eq(old->admin.text, new->admin.text))) {
    gw_log(GW_LOG_WARN, "reload", "admin: a changed address needs a restart");
  }
}

/* GW_CONFLICT: clients would break, as the findings say. */
static gw_code server_check_changes(const gw_snapshot *old, const gw_snapshot *new, bool allowed,
                                    gw_findings *findings) {
  gw_changes changes;
  gw_changes_init(&changes);
  gw_code code = gw_changes_of_snapshots(old, new, &changes);
  gw_changes_find(&changes, new, allowed, findings);
  if (code == GW_OK && changes.breaks > 0 && !allowed) code = GW_CONFLICT;
  gw_changes_done(&changes);
  return code;
}

static gw_code server_load(const gw_snapshot *old, bool again, bool allow_breaking,
                           gw_findings *findings, gw_snapshot **out) {
  gw_snapshot *new = NULL;
  gw_code code = again ? gw_snapshot_parse(old->path.p, old->yaml, findings, &new)
                       : gw_snapshot_load(old->path.p, findings, &new);
  if (code == GW_OK) code = server_check_changes(old, new, allow_breaking, findings);
  if (code == GW_OK)
    *out = new;
  else
    gw_snapshot_unref(new);
  return code;
}

/* `again`: from the text that is served, for the files that it names. */
static gw_code server_reload(gw_server *server, bool again, bool allow_breaking,
                             gw_findings *findings) {
  gw_snapshot *old = gw_server_snapshot(server), *new = NULL;
  gw_log_level level;
  allow_breaking = allow_breaking || server->allow_breaking;
  gw_code code = server_load(old, again, allow_breaking, findings, &new);
  if (code == GW_OK && (code = gw_stages_adopt(server->stages, new)) != GW_OK)
    gw_snapshot_unref(new);
  if (code == GW_OK) {
    server_warn_fixed(old, new);
    new->workers = old->workers; /* shares of limits go by the threads that really run */
    pthread_mutex_lock(&server->lock);
    server->snapshot = new;
    for (uint32_t w = 0; w < server->worker_count && !server->is_draining; w++) {
      gw_worker_adopt(server->workers[w], new);
    }
    pthread_mutex_unlock(&server->lock);
    if (gw_log_level_parse(new->log_level, &level)) gw_log_level_set(level);
    gw_snapshot_unref(old); /* the server's */
    gw_log(GW_LOG_INFO, "reload", "%u routes are served", new->route_count);
  } else {
    gw_log(GW_LOG_ERROR, "reload", "refused, the old configuration stays: %zu mistakes",
           findings->count + findings->lost);
  }
  gw_snapshot_unref(old);
  return code;
}

gw_code gw_server_reload(gw_server *server, bool allow_breaking, gw_findings *findings) {
  pthread_mutex_lock(&server->reload_lock);
  gw_code code = server_reload(server, false, allow_breaking, findings);
  pthread_mutex_unlock(&server->reload_lock);
  return code;
}

/* now: as they are; else as they were when the snapshot was built. */
static uint64_t server_files(const gw_snapshot *snapshot, bool now) {
  uint64_t sum = 0;
  for (const gw_watch *watch = snapshot->watches; watch != NULL; watch = watch->next)
    sum = sum * 31 + (now ? gw_file_state(watch->path) : watch->state);
  return sum;
}

/* A certificate and its key are two files: they are taken when both lie still. */
static bool server_files_wait(gw_server *server) {
  gw_snapshot *snapshot = gw_server_snapshot(server);
  uint64_t now = server_files(snapshot, true);
  bool is_known = now == server_files(snapshot, false) || now == server->files_tried;
  bool is_still = now == server->files_seen;
  server->files_seen = now;
  if (!is_known && is_still) server->files_tried = now;
  gw_snapshot_unref(snapshot);
  return !is_known && is_still;
}

gw_code gw_server_refresh(gw_server *server, gw_findings *findings) {
  pthread_mutex_lock(&server->reload_lock);
  gw_code code =
      server_files_wait(server) ? server_reload(server, true, false, findings) : GW_AGAIN;
  pthread_mutex_unlock(&server->reload_lock);
  return code;
}

void gw_server_drain(gw_server *server) {
  pthread_mutex_lock(&server->lock);
  bool was = server->is_draining;
  uint64_t timeout_ms = server->snapshot->drain_timeout_ms;
  server->is_draining = true;
  pthread_mutex_unlock(&server->lock);
  if (was) return;
  gw_log(GW_LOG_INFO, "drain", "draining for at most %llu ms", (unsigned long long)timeout_ms);
  for (uint32_t w = 0; w < server->worker_count; w++) {
    gw_worker_drain(server->workers[w], timeout_ms);
  }
}

bool gw_server_is_draining(gw_server *server) {
  pthread_mutex_lock(&server->lock);
  bool is_draining = server->is_draining;
  pthread_mutex_unlock(&server->lock);
  return is_draining;
}

void gw_server_wait(gw_server *server) {
  for (uint32_t w = 0; w < server->worker_count; w++)
    gw_worker_join(server->workers[w]);
}

/* Usable: every worker has a connection to it; of http, where connections come and go with the
 * requests, one address that can be reached. */
static bool server_upstream_usable(const gw_server *server, const gw_upstream_config *upstream) {
  bool http = gw_upstream_is_http(upstream);
  for (uint32_t w = 0; w < server->worker_count; w++) {
    const gw_upstream_metrics *metrics = gw_metrics_upstream(upstream->name, w);
    if (metrics == NULL) return false;
    if (gw_counter_get(http ? &metrics->usable : &metrics->connections) == 0) return false;
  }
  return true;
}

/* needed[i]: upstream i may have to answer a request where the routes stand now.  A shadow that is
 * missing leaves its route as ready as before. */
static void server_find_needed(const gw_snapshot *snapshot, bool *needed) {
  for (uint32_t r = 0; r < snapshot->route_count; r++) {
    const gw_route *route = snapshot->routes[r];
    const gw_migration *migration = route->migration;
    const gw_live *live = migration != NULL ? gw_live_find(route->name) : NULL;
    gw_stand stand = live != NULL ? gw_live_stand(live) : gw_migration_stand(migration);
    if (stand.stage >= GW_STAGE_CANARY) needed[route->upstream] = true;
    if (migration != NULL && stand.stage != GW_STAGE_GRPC) needed[migration->legacy] = true;
  }
  if (snapshot->legacy != UINT32_MAX) needed[snapshot->legacy] = true;
}

bool gw_server_is_ready(gw_server *server, gw_buf *reasons) {
  gw_snapshot *snapshot = gw_server_snapshot(server);
  bool *needed = calloc(snapshot->upstream_count + 1, sizeof *needed);
  bool is_ready = needed != NULL;
  gw_code code = GW_OK;
  if (needed != NULL) server_find_needed(snapshot, needed);
  if (gw_server_is_draining(server)) {
    is_ready = false;
    code = gw_buf_append(reasons, GW_STR("draining\n"));
  }
  for (uint32_t i = 0; i < snapshot->upstream_count && code == GW_OK && needed != NULL; i++) {
    gw_str name = snapshot->upstreams[i].name;
    if (!needed[i] || server_upstream_usable(server, &snapshot->upstreams[i])) continue;
    is_ready = false;
    code = gw_buf_printf(reasons, "upstream %.*s: no usable endpoint\n", GW_STR_ARG(name));
  }
  free(needed);
  gw_snapshot_unref(snapshot);
  return is_ready;
}

/* ---- stages ---- */

gw_code gw_server_stage(gw_server *server, const gw_stage_order *order, gw_stand *from,
                        gw_stand *to, gw_err *err) {
  return gw_stages_order(server->stages, order, from, to, err);
}

void gw_server_tick(gw_server *server) {
  gw_stages_tick(server->stages, gw_clock_us() / 1000);
}

gw_stage_view gw_server_stage_view(gw_server *server, gw_str route) {
  return gw_stages_view(server->stages, route);
}
