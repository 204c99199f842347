#include "admin/suggest.h"

#include <inttypes.h>

#include "admin/json_out.h"

#define SUGGEST_BYTES_MAX GW_MIB(1) /* of copied texts: a ledger is smaller */

/* One option, with the places that it mends. */
typedef struct suggest_option {
  gw_str text; /* "json.int64: number" */
  uint64_t count;
  gw_str pointers[GW_LEDGER_ENTRIES_MAX];
  uint32_t pointer_count;
} suggest_option;

typedef struct suggest {
  gw_arena arena;
  const gw_migration *migration;
  suggest_option *options; /* GW_LEDGER_ENTRIES_MAX of them */
  uint32_t option_count;
  gw_str unstable[GW_LEDGER_ENTRIES_MAX]; /* patterns that legacy itself does not answer alike */
  uint32_t unstable_count;
  gw_code code;
} suggest;

/* ---- gathering, under the ledger's lock ---- */

static gw_str suggest_copy(suggest *s, gw_str text) {
  gw_str copy = gw_arena_copy(&s->arena, text);
  if (copy.p == NULL) s->code = GW_NOMEM;
  return copy;
}

static bool suggest_is_ignored(const suggest *s, gw_str pattern) {
  const gw_compare_policy *compare = &s->migration->compare;
  for (uint32_t i = 0; i < compare->ignore_count; i++) {
    if (gw_str_eq(compare->ignore[i].text, pattern)) return true;
  }
  return false;
}

static void suggest_add_unstable(suggest *s, const gw_ledger_entry *entry) {
  if (entry->pattern.n == 0 || entry->pattern.p[0] != '/') return; /* not in the body */
  if (suggest_is_ignored(s, entry->pattern)) return;
  for (uint32_t i = 0; i < s->unstable_count; i++) {
    if (gw_str_eq(s->unstable[i], entry->pattern)) return;
  }
  if (s->unstable_count == GW_LEDGER_ENTRIES_MAX) return;
  s->unstable[s->unstable_count++] = suggest_copy(s, entry->pattern);
}

static suggest_option *suggest_option_of(suggest *s, gw_str text) {
  for (uint32_t i = 0; i < s->option_count; i++) {
    if (gw_str_eq(s->options[i].text, text)) return &s->options[i];
  }
  if (s->option_count == GW_LEDGER_ENTRIES_MAX) return NULL;
  suggest_option *option = &s->options[s->option_count++];
  option->text = suggest_copy(s, text);
  return option;
}

static void suggest_add_option(suggest *s, const gw_ledger_entry *entry) {
  suggest_option *option = suggest_option_of(s, entry->option);
  if (option == NULL) return;
  option->count += entry->count;
  for (uint32_t i = 0; i < option->pointer_count; i++) {
    if (gw_str_eq(option->pointers[i], entry->pattern)) return;
  }
  if (option->pointer_count < GW_LEDGER_ENTRIES_MAX)
    option->pointers[option->pointer_count++] = suggest_copy(s, entry->pattern);
}

static void suggest_on_entry(void *context, const gw_ledger_entry *entry) {
  suggest *s = context;
  if (entry->unstable)
    suggest_add_unstable(s, entry);
  else if (entry->option.n > 0)
    suggest_add_option(s, entry);
}

static void suggest_sort(suggest *s) {
  for (uint32_t i = 1; i < s->option_count; i++) {
    for (uint32_t k = i; k > 0 && s->options[k].count > s->options[k - 1].count; k--) {
      suggest_option swapped = s->options[k];
      s->options[k] = s->options[k - 1];
      s->options[k - 1] = swapped;
    }
  }
}

static gw_code suggest_init(suggest *s, const gw_migration *migration, gw_live *live) {
  *s = (suggest){ .migration = migration, .code = GW_OK };
  gw_arena_init(&s->arena, NULL, SUGGEST_BYTES_MAX);
  s->options = gw_arena_zalloc(&s->arena, GW_LEDGER_ENTRIES_MAX * sizeof *s->options);
  if (s->options == NULL) return GW_NOMEM;
  gw_ledger *ledger = live != NULL ? gw_live_ledger(live) : NULL;
  if (ledger != NULL) gw_ledger_each(ledger, suggest_on_entry, s);
  if (s->code == GW_OK) suggest_sort(s);
  return s->code;
}

/* ---- YAML ---- */

static void yaml_put(suggest *s, gw_buf *out, gw_str text) {
  if (s->code == GW_OK) s->code = gw_buf_append(out, text);
}

#define yaml_printf(s, out, ...)                                                                   \
  do {                                                                                             \
    if ((s)->code == GW_OK) (s)->code = gw_buf_printf(out, __VA_ARGS__);                           \
  } while (0)

static bool yaml_is_plain(gw_str text) {
  for (size_t i = 0; i < text.n; i++) {
    char c = text.p[i], lower = gw_char_lower(c);
    bool letter = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
    if (!letter && strchr("/_-.*~", c) == NULL) return false;
    if (c == '\0') return false;
  }
  return text.n > 0 && text.p[0] == '/';
}

/* A code point of well-formed text; *n: its bytes. */
static uint32_t text_code_point(gw_str rest, size_t *n) {
  const unsigned char *p = (const unsigned char *)rest.p;
  size_t length = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
  *n = gw_size_min(length, rest.n);
  if (length == 1) return p[0];
  uint32_t code = p[0] & (0x7fu >> length);
  for (size_t i = 1; i < *n; i++)
    code = code << 6 | (p[i] & 0x3fu);
  return code;
}

