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

/* `path`: the target up to "?", as sent.  Returns NULL when nothing matches.
 * A path with a malformed escape or a segment that decodes to "." or ".." is the caller's to refuse
 * first (route/uri.h). */
const gw_rule *gw_router_match(const gw_router *router, gw_str method, gw_str path,
                               gw_binds *binds);

/* Appends "GET, HEAD, OPTIONS, POST" (Allow's value, sorted): what rules exist for `path`.  Appends
 * nothing when no rule has this path. */
GW_CHECKED gw_code gw_router_allow(const gw_router *router, gw_str path, gw_buf *out);

/* Whether this one rule fits, and if not why ("segment 3: \"users\" expected"); for `explain`. */
bool gw_rule_fits(const gw_rule *rule, gw_str method, gw_str path, gw_err *why_not);
