#include "migrate/window.h"

#define WINDOW_WORDS (sizeof(gw_live_sums) / sizeof(uint64_t))
#define WINDOW_RING  (GW_WINDOW_SLOTS + 1)

static gw_window_slot *window_slot(gw_window *window, uint32_t i) {
  return &window->slots[(window->first + i) % WINDOW_RING];
}

static void window_drop_first(gw_window *window) {
  window->first = (window->first + 1) % WINDOW_RING;
  window->count--;
}

static void window_push(gw_window *window) {
  if (window->count == WINDOW_RING) window_drop_first(window);
  *window_slot(window, window->count++) = (gw_window_slot){ window->now_ms, window->total };
}

void gw_window_begin(gw_window *window, const gw_live_sums *sums, uint64_t now_ms) {
  window->seen.sums = *sums;
  window->total = (gw_window_words){ 0 };
  window->now_ms = now_ms;
  window->first = window->count = 0;
  window_push(window);
}

void gw_window_look(gw_window *window, const gw_live_sums *sums, uint64_t window_ms,
                    uint64_t now_ms) {
  gw_window_words next = { .sums = *sums };
  for (size_t i = 0; i < WINDOW_WORDS; i++) {
    uint64_t seen = next.words[i] >= window->seen.words[i] ? window->seen.words[i] : 0;
    window->total.words[i] += next.words[i] - seen;
  }
  window->seen = next;
  if (now_ms > window->now_ms) window->now_ms = now_ms;
  /* What came since the last slot belongs to a time after it, so that one slot stays however long
   * ago it was. */
  while (window->count > 1 && window->now_ms - window_slot(window, 0)->at_ms > window_ms)
    window_drop_first(window);
  uint64_t last_ms = window_slot(window, window->count - 1)->at_ms;
  if ((window->now_ms - last_ms) * GW_WINDOW_SLOTS >= window_ms) window_push(window);
}

uint64_t gw_window_get(const gw_window *window, gw_live_sums *out) {
  const gw_window_slot *base = &window->slots[window->first];
  gw_window_words words;
  for (size_t i = 0; i < WINDOW_WORDS; i++)
    words.words[i] = window->total.words[i] - base->total.words[i];
  *out = words.sums;
  return window->now_ms - base->at_ms;
}
