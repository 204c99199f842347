/* demo: `sluice demo [--once]`: a gRPC service in this process, a gateway before it (this program
 * again, as `serve`), and a story told with curl.  Afterwards it serves until Ctrl-C, with `once`
 * it ends.  Uses loopback only; its files are in a temporary folder that it removes. Main thread,
 * and one more for the service. */
#pragma once

#include <stdbool.h>

/* Returns the exit status: 0 when every answer was as expected, else 1. */
int gw_demo_main(bool once);
