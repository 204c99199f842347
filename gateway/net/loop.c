#include "net/loop.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/log.h"
#include "net/gzip.h"
#include "net/loop_uv.h"

/* So late a timer waits for what the sockets hold: this thread did not run, and an answer that came
 * meanwhile is no missed deadline. */
#define LOOP_LATE_MS 20u

typedef struct loop_post {
  struct loop_post *next;
  gw_post_fn *run;
  void *context;
} loop_post;

struct gw_loop {
  uv_loop_t uv;
  uv_prepare_t before_poll;
  uv_check_t after_poll;
  uv_timer_t alarm; /* armed for the earliest timer */
  uv_async_t wake;
  uv_mutex_t post_lock;
  loop_post *posts, **posts_end; /* under post_lock */
  gw_task *tasks, **tasks_end;
  uint64_t woke_us; /* 0: not asked yet */
  gw_timer **heap;  /* heap[0] is the earliest */
  size_t heap_n, heap_cap;
  uint64_t alarm_at_ms; /* 0: not armed */
  bool is_firing;
  bool has_waited; /* late timers: the sockets were looked at */
  gw_arena_pool arena_pool;
  gw_mem_pool mem_pool;
  loop_tls *tls;
  gw_gzip *gzip;
  char read_scratch[LOOP_SCRATCH_BYTES + LOOP_SCRATCH_PAD];
  char write_scratch[LOOP_SCRATCH_BYTES];
};

/* ---- tasks ---- */

/* A task may defer others; they run in the same iteration. */
static void loop_run_tasks(gw_loop *loop) {
  while (loop->tasks != NULL) {
    gw_task *task = loop->tasks;
    loop->tasks = task->next;
    if (loop->tasks == NULL) loop->tasks_end = &loop->tasks;
    task->deferred = false;
    task->run(task);
  }
}

static void loop_on_prepare(uv_prepare_t *handle) {
  gw_loop *loop = GW_CONTAINER_OF(handle, gw_loop, before_poll);
  loop_run_tasks(loop);
  loop->woke_us = 0;
}

static void loop_on_check(uv_check_t *handle) {
  loop_run_tasks(GW_CONTAINER_OF(handle, gw_loop, after_poll));
}

void gw_loop_defer(gw_loop *loop, gw_task *task) {
  if (task->deferred) return;
  task->deferred = true;
  task->next = NULL;
  *loop->tasks_end = task;
  loop->tasks_end = &task->next;
}

void gw_loop_withdraw(gw_loop *loop, gw_task *task) {
  if (!task->deferred) return;
  gw_task **link = &loop->tasks;
  while (*link != task)
    link = &(*link)->next;
  *link = task->next;
  if (*link == NULL) loop->tasks_end = link;
  task->deferred = false;
}

/* ---- timers: a binary heap; most deadlines are set near its bottom and cancelled there ---- */

static void heap_put(gw_loop *loop, size_t i, gw_timer *timer) {
  loop->heap[i] = timer;
  timer->slot = i + 1;
}

static void heap_up(gw_loop *loop, size_t i) {
  gw_timer *timer = loop->heap[i];
  while (i > 0) {
    size_t parent = (i - 1) / 2;
    if (loop->heap[parent]->at_ms <= timer->at_ms) break;
    heap_put(loop, i, loop->heap[parent]);
    i = parent;
  }
  heap_put(loop, i, timer);
}

static void heap_down(gw_loop *loop, size_t i) {
  gw_timer *timer = loop->heap[i];
  for (;;) {
    size_t child = 2 * i + 1;
    if (child >= loop->heap_n) break;
    if (child + 1 < loop->heap_n && loop->heap[child + 1]->at_ms < loop->heap[child]->at_ms) {
      child++;
    }
    if (timer->at_ms <= loop->heap[child]->at_ms) break;
    heap_put(loop, i, loop->heap[child]);
    i = child;
  }
  heap_put(loop, i, timer);
}

static void loop_on_alarm(uv_timer_t *alarm);

/* The alarm is only ever moved forward here: a cancelled earliest timer costs one empty wake-up. */
static void loop_arm(gw_loop *loop) {
  if (loop->heap_n == 0) return;
  uint64_t at_ms = loop->heap[0]->at_ms, now = uv_now(&loop->uv);
  if (loop->alarm_at_ms != 0 && loop->alarm_at_ms <= at_ms) return;
  loop->alarm_at_ms = at_ms;
  uv_timer_start(&loop->alarm, loop_on_alarm, at_ms > now ? at_ms - now : 0, 0);
}

static void loop_on_alarm(uv_timer_t *alarm) {
  gw_loop *loop = GW_CONTAINER_OF(alarm, gw_loop, alarm);
  uint64_t now = uv_now(&loop->uv);
  bool is_late = loop->heap_n > 0 && loop->heap[0]->at_ms + LOOP_LATE_MS < now;
  loop->has_waited = is_late && !loop->has_waited;
  if (loop->has_waited) {
    loop->alarm_at_ms = now + 1; /* the next iteration; libuv would run 0 in this one */
    uv_timer_start(alarm, loop_on_alarm, 1, 0);
    return;
  }
  loop->alarm_at_ms = 0;
  loop->is_firing = true;
  while (loop->heap_n > 0 && loop->heap[0]->at_ms <= now) {
    gw_timer *timer = loop->heap[0];
    gw_timer_cancel(loop, timer);
    timer->fired(timer);
  }
  loop->is_firing = false;
  loop_arm(loop);
}

