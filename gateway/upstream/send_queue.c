#include "upstream/send_queue.h"

void gw_send_queue_init(gw_attempt *attempt) {
  gw_send_queue *queue = attempt->request->queue;
  gw_buf_init(&queue->flying, attempt->arena, SIZE_MAX);
  gw_buf_init(&queue->filling, attempt->arena, 0);
  queue->is_kept = true;
}

void gw_send_queue_rewind(gw_attempt *attempt) {
  gw_send_queue *queue = attempt->request->queue;
  assert(queue->is_kept);
  queue->is_flying = queue->end_given = false;
  queue->sent = 0;
  attempt->sent_bytes = 0;
}

/* Of whole frames of our own: what their messages have. */
static size_t queue_message_bytes(gw_str frames) {
  size_t sum = 0;
  gw_str message;
  bool is_compressed;
  while (gw_grpc_frame_next(frames, SIZE_MAX, &message, &is_compressed, NULL) == GW_OK) {
    sum += message.n;
    frames = gw_str_skip(frames, GW_GRPC_PREFIX_BYTES + message.n);
  }
  return sum;
}

/* All of `flying` was sent: what was composed since comes next, behind it while it is worth
 * keeping. */
static void queue_turn(gw_attempt *attempt) {
  gw_send_queue *queue = attempt->request->queue;
  bool keeps = queue->is_kept && !attempt->has_head && queue->flying.n > 0 &&
               queue->flying.n + queue->filling.n <= GW_SEND_QUEUE_BYTES;
  if (keeps && gw_buf_append(&queue->flying, gw_buf_str(&queue->filling)) == GW_OK) {
    queue->filling.n = 0;
    return;
  }
  gw_buf sent = queue->flying;
  queue->is_kept = queue->is_kept && sent.n == 0;
  queue->flying = queue->filling;
  queue->flying.max = SIZE_MAX;
  queue->filling = sent;
  queue->filling.n = 0;
  queue->sent = 0;
}

/* The service said all that it will: what it is sent now nobody reads. */
static bool queue_is_vain(const gw_attempt *attempt) {
  return attempt->state == GW_ATTEMPT_DONE ||
         (attempt->state == GW_ATTEMPT_OPEN && (attempt->ended || attempt->stream.h2 == NULL));
}

void gw_send_queue_push(gw_attempt *attempt) {
  gw_send_queue *queue = attempt->request->queue;
  if (queue_is_vain(attempt)) queue->filling.n = 0;
  if (attempt->state != GW_ATTEMPT_OPEN || queue->is_flying || queue->end_given) return;
  if (queue->sent == queue->flying.n && queue->filling.n > 0) queue_turn(attempt);
  gw_str rest = gw_str_skip(gw_buf_str(&queue->flying), queue->sent);
  bool end = queue->is_ended && queue->filling.n == 0;
  if (rest.n == 0 && !end) return;
  queue->is_flying = true;
  queue->end_given = end;
  attempt->sent_bytes += queue_message_bytes(rest);
  gw_h2_send(&attempt->stream, rest, end);
}

gw_buf *gw_send_queue_frames(gw_attempt *attempt, size_t bytes_max) {
  gw_buf *filling = &attempt->request->queue->filling;
  filling->max = filling->n + GW_GRPC_PREFIX_BYTES + bytes_max;
  return filling;
}

void gw_send_queue_send(gw_attempt *attempt, bool end) {
  if (end) attempt->request->queue->is_ended = true;
  gw_send_queue_push(attempt);
}

bool gw_send_queue_is_full(const gw_attempt *attempt) {
  const gw_send_queue *queue = attempt->request->queue;
  if (queue_is_vain(attempt)) return false;
  size_t unsent = queue->is_flying ? attempt->stream.out.n : queue->flying.n - queue->sent;
  return unsent + queue->filling.n >= GW_SEND_QUEUE_BYTES;
}

void gw_send_queue_sent(gw_attempt *attempt) {
  gw_send_queue *queue = attempt->request->queue;
  queue->is_flying = false;
  queue->sent = queue->flying.n;
  gw_send_queue_push(attempt);
}
