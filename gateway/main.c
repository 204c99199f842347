/* main: the commands of `sluice` (DESIGN section 2). */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/log.h"
#include "base/metrics.h"
#include "codec/json_to_wire.h"
#include "control/explain.h"
#include "control/snapshot.h"
#include "demo/demo.h"
#include "server.h"

enum { EXIT_OK = 0, EXIT_FINDING = 1, EXIT_USAGE = 2 };

#define MAIN_OUT_BYTES_MAX GW_MIB(64)
#define SERVE_LOOK_MS      250 /* for certificates that changed: within a second they are used */

static const char usage_text[] =
    "usage: sluice COMMAND [ARGUMENTS]\n"
    "\n"
    "  serve CONFIG                     run the gateway; SIGHUP reloads, SIGTERM drains and stops\n"
    "  check CONFIG                     load all that serve would, report every error, print the "
    "routes\n"
    "  routes CONFIG [--json]           print the route table\n"
    "  explain CONFIG 'GET /path?x=1' [--body FILE]\n"
    "                                   tell what the gateway would do with a request; calls "
    "nobody\n"
    "  demo [--once]                    a gRPC service, a gateway before it, and curl's real "
    "answers\n"
    "\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 success, 1 a finding (bad configuration, no route), 2 wrong usage.\n";

static int usage_error(const char *text, const char *what) {
  fprintf(stderr, "sluice: %s%s%s\n\n%s", text, what != NULL ? ": " : "", what != NULL ? what : "",
          usage_text);
  return EXIT_USAGE;
}

/* ---- loading ---- */

static void findings_show(const gw_findings *findings) {
  gw_buf out;
  gw_buf_init(&out, NULL, MAIN_OUT_BYTES_MAX);
  if (gw_findings_print(findings, &out) == GW_OK && out.n > 0) fwrite(out.p, 1, out.n, stderr);
  gw_buf_done(&out);
}

/* NULL: every mistake was printed. */
static gw_snapshot *snapshot_open(const char *path) {
  gw_findings findings;
  gw_snapshot *snapshot = NULL;
  gw_findings_init(&findings);
  if (gw_snapshot_load(path, &findings, &snapshot) != GW_OK) {
    if (findings.count == 0) fprintf(stderr, "%s: cannot be loaded\n", path);
    snapshot = NULL;
  }
  findings_show(&findings); /* also the warnings of a good one */
  gw_findings_done(&findings);
  return snapshot;
}

/* ---- serve ---- */

