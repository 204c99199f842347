/* Input: a byte that chooses how long the pieces are, then a text of many values.  Checked: cut
 * into pieces it is found to hold the same values at the same places, or refused at the same place,
 * as whole; no byte of a value is lost; memory behind a piece is not read. */
#include <stdlib.h>

#include "codec/json_split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was found, as one number and some that are easy to look at. */
typedef struct finding {
  gw_code code;
  uint32_t line, column;
  uint64_t values, bytes, hash;
} finding;

static void finding_add(finding *f, const char *p, size_t n) {
  for (size_t i = 0; i < n; i++)
    f->hash = (f->hash ^ (uint8_t)p[i]) * 0x100000001b3u;
  f->bytes += n;
}

static gw_code finding_piece(finding *f, gw_json_split *split, gw_str in, gw_err *err) {
  gw_str part;
  for (;;) {
    uint64_t begun = split->count;
    size_t before = in.n;
    gw_code code = gw_json_split_next(split, &in, &part, err);
    if (code != GW_OK && code != GW_AGAIN) return code;
    if (split->count > begun)
      finding_add(f, (const char *)&split->value_at, sizeof split->value_at);
    finding_add(f, part.p, part.n);
    if (part.n > before - in.n) abort();
    if (code == GW_AGAIN && in.n > 0) abort();
    if (code == GW_AGAIN) return code;
    f->values++;
  }
}

static finding find(gw_str text, size_t piece) {
  finding f = { 0 };
  gw_json_split split = { 0 };
  gw_err err;
  gw_err_init(&err);
  f.code = GW_AGAIN;
  for (size_t at = 0; at < text.n && f.code == GW_AGAIN; at += piece) {
    size_t n = gw_size_min(piece, text.n - at);
    char *copy = malloc(n);
    if (copy == NULL) abort();
    memcpy(copy, text.p + at, n);
    f.code = finding_piece(&f, &split, (gw_str){ copy, n }, &err);
    free(copy);
  }
  if (f.code == GW_AGAIN) {
    f.code = gw_json_split_end(&split, &err);
    if (f.code == GW_OK) f.values++;
  }
  if (f.code != GW_OK && f.code != GW_AGAIN) f.hash = f.bytes = 0; /* of a bad value any part */
  f.line = err.line;
  f.column = err.column;
  return f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  gw_str text = { (const char *)data + 1, size - 1 };
  finding whole = find(text, size), cut = find(text, 1 + data[0] % 32u);
  if (whole.code != cut.code || whole.values != cut.values || whole.hash != cut.hash ||
      whole.line != cut.line || whole.column != cut.column) {
    abort();
  }
  return 0;
}
