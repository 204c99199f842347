#include "admin/endpoint.h"

#include <jansson.h>
#include <microhttpd.h>

#include "admin/dashboard.h"
#include "admin/ledger_json.h"
#include "admin/metrics_text.h"
#include "admin/routes_json.h"
#include "admin/stage_order.h"
#include "admin/suggest.h"
#include "base/log.h"

#define TYPE_TEXT    "text/plain; charset=utf-8"
#define TYPE_METRICS "text/plain; version=0.0.4; charset=utf-8"
#define TYPE_JSON    "application/json"
#define TYPE_HTML    "text/html; charset=utf-8"
#define TYPE_YAML    "application/yaml"

#define ROUTES_PREFIX "/routes/"

/* Fills reply->body; the reply comes as 200 with the endpoint's type.  A failure becomes 500. */
typedef gw_code endpoint_fn(const gw_endpoint_context *context, const gw_endpoint_request *request,
                            gw_endpoint_reply *reply);

typedef struct endpoint {
  gw_str method;
  gw_str path; /* one that ends in "/routes/" goes on with a route's name and then `tail` */
  gw_str tail;
  const char *content_type;
  endpoint_fn *answer;
} endpoint;

/* ---- replies ---- */

static void reply_init(gw_endpoint_reply *reply, int status, const char *content_type) {
  *reply = (gw_endpoint_reply){ .status = status, .content_type = content_type };
  gw_buf_init(&reply->body, NULL, GW_ENDPOINT_REPLY_BYTES_MAX);
}

/* One line instead of what was to come.  Without memory for it the status alone is the answer. */
static void reply_refuse(gw_endpoint_reply *reply, int status, const char *text) {
  gw_buf_done(&reply->body);
  reply_init(reply, status, TYPE_TEXT);
  (void)!gw_buf_printf(&reply->body, "%s\n", text);
}

/* ---- health ---- */

static gw_code endpoint_livez(const gw_endpoint_context *context,
                              const gw_endpoint_request *request, gw_endpoint_reply *reply) {
  (void)context;
  (void)request;
  return gw_buf_append(&reply->body, GW_STR("ok\n"));
}

static gw_code endpoint_readyz(const gw_endpoint_context *context,
                               const gw_endpoint_request *request, gw_endpoint_reply *reply) {
  (void)request;
  if (gw_server_is_ready(context->server, &reply->body))
    return gw_buf_append(&reply->body, GW_STR("ready\n"));
  reply->status = MHD_HTTP_SERVICE_UNAVAILABLE;
  return GW_OK;
}

static gw_code endpoint_dashboard(const gw_endpoint_context *context,
                                  const gw_endpoint_request *request, gw_endpoint_reply *reply) {
  (void)context;
  (void)request;
  reply->policy = gw_dashboard_policy;
  return gw_buf_append(&reply->body,
                       (gw_str){ (const char *)gw_dashboard_page, gw_dashboard_page_n });
}

static gw_code endpoint_help(const gw_endpoint_context *context, const gw_endpoint_request *request,
                             gw_endpoint_reply *reply) {
  (void)context;
  (void)request;
  return gw_buf_append(&reply->body,
                       GW_STR("sluice " GW_VERSION "\n"
                              "\n"
                              "GET  /             the dashboard\n"
                              "GET  /help         this list\n"
                              "GET  /livez        the process answers\n"
                              "GET  /readyz       requests can be served\n"
                              "GET  /metrics      counters for Prometheus\n"
                              "GET  /routes       the routes with live figures\n"
                              "GET  /routes/NAME  one route with its rules, guard, journal\n"
                              "GET  /routes/NAME/diffs    what differs between its "
                              "sides; DELETE forgets it\n"
                              "GET  /routes/NAME/pairs    answers that differed\n"
                              "GET  /routes/NAME/suggest  options that remove "
                              "differences; ?format=yaml\n"
                              "PUT  /routes/NAME/stage    "
                              "{\"stage\":\"canary\",\"share\":\"10%\"}\n"
                              "POST /reload       read the configuration anew;\n"
                              "                   ?allow_breaking=true: although "
                              "clients break\n"
                              "POST /drain        finish what runs, then stop\n"));
}

/* ---- figures ---- */

