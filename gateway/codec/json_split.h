/* json_split: finds the values in a text that holds many, cut anywhere (TRANSCODING section 8,
 * D-38). Shape: when the first byte that is no white space is `[`, the elements of one array; else
 * values one behind the other, with or without white space between them (NDJSON). Only where a
 * value ends is judged here: brackets are counted, strings are skipped.  Whether it is JSON says
 * who reads it.  Each byte is looked at once and none is kept. Zero-initialised is ready.  Caller's
 * memory; pure; one thread. Errors: GW_BAD_REQUEST with line and column of the whole text (what is
 * wrong between values, too many levels, an end before the end of a value). */
#pragma once

#include "base/err.h"
#include "base/limits.h"

/* Which shapes are taken; the peers know one each. */
typedef enum gw_split_form {
  GW_SPLIT_ANY,
  GW_SPLIT_ARRAY, /* anything but `[` first is an error */
  GW_SPLIT_LINES  /* `[` first begins a value */
} gw_split_form;

typedef struct gw_json_split {
  gw_split_form form; /* set by the caller, if at all */
  uint8_t place;      /* what is awaited between values */
  uint8_t inside;     /* of which kind of value, if any */
  bool is_array, is_escaped, was_cr;
  uint32_t depth;         /* brackets open within the value */
  uint64_t count;         /* values begun so far; the last one's index is count - 1 */
  uint64_t at;            /* bytes taken */
  uint64_t line, line_at; /* lines ended before `at`; where this one begins */
  uint64_t value_line, value_line_at, value_at; /* the same where the last value begins */
} gw_json_split;

/* Takes bytes from the front of *in and sets *part to what of them belongs to a value.
 * GW_OK: the value ends with *part.  GW_AGAIN: *in is used up; *part is the beginning or the middle
 * of a value, or empty. */
GW_CHECKED gw_code gw_json_split_next(gw_json_split *split, gw_str *in, gw_str *part, gw_err *err);

/* The text is over.  GW_OK: what was handed out last is a whole value (nothing but the end ends a
 * number).  GW_AGAIN: all values were found before. */
GW_CHECKED gw_code gw_json_split_end(gw_json_split *split, gw_err *err);

/* What a reader found wrong in the last value: its line and column become those of the whole text,
 * and its path begins with the value's index.  Errors without a line stay as they are. */
void gw_json_split_locate(const gw_json_split *split, gw_err *err);
