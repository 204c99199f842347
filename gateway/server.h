/* server: the running gateway: its workers, the current snapshot, reload and drain.
 * Made and ended by the main thread; the functions that say so may be called from any thread. */
#pragma once

#include "control/snapshot.h"
#include "control/stages.h"

typedef struct gw_server gw_server;

/* Binds all addresses, then starts the workers.  Takes a reference of its own on `snapshot`.
 * allow_breaking: every reload may break clients. */
GW_CHECKED gw_code gw_server_start(gw_snapshot *snapshot, bool allow_breaking, gw_server **out,
                                   gw_err *err);

/* Loads the file anew and swaps it in, or leaves everything as it is and tells why.  Descriptors
 * that would break clients of the served routes (control/changes.h) are refused like a mistake,
 * unless they are allowed, now or from the start.  Any thread. */
GW_CHECKED gw_code gw_server_reload(gw_server *server, bool allow_breaking, gw_findings *findings);

/* Looks whether files that the current configuration names for TLS have changed; if so, and they
 * did not change again since the last look, loads them: the configuration itself stays as it was
 * read. Once for each change, good or bad.  GW_AGAIN: nothing to do.  The main thread, every
 * moment. */
GW_CHECKED gw_code gw_server_refresh(gw_server *server, gw_findings *findings);

/* Begins to drain: not ready from now on; a second call is a no-op.  Any thread. */
void gw_server_drain(gw_server *server);
bool gw_server_is_draining(gw_server *server);

/* Waits until the drain is over: all workers have ended. */
void gw_server_wait(gw_server *server);
void gw_server_free(gw_server *server); /* after gw_server_wait() */

/* The current snapshot, counted: the caller lets it go.  Any thread. */
gw_snapshot *gw_server_snapshot(gw_server *server);

/* Whether requests can be served; appends one line for each reason why not.  Any thread. */
bool gw_server_is_ready(gw_server *server, gw_buf *reasons);

/* Moves a route, with its group, to a stage, and keeps that: gw_stages_order().  Any thread. */
GW_CHECKED gw_code gw_server_stage(gw_server *server, const gw_stage_order *order, gw_stand *from,
                                   gw_stand *to, gw_err *err);
/* Lets guards and ramps look and act.  The main thread, every GW_GUARD_TICK_MS. */
void gw_server_tick(gw_server *server);
/* What there is to see of a route's guard and ramp.  Any thread. */
gw_stage_view gw_server_stage_view(gw_server *server, gw_str route);