static gw_code endpoint_metrics(const gw_endpoint_context *context,
                                const gw_endpoint_request *request, gw_endpoint_reply *reply) {
  gw_metric_sums sums;
  gw_code code = gw_metric_sums_collect(&sums);
  (void)request;
  if (code == GW_OK) {
    gw_snapshot *snapshot = gw_server_snapshot(context->server);
    gw_metrics_source source = { .sums = &sums,
                                 .snapshot = snapshot,
                                 .server = context->server,
                                 .process = gw_process_read(),
                                 .version = GW_VERSION,
                                 .start_ms = context->start_ms,
                                 .log_dropped = gw_log_dropped() };
    code = gw_metrics_text_print(&source, &reply->body);
    gw_snapshot_unref(snapshot);
  }
  gw_metric_sums_done(&sums);
  return code;
}

static gw_code endpoint_routes(const gw_endpoint_context *context,
                               const gw_endpoint_request *request, gw_endpoint_reply *reply) {
  gw_metric_sums sums;
  gw_code code = gw_metric_sums_collect(&sums);
  (void)request;
  if (code == GW_OK) {
    gw_snapshot *snapshot = gw_server_snapshot(context->server);
    code = gw_routes_json_print(snapshot, &sums, &reply->body);
    gw_snapshot_unref(snapshot);
  }
  gw_metric_sums_done(&sums);
  return code;
}

/* ---- one route ---- */

/* "NAME" of "/routes/NAME" and of "/routes/NAME/diffs". */
static gw_str request_route(const gw_endpoint_request *request) {
  gw_str rest = gw_str_skip(request->path, sizeof ROUTES_PREFIX - 1);
  return gw_str_cut(&rest, '/');
}

static gw_code reply_error(gw_endpoint_reply *reply, int status, gw_str text) {
  reply->status = status;
  reply->content_type = TYPE_JSON;
  gw_code code = gw_buf_append(&reply->body, GW_STR("{\"error\":"));
  if (code == GW_OK) code = gw_buf_append_json_string(&reply->body, text);
  return code == GW_OK ? gw_buf_append(&reply->body, GW_STR("}\n")) : code;
}

static gw_code reply_too_large(gw_endpoint_reply *reply) {
  char text[64];
  snprintf(text, sizeof text, "the body is over the limit of %zu bytes",
           GW_ENDPOINT_BODY_BYTES_MAX);
  return reply_error(reply, MHD_HTTP_CONTENT_TOO_LARGE, gw_str_of(text));
}

static gw_code reply_no_route(gw_endpoint_reply *reply) {
  return reply_error(reply, MHD_HTTP_NOT_FOUND, GW_STR("no route of this name"));
}

static gw_code endpoint_route(const gw_endpoint_context *context,
                              const gw_endpoint_request *request, gw_endpoint_reply *reply) {
  gw_metric_sums sums;
  gw_code code = gw_metric_sums_collect(&sums);
  if (code == GW_OK) {
    gw_str name = request_route(request);
    gw_stage_view view = gw_server_stage_view(context->server, name);
    gw_snapshot *snapshot = gw_server_snapshot(context->server);
    code = gw_routes_json_print_one(snapshot, &sums, name, &view, &reply->body);
    gw_snapshot_unref(snapshot);
  }
  gw_metric_sums_done(&sums);
  return code == GW_NOT_FOUND ? reply_no_route(reply) : code;
}

/* What is found of the migration of a request's route. */
typedef gw_code migration_fn(const gw_endpoint_request *request, const gw_migration *migration,
                             gw_live *live, gw_endpoint_reply *reply);

/* `fn` where the route has a legacy side; else 404, since there is nothing to compare. */
static gw_code with_migration(const gw_endpoint_context *context,
                              const gw_endpoint_request *request, gw_endpoint_reply *reply,
                              migration_fn *fn) {
  gw_snapshot *snapshot = gw_server_snapshot(context->server);
  const gw_route *route = NULL;
  gw_str name = request_route(request);
  for (uint32_t i = 0; i < snapshot->route_count && route == NULL; i++) {
    if (gw_str_eq(snapshot->routes[i]->name, name)) route = snapshot->routes[i];
  }
  gw_code code = GW_OK;
  if (route == NULL)
    code = reply_no_route(reply);
  else if (route->migration == NULL)
    code = reply_error(reply, MHD_HTTP_NOT_FOUND, GW_STR("the route has no legacy side"));
  else
    code = fn(request, route->migration, gw_live_find(name), reply);
  gw_snapshot_unref(snapshot);
  return code;
}

