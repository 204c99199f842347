/* curl: runs the curl program as a user would, and catches its answer.
 * Blocks for up to GW_CURL_SECONDS; main thread.  The child gets an empty signal mask. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"

#define GW_CURL_SECONDS    10
#define GW_CURL_ARGS_MAX   16u
#define GW_CURL_ANSWER_MAX GW_KIB(64)

typedef struct gw_curl_answer {
  int status;  /* HTTP; 0: there was no answer */
  gw_buf text; /* heap; what curl printed: the body, or head and body with -i */
} gw_curl_answer;

/* args: without the program's name, ended by NULL, at most GW_CURL_ARGS_MAX.
 * GW_NOT_FOUND: curl is not installed.  GW_UNAVAILABLE: it failed.  gw_curl_done() in any case. */
GW_CHECKED gw_code gw_curl_run(const char *const *args, gw_curl_answer *out, gw_err *err);
void gw_curl_done(gw_curl_answer *answer);

/* Appends the line that a user would type in a shell. */
GW_CHECKED gw_code gw_curl_print(const char *const *args, gw_buf *out);
