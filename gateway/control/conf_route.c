#include "control/conf_route.h"

#include "control/values.h"
#include "route/headers.h"

#define HEADER_NAMES_MAX 64 /* of one list */

#define DAY_MS 86400000u

/* ---- header names ---- */

gw_str gw_conf_header_name(gw_conf *conf, const gw_yaml *node, gw_str key, gw_header_use use) {
  gw_str none = { NULL, 0 };
  gw_str text = gw_conf_text(conf, node, key, "a header's name");
  if (text.p == NULL) return none;
  if (!gw_value_is_token(text) || text.n > 128) {
    gw_conf_expected(conf, node, key, "a header's name");
    return none;
  }
  gw_str name = gw_conf_copy(conf, text);
  if (name.p == NULL) return none;
  char *letters = (char *)(uintptr_t)name.p; /* our own copy */
  for (size_t i = 0; i < name.n; i++)
    letters[i] = gw_char_lower(letters[i]);
  const char *fault = NULL;
  bool passed_on = use == GW_HEADER_METADATA || use == GW_HEADER_ANSWER;
  bool arrives = use == GW_HEADER_METADATA || use == GW_HEADER_TO_FIELD;
  if (passed_on && gw_headers_reserved(name)) fault = "is reserved and never passed on";
  if (gw_str_eq(name, GW_STR("*"))) /* as a token it would be a name */
    fault = use == GW_HEADER_ANSWER ? "stands for all: no other can be beside it"
                                    : "stands for all only in headers.response";
  /* DESIGN section 11: such headers are dropped on arrival. */
  if (arrives && gw_str_find(name, '_') < name.n) fault = "has an underscore and is never read";
  if (fault == NULL) return name;
  gw_findings_add(conf->findings, gw_conf_place(conf, node),
                  "\"" GW_STR_FMT "\": header \"" GW_STR_FMT "\" %s", GW_STR_ARG(key),
                  GW_STR_ARG(name), fault);
  return none;
}

static void conf_read_names(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                            gw_conf_names *names, gw_header_use use) {
  if (value->kind != GW_YAML_LIST || value->count > HEADER_NAMES_MAX) {
    gw_conf_expected(conf, value, option->name, "a list of at most 64 header names");
    return;
  }
  *names = (gw_conf_names){ 0 };
  const gw_yaml *first = value->first;
  if (use == GW_HEADER_ANSWER && value->count == 1 && gw_str_eq(first->text, GW_STR("*"))) {
    names->all = true;
    return;
  }
  gw_str *items = gw_conf_alloc(conf, value->count * sizeof *items);
  if (items == NULL) return;
  for (const gw_yaml *node = first; node != NULL; node = node->next) {
    gw_str name = gw_conf_header_name(conf, node, option->name, use);
    if (name.p != NULL) items[names->count++] = name;
  }
  names->items = items;
}

_Static_assert(HEADER_NAMES_MAX == 64, "the text above names it");

static void conf_read_request_names(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                                    void *target) {
  conf_read_names(conf, option, value, &((gw_conf_route *)target)->headers_request,
                  GW_HEADER_METADATA);
}

static void conf_read_response_names(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                                     void *target) {
  conf_read_names(conf, option, value, &((gw_conf_route *)target)->headers_response,
                  GW_HEADER_ANSWER);
}

static void conf_read_bind(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                           void *target) {
  gw_conf_route *route = target;
  if (value->kind == GW_YAML_MAP && value->count <= HEADER_NAMES_MAX)
    route->bind = value;
  else
    gw_conf_expected(conf, value, option->name, "a mapping of at most 64 headers to fields");
}

/* ---- the other options ---- */

static void conf_read_timeout(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                              void *target) {
  gw_conf_route *route = target;
  gw_option_duration(conf, option, value, target);
  route->timeout_at = value;
}

static const gw_str stream_words[] = {
  [GW_STREAM_AUTO] = GW_STR_INIT("auto"),
  [GW_STREAM_ARRAY] = GW_STR_INIT("array"),
  [GW_STREAM_NDJSON] = GW_STR_INIT("ndjson"),
  [GW_STREAM_SSE] = GW_STR_INIT("sse"),
};

static void conf_read_stream(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                             void *target) {
  gw_conf_route *route = target;
  gw_option_choice(conf, option, value, target);
  route->stream_at = value;
}

