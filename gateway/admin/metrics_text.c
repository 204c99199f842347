#include "admin/metrics_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "migrate/live.h"

/* The first failure stops all further writing; its code is the answer. */
typedef struct text_writer {
  gw_buf *out;
  gw_code code;
} text_writer;

/* One family with an upstream's name as its only label, or none. */
typedef struct text_figure {
  const char *name, *type, *help;
  size_t offset; /* of the uint64_t in the sums */
} text_figure;

static void text_put(text_writer *w, gw_str s) {
  if (w->code == GW_OK) w->code = gw_buf_append(w->out, s);
}

#define text_printf(w, ...)                                                                        \
  do {                                                                                             \
    if ((w)->code == GW_OK) (w)->code = gw_buf_printf((w)->out, __VA_ARGS__);                      \
  } while (0)

static void text_family(text_writer *w, const char *name, const char *type, const char *help) {
  text_printf(w, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Inside a label's quotes: backslash, quote and line feed are escaped, all else stands as it is. */
static void text_label_value(text_writer *w, gw_str value) {
  size_t begin = 0;
  for (size_t i = 0; i < value.n; i++) {
    char c = value.p[i];
    if (c != '\\' && c != '"' && c != '\n') continue;
    text_put(w, (gw_str){ value.p + begin, i - begin });
    text_put(w, c == '\n' ? GW_STR("\\n") : c == '"' ? GW_STR("\\\"") : GW_STR("\\\\"));
    begin = i + 1;
  }
  if (begin < value.n) text_put(w, gw_str_skip(value, begin));
}

static void text_label(text_writer *w, const char *name, gw_str value) {
  text_printf(w, "%s=\"", name);
  text_label_value(w, value);
  text_put(w, GW_STR("\""));
}

static void text_plain(text_writer *w, const char *name, const char *type, const char *help,
                       uint64_t value) {
  text_family(w, name, type, help);
  text_printf(w, "%s %" PRIu64 "\n", name, value);
}

/* ---- routes ---- */

static void text_route_open(text_writer *w, const char *name, const gw_route_sums *route) {
  text_printf(w, "%s{", name);
  text_label(w, "route", route->name);
  text_put(w, GW_STR(","));
  text_label(w, "side", route->side);
}

static void text_route_requests(text_writer *w, const gw_route_sums *route) {
  for (size_t i = 0; i < route->status_count; i++) {
    text_route_open(w, "sluice_requests_total", route);
    text_printf(w, ",code=\"%" PRIu64 "\"} %" PRIu64 "\n", route->by_status[i].status,
                route->by_status[i].count);
  }
  if (route->other_status > 0) {
    text_route_open(w, "sluice_requests_total", route);
    text_printf(w, ",code=\"0\"} %" PRIu64 "\n", route->other_status);
  }
}

static void text_route_seconds(text_writer *w, const gw_route_sums *route) {
  uint64_t count = 0;
  for (size_t i = 0; i < GW_METRIC_BUCKETS; i++) {
    count += route->buckets[i];
    text_route_open(w, "sluice_request_seconds_bucket", route);
    if (i < GW_METRIC_BUCKETS - 1)
      text_printf(w, ",le=\"%g\"} %" PRIu64 "\n", (double)gw_metric_bucket_us[i] / 1e6, count);
    else
      text_printf(w, ",le=\"+Inf\"} %" PRIu64 "\n", count);
  }
  text_route_open(w, "sluice_request_seconds_sum", route);
  text_printf(w, "} %" PRIu64 ".%06" PRIu64 "\n", route->seconds_sum_us / 1000000,
              route->seconds_sum_us % 1000000);
  text_route_open(w, "sluice_request_seconds_count", route);
  text_printf(w, "} %" PRIu64 "\n", count);
}

static void text_ignored_fields(text_writer *w, const gw_metric_sums *sums) {
  text_family(w, "sluice_ignored_fields_total", "counter",
              "JSON fields and query parameters that no field has.");
  for (const gw_route_sums *route = sums->routes[GW_SIDE_GRPC]; route != NULL;
       route = route->hh.next) {
    text_put(w, GW_STR("sluice_ignored_fields_total{"));
    text_label(w, "route", route->name);
    text_printf(w, "} %" PRIu64 "\n", route->ignored_fields);
  }
}

/* ---- migrations ---- */

/* What is told of one route's migration. */
typedef struct migration_figures {
  const gw_route *route;
  gw_stand stand;
  uint64_t parity[GW_PARITY_COUNT];
  uint64_t kinds[GW_DIFF_KIND_COUNT];
  uint64_t fallbacks, fallbacks_refused, shadows, shadows_in_flight;
  uint64_t moves[GW_MOVER_COUNT];
} migration_figures;

static void figures_read(const gw_metrics_source *source, const gw_route *route,
                         migration_figures *out) {
  gw_live *live = route->migration != NULL ? gw_live_find(route->name) : NULL;
  gw_live_sums sums;
  *out = (migration_figures){ .route = route, .stand = gw_migration_stand(route->migration) };
  if (live == NULL) return;
  gw_live_sum(live, &sums);
  out->stand = gw_live_stand(live);
  memcpy(out->parity, sums.parity, sizeof out->parity);
  memcpy(out->kinds, sums.kinds, sizeof out->kinds);
  out->fallbacks = sums.fallbacks;
  out->fallbacks_refused = sums.fallbacks_refused;
  out->shadows = sums.shadows;
  out->shadows_in_flight = sums.shadows_in_flight;
  gw_stage_view view = gw_server_stage_view(source->server, route->name);
  memcpy(out->moves, view.moves, sizeof out->moves);
}

static void text_route_figure(text_writer *w, const char *name, const migration_figures *figures,
                              const char *label, gw_str value, uint64_t number) {
  text_printf(w, "%s{", name);
  text_label(w, "route", figures->route->name);
  if (label != NULL) {
    text_put(w, GW_STR(","));
    text_label(w, label, value);
  }
  text_printf(w, "} %" PRIu64 "\n", number);
}

static void text_stands(text_writer *w, const migration_figures *figures, size_t count) {
  text_family(w, "sluice_stage", "gauge",
              "Where a route stands: 0 legacy, 1 shadow, 2 canary, 3 grpc.");
  for (size_t i = 0; i < count; i++)
    text_route_figure(w, "sluice_stage", &figures[i], NULL, GW_STR(""), figures[i].stand.stage);
  text_family(w, "sluice_stage_share", "gauge", "The share of its requests that gRPC answers.");
  for (size_t i = 0; i < count; i++) {
    text_put(w, GW_STR("sluice_stage_share{"));
    text_label(w, "route", figures[i].route->name);
    text_printf(w, "} %g\n", (double)figures[i].stand.share / GW_SHARE_WHOLE);
  }
}

static void text_moves(text_writer *w, const migration_figures *figures, size_t count) {
  text_family(w, "sluice_stage_moves_total", "counter", "Moves of a route, by who moved it.");
  for (size_t i = 0; i < count; i++) {
    for (int who = 0; who < GW_MOVER_COUNT && figures[i].route->migration != NULL; who++)
      text_route_figure(w, "sluice_stage_moves_total", &figures[i], "who",
                        gw_str_of(gw_mover_name((gw_mover)who)), figures[i].moves[who]);
  }
}

/* Kinds that never occurred are left out. */
static void text_parity(text_writer *w, const migration_figures *figures, size_t count) {
  text_family(w, "sluice_parity_total", "counter", "Answers of both sides that were compared.");
  for (size_t i = 0; i < count; i++) {
    for (int k = 0; k < GW_PARITY_COUNT && figures[i].route->migration != NULL; k++)
      text_route_figure(w, "sluice_parity_total", &figures[i], "result",
                        gw_parity_name((gw_parity)k), figures[i].parity[k]);
  }
  text_family(w, "sluice_parity_differences_total", "counter",
              "Differences between the answers of both sides.");
  for (size_t i = 0; i < count; i++) {
    for (int k = 0; k < GW_DIFF_KIND_COUNT; k++) {
      if (figures[i].kinds[k] > 0)
        text_route_figure(w, "sluice_parity_differences_total", &figures[i], "kind",
                          gw_diff_kind_name((gw_diff_kind)k), figures[i].kinds[k]);
    }
  }
}

static void text_shadows(text_writer *w, const migration_figures *figures, size_t count) {
  text_family(w, "sluice_shadows_total", "counter", "Requests that were sent to both sides.");
  for (size_t i = 0; i < count; i++) {
    if (figures[i].route->migration != NULL)
      text_route_figure(w, "sluice_shadows_total", &figures[i], NULL, GW_STR(""),
                        figures[i].shadows);
  }
  text_family(w, "sluice_shadows_in_flight", "gauge", "Shadow requests that run.");
  for (size_t i = 0; i < count; i++) {
    if (figures[i].route->migration != NULL)
      text_route_figure(w, "sluice_shadows_in_flight", &figures[i], NULL, GW_STR(""),
                        figures[i].shadows_in_flight);
  }
  text_family(w, "sluice_fallbacks_total", "counter",
              "Requests that gRPC failed and legacy was to answer: answered, or over the budget.");
  for (size_t i = 0; i < count; i++) {
    if (figures[i].route->migration == NULL) continue;
    text_route_figure(w, "sluice_fallbacks_total", &figures[i], "result", GW_STR("answered"),
                      figures[i].fallbacks);
    text_route_figure(w, "sluice_fallbacks_total", &figures[i], "result", GW_STR("refused"),
                      figures[i].fallbacks_refused);
  }
}

static void text_migrations(text_writer *w, const gw_metrics_source *source) {
  size_t count = source->snapshot->route_count;
  migration_figures *figures = calloc(count + 1, sizeof *figures);
  if (figures == NULL && w->code == GW_OK) w->code = GW_NOMEM;
  if (figures == NULL) return;
  for (size_t i = 0; i < count; i++)
    figures_read(source, source->snapshot->routes[i], &figures[i]);
  text_stands(w, figures, count);
  text_moves(w, figures, count);
  text_parity(w, figures, count);
  text_shadows(w, figures, count);
  free(figures);
}

/* ---- routes, all of it ---- */

typedef void text_route_fn(text_writer *w, const gw_route_sums *route);

static void text_each_route(text_writer *w, const gw_metric_sums *sums, bool has_legacy,
                            text_route_fn *print) {
  print(w, &sums->unrouted);
  if (has_legacy) print(w, &sums->forwarded);
  for (unsigned side = GW_METRIC_SIDES; side-- > 0;) {
    for (const gw_route_sums *route = sums->routes[side]; route != NULL; route = route->hh.next)
      print(w, route);
  }
}

static void text_routes(text_writer *w, const gw_metric_sums *sums, const gw_snapshot *snapshot) {
  /* Counters outlive a reload that has none. */
  bool has_legacy = snapshot->legacy != UINT32_MAX || gw_route_sums_requests(&sums->forwarded) > 0;
  text_family(w, "sluice_requests_total", "counter", "Finished requests, by HTTP status.");
  text_each_route(w, sums, has_legacy, text_route_requests);
  text_family(w, "sluice_request_seconds", "histogram",
              "Time from a request's head to the end of its answer.");
  text_each_route(w, sums, has_legacy, text_route_seconds);
  text_ignored_fields(w, sums);
}

/* ---- upstreams ---- */

#define UPSTREAM_FIGURE(member) offsetof(gw_upstream_sums, member)

static const text_figure upstream_figures[] = {
  { "sluice_upstream_connections", "gauge", "Connections that are ready.",
    UPSTREAM_FIGURE(connections) },
  { "sluice_upstream_waiting", "gauge", "Calls that wait for a connection or a free stream.",
    UPSTREAM_FIGURE(waiting) },
  { "sluice_upstream_in_flight", "gauge", "Calls that have begun and not ended.",
    UPSTREAM_FIGURE(in_flight) },
  { "sluice_upstream_connects_total", "counter", "Attempts to connect.",
    UPSTREAM_FIGURE(connects_total) },
  { "sluice_upstream_connect_failures_total", "counter", "Attempts to connect that failed.",
    UPSTREAM_FIGURE(connect_failures_total) },
  { "sluice_upstream_tls_failures_total", "counter", "Attempts to connect that failed in TLS.",
    UPSTREAM_FIGURE(tls_failures_total) },
  { "sluice_upstream_ejections_total", "counter",
    "Addresses taken out for a while because their calls failed.",
    UPSTREAM_FIGURE(ejections_total) },
  { "sluice_upstream_retries_total", "counter", "Calls that were tried again.",
    UPSTREAM_FIGURE(retries_total) },
  { "sluice_upstream_retries_refused_total", "counter",
    "Failed calls that were not tried again because too many were already.",
    UPSTREAM_FIGURE(retries_refused_total) },
  { "sluice_upstream_overflow_total", "counter",
    "Calls refused because too many waited or were in flight.", UPSTREAM_FIGURE(overflow_total) },
};

static const text_figure upstream_http_figures[] = {
  { "sluice_upstream_usable", "gauge", "Addresses that can be reached, of http upstreams.",
    UPSTREAM_FIGURE(usable) },
  { "sluice_upstream_reuses_total", "counter",
    "Requests on a connection that served before, of http upstreams.",
    UPSTREAM_FIGURE(reuses_total) },
  { "sluice_upstream_repeats_total", "counter",
    "Requests sent once more because a kept connection had ended, of http upstreams.",
    UPSTREAM_FIGURE(repeats_total) },
};

/* HTTP's answers by class: "2xx"; without one "none". */
static void text_upstream_statuses(text_writer *w, const gw_upstream_sums *upstream) {
  for (unsigned i = 0; i < GW_METRIC_STATUS_CLASSES; i++) {
    char label[8] = "none";
    if (upstream->by_status[i] == 0 && i != 2) continue;
    if (i > 0) snprintf(label, sizeof label, "%uxx", i);
    text_put(w, GW_STR("sluice_upstream_calls_total{"));
    text_label(w, "upstream", upstream->name);
    text_printf(w, ",code=\"%s\"} %" PRIu64 "\n", label, upstream->by_status[i]);
  }
}

static void text_upstream_codes(text_writer *w, const gw_upstream_sums *upstream) {
  for (unsigned i = 0; i < GW_GRPC_CODE_COUNT; i++) {
    if (upstream->by_code[i] == 0 && i != GW_GRPC_OK) continue;
    text_put(w, GW_STR("sluice_upstream_calls_total{"));
    text_label(w, "upstream", upstream->name);
    text_printf(w, ",code=\"%s\"} %" PRIu64 "\n", gw_grpc_code_name(i), upstream->by_code[i]);
  }
}

/* The figure of every upstream, or only of those that speak HTTP/1.1. */
static void text_upstream_figure(text_writer *w, const gw_upstream_sums *upstreams,
                                 const text_figure *figure, bool only_http) {
  text_family(w, figure->name, figure->type, figure->help);
  for (const gw_upstream_sums *upstream = upstreams; upstream != NULL;
       upstream = upstream->hh.next) {
    uint64_t value;
    if (only_http && upstream->is_http == 0) continue;
    memcpy(&value, (const char *)upstream + figure->offset, sizeof value);
    text_printf(w, "%s{", figure->name);
    text_label(w, "upstream", upstream->name);
    text_printf(w, "} %" PRIu64 "\n", value);
  }
}

static void text_upstreams(text_writer *w, const gw_metric_sums *sums) {
  for (size_t i = 0; i < GW_COUNT_OF(upstream_figures); i++)
    text_upstream_figure(w, sums->upstreams, &upstream_figures[i], false);
  text_family(w, "sluice_upstream_calls_total", "counter",
              "Finished calls, by gRPC code or class of HTTP status.");
  bool has_http = false;
  for (const gw_upstream_sums *upstream = sums->upstreams; upstream != NULL;
       upstream = upstream->hh.next) {
    has_http |= upstream->is_http != 0;
    if (upstream->is_http != 0)
      text_upstream_statuses(w, upstream);
    else
      text_upstream_codes(w, upstream);
  }
  for (size_t i = 0; has_http && i < GW_COUNT_OF(upstream_http_figures); i++)
    text_upstream_figure(w, sums->upstreams, &upstream_http_figures[i], true);
}

/* ---- methods ----
 * The instruments of gRFC A66, named as its Prometheus exporters write them; an upstream is a
 * channel, whose target is the upstream's name. */

static void text_rpc_open(text_writer *w, const char *name, const char *suffix,
                          const gw_rpc_sums *rpc) {
  text_printf(w, "%s%s{", name, suffix);
  text_label(w, "grpc_method", rpc->method);
  text_put(w, GW_STR(","));
  text_label(w, "grpc_target", rpc->upstream);
}

/* `unit`: of the bounds, in parts of what is printed; `sum` is printed.  Without a value: nothing.
 */
static void text_rpc_histogram(text_writer *w, const char *name, const gw_rpc_sums *rpc,
                               unsigned grpc_code, const gw_counter *buckets,
                               const uint64_t *bounds, size_t bound_count, double unit,
                               const char *sum) {
  const char *status = gw_grpc_code_name(grpc_code);
  uint64_t count = 0, below = 0;
  for (size_t i = 0; i <= bound_count; i++)
    count += gw_counter_get(&buckets[i]);
  if (count == 0) return;
  for (size_t i = 0; i < bound_count; i++) {
    below += gw_counter_get(&buckets[i]);
    text_rpc_open(w, name, "_bucket", rpc);
    text_printf(w, ",grpc_status=\"%s\",le=\"%.10g\"} %" PRIu64 "\n", status,
                (double)bounds[i] / unit, below);
  }
  text_rpc_open(w, name, "_bucket", rpc);
  text_printf(w, ",grpc_status=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", status, count);
  text_rpc_open(w, name, "_sum", rpc);
  text_printf(w, ",grpc_status=\"%s\"} %s\n", status, sum);
  text_rpc_open(w, name, "_count", rpc);
  text_printf(w, ",grpc_status=\"%s\"} %" PRIu64 "\n", status, count);
}

static void text_rpc_times(text_writer *w, const char *name, const gw_rpc_sums *rpc,
                           unsigned grpc_code, const gw_rpc_times *times) {
  char sum[32];
  uint64_t us = gw_counter_get(&times->sum_us);
  snprintf(sum, sizeof sum, "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);
  text_rpc_histogram(w, name, rpc, grpc_code, times->buckets, gw_metric_bucket_us,
                     GW_METRIC_BUCKETS - 1, 1e6, sum);
}

static void text_rpc_sizes(text_writer *w, const char *name, const gw_rpc_sums *rpc,
                           unsigned grpc_code, const gw_rpc_sizes *sizes) {
  char sum[32];
  snprintf(sum, sizeof sum, "%" PRIu64, gw_counter_get(&sizes->sum_bytes));
  text_rpc_histogram(w, name, rpc, grpc_code, sizes->buckets, gw_metric_size_bytes,
                     GW_METRIC_SIZES - 1, 1, sum);
}

typedef enum text_rpc_family { RPC_ATTEMPTS, RPC_SENT, RPC_RECEIVED, RPC_CALLS } text_rpc_family;

static void text_rpc_figures(text_writer *w, const char *name, const gw_rpc_sums *rpc,
                             text_rpc_family family) {
  for (unsigned code = 0; code < GW_GRPC_CODE_COUNT; code++) {
    const gw_rpc_figures *figures = rpc->total.by_code[code];
    if (figures == NULL) continue;
    switch (family) {
    case RPC_ATTEMPTS: text_rpc_times(w, name, rpc, code, &figures->attempts); break;
    case RPC_SENT: text_rpc_sizes(w, name, rpc, code, &figures->sent); break;
    case RPC_RECEIVED: text_rpc_sizes(w, name, rpc, code, &figures->received); break;
    case RPC_CALLS: text_rpc_times(w, name, rpc, code, &figures->calls); break;
    }
  }
}

static void text_rpcs(text_writer *w, const gw_metric_sums *sums) {
  static const struct {
    const char *name, *help;
    text_rpc_family family;
  } families[] = {
    { "grpc_client_attempt_duration_seconds", "Time of an attempt, until its status.",
      RPC_ATTEMPTS },
    { "grpc_client_attempt_sent_total_compressed_message_size_bytes",
      "Message bytes that an attempt sent.", RPC_SENT },
    { "grpc_client_attempt_rcvd_total_compressed_message_size_bytes",
      "Message bytes that an attempt received.", RPC_RECEIVED },
    { "grpc_client_call_duration_seconds", "Time of a call, with all its attempts.", RPC_CALLS },
  };
  text_family(w, "grpc_client_attempt_started_total", "counter",
              "Attempts of calls, ended or not.");
  for (const gw_rpc_sums *rpc = sums->rpcs; rpc != NULL; rpc = rpc->hh.next) {
    text_rpc_open(w, "grpc_client_attempt_started_total", "", rpc);
    text_printf(w, "} %" PRIu64 "\n", gw_counter_get(&rpc->total.attempts_started));
  }
  for (size_t i = 0; i < GW_COUNT_OF(families); i++) {
    text_family(w, families[i].name, "histogram", families[i].help);
    for (const gw_rpc_sums *rpc = sums->rpcs; rpc != NULL; rpc = rpc->hh.next)
      text_rpc_figures(w, families[i].name, rpc, families[i].family);
  }
}

/* ---- workers and the process ---- */

static void text_limits(text_writer *w, const gw_worker_sums *workers) {
  text_family(w, "sluice_limits_hit_total", "counter", "How often a limit was reached.");
  for (unsigned i = 0; i < GW_LIMIT_COUNT; i++) {
    text_printf(w, "sluice_limits_hit_total{limit=\"%s\"} %" PRIu64 "\n",
                gw_limit_name((gw_limit)i), workers->limits_hit[i]);
  }
}

static void text_workers(text_writer *w, const gw_worker_sums *workers) {
  text_limits(w, workers);
  text_plain(w, "sluice_connections", "gauge", "Connections of clients.", workers->connections);
  text_plain(w, "sluice_in_flight", "gauge", "Requests that are being answered.",
             workers->in_flight);
  text_plain(w, "sluice_accepted_total", "counter", "Connections accepted from clients.",
             workers->accepted_total);
  text_plain(w, "sluice_tls_failures_total", "counter", "TLS handshakes of clients that failed.",
             workers->tls_failures_total);
  text_plain(w, "sluice_refused_requests_total", "counter",
             "Requests that are not well-formed HTTP.", workers->refused_requests_total);
  text_plain(w, "sluice_dropped_headers_total", "counter",
             "Header fields left out: an underscore in the name, or bytes that could split.",
             workers->dropped_headers_total);
  text_plain(w, "sluice_ignored_status_total", "counter",
             "x-http-code values of upstreams that were out of range.",
             workers->ignored_status_total);
  text_plain(w, "sluice_client_gone_total", "counter", "Clients that left before their answer.",
             workers->client_gone_total);
}

static void text_process(text_writer *w, const gw_metrics_source *source) {
  text_plain(w, "sluice_log_dropped_total", "counter", "Log lines lost because the queue was full.",
             source->log_dropped);
  text_family(w, "sluice_build_info", "gauge", "1, with the version as a label.");
  text_put(w, GW_STR("sluice_build_info{"));
  text_label(w, "version", gw_str_of(source->version));
  text_put(w, GW_STR("} 1\n"));
  text_plain(w, "process_resident_memory_bytes", "gauge", "Resident memory.",
             source->process.resident_bytes);
  text_plain(w, "process_open_fds", "gauge", "Open file descriptors.", source->process.open_fds);
  text_family(w, "process_start_time_seconds", "gauge", "Start of the process, since 1970.");
  text_printf(w, "process_start_time_seconds %" PRIu64 ".%03" PRIu64 "\n", source->start_ms / 1000,
              source->start_ms % 1000);
}

gw_code gw_metrics_text_print(const gw_metrics_source *source, gw_buf *out) {
  text_writer w = { .out = out, .code = GW_OK };
  text_routes(&w, source->sums, source->snapshot);
  text_migrations(&w, source);
  text_upstreams(&w, source->sums);
  text_rpcs(&w, source->sums);
  text_workers(&w, &source->sums->workers);
  text_process(&w, source);
  return w.code;
}
