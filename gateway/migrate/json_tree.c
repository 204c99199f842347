#include "migrate/json_tree.h"

#include <sys/auxv.h>

#include "base/limits.h"
#include "codec/number.h"
#include "codec/utf8.h"

#define TREE_SCANNED_MAX 8u /* members that are looked through; more get a table */

typedef struct tree_reader {
  const char *p, *end;
  gw_str text;
  gw_arena *arena;
  gw_err *err;
  uint64_t seed;
  uint32_t depth;
  gw_json_node *open[GW_JSON_BRACKETS_MAX];  /* containers around the place */
  gw_json_node **tail[GW_JSON_BRACKETS_MAX]; /* where the next member goes */
} tree_reader;

/* The kernel's random bytes leave here only multiplied and folded. */
uint64_t gw_json_tree_seed(void) {
  uint64_t random[2];
  memcpy(random, (const void *)(uintptr_t)getauxval(AT_RANDOM), sizeof random);
  __uint128_t product = (__uint128_t)(random[1] | 1) * (random[0] | 1);
  return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

static GW_COLD gw_code tree_fail(tree_reader *r, const char *at, const char *what) {
  uint32_t line = 1, column = 1;
  for (const char *p = r->text.p; p < at; p++) {
    column++;
    if (*p != '\n') continue;
    line++;
    column = 1;
  }
  gw_err_set(r->err, GW_BAD_VALUE, "%s", what);
  gw_err_position(r->err, line, column);
  return GW_BAD_VALUE;
}

static GW_COLD gw_code tree_no_memory(tree_reader *r) {
  return gw_err_set(r->err, GW_NOMEM, "no memory for the tree of %zu bytes", r->text.n);
}

static void tree_skip_blanks(tree_reader *r) {
  while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\r' || *r->p == '\t'))
    r->p++;
}

/* ---- strings ---- */

static bool tree_hex4(const char *p, const char *end, uint32_t *out) {
  uint32_t value = 0;
  if (end - p < 4) return false;
  for (int i = 0; i < 4; i++) {
    int digit = gw_char_hex(p[i]);
    if (digit < 0) return false;
    value = value << 4 | (uint32_t)digit;
  }
  *out = value;
  return true;
}

/* What follows a backslash at *p, appended to *out; NULL: malformed. */
static const char *tree_unescape(const char *p, const char *end, char **out) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  uint32_t code, low;
  if (p == end) return NULL;
  if (*p != 'u') {
    const char *found = memchr(from, *p, sizeof from - 1);
    if (found == NULL) return NULL;
    *(*out)++ = to[found - from];
    return p + 1;
  }
  if (!tree_hex4(++p, end, &code)) return NULL;
  p += 4;
  if (code >= 0xD800 && code < 0xE000) {
    if (code >= 0xDC00 || end - p < 6 || p[0] != '\\' || p[1] != 'u' ||
        !tree_hex4(p + 2, end, &low) || low < 0xDC00 || low >= 0xE000) {
      return NULL;
    }
    p += 6;
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }
  *out += gw_utf8_encode(code, *out);
  return p;
}

/* r->p is behind the opening quote. */
static gw_code tree_string(tree_reader *r, gw_str *out) {
  const char *begin = r->p, *p = begin;
  bool escaped = false;
  for (; p < r->end && *p != '"'; p++) {
    if ((unsigned char)*p < 0x20) return tree_fail(r, p, "a control character in a string");
    if (*p != '\\') continue;
    escaped = true;
    if (++p == r->end) break;
  }
  if (p >= r->end) return tree_fail(r, begin - 1, "a string without an end");
  r->p = p + 1;
  *out = gw_str_from(begin, p);
  if (!escaped) return GW_OK;
  char *copy = gw_arena_alloc(r->arena, out->n), *to = copy;
  if (copy == NULL) return tree_no_memory(r);
  while (begin < p) {
    if (*begin != '\\') {
      *to++ = *begin++;
      continue;
    }
    const char *next = tree_unescape(begin + 1, p, &to);
    if (next == NULL) return tree_fail(r, begin, "a malformed escape");
    begin = next;
  }
  *out = gw_str_from(copy, to);
  return GW_OK;
}

