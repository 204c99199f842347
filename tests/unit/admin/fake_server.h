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
  gw_code stage_code; /* how an order ends */
  gw_stage_order order;
  char order_why[GW_JOURNAL_WHY_MAX];
  gw_stage_view view;
  bool reload_allowed; /* what the last one was told */
};
