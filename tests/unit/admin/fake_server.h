/* fake_server: stands where gateway/server.c stands in the program: the unit tests of admin/ run
 * without workers. */
#pragma once

#include "server.h"

struct gw_server {
  gw_snapshot *snapshot; /* borrowed */
  bool is_draining;
  const char *reason;  /* why it is not ready; NULL: ready */
  gw_code reload_code; /* how a reload ends */
  const char *mistake; /* and what it finds; NULL: nothing */
  const char *warning;
  unsigned reload_count;
  bool reload_allowed; /* what the last one was told */
};