bool gw_timer_set(gw_loop *loop, gw_timer *timer, uint64_t at_ms) {
  /* What a timer sets to now or the past waits for the others of this iteration, I/O included. */
  if (loop->is_firing && at_ms <= uv_now(&loop->uv)) at_ms = uv_now(&loop->uv) + 1;
  if (timer->slot != 0) {
    uint64_t was = timer->at_ms;
    timer->at_ms = at_ms;
    if (at_ms < was) {
      heap_up(loop, timer->slot - 1);
    } else {
      heap_down(loop, timer->slot - 1);
    }
  } else {
    if (loop->heap_n == loop->heap_cap) {
      size_t cap = loop->heap_cap == 0 ? 64 : 2 * loop->heap_cap;
      gw_timer **grown = realloc(loop->heap, cap * sizeof *grown);
      if (grown == NULL) return false;
      loop->heap = grown;
      loop->heap_cap = cap;
    }
    timer->at_ms = at_ms;
    loop->heap[loop->heap_n] = timer;
    heap_up(loop, loop->heap_n++);
  }
  loop_arm(loop);
  return true;
}

void gw_timer_cancel(gw_loop *loop, gw_timer *timer) {
  if (timer->slot == 0) return;
  size_t i = timer->slot - 1;
  assert(i < loop->heap_n && loop->heap[i] == timer);
  gw_timer *last = loop->heap[--loop->heap_n];
  timer->slot = 0;
  if (last == timer) return;
  heap_put(loop, i, last);
  heap_down(loop, i);
  heap_up(loop, last->slot - 1);
}

/* ---- posts from other threads ---- */

static void loop_on_wake(uv_async_t *wake) {
  gw_loop *loop = GW_CONTAINER_OF(wake, gw_loop, wake);
  uv_mutex_lock(&loop->post_lock);
  loop_post *post = loop->posts;
  loop->posts = NULL;
  loop->posts_end = &loop->posts;
  uv_mutex_unlock(&loop->post_lock);
  while (post != NULL) {
    loop_post *next = post->next;
    post->run(post->context);
    free(post);
    post = next;
  }
}

bool gw_loop_post(gw_loop *loop, gw_post_fn *run, void *context) {
  loop_post *post = malloc(sizeof *post);
  if (post == NULL) return false;
  *post = (loop_post){ .run = run, .context = context };
  uv_mutex_lock(&loop->post_lock);
  *loop->posts_end = post;
  loop->posts_end = &post->next;
  /* Within the lock: once the post can run, the loop may end and be freed. */
  uv_async_send(&loop->wake);
  uv_mutex_unlock(&loop->post_lock);
  return true;
}

/* ---- life ---- */

gw_loop *gw_loop_new(void) {
  gw_loop *loop = calloc(1, sizeof *loop);
  if (loop == NULL) return NULL;
  loop->tasks_end = &loop->tasks;
  loop->posts_end = &loop->posts;
  if (uv_loop_init(&loop->uv) != 0) {
    free(loop);
    return NULL;
  }
  if (uv_mutex_init(&loop->post_lock) != 0) {
    uv_loop_close(&loop->uv);
    free(loop);
    return NULL;
  }
  if (uv_async_init(&loop->uv, &loop->wake, loop_on_wake) != 0) {
    uv_mutex_destroy(&loop->post_lock);
    uv_loop_close(&loop->uv);
    free(loop);
    return NULL;
  }
  uv_timer_init(&loop->uv, &loop->alarm);
  uv_prepare_init(&loop->uv, &loop->before_poll);
  uv_prepare_start(&loop->before_poll, loop_on_prepare);
  uv_check_init(&loop->uv, &loop->after_poll);
  uv_check_start(&loop->after_poll, loop_on_check);
  return loop;
}

void gw_loop_free(gw_loop *loop) {
  if (loop == NULL) return;
  uv_close((uv_handle_t *)&loop->wake, NULL);
  uv_close((uv_handle_t *)&loop->alarm, NULL);
  uv_close((uv_handle_t *)&loop->before_poll, NULL);
  uv_close((uv_handle_t *)&loop->after_poll, NULL);
  uv_run(&loop->uv, UV_RUN_DEFAULT);
  uv_loop_close(&loop->uv);
  for (loop_post *post = loop->posts, *next; post != NULL; post = next) {
    next = post->next;
    free(post);
  }
  uv_mutex_destroy(&loop->post_lock);
  gw_arena_pool_done(&loop->arena_pool);
  gw_mem_pool_done(&loop->mem_pool);
  free(loop->heap);
  free(loop->tls);
  gw_gzip_free(loop->gzip);
  free(loop);
}

void gw_loop_run(gw_loop *loop) {
  uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void gw_loop_stop(gw_loop *loop) {
  uv_stop(&loop->uv);
}

uint64_t gw_loop_now_ms(const gw_loop *loop) {
  return uv_now(&loop->uv);
}

uint64_t gw_loop_woke_us(gw_loop *loop) {
  if (loop->woke_us == 0) loop->woke_us = gw_clock_us();
  return loop->woke_us;
}

gw_arena_pool *gw_loop_arena_pool(gw_loop *loop) {
  return &loop->arena_pool;
}

gw_mem_pool *gw_loop_mem_pool(gw_loop *loop) {
  return &loop->mem_pool;
}

gw_gzip *gw_loop_gzip(gw_loop *loop) {
  if (loop->gzip == NULL) loop->gzip = gw_gzip_new();
  return loop->gzip;
}

uv_loop_t *gw_loop_uv(gw_loop *loop) {
  return &loop->uv;
}

char *gw_loop_read_scratch(gw_loop *loop) {
  return loop->read_scratch;
}

char *gw_loop_write_scratch(gw_loop *loop) {
  return loop->write_scratch;
}

loop_tls *gw_loop_tls(gw_loop *loop) {
  if (loop->tls == NULL) loop->tls = malloc(sizeof *loop->tls);
  return loop->tls;
}
