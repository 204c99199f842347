#include "route/router.h"

#include <stdlib.h>

#include "route/literal.h"

/* The trie.  Literals hang in one hash table for all nodes, keyed by parent and text, so that a
 * step costs the same with ten routes and with ten thousand; where a node has only one, as with
 * "v1", the text is compared at once.  Two things make every search short:
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
  uint32_t literal_count, last_literal; /* children likewise; verbs are not among them */
  uint32_t entries;
} router_node;

struct gw_router {
  router_node *nodes;
  router_entry *entries; /* [0] is not used */
  uint32_t *slots;       /* nodes that a literal or a verb leads to; 0: free */
  uint32_t node_count, entry_count, slot_mask;
  bool verbs;           /* some template has one */
  bool special;         /* some rule does not read paths as the default does */
  bool splits;          /* READING_SPLIT is among them */
  uint8_t readings;     /* bit i: some rule has reading i */
  uint32_t verb_colons; /* in one verb, at most */
};

/* ---- readings ---- */

/* In what a rule may read a path otherwise than the default (D-06 to D-08).  For nearly every path
 * all readings are the same; a path for which they differ is searched once for each of them, and
 * only by the rules that read it so. */
enum { READING_SUFFIX = 1, READING_SPLIT = 2, READING_SLASHES = 4, READING_COUNT = 8 };

static uint8_t router_reading(const gw_rule *rule) {
  const gw_compat *compat = &rule->route->compat;
  return (uint8_t)((compat->verb_suffix ? READING_SUFFIX : 0) |
                   (compat->unescape == GW_UNESCAPE_LEGACY ? READING_SPLIT : 0) |
                   (compat->slash == GW_SLASH_ALL ? READING_SLASHES : 0));
}

static void router_note_reading(gw_router *router, const gw_rule *rule) {
  uint8_t reading = router_reading(rule);
  uint32_t colons = 0;
  router->readings |= (uint8_t)(1u << reading);
  if (reading & READING_SPLIT) router->splits = true;
  if (reading != 0 || rule->route->compat.many_needs_one) router->special = true;
  for (size_t i = 0; i < rule->template.verb.n; i++)
    colons += rule->template.verb.p[i] == ':';
  if (colons > router->verb_colons) router->verb_colons = colons;
}

/* ---- literals ---- */

/* FNV-1a: a step for each byte, so that escapes need no copy. */
#define LITERAL_HASH_START     2166136261u
#define LITERAL_HASH_ADD(h, c) (((h) ^ (unsigned char)(c)) * 16777619u)

