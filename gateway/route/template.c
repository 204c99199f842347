#include "route/template.h"

#include "route/literal.h"

typedef struct template_reader {
  gw_str text;
  size_t at;
  gw_arena *arena;
  gw_err *err;
  gw_segment segments[GW_TEMPLATE_SEGMENTS_MAX];
  gw_template_var vars[GW_TEMPLATE_VARS_MAX];
  uint32_t segment_count, var_count;
  int32_t many;
  size_t colons_end; /* before it ":" is a letter; 0: nowhere */
} template_reader;

/* The byte at the reader, or 0 at the end (which no template may hold). */
static char template_peek(const template_reader *r) {
  return r->at < r->text.n ? r->text.p[r->at] : '\0';
}

static gw_code template_fail(template_reader *r, const char *sentence) {
  gw_code code = gw_err_set(r->err, GW_BAD_VALUE, "%s", sentence);
  gw_err_position(r->err, 0, (uint32_t)r->at + 1);
  return code;
}

/* pchar of RFC 3986 without ":" and the template's own signs; "%" is looked at by the caller. */
static bool template_is_literal(char c) {
  return gw_literal_unreserved(c) || (c != '\0' && strchr("!$&'()+,;=@", c) != NULL);
}

static bool template_is_colon(const template_reader *r) {
  return template_peek(r) == ':' && r->at < r->colons_end;
}

static gw_code template_read_literal(template_reader *r, gw_str *out) {
  size_t begin = r->at;
  char byte;
  for (;;) {
    const char *p = r->text.p + r->at;
    if (template_is_literal(template_peek(r)) || template_is_colon(r)) {
      r->at++;
    } else if (template_peek(r) != '%') {
      break;
    } else if (gw_literal_escape(p, r->text.p + r->text.n, &byte)) {
      r->at += 3;
    } else {
      return template_fail(r, "two hexadecimal digits expected after \"%\"");
    }
  }
  char *copy = gw_arena_alloc(r->arena, r->at - begin + 3);
  if (copy == NULL) return gw_err_set(r->err, GW_NOMEM, "out of memory");
  const char *p = r->text.p + begin, *end = r->text.p + r->at;
  size_t n = 0;
  while (p < end)
    n += gw_literal_next(&p, end, copy + n);
  *out = (gw_str){ copy, n };
  return GW_OK;
}

static gw_code template_add_segment(template_reader *r, gw_segment segment) {
  if (r->segment_count == GW_TEMPLATE_SEGMENTS_MAX) {
    return template_fail(r, "a template has at most 64 segments");
  }
  r->segments[r->segment_count++] = segment;
  return GW_OK;
}

_Static_assert(GW_TEMPLATE_SEGMENTS_MAX == 64 && GW_TEMPLATE_VARS_MAX == 16, "as the texts say");

static gw_code template_read_wildcard(template_reader *r) {
  if (r->many >= 0) return template_fail(r, "only literals can stand after \"**\"");
  r->at++;
  if (template_peek(r) != '*') {
    return template_add_segment(r, (gw_segment){ .kind = GW_SEGMENT_ONE });
  }
  r->at++;
  r->many = (int32_t)r->segment_count;
  return template_add_segment(r, (gw_segment){ .kind = GW_SEGMENT_MANY });
}

static gw_code template_read_literal_segment(template_reader *r) {
  size_t begin = r->at;
  gw_segment segment = { .kind = GW_SEGMENT_LITERAL };
  gw_code code = template_read_literal(r, &segment.literal);
  if (code != GW_OK) return code;
  if (r->at == begin) {
    char c = template_peek(r);
    if (c == '\0' || c == '/' || c == '}' || c == ':') {
      return template_fail(r, "a segment cannot be empty");
    }
    return template_fail(r, "this character cannot stand in a path");
  }
  if (gw_str_eq(segment.literal, GW_STR(".")) || gw_str_eq(segment.literal, GW_STR(".."))) {
    r->at = begin;
    return template_fail(r, "requests with \".\" or \"..\" are refused: this can never match");
  }
  return template_add_segment(r, segment);
}

static bool template_is_name(char c, bool first) {
  char lower = gw_char_lower(c);
  return (lower >= 'a' && lower <= 'z') || c == '_' || (!first && c >= '0' && c <= '9');
}

static gw_code template_read_field_path(template_reader *r, gw_str *out) {
  size_t begin = r->at, count = 0;
  for (;;) {
    if (!template_is_name(template_peek(r), true)) {
      return template_fail(r, "the name of a field expected");
    }
    while (template_is_name(template_peek(r), false))
      r->at++;
    if (++count > GW_FIELD_PATH_MAX) return template_fail(r, "this field path is too deep");
    if (template_peek(r) != '.') break;
    r->at++;
  }
  *out = (gw_str){ r->text.p + begin, r->at - begin };
  for (uint32_t i = 0; i < r->var_count; i++) {
    if (!gw_str_eq(r->vars[i].field_path, *out)) continue;
    r->at = begin;
    return template_fail(r, "this field is already a variable of the template");
  }
  return GW_OK;
}