/* ---- objects ---- */

static gw_json_node **tree_slot(gw_json_node **slots, uint32_t mask, gw_str key, uint64_t seed) {
  uint32_t i = (uint32_t)gw_str_hash(key, seed) & mask;
  while (slots[i] != NULL && !gw_str_eq(gw_json_key(slots[i]), key))
    i = (i + 1) & mask;
  return &slots[i];
}

/* Twice as many slots as members at least, a power of two. */
static uint32_t tree_mask(uint32_t members) {
  return (1u << (32 - __builtin_clz(members))) * 2 - 1;
}

/* The end of an object: a table of many members; no key may stand there twice. */
static gw_code tree_close_object(tree_reader *r, gw_json_node *object) {
  if (object->n <= TREE_SCANNED_MAX) {
    for (gw_json_node *a = object->first; a != NULL; a = a->next) {
      for (gw_json_node *b = object->first; b != a; b = b->next) {
        if (gw_str_eq(gw_json_key(a), gw_json_key(b)))
          return tree_fail(r, r->p - 1, "an object with one key twice");
      }
    }
    return GW_OK;
  }
  uint32_t mask = tree_mask(object->n);
  object->slots = gw_arena_zalloc(r->arena, (mask + 1) * sizeof(gw_json_node *));
  if (object->slots == NULL) return tree_no_memory(r);
  for (gw_json_node *node = object->first; node != NULL; node = node->next) {
    gw_json_node **slot = tree_slot(object->slots, mask, gw_json_key(node), r->seed);
    if (*slot != NULL) return tree_fail(r, r->p - 1, "an object with one key twice");
    *slot = node;
  }
  return GW_OK;
}

gw_json_node *gw_json_tree_find(const gw_json_node *object, gw_str key) {
  if (object->type != GW_JSON_OBJECT) return NULL;
  if (object->slots != NULL)
    return *tree_slot(object->slots, tree_mask(object->n), key, gw_json_tree_seed());
  gw_json_node *node = object->first;
  while (node != NULL && !gw_str_eq(gw_json_key(node), key))
    node = node->next;
  return node;
}

/* ---- values ---- */

static gw_code tree_scalar(tree_reader *r, gw_json_node *node) {
  static const struct {
    gw_str text;
    gw_json_type type;
  } words[] = { { GW_STR_INIT("null"), GW_JSON_NULL },
                { GW_STR_INIT("true"), GW_JSON_TRUE },
                { GW_STR_INIT("false"), GW_JSON_FALSE } };
  gw_str rest = gw_str_from(r->p, r->end), text;
  gw_number number;
  if (*r->p == '"') {
    r->p++;
    gw_code code = tree_string(r, &text);
    if (code != GW_OK) return code;
    node->type = GW_JSON_STRING;
  } else if (gw_number_scan(rest, &number)) {
    text = number.text;
    r->p += text.n;
    node->type = GW_JSON_NUMBER;
  } else {
    for (size_t i = 0; i < GW_COUNT_OF(words); i++) {
      if (!gw_str_starts(rest, words[i].text)) continue;
      node->type = (uint8_t)words[i].type;
      r->p += words[i].text.n;
      return GW_OK;
    }
    return tree_fail(r, r->p, "no JSON value");
  }
  node->text = text.p;
  node->n = (uint32_t)text.n;
  return GW_OK;
}

