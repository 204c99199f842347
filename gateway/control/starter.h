/* starter: a first configuration for descriptor sets, to be edited: a route for each method, from
 * its google.api.http rule or, without one that can be served, a guess (control/guess.h).
 * `sluice check` accepts it as it is.  What cannot be served stands there as a comment.
 * Main thread. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "schema/schema.h"

/* paths: of the sets, as the configuration shall name them.  GW_TOO_LARGE: more than a
 * configuration may hold; GW_BAD_VALUE: a path that none can name; GW_NOMEM. */
GW_CHECKED gw_code gw_starter_print(const gw_pool *pool, char *const *paths, size_t path_count,
                                    gw_buf *out, gw_err *err);
