#include "route/bind.h"

#include "codec/json_to_wire.h"
#include "codec/wire_to_json.h"
#include "unit/golden.h"
#include "unit/route/binder.h"

/* ---- golden cases: a rule, then requests as blocks of lines ----
 *   TARGET
 *   body TEXT | form TEXT | header NAME: VALUE | type CONTENT-TYPE    any of them
 */

static void read_request_line(binder_request *request, gw_str rest) {
  gw_str line = rest, key = gw_str_cut(&rest, ' ');
  if (line.p[0] == '/') {
    request->target = line;
  } else if (gw_str_eq(key, GW_STR("body")) || gw_str_eq(key, GW_STR("form"))) {
    request->body = rest;
    request->form = key.p[0] == 'f';
  } else if (gw_str_eq(key, GW_STR("type"))) {
    request->content_type = rest;
  } else if (gw_str_eq(key, GW_STR("header"))) {
    CHECK(request->header_count < BINDER_HEADERS_MAX);
    gw_header *header = &request->headers[request->header_count++];
    header->name = gw_str_cut(&rest, ':');
    header->value = gw_str_trim(rest, " ");
  } else {
    fail_msg("\"" GW_STR_FMT "\" is no line of a request", GW_STR_ARG(line));
  }
}

static void print_bound(binder *b, gw_str wire, const gw_bind_counts *counts, gw_buf *out) {
  gw_err err;
  gw_err_init(&err);
  CHECK_INT(gw_buf_append(out, GW_STR("  = ")), GW_OK);
  if (gw_wire_to_json(&b->codec, b->rpc.input, wire, out, &err) != GW_OK) {
    fail_msg("%s: %s", err.where, err.text);
  }
  if (counts->unknown_query > 0 || counts->unused_query > 0 || b->codec.unknown_count > 0) {
    CHECK_INT(gw_buf_printf(out, "  (unknown %u, unused %u, unknown in body %u)",
                            counts->unknown_query, counts->unused_query,
                            (unsigned)b->codec.unknown_count),
              GW_OK);
  }
}

static void run_request(binder *b, const binder_request *request, gw_buf *out) {
  gw_bind_counts counts = { 0 };
  gw_buf wire;
  gw_err err;
  gw_err_init(&err);
  gw_buf_init(&wire, NULL, GW_MIB(1));
  b->codec.unknown_count = 0;
  gw_code code = binder_bind(b, request, &wire, &counts, &err);
  if (code == GW_OK) {
    print_bound(b, gw_buf_str(&wire), &counts, out);
  } else {
    CHECK(code == err.code);
    CHECK_INT(wire.n, 0);
    CHECK_INT(gw_buf_printf(out, "  ! %s: ", gw_code_name(code)), GW_OK);
    char text[sizeof err.where + sizeof err.text + 64];
    gw_err_print(&err, text, sizeof text);
    CHECK_INT(gw_buf_append(out, gw_str_of(text)), GW_OK);
  }
  CHECK_INT(gw_buf_append(out, GW_STR("\n")), GW_OK);
  gw_buf_done(&wire);
}

/* Each block is repeated in the output, with what came of it. */
static void run_requests(binder *b, gw_str rest, gw_buf *out) {
  while (rest.n > 0) {
    binder_request request = { 0 };
    while (rest.n > 0) {
      gw_str line = gw_str_cut(&rest, '\n');
      if (line.n == 0) break;
      read_request_line(&request, line);
      CHECK_INT(gw_buf_printf(out, GW_STR_FMT "\n", GW_STR_ARG(line)), GW_OK);
    }
    if (request.target.n > 0) run_request(b, &request, out);
  }
}

static void run_binding(golden_case *c, void *context) {
  (void)context;
  gw_str rule = golden_read(c, "rule", true), requests = golden_read(c, "requests", false);
  binder b;
  gw_buf out;
  gw_buf_init(&out, NULL, GW_MIB(1));
  if (binder_init(&b, rule, &out)) run_requests(&b, requests, &out);
  golden_check(c, "bound", gw_buf_str(&out));
  binder_done(&b);
  gw_buf_done(&out);
  free((void *)(uintptr_t)rule.p);
  free((void *)(uintptr_t)requests.p);
}

