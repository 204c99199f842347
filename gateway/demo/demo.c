#include "demo/demo.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "demo/child.h"
#include "demo/descriptors.h"
#include "demo/legacy_service.h"
#include "demo/migration_story.h"
#include "demo/story.h"
#include "demo/user_service.h"
#include "net/tcp.h"

#define DEMO_PORT       8080 /* when it is free */
#define DEMO_ADMIN_PORT 9901

typedef struct demo {
  gw_loop *loop; /* the service's */
  gw_user_service *service;
  gw_legacy_service *legacy;
  pthread_t thread;
  bool has_thread;
  uint16_t port, admin_port;
  char folder[256], config[288], descriptors[288]; /* "": not made */
  char yaml[1024];
  gw_child gateway; /* serves in a process of its own */
} demo;

/* One route is written out, for its 201; the others come from the .proto. */
static const char demo_config[] = "listen:\n"
                                  "  - address: 127.0.0.1:%u\n"
                                  "admin:\n"
                                  "  address: 127.0.0.1:%u\n"
                                  "workers: 1\n"
                                  "log: { level: warn, access: false }\n"
                                  "descriptors: [userservice.pb]\n"
                                  "upstreams:\n"
                                  "  users:\n"
                                  "    endpoints: [grpc://127.0.0.1:%u]\n"
                                  "services:\n"
                                  "  - service: userservice.UserService\n"
                                  "    upstream: users\n"
                                  "routes:\n"
                                  "  - match: POST /v1/users\n"
                                  "    rpc: userservice.UserService/CreateUser\n"
                                  "    upstream: users\n"
                                  "    body: \"*\"\n"
                                  "    success_status: 201\n";

_Static_assert(sizeof demo_config + 64 < sizeof((demo *)0)->yaml, "three ports fit too");

/* ---- the service and its thread ---- */

static void *demo_run_loop(void *loop) {
  gw_loop_run(loop);
  return NULL;
}

static void demo_stop_loop(void *loop) {
  gw_loop_stop(loop);
}

static gw_code demo_start_service(demo *d, gw_err *err) {
  d->loop = gw_loop_new();
  if (d->loop == NULL) return gw_err_set(err, GW_NOMEM, "no memory for an event loop");
  gw_code code = gw_user_service_open(d->loop, 0, &d->service, err);
  if (code != GW_OK) return code;
  if (pthread_create(&d->thread, NULL, demo_run_loop, d->loop) != 0) {
    return gw_err_set(err, GW_NOMEM, "no thread for the demo's service");
  }
  d->has_thread = true;
  return GW_OK;
}

/* Without memory for the message the thread cannot be stopped: the process's end does that. */
static void demo_stop_service(demo *d) {
  if (d->has_thread) {
    if (!gw_loop_post(d->loop, demo_stop_loop, d->loop)) return;
    pthread_join(d->thread, NULL);
  }
  gw_user_service_close(d->service);
  gw_loop_free(d->loop);
}

/* ---- files and ports ---- */

/* The preferred port if nobody has it, else any free one. */
static uint16_t demo_pick_port(uint16_t preferred) {
  gw_sockaddr address;
  for (int i = 0; i < 2; i++) {
    if (gw_sockaddr_parse(GW_STR("127.0.0.1"), i == 0 ? preferred : 0, &address) != GW_OK) break;
    int descriptor = gw_socket_bind(&address, false, NULL);
    if (descriptor < 0) continue;
    uint16_t port = gw_socket_port(descriptor);
    close(descriptor);
    return port;
  }
  return preferred; /* the gateway will say what is wrong */
}

static gw_code demo_write_file(const char *path, const void *bytes, size_t n, gw_err *err) {
  FILE *file = fopen(path, "wb");
  bool is_written = file != NULL && fwrite(bytes, 1, n, file) == n;
  bool is_closed = file != NULL && fclose(file) == 0;
  if (is_written && is_closed) return GW_OK;
  return gw_err_set(err, GW_UNAVAILABLE, "%s cannot be written", path);
}

static gw_code demo_write_files(demo *d, gw_err *err) {
  const char *parent = getenv("TMPDIR");
  if (parent == NULL || parent[0] == '\0') parent = P_tmpdir;
  int n = snprintf(d->folder, sizeof d->folder, "%s/sluice-demo-XXXXXX", parent);
  if (n < 0 || (size_t)n >= sizeof d->folder || mkdtemp(d->folder) == NULL) {
    d->folder[0] = '\0';
    return gw_err_set(err, GW_UNAVAILABLE, "no temporary folder can be made in %s", parent);
  }
  snprintf(d->config, sizeof d->config, "%s/sluice.yaml", d->folder);
  snprintf(d->descriptors, sizeof d->descriptors, "%s/userservice.pb", d->folder);
  snprintf(d->yaml, sizeof d->yaml, demo_config, (unsigned)d->port, (unsigned)d->admin_port,
           (unsigned)gw_user_service_port(d->service));
  gw_code code = demo_write_file(d->descriptors, gw_demo_descriptors, gw_demo_descriptors_n, err);
  return code != GW_OK ? code : demo_write_file(d->config, d->yaml, strlen(d->yaml), err);
}

static void demo_remove_files(demo *d) {
  char state[sizeof d->config + 8];
  if (d->folder[0] == '\0') return;
  snprintf(state, sizeof state, "%s.state", d->config); /* the gateway's, if it wrote one */
  unlink(state);
  unlink(d->config);
  unlink(d->descriptors);
  rmdir(d->folder);
}

