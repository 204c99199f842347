#include "control/explain.h"

#include <stdarg.h>
#include <stdio.h>

#include "codec/json_split.h"
#include "codec/json_to_wire.h"
#include "codec/wire_to_json.h"
#include "control/values.h"
#include "migrate/migration.h"
#include "route/bind.h"
#include "route/headers.h"
#include "route/method.h"
#include "route/uri.h"

#define EXPLAIN_SCRATCH_BYTES GW_MIB(1) /* beside what the messages need */

/* Everything about one request; `code` notes the first failure to write. */
typedef struct explain {
  const gw_snapshot *snapshot;
  gw_str method;
  gw_uri uri;
  gw_router_path path;
  gw_str body;
  gw_arena arena;
  const gw_rule *rule;
  gw_binds binds;
  gw_buf wire, json; /* of one message */
  gw_buf *out;
  gw_code code;
  gw_err *err;
} explain;

static void say_str(explain *e, gw_str text) {
  if (e->code == GW_OK) e->code = gw_buf_append(e->out, text);
}

static void say_quoted(explain *e, gw_str text) {
  if (e->code == GW_OK) e->code = gw_buf_append_json_string(e->out, text);
}

GW_PRINTF(2, 3) static void say(explain *e, const char *format, ...) {
  va_list args;
  va_start(args, format);
  gw_buf *out = e->out;
  int n = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (e->code == GW_OK && n >= 0) e->code = gw_buf_reserve(out, (size_t)n);
  if (e->code != GW_OK || n < 0) return;
  va_start(args, format);
  vsnprintf(out->p + out->n, (size_t)n + 1, format, args);
  va_end(args);
  out->n += (size_t)n;
}

/* ---- who wins and who loses ---- */

static void say_rule_place(explain *e, const gw_rule *rule) {
  if (rule->line != 0)
    say(e, GW_STR_FMT ":%u:%u", GW_STR_ARG(e->snapshot->path), rule->line, rule->column);
  else if (gw_str_eq(rule->template.text, rule->route->rpc->path))
    say(e, "\"auto\" of its service");
  else
    say(e, "google.api.http rule of its method");
}

static void say_upstream(explain *e, const gw_route *route) {
  const gw_upstream_config *upstream = &e->snapshot->upstreams[route->upstream];
  say(e, "upstream  " GW_STR_FMT ":", GW_STR_ARG(upstream->name));
  for (uint32_t i = 0; i < upstream->endpoint_count; i++)
    say(e, "%s grpc%s://" GW_STR_FMT, i > 0 ? "," : "",
        gw_scheme_is_secure(upstream->endpoints[i].scheme) ? "s" : "",
        GW_STR_ARG(upstream->endpoints[i].authority));
  say(e, "\n");
}

/* Which side answers: nobody is asked, and a stage set at run time is not known here. */
static void say_side(explain *e, const gw_migration *m) {
  char share[GW_SHARE_TEXT_MAX];
  const char *kind = m->sticky.kind == GW_STICKY_HEADER ? "header" : "cookie";
  gw_share_print(m->stand.share, share);
  switch (m->stand.stage) {
  case GW_STAGE_GRPC: say(e, "side      grpc"); break;
  case GW_STAGE_CANARY:
    say(e, "side      grpc for %s of ", share);
    if (m->sticky.kind == GW_STICKY_NONE)
      say(e, "all requests");
    else
      say(e, "the values of the %s " GW_STR_FMT " (of the requests without it too)", kind,
          GW_STR_ARG(m->sticky.name));
    if (m->is_grouped) say(e, ", as group " GW_STR_FMT " draws", GW_STR_ARG(m->group));
    say(e, "; legacy (" GW_STR_FMT ") for the rest", GW_STR_ARG(m->legacy_name));
    break;
  default: say(e, "side      legacy (" GW_STR_FMT ")", GW_STR_ARG(m->legacy_name)); break;
  }
  if (m->fallback && m->stand.stage >= GW_STAGE_CANARY)
    say(e, "; legacy (" GW_STR_FMT ") where grpc is UNAVAILABLE or UNIMPLEMENTED%s",
        GW_STR_ARG(m->legacy_name), gw_method_is_safe(e->method) ? "" : ", not for this method");
  say(e, "\n");
}

