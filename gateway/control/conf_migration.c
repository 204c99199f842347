#include "control/conf_migration.h"

#include "base/limits.h"
#include "codec/number.h"
#include "control/conf_route.h"
#include "control/values.h"
#include "migrate/guard.h"

#define DAY_MS    86400000u
#define NAMED_MAX 80 /* bytes of a wrong text shown in an error */

const gw_str gw_conf_stage_words[GW_STAGE_COUNT] = {
  [GW_STAGE_LEGACY] = GW_STR_INIT("legacy"),
  [GW_STAGE_SHADOW] = GW_STR_INIT("shadow"),
  [GW_STAGE_CANARY] = GW_STR_INIT("canary"),
  [GW_STAGE_GRPC] = GW_STR_INIT("grpc"),
};

const gw_conf_migration gw_conf_migration_default = {
  .stage = GW_STAGE_GRPC,
  .shadow = { .sample = GW_SHARE_WHOLE,
              .in_flight = 64,
              .body_bytes = GW_MIB(1),
              .timeout_ms = 2000 },
  .guard = { .window_ms = 30000,
             .requests = 50,
             .errors = GW_VALUE_PERCENT,
             .back_to = GW_STAGE_SHADOW },
  .ramp = { .hold_ms = 600000, .min_compared = 1000, .min_parity = 999 * GW_VALUE_PERCENT / 10 },
};

static gw_conf_migration *migration_of(void *target) {
  return &((gw_conf_route *)target)->migration;
}

/* ---- sticky ---- */

static void conf_read_sticky_header(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                                    void *target) {
  gw_conf_migration *migration = migration_of(target);
  migration->sticky_header = value;
  gw_str name = gw_conf_header_name(conf, value, option->name, GW_HEADER_TO_FIELD);
  if (name.p != NULL) migration->sticky = (gw_sticky){ GW_STICKY_HEADER, name };
}

/* RFC 6265 section 4.1.1: a cookie's name is a token, and its case counts. */
static void conf_read_sticky_cookie(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                                    void *target) {
  gw_conf_migration *migration = migration_of(target);
  migration->sticky_cookie = value;
  gw_str text = gw_conf_text(conf, value, option->name, "a cookie's name");
  if (text.p == NULL) return;
  if (!gw_value_is_token(text) || text.n > 128) {
    gw_conf_expected(conf, value, option->name, "a cookie's name");
    return;
  }
  gw_str name = gw_conf_copy(conf, text);
  if (name.p != NULL) migration->sticky = (gw_sticky){ GW_STICKY_COOKIE, name };
}

static const gw_option sticky_options[] = {
  { .name = GW_STR_INIT("header"), .read = conf_read_sticky_header },
  { .name = GW_STR_INIT("cookie"), .read = conf_read_sticky_cookie },
};
const gw_options gw_conf_sticky_options = { "sticky", sticky_options, GW_COUNT_OF(sticky_options) };

/* ---- compare ---- */

/* RFC 6901 section 3: after "~" only 0 and 1, which stand for "~" and "/". */
static bool pointer_unescape(gw_str token, char *out, size_t *n) {
  *n = 0;
  for (size_t i = 0; i < token.n; i++) {
    char c = token.p[i];
    if (c == '~') {
      if (i + 1 == token.n || (token.p[i + 1] != '0' && token.p[i + 1] != '1')) return false;
      c = token.p[++i] == '0' ? '~' : '/';
    }
    out[(*n)++] = c;
  }
  return true;
}

