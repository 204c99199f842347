/* evolve: what a newer pool breaks for clients of an older one.
 * Types are compared along the methods: what a request or an answer is made of, field by field
 * by number (as gRPC clients do) and by name (as REST clients do), whatever the messages are
 * called.  Who is hurt depends on the way: a JSON name that changes hurts who reads answers, an
 * enumeration's value that goes hurts who sends it.
 * Additions are no changes here.  google.api.http rules are not looked at: control/changes.h.
 * Pure; any thread.  Memory and work grow with the size of the pools. */
#pragma once

#include "schema/schema.h"

enum { GW_CLIENTS_GRPC = 1, GW_CLIENTS_REST = 2, GW_CLIENTS_BOTH = 3 };

typedef struct gw_change {
  gw_str where; /* "pkg.Message.field", "pkg.Service/Method", ... as the older pool calls it */
  gw_str text;
  bool breaks;      /* else it is only worth a look */
  unsigned clients; /* GW_CLIENTS_*: whose calls */
} gw_change;

/* The texts live during the call. */
typedef void gw_change_fn(void *context, const gw_change *change);

/* rpcs: methods of `older` that count, and with them the types they use; NULL: all services, and
 * all types, also those that only an Any may hold.
 * Changes come in no particular order, and some may come twice.  GW_NOMEM: not all were reported.
 */
GW_CHECKED gw_code gw_evolve_compare(const gw_pool *older, const gw_pool *newer,
                                     const gw_rpc *const *rpcs, size_t rpc_count,
                                     gw_change_fn *report, void *context);
