#include "demo/child.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILD_POLL_MS  20
#define CHILD_START_MS 10000
#define CHILD_STOP_MS  5000 /* then it is killed: its own drain is over long before */

/* Only calls that are allowed between fork and exec of a process with threads. */
static _Noreturn void child_exec(const char *config, pid_t parent) {
  static const char *const name = "sluice";
  const char *argv[] = { name, "serve", config, NULL };
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1); /* it ended before prctl */
  execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
  _exit(127);
}

static void child_pause(void) {
  nanosleep(&(struct timespec){ .tv_nsec = CHILD_POLL_MS * 1000000L }, NULL);
}

static bool child_accepts(uint16_t port) {
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return false;
  bool accepts = connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0;
  close(descriptor);
  return accepts;
}

bool gw_child_is_running(gw_child *child) {
  if (child->pid < 0) return false;
  if (waitpid(child->pid, NULL, WNOHANG) == 0) return true;
  child->pid = -1;
  return false;
}

gw_code gw_child_start(gw_child *child, const char *config, uint16_t port, gw_err *err) {
  pid_t parent = getpid();
  child->pid = fork();
  if (child->pid == 0) child_exec(config, parent);
  if (child->pid < 0) return gw_err_set(err, GW_UNAVAILABLE, "no process for the gateway");
  for (int ms = 0; ms < CHILD_START_MS; ms += CHILD_POLL_MS) {
    if (!gw_child_is_running(child)) {
      return gw_err_set(err, GW_UNAVAILABLE, "the gateway did not start");
    }
    if (child_accepts(port)) return GW_OK;
    child_pause();
  }
  return gw_err_set(err, GW_UNAVAILABLE, "the gateway does not listen after %d s",
                    CHILD_START_MS / 1000);
}

void gw_child_stop(gw_child *child) {
  if (!gw_child_is_running(child)) return;
  kill(child->pid, SIGTERM);
  for (int ms = 0; ms < CHILD_STOP_MS; ms += CHILD_POLL_MS) {
    if (!gw_child_is_running(child)) return;
    child_pause();
  }
  kill(child->pid, SIGKILL);
  while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
    continue;
  child->pid = -1;
}
