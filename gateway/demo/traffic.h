/* traffic: the demo's steady clients: one thread, one kept connection, GETs of a few users one
 * after the other, and a count of what was not answered as it should be. */
#pragma once

#include "base/err.h"

typedef struct gw_traffic gw_traffic;

GW_CHECKED gw_code gw_traffic_start(uint16_t port, gw_traffic **out, gw_err *err);
/* So far: requests sent, and those without the expected answer. */
void gw_traffic_count(const gw_traffic *traffic, uint64_t *sent, uint64_t *failed);
void gw_traffic_stop(gw_traffic *traffic); /* NULL: no-op */
