#include "admin/metric_sums.h"

#include "migrate/stage.h"

#include "unit/test.h"

typedef struct quantile_row {
  uint64_t durations_us[4]; /* 0: none */
  uint64_t times[4];
  double quantile, wanted_us;
} quantile_row;

/* Bounds in use: 500 µs, 1 ms, 2.5 ms, 5 ms ... 30 s. */
static const quantile_row quantile_rows[] = {
  { { 100 }, { 100 }, 0.5, 250 },                 /* evenly over 0 to 500 */
  { { 100 }, { 1 }, 0.99, 495 },                  /* a single one too */
  { { 600, 2000 }, { 50, 50 }, 0.5, 1000 },       /* the whole first bucket */
  { { 600, 2000 }, { 50, 50 }, 0.75, 1750 },      /* half of the second one */
  { { 100, 4000000 }, { 99, 1 }, 0.99, 500 },     /* the outlier is above it */
  { { 100, 4000000 }, { 98, 2 }, 0.99, 3750000 }, /* or in the middle of it */
  { { 60000000 }, { 10 }, 0.5, 30000000 },        /* above all bounds: the last one */
};

static void sums_fill(gw_route_sums *sums, const quantile_row *row) {
  for (size_t i = 0; i < GW_COUNT_OF(row->times); i++) {
    size_t bucket = 0;
    while (bucket < GW_METRIC_BUCKETS - 1 && row->durations_us[i] > gw_metric_bucket_us[bucket])
      bucket++;
    sums->buckets[bucket] += row->times[i];
  }
}

TEST(metric_sums, quantiles_are_spread_over_their_bucket) {
  for (size_t i = 0; i < GW_COUNT_OF(quantile_rows); i++) {
    gw_route_sums sums = { .name = GW_STR("r") };
    double us = -1;
    sums_fill(&sums, &quantile_rows[i]);
    CHECK(gw_route_sums_quantile(&sums, quantile_rows[i].quantile, &us));
    assert_float_equal(us, quantile_rows[i].wanted_us, 0.001);
  }
}

TEST(metric_sums, no_requests_have_no_quantile) {
  gw_route_sums sums = { .name = GW_STR("r") };
  double us = -1;
  CHECK(!gw_route_sums_quantile(&sums, 0.5, &us));
  assert_float_equal(us, -1, 0);
}

TEST(metric_sums, workers_are_added_up_by_name) {
  gw_metric_sums sums;
  for (uint32_t worker = 0; worker < 3; worker++) {
    gw_route_metrics_add(gw_metrics_route(GW_STR("a"), GW_SIDE_GRPC, worker),
                         worker == 1 ? 503 : 200, 10);
    gw_route_metrics_add(gw_metrics_route(GW_STR("a"), GW_SIDE_GRPC, worker), 404, 10);
    gw_count(&gw_metrics_upstream(GW_STR("u"), worker)->by_code[GW_GRPC_NOT_FOUND], 2);
    gw_count(&gw_metrics_worker(worker)->connections, worker);
  }
  gw_route_metrics_add(gw_metrics_route(GW_STR("b"), GW_SIDE_GRPC, 0), 599, 10);
  CHECK_INT(gw_metric_sums_collect(&sums), GW_OK);
  const gw_route_sums *a = gw_metric_sums_find(&sums, GW_STR("a"), GW_SIDE_GRPC);
  CHECK(a != NULL && gw_metric_sums_find(&sums, GW_STR("c"), GW_SIDE_GRPC) == NULL);
  CHECK_INT(gw_route_sums_requests(a), 6);
  CHECK_INT(gw_route_sums_errors(a), 1);
  CHECK_INT(a->status_count, 3);
  CHECK_INT(a->by_status[0].status, 200);
  CHECK_INT(a->by_status[1].count, 3);
  CHECK_INT(a->by_status[2].status, 503);
  CHECK_INT(gw_route_sums_errors(gw_metric_sums_find(&sums, GW_STR("b"), GW_SIDE_GRPC)), 1);
  CHECK_INT(sums.upstreams->by_code[GW_GRPC_NOT_FOUND], 6);
  CHECK_INT(sums.workers.connections, 3);
  gw_metric_sums_done(&sums);
  gw_metrics_done();
}

/* However many different statuses there are, none of the requests is lost. */
TEST(metric_sums, too_many_statuses_are_counted_together) {
  gw_metric_sums sums;
  for (uint32_t worker = 0; worker < 4; worker++) {
    for (int i = 0; i < GW_METRIC_STATUSES + 1; i++)
      gw_route_metrics_add(gw_metrics_route(GW_STR("a"), GW_SIDE_GRPC, worker),
                           200 + 100 * (int)worker + i, 10);
  }
  CHECK_INT(gw_metric_sums_collect(&sums), GW_OK);
  const gw_route_sums *a = gw_metric_sums_find(&sums, GW_STR("a"), GW_SIDE_GRPC);
  CHECK_INT(a->status_count, GW_SUMS_STATUSES);
  CHECK_INT(a->other_status, 4 * (GW_METRIC_STATUSES + 1) - GW_SUMS_STATUSES);
  CHECK_INT(gw_route_sums_requests(a), 4 * (GW_METRIC_STATUSES + 1));
  gw_metric_sums_done(&sums);
  gw_metrics_done();
}

TEST(metric_sums, sides_are_kept_apart_and_added_up_on_demand) {
  gw_metric_sums sums;
  gw_route_sums both;
  gw_route_metrics_add(gw_metrics_route(GW_STR("a"), GW_SIDE_GRPC, 0), 200, 10);
  gw_route_metrics_add(gw_metrics_route(GW_STR("a"), GW_SIDE_LEGACY, 0), 200, 10);
  gw_route_metrics_add(gw_metrics_route(GW_STR("a"), GW_SIDE_LEGACY, 1), 500, 10);
  CHECK_INT(gw_metric_sums_collect(&sums), GW_OK);
  const gw_route_sums *grpc = gw_metric_sums_find(&sums, GW_STR("a"), GW_SIDE_GRPC);
  const gw_route_sums *legacy = gw_metric_sums_find(&sums, GW_STR("a"), GW_SIDE_LEGACY);
  CHECK_STR(grpc->side, "grpc");
  CHECK_STR(legacy->side, "legacy");
  CHECK_INT(gw_route_sums_requests(grpc), 1);
  CHECK_INT(gw_route_sums_requests(legacy), 2);
  gw_metric_sums_route(&sums, GW_STR("a"), &both);
  CHECK_INT(gw_route_sums_requests(&both), 3);
  CHECK_INT(gw_route_sums_errors(&both), 1);
  CHECK_INT(both.by_status[0].count, 2);
  gw_metric_sums_route(&sums, GW_STR("b"), &both);
  CHECK_INT(gw_route_sums_requests(&both), 0);
  gw_metric_sums_done(&sums);
  gw_metrics_done();
}
