#include "control/conf_upstream.h"

#include "control/conf_retry.h"
#include "control/conf_tls.h"
#include "control/service_config.h"
#include "control/values.h"

#define UPSTREAMS_MAX 1024 /* of one configuration */
#define ENDPOINTS_MAX 256  /* of one upstream */

/* Connections to one address, for each worker: one carries up to 100 calls of gRPC, but only one
 * request of HTTP/1.1. */
#define GRPC_CONNECTIONS         1
#define GRPC_CONNECTIONS_DEFAULT 8
#define GRPC_CONNECTIONS_MAX     256
#define HTTP_CONNECTIONS_DEFAULT 1024
#define HTTP_CONNECTIONS_MAX     65536
/* Shorter than the five seconds after which Node, Apache and others close an idle connection: what
 * they close meets no request on its way. */
#define HTTP_IDLE_DEFAULT_MS 4000

#define MINUTE_MS 60000u
#define DAY_MS    86400000u

#define BALANCE_UNSET ((gw_balance)GW_CONF_NO_CHOICE)

static const gw_str balance_words[] = {
  [GW_BALANCE_ROUND_ROBIN] = GW_STR_INIT("round_robin"),
  [GW_BALANCE_LEAST_REQUEST] = GW_STR_INIT("least_request"),
  [GW_BALANCE_PICK_FIRST] = GW_STR_INIT("pick_first"),
};

static const gw_str compression_words[] = { GW_STR_INIT("identity"), GW_STR_INIT("gzip") };

static bool conf_read_endpoint(gw_conf *conf, const gw_yaml *node, gw_endpoint_config *out) {
  gw_err err;
  gw_err_init(&err);
  gw_str text =
      gw_conf_text(conf, node, GW_STR("endpoints"), "grpc://HOST:PORT or http://HOST:PORT");
  if (text.p == NULL) return false;
  gw_code code = gw_value_endpoint_parse(text, conf->arena, out, &err);
  if (code == GW_NOMEM) {
    conf->code = code;
    return false;
  }
  gw_place at = gw_conf_place(conf, node);
  if (code != GW_OK) {
    gw_findings_add(
        conf->findings, at,
        "\"endpoints\": expected grpc://HOST:PORT or http://HOST:PORT, not \"" GW_STR_FMT "\": %s",
        GW_STR_ARG(gw_str_first(text, gw_size_min(text.n, 80))), err.text);
    return false;
  }
  return true;
}

static bool endpoint_is_http(const gw_endpoint_config *endpoint) {
  return endpoint->scheme == GW_SCHEME_HTTP || endpoint->scheme == GW_SCHEME_HTTPS;
}

static void conf_add_endpoint(gw_conf *conf, const gw_yaml *node, gw_endpoint_config *endpoints,
                              uint32_t *count) {
  gw_endpoint_config endpoint;
  if (!conf_read_endpoint(conf, node, &endpoint)) return;
  for (uint32_t i = 0; i < *count; i++) {
    if (!gw_str_eq_nocase(endpoint.authority, endpoints[i].authority)) continue;
    gw_findings_add(conf->findings, gw_conf_place(conf, node),
                    "\"endpoints\": \"" GW_STR_FMT "\" is listed twice",
                    GW_STR_ARG(endpoint.authority));
    return;
  }
  if (*count > 0 && endpoint_is_http(&endpoint) != endpoint_is_http(&endpoints[0])) {
    gw_findings_add(conf->findings, gw_conf_place(conf, node),
                    "\"endpoints\": grpc:// and http:// cannot be mixed in one upstream");
    return;
  }
  endpoints[(*count)++] = endpoint;
}

