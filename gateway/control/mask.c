#include "control/mask.h"

#include "base/buf.h"

/* U+FDD0 and on: one for each of these, in their order. */
static const char mask_taken[] = "{}[],:#";
#define MASK_LEAD  "\xEF\xB7"
#define MASK_FIRST 0x90
#define MASK_BYTES 3
#define MASK_COUNT (sizeof mask_taken - 1)

/* A reader of just so much YAML that it can tell plain text from quotes, comments and blocks.
 * Where it is mistaken, a ${...} stays as it is written, and YAML has the last word. */
typedef struct mask_scan {
  gw_str text;
  size_t at;
  size_t copied;    /* up to here `out` has it */
  size_t line;      /* begin of this line */
  size_t line_end;  /* behind `at`: of this line; else not looked for yet */
  size_t unclosed;  /* no "}" before here */
  uint32_t flow;    /* open {} and [] */
  bool fresh;       /* a quoted text, a block or a collection may begin */
  bool after_quote; /* of a key perhaps: {"a":"b"} */
  gw_buf out;
} mask_scan;

static int mask_index(gw_str text, size_t at) {
  if (text.n - at < MASK_BYTES || memcmp(text.p + at, MASK_LEAD, 2) != 0) return -1;
  int index = (unsigned char)text.p[at + 2] - MASK_FIRST;
  return index < (int)MASK_COUNT ? index : -1;
}

size_t gw_mask_find(gw_str text) {
  for (size_t at = 0; at < text.n; at++) {
    const char *hit = memchr(text.p + at, MASK_LEAD[0], text.n - at);
    if (hit == NULL) break;
    at = (size_t)(hit - text.p);
    if (mask_index(text, at) >= 0) return at;
  }
  return text.n;
}

size_t gw_mask_undo(char *text, size_t n) {
  size_t used = 0;
  for (size_t at = 0; at < n;) {
    int index = mask_index((gw_str){ text, n }, at);
    text[used++] = index >= 0 ? mask_taken[index] : text[at];
    at += index >= 0 ? MASK_BYTES : 1;
  }
  return used;
}

/* ---- reading ---- */

static char mask_peek(const mask_scan *s, size_t ahead) {
  return ahead < s->text.n - s->at ? s->text.p[s->at + ahead] : '\n';
}

static bool mask_blank_ahead(const mask_scan *s) {
  char c = mask_peek(s, 1);
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t mask_line_end(const mask_scan *s, size_t from) {
  return from + gw_str_find(gw_str_skip(s->text, from), '\n');
}

static void mask_skip_quoted(mask_scan *s, char quote) {
  for (s->at++; s->at < s->text.n; s->at++) {
    char c = s->text.p[s->at];
    bool escaped = quote == '"' ? c == '\\' : c == quote && mask_peek(s, 1) == quote;
    if (escaped)
      s->at++;
    else if (c == quote)
      break;
  }
  s->at = gw_size_min(s->at + 1, s->text.n);
  s->fresh = false;
  s->after_quote = true;
}

static size_t mask_indent(const mask_scan *s, size_t line) {
  size_t n = 0;
  while (line + n < s->text.n && s->text.p[line + n] == ' ')
    n++;
  return n;
}

/* The lines of `key: |`: all that are indented like the first one, or empty. */
static void mask_skip_block(mask_scan *s) {
  size_t outer = mask_indent(s, s->line), inner = 0;
  s->at = mask_line_end(s, s->at);
  while (s->at < s->text.n) {
    size_t line = s->at + 1, end = mask_line_end(s, gw_size_min(line, s->text.n));
    size_t indent = mask_indent(s, line);
    bool empty = line + indent >= end;
    if (!empty && inner == 0) inner = gw_size_max(indent, outer + 1);
    if (!empty && indent < inner) return;
    s->at = end;
  }
}

/* ---- masking ---- */

static gw_code mask_variable(mask_scan *s) {
  if (s->line_end <= s->at) s->line_end = mask_line_end(s, s->at);
  const char *begin = s->text.p + s->at;
  size_t end = s->at + gw_str_find(gw_str_from(begin, s->text.p + s->line_end), '}');
  s->fresh = false;
  if (end == s->line_end) {
    s->unclosed = end;
    s->at += 2;
    return GW_OK;
  }
  for (; s->at <= end; s->at++) {
    const char *taken = strchr(mask_taken, s->text.p[s->at]);
    if (taken == NULL || *taken == '\0') continue;
    char other[MASK_BYTES] = { MASK_LEAD[0], MASK_LEAD[1],
                               (char)(MASK_FIRST + (taken - mask_taken)) };
    gw_code code = gw_buf_append(&s->out, gw_str_from(s->text.p + s->copied, s->text.p + s->at));
    if (code == GW_OK) code = gw_buf_append(&s->out, (gw_str){ other, sizeof other });
    if (code != GW_OK) return code;
    s->copied = s->at + 1;
  }
  return GW_OK;
}

/* One character of plain text or of YAML's own. */
static void mask_step(mask_scan *s, char c) {
  bool open = (c == '[' || c == '{') && (s->fresh || s->flow > 0);
  bool close = (c == ']' || c == '}') && s->flow > 0;
  bool item = (c == '-' || c == '?') && s->fresh && mask_blank_ahead(s);
  bool value = c == ':' && (mask_blank_ahead(s) || (s->flow > 0 && s->after_quote));
  if (open) s->flow++;
  if (close) s->flow--;
  if (c == '\n') s->line = s->at + 1;
  if (c != ' ' && c != '\t')
    s->fresh = open || item || value || c == '\n' || (c == ',' && s->flow > 0);
  s->after_quote = false;
  s->at++;
}

static gw_code mask_scan_next(mask_scan *s) {
  char c = s->text.p[s->at], before = s->at > 0 ? s->text.p[s->at - 1] : '\n';
  if (c == '$' && mask_peek(s, 1) == '{' && s->at >= s->unclosed) return mask_variable(s);
  if (c == '#' && (before == ' ' || before == '\t' || before == '\n'))
    s->at = mask_line_end(s, s->at);
  else if (s->fresh && (c == '"' || c == '\''))
    mask_skip_quoted(s, c);
  else if (s->fresh && s->flow == 0 && (c == '|' || c == '>'))
    mask_skip_block(s);
  else
    mask_step(s, c);
  return GW_OK;
}

gw_code gw_mask_apply(gw_str text, gw_arena *arena, gw_str *out) {
  mask_scan s = { .text = text, .fresh = true };
  gw_buf_init(&s.out, arena, text.n > 0 ? text.n * MASK_BYTES : 1);
  while (s.at < text.n) {
    gw_code code = mask_scan_next(&s);
    if (code != GW_OK) return GW_NOMEM; /* more cannot come than was reckoned with */
  }
  *out = text;
  if (s.copied == 0) return GW_OK;
  if (gw_buf_append(&s.out, gw_str_skip(text, s.copied)) != GW_OK) return GW_NOMEM;
  *out = gw_buf_str(&s.out);
  return GW_OK;
}