static gw_code migration_diffs(const gw_endpoint_request *request, const gw_migration *migration,
                               gw_live *live, gw_endpoint_reply *reply) {
  (void)request;
  (void)migration;
  return gw_ledger_json_diffs(live != NULL ? gw_live_ledger(live) : NULL, &reply->body);
}

static gw_code migration_pairs(const gw_endpoint_request *request, const gw_migration *migration,
                               gw_live *live, gw_endpoint_reply *reply) {
  (void)request;
  (void)migration;
  return gw_ledger_json_pairs(live != NULL ? gw_live_ledger(live) : NULL, &reply->body);
}

static gw_code migration_suggest(const gw_endpoint_request *request, const gw_migration *migration,
                                 gw_live *live, gw_endpoint_reply *reply) {
  if (request->format.p == NULL || gw_str_eq(request->format, GW_STR("json")))
    return gw_suggest_print_json(migration, live, &reply->body);
  if (!gw_str_eq(request->format, GW_STR("yaml")))
    return reply_error(reply, MHD_HTTP_BAD_REQUEST, GW_STR("format is json or yaml"));
  reply->content_type = TYPE_YAML;
  return gw_suggest_print_yaml(migration, live, &reply->body);
}

static gw_code migration_clear(const gw_endpoint_request *request, const gw_migration *migration,
                               gw_live *live, gw_endpoint_reply *reply) {
  (void)request;
  (void)migration;
  if (live != NULL) {
    gw_ledger_clear(gw_live_ledger(live));
    gw_live_parity_begin(live);
  }
  return gw_buf_append(&reply->body, GW_STR("{\"cleared\":true}\n"));
}

static gw_code endpoint_diffs(const gw_endpoint_context *context,
                              const gw_endpoint_request *request, gw_endpoint_reply *reply) {
  return with_migration(context, request, reply, migration_diffs);
}

static gw_code endpoint_pairs(const gw_endpoint_context *context,
                              const gw_endpoint_request *request, gw_endpoint_reply *reply) {
  return with_migration(context, request, reply, migration_pairs);
}

static gw_code endpoint_suggest(const gw_endpoint_context *context,
                                const gw_endpoint_request *request, gw_endpoint_reply *reply) {
  return with_migration(context, request, reply, migration_suggest);
}

static gw_code endpoint_clear_diffs(const gw_endpoint_context *context,
                                    const gw_endpoint_request *request, gw_endpoint_reply *reply) {
  return with_migration(context, request, reply, migration_clear);
}

static gw_code endpoint_stage(const gw_endpoint_context *context,
                              const gw_endpoint_request *request, gw_endpoint_reply *reply) {
  char why[GW_JOURNAL_WHY_MAX];
  gw_stage_order order = { .why = why };
  gw_stand from, to;
  gw_err err;
  gw_err_init(&err);
  gw_code code = gw_stage_order_parse(request->body, why, &order, &err);
  if (code == GW_OK) {
    order.route = request_route(request);
    code = gw_server_stage(context->server, &order, &from, &to, &err);
  }
  if (code == GW_NOT_FOUND || code == GW_BAD_VALUE)
    return reply_error(reply, code == GW_NOT_FOUND ? MHD_HTTP_NOT_FOUND : MHD_HTTP_BAD_REQUEST,
                       gw_str_of(err.text));
  if (code != GW_OK) return code;
  gw_snapshot *snapshot = gw_server_snapshot(context->server);
  code = gw_stage_order_print(snapshot, order.route, from, to, &reply->body);
  gw_snapshot_unref(snapshot);
  return code;
}

/* ---- what changes state ---- */

static gw_code finding_print(const gw_finding *finding, gw_buf *out) {
  gw_code code = gw_buf_append(out, GW_STR("{\"file\":"));
  if (code == GW_OK) code = gw_buf_append_json_string(out, finding->file);
  if (code == GW_OK)
    code =
        gw_buf_printf(out, ",\"line\":%u,\"column\":%u,\"text\":", finding->line, finding->column);
  if (code == GW_OK) code = gw_buf_append_json_string(out, finding->text);
  return code == GW_OK ? gw_buf_append(out, GW_STR("}")) : code;
}

