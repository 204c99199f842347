/* status: a running gateway's routes as a table: stage, traffic of both sides, parity. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "command/client.h"
#include "command/command.h"

#define STATUS_COLUMNS  12
#define STATUS_CELL_MAX 64
#define STATUS_WATCH_S  1
#define STATUS_ROWS_MAX 20000u

static const char *const status_heads[STATUS_COLUMNS] = {
  "route", "stage", "share", "legacy/s", "grpc/s",       "errors",
  "l.p50", "l.p99", "g.p50", "g.p99",    "parity (low)", "differ",
};

typedef struct status_row {
  char cells[STATUS_COLUMNS][STATUS_CELL_MAX];
  bool is_bad; /* errors or differences: drawn to the eye */
} status_row;

typedef struct status {
  const char *address;
  bool is_json, watches, has_color;
  json_t *before; /* the list of the last look, for rates */
  double before_s;
} status;

static double status_now_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static const json_t *status_find(const json_t *list, const char *name, size_t hint) {
  size_t i;
  const json_t *route;
  const json_t *same = json_array_get(list, hint);
  const char *there = json_string_value(json_object_get(same, "name"));
  if (there != NULL && strcmp(there, name) == 0) return same;
  json_array_foreach(list, i, route) {
    there = json_string_value(json_object_get(route, "name"));
    if (there != NULL && strcmp(there, name) == 0) return route;
  }
  return NULL;
}

static const json_t *side_of(const json_t *route, const char *side) {
  return json_object_get(json_object_get(route, "sides"), side);
}

/* Requests of one side; a route with one side has them all on gRPC's. */
static double side_requests(const json_t *route, const char *side) {
  const json_t *found = side_of(route, side);
  if (found == NULL && strcmp(side, "grpc") == 0) found = route;
  return json_number_value(json_object_get(found, "requests"));
}

static void cell_put(char *cell, const char *text) {
  size_t n = 0;
  for (; text[n] != '\0' && n < STATUS_CELL_MAX - 1; n++)
    cell[n] = (unsigned char)text[n] < ' ' ? '?' : text[n]; /* no commands to the terminal */
  cell[n] = '\0';
}

static void cell_ms(char *cell, const json_t *side, const char *key) {
  const json_t *value = json_object_get(side, key);
  if (json_is_number(value))
    snprintf(cell, STATUS_CELL_MAX, "%.1f", json_number_value(value));
  else
    cell_put(cell, "-");
}

static void cell_rate(char *cell, const json_t *route, const json_t *before, const char *side,
                      double seconds) {
  if (before == NULL || seconds <= 0) {
    cell_put(cell, "-");
    return;
  }
  double more = side_requests(route, side) - side_requests(before, side);
  snprintf(cell, STATUS_CELL_MAX, "%.1f", more > 0 ? more / seconds : 0);
}

static void row_parity(status_row *row, const json_t *route) {
  const json_t *parity = json_object_get(route, "parity");
  const json_t *ratio = json_object_get(parity, "ratio"), *low = json_object_get(parity, "low");
  json_int_t differ = json_integer_value(json_object_get(parity, "different"));
  if (json_is_number(ratio) && json_is_number(low))
    snprintf(row->cells[10], STATUS_CELL_MAX, "%.2f%% (%.2f%%)", 100 * json_number_value(ratio),
             100 * json_number_value(low));
  else
    cell_put(row->cells[10], "-");
  snprintf(row->cells[11], STATUS_CELL_MAX, "%lld", (long long)differ);
  if (differ > 0) row->is_bad = true;
}

static void row_fill(status_row *row, const json_t *route, const json_t *before, double seconds) {
  const char *share = json_string_value(json_object_get(route, "share"));
  const char *stage = json_string_value(json_object_get(route, "stage"));
  const char *name = json_string_value(json_object_get(route, "name"));
  json_int_t errors = json_integer_value(json_object_get(route, "errors"));
  const json_t *grpc = side_of(route, "grpc");
  *row = (status_row){ .is_bad = errors > 0 };
  cell_put(row->cells[0], name != NULL ? name : "?");
  cell_put(row->cells[1], stage != NULL ? stage : "?");
  cell_put(row->cells[2], share != NULL ? share : "-");
  cell_rate(row->cells[3], route, before, "legacy", seconds);
  cell_rate(row->cells[4], route, before, "grpc", seconds);
  snprintf(row->cells[5], STATUS_CELL_MAX, "%lld", (long long)errors);
  cell_ms(row->cells[6], side_of(route, "legacy"), "p50_ms");
  cell_ms(row->cells[7], side_of(route, "legacy"), "p99_ms");
  cell_ms(row->cells[8], grpc != NULL ? grpc : route, "p50_ms");
  cell_ms(row->cells[9], grpc != NULL ? grpc : route, "p99_ms");
  row_parity(row, route);
}

