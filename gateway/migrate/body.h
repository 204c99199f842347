/* body: one side's answer made ready for the comparison: inflated, told apart by its media type,
 * parsed and given its meaning.
 * Memory in the arena; one thread. */
#pragma once

#include "migrate/compare.h"

typedef enum gw_body_form {
  GW_BODY_NONE, /* no bytes */
  GW_BODY_JSON,
  GW_BODY_LINES, /* NDJSON */
  GW_BODY_SSE,
  GW_BODY_OTHER,
  GW_BODY_UNTYPED /* no content-type: JSON if it reads as such */
} gw_body_form;

typedef struct gw_body {
  gw_str bytes; /* without content-encoding */
  gw_body_form form;
  bool is_success;    /* 2xx: the message's JSON; otherwise an error's */
  bool is_problem;    /* RFC 9457: by its media type or its members */
  bool is_status;     /* google.rpc.Status as JSON */
  bool may_be_json;   /* JSON, LINES, UNTYPED */
  gw_json_node *tree; /* NULL: none, or malformed */
  const char *failed; /* NULL, or why the bytes cannot be read as what the fields say */
} gw_body;

/* `side` is "legacy" or "grpc", for `failed`.  GW_NOMEM. */
GW_CHECKED gw_code gw_body_open(gw_body *body, const gw_side_answer *answer, const char *side,
                                const gw_migration *migration, gw_arena *arena);
/* Parses, if that was not done: body->tree or body->failed is set where the type says JSON. */
GW_CHECKED gw_code gw_body_read(gw_body *body, const char *side, const gw_migration *migration,
                                gw_arena *arena);
/* For people: the tree, indented; else the bytes, if they are text and can hold no secret. */
GW_CHECKED gw_code gw_body_print(const gw_body *body, const gw_migration *migration,
                                 gw_arena *arena, gw_str *text);

/* The values of all fields of that name, with ", " between them; p == NULL: none.  GW_NOMEM. */
GW_CHECKED gw_code gw_body_field(const gw_side_answer *answer, gw_str name, gw_arena *arena,
                                 gw_str *value);
