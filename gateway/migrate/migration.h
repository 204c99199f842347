/* migration: how one route moves from legacy to gRPC, as the configuration says (DESIGN section 4).
 * Built by control/ with the snapshot, immutable, owned by it; any thread.  What changes while the
 * gateway runs is in migrate/live.h. */
#pragma once

#include "codec/codec.h"
#include "migrate/stage.h"
#include "schema/schema.h"

typedef enum gw_sticky_kind { GW_STICKY_NONE, GW_STICKY_HEADER, GW_STICKY_COOKIE } gw_sticky_kind;

typedef struct gw_sticky {
  gw_sticky_kind kind;
  gw_str name; /* of the header, lower case; of the cookie, as written */
} gw_sticky;

typedef struct gw_shadow_policy {
  uint32_t sample;     /* millionths of the requests that may be sent twice; 100 % */
  uint32_t in_flight;  /* of this route, all workers together; 64 */
  size_t body_bytes;   /* of a request's and of an answer's body; 1 MiB */
  uint64_t timeout_ms; /* for the shadow's answer; 2 s */
  bool unsafe;         /* POST, PUT, PATCH and DELETE too */
  bool legacy;         /* in stage grpc legacy is the shadow */
} gw_shadow_policy;

/* A JSON pointer (RFC 6901) cut into its tokens, unescaped; "*" is any index or key. */
typedef struct gw_pointer {
  gw_str text; /* as written */
  const gw_str *tokens;
  uint32_t count;
} gw_pointer;

typedef struct gw_tolerance {
  gw_pointer pointer;
  double most; /* |legacy - grpc| up to this is equal */
} gw_tolerance;

typedef struct gw_compare_policy {
  const gw_pointer *ignore, *unordered;
  uint32_t ignore_count, unordered_count;
  const gw_tolerance *tolerances;
  uint32_t tolerance_count;
  const gw_str *headers; /* lower case */
  uint32_t header_count;
} gw_compare_policy;

typedef struct gw_guard_policy {
  bool is_set;
  uint64_t window_ms; /* 30 s */
  uint32_t requests;  /* the gRPC side's in the window before anything is judged; 50 */
  uint32_t errors;    /* millionths by which its share of errors may exceed legacy's; 1 % */
  uint32_t parity;    /* millionths of comparisons that must be equal; 0: not judged */
  double p99_ratio;   /* its p99 by legacy's, at most; 0: not judged */
  gw_stage back_to;   /* legacy or shadow; shadow */
} gw_guard_policy;

#define GW_RAMP_STEPS_MAX 16

typedef struct gw_ramp_policy {
  uint32_t steps[GW_RAMP_STEPS_MAX]; /* shares, growing */
  uint32_t step_count;               /* 0: no ramp */
  uint64_t hold_ms;                  /* at each step; 10 m */
  uint64_t min_compared;             /* comparisons at each step; 1000 */
  uint32_t min_parity;               /* millionths; its confidence interval's lower bound; 99.9 % */
} gw_ramp_policy;

#define GW_MIGRATION_NO_LEGACY UINT32_MAX

typedef struct gw_migration {
  gw_str route; /* the route's name */
  gw_str group; /* draws the same side for the same key; the route's name where none is set */
  bool is_grouped;
  uint32_t legacy;    /* index of the http upstream in the snapshot */
  gw_str legacy_name; /* of that upstream */
  gw_stand stand;     /* as the file says; the live one may be another */
  uint32_t canary;    /* the file's share, for `sluice stage ROUTE canary` without one; 0: none */
  gw_sticky sticky;
  gw_shadow_policy shadow;
  gw_compare_policy compare;
  gw_guard_policy guard;
  gw_ramp_policy ramp;
  bool fallback;
  /* what the answer's JSON is made of, for the comparison and for coverage */
  const gw_pool *pool;
  const gw_message *output; /* of the whole answer; NULL: not a message's JSON (HttpBody, scalar) */
  bool is_list;             /* response_body is a repeated field or the stream's array: elements of
                               `output` */
  const gw_json_style *style;
} gw_migration;

/* Where the file puts a route: at grpc, where it has no legacy side. */
static inline gw_stand gw_migration_stand(const gw_migration *migration) {
  return migration != NULL ? migration->stand : gw_stand_of(GW_STAGE_GRPC, 0);
}

/* Whether both are one, or of one group: then they move together. */
static inline bool gw_migration_is_with(const gw_migration *one, const gw_migration *other) {
  return one == other ||
         (one->is_grouped && other->is_grouped && gw_str_eq(one->group, other->group));
}