static const gw_str int64_words[] = { GW_STR_INIT("string"), GW_STR_INIT("number") };
static const gw_str names_words[] = { GW_STR_INIT("camel"), GW_STR_INIT("proto") };
static const gw_str enums_words[] = { GW_STR_INIT("name"), GW_STR_INIT("number") };
static const gw_str unknown_words[] = { GW_STR_INIT("ignore"), GW_STR_INIT("reject") };
static const gw_str slash_words[] = {
  [GW_SLASH_IGNORE] = GW_STR_INIT("ignore"),
  [GW_SLASH_STRICT] = GW_STR_INIT("strict"),
};
static const gw_str unescape_words[] = {
  [GW_UNESCAPE_RESERVED] = GW_STR_INIT("except_reserved"),
  [GW_UNESCAPE_SLASH] = GW_STR_INIT("except_slash"),
  [GW_UNESCAPE_ALL] = GW_STR_INIT("all"),
  [GW_UNESCAPE_LEGACY] = GW_STR_INIT("legacy"),
};
static const gw_str compat_words[GW_COMPAT_COUNT] = {
  [GW_COMPAT_DEFAULT] = GW_STR_INIT("default"),
  [GW_COMPAT_ENVOY] = GW_STR_INIT("envoy"),
  [GW_COMPAT_GRPC_GATEWAY] = GW_STR_INIT("grpc-gateway"),
};
static const gw_str emit_words[] = {
  [GW_EMIT_SET] = GW_STR_INIT("set"),
  [GW_EMIT_ALL] = GW_STR_INIT("all"),
  [GW_EMIT_NULLS] = GW_STR_INIT("nulls"),
};
static const gw_str error_words[] = {
  [GW_ERRORS_GOOGLE] = GW_STR_INIT("google"),
  [GW_ERRORS_PROBLEM] = GW_STR_INIT("problem"),
};

static const gw_option json_options[] = {
  GW_OPTION_CHOICE("int64", int64_words, gw_conf_route, json.int64_number),
  GW_OPTION_CHOICE("names", names_words, gw_conf_route, json.proto_names),
  GW_OPTION_CHOICE("enums", enums_words, gw_conf_route, json.enum_number),
  GW_OPTION_CHOICE("emit", emit_words, gw_conf_route, emit),
  GW_OPTION_CHOICE("unknown_fields", unknown_words, gw_conf_route, json.reject_unknown),
};
static const gw_options json_table = { "json", json_options, GW_COUNT_OF(json_options) };

static const gw_option query_options[] = {
  GW_OPTION_CHOICE("unknown", unknown_words, gw_conf_route, query_unknown),
};
static const gw_options query_table = { "query", query_options, GW_COUNT_OF(query_options) };

static const gw_option headers_options[] = {
  { .name = GW_STR_INIT("request"), .read = conf_read_request_names },
  { .name = GW_STR_INIT("response"), .read = conf_read_response_names },
  { .name = GW_STR_INIT("bind"), .read = conf_read_bind },
};
static const gw_options headers_table = { "headers", headers_options,
                                          GW_COUNT_OF(headers_options) };

static const gw_option limits_options[] = {
  GW_OPTION_NUMBER("body", gw_option_bytes, gw_conf_route, body_bytes_max, 0,
                   GW_ROUTE_BODY_BYTES_MAX),
  GW_OPTION_NUMBER("message", gw_option_bytes, gw_conf_route, message_bytes_max, 1,
                   GW_ROUTE_BODY_BYTES_MAX),
};
static const gw_options limits_table = { "limits", limits_options, GW_COUNT_OF(limits_options) };

static const gw_option also_options[] = {
  GW_OPTION_NODE("match", gw_conf_also, match),
  GW_OPTION_NODE("body", gw_conf_also, body),
  GW_OPTION_NODE("response_body", gw_conf_also, response_body),
};
const gw_options gw_conf_also_options = { "also", also_options, GW_COUNT_OF(also_options) };

static const gw_option retry_options[] = { GW_CONF_RETRY_OPTIONS(gw_conf_route, retry) };
static const gw_options retry_table = { "retry", retry_options, GW_COUNT_OF(retry_options) };

