/* Input: a byte that picks a message of descriptors/codec_test.pb, a byte of style (bits 0 and 1
 * emit, 2 int64_number, 3 proto_names, 4 enum_number, 5 only one field), then wire bytes.
 * Checked: what is printed reads back as JSON of that message, and, where the style loses nothing,
 * prints as the same text again. */
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "codec/json_to_wire.h"
#include "codec/wire_to_json.h"
#include "schema/load.h"

#define SET_BYTES_MAX GW_MIB(1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static gw_pool *pool;
static gw_codec_memo *memo;

static const char *const messages[] = {
  "codectest.AllTypes",        "codectest.Nested",      "codectest.Shelf",
  "codectest.Numbers",         "codectest.Crossed",     "google.protobuf.Struct",
  "google.protobuf.Any",       "google.protobuf.Value", "google.rpc.BadRequest",
  "google.protobuf.FieldMask", "google.api.HttpBody",   "google.protobuf.ListValue",
  "google.protobuf.Duration",
};

static void pool_report(void *context, const gw_err *err) {
  (void)context;
  fprintf(stderr, "%s: %s\n", err->where, err->text);
}

static void pool_open(void) {
  static char bytes[SET_BYTES_MAX];
  FILE *file = fopen("descriptors/codec_test.pb", "rb");
  if (file == NULL) abort();
  gw_schema_source source = { GW_STR("codec_test.pb"),
                              { bytes, fread(bytes, 1, sizeof bytes, file) } };
  fclose(file);
  if (gw_pool_load(&source, 1, pool_report, NULL, &pool) != GW_OK) abort();
  memo = gw_codec_memo_new(pool);
}

/* Exactly sized memory, so that reading behind the wire is seen. */
static gw_code print(gw_codec *codec, const gw_message *message, const gw_field *field, gw_str wire,
                     gw_buf *out) {
  char *copy = malloc(wire.n + 1);
  gw_str exact = { copy, wire.n };
  gw_err err;
  gw_err_init(&err);
  if (wire.n > 0) memcpy(copy, wire.p, wire.n);
  gw_code code = field == NULL ? gw_wire_to_json(codec, message, exact, out, &err)
                               : gw_wire_to_json_field(codec, field, exact, out, &err);
  if (code != err.code) abort();
  if (code != GW_OK && out->n != 0) abort();
  free(copy);
  return code;
}

static void read_back(gw_codec *codec, const gw_message *message, const gw_buf *json,
                      bool lossless) {
  gw_buf padded, wire, again;
  gw_err err;
  gw_err_init(&err);
  gw_buf_init(&padded, NULL, SIZE_MAX / 2);
  gw_buf_init(&wire, NULL, GW_MIB(16));
  gw_buf_init(&again, NULL, GW_MIB(16));
  if (gw_buf_append(&padded, gw_buf_str(json)) != GW_OK) abort();
  if (gw_buf_reserve(&padded, GW_JSON_PAD) != GW_OK) abort();
  gw_code code = gw_json_to_wire(codec, message, gw_buf_str(&padded), &wire, &err);
  /* Lists count as levels of JSON, and not as levels of messages; printing is liberal about the
   * characters of a FieldMask's path, reading is not. */
  bool known = strstr(err.text, "deep") != NULL || strstr(err.text, "no path") != NULL;
  if (code != GW_OK && !known) {
    fprintf(stderr, GW_STR_FMT "\n%s at %u:%u %s\n", GW_STR_ARG(gw_buf_str(json)), err.text,
            err.line, err.column, err.where);
    abort();
  }
  if (code == GW_OK && lossless) {
    if (print(codec, message, NULL, gw_buf_str(&wire), &again) != GW_OK) abort();
    /* A NullValue of any number is printed as null, and null is read as 0, which is not set. */
    bool null = memmem(json->p, json->n, "null", 4) != NULL;
    if (!gw_str_eq(gw_buf_str(&again), gw_buf_str(json)) && !null) {
      fprintf(stderr, GW_STR_FMT "\n" GW_STR_FMT "\n", GW_STR_ARG(gw_buf_str(json)),
              GW_STR_ARG(gw_buf_str(&again)));
      abort();
    }
  }
  gw_buf_done(&padded);
  gw_buf_done(&wire);
  gw_buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (pool == NULL) pool_open();
  if (size < 2) return 0;
  const gw_message *message =
      gw_pool_find_message(pool, gw_str_of(messages[data[0] % GW_COUNT_OF(messages)]));
  if (message == NULL) abort();
  unsigned bits = data[1];
  gw_arena arena;
  gw_buf out;
  gw_arena_init(&arena, NULL, GW_MIB(16));
  gw_buf_init(&out, NULL, GW_MIB(16));
  gw_codec codec = { .pool = pool, .memo = memo, .arena = &arena };
  codec.style = (gw_json_style){ .emit = (gw_json_emit)((bits & 3) % 3),
                                 .int64_number = (bits & 4) != 0,
                                 .proto_names = (bits & 8) != 0,
                                 .enum_number = (bits & 16) != 0,
                                 .reject_unknown = true };
  const gw_field *field = NULL;
  if ((bits & 32) != 0) field = &message->fields[data[0] / 16 % message->field_count];
  gw_str wire = { (const char *)data + 2, size - 2 };
  gw_code code = print(&codec, message, field, wire, &out);
  if (code == GW_OK && field == NULL) {
    /* With crossed names a proto name reads as another field's JSON name (D-20). */
    bool crossed = codec.style.proto_names && gw_str_ends(message->full_name, GW_STR("Crossed"));
    read_back(&codec, message, &out, codec.style.emit == GW_EMIT_SET && !crossed);
  }
  gw_buf_done(&out);
  gw_arena_done(&arena);
  return 0;
}
