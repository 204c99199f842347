/* Golden cases of `compat`: tests/golden/compat/D-NN/case is driven through the whole gateway, from
 * a client's socket to a service's, once for each profile; what the service got and what the client
 * got are compared with the files `default`, `envoy` and `grpc-gateway`.
 *
 * A case is a comment and sections:
 *   == routes     YAML, as below `routes:`; `upstream` is given
 *   == defaults   one line of YAML, as within `defaults: {...}`
 *   == answer     of the calls that follow: message: JSON | hex BYTES, head: N: V, trailer: N: V,
 *                 status: CODE MESSAGE, resets: yes, http: STATUS, body: TEXT
 *   == request    a request's head and, behind an empty line, its body; Host, Connection and
 *                 Content-Length are given
 *   == metadata   from here on all metadata that the service got is shown */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec/grpc_frame.h"
#include "codec/wire_to_json.h"
#include "front/front.h"
#include "unit/front/peer_service.h"
#include "unit/golden.h"
#include "unit/net/h2_pair.h"

#define TEXT_MAX GW_MIB(1)
#define ROWS     56

static const char *const profiles[] = { "default", "envoy", "grpc-gateway" };

typedef struct compat_run {
  gw_loop *loop;
  peer_service service;
  peer_answer answer;
  gw_engine engine;
  gw_snapshot *snapshot;
  gw_front *front;
  gw_sockaddr address;
  bool drained, idle, all_metadata;
  gw_arena arena; /* of the answer's texts */
  gw_buf *out;
} compat_run;

static void say(compat_run *run, const char *format, ...) GW_PRINTF(2, 3);

static void say(compat_run *run, const char *format, ...) {
  char text[16384];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  CHECK(n >= 0 && (size_t)n < sizeof text);
  CHECK_INT(gw_buf_append(run->out, (gw_str){ text, (size_t)n }), GW_OK);
}

/* ---- the gateway ---- */

static void run_on_drained(void *user) {
  compat_run *run = user;
  run->drained = true;
  gw_engine_stop(&run->engine);
}

static void run_on_idle(gw_engine *engine) {
  GW_CONTAINER_OF(engine, compat_run, engine)->idle = true;
}

/* Findings are part of what a profile changes.  False: there are errors. */
static bool run_load(compat_run *run, const char *profile, gw_str defaults, gw_str routes) {
  static const char yaml[] =
      "listen: [{address: '127.0.0.1:0'}]\n"
      "descriptors: [descriptors/compat.pb, descriptors/codec_test2.pb]\n"
      "upstreams: {u: {endpoints: ['grpc://127.0.0.1:%u'], retry: {attempts: 1}}}\n"
      "workers: 1\nlog: {access: false}\n"
      "defaults: {upstream: u, compat: %s%s" GW_STR_FMT "}\nroutes:\n" GW_STR_FMT;
  char text[16384];
  gw_findings findings;
  gw_findings_init(&findings);
  int n = snprintf(text, sizeof text, yaml, (unsigned)run->service.port, profile,
                   defaults.n > 0 ? ", " : "", GW_STR_ARG(defaults), GW_STR_ARG(routes));
  CHECK(n > 0 && (size_t)n < sizeof text);
  gw_code code = gw_snapshot_parse("case.yaml", gw_str_of(text), &findings, &run->snapshot);
  for (size_t i = 0; i < findings.count; i++)
    say(run, "%s: " GW_STR_FMT "\n", findings.items[i].warning ? "warning" : "error",
        GW_STR_ARG(findings.items[i].text));
  gw_findings_done(&findings);
  return code == GW_OK;
}

static void run_open(compat_run *run) {
  CHECK_INT(gw_engine_init(&run->engine, run->loop, 0), GW_OK);
  run->engine.idle = run_on_idle;
  CHECK_INT(gw_engine_adopt(&run->engine, run->snapshot), GW_OK);
  run->service.pool = run->snapshot->pool;
  run->service.answer = &run->answer;
  run->front = gw_front_new(&run->engine, run_on_drained, run);
  CHECK_INT(gw_front_listen(run->front, raw_listen(&run->address)), GW_OK);
  PUMP(run->loop, run->service.h2 != NULL);
}

static void run_close(compat_run *run) {
  gw_front_drain(run->front);
  gw_front_cut(run->front);
  PUMP(run->loop, run->drained && run->idle);
  gw_front_free(run->front);
  gw_engine_done(&run->engine);
}

/* ---- what the service got ---- */

