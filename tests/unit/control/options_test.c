/* The tables of keys against the reference and the example that has all of them. */
#include "control/conf.h"

#include "unit/certs.h"

#include <dirent.h>

#define REFERENCE "docs/configuration.md"
#define ALL       "config/all-options.yaml"

typedef struct reference {
  gw_str text;
  size_t rows;
  bool failed;
} reference;

static bool option_is_later(const gw_option *option) {
  return option->read == NULL && option->keys == NULL;
}

static bool contains(gw_str text, const char *needle) {
  return memmem(text.p, text.n, needle, strlen(needle)) != NULL;
}

/* From "## `NAME`" to the next heading of this level. */
static gw_str reference_section(const reference *r, const char *heading) {
  char line[80];
  snprintf(line, sizeof line, "\n## %s\n", heading);
  const char *begin = memmem(r->text.p, r->text.n, line, strlen(line));
  if (begin == NULL) fail_msg(REFERENCE " has no heading \"%s\"", heading);
  const char *end = r->text.p + r->text.n, *after = begin + strlen(line);
  const char *next = memmem(after, (size_t)(end - after), "\n## ", 4);
  return gw_str_from(begin, next != NULL ? next : end);
}

static void reference_row(reference *r, gw_str section, const char *heading, const char *key,
                          bool later) {
  char start[128];
  snprintf(start, sizeof start, "\n| `%s` |", key);
  const char *row = memmem(section.p, section.n, start, strlen(start));
  r->rows++;
  if (row == NULL) {
    print_error(REFERENCE ": \"%s\" does not have the option \"%s\"\n", heading, key);
    r->failed = true;
    return;
  }
  const char *end = memchr(row + 1, '\n', (size_t)(section.p + section.n - row - 1));
  gw_str line = gw_str_from(row, end != NULL ? end : section.p + section.n);
  /* A row may speak of other values that do not exist yet; only those of later options begin so. */
  if (contains(line, "| | | *not implemented yet* |") != later) {
    print_error(REFERENCE ": \"%s\" is%s implemented\n", key, later ? " not" : "");
    r->failed = true;
  }
}

static void reference_table(reference *r, const char *heading, const char *prefix,
                            const gw_options *table) {
  gw_str section = reference_section(r, heading);
  for (size_t i = 0; i < table->count; i++) {
    const gw_option *option = &table->items[i];
    char key[96], inner[100];
    snprintf(key, sizeof key, "%s" GW_STR_FMT, prefix, GW_STR_ARG(option->name));
    if (option->read == NULL && option->keys != NULL) {
      snprintf(inner, sizeof inner, "%s.", key);
      reference_table(r, heading, inner, option->keys);
      continue;
    }
    reference_row(r, section, heading, key, option_is_later(option));
    snprintf(inner, sizeof inner, "`%s`", key);
    if (option->keys != NULL) reference_table(r, inner, "", option->keys);
  }
}

TEST(options, are_all_in_the_reference) {
  reference r = { .text = test_read_file(REFERENCE) };
  reference_table(&r, "The file", "", &gw_conf_file_options);
  free((void *)(uintptr_t)r.text.p);
  CHECK(!r.failed);
  CHECK(r.rows > 80);
}

/* ---- the example with all options ---- */

static const gw_yaml *yaml_find(const gw_yaml *map, gw_str name) {
  for (const gw_yaml *key = map->kind == GW_YAML_MAP ? map->first : NULL; key != NULL;
       key = key->next) {
    if (gw_str_eq(key->text, name)) return key->value;
  }
  return NULL;
}

/* What the keys of an option with a reader stand in: itself, its first element or first value. */
static const gw_yaml *option_inside(const gw_option *option, const gw_yaml *value) {
  if (value->kind == GW_YAML_LIST) return value->first;
  bool named = option->keys == &gw_conf_upstream_options;
  return named && value->first != NULL ? value->first->value : value;
}

static size_t example_check(gw_str text, const gw_yaml *map, const gw_options *table) {
  size_t missing = 0;
  for (size_t i = 0; i < table->count; i++) {
    const gw_option *option = &table->items[i];
    const gw_yaml *value = yaml_find(map, option->name);
    char comment[80];
    snprintf(comment, sizeof comment, "# " GW_STR_FMT ":", GW_STR_ARG(option->name));
    if (option_is_later(option)) {
      CHECK(value == NULL);
    } else if (value == NULL && !contains(text, comment)) {
      print_error(ALL " does not have \"" GW_STR_FMT "\"\n", GW_STR_ARG(option->name));
      missing++;
    } else if (value != NULL && option->keys != NULL) {
      missing += example_check(text, option->read == NULL ? value : option_inside(option, value),
                               option->keys);
    }
  }
  return missing;
}

TEST(options, are_all_in_the_example) {
  gw_str text = test_read_file(ALL);
  gw_arena arena;
  gw_findings findings;
  gw_yaml *root = NULL;
  gw_arena_init(&arena, NULL, 1u << 20);
  gw_findings_init(&findings);
  CHECK_INT(gw_yaml_parse(text, GW_STR(ALL), &arena, &findings, &root), GW_OK);
  CHECK_INT(example_check(text, root, &gw_conf_file_options), 0);
  gw_findings_done(&findings);
  gw_arena_done(&arena);
  free((void *)(uintptr_t)text.p);
}

TEST(options, every_example_is_accepted_without_a_finding) {
  DIR *dir = opendir("config");
  int seen = 0;
  char *folder = certs_folder();
  certs_write_example(folder);
  setenv("SLUICE_CERTS", folder, 1);
  CHECK(dir != NULL);
  for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    char path[512];
    gw_findings findings;
    gw_snapshot *snapshot = NULL;
    if (!gw_str_ends(gw_str_of(entry->d_name), GW_STR(".yaml"))) continue;
    snprintf(path, sizeof path, "config/%.255s", entry->d_name);
    gw_findings_init(&findings);
    gw_code code = gw_snapshot_load(path, &findings, &snapshot);
    if (code != GW_OK || findings.count > 0)
      fail_msg("%s: " GW_STR_FMT, path,
               GW_STR_ARG(findings.count > 0 ? findings.items[0].text : GW_STR("no finding")));
    gw_snapshot_unref(snapshot);
    gw_findings_done(&findings);
    seen++;
  }
  closedir(dir);
  unsetenv("SLUICE_CERTS");
  certs_folder_remove(folder);
  CHECK(seen >= 4);
}
