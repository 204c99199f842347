/* Read by uthash.h, so it stands before it: without memory an element is left out of the hash, and
 * its handle has no table, where the process would end otherwise. */
#define HASH_NONFATAL_OOM 1

#include "control/stages.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <uthash.h>

#include "base/log.h"
#include "control/names.h"
#include "control/state.h"
#include "control/terms.h"

#define STAGES_WHO_MAX    32
#define STAGES_STAND_TEXT (16 + GW_SHARE_TEXT_MAX) /* "canary 12.5%" */

/* One route by its name; kept as long as the process lives, as its gw_live is. */
typedef struct stages_route {
  UT_hash_handle hh;
  gw_live *live;
  uint64_t epoch; /* of the last snapshot that had it */
  bool is_kept;   /* set at run time: the next six count, and are in the state file */
  bool is_held;
  gw_stand stand, over;
  uint64_t at_ms;
  char who[STAGES_WHO_MAX];
  char why[GW_JOURNAL_WHY_MAX];
  gw_guard *guard;
  gw_judgement judgement; /* of this tick */
  uint64_t moves[GW_MOVER_COUNT];
  gw_str name;
  char bytes[];
} stages_route;

struct gw_stages {
  pthread_mutex_t lock;
  stages_route *routes;
  gw_snapshot *snapshot; /* NULL: nothing was adopted yet */
  uint64_t epoch;
  char *path; /* of the state file */
  bool is_changed, is_unwritable;
};

static const char *const mover_names[GW_MOVER_COUNT] = {
  [GW_MOVER_CONFIGURATION] = "configuration",
  [GW_MOVER_STATE_FILE] = "state file",
  [GW_MOVER_OPERATOR] = "operator",
  [GW_MOVER_GUARD] = "guard",
  [GW_MOVER_RAMP] = "ramp",
};

const char *gw_mover_name(gw_mover mover) {
  return mover_names[mover];
}

gw_stages *gw_stages_new(void) {
  gw_stages *stages = calloc(1, sizeof *stages);
  if (stages != NULL) pthread_mutex_init(&stages->lock, NULL);
  return stages;
}

void gw_stages_free(gw_stages *stages) {
  stages_route *route, *next;
  if (stages == NULL) return;
  HASH_ITER(hh, stages->routes, route, next) {
    HASH_DEL(stages->routes, route);
    gw_guard_free(route->guard);
    free(route);
  }
  gw_snapshot_unref(stages->snapshot);
  pthread_mutex_destroy(&stages->lock);
  free(stages->path);
  free(stages);
}

/* ---- routes ---- */

static stages_route *stages_find(const gw_stages *stages, gw_str name) {
  stages_route *route;
  HASH_FIND(hh, stages->routes, name.p, name.n, route);
  return route;
}

/* NULL: no memory. */
static stages_route *stages_get(gw_stages *stages, gw_str name) {
  stages_route *route = stages_find(stages, name);
  if (route != NULL) return route;
  route = calloc(1, sizeof *route + name.n);
  if (route == NULL) return NULL;
  memcpy(route->bytes, name.p, name.n);
  route->name = (gw_str){ route->bytes, name.n };
  route->live = gw_live_get(name);
  if (route->live != NULL) HASH_ADD_KEYPTR(hh, stages->routes, route->name.p, route->name.n, route);
  if (route->live != NULL && route->hh.tbl != NULL) return route;
  free(route);
  return NULL;
}

/* ---- moving ---- */

static gw_str stand_print(gw_stand stand, char text[STAGES_STAND_TEXT]) {
  char share[GW_SHARE_TEXT_MAX];
  gw_share_print(stand.share, share);
  bool divided = stand.stage == GW_STAGE_CANARY;
  int n =
      snprintf(text, STAGES_STAND_TEXT, GW_STR_FMT "%s%s", GW_STR_ARG(gw_stage_name(stand.stage)),
               divided ? " " : "", divided ? share : "");
  return (gw_str){ text, (size_t)n };
}

static bool stand_is_lower(gw_stand a, gw_stand b) {
  return a.stage != b.stage ? a.stage < b.stage : a.share < b.share;
}

