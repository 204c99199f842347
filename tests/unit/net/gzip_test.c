#include "net/gzip.h"

#include "base/limits.h"
#include "unit/test.h"

#define TEXT_MAX GW_MIB(8)

typedef struct bench {
  gw_gzip *gzip;
  gw_buf packed, plain;
  gw_err err;
} bench;

static void bench_init(bench *b) {
  b->gzip = gw_gzip_new();
  CHECK(b->gzip != NULL);
  gw_buf_init(&b->packed, NULL, TEXT_MAX);
  gw_buf_init(&b->plain, NULL, TEXT_MAX);
  gw_err_init(&b->err);
}

static void bench_done(bench *b) {
  gw_buf_done(&b->packed);
  gw_buf_done(&b->plain);
  gw_gzip_free(b->gzip);
}

static gw_code unpack(bench *b, gw_str in, size_t max) {
  b->plain.n = 0;
  gw_err_init(&b->err);
  return gw_gzip_inflate(b->gzip, in, max, &b->plain, &b->err);
}

/* A message of its own memory, so that reading behind it is seen. */
static gw_code unpack_copy(bench *b, gw_str in, size_t max) {
  char *copy = malloc(in.n + 1);
  memcpy(copy, in.p, in.n);
  gw_code code = unpack(b, (gw_str){ copy, in.n }, max);
  free(copy);
  return code;
}

static void fill(gw_buf *out, size_t n, bool random) {
  uint64_t state = 88172645463325252u;
  for (size_t i = 0; i < n; i++) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    char c = random ? (char)state : "{\"name\":\"user\",\"id\":1}"[i % 22];
    CHECK_INT(gw_buf_append(out, (gw_str){ &c, 1 }), GW_OK);
  }
}

TEST(gzip, gives_back_what_it_was_given) {
  static const size_t sizes[] = { 0, 1, 100, 1000, 65535, 65536, 300000 };
  for (size_t i = 0; i < 2 * GW_COUNT_OF(sizes); i++) {
    bench b;
    gw_buf text;
    bench_init(&b);
    gw_buf_init(&text, NULL, TEXT_MAX);
    fill(&text, sizes[i / 2], i % 2 == 0);
    for (int again = 0; again < 2; again++) {
      b.packed.n = 0;
      CHECK_INT(gw_gzip_deflate(b.gzip, gw_buf_str(&text), &b.packed), GW_OK);
      CHECK_INT(unpack_copy(&b, gw_buf_str(&b.packed), text.n), GW_OK);
      CHECK(gw_str_eq(gw_buf_str(&b.plain), gw_buf_str(&text)));
    }
    if (i % 2 == 1 && text.n >= 1000) CHECK(b.packed.n * 5 < text.n);
    gw_buf_done(&text);
    bench_done(&b);
  }
}

TEST(gzip, what_gets_larger_than_allowed_is_told) {
  bench b;
  gw_buf text;
  bench_init(&b);
  gw_buf_init(&text, NULL, TEXT_MAX);
  fill(&text, 2000, true);
  b.packed.max = text.n - 1;
  CHECK_INT(gw_gzip_deflate(b.gzip, gw_buf_str(&text), &b.packed), GW_TOO_LARGE);
  CHECK_INT(b.packed.n, 0);
  b.packed.max = TEXT_MAX; /* and the state is good for the next one */
  CHECK_INT(gw_gzip_deflate(b.gzip, gw_buf_str(&text), &b.packed), GW_OK);
  CHECK_INT(unpack(&b, gw_buf_str(&b.packed), text.n), GW_OK);
  gw_buf_done(&text);
  bench_done(&b);
}

TEST(gzip, every_cut_and_every_wrong_byte_is_refused_or_harmless) {
  bench b;
  gw_buf text;
  bench_init(&b);
  gw_buf_init(&text, NULL, TEXT_MAX);
  fill(&text, 500, false);
  CHECK_INT(gw_gzip_deflate(b.gzip, gw_buf_str(&text), &b.packed), GW_OK);
  gw_str whole = gw_buf_str(&b.packed);
  for (size_t n = 0; n < whole.n; n++)
    CHECK(unpack_copy(&b, gw_str_first(whole, n), 1000) != GW_OK);
  for (size_t i = 0; i < whole.n; i++) {
    for (int bit = 0; bit < 8; bit++) {
      b.packed.p[i] ^= (char)(1 << bit);
      gw_code code = unpack_copy(&b, whole, 1000);
      if (code == GW_OK) CHECK(gw_str_eq(gw_buf_str(&b.plain), gw_buf_str(&text)));
      CHECK(b.plain.n <= 1000);
      b.packed.p[i] ^= (char)(1 << bit);
    }
  }
  CHECK_INT(unpack_copy(&b, whole, 500), GW_OK); /* the state outlives them all */
  gw_buf_done(&text);
  bench_done(&b);
}

