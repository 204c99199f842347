/* golden_sets: descriptor sets of golden cases, which make compiles from
 * tests/golden/SUITE/CASE/FILE.proto into the build's folder. */
#pragma once

#include "schema/schema.h"
#include "unit/golden.h"

/* In a buffer that the next call overwrites. */
const char *golden_set_path(golden_case *c, const char *file);

/* The pool of FILE.pb; the caller frees it. */
gw_pool *golden_set_load(golden_case *c, const char *file);
