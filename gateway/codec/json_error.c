#include <stdarg.h>
#include <stdio.h>

#include "codec/json_reader.h"
#include "codec/utf8.h"

#define ERROR_KEY_MAX 64 /* bytes of a key that a path shows */

/* Lines end at LF, CR or both; columns count bytes from 1. */
static void error_position(const gw_json_reader *reader, const char *at) {
  uint32_t line = 1;
  const char *begin = reader->begin;
  for (const char *p = reader->begin; p < at; p++) {
    if (*p == '\n' || (*p == '\r' && !(p + 1 < reader->end && p[1] == '\n'))) {
      line++;
      begin = p + 1;
    }
  }
  gw_err_position(reader->err, line, (uint32_t)(at - begin) + 1);
}

static gw_json_pos error_report(gw_json_reader *reader, const char *at, gw_code code,
                                const char *text) {
  bool ended = at >= reader->end;
  if (ended) {
    at = reader->end;
    code = GW_BAD_REQUEST;
    text = "the text ends before the value does";
  }
  reader->code = code;
  if (reader->err != NULL && reader->err->code == GW_OK) {
    gw_err_set(reader->err, code, "%s", text);
    error_position(reader, at);
  }
  return (gw_json_pos){ NULL, NULL };
}

gw_json_pos gw_json_fail(gw_json_reader *reader, const char *at, gw_code code, const char *format,
                         ...) {
  char text[sizeof reader->err->text];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  for (char *p = text; *p != '\0'; p++) { /* a value that is quoted may hold anything */
    if ((unsigned char)*p < ' ' || *p == 0x7f) *p = '?';
  }
  return error_report(reader, at, code, text);
}

gw_json_pos gw_json_fail_end(gw_json_reader *reader) {
  return error_report(reader, reader->end, GW_BAD_REQUEST, "");
}

gw_json_pos gw_json_fail_memory(gw_json_reader *reader, gw_code code) {
  reader->code = code;
  if (code == GW_TOO_LARGE) {
    gw_err_set(reader->err, code, "the message is over its limit of %zu bytes", reader->out->max);
  } else {
    gw_err_set(reader->err, code, "no memory left for this request");
  }
  return (gw_json_pos){ NULL, NULL };
}

/* What the value in front of `rest` looks like; NULL: no JSON value begins so. */
static const char *error_shape(gw_str rest) {
  char c = rest.p[0];
  switch (c) {
  case '{': return "an object";
  case '[': return "an array";
  case '"': return "a string";
  case 't': return gw_str_starts(rest, GW_STR("true")) ? "a boolean" : NULL;
  case 'f': return gw_str_starts(rest, GW_STR("false")) ? "a boolean" : NULL;
  case 'n': return gw_str_starts(rest, GW_STR("null")) ? "null" : NULL;
  default: return c == '-' || (c >= '0' && c <= '9') ? "a number" : NULL;
  }
}

static gw_json_pos error_expected(gw_json_reader *reader, const char *at, gw_code code,
                                  gw_str expected, const char *shape) {
  unsigned char c = (unsigned char)*at;
  char got[16];
  if (shape == NULL && c > ' ' && c < 0x7f) {
    snprintf(got, sizeof got, "'%c'", c);
  } else if (shape == NULL) {
    snprintf(got, sizeof got, "byte 0x%02x", c);
  }
  return gw_json_fail(reader, at, code, "expected " GW_STR_FMT ", got %s", GW_STR_ARG(expected),
                      shape != NULL ? shape : got);
}

gw_json_pos gw_json_fail_expected(gw_json_reader *reader, const char *at, gw_str expected) {
  if (at >= reader->end) return gw_json_fail_end(reader);
  const char *shape = error_shape(gw_str_from(at, reader->end));
  gw_code code = shape != NULL ? GW_BAD_VALUE : GW_BAD_REQUEST;
  return error_expected(reader, at, code, expected, shape);
}

gw_json_pos gw_json_fail_shape(gw_json_reader *reader, const char *at, const char *shape,
                               gw_str type) {
  char expected[160];
  int n = snprintf(expected, sizeof expected, "%s of %.*s", shape, (int)gw_size_min(type.n, 128),
                   type.p);
  return gw_json_fail_expected(reader, at, (gw_str){ expected, (size_t)n });
}

