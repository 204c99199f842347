/* child: this program once more, as `serve CONFIG`, in a child process.
 * The child ends when this process does, however that happens.  Main thread. */
#pragma once

#include <sys/types.h>

#include "base/err.h"

typedef struct gw_child {
  pid_t pid; /* -1: not running */
} gw_child;

/* Returns when it accepts connections on 127.0.0.1:port.  GW_UNAVAILABLE: it ended instead, or did
 * not accept in time; it has said why on standard error. */
GW_CHECKED gw_code gw_child_start(gw_child *child, const char *config, uint16_t port, gw_err *err);
bool gw_child_is_running(gw_child *child);
void gw_child_stop(gw_child *child); /* SIGTERM, later SIGKILL; waits */
