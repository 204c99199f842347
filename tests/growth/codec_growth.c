/* One conversion of an input that grows with N, for growth.py to count its instructions.
 *
 *   codec_growth SHAPE json_to_wire|wire_to_json N
 *
 * Exit status 1: the conversion failed.  What is counted is growth_measure() and all it calls. */
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "codec/json_to_wire.h"
#include "codec/wire_to_json.h"
#include "schema/load.h"

#define OUT_MAX GW_MIB(64)
#define SET     "descriptors/codec_test.pb"

typedef void shape_make_fn(gw_buf *out, unsigned n);

typedef struct growth_shape {
  const char *name, *message;
  shape_make_fn *json; /* NULL: there is no such text */
  shape_make_fn *wire; /* NULL: what the text gives */
} growth_shape;

static void put(gw_buf *out, gw_str s) {
  if (gw_buf_append(out, s) != GW_OK) abort();
}

static void put_text(gw_buf *out, const char *text) {
  put(out, gw_str_of(text));
}

static void put_times(gw_buf *out, const char *text, unsigned n) {
  for (unsigned i = 0; i < n; i++)
    put_text(out, text);
}

static void put_byte(gw_buf *out, unsigned byte) {
  char c = (char)byte;
  put(out, (gw_str){ &c, 1 });
}

/* Numbers that look random and are the same each time. */
static unsigned draw(unsigned *state, unsigned below) {
  *state = *state * 1664525u + 1013904223u;
  return (*state >> 16) % below;
}

/* ---- deep nesting
 * ------------------------------------------------------------------------------*/

#define CHAIN_LEVELS (GW_JSON_DEPTH_MAX - 4)

/* N chains, as deep as the limit allows. */
static void deep_json(gw_buf *out, unsigned n) {
  put_text(out, "{\"children\":[");
  for (unsigned i = 0; i < n; i++) {
    if (i > 0) put_text(out, ",");
    put_times(out, "{\"child\":", CHAIN_LEVELS);
    put_text(out, "{\"count\":1}");
    put_times(out, "}", CHAIN_LEVELS);
  }
  put_text(out, "]}");
}

/* N KB inside of levels that each expect a short message, because the one before was short. */
static void moved_json(gw_buf *out, unsigned n) {
  put_times(out, "{\"children\":[{\"count\":1},", CHAIN_LEVELS);
  put_text(out, "{\"name\":\"");
  for (unsigned i = 0; i < n; i++)
    put_times(out, "0123456789", 100);
  put_text(out, "\"}");
  put_times(out, "]}", CHAIN_LEVELS);
}

/* N levels, each of which goes back in its last field: a restart at each would double the work. */
static void restart_wire(gw_buf *out, unsigned n) {
  char bytes[2048];
  size_t begin = sizeof bytes;
  for (unsigned i = 0; i < n; i++) {
    size_t inner = sizeof bytes - begin, prefix = inner >= 128 ? 3 : 2;
    begin -= prefix + 2;
    memmove(bytes + begin + prefix, bytes + begin + prefix + 2, inner);
    bytes[begin] = 0x1a;
    bytes[begin + 1] = (char)(inner >= 128 ? (inner & 127) | 128 : inner);
    if (inner >= 128) bytes[begin + 2] = (char)(inner >> 7);
    memcpy(bytes + sizeof bytes - 2, "\x10\x01", 2);
  }
  put(out, (gw_str){ bytes + begin, sizeof bytes - begin });
}

/* N levels, each of which says what it is behind what it contains. */
static void late_type_json(gw_buf *out, unsigned n) {
  put_times(out, "{\"value\":", n);
  put_text(out, "{}");
  put_times(out, ",\"@type\":\"type.googleapis.com/google.protobuf.Any\"}", n);
}

/* ---- map keys
 * ----------------------------------------------------------------------------------*/

static void keys_json(gw_buf *out, unsigned n) {
  put_text(out, "{\"labels\":{");
  for (unsigned i = 0; i < n; i++) {
    char entry[48];
    snprintf(entry, sizeof entry, "%s\"key%u\":\"v\"", i > 0 ? "," : "", i);
    put_text(out, entry);
  }
  put_text(out, "}}");
}

static void put_entry(gw_buf *out, const char *key) {
  size_t length = strlen(key);
  put_byte(out, 0x2a);
  put_byte(out, (unsigned)length + 5);
  put_byte(out, 0x0a);
  put_byte(out, (unsigned)length);
  put_text(out, key);
  put_text(out, "\x12\x01v");
}

