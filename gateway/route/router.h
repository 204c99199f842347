/* router: method and path -> rule, most specific first, whatever the order of registration.
 * A trie over raw path segments (split at "/" before decoding), searched depth first with full
 * backtracking over literal, "*", "**"; iterative; its cost does not grow with the number of routes
 * and stays linear in the path.  An exact method beats "*" at the same leaf.
 * HEAD is matched as GET where no HEAD or "*" rule stands.  Immutable after build; any thread. */
#pragma once

#include "base/buf.h"
#include "route/rule.h"

typedef struct gw_router gw_router;

/* Two rules of the same shape and method: first and second are the rules, in registration order. */
typedef void gw_router_conflict_fn(void *context, const gw_rule *first, const gw_rule *second);
/* Whether that is no conflict, since the second one wins (D-02). */
bool gw_router_yields(const gw_rule *first, const gw_rule *second);

/* Borrows the rules, which must outlive the router.  An implicit rule gives way silently to an
 * explicit one for the same method and shape.  GW_CONFLICT after reporting every conflict;
 * GW_NOMEM. */
GW_CHECKED gw_code gw_router_build(const gw_rule *const *rules, size_t count,
                                   gw_router_conflict_fn *conflict, void *context, gw_router **out);
void gw_router_free(gw_router *router);

/* What the variables caught, raw: slices of the path. */
typedef struct gw_binds {
  gw_str values[GW_TEMPLATE_VARS_MAX]; /* as in rule->template.vars */
} gw_binds;

/* raw: the target up to "?", as sent.  split: the same with its escapes decoded by
 * GW_DECODE_SPLIT, for rules whose route decodes a path before it splits it (D-07); n == 0: no such
 * rule is to be found.  A path with a malformed escape or a segment that decodes to "." or ".." is
 * the caller's to refuse first (route/uri.h). */
typedef struct gw_router_path {
  gw_str raw, split;
} gw_router_path;

/* Whether `split` is of use. */
bool gw_router_splits(const gw_router *router);

/* Returns NULL when nothing matches.  Captures are slices of raw or of split: gw_bind_request()
 * knows by the rule which. */
const gw_rule *gw_router_match_as(const gw_router *router, gw_str method, gw_router_path path,
                                  gw_binds *binds);
static inline const gw_rule *gw_router_match(const gw_router *router, gw_str method, gw_str path,
                                             gw_binds *binds) {
  return gw_router_match_as(router, method, (gw_router_path){ path, path }, binds);
}

/* Every rule of any method that takes the path, most specific first within one way to read it. */
typedef void gw_router_each_fn(void *context, const gw_rule *rule);
void gw_router_each(const gw_router *router, gw_router_path path, gw_router_each_fn *each,
                    void *context);

/* Appends "GET, HEAD, OPTIONS, POST" (Allow's value, sorted): what rules exist for `path`.  Appends
 * nothing when no rule has this path. */
GW_CHECKED gw_code gw_router_allow_as(const gw_router *router, gw_router_path path, gw_buf *out);
GW_CHECKED static inline gw_code gw_router_allow(const gw_router *router, gw_str path,
                                                 gw_buf *out) {
  return gw_router_allow_as(router, (gw_router_path){ path, path }, out);
}

/* Whether this one rule fits, and if not why ("segment 3: \"users\" expected"); for `explain`. */
bool gw_rule_fits(const gw_rule *rule, gw_str method, gw_str path, gw_err *why_not);