TEST(bind, golden) {
  golden_each("binding", run_binding, NULL);
}

/* ---- limits and bytes that golden cases cannot hold well ---- */

static gw_code bind_target(const char *rule, const char *target, gw_err *err) {
  binder b;
  gw_buf wire;
  gw_bind_counts counts = { 0 };
  binder_request request = { .target = gw_str_of(target) };
  gw_err_init(err);
  gw_buf_init(&wire, NULL, GW_MIB(1));
  CHECK(binder_init(&b, gw_str_of(rule), &wire));
  gw_code code = binder_bind(&b, &request, &wire, &counts, err);
  gw_buf_done(&wire);
  binder_done(&b);
  return code;
}

static const char list_rule[] = "message codectest.AllTypes\nrule GET /v1/{string_value}\n";

static char *repeated(const char *head, const char *piece, size_t count) {
  size_t n = strlen(head), piece_n = strlen(piece);
  char *text = malloc(n + piece_n * count + 1);
  memcpy(text, head, n);
  for (size_t i = 0; i < count; i++, n += piece_n)
    memcpy(text + n, piece, piece_n);
  text[n] = '\0';
  return text;
}

static gw_code bind_repeated(const char *head, const char *piece, size_t count) {
  gw_err err;
  char *target = repeated(head, piece, count);
  gw_code code = bind_target(list_rule, target, &err);
  free(target);
  return code;
}

TEST(bind, limits_are_where_they_are_said_to_be) {
  CHECK_INT(bind_repeated("/v1/a?", "&repeatedInt32=1", GW_QUERY_PARAMS_MAX), GW_OK);
  CHECK_INT(bind_repeated("/v1/a?", "&repeatedInt32=1", GW_QUERY_PARAMS_MAX + 1), GW_BAD_REQUEST);
  CHECK_INT(bind_repeated("/v1/a?", "&nothing=1", GW_QUERY_PARAMS_MAX + 1), GW_BAD_REQUEST);
  CHECK_INT(bind_repeated("/v1/a?", "&&=x", 50 * GW_QUERY_PARAMS_MAX), GW_OK);
  CHECK_INT(bind_repeated("/v1/", "a", GW_PATH_VALUES_MAX), GW_OK);
  CHECK_INT(bind_repeated("/v1/", "a", GW_PATH_VALUES_MAX + 1), GW_BAD_REQUEST);
  CHECK_INT(bind_repeated("/v1/", "%61", GW_PATH_VALUES_MAX), GW_OK);
  CHECK_INT(bind_repeated("/v1/a?recursive", ".recursive", GW_FIELD_PATH_MAX), GW_BAD_VALUE);
}

TEST(bind, deep_parameters_arrive) {
  gw_err err;
  char *path = repeated("/v1/a?recursive", ".recursive", GW_FIELD_PATH_MAX - 2);
  char *target = repeated(path, ".int32Value=5", 1);
  CHECK_INT(bind_target(list_rule, target, &err), GW_OK);
  free(target);
  target = repeated(path, ".recursive.int32Value=5", 1);
  CHECK_INT(bind_target(list_rule, target, &err), GW_BAD_VALUE);
  free(target);
  free(path);
}

TEST(bind, text_that_is_not_utf8_is_refused) {
  gw_err err;
  CHECK_INT(bind_target(list_rule, "/v1/%C0%AF", &err), GW_BAD_VALUE);
  CHECK_STR(gw_str_of(err.where), "string_value");
  CHECK_INT(bind_target(list_rule, "/v1/a?nested.name=%FF", &err), GW_BAD_VALUE);
  CHECK_STR(gw_str_of(err.where), "nested.name");
  CHECK_INT(bind_target(list_rule, "/v1/%00", &err), GW_OK);
}

