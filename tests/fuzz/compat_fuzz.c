/* What `compat` changes, on any bytes.
 * First byte even: JSON text for a message of descriptors/codec_test.pb, read by all profiles. What
 * the default takes they take too, and as the same message; what they made is printed again.
 * Odd: lines "TEMPLATE", an empty line, then paths, as template_fuzz has them, but each rule has a
 * profile: the router and gw_rule_fits() agree, and captures lie in the path they were found in. */
#include <stdio.h>
#include <stdlib.h>

#include "codec/json_to_wire.h"
#include "codec/wire_required.h"
#include "codec/wire_to_json.h"
#include "route/router.h"
#include "route/uri.h"
#include "schema/load.h"

#define OUT_MAX   (1u << 20)
#define ARENA_MAX (8u << 20)
#define RULES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {
  "codectest.AllTypes",       "codectest.Nested",          "google.protobuf.Any",
  "google.protobuf.Value",    "google.protobuf.Struct",    "google.protobuf.ListValue",
  "google.protobuf.Duration", "google.protobuf.FieldMask",
};

static gw_pool *pool;
static gw_codec_memo *memo;
static gw_route routes[GW_COMPAT_COUNT];

static void require(bool condition) {
  if (!condition) abort();
}

static void load(void) {
  static char bytes[1 << 20];
  FILE *file = fopen("descriptors/codec_test.pb", "rb");
  if (file == NULL) abort(); /* run from the top of the tree */
  gw_schema_source source = { gw_str_of("codec_test.pb"),
                              { bytes, fread(bytes, 1, sizeof bytes, file) } };
  fclose(file);
  if (gw_pool_load(&source, 1, NULL, NULL, &pool) != GW_OK) abort();
  memo = gw_codec_memo_new(pool);
  for (int i = 0; i < GW_COMPAT_COUNT; i++)
    routes[i].compat = gw_compat_of((gw_compat_profile)i);
}

/* ---- JSON ---- */

static gw_code convert(const gw_message *message, gw_compat_profile profile, gw_str json,
                       gw_arena *arena, gw_buf *out) {
  gw_err err;
  gw_err_init(&err);
  gw_buf_init(out, arena, OUT_MAX);
  gw_codec codec = {
    .pool = pool, .memo = memo, .arena = arena, .style = routes[profile].compat.json
  };
  gw_code code = gw_json_to_wire(&codec, message, json, out, &err);
  require(code == GW_OK || err.code == code);
  if (code != GW_OK) return code;
  gw_buf printed;
  gw_buf_init(&printed, arena, 6 * OUT_MAX);
  (void)!gw_wire_to_json(&codec, message, gw_buf_str(out), &printed, &err);
  (void)gw_wire_required_missing(message, gw_buf_str(out));
  return code;
}

static void fuzz_json(const gw_message *message, gw_str text) {
  gw_arena arena;
  gw_buf made[GW_COMPAT_COUNT];
  gw_code codes[GW_COMPAT_COUNT];
  gw_arena_init(&arena, NULL, ARENA_MAX);
  char *copy = gw_arena_zalloc(&arena, text.n + GW_JSON_PAD);
  if (copy != NULL) {
    if (text.n > 0) memcpy(copy, text.p, text.n);
    for (int i = 0; i < GW_COMPAT_COUNT; i++)
      codes[i] = convert(message, (gw_compat_profile)i, (gw_str){ copy, text.n }, &arena, &made[i]);
    for (int i = 1; i < GW_COMPAT_COUNT && codes[0] == GW_OK; i++) {
      if (codes[i] == GW_NOMEM) continue;
      /* Only an Any of Empty with "value" is refused by one of them (D-48). */
      bool bare = i == GW_COMPAT_ENVOY && codes[i] == GW_BAD_VALUE;
      require(codes[i] == GW_OK || bare);
      if (codes[i] == GW_OK) require(gw_str_eq(gw_buf_str(&made[0]), gw_buf_str(&made[i])));
    }
  }
  gw_arena_done(&arena);
}

/* ---- paths ---- */

typedef struct table {
  gw_rule rules[RULES_MAX];
  const gw_rule *pointers[RULES_MAX];
  size_t count;
} table;

static void table_add(table *t, gw_str line, gw_arena *arena) {
  gw_rule *rule = &t->rules[t->count];
  gw_err err;
  gw_err_init(&err);
  if (t->count == RULES_MAX) return;
  *rule = (gw_rule){ .route = &routes[line.n % GW_COMPAT_COUNT], .method = GW_STR("GET") };
  bool colons = rule->route->compat.template_colons;
  if (gw_template_parse_as(line, colons, arena, &rule->template, &err) == GW_OK)
    t->pointers[t->count++] = rule;
}

static void check_path(const gw_router *router, gw_str path, gw_arena *arena) {
  gw_router_path both = { path, path };
  gw_binds binds;
  gw_buf allow;
  if (gw_uri_decode(path, GW_DECODE_SPLIT, arena, &both.split, NULL) != GW_OK) return;
  const gw_rule *rule = gw_router_match_as(router, GW_STR("GET"), both, &binds);
  gw_buf_init(&allow, arena, GW_KIB(64));
  (void)!gw_router_allow_as(router, both, &allow);
  if (rule == NULL) return;
  bool splits = rule->route->compat.unescape == GW_UNESCAPE_LEGACY;
  require(gw_rule_fits(rule, GW_STR("GET"), splits ? both.split : path, NULL));
  for (uint32_t i = 0; i < rule->template.var_count; i++) {
    gw_str value = binds.values[i], in = splits ? both.split : path;
    if (splits && memchr(path.p, '%', path.n) == NULL) in = path;
    require(value.p >= in.p && value.p + value.n <= in.p + in.n);
  }
  require(allow.n > 0);
}

static void fuzz_paths(gw_str rest) {
  gw_arena arena;
  gw_router *router = NULL;
  static table t;
  t.count = 0;
  gw_arena_init(&arena, NULL, ARENA_MAX);
  while (rest.n > 0) {
    gw_str line = gw_str_cut(&rest, '\n');
    if (line.n == 0) break;
    table_add(&t, line, &arena);
  }
  gw_code code = gw_router_build(t.pointers, t.count, NULL, NULL, &router);
  require(code == GW_OK || code == GW_CONFLICT);
  while (code == GW_OK && rest.n > 0) {
    gw_str path = gw_str_cut(&rest, '\n');
    if (path.n > 0) check_path(router, path, &arena);
  }
  gw_router_free(router);
  gw_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (pool == NULL) load();
  if (size == 0) return 0;
  gw_str text = { (const char *)data + 1, size - 1 };
  if (data[0] % 2 == 1) {
    fuzz_paths(text);
  } else {
    const char *name = names[data[0] / 2 % GW_COUNT_OF(names)];
    fuzz_json(gw_pool_find_message(pool, gw_str_of(name)), text);
  }
  return 0;
}
