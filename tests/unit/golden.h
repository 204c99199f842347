/* golden: text to text, one folder a case: tests/golden/SUITE/CASE/FILE.
 * golden_each() calls `run` for each case in order of names; `run` reads its inputs with
 * golden_read() and hands what came out to golden_check(), which compares it with the file of that
 * name.  With GOLDEN_UPDATE=1 in the environment the files are written instead; read the diff
 * before you keep it. A case that differs fails the test after all cases have run; an empty suite
 * fails. */
#pragma once

#include "unit/test.h"

typedef struct golden_case {
  const char *suite;
  char name[128];
  char path[512];
  bool failed;
} golden_case;

typedef void golden_fn(golden_case *c, void *context);

void golden_each(const char *suite, golden_fn *run, void *context);

/* p is NULL when the file is missing and `required` is false; free p with free().  64 readable zero
 * bytes follow. */
gw_str golden_read(golden_case *c, const char *file, bool required);
bool golden_has(golden_case *c, const char *file);
/* A final newline of the file does not count.  got.n == 0 means: the file must not exist. */
void golden_check(golden_case *c, const char *file, gw_str got);
