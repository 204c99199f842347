/* loop: one thread's event loop (libuv), its timers and its end-of-iteration work.
 * Everything in net/ belongs to the loop it was opened on and is used only from that loop's thread,
 * gw_loop_post() excepted.
 *
 * Timers are absolute, in milliseconds of gw_loop_now_ms() (monotonic), kept in one heap for each
 * loop.  After a pause of the whole thread what came on sockets meanwhile is handled before they
 * fire.  A task runs once at the end of the iteration in which it was deferred, before the loop
 * sleeps: this is where writes that were gathered during the iteration leave in one system call. */
#pragma once

#include "base/arena.h"
#include "base/code.h"
#include "base/mem_pool.h"

typedef struct gw_loop gw_loop;

/* Embedded by its owner; zero-initialised is unset. */
typedef struct gw_timer {
  uint64_t at_ms;
  size_t slot; /* place in the heap, +1; 0: not set */
  void (*fired)(struct gw_timer *timer);
} gw_timer;

/* Embedded by its owner; zero-initialised is idle. */
typedef struct gw_task {
  struct gw_task *next;
  bool deferred;
  void (*run)(struct gw_task *task);
} gw_task;

gw_loop *gw_loop_new(void); /* NULL: no memory or no descriptors.  Owned. */
void gw_loop_free(gw_loop *loop);
void gw_loop_run(gw_loop *loop);  /* until gw_loop_stop() */
void gw_loop_stop(gw_loop *loop); /* after the current iteration */

uint64_t gw_loop_now_ms(const gw_loop *loop); /* of this iteration; never 0 */
/* When this iteration's first event asked, as gw_clock_us(): what arrives together begins together,
 * and one look at the clock is enough. */
uint64_t gw_loop_woke_us(gw_loop *loop);

/* Sets or moves the timer; at_ms may be in the past (fires in the next iteration).  A set timer
 * needs memory: false when there is none, the timer is then unset. */
bool gw_timer_set(gw_loop *loop, gw_timer *timer, uint64_t at_ms);
void gw_timer_cancel(gw_loop *loop, gw_timer *timer); /* unset ones are a no-op */

void gw_loop_defer(gw_loop *loop, gw_task *task); /* twice is once */
void gw_loop_withdraw(gw_loop *loop, gw_task *task);

/* From any thread: runs `run(context)` on the loop's thread soon.  False: no memory. */
typedef void gw_post_fn(void *context);
bool gw_loop_post(gw_loop *loop, gw_post_fn *run, void *context);

/* Blocks for the arenas of this loop's exchanges. */
gw_arena_pool *gw_loop_arena_pool(gw_loop *loop);
/* Small pieces for the libraries of this loop. */
gw_mem_pool *gw_loop_mem_pool(gw_loop *loop);
/* For all that this loop's exchanges compress and inflate.  NULL: no memory. */
struct gw_gzip *gw_loop_gzip(gw_loop *loop);