/* Double quotes, within them only printable ASCII: YAML has more line ends than one. */
static void yaml_text(suggest *s, gw_buf *out, gw_str text) {
  if (yaml_is_plain(text)) {
    yaml_put(s, out, text);
    return;
  }
  yaml_put(s, out, GW_STR("\""));
  while (text.n > 0) {
    size_t n;
    uint32_t code = text_code_point(text, &n);
    if (code == '"' || code == '\\')
      yaml_printf(s, out, "\\%c", (char)code);
    else if (code >= 0x20 && code < 0x7f)
      yaml_put(s, out, gw_str_first(text, n));
    else
      yaml_printf(s, out, "\\U%08" PRIX32, code);
    text = gw_str_skip(text, n);
  }
  yaml_put(s, out, GW_STR("\""));
}

/* The same key twice would be refused: the less frequent value is only told. */
static bool option_is_second(const suggest *s, uint32_t index) {
  gw_str text = s->options[index].text;
  size_t key = gw_str_find(text, ':');
  for (uint32_t i = 0; i < index; i++) {
    gw_str other = s->options[i].text;
    if (gw_str_find(other, ':') == key && memcmp(other.p, text.p, key) == 0) return true;
  }
  return false;
}

static void yaml_option(suggest *s, gw_buf *out, uint32_t index) {
  const suggest_option *option = &s->options[index];
  yaml_printf(s, out, "# %" PRIu64 " times:", option->count);
  for (uint32_t i = 0; i < option->pointer_count && i < 8; i++) {
    yaml_put(s, out, i > 0 ? GW_STR(", ") : GW_STR(" "));
    yaml_text(s, out, option->pointers[i]);
  }
  if (option->pointer_count > 8) yaml_printf(s, out, " and %u more", option->pointer_count - 8);
  yaml_printf(s, out, "\n%s" GW_STR_FMT "\n", option_is_second(s, index) ? "# or: " : "",
              GW_STR_ARG(option->text));
}

/* The list replaces the configured one, so that one is repeated. */
static void yaml_ignore(suggest *s, gw_buf *out) {
  const gw_compare_policy *compare = &s->migration->compare;
  if (s->unstable_count == 0) return;
  yaml_put(s, out, GW_STR("compare.ignore:\n"));
  for (uint32_t i = 0; i < compare->ignore_count; i++) {
    yaml_put(s, out, GW_STR("  - "));
    yaml_text(s, out, compare->ignore[i].text);
    yaml_put(s, out, GW_STR("\n"));
  }
  for (uint32_t i = 0; i < s->unstable_count; i++) {
    yaml_put(s, out, GW_STR("  - "));
    yaml_text(s, out, s->unstable[i]);
    yaml_put(s, out, GW_STR("  # legacy's own answers differ here\n"));
  }
}

static void yaml_print(suggest *s, gw_buf *out) {
  if (s->option_count == 0 && s->unstable_count == 0) {
    yaml_printf(s, out, "# " GW_STR_FMT ": nothing to suggest\n", GW_STR_ARG(s->migration->route));
    return;
  }
  yaml_printf(s, out, "# for route " GW_STR_FMT "\n", GW_STR_ARG(s->migration->route));
  for (uint32_t i = 0; i < s->option_count; i++)
    yaml_option(s, out, i);
  yaml_ignore(s, out);
}

gw_code gw_suggest_print_yaml(const gw_migration *migration, gw_live *live, gw_buf *out) {
  suggest s;
  s.code = suggest_init(&s, migration, live);
  yaml_print(&s, out);
  gw_arena_done(&s.arena);
  return s.code;
}

/* ---- JSON ---- */

static void json_texts(gw_json_out *w, const gw_str *texts, uint32_t count) {
  gw_json_out_put(w, GW_STR("["));
  for (uint32_t i = 0; i < count; i++) {
    if (i > 0) gw_json_out_put(w, GW_STR(","));
    gw_json_out_text(w, texts[i]);
  }
  gw_json_out_put(w, GW_STR("]"));
}

static void json_print(suggest *s, gw_json_out *w) {
  gw_buf yaml;
  gw_buf_init(&yaml, NULL, SUGGEST_BYTES_MAX);
  gw_json_out_put(w, GW_STR("{\"options\":["));
  for (uint32_t i = 0; i < s->option_count; i++) {
    gw_json_out_put(w, i > 0 ? GW_STR(",{\"option\":") : GW_STR("{\"option\":"));
    gw_json_out_text(w, s->options[i].text);
    gw_json_out_count(w, "count", s->options[i].count);
    gw_json_out_key(w, "pointers");
    json_texts(w, s->options[i].pointers, s->options[i].pointer_count);
    gw_json_out_put(w, GW_STR("}"));
  }
  gw_json_out_put(w, GW_STR("]"));
  gw_json_out_key(w, "ignore");
  json_texts(w, s->unstable, s->unstable_count);
  yaml_print(s, &yaml);
  gw_json_out_member(w, "yaml", yaml.n > 0 ? gw_buf_str(&yaml) : GW_STR(""));
  gw_json_out_put(w, GW_STR("}\n"));
  gw_buf_done(&yaml);
}

gw_code gw_suggest_print_json(const gw_migration *migration, gw_live *live, gw_buf *out) {
  suggest s;
  gw_json_out w = { .out = out, .code = GW_OK };
  s.code = suggest_init(&s, migration, live);
  if (s.code == GW_OK) json_print(&s, &w);
  gw_arena_done(&s.arena);
  return s.code != GW_OK ? s.code : w.code;
}