/* Each key twice: the message is done by index. */
static void keys_twice_wire(gw_buf *out, unsigned n) {
  for (unsigned i = 0; i < 2 * n; i++) {
    char key[24];
    snprintf(key, sizeof key, "key%u", i % n);
    put_entry(out, key);
  }
}

/* Keys that would meet in one slot of either direction's table if its hash had no seed: the next
 * one after *i. */
static void flood_key(char *key, size_t size, unsigned *i, bool wire) {
  for (;; ++*i) {
    char field[32];
    int n = snprintf(key, size, "%x", *i);
    snprintf(field, sizeof field, "\x0a%c%s", n, key); /* the JSON side hashes the encoded key */
    uint64_t hash = wire ? gw_str_hash((gw_str){ key, (size_t)n }, 0)
                         : gw_str_hash((gw_str){ field, (size_t)n + 2 }, 0) >> 32;
    if ((hash & 0x7FF) == 0) break;
  }
  ++*i;
}

static void flood_json(gw_buf *out, unsigned n) {
  unsigned state = 0;
  put_text(out, "{\"labels\":{");
  for (unsigned i = 0; i < n; i++) {
    char key[16], entry[32];
    flood_key(key, sizeof key, &state, false);
    snprintf(entry, sizeof entry, "%s\"%s\":\"v\"", i > 0 ? "," : "", key);
    put_text(out, entry);
  }
  put_text(out, "}}");
}

static void flood_wire(gw_buf *out, unsigned n) {
  unsigned state = 0;
  for (unsigned i = 0; i < n; i++) {
    char key[16];
    flood_key(key, sizeof key, &state, true);
    put_entry(out, key);
  }
}

/* ---- order
 * -------------------------------------------------------------------------------------*/

static void shuffled_json(gw_buf *out, unsigned n) {
  static const char *const members[] = {
    "\"doubleValue\":1.5",     "\"floatValue\":2",         "\"int64Value\":\"3\"",
    "\"uint64Value\":\"4\"",   "\"int32Value\":5",         "\"fixed64Value\":\"6\"",
    "\"fixed32Value\":7",      "\"boolValue\":true",       "\"stringValue\":\"nine\"",
    "\"bytesValue\":\"dGVu\"", "\"uint32Value\":11",       "\"color\":\"RED\"",
    "\"sfixed32Value\":13",    "\"sfixed64Value\":\"14\"", "\"sint32Value\":15",
    "\"optional_bool\":true",  "\"nested\":{\"count\":1}", "\"mapBool\":{\"true\":false}",
  };
  unsigned state = 1;
  put_text(out, "{\"repeatedRecursive\":[");
  for (unsigned i = 0; i < n; i++) {
    const char *order[GW_COUNT_OF(members)];
    for (unsigned k = 0; k < GW_COUNT_OF(members); k++) { /* Fisher and Yates, from inside out */
      unsigned at = draw(&state, k + 1);
      order[k] = order[at];
      order[at] = members[k];
    }
    put_text(out, i > 0 ? ",{" : "{");
    for (unsigned k = 0; k < GW_COUNT_OF(members); k++) {
      if (k > 0) put_text(out, ",");
      put_text(out, order[k]);
    }
    put_text(out, "}");
  }
  put_text(out, "]}");
}

/* Scalars of one message in any order, each many times. */
static void shuffled_wire(gw_buf *out, unsigned n) {
  static const unsigned tags[] = { 0x20, 0x30, 0x38, 0x40 };
  unsigned state = 1;
  for (unsigned i = 0; i < n; i++) {
    put_byte(out, tags[draw(&state, GW_COUNT_OF(tags))]);
    put_byte(out, 1 + draw(&state, 100));
  }
}

/* Elements of two lists in turns. */
static void interleaved_wire(gw_buf *out, unsigned n) {
  for (unsigned i = 0; i < n; i++) {
    put_text(out, "\xf8\x03\x07");   /* unpacked_int32 = 63 */
    put_text(out, "\x8a\x03\x02xy"); /* repeated_string = 49 */
  }
}

/* N pieces of one submessage. */
static void merged_wire(gw_buf *out, unsigned n) {
  for (unsigned i = 0; i < n; i++)
    put(out, (gw_str){ "\x1a\x04\x10\x07\x1a\0", 6 });
}

/* ---- text
 * --------------------------------------------------------------------------------------*/

static void escapes_json(gw_buf *out, unsigned n) {
  put_text(out, "{\"text\":\"");
  put_times(out, "\\u0001\\\"\\u00e9", n);
  put_text(out, "\"}");
}

