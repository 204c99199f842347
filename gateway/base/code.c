#include "base/code.h"

typedef struct code_row {
  const char *name;
  int http;
  gw_grpc_code grpc;
} code_row;

static const code_row code_rows[GW_CODE_COUNT] = {
  [GW_OK] = { "ok", 200, GW_GRPC_OK },
  [GW_AGAIN] = { "again", 500, GW_GRPC_INTERNAL },
  [GW_BAD_REQUEST] = { "bad_request", 400, GW_GRPC_INVALID_ARGUMENT },
  [GW_BAD_VALUE] = { "bad_value", 400, GW_GRPC_INVALID_ARGUMENT },
  [GW_NO_ROUTE] = { "no_route", 404, GW_GRPC_NOT_FOUND },
  [GW_BAD_METHOD] = { "bad_method", 405, GW_GRPC_UNIMPLEMENTED },
  [GW_REQUEST_TIMEOUT] = { "request_timeout", 408, GW_GRPC_DEADLINE_EXCEEDED },
  [GW_TOO_LARGE] = { "too_large", 413, GW_GRPC_RESOURCE_EXHAUSTED },
  [GW_URI_TOO_LONG] = { "uri_too_long", 414, GW_GRPC_INVALID_ARGUMENT },
  [GW_UNSUPPORTED_TYPE] = { "unsupported_type", 415, GW_GRPC_INVALID_ARGUMENT },
  [GW_BAD_EXPECTATION] = { "bad_expectation", 417, GW_GRPC_INVALID_ARGUMENT },
  [GW_MISDIRECTED] = { "misdirected", 421, GW_GRPC_INVALID_ARGUMENT },
  [GW_HEADERS_TOO_LARGE] = { "headers_too_large", 431, GW_GRPC_INVALID_ARGUMENT },
  [GW_UNKNOWN_CODING] = { "unknown_coding", 501, GW_GRPC_UNIMPLEMENTED },
  [GW_UNKNOWN_METHOD] = { "unknown_method", 501, GW_GRPC_UNIMPLEMENTED },
  [GW_UNKNOWN_VERSION] = { "unknown_version", 505, GW_GRPC_UNIMPLEMENTED },
  [GW_BAD_ANSWER] = { "bad_answer", 502, GW_GRPC_INTERNAL },
  [GW_UNAVAILABLE] = { "unavailable", 503, GW_GRPC_UNAVAILABLE },
  [GW_OVERLOADED] = { "overloaded", 503, GW_GRPC_UNAVAILABLE },
  [GW_DEADLINE] = { "deadline", 504, GW_GRPC_DEADLINE_EXCEEDED },
  [GW_CANCELLED] = { "cancelled", 499, GW_GRPC_CANCELLED },
  [GW_INTERNAL] = { "internal", 500, GW_GRPC_INTERNAL },
  [GW_NOMEM] = { "no_memory", 503, GW_GRPC_UNAVAILABLE },
  [GW_NOT_FOUND] = { "not_found", 500, GW_GRPC_INTERNAL },
  [GW_CONFLICT] = { "conflict", 500, GW_GRPC_INTERNAL },
};

typedef struct grpc_row {
  const char *name;
  int http;
} grpc_row;

static const grpc_row grpc_rows[GW_GRPC_CODE_COUNT] = {
  [GW_GRPC_OK] = { "OK", 200 },
  [GW_GRPC_CANCELLED] = { "CANCELLED", 499 },
  [GW_GRPC_UNKNOWN] = { "UNKNOWN", 500 },
  [GW_GRPC_INVALID_ARGUMENT] = { "INVALID_ARGUMENT", 400 },
  [GW_GRPC_DEADLINE_EXCEEDED] = { "DEADLINE_EXCEEDED", 504 },
  [GW_GRPC_NOT_FOUND] = { "NOT_FOUND", 404 },
  [GW_GRPC_ALREADY_EXISTS] = { "ALREADY_EXISTS", 409 },
  [GW_GRPC_PERMISSION_DENIED] = { "PERMISSION_DENIED", 403 },
  [GW_GRPC_RESOURCE_EXHAUSTED] = { "RESOURCE_EXHAUSTED", 429 },
  [GW_GRPC_FAILED_PRECONDITION] = { "FAILED_PRECONDITION", 400 },
  [GW_GRPC_ABORTED] = { "ABORTED", 409 },
  [GW_GRPC_OUT_OF_RANGE] = { "OUT_OF_RANGE", 400 },
  [GW_GRPC_UNIMPLEMENTED] = { "UNIMPLEMENTED", 501 },
  [GW_GRPC_INTERNAL] = { "INTERNAL", 500 },
  [GW_GRPC_UNAVAILABLE] = { "UNAVAILABLE", 503 },
  [GW_GRPC_DATA_LOSS] = { "DATA_LOSS", 500 },
  [GW_GRPC_UNAUTHENTICATED] = { "UNAUTHENTICATED", 401 },
};

