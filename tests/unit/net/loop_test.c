#include "net/loop.h"

#include <pthread.h>

#include "base/log.h"
#include "unit/net/pump.h"

#define TIMERS  200u
#define OPS     10000u
#define POSTERS 4u
#define POSTS   2000u

typedef struct timed {
  gw_timer timer;
  gw_loop *loop;
  bool is_set; /* in the model */
  uint32_t fired_count;
  uint64_t wanted_ms;
} timed;

static uint32_t fired_total;
static uint64_t fired_last_ms;

static void timed_on_fired(gw_timer *timer) {
  timed *t = GW_CONTAINER_OF(timer, timed, timer);
  CHECK(t->is_set);
  CHECK_INT(timer->slot, 0);
  CHECK_INT(timer->at_ms, t->wanted_ms);
  CHECK(timer->at_ms >= fired_last_ms);
  CHECK(gw_loop_now_ms(t->loop) >= timer->at_ms);
  fired_last_ms = timer->at_ms;
  t->is_set = false;
  t->fired_count++;
  fired_total++;
}

static uint32_t draw(uint32_t *state, uint32_t n) {
  *state = *state * 1664525u + 1013904223u;
  return (*state >> 8) % n;
}

TEST(loop, timers_agree_with_a_model_over_random_operations) {
  gw_loop *loop = gw_loop_new();
  static timed timers[TIMERS];
  uint32_t seed = 1;
  memset(timers, 0, sizeof timers);
  for (uint32_t i = 0; i < TIMERS; i++)
    timers[i] = (timed){ .timer.fired = timed_on_fired, .loop = loop };
  for (uint32_t round = 0; round < 5; round++) {
    uint32_t expected = 0, before = fired_total;
    fired_last_ms = 0;
    for (uint32_t i = 0; i < OPS; i++) {
      timed *t = &timers[draw(&seed, TIMERS)];
      if (draw(&seed, 3) == 0) {
        gw_timer_cancel(loop, &t->timer);
        t->is_set = false;
      } else {
        t->wanted_ms = gw_loop_now_ms(loop) + 1 + draw(&seed, 20);
        CHECK(gw_timer_set(loop, &t->timer, t->wanted_ms));
        t->is_set = true;
      }
      CHECK_INT(t->timer.slot != 0, t->is_set);
    }
    for (uint32_t i = 0; i < TIMERS; i++)
      expected += timers[i].is_set;
    PUMP(loop, fired_total - before == expected);
    for (uint32_t i = 0; i < TIMERS; i++)
      CHECK(!timers[i].is_set);
  }
  gw_loop_free(loop);
}

typedef struct again {
  gw_timer timer;
  gw_task task;
  gw_loop *loop;
  uint32_t fired_count, task_after;
} again;

static void again_on_fired(gw_timer *timer) {
  again *a = GW_CONTAINER_OF(timer, again, timer);
  a->fired_count++;
  gw_loop_defer(a->loop, &a->task);
  if (a->fired_count < 50) gw_timer_set(a->loop, timer, 1); /* long ago */
}

static void again_on_task(gw_task *task) {
  again *a = GW_CONTAINER_OF(task, again, task);
  if (a->task_after == 0) a->task_after = a->fired_count;
}

/* Else an owner that sets its timer to a moment that has passed keeps everyone else waiting. */
TEST(loop, a_timer_set_to_the_past_by_a_timer_fires_in_a_later_iteration) {
  gw_loop *loop = gw_loop_new();
  again a = { .timer.fired = again_on_fired, .task.run = again_on_task, .loop = loop };
  gw_timer_set(loop, &a.timer, gw_loop_now_ms(loop));
  PUMP(loop, a.fired_count == 50);
  CHECK_INT(a.task_after, 1);
  gw_loop_free(loop);
}

typedef struct killer {
  gw_timer timer;
  gw_loop *loop;
  gw_timer *victim;
  uint32_t fired_count;
} killer;

static void killer_on_fired(gw_timer *timer) {
  killer *k = GW_CONTAINER_OF(timer, killer, timer);
  k->fired_count++;
  if (k->victim != NULL) gw_timer_cancel(k->loop, k->victim);
}

TEST(loop, a_timer_cancelled_by_one_that_fires_at_the_same_time_stays_quiet) {
  gw_loop *loop = gw_loop_new();
  killer a = { .timer.fired = killer_on_fired, .loop = loop }, b = a, end = a;
  uint64_t at_ms = gw_loop_now_ms(loop) + 2;
  a.victim = &b.timer;
  b.victim = &a.timer;
  gw_timer_set(loop, &a.timer, at_ms);
  gw_timer_set(loop, &b.timer, at_ms);
  gw_timer_set(loop, &end.timer, at_ms + 1);
  PUMP(loop, end.fired_count == 1);
  CHECK_INT(a.fired_count + b.fired_count, 1);
  gw_timer_cancel(loop, &a.timer); /* unset: a no-op */
  gw_loop_free(loop);
}

static char tasks_ran[32];

typedef struct named_task {
  gw_task task;
  gw_loop *loop;
  char name;
  struct named_task *defers, *withdraws;
} named_task;

static void named_on_run(gw_task *task) {
  named_task *t = GW_CONTAINER_OF(task, named_task, task);
  tasks_ran[strlen(tasks_ran)] = t->name;
  if (t->defers != NULL) gw_loop_defer(t->loop, &t->defers->task);
  if (t->withdraws != NULL) gw_loop_withdraw(t->loop, &t->withdraws->task);
  t->defers = NULL;
}

