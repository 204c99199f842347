/* starter_plan: which routes a starter configuration has, before it is written.
 * First the google.api.http rules of all services get their requests, then what is guessed takes
 * what is left.  Memory is the arena's.  Main thread. */
#pragma once

#include "control/guess.h"
#include "route/rule.h"

#define GW_STARTER_ALSO_MAX 64u /* ways into a route beside the first one: of `also` */

/* One way in. */
typedef struct gw_starter_way {
  gw_str method, path, body, response_body;
  const char *fault; /* why it cannot be served; NULL: it can */
} gw_starter_way;

/* One method. */
typedef struct gw_starter_route {
  const gw_rpc *rpc;
  gw_starter_way *ways; /* those with a fault among them */
  uint32_t way_count;
  uint32_t good_count; /* those without */
  bool is_guess;       /* its only good way is none of its rules: the last one */
} gw_starter_route;

typedef struct gw_starter_service {
  gw_guess_service guess;
  gw_str upstream; /* a name for it */
  gw_starter_route *routes;
} gw_starter_service;

typedef struct gw_starter_plan {
  gw_arena *arena;
  gw_starter_service *services;
  uint32_t service_count;
  uint32_t route_count, rule_count;
  gw_names requests; /* "GET " and the shape: taken */
  gw_names names;    /* of routes, each with the number that the next one of this name gets */
  gw_compat compat;
} gw_starter_plan;

GW_CHECKED gw_code gw_starter_plan_make(const gw_pool *pool, gw_arena *arena, gw_starter_plan *out);

/* "get-user"; when that is taken "directory-get-user", with its service's name; then with a number.
 * p == NULL: no memory. */
gw_str gw_starter_route_name(gw_starter_plan *plan, const gw_starter_service *service,
                             const gw_rpc *rpc);
