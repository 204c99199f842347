/* process: what the kernel knows about this process (proc(5)).
 * A figure that cannot be read is 0.  Any thread. */
#pragma once

#include "base/base.h"

typedef struct gw_process_figures {
  uint64_t resident_bytes;
  uint64_t open_fds;
} gw_process_figures;

gw_process_figures gw_process_read(void);
