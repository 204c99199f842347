#include "exchange/trace.h"

enum { TRACE_ID = 3, TRACE_ID_N = 32, TRACE_PARENT = 36, TRACE_PARENT_N = 16, TRACE_FLAGS = 53 };

/* Lower-case hexadecimal digits, not all of them zero. */
static bool trace_id_ok(const char *digits, size_t n, bool may_be_zero) {
  bool zero = true;
  for (size_t i = 0; i < n; i++) {
    char c = digits[i];
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
    if (c != '0') zero = false;
  }
  return may_be_zero || !zero;
}

static bool trace_is_valid(gw_str s) {
  if (s.n < GW_TRACE_BYTES || s.p[2] != '-' || s.p[35] != '-' || s.p[52] != '-') return false;
  if (!trace_id_ok(s.p, 2, true) || memcmp(s.p, "ff", 2) == 0) return false;
  bool is_version_0 = memcmp(s.p, "00", 2) == 0;
  if (s.n > GW_TRACE_BYTES && (is_version_0 || s.p[GW_TRACE_BYTES] != '-')) return false;
  return trace_id_ok(s.p + TRACE_ID, TRACE_ID_N, false) &&
         trace_id_ok(s.p + TRACE_PARENT, TRACE_PARENT_N, false) &&
         trace_id_ok(s.p + TRACE_FLAGS, 2, true);
}

bool gw_trace_take(const gw_h1_request *request, gw_arena *arena, gw_str *out) {
  gw_str given = gw_h1_field_get(request, GW_STR("traceparent"));
  if (!trace_is_valid(given)) return true;
  gw_str copy = gw_arena_copy(arena, given);
  if (copy.p == NULL) return false;
  *out = copy;
  return true;
}

static void trace_write(uint64_t value, char *out) {
  static const char digits[] = "0123456789abcdef";
  for (int i = 15; i >= 0; i--) {
    out[i] = digits[value & 15];
    value >>= 4;
  }
}

bool gw_trace_begin(gw_engine *engine, gw_arena *arena, gw_str *out) {
  char *text = gw_arena_alloc(arena, GW_TRACE_BYTES);
  if (text == NULL) return false;
  memcpy(text, "00-", 3);
  trace_write(gw_engine_random(engine), text + TRACE_ID);
  trace_write(gw_engine_random(engine), text + TRACE_ID + 16);
  text[35] = '-';
  trace_write(gw_engine_random(engine), text + TRACE_PARENT);
  memcpy(text + 52, "-00", 3);
  *out = (gw_str){ text, GW_TRACE_BYTES };
  return true;
}

gw_str gw_trace_id(gw_str traceparent) {
  return (gw_str){ traceparent.p + TRACE_ID, TRACE_ID_N };
}
