#include "control/terms.h"

#include "migrate/migration.h"

static uint64_t terms_add(uint64_t hash, uint64_t number) {
  char bytes[sizeof number];
  memcpy(bytes, &number, sizeof number);
  return gw_str_hash((gw_str){ bytes, sizeof bytes }, hash);
}

static uint64_t terms_add_text(uint64_t hash, gw_str text) {
  return gw_str_hash(text, terms_add(hash, text.n));
}

static uint64_t terms_add_double(uint64_t hash, double number) {
  uint64_t bits;
  memcpy(&bits, &number, sizeof bits);
  return terms_add(hash, bits);
}

static uint64_t terms_add_compare(uint64_t hash, const gw_compare_policy *compare) {
  hash = terms_add(hash, compare->ignore_count);
  for (uint32_t i = 0; i < compare->ignore_count; i++)
    hash = terms_add_text(hash, compare->ignore[i].text);
  hash = terms_add(hash, compare->unordered_count);
  for (uint32_t i = 0; i < compare->unordered_count; i++)
    hash = terms_add_text(hash, compare->unordered[i].text);
  hash = terms_add(hash, compare->tolerance_count);
  for (uint32_t i = 0; i < compare->tolerance_count; i++) {
    hash = terms_add_text(hash, compare->tolerances[i].pointer.text);
    hash = terms_add_double(hash, compare->tolerances[i].most);
  }
  hash = terms_add(hash, compare->header_count);
  for (uint32_t i = 0; i < compare->header_count; i++)
    hash = terms_add_text(hash, compare->headers[i]);
  return hash;
}

/* Only what is printed. */
static uint64_t terms_add_style(uint64_t hash, const gw_json_style *style) {
  const uint64_t words[] = { style->emit,          style->int64_number, style->proto_names,
                             style->enum_number,   style->empty_bare,   style->optional_omitted,
                             style->printf_digits, style->html_escapes };
  for (size_t i = 0; i < GW_COUNT_OF(words); i++)
    hash = terms_add(hash, words[i]);
  return hash;
}

static uint64_t terms_of_route(const gw_route *route) {
  uint64_t hash = terms_add_compare(0, &route->migration->compare);
  hash = terms_add_style(hash, &route->json);
  for (uint32_t i = 0; i < route->headers_response_count; i++)
    hash = terms_add_text(hash, route->headers_response[i]);
  hash = terms_add(hash, route->headers_response_all);
  hash = terms_add(hash, (uint64_t)route->success_status);
  hash = terms_add(hash, route->stream);
  return terms_add(hash, route->compat.errors);
}

gw_code gw_terms_of(const gw_snapshot *snapshot, gw_arena *arena, uint64_t **out) {
  uint64_t *terms = gw_arena_zalloc(arena, snapshot->route_count * sizeof *terms);
  if (terms == NULL) return GW_NOMEM;
  for (uint32_t i = 0; i < snapshot->route_count; i++) {
    if (snapshot->routes[i]->migration != NULL) terms[i] = terms_of_route(snapshot->routes[i]);
  }
  for (uint32_t i = 0; i < snapshot->rule_count; i++) {
    const gw_rule *rule = snapshot->rules[i];
    uint64_t *hash = &terms[rule->route->index];
    if (rule->route->migration != NULL) *hash = terms_add_text(*hash, rule->response_body_text);
  }
  *out = terms;
  return GW_OK;
}
