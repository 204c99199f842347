/* binder: one rule made from text, against the messages of descriptors/codec_test.pb and
 * userservice.pb, and the requests bound by it, for tests.  The rule's lines:
 *   message PACKAGE.MESSAGE                the request's type; the response's too
 *   rule METHOD TEMPLATE
 *   body FIELD | *
 *   response_body FIELD
 *   query.unknown reject
 *   json.unknown_fields reject
 *   header NAME FIELD                      headers.bind */
#pragma once

#include "route/bind.h"
#include "schema/load.h"
#include "unit/test.h"

#define BINDER_HEADERS_MAX 8

typedef struct binder {
  gw_arena arena;
  gw_route route;
  gw_rpc rpc;
  gw_rule rule;
  gw_header_bind header_binds[BINDER_HEADERS_MAX];
  const gw_rule *rules[1];
  gw_router *router;
  gw_codec codec;
} binder;

/* What a client sends. */
typedef struct binder_request {
  gw_str target, body, content_type;
  bool form;
  gw_header headers[BINDER_HEADERS_MAX];
  uint32_t header_count;
} binder_request;

/* The descriptors, loaded once. */
const gw_pool *binder_pool(void);

/* False: gw_rule_resolve() reported; the reports are lines in `out`. */
bool binder_init(binder *b, gw_str text, gw_buf *out);
void binder_done(binder *b);

/* Appends the message's wire bytes to `out`.  GW_NO_ROUTE: the rule does not match. */
gw_code binder_bind(binder *b, const binder_request *request, gw_buf *out, gw_bind_counts *counts,
                    gw_err *err);