/* True, or what is wrong is reported. */
static bool conf_read_pointer(gw_conf *conf, const gw_yaml *node, gw_str name, gw_pointer *out) {
  static const char expected[] = "a JSON pointer such as /tags/*/name";
  gw_str text = gw_conf_text(conf, node, name, expected);
  if (text.p == NULL) return false;
  uint32_t count = 0;
  for (size_t i = 0; i < text.n; i++)
    count += text.p[i] == '/';
  if (text.p[0] != '/' || count > GW_JSON_DEPTH_MAX) {
    gw_conf_expected(conf, node, name, expected);
    return false;
  }
  gw_str *tokens = gw_conf_alloc(conf, count * sizeof *tokens);
  char *bytes = gw_conf_alloc(conf, text.n);
  gw_pointer pointer = { .text = gw_conf_copy(conf, text), .tokens = tokens, .count = count };
  if (tokens == NULL || bytes == NULL || pointer.text.p == NULL) return false;
  gw_str rest = gw_str_skip(text, 1);
  for (uint32_t i = 0; i < count; i++) {
    size_t n;
    if (!pointer_unescape(gw_str_cut(&rest, '/'), bytes, &n)) {
      gw_conf_expected(conf, node, name, "a JSON pointer, in which \"~\" is written \"~0\"");
      return false;
    }
    tokens[i] = (gw_str){ bytes, n };
    bytes += n;
  }
  *out = pointer;
  return true;
}

static bool conf_is_short_list(gw_conf *conf, const gw_yaml *value, gw_str name,
                               const char *expected) {
  if (value->kind == GW_YAML_LIST && value->count <= GW_CONF_POINTERS_MAX) return true;
  gw_conf_expected(conf, value, name, expected);
  return false;
}

static void conf_read_pointers(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                               const gw_pointer **items, uint32_t *count) {
  if (!conf_is_short_list(conf, value, option->name, "a list of at most 64 JSON pointers")) return;
  gw_pointer *pointers = gw_conf_alloc(conf, value->count * sizeof *pointers);
  if (pointers == NULL) return;
  uint32_t i = 0;
  for (const gw_yaml *node = value->first; node != NULL; node = node->next)
    (void)conf_read_pointer(conf, node, option->name, &pointers[i++]);
  *items = pointers;
  *count = i;
}

static void conf_read_ignore(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                             void *target) {
  gw_conf_migration *m = migration_of(target);
  m->ignore = value;
  conf_read_pointers(conf, option, value, &m->compare.ignore, &m->compare.ignore_count);
}

static void conf_read_unordered(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                                void *target) {
  gw_conf_migration *m = migration_of(target);
  m->unordered = value;
  conf_read_pointers(conf, option, value, &m->compare.unordered, &m->compare.unordered_count);
}

/* A JSON number that is not negative. */
static bool tolerance_parse(gw_str text, double *most) {
  gw_number number;
  if (!gw_number_scan(text, &number) || number.text.n != text.n || number.negative) return false;
  return gw_number_to_double(&number, most) == GW_OK;
}

static void conf_read_tolerance(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                                void *target) {
  gw_conf_migration *m = migration_of(target);
  if (value->kind != GW_YAML_MAP || value->count > GW_CONF_POINTERS_MAX) {
    gw_conf_expected(conf, value, option->name, "a mapping of at most 64 JSON pointers to numbers");
    return;
  }
  gw_tolerance *items = gw_conf_alloc(conf, value->count * sizeof *items);
  if (items == NULL) return;
  uint32_t i = 0;
  for (const gw_yaml *key = value->first; key != NULL; key = key->next, i++) {
    (void)conf_read_pointer(conf, key, option->name, &items[i].pointer);
    if (key->value->kind != GW_YAML_TEXT || !tolerance_parse(key->value->text, &items[i].most))
      gw_conf_expected(conf, key->value, option->name, "a number such as 0.005");
  }
  m->tolerance = value;
  m->compare.tolerances = items;
  m->compare.tolerance_count = i;
}

static void conf_read_compare_headers(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                                      void *target) {
  gw_conf_migration *m = migration_of(target);
  if (!conf_is_short_list(conf, value, option->name, "a list of at most 64 header names")) return;
  gw_str *names = gw_conf_alloc(conf, value->count * sizeof *names);
  if (names == NULL) return;
  uint32_t count = 0;
  for (const gw_yaml *node = value->first; node != NULL; node = node->next) {
    gw_str name = gw_conf_header_name(conf, node, option->name, GW_HEADER_UNKNOWN);
    if (name.p != NULL) names[count++] = name;
  }
  m->compare.headers = names;
  m->compare.header_count = count;
}

