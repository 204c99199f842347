/* gzip: RFC 1952 by zlib, in one go from memory to memory, never into more than was allowed.
 * The states (256 KiB for writing, 40 KiB for reading) are made at their first use and kept.
 * Owned by its loop (gw_loop_gzip); one thread. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

typedef struct gw_gzip gw_gzip;

gw_gzip *gw_gzip_new(void); /* NULL: no memory */
void gw_gzip_free(gw_gzip *gzip);

/* Appends `in`, compressed.  GW_TOO_LARGE: that is more than out->max allows.  GW_NOMEM. */
GW_CHECKED gw_code gw_gzip_deflate(gw_gzip *gzip, gw_str in, gw_buf *out);

/* Appends what `in`, one gzip member and nothing behind it, stands for; at most bytes_max.  What it
 * says its size is, in its last four bytes, is all that is reserved and all that is written.
 * GW_TOO_LARGE: over bytes_max; GW_BAD_VALUE: malformed, or not of the size that it says;
 * GW_NOMEM. */
GW_CHECKED gw_code gw_gzip_inflate(gw_gzip *gzip, gw_str in, size_t bytes_max, gw_buf *out,
                                   gw_err *err);
