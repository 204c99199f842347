/* json_place: where a value stands in a JSON text: jansson's trees do not know.
 * Pure; any thread. */
#pragma once

#include "base/str.h"

/* One step from a value to one inside it: a member of an object, or an element of an array. */
typedef struct gw_json_step {
  gw_str key;   /* n == 0: `index` counts */
  size_t index; /* from 0 */
} gw_json_step;

/* `text` has been parsed as JSON before.  Line and column, from 1, of the value that the steps lead
 * to; where one leads nowhere, of the last value that there is.  Columns count characters. */
void gw_json_place_find(gw_str text, const gw_json_step *steps, size_t count, uint32_t *line,
                        uint32_t *column);
