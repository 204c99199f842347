/* admin: the operators' HTTP server (DESIGN section 6), libmicrohttpd in threads of its own.
 *
 *   GET  / (the dashboard), /help, /livez, /readyz, /metrics, /routes, /routes/NAME,
 *        /routes/NAME/diffs, /pairs, /suggest
 *   POST /reload, /drain; PUT /routes/NAME/stage; DELETE /routes/NAME/diffs
 *        with a bearer token when admin.token_file is set
 *
 * Reads the counters without stopping a worker; its own faults never touch the data path. */
#pragma once

#include "server.h"

typedef struct gw_admin gw_admin;

/* Listens on snapshot->admin.  `server` is borrowed until gw_admin_stop(). */
GW_CHECKED gw_code gw_admin_start(gw_server *server, const gw_snapshot *snapshot, gw_admin **out,
                                  gw_err *err);
void gw_admin_stop(gw_admin *admin); /* NULL is a no-op */