TEST(loop, tasks_run_once_in_order_and_can_be_withdrawn) {
  gw_loop *loop = gw_loop_new();
  named_task t[6];
  memset(tasks_ran, 0, sizeof tasks_ran);
  for (int i = 0; i < 6; i++)
    t[i] = (named_task){ .task.run = named_on_run, .loop = loop, .name = (char)('a' + i) };
  gw_loop_defer(loop, &t[0].task);
  gw_loop_defer(loop, &t[1].task);
  gw_loop_defer(loop, &t[1].task); /* twice is once */
  gw_loop_defer(loop, &t[2].task);
  gw_loop_defer(loop, &t[3].task);
  gw_loop_withdraw(loop, &t[0].task); /* the first */
  gw_loop_withdraw(loop, &t[3].task); /* the last */
  gw_loop_withdraw(loop, &t[3].task);
  gw_loop_defer(loop, &t[4].task);
  gw_loop_defer(loop, &t[5].task);
  t[1].withdraws = &t[4];
  t[2].defers = &t[2]; /* itself: in the same iteration, behind the others */
  PUMP(loop, strlen(tasks_ran) >= 4);
  CHECK_STR(gw_str_of(tasks_ran), "bcfc");
  gw_loop_free(loop);
}

/* ---- posts ---- */

typedef struct poster {
  gw_loop *loop;
  uint32_t seen[POSTERS]; /* written on the loop's thread only */
} poster;

typedef struct post_item {
  poster *owner;
  uint32_t thread, number;
} post_item;

static void post_on_run(void *context) {
  post_item *item = context;
  poster *owner = item->owner;
  CHECK_INT(owner->seen[item->thread], item->number); /* in order, none lost */
  owner->seen[item->thread]++;
  free(item);
}

typedef struct poster_thread {
  poster *owner;
  uint32_t index;
} poster_thread;

static void *poster_run(void *user) {
  poster_thread *self = user;
  for (uint32_t i = 0; i < POSTS; i++) {
    post_item *item = malloc(sizeof *item);
    if (item == NULL) abort();
    *item = (post_item){ .owner = self->owner, .thread = self->index, .number = i };
    if (!gw_loop_post(self->owner->loop, post_on_run, item)) abort();
  }
  return NULL;
}

TEST(loop, posts_of_other_threads_run_in_order_on_the_loop) {
  poster p = { .loop = gw_loop_new() };
  pthread_t threads[POSTERS];
  poster_thread own[POSTERS];
  for (uint32_t i = 0; i < POSTERS; i++) {
    own[i] = (poster_thread){ &p, i };
    CHECK_INT(pthread_create(&threads[i], NULL, poster_run, &own[i]), 0);
  }
  PUMP(p.loop,
       p.seen[0] == POSTS && p.seen[1] == POSTS && p.seen[2] == POSTS && p.seen[3] == POSTS);
  for (uint32_t i = 0; i < POSTERS; i++)
    pthread_join(threads[i], NULL);
  gw_loop_free(p.loop);
}

static void post_stop(void *context) {
  gw_loop_stop(context);
}

static void *stopper_run(void *user) {
  gw_loop_post(user, post_stop, user);
  return NULL;
}

/* The poster may still be inside of gw_loop_post() when the loop has ended and is freed. */
TEST(loop, may_be_freed_as_soon_as_a_post_has_run) {
  for (int i = 0; i < 500; i++) {
    gw_loop *loop = gw_loop_new();
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, stopper_run, loop), 0);
    gw_loop_run(loop);
    gw_loop_free(loop);
    pthread_join(thread, NULL);
  }
}

static gw_code loop_with_a_timer(void *context) {
  (void)context;
  gw_loop *loop = gw_loop_new();
  if (loop == NULL) return GW_NOMEM;
  gw_timer timer = { .fired = again_on_fired };
  bool set = gw_timer_set(loop, &timer, gw_loop_now_ms(loop) + 1000);
  CHECK_INT(timer.slot != 0, set);
  bool posted = gw_loop_post(loop, post_stop, loop);
  gw_loop_free(loop);
  return set && posted ? GW_OK : GW_NOMEM;
}

TEST(loop, survives_each_failed_alloc) {
  test_fail_each_alloc(loop_with_a_timer, NULL);
}

typedef struct woken {
  gw_task first, second, next;
  gw_loop *loop;
  uint64_t first_us, second_us, next_us;
} woken;

static void woken_on_next(gw_task *task) {
  woken *w = GW_CONTAINER_OF(task, woken, next);
  w->next_us = gw_loop_woke_us(w->loop);
}

static void woken_on_first(gw_task *task) {
  woken *w = GW_CONTAINER_OF(task, woken, first);
  w->first_us = gw_loop_woke_us(w->loop);
  while (gw_clock_us() == w->first_us) /* any later look at the clock would differ */
    continue;
}

static void woken_on_second(gw_task *task) {
  woken *w = GW_CONTAINER_OF(task, woken, second);
  w->second_us = gw_loop_woke_us(w->loop);
}

TEST(loop, what_one_iteration_does_begins_at_one_time) {
  gw_loop *loop = gw_loop_new();
  woken w = { .loop = loop };
  w.first.run = woken_on_first;
  w.second.run = woken_on_second;
  w.next.run = woken_on_next;
  gw_loop_defer(loop, &w.first);
  gw_loop_defer(loop, &w.second);
  PUMP(loop, w.second_us != 0);
  CHECK(w.first_us != 0);
  CHECK_INT(w.first_us, w.second_us);
  gw_loop_defer(loop, &w.next);
  PUMP(loop, w.next_us != 0);
  CHECK(w.next_us > w.first_us);
  gw_loop_free(loop);
}
