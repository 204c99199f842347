/* http_upstream: one HTTP/1.1 upstream on one worker: its addresses, the connections that are kept
 * between requests, and the calls that wait for one.
 *
 *   gw_http_upstream --*--> address (upstream/endpoints.h) --*--> connection, one call at a time
 *
 * A connection whose answer is over waits for the next call; the one used last is used first, so
 * that the others age and go.  It goes after idle_timeout, or a little before the time that the
 * server told (Keep-Alive: timeout=N).  Up to connections_max are opened to each address.  One is
 * opened when an address appears and whenever its backoff is over: so it is known which addresses
 * can be reached before a request needs one.
 * Owned by a worker's lease of a snapshot; one thread. */
#pragma once

#include "base/metrics.h"
#include "net/loop.h"
#include "upstream/config.h"

typedef struct gw_http_upstream gw_http_upstream;

typedef void gw_http_upstream_closed_fn(void *user);

/* `config` and `metrics` are borrowed until `closed` ran.  NULL: no memory. */
gw_http_upstream *gw_http_upstream_open(gw_loop *loop, const gw_upstream_config *config,
                                        gw_upstream_metrics *metrics,
                                        gw_http_upstream_closed_fn *closed, void *user);
/* No call may be waiting or open.  `closed` comes in a later iteration; the upstream is then gone.
 */
void gw_http_upstream_close(gw_http_upstream *upstream);
