/* conf_upstream: the section `upstreams` (DESIGN section 5).  Main thread. */
#pragma once

#include "control/conf.h"

/* Fills conf->snapshot->upstreams. */
void gw_conf_upstreams_read(gw_conf *conf);

/* The index of `name`; UINT32_MAX when there is none. */
uint32_t gw_conf_upstream_find(const gw_conf *conf, gw_str name);
