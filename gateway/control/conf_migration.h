/* conf_migration: the options of a route that say how it moves from legacy to gRPC, as written
 * (DESIGN section 4).  Upstreams and messages are looked up by assemble_migration.c.  Main thread.
 */
#pragma once

#include "control/conf.h"
#include "migrate/migration.h"

#define GW_CONF_POINTERS_MAX 64u /* of one list of `compare`; an answer has hardly more to say */

/* Values over the defaults, and where the options are written; NULL: nowhere. */
typedef struct gw_conf_migration {
  const gw_yaml *legacy, *group;
  const gw_yaml *sticky_header, *sticky_cookie;
  gw_sticky sticky;
  uint32_t stage;  /* gw_stage */
  uint32_t canary; /* a share; 0: none */
  gw_shadow_policy shadow;
  gw_compare_policy compare; /* pointers stand in the order of the lists' elements */
  const gw_yaml *ignore, *unordered, *tolerance, *steps;
  gw_guard_policy guard;
  gw_ramp_policy ramp;
  bool fallback;
  /* The first key that belongs to it. */
  const gw_yaml *stage_at, *canary_at, *sticky_at, *group_at, *shadow_at, *compare_at, *guard_at,
      *ramp_at, *fallback_at;
} gw_conf_migration;

extern const gw_conf_migration gw_conf_migration_default;

/* After the keys of `node` were read over a copy of `defaults`: what belongs together, and where it
 * stands. */
void gw_conf_migration_finish(gw_conf *conf, const gw_yaml *node, const gw_conf_migration *defaults,
                              gw_conf_migration *migration);

extern const gw_options gw_conf_sticky_options, gw_conf_shadow_options, gw_conf_compare_options,
    gw_conf_guard_options, gw_conf_ramp_options;
extern const gw_str gw_conf_stage_words[GW_STAGE_COUNT];

/* The keys for a gw_conf_migration that is `member` of `type`. */
#define GW_CONF_MIGRATION_OPTIONS(type, member)                                                    \
  GW_OPTION_NODE("legacy", type, member.legacy),                                                   \
      GW_OPTION_CHOICE("stage", gw_conf_stage_words, type, member.stage),                          \
      GW_OPTION_NUMBER("canary", gw_option_share, type, member.canary, 10, GW_SHARE_WHOLE),        \
      { .name = GW_STR_INIT("sticky"), .keys = &gw_conf_sticky_options },                          \
      GW_OPTION_NODE("group", type, member.group),                                                 \
      { .name = GW_STR_INIT("shadow"), .keys = &gw_conf_shadow_options },                          \
      { .name = GW_STR_INIT("compare"), .keys = &gw_conf_compare_options },                        \
      { .name = GW_STR_INIT("guard"), .keys = &gw_conf_guard_options },                            \
      { .name = GW_STR_INIT("ramp"), .keys = &gw_conf_ramp_options }, {                            \
    .name = GW_STR_INIT("fallback"), .read = gw_option_bool,                                       \
    GW_OPTION_FIELD(type, member.fallback)                                                         \
  }
