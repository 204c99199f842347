#include "migrate/meaning.h"

#include <math.h>

#include <stdio.h>

#include "base/limits.h"

/* What a pointer of the policy does to the node that it names. */
typedef enum rule_kind { RULE_IGNORE, RULE_UNORDERED, RULE_TOLERANCE } rule_kind;

typedef struct rule {
  const gw_pointer *pointer;
  rule_kind kind;
  uint32_t index; /* of the tolerance */
} rule;

typedef struct finder {
  const gw_meaning *meaning;
  const rule *rules;
  uint32_t rule_count;
  uint32_t *active; /* rule_count of each level: those whose pointer leads here so far */
} finder;

/* A node's place under its parent. */
typedef struct place {
  const gw_json_node *parent;
  const gw_field *field; /* of a member; NULL: none */
  uint32_t index;        /* of an element */
} place;

#define HASH_IGNORED   0x2545F4914F6CDD1Dull
#define HASH_TOLERATED 0x9E6C63D0876A9A47ull
#define HASH_NULL      0xD6E8FEB86659FD93ull
#define HASH_TRUE      0xA0761D6478BD642Full
#define HASH_FALSE     0xE7037ED1A0B428DBull
#define HASH_ARRAY     0x8EBC6AF09C88C6E3ull
#define HASH_OBJECT    0x589965CC75374CC3ull

