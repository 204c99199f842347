#include "upstream/outlier.h"

#include "unit/upstream/bench.h"

static const gw_outlier_config usual = { .failures = 3,
                                         .share_ppm = 500000,
                                         .share_calls = 10,
                                         .window_ms = 1000,
                                         .ejection_ms = 100,
                                         .ejection_max_ms = 250,
                                         .ejected_ppm = 500000 };

TEST(outlier, ejects_after_so_many_failures_in_a_row) {
  gw_outlier outlier = { 0 };
  CHECK(!gw_outlier_add(&outlier, &usual, true, 10));
  CHECK(!gw_outlier_add(&outlier, &usual, true, 10));
  CHECK(!gw_outlier_add(&outlier, &usual, false, 10)); /* not in a row */
  CHECK(!gw_outlier_add(&outlier, &usual, true, 10));
  CHECK(!gw_outlier_add(&outlier, &usual, true, 10));
  CHECK(gw_outlier_add(&outlier, &usual, true, 10));
}

TEST(outlier, ejects_by_the_share_of_a_window) {
  gw_outlier outlier = { 0 };
  for (int i = 0; i < 4; i++) {
    CHECK(!gw_outlier_add(&outlier, &usual, true, 10));
    CHECK(!gw_outlier_add(&outlier, &usual, false, 10));
  }
  CHECK(!gw_outlier_add(&outlier, &usual, false, 10)); /* 4 of 9: too few calls to judge */
  CHECK(gw_outlier_add(&outlier, &usual, true, 10));   /* 5 of 10 */
  outlier = (gw_outlier){ 0 };
  for (int i = 0; i < 9; i++)
    CHECK(!gw_outlier_add(&outlier, &usual, i % 2 == 0, 10));
  CHECK(!gw_outlier_add(&outlier, &usual, true, 1010)); /* another window */
}

TEST(outlier, each_ejection_takes_longer_and_good_times_are_forgiven) {
  gw_outlier outlier = { 0 };
  gw_outlier_eject(&outlier, &usual, 1000);
  CHECK(gw_outlier_is_ejected(&outlier, 1099));
  CHECK(!gw_outlier_is_ejected(&outlier, 1100));
  gw_outlier_eject(&outlier, &usual, 1110);
  CHECK_INT(outlier.ejected_until_ms, 1310);
  gw_outlier_eject(&outlier, &usual, 1320);
  CHECK_INT(outlier.ejected_until_ms, 1570); /* the longest */
  gw_outlier_eject(&outlier, &usual, 1570 + 205);
  CHECK_INT(outlier.ejections, 2); /* two good times, one more ejection */
}

TEST(outlier, zero_failures_is_off) {
  gw_outlier outlier = { 0 };
  gw_outlier_config off = usual;
  off.failures = 0;
  for (int i = 0; i < 100; i++)
    CHECK(!gw_outlier_add(&outlier, &off, true, 10));
}

/* ---- through an upstream ---- */

static const script good[] = {
  { "/m", "200", { GRPC }, BYTES(HELLO), { STATUS("0") }, .end = SCRIPT_END },
};
static const script bad[] = {
  { "/m", "200", { GRPC }, EMPTY, { STATUS("14") }, .end = SCRIPT_END },
};
static const script picky[] = {
  { "/m", "200", { GRPC }, EMPTY, { STATUS("3") }, .end = SCRIPT_END },
};

static unsigned outcome(bench *b) {
  tcall *t = tcall_start(b, "/m", UNARY);
  PUMP(b->loop, t->done_count == 1);
  unsigned code = t->call.result.grpc_code;
  tcall_free(t);
  return code;
}

static void bench_open_two(bench *b, const script *second) {
  bench_init(b, 2, good, 1);
  b->services[1].scripts = second;
  b->config.outlier = usual;
  b->config.outlier.ejection_ms = b->config.outlier.ejection_max_ms = 1000; /* not over too soon */
  bench_ready(b, 2);
}

TEST(outlier, an_ejected_address_takes_no_calls_until_its_time_is_over) {
  bench b;
  bench_open_two(&b, bad);
  int failed = 0;
  for (int i = 0; i < 30; i++)
    failed += outcome(&b) != 0;
  CHECK_INT(failed, 3);
  CHECK_INT(gw_counter_get(&b.metrics.ejections_total), 1);
  b.services[1].scripts = good;
  uint32_t before = b.services[1].count;
  pump_for(b.loop, b.config.outlier.ejection_ms + 20);
  for (int i = 0; i < 10; i++)
    CHECK_INT(outcome(&b), 0);
  CHECK_INT(b.services[1].count - before, 5);
  bench_done(&b);
}

TEST(outlier, a_clients_mistakes_eject_nobody) {
  bench b;
  bench_open_two(&b, picky);
  for (int i = 0; i < 30; i++)
    (void)outcome(&b);
  CHECK_INT(b.services[1].count, 15);
  CHECK_INT(gw_counter_get(&b.metrics.ejections_total), 0);
  bench_done(&b);
}

TEST(outlier, at_most_half_of_the_addresses_are_ejected) {
  bench b;
  bench_open_two(&b, bad);
  b.services[0].scripts = bad;
  for (int i = 0; i < 30; i++)
    CHECK_INT(outcome(&b), 14);
  CHECK_INT(gw_counter_get(&b.metrics.ejections_total), 1);
  bench_done(&b);
}

/* The good one is gone, the ejected one is better than none. */
TEST(outlier, an_ejected_address_is_the_last_resort) {
  bench b;
  bench_open_two(&b, bad);
  for (int i = 0; i < 10; i++)
    (void)outcome(&b);
  CHECK_INT(gw_counter_get(&b.metrics.ejections_total), 1);
  b.services[1].scripts = good;
  gw_listener_close(b.services[0].listener);
  b.services[0].listener = NULL;
  gw_h2_abort(b.services[0].conns[0].h2, GW_INTERNAL);
  PUMP(b.loop, gw_counter_get(&b.metrics.connections) == 1);
  CHECK_INT(outcome(&b), 0);
  bench_done(&b);
}
