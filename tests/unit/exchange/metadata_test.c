#include "exchange/metadata.h"

#include "unit/test.h"

#define FIELDS_MAX 130u

typedef struct metadata_row {
  const char *name, *value; /* a client's header */
  const char *as;           /* its name as metadata; NULL: it stays here */
  bool dropped;             /* counted, since it was on the list */
} metadata_row;

static const gw_str listed[] = { GW_STR_INIT("x-tenant"), GW_STR_INIT("x-key-bin"),
                                 GW_STR_INIT("grpc-timeout"), GW_STR_INIT("connection"),
                                 GW_STR_INIT("x-hop") };
static const gw_route route = { .headers_request = listed,
                                .headers_request_count = GW_COUNT_OF(listed) };

static const metadata_row rows[] = {
  { "authorization", "Bearer a.b", "authorization", false },
  { "accept-language", "de, en;q=0.5", "accept-language", false },
  { "user-agent", "curl/8", "x-forwarded-user-agent", false },
  { "x-request-id", "42", "x-request-id", false },
  { "tracestate", "a=1", "tracestate", false },
  { "baggage", "k=v", "baggage", false },
  { "x-tenant", "acme", "x-tenant", false },
  { "x-tenant", "", "x-tenant", false },
  { "x-key-bin", "AAEC", "x-key-bin", false },
  { "x-key-bin", "", "x-key-bin", false },
  /* values that metadata cannot carry */
  { "x-key-bin", "not base64!", NULL, true },
  { "x-key-bin", "A", NULL, true },
  { "x-key-bin", "A===", NULL, true },
  { "x-key-bin", "AA=A", NULL, true },
  { "x-key-bin", "=", NULL, true },
  { "x-tenant", "caf\xc3\xa9", NULL, true },
  { "x-tenant", "a\tb", NULL, true },
  { "authorization", "a\x01", NULL, true },
  /* names that are on no list, or on one although they must not be */
  { "x-other", "1", NULL, false },
  { "cookie", "a=b", NULL, false },
  { "grpc-timeout", "1S", NULL, false },
  { "grpc-status", "0", NULL, false },
  { "grpc-encoding", "gzip", NULL, false },
  { "connection", "x-hop", NULL, false },
  { "te", "trailers", NULL, false },
  { "host", "h", NULL, false },
  { "content-length", "5", NULL, false },
  { "transfer-encoding", "chunked", NULL, false },
  { "content-type", "application/json", NULL, false },
  { "x-forwarded-user-agent", "forged", NULL, false },
  { "upgrade", "h2c", NULL, false },
};

static gw_code metadata_of(const gw_header *fields, uint32_t count, const char *peer,
                           gw_arena *arena, gw_h2_fields *out, uint32_t *dropped) {
  gw_h1_request request = { .fields = fields, .field_count = count, .host = GW_STR("api.example") };
  for (uint32_t i = 0; i < count; i++)
    request.connection_count += gw_str_eq(fields[i].name, GW_STR("connection"));
  gw_arena_init(arena, NULL, GW_MIB(1));
  return gw_metadata_of_request(&request, &route, gw_str_of(peer), arena, &out->items, &out->count,
                                dropped);
}

TEST(metadata, only_listed_headers_with_clean_values_travel) {
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    const metadata_row *row = &rows[i];
    gw_header field = { gw_str_of(row->name), gw_str_of(row->value) };
    gw_h2_fields out = { 0 };
    gw_arena arena;
    uint32_t dropped = 0;
    CHECK_INT(metadata_of(&field, 1, "127.0.0.1:5", &arena, &out, &dropped), GW_OK);
    if (out.count != (row->as != NULL ? 4 : 3)) print_error("%s: %s\n", row->name, row->value);
    CHECK_INT(out.count, row->as != NULL ? 4 : 3); /* with x-forwarded-for, -host, -proto */
    if (row->as != NULL) CHECK_STR(gw_h2_field_get(&out, gw_str_of(row->as)), row->value);
    CHECK_INT(dropped, row->dropped ? 1 : 0);
    gw_arena_done(&arena);
  }
}

/* Servers end the whole connection over base64 that is not exact. */
TEST(metadata, binary_values_are_written_anew) {
  static const struct {
    const char *value, *wanted[3];
    uint32_t count, dropped;
  } values[] = {
    { "AA==", { "AA" }, 1, 0 },
    { "AAEC/+==", { "AAEC/w" }, 1, 0 },
    { "-_-_", { "+/+/" }, 1, 0 },
    { "AAEC, /w==,,AA", { "AAEC", "/w", "AA" }, 3, 0 },
    { "AAEC,?,AA", { "AAEC", "AA" }, 2, 1 },
    { ",", { NULL }, 0, 0 },
  };
  for (size_t i = 0; i < GW_COUNT_OF(values); i++) {
    gw_header field = { GW_STR("x-key-bin"), gw_str_of(values[i].value) };
    gw_h2_fields out = { 0 };
    gw_arena arena;
    uint32_t dropped = 0;
    CHECK_INT(metadata_of(&field, 1, "127.0.0.1:5", &arena, &out, &dropped), GW_OK);
    CHECK_INT(out.count, 3 + values[i].count);
    for (uint32_t j = 0; j < values[i].count; j++)
      CHECK_STR(out.items[3 + j].value, values[i].wanted[j]);
    CHECK_INT(dropped, values[i].dropped);
    gw_arena_done(&arena);
  }
}

