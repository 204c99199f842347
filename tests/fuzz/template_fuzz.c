/* Input: lines "METHOD TEMPLATE", an empty line, then lines that are request targets.
 * Checked: the router and gw_rule_fits(), which share no search, agree; captures lie in the path;
 * decoding never grows a text. */
#include <stdlib.h>

#include "route/router.h"
#include "route/uri.h"

#define RULES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const gw_route routes[2] = { { .compat.slash = GW_SLASH_IGNORE },
                                    { .compat.slash = GW_SLASH_STRICT } };

typedef struct table {
  gw_rule rules[RULES_MAX];
  const gw_rule *pointers[RULES_MAX];
  size_t count;
  bool verbs;
} table;

static void require(bool condition) {
  if (!condition) abort();
}

static void table_add(table *t, gw_str line, gw_arena *arena) {
  gw_err err;
  gw_rule *rule = &t->rules[t->count];
  gw_err_init(&err);
  if (t->count == RULES_MAX) return;
  *rule = (gw_rule){ .route = &routes[line.n % 2], .implicit = line.n % 3 == 0 };
  rule->method = gw_str_cut(&line, ' ');
  if (gw_template_parse(line, arena, &rule->template, &err) != GW_OK) {
    require(err.code == GW_NOMEM || (err.column >= 1 && err.column <= line.n + 1));
    return;
  }
  t->verbs = t->verbs || rule->template.verb.n > 0;
  t->pointers[t->count++] = rule;
}

static void check_captures(const gw_rule *rule, const gw_binds *binds, gw_str path,
                           gw_arena *arena) {
  for (uint32_t i = 0; i < rule->template.var_count; i++) {
    gw_str value = binds->values[i], decoded;
    require(value.p >= path.p && value.p + value.n <= path.p + path.n);
    if (gw_uri_decode(value, GW_DECODE_EXCEPT_RESERVED, arena, &decoded, NULL) == GW_OK) {
      require(decoded.n <= value.n);
    }
  }
}

static void check_path(const table *t, const gw_router *router, gw_str path, gw_arena *arena) {
  static const gw_str methods[] = { GW_STR_INIT("GET"), GW_STR_INIT("HEAD"), GW_STR_INIT("POST") };
  for (size_t i = 0; i < GW_COUNT_OF(methods); i++) {
    gw_binds binds;
    const gw_rule *rule = gw_router_match(router, methods[i], path, &binds);
    if (rule != NULL) {
      require(gw_rule_fits(rule, methods[i], path, NULL));
      check_captures(rule, &binds, path, arena);
    }
    /* With verbs a rule alone cannot say whether ":x" is one. */
    for (size_t j = 0; rule == NULL && !t->verbs && j < t->count; j++) {
      bool replaced = t->rules[j].implicit;
      require(replaced || !gw_rule_fits(&t->rules[j], methods[i], path, NULL));
    }
  }
  gw_buf allow;
  gw_buf_init(&allow, arena, GW_KIB(64));
  (void)!gw_router_allow(router, path, &allow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  gw_str rest = { (const char *)data, size };
  gw_arena arena;
  gw_router *router = NULL;
  static table t;
  t.count = 0;
  t.verbs = false;
  gw_arena_init(&arena, NULL, GW_MIB(4));
  while (rest.n > 0) {
    gw_str line = gw_str_cut(&rest, '\n');
    if (line.n == 0) break;
    table_add(&t, line, &arena);
  }
  gw_code code = gw_router_build(t.pointers, t.count, NULL, NULL, &router);
  require(code == GW_OK || code == GW_CONFLICT);
  while (code == GW_OK && rest.n > 0) {
    gw_uri uri;
    gw_str target = gw_str_cut(&rest, '\n');
    if (gw_uri_parse(target, &uri, NULL) == GW_OK) check_path(&t, router, uri.path, &arena);
    check_path(&t, router, target, &arena); /* unchecked too: it must stand anything */
  }
  gw_router_free(router);
  gw_arena_done(&arena);
  return 0;
}
