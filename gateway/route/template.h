/* template: one path template of google/api/http.proto, parsed.
 *   Template = "/" [ Segments ] [ ":" LITERAL ]    Segment = "*" | "**" | LITERAL | Variable
 * Literals are kept with escapes of unreserved characters decoded (TRANSCODING section 2 and 15).
 * Owned by the arena it was parsed into; immutable.  Errors: GW_BAD_VALUE with ->column (from 1,
 * within the template) and what was expected there. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"

typedef enum gw_segment_kind {
  GW_SEGMENT_LITERAL,
  GW_SEGMENT_ONE,
  GW_SEGMENT_MANY
} gw_segment_kind;

typedef struct gw_segment {
  gw_segment_kind kind;
  gw_str literal; /* LITERAL: normalised */
} gw_segment;

typedef struct gw_template_var {
  gw_str field_path;     /* "book.author.id", proto names */
  uint32_t first, count; /* segments [first, first + count) */
  bool multi;            /* more than one segment or any "**": reserved escapes stay (section 4) */
} gw_template_var;

typedef struct gw_template {
  gw_str text; /* as written */
  const gw_segment *segments;
  uint32_t segment_count;
  const gw_template_var *vars;
  uint32_t var_count;
  gw_str verb;  /* without the colon; n == 0: none */
  int32_t many; /* index of the "**" segment; -1: none */
} gw_template;

GW_CHECKED gw_code gw_template_parse(gw_str text, gw_arena *arena, gw_template *out, gw_err *err);
/* `colons`: also as grpc-gateway reads them (D-05): ":" may stand in literals; the verb is what
 * follows the last one of the last segment or, behind a variable or wildcard, the first one. */
GW_CHECKED gw_code gw_template_parse_as(gw_str text, bool colons, gw_arena *arena, gw_template *out,
                                        gw_err *err);
