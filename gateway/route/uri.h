/* uri: request targets: splitting, percent-decoding (RFC 3986; TRANSCODING sections 3 to 5).
 * Pure; any thread. */
#pragma once

#include "base/arena.h"
#include "base/err.h"

/* Origin-form "/path?query" or absolute-form "http://host/path?query" (RFC 9112 section 3.2).
 * Slices of target; query without "?". */
typedef struct gw_uri {
  gw_str path, query;
  gw_str authority; /* absolute-form only */
  bool has_query;
} gw_uri;

/* GW_BAD_REQUEST: form, malformed escape in the path, "#", a segment that decodes to "." or "..".
 */
GW_CHECKED gw_code gw_uri_parse(gw_str target, gw_uri *out, gw_err *err);

typedef enum gw_decode_mode {
  GW_DECODE_ALL,             /* every %XX; single-segment captures */
  GW_DECODE_EXCEPT_RESERVED, /* multi-segment captures: reserved characters stay as written */
  GW_DECODE_EXCEPT_SLASH,    /* only "%2F" stays */
  GW_DECODE_SPLIT,           /* only "%25" stays: what is left is to be decoded once more */
  GW_DECODE_QUERY,           /* every %XX and "+" to space */
  GW_DECODE_LOOSE,           /* every %XX; a malformed one is itself (D-19) */
  GW_DECODE_LOOSE_PLUS       /* the same, and "+" to space */
} gw_decode_mode;

/* Borrows `text` when nothing is to be decoded, else a copy in arena.  GW_BAD_REQUEST: malformed
 * escape; GW_NOMEM. */
GW_CHECKED gw_code gw_uri_decode(gw_str text, gw_decode_mode mode, gw_arena *arena, gw_str *out,
                                 gw_err *err);
