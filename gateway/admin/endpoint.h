/* endpoint: what the operators' server answers, without the server around it.
 * Reading is free.  What changes state demands the token when there is one, and without one is not
 * done for a web page but the dashboard: a browser marks what it asks for with Origin (Fetch
 * section 3.1; admin/origin.h). One thread at a time: the operators' server has one. */
#pragma once

#include "admin/token.h"
#include "server.h"

#define GW_ENDPOINT_REPLY_BYTES_MAX GW_MIB(16) /* metrics of about 5,000 routes */

typedef struct gw_endpoint_context {
  gw_server *server; /* borrowed */
  gw_token token;
  uint64_t start_ms; /* since 1970 */
} gw_endpoint_context;

#define GW_ENDPOINT_BODY_BYTES_MAX GW_KIB(64) /* of a request; over it: 413 */

typedef struct gw_endpoint_request {
  gw_str method, path;           /* the path decoded, without the query */
  gw_str allow_breaking, format; /* the query's parameters of these names; p == NULL: absent */
  gw_str body;
  bool is_too_large;    /* the body went on beyond its limit */
  gw_str authorization; /* p == NULL: absent */
  bool is_foreign_page; /* it names another Origin than the dashboard's */
} gw_endpoint_request;

typedef struct gw_endpoint_reply {
  int status;
  const char *content_type;
  const char *allow;  /* the Allow field's value; NULL: none */
  const char *policy; /* Content-Security-Policy; NULL: none */
  bool has_challenge; /* 401: with WWW-Authenticate */
  bool wants_drain;   /* begin to drain once the reply is sent */
  gw_buf body;        /* on the heap; the caller frees */
} gw_endpoint_reply;

/* Always fills *reply. */
void gw_endpoint_answer(const gw_endpoint_context *context, const gw_endpoint_request *request,
                        gw_endpoint_reply *reply);
