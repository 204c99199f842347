#include "control/conf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/conf_tls.h"
#include "control/values.h"

#define LISTENS_MAX 64 /* sockets that one gateway listens on */

#define HOUR_MS 3600000u
#define DAY_MS  86400000u

/* ---- listen ---- */

typedef struct conf_listen {
  const gw_yaml *address;
  gw_conf_tls tls;
} conf_listen;

static const gw_option listen_tls_options[] = {
  GW_OPTION_NODE("certificate", conf_listen, tls.certificate),
  GW_OPTION_NODE("key", conf_listen, tls.key),
  GW_OPTION_NODE("client_ca", conf_listen, tls.ca),
  GW_OPTION_NODE("crl", conf_listen, tls.crl),
};
static const gw_options listen_tls_table = { "tls", listen_tls_options,
                                             GW_COUNT_OF(listen_tls_options) };

static const gw_option listen_options[] = {
  GW_OPTION_NODE("address", conf_listen, address),
  { .name = GW_STR_INIT("tls"), .keys = &listen_tls_table },
};
static const gw_options listen_table = { "listen", listen_options, GW_COUNT_OF(listen_options) };

static bool conf_read_address(gw_conf *conf, const gw_yaml *node, gw_listen *out) {
  gw_err err;
  gw_err_init(&err);
  gw_str text = gw_conf_text(conf, node, GW_STR("address"), "ADDRESS:PORT");
  if (text.p == NULL) return false;
  gw_code code = gw_value_listen_parse(text, conf->arena, out, &err);
  if (code == GW_OK) return true;
  if (code == GW_NOMEM)
    conf->code = code;
  else
    gw_findings_add(conf->findings, gw_conf_place(conf, node),
                    "\"address\": expected ADDRESS:PORT, not \"" GW_STR_FMT "\": %s",
                    GW_STR_ARG(gw_str_first(text, gw_size_min(text.n, 80))), err.text);
  return false;
}

static bool conf_is_same_address(const gw_listen *a, const gw_listen *b) {
  return a->port != 0 && a->port == b->port && gw_str_eq(a->host, b->host);
}

static void conf_add_listen(gw_conf *conf, const gw_yaml *node, gw_listen *listens,
                            uint32_t *count) {
  conf_listen entry = { 0 };
  gw_listen listen;
  gw_conf_read_map(conf, node, &listen_table, &entry);
  if (node->kind != GW_YAML_MAP) return;
  const gw_yaml *tls_key = gw_conf_find_map(node, GW_STR("tls"));
  gw_tls *tls =
      tls_key != NULL ? gw_conf_tls_build(conf, GW_TLS_SERVER, tls_key, &entry.tls) : NULL;
  if (entry.address == NULL) {
    gw_findings_add(conf->findings, gw_conf_place(conf, node), "\"address\" is missing");
    return;
  }
  if (!conf_read_address(conf, entry.address, &listen)) return;
  for (uint32_t i = 0; i < *count; i++) {
    if (!conf_is_same_address(&listen, &listens[i])) continue;
    gw_findings_add(conf->findings, gw_conf_place(conf, entry.address),
                    "\"" GW_STR_FMT "\" is listened on already", GW_STR_ARG(listen.text));
    return;
  }
  listen.tls = tls;
  listens[(*count)++] = listen;
}

static void conf_read_listens(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                              void *target) {
  (void)target;
  conf->has_listen = true;
  if (value->kind != GW_YAML_LIST || value->count == 0) {
    gw_conf_expected(conf, value, option->name, "a list of {address: ADDRESS:PORT}");
    return;
  }
  if (value->count > LISTENS_MAX) {
    gw_findings_add(conf->findings, gw_conf_place(conf, value),
                    "\"listen\": at most %d addresses, not %u", LISTENS_MAX, value->count);
    return;
  }
  gw_listen *listens = gw_conf_alloc(conf, value->count * sizeof *listens);
  uint32_t count = 0;
  if (listens == NULL) return;
  for (const gw_yaml *node = value->first; node != NULL; node = node->next)
    conf_add_listen(conf, node, listens, &count);
  conf->snapshot->listens = listens;
  conf->snapshot->listen_count = count;
}

/* ---- admin ---- */

typedef struct conf_admin {
  const gw_yaml *address, *token_file;
} conf_admin;

static const gw_option admin_options[] = {
  GW_OPTION_NODE("address", conf_admin, address),
  GW_OPTION_NODE("token_file", conf_admin, token_file),
};
static const gw_options admin_table = { "admin", admin_options, GW_COUNT_OF(admin_options) };

/* A secret that others can read is none: refused here rather than trusted later. */
static const char *token_file_fault(const char *path) {
  struct stat info;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return strerror(errno);
  int failed = fstat(fd, &info);
  close(fd);
  if (failed != 0) return strerror(errno);
  if (!S_ISREG(info.st_mode)) return "it is not a file";
  if ((info.st_mode & 077) != 0) return "others than its owner may use it; chmod 600 it";
  return info.st_size == 0 ? "it is empty" : NULL;
}

