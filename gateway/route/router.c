#include "route/router.h"

#include <stdlib.h>

#include "route/literal.h"

/* The trie.  Literals hang in one hash table for all nodes, keyed by parent and text, so that a
 * step costs the same with ten routes and with ten thousand.  Two things make every search short:
 *  - Up to "**" each edge is one segment, so that a node has one depth and one way to it: a search
 *    visits it at most once, and is never deeper than templates are.
 *  - After "**" only literals can stand.  They are a trie of their own, read from the path's end:
 *    nothing is tried twice however many segments "**" spans. */

enum { NODE_NONE, NODE_ROOT, NODE_VERBS, NODE_FIRST_FREE };

#define NODE_VERB        0x80000000u /* flag on a parent's number: its verbs, not its literals */
#define ROUTER_RULES_MAX (1u << 24)  /* keeps node numbers below the flag */

typedef struct router_entry {
  const gw_rule *rule;
  uint32_t next; /* of the same node; 0: none */
} router_entry;

typedef struct router_node {
  gw_str literal; /* of the edge that leads here */
  uint32_t hash;  /* of literal */
  uint32_t parent;
  uint32_t one, many; /* children; many: the trie of what stands after "**", read backwards */
  uint32_t entries;
} router_node;

struct gw_router {
  router_node *nodes;
  router_entry *entries; /* [0] is not used */
  uint32_t *slots;       /* nodes that a literal or a verb leads to; 0: free */
  uint32_t node_count, entry_count, slot_mask;
  bool verbs; /* some template has one */
};

/* ---- literals ---- */

/* FNV-1a: a step for each byte, so that escapes need no copy. */
#define LITERAL_HASH_START     2166136261u
#define LITERAL_HASH_ADD(h, c) (((h) ^ (unsigned char)(c)) * 16777619u)

static uint32_t literal_hash(gw_str text) {
  uint32_t hash = LITERAL_HASH_START;
  const char *end = text.p + text.n;
  char unit[3];
  for (const char *p = text.p; p < end;) {
    size_t n = gw_literal_next(&p, end, unit);
    for (size_t i = 0; i < n; i++)
      hash = LITERAL_HASH_ADD(hash, unit[i]);
  }
  return hash;
}

static uint32_t router_slot(const gw_router *router, uint32_t parent, uint32_t hash) {
  uint32_t mixed = (hash ^ parent * 0x9E3779B1u) * 0x85EBCA6Bu;
  return (mixed ^ mixed >> 15) & router->slot_mask;
}

/* The child of `parent` along `text`, whose hash is given; NODE_NONE: there is none. */
static uint32_t router_child(const gw_router *router, uint32_t parent, gw_str text, uint32_t hash) {
  for (uint32_t slot = router_slot(router, parent, hash);; slot = (slot + 1) & router->slot_mask) {
    uint32_t id = router->slots[slot];
    if (id == NODE_NONE) return NODE_NONE;
    const router_node *node = &router->nodes[id];
    if (node->hash == hash && node->parent == parent && gw_literal_eq(text, node->literal)) {
      return id;
    }
  }
}

/* ---- building ---- */

static uint32_t router_add_node(gw_router *router, uint32_t parent) {
  uint32_t id = router->node_count++;
  router->nodes[id].parent = parent;
  return id;
}

static uint32_t router_add_literal(gw_router *router, uint32_t parent, gw_str literal) {
  uint32_t hash = literal_hash(literal);
  uint32_t id = router_child(router, parent, literal, hash);
  if (id != NODE_NONE) return id;
  id = router_add_node(router, parent);
  router->nodes[id].literal = literal;
  router->nodes[id].hash = hash;
  uint32_t slot = router_slot(router, parent, hash);
  while (router->slots[slot] != NODE_NONE)
    slot = (slot + 1) & router->slot_mask;
  router->slots[slot] = id;
  return id;
}

