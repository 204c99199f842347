#include "control/yaml.h"

#include <stdlib.h>
#include <yaml.h>

#include "control/env.h"
#include "control/mask.h"

/* One open mapping or list. */
typedef struct yaml_level {
  gw_yaml *node, *last;
  gw_yaml *key; /* MAP: waits for its value */
} yaml_level;

typedef struct yaml_builder {
  gw_arena *arena;
  gw_findings *findings;
  gw_str file;
  gw_str text;
  gw_yaml *root;
  uint32_t node_count, depth;
  yaml_level levels[GW_YAML_DEPTH_MAX];
} yaml_builder;

const char *gw_yaml_describe(const gw_yaml *node) {
  switch (node->kind) {
  case GW_YAML_LIST: return node->count > 0 ? "a list" : "an empty list";
  case GW_YAML_MAP: return "a mapping";
  default: return gw_yaml_is_null(node) ? "nothing" : "text";
  }
}

bool gw_yaml_is_null(const gw_yaml *node) {
  return node->kind == GW_YAML_TEXT && !node->quoted &&
         (node->text.n == 0 || gw_str_eq(node->text, GW_STR("~")) ||
          gw_str_eq(node->text, GW_STR("null")));
}

static gw_place yaml_place(const yaml_builder *b, const yaml_mark_t *mark) {
  return (gw_place){ b->file, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1 };
}

static gw_code yaml_refuse(yaml_builder *b, const yaml_event_t *event, const char *text) {
  gw_findings_add(b->findings, yaml_place(b, &event->start_mark), "%s", text);
  return GW_BAD_VALUE;
}

static gw_code yaml_node_new(yaml_builder *b, const yaml_event_t *event, gw_yaml **out) {
  if (b->node_count++ == GW_YAML_NODES_MAX)
    return yaml_refuse(b, event, "the configuration has too many keys and values");
  gw_yaml *node = gw_arena_zalloc(b->arena, sizeof *node);
  if (node == NULL) return GW_NOMEM;
  node->line = (uint32_t)event->start_mark.line + 1;
  node->column = (uint32_t)event->start_mark.column + 1;
  *out = node;
  return GW_OK;
}

/* Hangs `node` into the innermost open mapping or list. */
static gw_code yaml_attach(yaml_builder *b, const yaml_event_t *event, gw_yaml *node) {
  if (b->depth == 0) {
    b->root = node;
    return GW_OK;
  }
  yaml_level *level = &b->levels[b->depth - 1];
  if (level->node->kind == GW_YAML_MAP && level->key != NULL) {
    level->key->value = node;
    level->key = NULL;
    return GW_OK;
  }
  if (level->node->kind == GW_YAML_MAP) {
    if (node->kind != GW_YAML_TEXT) return yaml_refuse(b, event, "a key must be text");
    if (!node->quoted && gw_str_eq(node->text, GW_STR("<<")))
      return yaml_refuse(b, event, "merge keys (<<) are not supported: write the keys out");
    level->key = node;
  }
  if (level->last != NULL)
    level->last->next = node;
  else
    level->node->first = node;
  level->last = node;
  level->node->count++;
  return GW_OK;
}

static bool yaml_expects_key(const yaml_builder *b) {
  return b->depth > 0 && b->levels[b->depth - 1].node->kind == GW_YAML_MAP &&
         b->levels[b->depth - 1].key == NULL;
}

static gw_code yaml_text_expand(yaml_builder *b, const yaml_event_t *event, gw_yaml *node) {
  gw_err err;
  gw_err_init(&err);
  gw_code code = gw_env_expand(node->text, b->arena, &node->text, &err);
  if (code == GW_OK || code == GW_NOMEM) return code;
  gw_place at = yaml_place(b, &event->start_mark);
  /* Columns of a quoted or folded text do not count one to one. */
  if (!node->quoted && err.column > 0) at.column += err.column - 1;
  gw_findings_add(b->findings, at, "%s", err.text);
  node->broken = true;
  return GW_OK; /* the other mistakes are worth reporting too */
}

