/* h1_writer: the one emitter of HTTP/1.1 messages: first line, fields, chunks.
 * Values come from typed parts; a field whose name or value could split an answer is dropped, never
 * repaired (RELIABILITY A22), and so is a framing field (Content-Length, Transfer-Encoding) that
 * does not come through its own function.  Date is rendered once a second.  Pure but for the date;
 * one thread.
 * Errors: GW_TOO_LARGE, GW_NOMEM, from the buffer, which is then as before gw_h1_write_status(). */
#pragma once

#include "base/buf.h"

typedef struct gw_h1_writer {
  gw_buf *out;
  size_t begin;     /* bytes in `out` before this answer */
  gw_code code;     /* the first failure; all later calls do nothing */
  uint32_t dropped; /* fields refused */
} gw_h1_writer;

/* Starts "HTTP/1.1 404 Not Found\r\nDate: ...\r\n".  100 <= status <= 599. */
void gw_h1_write_status(gw_h1_writer *writer, gw_buf *out, int status, uint64_t wall_seconds);
/* The same with the reason of another server (n == 0: ours) and without Date.  A reason that could
 * split the answer is replaced by ours. */
void gw_h1_write_status_of(gw_h1_writer *writer, gw_buf *out, int status, gw_str reason);
/* Starts "GET /path?query HTTP/1.1\r\n".  Method and target are those of a request that
 * gw_h1_head_read() took: GW_BAD_VALUE for any that it would not take. */
void gw_h1_write_request(gw_h1_writer *writer, gw_buf *out, gw_str method, gw_str target);
void gw_h1_write_date(gw_h1_writer *writer, uint64_t wall_seconds);
void gw_h1_write_field(gw_h1_writer *writer, gw_str name, gw_str value);
void gw_h1_write_length(gw_h1_writer *writer, uint64_t content_length); /* Content-Length */
void gw_h1_write_chunked(gw_h1_writer *writer); /* Transfer-Encoding: chunked */
/* The empty line; returns the first failure. */
GW_CHECKED gw_code gw_h1_write_end(gw_h1_writer *writer);

/* The line before a chunk of n bytes ("1a2\r\n"); returns its length; `out` has 20 bytes. */
size_t gw_h1_chunk_prefix(size_t n, char *out);

/* Whether a field may be written: a token as name, no control bytes but tab in the value. */
bool gw_h1_field_ok(gw_str name, gw_str value);