static void conf_read_token_file(gw_conf *conf, const gw_yaml *node) {
  gw_str text = gw_conf_text(conf, node, GW_STR("token_file"), "a file's path");
  gw_str path = text.p != NULL ? gw_conf_path(conf, text) : text;
  if (path.p == NULL) return;
  const char *fault = token_file_fault(path.p);
  if (fault != NULL) {
    gw_findings_add(conf->findings, gw_conf_place(conf, node),
                    "\"token_file\": \"" GW_STR_FMT "\": %s", GW_STR_ARG(text), fault);
    return;
  }
  conf->snapshot->admin_token_file = gw_conf_copy(conf, path);
}

static void conf_read_admin(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                            void *target) {
  conf_admin admin = { 0 };
  gw_snapshot *snapshot = target;
  (void)option;
  gw_conf_read_map(conf, value, &admin_table, &admin);
  if (value->kind != GW_YAML_MAP) return;
  snapshot->has_admin = true;
  if (admin.address != NULL)
    (void)conf_read_address(conf, admin.address, &snapshot->admin);
  else if (gw_value_listen_parse(GW_STR("127.0.0.1:9901"), conf->arena, &snapshot->admin, NULL) !=
           GW_OK)
    conf->code = GW_NOMEM;
  if (admin.token_file != NULL) conf_read_token_file(conf, admin.token_file);
}

static void conf_check_admin(gw_conf *conf, const gw_yaml *root) {
  const gw_snapshot *snapshot = conf->snapshot;
  const gw_yaml *node = gw_conf_find_map(root, GW_STR("admin"));
  for (uint32_t i = 0; snapshot->has_admin && i < snapshot->listen_count; i++) {
    if (!conf_is_same_address(&snapshot->admin, &snapshot->listens[i])) continue;
    gw_findings_add(conf->findings, gw_conf_place(conf, node != NULL ? node : root),
                    "\"admin\": \"" GW_STR_FMT "\" is where clients are served",
                    GW_STR_ARG(snapshot->admin.text));
  }
}

/* ---- workers, log ---- */

static uint32_t workers_auto(void) {
  cpu_set_t set;
  CPU_ZERO(&set);
  int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return count > 0 ? (uint32_t)gw_size_min((size_t)count, GW_WORKERS_MAX) : 1;
}

static void conf_read_workers(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                              void *target) {
  uint64_t number;
  gw_snapshot *snapshot = target;
  if (value->kind == GW_YAML_TEXT && gw_str_eq(value->text, GW_STR("auto")))
    snapshot->workers = workers_auto();
  else if (value->kind == GW_YAML_TEXT && gw_str_parse_u64(value->text, &number) && number >= 1 &&
           number <= GW_WORKERS_MAX)
    snapshot->workers = (uint32_t)number;
  else
    gw_conf_expected(conf, value, option->name, "auto or a number from 1 to 256");
}

_Static_assert(GW_WORKERS_MAX == 256, "the text above names it");

static const gw_str log_levels[] = { GW_STR_INIT("debug"), GW_STR_INIT("info"), GW_STR_INIT("warn"),
                                     GW_STR_INIT("error") };

static void conf_read_log_level(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                                void *target) {
  gw_snapshot *snapshot = target;
  for (size_t i = 0; i < GW_COUNT_OF(log_levels); i++) {
    if (value->kind != GW_YAML_TEXT || !gw_str_eq(value->text, log_levels[i])) continue;
    snapshot->log_level = log_levels[i];
    return;
  }
  gw_conf_expected(conf, value, option->name, "\"debug\", \"info\", \"warn\" or \"error\"");
}

static const gw_option log_options[] = {
  { .name = GW_STR_INIT("level"), .read = conf_read_log_level },
  { .name = GW_STR_INIT("access"),
    .read = gw_option_bool,
    GW_OPTION_FIELD(gw_snapshot, log_access) },
};
static const gw_options log_table = { "log", log_options, GW_COUNT_OF(log_options) };

/* ---- compression ---- */

static const gw_option compression_options[] = {
  { .name = GW_STR_INIT("gzip"), .read = gw_option_bool, GW_OPTION_FIELD(gw_snapshot, gzip) },
  GW_OPTION_NUMBER("min_size", gw_option_bytes, gw_snapshot, gzip_bytes_min, 64,
                   GW_ROUTE_BODY_BYTES_MAX),
};
static const gw_options compression_table = { "compression", compression_options,
                                              GW_COUNT_OF(compression_options) };

/* ---- limits ---- */

#define LIMIT_COUNT(key, member, lowest, highest)                                                  \
  GW_OPTION_NUMBER(key, gw_option_count, gw_snapshot, limits.member, lowest, highest)
#define LIMIT_BYTES(key, member, lowest, highest)                                                  \
  GW_OPTION_NUMBER(key, gw_option_bytes, gw_snapshot, limits.member, lowest, highest)
#define LIMIT_TIME(key, member, lowest, highest)                                                   \
  GW_OPTION_NUMBER(key, gw_option_duration, gw_snapshot, limits.member, lowest, highest)

