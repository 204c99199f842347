#include "control/service_config.h"

#include "control/conf_retry.h"
#include "control/file.h"
#include "control/names.h"
#include "control/service_reader.h"

#define SERVICE_CONFIG_BYTES_MAX GW_MIB(1)
#define SERVICE_NAME_BYTES_MAX   1024u     /* of a service or a method */
#define SERVICE_TOKENS_MAX       1000.0    /* gRFC A6: maxTokens */
#define SERVICE_FACTOR_MAX       1000.0    /* of a backoff; maxBackoff bounds it anyway */
#define SERVICE_MS_MAX           86400000u /* of a backoff or delay; longer than any call */

struct gw_service_config {
  const gw_method_policy *policies; /* as in methodConfig */
  gw_names names;                   /* "package.Service/Method", "package.Service/" or "/" */
  bool has_balance, has_throttle, has_health;
  gw_balance balance;
  gw_throttle_config throttle;
  gw_str health_service;
};

#define SERVICE_CHECK_KEYS(reader, at, object, ...)                                                \
  do {                                                                                             \
    static const gw_str known[] = { __VA_ARGS__ };                                                 \
    gw_service_check_keys(reader, at, object, known, GW_COUNT_OF(known));                          \
  } while (0)

/* ---- retryPolicy, hedgingPolicy ---- */

static void service_require(const gw_service_reader *reader, const gw_service_at *at,
                            const json_t *object, const char *key) {
  if (gw_service_member(object, key) == NULL)
    gw_service_report(reader, at, "\"%s\" is missing", key);
}

/* gRFC A6: two or more; what is above five counts as five. */
static void service_read_attempts(const gw_service_reader *reader, const gw_service_at *at,
                                  const json_t *object, gw_retry_config *retry) {
  uint64_t attempts = GW_RETRY_ATTEMPTS_MAX;
  service_require(reader, at, object, "maxAttempts");
  (void)gw_service_count(reader, at, object, "maxAttempts", 2, &attempts);
  retry->attempts = (uint32_t)gw_size_min(attempts, GW_RETRY_ATTEMPTS_MAX);
}

/* Codes that blame the request: no later attempt goes better (DESIGN section 5). */
static uint32_t service_sift_codes(const gw_service_reader *reader, const gw_service_at *outer,
                                   const char *key, uint32_t codes) {
  gw_service_at at = { .outer = outer, .key = key };
  for (unsigned i = 0; i < GW_GRPC_CODE_COUNT; i++) {
    if ((codes >> i & 1u) == 0 || (gw_conf_retry_codes() >> i & 1u) != 0) continue;
    gw_service_warn(reader, &at, "%s has no effect: it says that the request is at fault",
                    i == GW_GRPC_OK ? "OK" : gw_grpc_code_name(i));
  }
  return codes & gw_conf_retry_codes();
}

static void service_read_retry(const gw_service_reader *reader, const gw_service_at *at,
                               const json_t *object, gw_retry_config *retry) {
  uint64_t ms = 0;
  SERVICE_CHECK_KEYS(reader, at, object, GW_STR_INIT("maxAttempts"), GW_STR_INIT("initialBackoff"),
                     GW_STR_INIT("maxBackoff"), GW_STR_INIT("backoffMultiplier"),
                     GW_STR_INIT("retryableStatusCodes"), GW_STR_INIT("perAttemptRecvTimeout"));
  service_read_attempts(reader, at, object, retry);
  service_require(reader, at, object, "initialBackoff");
  service_require(reader, at, object, "maxBackoff");
  service_require(reader, at, object, "backoffMultiplier");
  if (gw_service_duration(reader, at, object, "initialBackoff", true, &ms))
    retry->backoff_ms = gw_size_min(ms, SERVICE_MS_MAX);
  if (gw_service_duration(reader, at, object, "maxBackoff", true, &ms))
    retry->backoff_max_ms = gw_size_min(ms, SERVICE_MS_MAX);
  if (gw_service_duration(reader, at, object, "perAttemptRecvTimeout", true, &ms))
    retry->timeout_ms = gw_size_min(ms, SERVICE_MS_MAX);
  (void)gw_service_number(reader, at, object, "backoffMultiplier", SERVICE_FACTOR_MAX,
                          &retry->backoff_factor);
  uint32_t codes = 0;
  bool given = gw_service_member(object, "retryableStatusCodes") != NULL;
  if (!gw_service_codes(reader, at, object, "retryableStatusCodes", &codes)) {
    if (!given) gw_service_report(reader, at, "\"retryableStatusCodes\" is missing");
    return;
  }
  gw_service_at codes_at = { .outer = at, .key = "retryableStatusCodes" };
  if (codes == 0) gw_service_report(reader, &codes_at, "expected at least one code");
  retry->codes = service_sift_codes(reader, at, "retryableStatusCodes", codes);
}

