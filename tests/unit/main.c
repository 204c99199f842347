#include "unit/test.h"

#include <string.h>

#define TESTS_MAX 2048

static struct CMUnitTest tests[TESTS_MAX];
static size_t test_count;

void test_register(const char *name, CMUnitTestFunction run) {
  if (test_count == TESTS_MAX) abort();
  tests[test_count++] = (struct CMUnitTest){ .name = name, .test_func = run };
}

static int test_order(const void *a, const void *b) {
  return strcmp(((const struct CMUnitTest *)a)->name, ((const struct CMUnitTest *)b)->name);
}

int main(int argc, char **argv) {
  size_t kept = 0;
  for (size_t i = 0; i < test_count; i++) {
    if (argc > 1 && strstr(tests[i].name, argv[1]) == NULL) continue;
    tests[kept++] = tests[i];
  }
  qsort(tests, kept, sizeof tests[0], test_order);
  return _cmocka_run_group_tests("unit", tests, kept, NULL, NULL);
}

void test_check_str(gw_str got, gw_str wanted, const char *file, int line) {
  if (gw_str_eq(got, wanted)) return;
  print_error("got    \"" GW_STR_FMT "\"\nwanted \"" GW_STR_FMT "\"\n", GW_STR_ARG(got),
              GW_STR_ARG(wanted));
  _fail(file, line);
}

gw_str test_read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) fail_msg("%s: cannot be read", path);
  char *bytes = NULL;
  size_t n = 0, cap = 0;
  for (;;) {
    if (cap - n < 4096) bytes = realloc(bytes, cap += cap + 8192);
    size_t got = fread(bytes + n, 1, cap - n - 64, file);
    if (got == 0) break;
    n += got;
  }
  fclose(file);
  memset(bytes + n, 0, 64);
  return (gw_str){ bytes, n };
}

/* ---- allocations that fail: the linker wraps malloc, calloc and realloc ---- */

static size_t alloc_total, alloc_count, alloc_failing; /* 0: none fails */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool alloc_fails(void) {
  __atomic_fetch_add(&alloc_total, 1, __ATOMIC_RELAXED); /* tests may have threads */
  return alloc_failing != 0 && ++alloc_count == alloc_failing;
}

void *__wrap_malloc(size_t size) {
  return alloc_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
  return alloc_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size) {
  return alloc_fails() ? NULL : __real_realloc(old, size);
}

size_t test_alloc_count(void) {
  return __atomic_load_n(&alloc_total, __ATOMIC_RELAXED);
}

void test_fail_each_alloc(test_alloc_fn *body, void *context) {
  for (size_t n = 1; n < 100000; n++) {
    alloc_count = 0;
    alloc_failing = n;
    gw_code code = body(context);
    bool reached = alloc_count >= n;
    alloc_failing = 0;
    if (!reached) {
      assert_int_equal(code, GW_OK);
      assert_true(n > 1);
      return;
    }
  }
  fail_msg("still allocating after 100000 allocations");
}