static uint32_t router_add_segment(gw_router *router, uint32_t parent, gw_segment segment) {
  router_node *node = &router->nodes[parent];
  switch (segment.kind) {
  case GW_SEGMENT_ONE:
    if (node->one == NODE_NONE) node->one = router_add_node(router, parent);
    return node->one;
  case GW_SEGMENT_MANY:
    if (node->many == NODE_NONE) node->many = router_add_node(router, parent);
    return node->many;
  case GW_SEGMENT_LITERAL: break;
  }
  return router_add_literal(router, parent, segment.literal);
}

static uint32_t router_add_template(gw_router *router, const gw_template *template) {
  uint32_t count = template->segment_count, node = NODE_ROOT;
  uint32_t prefix = template->many < 0 ? count : (uint32_t) template->many + 1;
  for (uint32_t i = 0; i < prefix; i++)
    node = router_add_segment(router, node, template->segments[i]);
  for (uint32_t i = count; i > prefix; i--)
    node = router_add_segment(router, node, template->segments[i - 1]);
  if (template->verb.n == 0) return node;
  router->verbs = true;
  router_add_literal(router, NODE_VERBS, template->verb);
  return router_add_literal(router, node | NODE_VERB, template->verb);
}

/* Returns the rule that stands in the way, or NULL. */
static const gw_rule *router_add_rule(gw_router *router, const gw_rule *rule) {
  router_node *node = &router->nodes[router_add_template(router, &rule->template)];
  uint32_t *link = &node->entries;
  for (; *link != 0; link = &router->entries[*link].next) {
    const gw_rule *other = router->entries[*link].rule;
    if (gw_str_eq(other->method, rule->method)) {
      return other->implicit == rule->implicit ? other : NULL; /* explicit rules came first */
    }
  }
  *link = router->entry_count++;
  router->entries[*link] = (router_entry){ .rule = rule };
  return NULL;
}

static gw_router *router_new(const gw_rule *const *rules, size_t count) {
  size_t nodes = NODE_FIRST_FREE, slots = 16;
  for (size_t i = 0; i < count; i++)
    nodes += rules[i]->template.segment_count + 2u; /* and a verb's two */
  while (slots < 2 * nodes)
    slots *= 2;
  gw_router *router = calloc(1, sizeof *router);
  if (router == NULL) return NULL;
  router->nodes = calloc(nodes, sizeof router->nodes[0]);
  router->entries = calloc(count + 1, sizeof router->entries[0]);
  router->slots = calloc(slots, sizeof router->slots[0]);
  router->node_count = NODE_FIRST_FREE;
  router->entry_count = 1;
  router->slot_mask = (uint32_t)(slots - 1);
  if (router->nodes != NULL && router->entries != NULL && router->slots != NULL) return router;
  gw_router_free(router);
  return NULL;
}

void gw_router_free(gw_router *router) {
  if (router == NULL) return;
  free(router->nodes);
  free(router->entries);
  free(router->slots);
  free(router);
}

gw_code gw_router_build(const gw_rule *const *rules, size_t count, gw_router_conflict_fn *conflict,
                        void *context, gw_router **out) {
  gw_code code = GW_OK;
  gw_router *router = count <= ROUTER_RULES_MAX ? router_new(rules, count) : NULL;
  if (router == NULL) return GW_NOMEM;
  for (int implicit = 0; implicit <= 1; implicit++) {
    for (size_t i = 0; i < count; i++) {
      if (rules[i]->implicit != (implicit == 1)) continue;
      const gw_rule *first = router_add_rule(router, rules[i]);
      if (first == NULL) continue;
      code = GW_CONFLICT;
      if (conflict != NULL) conflict(context, first, rules[i]);
    }
  }
  if (code == GW_OK) {
    *out = router;
  } else {
    gw_router_free(router);
  }
  return code;
}

/* ---- searching ---- */

/* One segment of the path; `at` is its "/", so that a path is its segments and nothing else. */
typedef struct router_piece {
  const char *at, *end;
  uint32_t hash;
} router_piece;