static void conf_read_endpoints(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                                void *target) {
  gw_upstream_config *upstream = target;
  GW_CONTAINER_OF(upstream, gw_conf_upstream, config)->has_endpoints = true;
  if (value->kind != GW_YAML_LIST || value->count == 0) {
    gw_conf_expected(conf, value, option->name, "a list of grpc://HOST:PORT or http://HOST:PORT");
  } else if (value->count > ENDPOINTS_MAX) {
    gw_findings_add(conf->findings, gw_conf_place(conf, value), "\"endpoints\": at most %d, not %u",
                    ENDPOINTS_MAX, value->count);
  } else {
    gw_endpoint_config *endpoints = gw_conf_alloc(conf, value->count * sizeof *endpoints);
    if (endpoints == NULL) return;
    for (const gw_yaml *node = value->first; node != NULL; node = node->next)
      conf_add_endpoint(conf, node, endpoints, &upstream->endpoint_count);
    upstream->endpoints = endpoints;
  }
}

static void conf_read_factor(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                             void *target) {
  gw_upstream_config *upstream = target;
  double factor;
  if (value->kind == GW_YAML_TEXT && gw_value_decimal_parse(value->text, &factor) && factor >= 1 &&
      factor <= 10)
    upstream->backoff_factor = factor;
  else
    gw_conf_expected(conf, value, option->name, "a number from 1 to 10, such as 1.6");
}

#define UPSTREAM_COUNT(key, member, lowest, highest)                                               \
  GW_OPTION_NUMBER(key, gw_option_count, gw_upstream_config, member, lowest, highest)
#define UPSTREAM_TIME(key, member, lowest, highest)                                                \
  GW_OPTION_NUMBER(key, gw_option_duration, gw_upstream_config, member, lowest, highest)

/* The target begins with the config: see conf_read_upstream. */
static const gw_option tls_options[] = {
  GW_OPTION_NODE("ca", gw_conf_upstream, tls.ca),
  GW_OPTION_NODE("certificate", gw_conf_upstream, tls.certificate),
  GW_OPTION_NODE("key", gw_conf_upstream, tls.key),
  GW_OPTION_NODE("server_name", gw_conf_upstream, server_name),
  GW_OPTION_NODE("crl", gw_conf_upstream, tls.crl),
};
static const gw_options tls_table = { "tls", tls_options, GW_COUNT_OF(tls_options) };
_Static_assert(offsetof(gw_conf_upstream, config) == 0, "one target for all tables");

static const gw_option backoff_options[] = {
  UPSTREAM_TIME("initial", backoff_initial_ms, 1, 10 * MINUTE_MS),
  { .name = GW_STR_INIT("factor"), .read = conf_read_factor },
  UPSTREAM_TIME("max", backoff_max_ms, 1, 60 * MINUTE_MS),
};
static const gw_options backoff_table = { "backoff", backoff_options,
                                          GW_COUNT_OF(backoff_options) };

static const gw_option circuit_options[] = {
  UPSTREAM_COUNT("waiting", waiting_max, 0, 1000000),
  UPSTREAM_TIME("waiting_time", waiting_time_ms, 1, 5 * MINUTE_MS),
  UPSTREAM_COUNT("in_flight", in_flight_max, 1, 1000000),
};
static const gw_options circuit_table = { "circuit", circuit_options,
                                          GW_COUNT_OF(circuit_options) };

static const gw_option keepalive_options[] = {
  UPSTREAM_TIME("time", keepalive_ms, 10000, DAY_MS),
  UPSTREAM_TIME("timeout", keepalive_timeout_ms, 1, 10 * MINUTE_MS),
};
static const gw_options keepalive_table = { "keepalive", keepalive_options,
                                            GW_COUNT_OF(keepalive_options) };

static void conf_read_health_service(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                                     void *target) {
  gw_upstream_config *upstream = target;
  if (value->kind != GW_YAML_TEXT || value->text.n > GW_HEALTH_SERVICE_MAX) {
    gw_conf_expected(conf, value, option->name, "the full name of a gRPC service, or \"\"");
    return;
  }
  upstream->health_service = gw_conf_copy(conf, value->text);
}

static const gw_option health_options[] = {
  { .name = GW_STR_INIT("service"), .read = conf_read_health_service },
};
static const gw_options health_table = { "health", health_options, GW_COUNT_OF(health_options) };

#define UPSTREAM_SHARE(key, member, lowest, highest)                                               \
  GW_OPTION_NUMBER(key, gw_option_share, gw_upstream_config, member, lowest, highest)

