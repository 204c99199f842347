/* symbols: names to objects, filled once, then only read.
 * Open addressing over a row for each name, at most half full.  Memory is the arena's; names are
 * borrowed.  One thread while it is filled, any afterwards. */
#pragma once

#include "base/arena.h"

typedef enum gw_symbol_kind {
  GW_SYMBOL_FILE,
  GW_SYMBOL_MESSAGE,
  GW_SYMBOL_ENUM,
  GW_SYMBOL_SERVICE,
  GW_SYMBOL_RPC,
  GW_SYMBOL_EXTENSION
} gw_symbol_kind;

typedef struct gw_symbol {
  gw_str name;
  gw_symbol_kind kind;
  uint32_t file; /* where it is defined: index in gw_build.files */
  const void *object;
} gw_symbol;

typedef struct gw_symbols {
  gw_symbol *rows;
  uint32_t count, max;
  uint32_t *slots; /* index of a row + 1; 0: free */
  uint32_t mask;
} gw_symbols;

/* Room for `max` names.  False: no memory. */
GW_CHECKED bool gw_symbols_init(gw_symbols *symbols, gw_arena *arena, size_t max);
const gw_symbol *gw_symbols_find(const gw_symbols *symbols, gw_str name); /* may return NULL */
/* NULL: added.  Otherwise the row that has the name already, and nothing changed. */
const gw_symbol *gw_symbols_add(gw_symbols *symbols, gw_symbol symbol);