/* ,"NAME":[...] of the errors or of the warnings; without any: nothing. */
static gw_code findings_print(const gw_findings *findings, bool warnings, gw_buf *out) {
  gw_code code = GW_OK;
  bool is_first = true;
  for (size_t i = 0; i < findings->count && code == GW_OK; i++) {
    if (findings->items[i].warning != warnings) continue;
    code = !is_first  ? gw_buf_append(out, GW_STR(","))
           : warnings ? gw_buf_append(out, GW_STR(",\"warnings\":["))
                      : gw_buf_append(out, GW_STR(",\"errors\":["));
    if (code == GW_OK) code = finding_print(&findings->items[i], out);
    is_first = false;
  }
  return code == GW_OK && !is_first ? gw_buf_append(out, GW_STR("]")) : code;
}

/* Memory at its end leaves no finding behind; the answer then says at least that. */
static gw_code refusal_print(const gw_findings *findings, gw_code why, gw_buf *out) {
  gw_finding bare = { .text = gw_str_of(gw_code_name(why)) };
  size_t begin = out->n;
  gw_code code = findings_print(findings, false, out);
  if (code != GW_OK || out->n > begin) return code;
  code = gw_buf_append(out, GW_STR(",\"errors\":["));
  if (code == GW_OK) code = finding_print(&bare, out);
  return code == GW_OK ? gw_buf_append(out, GW_STR("]")) : code;
}

/* Nothing, or an object with "allow_breaking": true or false and nothing else. */
static bool reload_read_body(gw_str body, bool *allow_breaking) {
  if (gw_str_trim(body, " \t\r\n").n == 0) return true;
  json_t *root = json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, NULL);
  json_t *value = json_object_get(root, "allow_breaking");
  bool good = json_is_object(root) && json_object_size(root) == (json_is_boolean(value) ? 1 : 0);
  if (json_is_true(value)) *allow_breaking = true;
  json_decref(root);
  return good;
}

static bool reload_read(const gw_endpoint_request *request, bool *allow_breaking) {
  gw_str word = request->allow_breaking;
  *allow_breaking = gw_str_eq(word, GW_STR("true"));
  if (word.p != NULL && !*allow_breaking && !gw_str_eq(word, GW_STR("false"))) return false;
  return reload_read_body(request->body, allow_breaking);
}

static gw_code endpoint_reload(const gw_endpoint_context *context,
                               const gw_endpoint_request *request, gw_endpoint_reply *reply) {
  gw_findings findings;
  bool allow_breaking = false;
  if (!reload_read(request, &allow_breaking)) {
    reply_refuse(reply, MHD_HTTP_BAD_REQUEST,
                 "expected ?allow_breaking=true, or {\"allow_breaking\":true} as body, or neither");
    return GW_OK;
  }
  gw_findings_init(&findings);
  gw_code reloaded = gw_server_reload(context->server, allow_breaking, &findings);
  gw_code code =
      gw_buf_printf(&reply->body, "{\"reloaded\":%s", reloaded == GW_OK ? "true" : "false");
  if (reloaded != GW_OK) {
    reply->status = MHD_HTTP_BAD_REQUEST;
    if (code == GW_OK) code = refusal_print(&findings, reloaded, &reply->body);
  }
  if (code == GW_OK) code = findings_print(&findings, true, &reply->body);
  if (code == GW_OK && findings.lost > 0)
    code = gw_buf_printf(&reply->body, ",\"more\":%zu", findings.lost);
  gw_findings_done(&findings);
  return code == GW_OK ? gw_buf_append(&reply->body, GW_STR("}\n")) : code;
}

/* Asked again, it answers the same and does nothing: a second signal would end the process. */
static gw_code endpoint_drain(const gw_endpoint_context *context,
                              const gw_endpoint_request *request, gw_endpoint_reply *reply) {
  (void)request;
  reply->status = MHD_HTTP_ACCEPTED;
  reply->wants_drain = !gw_server_is_draining(context->server);
  return gw_buf_append(&reply->body, GW_STR("{\"draining\":true}\n"));
}

/* ---- which of them ---- */

#define GET    GW_STR_INIT("GET")
#define POST   GW_STR_INIT("POST")
#define PUT    GW_STR_INIT("PUT")
#define DELETE GW_STR_INIT("DELETE")
#define AT(path)                                                                                   \
  GW_STR_INIT(path), {                                                                             \
    NULL, 0                                                                                        \
  }
#define ROUTE(tail) GW_STR_INIT(ROUTES_PREFIX), GW_STR_INIT(tail)

