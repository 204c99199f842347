#include "unit/control/golden_sets.h"

#include <libgen.h>
#include <unistd.h>

#include "schema/load.h"

const char *golden_set_path(golden_case *c, const char *file) {
  static char path[1024];
  char self[512];
  ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
  CHECK(n > 0);
  self[n] = '\0'; /* BUILD/unit/control */
  snprintf(path, sizeof path, "%s/../golden/%s/%s/%s", dirname(self), c->suite, c->name, file);
  return path;
}

static void print_fault(void *context, const gw_err *err) {
  print_error("%s: %s: %s\n", (const char *)context, err->where, err->text);
}

gw_pool *golden_set_load(golden_case *c, const char *file) {
  char name[128], path[1024];
  gw_pool *pool = NULL;
  snprintf(name, sizeof name, "%s.pb", file);
  snprintf(path, sizeof path, "%s", golden_set_path(c, name));
  gw_schema_source source = { gw_str_of(file), test_read_file(path) };
  CHECK_INT(gw_pool_load(&source, 1, print_fault, path, &pool), GW_OK);
  free((void *)(uintptr_t)source.bytes.p);
  return pool;
}
