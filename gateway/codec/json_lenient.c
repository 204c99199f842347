/* What protobuf C++'s stream parser takes besides JSON (TRANSCODING D-39, D-41): single quotes,
 * bare keys, a comma before a closing bracket, unknown escapes and control characters in strings,
 * "5." and "00.5".  The strict reader comes first; only where it fails the text is rewritten, and
 * the strict reader decides about the result.  Linear in the text. */
#include "codec/json_reader.h"
#include "codec/number.h"

#define LENIENT_GROWTH 6u /* a control character becomes "\\u0001" */

typedef struct lenient {
  const char *in, *end;
  gw_buf out;
  gw_code code;
  char last;    /* what stands before, but for space; 0: nothing */
  bool changed; /* the text was no strict JSON at some place */
} lenient;

static void lenient_put(lenient *l, gw_str text) {
  if (l->code == GW_OK) l->code = gw_buf_append(&l->out, text);
}

static void lenient_put_char(lenient *l, char c) {
  lenient_put(l, (gw_str){ &c, 1 });
}

static void lenient_put_escaped(lenient *l, unsigned char c) {
  static const char hex[] = "0123456789abcdef";
  char text[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
  lenient_put(l, (gw_str){ text, sizeof text });
}

static bool lenient_is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

static const char *lenient_skip_space(const lenient *l, const char *p) {
  while (p < l->end && lenient_is_space(*p))
    p++;
  return p;
}

/* ---- strings ---- */

/* The escape at l->in, whose backslash is not the last byte. */
static void lenient_escape(lenient *l) {
  char c = l->in[1];
  l->in += 2;
  if (c != '\0' && strchr("\"\\/bfnrtu", c) != NULL) {
    lenient_put_char(l, '\\');
    lenient_put_char(l, c);
    return;
  }
  l->changed = true;
  if (c == 'v') {
    lenient_put_escaped(l, '\v');
  } else if ((unsigned char)c < ' ') {
    lenient_put_escaped(l, (unsigned char)c);
  } else {
    lenient_put_char(l, c);
  }
}

static void lenient_string(lenient *l) {
  char quote = *l->in++;
  if (quote != '"') l->changed = true;
  lenient_put_char(l, '"');
  while (l->in < l->end && *l->in != quote) {
    char c = *l->in;
    if (c == '\\' && l->end - l->in > 1) {
      lenient_escape(l);
      continue;
    }
    if ((unsigned char)c < ' ') {
      l->changed = true;
      lenient_put_escaped(l, (unsigned char)c);
    } else if (c == '"') {
      lenient_put(l, GW_STR("\\\""));
    } else {
      lenient_put_char(l, c);
    }
    l->in++;
  }
  if (l->in == l->end) return; /* never closed: the strict reader says so */
  l->in++;
  lenient_put_char(l, '"');
}

/* ---- words and numbers ---- */

static bool lenient_is_word(char c) {
  char lower = gw_char_lower(c);
  return (lower >= 'a' && lower <= 'z') || c == '_' || c == '$' || (c >= '0' && c <= '9');
}

/* A word in front of a colon is a key. */
static void lenient_word(lenient *l) {
  const char *begin = l->in;
  while (l->in < l->end && lenient_is_word(*l->in))
    l->in++;
  gw_str word = gw_str_from(begin, l->in);
  const char *next = lenient_skip_space(l, l->in);
  bool reserved = gw_str_eq(word, GW_STR("null")) || gw_str_eq(word, GW_STR("true")) ||
                  gw_str_eq(word, GW_STR("false"));
  bool key = next < l->end && *next == ':' && !reserved;
  if (key) l->changed = true;
  if (key) lenient_put_char(l, '"');
  lenient_put(l, word);
  if (key) lenient_put_char(l, '"');
}

/* [sign] digits [. digits] rest, with the zeros that JSON demands; sign: "+" may stand there. */
static void lenient_number_parts(lenient *l, gw_str text, bool zeros) {
  if (gw_str_starts(text, GW_STR("-"))) lenient_put_char(l, '-');
  if (text.n > 0 && (text.p[0] == '-' || text.p[0] == '+')) text = gw_str_skip(text, 1);
  while (zeros && text.n > 1 && text.p[0] == '0' && (unsigned char)(text.p[1] - '0') <= 9)
    text = gw_str_skip(text, 1);
  if (gw_str_starts(text, GW_STR("."))) lenient_put_char(l, '0');
  size_t point = gw_str_find(text, '.');
  lenient_put(l, gw_str_first(text, point));
  if (point == text.n) return;
  text = gw_str_skip(text, point);
  bool bare = text.n == 1 || (unsigned char)(text.p[1] - '0') > 9;
  lenient_put(l, bare ? GW_STR(".0") : GW_STR("."));
  lenient_put(l, gw_str_skip(text, 1));
}

static void lenient_number(lenient *l) {
  const char *begin = l->in;
  while (l->in < l->end && *l->in != '\0' && strchr("0123456789+-.eE", *l->in) != NULL)
    l->in++;
  gw_str text = gw_str_from(begin, l->in);
  size_t before = l->out.n;
  /* Without a fraction a leading zero means octal to others: it stays an error. */
  lenient_number_parts(l, text, gw_str_find(text, '.') < text.n);
  if (l->code == GW_OK && !gw_str_eq(text, gw_str_skip(gw_buf_str(&l->out), before)))
    l->changed = true;
}

/* ---- the whole text ---- */

/* A comma counts unless a value stands before it and a closing bracket behind it. */
static bool lenient_drops_comma(const lenient *l) {
  const char *next = lenient_skip_space(l, l->in + 1);
  bool closes = next < l->end && (*next == '}' || *next == ']');
  return closes && l->last != '\0' && strchr("[{,:", l->last) == NULL;
}

static void lenient_token(lenient *l) {
  char c = *l->in;
  if (lenient_is_space(c)) {
    if (c == '\v' || c == '\f') l->changed = true;
    lenient_put_char(l, c == '\v' || c == '\f' ? ' ' : c);
    l->in++;
    return;
  }
  if (c == '"' || c == '\'') {
    lenient_string(l);
  } else if (c == '-' || (c >= '0' && c <= '9')) {
    lenient_number(l);
  } else if (lenient_is_word(c)) {
    lenient_word(l);
  } else if (c == ',' && lenient_drops_comma(l)) {
    l->changed = true;
    l->in++;
  } else {
    lenient_put_char(l, c);
    l->in++;
  }
  l->last = c;
}

gw_code gw_json_lenient_rewrite(gw_str json, gw_arena *arena, gw_str *out) {
  lenient l = { .in = json.p, .end = json.p + json.n };
  gw_buf_init(&l.out, arena, LENIENT_GROWTH * json.n + GW_JSON_PAD);
  while (l.in < l.end && l.code == GW_OK)
    lenient_token(&l);
  if (l.code != GW_OK) return l.code;
  if (!l.changed) return GW_BAD_REQUEST;
  size_t n = l.out.n;
  gw_code code = gw_buf_reserve(&l.out, GW_JSON_PAD);
  if (code != GW_OK) return code;
  memset(l.out.p + n, 0, GW_JSON_PAD);
  *out = (gw_str){ l.out.p, n };
  return GW_OK;
}

bool gw_json_lenient_number(gw_str text, gw_arena *arena, gw_str *out) {
  lenient l = { 0 };
  gw_buf_init(&l.out, arena, text.n + 4);
  lenient_number_parts(&l, text, true);
  *out = gw_buf_str(&l.out);
  return l.code == GW_OK;
}

bool gw_json_lenient_bool(gw_str text, bool *value) {
  static const gw_str words[] = {
    GW_STR_INIT("false"), GW_STR_INIT("true"), GW_STR_INIT("f"),  GW_STR_INIT("t"),
    GW_STR_INIT("0"),     GW_STR_INIT("1"),    GW_STR_INIT("no"), GW_STR_INIT("yes"),
    GW_STR_INIT("n"),     GW_STR_INIT("y"),
  };
  for (size_t i = 0; i < GW_COUNT_OF(words); i++) {
    if (!gw_str_eq_nocase(text, words[i])) continue;
    *value = i % 2 == 1;
    return true;
  }
  return false;
}
