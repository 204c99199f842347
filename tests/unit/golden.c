#include "unit/golden.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

static const char *golden_path(golden_case *c, const char *file) {
  static char path[640];
  snprintf(path, sizeof path, "%s/%s", c->path, file);
  return path;
}

static int golden_is_case(const struct dirent *entry) {
  return entry->d_name[0] != '.';
}

void golden_each(const char *suite, golden_fn *run, void *context) {
  char dir[256];
  struct dirent **entries;
  snprintf(dir, sizeof dir, "tests/golden/%s", suite);
  int count = scandir(dir, &entries, golden_is_case, alphasort);
  size_t failed = 0;
  if (count <= 0) fail_msg("%s: no cases (run from the top of the tree)", dir);
  for (int i = 0; i < count; i++) {
    golden_case c = { .suite = suite };
    snprintf(c.name, sizeof c.name, "%.127s", entries[i]->d_name);
    snprintf(c.path, sizeof c.path, "%s/%s", dir, c.name);
    run(&c, context);
    if (c.failed) failed++;
    free(entries[i]);
  }
  free(entries);
  print_message("golden %s: %d cases, %zu differ\n", suite, count, failed);
  assert_int_equal(failed, 0);
}

bool golden_has(golden_case *c, const char *file) {
  return access(golden_path(c, file), R_OK) == 0;
}

gw_str golden_read(golden_case *c, const char *file, bool required) {
  if (!required && !golden_has(c, file)) return (gw_str){ NULL, 0 };
  return test_read_file(golden_path(c, file));
}

static void golden_write(golden_case *c, const char *file, gw_str got) {
  const char *path = golden_path(c, file);
  if (got.n == 0) {
    unlink(path);
    return;
  }
  FILE *out = fopen(path, "wb");
  if (out == NULL) fail_msg("%s: cannot be written", path);
  fwrite(got.p, 1, got.n, out);
  if (got.p[got.n - 1] != '\n') fputc('\n', out);
  fclose(out);
}

void golden_check(golden_case *c, const char *file, gw_str got) {
  const char *update = getenv("GOLDEN_UPDATE");
  if (update != NULL && *update == '1') {
    golden_write(c, file, got);
    return;
  }
  gw_str wanted = golden_read(c, file, false);
  if (wanted.n > 0 && wanted.p[wanted.n - 1] == '\n') wanted.n--;
  if (got.n > 0 && got.p[got.n - 1] == '\n') got.n--;
  if (!gw_str_eq(got, wanted)) {
    print_error("%s/%s:\n--- got\n" GW_STR_FMT "\n--- wanted\n" GW_STR_FMT "\n", c->path, file,
                GW_STR_ARG(got), GW_STR_ARG(wanted));
    c->failed = true;
  }
  free((void *)(uintptr_t)wanted.p);
}
