/* stage: where a route stands in its migration, which side answers, and how both are written
 * (DESIGN section 4).  Pure; any thread. */
#pragma once

#include "base/str.h"

/* In order of the way: a larger one sends more to gRPC. */
typedef enum gw_stage {
  GW_STAGE_LEGACY, /* legacy answers */
  GW_STAGE_SHADOW, /* legacy answers; a sample goes to gRPC too and is compared */
  GW_STAGE_CANARY, /* a share is answered by gRPC; safe requests are compared by sample */
  GW_STAGE_GRPC,   /* gRPC answers */
  GW_STAGE_COUNT
} gw_stage;

typedef enum gw_side { GW_SIDE_LEGACY, GW_SIDE_GRPC, GW_SIDE_COUNT } gw_side;

#define GW_SHARE_WHOLE 1000000u /* shares are in millionths: 1 % is 10000 */

/* A stage and, for canary, its share; what a route's live state is, as one value. */
typedef struct gw_stand {
  gw_stage stage;
  uint32_t share; /* of requests that gRPC answers; 0 in legacy and shadow, all in grpc */
} gw_stand;

gw_str gw_stage_name(gw_stage stage); /* "canary" */
bool gw_stage_parse(gw_str text, gw_stage *out);
gw_str gw_side_name(gw_side side); /* "legacy", "grpc" */
/* The stand of a stage: `share` counts for canary only. */
gw_stand gw_stand_of(gw_stage stage, uint32_t share);
static inline bool gw_stand_eq(gw_stand a, gw_stand b) {
  return a.stage == b.stage && a.share == b.share;
}
#define GW_SHARE_TEXT_MAX 16
/* "12.5%", exact, NUL-terminated; returns its length. */
size_t gw_share_print(uint32_t share, char out[GW_SHARE_TEXT_MAX]);