static const gw_option outlier_options[] = {
  UPSTREAM_COUNT("failures", outlier.failures, 0, 1000000),
  UPSTREAM_SHARE("share", outlier.share_ppm, GW_VALUE_PERCENT, 100 * GW_VALUE_PERCENT),
  UPSTREAM_COUNT("share_calls", outlier.share_calls, 1, 1000000),
  UPSTREAM_TIME("window", outlier.window_ms, 100, 60 * MINUTE_MS),
  UPSTREAM_TIME("ejection", outlier.ejection_ms, 1, DAY_MS),
  UPSTREAM_SHARE("max_ejected", outlier.ejected_ppm, 0, 100 * GW_VALUE_PERCENT),
};
static const gw_options outlier_table = { "outlier", outlier_options,
                                          GW_COUNT_OF(outlier_options) };

static const gw_option retry_options[] = { GW_CONF_RETRY_OPTIONS(gw_upstream_config, retry) };
static const gw_options retry_table = { "retry", retry_options, GW_COUNT_OF(retry_options) };

static void conf_read_service_config(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                                     void *target) {
  gw_upstream_config *upstream = target;
  gw_conf_upstream *entry = GW_CONTAINER_OF(upstream, gw_conf_upstream, config);
  entry->service_config_at = value;
  entry->service_config = gw_service_config_read(conf, option->name, value);
}

static const gw_option upstream_options[] = {
  { .name = GW_STR_INIT("endpoints"), .read = conf_read_endpoints },
  GW_OPTION_CHOICE("balance", balance_words, gw_upstream_config, balance),
  UPSTREAM_COUNT("connections", connections, 1, 64),
  UPSTREAM_COUNT("max_connections", connections_max, 1, HTTP_CONNECTIONS_MAX),
  UPSTREAM_TIME("idle_timeout", idle_timeout_ms, 1, 60 * MINUTE_MS),
  UPSTREAM_TIME("connect_timeout", connect_timeout_ms, 1, 5 * MINUTE_MS),
  UPSTREAM_TIME("resolve_every", resolve_every_ms, 1000, DAY_MS),
  { .name = GW_STR_INIT("backoff"), .keys = &backoff_table },
  { .name = GW_STR_INIT("circuit"), .keys = &circuit_table },
  GW_OPTION_NUMBER("max_message", gw_option_bytes, gw_upstream_config, message_bytes_max, 1,
                   GW_ROUTE_BODY_BYTES_MAX),
  { .name = GW_STR_INIT("tls"), .keys = &tls_table },
  { .name = GW_STR_INIT("keepalive"), .keys = &keepalive_table },
  { .name = GW_STR_INIT("health"), .keys = &health_table },
  { .name = GW_STR_INIT("outlier"), .keys = &outlier_table },
  { .name = GW_STR_INIT("retry"), .keys = &retry_table },
  { .name = GW_STR_INIT("service_config"), .read = conf_read_service_config },
  GW_OPTION_CHOICE("compression", compression_words, gw_upstream_config, compresses),
};
const gw_options gw_conf_upstream_options = { "upstream", upstream_options,
                                              GW_COUNT_OF(upstream_options) };

static gw_upstream_config upstream_default(void) {
  return (gw_upstream_config){
    .balance = BALANCE_UNSET,
    .connect_timeout_ms = 1000,
    .resolve_every_ms = 30000,
    .backoff_initial_ms = 1000,
    .backoff_factor = 1.6,
    .backoff_max_ms = 30000,
    .waiting_max = 1024,
    .waiting_time_ms = 1000,
    .in_flight_max = 4096,
    .keepalive_ms = 5 * MINUTE_MS,
    .keepalive_timeout_ms = 20000,
    .retry = gw_conf_retry_unset,
    .throttle = { .tokens = 10, .ratio = 0.1 },
    .outlier = { .failures = 5,
                 .share_ppm = 85 * GW_VALUE_PERCENT,
                 .share_calls = 50,
                 .window_ms = 10000,
                 .ejection_ms = 30000,
                 .ejection_max_ms = 5 * MINUTE_MS,
                 .ejected_ppm = 50 * GW_VALUE_PERCENT },
  };
}

