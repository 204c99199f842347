#include "demo/curl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define CURL_EXEC_FAILED 127 /* as a shell says it */
#define CURL_STRING(x)   #x
#define CURL_NUMBER(x)   CURL_STRING(x)

/* Not what the demo shows: no settings of the user's own, no proxy, an end, the status at the end
 * of the output. */
static const char *const hidden_args[] = {
  "curl",          "-q", "-sS", "--noproxy", "*", "--max-time", CURL_NUMBER(GW_CURL_SECONDS), "-w",
  "\n%{http_code}"
};

/* Only calls that are allowed between fork and exec of a process with threads. */
static _Noreturn void curl_exec(char *const *argv, int output) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  int nothing = open("/dev/null", O_RDONLY);
  if (nothing >= 0 && dup2(nothing, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0) {
    execvp(argv[0], argv);
  }
  _exit(CURL_EXEC_FAILED);
}

static gw_code curl_read_all(int input, gw_buf *out) {
  char piece[4096];
  for (;;) {
    ssize_t n = read(input, piece, sizeof piece);
    if (n == 0) return GW_OK;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return GW_UNAVAILABLE;
    gw_code code = gw_buf_append(out, (gw_str){ piece, (size_t)n });
    if (code != GW_OK) return code;
  }
}

static int curl_wait(pid_t child) {
  int state;
  while (waitpid(child, &state, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

/* Cuts the status off the end of the output. */
static void curl_take_status(gw_curl_answer *answer) {
  gw_str text = gw_buf_str(&answer->text);
  uint64_t status;
  while (text.n > 0 && text.p[text.n - 1] != '\n')
    text.n--;
  if (gw_str_parse_u64(gw_str_skip(gw_buf_str(&answer->text), text.n), &status) && status < 1000) {
    answer->status = (int)status;
    answer->text.n = text.n > 0 ? text.n - 1 : 0;
  }
}

gw_code gw_curl_run(const char *const *args, gw_curl_answer *out, gw_err *err) {
  const char *argv[GW_COUNT_OF(hidden_args) + GW_CURL_ARGS_MAX + 1] = { NULL };
  size_t argc = GW_COUNT_OF(hidden_args);
  int ends[2];
  *out = (gw_curl_answer){ 0 };
  gw_buf_init(&out->text, NULL, GW_CURL_ANSWER_MAX);
  memcpy(argv, hidden_args, sizeof hidden_args);
  for (size_t i = 0; args[i] != NULL; i++) {
    assert(i < GW_CURL_ARGS_MAX);
    argv[argc++] = args[i];
  }
  if (pipe2(ends, O_CLOEXEC) != 0) return gw_err_set(err, GW_UNAVAILABLE, "no pipe");
  pid_t child = fork();
  if (child == 0) curl_exec((char *const *)(uintptr_t)argv, ends[1]);
  close(ends[1]);
  gw_code code = child < 0 ? GW_UNAVAILABLE : curl_read_all(ends[0], &out->text);
  close(ends[0]);
  if (code != GW_OK) gw_err_set(err, code, "curl's answer cannot be read");
  if (child < 0) return code;
  int exit_status = curl_wait(child);
  if (exit_status == CURL_EXEC_FAILED) {
    return gw_err_set(err, GW_NOT_FOUND, "curl is missing; on Debian: apt-get install curl");
  }
  if (exit_status != 0 && code == GW_OK) {
    return gw_err_set(err, GW_UNAVAILABLE, "curl failed with exit status %d", exit_status);
  }
  curl_take_status(out);
  return code;
}

void gw_curl_done(gw_curl_answer *answer) {
  gw_buf_done(&answer->text);
}

/* In single quotes unless every byte is harmless.  The demo's arguments hold no single quote. */
static gw_code curl_print_arg(const char *arg, gw_buf *out) {
  static const char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                 "-_./:=@%+,";
  bool is_plain = arg[0] != '\0' && strspn(arg, harmless) == strlen(arg);
  assert(strchr(arg, '\'') == NULL);
  return gw_buf_printf(out, is_plain ? " %s" : " '%s'", arg);
}

gw_code gw_curl_print(const char *const *args, gw_buf *out) {
  gw_code code = gw_buf_append(out, GW_STR("curl"));
  for (size_t i = 0; args[i] != NULL && code == GW_OK; i++)
    code = curl_print_arg(args[i], out);
  return code;
}
