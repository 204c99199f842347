#include "codec/json_split.h"

#include <stdio.h>
#include <stdlib.h>

#include "unit/golden.h"

#define FOUND_MAX 65536u

/* What a text holds, as text: each value in a line, then how it ended. */
typedef struct found {
  char text[FOUND_MAX];
  size_t n, value; /* value: where the last one begins */
} found;

static void found_add(found *f, gw_str s) {
  CHECK(f->n + s.n < FOUND_MAX);
  if (s.n > 0) memcpy(f->text + f->n, s.p, s.n);
  f->n += s.n;
}

static void found_add_place(found *f, const gw_json_split *split) {
  char text[64];
  gw_err err;
  gw_err_init(&err); /* what a reader would say of the value's first byte */
  gw_err_set(&err, GW_BAD_VALUE, "x");
  gw_err_position(&err, 1, 1);
  gw_json_split_locate(split, &err);
  int n = snprintf(text, sizeof text, "%u:%u %s ", err.line, err.column, err.where);
  found_add(f, (gw_str){ text, (size_t)n });
  f->value = f->n;
}

/* How much of a bad value is seen depends on how the text is cut. */
static void found_cut(found *f, const gw_json_split *split, bool is_told) {
  if (!is_told) found_add_place(f, split);
  f->n = f->value;
  found_add(f, GW_STR("...\n"));
}

static void found_add_error(found *f, gw_code code, const gw_err *err) {
  char text[512];
  int n = snprintf(text, sizeof text, "%s at %u:%u %s: %s\n", gw_code_name(code), err->line,
                   err->column, err->where, err->text);
  found_add(f, (gw_str){ text, (size_t)n });
}

/* True: a value was begun and is not over. */
static bool found_take(found *f, gw_json_split *split, gw_str in, bool is_open, gw_code *code) {
  gw_err err;
  gw_err_init(&err);
  for (*code = GW_OK; *code == GW_OK && in.n > 0;) {
    uint64_t before = split->count;
    size_t left = in.n;
    gw_str part;
    *code = gw_json_split_next(split, &in, &part, &err);
    if (*code != GW_OK && *code != GW_AGAIN) {
      if (is_open || split->count > before) found_cut(f, split, is_open);
      found_add_error(f, *code, &err);
      return false;
    }
    CHECK(in.n < left || *code == GW_OK);
    CHECK(split->count <= before + 1);
    if (split->count > before) {
      CHECK(!is_open);
      found_add_place(f, split);
      is_open = true;
    }
    CHECK(part.n == 0 || is_open);
    found_add(f, part);
    if (*code != GW_OK) continue;
    CHECK(is_open);
    is_open = false;
    found_add(f, GW_STR("\n"));
  }
  if (*code == GW_AGAIN) *code = GW_OK;
  return is_open;
}

static void found_end(found *f, gw_json_split *split, bool is_open) {
  gw_err err;
  gw_err_init(&err);
  gw_code code = gw_json_split_end(split, &err);
  if (is_open && code != GW_OK) found_cut(f, split, true);
  if (is_open && code == GW_OK) found_add(f, GW_STR("\n"));
  CHECK(is_open || code != GW_OK);
  if (code == GW_OK || code == GW_AGAIN) {
    found_add(f, GW_STR("end\n"));
  } else {
    found_add_error(f, code, &err);
  }
}

/* `cuts`: places where the text is cut, ascending. */
static void found_all(found *f, gw_str text, const size_t *cuts, size_t cut_count) {
  gw_json_split split = { 0 };
  gw_code code = GW_OK;
  bool is_open = false;
  size_t at = 0;
  f->n = 0;
  for (size_t i = 0; i <= cut_count && code == GW_OK; i++) {
    size_t end = i < cut_count ? cuts[i] : text.n;
    /* A copy: reading on behind a piece is a sanitizer's finding. */
    char *piece = malloc(end - at + 1);
    if (end > at) memcpy(piece, text.p + at, end - at);
    is_open = found_take(f, &split, (gw_str){ piece, end - at }, is_open, &code);
    free(piece);
    at = end;
  }
  if (code == GW_OK) {
    CHECK_INT(split.at, text.n);
    found_end(f, &split, is_open);
  }
}

static void check_same(golden_case *c, const found *whole, const found *cut, size_t a, size_t b) {
  if (gw_str_eq((gw_str){ whole->text, whole->n }, (gw_str){ cut->text, cut->n })) return;
  print_error("%s: differs when cut at %zu and %zu:\n%.*s", c->path, a, b, (int)cut->n, cut->text);
  c->failed = true;
}

