/* serve: the gateway itself; signals reload, drain and stop it. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "admin/admin.h"
#include "base/log.h"
#include "base/metrics.h"
#include "command/command.h"
#include "server.h"

#define SERVE_LOOK_TICKS 3 /* for certificates that changed: within a second they are used */

/* Each finding is one event of the log. */
static void serve_log_findings(const gw_findings *findings) {
  gw_buf out;
  gw_buf_init(&out, NULL, GW_COMMAND_OUT_BYTES_MAX);
  if (gw_findings_print(findings, &out) == GW_OK) {
    gw_str rest = gw_buf_str(&out);
    while (rest.n > 0) {
      gw_str line = gw_str_cut(&rest, '\n');
      gw_log(findings->errors > 0 ? GW_LOG_ERROR : GW_LOG_WARN, "reload", GW_STR_FMT,
             GW_STR_ARG(line));
    }
  }
  gw_buf_done(&out);
}

typedef gw_code serve_load_fn(gw_server *server, gw_findings *findings);

/* Whether breaking changes are allowed, the server knows from its start. */
static gw_code serve_reload(gw_server *server, gw_findings *findings) {
  return gw_server_reload(server, false, findings);
}

static void serve_load(gw_server *server, serve_load_fn *load) {
  gw_findings findings;
  gw_findings_init(&findings);
  gw_code code = load(server, &findings);
  if ((code != GW_OK && code != GW_AGAIN) || findings.count > 0) serve_log_findings(&findings);
  gw_findings_done(&findings);
}

/* Until a drain begins, by signal or by the admin API (which sends SIGTERM to its own process). */
static void serve_wait(gw_server *server, const sigset_t *signals) {
  for (unsigned tick = 0; !gw_server_is_draining(server); tick++) {
    const struct timespec moment = { .tv_nsec = GW_GUARD_TICK_MS * 1000000L };
    int signal = sigtimedwait(signals, NULL, &moment);
    gw_server_tick(server);
    if (signal < 0 && tick % SERVE_LOOK_TICKS == 0) serve_load(server, gw_server_refresh);
    if (signal == SIGHUP) serve_load(server, serve_reload);
    if (signal == SIGTERM || signal == SIGINT) gw_server_drain(server);
  }
}

/* Descriptors for twice the connections; what the hard limit allows. */
static void serve_raise_descriptors(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static int serve_run(gw_snapshot *snapshot, bool allow_breaking, const sigset_t *signals) {
  gw_server *server = NULL;
  gw_admin *admin = NULL;
  gw_err err;
  gw_err_init(&err);
  if (gw_server_start(snapshot, allow_breaking, &server, &err) != GW_OK) {
    fprintf(stderr, "sluice: %s\n", err.text);
    return GW_EXIT_FINDING;
  }
  if (snapshot->has_admin && gw_admin_start(server, snapshot, &admin, &err) != GW_OK) {
    fprintf(stderr, "sluice: %s\n", err.text);
    gw_server_drain(server);
    gw_server_wait(server);
    gw_server_free(server);
    return GW_EXIT_FINDING;
  }
  gw_log(GW_LOG_INFO, "start", "sluice " GW_VERSION ": %u routes, %u workers",
         snapshot->route_count, snapshot->workers);
  serve_wait(server, signals);
  /* A second Ctrl-C ends the process at once; a second SIGTERM (an API drain, then a supervisor's)
   * does not. */
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  pthread_sigmask(SIG_UNBLOCK, &interrupt, NULL);
  gw_server_wait(server);
  gw_admin_stop(admin); /* /livez and /readyz answer until the end of the drain */
  gw_server_free(server);
  return GW_EXIT_OK;
}

static int serve_start(const char *path, bool allow_breaking) {
  sigset_t signals;
  gw_log_level level;
  sigemptyset(&signals);
  sigaddset(&signals, SIGHUP);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before any thread: only this one takes them */
  signal(SIGPIPE, SIG_IGN);
  serve_raise_descriptors();
  gw_snapshot *snapshot = gw_command_open(path);
  if (snapshot == NULL) return GW_EXIT_FINDING;
  if (gw_log_level_parse(snapshot->log_level, &level)) gw_log_level_set(level);
  if (gw_log_start() != GW_OK) return GW_EXIT_FINDING;
  int status = serve_run(snapshot, allow_breaking, &signals);
  gw_snapshot_unref(snapshot);
  gw_log(GW_LOG_INFO, "stop", "stopped");
  gw_log_done();
  gw_live_done();
  gw_metrics_done();
  return status;
}

int gw_command_serve(int argc, char **argv) {
  const char *path = NULL;
  bool allow_breaking = false;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--allow-breaking") == 0)
      allow_breaking = true;
    else if (gw_command_is_option(argv[i]))
      return gw_command_misused("unknown option", argv[i]);
    else if (path != NULL)
      return gw_command_misused("serve takes one CONFIG", argv[i]);
    else
      path = argv[i];
  }
  if (path == NULL) return gw_command_misused("serve takes CONFIG", NULL);
  return serve_start(path, allow_breaking);
}
