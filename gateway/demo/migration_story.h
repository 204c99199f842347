/* migration_story: the second part of `sluice demo`: a route goes from legacy to gRPC, under steady
 * traffic: shadow finds differences, options remove them, a canary begins, a fault is taken back by
 * the guard, and gRPC answers everything at the end.  Everything that is shown is asked of the
 * running gateway with curl.  Main thread; prints to standard output. */
#pragma once

#include "demo/story.h"
#include "demo/user_service.h"

typedef struct gw_migration_demo {
  uint16_t port, admin_port, legacy_port;
  gw_user_service *service;
  const char *config; /* the file; written by gw_migration_story_config() */
} gw_migration_demo;

/* The gateway's configuration: as it begins, or with what the differences showed. */
GW_CHECKED gw_code gw_migration_story_config(const gw_migration_demo *demo, bool is_mended,
                                             gw_err *err);
/* The gateway runs with the first of them. */
GW_CHECKED gw_code gw_migration_story_tell(const gw_migration_demo *demo, gw_story_stop_fn *stop,
                                           gw_story_result *result, gw_err *err);
