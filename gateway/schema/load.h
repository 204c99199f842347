/* load: FileDescriptorSet bytes -> gw_pool.
 * Sets come from protoc --include_imports or buf build; proto2, proto3 and editions 2023 (features
 * resolved per file, message, field).  A file that several sets hold is taken once, from the first
 * one; the built-in set (well-known types, google.rpc, google.api) fills what is missing, last.
 * Before protobuf-c sees the bytes, size and nesting depth are checked (GW_DESCRIPTOR_*), since its
 * parser recurses without limit.
 * Errors: every one that can be found in one pass is handed to `report`: a missing import (named),
 * an unknown type, two files defining one name, a field number twice, not a descriptor set at all.
 * Main thread; allocates the pool on the heap. */
#pragma once

#include "base/err.h"
#include "schema/schema.h"

typedef struct gw_schema_source {
  gw_str name;  /* shown in errors: the file's path */
  gw_str bytes; /* borrowed during the call */
} gw_schema_source;

/* err->where names the file (or the element in it), err->text the fault. */
typedef void gw_schema_report_fn(void *context, const gw_err *err);

/* *out is owned by the caller.  Returns the first error's code; all were reported. */
GW_CHECKED gw_code gw_pool_load(const gw_schema_source *sources, size_t count,
                                gw_schema_report_fn *report, void *context, gw_pool **out);
void gw_pool_free(gw_pool *pool); /* NULL is a no-op */
