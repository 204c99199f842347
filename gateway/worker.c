#include "worker.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "exchange/engine.h"
#include "front/front.h"

#define WORKER_STACK_BYTES GW_MIB(1)
#define WORKER_STOP_MS     1000u /* for the last answers to leave */

struct gw_worker {
  pthread_t thread;
  gw_loop *loop;
  gw_engine engine;
  gw_front *front;
  gw_timer cut; /* the end of the drain's patience */
  bool is_stopping;
};

typedef struct worker_post {
  gw_worker *worker;
  gw_snapshot *snapshot;
  uint64_t timeout_ms;
} worker_post;

static void worker_on_idle(gw_engine *engine) {
  gw_loop_stop(GW_CONTAINER_OF(engine, gw_worker, engine)->loop);
}

static void worker_on_drained(void *user) {
  gw_worker *worker = user;
  gw_timer_cancel(worker->loop, &worker->cut);
  gw_engine_stop(&worker->engine);
  if (worker->engine.lease_count == 0) gw_loop_stop(worker->loop); /* there never was one */
}

/* First what runs is answered with an error; what is then still there is closed. */
static void worker_on_cut(gw_timer *timer) {
  gw_worker *worker = GW_CONTAINER_OF(timer, gw_worker, cut);
  if (worker->is_stopping) {
    gw_front_cut(worker->front);
    return;
  }
  worker->is_stopping = true;
  gw_timer_set(worker->loop, timer, gw_loop_now_ms(worker->loop) + WORKER_STOP_MS);
  gw_log(GW_LOG_WARN, "drain", "worker %u: the drain timeout is over, what runs is ended",
         worker->engine.worker);
  gw_front_stop(worker->front);
}

static void *worker_run(void *user) {
  gw_worker *worker = user;
  gw_loop_run(worker->loop);
  return NULL;
}

static void worker_free(gw_worker *worker) {
  if (worker == NULL) return;
  gw_front_free(worker->front);
  gw_engine_done(&worker->engine);
  gw_loop_free(worker->loop);
  free(worker);
}

/* Everything that can fail happens before the thread runs. */
static gw_code worker_open(gw_worker *worker, gw_snapshot *snapshot, const int *sockets,
                           size_t count, size_t *taken) {
  gw_code code = gw_engine_adopt(&worker->engine, snapshot);
  worker->front = gw_front_new(&worker->engine, worker_on_drained, worker);
  if (code == GW_OK && worker->front == NULL) code = GW_NOMEM;
  while (code == GW_OK && *taken < count) {
    code = gw_front_listen(worker->front, sockets[(*taken)++]);
  }
  return code;
}

static gw_code worker_thread_start(gw_worker *worker) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return GW_NOMEM;
  pthread_attr_setstacksize(&attributes, WORKER_STACK_BYTES);
  int failed = pthread_create(&worker->thread, &attributes, worker_run, worker);
  pthread_attr_destroy(&attributes);
  return failed == 0 ? GW_OK : GW_NOMEM;
}

gw_worker *gw_worker_start(uint32_t index, gw_snapshot *snapshot, const int *sockets, size_t count,
                           gw_err *err) {
  size_t taken = 0;
  gw_code code = GW_NOMEM;
  gw_worker *worker = calloc(1, sizeof *worker);
  if (worker != NULL && (worker->loop = gw_loop_new()) != NULL) {
    code = gw_engine_init(&worker->engine, worker->loop, index);
  }
  if (code == GW_OK) {
    worker->cut.fired = worker_on_cut;
    code = worker_open(worker, snapshot, sockets, count, &taken);
    if (code == GW_OK) {
      worker->engine.idle = worker_on_idle;
      code = worker_thread_start(worker);
    }
    if (code != GW_OK) {
      /* Its loop runs here until everything that was opened is closed. */
      worker->engine.idle = worker_on_idle;
      if (worker->front != NULL) {
        gw_front_drain(worker->front);
      } else {
        gw_engine_stop(&worker->engine);
      }
      if (worker->front != NULL || worker->engine.lease_count > 0) gw_loop_run(worker->loop);
    }
  }
  while (taken < count)
    close(sockets[taken++]);
  if (code == GW_OK) return worker;
  gw_err_set(err, code, "worker %u cannot start: %s", index, gw_code_name(code));
  if (worker != NULL && worker->loop == NULL) {
    free(worker);
  } else {
    worker_free(worker);
  }
  return NULL;
}

/* ---- posts ---- */

static void worker_post_send(gw_worker *worker, gw_post_fn *run, worker_post post) {
  worker_post *copy = malloc(sizeof *copy);
  if (copy != NULL) *copy = post;
  if (copy == NULL || !gw_loop_post(worker->loop, run, copy)) {
    gw_log(GW_LOG_ERROR, "worker", "no memory to tell a worker");
    gw_snapshot_unref(post.snapshot);
    free(copy);
  }
}

static void worker_on_adopt(void *context) {
  worker_post *post = context;
  gw_engine *engine = &post->worker->engine;
  if (engine->lease != NULL && gw_engine_adopt(engine, post->snapshot) != GW_OK) {
    gw_log(GW_LOG_ERROR, "reload", "worker %u: no memory; it stays with the old configuration",
           engine->worker);
  }
  gw_snapshot_unref(post->snapshot);
  free(post);
}

void gw_worker_adopt(gw_worker *worker, gw_snapshot *snapshot) {
  worker_post_send(worker, worker_on_adopt,
                   (worker_post){ .worker = worker, .snapshot = gw_snapshot_ref(snapshot) });
}

static void worker_on_drain(void *context) {
  worker_post *post = context;
  gw_worker *worker = post->worker;
  gw_timer_set(worker->loop, &worker->cut, gw_loop_now_ms(worker->loop) + post->timeout_ms);
  gw_front_drain(worker->front);
  free(post);
}

void gw_worker_drain(gw_worker *worker, uint64_t timeout_ms) {
  worker_post_send(worker, worker_on_drain,
                   (worker_post){ .worker = worker, .timeout_ms = timeout_ms });
}

void gw_worker_join(gw_worker *worker) {
  pthread_join(worker->thread, NULL);
  worker_free(worker);
}