/* Whether this request may be sent to the other side as well. */
static void say_shadow(explain *e, const gw_migration *m) {
  char share[GW_SHARE_TEXT_MAX];
  bool safe = gw_method_is_safe(e->method);
  gw_share_print(m->shadow.sample, share);
  if (m->stand.stage == GW_STAGE_LEGACY || (m->stand.stage == GW_STAGE_GRPC && !m->shadow.legacy))
    return;
  if (e->rule->route->rpc->client_streaming)
    say(e, "shadow    none: the body is a stream of messages\n");
  else if (!safe && !m->shadow.unsafe)
    say(e, "shadow    none: " GW_STR_FMT " is not safe, and \"shadow.unsafe\" is off\n",
        GW_STR_ARG(e->method));
  else
    say(e, "shadow    %s of such requests are sent to the other side too and compared\n", share);
}

static void say_stage(explain *e, const gw_migration *m) {
  gw_stand stand = gw_migration_stand(m);
  gw_str stage = gw_stage_name(stand.stage);
  char share[GW_SHARE_TEXT_MAX];
  gw_share_print(stand.share, share);
  say(e, "stage     " GW_STR_FMT "%s%s\n", GW_STR_ARG(stage),
      stand.stage == GW_STAGE_CANARY ? " " : "", stand.stage == GW_STAGE_CANARY ? share : "");
  if (m == NULL) return;
  say_side(e, m);
  say_shadow(e, m);
}

static void say_winner(explain *e) {
  const gw_rule *rule = e->rule;
  const gw_route *route = rule->route;
  say(e, "\nroute     " GW_STR_FMT " (", GW_STR_ARG(route->name));
  say_rule_place(e, rule);
  say(e, ")\nmatch     " GW_STR_FMT " " GW_STR_FMT "\n", GW_STR_ARG(rule->method),
      GW_STR_ARG(rule->template.text));
  if (rule->body_text.n > 0) say(e, "body      " GW_STR_FMT "\n", GW_STR_ARG(rule->body_text));
  if (rule->response_body_text.n > 0)
    say(e, "response  " GW_STR_FMT "\n", GW_STR_ARG(rule->response_body_text));
  say(e, "rpc       " GW_STR_FMT "%s%s\n", GW_STR_ARG(route->rpc->full_name),
      route->rpc->client_streaming ? " (takes a stream)" : "",
      route->rpc->server_streaming ? " (answers with a stream)" : "");
  say_upstream(e, route);
  say_stage(e, route->migration);
  if (gw_str_eq(e->method, GW_STR("HEAD")) && !gw_str_eq(rule->method, e->method))
    say(e, "note      HEAD is answered as GET, without a body\n");
}

static void say_loser(explain *e, const gw_rule *rule) {
  gw_err why;
  gw_err_init(&why);
  bool split = rule->route->compat.unescape == GW_UNESCAPE_LEGACY;
  bool fits = gw_rule_fits(rule, e->method, split ? e->path.split : e->path.raw, &why);
  if (fits && e->rule != NULL)
    gw_err_set(&why, GW_CONFLICT, "it fits too, but \"" GW_STR_FMT "\" is more specific",
               GW_STR_ARG(e->rule->route->name));
  say(e, "  " GW_STR_FMT "  " GW_STR_FMT " " GW_STR_FMT ": %s\n", GW_STR_ARG(rule->route->name),
      GW_STR_ARG(rule->method), GW_STR_ARG(rule->template.text), why.text);
}

static void say_losers(explain *e) {
  if (e->snapshot->rule_count <= (e->rule != NULL ? 1 : 0)) return;
  say(e, "\n%s\n", e->rule != NULL ? "other rules" : "why no rule fits");
  for (uint32_t i = 0; i < e->snapshot->rule_count; i++) {
    if (e->snapshot->rules[i] != e->rule) say_loser(e, e->snapshot->rules[i]);
  }
}

static gw_code explain_no_route(explain *e) {
  gw_buf allow;
  gw_buf_init(&allow, &e->arena, GW_KIB(4));
  gw_code code = gw_router_allow_as(e->snapshot->router, e->path, &allow);
  if (code != GW_OK) return code;
  code = allow.n > 0 ? GW_BAD_METHOD : GW_NO_ROUTE;
  if (e->snapshot->legacy != UINT32_MAX)
    say(e, "\nno route: legacy upstream \"" GW_STR_FMT "\" gets the request as it is\n",
        GW_STR_ARG(e->snapshot->upstreams[e->snapshot->legacy].name));
  else if (allow.n > 0 && gw_str_eq(e->method, GW_STR("OPTIONS")))
    say(e, "\nno route; the gateway answers 204 with Allow: " GW_STR_FMT "\n",
        GW_STR_ARG(gw_buf_str(&allow)));
  else
    say(e, "\nno route: the client gets %d %s\n", gw_code_http(code),
        gw_http_reason(gw_code_http(code)));
  if (allow.n > 0) say(e, "the path takes " GW_STR_FMT "\n", GW_STR_ARG(gw_buf_str(&allow)));
  say_losers(e);
  return gw_err_set(e->err, code, "no route for " GW_STR_FMT " " GW_STR_FMT, GW_STR_ARG(e->method),
                    GW_STR_ARG(e->uri.path));
}

