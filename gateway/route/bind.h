/* bind: path variables, query parameters, headers and body -> one request message on the wire.
 * Protobuf's own merge rule does the binding: body first, then query, then headers, then path, each
 * as wire fields; last scalar wins and submessages merge, so that path wins over body (TRANSCODING
 * sections 4 to 6).  A parameter for a field that the path binds is ignored in every spelling.
 * Errors: GW_BAD_REQUEST, GW_BAD_VALUE with ->where the field path or parameter and the expected
 * type in the text; GW_TOO_LARGE, GW_NOMEM.  One thread. */
#pragma once

#include "base/header.h"
#include "route/router.h"
#include "route/uri.h"

/* Borrowed for the call.  body needs GW_JSON_PAD readable bytes behind it. */
typedef struct gw_bind_input {
  const gw_rule *rule;
  const gw_binds *binds;    /* raw captures; NULL: none (later messages of a client stream) */
  gw_str query;             /* raw, without "?" */
  gw_str body;              /* JSON or, with `form`, application/x-www-form-urlencoded */
  bool form;                /* fields of the form are bound as a query below the body's path */
  const gw_header *headers; /* those that the route's headers.bind names */
  uint32_t header_count;
  gw_str content_type; /* of the body, where it becomes a google.api.HttpBody; else unused */
} gw_bind_input;

typedef struct gw_bind_counts {
  uint32_t unknown_query; /* parameters that no field has, ignored */
  uint32_t unused_query;  /* given although the path or body binds the field */
} gw_bind_counts;

/* Appends the message to `out` (no gRPC prefix).  codec->style.reject_unknown is the route's. */
GW_CHECKED gw_code gw_bind_request(const gw_bind_input *input, gw_codec *codec, gw_buf *out,
                                   gw_bind_counts *counts, gw_err *err);

/* How the rule's variable `index` is decoded (D-07). */
gw_decode_mode gw_bind_decode_mode(const gw_rule *rule, uint32_t index);

/* Resolves "a.b.c" (proto names, JSON names too) below `message`; fields end up in arena.  Errors
 * name the element, its message and the nearest field. */
GW_CHECKED gw_code gw_field_path_parse(gw_str text, const gw_message *message, gw_arena *arena,
                                       gw_field_path *out, gw_err *err);

/* The rules of TRANSCODING section 1 for a rule's variables, body and response_body: leaf kinds, no
 * repeated field in the path, no two variables on one field, body not bound by the path, a
 * FieldMask in the path only without body "*".  Fills vars, body, response_body of `rule` (its
 * route, method, template and *_text are set).  Errors are reported one by one through `report`. */
typedef void gw_rule_report_fn(void *context, const gw_err *err);
GW_CHECKED gw_code gw_rule_resolve(gw_rule *rule, gw_arena *arena, gw_rule_report_fn *report,
                                   void *context);
