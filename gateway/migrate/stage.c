#include "migrate/stage.h"

#include <stdio.h>

static const gw_str stage_names[GW_STAGE_COUNT] = {
  [GW_STAGE_LEGACY] = GW_STR_INIT("legacy"),
  [GW_STAGE_SHADOW] = GW_STR_INIT("shadow"),
  [GW_STAGE_CANARY] = GW_STR_INIT("canary"),
  [GW_STAGE_GRPC] = GW_STR_INIT("grpc"),
};

gw_str gw_stage_name(gw_stage stage) {
  return stage_names[stage];
}

bool gw_stage_parse(gw_str text, gw_stage *out) {
  for (int i = 0; i < GW_STAGE_COUNT; i++) {
    if (!gw_str_eq(text, stage_names[i])) continue;
    *out = (gw_stage)i;
    return true;
  }
  return false;
}

gw_str gw_side_name(gw_side side) {
  return side == GW_SIDE_LEGACY ? GW_STR("legacy") : GW_STR("grpc");
}

gw_stand gw_stand_of(gw_stage stage, uint32_t share) {
  if (stage == GW_STAGE_GRPC) share = GW_SHARE_WHOLE;
  if (stage < GW_STAGE_CANARY) share = 0;
  return (gw_stand){ stage, share };
}

size_t gw_share_print(uint32_t share, char out[GW_SHARE_TEXT_MAX]) {
  uint32_t whole = share / 10000, part = share % 10000; /* of a percent */
  int n = snprintf(out, GW_SHARE_TEXT_MAX, "%u", whole);
  if (part > 0) {
    n += snprintf(out + n, GW_SHARE_TEXT_MAX - (size_t)n, ".%04u", part);
    while (out[n - 1] == '0')
      n--;
  }
  out[n++] = '%';
  out[n] = '\0';
  return (size_t)n;
}
