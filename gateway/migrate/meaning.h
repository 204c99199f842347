/* meaning: what each node of an answer's tree is by the message's descriptor and by the route's
 * policy, found in one pass: role, field, whether it is ignored, a list without order, redacted,
 * a default; and a hash that is equal for equal values, however they are written, so that lists are
 * matched without comparing everything with everything.
 * Linear; recursion is bounded by the tree's depth.  Pure; any thread. */
#pragma once

#include "migrate/json_tree.h"
#include "migrate/migration.h"
#include "migrate/value.h"

typedef enum gw_role {
  GW_ROLE_LOOSE,   /* no descriptor: "1" and 1 are the same, nothing more is known */
  GW_ROLE_FREE,    /* a Struct's content: JSON as it stands */
  GW_ROLE_ANY,     /* an Any whose type is not known */
  GW_ROLE_MESSAGE, /* an object of a message's fields */
  GW_ROLE_LIST,    /* of a repeated field */
  GW_ROLE_MAP,     /* of a map field */
  GW_ROLE_SCALAR   /* also enums, wrappers, Timestamp, Duration, FieldMask */
} gw_role;

enum {
  GW_NODE_IGNORED = 1,
  GW_NODE_UNORDERED = 2,
  GW_NODE_REDACTED = 4,
  GW_NODE_DEFAULT = 8, /* what is not set is the same */
  GW_NODE_MISFIT = 16, /* JSON of another type than its field has */
  GW_NODE_MATCHED = 32 /* the comparison's: the other side has it too */
};

typedef struct gw_meaning {
  const gw_compare_policy *policy;
  const gw_pool *pool;    /* resolves Any; may be NULL */
  const gw_message *root; /* of the whole text; NULL: nothing is known of it */
  bool is_list;           /* the text is a list of root */
  gw_arena *arena;
} gw_meaning;

/* GW_NOMEM. */
GW_CHECKED gw_code gw_meaning_find(const gw_meaning *meaning, gw_json_node *tree);

/* Some field that the message reaches has debug_redact.  True as well when memory is at its end. */
bool gw_meaning_has_secrets(const gw_pool *pool, const gw_message *message, gw_arena *arena);
