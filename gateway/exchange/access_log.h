/* access_log: one JSON line for each exchange (DESIGN section 6).  One thread. */
#pragma once

#include "exchange/exchange.h"

/* Appends the line to the engine's log, which leaves at the end of the iteration. */
void gw_access_log_add(gw_exchange *exchange, uint64_t duration_us);
