/* rule: one way into a route (its `match` or one of `also`, or a google.api.http binding), with
 * everything that binding and rendering need, resolved against the schema when the configuration is
 * loaded.  Immutable; owned by a snapshot; any thread. */
#pragma once

#include "base/limits.h"
#include "codec/codec.h"
#include "codec/status.h"
#include "route/compat.h"
#include "route/template.h"
#include "schema/schema.h"

typedef enum gw_body_use {
  GW_BODY_NONE, /* a body is read and ignored; all unbound fields come from the query */
  GW_BODY_ALL,  /* "*": the whole message; no query */
  GW_BODY_FIELD
} gw_body_use;

/* headers.bind: a request header's value into a field, or a response field into a header. */
typedef struct gw_header_bind {
  gw_str header; /* lower case */
  gw_field_path field;
  bool response;
} gw_header_bind;

/* A route: one RPC with its options (DESIGN section 3).  The rules that lead to it point here. */
typedef struct gw_route {
  gw_str name;
  uint32_t index; /* in the snapshot */
  const gw_rpc *rpc;
  gw_str upstream_name;
  uint32_t upstream;        /* index in the snapshot */
  uint64_t timeout_ms;      /* 0: none (streams) */
  uint64_t idle_timeout_ms; /* between messages of a stream */
  int success_status;
  gw_compat compat; /* its profile, and over it what the route's own options say */
  bool query_reject_unknown;
  gw_json_style json;
  gw_stream_form stream;
  size_t body_bytes_max;
  size_t message_bytes_max, answer_bytes_max; /* of the call's messages, there and back */
  bool compresses;                            /* messages to the service, by gzip */
  bool waits_ready; /* a call waits for a connection as long as it may take (gRFC A2) */
  const struct gw_retry_config *retry; /* NULL: the upstream's */
  const gw_str *headers_request;       /* lower case, added to the default list */
  uint32_t headers_request_count;
  const gw_str *headers_response;
  uint32_t headers_response_count;
  bool headers_response_all; /* ["*"] */
  const gw_header_bind *header_binds;
  uint32_t header_bind_count;
  const struct gw_migration *migration; /* NULL: nothing but gRPC answers (migrate/migration.h) */
} gw_route;

typedef struct gw_rule {
  const gw_route *route;
  gw_str method; /* "GET"; "*": any */
  gw_template template;
  const gw_field_path *vars; /* template.var_count of them, resolved against rpc->input */
  bool vars_in_oneof;        /* with a body: what it says may conflict with the path */
  const gw_field *mask; /* PATCH: the FieldMask that the body fills when nothing else does; NULL */
  const gw_field_path *mask_skips; /* variables inside the body, relative to it */
  uint32_t mask_skip_count;
  gw_body_use body_use;
  bool reads_stream; /* the body is any number of messages; false where there is none to read: then
                        path and query make the only one */
  bool reads_raw;    /* the body becomes a google.api.HttpBody, whatever it is */
  gw_field_path body;
  gw_field_path response_body;          /* count 0: the whole message */
  gw_str body_text, response_body_text; /* as written, for `routes` and `explain` */
  bool checks_required; /* D-45: its messages have required fields, and they are looked for */
  bool implicit;        /* from a google.api.http rule or `auto`, not from YAML: a YAML rule wins */
  uint32_t line, column; /* where it is written; 0: in a descriptor */
} gw_rule;
