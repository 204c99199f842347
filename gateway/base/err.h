/* err: what went wrong, in words for the one who can mend it, and where.
 * The first error wins: a later gw_err_set() on the same object changes nothing, so that inner
 * functions, which know most, speak first.  Every function accepts NULL and then only returns the
 * code.  Caller's memory; pure; one thread. */
#pragma once

#include "base/code.h"
#include "base/str.h"

typedef struct gw_err {
  gw_code code;          /* GW_OK: nothing was reported */
  uint32_t line, column; /* from 1; 0: unknown.  Columns count bytes. */
  const char *origin;    /* what `where` names: "query parameter"; NULL: a field, a file */
  char pointer[192];     /* RFC 6901: the same place in a JSON text; a long one begins with "..." */
  char where[192];       /* a field path ("shelf.books[3].page_count"), a file name, or "" */
  char text[320];        /* one sentence without a full stop; cut, never overrun */
} gw_err;

/* Cheap: the texts stay as they are until something is reported. */
static inline void gw_err_init(gw_err *err) {
  err->code = GW_OK;
  err->line = err->column = 0;
  err->origin = NULL;
  err->pointer[0] = err->where[0] = err->text[0] = '\0';
}

/* Both return `code`, whether or not an earlier error stands. */
gw_code gw_err_set(gw_err *err, gw_code code, const char *format, ...) GW_PRINTF(3, 4);
gw_code gw_err_at(gw_err *err, gw_code code, gw_str where, const char *format, ...) GW_PRINTF(4, 5);

/* Adds what only an outer function knows; changes nothing that is already set. */
void gw_err_position(gw_err *err, uint32_t line, uint32_t column);
void gw_err_where(gw_err *err, gw_str where);
void gw_err_pointer(gw_err *err, gw_str pointer);
void gw_err_origin(gw_err *err, const char *origin); /* a literal */

/* "query parameter pageSize: expected int32, ..." into out, NUL-terminated, cut to `size`; returns
 * its length. */
size_t gw_err_print(const gw_err *err, char *out, size_t size);

/* " (at /user/tags/3, line 2, column 7)", as far as it is known; else "". */
size_t gw_err_place_print(const gw_err *err, char *out, size_t size);