/* With compat names come from clients; what HTTP allows in one is more than gRPC does. */
TEST(metadata, names_that_grpc_has_not_stay_here) {
  static const gw_header fields[] = { { GW_STR_INIT("x!y"), GW_STR_INIT("1") },
                                      { GW_STR_INIT("grpc-metadata-x~y"), GW_STR_INIT("1") },
                                      { GW_STR_INIT("grpc-metadata-"), GW_STR_INIT("1") },
                                      { GW_STR_INIT("x.y-z0"), GW_STR_INIT("1") },
                                      { GW_STR_INIT("grpc-metadata-x.z"), GW_STR_INIT("1") } };
  static const gw_compat_profile profiles[] = { GW_COMPAT_ENVOY, GW_COMPAT_GRPC_GATEWAY };
  for (size_t i = 0; i < GW_COUNT_OF(profiles); i++) {
    gw_route open = { .compat = gw_compat_of(profiles[i]) };
    gw_h1_request request = { .fields = fields, .field_count = 5, .host = GW_STR("h") };
    gw_h2_fields out = { 0 };
    gw_arena arena;
    uint32_t dropped = 0;
    gw_arena_init(&arena, NULL, GW_MIB(1));
    CHECK_INT(gw_metadata_of_request(&request, &open, GW_STR("127.0.0.1:5"), &arena, &out.items,
                                     &out.count, &dropped),
              GW_OK);
    CHECK_INT(out.count, 4); /* with x-forwarded-for, -host, -proto */
    CHECK_STR(out.items[3].name, profiles[i] == GW_COMPAT_ENVOY ? "x.y-z0" : "x.z");
    gw_arena_done(&arena);
  }
}

TEST(metadata, a_list_of_binary_values_keeps_the_limit) {
  static char list[2 * FIELDS_MAX * 3];
  gw_header fields[2] = { { GW_STR("x-key-bin"), { list, sizeof list - 1 } },
                          { GW_STR("x-tenant"), GW_STR("t") } };
  gw_h2_fields out = { 0 };
  gw_arena arena;
  uint32_t dropped = 0;
  for (size_t i = 0; i < sizeof list; i++)
    list[i] = i % 3 == 2 ? ',' : 'A';
  CHECK_INT(metadata_of(fields, 2, "127.0.0.1:5", &arena, &out, &dropped), GW_OK);
  CHECK_INT(out.count, GW_CALL_METADATA_MAX - 1);
  CHECK_INT(dropped, 2 * FIELDS_MAX + 1 + 3 - out.count);
  gw_arena_done(&arena);
}

TEST(metadata, what_connection_names_stays_here) {
  static const gw_header fields[] = {
    { GW_STR_INIT("connection"), GW_STR_INIT("close, X-Hop ,authorization") },
    { GW_STR_INIT("x-hop"), GW_STR_INIT("1") },
    { GW_STR_INIT("authorization"), GW_STR_INIT("Basic x") },
    { GW_STR_INIT("x-tenant"), GW_STR_INIT("t") },
  };
  gw_h2_fields out = { 0 };
  gw_arena arena;
  uint32_t dropped = 0;
  CHECK_INT(metadata_of(fields, 4, "127.0.0.1:5", &arena, &out, &dropped), GW_OK);
  CHECK_INT(out.count, 4);
  CHECK_STR(gw_h2_field_get(&out, GW_STR("x-tenant")), "t");
  gw_arena_done(&arena);
}

TEST(metadata, the_forwarding_chain_grows_by_the_peer) {
  static const struct {
    const char *peer, *chain, *wanted;
  } chains[] = {
    { "10.0.0.9:40312", NULL, "10.0.0.9" },
    { "[::1]:80", NULL, "::1" },
    { "10.0.0.9:1", "1.2.3.4", "1.2.3.4, 10.0.0.9" },
    { "[2001:db8::1]:1", "1.2.3.4, 5.6.7.8", "1.2.3.4, 5.6.7.8, 2001:db8::1" },
  };
  for (size_t i = 0; i < GW_COUNT_OF(chains); i++) {
    gw_header field = { GW_STR("x-forwarded-for"),
                        gw_str_of(chains[i].chain != NULL ? chains[i].chain : "") };
    gw_h2_fields out = { 0 };
    gw_arena arena;
    uint32_t dropped = 0;
    CHECK_INT(metadata_of(&field, chains[i].chain != NULL, chains[i].peer, &arena, &out, &dropped),
              GW_OK);
    CHECK_STR(gw_h2_field_get(&out, GW_STR("x-forwarded-for")), chains[i].wanted);
    CHECK_STR(gw_h2_field_get(&out, GW_STR("x-forwarded-host")), "api.example");
    CHECK_STR(gw_h2_field_get(&out, GW_STR("x-forwarded-proto")), "http");
    gw_arena_done(&arena);
  }
}