/* `"key":` of the next member. */
static gw_code tree_member_key(tree_reader *r, gw_json_node *node) {
  gw_str key;
  if (r->p == r->end || *r->p != '"') return tree_fail(r, r->p, "no key");
  r->p++;
  gw_code code = tree_string(r, &key);
  if (code != GW_OK) return code;
  node->key = key.p;
  node->key_n = (uint32_t)key.n;
  tree_skip_blanks(r);
  if (r->p == r->end || *r->p != ':') return tree_fail(r, r->p, "no colon behind a key");
  r->p++;
  tree_skip_blanks(r);
  return GW_OK;
}

/* One value without what is in a container, which is left open. */
static gw_code tree_value(tree_reader *r) {
  gw_json_node *node = gw_arena_zalloc(r->arena, sizeof *node);
  gw_json_node *parent = r->open[r->depth - 1];
  if (node == NULL) return tree_no_memory(r);
  *r->tail[r->depth - 1] = node;
  r->tail[r->depth - 1] = &node->next;
  parent->n++;
  if (parent->type == GW_JSON_OBJECT) {
    gw_code code = tree_member_key(r, node);
    if (code != GW_OK) return code;
  }
  if (r->p == r->end) return tree_fail(r, r->p, "the end where a value is missing");
  if (*r->p != '{' && *r->p != '[') return tree_scalar(r, node);
  if (r->depth == GW_JSON_BRACKETS_MAX) return tree_fail(r, r->p, "nested too deep");
  node->type = *r->p == '{' ? GW_JSON_OBJECT : GW_JSON_ARRAY;
  r->p++;
  r->open[r->depth] = node;
  r->tail[r->depth++] = &node->first;
  return GW_OK;
}

/* Closes what ends here; *closed: it did.  Otherwise a value must follow. */
static gw_code tree_between(tree_reader *r, bool *closed) {
  gw_json_node *node = r->open[r->depth - 1];
  char closing = node->type == GW_JSON_OBJECT ? '}' : ']';
  tree_skip_blanks(r);
  *closed = false;
  if (r->p == r->end) return tree_fail(r, r->p, "the end before a bracket is closed");
  if (*r->p == closing) {
    r->p++;
    r->depth--;
    *closed = true;
    return node->type == GW_JSON_OBJECT ? tree_close_object(r, node) : GW_OK;
  }
  if (node->n == 0) return GW_OK;
  if (*r->p != ',') return tree_fail(r, r->p, "neither a comma nor the closing bracket");
  r->p++;
  tree_skip_blanks(r);
  return GW_OK;
}

/* One value with all that is in it, as an element of open[0]. */
static gw_code tree_whole(tree_reader *r) {
  gw_code code = tree_value(r);
  while (code == GW_OK && r->depth > 1) {
    bool closed;
    code = tree_between(r, &closed);
    if (code == GW_OK && !closed) code = tree_value(r);
  }
  return code;
}

gw_code gw_json_tree_parse(gw_str text, bool lines, gw_arena *arena, gw_json_node **out,
                           gw_err *err) {
  tree_reader r = { .p = text.p, .end = text.p + text.n, .text = text, .arena = arena, .err = err };
  if (text.n > UINT32_MAX / 2) return gw_err_set(err, GW_BAD_VALUE, "%zu bytes", text.n);
  gw_json_node *all = gw_arena_zalloc(arena, sizeof *all);
  if (all == NULL) return tree_no_memory(&r);
  size_t valid = gw_utf8_valid_prefix(text);
  if (valid < text.n) return tree_fail(&r, text.p + valid, "not UTF-8");
  r.seed = gw_json_tree_seed();
  all->type = GW_JSON_ARRAY;
  r.open[0] = all;
  r.tail[0] = &all->first;
  r.depth = 1;
  gw_code code = GW_OK;
  tree_skip_blanks(&r);
  while (code == GW_OK && (lines ? r.p < r.end : all->n == 0)) {
    code = tree_whole(&r);
    tree_skip_blanks(&r);
  }
  if (code != GW_OK) return code;
  if (r.p < r.end) return tree_fail(&r, r.p, "something behind the value");
  *out = lines ? all : all->first;
  return GW_OK;
}
