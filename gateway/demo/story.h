/* story: the requests that `sluice demo` shows: each one is sent with curl, printed with its real
 * answer, and checked against what was expected.  Main thread; prints to standard output. */
#pragma once

#include "base/err.h"

typedef struct gw_story_result {
  unsigned shown;  /* requests */
  unsigned failed; /* those that were not answered as expected */
} gw_story_result;

/* One request of a story. */
#define GW_STORY_OPTIONS_MAX 6u
#define GW_STORY_PARTS_MAX   5u

typedef struct gw_story_step {
  const char *title, *why;                   /* NULL: none is printed */
  const char *options[GW_STORY_OPTIONS_MAX]; /* of curl */
  const char *path;
  int status;
  const char *parts[GW_STORY_PARTS_MAX]; /* must all be in the answer */
} gw_story_step;

/* Shows the request and its answer; *as_expected: whether it was that. */
GW_CHECKED gw_code gw_story_show(const char *base, const gw_story_step *step, bool *as_expected,
                                 gw_err *err);

/* base: "http://127.0.0.1:8080".  Stops early when `stop` says so (NULL: never).
 * Errors: curl is missing or failed; result then holds what was done before. */
typedef bool gw_story_stop_fn(void);
GW_CHECKED gw_code gw_story_tell(const char *base, gw_story_stop_fn *stop, gw_story_result *result,
                                 gw_err *err);