typedef enum router_step { STEP_LITERAL, STEP_ONE, STEP_MANY, STEP_BACK } router_step;

typedef struct router_frame {
  uint32_t node;
  router_step step; /* what is tried next */
} router_frame;

/* A search that hands out every leaf that the path leads to, most specific first. */
typedef struct router_walk {
  const gw_router *router;
  const char *begin, *end; /* without verb and one trailing "/" */
  bool slash;              /* that "/" was there */
  gw_str verb;             /* without the colon; p == NULL: none */
  uint32_t verb_hash;
  uint32_t head_count, tail_count, depth, found_count;
  router_piece heads[GW_TEMPLATE_SEGMENTS_MAX + 1]; /* segments from the start, as far as read */
  router_piece tails[GW_TEMPLATE_SEGMENTS_MAX];     /* segments from the end, likewise */
  router_frame frames[GW_TEMPLATE_SEGMENTS_MAX + 1];
  uint32_t found[GW_TEMPLATE_SEGMENTS_MAX]; /* nodes after "**", the last one is next */
} router_walk;

/* TRANSCODING section 3 rule 2: what follows the last ":" of the last segment is a verb only if
 * some template has this verb. */
static void walk_cut_verb(router_walk *walk, gw_str path) {
  const char *slash = memrchr(path.p, '/', path.n);
  const char *colon = memrchr(slash, ':', (size_t)(path.p + path.n - slash));
  if (colon == NULL) return;
  gw_str verb = gw_str_from(colon + 1, path.p + path.n);
  uint32_t hash = literal_hash(verb);
  if (router_child(walk->router, NODE_VERBS, verb, hash) == NODE_NONE) return;
  walk->verb = verb;
  walk->verb_hash = hash;
  walk->end = colon;
}

static bool walk_init(router_walk *walk, const gw_router *router, gw_str path) {
  if (path.n == 0 || path.p[0] != '/') return false;
  walk->router = router;
  walk->begin = path.p;
  walk->end = path.p + path.n;
  walk->verb = (gw_str){ NULL, 0 };
  walk->head_count = walk->tail_count = walk->found_count = 0;
  if (router->verbs) walk_cut_verb(walk, path);
  /* "/" has no segment, and its slash is not a trailing one. */
  bool slash = walk->end[-1] == '/';
  walk->slash = slash && walk->end - walk->begin > 1;
  if (slash) walk->end--;
  walk->depth = 1;
  walk->frames[0] = (router_frame){ .node = NODE_ROOT, .step = STEP_LITERAL };
  return true;
}

static const char *walk_at(const router_walk *walk, uint32_t depth) {
  return depth == 0 ? walk->begin : walk->heads[depth - 1].end;
}

/* Segment `index` from the start; the path does not end before it. */
static const router_piece *walk_head(router_walk *walk, uint32_t index) {
  router_piece *piece = &walk->heads[index];
  if (index < walk->head_count) return piece;
  uint32_t hash = LITERAL_HASH_START;
  const char *p = piece->at = walk_at(walk, index);
  for (p++; p < walk->end && *p != '/' && *p != '%'; p++)
    hash = LITERAL_HASH_ADD(hash, *p);
  if (p < walk->end && *p == '%') {
    const char *slash = memchr(p, '/', (size_t)(walk->end - p));
    p = slash != NULL ? slash : walk->end;
    hash = literal_hash(gw_str_from(piece->at + 1, p));
  }
  piece->end = p;
  piece->hash = hash;
  walk->head_count = index + 1;
  return piece;
}