static void service_read_hedging(const gw_service_reader *reader, const gw_service_at *at,
                                 const json_t *object, gw_retry_config *retry) {
  uint64_t ms = 0;
  uint32_t codes = 0;
  SERVICE_CHECK_KEYS(reader, at, object, GW_STR_INIT("maxAttempts"), GW_STR_INIT("hedgingDelay"),
                     GW_STR_INIT("nonFatalStatusCodes"));
  service_read_attempts(reader, at, object, retry);
  (void)gw_service_duration(reader, at, object, "hedgingDelay", false, &ms);
  (void)gw_service_codes(reader, at, object, "nonFatalStatusCodes", &codes);
  retry->hedges = true;
  retry->hedge_ms = gw_size_min(ms, SERVICE_MS_MAX);
  retry->codes = service_sift_codes(reader, at, "nonFatalStatusCodes", codes);
}

/* ---- methodConfig ---- */

static void service_read_policy(const gw_service_reader *reader, const gw_service_at *at,
                                const json_t *object, gw_method_policy *policy) {
  gw_service_at retry_at = { .outer = at, .key = "retryPolicy" };
  gw_service_at hedging_at = { .outer = at, .key = "hedgingPolicy" };
  const json_t *retry = gw_service_member(object, "retryPolicy");
  const json_t *hedging = gw_service_member(object, "hedgingPolicy");
  uint64_t number = 0;
  SERVICE_CHECK_KEYS(reader, at, object, GW_STR_INIT("name"), GW_STR_INIT("timeout"),
                     GW_STR_INIT("retryPolicy"), GW_STR_INIT("hedgingPolicy"),
                     GW_STR_INIT("waitForReady"), GW_STR_INIT("maxRequestMessageBytes"),
                     GW_STR_INIT("maxResponseMessageBytes"));
  policy->request_bytes_max = policy->answer_bytes_max = SIZE_MAX;
  /* A deadline that passes at once is the shortest that there is. */
  if (gw_service_duration(reader, at, object, "timeout", false, &number))
    policy->timeout_ms = gw_size_max(number, 1);
  (void)gw_service_flag(reader, at, object, "waitForReady", &policy->waits_ready);
  if (gw_service_count(reader, at, object, "maxRequestMessageBytes", 0, &number))
    policy->request_bytes_max = number;
  if (gw_service_count(reader, at, object, "maxResponseMessageBytes", 0, &number))
    policy->answer_bytes_max = number;
  policy->retry = gw_conf_retry_default;
  if (retry != NULL && hedging != NULL)
    gw_service_report(reader, &hedging_at, "there is a \"retryPolicy\" already: only one may be");
  if (gw_service_object(reader, &retry_at, retry))
    service_read_retry(reader, &retry_at, retry, &policy->retry);
  if (gw_service_object(reader, &hedging_at, hedging))
    service_read_hedging(reader, &hedging_at, hedging, &policy->retry);
  policy->has_retry = retry != NULL || hedging != NULL;
}

/* One entry of `name`: policy `index` is for it. */
static void service_read_name(const gw_service_reader *reader, const gw_service_at *at,
                              const json_t *object, gw_names *names, uint32_t index) {
  gw_conf *conf = reader->conf;
  gw_str service = GW_STR(""), method = GW_STR("");
  if (!gw_service_object(reader, at, object)) return;
  SERVICE_CHECK_KEYS(reader, at, object, GW_STR_INIT("service"), GW_STR_INIT("method"));
  bool has_service = gw_service_member(object, "service") != NULL;
  bool has_method = gw_service_member(object, "method") != NULL;
  if (gw_service_text(reader, at, object, "service", &service) != has_service) return;
  if (gw_service_text(reader, at, object, "method", &method) != has_method) return;
  if (service.n > SERVICE_NAME_BYTES_MAX || method.n > SERVICE_NAME_BYTES_MAX) {
    gw_service_report(reader, at, "names longer than %u bytes", SERVICE_NAME_BYTES_MAX);
    return;
  }
  if (service.n == 0 && method.n > 0) {
    gw_service_report(reader, at, "\"method\" without \"service\"");
    return;
  }
  gw_str key = gw_arena_printf(&conf->scratch, GW_STR_FMT "/" GW_STR_FMT, GW_STR_ARG(service),
                               GW_STR_ARG(method));
  if (key.p == NULL) {
    conf->code = GW_NOMEM;
    return;
  }
  const uint32_t *taken = gw_names_find(names, key);
  if (taken != NULL)
    gw_service_report(reader, at, "methodConfig[%u] is for \"" GW_STR_FMT "\" already",
                      (unsigned)*taken, GW_STR_ARG(key));
  else if (!gw_names_add(names, key, index))
    conf->code = GW_NOMEM;
}

