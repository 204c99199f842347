/* Input: one byte that chooses rule and form, the request target up to "\n", then the body.
 * Checked: what is bound is well-formed wire; the path's value wins over query and body. */
#include <stdio.h>
#include <stdlib.h>

#include "codec/json_to_wire.h"
#include "codec/wire_to_json.h"
#include "route/bind.h"
#include "route/uri.h"
#include "schema/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct rule_row {
  const char *method, *template, *body;
  bool reject;
} rule_row;

static const rule_row rows[] = {
  { "POST", "/v1/{string_value}", "", false },
  { "POST", "/v1/{string_value=**}", "*", false },
  { "POST", "/v1/{string_value}/{nested.name}", "nested", true },
  { "POST", "/v1/{string_value}/{int32_value}/{timestamp}/{wrapped_bool}", "*", true },
  { "POST", "/v1/{string_value}", "recursive.recursive.map_string", false },
  { "POST", "/v1/{string_value}", "recursive.http_body", true },
  { "POST", "/v1/{string_value=a/*/**}:go", "repeated_nested", false },
  { "POST", "/v1/{string_value}/{choice_string}", "value", true },
  { "PATCH", "/v1/{string_value}/{recursive.int32_value}", "recursive", false },
  { "PATCH", "/v1/{string_value}", "struct", false },
};

#define STRING_VALUE 9 /* AllTypes.string_value's number */

static gw_pool *pool;
static gw_codec_memo *memo;
static gw_arena rule_arena;
static gw_rpc rpc;
static gw_route routes[GW_COUNT_OF(rows)];
static gw_rule rules[GW_COUNT_OF(rows)];

static void require(bool condition) {
  if (!condition) abort();
}

static gw_str read_file(const char *path) {
  static char bytes[1 << 20];
  FILE *file = fopen(path, "rb");
  require(file != NULL); /* run from the top of the tree */
  size_t n = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  return (gw_str){ bytes, n };
}

static void set_up(void) {
  gw_schema_source source = { GW_STR("codec_test.pb"), read_file("descriptors/codec_test.pb") };
  require(gw_pool_load(&source, 1, NULL, NULL, &pool) == GW_OK);
  memo = gw_codec_memo_new(pool);
  require(memo != NULL);
  gw_arena_init(&rule_arena, NULL, GW_MIB(1));
  rpc.input = rpc.output = gw_pool_find_message(pool, GW_STR("codectest.AllTypes"));
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    routes[i] = (gw_route){ .rpc = &rpc, .query_reject_unknown = rows[i].reject };
    rules[i] = (gw_rule){ .route = &routes[i],
                          .method = gw_str_of(rows[i].method),
                          .body_text = gw_str_of(rows[i].body) };
    require(gw_template_parse(gw_str_of(rows[i].template), &rule_arena, &rules[i].template, NULL) ==
            GW_OK);
    require(gw_rule_resolve(&rules[i], &rule_arena, NULL, NULL) == GW_OK);
  }
}

static bool read_varint(gw_str *wire, uint64_t *value) {
  *value = 0;
  for (unsigned shift = 0; shift < 64 && wire->n > 0; shift += 7) {
    unsigned char byte = (unsigned char)wire->p[0];
    *wire = gw_str_skip(*wire, 1);
    *value |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

/* The last top-level string_value; aborts where the wire is not well-formed. */
static gw_str last_string_value(gw_str wire) {
  gw_str found = { NULL, 0 };
  while (wire.n > 0) {
    uint64_t tag, n = 0;
    require(read_varint(&wire, &tag) && tag >> 3 != 0);
    switch (tag & 7) {
    case GW_WIRE_VARINT: require(read_varint(&wire, &n)); continue;
    case GW_WIRE_FIXED64: n = 8; break;
    case GW_WIRE_FIXED32: n = 4; break;
    case GW_WIRE_LENGTH: require(read_varint(&wire, &n)); break;
    default: abort();
    }
    require(n <= wire.n);
    if (tag >> 3 == STRING_VALUE) found = gw_str_first(wire, (size_t)n);
    wire = gw_str_skip(wire, (size_t)n);
  }
  return found;
}

static void bind(const gw_rule *rule, gw_str target, gw_str body, bool form, gw_arena *arena) {
  const gw_rule *all[] = { rule };
  gw_codec codec = { .pool = pool, .memo = memo, .arena = arena };
  gw_bind_counts counts = { 0 };
  gw_router *router = NULL;
  gw_binds binds;
  gw_uri uri;
  gw_buf out;
  gw_err err;
  gw_err_init(&err);
  gw_buf_init(&out, arena, GW_MIB(1));
  if (gw_uri_parse(target, &uri, NULL) != GW_OK) return;
  if (gw_router_build(all, 1, NULL, NULL, &router) != GW_OK) return;
  if (gw_router_match(router, rule->method, uri.path, &binds) != NULL) {
    gw_bind_input input = {
      .rule = rule, .binds = &binds, .query = uri.query, .body = body, .form = form
    };
    gw_code code = gw_bind_request(&input, &codec, &out, &counts, &err);
    require(code == err.code);
    if (code == GW_OK) {
      gw_decode_mode mode =
          rule->template.vars[0].multi ? GW_DECODE_EXCEPT_RESERVED : GW_DECODE_ALL;
      gw_str wanted;
      require(gw_uri_decode(binds.values[0], mode, arena, &wanted, NULL) == GW_OK);
      require(gw_str_eq(last_string_value(gw_buf_str(&out)), wanted));
      gw_buf json;
      gw_buf_init(&json, arena, GW_MIB(1));
      (void)!gw_wire_to_json(&codec, rpc.input, gw_buf_str(&out), &json, &err);
    }
  }
  gw_router_free(router);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  gw_arena arena;
  if (pool == NULL) set_up();
  if (size == 0) return 0;
  gw_str body = { (const char *)data + 1, size - 1 };
  gw_str target = gw_str_cut(&body, '\n');
  gw_arena_init(&arena, NULL, GW_MIB(16));
  /* Of its own exact size, so that a read behind the padding is seen. */
  char *padded = calloc(1, body.n + GW_JSON_PAD);
  if (padded != NULL) {
    if (body.n > 0) memcpy(padded, body.p, body.n);
    bind(&rules[(data[0] & 0x0f) % GW_COUNT_OF(rows)], target, (gw_str){ padded, body.n },
         (data[0] & 0x10) != 0, &arena);
  }
  free(padded);
  gw_arena_done(&arena);
  return 0;
}