static gw_code yaml_on_text(yaml_builder *b, const yaml_event_t *event) {
  gw_yaml *node;
  if (event->data.scalar.tag != NULL)
    return yaml_refuse(b, event, "tags (!name) are not supported");
  gw_code code = yaml_node_new(b, event, &node);
  if (code != GW_OK) return code;
  node->kind = GW_YAML_TEXT;
  node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
  char *text = gw_arena_alloc(b->arena, event->data.scalar.length + 1);
  if (text == NULL) return GW_NOMEM;
  memcpy(text, event->data.scalar.value, event->data.scalar.length);
  node->text = (gw_str){ text, gw_mask_undo(text, event->data.scalar.length) };
  text[node->text.n] = '\0';
  if (memchr(node->text.p, '\0', node->text.n) != NULL)
    return yaml_refuse(b, event, "a NUL byte is not allowed");
  if (!yaml_expects_key(b)) code = yaml_text_expand(b, event, node);
  return code == GW_OK ? yaml_attach(b, event, node) : code;
}

static gw_code yaml_on_open(yaml_builder *b, const yaml_event_t *event) {
  bool map = event->type == YAML_MAPPING_START_EVENT;
  gw_yaml *node;
  if ((map ? event->data.mapping_start.tag : event->data.sequence_start.tag) != NULL)
    return yaml_refuse(b, event, "tags (!name) are not supported");
  if (b->depth == GW_YAML_DEPTH_MAX) return yaml_refuse(b, event, "nested too deeply");
  gw_code code = yaml_node_new(b, event, &node);
  if (code != GW_OK) return code;
  node->kind = map ? GW_YAML_MAP : GW_YAML_LIST;
  code = yaml_attach(b, event, node);
  if (code == GW_OK) b->levels[b->depth++] = (yaml_level){ .node = node };
  return code;
}

static int yaml_key_order(const void *a, const void *b) {
  const gw_yaml *left = *(gw_yaml *const *)a, *right = *(gw_yaml *const *)b;
  int order = gw_str_compare(left->text, right->text);
  if (order == 0) order = (left->line > right->line) - (left->line < right->line);
  return order != 0 ? order : (left->column > right->column) - (left->column < right->column);
}

static void yaml_drop_duplicates(gw_yaml *map) {
  gw_yaml **link = &map->first;
  while (*link != NULL) {
    if ((*link)->duplicate) {
      *link = (*link)->next;
      map->count--;
    } else {
      link = &(*link)->next;
    }
  }
}

/* Sorted, so that a mapping of many keys is not compared pair by pair. */
static gw_code yaml_check_keys(yaml_builder *b, gw_yaml *map) {
  if (map->count < 2) return GW_OK;
  gw_yaml **keys = gw_arena_alloc(b->arena, map->count * sizeof *keys);
  if (keys == NULL) return GW_NOMEM;
  size_t n = 0;
  for (gw_yaml *key = map->first; key != NULL; key = key->next)
    keys[n++] = key;
  qsort(keys, n, sizeof *keys, yaml_key_order);
  const gw_yaml *first = keys[0];
  for (size_t i = 1; i < n; i++) {
    if (!gw_str_eq(first->text, keys[i]->text)) {
      first = keys[i];
      continue;
    }
    keys[i]->duplicate = true;
    gw_findings_add(b->findings, (gw_place){ b->file, keys[i]->line, keys[i]->column },
                    "duplicate key \"" GW_STR_FMT "\"; it stands in line %u already",
                    GW_STR_ARG(keys[i]->text), first->line);
  }
  yaml_drop_duplicates(map);
  return GW_OK;
}

static gw_code yaml_on_event(yaml_builder *b, const yaml_event_t *event) {
  switch (event->type) {
  case YAML_SCALAR_EVENT: return yaml_on_text(b, event);
  case YAML_MAPPING_START_EVENT:
  case YAML_SEQUENCE_START_EVENT: return yaml_on_open(b, event);
  case YAML_SEQUENCE_END_EVENT: b->depth--; return GW_OK;
  case YAML_MAPPING_END_EVENT: return yaml_check_keys(b, b->levels[--b->depth].node);
  case YAML_ALIAS_EVENT:
    return yaml_refuse(b, event, "aliases (*name) are not supported; a star as text needs quotes");
  case YAML_DOCUMENT_START_EVENT:
    return b->root == NULL ? GW_OK : yaml_refuse(b, event, "a second document is not allowed");
  default: return GW_OK;
  }
}