static gw_code template_read_segments(template_reader *r, bool in_variable);

static gw_code template_read_variable(template_reader *r) {
  gw_template_var var = { .first = r->segment_count };
  if (r->var_count == GW_TEMPLATE_VARS_MAX) {
    return template_fail(r, "a template has at most 16 variables");
  }
  r->at++;
  gw_code code = template_read_field_path(r, &var.field_path);
  if (code != GW_OK) return code;
  if (template_peek(r) == '=') {
    r->at++;
    code = template_read_segments(r, true);
  } else if (r->many >= 0) {
    code = template_fail(r, "only literals can stand after \"**\"");
  } else {
    code = template_add_segment(r, (gw_segment){ .kind = GW_SEGMENT_ONE });
  }
  if (code != GW_OK) return code;
  if (template_peek(r) != '}') return template_fail(r, "\"}\" expected");
  r->at++;
  var.count = r->segment_count - var.first;
  var.multi = var.count > 1 || r->many == (int32_t)var.first;
  r->vars[r->var_count++] = var;
  return GW_OK;
}

static gw_code template_read_segments(template_reader *r, bool in_variable) {
  for (;;) {
    char c = template_peek(r);
    gw_code code;
    if (c == '{' && in_variable) {
      code = template_fail(r, "a variable cannot stand in a variable");
    } else if (c == '{') {
      code = template_read_variable(r);
    } else if (c == '*') {
      code = template_read_wildcard(r);
    } else {
      code = template_read_literal_segment(r);
    }
    if (code != GW_OK) return code;
    if (template_peek(r) != '/') return GW_OK;
    r->at++;
  }
}

static gw_code template_read_verb(template_reader *r, gw_str *verb) {
  r->at++;
  if (r->colons_end > 0) r->colons_end = r->text.n;
  size_t begin = r->at;
  gw_code code = template_read_literal(r, verb);
  if (code != GW_OK) return code;
  if (r->at == begin) return template_fail(r, "a verb expected after \":\"");
  return GW_OK;
}

static gw_code template_read(template_reader *r, gw_str *verb) {
  gw_code code = GW_OK;
  if (template_peek(r) != '/') return template_fail(r, "a template begins with \"/\"");
  r->at++;
  if (r->at < r->text.n && template_peek(r) != ':') code = template_read_segments(r, false);
  if (code == GW_OK && template_peek(r) == ':') code = template_read_verb(r, verb);
  if (code != GW_OK) return code;
  if (r->at == r->text.n) return GW_OK;
  if (verb->n > 0) return template_fail(r, "nothing can follow the verb");
  char c = template_peek(r);
  if (!template_is_literal(c) && c != '%' && (c == '\0' || strchr("{}*", c) == NULL)) {
    return template_fail(r, "this character cannot stand in a path");
  }
  return template_fail(r, "\"/\", \":\" or the end expected: a segment is wholly a literal, a "
                          "wildcard or a variable");
}

static void *template_copy(gw_arena *arena, const void *items, size_t size) {
  void *copy = gw_arena_alloc(arena, size);
  if (copy != NULL && size > 0) memcpy(copy, items, size);
  return copy;
}

/* Where the verb's ":" stands when others are letters; the text's length: there is none. */
static size_t template_find_verb(gw_str text) {
  size_t segment = text.n, brace = text.n;
  while (segment > 0 && text.p[segment - 1] != '/')
    segment--;
  while (brace > segment && text.p[brace - 1] != '}')
    brace--;
  size_t from = brace > segment ? brace : segment, last = text.n;
  bool first = brace > segment || (from < text.n && text.p[from] == '*');
  for (size_t i = from; i < text.n; i++) {
    if (text.p[i] != ':') continue;
    last = i;
    if (first) break;
  }
  return last;
}

gw_code gw_template_parse(gw_str text, gw_arena *arena, gw_template *out, gw_err *err) {
  return gw_template_parse_as(text, false, arena, out, err);
}

gw_code gw_template_parse_as(gw_str text, bool colons, gw_arena *arena, gw_template *out,
                             gw_err *err) {
  template_reader r = { .arena = arena, .err = err, .many = -1 };
  gw_template template = { 0 };
  if (colons) r.colons_end = template_find_verb(text);
  template.text = r.text = gw_arena_copy(arena, text);
  if (r.text.p == NULL) return gw_err_set(err, GW_NOMEM, "out of memory");
  gw_code code = template_read(&r, &template.verb);
  if (code != GW_OK) return code;
  template.segment_count = r.segment_count;
  template.segments = template_copy(arena, r.segments, r.segment_count * sizeof r.segments[0]);
  template.var_count = r.var_count;
  template.vars = template_copy(arena, r.vars, r.var_count * sizeof r.vars[0]);
  template.many = r.many;
  if (template.segments == NULL || template.vars == NULL) {
    return gw_err_set(err, GW_NOMEM, "out of memory");
  }
  *out = template;
  return GW_OK;
}
