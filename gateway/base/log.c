#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/wall_time.h"

#define LOG_QUEUE_BYTES_MAX GW_MIB(1)
#define LOG_DONE_SECONDS    1 /* for the last lines to leave */
#define LOG_LINE_BYTES_MAX  GW_KIB(16)
#define LOG_TEXT_BYTES_MAX  1024

static struct {
  pthread_mutex_t lock;
  pthread_cond_t filled;
  pthread_t writer;
  bool running, stopping;
  gw_buf queue; /* under lock */
} log_state = { .lock = PTHREAD_MUTEX_INITIALIZER,
                .filled = PTHREAD_COND_INITIALIZER,
                .queue = { .max = LOG_QUEUE_BYTES_MAX } };

static _Atomic int log_level = GW_LOG_INFO;
static _Atomic uint64_t log_dropped;

static const char *const level_names[] = { "debug", "info", "warn", "error" };

uint64_t gw_clock_wall_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t gw_clock_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void log_write_all(gw_str bytes) {
  while (bytes.n > 0) {
    ssize_t n = write(STDERR_FILENO, bytes.p, bytes.n);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return; /* nobody reads: nothing to tell it to */
    bytes = gw_str_skip(bytes, (size_t)n);
  }
}

static void *log_run(void *unused) {
  gw_buf batch;
  (void)unused;
  gw_buf_init(&batch, NULL, LOG_QUEUE_BYTES_MAX);
  pthread_mutex_lock(&log_state.lock);
  for (;;) {
    while (log_state.queue.n == 0 && !log_state.stopping) {
      pthread_cond_wait(&log_state.filled, &log_state.lock);
    }
    if (log_state.queue.n == 0) break;
    gw_buf swapped = log_state.queue;
    log_state.queue = batch;
    batch = swapped;
    pthread_mutex_unlock(&log_state.lock);
    log_write_all(gw_buf_str(&batch));
    batch.n = 0;
    pthread_mutex_lock(&log_state.lock);
  }
  pthread_mutex_unlock(&log_state.lock);
  gw_buf_done(&batch);
  return NULL;
}

gw_code gw_log_start(void) {
  log_state.stopping = false;
  if (pthread_create(&log_state.writer, NULL, log_run, NULL) != 0) return GW_NOMEM;
  log_state.running = true;
  return GW_OK;
}

void gw_log_done(void) {
  if (!log_state.running) return;
  pthread_mutex_lock(&log_state.lock);
  log_state.stopping = true;
  pthread_cond_signal(&log_state.filled);
  pthread_mutex_unlock(&log_state.lock);
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += LOG_DONE_SECONDS;
  log_state.running = false;
  /* A pipe that nobody reads holds the writer: the end of the process takes it along. */
  if (pthread_timedjoin_np(log_state.writer, NULL, &until) == 0) gw_buf_done(&log_state.queue);
}

void gw_log_level_set(gw_log_level level) {
  atomic_store(&log_level, level);
}

bool gw_log_level_parse(gw_str text, gw_log_level *out) {
  for (size_t i = 0; i < GW_COUNT_OF(level_names); i++) {
    if (!gw_str_eq(text, gw_str_of(level_names[i]))) continue;
    *out = (gw_log_level)i;
    return true;
  }
  return false;
}

void gw_log_write(gw_str lines) {
  if (lines.n == 0) return;
  if (!log_state.running) {
    log_write_all(lines);
    return;
  }
  pthread_mutex_lock(&log_state.lock);
  bool was_empty = log_state.queue.n == 0;
  gw_code code = gw_buf_append(&log_state.queue, lines);
  if (code == GW_OK && was_empty) pthread_cond_signal(&log_state.filled);
  pthread_mutex_unlock(&log_state.lock);
  if (code != GW_OK) atomic_fetch_add(&log_dropped, 1);
}

uint64_t gw_log_dropped(void) {
  return atomic_load(&log_dropped);
}

gw_code gw_log_open(gw_buf *line, uint64_t wall_ms) {
  char text[GW_WALL_TIME_BYTES];
  gw_wall_time_print(wall_ms, text);
  return gw_buf_printf(line, "{\"time\":\"%s\"", text);
}

static gw_code log_field(gw_buf *line, const char *key, gw_str value) {
  gw_code code = gw_buf_printf(line, ",\"%s\":", key);
  return code == GW_OK ? gw_buf_append_json_string(line, value) : code;
}

static void log_event(gw_log_level level, const char *event, const gw_log_field *fields,
                      size_t count, const char *format, va_list args) {
  char text[LOG_TEXT_BYTES_MAX];
  gw_buf line;
  if ((int)level < atomic_load(&log_level)) return;
  vsnprintf(text, sizeof text, format, args);
  gw_buf_init(&line, NULL, LOG_LINE_BYTES_MAX);
  gw_code code = gw_log_open(&line, gw_clock_wall_ms());
  if (code == GW_OK) code = log_field(&line, "level", gw_str_of(level_names[level]));
  if (code == GW_OK) code = log_field(&line, "event", gw_str_of(event));
  if (code == GW_OK) code = log_field(&line, "text", gw_str_of(text));
  for (size_t i = 0; i < count && code == GW_OK; i++)
    code = log_field(&line, fields[i].key, fields[i].value);
  if (code == GW_OK) code = gw_buf_append(&line, GW_STR("}\n"));
  if (code == GW_OK) gw_log_write(gw_buf_str(&line));
  gw_buf_done(&line);
}

void gw_log(gw_log_level level, const char *event, const char *format, ...) {
  va_list args;
  va_start(args, format);
  log_event(level, event, NULL, 0, format, args);
  va_end(args);
}

void gw_log_fields(gw_log_level level, const char *event, const gw_log_field *fields, size_t count,
                   const char *format, ...) {
  va_list args;
  va_start(args, format);
  log_event(level, event, fields, count, format, args);
  va_end(args);
}
