/* conf_file: the keys of the configuration file itself: listeners, admin, workers, limits, log.
 * Main thread. */
#pragma once

#include "control/conf.h"

/* Reads the root into conf->snapshot and notes the sections that the builder reads later. */
void gw_conf_file_read(gw_conf *conf, const gw_yaml *root);
