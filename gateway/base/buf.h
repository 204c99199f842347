/* buf: bytes that grow up to a limit, on the heap or in an arena.
 * After a reservation GW_BUF_SLACK more bytes than asked for are writable, so that a writer may
 * store whole vectors and correct its position afterwards.
 * Errors: GW_TOO_LARGE (over `max`), GW_NOMEM; the content stays as it was.  One thread. */
#pragma once

#include "base/arena.h"
#include "base/code.h"

#define GW_BUF_SLACK 64u /* bytes past the reserved ones that may be overwritten */

typedef struct gw_buf {
  char *p;
  size_t n, cap;   /* bytes of content, bytes allocated */
  size_t max;      /* content never exceeds it */
  gw_arena *arena; /* borrowed; NULL: heap */
} gw_buf;

void gw_buf_init(gw_buf *buf, gw_arena *arena, size_t bytes_max);
void gw_buf_done(gw_buf *buf); /* frees heap memory; NULL is a no-op */
void gw_buf_trim(gw_buf *buf,
                 size_t keep); /* empties; gives memory over `keep` bytes back (heap) */

GW_CHECKED gw_code gw_buf_grow(gw_buf *buf, size_t extra); /* the slow half of reserve */

/* Makes room for `extra` more bytes and the slack. */
GW_CHECKED static inline gw_code gw_buf_reserve(gw_buf *buf, size_t extra) {
  size_t room = buf->cap - buf->n;
  if (GW_LIKELY(room >= GW_BUF_SLACK && room - GW_BUF_SLACK >= extra &&
                extra <= buf->max - buf->n)) {
    return GW_OK;
  }
  return gw_buf_grow(buf, extra);
}

GW_CHECKED gw_code gw_buf_append(gw_buf *buf, gw_str s);
GW_CHECKED gw_code gw_buf_printf(gw_buf *buf, const char *format, ...) GW_PRINTF(2, 3);

/* Appends `s` as a JSON string with quotes; invalid UTF-8 becomes U+FFFD (RFC 8259 section 7). */
GW_CHECKED gw_code gw_buf_append_json_string(gw_buf *buf, gw_str s);

/* What stands behind the first `from` bytes. */
static inline gw_str gw_buf_tail(const gw_buf *buf, size_t from) {
  return (gw_str){ buf->n > from ? buf->p + from : NULL, buf->n - from };
}

static inline gw_str gw_buf_str(const gw_buf *buf) {
  return (gw_str){ buf->p, buf->n };
}
