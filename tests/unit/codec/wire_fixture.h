/* wire_fixture: the tests' descriptor sets, loaded once, and conversions in one call. */
#pragma once

#include "codec/wire_to_json.h"
#include "unit/test.h"

/* descriptors/codec_test.pb, codec_test2.pb and the built-in set. */
const gw_pool *wire_fixture_pool(void);
gw_codec_memo *wire_fixture_memo(void);
const gw_message *wire_fixture_message(const char *full_name);

/* "0a 03 'abc' # comment": hexadecimal digits, text between apostrophes, comments to the line's
 * end.  Free p with free(); exactly n bytes, so that a sanitizer sees any read behind them. */
gw_str wire_fixture_bytes(gw_str text);

typedef struct wire_result {
  gw_code code;
  gw_err err;
  gw_str json; /* free p with free() */
  uint64_t message_count;
} wire_result;

/* `field` may be NULL; `style` is words: all nulls int64_number proto_names enum_number. */
wire_result wire_fixture_run(const char *message, const char *field, gw_str wire,
                             const char *style);
/* Hexadecimal text in, JSON or "code: text [where]" out, compared. */
void wire_fixture_check(const char *message, const char *wire, const char *wanted);

gw_json_style wire_fixture_style(const char *words);
