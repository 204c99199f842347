/* story: the requests that `sluice demo` shows: each one is sent with curl, printed with its real
 * answer, and checked against what was expected.  Main thread; prints to standard output. */
#pragma once

#include "base/err.h"

typedef struct gw_story_result {
  unsigned shown;  /* requests */
  unsigned failed; /* those that were not answered as expected */
} gw_story_result;

/* base: "http://127.0.0.1:8080".  Stops early when `stop` says so (NULL: never).
 * Errors: curl is missing or failed; result then holds what was done before. */
typedef bool gw_story_stop_fn(void);
GW_CHECKED gw_code gw_story_tell(const char *base, gw_story_stop_fn *stop, gw_story_result *result,
                                 gw_err *err);