static void route_log(const stages_route *route, gw_stand from, gw_stand to, gw_mover mover,
                      const char *why) {
  char from_text[STAGES_STAND_TEXT], to_text[STAGES_STAND_TEXT];
  const gw_log_field fields[] = { { "route", route->name },
                                  { "from", stand_print(from, from_text) },
                                  { "to", stand_print(to, to_text) },
                                  { "who", gw_str_of(mover_names[mover]) },
                                  { "why", gw_str_of(why) } };
  gw_log_fields(mover == GW_MOVER_GUARD ? GW_LOG_WARN : GW_LOG_INFO, "stage", fields,
                GW_COUNT_OF(fields), GW_STR_FMT ": %s -> %s by %s%s%s", GW_STR_ARG(route->name),
                from_text, to_text, mover_names[mover], why[0] != '\0' ? ": " : "", why);
}

/* True: it did not stand there. */
static bool route_move(stages_route *route, gw_stand to, gw_mover mover, const char *why) {
  bool is_first = gw_live_since_ms(route->live) == 0;
  gw_stand from = gw_live_stand(route->live);
  if (!gw_live_move(route->live, to, mover_names[mover], why, gw_clock_wall_ms())) return false;
  route->moves[mover]++;
  if (!is_first) route_log(route, from, to, mover, why);
  return true;
}

/* Moves at run time are kept. */
static bool route_move_kept(gw_stages *stages, stages_route *route, const gw_migration *migration,
                            gw_stand to, gw_mover mover, const char *why) {
  gw_stand from = gw_live_stand(route->live);
  route->judgement.verdict = GW_VERDICT_STAY; /* it spoke of another stand */
  if (!route_move(route, to, mover, why)) return false;
  route->is_kept = true;
  route->is_held =
      mover == GW_MOVER_GUARD || (mover == GW_MOVER_OPERATOR && stand_is_lower(to, from));
  route->stand = to;
  route->over = migration->stand;
  route->at_ms = gw_live_since_ms(route->live);
  gw_str_copy_text(gw_str_of(mover_names[mover]), route->who, sizeof route->who);
  gw_str_copy_text(gw_str_of(why), route->why, sizeof route->why);
  stages->is_changed = true;
  return true;
}

/* The route and its group. */
static void stages_move(gw_stages *stages, const gw_migration *migration, gw_stand to,
                        gw_mover mover, const char *why) {
  const gw_snapshot *snapshot = stages->snapshot;
  for (uint32_t i = 0; i < snapshot->route_count; i++) {
    const gw_migration *other = snapshot->routes[i]->migration;
    bool moves = other != NULL && gw_migration_is_with(migration, other);
    stages_route *route = moves ? stages_find(stages, other->route) : NULL;
    if (route != NULL) (void)route_move_kept(stages, route, other, to, mover, why);
  }
}

/* ---- the state file ---- */

static void stages_report_saved(gw_stages *stages, gw_code code, const gw_err *err) {
  bool failed = code != GW_OK;
  if (failed && !stages->is_unwritable)
    gw_log(GW_LOG_WARN, "state", "stages set at run time will be forgotten at the end: %s",
           code == GW_NOMEM ? gw_code_name(code) : err->text);
  if (!failed && stages->is_unwritable)
    gw_log(GW_LOG_INFO, "state", "stages set at run time are kept again in %s", stages->path);
  stages->is_unwritable = failed;
}

/* When it fails, the next change tries again. */
static void stages_save(gw_stages *stages) {
  gw_err err;
  size_t count = 0;
  gw_err_init(&err);
  if (!stages->is_changed) return;
  stages->is_changed = false;
  gw_state_entry *items = calloc(HASH_COUNT(stages->routes) + 1, sizeof *items);
  for (const stages_route *r = stages->routes; r != NULL && items != NULL; r = r->hh.next) {
    if (!r->is_kept) continue;
    items[count++] = (gw_state_entry){ .route = r->name,
                                       .stand = r->stand,
                                       .over = r->over,
                                       .who = gw_str_of(r->who),
                                       .why = gw_str_of(r->why),
                                       .at_ms = r->at_ms,
                                       .held = r->is_held };
  }
  gw_code code = items != NULL ? gw_state_write(stages->path, items, count, &err) : GW_NOMEM;
  free(items);
  stages_report_saved(stages, code, &err);
}

static gw_code stages_keep(gw_stages *stages, const gw_state_entry *entry) {
  stages_route *route = stages_get(stages, entry->route);
  if (route == NULL) return GW_NOMEM;
  route->is_kept = true;
  route->is_held = entry->held;
  route->stand = entry->stand;
  route->over = entry->over;
  route->at_ms = entry->at_ms;
  gw_str_copy_text(entry->who, route->who, sizeof route->who);
  gw_str_copy_text(entry->why, route->why, sizeof route->why);
  return GW_OK;
}

