/* worker: one thread with its own loop, listeners, connections and counters; nothing is shared but
 * the snapshot.  The server talks to it by posts; it answers by ending. */
#pragma once

#include "control/snapshot.h"

typedef struct gw_worker gw_worker;

/* Takes the bound sockets, also on failure.  The thread runs from here on.  err: why not. */
gw_worker *gw_worker_start(uint32_t index, gw_snapshot *snapshot, const int *sockets, size_t count,
                           gw_err *err);
void gw_worker_adopt(gw_worker *worker, gw_snapshot *snapshot); /* counted anew; any thread */
void gw_worker_drain(gw_worker *worker, uint64_t timeout_ms);   /* any thread */
void gw_worker_join(gw_worker *worker); /* waits for the end of its drain and frees it */