static bool metadata_is_usual(gw_str name) {
  static const gw_str usual[] = {
    GW_STR_INIT("te"),
    GW_STR_INIT("grpc-timeout"),
    GW_STR_INIT("content-type"),
    GW_STR_INIT("user-agent"),
    GW_STR_INIT("grpc-accept-encoding"),
    GW_STR_INIT("x-forwarded-for"),
    GW_STR_INIT("x-forwarded-host"),
    GW_STR_INIT("x-forwarded-proto"),
  };
  for (size_t i = 0; i < GW_COUNT_OF(usual); i++) {
    if (gw_str_eq(name, usual[i])) return true;
  }
  return false;
}

static void say_message(compat_run *run, const gw_rpc *rpc, gw_str wire) {
  gw_arena arena;
  gw_buf json;
  gw_err err;
  gw_err_init(&err);
  gw_arena_init(&arena, NULL, GW_MIB(8));
  gw_buf_init(&json, &arena, TEXT_MAX);
  gw_codec codec = { .pool = run->snapshot->pool,
                     .memo = gw_codec_memo_new(run->snapshot->pool),
                     .arena = &arena };
  if (gw_wire_to_json(&codec, rpc->input, wire, &json, &err) != GW_OK) {
    /* What JSON cannot say: a path of a mask that is not snake_case, a type without "/". */
    json.n = 0;
    for (size_t i = 0; i < wire.n; i++)
      CHECK_INT(gw_buf_printf(&json, "%02x", (unsigned)(unsigned char)wire.p[i]), GW_OK);
  }
  say(run, "  -> " GW_STR_FMT " " GW_STR_FMT "\n", GW_STR_ARG(rpc->name),
      GW_STR_ARG(gw_buf_str(&json)));
  gw_codec_memo_free(codec.memo);
  gw_arena_done(&arena);
}

static void say_call(compat_run *run, const peer_call *call) {
  gw_str frames = gw_buf_str(&call->body), message;
  gw_err err;
  const gw_rpc *rpc = gw_pool_find_rpc(run->snapshot->pool, call->h2.path);
  CHECK(rpc != NULL);
  while (gw_grpc_frame_next(frames, TEXT_MAX, &message, NULL, &err) == GW_OK) {
    say_message(run, rpc, message);
    frames = gw_str_skip(frames, GW_GRPC_PREFIX_BYTES + message.n);
  }
  CHECK_INT(frames.n, 0);
  for (uint32_t i = 0; i < call->h2.head.count; i++) {
    const gw_header *field = &call->h2.head.items[i];
    if (!run->all_metadata || metadata_is_usual(field->name)) continue;
    say(run, "     " GW_STR_FMT ": " GW_STR_FMT "\n", GW_STR_ARG(field->name),
        GW_STR_ARG(field->value));
  }
}

/* ---- what the client got ---- */

static gw_str line_cut(gw_str *rest) {
  gw_str line = gw_str_cut(rest, '\n');
  return gw_str_trim(line, "\r");
}

static void say_lines(compat_run *run, gw_str text) {
  while (text.n > 0) {
    gw_str line = gw_str_cut(&text, '\n');
    say(run, "     " GW_STR_FMT "\n", GW_STR_ARG(line));
  }
}

static void say_chunks(compat_run *run, gw_str rest) {
  gw_buf body;
  bool whole = false;
  gw_buf_init(&body, NULL, TEXT_MAX);
  while (rest.n > 0 && !whole) {
    size_t n = strtoul(line_cut(&rest).p, NULL, 16);
    whole = n == 0;
    CHECK(n <= rest.n);
    CHECK_INT(gw_buf_append(&body, gw_str_first(rest, n)), GW_OK);
    rest = gw_str_skip(rest, n + 2);
  }
  say_lines(run, gw_buf_str(&body));
  if (!whole) say(run, "     (cut)\n");
  gw_buf_done(&body);
}

static bool header_is_usual(gw_str name) {
  static const gw_str usual[] = { GW_STR_INIT("date"), GW_STR_INIT("connection"),
                                  GW_STR_INIT("content-length"), GW_STR_INIT("transfer-encoding") };
  for (size_t i = 0; i < GW_COUNT_OF(usual); i++) {
    if (gw_str_eq_nocase(name, usual[i])) return true;
  }
  return false;
}

