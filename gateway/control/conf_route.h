/* conf_route: the options of a route, as written: in `routes` and, for all routes, in `defaults`
 * (DESIGN section 3).  Nothing is looked up yet: that is route_build's work.  Main thread. */
#pragma once

#include "control/conf_migration.h"
#include "control/conf_retry.h"

#define GW_CONF_UNSET SIZE_MAX /* a size that no key gave */

/* A list of header names, in lower case, in the snapshot's arena. */
typedef struct gw_conf_names {
  const gw_str *items;
  uint32_t count;
  bool all; /* ["*"] */
} gw_conf_names;

typedef struct gw_conf_route {
  const gw_yaml *node; /* the route's mapping */
  const gw_yaml *name, *match, *also, *rpc, *upstream, *body, *response_body, *bind;
  const gw_yaml *timeout_at, *stream_at; /* where the two below are written; NULL: nowhere */
  uint64_t timeout_ms;                   /* for streams only when timeout_at is set */
  uint64_t idle_timeout_ms;
  uint32_t success_status;
  gw_compat_profile compat;
  /* Where `compat` has a say: values of their enumerations, or GW_CONF_NO_CHOICE. */
  uint32_t stream, query_unknown, slash, unescape, emit, errors;
  gw_json_style json; /* all but emit */
  gw_conf_names headers_request, headers_response;
  size_t body_bytes_max, message_bytes_max; /* or GW_CONF_UNSET */
  gw_retry_config retry;                    /* over gw_conf_retry_unset */
  gw_conf_migration migration;
} gw_conf_route;

/* One entry of `also`. */
typedef struct gw_conf_also {
  const gw_yaml *match, *body, *response_body;
} gw_conf_also;

/* One entry of `services`. */
typedef struct gw_conf_service {
  const gw_yaml *service, *upstream;
  bool automatic;
} gw_conf_service;

/* The built-in defaults and over them what `defaults` says. */
gw_conf_route gw_conf_route_defaults(gw_conf *conf);

/* Reads one entry of `routes` over a copy of the defaults. */
gw_conf_route gw_conf_route_read(gw_conf *conf, const gw_conf_route *defaults, const gw_yaml *node);

/* What a header that the configuration names is for. */
typedef enum gw_header_use {
  GW_HEADER_METADATA, /* a request's, sent on as metadata */
  GW_HEADER_TO_FIELD, /* a request's, bound to a field */
  GW_HEADER_ANSWER,   /* the answer's */
  GW_HEADER_UNKNOWN   /* its method is unknown: only the name's form is checked */
} gw_header_use;

/* A header name in lower case in the snapshot's arena; p == NULL after reporting why not. */
gw_str gw_conf_header_name(gw_conf *conf, const gw_yaml *node, gw_str key, gw_header_use use);
