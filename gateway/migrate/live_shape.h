/* live_shape: a number that is another one when the fields of a route's answer are others: what
 * coverage was counted over.  Bounded by GW_COVERAGE_FIELDS_MAX fields.  Pure; any thread. */
#pragma once

#include "migrate/migration.h"

uint64_t gw_live_shape(const gw_migration *migration);
