#include "exchange/deadline.h"

#include "unit/test.h"

typedef struct deadline_row {
  const char *grpc, *server, *request; /* NULL: not sent */
  uint64_t route_ms;
  uint64_t ms; /* 0 with bad: refused */
  bool bad;
} deadline_row;

static const deadline_row rows[] = {
  { .route_ms = 15000, .ms = 15000 },
  { .route_ms = 0, .ms = 0 },
  /* Grpc-Timeout: at most 8 digits and a unit */
  { .grpc = "1H", .ms = 3600000 },
  { .grpc = "2M", .ms = 120000 },
  { .grpc = "3S", .ms = 3000 },
  { .grpc = "4m", .ms = 4 },
  { .grpc = "5000u", .ms = 5 },
  { .grpc = "6000000n", .ms = 6 },
  { .grpc = "1n", .ms = 1 }, /* an answer needs some time: never none */
  { .grpc = "0S", .ms = 1 },
  { .grpc = "99999999H", .ms = 365ull * 24 * 3600 * 1000 },
  { .grpc = "99999999n", .ms = 99 },
  { .grpc = "00000001S", .ms = 1000 },
  { .grpc = "123456789S", .bad = true },
  { .grpc = "S", .bad = true },
  { .grpc = "5", .bad = true },
  { .grpc = "", .bad = true },
  { .grpc = "5s", .bad = true },
  { .grpc = "5 S", .bad = true },
  { .grpc = "-5S", .bad = true },
  { .grpc = "+5S", .bad = true },
  { .grpc = "1.5S", .bad = true },
  { .grpc = "0x5S", .bad = true },
  /* X-Server-Timeout: seconds */
  { .server = "1", .ms = 1000 },
  { .server = "1.5", .ms = 1500 },
  { .server = "0.001", .ms = 1 },
  { .server = "0.0009", .ms = 1 },
  { .server = "0", .ms = 1 },
  { .server = "0.25", .ms = 250 },
  { .server = "1.999999999", .ms = 1999 },
  { .server = "999999999", .ms = 365ull * 24 * 3600 * 1000 },
  { .server = "9999999999", .bad = true },
  { .server = "1.", .bad = true },
  { .server = ".5", .bad = true },
  { .server = "1.5.5", .bad = true },
  { .server = "1.0000000001", .bad = true },
  { .server = "1e3", .bad = true },
  { .server = "-1", .bad = true },
  { .server = "", .bad = true },
  { .server = "inf", .bad = true },
  /* X-Request-Timeout-Ms */
  { .request = "250", .ms = 250 },
  { .request = "0", .ms = 1 },
  { .request = "999999999999", .ms = 365ull * 24 * 3600 * 1000 },
  { .request = "1000000000000", .bad = true },
  { .request = "1.5", .bad = true },
  { .request = "", .bad = true },
  /* the shortest of all wins; a client never makes it longer */
  { .grpc = "20S", .route_ms = 15000, .ms = 15000 },
  { .grpc = "5S", .route_ms = 15000, .ms = 5000 },
  { .grpc = "5S", .server = "4", .request = "4500", .route_ms = 15000, .ms = 4000 },
  { .grpc = "5S", .server = "4", .request = "3500", .route_ms = 15000, .ms = 3500 },
  { .grpc = "1S", .server = "x", .route_ms = 15000, .bad = true },
};

TEST(deadline, is_the_shortest_of_route_and_client) {
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    const deadline_row *row = &rows[i];
    gw_header fields[3];
    gw_h1_request request = { .fields = fields };
    const struct {
      const char *name, *value;
    } headers[] = { { "grpc-timeout", row->grpc },
                    { "x-server-timeout", row->server },
                    { "x-request-timeout-ms", row->request } };
    for (size_t h = 0; h < GW_COUNT_OF(headers); h++) {
      if (headers[h].value == NULL) continue;
      fields[request.field_count++] =
          (gw_header){ gw_str_of(headers[h].name), gw_str_of(headers[h].value) };
    }
    uint64_t ms = 12345;
    gw_err err;
    gw_err_init(&err);
    gw_code code = gw_deadline_of(&request, row->route_ms, &ms, &err);
    if (code != (row->bad ? GW_BAD_REQUEST : GW_OK) || ms != (row->bad ? 12345 : row->ms)) {
      print_error("row %zu\n", i);
    }
    CHECK_INT(code, row->bad ? GW_BAD_REQUEST : GW_OK);
    CHECK_INT(ms, row->bad ? 12345 : row->ms); /* untouched on failure */
    CHECK_INT(err.where[0] != '\0', row->bad);
  }
}
