#include "upstream/circuit.h"

#include <utlist.h>

static void circuit_arm(gw_circuit *circuit) {
  if (circuit->hasty == NULL) {
    gw_timer_cancel(circuit->loop, &circuit->timer);
  } else {
    gw_timer_set(circuit->loop, &circuit->timer, circuit->hasty->until_ms);
  }
}

static void circuit_on_timer(gw_timer *timer) {
  gw_circuit *circuit = GW_CONTAINER_OF(timer, gw_circuit, timer);
  uint64_t now_ms = gw_loop_now_ms(circuit->loop);
  while (circuit->hasty != NULL && circuit->hasty->until_ms <= now_ms) {
    gw_waiter *waiter = circuit->hasty;
    gw_circuit_leave(circuit, waiter);
    circuit->waited(circuit, waiter);
  }
}

void gw_circuit_init(gw_circuit *circuit, gw_loop *loop, const gw_upstream_config *config,
                     gw_upstream_metrics *metrics, gw_waited_fn *waited) {
  *circuit = (gw_circuit){ .loop = loop, .config = config, .metrics = metrics, .waited = waited };
  circuit->timer.fired = circuit_on_timer;
}

void gw_circuit_done(gw_circuit *circuit) {
  assert(circuit->in_flight == 0 && circuit->waiting_count == 0);
  gw_timer_cancel(circuit->loop, &circuit->timer);
}

bool gw_circuit_begin(gw_circuit *circuit) {
  circuit->in_flight++;
  gw_count(&circuit->metrics->calls_total, 1);
  gw_count(&circuit->metrics->in_flight, 1);
  if (circuit->in_flight <= circuit->config->in_flight_max) return true;
  gw_count(&circuit->metrics->overflow_total, 1);
  return false;
}

void gw_circuit_end(gw_circuit *circuit) {
  assert(circuit->in_flight > 0);
  circuit->in_flight--;
  gw_uncount(&circuit->metrics->in_flight, 1);
}

bool gw_circuit_wait(gw_circuit *circuit, gw_waiter *waiter, bool is_patient) {
  if (circuit->waiting_count >= circuit->config->waiting_max) {
    gw_count(&circuit->metrics->overflow_total, 1);
    return false;
  }
  waiter->until_ms = gw_loop_now_ms(circuit->loop) + circuit->config->waiting_time_ms;
  waiter->number = circuit->number++;
  waiter->is_patient = is_patient;
  if (is_patient) {
    DL_APPEND2(circuit->patient, waiter, previous, next);
  } else {
    DL_APPEND2(circuit->hasty, waiter, previous, next);
  }
  circuit->waiting_count++;
  gw_count(&circuit->metrics->waiting, 1);
  if (circuit->hasty == waiter) circuit_arm(circuit);
  return true;
}

void gw_circuit_leave(gw_circuit *circuit, gw_waiter *waiter) {
  bool is_first = circuit->hasty == waiter;
  if (waiter->is_patient) {
    DL_DELETE2(circuit->patient, waiter, previous, next);
  } else {
    DL_DELETE2(circuit->hasty, waiter, previous, next);
  }
  circuit->waiting_count--;
  gw_uncount(&circuit->metrics->waiting, 1);
  if (is_first) circuit_arm(circuit);
}

gw_waiter *gw_circuit_first(const gw_circuit *circuit) {
  gw_waiter *hasty = circuit->hasty, *patient = circuit->patient;
  if (hasty == NULL || patient == NULL) return hasty != NULL ? hasty : patient;
  return hasty->number < patient->number ? hasty : patient;
}