static void say_answer(compat_run *run, gw_str rest) {
  gw_str line = line_cut(&rest);
  bool chunked = false;
  CHECK(gw_str_starts(line, GW_STR("HTTP/1.1 ")));
  say(run, "  <- " GW_STR_FMT "\n", GW_STR_ARG(gw_str_skip(line, 9)));
  while ((line = line_cut(&rest)).n > 0) {
    gw_str value = line, name = gw_str_cut(&value, ':');
    value = gw_str_trim(value, " ");
    if (gw_str_eq_nocase(name, GW_STR("transfer-encoding"))) chunked = true;
    if (gw_str_eq_nocase(name, GW_STR("retry-after"))) value = GW_STR("(drawn)");
    if (header_is_usual(name)) continue;
    say(run, "     " GW_STR_FMT ": " GW_STR_FMT "\n", GW_STR_ARG(name), GW_STR_ARG(value));
  }
  if (chunked)
    say_chunks(run, rest);
  else
    say_lines(run, rest);
}

/* ---- one request ---- */

static void run_send(compat_run *run, int fd, gw_str text) {
  char request[16384];
  gw_str head = text, body = GW_STR("");
  const char *empty = memmem(text.p, text.n, "\n\n", 2);
  if (empty != NULL) {
    head = gw_str_from(text.p, empty);
    body = gw_str_from(empty + 2, text.p + text.n);
  }
  body = gw_str_trim(body, "\n");
  size_t n = 0;
  while (head.n > 0) {
    gw_str line = gw_str_cut(&head, '\n');
    n += (size_t)snprintf(request + n, sizeof request - n, GW_STR_FMT "\r\n", GW_STR_ARG(line));
  }
  n += (size_t)snprintf(request + n, sizeof request - n, "Host: a\r\nConnection: close\r\n");
  if (body.n > 0)
    n += (size_t)snprintf(request + n, sizeof request - n, "Content-Length: %zu\r\n", body.n);
  n += (size_t)snprintf(request + n, sizeof request - n, "\r\n" GW_STR_FMT, GW_STR_ARG(body));
  CHECK(n < sizeof request);
  CHECK(raw_send(run->loop, fd, request, n));
}

/* Reads what there is; true: the gateway has closed the connection. */
static bool request_is_over(int fd, char *got, size_t size, size_t *n) {
  ssize_t piece = recv(fd, got + *n, size - *n, MSG_DONTWAIT);
  if (piece > 0) *n += (size_t)piece;
  return piece == 0 || (piece < 0 && errno != EAGAIN);
}

static void run_request(compat_run *run, gw_str text) {
  gw_str rest = text, line = gw_str_cut(&rest, '\n');
  static char got[65536];
  size_t n = 0;
  uint32_t calls = run->service.count;
  say(run, GW_STR_FMT "\n", GW_STR_ARG(line));
  int fd = raw_connect(&run->address);
  run_send(run, fd, text);
  PUMP(run->loop, request_is_over(fd, got, sizeof got, &n));
  close(fd);
  for (uint32_t i = calls; i < run->service.count; i++)
    say_call(run, run->service.calls[i]);
  say_answer(run, (gw_str){ got, n });
}

/* ---- one case ---- */

static void answer_add(peer_answer *answer, gw_str line, gw_arena *arena) {
  gw_str value = line, key = gw_str_cut(&value, ':');
  value = gw_str_trim(value, " ");
  if (gw_str_eq(key, GW_STR("message"))) {
    const char *comma = answer->messages.n > 0 ? "\n" : "";
    answer->messages = gw_arena_printf(arena, GW_STR_FMT "%s" GW_STR_FMT,
                                       GW_STR_ARG(answer->messages), comma, GW_STR_ARG(value));
  } else if (gw_str_eq(key, GW_STR("status"))) {
    answer->grpc_status = gw_str_cut(&value, ' ');
    answer->grpc_message = value;
  } else if (gw_str_eq(key, GW_STR("resets"))) {
    answer->resets = true;
  } else if (gw_str_eq(key, GW_STR("http"))) {
    answer->status = value;
  } else if (gw_str_eq(key, GW_STR("body"))) {
    answer->body = value;
  } else {
    bool head = gw_str_eq(key, GW_STR("head"));
    bool trailer = gw_str_eq(key, GW_STR("trailer"));
    if (!head && !trailer) fail_msg("no key " GW_STR_FMT, GW_STR_ARG(key));
    gw_header field = { .name = gw_str_cut(&value, ':') };
    field.value = gw_str_trim(value, " ");
    if (head) answer->head[answer->head_count++] = field;
    if (!head) answer->trailers[answer->trailer_count++] = field;
  }
}

