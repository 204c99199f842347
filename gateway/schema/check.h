/* check: a descriptor set's bytes before protobuf-c sees them.
 * protobuf-c recurses without limit, knows no unknown groups and builds trees many times the
 * input.  So each file is copied here without the fields that proto/sluice/descriptor.proto does
 * not name (source positions, foreign options), with its depth (GW_DESCRIPTOR_DEPTH_MAX), lengths
 * and wire types checked.
 * Pure; any thread.  Errors: GW_BAD_VALUE (not a descriptor set), GW_TOO_LARGE (too deep),
 * GW_NOMEM; the text names the byte. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/* The next file of a set.  *at: position in `set`, 0 at first, set.n at the end; file->p is NULL
 * when none is left.  *file borrows from `set`. */
GW_CHECKED gw_code gw_check_next(gw_str set, size_t *at, gw_str *file, gw_err *err);

/* Appends to `out` what protobuf-c shall read of `file`, a slice of `set`. */
GW_CHECKED gw_code gw_check_file(gw_str set, gw_str file, gw_buf *out, gw_err *err);