static uint32_t literal_hash(gw_str text) {
  uint32_t hash = LITERAL_HASH_START;
  const char *p = text.p, *end = text.p + text.n;
  char unit[3];
  for (; p < end && *p != '%'; p++)
    hash = LITERAL_HASH_ADD(hash, *p);
  while (p < end) {
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
  if (!(parent & NODE_VERB)) {
    router->nodes[parent].literal_count++;
    router->nodes[parent].last_literal = id;
  }
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

bool gw_router_yields(const gw_rule *first, const gw_rule *second) {
  return first->route->compat.duplicate_last && second->route->compat.duplicate_last;
}

/* Returns the rule that stands in the way or, where the later one wins, that gave way; or NULL. */
static const gw_rule *router_add_rule(gw_router *router, const gw_rule *rule) {
  router_node *node = &router->nodes[router_add_template(router, &rule->template)];
  uint32_t *link = &node->entries;
  for (; *link != 0; link = &router->entries[*link].next) {
    const gw_rule *other = router->entries[*link].rule;
    if (!gw_str_eq(other->method, rule->method)) continue;
    if (other->implicit != rule->implicit) return NULL; /* explicit rules came first */
    if (gw_router_yields(other, rule)) router->entries[*link].rule = rule;
    return other;
  }
  router_note_reading(router, rule);
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
      if (!gw_router_yields(first, rules[i])) code = GW_CONFLICT;
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
  bool picky;              /* rules are asked whether they take the path so */
  uint8_t odd, want;       /* bits of a reading that matter for this path, and their values */
  gw_str verb;             /* without the colon; p == NULL: none */
  uint32_t verb_hash;
  uint32_t head_count, tail_count, depth, found_count;
  router_piece heads[GW_TEMPLATE_SEGMENTS_MAX + 1]; /* segments from the start, as far as read */
  router_piece tails[GW_TEMPLATE_SEGMENTS_MAX];     /* segments from the end, likewise */
  router_frame frames[GW_TEMPLATE_SEGMENTS_MAX + 1];
  uint32_t found[GW_TEMPLATE_SEGMENTS_MAX]; /* nodes after "**", the last one is next */
} router_walk;

/* TRANSCODING section 3 rule 2: what follows the last ":" of the last segment is a verb only if
 * some template has this verb.  `colons` more of them may stand in it. */
static void walk_cut_verb(router_walk *walk, gw_str path, uint32_t colons) {
  const char *slash = memrchr(path.p, '/', path.n), *colon = path.p + path.n;
  for (uint32_t i = 0; i <= colons && colon != NULL; i++)
    colon = memrchr(slash, ':', (size_t)(colon - slash));
  if (colon == NULL) return;
  gw_str verb = gw_str_from(colon + 1, path.p + path.n);
  uint32_t hash = literal_hash(verb);
  if (router_child(walk->router, NODE_VERBS, verb, hash) == NODE_NONE) return;
  walk->verb = verb;
  walk->verb_hash = hash;
  walk->end = colon;
}

/* "/" has no segment, and its slash is not a trailing one. */
static void walk_cut_slash(router_walk *walk) {
  bool slash = walk->end[-1] == '/';
  walk->slash = slash && walk->end - walk->begin > 1;
  if (slash) walk->end--;
}

static bool walk_init(router_walk *walk, const gw_router *router, gw_str path) {
  if (path.n == 0 || path.p[0] != '/') return false;
  walk->router = router;
  walk->begin = path.p;
  walk->end = path.p + path.n;
  walk->verb = (gw_str){ NULL, 0 };
  walk->head_count = walk->tail_count = walk->found_count = 0;
  if (router->verbs) walk_cut_verb(walk, path, 0);
  walk_cut_slash(walk);
  walk->picky = walk->slash || router->special;
  walk->odd = walk->want = 0;
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
  piece->at = walk_at(walk, index);
  const char *slash = memchr(piece->at + 1, '/', (size_t)(walk->end - piece->at - 1));
  piece->end = slash != NULL ? slash : walk->end;
  walk->head_count = index + 1;
  return piece;
}

/* The child of `parent` along the segment, or NODE_NONE. */
static uint32_t walk_child(const router_walk *walk, uint32_t parent, const router_piece *piece) {
  const router_node *node = &walk->router->nodes[parent];
  gw_str text = gw_str_from(piece->at + 1, piece->end);
  if (node->literal_count == 0) return NODE_NONE;
  if (node->literal_count > 1) return router_child(walk->router, parent, text, literal_hash(text));
  const router_node *child = &walk->router->nodes[node->last_literal];
  return gw_literal_eq(text, child->literal) ? node->last_literal : NODE_NONE;
}

/* Segment `index` from the end; NULL when it would begin before `from`. */
static const router_piece *walk_tail(router_walk *walk, uint32_t index, const char *from) {
  router_piece *piece = &walk->tails[index];
  if (index == walk->tail_count) {
    const char *end = index == 0 ? walk->end : walk->tails[index - 1].at;
    if (end <= from) return NULL;
    piece->end = end;
    piece->at = memrchr(walk->begin, '/', (size_t)(end - walk->begin));
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
    node = walk_child(walk, node, piece);
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
      walk_push(walk, walk_child(walk, frame->node, piece));
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

/* Where the segment `index` of the template begins in the path: at its "/". */
static const char *walk_segment(const router_walk *walk, const gw_rule *rule, uint32_t index) {
  const gw_template *template = &rule->template;
  if (template->many < 0 || index <= (uint32_t) template->many) return walk_at(walk, index);
  if (index < template->segment_count) return walk->tails[template->segment_count - index - 1].at;
  return walk->end + (walk->slash && rule->route->compat.slash == GW_SLASH_STRICT ? 1 : 0);
}

/* Whether the rule takes the path as this walk reads it. */
static bool walk_accepts(const router_walk *walk, const gw_rule *rule) {
  if (GW_LIKELY(!walk->picky)) return true;
  const gw_compat *compat = &rule->route->compat;
  uint32_t many = (uint32_t)rule->template.many;
  bool has_many = rule->template.many >= 0, many_last = many + 1 == rule->template.segment_count;
  if ((router_reading(rule) & walk->odd) != walk->want) return false;
  /* A trailing "/" is a segment for rules that are strict about it; only "**" can hold it then. */
  if (walk->slash && compat->slash == GW_SLASH_STRICT && !(has_many && many_last)) return false;
  if (!compat->many_needs_one || !has_many || many_last) return true;
  return walk_segment(walk, rule, many) != walk_segment(walk, rule, many + 1);
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

static void walk_capture(const router_walk *walk, const gw_rule *rule, gw_binds *binds) {
  for (uint32_t i = 0; i < rule->template.var_count; i++) {
    const gw_template_var *var = &rule->template.vars[i];
    const char *begin = walk_segment(walk, rule, var->first);
    const char *end = walk_segment(walk, rule, var->first + var->count);
    binds->values[i] = gw_str_from(begin < end ? begin + 1 : end, end);
  }
}

static const gw_rule *walk_find(router_walk *walk, gw_str method, gw_binds *binds) {
  for (uint32_t leaf; (leaf = walk_next(walk)) != NODE_NONE;) {
    const gw_rule *rule = walk_pick(walk, leaf, method);
    if (rule == NULL) continue;
    walk_capture(walk, rule, binds);
    return rule;
  }
  return NULL;
}

/* ---- paths that rules read differently ---- */

/* All readings of one path, one walk after the other. */
typedef struct router_reader {
  const gw_router *router;
  gw_router_path path;
  uint8_t odd, done; /* done: bit i: the walk for `want` == i was made */
  uint32_t reading;  /* the next one */
  uint32_t cut; /* of READING_SUFFIX: the next verb to cut off, by its colons; 0: none is cut */
} router_reader;

/* Decoding may have brought forth what gw_uri_parse() refuses in a path as sent. */
static bool reader_has_dots(gw_str path) {
  gw_str rest = gw_str_skip(path, 1);
  for (bool last = false; !last;) {
    last = gw_str_find(rest, '/') == rest.n;
    gw_str segment = gw_str_cut(&rest, '/');
    if (gw_str_eq(segment, GW_STR(".")) || gw_str_eq(segment, GW_STR(".."))) return true;
  }
  return false;
}

static void reader_init(router_reader *reader, const gw_router *router, gw_router_path path) {
  gw_str raw = path.raw;
  *reader = (router_reader){ .router = router, .path = path };
  if (!router->special || raw.n == 0 || raw.p[0] != '/') return;
  const char *slash = memrchr(raw.p, '/', raw.n);
  gw_str last = gw_str_from(slash, raw.p + raw.n);
  gw_str split_last = path.split.n > 0 ? gw_str_from(memrchr(path.split.p, '/', path.split.n),
                                                     path.split.p + path.split.n)
                                       : last;
  bool colon = gw_str_find(last, ':') < last.n || gw_str_find(split_last, ':') < split_last.n;
  if (router->verbs && colon) reader->odd |= READING_SUFFIX;
  if (memchr(raw.p, '%', raw.n) != NULL) reader->odd |= READING_SPLIT;
  if (gw_str_ends(raw, GW_STR("//"))) reader->odd |= READING_SLASHES;
}

/* Begins the walk for the reading `want`; false: there is none. */
static bool reader_begin(router_reader *reader, uint8_t want, router_walk *walk) {
  gw_str path = want & READING_SPLIT ? reader->path.split : reader->path.raw;
  if ((want & READING_SPLIT) && (path.n == 0 || reader_has_dots(path))) return false;
  if (!walk_init(walk, reader->router, path)) return false;
  walk->odd = reader->odd;
  walk->want = want;
  if (want & READING_SUFFIX) {
    walk->verb = (gw_str){ NULL, 0 };
    walk->end = path.p + path.n;
    if (reader->cut > 0) walk_cut_verb(walk, path, reader->cut - 1);
    if (reader->cut > 0 && walk->verb.p == NULL) return false;
    walk_cut_slash(walk);
  }
  if (want & READING_SLASHES) {
    while (walk->end > walk->begin && walk->end[-1] == '/')
      walk->end--;
  }
  return true;
}

/* The next walk; the first ones of a reading cut off the longest verbs. */
static bool reader_next(router_reader *reader, router_walk *walk) {
  while (reader->reading < READING_COUNT) {
    uint8_t want = (uint8_t)(reader->reading & reader->odd);
    bool present = reader->router->readings >> reader->reading & 1;
    if (reader->cut == 0 && present && !(reader->done >> want & 1)) {
      reader->done |= (uint8_t)(1u << want);
      if (want & READING_SUFFIX) reader->cut = reader->router->verb_colons + 2;
      if (!(want & READING_SUFFIX)) {
        reader->reading++;
        if (reader_begin(reader, want, walk)) return true;
        continue;
      }
    }
    if (reader->cut == 0) {
      reader->reading++;
      continue;
    }
    reader->cut--;
    bool begun = reader_begin(reader, want, walk);
    if (reader->cut == 0) reader->reading++;
    if (begun) return true;
  }
  return false;
}

/* Literal before "*" before "**", from left to right. */
static bool router_is_more_specific(const gw_rule *a, const gw_rule *b) {
  uint32_t count = a->template.segment_count;
  if (b->template.segment_count < count) count = b->template.segment_count;
  for (uint32_t i = 0; i < count; i++) {
    gw_segment_kind kind = a->template.segments[i].kind, other = b->template.segments[i].kind;
    if (kind != other) return kind < other;
  }
  return false;
}

static GW_COLD const gw_rule *router_match_special(const gw_router *router, gw_str method,
                                                   gw_router_path path, gw_binds *binds) {
  const gw_rule *best = NULL;
  router_reader reader;
  router_walk walk;
  gw_binds found_binds;
  reader_init(&reader, router, path);
  while (reader_next(&reader, &walk)) {
    const gw_rule *found = walk_find(&walk, method, &found_binds);
    if (found == NULL) continue;
    if (reader.cut > 0) reader.cut = 0, reader.reading++; /* shorter verbs come after it */
    if (best != NULL && !router_is_more_specific(found, best)) continue;
    best = found;
    *binds = found_binds;
  }
  return best;
}

const gw_rule *gw_router_match_as(const gw_router *router, gw_str method, gw_router_path path,
                                  gw_binds *binds) {
  router_walk walk;
  if (GW_UNLIKELY(router->special)) return router_match_special(router, method, path, binds);
  return walk_init(&walk, router, path.raw) ? walk_find(&walk, method, binds) : NULL;
}

bool gw_router_splits(const gw_router *router) {
  return router->splits;
}

void gw_router_each(const gw_router *router, gw_router_path path, gw_router_each_fn *each,
                    void *context) {
  router_reader reader;
  router_walk walk;
  reader_init(&reader, router, path);
  while (reader_next(&reader, &walk)) {
    for (uint32_t leaf; (leaf = walk_next(&walk)) != NODE_NONE;) {
      for (uint32_t i = router->nodes[leaf].entries; i != 0; i = router->entries[i].next) {
        const gw_rule *rule = router->entries[i].rule;
        if (walk_accepts(&walk, rule)) each(context, rule);
      }
    }
  }
}

/* ---- Allow ---- */

/* The smallest method above `after`; gathered that way the list is sorted and needs no memory. */
typedef struct router_allow {
  gw_str after, best;
} router_allow;

static void allow_offer(router_allow *allow, gw_str method) {
  if (gw_str_compare(method, allow->after) <= 0) return;
  if (allow->best.p == NULL || gw_str_compare(method, allow->best) < 0) allow->best = method;
}

static void allow_offer_rule(router_allow *allow, const gw_rule *rule) {
  static const gw_str usual[] = { GW_STR_INIT("DELETE"), GW_STR_INIT("GET"),  GW_STR_INIT("HEAD"),
                                  GW_STR_INIT("PATCH"),  GW_STR_INIT("POST"), GW_STR_INIT("PUT") };
  allow_offer(allow, GW_STR("OPTIONS"));
  if (gw_str_eq(rule->method, GW_STR("*"))) {
    for (size_t i = 0; i < GW_COUNT_OF(usual); i++)
      allow_offer(allow, usual[i]);
    return;
  }
  allow_offer(allow, rule->method);
  if (gw_str_eq(rule->method, GW_STR("GET"))) allow_offer(allow, GW_STR("HEAD"));
}

static void allow_on_rule(void *context, const gw_rule *rule) {
  allow_offer_rule(context, rule);
}

gw_code gw_router_allow_as(const gw_router *router, gw_router_path path, gw_buf *out) {
  router_allow allow = { 0 };
  for (;;) {
    allow.best = (gw_str){ NULL, 0 };
    gw_router_each(router, path, allow_on_rule, &allow);
    if (allow.best.p == NULL) return GW_OK;
    gw_code code = allow.after.n > 0 ? gw_buf_append(out, GW_STR(", ")) : GW_OK;
    if (code == GW_OK) code = gw_buf_append(out, allow.best);
    if (code != GW_OK) return code;
    allow.after = allow.best;
  }
}