static void conf_only_for(gw_conf *conf, const gw_yaml *key, const char *option, bool http) {
  gw_findings_add(conf->findings, gw_conf_place(conf, key),
                  "upstream \"" GW_STR_FMT "\": \"%s\" is for %s endpoints", GW_STR_ARG(key->text),
                  option, http ? "http://" : "grpc://");
}

/* What differs by the kind of endpoints; 0: not given. */
static void conf_fill_upstream(gw_conf *conf, const gw_yaml *key, gw_conf_upstream *upstream) {
  gw_upstream_config *config = &upstream->config;
  bool http = gw_upstream_is_http(config);
  if (http && config->connections != 0) conf_only_for(conf, key, "connections", false);
  if (http && upstream->service_config_at != NULL)
    conf_only_for(conf, key, "service_config", false);
  if (http && config->compresses) conf_only_for(conf, key, "compression", false);
  if (http && config->health) conf_only_for(conf, key, "health", false);
  if (!http && config->idle_timeout_ms != 0) conf_only_for(conf, key, "idle_timeout", true);
  if (!http && config->connections_max > GRPC_CONNECTIONS_MAX)
    gw_findings_add(conf->findings, gw_conf_place(conf, key),
                    "upstream \"" GW_STR_FMT "\": \"max_connections\" is at most %d for grpc://",
                    GW_STR_ARG(key->text), GRPC_CONNECTIONS_MAX);
  if (config->connections == 0) config->connections = GRPC_CONNECTIONS;
  if (config->connections_max == 0)
    config->connections_max = http ? HTTP_CONNECTIONS_DEFAULT : GRPC_CONNECTIONS_DEFAULT;
  if (config->idle_timeout_ms == 0) config->idle_timeout_ms = HTTP_IDLE_DEFAULT_MS;
}

/* What no single key can tell. */
static void conf_check_upstream(gw_conf *conf, const gw_yaml *key,
                                const gw_conf_upstream *upstream) {
  const gw_upstream_config *config = &upstream->config;
  gw_place at = gw_conf_place(conf, key);
  if (!upstream->has_endpoints)
    gw_findings_add(conf->findings, at, "upstream \"" GW_STR_FMT "\" has no \"endpoints\"",
                    GW_STR_ARG(key->text));
  if (config->connections > config->connections_max)
    gw_findings_add(conf->findings, at,
                    "upstream \"" GW_STR_FMT
                    "\": \"connections\" %u is over \"max_connections\" %u",
                    GW_STR_ARG(key->text), config->connections, config->connections_max);
  if (config->backoff_initial_ms > config->backoff_max_ms)
    gw_findings_add(conf->findings, at,
                    "upstream \"" GW_STR_FMT "\": \"backoff.initial\" is over \"backoff.max\"",
                    GW_STR_ARG(key->text));
}

static bool upstream_is_secure(const gw_upstream_config *config) {
  for (uint32_t i = 0; i < config->endpoint_count; i++) {
    if (gw_scheme_is_secure(config->endpoints[i].scheme)) return true;
  }
  return false;
}

/* Whoever writes `tls` must not find out later that nothing was encrypted. */
static void conf_read_upstream_tls(gw_conf *conf, const gw_yaml *key, gw_conf_upstream *upstream) {
  gw_upstream_config *config = &upstream->config;
  const gw_yaml *at = gw_conf_find_map(key->value, GW_STR("tls"));
  bool is_secure = upstream_is_secure(config);
  if (at != NULL && !is_secure && config->endpoint_count > 0) {
    gw_findings_add(conf->findings, gw_conf_place(conf, at),
                    "\"tls\": no endpoint of upstream \"" GW_STR_FMT
                    "\" begins with grpcs:// or https://",
                    GW_STR_ARG(key->text));
  }
  if (at == NULL && !is_secure) return;
  config->tls = gw_conf_tls_build(conf, GW_TLS_CLIENT, at != NULL ? at : key, &upstream->tls);
  if (upstream->server_name == NULL) return;
  gw_str name = gw_conf_text(conf, upstream->server_name, GW_STR("server_name"), "a name");
  if (name.p == NULL) return;
  if (gw_value_is_host(name)) {
    config->server_name = gw_conf_copy(conf, name);
  } else {
    gw_conf_expected(conf, upstream->server_name, GW_STR("server_name"), "a host's name");
  }
}

