#include "control/conf.h"

#include <stdio.h>

#include "control/values.h"

#define CONF_SEEN_MAX 96 /* options of one mapping with all mappings inside it */

/* Which options of one mapping were given, in either spelling. */
typedef struct conf_seen {
  const gw_option *options[CONF_SEEN_MAX];
  size_t count;
} conf_seen;

gw_place gw_conf_place(const gw_conf *conf, const gw_yaml *node) {
  return (gw_place){ conf->file, node->line, node->column };
}

void *gw_conf_alloc(gw_conf *conf, size_t size) {
  void *piece = gw_arena_zalloc(conf->arena, size);
  if (piece == NULL) conf->code = GW_NOMEM;
  return piece;
}

void *gw_conf_scratch(gw_conf *conf, size_t size) {
  void *piece = gw_arena_zalloc(&conf->scratch, size);
  if (piece == NULL) conf->code = GW_NOMEM;
  return piece;
}

gw_str gw_conf_copy(gw_conf *conf, gw_str text) {
  gw_str copy = gw_arena_copy(conf->arena, text);
  if (copy.p == NULL) conf->code = GW_NOMEM;
  return copy;
}

gw_str gw_conf_path(gw_conf *conf, gw_str path) {
  gw_str folder = path.n > 0 && path.p[0] == '/' ? GW_STR("") : conf->folder;
  gw_str full =
      gw_arena_printf(&conf->scratch, GW_STR_FMT GW_STR_FMT, GW_STR_ARG(folder), GW_STR_ARG(path));
  if (full.p == NULL) conf->code = GW_NOMEM;
  return full;
}

const char *gw_conf_hint(gw_conf *conf, const gw_str *nearest) {
  if (nearest == NULL) return "";
  gw_str hint =
      gw_arena_printf(&conf->scratch, "; did you mean \"" GW_STR_FMT "\"?", GW_STR_ARG(*nearest));
  return hint.p != NULL ? hint.p : "";
}

void gw_conf_expected(gw_conf *conf, const gw_yaml *node, gw_str name, const char *expected) {
  gw_place at = gw_conf_place(conf, node);
  if (node->broken) return;
  if (node->kind == GW_YAML_TEXT && !gw_yaml_is_null(node)) {
    gw_findings_add(conf->findings, at, "\"" GW_STR_FMT "\": expected %s, not \"" GW_STR_FMT "\"",
                    GW_STR_ARG(name), expected,
                    GW_STR_ARG(gw_str_first(node->text, gw_size_min(node->text.n, 80))));
  } else {
    gw_findings_add(conf->findings, at, "\"" GW_STR_FMT "\": expected %s, not %s", GW_STR_ARG(name),
                    expected, gw_yaml_describe(node));
  }
}

gw_str gw_conf_text(gw_conf *conf, const gw_yaml *node, gw_str name, const char *expected) {
  if (node->kind == GW_YAML_TEXT && !gw_yaml_is_null(node) && node->text.n > 0 && !node->broken)
    return node->text;
  gw_conf_expected(conf, node, name, expected);
  return (gw_str){ NULL, 0 };
}

/* ---- mappings ---- */

static bool option_is_mapping(const gw_option *option) {
  return option->read == NULL && option->keys != NULL;
}

static const gw_option *options_find(const gw_options *table, gw_str name) {
  for (size_t i = 0; i < table->count; i++) {
    if (gw_str_eq(table->items[i].name, name)) return &table->items[i];
  }
  return NULL;
}

static void conf_unknown_key(gw_conf *conf, const gw_yaml *key, gw_str name,
                             const gw_options *table) {
  gw_str names[CONF_SEEN_MAX];
  size_t count = 0;
  for (size_t i = 0; i < table->count && count < CONF_SEEN_MAX; i++)
    names[count++] = table->items[i].name;
  bool kept = conf->findings->errors < GW_FINDINGS_MAX; /* what is not shown needs no hint */
  const gw_str *nearest = kept ? gw_str_nearest(name, names, count) : NULL;
  gw_findings_add(conf->findings, gw_conf_place(conf, key), "unknown key \"" GW_STR_FMT "\"%s",
                  GW_STR_ARG(gw_str_first(name, gw_size_min(name.n, 80))),
                  gw_conf_hint(conf, nearest));
}

static bool conf_note_seen(gw_conf *conf, conf_seen *seen, const gw_yaml *key,
                           const gw_option *option) {
  for (size_t i = 0; i < seen->count; i++) {
    if (seen->options[i] != option) continue;
    gw_findings_add(conf->findings, gw_conf_place(conf, key),
                    "duplicate key \"" GW_STR_FMT "\"; it is given in its other spelling too",
                    GW_STR_ARG(option->name));
    return false;
  }
  assert(seen->count < CONF_SEEN_MAX);
  seen->options[seen->count++] = option;
  return true;
}

static void conf_read_keys(gw_conf *conf, const gw_yaml *node, const gw_options *table,
                           void *target, conf_seen *seen);

static void conf_read_option(gw_conf *conf, const gw_yaml *key, const gw_option *option,
                             void *target, conf_seen *seen) {
  if (option_is_mapping(option)) {
    if (key->value->kind == GW_YAML_MAP)
      conf_read_keys(conf, key->value, option->keys, target, seen);
    else
      gw_conf_expected(conf, key->value, option->name, "a mapping");
    return;
  }
  if (option->read == NULL) {
    gw_findings_add(conf->findings, gw_conf_place(conf, key),
                    "\"" GW_STR_FMT "\" is not implemented yet", GW_STR_ARG(option->name));
    return;
  }
  if (conf_note_seen(conf, seen, key, option)) option->read(conf, option, key->value, target);
}