static const growth_shape shapes[] = {
  { "deep", "codectest.Nested", deep_json, NULL },
  { "moved", "codectest.Nested", moved_json, NULL },
  { "restart", "codectest.Nested", NULL, restart_wire },
  { "late_type", "google.protobuf.Any", late_type_json, NULL },
  { "keys", "codectest.Shelf", keys_json, NULL },
  { "keys_twice", "codectest.Shelf", NULL, keys_twice_wire },
  { "flood", "codectest.Shelf", flood_json, flood_wire },
  { "shuffled", "codectest.AllTypes", shuffled_json, NULL },
  { "shuffled_scalars", "codectest.Book", NULL, shuffled_wire },
  { "interleaved", "codectest.AllTypes", NULL, interleaved_wire },
  { "merged", "codectest.Nested", NULL, merged_wire },
  { "escapes", "codectest.Text", escapes_json, NULL },
};

/* ---- the conversion
 * ----------------------------------------------------------------------------*/

typedef gw_code convert_fn(gw_codec *codec, const gw_message *message, gw_str in, gw_buf *out,
                           gw_err *err);

gw_code growth_measure(convert_fn *convert, gw_codec *codec, const gw_message *message, gw_str in,
                       gw_buf *out, gw_err *err);

__attribute__((noinline)) gw_code growth_measure(convert_fn *convert, gw_codec *codec,
                                                 const gw_message *message, gw_str in, gw_buf *out,
                                                 gw_err *err) {
  return convert(codec, message, in, out, err);
}

static void report(void *context, const gw_err *err) {
  (void)context;
  fprintf(stderr, "%s: %s\n", err->where, err->text);
}

static gw_pool *load_pool(void) {
  static char bytes[1 << 20];
  gw_pool *pool = NULL;
  FILE *file = fopen(SET, "rb"); /* run from the top of the tree */
  if (file == NULL) return NULL;
  gw_schema_source source = { gw_str_of(SET), { bytes, fread(bytes, 1, sizeof bytes, file) } };
  fclose(file);
  return gw_pool_load(&source, 1, report, NULL, &pool) == GW_OK ? pool : NULL;
}

static int growth_run(const growth_shape *shape, bool to_wire, unsigned n, const gw_pool *pool,
                      gw_codec_memo *memo) {
  gw_buf in, out;
  gw_err err;
  gw_arena arena;
  gw_buf_init(&in, NULL, OUT_MAX);
  gw_buf_init(&out, NULL, OUT_MAX);
  gw_err_init(&err);
  gw_arena_init(&arena, NULL, OUT_MAX);
  gw_codec codec = { .pool = pool, .memo = memo, .arena = &arena };
  const gw_message *message = gw_pool_find_message(pool, gw_str_of(shape->message));
  bool from_text = to_wire || shape->wire == NULL;
  (from_text ? shape->json : shape->wire)(&in, n);
  if (gw_buf_reserve(&in, GW_JSON_PAD) != GW_OK) abort();
  memset(in.p + in.n, 0, GW_JSON_PAD);
  gw_code code = GW_OK;
  if (from_text && !to_wire) {
    code = gw_json_to_wire(&codec, message, gw_buf_str(&in), &out, &err);
    gw_buf text = in;
    in = out;
    out = text;
    out.n = 0;
  }
  if (code == GW_OK) {
    code = growth_measure(to_wire ? gw_json_to_wire : gw_wire_to_json, &codec, message,
                          gw_buf_str(&in), &out, &err);
  }
  if (code != GW_OK) report(NULL, &err);
  printf("%zu bytes to %zu\n", in.n, out.n);
  gw_buf_done(&in);
  gw_buf_done(&out);
  gw_arena_done(&arena);
  return code == GW_OK ? 0 : 1;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  bool to_wire = strcmp(argv[2], "json_to_wire") == 0;
  gw_pool *pool = load_pool();
  gw_codec_memo *memo = pool != NULL ? gw_codec_memo_new(pool) : NULL;
  int status = 2;
  for (size_t i = 0; memo != NULL && i < GW_COUNT_OF(shapes); i++) {
    if (strcmp(shapes[i].name, argv[1]) == 0 && (shapes[i].json != NULL || !to_wire)) {
      status = growth_run(&shapes[i], to_wire, (unsigned)strtoul(argv[3], NULL, 10), pool, memo);
    }
  }
  gw_codec_memo_free(memo);
  gw_pool_free(pool);
  return status;
}