/* ---- bindings ---- */

static void say_binding(explain *e, const char *origin, gw_str name, gw_str value) {
  say(e, "  %-6s  " GW_STR_FMT " = ", origin, GW_STR_ARG(name));
  say_quoted(e, value);
  say(e, "\n");
}

/* What does not decode is shown as it came: binding says what is wrong with it. */
static gw_str explain_decoded(explain *e, gw_str raw, gw_decode_mode mode) {
  gw_str value;
  return gw_uri_decode(raw, mode, &e->arena, &value, NULL) == GW_OK ? value : raw;
}

static void say_path_bindings(explain *e) {
  const gw_template *template = &e->rule->template;
  for (uint32_t i = 0; i < template->var_count; i++) {
    say_binding(e, "path", template->vars[i].field_path,
                explain_decoded(e, e->binds.values[i], gw_bind_decode_mode(e->rule, i)));
  }
}

static void say_query_bindings(explain *e) {
  gw_str rest = e->uri.query;
  while (rest.n > 0) {
    gw_str value = gw_str_cut(&rest, '&'), key = gw_str_cut(&value, '=');
    if (key.n == 0) continue;
    say_binding(e, "query", explain_decoded(e, key, GW_DECODE_QUERY),
                explain_decoded(e, value, GW_DECODE_QUERY));
  }
}

static void say_body_binding(explain *e) {
  static const char *const uses[] = {
    [GW_BODY_NONE] = "given, but this rule does not read one",
    [GW_BODY_ALL] = "becomes the whole message",
    [GW_BODY_FIELD] = "becomes the field",
  };
  const gw_rule *rule = e->rule;
  if (e->body.n == 0) return;
  say(e, "  body    %zu bytes: %s%s", e->body.n,
      !rule->reads_stream ? ""
      : rule->reads_raw   ? "each piece that arrives "
                          : "each value ",
      uses[rule->body_use]);
  if (rule->body_use == GW_BODY_FIELD) say(e, " \"" GW_STR_FMT "\"", GW_STR_ARG(rule->body_text));
  say(e, "\n");
}

static void say_header_bindings(explain *e) {
  const gw_route *route = e->rule->route;
  for (uint32_t i = 0; i < route->header_bind_count; i++) {
    const gw_header_bind *bind = &route->header_binds[i];
    say(e, bind->response ? "  answer  " : "  header  ");
    for (uint32_t k = 0; k < bind->field.count; k++)
      say(e, "%s" GW_STR_FMT, k > 0 ? "." : "", GW_STR_ARG(bind->field.fields[k]->name));
    say(e, bind->response ? " becomes the header " : " = the value of ");
    say(e, GW_STR_FMT ", when there is one\n", GW_STR_ARG(bind->header));
  }
}

static void say_bindings(explain *e) {
  say(e, "\nbindings\n");
  size_t before = e->out->n;
  say_path_bindings(e);
  say_query_bindings(e);
  say_header_bindings(e);
  say_body_binding(e);
  if (e->out->n == before) say(e, "  none\n");
}

/* ---- message ---- */

static void say_hex(explain *e, gw_str bytes) {
  static const char digits[] = "0123456789abcdef";
  if (e->code == GW_OK) e->code = gw_buf_reserve(e->out, bytes.n * 2);
  if (e->code != GW_OK) return;
  for (size_t i = 0; i < bytes.n; i++) {
    unsigned char byte = (unsigned char)bytes.p[i];
    e->out->p[e->out->n++] = digits[byte >> 4];
    e->out->p[e->out->n++] = digits[byte & 15];
  }
}

static gw_code explain_refused(explain *e, gw_code code, const gw_err *err) {
  char text[sizeof err->where + sizeof err->text + 64];
  gw_err_print(err, text, sizeof text);
  say(e, "\nrefused: the client gets %d %s: %s", gw_code_http(code),
      gw_http_reason(gw_code_http(code)), text);
  if (err->line != 0) say(e, " (line %u, column %u of the body)", err->line, err->column);
  say(e, "\n");
  if (e->err != NULL && e->err->code == GW_OK) *e->err = *err;
  return code;
}