static void service_read_methods(const gw_service_reader *reader, const gw_service_at *root,
                                 const json_t *list, gw_service_config *out) {
  gw_service_at at = { .outer = root, .key = "methodConfig" };
  if (!gw_service_list(reader, &at, list)) return;
  size_t count = json_array_size(list);
  gw_method_policy *policies = gw_conf_scratch(reader->conf, (count + 1) * sizeof *policies);
  if (policies == NULL) return;
  for (size_t i = 0; i < count && reader->conf->code == GW_OK; i++) {
    gw_service_at here = { .outer = &at, .index = i };
    gw_service_at name_at = { .outer = &here, .key = "name" };
    const json_t *entry = json_array_get(list, i);
    if (!gw_service_object(reader, &here, entry)) continue;
    service_read_policy(reader, &here, entry, &policies[i]);
    const json_t *names = gw_service_member(entry, "name");
    if (names == NULL) gw_service_warn(reader, &here, "without \"name\" it is for no method");
    if (!gw_service_list(reader, &name_at, names)) continue;
    for (size_t n = 0; n < json_array_size(names); n++) {
      gw_service_at one = { .outer = &name_at, .index = n };
      service_read_name(reader, &one, json_array_get(names, n), &out->names, (uint32_t)i);
    }
  }
  out->policies = policies;
}

/* ---- the rest ---- */

static bool service_balance_of(gw_str name, gw_balance *balance) {
  static const struct {
    gw_str name;
    gw_balance balance;
  } known[] = {
    { GW_STR_INIT("round_robin"), GW_BALANCE_ROUND_ROBIN },
    { GW_STR_INIT("pick_first"), GW_BALANCE_PICK_FIRST },
    { GW_STR_INIT("least_request"), GW_BALANCE_LEAST_REQUEST },
    { GW_STR_INIT("least_request_experimental"), GW_BALANCE_LEAST_REQUEST },
  };
  for (size_t i = 0; i < GW_COUNT_OF(known); i++) {
    if (!gw_str_eq_nocase(name, known[i].name)) continue;
    *balance = known[i].balance;
    return true;
  }
  return false;
}

#define SERVICE_BALANCES "round_robin, pick_first and least_request_experimental"

/* A list of {"NAME": {...}}: the first one that is known counts. */
static void service_read_balancing(const gw_service_reader *reader, const gw_service_at *root,
                                   const json_t *list, gw_service_config *out) {
  gw_service_at at = { .outer = root, .key = "loadBalancingConfig" };
  if (!gw_service_list(reader, &at, list)) return;
  for (size_t i = 0; i < json_array_size(list); i++) {
    gw_service_at here = { .outer = &at, .index = i };
    const json_t *entry = json_array_get(list, i);
    if (!gw_service_object(reader, &here, entry)) return;
    void *first = json_object_iter((json_t *)(uintptr_t)entry);
    if (json_object_size(entry) != 1) {
      gw_service_report(reader, &here, "expected exactly one key, the policy's name, not %zu",
                        json_object_size(entry));
      return;
    }
    gw_service_at policy = { .outer = &here, .key = json_object_iter_key(first) };
    if (!service_balance_of(gw_str_of(policy.key), &out->balance)) continue;
    out->has_balance = gw_service_object(reader, &policy, json_object_iter_value(first));
    return;
  }
  gw_service_report(reader, &at, "none of its policies is known: those are " SERVICE_BALANCES);
}

static void service_read_balance(const gw_service_reader *reader, const gw_service_at *root,
                                 const json_t *object, gw_service_config *out) {
  gw_service_at at = { .outer = root, .key = "loadBalancingPolicy" };
  const json_t *list = gw_service_member(object, "loadBalancingConfig");
  gw_str name = GW_STR("");
  bool named = gw_service_text(reader, root, object, "loadBalancingPolicy", &name);
  if (list != NULL) { /* it wins: the other one is what it replaced */
    service_read_balancing(reader, root, list, out);
    return;
  }
  if (!named || name.n == 0 || gw_str_eq_nocase(name, GW_STR("unspecified"))) return;
  out->has_balance = service_balance_of(name, &out->balance);
  if (!out->has_balance)
    gw_service_expected(reader, &at, gw_service_member(object, "loadBalancingPolicy"),
                        "one of " SERVICE_BALANCES);
}