static void run_case(golden_case *c, void *context) {
  static found whole, cut;
  gw_str text = golden_read(c, "input", true);
  (void)context;
  found_all(&whole, text, NULL, 0);
  golden_check(c, "output", (gw_str){ whole.text, whole.n });
  for (size_t a = 0; a <= text.n && !c->failed; a++) {
    for (size_t b = a; b <= text.n && (text.n < 200 || b < a + 3); b++) {
      found_all(&cut, text, (const size_t[]){ a, b }, 2);
      check_same(c, &whole, &cut, a, b);
    }
  }
  size_t *all = malloc((text.n + 1) * sizeof *all);
  for (size_t i = 0; i < text.n; i++)
    all[i] = i;
  found_all(&cut, text, all, text.n); /* one byte each */
  check_same(c, &whole, &cut, 0, text.n);
  free(all);
  free((void *)(uintptr_t)text.p);
}

TEST(json_split, golden_cases_cut_anywhere) {
  golden_each("json_split", run_case, NULL);
}

/* Deeper than the reader goes it need not be gathered. */
TEST(json_split, refuses_depth_at_once) {
  char deep[2 * GW_JSON_BRACKETS_MAX + 2];
  for (int way = 0; way < 2; way++) {
    gw_json_split split = { 0 };
    gw_str in, part;
    gw_err err;
    gw_err_init(&err);
    memset(deep, way == 0 ? '{' : '[', sizeof deep);
    /* an array's own bracket is not part of its values */
    size_t levels = GW_JSON_BRACKETS_MAX + (way == 0 ? 0 : 1);
    in = (gw_str){ deep, levels };
    CHECK_INT(gw_json_split_next(&split, &in, &part, &err), GW_AGAIN);
    CHECK_INT(split.depth, GW_JSON_BRACKETS_MAX);
    in = (gw_str){ deep, 1 };
    CHECK_INT(gw_json_split_next(&split, &in, &part, &err), GW_BAD_REQUEST);
    CHECK_INT(err.line, 1);
    CHECK_INT(err.column, levels + 1);
  }
}

TEST(json_split, an_error_of_a_value_is_told_in_the_whole_text) {
  static const struct {
    uint32_t line, column;
    const char *where, *pointer, *expected;
  } rows[] = {
    { 1, 5, "userId", "/userId", "3:8 [1].userId /1/userId" },
    { 2, 5, "a.b", "/a/b", "4:5 [1].a.b /1/a/b" },
    { 1, 1, "", "", "3:4 [1] /1" },
    { 1, 2, "[4]", "/4", "3:5 [1][4] /1/4" },
    { 0, 0, "path", "", "0:0 path " }, /* not of the body */
  };
  gw_json_split split = { 0 };
  gw_str in = GW_STR("[\n1 ,\r\n   {\"a\":\n2}"), part;
  while (gw_json_split_next(&split, &in, &part, NULL) == GW_OK)
    CHECK(part.n > 0);
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    gw_err err;
    char text[512];
    gw_err_init(&err);
    gw_err_at(&err, GW_BAD_VALUE, gw_str_of(rows[i].where), "x");
    gw_err_position(&err, rows[i].line, rows[i].column);
    gw_err_pointer(&err, gw_str_of(rows[i].pointer));
    gw_json_split_locate(&split, &err);
    snprintf(text, sizeof text, "%u:%u %s %s", err.line, err.column, err.where, err.pointer);
    CHECK_STR(gw_str_of(text), rows[i].expected);
  }
  gw_json_split_locate(&split, NULL);
}

/* Lines of JSON are no JSON text: a pointer leads through one value only. */
TEST(json_split, lines_have_no_pointer_through_all) {
  gw_json_split split = { 0 };
  gw_str in = GW_STR("{}\n{\"a\":1}"), part;
  gw_err err;
  while (gw_json_split_next(&split, &in, &part, NULL) == GW_OK)
    CHECK(part.n > 0);
  gw_err_init(&err);
  gw_err_at(&err, GW_BAD_VALUE, GW_STR("a"), "x");
  gw_err_position(&err, 1, 6);
  gw_err_pointer(&err, GW_STR("/a"));
  gw_json_split_locate(&split, &err);
  CHECK_STR(gw_str_of(err.pointer), "/a");
  CHECK_STR(gw_str_of(err.where), "[1].a");
}