/* A broken file is no reason not to serve: the configuration counts. */
static gw_code stages_load(gw_stages *stages) {
  gw_arena arena;
  gw_err err;
  gw_state_entry *items = NULL;
  size_t count = 0;
  gw_err_init(&err);
  gw_arena_init(&arena, NULL, 4 * GW_STATE_BYTES_MAX);
  gw_code code = gw_state_read(stages->path, &arena, &items, &count, &err);
  if (code == GW_BAD_VALUE) {
    bool aside = gw_state_set_aside(stages->path);
    gw_log(GW_LOG_ERROR, "state", "%s: %s; the configuration's stages count%s%s%s", stages->path,
           err.text, aside ? ", it is kept as " : "", aside ? stages->path : "",
           aside ? ".broken" : "");
  }
  if (code == GW_BAD_VALUE || code == GW_NOT_FOUND) code = GW_OK;
  for (size_t i = 0; i < count && code == GW_OK; i++)
    code = stages_keep(stages, &items[i]);
  gw_arena_done(&arena);
  return code;
}

/* Another path: what is kept is written there, too. */
static gw_code stages_take_path(gw_stages *stages, gw_str path) {
  bool is_first = stages->path == NULL;
  if (!is_first && gw_str_eq(gw_str_of(stages->path), path)) return GW_OK;
  char *copy = strndup(path.p, path.n);
  if (copy == NULL) return GW_NOMEM;
  free(stages->path);
  stages->path = copy;
  stages->is_changed = !is_first;
  if (!is_first) return GW_OK;
  gw_code code = stages_load(stages);
  if (code == GW_OK) return GW_OK;
  free(stages->path);
  stages->path = NULL;
  return code;
}

/* ---- a snapshot ---- */

/* Everything that can fail. */
static gw_code adopt_prepare(gw_stages *stages, const gw_snapshot *snapshot) {
  gw_code code = stages_take_path(stages, snapshot->state_path);
  stages->epoch++;
  for (uint32_t i = 0; i < snapshot->route_count && code == GW_OK; i++) {
    const gw_migration *migration = snapshot->routes[i]->migration;
    if (migration == NULL) continue;
    stages_route *route = stages_get(stages, migration->route);
    if (route == NULL) return GW_NOMEM;
    route->epoch = stages->epoch;
    route->judgement.verdict = GW_VERDICT_STAY;
    bool judged = migration->guard.is_set || migration->ramp.step_count > 0;
    if (judged && route->guard == NULL && (route->guard = gw_guard_new()) == NULL) return GW_NOMEM;
  }
  return code;
}

/* A route that came into a group stands where the group was moved to: the newest move counts. */
static gw_code adopt_groups(gw_stages *stages, const gw_snapshot *snapshot, gw_names *newest) {
  for (uint32_t i = 0; i < snapshot->route_count; i++) {
    const gw_migration *migration = snapshot->routes[i]->migration;
    if (migration == NULL || !migration->is_grouped) continue;
    const stages_route *route = stages_find(stages, migration->route);
    if (!route->is_kept || !gw_stand_eq(route->over, migration->stand)) continue;
    uint32_t *best = gw_names_find(newest, migration->group);
    if (best == NULL) {
      if (!gw_names_add(newest, migration->group, i)) return GW_NOMEM;
    } else if (stages_find(stages, snapshot->routes[*best]->name)->at_ms < route->at_ms) {
      *best = i;
    }
  }
  return GW_OK;
}

/* The configuration says something else than it did when the stage was set: it wins. */
static void adopt_drop(gw_stages *stages, stages_route *route, gw_stand now,
                       char why[GW_JOURNAL_WHY_MAX]) {
  char set[STAGES_STAND_TEXT], over[STAGES_STAND_TEXT], says[STAGES_STAND_TEXT];
  stand_print(route->stand, set);
  stand_print(route->over, over);
  stand_print(now, says);
  snprintf(why, GW_JOURNAL_WHY_MAX, "it says %s now and said %s when the stage was set to %s by %s",
           says, over, set, route->who);
  route->is_kept = route->is_held = false;
  stages->is_changed = true;
}

