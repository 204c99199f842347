/* json_fixture: a pool of the test messages, and conversions whose input is as hostile as the
 * contract allows.  The pool is loaded once for all tests; every conversion has an arena and buffer
 * of its own. */
#pragma once

#include "base/limits.h"
#include "codec/json_to_wire.h"
#include "schema/load.h"
#include "unit/test.h"

const gw_pool *json_fixture_pool(void);
const gw_message *json_fixture_message(const char *full_name);
const gw_field *json_fixture_field(const char *message, const char *field);

/* What a conversion gave; done with json_result_done(). */
typedef struct json_result {
  gw_code code;
  gw_buf wire; /* on the heap */
  gw_err err;
  uint64_t unknown_count;
} json_result;

/* Converts a copy of `json` that ends exactly GW_JSON_PAD bytes of `pad` before memory does. */
json_result json_fixture_convert(const gw_message *message, gw_str json, gw_json_style style,
                                 gw_codec_memo *memo, char pad);
void json_result_done(json_result *result);

/* Lower-case hexadecimal digits; free p with free(). */
gw_str json_fixture_hex(gw_str bytes);
