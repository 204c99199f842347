/* pump: turns a loop until something is true; fails the test when that takes ten seconds. */
#pragma once

#include <signal.h>

#include "net/loop_uv.h"
#include "unit/test.h"

#define PUMP_PATIENCE_MS 10000u

/* As in the program: a connection that its peer left is a failed write. */
__attribute__((constructor)) static inline void pump_ignore_sigpipe(void) {
  signal(SIGPIPE, SIG_IGN);
}

/* Wakes the loop every millisecond: a timer or a task may have been all there was to wait for. */
typedef struct pump_guard {
  gw_timer timer;
  gw_loop *loop;
} pump_guard;

static inline void pump_on_guard(gw_timer *timer) {
  pump_guard *guard = GW_CONTAINER_OF(timer, pump_guard, timer);
  gw_timer_set(guard->loop, timer, gw_loop_now_ms(guard->loop) + 1);
}

static inline void pump_turn(gw_loop *loop) {
  pump_guard guard = { .timer.fired = pump_on_guard, .loop = loop };
  gw_timer_set(loop, &guard.timer, gw_loop_now_ms(loop) + 1);
  uv_run(gw_loop_uv(loop), UV_RUN_ONCE);
  gw_timer_cancel(loop, &guard.timer);
}

static inline void pump_once(gw_loop *loop, uint64_t until_ms, const char *file, int line) {
  pump_turn(loop);
  if (gw_loop_now_ms(loop) >= until_ms) {
    print_error("nothing happened for %u ms\n", PUMP_PATIENCE_MS);
    _fail(file, line);
  }
}

#define PUMP(loop, condition)                                                                      \
  do {                                                                                             \
    uint64_t pump_until_ms = gw_loop_now_ms(loop) + PUMP_PATIENCE_MS;                              \
    while (!(condition))                                                                           \
      pump_once(loop, pump_until_ms, __FILE__, __LINE__);                                          \
  } while (0)

/* Lets the loop go on for a while: for what must not happen. */
static inline void pump_for(gw_loop *loop, uint64_t ms) {
  uint64_t end_ms = gw_loop_now_ms(loop) + ms;
  while (gw_loop_now_ms(loop) < end_ms)
    pump_turn(loop);
}
