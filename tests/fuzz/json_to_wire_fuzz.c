/* Any bytes as JSON text: the first one picks a message of descriptors/codec_test.pb and whether
 * unknown fields are refused.  What stands behind the text and what was learned before must not
 * change the answer, and no answer may be over its limits. */
#include <stdio.h>
#include <stdlib.h>

#include "codec/json_to_wire.h"
#include "schema/load.h"

#define OUT_MAX   (1u << 20)
#define ARENA_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {
  "codectest.AllTypes",       "codectest.Nested",          "codectest.Crossed",
  "codectest.Shelf",          "google.protobuf.Any",       "google.protobuf.Value",
  "google.protobuf.Struct",   "google.protobuf.ListValue", "google.protobuf.Timestamp",
  "google.protobuf.Duration", "google.protobuf.FieldMask", "google.rpc.Status",
};

static gw_pool *pool;
static gw_codec_memo *memo;

static void report(void *context, const gw_err *err) {
  (void)context;
  fprintf(stderr, "%s: %s\n", err->where, err->text);
}

static void load(void) {
  static char bytes[1 << 20];
  FILE *file = fopen("descriptors/codec_test.pb", "rb");
  if (file == NULL) abort(); /* run from the top of the tree */
  gw_schema_source source = { gw_str_of("codec_test.pb"),
                              { bytes, fread(bytes, 1, sizeof bytes, file) } };
  fclose(file);
  if (gw_pool_load(&source, 1, report, NULL, &pool) != GW_OK) abort();
  memo = gw_codec_memo_new(pool);
}

static gw_code convert(const gw_message *message, bool strict, gw_str text, char pad,
                       gw_codec_memo *learned, gw_buf *out, gw_err *err) {
  gw_arena arena;
  char *copy = malloc(text.n + GW_JSON_PAD);
  if (copy == NULL) abort();
  if (text.n > 0) memcpy(copy, text.p, text.n);
  memset(copy + text.n, pad, GW_JSON_PAD);
  gw_arena_init(&arena, NULL, ARENA_MAX);
  gw_buf_init(out, NULL, OUT_MAX);
  gw_err_init(err);
  gw_codec codec = {
    .pool = pool, .memo = learned, .arena = &arena, .style.reject_unknown = strict
  };
  gw_code code = gw_json_to_wire(&codec, message, (gw_str){ copy, text.n }, out, err);
  if (code == GW_OK ? out->n > OUT_MAX : err->code != code) abort();
  gw_arena_done(&arena);
  free(copy);
  return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (pool == NULL) load();
  if (size == 0) return 0;
  const gw_message *message =
      gw_pool_find_message(pool, gw_str_of(names[data[0] / 2 % GW_COUNT_OF(names)]));
  gw_str text = { (const char *)data + 1, size - 1 };
  gw_buf first, second;
  gw_err first_err, second_err;
  gw_codec_memo *fresh = gw_codec_memo_new(pool);
  /* The pad that would be the most welcome: the text's own last byte. */
  char pad = text.n > 0 ? text.p[text.n - 1] : '}';
  gw_code a = convert(message, data[0] & 1, text, '\0', memo, &first, &first_err);
  gw_code b = convert(message, data[0] & 1, text, pad, fresh, &second, &second_err);
  if (a != b || first_err.line != second_err.line || first_err.column != second_err.column ||
      strcmp(first_err.where, second_err.where) != 0 ||
      strcmp(first_err.pointer, second_err.pointer) != 0 ||
      strcmp(first_err.text, second_err.text) != 0) {
    abort();
  }
  if (a == GW_OK && !gw_str_eq(gw_buf_str(&first), gw_buf_str(&second))) abort();
  gw_buf_done(&first);
  gw_buf_done(&second);
  gw_codec_memo_free(fresh);
  return 0;
}
