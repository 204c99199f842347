/* route_table: rules for tests, made from text: one "METHOD TEMPLATE [strict] [implicit]" a line.
 * A template that does not parse fails the test. */
#pragma once

#include "base/arena.h"
#include "route/router.h"
#include "unit/test.h"

#define ROUTE_TABLE_MAX 2048

typedef struct route_table {
  gw_arena arena;
  gw_rule *rules;
  const gw_rule **pointers;
  size_t count;
} route_table;

void route_table_init(route_table *table, gw_str text);
void route_table_done(route_table *table);
