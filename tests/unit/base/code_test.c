#include "base/code.h"
#include "base/limits.h"
#include "unit/test.h"

TEST(code, every_code_has_a_row_of_its_own) {
  for (gw_code code = GW_OK; code < GW_CODE_COUNT; code++) {
    CHECK(gw_code_name(code) != NULL && gw_code_name(code)[0] != '\0');
    CHECK(gw_code_http(code) == 200 ? code == GW_OK : gw_code_http(code) >= 400);
    CHECK((gw_code_grpc(code) == GW_GRPC_OK) == (code == GW_OK)); /* failure is never OK */
    CHECK(gw_http_reason(gw_code_http(code))[0] != '\0');
    for (gw_code other = GW_OK; other < code; other++)
      CHECK(strcmp(gw_code_name(code), gw_code_name(other)) != 0);
  }
}

TEST(code, refusals_have_the_statuses_that_clients_see) {
  CHECK_INT(gw_code_http(GW_BAD_REQUEST), 400);
  CHECK_INT(gw_code_http(GW_URI_TOO_LONG), 414);
  CHECK_INT(gw_code_http(GW_HEADERS_TOO_LARGE), 431);
  CHECK_INT(gw_code_http(GW_BAD_EXPECTATION), 417);
  CHECK_INT(gw_code_http(GW_UNKNOWN_CODING), 501);
  CHECK_INT(gw_code_http(GW_UNKNOWN_METHOD), 501);
  CHECK_INT(gw_code_http(GW_UNKNOWN_VERSION), 505);
  CHECK_INT(gw_code_http(GW_TOO_LARGE), 413);
  CHECK_INT(gw_code_http(GW_OVERLOADED), 503);
  CHECK_INT(gw_code_http(GW_DEADLINE), 504);
  CHECK_INT(gw_code_grpc(GW_DEADLINE), GW_GRPC_DEADLINE_EXCEEDED);
}

/* google/rpc/code.proto */
TEST(code, grpc_codes_have_their_http_statuses) {
  static const struct {
    unsigned code;
    const char *name;
    int http;
  } rows[] = {
    { 0, "OK", 200 },
    { 1, "CANCELLED", 499 },
    { 2, "UNKNOWN", 500 },
    { 3, "INVALID_ARGUMENT", 400 },
    { 4, "DEADLINE_EXCEEDED", 504 },
    { 5, "NOT_FOUND", 404 },
    { 6, "ALREADY_EXISTS", 409 },
    { 7, "PERMISSION_DENIED", 403 },
    { 8, "RESOURCE_EXHAUSTED", 429 },
    { 9, "FAILED_PRECONDITION", 400 },
    { 10, "ABORTED", 409 },
    { 11, "OUT_OF_RANGE", 400 },
    { 12, "UNIMPLEMENTED", 501 },
    { 13, "INTERNAL", 500 },
    { 14, "UNAVAILABLE", 503 },
    { 15, "DATA_LOSS", 500 },
    { 16, "UNAUTHENTICATED", 401 },
    { 17, "UNKNOWN", 500 }, /* not one */
    { 4294967295u, "UNKNOWN", 500 },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    CHECK_STR(gw_str_of(gw_grpc_code_name(rows[i].code)), rows[i].name);
    CHECK_INT(gw_grpc_code_http(rows[i].code), rows[i].http);
  }
}

/* grpc/doc/http-grpc-status-mapping.md */
TEST(code, http_statuses_have_their_grpc_codes) {
  static const int rows[][2] = {
    { 400, 13 }, { 401, 16 }, { 403, 7 }, { 404, 12 }, { 429, 14 }, { 502, 14 }, { 503, 14 },
    { 504, 14 }, { 200, 2 },  { 500, 2 }, { 302, 2 },  { 418, 2 },  { 0, 2 },    { -1, 2 },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++)
    CHECK_INT(gw_grpc_code_of_http(rows[i][0]), rows[i][1]);
}

TEST(code, reasons_are_the_registered_ones) {
  CHECK_STR(gw_str_of(gw_http_reason(200)), "OK");
  CHECK_STR(gw_str_of(gw_http_reason(101)), "Switching Protocols");
  CHECK_STR(gw_str_of(gw_http_reason(431)), "Request Header Fields Too Large");
  CHECK_STR(gw_str_of(gw_http_reason(299)), "");
  CHECK_STR(gw_str_of(gw_http_reason(-1)), "");
}

TEST(limits, defaults_are_those_promised) {
  gw_limits limits = gw_limits_default();
  CHECK_INT(limits.connections, 8192);
  CHECK_INT(limits.request_line, 8192);
  CHECK_INT(limits.headers, 16384);
  CHECK_INT(limits.header_count, 100);
  CHECK_INT(limits.header, 8192);
  CHECK_INT(limits.body, 4194304);
  CHECK_INT(limits.message, 4194304);
  CHECK_INT(limits.tls_handshake_timeout_ms, 5000);
  CHECK_INT(limits.header_timeout_ms, 10000);
  CHECK_INT(limits.body_timeout_ms, 30000);
  CHECK_INT(limits.idle_timeout_ms, 60000);
  CHECK_INT(limits.stall_timeout_ms, 30000);
}