/* ---- signals: blocked for the whole demo, looked at where it waits ---- */

static void demo_signals(sigset_t *set) {
  sigemptyset(set);
  sigaddset(set, SIGINT);
  sigaddset(set, SIGTERM);
  sigaddset(set, SIGHUP);
}

static bool demo_was_interrupted(void) {
  sigset_t waiting;
  sigpending(&waiting);
  return sigismember(&waiting, SIGINT) || sigismember(&waiting, SIGTERM) ||
         sigismember(&waiting, SIGHUP);
}

/* Until a signal comes or the gateway ends; false: it ended by itself.  A Ctrl-C reaches both. */
static bool demo_serve(demo *d) {
  sigset_t set;
  demo_signals(&set);
  sigaddset(&set, SIGCHLD);
  while (gw_child_is_running(&d->gateway)) {
    int signal_number = sigwaitinfo(&set, NULL);
    if (signal_number > 0 && signal_number != SIGCHLD) return true;
  }
  return demo_was_interrupted();
}

/* ---- the demo ---- */

static void demo_print_head(const demo *d, const char *base) {
  gw_str yaml = gw_str_of(d->yaml);
  printf("Sluice demo\n\n"
         "A gRPC service, userservice.UserService, listens on 127.0.0.1:%u; it knows no REST.\n"
         "A gateway before it answers REST clients on %s.\n"
         "This is its whole configuration; most routes come from the .proto's google.api.http "
         "rules:\n\n",
         (unsigned)gw_user_service_port(d->service), base);
  while (yaml.n > 0) {
    gw_str line = gw_str_cut(&yaml, '\n');
    printf("     " GW_STR_FMT "\n", GW_STR_ARG(line));
  }
}

/* The second part: the same gRPC service, with the one before it that it takes over from. */
static gw_code demo_migrate(demo *d, gw_story_result *result, gw_err *err) {
  gw_code code = gw_legacy_service_open(&d->legacy, err);
  if (code != GW_OK) return code;
  gw_migration_demo migration = { .port = d->port,
                                  .admin_port = d->admin_port,
                                  .legacy_port = gw_legacy_service_port(d->legacy),
                                  .service = d->service,
                                  .config = d->config };
  gw_child_stop(&d->gateway);
  code = gw_migration_story_config(&migration, false, err);
  if (code != GW_OK) return code;
  printf("\n\nThe migration\n\n"
         "A REST service that was there before listens on 127.0.0.1:%u. The gateway stands before "
         "both;\nclients keep asking it, about 200 times a second, while a route is moved. The "
         "dashboard is at\nhttp://127.0.0.1:%u/.\n",
         (unsigned)migration.legacy_port, (unsigned)d->admin_port);
  fflush(stdout);
  code = gw_child_start(&d->gateway, d->config, d->port, err);
  if (code == GW_OK) code = gw_migration_story_tell(&migration, demo_was_interrupted, result, err);
  return code;
}

static gw_code demo_tell(demo *d, bool once, bool *as_expected, gw_err *err) {
  char base[64];
  gw_story_result result, migration = { 0 };
  snprintf(base, sizeof base, "http://127.0.0.1:%u", (unsigned)d->port);
  demo_print_head(d, base);
  fflush(stdout);
  gw_code code = gw_child_start(&d->gateway, d->config, d->port, err);
  if (code == GW_OK) code = gw_story_tell(base, demo_was_interrupted, &result, err);
  if (code == GW_OK && !demo_was_interrupted()) code = demo_migrate(d, &migration, err);
  if (code != GW_OK) return code;
  result.shown += migration.shown;
  result.failed += migration.failed;
  *as_expected = result.failed == 0 && !demo_was_interrupted();
  if (result.failed == 0)
    printf("\nAll %u answers were as expected.\n", result.shown);
  else
    printf("\n%u of %u answers were not as expected.\n", result.failed, result.shown);
  if (once || demo_was_interrupted()) return GW_OK;
  printf("\nThe gateway serves on at %s: try the lines above.  Ctrl-C ends it.\n", base);
  fflush(stdout);
  if (!demo_serve(d)) return gw_err_set(err, GW_UNAVAILABLE, "the gateway ended by itself");
  return GW_OK;
}

int gw_demo_main(bool once) {
  demo d = { .gateway = { .pid = -1 } };
  sigset_t set;
  gw_err err;
  bool as_expected = false;
  gw_err_init(&err);
  signal(SIGPIPE, SIG_IGN); /* a connection that its peer left is a failed write */
  demo_signals(&set);
  sigaddset(&set, SIGCHLD);
  pthread_sigmask(SIG_BLOCK, &set, NULL); /* the service's thread inherits it */
  d.port = demo_pick_port(DEMO_PORT);
  d.admin_port = demo_pick_port(DEMO_ADMIN_PORT);
  gw_code code = demo_start_service(&d, &err);
  if (code == GW_OK) code = demo_write_files(&d, &err);
  if (code == GW_OK) code = demo_tell(&d, once, &as_expected, &err);
  fflush(stdout);
  if (code != GW_OK) fprintf(stderr, "sluice demo: %s\n", err.text);
  gw_child_stop(&d.gateway);
  gw_legacy_service_close(d.legacy);
  demo_stop_service(&d);
  demo_remove_files(&d);
  return code == GW_OK && as_expected ? 0 : 1;
}
