#include "gateway.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "codec/json_to_wire.h"
#include "codec/wire_to_json.h"
#include "schema/builtin.h"
#include "schema/load.h"

/* An exchange has GW_ARENA_RATIO times its messages, and no conversion may need more; a few blocks
 * are for messages that are smaller than one. */
#define ARENA_BASE (4 * (size_t)GW_ARENA_BLOCK_BYTES)

static gw_pool *pool;
static gw_codec_memo *memo;

static void gateway_report(void *context, const gw_err *err) {
  (void)context;
  fprintf(stderr, "%s: %s\n", err->where, err->text);
}

const char *diff_gateway_builtin(size_t *n) {
  *n = gw_schema_builtin_n;
  return (const char *)gw_schema_builtin;
}

void diff_gateway_load(const char *set, size_t n) {
  gw_schema_source source = { GW_STR("the set"), { set, n } };
  if (gw_pool_load(&source, 1, gateway_report, NULL, &pool) != GW_OK) abort();
  memo = gw_codec_memo_new(pool);
  if (memo == NULL) abort();
}

static diff_result gateway_result(gw_code code, gw_buf *out, const gw_err *err) {
  if (code != err->code) abort();
  if (code == GW_NOMEM || code == GW_TOO_LARGE) {
    fprintf(stderr, "over a limit: %s\n", err->text);
    abort();
  }
  return (diff_result){ code == GW_OK, out->p,   code == GW_OK ? out->n : 0, err->line, err->column,
                        err->where,    err->text };
}

diff_result diff_json_to_wire(const char *message, bool reject_unknown, const char *json,
                              size_t n) {
  static gw_buf out;
  static gw_err err;
  gw_arena arena;
  /* Exactly what the contract promises: reading behind the pad is seen by ASan. */
  char *copy = malloc(n + GW_JSON_PAD);
  if (copy == NULL) abort();
  if (n > 0) memcpy(copy, json, n);
  memset(copy + n, '}', GW_JSON_PAD);
  gw_buf_done(&out);
  gw_buf_init(&out, NULL, DIFF_OUT_MAX);
  gw_arena_init(&arena, NULL, ARENA_BASE + GW_ARENA_RATIO * n);
  gw_err_init(&err);
  gw_codec codec = {
    .pool = pool, .memo = memo, .arena = &arena, .style.reject_unknown = reject_unknown
  };
  const gw_message *type = gw_pool_find_message(pool, gw_str_of(message));
  if (type == NULL) abort();
  gw_code code = gw_json_to_wire(&codec, type, (gw_str){ copy, n }, &out, &err);
  gw_arena_done(&arena);
  free(copy);
  return gateway_result(code, &out, &err);
}

diff_result diff_wire_to_json(const char *message, const char *wire, size_t n) {
  static gw_buf out;
  static gw_err err;
  gw_arena arena;
  char *copy = malloc(n + 1);
  if (copy == NULL) abort();
  if (n > 0) memcpy(copy, wire, n);
  gw_buf_done(&out);
  gw_buf_init(&out, NULL, DIFF_OUT_MAX);
  gw_arena_init(&arena, NULL, ARENA_BASE + GW_ARENA_RATIO * n);
  gw_err_init(&err);
  gw_codec codec = { .pool = pool, .memo = memo, .arena = &arena };
  const gw_message *type = gw_pool_find_message(pool, gw_str_of(message));
  if (type == NULL) abort();
  gw_code code = gw_wire_to_json(&codec, type, (gw_str){ copy, n }, &out, &err);
  gw_arena_done(&arena);
  free(copy);
  return gateway_result(code, &out, &err);
}
