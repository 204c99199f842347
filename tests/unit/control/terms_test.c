#include "control/terms.h"

#include "unit/test.h"

#define PATH "tests/unit/control/config.yaml" /* relative paths start here */
#define HEAD                                                                                       \
  "listen: [{address: '127.0.0.1:8080'}]\n"                                                        \
  "descriptors: [../../../descriptors/userservice.pb]\n"                                           \
  "upstreams: {users: {endpoints: ['grpc://127.0.0.1:50051']},\n"                                  \
  "  old: {endpoints: ['http://127.0.0.1:8081']}}\n"                                               \
  "legacy: old\nroutes:\n"                                                                         \
  "  - match: GET /v1/users/{user_id}\n    rpc: userservice.UserService/GetUser\n"                 \
  "    upstream: users\n"

static const struct {
  const char *option;
  bool changes;
} term_rows[] = {
  { "", false },
  { "    stage: shadow\n", false },
  { "    timeout: 2s\n", false },
  { "    shadow: { sample: 5% }\n", false },
  { "    json: { unknown_fields: reject }\n", false },
  { "    json: { int64: number }\n", true },
  { "    json: { names: proto }\n", true },
  { "    json: { emit: all }\n", true },
  { "    success_status: 201\n", true },
  { "    errors: problem\n", true },
  { "    response_body: name\n", true },
  { "    headers: { response: [x-a] }\n", true },
  { "    headers: { response: ['*'] }\n", true },
  { "    compare: { ignore: [/name] }\n", true },
  { "    compare: { unordered: [/name] }\n", true },
  { "    compare: { tolerance: { /createdAt: 1 } }\n", true },
  { "    compare: { tolerance: { /createdAt: 2 } }\n", true },
  { "    compare: { headers: [etag] }\n", true },
};

static uint64_t terms_with(const char *option) {
  char yaml[1024];
  gw_findings findings;
  gw_snapshot *snapshot = NULL;
  gw_arena arena;
  uint64_t *terms = NULL;
  snprintf(yaml, sizeof yaml, HEAD "%s", option);
  gw_findings_init(&findings);
  gw_code code = gw_snapshot_parse(PATH, gw_str_of(yaml), &findings, &snapshot);
  if (findings.errors > 0) fail_msg(GW_STR_FMT, GW_STR_ARG(findings.items[0].text));
  CHECK_INT(code, GW_OK);
  gw_findings_done(&findings);
  gw_arena_init(&arena, NULL, GW_MIB(1));
  CHECK_INT(gw_terms_of(snapshot, &arena, &terms), GW_OK);
  uint64_t hash = terms[0];
  gw_arena_done(&arena);
  gw_snapshot_unref(snapshot);
  return hash;
}

TEST(terms, are_others_by_what_is_compared_and_printed) {
  uint64_t hashes[GW_COUNT_OF(term_rows)];
  for (size_t i = 0; i < GW_COUNT_OF(term_rows); i++) {
    hashes[i] = terms_with(term_rows[i].option);
    if ((hashes[i] != hashes[0]) != term_rows[i].changes) fail_msg("%s", term_rows[i].option);
    for (size_t k = 1; k < i && term_rows[i].changes; k++)
      if (hashes[i] == hashes[k]) fail_msg("%s as %s", term_rows[i].option, term_rows[k].option);
  }
}

TEST(terms, without_memory_there_are_none) {
  const gw_snapshot snapshot = { .route_count = 1 };
  gw_arena arena;
  uint64_t *terms = NULL;
  gw_arena_init(&arena, NULL, 0);
  CHECK_INT(gw_terms_of(&snapshot, &arena, &terms), GW_NOMEM);
  CHECK(terms == NULL);
  gw_arena_done(&arena);
}
