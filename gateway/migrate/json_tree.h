/* json_tree: the JSON of an answer as a tree, for the comparison.
 * Not jansson's: numbers stay the texts that they were, since a 64-bit integer must be exact and
 * jansson holds no uint64; memory is the arena's, whose limit holds, where jansson takes 80 to 90
 * times the text from the heap; and each node has room for what the comparison finds out about it.
 * RFC 8259 strictly; valid UTF-8, no key twice in an object, at most GW_JSON_BRACKETS_MAX levels.
 * Iterative and linear.  The tree borrows from the text.  Pure; any thread. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "schema/schema.h"

typedef enum gw_json_type {
  GW_JSON_NULL,
  GW_JSON_FALSE,
  GW_JSON_TRUE,
  GW_JSON_NUMBER,
  GW_JSON_STRING,
  GW_JSON_ARRAY,
  GW_JSON_OBJECT
} gw_json_type;

typedef struct gw_json_node gw_json_node;
struct gw_json_node {
  gw_json_node *next; /* the member or element behind this one */
  const char *key;    /* of a member, without escapes; key_n bytes */
  uint32_t key_n;
  uint32_t n; /* members, elements, bytes of the text */
  union {
    gw_json_node *first; /* of object and array; NULL: empty */
    const char *text;    /* string: without escapes; number: as it was written */
  };
  gw_json_node **slots; /* of an object with many members: hash table of them */
  /* what migrate/meaning.h finds out */
  uint64_t hash;         /* equal for equal values, however they are written */
  double level;          /* made of the tolerated numbers in it, which the hash leaves out: near for
                            near ones, 0 for none; finite */
  const gw_field *field; /* whose value or element this is; NULL: none that is known */
  const gw_message *message; /* that this is one of; NULL: none */
  uint32_t tolerance;        /* index of its tolerance + 1; 0: none */
  uint8_t type;              /* gw_json_type */
  uint8_t role;              /* gw_role */
  uint8_t flags;             /* GW_NODE_... */
};

/* `text` is one JSON value with blanks around it, or with `lines` any number of values, which
 * become the elements of an array (NDJSON).  GW_BAD_VALUE: with line and column; GW_NOMEM: also the
 * arena's limit. */
GW_CHECKED gw_code gw_json_tree_parse(gw_str text, bool lines, gw_arena *arena, gw_json_node **out,
                                      gw_err *err);

/* The member of an object; NULL: there is none, or it is no object. */
gw_json_node *gw_json_tree_find(const gw_json_node *object, gw_str key);

/* A number that no peer knows, the same for the process's life: keys are foreign, and without a
 * seed they could be chosen to collide. */
uint64_t gw_json_tree_seed(void);

static inline gw_str gw_json_key(const gw_json_node *node) {
  return (gw_str){ node->key, node->key_n };
}
/* Of a string or a number. */
static inline gw_str gw_json_text(const gw_json_node *node) {
  return (gw_str){ node->text, node->n };
}
