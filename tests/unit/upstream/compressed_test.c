#include "upstream/call.h"

#include "unit/upstream/bench.h"

/* Messages that come compressed (grpc/doc/compression.md). */

#define CODING(text)                                                                               \
  { GW_STR_INIT("grpc-encoding"), GW_STR_INIT(text) }
/* "hello", by Python's gzip; then 1001 zeros, of which 1000 are allowed. */
#define HELLO_GZIP                                                                                 \
  "\037\213\010\000\000\000\000\000\002\003\313\110\315\311\311\007\000\206\246\020\066"           \
  "\005\000\000\000"
#define PACKED_HELLO "\1\0\0\0\31" HELLO_GZIP
#define BOMB_GZIP                                                                                  \
  "\037\213\010\000\000\000\000\000\002\003\143\140\030\005\243\140\024\014\173\000\000\272\147"   \
  "\274\077\351\003\000\000"

typedef struct result_row {
  bool streaming;
  gw_code code;
  unsigned grpc_code;
  uint32_t messages;
  const char *text; /* of the last message, or what stands in the error */
  script script;
} result_row;

static const result_row results[] = {
  { UNARY,
    GW_OK,
    0,
    1,
    "hello",
    { "/unary", "200", { GRPC, CODING("gzip") }, BYTES(PACKED_HELLO), { STATUS("0") } } },
  { STREAM, /* each as its flag says */
    GW_OK,
    0,
    3,
    "hello",
    { "/mixed",
      "200",
      { GRPC, CODING("gzip") },
      BYTES(PACKED_HELLO "\0\0\0\0\3abc" PACKED_HELLO),
      { STATUS("0") } } },
  { UNARY,
    GW_OK,
    0,
    1,
    "hello",
    { "/not-used", "200", { GRPC, CODING("gzip") }, BYTES(HELLO), { STATUS("0") } } },
  { UNARY,
    GW_OK,
    0,
    1,
    "hello",
    { "/unknown-not-used", "200", { GRPC, CODING("snappy") }, BYTES(HELLO), { STATUS("0") } } },
  { UNARY,
    GW_BAD_ANSWER,
    13,
    0,
    "grpc-encoding is \"\", expected gzip",
    { "/not-said", "200", { GRPC }, BYTES(PACKED_HELLO), { STATUS("0") } } },
  { UNARY,
    GW_BAD_ANSWER,
    13,
    0,
    "grpc-encoding is \"identity\", expected gzip",
    { "/identity", "200", { GRPC, CODING("identity") }, BYTES(PACKED_HELLO), { STATUS("0") } } },
  { UNARY,
    GW_BAD_ANSWER,
    13,
    0,
    "grpc-encoding is \"snappy\", expected gzip",
    { "/unknown", "200", { GRPC, CODING("snappy") }, BYTES(PACKED_HELLO), { STATUS("0") } } },
  { STREAM,
    GW_BAD_ANSWER,
    13,
    1,
    "malformed gzip",
    { "/garbage",
      "200",
      { GRPC, CODING("gzip") },
      BYTES(HELLO "\1\0\0\0\24aaaaaaaaaaaaaaaa\1\0\0\0"),
      { STATUS("0") } } },
  { UNARY,
    GW_BAD_ANSWER,
    13,
    0,
    "not gzip",
    { "/empty", "200", { GRPC, CODING("gzip") }, BYTES("\1\0\0\0\0"), { STATUS("0") } } },
  { UNARY,
    GW_BAD_ANSWER,
    13,
    0,
    "a message of 1001 bytes is over the limit of 1000 (message)",
    { "/bomb", "200", { GRPC, CODING("gzip") }, BYTES("\1\0\0\0\35" BOMB_GZIP), { STATUS("0") } } },
};

TEST(compressed, messages_are_inflated_or_refused) {
  for (size_t i = 0; i < GW_COUNT_OF(results); i++) {
    const result_row *row = &results[i];
    bench b;
    bench_init(&b, 1, &row->script, 1);
    bench_ready(&b, 1);
    tcall *t = tcall_start(&b, row->script.method, row->streaming);
    PUMP(b.loop, t->done_count == 1);
    const gw_call_result *result = &t->call.result;
    bool is_good = result->code == row->code && result->grpc_code == row->grpc_code &&
                   t->messages == row->messages;
    if (!is_good)
      print_error("%s: %d %u, %u messages, " GW_STR_FMT "\n", row->script.method, (int)result->code,
                  result->grpc_code, (unsigned)t->messages, GW_STR_ARG(result->message));
    CHECK(is_good);
    gw_str text = row->code == GW_OK ? gw_str_of(t->text) : result->message;
    CHECK(memmem(text.p, text.n, row->text, strlen(row->text)) != NULL);
    tcall_free(t);
    bench_done(&b);
  }
}

TEST(compressed, what_is_understood_is_told) {
  static const script good[] = { { "/m", "200", { GRPC }, BYTES(HELLO), { STATUS("0") } } };
  bench b;
  bench_init(&b, 1, good, 1);
  bench_ready(&b, 1);
  tcall *t = tcall_start(&b, "/m", UNARY);
  PUMP(b.loop, t->done_count == 1);
  const gw_h2_fields *head = &b.services[0].streams[0]->h2.head;
  CHECK_STR(gw_h2_field_get(head, GW_STR("grpc-accept-encoding")), "identity,gzip");
  CHECK(gw_h2_field_get(head, GW_STR("grpc-encoding")).p == NULL); /* not asked for */
  tcall_free(t);
  bench_done(&b);
}

/* A stream's messages share the memory in which they are inflated. */
TEST(compressed, memory_does_not_grow_with_the_stream) {
  enum { COUNT = 200 };
  static char data[COUNT * (sizeof PACKED_HELLO - 1)];
  for (size_t i = 0; i < COUNT; i++)
    memcpy(data + i * (sizeof PACKED_HELLO - 1), PACKED_HELLO, sizeof PACKED_HELLO - 1);
  const script many[] = { { "/many",
                            "200",
                            { GRPC, CODING("gzip") },
                            .data = data,
                            .data_n = sizeof data,
                            .trailers = { STATUS("0") } } };
  bench b;
  bench_init(&b, 1, many, 1);
  bench_ready(&b, 1);
  tcall *t = tcall_start(&b, "/many", STREAM);
  PUMP(b.loop, t->done_count == 1);
  CHECK_INT(t->call.result.grpc_code, 0);
  CHECK_INT(t->messages, COUNT);
  CHECK(t->arena.used < 4 * GW_KIB(16));
  tcall_free(t);
  bench_done(&b);
}
