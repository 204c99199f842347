#include "bench/codec_sluice.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "codec/json_to_wire.h"
#include "codec/wire_to_json.h"
#include "schema/load.h"

struct codec_sluice {
  gw_pool *pool;
  gw_codec_memo *memo;
  gw_arena_pool blocks;
  const gw_message *message;
  gw_buf out;
};

static void sluice_report(void *context, const gw_err *err) {
  (void)context;
  fprintf(stderr, "%s: %s\n", err->where, err->text);
}

static gw_pool *sluice_load(const char *path) {
  gw_pool *pool = NULL;
  char *bytes = malloc(GW_DESCRIPTOR_BYTES_MAX);
  FILE *file = fopen(path, "rb");
  if (file == NULL) perror(path);
  if (file != NULL && bytes != NULL) {
    gw_schema_source source = { gw_str_of(path),
                                { bytes, fread(bytes, 1, GW_DESCRIPTOR_BYTES_MAX, file) } };
    if (gw_pool_load(&source, 1, sluice_report, NULL, &pool) != GW_OK) pool = NULL;
  }
  if (file != NULL) fclose(file);
  free(bytes);
  return pool;
}

codec_sluice *codec_sluice_new(const char *descriptor_path, const char *message_name) {
  codec_sluice *sluice = calloc(1, sizeof *sluice);
  if (sluice == NULL) return NULL;
  sluice->pool = sluice_load(descriptor_path);
  if (sluice->pool != NULL) {
    sluice->memo = gw_codec_memo_new(sluice->pool);
    sluice->message = gw_pool_find_message(sluice->pool, gw_str_of(message_name));
    gw_buf_init(&sluice->out, NULL, GW_MESSAGE_BYTES_MAX);
  }
  if (sluice->memo != NULL && sluice->message != NULL) return sluice;
  codec_sluice_free(sluice);
  return NULL;
}

void codec_sluice_free(codec_sluice *sluice) {
  if (sluice == NULL) return;
  gw_buf_done(&sluice->out);
  gw_codec_memo_free(sluice->memo);
  gw_pool_free(sluice->pool);
  gw_arena_pool_done(&sluice->blocks);
  free(sluice);
}

size_t codec_sluice_json_pad(void) {
  return GW_JSON_PAD;
}

typedef gw_code sluice_convert_fn(gw_codec *codec, const gw_message *message, gw_str in,
                                  gw_buf *out, gw_err *err);

static bool sluice_convert(codec_sluice *sluice, sluice_convert_fn *convert, gw_str in,
                           const char **out, size_t *out_n) {
  gw_arena arena;
  gw_err err;
  gw_arena_init(&arena, &sluice->blocks, GW_ARENA_RATIO * GW_MESSAGE_BYTES_MAX);
  gw_err_init(&err);
  gw_codec codec = { .pool = sluice->pool, .memo = sluice->memo, .arena = &arena };
  sluice->out.n = 0;
  gw_code code = convert(&codec, sluice->message, in, &sluice->out, &err);
  gw_arena_done(&arena);
  if (code != GW_OK) fprintf(stderr, "%s: %s\n", err.where, err.text);
  *out = sluice->out.p;
  *out_n = sluice->out.n;
  return code == GW_OK;
}

bool codec_sluice_json_to_wire(codec_sluice *sluice, const char *json, size_t json_n,
                               const char **out, size_t *out_n) {
  return sluice_convert(sluice, gw_json_to_wire, (gw_str){ json, json_n }, out, out_n);
}

bool codec_sluice_wire_to_json(codec_sluice *sluice, const char *wire, size_t wire_n,
                               const char **out, size_t *out_n) {
  return sluice_convert(sluice, gw_wire_to_json, (gw_str){ wire, wire_n }, out, out_n);
}