typedef struct reason_row {
  int http;
  const char *reason;
} reason_row;

/* RFC 9110 section 15, RFC 6585; 499 is nginx's name for a client that left. */
static const reason_row reason_rows[] = {
  { 100, "Continue" },
  { 101, "Switching Protocols" },
  { 200, "OK" },
  { 201, "Created" },
  { 202, "Accepted" },
  { 203, "Non-Authoritative Information" },
  { 204, "No Content" },
  { 205, "Reset Content" },
  { 206, "Partial Content" },
  { 300, "Multiple Choices" },
  { 301, "Moved Permanently" },
  { 302, "Found" },
  { 303, "See Other" },
  { 304, "Not Modified" },
  { 307, "Temporary Redirect" },
  { 308, "Permanent Redirect" },
  { 400, "Bad Request" },
  { 401, "Unauthorized" },
  { 402, "Payment Required" },
  { 403, "Forbidden" },
  { 404, "Not Found" },
  { 405, "Method Not Allowed" },
  { 406, "Not Acceptable" },
  { 407, "Proxy Authentication Required" },
  { 408, "Request Timeout" },
  { 409, "Conflict" },
  { 410, "Gone" },
  { 411, "Length Required" },
  { 412, "Precondition Failed" },
  { 413, "Content Too Large" },
  { 414, "URI Too Long" },
  { 415, "Unsupported Media Type" },
  { 416, "Range Not Satisfiable" },
  { 417, "Expectation Failed" },
  { 421, "Misdirected Request" },
  { 422, "Unprocessable Content" },
  { 423, "Locked" },
  { 426, "Upgrade Required" },
  { 428, "Precondition Required" },
  { 429, "Too Many Requests" },
  { 431, "Request Header Fields Too Large" },
  { 451, "Unavailable For Legal Reasons" },
  { 499, "Client Closed Request" },
  { 500, "Internal Server Error" },
  { 501, "Not Implemented" },
  { 502, "Bad Gateway" },
  { 503, "Service Unavailable" },
  { 504, "Gateway Timeout" },
  { 505, "HTTP Version Not Supported" },
};

int gw_code_http(gw_code code) {
  assert(code < GW_CODE_COUNT);
  return code_rows[code].http;
}

gw_grpc_code gw_code_grpc(gw_code code) {
  assert(code < GW_CODE_COUNT);
  return code_rows[code].grpc;
}

const char *gw_code_name(gw_code code) {
  assert(code < GW_CODE_COUNT);
  return code_rows[code].name;
}

int gw_grpc_code_http(unsigned grpc_code) {
  return grpc_code < GW_GRPC_CODE_COUNT ? grpc_rows[grpc_code].http : 500;
}

const char *gw_grpc_code_name(unsigned grpc_code) {
  return grpc_rows[grpc_code < GW_GRPC_CODE_COUNT ? grpc_code : GW_GRPC_UNKNOWN].name;
}

gw_grpc_code gw_grpc_code_of_http(int http_status) {
  switch (http_status) {
  case 400: return GW_GRPC_INTERNAL;
  case 401: return GW_GRPC_UNAUTHENTICATED;
  case 403: return GW_GRPC_PERMISSION_DENIED;
  case 404: return GW_GRPC_UNIMPLEMENTED;
  case 429:
  case 502:
  case 503:
  case 504: return GW_GRPC_UNAVAILABLE;
  default: return GW_GRPC_UNKNOWN;
  }
}

const char *gw_http_reason(int http_status) {
  for (size_t i = 0; i < GW_COUNT_OF(reason_rows); i++) {
    if (reason_rows[i].http == http_status) return reason_rows[i].reason;
  }
  return "";
}