static const gw_option limit_options[] = {
  LIMIT_COUNT("connections", connections, 1, 1000000),
  LIMIT_BYTES("request_line", request_line, 64, GW_KIB(64)),
  LIMIT_BYTES("headers", headers, 256, GW_KIB(256)),
  LIMIT_COUNT("header_count", header_count, 1, GW_HEADER_COUNT_MAX),
  LIMIT_BYTES("header", header, 64, GW_KIB(64)),
  LIMIT_BYTES("body", body, 0, GW_ROUTE_BODY_BYTES_MAX),
  LIMIT_BYTES("message", message, 1, GW_ROUTE_BODY_BYTES_MAX),
  LIMIT_TIME("tls_handshake_timeout", tls_handshake_timeout_ms, 1, HOUR_MS),
  LIMIT_TIME("header_timeout", header_timeout_ms, 1, HOUR_MS),
  LIMIT_TIME("body_timeout", body_timeout_ms, 1, HOUR_MS),
  LIMIT_BYTES("body_rate", body_rate, 0, GW_MIB(1024)),
  LIMIT_TIME("body_grace", body_grace_ms, 0, HOUR_MS),
  LIMIT_TIME("idle_timeout", idle_timeout_ms, 1, DAY_MS),
  LIMIT_TIME("stall_timeout", stall_timeout_ms, 1, HOUR_MS),
  LIMIT_COUNT("requests_per_connection", requests_per_connection, 1, UINT32_MAX),
  LIMIT_TIME("connection_age", connection_age_ms, 1000, 30ull * DAY_MS),
  LIMIT_COUNT("in_flight", in_flight, 1, 1000000),
};
static const gw_options limit_table = { "limits", limit_options, GW_COUNT_OF(limit_options) };

/* ---- the file ---- */

static void conf_read_state(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                            void *target) {
  gw_snapshot *snapshot = target;
  gw_str text = gw_conf_text(conf, value, option->name, "a file's path");
  gw_str path = text.p != NULL ? gw_conf_path(conf, text) : text;
  if (path.p != NULL) snapshot->state_path = gw_conf_copy(conf, path);
}

static void conf_default_state(gw_conf *conf) {
  gw_snapshot *snapshot = conf->snapshot;
  if (snapshot->state_path.p != NULL) return;
  snapshot->state_path =
      gw_arena_printf(conf->arena, GW_STR_FMT ".state", GW_STR_ARG(snapshot->path));
  if (snapshot->state_path.p == NULL) conf->code = GW_NOMEM;
}

/* Sections are read in the order in which they need each other, not in that of the file. */
static void conf_keep_section(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                              void *target) {
  (void)target;
  gw_option_node(conf, option, value, conf);
}

#define SECTION(key, member, table)                                                                \
  {                                                                                                \
    .name = GW_STR_INIT(key), .read = conf_keep_section, GW_OPTION_FIELD(gw_conf, member),         \
    .keys = (table)                                                                                \
  }

static const gw_option file_options[] = {
  { .name = GW_STR_INIT("listen"), .read = conf_read_listens, .keys = &listen_table },
  { .name = GW_STR_INIT("admin"), .read = conf_read_admin, .keys = &admin_table },
  { .name = GW_STR_INIT("workers"), .read = conf_read_workers },
  SECTION("descriptors", descriptors, NULL),
  SECTION("upstreams", upstreams, &gw_conf_upstream_options),
  SECTION("legacy", legacy, NULL),
  { .name = GW_STR_INIT("limits"), .keys = &limit_table },
  GW_OPTION_NUMBER("drain_timeout", gw_option_duration, gw_snapshot, drain_timeout_ms, 0, HOUR_MS),
  { .name = GW_STR_INIT("compression"), .keys = &compression_table },
  { .name = GW_STR_INIT("state"), .read = conf_read_state },
  { .name = GW_STR_INIT("log"), .keys = &log_table },
  GW_OPTION_LATER("cors"),
  GW_OPTION_LATER("telemetry"),
  SECTION("defaults", defaults, NULL),
  SECTION("services", services, &gw_conf_service_options),
  SECTION("routes", routes, &gw_conf_route_options),
};
const gw_options gw_conf_file_options = { "configuration", file_options,
                                          GW_COUNT_OF(file_options) };

void gw_conf_file_read(gw_conf *conf, const gw_yaml *root) {
  gw_snapshot *snapshot = conf->snapshot;
  snapshot->workers = workers_auto();
  snapshot->limits = gw_limits_default();
  snapshot->drain_timeout_ms = 30000;
  snapshot->log_level = GW_STR("info");
  snapshot->log_access = true;
  snapshot->gzip = true;
  snapshot->gzip_bytes_min = 1024;
  gw_conf_read_map(conf, root, &gw_conf_file_options, snapshot);
  if (root->kind == GW_YAML_MAP && !conf->has_listen)
    gw_findings_add(conf->findings, (gw_place){ conf->file, 1, 1 }, "\"listen\" is missing");
  conf_check_admin(conf, root);
  conf_default_state(conf);
}
