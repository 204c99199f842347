/* evolve_work: one run of gw_evolve_compare(), for the files that share it.
 * First the pairs of types are collected that take each other's place, with the ways in which they
 * are used; then each pair is compared once. */
#pragma once

#include "base/arena.h"
#include "schema/evolve.h"

enum { GW_USE_REQUEST = 1, GW_USE_ANSWER = 2, GW_USE_BOTH = 3 };

typedef enum gw_weight { GW_WEIGHT_NONE, GW_WEIGHT_WARNING, GW_WEIGHT_BREAK } gw_weight;

/* A type of the older pool and what stands in its place now.  newer == NULL: only counts how many
 * have `older`. */
typedef struct gw_evolve_pair {
  const void *older, *newer;
  bool is_enum;
  bool is_queued;
  uint8_t uses; /* GW_USE_* */
  uint32_t count;
} gw_evolve_pair;

typedef struct gw_evolution {
  const gw_pool *older, *newer;
  gw_change_fn *report;
  void *context;
  gw_arena arena;
  gw_code code; /* GW_NOMEM as soon as memory was missing once */
  gw_evolve_pair *pairs;
  uint32_t pair_count, pair_capacity;
  uint32_t *slots; /* index of a pair + 1; 0: free */
  uint32_t mask;
  uint32_t *queue; /* pairs whose uses have grown; room for all of them */
  uint32_t queued;
} gw_evolution;

/* One side of a change: how bad, and in which way. */
typedef struct gw_effect {
  gw_weight weight;
  const char *text; /* why; NULL: the change says it all */
} gw_effect;

/* Reports `what`, for gRPC and for REST clients, in one line where it weighs the same. */
void gw_evolve_report(gw_evolution *e, gw_str where, gw_str what, gw_effect grpc, gw_effect rest);

/* A text in the run's arena; "" without memory, which is noted. */
gw_str gw_evolve_text(gw_evolution *e, const char *format, ...) GW_PRINTF(2, 3);

/* Compares two messages, or two enumerations, later: where the same pair is used twice, once. */
void gw_evolve_link(gw_evolution *e, const void *older, const void *newer, bool is_enum,
                    unsigned uses);

/* The types of two fields, or of two methods' messages: `what` names which ("request type").
 * Reports that they have other names, and links those that can be compared. */
void gw_evolve_link_messages(gw_evolution *e, const gw_message *older, const gw_message *newer,
                             unsigned uses);

/* Whether messages with other names than before are still compared field by field: their JSON is
 * an object of their fields. */
bool gw_evolve_is_comparable(const gw_message *older, const gw_message *newer);

/* A field of the newer message that has the number, and the one that has the name; may be NULL. */
const gw_field *gw_evolve_by_number(const gw_field *field, const gw_message *newer);
const gw_field *gw_evolve_by_name(const gw_field *field, const gw_message *newer);

/* Links the types of the fields of two messages. */
void gw_evolve_link_fields(gw_evolution *e, const gw_message *older, const gw_message *newer,
                           unsigned uses);

void gw_evolve_message(gw_evolution *e, const gw_message *older, const gw_message *newer,
                       unsigned uses);
void gw_evolve_enum(gw_evolution *e, const gw_enum *older, const gw_enum *newer, unsigned uses);

/* Type and label of two fields: what changes for each side. */
void gw_evolve_kind(gw_evolution *e, gw_str where, const gw_field *older, const gw_field *newer,
                    unsigned uses, unsigned clients);
