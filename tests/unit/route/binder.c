#include "unit/route/binder.h"

#include "codec/json_to_wire.h"
#include "route/uri.h"

static gw_pool *pool;
static gw_codec_memo *memo;

static void binder_free_pool(void) {
  gw_codec_memo_free(memo);
  gw_pool_free(pool);
}

static void binder_report_load(void *context, const gw_err *err) {
  (void)context;
  print_error("%s: %s\n", err->where, err->text);
}

const gw_pool *binder_pool(void) {
  if (pool != NULL) return pool;
  static const char *const files[] = { "descriptors/codec_test.pb", "descriptors/codec_test2.pb",
                                       "descriptors/userservice.pb" };
  gw_schema_source sources[GW_COUNT_OF(files)];
  for (size_t i = 0; i < GW_COUNT_OF(files); i++)
    sources[i] = (gw_schema_source){ gw_str_of(files[i]), test_read_file(files[i]) };
  gw_code code = gw_pool_load(sources, GW_COUNT_OF(files), binder_report_load, NULL, &pool);
  for (size_t i = 0; i < GW_COUNT_OF(files); i++)
    free((void *)(uintptr_t)sources[i].bytes.p);
  CHECK_INT(code, GW_OK);
  memo = gw_codec_memo_new(pool);
  CHECK(memo != NULL);
  atexit(binder_free_pool);
  return pool;
}

static void binder_read_header_bind(binder *b, gw_str rest) {
  gw_header_bind *bind = &b->header_binds[b->route.header_bind_count];
  gw_err err;
  gw_err_init(&err);
  CHECK(b->route.header_bind_count < BINDER_HEADERS_MAX);
  bind->header = gw_str_cut(&rest, ' ');
  if (gw_field_path_parse(rest, b->rpc.input, &b->arena, &bind->field, &err) != GW_OK) {
    fail_msg("%s: %s", err.where, err.text);
  }
  b->route.header_bind_count++;
}

static void binder_read_line(binder *b, gw_str rest) {
  gw_str line = rest, key = gw_str_cut(&rest, ' ');
  gw_err err;
  gw_err_init(&err);
  if (gw_str_eq(key, GW_STR("message"))) {
    b->rpc.input = b->rpc.output = gw_pool_find_message(binder_pool(), rest);
    CHECK(b->rpc.input != NULL);
  } else if (gw_str_eq(key, GW_STR("rule"))) {
    b->rule.method = gw_str_cut(&rest, ' ');
    CHECK_INT(gw_template_parse(rest, &b->arena, &b->rule.template, &err), GW_OK);
  } else if (gw_str_eq(key, GW_STR("body"))) {
    b->rule.body_text = rest;
  } else if (gw_str_eq(key, GW_STR("response_body"))) {
    b->rule.response_body_text = rest;
  } else if (gw_str_eq(line, GW_STR("query.unknown reject"))) {
    b->route.query_reject_unknown = true;
  } else if (gw_str_eq(line, GW_STR("json.unknown_fields reject"))) {
    b->codec.style.reject_unknown = true;
  } else if (gw_str_eq(key, GW_STR("header"))) {
    binder_read_header_bind(b, rest);
  } else {
    fail_msg("\"" GW_STR_FMT "\" is no line of a rule", GW_STR_ARG(line));
  }
}

static void binder_report(void *context, const gw_err *err) {
  CHECK_INT(gw_buf_printf(context, "rule: %s: %s\n", err->where, err->text), GW_OK);
}

bool binder_init(binder *b, gw_str text, gw_buf *out) {
  *b = (binder){ 0 };
  gw_arena_init(&b->arena, NULL, GW_MIB(64));
  b->codec = (gw_codec){ .pool = binder_pool(), .memo = memo, .arena = &b->arena };
  b->route.rpc = &b->rpc;
  b->route.header_binds = b->header_binds;
  b->rule.route = &b->route;
  while (text.n > 0)
    binder_read_line(b, gw_str_cut(&text, '\n'));
  b->rules[0] = &b->rule;
  gw_code code = gw_rule_resolve(&b->rule, &b->arena, binder_report, out);
  if (code != GW_OK) return false;
  CHECK_INT(gw_router_build(b->rules, 1, NULL, NULL, &b->router), GW_OK);
  return true;
}

void binder_done(binder *b) {
  gw_router_free(b->router);
  gw_arena_done(&b->arena);
}

gw_code binder_bind(binder *b, const binder_request *request, gw_buf *out, gw_bind_counts *counts,
                    gw_err *err) {
  gw_uri uri;
  gw_binds binds;
  gw_code code = gw_uri_parse(request->target, &uri, err);
  if (code != GW_OK) return code;
  const gw_rule *rule = gw_router_match(b->router, b->rule.method, uri.path, &binds);
  if (rule == NULL) return gw_err_set(err, GW_NO_ROUTE, "no route");
  char *body = gw_arena_zalloc(&b->arena, request->body.n + GW_JSON_PAD);
  if (body == NULL) return gw_err_set(err, GW_NOMEM, "out of memory");
  if (request->body.n > 0) memcpy(body, request->body.p, request->body.n);
  gw_bind_input input = { .rule = rule,
                          .binds = &binds,
                          .query = uri.query,
                          .body = { body, request->body.n },
                          .form = request->form,
                          .headers = request->headers,
                          .header_count = request->header_count,
                          .content_type = request->content_type };
  return gw_bind_request(&input, &b->codec, out, counts, err);
}