/* Each finding is one event of the log. */
static void serve_log_findings(const gw_findings *findings) {
  gw_buf out;
  gw_buf_init(&out, NULL, MAIN_OUT_BYTES_MAX);
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

static void serve_load(gw_server *server, serve_load_fn *load) {
  gw_findings findings;
  gw_findings_init(&findings);
  gw_code code = load(server, &findings);
  if ((code != GW_OK && code != GW_AGAIN) || findings.count > 0) serve_log_findings(&findings);
  gw_findings_done(&findings);
}

/* Until a drain begins, by signal or by the admin API (which sends SIGTERM to its own process). */
static void serve_wait(gw_server *server, const sigset_t *signals) {
  while (!gw_server_is_draining(server)) {
    const struct timespec moment = { .tv_nsec = SERVE_LOOK_MS * 1000000L };
    int signal = sigtimedwait(signals, NULL, &moment);
    if (signal < 0) serve_load(server, gw_server_refresh);
    if (signal == SIGHUP) serve_load(server, gw_server_reload);
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

static int serve_run(gw_snapshot *snapshot, const sigset_t *signals) {
  gw_server *server = NULL;
  gw_admin *admin = NULL;
  gw_err err;
  gw_err_init(&err);
  if (gw_server_start(snapshot, &server, &err) != GW_OK) {
    fprintf(stderr, "sluice: %s\n", err.text);
    return EXIT_FINDING;
  }
  if (snapshot->has_admin && gw_admin_start(server, snapshot, &admin, &err) != GW_OK) {
    fprintf(stderr, "sluice: %s\n", err.text);
    gw_server_drain(server);
    gw_server_wait(server);
    gw_server_free(server);
    return EXIT_FINDING;
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
  return EXIT_OK;
}

static int command_serve(const char *path) {
  sigset_t signals;
  gw_log_level level;
  sigemptyset(&signals);
  sigaddset(&signals, SIGHUP);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before any thread: only this one takes them */
  signal(SIGPIPE, SIG_IGN);
  serve_raise_descriptors();
  gw_snapshot *snapshot = snapshot_open(path);
  if (snapshot == NULL) return EXIT_FINDING;
  if (gw_log_level_parse(snapshot->log_level, &level)) gw_log_level_set(level);
  if (gw_log_start() != GW_OK) return EXIT_FINDING;
  int status = serve_run(snapshot, &signals);
  gw_snapshot_unref(snapshot);
  gw_log(GW_LOG_INFO, "stop", "stopped");
  gw_log_done();
  gw_metrics_done();
  return status;
}

/* ---- check, routes, explain ---- */

static int command_routes(const char *path, bool json) {
  gw_buf out;
  gw_snapshot *snapshot = snapshot_open(path);
  if (snapshot == NULL) return EXIT_FINDING;
  gw_buf_init(&out, NULL, MAIN_OUT_BYTES_MAX);
  gw_code code = gw_routes_print(snapshot, json, &out);
  if (code == GW_OK && out.n > 0) fwrite(out.p, 1, out.n, stdout);
  gw_buf_done(&out);
  gw_snapshot_unref(snapshot);
  return code == GW_OK ? EXIT_OK : EXIT_FINDING;
}

/* A file with GW_JSON_PAD readable bytes behind it. */
static bool body_read(const char *path, gw_buf *out) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return false;
  gw_code code;
  while ((code = gw_buf_reserve(out, GW_KIB(64))) == GW_OK) {
    size_t n = fread(out->p + out->n, 1, GW_KIB(64), file);
    if (n == 0) break;
    out->n += n;
  }
  bool is_good = code == GW_OK && !ferror(file);
  fclose(file);
  _Static_assert(GW_BUF_SLACK >= GW_JSON_PAD, "the buffer's slack is the codec's padding");
  return is_good;
}

static int command_explain(const char *path, const char *request, const char *body_path) {
  gw_buf out, body;
  gw_err err;
  gw_buf_init(&body, NULL, MAIN_OUT_BYTES_MAX);
  if (body_path != NULL && !body_read(body_path, &body)) {
    fprintf(stderr, "%s: cannot be read: %s\n", body_path, strerror(errno));
    gw_buf_done(&body);
    return EXIT_FINDING;
  }
  gw_snapshot *snapshot = snapshot_open(path);
  gw_code code = GW_BAD_VALUE;
  if (snapshot != NULL) {
    gw_err_init(&err);
    gw_buf_init(&out, NULL, MAIN_OUT_BYTES_MAX);
    code = gw_explain(snapshot, gw_str_of(request), gw_buf_str(&body), &out, &err);
    if (out.n > 0) fwrite(out.p, 1, out.n, stdout);
    gw_buf_done(&out);
    gw_snapshot_unref(snapshot);
  }
  gw_buf_done(&body);
  return code == GW_OK ? EXIT_OK : EXIT_FINDING;
}

/* ---- the command line ---- */

static int main_explain(int argc, char **argv) {
  const char *body = NULL;
  if (argc == 6 && strcmp(argv[4], "--body") == 0) {
    body = argv[5];
  } else if (argc != 4) {
    return usage_error("explain takes CONFIG, a request and perhaps --body FILE", NULL);
  }
  return command_explain(argv[2], argv[3], body);
}

static int main_routes(int argc, char **argv) {
  bool json = argc == 4 && strcmp(argv[3], "--json") == 0;
  if (argc == 4 && strcmp(argv[2], "--json") == 0) return command_routes(argv[3], true);
  if (argc != 3 && !json) return usage_error("routes takes CONFIG and perhaps --json", NULL);
  return command_routes(argv[2], json);
}

static int main_demo(int argc, char **argv) {
  bool once = argc == 3 && strcmp(argv[2], "--once") == 0;
  if (argc > 2 && !once) return usage_error("demo takes at most --once", NULL);
  return gw_demo_main(once);
}

static int main_unknown(const char *command) {
  static const gw_str commands[] = { GW_STR_INIT("serve"), GW_STR_INIT("check"),
                                     GW_STR_INIT("routes"), GW_STR_INIT("explain"),
                                     GW_STR_INIT("demo") };
  const gw_str *near = gw_str_nearest(gw_str_of(command), commands, GW_COUNT_OF(commands));
  char text[64];
  if (near == NULL) return usage_error("unknown command", command);
  snprintf(text, sizeof text, "unknown command (did you mean \"" GW_STR_FMT "\"?)",
           GW_STR_ARG(*near));
  return usage_error(text, command);
}

static int main_run(int argc, char **argv) {
  if (argc < 2) return usage_error("no command", NULL);
  const char *command = argv[1];
  if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0 ||
      strcmp(command, "help") == 0) {
    fputs(usage_text, stdout);
    return EXIT_OK;
  }
  if (strcmp(command, "--version") == 0) {
    puts("sluice " GW_VERSION);
    return EXIT_OK;
  }
  if (argc > 2 && strcmp(argv[2], "--help") == 0) {
    fputs(usage_text, stdout);
    return EXIT_OK;
  }
  if (argc > 2 && strcmp(command, "demo") != 0 && argv[2][0] == '-' && argv[2][1] == '-' &&
      !(argc == 4 && strcmp(command, "routes") == 0)) {
    return usage_error("expected CONFIG", argv[2]);
  }
  if (strcmp(command, "serve") == 0) {
    return argc == 3 ? command_serve(argv[2]) : usage_error("serve takes CONFIG", NULL);
  }
  if (strcmp(command, "check") == 0) {
    return argc == 3 ? command_routes(argv[2], false) : usage_error("check takes CONFIG", NULL);
  }
  if (strcmp(command, "routes") == 0) return main_routes(argc, argv);
  if (strcmp(command, "explain") == 0) return main_explain(argc, argv);
  if (strcmp(command, "demo") == 0) return main_demo(argc, argv);
  return main_unknown(command);
}

int main(int argc, char **argv) {
  int status = main_run(argc, argv);
  if (fflush(stdout) != 0 && status == EXIT_OK) status = EXIT_FINDING;
  return status;
}