static void adopt_route(gw_stages *stages, const gw_snapshot *snapshot,
                        const gw_migration *migration, const gw_names *newest) {
  char why[GW_JOURNAL_WHY_MAX] = "";
  stages_route *route = stages_find(stages, migration->route);
  const uint32_t *best = migration->is_grouped ? gw_names_find(newest, migration->group) : NULL;
  bool is_first = gw_live_since_ms(route->live) == 0;
  if (best != NULL) {
    const stages_route *leader = stages_find(stages, snapshot->routes[*best]->name);
    if (!route->is_kept || !gw_stand_eq(route->stand, leader->stand)) stages->is_changed = true;
    route->is_kept = true;
    route->is_held = leader->is_held;
    route->stand = leader->stand;
    route->at_ms = leader->at_ms;
    if (route != leader) {
      gw_str_copy_text(gw_str_of(leader->who), route->who, sizeof route->who);
      gw_str_copy_text(gw_str_of(leader->why), route->why, sizeof route->why);
    }
    route->over = migration->stand;
  } else if (route->is_kept && !gw_stand_eq(route->over, migration->stand)) {
    adopt_drop(stages, route, migration->stand, why);
  }
  if (!route->is_kept) {
    bool is_told = is_first && why[0] != '\0' && !gw_stand_eq(route->stand, migration->stand);
    if (route_move(route, migration->stand, GW_MOVER_CONFIGURATION, why) && is_told)
      route_log(route, route->stand, migration->stand, GW_MOVER_CONFIGURATION, why);
    return;
  }
  snprintf(why, sizeof why, "set by %s%s%.200s", route->who, route->why[0] != '\0' ? ": " : "",
           route->why);
  if (route_move(route, route->stand, GW_MOVER_STATE_FILE, why) && is_first)
    route_log(route, migration->stand, route->stand, GW_MOVER_STATE_FILE, why);
}

/* Routes that the snapshot does not have, or not with two sides, are forgotten. */
static void adopt_forget(gw_stages *stages) {
  for (stages_route *route = stages->routes; route != NULL; route = route->hh.next) {
    if (route->epoch == stages->epoch) continue;
    if (route->is_kept) stages->is_changed = true;
    route->is_kept = route->is_held = false;
    gw_guard_free(route->guard);
    route->guard = NULL;
  }
}

gw_code gw_stages_adopt(gw_stages *stages, gw_snapshot *snapshot) {
  gw_arena arena;
  gw_names newest;
  uint64_t *terms = NULL;
  gw_arena_init(&arena, NULL, GW_MIB(64));
  gw_names_init(&newest, &arena);
  pthread_mutex_lock(&stages->lock);
  gw_code code = adopt_prepare(stages, snapshot);
  if (code == GW_OK) code = adopt_groups(stages, snapshot, &newest);
  if (code == GW_OK) code = gw_terms_of(snapshot, &arena, &terms);
  for (uint32_t i = 0; i < snapshot->route_count && code == GW_OK; i++) {
    const gw_migration *migration = snapshot->routes[i]->migration;
    if (migration == NULL) continue;
    adopt_route(stages, snapshot, migration, &newest);
    gw_live_parity_terms(stages_find(stages, migration->route)->live, terms[i]);
  }
  if (code == GW_OK) {
    gw_snapshot_unref(stages->snapshot);
    stages->snapshot = gw_snapshot_ref(snapshot);
    adopt_forget(stages);
    stages_save(stages);
  }
  pthread_mutex_unlock(&stages->lock);
  gw_arena_done(&arena);
  return code;
}

/* ---- operators ---- */

static const gw_route *snapshot_find_route(const gw_snapshot *snapshot, gw_str name) {
  for (uint32_t i = 0; i < snapshot->route_count; i++) {
    if (gw_str_eq(snapshot->routes[i]->name, name)) return snapshot->routes[i];
  }
  return NULL;
}

static gw_code order_check(const gw_stage_order *order, const gw_migration *migration, gw_stand *to,
                           gw_err *err) {
  uint32_t share = order->has_share ? order->share : migration->canary;
  if (order->has_share && order->stage != GW_STAGE_CANARY)
    return gw_err_set(err, GW_BAD_VALUE, "only stage canary has a share");
  if (order->stage == GW_STAGE_CANARY && (share == 0 || share > GW_SHARE_WHOLE))
    return gw_err_set(err, GW_BAD_VALUE, "stage canary needs a share above 0%% and up to 100%%");
  *to = gw_stand_of(order->stage, share);
  return GW_OK;
}