/* The reader knows only an offset where bytes are not UTF-8.  Columns count characters, as YAML's.
 */
static gw_place yaml_offset_place(const yaml_builder *b, size_t offset) {
  gw_place at = { b->file, 1, 1 };
  for (size_t i = 0; i < offset && i < b->text.n; i++) {
    bool line_end = b->text.p[i] == '\n';
    at.line += line_end ? 1 : 0;
    bool begins = ((unsigned char)b->text.p[i] & 0xC0) != 0x80;
    at.column = line_end ? 1 : at.column + (begins ? 1 : 0);
  }
  return at;
}

static gw_code yaml_syntax(yaml_builder *b, const yaml_parser_t *parser) {
  const char *problem = parser->problem != NULL ? parser->problem : "malformed";
  const char *context = parser->context != NULL ? parser->context : "";
  if (parser->error == YAML_MEMORY_ERROR) return GW_NOMEM;
  if (parser->error == YAML_READER_ERROR) {
    gw_findings_add(b->findings, yaml_offset_place(b, parser->problem_offset), "YAML: %s", problem);
    return GW_BAD_VALUE;
  }
  gw_place at = yaml_place(b, &parser->problem_mark);
  if (strstr(context, "alias") != NULL) {
    gw_findings_add(b->findings, at, "YAML: a star as text needs quotes: \"*\"");
    return GW_BAD_VALUE;
  }
  /* "{match: GET /v1/{id}}" is the commonest way to get here. */
  const char *hint = strstr(context, "flow") != NULL
                         ? " (text with a brace, bracket or comma inside {} or [] needs quotes)"
                         : "";
  gw_findings_add(b->findings, at, "YAML: %s%s%s%s", problem, *context != '\0' ? ", " : "", context,
                  hint);
  return GW_BAD_VALUE;
}

static gw_code yaml_read(yaml_builder *b, yaml_parser_t *parser) {
  for (;;) {
    yaml_event_t event;
    if (!yaml_parser_parse(parser, &event)) return yaml_syntax(b, parser);
    bool end = event.type == YAML_STREAM_END_EVENT;
    gw_code code = yaml_on_event(b, &event);
    yaml_event_delete(&event);
    if (end || code != GW_OK) return code;
  }
}

/* What libyaml is to read: without a byte order mark, with masked variables. */
static gw_code yaml_prepare(yaml_builder *b) {
  if (gw_str_starts(b->text, GW_STR("\xEF\xBB\xBF"))) b->text = gw_str_skip(b->text, 3);
  size_t taken = gw_mask_find(b->text);
  if (taken == b->text.n) return gw_mask_apply(b->text, b->arena, &b->text);
  gw_findings_add(b->findings, yaml_offset_place(b, taken),
                  "YAML: a noncharacter (U+FDD0 to U+FDEF) is not allowed");
  return GW_BAD_VALUE;
}

gw_code gw_yaml_parse(gw_str text, gw_str file, gw_arena *arena, gw_findings *findings,
                      gw_yaml **root) {
  yaml_builder b = { .arena = arena, .findings = findings, .file = file, .text = text };
  yaml_parser_t parser;
  gw_code code = yaml_prepare(&b);
  if (code != GW_OK) return code;
  text = b.text;
  if (!yaml_parser_initialize(&parser)) return GW_NOMEM;
  yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&parser, (const unsigned char *)(text.n > 0 ? text.p : ""), text.n);
  code = yaml_read(&b, &parser);
  yaml_parser_delete(&parser);
  if (code != GW_OK) return code;
  if (b.root == NULL || gw_yaml_is_null(b.root)) {
    gw_findings_add(findings, (gw_place){ file, 1, 1 }, "the configuration is empty");
    return GW_BAD_VALUE;
  }
  *root = b.root;
  return GW_OK;
}
