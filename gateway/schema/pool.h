/* pool: the body of gw_pool, for the files that build it and those that search in it. */
#pragma once

#include "base/arena.h"
#include "schema/schema.h"
#include "schema/symbols.h"

struct gw_pool {
  gw_arena arena; /* holds everything below */
  gw_symbols symbols;
  gw_message *messages;
  uint32_t message_count;
  gw_field *fields; /* by id; a message's fields are neighbours */
  uint32_t field_count;
  const gw_service **services; /* the operator's, by name */
  uint32_t service_count;
};
