#include "schema/symbols.h"

bool gw_symbols_init(gw_symbols *symbols, gw_arena *arena, size_t max) {
  size_t slots = 4;
  if (max > UINT32_MAX / 4) return false;
  while (slots < 2 * max)
    slots *= 2;
  *symbols = (gw_symbols){ .max = (uint32_t)max, .mask = (uint32_t)(slots - 1) };
  symbols->rows = gw_arena_alloc(arena, (max > 0 ? max : 1) * sizeof symbols->rows[0]);
  symbols->slots = gw_arena_zalloc(arena, slots * sizeof symbols->slots[0]);
  return symbols->rows != NULL && symbols->slots != NULL;
}

/* The slot that holds `name`, or the free one where it belongs. */
static uint32_t *symbols_slot(const gw_symbols *symbols, gw_str name) {
  uint32_t at = (uint32_t)gw_str_hash(name, 0) & symbols->mask;
  while (symbols->slots[at] != 0 && !gw_str_eq(symbols->rows[symbols->slots[at] - 1].name, name))
    at = (at + 1) & symbols->mask;
  return &symbols->slots[at];
}

const gw_symbol *gw_symbols_find(const gw_symbols *symbols, gw_str name) {
  uint32_t row = *symbols_slot(symbols, name);
  return row != 0 ? &symbols->rows[row - 1] : NULL;
}

const gw_symbol *gw_symbols_add(gw_symbols *symbols, gw_symbol symbol) {
  uint32_t *slot = symbols_slot(symbols, symbol.name);
  if (*slot != 0) return &symbols->rows[*slot - 1];
  assert(symbols->count < symbols->max);
  symbols->rows[symbols->count++] = symbol;
  *slot = symbols->count;
  return NULL;
}