static void run_section(compat_run *run, gw_str name, gw_str text) {
  if (gw_str_eq(name, GW_STR("request"))) {
    run_request(run, gw_str_trim(text, "\n"));
  } else if (gw_str_eq(name, GW_STR("metadata"))) {
    run->all_metadata = true;
  } else if (gw_str_eq(name, GW_STR("answer"))) {
    run->answer = (peer_answer){ .messages = GW_STR("") };
    while (text.n > 0) {
      gw_str line = gw_str_cut(&text, '\n');
      if (line.n > 0) answer_add(&run->answer, line, &run->arena);
    }
  } else if (!gw_str_eq(name, GW_STR("routes")) && !gw_str_eq(name, GW_STR("defaults"))) {
    fail_msg("no section \"" GW_STR_FMT "\"", GW_STR_ARG(name));
  }
}

/* The next section of *rest, its heading in *name; p == NULL: the end. */
static gw_str section_next(gw_str *rest, gw_str *name) {
  const char *begin = memmem(rest->p, rest->n, "\n== ", 4);
  if (begin == NULL) return (gw_str){ NULL, 0 };
  gw_str text = gw_str_from(begin + 4, rest->p + rest->n);
  *name = gw_str_cut(&text, '\n');
  const char *end = memmem(text.p - 1, text.n + 1, "\n== ", 4);
  if (end == NULL) end = text.p + text.n;
  *rest = gw_str_from(end, rest->p + rest->n);
  return end < text.p ? gw_str_first(text, 0) : gw_str_from(text.p, end);
}

static gw_str section_find(gw_str rest, const char *wanted) {
  gw_str name, text;
  while ((text = section_next(&rest, &name)).p != NULL) {
    if (gw_str_eq(name, gw_str_of(wanted))) return gw_str_trim(text, "\n");
  }
  return GW_STR("");
}

static void run_profile(golden_case *c, gw_str text, const char *profile) {
  compat_run *run = calloc(1, sizeof *run);
  gw_buf out;
  gw_buf_init(&out, NULL, TEXT_MAX);
  gw_arena_init(&run->arena, NULL, GW_MIB(1));
  run->out = &out;
  run->answer.messages = GW_STR("{}");
  run->loop = gw_loop_new();
  peer_service_open(&run->service, run->loop);
  if (run_load(run, profile, section_find(text, "defaults"), section_find(text, "routes"))) {
    gw_str rest = text, name, section;
    run_open(run);
    while ((section = section_next(&rest, &name)).p != NULL)
      run_section(run, name, section);
    run_close(run);
    gw_snapshot_unref(run->snapshot);
  }
  peer_service_close(&run->service);
  gw_loop_free(run->loop);
  gw_metrics_done();
  golden_check(c, profile, gw_buf_str(&out));
  gw_buf_done(&out);
  gw_arena_done(&run->arena);
  free(run);
}

static void run_case(golden_case *c, void *context) {
  gw_str text = golden_read(c, "case", true);
  (void)context;
  for (size_t i = 0; i < GW_COUNT_OF(profiles); i++)
    run_profile(c, text, profiles[i]);
  free((void *)(uintptr_t)text.p);
}

TEST(compat, golden_cases) {
  golden_each("compat", run_case, NULL);
}

/* ---- that no row is forgotten ---- */

static bool file_exists(const char *row, const char *file) {
  char path[128];
  snprintf(path, sizeof path, "tests/golden/compat/%s/%s", row, file);
  return access(path, R_OK) == 0;
}

TEST(compat, every_row_has_a_case_and_all_three_columns) {
  gw_str reference = test_read_file("docs/compat.md");
  size_t row = 0;
  for (int i = 1; i <= ROWS; i++) {
    char id[16], cell[24];
    snprintf(id, sizeof id, "D-%02d", i);
    snprintf(cell, sizeof cell, "| %s |", id);
    if (!file_exists(id, "case")) fail_msg("no case for %s", id);
    for (size_t k = 0; k < GW_COUNT_OF(profiles); k++) {
      if (!file_exists(id, profiles[k])) fail_msg("%s: no %s", id, profiles[k]);
    }
    if (memmem(reference.p, reference.n, cell, strlen(cell)) == NULL)
      fail_msg("docs/compat.md has no row %s", id);
    if (gw_compat_row(row) == NULL || strcmp(gw_compat_row(row), id) != 0)
      fail_msg("the table has no row %s", id);
    while (gw_compat_row(row) != NULL && strcmp(gw_compat_row(row), id) == 0)
      row++;
  }
  CHECK(gw_compat_row(row) == NULL);
  free((void *)(uintptr_t)reference.p);
}
