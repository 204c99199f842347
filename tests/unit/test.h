/* test: unit tests on cmocka.  TEST(noun, behaviour) { ... } registers itself; tests/unit/main.c
 * runs all of a binary's tests, or those whose name contains the first argument. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"

void test_register(const char *name, CMUnitTestFunction run);

#define TEST(noun, behaviour)                                                                      \
  static void test_##noun##_##behaviour(void **state);                                             \
  __attribute__((constructor)) static void register_##noun##_##behaviour(void) {                   \
    test_register(#noun ": " #behaviour, test_##noun##_##behaviour);                               \
  }                                                                                                \
  static void test_##noun##_##behaviour(void **state __attribute__((unused)))

#define CHECK(condition)       assert_true(condition)
#define CHECK_INT(got, wanted) assert_int_equal(got, wanted)
#define CHECK_STR(got, wanted) test_check_str(got, gw_str_of(wanted), __FILE__, __LINE__)

void test_check_str(gw_str got, gw_str wanted, const char *file, int line);

/* Runs `body` again and again, failing its 1st, 2nd, 3rd ... allocation, until one run needs no
 * more. `body` returns GW_OK when it succeeded; with a failed allocation it must return an error
 * (usually GW_NOMEM) or succeed without the memory, and leak nothing (the leak is found by ASan).
 */
typedef gw_code test_alloc_fn(void *context);
void test_fail_each_alloc(test_alloc_fn *body, void *context);

/* malloc, calloc and realloc so far. */
size_t test_alloc_count(void);

/* A whole file as heap memory with 64 readable zero bytes behind it; fails the test when missing.
 * Free p with free(). */
gw_str test_read_file(const char *path);