_Static_assert(GW_CONF_POINTERS_MAX == 64, "texts above name it");

static const gw_option compare_options[] = {
  { .name = GW_STR_INIT("ignore"), .read = conf_read_ignore },
  { .name = GW_STR_INIT("unordered"), .read = conf_read_unordered },
  { .name = GW_STR_INIT("tolerance"), .read = conf_read_tolerance },
  { .name = GW_STR_INIT("headers"), .read = conf_read_compare_headers },
};
const gw_options gw_conf_compare_options = { "compare", compare_options,
                                             GW_COUNT_OF(compare_options) };

/* ---- shadow ---- */

#define SHADOW(key, reader, member, lowest, highest)                                               \
  GW_OPTION_NUMBER(key, reader, gw_conf_route, migration.shadow.member, lowest, highest)
#define SHADOW_BOOL(key, member)                                                                   \
  {                                                                                                \
    .name = GW_STR_INIT(key), .read = gw_option_bool,                                              \
    GW_OPTION_FIELD(gw_conf_route, migration.shadow.member)                                        \
  }

static const gw_option shadow_options[] = {
  SHADOW("sample", gw_option_share, sample, 0, GW_SHARE_WHOLE),
  SHADOW("in_flight", gw_option_count, in_flight, 1, 65536),
  SHADOW("body", gw_option_bytes, body_bytes, 0, GW_ROUTE_BODY_BYTES_MAX),
  SHADOW("timeout", gw_option_duration, timeout_ms, 1, GW_DEADLINE_MS_MAX),
  SHADOW_BOOL("unsafe", unsafe),
  SHADOW_BOOL("legacy", legacy),
};
const gw_options gw_conf_shadow_options = { "shadow", shadow_options, GW_COUNT_OF(shadow_options) };

/* ---- guard ---- */

static void conf_read_p99_ratio(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                                void *target) {
  double ratio;
  if (value->kind == GW_YAML_TEXT && gw_value_decimal_parse(value->text, &ratio) && ratio >= 1 &&
      ratio <= 100)
    migration_of(target)->guard.p99_ratio = ratio;
  else
    gw_conf_expected(conf, value, option->name, "a number from 1 to 100 such as 1.5");
}

#define GUARD(key, reader, member, lowest, highest)                                                \
  GW_OPTION_NUMBER(key, reader, gw_conf_route, migration.guard.member, lowest, highest)

static const gw_option guard_options[] = {
  GUARD("window", gw_option_duration, window_ms, 10 * GW_GUARD_TICK_MS, DAY_MS),
  GUARD("requests", gw_option_count, requests, 1, 1000000000),
  GUARD("errors", gw_option_share, errors, 0, GW_SHARE_WHOLE),
  GUARD("parity", gw_option_share, parity, 10, GW_SHARE_WHOLE),
  { .name = GW_STR_INIT("p99_ratio"), .read = conf_read_p99_ratio },
  { .name = GW_STR_INIT("back_to"),
    .read = gw_option_choice,
    GW_OPTION_FIELD(gw_conf_route, migration.guard.back_to),
    .choices = gw_conf_stage_words,
    .choice_count = GW_STAGE_SHADOW + 1 },
};
const gw_options gw_conf_guard_options = { "guard", guard_options, GW_COUNT_OF(guard_options) };

/* ---- ramp ---- */

static void conf_read_steps(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                            void *target) {
  static const char expected[] = "a list of 1 to 16 growing percentages such as [1%, 10%, 100%]";
  gw_ramp_policy *ramp = &migration_of(target)->ramp;
  migration_of(target)->steps = value;
  if (value->kind != GW_YAML_LIST || value->count == 0 || value->count > GW_RAMP_STEPS_MAX) {
    gw_conf_expected(conf, value, option->name, expected);
    return;
  }
  uint32_t count = 0;
  uint64_t share = 0, before = 0;
  for (const gw_yaml *node = value->first; node != NULL; node = node->next) {
    if (node->kind != GW_YAML_TEXT || !gw_value_share_parse(node->text, &share) || share == 0) {
      gw_conf_expected(conf, node, option->name, "a percentage above 0% such as 12.5%");
      continue;
    }
    if (share <= before)
      gw_findings_add(conf->findings, gw_conf_place(conf, node),
                      "\"steps\": " GW_STR_FMT " does not grow over the step before",
                      GW_STR_ARG(gw_str_first(node->text, gw_size_min(node->text.n, NAMED_MAX))));
    before = share;
    ramp->steps[count++] = (uint32_t)share;
  }
  ramp->step_count = count;
}