TEST(metadata, never_exceeds_what_a_call_takes) {
  gw_header fields[FIELDS_MAX];
  gw_h2_fields out = { 0 };
  gw_arena arena;
  uint32_t dropped = 0;
  for (size_t i = 0; i < FIELDS_MAX; i++)
    fields[i] = (gw_header){ GW_STR("x-tenant"), GW_STR("t") };
  CHECK_INT(metadata_of(fields, FIELDS_MAX, "127.0.0.1:5", &arena, &out, &dropped), GW_OK);
  CHECK_INT(out.count, GW_CALL_METADATA_MAX - 1); /* traceparent comes behind */
  CHECK_INT(dropped, FIELDS_MAX + 3 - out.count);
  gw_arena_done(&arena);
}

static gw_code metadata_whole(void *context) {
  gw_header field = { GW_STR("x-tenant"), GW_STR("t") };
  gw_h2_fields out = { 0 };
  gw_arena arena;
  uint32_t dropped = 0;
  (void)context;
  gw_code code = metadata_of(&field, 1, "127.0.0.1:5", &arena, &out, &dropped);
  gw_arena_done(&arena);
  return code;
}

TEST(metadata, survives_each_failed_alloc) {
  test_fail_each_alloc(metadata_whole, NULL);
}

/* ---- answers ---- */

static const char *const answer_default[] = { "cache-control", "content-language",
                                              "etag",          "last-modified",
                                              "link",          "location",
                                              "retry-after",   "x-request-id" };
static const char *const answer_never[] = { "grpc-status",    "grpc-message", "content-type",
                                            "content-length", "connection",   "transfer-encoding",
                                            "grpc-encoding",  "trailer",      "te",
                                            "keep-alive",     "upgrade",      "date" };

static uint32_t answer_count(const gw_route *of, const char *name, uint32_t max) {
  gw_header in = { gw_str_of(name), GW_STR("v") }, out[2];
  gw_h2_fields fields = { .items = &in, .count = 1 };
  return gw_metadata_of_answer(&fields, of, out, max);
}

TEST(metadata, answers_pass_by_list) {
  static const gw_str wanted[] = { GW_STR_INIT("x-a"), GW_STR_INIT("grpc-status") };
  const gw_route none = { 0 }, some = { .headers_response = wanted, .headers_response_count = 2 };
  const gw_route all = { .headers_response_all = true };
  for (size_t i = 0; i < GW_COUNT_OF(answer_default); i++) {
    CHECK_INT(answer_count(&none, answer_default[i], 2), 1);
    CHECK_INT(answer_count(&none, answer_default[i], 0), 0);
  }
  for (size_t i = 0; i < GW_COUNT_OF(answer_never); i++) {
    if (answer_count(&all, answer_never[i], 2) != 0) print_error("%s\n", answer_never[i]);
    CHECK_INT(answer_count(&all, answer_never[i], 2), 0);
    CHECK_INT(answer_count(&some, answer_never[i], 2), 0);
  }
  CHECK_INT(answer_count(&none, "x-a", 2), 0);
  CHECK_INT(answer_count(&some, "x-a", 2), 1);
  CHECK_INT(answer_count(&some, "x-b", 2), 0);
  CHECK_INT(answer_count(&all, "x-b", 2), 1);
  CHECK_INT(gw_metadata_of_answer(NULL, &all, NULL, 0), 0);
}

TEST(metadata, a_service_may_choose_a_status_within_reason) {
  static const struct {
    const char *text;
    int code;
    bool bad;
  } codes[] = {
    { "200", 200, false },
    { "201", 201, false },
    { "599", 599, false },
    { "404", 404, false },
    { "199", 0, true },
    { "600", 0, true },
    { "100", 0, true },
    { "", 0, true },
    { "2xx", 0, true },
    { "-200", 0, true },
    { "200 ", 0, true },
    { "4294967496", 0, true },
    { "18446744073709551816", 0, true },
  };
  for (size_t i = 0; i < GW_COUNT_OF(codes); i++) {
    gw_header in = { GW_STR("x-http-code"), gw_str_of(codes[i].text) };
    gw_h2_fields fields = { .items = &in, .count = 1 };
    bool bad = false;
    CHECK_INT(gw_metadata_http_code(&fields, &bad), codes[i].code);
    CHECK_INT(bad, codes[i].bad);
  }
  bool bad = false;
  CHECK_INT(gw_metadata_http_code(NULL, &bad), 0);
  CHECK(!bad);
}
