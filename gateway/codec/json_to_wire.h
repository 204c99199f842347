/* json_to_wire: JSON text -> protobuf wire bytes, in one pass, driven by the schema (ProtoJSON).
 * Input: RFC 8259 strictly; GW_JSON_PAD bytes behind its end must be readable (their content does
 * not matter) and are never taken for part of it.  Output is appended to `out`, whose limit holds.
 * Errors: GW_BAD_REQUEST (syntax, UTF-8, depth) and GW_BAD_VALUE (type, range, unknown name,
 * duplicates), with err->line, ->column (of the offending byte) and ->where, the field path as the
 * client wrote it ("shelf.books[3].pageCount"; map keys as m["k"]); the text names the expected
 * type and, for a misspelt field, the nearest name.  GW_TOO_LARGE, GW_NOMEM.  `out` is undefined
 * then. Pure; one thread (the memo). */
#pragma once

#include "codec/codec.h"

#define GW_JSON_PAD 64u /* readable bytes behind the text */

/* The whole text is one `message`.  Whitespace alone is an error; the caller treats an empty body.
 */
GW_CHECKED gw_code gw_json_to_wire(gw_codec *codec, const gw_message *message, gw_str json,
                                   gw_buf *out, gw_err *err);

/* The whole text is the value of `field`: any kind, lists and maps too.  Appends tag and value;
 * null appends nothing (except for Value and NullValue). */
GW_CHECKED gw_code gw_json_to_wire_field(gw_codec *codec, const gw_field *field, gw_str json,
                                         gw_buf *out, gw_err *err);

/* A decoded path variable, query value or header becomes one element of `field`, tag included:
 * scalars, enums (declared names or numbers), bytes, wrappers, Timestamp, Duration, FieldMask
 * (camelCase or snake_case), Value, Struct and ListValue as JSON text.  TRANSCODING sections 4, 5,
 * 15: bool true/false/1/0/t/f and capitals; integers decimal, "1e2" too. `always`: also a value
 * that equals the implicit default, and all parts of Timestamp and Duration, is written, so that it
 * overrides what a body says.  `text` needs no padding. Errors: GW_BAD_VALUE with the expected
 * type; ->where is left to the caller. */
GW_CHECKED gw_code gw_text_to_wire_field(gw_codec *codec, const gw_field *field, gw_str text,
                                         bool always, gw_buf *out, gw_err *err);
