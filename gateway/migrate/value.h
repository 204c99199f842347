/* value: what a scalar of JSON stands for, so that two spellings of one value are known as such.
 * With a field its type decides: "1" and 1 are the same int64, "RED" and 1 the same enum value,
 * base64 and base64url the same bytes, two texts the same instant.  Without one only numbers are
 * understood.  Integers of 64 bits are exact; other numbers are doubles.
 * Sources: ProtoJSON guide, RFC 8259 section 6.  Pure; any thread. */
#pragma once

#include "migrate/json_tree.h"

typedef enum gw_value_kind {
  GW_VALUE_INTEGER, /* of 64 bits, signed or not */
  GW_VALUE_DOUBLE,
  GW_VALUE_BOOL,
  GW_VALUE_TEXT, /* also bytes, and what a FieldMask is in snake_case */
  GW_VALUE_TIME, /* Timestamp, Duration */
  GW_VALUE_HUGE  /* a number that no double holds: its text */
} gw_value_kind;

typedef struct gw_value {
  gw_value_kind kind;
  bool is_negative; /* integers; never with 0 */
  uint64_t bits;    /* the integer's magnitude, the double's bits, the seconds */
  int32_t nanos;
  gw_str text; /* borrowed from the node or in the arena */
} gw_value;

/* What a field's element or a well-known message is as a scalar. */
typedef struct gw_scalar {
  gw_kind kind; /* of the value, within a wrapper too; MESSAGE: wkt says which */
  gw_wkt wkt;
  const gw_enum *enumeration;
} gw_scalar;

/* `message` of well-known types; NULL: the field's kind. */
gw_scalar gw_scalar_of(const gw_field *field, const gw_message *message);

/* A string, number, true, false or null.  GW_BAD_VALUE: it is no value of that type; GW_NOMEM. */
GW_CHECKED gw_code gw_value_read(gw_scalar scalar, const gw_json_node *node, gw_arena *arena,
                                 gw_value *out);
/* The text of a JSON number, or false. */
bool gw_value_of_number(gw_str text, gw_value *out);

bool gw_value_eq(const gw_value *a, const gw_value *b);
uint64_t gw_value_hash(const gw_value *value);
/* False: not a number. */
bool gw_value_to_double(const gw_value *value, double *out);
/* What the field holds when nothing is set. */
bool gw_value_is_default(const gw_value *value, const gw_field *field, gw_scalar scalar,
                         gw_arena *arena);