_Static_assert(GW_RAMP_STEPS_MAX == 16, "the text above names it");

#define RAMP(key, reader, member, lowest, highest)                                                 \
  GW_OPTION_NUMBER(key, reader, gw_conf_route, migration.ramp.member, lowest, highest)

static const gw_option ramp_options[] = {
  { .name = GW_STR_INIT("steps"), .read = conf_read_steps },
  RAMP("hold", gw_option_duration, hold_ms, GW_GUARD_TICK_MS, 30ull * DAY_MS),
  RAMP("min_compared", gw_option_count, min_compared, 1, 1000000000),
  RAMP("min_parity", gw_option_share, min_parity, 0, GW_SHARE_WHOLE),
};
const gw_options gw_conf_ramp_options = { "ramp", ramp_options, GW_COUNT_OF(ramp_options) };

/* ---- what belongs together ---- */

/* The first key of `node` that is `name` or one inside it ("name.x"). */
static const gw_yaml *conf_find_key(const gw_yaml *node, gw_str name) {
  for (const gw_yaml *key = node->first; key != NULL; key = key->next) {
    if (!gw_str_starts(key->text, name)) continue;
    if (key->text.n == name.n || key->text.p[name.n] == '.') return key;
  }
  return NULL;
}

static void conf_finish_sticky(gw_conf *conf, gw_conf_migration *migration,
                               const gw_conf_migration *defaults) {
  const gw_yaml *header = migration->sticky_header, *cookie = migration->sticky_cookie;
  bool has_header = header != NULL && header != defaults->sticky_header;
  bool has_cookie = cookie != NULL && cookie != defaults->sticky_cookie;
  if (has_header && has_cookie)
    gw_findings_add(conf->findings, gw_conf_place(conf, cookie),
                    "\"sticky\" has a header and a cookie: one of them decides");
  if (header == NULL && cookie == NULL && migration->sticky_at != NULL &&
      migration->sticky_at != defaults->sticky_at && migration->sticky_at->value->first == NULL &&
      migration->sticky_at->value->kind == GW_YAML_MAP)
    gw_findings_add(conf->findings, gw_conf_place(conf, migration->sticky_at),
                    "\"sticky\" needs a header or a cookie");
  if (has_header) migration->sticky_cookie = NULL;
  if (has_cookie) migration->sticky_header = NULL;
}

void gw_conf_migration_finish(gw_conf *conf, const gw_yaml *node, const gw_conf_migration *defaults,
                              gw_conf_migration *migration) {
  const struct {
    gw_str name;
    const gw_yaml **at;
  } places[] = {
    { GW_STR_INIT("stage"), &migration->stage_at },
    { GW_STR_INIT("canary"), &migration->canary_at },
    { GW_STR_INIT("sticky"), &migration->sticky_at },
    { GW_STR_INIT("group"), &migration->group_at },
    { GW_STR_INIT("shadow"), &migration->shadow_at },
    { GW_STR_INIT("compare"), &migration->compare_at },
    { GW_STR_INIT("guard"), &migration->guard_at },
    { GW_STR_INIT("ramp"), &migration->ramp_at },
    { GW_STR_INIT("fallback"), &migration->fallback_at },
  };
  if (node->kind != GW_YAML_MAP) return;
  for (size_t i = 0; i < GW_COUNT_OF(places); i++) {
    const gw_yaml *key = conf_find_key(node, places[i].name);
    if (key != NULL) *places[i].at = key;
  }
  if (migration->guard_at != NULL) migration->guard.is_set = true;
  conf_finish_sticky(conf, migration, defaults);
}
