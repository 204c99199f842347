/* h1_block: what the heads of requests and answers share: field lines up to the empty one
 * (RFC 9112 section 5).  Private to h1_head.c and h1_response.c, which read the line before it.
 *
 * A step judges each byte once, in order, and only by what came before it: so the same bytes get
 * the same answer however they are cut.
 * Pure; one thread.  Errors: as gw_h1_head_read(). */
#pragma once

#include "net/h1.h"

/* One call's work. */
typedef struct gw_h1_head {
  gw_h1_reader *r;
  char *p; /* the caller's bytes */
  size_t n;
  gw_err *err;
} gw_h1_head;

/* reader->state: the first line's states are below these. */
enum {
  GW_H1_BLOCK_FIELD = 32, /* a field line or the empty line */
  GW_H1_BLOCK_NAME,
  GW_H1_BLOCK_VALUE,
  GW_H1_BLOCK_VALUE_LF,
  GW_H1_BLOCK_END_LF,
  GW_H1_BLOCK_DONE
};

/* From the first line's end: the next byte begins the block. */
void gw_h1_block_begin(gw_h1_reader *reader);

/* GW_OK: reader->state is DONE.  GW_AGAIN. */
GW_CHECKED gw_code gw_h1_block_read(gw_h1_head *h);

/* Takes one byte that can only be `wanted`, and goes on to the state `next`. */
GW_CHECKED gw_code gw_h1_head_expect(gw_h1_head *h, char wanted, uint8_t next, const char *where);

gw_code gw_h1_head_bad(const gw_h1_head *h, const char *what);
gw_code gw_h1_head_bad_byte(const gw_h1_head *h, const char *where);

/* The fields found so far point into bytes that lie at `bytes` now. */
void gw_h1_head_follow(gw_h1_reader *reader, const char *bytes);

/* An answer cannot be read on: whatever is wrong is the server's fault.  GW_BAD_ANSWER or
 * GW_NOMEM. */
gw_code gw_h1_answer_fail(gw_h1_reader *reader, gw_code code, gw_err *err);
