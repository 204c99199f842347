#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "codec/wire_printer.h"

#define SCRATCH_FIRST_BYTES 2048u

char *gw_wire_room_slow(gw_wire_printer *s, char *w, size_t extra) {
  s->out->n = gw_wire_offset(s, w);
  gw_code code = gw_buf_grow(s->out, extra);
  if (code == GW_TOO_LARGE) {
    gw_wire_fail(s, code, "the message is over %zu bytes as JSON", s->out->max);
    return NULL;
  }
  if (code != GW_OK) {
    gw_wire_fail(s, code, "no memory for the message as JSON");
    return NULL;
  }
  s->limit = s->out->p + gw_size_min(s->out->cap - GW_BUF_SLACK, s->out->max);
  return s->out->p + s->out->n;
}

gw_wire_at gw_wire_fail(gw_wire_printer *s, gw_code code, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(s->err.text, sizeof s->err.text, format, args);
  va_end(args);
  s->code = code;
  return GW_WIRE_FAILED;
}

gw_wire_at gw_wire_malformed(gw_wire_printer *s, const uint8_t *p) {
  s->malformed = true;
  return gw_wire_fail(s, GW_BAD_ANSWER, "malformed protobuf near byte %zu", (size_t)(p - s->wire));
}

/* Puts `piece` before the path; one that is too long loses its beginning, which is known best. */
static void path_put(gw_wire_printer *s, gw_str piece) {
  if (piece.n > s->path_begin) piece = gw_str_skip(piece, piece.n - s->path_begin);
  s->path_begin -= piece.n;
  memcpy(s->path + s->path_begin, piece.p, piece.n);
}

static void path_put_dot(gw_wire_printer *s) {
  char first = s->path[s->path_begin];
  if (first != '\0' && first != '[') path_put(s, GW_STR("."));
}

void gw_wire_path_field(gw_wire_printer *s, const gw_field *field) {
  path_put_dot(s);
  path_put(s, field->extension ? field->json_name : field->name); /* "[pkg.name]" */
}

void gw_wire_path_index(gw_wire_printer *s, uint64_t index) {
  char text[32];
  int n = snprintf(text, sizeof text, "[%" PRIu64 "]", index);
  path_put_dot(s);
  path_put(s, (gw_str){ text, (size_t)n });
}

void gw_wire_path_key(gw_wire_printer *s, gw_str key) {
  path_put_dot(s);
  path_put(s, GW_STR("]"));
  path_put(s, key);
  path_put(s, GW_STR("["));
}

void gw_wire_too_deep(gw_wire_printer *s, const uint8_t *p) {
  s->malformed = true;
  gw_wire_fail(s, GW_BAD_ANSWER, "messages are nested deeper than %d levels near byte %zu",
               GW_JSON_DEPTH_MAX, (size_t)(p - s->wire));
}

bool gw_wire_restart_pay(gw_wire_printer *s, size_t bytes_read) {
  s->budget -= (int64_t)bytes_read;
  s->code = s->budget >= 0 ? GW_OK : GW_AGAIN;
  return s->budget >= 0;
}

bool gw_wire_scratch_push(gw_wire_printer *s, size_t bytes, size_t *offset) {
  size_t n;
  if (gw_add_overflows(s->scratch_n, bytes, &n)) n = SIZE_MAX;
  if (n > s->scratch_cap) {
    /* Small steps: at worst the index takes 4 times the message, and memory is for 8 times. */
    size_t cap = gw_size_max(SCRATCH_FIRST_BYTES, s->scratch_cap + s->scratch_cap / 4);
    cap = gw_size_max(cap, n);
    char *grown = gw_arena_grow(s->codec->arena, s->scratch, s->scratch_cap, cap);
    if (grown == NULL) {
      gw_wire_fail(s, GW_NOMEM, "no memory to put the message's fields in order");
      return false;
    }
    s->scratch = grown;
    s->scratch_cap = cap;
  }
  *offset = s->scratch_n;
  s->scratch_n = n;
  return true;
}
