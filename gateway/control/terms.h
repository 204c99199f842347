/* terms: on what a route's answers are compared: its options for comparing and those that change
 * what gRPC's answer looks like.  Other terms make other comparisons.  Pure; any thread. */
#pragma once

#include "route/rule.h"

/* A hash; the route has a migration. */
uint64_t gw_terms_of(const gw_route *route);
