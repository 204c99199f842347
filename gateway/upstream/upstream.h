/* upstream: one upstream on one worker: its addresses, connections and the calls that wait for one.
 *
 *   gw_upstream --*--> gw_address (one resolved socket) --*--> gw_conn (one HTTP/2 connection)
 *
 * Names are resolved at opening, every resolve_every and when a connection breaks; the last good
 * answer is kept.  Each address is kept connected (`connections` of them), more are opened up to
 * connections_max when all streams of an address are taken.  How soon a lost one is replaced
 * depends on how it ended: see conn_end in upstream.c.
 * Owned by a worker's lease of a snapshot; one thread. */
#pragma once

#include "base/err.h"
#include "base/metrics.h"
#include "net/h2.h"
#include "upstream/config.h"

typedef struct gw_upstream gw_upstream;
typedef struct gw_call gw_call;

typedef void gw_upstream_closed_fn(void *user);

/* `config` and `metrics` are borrowed until `closed` ran.  NULL: no memory. */
gw_upstream *gw_upstream_open(gw_loop *loop, const gw_upstream_config *config,
                              gw_upstream_metrics *metrics, gw_upstream_closed_fn *closed,
                              void *user);
/* No call may be waiting or open.  `closed` comes in a later iteration; the upstream is then gone.
 */
void gw_upstream_close(gw_upstream *upstream);
