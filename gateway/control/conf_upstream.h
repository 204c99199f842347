/* conf_upstream: the section `upstreams` (DESIGN section 5).  Main thread. */
#pragma once

#include "control/conf_tls.h"
#include "control/service_config.h"

/* One upstream as it is written, beside what is made of it. */
typedef struct gw_conf_upstream {
  gw_upstream_config config; /* what the tables write to */
  bool has_endpoints;        /* the key was given, right or wrong */
  gw_conf_tls tls;
  const gw_yaml *server_name;
  gw_retry_config retry;                   /* what the file says itself; over all but routes */
  const gw_yaml *service_config_at;        /* NULL: none */
  const gw_service_config *service_config; /* NULL: none, or a wrong one */
} gw_conf_upstream;

/* Fills conf->snapshot->upstreams and conf->upstream_options. */
void gw_conf_upstreams_read(gw_conf *conf);

/* The index of `name`; UINT32_MAX when there is none. */
uint32_t gw_conf_upstream_find(const gw_conf *conf, gw_str name);
