#include "schema/load.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "schema/build.h"

void gw_build_error(gw_build *b, gw_code code, const gw_build_file *file, gw_str element,
                    const char *format, ...) {
  gw_err err;
  char text[sizeof err.text], where[sizeof err.where];
  va_list args;
  if (b->first == GW_OK) b->first = code;
  if (b->report_count++ >= GW_SCHEMA_REPORTS_MAX || b->report == NULL) return;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  snprintf(where, sizeof where, GW_STR_FMT "%s" GW_STR_FMT, GW_STR_ARG(file->name),
           element.n > 0 ? ": " : "", GW_STR_ARG(element));
  gw_err_init(&err);
  gw_err_at(&err, code, gw_str_of(where), "%s", text);
  b->report(b->context, &err);
}

const gw_symbol *gw_build_resolve(gw_build *b, const gw_build_file *file, gw_str element,
                                  const char *relation, const char *type_name) {
  gw_str name = gw_build_str(type_name);
  if (name.n == 0 || name.p[0] != '.') {
    /* protoc and buf write nothing else. */
    gw_build_error(b, GW_BAD_VALUE, file, element,
                   "%s \"" GW_STR_FMT "\"; expected a full name, which begins with a dot", relation,
                   GW_STR_ARG(name));
    return NULL;
  }
  const gw_symbol *symbol = gw_symbols_find(&b->pool->symbols, gw_str_skip(name, 1));
  if (symbol == NULL) {
    gw_build_error(b, GW_NOT_FOUND, file, element,
                   "%s \"" GW_STR_FMT "\", which no descriptor set defines", relation,
                   GW_STR_ARG(gw_str_skip(name, 1)));
  }
  return symbol;
}

static gw_code load_stages(gw_build *b, const gw_schema_source *sources, size_t count) {
  gw_code code = gw_files_read(b, sources, count);
  if (code == GW_OK && b->first == GW_OK) code = gw_files_check_imports(b);
  if (code == GW_OK && b->first == GW_OK) code = gw_declare_all(b);
  if (code == GW_OK && b->first == GW_OK) {
    code = gw_link_all(b);
    if (code == GW_OK) code = gw_services_link(b);
  }
  if (code == GW_OK && b->first == GW_OK) gw_shape_check(b);
  return code;
}

static void load_report_rest(const gw_build *b) {
  gw_err err;
  if (b->report_count <= GW_SCHEMA_REPORTS_MAX || b->report == NULL) return;
  gw_err_init(&err);
  gw_err_at(&err, b->first, GW_STR("descriptors"), "%u more errors",
            b->report_count - GW_SCHEMA_REPORTS_MAX);
  b->report(b->context, &err);
}

gw_code gw_pool_load(const gw_schema_source *sources, size_t count, gw_schema_report_fn *report,
                     void *context, gw_pool **out) {
  gw_build b = { .report = report, .context = context };
  const gw_build_file nowhere = { .name = GW_STR_INIT("descriptors") };
  gw_arena_init(&b.scratch, NULL, GW_SCHEMA_MEMORY_MAX);
  gw_buf_init(&b.text, &b.scratch, GW_DESCRIPTOR_BYTES_MAX);
  b.pool = calloc(1, sizeof *b.pool);
  gw_code code = GW_NOMEM;
  if (b.pool != NULL) {
    gw_arena_init(&b.pool->arena, NULL, GW_SCHEMA_MEMORY_MAX);
    code = load_stages(&b, sources, count);
  }
  if (code != GW_OK) {
    gw_build_error(&b, code, &nowhere, (gw_str){ NULL, 0 },
                   "need more memory than there is, or than %zu MiB",
                   GW_SCHEMA_MEMORY_MAX / GW_MIB(1));
  }
  load_report_rest(&b);
  gw_arena_done(&b.scratch);
  if (b.first != GW_OK) {
    gw_pool_free(b.pool);
    return b.first;
  }
  *out = b.pool;
  return GW_OK;
}

void gw_pool_free(gw_pool *pool) {
  if (pool == NULL) return;
  gw_arena_done(&pool->arena);
  free(pool);
}
