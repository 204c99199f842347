#include "demo/traffic.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"

#define TRAFFIC_PAUSE_MS     4
#define TRAFFIC_SECONDS      5 /* for an answer */
#define TRAFFIC_ANSWER_MAX   GW_KIB(8)
#define TRAFFIC_UNKNOWN_EACH 20u /* one of so many asks for a user that nobody has */

struct gw_traffic {
  pthread_t thread;
  uint16_t port;
  _Atomic bool stops;
  _Atomic uint64_t sent, failed;
};

static int traffic_connect(uint16_t port) {
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
  struct timeval patience = { .tv_sec = TRAFFIC_SECONDS };
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0) return descriptor;
  close(descriptor);
  return -1;
}

/* Whether `text` (NUL-terminated) is a whole answer with a length. */
static bool traffic_is_whole(const char *text, size_t n) {
  const char *body = strstr(text, "\r\n\r\n");
  const char *length = strcasestr(text, "\r\ncontent-length:");
  if (body == NULL || length == NULL || length > body) return false;
  size_t expected = strtoul(length + sizeof "\r\ncontent-length:" - 1, NULL, 10);
  return n - (size_t)(body + 4 - text) >= expected;
}

/* The status; 0: no answer. */
static int traffic_ask(int descriptor, unsigned user) {
  char text[TRAFFIC_ANSWER_MAX + 1];
  size_t n = 0;
  int head = snprintf(text, sizeof text, "GET /v1/users/%u HTTP/1.1\r\nHost: demo\r\n\r\n", user);
  if (send(descriptor, text, (size_t)head, MSG_NOSIGNAL) != head) return 0;
  while (n < TRAFFIC_ANSWER_MAX) {
    ssize_t got = recv(descriptor, text + n, TRAFFIC_ANSWER_MAX - n, 0);
    if (got <= 0) return 0;
    n += (size_t)got;
    text[n] = '\0';
    if (traffic_is_whole(text, n)) return (int)strtol(text + sizeof "HTTP/1.1 " - 1, NULL, 10);
  }
  return 0;
}

static void *traffic_run(void *user) {
  gw_traffic *traffic = user;
  int descriptor = -1;
  for (unsigned i = 1; !atomic_load(&traffic->stops); i++) {
    bool is_unknown = i % TRAFFIC_UNKNOWN_EACH == 0;
    if (descriptor < 0) descriptor = traffic_connect(traffic->port);
    int status = descriptor < 0 ? 0 : traffic_ask(descriptor, is_unknown ? 99 : 7 + i % 2);
    atomic_fetch_add(&traffic->sent, 1);
    if (status != (is_unknown ? 404 : 200)) atomic_fetch_add(&traffic->failed, 1);
    if (status == 0 && descriptor >= 0) {
      close(descriptor);
      descriptor = -1;
    }
    nanosleep(&(struct timespec){ .tv_nsec = TRAFFIC_PAUSE_MS * 1000000L }, NULL);
  }
  if (descriptor >= 0) close(descriptor);
  return NULL;
}

gw_code gw_traffic_start(uint16_t port, gw_traffic **out, gw_err *err) {
  gw_traffic *traffic = calloc(1, sizeof *traffic);
  if (traffic == NULL) return gw_err_set(err, GW_NOMEM, "no memory for the demo's clients");
  traffic->port = port;
  if (pthread_create(&traffic->thread, NULL, traffic_run, traffic) != 0) {
    free(traffic);
    return gw_err_set(err, GW_NOMEM, "no thread for the demo's clients");
  }
  *out = traffic;
  return GW_OK;
}

void gw_traffic_count(const gw_traffic *traffic, uint64_t *sent, uint64_t *failed) {
  *sent = atomic_load(&traffic->sent);
  *failed = atomic_load(&traffic->failed);
}

void gw_traffic_stop(gw_traffic *traffic) {
  if (traffic == NULL) return;
  atomic_store(&traffic->stops, true);
  pthread_join(traffic->thread, NULL);
  free(traffic);
}
