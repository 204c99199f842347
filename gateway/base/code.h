/* code: how an operation ended, and the one table that turns that into HTTP and gRPC statuses.
 * Sources: google/rpc/code.proto (gRPC code -> HTTP), RFC 9110 section 15, RFC 6585 (431),
 * grpc/doc/http-grpc-status-mapping.md (HTTP -> gRPC).
 * Pure; any thread. */
#pragma once

#include "base/base.h"

typedef enum gw_code {
  GW_OK = 0,
  GW_AGAIN,            /* not an error: more bytes are needed */
  GW_BAD_REQUEST,      /* the request's form is wrong: HTTP framing, JSON syntax, escapes */
  GW_BAD_VALUE,        /* well-formed, but a value does not fit its field */
  GW_NO_ROUTE,         /* no route has this path */
  GW_BAD_METHOD,       /* routes have this path, but not this method */
  GW_REQUEST_TIMEOUT,  /* the client took too long to send its request */
  GW_TOO_LARGE,        /* request body or message over its limit */
  GW_URI_TOO_LONG,     /* request line over its limit */
  GW_UNSUPPORTED_TYPE, /* Content-Type or Content-Encoding that the route cannot read */
  GW_MISDIRECTED,      /* another host than the TLS connection is for */
  GW_BAD_EXPECTATION,  /* Expect other than 100-continue */
  GW_HEADERS_TOO_LARGE,
  GW_UNKNOWN_CODING,  /* Transfer-Encoding other than chunked */
  GW_UNKNOWN_METHOD,  /* a method that the gateway never serves: TRACE, CONNECT */
  GW_UNKNOWN_VERSION, /* HTTP version other than 1.0 and 1.1 */
  GW_BAD_ANSWER,      /* the upstream's answer cannot be understood or is over a limit */
  GW_UNAVAILABLE,     /* no usable connection to the upstream */
  GW_OVERLOADED,      /* a bounded queue or budget is full */
  GW_DEADLINE,        /* the exchange's deadline passed */
  GW_CANCELLED,       /* the client left */
  GW_INTERNAL,        /* our own fault */
  GW_NOMEM,           /* memory budget of the exchange or of the process */
  GW_NOT_FOUND,       /* a name in configuration or descriptors that does not exist */
  GW_CONFLICT,        /* two things in configuration or descriptors that exclude each other */
  GW_CODE_COUNT
} gw_code;

/* google.rpc.Code */
typedef enum gw_grpc_code {
  GW_GRPC_OK = 0,
  GW_GRPC_CANCELLED,
  GW_GRPC_UNKNOWN,
  GW_GRPC_INVALID_ARGUMENT,
  GW_GRPC_DEADLINE_EXCEEDED,
  GW_GRPC_NOT_FOUND,
  GW_GRPC_ALREADY_EXISTS,
  GW_GRPC_PERMISSION_DENIED,
  GW_GRPC_RESOURCE_EXHAUSTED,
  GW_GRPC_FAILED_PRECONDITION,
  GW_GRPC_ABORTED,
  GW_GRPC_OUT_OF_RANGE,
  GW_GRPC_UNIMPLEMENTED,
  GW_GRPC_INTERNAL,
  GW_GRPC_UNAVAILABLE,
  GW_GRPC_DATA_LOSS,
  GW_GRPC_UNAUTHENTICATED,
  GW_GRPC_CODE_COUNT
} gw_grpc_code;

int gw_code_http(gw_code code);          /* 400, 503 ... */
gw_grpc_code gw_code_grpc(gw_code code); /* the google.rpc.Code of a gateway-made error */
const char *gw_code_name(gw_code code);  /* "bad_value", for logs */

int gw_grpc_code_http(unsigned grpc_code);          /* any number; unknown ones are 500 */
const char *gw_grpc_code_name(unsigned grpc_code);  /* "NOT_FOUND"; "UNKNOWN" for unknown ones */
gw_grpc_code gw_grpc_code_of_http(int http_status); /* an upstream's non-gRPC answer */
const char *gw_http_reason(int http_status);        /* "Not Found"; "" for unregistered ones */