gw_json_pos gw_json_fail_syntax(gw_json_reader *reader, const char *at, gw_str expected) {
  if (at >= reader->end) return gw_json_fail_end(reader);
  const char *shape = error_shape(gw_str_from(at, reader->end));
  return error_expected(reader, at, GW_BAD_REQUEST, expected, shape);
}

/* ---- the path, from its end -------------------------------------------------------------------*/

/* Before the `*used` bytes at the end of `path`; one that is too long loses its front. */
static void path_prepend(char *path, size_t *used, gw_str piece) {
  size_t n = gw_size_min(piece.n, GW_JSON_WHERE_MAX - 1 - *used);
  *used += n;
  memcpy(path + GW_JSON_WHERE_MAX - *used, piece.p + (piece.n - n), n);
}

/* What is left of it; dots stand for a front that was lost. */
static gw_str path_done(char *path, size_t used) {
  char *begin = path + GW_JSON_WHERE_MAX - used;
  if (used == GW_JSON_WHERE_MAX - 1) memcpy(begin, "...", 3);
  return (gw_str){ begin, used };
}

static void where_prepend(gw_json_reader *reader, gw_str piece) {
  path_prepend(reader->where, &reader->where_n, piece);
}

static bool where_begins_with_name(const gw_json_reader *reader) {
  return reader->where_n > 0 && reader->where[sizeof reader->where - reader->where_n] != '[';
}

/* The key's text as the client wrote it, escapes too. */
static gw_str where_key_raw(const gw_json_reader *reader, const char *key) {
  const char *p = key + 1;
  while (p < reader->end && *p != '"') {
    p += *p == '\\' ? 2 : 1;
  }
  return gw_str_from(key + 1, p < reader->end ? p : reader->end);
}

/* The same, cut to a length that is easy to read. */
static gw_str where_key_text(const gw_json_reader *reader, const char *key) {
  gw_str raw = where_key_raw(reader, key);
  gw_str cut = gw_str_first(raw, gw_size_min(raw.n, ERROR_KEY_MAX));
  return gw_str_first(cut, gw_utf8_valid_prefix(cut));
}

/* RFC 6901: the name itself, with '~' and '/' escaped.  What was read before can be read again;
 * a key that cannot be decoded stands as it was written. */
static void pointer_prepend_key(gw_json_reader *reader, const char *key) {
  gw_err *err = reader->err;
  gw_code code = reader->code;
  gw_str name;
  reader->err = NULL;
  if (gw_json_text(reader, key, &name) == NULL) name = where_key_raw(reader, key);
  reader->err = err;
  reader->code = code;
  for (size_t i = name.n; i-- > 0 && reader->pointer_n < GW_JSON_WHERE_MAX - 1;) {
    char c = name.p[i];
    if ((unsigned char)c < ' ' || c == 0x7f) c = '?'; /* for whoever prints it */
    gw_str piece = c == '~' ? GW_STR("~0") : c == '/' ? GW_STR("~1") : (gw_str){ &c, 1 };
    path_prepend(reader->pointer, &reader->pointer_n, piece);
  }
  path_prepend(reader->pointer, &reader->pointer_n, GW_STR("/"));
}

void gw_json_where_key(gw_json_reader *reader, const char *key) {
  if (where_begins_with_name(reader)) where_prepend(reader, GW_STR("."));
  where_prepend(reader, where_key_text(reader, key));
  pointer_prepend_key(reader, key);
}

void gw_json_where_map_key(gw_json_reader *reader, const char *key) {
  if (where_begins_with_name(reader)) where_prepend(reader, GW_STR("."));
  where_prepend(reader, GW_STR("\"]"));
  where_prepend(reader, where_key_text(reader, key));
  where_prepend(reader, GW_STR("[\""));
  pointer_prepend_key(reader, key);
}

void gw_json_where_index(gw_json_reader *reader, size_t index) {
  char text[32];
  int n = snprintf(text, sizeof text, "[%zu]", index);
  if (where_begins_with_name(reader)) where_prepend(reader, GW_STR("."));
  where_prepend(reader, (gw_str){ text, (size_t)n });
  n = snprintf(text, sizeof text, "/%zu", index);
  path_prepend(reader->pointer, &reader->pointer_n, (gw_str){ text, (size_t)n });
}

void gw_json_where_done(gw_json_reader *reader) {
  gw_err_where(reader->err, path_done(reader->where, reader->where_n));
  gw_err_pointer(reader->err, path_done(reader->pointer, reader->pointer_n));
}
