/* client: one request to a running gateway's operators' API, for the commands that talk to it.
 * Blocks until the answer is whole or GW_CLIENT_TIMEOUT_MS are over.  Main thread. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

#define GW_CLIENT_ADDRESS    "127.0.0.1:9901"
#define GW_CLIENT_TIMEOUT_MS 10000u
#define GW_CLIENT_ANSWER_MAX GW_MIB(64)

typedef struct gw_client_request {
  const char *address; /* "127.0.0.1:9901", "[::1]:9901", "gateway-1:9901" */
  const char *method;  /* "GET" */
  gw_str path;         /* "/routes/get-user/stage": ready for the request line */
  gw_str body;         /* JSON; n == 0: none */
  gw_str token;        /* n == 0: none */
} gw_client_request;

/* out: the body, appended.  GW_BAD_VALUE: the address is none; GW_UNAVAILABLE, GW_DEADLINE,
 * GW_BAD_ANSWER, GW_TOO_LARGE, GW_NOMEM: no answer.  err says why. */
GW_CHECKED gw_code gw_client_ask(const gw_client_request *request, int *status, gw_buf *out,
                                 gw_err *err);

/* The token of `path` (NULL: none given), else of SLUICE_ADMIN_TOKEN, else empty; in `text`, which
 * has GW_CLIENT_TOKEN_MAX bytes.  GW_BAD_VALUE: err says why. */
#define GW_CLIENT_TOKEN_MAX 512u
GW_CHECKED gw_code gw_client_token(const char *path, char *text, gw_str *out, gw_err *err);

/* Asks; an answer other than 200, or none, is told on standard error, with `what` it was about.
 * Returns the command's exit status. */
int gw_client_run(const gw_client_request *request, const char *what, gw_buf *out);