/* Segment `index` from the end; NULL when it would begin before `from`. */
static const router_piece *walk_tail(router_walk *walk, uint32_t index, const char *from) {
  router_piece *piece = &walk->tails[index];
  if (index == walk->tail_count) {
    const char *end = index == 0 ? walk->end : walk->tails[index - 1].at;
    if (end <= from) return NULL;
    piece->end = end;
    piece->at = memrchr(walk->begin, '/', (size_t)(end - walk->begin));
    piece->hash = literal_hash(gw_str_from(piece->at + 1, end));
    walk->tail_count++;
  }
  return piece->at >= from ? piece : NULL;
}

/* The node that holds the rules: `node`, or what its edge for the path's verb leads to. */
static uint32_t walk_leaf(const router_walk *walk, uint32_t node) {
  if (walk->verb.p != NULL) {
    node = router_child(walk->router, node | NODE_VERB, walk->verb, walk->verb_hash);
  }
  return walk->router->nodes[node].entries != 0 ? node : NODE_NONE;
}

/* Follows what stands after "**" from the path's end, down to `from`, where "**" begins. */
static void walk_find_tails(router_walk *walk, uint32_t node, const char *from) {
  while (node != NODE_NONE) {
    walk->found[walk->found_count] = node;
    const router_piece *piece = walk_tail(walk, walk->found_count++, from);
    if (piece == NULL) return;
    node = router_child(walk->router, node, gw_str_from(piece->at + 1, piece->end), piece->hash);
  }
}

static void walk_push(router_walk *walk, uint32_t node) {
  if (node == NODE_NONE) return;
  walk->frames[walk->depth++] = (router_frame){ .node = node, .step = STEP_LITERAL };
}

/* The next leaf, or NODE_NONE after the last. */
static uint32_t walk_next(router_walk *walk) {
  for (;;) {
    if (walk->found_count > 0) {
      uint32_t leaf = walk_leaf(walk, walk->found[--walk->found_count]);
      if (leaf != NODE_NONE) return leaf;
      continue;
    }
    if (walk->depth == 0) return NODE_NONE;
    router_frame *frame = &walk->frames[walk->depth - 1];
    const router_node *node = &walk->router->nodes[frame->node];
    const char *at = walk_at(walk, walk->depth - 1);
    const router_piece *piece;
    switch (frame->step++) {
    case STEP_LITERAL:
      if (at == walk->end) {
        frame->step = STEP_MANY;
        uint32_t leaf = walk_leaf(walk, frame->node);
        if (leaf != NODE_NONE) return leaf;
        break;
      }
      piece = walk_head(walk, walk->depth - 1);
      walk_push(walk, router_child(walk->router, frame->node,
                                   gw_str_from(piece->at + 1, piece->end), piece->hash));
      break;
    case STEP_ONE:
      piece = walk_head(walk, walk->depth - 1);
      /* An empty segment counts in the middle only: "/users//" is not a user without a name. */
      if (piece->end - piece->at > 1 || piece->end < walk->end) walk_push(walk, node->one);
      break;
    case STEP_MANY: walk_find_tails(walk, node->many, at); break;
    case STEP_BACK: walk->depth--; break;
    }
  }
}

/* A trailing "/" is a segment for rules that are strict about it; only "**" can hold it then. */
static bool walk_accepts(const router_walk *walk, const gw_rule *rule) {
  if (!walk->slash || !rule->route->trailing_slash_strict) return true;
  return rule->template.many >= 0 &&
         (uint32_t)rule->template.many + 1 == rule->template.segment_count;
}

static const gw_rule *walk_pick(const router_walk *walk, uint32_t leaf, gw_str method) {
  const gw_router *router = walk->router;
  const gw_rule *any = NULL, *get = NULL;
  for (uint32_t i = router->nodes[leaf].entries; i != 0; i = router->entries[i].next) {
    const gw_rule *rule = router->entries[i].rule;
    if (!walk_accepts(walk, rule)) continue;
    if (gw_str_eq(rule->method, method)) return rule;
    if (gw_str_eq(rule->method, GW_STR("*"))) any = rule;
    if (gw_str_eq(rule->method, GW_STR("GET"))) get = rule;
  }
  if (any != NULL) return any;
  return gw_str_eq(method, GW_STR("HEAD")) ? get : NULL;
}