/* What the file does not say is said by the service config, and else by default. */
static void conf_fill_choices(gw_conf *conf, gw_conf_upstream *upstream) {
  gw_upstream_config *config = &upstream->config, given = *config;
  upstream->retry = config->retry;
  config->retry = gw_conf_retry_default;
  gw_conf_retry_merge(&config->retry, &upstream->retry);
  config->balance = GW_BALANCE_ROUND_ROBIN;
  if (upstream->service_config != NULL)
    gw_service_config_apply(conf, upstream->service_config, config);
  if (given.balance != BALANCE_UNSET) config->balance = given.balance;
  if (given.health) config->health_service = given.health_service;
}

static gw_conf_upstream conf_read_upstream(gw_conf *conf, const gw_yaml *key) {
  gw_conf_upstream upstream = { .config = upstream_default() };
  if (!gw_value_is_name(key->text)) {
    gw_findings_add(conf->findings, gw_conf_place(conf, key),
                    "upstream \"" GW_STR_FMT
                    "\": a name is made of letters, digits, \".\", \"_\" and \"-\"",
                    GW_STR_ARG(gw_str_first(key->text, gw_size_min(key->text.n, 80))));
  }
  upstream.config.name = gw_conf_copy(conf, key->text);
  gw_conf_read_map(conf, key->value, &gw_conf_upstream_options, &upstream.config);
  if (gw_conf_find_map(key->value, GW_STR("health")) != NULL) upstream.config.health = true;
  gw_outlier_config *outlier = &upstream.config.outlier;
  if (outlier->ejection_max_ms < outlier->ejection_ms)
    outlier->ejection_max_ms = outlier->ejection_ms;
  conf_fill_upstream(conf, key, &upstream);
  conf_fill_choices(conf, &upstream);
  if (key->value->kind == GW_YAML_MAP) {
    conf_read_upstream_tls(conf, key, &upstream);
    conf_check_upstream(conf, key, &upstream);
  }
  return upstream;
}

void gw_conf_upstreams_read(gw_conf *conf) {
  const gw_yaml *node = conf->upstreams;
  if (node == NULL) return;
  if (node->kind != GW_YAML_MAP) {
    gw_conf_expected(conf, node, GW_STR("upstreams"), "a mapping of names to upstreams");
    return;
  }
  if (node->count > UPSTREAMS_MAX) {
    gw_findings_add(conf->findings, gw_conf_place(conf, node), "\"upstreams\": at most %d, not %u",
                    UPSTREAMS_MAX, node->count);
    return;
  }
  gw_upstream_config *upstreams = gw_conf_alloc(conf, node->count * sizeof *upstreams);
  gw_conf_upstream *options = gw_conf_scratch(conf, node->count * sizeof *options);
  if (upstreams == NULL || options == NULL) return;
  uint32_t count = 0;
  for (const gw_yaml *key = node->first; key != NULL; key = key->next) {
    options[count] = conf_read_upstream(conf, key);
    upstreams[count] = options[count].config;
    upstreams[count].index = count;
    count++;
  }
  conf->upstream_options = options;
  conf->snapshot->upstreams = upstreams;
  conf->snapshot->upstream_count = count;
}

uint32_t gw_conf_upstream_find(const gw_conf *conf, gw_str name) {
  const gw_snapshot *snapshot = conf->snapshot;
  for (uint32_t i = 0; i < snapshot->upstream_count; i++) {
    if (gw_str_eq(snapshot->upstreams[i].name, name)) return i;
  }
  return UINT32_MAX;
}
