#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

static void err_write(gw_err *err, gw_code code, const char *format, va_list args) {
  err->code = code;
  vsnprintf(err->text, sizeof err->text, format, args);
}

gw_code gw_err_set(gw_err *err, gw_code code, const char *format, ...) {
  if (err == NULL || err->code != GW_OK) return code;
  va_list args;
  va_start(args, format);
  err_write(err, code, format, args);
  va_end(args);
  return code;
}

gw_code gw_err_at(gw_err *err, gw_code code, gw_str where, const char *format, ...) {
  if (err == NULL || err->code != GW_OK) return code;
  va_list args;
  va_start(args, format);
  err_write(err, code, format, args);
  va_end(args);
  gw_err_where(err, where);
  return code;
}

void gw_err_position(gw_err *err, uint32_t line, uint32_t column) {
  if (err == NULL || err->line != 0) return;
  err->line = line;
  err->column = column;
}

static void err_copy(char *to, size_t size, gw_str from) {
  size_t n = gw_size_min(from.n, size - 1);
  if (n > 0) memcpy(to, from.p, n);
  to[n] = '\0';
}

void gw_err_where(gw_err *err, gw_str where) {
  if (err != NULL && err->where[0] == '\0') err_copy(err->where, sizeof err->where, where);
}

void gw_err_pointer(gw_err *err, gw_str pointer) {
  if (err != NULL && err->pointer[0] == '\0') err_copy(err->pointer, sizeof err->pointer, pointer);
}

void gw_err_origin(gw_err *err, const char *origin) {
  if (err != NULL && err->origin == NULL) err->origin = origin;
}

size_t gw_err_print(const gw_err *err, char *out, size_t size) {
  const char *origin = err->origin != NULL ? err->origin : "";
  const char *blank = origin[0] != '\0' && err->where[0] != '\0' ? " " : "";
  const char *colon = origin[0] != '\0' || err->where[0] != '\0' ? ": " : "";
  int n = snprintf(out, size, "%s%s%s%s%s", origin, blank, err->where, colon, err->text);
  return n < 0 ? 0 : gw_size_min((size_t)n, size - 1);
}

size_t gw_err_place_print(const gw_err *err, char *out, size_t size) {
  const char *at = err->pointer[0] != '\0' ? "at " : "";
  const char *comma = err->pointer[0] != '\0' ? ", " : "";
  int n = 0;
  out[0] = '\0';
  if (err->line != 0) {
    n = snprintf(out, size, " (%s%s%sline %u, column %u)", at, err->pointer, comma, err->line,
                 err->column);
  }
  return n < 0 ? 0 : gw_size_min((size_t)n, size - 1);
}