static uint64_t hash_mix(uint64_t a, uint64_t b) {
  __uint128_t product = (__uint128_t)(a ^ 0x9E3779B97F4A7C15ull) * (b ^ HASH_TRUE);
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* ---- the policy's pointers ---- */

static rule *rules_add(rule *at, const gw_pointer *pointers, uint32_t count, rule_kind kind) {
  for (uint32_t i = 0; i < count; i++)
    *at++ = (rule){ &pointers[i], kind, i };
  return at;
}

static gw_code finder_init(finder *f, const gw_meaning *meaning) {
  const gw_compare_policy *p = meaning->policy;
  *f = (finder){ .meaning = meaning };
  if (p == NULL) return GW_OK;
  f->rule_count = p->ignore_count + p->unordered_count + p->tolerance_count;
  if (f->rule_count == 0) return GW_OK;
  rule *rules = gw_arena_alloc(meaning->arena, f->rule_count * sizeof *rules);
  f->active = gw_arena_alloc(meaning->arena,
                             f->rule_count * sizeof *f->active * (GW_JSON_BRACKETS_MAX + 2));
  if (rules == NULL || f->active == NULL) return GW_NOMEM;
  f->rules = rules;
  rules = rules_add(rules, p->ignore, p->ignore_count, RULE_IGNORE);
  rules = rules_add(rules, p->unordered, p->unordered_count, RULE_UNORDERED);
  for (uint32_t i = 0; i < p->tolerance_count; i++)
    *rules++ = (rule){ &p->tolerances[i].pointer, RULE_TOLERANCE, i };
  return GW_OK;
}

static void rule_apply(const rule *r, gw_json_node *node) {
  switch (r->kind) {
  case RULE_IGNORE: node->flags |= GW_NODE_IGNORED; break;
  case RULE_UNORDERED: node->flags |= GW_NODE_UNORDERED; break;
  case RULE_TOLERANCE:
    if (node->tolerance == 0) node->tolerance = r->index + 1;
    break;
  }
}

/* A member is also known by its field's other name. */
static bool token_fits(gw_str token, const gw_json_node *node, place at) {
  if (token.n == 1 && token.p[0] == '*') return true;
  if (at.parent->type == GW_JSON_ARRAY) {
    char index[16];
    int n = snprintf(index, sizeof index, "%u", at.index);
    return gw_str_eq(token, (gw_str){ index, (size_t)n });
  }
  if (gw_str_eq(token, gw_json_key(node))) return true;
  return at.field != NULL &&
         (gw_str_eq(token, at.field->name) || gw_str_eq(token, at.field->json_name));
}

/* Applies the rules that end at this node; how many lead on, listed in the level's row. */
static uint32_t rules_step(finder *f, uint32_t depth, uint32_t active, gw_json_node *node,
                           place at) {
  const uint32_t *from = f->active + (size_t)(depth - 1) * f->rule_count;
  uint32_t *to = f->active + (size_t)depth * f->rule_count, count = 0;
  for (uint32_t i = 0; i < active; i++) {
    const rule *r = &f->rules[from[i]];
    if (!token_fits(r->pointer->tokens[depth - 1], node, at)) continue;
    if (r->pointer->count == depth) {
      rule_apply(r, node);
    } else {
      to[count++] = from[i];
    }
  }
  return count;
}

/* ---- roles ---- */

static gw_role role_of_message(const gw_message *message) {
  switch (message->wkt) {
  case GW_WKT_ANY: return GW_ROLE_ANY;
  case GW_WKT_STRUCT:
  case GW_WKT_VALUE:
  case GW_WKT_LIST_VALUE: return GW_ROLE_FREE;
  case GW_WKT_TIMESTAMP:
  case GW_WKT_DURATION:
  case GW_WKT_FIELD_MASK:
  case GW_WKT_WRAPPER: return GW_ROLE_SCALAR;
  default: return GW_ROLE_MESSAGE;
  }
}

static bool role_fits(gw_role role, gw_json_type type) {
  switch (role) {
  case GW_ROLE_MESSAGE:
  case GW_ROLE_ANY:
  case GW_ROLE_MAP: return type == GW_JSON_OBJECT;
  case GW_ROLE_LIST: return type == GW_JSON_ARRAY;
  case GW_ROLE_SCALAR: return type < GW_JSON_ARRAY;
  default: return true;
  }
}

/* null is what is not set, and so fits any role. */
static void node_set_role(gw_json_node *node, gw_role role) {
  if (node->type != GW_JSON_NULL && !role_fits(role, node->type)) {
    node->flags |= GW_NODE_MISFIT;
    role = GW_ROLE_LOOSE;
    node->message = NULL;
  }
  node->role = (uint8_t)role;
}

static void node_set_element(gw_json_node *node, const gw_field *field) {
  node->field = field;
  node->message = field->message;
  node_set_role(node, field->message != NULL ? role_of_message(field->message) : GW_ROLE_SCALAR);
}

static void node_set_field(gw_json_node *node, const gw_field *field) {
  if (!field->repeated) {
    node_set_element(node, field);
    return;
  }
  node->field = field;
  node_set_role(node, field->map ? GW_ROLE_MAP : GW_ROLE_LIST);
}

/* An Any is the message that it names, if the pool has that one. */
static void node_resolve_any(const gw_meaning *meaning, gw_json_node *node) {
  const gw_json_node *type = gw_json_tree_find(node, GW_STR("@type"));
  if (type == NULL || type->type != GW_JSON_STRING || meaning->pool == NULL) return;
  gw_str name = gw_json_text(type);
  const char *slash = memrchr(name.p, '/', name.n);
  if (slash != NULL) name = gw_str_skip(name, (size_t)(slash + 1 - name.p));
  const gw_message *message = gw_pool_find_message(meaning->pool, name);
  if (message == NULL || gw_message_has_own_json(message)) return;
  node->role = GW_ROLE_MESSAGE;
  node->message = message;
}

/* "Secret_Key" is near enough to secretKey for not being shown. */
static bool is_nearly(gw_str key, gw_str name) {
  size_t i = 0, j = 0;
  for (;;) {
    while (i < key.n && (key.p[i] == '_' || key.p[i] == '-'))
      i++;
    while (j < name.n && name.p[j] == '_')
      j++;
    if (i == key.n || j == name.n) return i == key.n && j == name.n;
    if (gw_char_lower(key.p[i++]) != gw_char_lower(name.p[j++])) return false;
  }
}

static bool is_nearly_secret(const gw_message *message, gw_str key) {
  for (uint32_t i = 0; i < message->field_count; i++) {
    const gw_field *field = &message->fields[i];
    if (field->redact && is_nearly(key, field->name)) return true;
  }
  return false;
}

static void node_set_member(const gw_json_node *parent, gw_json_node *node) {
  gw_str key = gw_json_key(node);
  const gw_field *field;
  switch ((gw_role)parent->role) {
  case GW_ROLE_MESSAGE:
    field = gw_message_field_by_name(parent->message, key);
    if (field != NULL) {
      node_set_field(node, field);
      if (field->redact) node->flags |= GW_NODE_REDACTED;
    } else {
      node->role = GW_ROLE_LOOSE;
      if (is_nearly_secret(parent->message, key)) node->flags |= GW_NODE_REDACTED;
    }
    break;
  case GW_ROLE_MAP: node_set_element(node, &parent->field->message->fields[1]); break;
  case GW_ROLE_ANY: /* "value" of a well-known type may be an Any again */
    node->role = node->type == GW_JSON_OBJECT ? GW_ROLE_ANY : GW_ROLE_FREE;
    break;
  default: node->role = parent->role; break;
  }
}

static void node_set_item(const gw_meaning *meaning, const gw_json_node *parent,
                          gw_json_node *node) {
  if (parent->role == GW_ROLE_LIST && parent->field != NULL) {
    node_set_element(node, parent->field);
  } else if (parent->role == GW_ROLE_LIST) { /* of the whole text */
    node->message = meaning->root;
    node_set_role(node, role_of_message(meaning->root));
  } else {
    node->role = parent->role;
  }
}

/* ---- hashes and defaults, when all that is in a node is known ---- */

static uint64_t hash_of_number(gw_str text) {
  gw_value value;
  return gw_value_of_number(text, &value) ? gw_value_hash(&value) : gw_str_hash(text, 3);
}

static uint64_t hash_of_plain(const gw_json_node *node) {
  gw_value value;
  switch ((gw_json_type)node->type) {
  case GW_JSON_NULL: return HASH_NULL;
  case GW_JSON_TRUE: return HASH_TRUE;
  case GW_JSON_FALSE: return HASH_FALSE;
  case GW_JSON_NUMBER: return hash_of_number(gw_json_text(node));
  default:
    if (node->role == GW_ROLE_LOOSE && gw_value_of_number(gw_json_text(node), &value))
      return gw_value_hash(&value);
    return gw_str_hash(gw_json_text(node), 5);
  }
}

/* ---- levels ---- */

static double level_add(double sum, double part) {
  double both = sum + part;
  return isfinite(both) ? both : sum;
}

/* 1 to 2: that numbers of different places do not stand for each other. */
static double level_weight(uint64_t where) {
  return 1 + (double)(hash_mix(where, HASH_TOLERATED) >> 12) * 0x1p-52;
}

static double level_of_scalar(const gw_json_node *node, const gw_value *value) {
  gw_value plain;
  double number;
  if (value == NULL && node->type == GW_JSON_NUMBER &&
      gw_value_of_number(gw_json_text(node), &plain))
    value = &plain;
  return value != NULL && gw_value_to_double(value, &number) ? level_add(0, number) : 0;
}

static gw_code finish_scalar(const gw_meaning *meaning, gw_json_node *node) {
  gw_value value;
  gw_code code = GW_BAD_VALUE;
  if (node->role == GW_ROLE_SCALAR) {
    gw_scalar scalar = gw_scalar_of(node->field, node->message);
    code = gw_value_read(scalar, node, meaning->arena, &value);
    if (code == GW_NOMEM) return code;
    if (code == GW_OK) {
      node->hash = gw_value_hash(&value);
      if (gw_value_is_default(&value, node->field, scalar, meaning->arena))
        node->flags |= GW_NODE_DEFAULT;
    }
  }
  if (code != GW_OK) node->hash = hash_of_plain(node);
  if (node->type == GW_JSON_NULL) node->flags |= GW_NODE_DEFAULT;
  if (node->tolerance != 0 && node->type != GW_JSON_NULL) {
    node->hash = HASH_TOLERATED;
    node->level = level_of_scalar(node, code == GW_OK ? &value : NULL);
  }
  return GW_OK;
}

static void finish_array(gw_json_node *node) {
  uint64_t hash = HASH_ARRAY;
  bool unordered = (node->flags & GW_NODE_UNORDERED) != 0;
  uint64_t index = 0;
  for (const gw_json_node *item = node->first; item != NULL; item = item->next) {
    if (unordered) {
      hash += hash_mix(item->hash, HASH_ARRAY);
    } else {
      hash = hash_mix(hash, item->hash);
    }
    index += !unordered;
    if (item->level != 0) node->level = level_add(node->level, item->level * level_weight(index));
  }
  node->hash = hash_mix(hash, node->n);
  bool is_list = node->role == GW_ROLE_LIST ||
                 (node->message != NULL && node->message->wkt == GW_WKT_LIST_VALUE);
  if (node->n == 0 && is_list) node->flags |= GW_NODE_DEFAULT;
}

/* Besides messages: {} is what a map, Struct or Any is that was never set. */
static bool object_may_be_unset(const gw_json_node *node) {
  if (node->role == GW_ROLE_MAP) return true;
  return node->message != NULL &&
         (node->message->wkt == GW_WKT_STRUCT || node->message->wkt == GW_WKT_ANY);
}

static void finish_object(gw_json_node *node) {
  uint64_t hash = HASH_OBJECT;
  bool is_message = node->role == GW_ROLE_MESSAGE, is_default = true;
  for (const gw_json_node *member = node->first; member != NULL; member = member->next) {
    bool known = is_message && member->field != NULL;
    if (!known || (member->flags & GW_NODE_DEFAULT) == 0) is_default = false;
    if ((member->flags & GW_NODE_IGNORED) != 0) continue;
    if (member->tolerance != 0 && member->level == 0) continue;
    if (known && (member->flags & GW_NODE_DEFAULT) != 0) continue;
    uint64_t name = known ? member->field->id : gw_str_hash(gw_json_key(member), HASH_OBJECT);
    if (member->level != 0)
      node->level = level_add(node->level, member->level * level_weight(name));
    if (member->tolerance != 0) continue;
    hash += hash_mix(hash_mix(name, known ? 1 : 2), member->hash);
  }
  node->hash = hash;
  if (!is_message) is_default = node->n == 0 && object_may_be_unset(node);
  if (is_default) node->flags |= GW_NODE_DEFAULT;
}

static gw_code find_node(finder *f, gw_json_node *node, uint32_t depth, uint32_t active) {
  const gw_meaning *meaning = f->meaning;
  place at = { .parent = node };
  gw_code code = GW_OK;
  node->level = 0;
  if (node->type < GW_JSON_ARRAY) {
    code = finish_scalar(meaning, node);
  } else {
    if (node->role == GW_ROLE_ANY) node_resolve_any(meaning, node);
    for (gw_json_node *child = node->first; child != NULL; child = child->next) {
      child->flags |= node->flags & (GW_NODE_IGNORED | GW_NODE_REDACTED);
      if (node->type == GW_JSON_OBJECT) {
        node_set_member(node, child);
      } else {
        node_set_item(meaning, node, child);
      }
      at.field = node->role == GW_ROLE_MESSAGE ? child->field : NULL;
      uint32_t on = active > 0 ? rules_step(f, depth + 1, active, child, at) : 0;
      code = find_node(f, child, depth + 1, on);
      if (code != GW_OK) return code;
      at.index++;
    }
    if (node->type == GW_JSON_ARRAY) {
      finish_array(node);
    } else {
      finish_object(node);
    }
  }
  if ((node->flags & GW_NODE_IGNORED) != 0) {
    node->hash = HASH_IGNORED;
    node->level = 0;
  }
  return code;
}

gw_code gw_meaning_find(const gw_meaning *meaning, gw_json_node *tree) {
  finder f;
  gw_code code = finder_init(&f, meaning);
  uint32_t active = 0;
  if (code != GW_OK) return code;
  for (uint32_t i = 0; i < f.rule_count; i++) {
    if (f.rules[i].pointer->count == 0) {
      rule_apply(&f.rules[i], tree);
    } else {
      f.active[active++] = i;
    }
  }
  if (meaning->root == NULL) {
    tree->role = GW_ROLE_LOOSE;
  } else if (meaning->is_list) {
    node_set_role(tree, GW_ROLE_LIST);
  } else {
    tree->message = meaning->root;
    node_set_role(tree, role_of_message(meaning->root));
  }
  return find_node(&f, tree, 0, active);
}

/* ---- secrets ---- */

bool gw_meaning_has_secrets(const gw_pool *pool, const gw_message *message, gw_arena *arena) {
  uint32_t count = gw_pool_message_count(pool), todo = 0;
  bool *seen = gw_arena_zalloc(arena, count + 1u);
  const gw_message **queue = gw_arena_alloc(arena, (count + 1u) * sizeof(gw_message *));
  if (seen == NULL || queue == NULL) return true;
  queue[todo++] = message;
  seen[message->id] = true;
  while (todo > 0) {
    const gw_message *m = queue[--todo];
    if (m->wkt == GW_WKT_ANY) return true; /* of whatever type */
    for (uint32_t i = 0; i < m->field_count; i++) {
      const gw_message *inner = m->fields[i].message;
      if (m->fields[i].redact) return true;
      if (inner == NULL || seen[inner->id]) continue;
      seen[inner->id] = true;
      queue[todo++] = inner;
    }
  }
  return false;
}
