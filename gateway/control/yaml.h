/* yaml: the text of a configuration -> a small tree whose every node knows its line and column.
 * Only what a configuration needs: one document of mappings, lists and text.  Aliases, merge keys
 * and tags are refused: they let a short text stand for a huge one, and hide where a value is
 * written.  ${NAME} is replaced in values (control/env.h), and may stand unquoted in {} and []
 * (control/mask.h).  A UTF-8 byte order mark is skipped.
 * Bounded in depth, nodes and bytes.  Main thread. */
#pragma once

#include "base/arena.h"
#include "control/findings.h"

#define GW_YAML_DEPTH_MAX 16u     /* levels; the configuration itself needs 7 */
#define GW_YAML_NODES_MAX 400000u /* keys and values; 16,384 routes need 300,000 */

typedef enum gw_yaml_kind { GW_YAML_TEXT, GW_YAML_LIST, GW_YAML_MAP } gw_yaml_kind;

typedef struct gw_yaml gw_yaml;
struct gw_yaml {
  gw_yaml_kind kind;
  bool quoted;           /* TEXT: written with quotes or as a block */
  bool duplicate;        /* a key that stands above already: left out of the tree */
  bool broken;           /* TEXT: its variables could not be replaced; that is a finding already */
  uint32_t line, column; /* from 1 */
  gw_str text;           /* TEXT */
  gw_yaml *first, *next; /* LIST: elements; MAP: keys, each once */
  gw_yaml *value;        /* of a key */
  uint32_t count;        /* of a LIST's elements or a MAP's keys */
};

/* "nothing", "a list", ...: what stands at a node, for errors. */
const char *gw_yaml_describe(const gw_yaml *node);

/* True for `key:` without a value, `~` and `null`. */
bool gw_yaml_is_null(const gw_yaml *node);

/* The tree is in arena.  GW_BAD_VALUE: no tree could be built; the reason is a finding.  GW_OK can
 * come with findings too (duplicate keys, unset variables).  GW_NOMEM. */
GW_CHECKED gw_code gw_yaml_parse(gw_str text, gw_str file, gw_arena *arena, gw_findings *findings,
                                 gw_yaml **root);
