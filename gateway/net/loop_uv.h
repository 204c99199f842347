/* loop_uv: what files of net/ know about a loop beyond loop.h.  Private to net/. */
#pragma once

#include <uv.h>

#include "net/loop.h"

#define LOOP_SCRATCH_BYTES GW_KIB(64) /* one read, or one gathered write */
#define LOOP_SCRATCH_PAD   64u        /* readable behind a read */

uv_loop_t *gw_loop_uv(gw_loop *loop);

/* Shared by all connections of the loop: valid within one callback only. */
char *gw_loop_read_scratch(gw_loop *loop);
char *gw_loop_write_scratch(gw_loop *loop);
