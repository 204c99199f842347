/* number: text <-> numbers for JSON, exact and shortest.
 * Printing: Schubfach (Giulietti) in Go's layout: plain notation for 1e-6 <= |x| < 1e21, else
 * d.ddde+21, e-07 without padding of the exponent ("1e-7"); -0 prints "-0"; floats shortest at
 * their own width.  NaN and infinities are the caller's ("NaN" has quotes in JSON). Reading:
 * Clinger's fast path, Eisel-Lemire, strtod beyond 19 digits. Pure; any thread. */
#pragma once

#include "base/code.h"
#include "base/str.h"

#define GW_NUMBER_TEXT_MAX 32 /* bytes that any number of this file needs */

/* All return the bytes written; `out` has GW_NUMBER_TEXT_MAX bytes. */
size_t gw_number_print_u64(uint64_t value, char *out);
size_t gw_number_print_i64(int64_t value, char *out);
size_t gw_number_print_double(double value, char *out);
size_t gw_number_print_float(float value, char *out);
/* As protobuf C++ prints them: %.15g, or %.17g where that reads back as another value; floats
 * %.6g or %.9g (D-50). */
size_t gw_number_print_double_c(double value, char *out);
size_t gw_number_print_float_c(float value, char *out);

/* The text of a JSON number (RFC 8259 grammar), cut into its parts. */
typedef struct gw_number {
  bool negative;
  bool integral;    /* neither fraction nor exponent */
  bool inexact;     /* more than 19 significant digits: `digits` is cut */
  uint64_t digits;  /* the first 19 significant digits */
  int32_t exponent; /* of ten, for `digits`; clamped to +-100000 */
  gw_str text;
} gw_number;

/* Reads the longest number at `s`; false: none stands there ("-", "01" reads "0", ".5" none). */
bool gw_number_scan(gw_str s, gw_number *out);

/* GW_BAD_VALUE: not integral ("1.5") or out of range.  "1.0", "1e2", "100E-2" are integral. */
GW_CHECKED gw_code gw_number_to_i64(const gw_number *number, int64_t *out);
GW_CHECKED gw_code gw_number_to_u64(const gw_number *number, uint64_t *out);
/* GW_BAD_VALUE: overflow; underflow is 0 with its sign. */
GW_CHECKED gw_code gw_number_to_double(const gw_number *number, double *out);
GW_CHECKED gw_code gw_number_to_float(const gw_number *number, float *out);

#define GW_NUMBER_BEFORE                                                                           \
  16 /* bytes before a number that are readable, and behind its first one                          \
      */
#define GW_NUMBER_BEHIND 48

/* All of it at once for an ordinary number of up to 19 digits that begins at p, around which those
 * bytes are readable, and ends before `end`.  next: behind it; NULL: anything else, right or wrong,
 * which is to be scanned. */
typedef struct gw_number_double {
  const char *next;
  double value;
} gw_number_double;

typedef struct gw_number_float {
  const char *next;
  float value;
} gw_number_float;

gw_number_double gw_number_read_double(const char *p, const char *end);
gw_number_float gw_number_read_float(const char *p, const char *end);
