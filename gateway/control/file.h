/* file: whole files that a configuration names, and whether one has changed since.
 * Any thread. */
#pragma once

#include "base/arena.h"
#include "base/code.h"

typedef enum gw_file_kind {
  GW_FILE_PLAIN,
  GW_FILE_SECRET /* others than its owner must not be able to use it */
} gw_file_kind;

/* The whole of a regular file, in arena, a NUL behind it.  GW_BAD_VALUE: *fault says what is wrong
 * with it, in words that live long enough.  GW_NOMEM. */
GW_CHECKED gw_code gw_file_read(const char *path, gw_file_kind kind, size_t bytes_max,
                                gw_arena *arena, gw_str *out, const char **fault);

/* Another number when the file was replaced, written to, or may be read by others than before; 0
 * when there is none. */
uint64_t gw_file_state(const char *path);
