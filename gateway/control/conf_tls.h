/* conf_tls: the mappings `tls` of listeners and upstreams: their files become contexts.
 * The snapshot owns every context that was made, and watches every file.  Main thread. */
#pragma once

#include "control/conf.h"

/* The values as given; NULL: absent. */
typedef struct gw_conf_tls {
  const gw_yaml *certificate, *key;
  const gw_yaml *ca; /* "client_ca" of a listener */
  const gw_yaml *crl;
} gw_conf_tls;

/* `at`: where what is missing is reported.  NULL: reported, or no memory. */
gw_tls *gw_conf_tls_build(gw_conf *conf, gw_tls_role role, const gw_yaml *at,
                          const gw_conf_tls *values);

/* The first key of `map` that is `name` and holds a mapping, or begins with it and a dot; NULL:
 * none.
 */
const gw_yaml *gw_conf_find_map(const gw_yaml *map, gw_str name);

/* For snapshot.c: lets the contexts go. */
void gw_conf_tls_free(gw_snapshot *snapshot);