/* "a.b" is key b in the mapping a. */
static const gw_option *options_find_dotted(const gw_options **table, gw_str *name) {
  const gw_option *option = options_find(*table, *name);
  while (option == NULL) {
    gw_str rest = *name, head = gw_str_cut(&rest, '.');
    const gw_option *outer = rest.n > 0 ? options_find(*table, head) : NULL;
    if (outer == NULL || !option_is_mapping(outer)) return NULL;
    *table = outer->keys;
    *name = rest;
    option = options_find(*table, rest);
  }
  return option;
}

/* Recursion follows the tables, which are three levels deep, not the text. */
static void conf_read_keys(gw_conf *conf, const gw_yaml *node, const gw_options *table,
                           void *target, conf_seen *seen) {
  for (const gw_yaml *key = node->first; key != NULL; key = key->next) {
    const gw_options *inner = table;
    gw_str name = key->text;
    const gw_option *option = options_find_dotted(&inner, &name);
    if (option == NULL)
      conf_unknown_key(conf, key, name, inner);
    else
      conf_read_option(conf, key, option, target, seen);
  }
}

void gw_conf_read_map(gw_conf *conf, const gw_yaml *node, const gw_options *table, void *target) {
  conf_seen seen = { .count = 0 };
  if (node->kind == GW_YAML_MAP)
    conf_read_keys(conf, node, table, target, &seen);
  else
    gw_conf_expected(conf, node, gw_str_of(table->what), "a mapping");
}

/* ---- readers ---- */

static void option_store(const gw_option *option, void *target, uint64_t value) {
  char *place = (char *)target + option->offset;
  switch (option->size) {
  case 1: *(uint8_t *)place = (uint8_t)value; return;
  case 2: *(uint16_t *)(void *)place = (uint16_t)value; return;
  case 4: *(uint32_t *)(void *)place = (uint32_t)value; return;
  default: *(uint64_t *)(void *)place = value; return;
  }
}

typedef bool option_parse_fn(gw_str text, uint64_t *value);
typedef const char *option_print_fn(uint64_t value, char text[GW_VALUE_TEXT_MAX]);

/* A number in some unit; `form` says how it is written. */
static void option_read_number(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                               void *target, const char *form, option_parse_fn *parse,
                               option_print_fn *print) {
  uint64_t number;
  char low[GW_VALUE_TEXT_MAX], high[GW_VALUE_TEXT_MAX], expected[128];
  if (value->kind != GW_YAML_TEXT || !parse(value->text, &number)) {
    gw_conf_expected(conf, value, option->name, form);
    return;
  }
  if (number < option->min || number > option->max) {
    snprintf(expected, sizeof expected, "%s to %s", print(option->min, low),
             print(option->max, high));
    gw_conf_expected(conf, value, option->name, expected);
    return;
  }
  option_store(option, target, number);
}

static const char *count_print(uint64_t value, char text[GW_VALUE_TEXT_MAX]) {
  snprintf(text, GW_VALUE_TEXT_MAX, "%llu", (unsigned long long)value);
  return text;
}

void gw_option_duration(gw_conf *conf, const gw_option *option, const gw_yaml *value,
                        void *target) {
  option_read_number(conf, option, value, target, "a duration such as 250ms, 5s or 10m",
                     gw_value_duration_parse, gw_value_duration_print);
}

void gw_option_bytes(gw_conf *conf, const gw_option *option, const gw_yaml *value, void *target) {
  option_read_number(conf, option, value, target, "a size such as 512B, 64KiB or 4MiB",
                     gw_value_bytes_parse, gw_value_bytes_print);
}

void gw_option_share(gw_conf *conf, const gw_option *option, const gw_yaml *value, void *target) {
  option_read_number(conf, option, value, target, "a percentage such as 12.5%",
                     gw_value_share_parse, gw_value_share_print);
}

void gw_option_count(gw_conf *conf, const gw_option *option, const gw_yaml *value, void *target) {
  option_read_number(conf, option, value, target, "a whole number", gw_str_parse_u64, count_print);
}

void gw_option_bool(gw_conf *conf, const gw_option *option, const gw_yaml *value, void *target) {
  bool yes = value->kind == GW_YAML_TEXT && gw_str_eq(value->text, GW_STR("true"));
  bool no = value->kind == GW_YAML_TEXT && gw_str_eq(value->text, GW_STR("false"));
  if (yes || no)
    option_store(option, target, yes);
  else
    gw_conf_expected(conf, value, option->name, "true or false");
}

void gw_option_choice(gw_conf *conf, const gw_option *option, const gw_yaml *value, void *target) {
  char expected[256] = "";
  size_t n = 0;
  for (size_t i = 0; i < option->choice_count; i++) {
    if (value->kind == GW_YAML_TEXT && gw_str_eq(value->text, option->choices[i])) {
      option_store(option, target, i);
      return;
    }
    const char *comma = i == 0 ? "" : i + 1 == option->choice_count ? " or " : ", ";
    int wrote = snprintf(expected + n, sizeof expected - n, "%s\"" GW_STR_FMT "\"", comma,
                         GW_STR_ARG(option->choices[i]));
    n += gw_size_min((size_t)wrote, sizeof expected - n - 1);
  }
  gw_conf_expected(conf, value, option->name, expected);
}

void gw_option_node(gw_conf *conf, const gw_option *option, const gw_yaml *value, void *target) {
  (void)conf;
  assert(option->size == sizeof(const gw_yaml *));
  *(const gw_yaml **)(void *)((char *)target + option->offset) = value;
}
