#include "exchange/media.h"

#include "unit/test.h"

TEST(media, gzip_is_taken_where_it_is_asked_for) {
  static const struct {
    const char *first, *second; /* Accept-Encoding; NULL: not there */
    bool wanted;
  } rows[] = {
    { NULL, NULL, false },
    { "", NULL, false },
    { "gzip", NULL, true },
    { "GZip", NULL, true },
    { "x-gzip", NULL, true },
    { "gzip, deflate, br, zstd", NULL, true },
    { "deflate, gzip;q=1.0, *;q=0.5", NULL, true },
    { "br", NULL, false },
    { "br", "gzip", true },
    { "gzip;q=0", NULL, false },
    { "gzip;q=0.000", NULL, false },
    { "gzip;q=0.001", NULL, true },
    { "*", NULL, true },
    { "*;q=0", NULL, false },
    { "gzip;q=0, *", NULL, false },
    { "gzip, *;q=0", NULL, true },
    { "identity", NULL, false },
    { "identity, gzip;q=0.5", NULL, false },
    { "identity;q=0.5, gzip;q=0.5", NULL, true },
    { "gzip;q=abc", NULL, false },
    { "gzipped", NULL, false },
    { ",,;,gzip", NULL, true },
    { "  gzip ; q = 0.4 ", NULL, true },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    gw_header fields[] = { { GW_STR("accept"), GW_STR("gzip") },
                           { GW_STR("accept-encoding"), gw_str_of(rows[i].first ?: "") },
                           { GW_STR("accept-encoding"), gw_str_of(rows[i].second ?: "") } };
    uint32_t count = rows[i].first == NULL ? 1 : rows[i].second == NULL ? 2 : 3;
    gw_h1_request request = { .fields = fields, .field_count = count };
    bool got = gw_media_accepts_gzip(&request);
    if (got != rows[i].wanted) print_error("row %zu: %s\n", i, rows[i].first ?: "(none)");
    CHECK_INT(got, rows[i].wanted);
  }
}
