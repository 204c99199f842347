/* codec: what a conversion between JSON text and wire bytes needs, either way.
 * One pass, no tree: codec/json_to_wire.h and codec/wire_to_json.h; the design and its reasons are
 * in docs/architecture.md.  No recursion on the C stack without the bound GW_JSON_DEPTH_MAX. A
 * gw_codec is the caller's memory, valid for one conversion or many; one thread. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "schema/schema.h"

typedef enum gw_json_emit {
  GW_EMIT_SET,  /* fields that are set */
  GW_EMIT_ALL,  /* and implicit-presence defaults, [] and {} */
  GW_EMIT_NULLS /* and null for unset messages and optional fields */
} gw_json_emit;

/* What a path or query says for true and false (D-13). */
typedef enum gw_bools {
  GW_BOOLS_USUAL, /* true, false, t, f, 1, 0 in any case */
  GW_BOOLS_CPP,   /* and yes, no, y, n: protobuf C++'s safe_strtob() */
  GW_BOOLS_GO     /* Go's strconv.ParseBool(): "tRUE" is none */
} gw_bools;

/* What JSON may write for a Duration (D-46). */
typedef enum gw_durations {
  GW_DURATIONS_STRICT,
  GW_DURATIONS_CPP, /* and "+3s", "3.s", "01s": protobuf C++'s stream converter */
  GW_DURATIONS_GO   /* and "+3s", "3.s", ".5s": Go's protojson */
} gw_durations;

typedef struct gw_json_style {
  gw_json_emit emit;
  bool int64_number;   /* json.int64: number */
  bool proto_names;    /* json.names: proto */
  bool enum_number;    /* json.enums: number */
  bool reject_unknown; /* json.unknown_fields: reject; also unknown enum names are then errors */
  /* What `compat` changes (TRANSCODING section 15, route/compat.h).  The strict rules come first:
   * these are looked at where they fail, or once for a conversion. */
  bool lenient;        /* D-39: quotes, commas, escapes as protobuf C++ tolerates them */
  bool last_key_wins;  /* D-40: a field given twice */
  bool loose_numbers;  /* D-41: "+1", "01" in quotes */
  bool quoted_enums;   /* D-43: "1" is a declared number */
  bool mask_snake;     /* D-26: snake_case in a FieldMask of JSON */
  bool mask_verbatim;  /* D-26: a FieldMask of a query is taken as it is */
  bool tail_ignored;   /* D-31: what follows the value */
  bool bare_types;     /* D-47: "@type" without "/" */
  bool empty_bare;     /* D-48: an Any of Empty has no "value" */
  bool plain_integers; /* D-23: no "1e2" in path and query */
  bool go_durations;   /* D-25: "1h30m" in a query */
  gw_bools bools;      /* D-13 */
  gw_durations durations;
  bool optional_omitted; /* D-49: GW_EMIT_NULLS without proto3 `optional` */
  bool printf_digits;    /* D-50: %.15g, else %.17g */
  bool html_escapes;     /* D-51: "<", ">" and invisible characters as \u003c */
  bool value_needed;     /* D-52: a Value without a member is an error */
} gw_json_style;

/* A field and the spelling of its name that came last time. */
typedef struct gw_codec_guess {
  const gw_field *field; /* NULL: none yet */
  gw_key key;            /* one of the field's */
} gw_codec_guess;

/* A field that may follow on the wire: in ascending order, in no oneof. */
typedef struct gw_codec_successor {
  const gw_field *field;
  uint32_t tag; /* as it came; 0: none yet */
} gw_codec_successor;

/* What the codec learns from the traffic: which field follows which, how long a nested message was.
 * Guesses only: a wrong one costs time, never correctness.  Owned by one worker, made for one pool.
 */
typedef struct gw_codec_memo {
  gw_codec_guess *next_field;    /* by field id: what came after it */
  gw_codec_guess *first_field;   /* by message id: what came first */
  gw_codec_successor *next_tag;  /* by field id: what came after it on the wire */
  gw_codec_successor *first_tag; /* by message id: what came first */
  uint32_t *enum_value;          /* by field id: index of the name that came last time, +1 */
  uint8_t *length_bytes;         /* by field id: bytes of the length prefix last time; 0: unknown */
} gw_codec_memo;

typedef struct gw_codec {
  const gw_pool *pool; /* resolves Any and extensions */
  gw_codec_memo *memo; /* never NULL */
  gw_arena *arena;     /* scratch for the rare cases; its limit bounds the memory */
  gw_json_style style;
  uint64_t unknown_count; /* JSON fields ignored so far */
} gw_codec;

/* NULL: no memory.  Owned by the caller; made for `pool`. */
gw_codec_memo *gw_codec_memo_new(const gw_pool *pool);
void gw_codec_memo_free(gw_codec_memo *memo);
