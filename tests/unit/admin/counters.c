#include "unit/admin/counters.h"

#include "base/rpc_metrics.h"
#include "migrate/stage.h"

#include "unit/test.h"

#define WORDS_MAX 6

typedef struct counters_field {
  const char *name;
  size_t offset;
} counters_field;

typedef struct counters_line {
  gw_str words[WORDS_MAX];
  size_t word_count;
  char name[128]; /* words[1] */
  size_t name_n;
  uint32_t worker;
} counters_line;

#define UPSTREAM(member)                                                                           \
  { #member, offsetof(gw_upstream_metrics, member) }
#define WORKER(member)                                                                             \
  { #member, offsetof(gw_worker_metrics, member) }

static const counters_field upstream_fields[] = {
  UPSTREAM(connections),
  UPSTREAM(waiting),
  UPSTREAM(in_flight),
  UPSTREAM(connects_total),
  UPSTREAM(connect_failures_total),
  UPSTREAM(calls_total),
  UPSTREAM(ejections_total),
  UPSTREAM(retries_total),
  UPSTREAM(retries_refused_total),
  UPSTREAM(overflow_total),
  UPSTREAM(is_http),
  UPSTREAM(usable),
  UPSTREAM(reuses_total),
  UPSTREAM(repeats_total),
};

static const counters_field worker_fields[] = {
  WORKER(connections),           WORKER(in_flight),
  WORKER(accepted_total),        WORKER(refused_requests_total),
  WORKER(dropped_headers_total), WORKER(ignored_status_total),
  WORKER(client_gone_total),
};

static uint64_t line_number(const counters_line *line, size_t i) {
  uint64_t value = 0;
  CHECK(i < line->word_count && gw_str_parse_u64(line->words[i], &value));
  return value;
}

static gw_str line_name(const counters_line *line) {
  return (gw_str){ line->name, line->name_n };
}

static void line_set(const counters_line *line, void *object, const counters_field *fields,
                     size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!gw_str_eq(line->words[3], gw_str_of(fields[i].name))) continue;
    gw_count((gw_counter *)(void *)((char *)object + fields[i].offset), line_number(line, 4));
    return;
  }
  fail_msg("no field " GW_STR_FMT, GW_STR_ARG(line->words[3]));
}

static void line_request(const counters_line *line) {
  gw_worker_metrics *worker = gw_metrics_worker(line->worker);
  bool legacy = gw_str_eq(line->words[0], GW_STR("legacy"));
  gw_route_metrics *metrics =
      gw_str_eq(line_name(line), GW_STR("-")) ? &worker->unrouted
      : gw_str_eq(line_name(line), GW_STR("+"))
          ? &worker->forwarded
          : gw_metrics_route(line_name(line), legacy ? GW_SIDE_LEGACY : GW_SIDE_GRPC, line->worker);
  for (uint64_t i = line_number(line, 5); i > 0; i--)
    gw_route_metrics_add(metrics, (int)line_number(line, 3), line_number(line, 4));
}

static void line_limit(const counters_line *line) {
  for (unsigned i = 0; i < GW_LIMIT_COUNT; i++) {
    if (!gw_str_eq(line->words[3], gw_str_of(gw_limit_name((gw_limit)i)))) continue;
    gw_count(&gw_metrics_worker(line->worker)->limits_hit[i], line_number(line, 4));
    return;
  }
  fail_msg("no limit " GW_STR_FMT, GW_STR_ARG(line->words[3]));
}

static void line_rpc(const counters_line *line, bool is_call) {
  gw_str method = line_name(line), upstream = gw_str_cut(&method, ' ');
  gw_rpc_metrics *metrics = gw_metrics_rpc(upstream, method, line->worker);
  unsigned code = (unsigned)line_number(line, 3);
  if (is_call) {
    gw_rpc_metrics_add_call(metrics, code, line_number(line, 4));
    return;
  }
  uint64_t bytes = line_number(line, 5);
  gw_count(&metrics->attempts_started, 1);
  gw_rpc_metrics_add_attempt(metrics, code, line_number(line, 4), bytes, bytes + 1);
}

static void line_split(counters_line *line, gw_str text) {
  while (text.n > 0 && line->word_count < WORDS_MAX)
    line->words[line->word_count++] = gw_str_cut(&text, ' ');
  CHECK(line->word_count >= 4 && line->words[1].n < sizeof line->name);
  line->name_n = line->words[1].n;
  for (size_t i = 0; i < line->name_n; i++)
    line->name[i] = line->words[1].p[i] == '~'   ? '\n'
                    : line->words[1].p[i] == '^' ? ' '
                                                 : line->words[1].p[i];
  line->worker = (uint32_t)line_number(line, 2);
}

static void counters_add(gw_str text) {
  counters_line line = { .word_count = 0 };
  line_split(&line, text);
  gw_str kind = line.words[0];
  if (gw_str_eq(kind, GW_STR("request")) || gw_str_eq(kind, GW_STR("legacy"))) {
    line_request(&line);
  } else if (gw_str_eq(kind, GW_STR("ignored"))) {
    gw_count(&gw_metrics_route(line_name(&line), GW_SIDE_GRPC, line.worker)->ignored_fields,
             line_number(&line, 3));
  } else if (gw_str_eq(kind, GW_STR("upstream"))) {
    line_set(&line, gw_metrics_upstream(line_name(&line), line.worker), upstream_fields,
             GW_COUNT_OF(upstream_fields));
  } else if (gw_str_eq(kind, GW_STR("code"))) {
    CHECK(line_number(&line, 3) < GW_GRPC_CODE_COUNT);
    gw_count(&gw_metrics_upstream(line_name(&line), line.worker)->by_code[line_number(&line, 3)],
             line_number(&line, 4));
  } else if (gw_str_eq(kind, GW_STR("attempt")) || gw_str_eq(kind, GW_STR("call"))) {
    line_rpc(&line, gw_str_eq(kind, GW_STR("call")));
  } else if (gw_str_eq(kind, GW_STR("worker"))) {
    line_set(&line, gw_metrics_worker(line.worker), worker_fields, GW_COUNT_OF(worker_fields));
  } else if (gw_str_eq(kind, GW_STR("limit"))) {
    line_limit(&line);
  } else {
    fail_msg("no such line: " GW_STR_FMT, GW_STR_ARG(text));
  }
}

void counters_fill(gw_str text) {
  while (text.n > 0) {
    gw_str line = gw_str_cut(&text, '\n');
    if (line.n > 0 && line.p[0] != '#') counters_add(line);
  }
}