static const gw_option route_options[] = {
  GW_OPTION_NODE("name", gw_conf_route, name),
  GW_OPTION_NODE("match", gw_conf_route, match),
  { .name = GW_STR_INIT("also"),
    .read = gw_option_node,
    GW_OPTION_FIELD(gw_conf_route, also),
    .keys = &gw_conf_also_options },
  GW_OPTION_NODE("rpc", gw_conf_route, rpc),
  GW_OPTION_NODE("upstream", gw_conf_route, upstream),
  GW_OPTION_NODE("body", gw_conf_route, body),
  GW_OPTION_NODE("response_body", gw_conf_route, response_body),
  GW_OPTION_NUMBER("timeout", conf_read_timeout, gw_conf_route, timeout_ms, 1, DAY_MS),
  GW_OPTION_NUMBER("idle_timeout", gw_option_duration, gw_conf_route, idle_timeout_ms, 1, DAY_MS),
  { .name = GW_STR_INIT("json"), .keys = &json_table },
  { .name = GW_STR_INIT("query"), .keys = &query_table },
  GW_OPTION_CHOICE("trailing_slash", slash_words, gw_conf_route, slash),
  GW_OPTION_CHOICE("unescape", unescape_words, gw_conf_route, unescape),
  GW_OPTION_NUMBER("success_status", gw_option_count, gw_conf_route, success_status, 200, 299),
  GW_OPTION_CHOICE("errors", error_words, gw_conf_route, errors),
  { .name = GW_STR_INIT("stream"),
    .read = conf_read_stream,
    GW_OPTION_FIELD(gw_conf_route, stream),
    .choices = stream_words,
    .choice_count = GW_COUNT_OF(stream_words) },
  { .name = GW_STR_INIT("headers"), .keys = &headers_table },
  { .name = GW_STR_INIT("limits"), .keys = &limits_table },
  { .name = GW_STR_INIT("retry"), .keys = &retry_table },
  GW_OPTION_CHOICE("compat", compat_words, gw_conf_route, compat),
  GW_CONF_MIGRATION_OPTIONS(gw_conf_route, migration),
};
const gw_options gw_conf_route_options = { "route", route_options, GW_COUNT_OF(route_options) };

static const gw_option service_options[] = {
  GW_OPTION_NODE("service", gw_conf_service, service),
  GW_OPTION_NODE("upstream", gw_conf_service, upstream),
  { .name = GW_STR_INIT("auto"),
    .read = gw_option_bool,
    GW_OPTION_FIELD(gw_conf_service, automatic) },
};
const gw_options gw_conf_service_options = { "service", service_options,
                                             GW_COUNT_OF(service_options) };

/* ---- defaults and routes ---- */

static void conf_refuse_default(gw_conf *conf, const gw_yaml *node, const char *name) {
  if (node == NULL) return;
  gw_findings_add(conf->findings, gw_conf_place(conf, node),
                  "\"%s\" has no default: it belongs into each route", name);
}

gw_conf_route gw_conf_route_defaults(gw_conf *conf) {
  gw_conf_route route = {
    .timeout_ms = GW_DEADLINE_MS_DEFAULT,
    .idle_timeout_ms = GW_STREAM_IDLE_MS_DEFAULT,
    .success_status = 200,
    .stream = GW_CONF_NO_CHOICE,
    .query_unknown = GW_CONF_NO_CHOICE,
    .slash = GW_CONF_NO_CHOICE,
    .unescape = GW_CONF_NO_CHOICE,
    .emit = GW_CONF_NO_CHOICE,
    .errors = GW_CONF_NO_CHOICE,
    .body_bytes_max = GW_CONF_UNSET,
    .message_bytes_max = GW_CONF_UNSET,
    .retry = gw_conf_retry_unset,
    .migration = gw_conf_migration_default,
  };
  if (conf->defaults == NULL) return route;
  if (conf->defaults->kind != GW_YAML_MAP) {
    gw_conf_expected(conf, conf->defaults, GW_STR("defaults"), "a mapping of route options");
    return route;
  }
  gw_conf_read_map(conf, conf->defaults, &gw_conf_route_options, &route);
  gw_conf_migration_finish(conf, conf->defaults, &gw_conf_migration_default, &route.migration);
  conf_refuse_default(conf, route.name, "name");
  conf_refuse_default(conf, route.match, "match");
  conf_refuse_default(conf, route.also, "also");
  conf_refuse_default(conf, route.rpc, "rpc");
  if (route.timeout_ms > GW_DEADLINE_MS_MAX) {
    gw_conf_expected(conf, route.timeout_at, GW_STR("timeout"), "1ms to 5m");
    route.timeout_ms = GW_DEADLINE_MS_DEFAULT;
  }
  route.name = route.match = route.also = route.rpc = NULL;
  route.timeout_at = route.stream_at = NULL; /* a default for calls of the other kind is no error */
  return route;
}

_Static_assert(GW_DEADLINE_MS_MAX == 300000, "5m stands in texts");

gw_conf_route gw_conf_route_read(gw_conf *conf, const gw_conf_route *defaults,
                                 const gw_yaml *node) {
  gw_conf_route route = *defaults;
  route.node = node;
  gw_conf_read_map(conf, node, &gw_conf_route_options, &route);
  gw_conf_migration_finish(conf, node, &defaults->migration, &route.migration);
  return route;
}