/* One message; of a stream the value that `split` found last. */
static gw_code explain_bind(explain *e, gw_codec *codec, gw_str body, const gw_json_split *split,
                            gw_bind_counts *counts) {
  gw_err err;
  gw_bind_input input = { .rule = e->rule, .body = body };
  if (split == NULL || split->count <= 1) {
    input.binds = &e->binds;
    input.query = e->uri.query;
    input.content_type = GW_STR("application/json");
  }
  gw_err_init(&err);
  codec->unknown_count = 0;
  gw_code code = gw_bind_request(&input, codec, &e->wire, counts, &err);
  if (code == GW_OK) return GW_OK;
  if (split != NULL) gw_json_split_locate(split, &err);
  return explain_refused(e, code, &err);
}

static void say_ignored(explain *e, const gw_bind_counts *counts, uint64_t unknown_fields) {
  if (counts->unknown_query > 0)
    say(e, "  ignored query parameters, for which the message has no field: %u\n",
        counts->unknown_query);
  if (counts->unused_query > 0)
    say(e, "  ignored query parameters, whose field the path or the body sets: %u\n",
        counts->unused_query);
  if (unknown_fields > 0)
    say(e, "  ignored JSON fields, which the message does not have: %llu\n",
        (unsigned long long)unknown_fields);
}

static gw_code explain_one(explain *e, gw_codec *codec, gw_str body, const gw_json_split *split) {
  const gw_route *route = e->rule->route;
  gw_err err;
  gw_err_init(&err);
  gw_buf *wire = &e->wire, *json = &e->json;
  wire->n = json->n = 0;
  gw_bind_counts counts = { 0 };
  gw_code code = explain_bind(e, codec, body, split, &counts);
  if (code != GW_OK) return code;
  if (split == NULL) say_ignored(e, &counts, codec->unknown_count);
  code = gw_wire_to_json(codec, route->rpc->input, gw_buf_str(wire), json, &err);
  if (code != GW_OK) return explain_refused(e, code, &err);
  say(e, "\nmessage   ");
  if (split != NULL) say(e, "[%llu] ", (unsigned long long)split->count - 1);
  say(e, GW_STR_FMT ", %zu bytes\n  json    ", GW_STR_ARG(route->rpc->input->full_name), wire->n);
  say_str(e, gw_buf_str(json));
  say(e, wire->n > 0 ? "\n  bytes   " : "\n  bytes   (none)");
  say_hex(e, gw_buf_str(wire));
  say(e, "\n");
  if (split != NULL) say_ignored(e, &counts, codec->unknown_count);
  return GW_OK;
}

/* Each value of the body is a message. */
static gw_code explain_stream(explain *e, gw_codec *codec) {
  gw_json_split split = { 0 };
  gw_str in = e->body, part;
  gw_err err;
  gw_err_init(&err);
  gw_code code;
  while ((code = gw_json_split_next(&split, &in, &part, &err)) == GW_OK) {
    code = explain_one(e, codec, part, &split);
    if (code != GW_OK) return code;
  }
  if (code == GW_AGAIN) {
    code = gw_json_split_end(&split, &err);
    if (code == GW_OK) return explain_one(e, codec, part, &split);
  }
  if (code != GW_AGAIN) return explain_refused(e, code, &err);
  if (split.count == 0) say(e, "\nmessage   none: the body holds no value\n");
  return GW_OK;
}

static gw_code explain_message(explain *e, gw_codec *codec) {
  const gw_route *route = e->rule->route;
  gw_err err;
  gw_err_init(&err);
  gw_buf_init(&e->wire, &e->arena, route->message_bytes_max);
  gw_buf_init(&e->json, &e->arena, route->message_bytes_max * GW_ARENA_RATIO);
  if (e->rule->reads_stream && !e->rule->reads_raw) return explain_stream(e, codec);
  if (!e->rule->reads_stream && e->body.n > route->body_bytes_max) {
    (void)gw_err_set(&err, GW_TOO_LARGE, "the body has %zu bytes, over the limit of %zu", e->body.n,
                     route->body_bytes_max);
    return explain_refused(e, GW_TOO_LARGE, &err);
  }
  return explain_one(e, codec, e->body, NULL);
}

/* ---- metadata and deadline ---- */

static void say_field(explain *e, const char *name, gw_str value) {
  say(e, "  %-22s" GW_STR_FMT "\n", name, GW_STR_ARG(value));
}