static void service_read_throttling(const gw_service_reader *reader, const gw_service_at *root,
                                    const json_t *object, gw_service_config *out) {
  gw_service_at at = { .outer = root, .key = "retryThrottling" };
  if (!gw_service_object(reader, &at, object)) return;
  SERVICE_CHECK_KEYS(reader, &at, object, GW_STR_INIT("maxTokens"), GW_STR_INIT("tokenRatio"));
  service_require(reader, &at, object, "maxTokens");
  service_require(reader, &at, object, "tokenRatio");
  bool tokens = gw_service_number(reader, &at, object, "maxTokens", SERVICE_TOKENS_MAX,
                                  &out->throttle.tokens);
  bool ratio = gw_service_number(reader, &at, object, "tokenRatio", SERVICE_TOKENS_MAX,
                                 &out->throttle.ratio);
  out->has_throttle = tokens && ratio;
}

static void service_read_health(const gw_service_reader *reader, const gw_service_at *root,
                                const json_t *object, gw_service_config *out) {
  gw_service_at at = { .outer = root, .key = "healthCheckConfig" };
  if (!gw_service_object(reader, &at, object)) return;
  SERVICE_CHECK_KEYS(reader, &at, object, GW_STR_INIT("serviceName"));
  if (!gw_service_text(reader, &at, object, "serviceName", &out->health_service)) return;
  out->has_health = out->health_service.n <= GW_HEALTH_SERVICE_MAX;
  if (!out->has_health)
    gw_service_report(reader, &at, "\"serviceName\" is longer than %u bytes",
                      GW_HEALTH_SERVICE_MAX);
}

static void service_read_all(const gw_service_reader *reader, const json_t *object,
                             gw_service_config *out) {
  gw_service_at root = { .outer = NULL };
  if (!gw_service_object(reader, &root, object)) return;
  SERVICE_CHECK_KEYS(reader, &root, object, GW_STR_INIT("methodConfig"),
                     GW_STR_INIT("retryThrottling"), GW_STR_INIT("loadBalancingConfig"),
                     GW_STR_INIT("loadBalancingPolicy"), GW_STR_INIT("healthCheckConfig"));
  service_read_methods(reader, &root, gw_service_member(object, "methodConfig"), out);
  service_read_balance(reader, &root, object, out);
  service_read_throttling(reader, &root, gw_service_member(object, "retryThrottling"), out);
  service_read_health(reader, &root, gw_service_member(object, "healthCheckConfig"), out);
}

/* ---- the file ---- */

const gw_service_config *gw_service_config_read(gw_conf *conf, gw_str key, const gw_yaml *node) {
  const char *fault = NULL;
  gw_str name = gw_conf_text(conf, node, key, "a file's path");
  gw_str path = name.p != NULL ? gw_conf_path(conf, name) : name;
  if (path.p == NULL) return NULL;
  gw_service_reader reader = { .conf = conf, .file = path };
  gw_code code = gw_file_read(path.p, GW_FILE_PLAIN, SERVICE_CONFIG_BYTES_MAX, &conf->scratch,
                              &reader.text, &fault);
  if (code == GW_NOMEM) conf->code = code;
  if (code == GW_BAD_VALUE)
    gw_findings_add(conf->findings, gw_conf_place(conf, node),
                    "\"" GW_STR_FMT "\": \"" GW_STR_FMT "\": %s", GW_STR_ARG(key),
                    GW_STR_ARG(gw_str_first(name, gw_size_min(name.n, 200))), fault);
  if (code != GW_OK) return NULL;
  gw_service_config *config = gw_conf_scratch(conf, sizeof *config);
  if (config == NULL) return NULL;
  gw_names_init(&config->names, &conf->scratch);
  json_error_t error;
  json_t *root = json_loadb(reader.text.p, reader.text.n, JSON_REJECT_DUPLICATES, &error);
  if (root == NULL) {
    gw_place at = { reader.file, (uint32_t)gw_size_max((size_t)error.line, 1),
                    (uint32_t)gw_size_max((size_t)error.column, 1) };
    gw_findings_add(conf->findings, at, "not JSON: %s", error.text);
    return NULL;
  }
  service_read_all(&reader, root, config);
  json_decref(root);
  return config;
}

void gw_service_config_apply(gw_conf *conf, const gw_service_config *config,
                             gw_upstream_config *upstream) {
  if (config->has_balance) upstream->balance = config->balance;
  if (config->has_throttle) upstream->throttle = config->throttle;
  if (config->has_health) {
    upstream->health = true;
    upstream->health_service = gw_conf_copy(conf, config->health_service);
  }
}

const gw_method_policy *gw_service_config_find(const gw_service_config *config, gw_str path) {
  gw_str method = gw_str_skip(path, path.n > 0 ? 1 : 0);
  gw_str service = gw_str_first(method, gw_size_min(gw_str_find(method, '/') + 1, method.n));
  const uint32_t *index = gw_names_find(&config->names, method);
  if (index == NULL) index = gw_names_find(&config->names, service);
  if (index == NULL) index = gw_names_find(&config->names, GW_STR("/"));
  return index != NULL ? &config->policies[*index] : NULL;
}
