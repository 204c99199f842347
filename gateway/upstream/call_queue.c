#include "upstream/call_queue.h"

void gw_call_queue_init(gw_call *call) {
  gw_call_queue *queue = call->request.queue;
  gw_buf_init(&queue->flying, call->arena, SIZE_MAX);
  gw_buf_init(&queue->filling, call->arena, 0);
  queue->is_kept = true;
}

void gw_call_queue_rewind(gw_call *call) {
  gw_call_queue *queue = call->request.queue;
  assert(queue->is_kept);
  queue->is_flying = queue->end_given = false;
  queue->sent = 0;
}

/* All of `flying` was sent: what was composed since comes next, behind it while it is worth
 * keeping. */
static void queue_turn(gw_call *call) {
  gw_call_queue *queue = call->request.queue;
  bool keeps = queue->is_kept && !call->has_head && queue->flying.n > 0 &&
               queue->flying.n + queue->filling.n <= GW_CALL_QUEUE_BYTES;
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
static bool queue_is_vain(const gw_call *call) {
  return call->state == GW_CALL_DONE ||
         (call->state == GW_CALL_OPEN && (call->ended || call->stream.h2 == NULL));
}

void gw_call_queue_push(gw_call *call) {
  gw_call_queue *queue = call->request.queue;
  if (queue_is_vain(call)) queue->filling.n = 0;
  if (call->state != GW_CALL_OPEN || queue->is_flying || queue->end_given) return;
  if (queue->sent == queue->flying.n && queue->filling.n > 0) queue_turn(call);
  gw_str rest = gw_str_skip(gw_buf_str(&queue->flying), queue->sent);
  bool end = queue->is_ended && queue->filling.n == 0;
  if (rest.n == 0 && !end) return;
  queue->is_flying = true;
  queue->end_given = end;
  gw_h2_send(&call->stream, rest, end);
}

gw_buf *gw_call_frames(gw_call *call, size_t bytes_max) {
  gw_buf *filling = &call->request.queue->filling;
  filling->max = filling->n + GW_GRPC_PREFIX_BYTES + bytes_max;
  return filling;
}

void gw_call_send(gw_call *call, bool end) {
  if (end) call->request.queue->is_ended = true;
  gw_call_queue_push(call);
}

bool gw_call_is_full(const gw_call *call) {
  const gw_call_queue *queue = call->request.queue;
  if (queue_is_vain(call)) return false;
  size_t unsent = queue->is_flying ? call->stream.out.n : queue->flying.n - queue->sent;
  return unsent + queue->filling.n >= GW_CALL_QUEUE_BYTES;
}

void gw_call_queue_sent(gw_call *call) {
  gw_call_queue *queue = call->request.queue;
  queue->is_flying = false;
  queue->sent = queue->flying.n;
  gw_call_queue_push(call);
}
