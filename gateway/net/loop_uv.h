/* loop_uv: what files of net/ know about a loop beyond loop.h.  Private to net/. */
#pragma once

#include <uv.h>

#include "base/limits.h"
#include "net/loop.h"

#define LOOP_SCRATCH_BYTES GW_KIB(64) /* one read, or one gathered write */
#define LOOP_SCRATCH_PAD   64u        /* readable behind a read */

/* For TLS; valid within one callback only. */
typedef struct loop_tls {
  char plain[LOOP_SCRATCH_BYTES + GW_KIB(17) + LOOP_SCRATCH_PAD]; /* one read, opened */
  char sealed[LOOP_SCRATCH_BYTES];                                /* one write */
  char gather[GW_KIB(16)];                                        /* one record's plain text */
} loop_tls;

uv_loop_t *gw_loop_uv(gw_loop *loop);

/* Shared by all connections of the loop: valid within one callback only. */
char *gw_loop_read_scratch(gw_loop *loop);
char *gw_loop_write_scratch(gw_loop *loop);
/* Made by the first one that asks, kept for the loop's life; NULL: no memory. */
loop_tls *gw_loop_tls(gw_loop *loop);