TEST(bind, output_over_its_limit_is_refused_and_unchanged) {
  binder b;
  gw_buf wire;
  gw_err err;
  gw_bind_counts counts = { 0 };
  binder_request request = { .target = GW_STR("/v1/abc?nested.child.name=1234567890") };
  gw_buf_init(&wire, NULL, GW_MIB(1));
  CHECK(binder_init(&b, gw_str_of(list_rule), &wire));
  CHECK_INT(gw_buf_append(&wire, GW_STR("kept")), GW_OK);
  wire.max = 16;
  gw_err_init(&err);
  CHECK_INT(binder_bind(&b, &request, &wire, &counts, &err), GW_TOO_LARGE);
  CHECK_STR(gw_buf_str(&wire), "kept");
  gw_buf_done(&wire);
  binder_done(&b);
}

/* Later messages of a client stream carry no bindings (TRANSCODING section 8). */
TEST(bind, without_binds_only_the_body_is_taken) {
  binder b;
  gw_buf wire, json;
  gw_bind_counts counts = { 0 };
  gw_err err;
  static const char body[64 + GW_JSON_PAD] = "{\"int32Value\":5}";
  gw_err_init(&err);
  gw_buf_init(&wire, NULL, GW_MIB(1));
  gw_buf_init(&json, NULL, GW_MIB(1));
  CHECK(binder_init(&b, GW_STR("message codectest.AllTypes\nrule POST /v1/{string_value}\nbody *"),
                    &wire));
  gw_bind_input input = { .rule = &b.rule, .body = { body, strlen(body) } };
  CHECK_INT(gw_bind_request(&input, &b.codec, &wire, &counts, &err), GW_OK);
  CHECK_INT(gw_wire_to_json(&b.codec, b.rpc.input, gw_buf_str(&wire), &json, &err), GW_OK);
  CHECK_STR(gw_buf_str(&json), "{\"int32Value\":5}");
  gw_buf_done(&wire);
  gw_buf_done(&json);
  binder_done(&b);
}

typedef struct alloc_case {
  binder b;
  binder_request request;
} alloc_case;

static gw_code bind_once(void *context) {
  alloc_case *c = context;
  gw_bind_counts counts = { 0 };
  gw_arena arena;
  gw_buf wire;
  gw_err err;
  gw_err_init(&err);
  gw_arena_init(&arena, NULL, GW_MIB(1));
  gw_buf_init(&wire, NULL, GW_MIB(1));
  c->b.codec.arena = &arena;
  gw_code code = binder_bind(&c->b, &c->request, &wire, &counts, &err);
  CHECK_INT(code, err.code);
  c->b.codec.arena = &c->b.arena;
  gw_buf_done(&wire);
  gw_arena_done(&arena);
  return code;
}

TEST(bind, survives_each_failed_alloc) {
  alloc_case c = { .request = { .target = GW_STR("/v1/a%20b?nested.name=%41&mapString[k]=v"),
                                .body = GW_STR("{\"name\":\"x\"}") } };
  gw_buf out;
  gw_buf_init(&out, NULL, GW_MIB(1));
  CHECK(binder_init(&c.b,
                    GW_STR("message codectest.AllTypes\nrule POST /v1/{string_value}\n"
                           "body optional_nested\n"),
                    &out));
  test_fail_each_alloc(bind_once, &c);
  binder_done(&c.b);
  gw_buf_done(&out);
}

static gw_code resolve_once(void *context) {
  const binder *b = context;
  gw_rule rule = b->rule;
  gw_arena arena;
  gw_arena_init(&arena, NULL, GW_MIB(1));
  gw_code code = gw_rule_resolve(&rule, &arena, NULL, NULL);
  gw_arena_done(&arena);
  return code;
}

TEST(rule, resolving_survives_each_failed_alloc) {
  binder b;
  gw_buf out;
  gw_buf_init(&out, NULL, GW_MIB(1));
  CHECK(binder_init(&b,
                    GW_STR("message codectest.AllTypes\nrule POST /{string_value}/{nested.name}\n"
                           "body nested\nresponse_body nested\n"),
                    &out));
  test_fail_each_alloc(resolve_once, &b);
  binder_done(&b);
  gw_buf_done(&out);
}