/* ---- the table ---- */

static void table_line(const char cells[STATUS_COLUMNS][STATUS_CELL_MAX],
                       const size_t widths[STATUS_COLUMNS]) {
  for (size_t i = 0; i < STATUS_COLUMNS; i++) {
    bool left = i < 3;
    int fill = (int)(widths[i] - strlen(cells[i]));
    printf("%s%*s%s%*s", i > 0 ? "  " : "", left ? 0 : fill, "", cells[i],
           left && i + 1 < STATUS_COLUMNS ? fill : 0, "");
  }
}

static void table_print(const status *s, const status_row *rows, size_t count) {
  size_t widths[STATUS_COLUMNS];
  status_row head = { .is_bad = false };
  for (size_t i = 0; i < STATUS_COLUMNS; i++) {
    cell_put(head.cells[i], status_heads[i]);
    widths[i] = strlen(head.cells[i]);
    for (size_t r = 0; r < count; r++)
      widths[i] = gw_size_max(widths[i], strlen(rows[r].cells[i]));
  }
  if (s->has_color) printf("\x1b[1m");
  table_line(head.cells, widths);
  printf("%s\n", s->has_color ? "\x1b[0m" : "");
  for (size_t r = 0; r < count; r++) {
    bool marked = s->has_color && rows[r].is_bad;
    if (marked) printf("\x1b[33m");
    table_line(rows[r].cells, widths);
    printf("%s\n", marked ? "\x1b[0m" : "");
  }
}

/* ---- looks ---- */

static int status_show_table(status *s, gw_str answer) {
  json_t *list = json_loadb(answer.n > 0 ? answer.p : "", answer.n, 0, NULL);
  size_t count = gw_size_min(json_array_size(list), STATUS_ROWS_MAX);
  status_row *rows = calloc(count + 1, sizeof *rows);
  double now_s = status_now_s();
  if (!json_is_array(list) || rows == NULL) {
    fprintf(stderr, "sluice: %s: the answer is no list of routes\n", s->address);
    json_decref(list);
    free(rows);
    return GW_EXIT_FINDING;
  }
  for (size_t i = 0; i < count; i++) {
    const json_t *route = json_array_get(list, i);
    const char *name = json_string_value(json_object_get(route, "name"));
    row_fill(&rows[i], route, name != NULL ? status_find(s->before, name, i) : NULL,
             now_s - s->before_s);
  }
  if (s->watches && isatty(STDOUT_FILENO)) printf("\x1b[H\x1b[J");
  table_print(s, rows, count);
  if (fflush(stdout) != 0) exit(GW_EXIT_FINDING); /* nobody reads any more */
  free(rows);
  json_decref(s->before);
  s->before = list;
  s->before_s = now_s;
  return GW_EXIT_OK;
}

static int status_look(status *s) {
  gw_client_request request = { .address = s->address, .method = "GET", .path = GW_STR("/routes") };
  gw_buf out;
  gw_buf_init(&out, NULL, GW_CLIENT_ANSWER_MAX);
  int exit_code = gw_client_run(&request, "status", &out);
  if (exit_code == GW_EXIT_OK && s->is_json) {
    fwrite(out.p, 1, out.n, stdout);
    if (fflush(stdout) != 0) exit_code = GW_EXIT_FINDING;
  } else if (exit_code == GW_EXIT_OK) {
    exit_code = status_show_table(s, gw_buf_str(&out));
  }
  gw_buf_done(&out);
  return exit_code;
}

/* While it watches, a gateway that does not answer may come back: it restarts, perhaps. */
static int status_run(status *s) {
  int exit_code = status_look(s);
  while (s->watches) {
    sleep(STATUS_WATCH_S);
    exit_code = status_look(s);
  }
  json_decref(s->before);
  return exit_code;
}

int gw_command_status(int argc, char **argv) {
  const char *no_color = getenv("NO_COLOR");
  status s = { .address = GW_CLIENT_ADDRESS,
               .has_color =
                   isatty(STDOUT_FILENO) == 1 && (no_color == NULL || no_color[0] == '\0') };
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--json") == 0)
      s.is_json = true;
    else if (strcmp(argv[i], "--watch") == 0)
      s.watches = true;
    else if (strcmp(argv[i], "--admin") == 0 && i + 1 < argc)
      s.address = argv[++i];
    else
      return gw_command_misused("status takes --admin ADDRESS, --watch and --json", argv[i]);
  }
  return status_run(&s);
}