static gw_code stages_obey(gw_stages *stages, const gw_stage_order *order, gw_stand *from,
                           gw_stand *to, gw_err *err) {
  const gw_route *found = snapshot_find_route(stages->snapshot, order->route);
  if (found == NULL) return gw_err_set(err, GW_NOT_FOUND, "no route of this name");
  const gw_migration *migration = found->migration;
  if (migration == NULL)
    return gw_err_set(err, GW_BAD_VALUE, "route \"" GW_STR_FMT "\" has no legacy side",
                      GW_STR_ARG(found->name));
  gw_stand wanted;
  gw_code code = order_check(order, migration, &wanted, err);
  if (code != GW_OK) return code;
  *from = gw_live_stand(stages_find(stages, found->name)->live);
  *to = wanted;
  stages_move(stages, migration, wanted, GW_MOVER_OPERATOR, order->why);
  stages_save(stages);
  return GW_OK;
}

gw_code gw_stages_order(gw_stages *stages, const gw_stage_order *order, gw_stand *from,
                        gw_stand *to, gw_err *err) {
  pthread_mutex_lock(&stages->lock);
  gw_code code = stages_obey(stages, order, from, to, err);
  pthread_mutex_unlock(&stages->lock);
  return code;
}

/* ---- guards and ramps ---- */

static void tick_look(stages_route *route, const gw_migration *migration, uint64_t now_ms) {
  gw_live_sums sums;
  gw_live_sum(route->live, &sums);
  route->judgement = gw_guard_look(route->guard, migration, gw_live_stand(route->live),
                                   route->is_held, &sums, now_ms);
}

/* A group goes on when all its ramps say so. */
static bool tick_group_agrees(const gw_stages *stages, const gw_migration *migration, gw_stand to) {
  const gw_snapshot *snapshot = stages->snapshot;
  for (uint32_t i = 0; i < snapshot->route_count && migration->is_grouped; i++) {
    const gw_migration *other = snapshot->routes[i]->migration;
    if (other == NULL || !gw_migration_is_with(migration, other)) continue;
    if (other->ramp.step_count == 0) continue;
    const stages_route *route = stages_find(stages, other->route);
    if (route == NULL || route->judgement.verdict != GW_VERDICT_ON ||
        !gw_stand_eq(route->judgement.to, to))
      return false;
  }
  return true;
}

static void tick_act(gw_stages *stages, stages_route *route, const gw_migration *migration) {
  gw_judgement judgement = route->judgement; /* moving takes the route's own away */
  if (judgement.verdict == GW_VERDICT_BACK)
    stages_move(stages, migration, judgement.to, GW_MOVER_GUARD, judgement.why);
  else if (judgement.verdict == GW_VERDICT_ON && tick_group_agrees(stages, migration, judgement.to))
    stages_move(stages, migration, judgement.to, GW_MOVER_RAMP, judgement.why);
}

/* Those that go back come first: their groups then do not go on. */
static void tick_act_all(gw_stages *stages, gw_verdict verdict) {
  const gw_snapshot *snapshot = stages->snapshot;
  for (uint32_t i = 0; i < snapshot->route_count; i++) {
    const gw_migration *migration = snapshot->routes[i]->migration;
    stages_route *route = migration != NULL ? stages_find(stages, migration->route) : NULL;
    if (route != NULL && route->judgement.verdict == verdict) tick_act(stages, route, migration);
  }
}

void gw_stages_tick(gw_stages *stages, uint64_t now_ms) {
  bool speaks[GW_VERDICT_ON + 1] = { false };
  pthread_mutex_lock(&stages->lock);
  const gw_snapshot *snapshot = stages->snapshot;
  for (uint32_t i = 0; i < snapshot->route_count; i++) {
    const gw_migration *migration = snapshot->routes[i]->migration;
    if (migration == NULL || !(migration->guard.is_set || migration->ramp.step_count > 0)) continue;
    stages_route *route = stages_find(stages, migration->route);
    if (route == NULL || route->guard == NULL) continue;
    tick_look(route, migration, now_ms);
    speaks[route->judgement.verdict] = true;
  }
  if (speaks[GW_VERDICT_BACK]) tick_act_all(stages, GW_VERDICT_BACK);
  if (speaks[GW_VERDICT_ON]) tick_act_all(stages, GW_VERDICT_ON);
  stages_save(stages);
  pthread_mutex_unlock(&stages->lock);
}

gw_stage_view gw_stages_view(gw_stages *stages, gw_str name) {
  gw_stage_view view = { .has_guard = false };
  pthread_mutex_lock(&stages->lock);
  const stages_route *route = stages_find(stages, name);
  if (route != NULL) {
    view.is_held = route->is_held;
    memcpy(view.moves, route->moves, sizeof view.moves);
    view.has_guard = route->guard != NULL;
    if (view.has_guard) view.guard = gw_guard_view_of(route->guard);
  }
  pthread_mutex_unlock(&stages->lock);
  return view;
}
