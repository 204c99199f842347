/* coverage: which fields of the answer's message, which enum values and which statuses a route's
 * comparisons have exercised, so that full parity says of what (DESIGN section 4).
 * Fields are those reachable from the output message, as patterns; a type within itself is not
 * entered again, and GW_COVERAGE_FIELDS_MAX bounds them.  Under its own lock; any thread. */
#pragma once

#include <jansson.h>

#include "migrate/json_tree.h"
#include "migrate/migration.h"

#define GW_COVERAGE_FIELDS_MAX   1024u
#define GW_COVERAGE_STATUSES_MAX 32u

typedef struct gw_coverage gw_coverage;

/* NULL: no memory.  Keeps nothing of the migration. */
gw_coverage *gw_coverage_new(const gw_migration *migration);
void gw_coverage_free(gw_coverage *coverage);
/* A comparison was made of this answer of the gRPC side; `body`: its tree, or NULL. */
void gw_coverage_add(gw_coverage *coverage, const gw_migration *migration, int status,
                     const gw_json_node *body);
/* {"fields":{"seen":5,"total":7,"missing":["/a/b"]},"enums":[{"field":"/state","seen":["ON"],
 * "missing":["OFF"]}],"statuses":{"200":12}}; owned by the caller; NULL: no memory. */
json_t *gw_coverage_json(gw_coverage *coverage);
