#include "control/words.h"

static bool word_is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}

static bool word_is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

/* A capital begins a word behind a small letter or a digit, and as the last one of several before a
 * small letter: HTTPRoute is HTTP Route. */
static bool words_begins(gw_str name, size_t i) {
  if (!word_is_upper(name.p[i])) return false;
  if (!word_is_upper(name.p[i - 1])) return true;
  return i + 1 < name.n && word_is_lower(name.p[i + 1]);
}

gw_words gw_words_split(gw_str name) {
  gw_words words = { .count = 0 };
  size_t from = 0;
  for (size_t i = 0; i <= name.n; i++) {
    bool end = i == name.n || name.p[i] == '_';
    if (!end && (i == from || !words_begins(name, i))) continue;
    bool full = words.count == GW_WORDS_MAX - 1 && i < name.n;
    if (i > from && !full) words.items[words.count++] = gw_str_from(name.p + from, name.p + i);
    if (i > from && full) continue;
    from = end ? i + 1 : i;
  }
  return words;
}

gw_words gw_words_tail(const gw_words *words, uint32_t from) {
  gw_words tail = { .count = 0 };
  for (uint32_t i = from; i < words->count; i++)
    tail.items[tail.count++] = words->items[i];
  return tail;
}

static char word_upper(char c) {
  return word_is_lower(c) ? (char)(c - 'a' + 'A') : c;
}

/* All small letters, but a capital in front of each word where there is no separator. */
static gw_str words_print(const gw_words *words, char separator, gw_arena *arena) {
  size_t n = 0;
  for (uint32_t i = 0; i < words->count; i++)
    n += words->items[i].n + 1;
  char *out = gw_arena_alloc(arena, n + 1);
  if (out == NULL) return (gw_str){ NULL, 0 };
  n = 0;
  for (uint32_t i = 0; i < words->count; i++) {
    gw_str word = words->items[i];
    if (i > 0 && separator != '\0') out[n++] = separator;
    for (size_t k = 0; k < word.n; k++) {
      bool raised = k == 0 && i > 0 && separator == '\0';
      out[n++] = raised ? word_upper(word.p[k]) : gw_char_lower(word.p[k]);
    }
  }
  out[n] = '\0';
  return (gw_str){ out, n };
}

gw_str gw_words_camel(const gw_words *words, gw_arena *arena) {
  return words_print(words, '\0', arena);
}

gw_str gw_words_join(const gw_words *words, char separator, gw_arena *arena) {
  return words_print(words, separator, arena);
}

/* ---- plural ---- */

static bool word_ends(gw_str word, const char *end) {
  gw_str suffix = gw_str_of(end);
  return word.n >= suffix.n && gw_str_eq_nocase(gw_str_skip(word, word.n - suffix.n), suffix);
}

static bool word_ends_with_one(gw_str word, const char *const *ends, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (word_ends(word, ends[i])) return true;
  }
  return false;
}

/* One form for both numbers. */
static bool word_is_uncounted(gw_str word) {
  static const char *const words[] = { "data",     "info",   "information", "feedback", "news",
                                       "series",   "media",  "equipment",   "staff",    "people",
                                       "children", "health", "history" };
  return word_ends_with_one(word, words, GW_COUNT_OF(words));
}

static gw_str word_with(gw_str word, size_t keep, const char *end, gw_arena *arena) {
  return gw_arena_printf(arena, GW_STR_FMT "%s", GW_STR_ARG(gw_str_first(word, keep)), end);
}

static gw_str word_singular(gw_str word, gw_arena *arena) {
  static const char *const with_es[] = { "sses", "xes", "zes", "ches", "shes", "uses" };
  static const char *const not_plural[] = { "ss", "us", "is" };
  if (word_is_uncounted(word) || word.n < 3) return word;
  if (word_ends(word, "ies")) return word_with(word, word.n - 3, "y", arena);
  if (word_ends(word, "lves")) return word_with(word, word.n - 3, "f", arena);
  if (word_ends_with_one(word, with_es, GW_COUNT_OF(with_es)))
    return gw_str_first(word, word.n - 2);
  if (!word_ends(word, "s") || word_ends_with_one(word, not_plural, GW_COUNT_OF(not_plural)))
    return word;
  return gw_str_first(word, word.n - 1);
}

static gw_str word_plural(gw_str word, gw_arena *arena) {
  static const char *const with_es[] = { "s", "x", "z", "ch", "sh" };
  static const char *const vowels[] = { "ay", "ey", "iy", "oy", "uy" };
  if (word_is_uncounted(word) || word.n == 0) return word;
  if (word.n > 1 && word_ends(word, "y") && !word_ends_with_one(word, vowels, GW_COUNT_OF(vowels)))
    return word_with(word, word.n - 1, "ies", arena);
  if (word_ends(word, "lf")) return word_with(word, word.n - 1, "ves", arena);
  bool es = word_ends_with_one(word, with_es, GW_COUNT_OF(with_es));
  return word_with(word, word.n, es ? "es" : "s", arena);
}

static gw_words words_with_last(const gw_words *words, gw_str last) {
  gw_words made = *words;
  if (last.p != NULL && made.count > 0) made.items[made.count - 1] = last;
  return made;
}

gw_words gw_words_singular(const gw_words *words, gw_arena *arena) {
  if (words->count == 0) return *words;
  return words_with_last(words, word_singular(words->items[words->count - 1], arena));
}

gw_words gw_words_plural(const gw_words *words, gw_arena *arena) {
  gw_words one = gw_words_singular(words, arena);
  if (one.count == 0) return one;
  return words_with_last(&one, word_plural(one.items[one.count - 1], arena));
}

bool gw_words_first_is(const gw_words *words, const char *const *choices, size_t count) {
  for (size_t i = 0; i < count && words->count > 0; i++) {
    if (gw_str_eq_nocase(words->items[0], gw_str_of(choices[i]))) return true;
  }
  return false;
}