static const endpoint endpoints[] = {
  { GET, AT("/"), TYPE_HTML, endpoint_dashboard },
  { GET, AT("/help"), TYPE_TEXT, endpoint_help },
  { GET, AT("/livez"), TYPE_TEXT, endpoint_livez },
  { GET, AT("/readyz"), TYPE_TEXT, endpoint_readyz },
  { GET, AT("/metrics"), TYPE_METRICS, endpoint_metrics },
  { GET, AT("/routes"), TYPE_JSON, endpoint_routes },
  { GET, ROUTE(""), TYPE_JSON, endpoint_route },
  { GET, ROUTE("/diffs"), TYPE_JSON, endpoint_diffs },
  { DELETE, ROUTE("/diffs"), TYPE_JSON, endpoint_clear_diffs },
  { GET, ROUTE("/pairs"), TYPE_JSON, endpoint_pairs },
  { GET, ROUTE("/suggest"), TYPE_JSON, endpoint_suggest },
  { PUT, ROUTE("/stage"), TYPE_JSON, endpoint_stage },
  { POST, AT("/reload"), TYPE_JSON, endpoint_reload },
  { POST, AT("/drain"), TYPE_JSON, endpoint_drain },
};

#undef GET
#undef POST
#undef PUT
#undef DELETE
#undef AT
#undef ROUTE

static bool endpoint_is_at(const endpoint *e, gw_str path) {
  if (e->tail.p == NULL) return gw_str_eq(path, e->path);
  if (!gw_str_starts(path, e->path)) return false;
  gw_str rest = gw_str_skip(path, e->path.n);
  return gw_str_eq(gw_str_skip(rest, gw_str_find(rest, '/')), e->tail);
}

static bool endpoint_is_get(const endpoint *e) {
  return gw_str_eq(e->method, GW_STR("GET"));
}

static bool endpoint_allows(const endpoint *e, gw_str method) {
  return gw_str_eq(method, e->method) || (endpoint_is_get(e) && gw_str_eq(method, GW_STR("HEAD")));
}

/* NULL: there is none.  Where only the method is wrong, *allow tells the right ones. */
static const endpoint *endpoint_find(gw_str method, gw_str path, const char **allow) {
  bool gets = false, deletes = false;
  *allow = NULL;
  for (size_t i = 0; i < GW_COUNT_OF(endpoints); i++) {
    const endpoint *e = &endpoints[i];
    if (!endpoint_is_at(e, path)) continue;
    if (endpoint_allows(e, method)) return e;
    gets |= endpoint_is_get(e);
    deletes |= gw_str_eq(e->method, GW_STR("DELETE"));
    *allow = gets && deletes ? "GET, HEAD, DELETE" : gets ? "GET, HEAD" : e->method.p;
  }
  return NULL;
}

/* True: the request may change state. */
static bool request_may_change(const gw_endpoint_context *context,
                               const gw_endpoint_request *request, gw_endpoint_reply *reply) {
  if (context->token.n > 0) {
    if (gw_token_matches(&context->token, request->authorization)) return true;
    reply_refuse(reply, MHD_HTTP_UNAUTHORIZED, "a bearer token is needed");
    reply->has_challenge = true;
    return false;
  }
  if (!request->is_foreign_page) return true;
  reply_refuse(reply, MHD_HTTP_FORBIDDEN, "not for another web page without admin.token_file");
  return false;
}

void gw_endpoint_answer(const gw_endpoint_context *context, const gw_endpoint_request *request,
                        gw_endpoint_reply *reply) {
  const char *allow;
  const endpoint *e = endpoint_find(request->method, request->path, &allow);
  reply_init(reply, MHD_HTTP_OK, e != NULL ? e->content_type : TYPE_TEXT);
  if (e == NULL && allow == NULL) {
    reply_refuse(reply, MHD_HTTP_NOT_FOUND, "not found; GET /help lists what there is");
    return;
  }
  if (e == NULL) {
    reply_refuse(reply, MHD_HTTP_METHOD_NOT_ALLOWED, "method not allowed");
    reply->allow = allow;
    return;
  }
  if (!endpoint_is_get(e) && !request_may_change(context, request, reply)) return;
  gw_code code =
      request->is_too_large ? reply_too_large(reply) : e->answer(context, request, reply);
  if (code == GW_TOO_LARGE)
    reply_refuse(reply, MHD_HTTP_INTERNAL_SERVER_ERROR, "the answer is over 16 MiB");
  else if (code != GW_OK)
    reply_refuse(reply, MHD_HTTP_INTERNAL_SERVER_ERROR, gw_code_name(code));
}