static void say_metadata(explain *e) {
  const gw_route *route = e->rule->route;
  const gw_upstream_config *upstream = &e->snapshot->upstreams[route->upstream];
  const gw_endpoint_config *endpoint = &upstream->endpoints[0];
  bool is_secure = upstream->endpoint_count > 0 && gw_scheme_is_secure(endpoint->scheme);
  say(e, "\nmetadata\n");
  say_field(e, ":method", GW_STR("POST"));
  say_field(e, ":scheme", is_secure ? GW_STR("https") : GW_STR("http"));
  say_field(e, ":path", route->rpc->path);
  if (upstream->endpoint_count > 0)
    say(e, "  %-22s" GW_STR_FMT "%s\n", ":authority", GW_STR_ARG(endpoint->authority),
        upstream->endpoint_count > 1 ? " (or that of another endpoint)" : "");
  say_field(e, "te", GW_STR("trailers"));
  if (route->timeout_ms != 0)
    say(e, "  %-22s%llum\n", "grpc-timeout", (unsigned long long)route->timeout_ms);
  say_field(e, "content-type", GW_STR("application/grpc"));
  say_field(e, "grpc-accept-encoding", GW_STR("identity,gzip"));
  say_field(e, "user-agent", GW_STR("sluice/" GW_VERSION));
  if (route->compresses) say_field(e, "grpc-encoding", GW_STR("gzip"));
  say(e, "  and these client headers, when they are sent: %s", gw_headers_request_text);
  for (uint32_t i = 0; i < route->headers_request_count; i++)
    say(e, ", " GW_STR_FMT, GW_STR_ARG(route->headers_request[i]));
  say(e, "\n");
}

static void say_deadline(explain *e) {
  const gw_route *route = e->rule->route;
  char text[GW_VALUE_TEXT_MAX];
  if (route->timeout_ms != 0)
    say(e, "\ndeadline  %s, or less when the client asks for less\n",
        gw_value_duration_print(route->timeout_ms, text));
  else
    say(e, "\ndeadline  none, unless the client asks for one\n");
  if (gw_rpc_is_stream(route->rpc))
    say(e, "idle      at most %s between two messages\n",
        gw_value_duration_print(route->idle_timeout_ms, text));
}

/* ---- the whole ---- */

static gw_code explain_winner(explain *e) {
  gw_codec_memo *memo = gw_codec_memo_new(e->snapshot->pool);
  if (memo == NULL) return GW_NOMEM;
  gw_codec codec = {
    .pool = e->snapshot->pool, .memo = memo, .arena = &e->arena, .style = e->rule->route->json
  };
  say_winner(e);
  say_bindings(e);
  gw_code code = explain_message(e, &codec);
  if (code == GW_OK) {
    say_metadata(e);
    say_deadline(e);
  }
  say_losers(e);
  gw_codec_memo_free(memo);
  return code;
}

static gw_code explain_parse(explain *e, gw_str request) {
  gw_err err;
  gw_err_init(&err);
  gw_str target = gw_str_trim(request, " \t\r\n");
  say_str(e, target);
  say(e, "\n");
  e->method = gw_str_cut(&target, ' ');
  target = gw_str_trim(target, " ");
  gw_code code = GW_BAD_REQUEST;
  if (gw_value_is_token(e->method) && target.n > 0)
    code = gw_uri_parse(target, &e->uri, &err);
  else
    (void)gw_err_set(&err, code, "expected a method and a path, such as GET /v1/users/7?x=1");
  e->path = (gw_router_path){ e->uri.path, e->uri.path };
  if (code == GW_OK && gw_router_splits(e->snapshot->router))
    code = gw_uri_decode(e->uri.path, GW_DECODE_SPLIT, &e->arena, &e->path.split, &err);
  return code == GW_OK ? GW_OK : explain_refused(e, code, &err);
}

gw_code gw_explain(const gw_snapshot *snapshot, gw_str request, gw_str body, gw_buf *out,
                   gw_err *err) {
  explain e = { .snapshot = snapshot, .body = body, .out = out, .err = err };
  /* A route's messages and what the codec needs beside them. */
  gw_arena_init(&e.arena, NULL,
                GW_ROUTE_BODY_BYTES_MAX * 2 * GW_ARENA_RATIO + EXPLAIN_SCRATCH_BYTES);
  gw_code code = explain_parse(&e, request);
  if (code == GW_OK) {
    e.rule = gw_router_match_as(snapshot->router, e.method, e.path, &e.binds);
    code = e.rule != NULL ? explain_winner(&e) : explain_no_route(&e);
  }
  gw_arena_done(&e.arena);
  return e.code != GW_OK ? e.code : code;
}
