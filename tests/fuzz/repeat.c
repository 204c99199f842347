/* repeat: with FUZZ_REPEAT set in the environment, every run of a fuzzer does the same: the keys of
 * hash tables, which the kernel and jansson choose for each process, are always these. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>

unsigned long __real_getauxval(unsigned long type);
ssize_t __real_getrandom(void *out, size_t n, unsigned flags);
unsigned long __wrap_getauxval(unsigned long type);
ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags);

static int repeats(void) {
  return getenv("FUZZ_REPEAT") != NULL;
}

unsigned long __wrap_getauxval(unsigned long type) {
  static const unsigned char key[16] = { 11, 7, 5, 3, 2 };
  return type == AT_RANDOM && repeats() ? (unsigned long)key : __real_getauxval(type);
}

ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags) {
  if (!repeats()) return __real_getrandom(out, n, flags);
  memset(out, 11, n);
  return (ssize_t)n;
}

__attribute__((constructor)) static void repeat_begin(void) {
  if (repeats()) json_object_seed(11);
}