TEST(gzip, the_limit_is_exact) {
  bench b;
  gw_buf text;
  bench_init(&b);
  gw_buf_init(&text, NULL, TEXT_MAX);
  fill(&text, 1000, false);
  CHECK_INT(gw_gzip_deflate(b.gzip, gw_buf_str(&text), &b.packed), GW_OK);
  CHECK_INT(unpack(&b, gw_buf_str(&b.packed), 1000), GW_OK);
  CHECK_INT(unpack(&b, gw_buf_str(&b.packed), 999), GW_TOO_LARGE);
  CHECK_STR(gw_str_of(b.err.text), "a message of 1000 bytes is over the limit of 999 (message)");
  gw_buf_done(&text);
  bench_done(&b);
}

static void tell_size(gw_buf *packed, uint32_t size) {
  for (size_t i = 0; i < 4; i++)
    packed->p[packed->n - 4 + i] = (char)(size >> 8 * i);
}

/* RELIABILITY B17: 4 MiB of zeros are 4 KiB. */
TEST(gzip, bombs_take_no_more_than_the_limit) {
  static const struct {
    uint32_t told; /* 0: the truth */
    gw_code code;
    const char *text;
  } rows[] = {
    { 0, GW_TOO_LARGE, "a message of 4194304 bytes is over the limit of 100000 (message)" },
    { 100, GW_BAD_VALUE, "malformed gzip: more than the 100 bytes that it says" },
    { 100000, GW_BAD_VALUE, "malformed gzip: more than the 100000 bytes that it says" },
    { UINT32_MAX, GW_TOO_LARGE,
      "a message of 4294967295 bytes is over the limit of 100000 (message)" },
  };
  bench b;
  gw_buf text;
  bench_init(&b);
  gw_buf_init(&text, NULL, TEXT_MAX);
  CHECK_INT(gw_buf_reserve(&text, GW_MIB(4)), GW_OK);
  memset(text.p, 0, GW_MIB(4));
  text.n = GW_MIB(4);
  CHECK_INT(gw_gzip_deflate(b.gzip, gw_buf_str(&text), &b.packed), GW_OK);
  CHECK(b.packed.n < 30000);
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    gw_buf_done(&b.plain);
    gw_buf_init(&b.plain, NULL, TEXT_MAX);
    if (rows[i].told != 0) tell_size(&b.packed, rows[i].told);
    CHECK_INT(unpack(&b, gw_buf_str(&b.packed), 100000), rows[i].code);
    CHECK_STR(gw_str_of(b.err.text), rows[i].text);
    CHECK_INT(b.plain.n, 0);
    CHECK(b.plain.cap <= 100000 + GW_KIB(64));
  }
  gw_buf_done(&text);
  bench_done(&b);
}

/* A few bytes must not reserve what they cannot become. */
TEST(gzip, a_size_that_is_out_of_reach_reserves_nothing) {
  bench b;
  bench_init(&b);
  CHECK_INT(gw_gzip_deflate(b.gzip, GW_STR("hello"), &b.packed), GW_OK);
  tell_size(&b.packed, 4000000);
  CHECK_INT(unpack(&b, gw_buf_str(&b.packed), GW_MIB(4)), GW_BAD_VALUE);
  CHECK_STR(gw_str_of(b.err.text), "malformed gzip: 25 bytes cannot be 4000000");
  CHECK_INT(b.plain.cap, 0);
  bench_done(&b);
}

TEST(gzip, nothing_may_stand_behind_the_end) {
  bench b;
  bench_init(&b);
  CHECK_INT(gw_gzip_deflate(b.gzip, GW_STR("hello"), &b.packed), GW_OK);
  CHECK_INT(gw_gzip_deflate(b.gzip, GW_STR("hello"), &b.packed), GW_OK); /* a second member */
  CHECK_INT(unpack_copy(&b, gw_buf_str(&b.packed), 100), GW_BAD_VALUE);
  CHECK_STR(gw_str_of(b.err.text), "malformed gzip: 25 bytes behind its end");
  bench_done(&b);
}

static gw_code both_ways(void *context) {
  (void)context;
  gw_buf packed, plain;
  gw_buf_init(&packed, NULL, 1000);
  gw_buf_init(&plain, NULL, 1000);
  gw_gzip *gzip = gw_gzip_new();
  gw_code code = gzip != NULL ? gw_gzip_deflate(gzip, GW_STR("hello"), &packed) : GW_NOMEM;
  if (code == GW_OK) code = gw_gzip_inflate(gzip, gw_buf_str(&packed), 100, &plain, NULL);
  gw_gzip_free(gzip);
  gw_buf_done(&packed);
  gw_buf_done(&plain);
  return code;
}

TEST(gzip, survives_each_failed_alloc) {
  test_fail_each_alloc(both_ways, NULL);
}
