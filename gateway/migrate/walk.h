/* walk: two trees side by side, in the order of the legacy one; what differs goes to the list.
 * Members are matched by key, or by the field that both names mean; elements by index, or by their
 * hashes where an order is not asked for or was changed.
 * n log n at most; recursion is bounded by the trees' depth.  One thread. */
#pragma once

#include "migrate/diff_list.h"
#include "migrate/json_tree.h"

typedef struct gw_walk {
  const gw_migration *migration;
  gw_diff_list *list;
  gw_arena *arena;
  bool is_error; /* an error's body: options of json: have no part in it */
} gw_walk;

/* Both trees went through gw_meaning_find().  GW_NOMEM. */
GW_CHECKED gw_code gw_walk_pair(const gw_walk *walk, const gw_json_node *legacy,
                                const gw_json_node *grpc);
GW_CHECKED gw_code gw_walk_lists(const gw_walk *walk, const gw_json_node *legacy,
                                 const gw_json_node *grpc);

/* A difference at the list's place.  NULL: absent there. */
GW_CHECKED gw_code gw_walk_report(const gw_walk *walk, gw_diff_kind kind,
                                  const gw_json_node *legacy, const gw_json_node *grpc,
                                  gw_str option);
/* Only one side has this node; the place was entered.  may_be_unset: it is a message's member,
 * whose default is the same as nothing. */
GW_CHECKED gw_code gw_walk_lone(const gw_walk *walk, const gw_json_node *legacy,
                                const gw_json_node *grpc, bool may_be_unset);
