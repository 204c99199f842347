/* compat: how a route answers where gateways disagree (TRANSCODING section 15).  A profile is a
 * column of that table; what it changes are the named behaviours below, one table in compat.c says
 * which.  They are decided when the configuration is loaded, and looked at only where the strict
 * rules of the default fail or once for a request.
 * Pure; any thread. */
#pragma once

#include "codec/codec.h"
#include "codec/json_split.h"
#include "codec/status.h"

typedef enum gw_compat_profile {
  GW_COMPAT_DEFAULT,
  GW_COMPAT_ENVOY,
  GW_COMPAT_GRPC_GATEWAY,
  GW_COMPAT_COUNT
} gw_compat_profile;

/* D-01: a repeated field as a variable of the path. */
typedef enum gw_path_list { GW_LIST_REFUSED, GW_LIST_ONE, GW_LIST_COMMAS } gw_path_list;

/* D-07: which escapes of a capture stay as they are written. */
typedef enum gw_unescape {
  GW_UNESCAPE_RESERVED, /* of several segments: those of reserved characters */
  GW_UNESCAPE_SLASH,    /* of several segments: %2F */
  GW_UNESCAPE_ALL,      /* none */
  GW_UNESCAPE_LEGACY    /* none; and the path is decoded before it is split at "/" */
} gw_unescape;

/* D-08: empty segments at the end of a path. */
typedef enum gw_slash {
  GW_SLASH_IGNORE, /* one does not count */
  GW_SLASH_STRICT, /* all count */
  GW_SLASH_ALL     /* none counts */
} gw_slash;

/* D-11: routes have the path, but not with this method. */
typedef enum gw_wrong_method {
  GW_WRONG_METHOD_405,
  GW_WRONG_METHOD_404,
  GW_WRONG_METHOD_501
} gw_wrong_method;

/* D-36: under which names headers travel to the service and metadata to the client. */
typedef enum gw_header_names {
  GW_NAMES_LISTED,  /* the default lists and those of the route, unchanged */
  GW_NAMES_SAME,    /* all but reserved ones, unchanged */
  GW_NAMES_PREFIXED /* grpcgateway-, Grpc-Metadata-, Grpc-Trailer- */
} gw_header_names;

/* How the messages of a stream are written. */
typedef enum gw_stream_form {
  GW_STREAM_AUTO, /* by Accept */
  GW_STREAM_ARRAY,
  GW_STREAM_NDJSON,
  GW_STREAM_SSE,
  GW_STREAM_RESULT /* {"result":...} and a newline; not to be asked for by name */
} gw_stream_form;

typedef struct gw_compat {
  /* the configuration */
  gw_path_list path_list;
  bool duplicate_last;    /* D-02: of two rules for the same requests the later one wins */
  bool template_colons;   /* D-05: ":" in literals and verbs */
  bool overlap_warned;    /* D-10: says at load where the order of registration would decide */
  bool response_raw_only; /* D-33: response_body counts for google.api.HttpBody only */
  /* matching */
  bool verb_suffix; /* D-06: a rule's own verb is compared with the path's end, no other's */
  gw_unescape unescape;
  gw_slash slash;
  bool many_needs_one; /* D-09: "**" before a literal takes at least one segment */
  bool many_slash;     /* D-09: "**" without a segment is an empty one: "o/" */
  gw_wrong_method wrong_method;
  bool method_override; /* D-56: forms sent by POST stand for another method */
  /* binding */
  bool query_merged;            /* D-16: parameters under the body's field too; the body wins */
  bool query_bare_ignored;      /* D-17: a key without "=" */
  bool query_plus;              /* D-18: "+" is itself */
  bool query_escape_lenient;    /* D-19: a malformed escape is itself */
  bool query_proto_first;       /* D-20: proto names before JSON names */
  bool query_reject_unknown;    /* D-21 */
  bool query_last_wins;         /* D-22: also of the members of a oneof */
  bool required_checked;        /* D-45: a missing required field is the client's fault */
  bool media_any;               /* D-32: whatever Content-Type says, the body is JSON */
  gw_split_form request_stream; /* D-38 */
  gw_json_style json;           /* the codec's share */
  /* answering */
  bool message_kept;   /* D-34: an error behind a unary message keeps it as body */
  bool bad_answer_500; /* D-35: what the service answers cannot be read: 500 for 502 */
  gw_header_names header_names;
  gw_stream_form stream;     /* what `auto` means; section 8 */
  bool stream_error_closes;  /* D-37: an array is ended as if all were well */
  bool stream_error_wrapped; /* D-37: {"error":...}, before the first message too */
  bool foreign_passed;       /* D-54: an answer that is not gRPC goes to the client as it is */
  bool errors_in_headers;    /* D-55: no body; grpc-status and grpc-message */
  gw_error_form errors;      /* D-55: the body, where there is one */
} gw_compat;

gw_compat gw_compat_of(gw_compat_profile profile);

/* The table's rows, for the test that none is forgotten: the id of row i, "D-01", or NULL behind
 * the last one.  A row may have several behaviours, and one that no profile changes has none. */
const char *gw_compat_row(size_t i);