/* Where the segment `index` of the template begins in the path: at its "/". */
static const char *walk_segment(const router_walk *walk, const gw_rule *rule, uint32_t index) {
  const gw_template *template = &rule->template;
  if (template->many < 0 || index <= (uint32_t) template->many) return walk_at(walk, index);
  if (index < template->segment_count) return walk->tails[template->segment_count - index - 1].at;
  return walk->end + (walk->slash && rule->route->trailing_slash_strict ? 1 : 0);
}

static void walk_capture(const router_walk *walk, const gw_rule *rule, gw_binds *binds) {
  for (uint32_t i = 0; i < rule->template.var_count; i++) {
    const gw_template_var *var = &rule->template.vars[i];
    const char *begin = walk_segment(walk, rule, var->first);
    const char *end = walk_segment(walk, rule, var->first + var->count);
    binds->values[i] = gw_str_from(begin < end ? begin + 1 : end, end);
  }
}

const gw_rule *gw_router_match(const gw_router *router, gw_str method, gw_str path,
                               gw_binds *binds) {
  router_walk walk;
  if (!walk_init(&walk, router, path)) return NULL;
  for (uint32_t leaf; (leaf = walk_next(&walk)) != NODE_NONE;) {
    const gw_rule *rule = walk_pick(&walk, leaf, method);
    if (rule == NULL) continue;
    walk_capture(&walk, rule, binds);
    return rule;
  }
  return NULL;
}

/* ---- Allow ---- */

/* The smallest method above `after`; gathered that way the list is sorted and needs no memory. */
typedef struct router_allow {
  gw_str after, best;
  bool any_rule;
} router_allow;

static void allow_offer(router_allow *allow, gw_str method) {
  if (gw_str_compare(method, allow->after) <= 0) return;
  if (allow->best.p == NULL || gw_str_compare(method, allow->best) < 0) allow->best = method;
}

static void allow_offer_rule(router_allow *allow, const gw_rule *rule) {
  static const gw_str usual[] = { GW_STR_INIT("DELETE"), GW_STR_INIT("GET"),  GW_STR_INIT("HEAD"),
                                  GW_STR_INIT("PATCH"),  GW_STR_INIT("POST"), GW_STR_INIT("PUT") };
  allow->any_rule = true;
  allow_offer(allow, GW_STR("OPTIONS"));
  if (gw_str_eq(rule->method, GW_STR("*"))) {
    for (size_t i = 0; i < GW_COUNT_OF(usual); i++)
      allow_offer(allow, usual[i]);
    return;
  }
  allow_offer(allow, rule->method);
  if (gw_str_eq(rule->method, GW_STR("GET"))) allow_offer(allow, GW_STR("HEAD"));
}

static void allow_walk(router_allow *allow, const gw_router *router, gw_str path) {
  router_walk walk;
  if (!walk_init(&walk, router, path)) return;
  for (uint32_t leaf; (leaf = walk_next(&walk)) != NODE_NONE;) {
    for (uint32_t i = router->nodes[leaf].entries; i != 0; i = router->entries[i].next) {
      const gw_rule *rule = router->entries[i].rule;
      if (walk_accepts(&walk, rule)) allow_offer_rule(allow, rule);
    }
  }
}

gw_code gw_router_allow(const gw_router *router, gw_str path, gw_buf *out) {
  router_allow allow = { 0 };
  for (;;) {
    allow.best = (gw_str){ NULL, 0 };
    allow_walk(&allow, router, path);
    if (allow.best.p == NULL) return GW_OK;
    gw_code code = allow.after.n > 0 ? gw_buf_append(out, GW_STR(", ")) : GW_OK;
    if (code == GW_OK) code = gw_buf_append(out, allow.best);
    if (code != GW_OK) return code;
    allow.after = allow.best;
  }
}
