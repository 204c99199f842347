#include <stdio.h>

#include "control/assemble.h"
#include "control/values.h"

#define NAMED_MAX 80 /* bytes of a wrong text shown in an error */

/* One route while its migration is made. */
typedef struct migration_work {
  gw_assembly *assembly;
  const gw_conf_migration *options;
  const gw_route *route;
  gw_place at; /* of the route */
  gw_migration *out;
} migration_work;

static gw_str shown(gw_str text) {
  return gw_str_first(text, gw_size_min(text.n, NAMED_MAX));
}

/* Where a key stands; for one of `defaults`, whose mistake is this route's, the route. */
static gw_place work_place(const migration_work *work, const gw_yaml *key,
                           const gw_yaml *default_key) {
  bool own = key != NULL && key != default_key;
  return own ? gw_conf_place(work->assembly->conf, key) : work->at;
}

static void work_report(const migration_work *work, gw_place at, bool warning, const char *text) {
  gw_findings *findings = work->assembly->conf->findings;
  (warning ? gw_findings_warn : gw_findings_add)(findings, at, "%s", text);
}

/* ---- the legacy side ---- */

void gw_assembly_read_legacy(gw_assembly *assembly) {
  gw_conf *conf = assembly->conf;
  gw_snapshot *snapshot = conf->snapshot;
  const gw_yaml *of_defaults = assembly->defaults.migration.legacy;
  assembly->legacy = UINT32_MAX;
  if (conf->legacy != NULL) {
    snapshot->legacy = gw_assembly_find_upstream(conf, GW_STR("legacy"), conf->legacy, true);
    /* What no route matches: the times are those of `defaults`. */
    snapshot->legacy_timeout_ms = assembly->defaults.timeout_ms;
    snapshot->legacy_idle_timeout_ms = assembly->defaults.idle_timeout_ms;
    assembly->legacy = snapshot->legacy;
  }
  if (of_defaults != NULL)
    assembly->legacy = gw_assembly_find_upstream(conf, GW_STR("legacy"), of_defaults, true);
}

static uint32_t work_legacy(const migration_work *work) {
  const gw_assembly *assembly = work->assembly;
  const gw_yaml *node = work->options->legacy;
  if (node == assembly->defaults.migration.legacy) return assembly->legacy;
  return gw_assembly_find_upstream(assembly->conf, GW_STR("legacy"), node, true);
}

/* Options that say nothing where only gRPC can answer. */
static void work_warn_idle(const migration_work *work) {
  const gw_conf_migration *options = work->options, *defaults = &work->assembly->defaults.migration;
  const struct {
    const char *name;
    const gw_yaml *at, *default_at;
  } keys[] = {
    { "canary", options->canary_at, defaults->canary_at },
    { "sticky", options->sticky_at, defaults->sticky_at },
    { "group", options->group_at, defaults->group_at },
    { "shadow", options->shadow_at, defaults->shadow_at },
    { "compare", options->compare_at, defaults->compare_at },
    { "guard", options->guard_at, defaults->guard_at },
    { "ramp", options->ramp_at, defaults->ramp_at },
    { "fallback", options->fallback_at, defaults->fallback_at },
  };
  for (size_t i = 0; i < GW_COUNT_OF(keys); i++) {
    if (keys[i].at == keys[i].default_at) continue;
    gw_findings_warn(work->assembly->conf->findings,
                     gw_conf_place(work->assembly->conf, keys[i].at),
                     "\"%s\" has no effect: the route has no legacy side", keys[i].name);
  }
}

/* False: only gRPC answers this route. */
static bool work_find_legacy(migration_work *work) {
  const gw_conf *conf = work->assembly->conf;
  const gw_conf_migration *options = work->options;
  char text[128];
  work->out->legacy = work_legacy(work);
  if (work->out->legacy != UINT32_MAX) {
    work->out->legacy_name = conf->snapshot->upstreams[work->out->legacy].name;
    return true;
  }
  if (options->legacy != NULL || conf->legacy != NULL) return false; /* wrong, which is reported */
  if (options->stage != GW_STAGE_GRPC) {
    snprintf(text, sizeof text,
             "stage \"" GW_STR_FMT "\" needs a legacy side: \"legacy\" here or at the top level",
             GW_STR_ARG(gw_stage_name((gw_stage)options->stage)));
    work_report(work,
                work_place(work, options->stage_at, work->assembly->defaults.migration.stage_at),
                false, text);
  } else {
    work_warn_idle(work);
  }
  return false;
}

/* ---- the answer ---- */

/* What the client is given of the answer: a field of it, or all of it. */
static const gw_message *rule_output(const gw_rule *rule, bool *is_list) {
  const gw_rpc *rpc = rule->route->rpc;
  const gw_message *message = rpc->output;
  *is_list = rpc->server_streaming;
  if (rule->response_body.count > 0) {
    const gw_field *field = rule->response_body.fields[rule->response_body.count - 1];
    if (field->map || (field->repeated && *is_list)) return NULL;
    message = field->message;
    *is_list = *is_list || field->repeated;
  }
  return message == NULL || message->wkt == GW_WKT_HTTP_BODY ? NULL : message;
}

/* All ways into the route must give the same message, else nothing is known of an answer. */
static void work_find_output(const migration_work *work, size_t first_rule) {
  const gw_assembly *assembly = work->assembly;
  gw_migration *out = work->out;
  out->pool = assembly->conf->snapshot->pool;
  out->style = &work->route->json;
  for (size_t i = first_rule; i < assembly->rule_count && work->route->rpc != NULL; i++) {
    bool is_list = false;
    const gw_message *output = rule_output(assembly->rules[i], &is_list);
    if (i > first_rule && (output != out->output || is_list != out->is_list)) output = NULL;
    out->output = output;
    out->is_list = output != NULL && is_list;
    if (output == NULL) return;
  }
}

/* ---- pointers ---- */

static bool token_is_element(gw_str token) {
  uint64_t index;
  return gw_str_eq(token, GW_STR("*")) || gw_str_parse_u64(token, &index);
}

/* The index of the token that leads nowhere; pointer->count: it names a field, or what it names
 * cannot be known.  *message: where it got lost; NULL: in a value that has no fields. */
static uint32_t pointer_follow(const gw_migration *migration, const gw_pointer *pointer,
                               const gw_message **message) {
  const gw_message *in = migration->output;
  uint32_t i = 0;
  *message = NULL;
  if (migration->is_list && i < pointer->count && !token_is_element(pointer->tokens[i++]))
    return i - 1;
  while (i < pointer->count) {
    gw_str token = pointer->tokens[i];
    if (in == NULL) return i;
    bool open = gw_message_has_own_json(in) || gw_str_eq(token, GW_STR("*"));
    if (open || gw_str_starts(token, GW_STR("["))) return pointer->count;
    const gw_field *field = gw_message_field_by_name(in, token);
    *message = in;
    if (field == NULL) return i;
    *message = NULL;
    i++;
    if (field->repeated && i < pointer->count) {
      if (!field->map && !token_is_element(pointer->tokens[i])) return i;
      i++;
    }
    in = field->map ? field->message->fields[1].message : field->message;
  }
  return pointer->count;
}

/* Legacy may have what gRPC has not, and errors have another shape: only what looks like a slip is
 * told. */
static void work_check_pointer(const migration_work *work, const gw_yaml *node, const char *option,
                               const gw_pointer *pointer) {
  gw_conf *conf = work->assembly->conf;
  const gw_message *message;
  uint32_t i = pointer_follow(work->out, pointer, &message);
  if (i >= pointer->count || conf->findings->count >= GW_FINDINGS_MAX) return;
  const gw_str *nearest =
      message != NULL ? gw_message_nearest_field(message, pointer->tokens[i]) : NULL;
  if (message != NULL && nearest == NULL) return;
  gw_findings_warn(conf->findings, gw_conf_place(conf, node),
                   "\"compare.%s\": \"" GW_STR_FMT "\" is nothing in the gRPC side's answer: " //
                   GW_STR_FMT " has no \"" GW_STR_FMT "\"%s",
                   option, GW_STR_ARG(shown(pointer->text)),
                   GW_STR_ARG(message != NULL ? message->full_name : GW_STR("what stands there")),
                   GW_STR_ARG(shown(pointer->tokens[i])), gw_conf_hint(conf, nearest));
}

static void work_check_pointers(const migration_work *work) {
  const gw_conf_migration *options = work->options, *defaults = &work->assembly->defaults.migration;
  const gw_compare_policy *compare = &options->compare;
  if (work->out->output == NULL) return;
  uint32_t i = 0;
  if (options->ignore != NULL && options->ignore != defaults->ignore) {
    for (const gw_yaml *n = options->ignore->first; n != NULL && i < compare->ignore_count;
         n = n->next)
      work_check_pointer(work, n, "ignore", &compare->ignore[i++]);
  }
  i = 0;
  if (options->unordered != NULL && options->unordered != defaults->unordered) {
    for (const gw_yaml *n = options->unordered->first; n != NULL && i < compare->unordered_count;
         n = n->next)
      work_check_pointer(work, n, "unordered", &compare->unordered[i++]);
  }
  i = 0;
  if (options->tolerance != NULL && options->tolerance != defaults->tolerance) {
    for (const gw_yaml *n = options->tolerance->first; n != NULL && i < compare->tolerance_count;
         n = n->next)
      work_check_pointer(work, n, "tolerance", &compare->tolerances[i++].pointer);
  }
}

/* ---- stage, canary, shadow, ramp ---- */

static void work_check_stage(const migration_work *work) {
  const gw_conf_migration *options = work->options, *defaults = &work->assembly->defaults.migration;
  if (options->stage == GW_STAGE_CANARY && options->canary_at == NULL && options->steps == NULL)
    work_report(work, work_place(work, options->stage_at, defaults->stage_at), false,
                "stage \"canary\" needs a share: \"canary\" or \"ramp\"");
  if (options->ramp_at != NULL && options->steps == NULL)
    work_report(work, work_place(work, options->ramp_at, defaults->ramp_at), false,
                "\"ramp\" needs \"steps\"");
}

/* A body that is a stream reaches one side while it comes; a copy would have to be kept whole. */
static void work_check_stream(const migration_work *work) {
  const gw_conf_migration *options = work->options, *defaults = &work->assembly->defaults.migration;
  const gw_rpc *rpc = work->route->rpc;
  char text[256];
  if (rpc == NULL || !rpc->client_streaming) return;
  snprintf(text, sizeof text,
           "\"" GW_STR_FMT "\" takes a stream of messages, which cannot be sent to two sides",
           GW_STR_ARG(gw_str_first(rpc->full_name, gw_size_min(rpc->full_name.n, 128))));
  if (options->stage == GW_STAGE_SHADOW) {
    bool own = options->stage_at != defaults->stage_at;
    work_report(work, work_place(work, options->stage_at, defaults->stage_at), !own, text);
  } else if (options->shadow_at != defaults->shadow_at) {
    work_report(work, gw_conf_place(work->assembly->conf, options->shadow_at), false, text);
  }
}

/* ---- groups ---- */

static bool ramp_is_same(const gw_ramp_policy *a, const gw_ramp_policy *b) {
  if (a->step_count == 0 || b->step_count == 0) return true;
  if (a->step_count != b->step_count) return false;
  return memcmp(a->steps, b->steps, a->step_count * sizeof a->steps[0]) == 0;
}

/* What routes of a group must agree about; NULL: they do. */
static const char *group_conflict(const gw_migration *a, const gw_migration *b) {
  if (a->stand.stage != b->stand.stage) return "stage";
  if (a->canary != b->canary) return "canary";
  if (a->sticky.kind != b->sticky.kind || !gw_str_eq(a->sticky.name, b->sticky.name))
    return "sticky";
  return ramp_is_same(&a->ramp, &b->ramp) ? NULL : "ramp.steps";
}

static void work_join_group(const migration_work *work) {
  gw_assembly *assembly = work->assembly;
  gw_conf *conf = assembly->conf;
  const gw_yaml *node = work->options->group;
  work->out->group = work->out->route;
  if (node == NULL) return;
  gw_str name = gw_conf_text(conf, node, GW_STR("group"), "a group's name");
  if (name.p == NULL) return;
  if (!gw_value_is_name(name)) {
    gw_conf_expected(conf, node, GW_STR("group"),
                     "a name of letters, digits, \".\", \"_\" and \"-\"");
    return;
  }
  work->out->is_grouped = true;
  work->out->group = gw_conf_copy(conf, name);
  const uint32_t *first = gw_names_find(&assembly->groups, name);
  if (first == NULL) {
    if (!gw_names_add(&assembly->groups, name, work->route->index)) conf->code = GW_NOMEM;
    return;
  }
  const gw_route *other = assembly->routes[*first];
  const char *conflict = group_conflict(other->migration, work->out);
  if (conflict == NULL) return;
  gw_findings_add(conf->findings,
                  work_place(work, work->options->group_at, assembly->defaults.migration.group_at),
                  "routes \"" GW_STR_FMT "\" and \"" GW_STR_FMT "\" of group \"" GW_STR_FMT
                  "\" have another \"%s\": a group moves as one",
                  GW_STR_ARG(other->name), GW_STR_ARG(work->route->name), GW_STR_ARG(name),
                  conflict);
}

/* ---- the whole ---- */

static void work_copy_options(const migration_work *work) {
  const gw_conf_migration *options = work->options;
  gw_migration *out = work->out;
  out->route = work->route->name;
  out->canary = options->canary;
  if (out->canary == 0 && options->ramp.step_count > 0) out->canary = options->ramp.steps[0];
  out->stand = gw_stand_of((gw_stage)options->stage, out->canary);
  out->sticky = options->sticky;
  out->shadow = options->shadow;
  out->compare = options->compare;
  out->guard = options->guard;
  out->ramp = options->ramp;
  out->fallback = options->fallback;
}

void gw_assembly_add_migration(gw_assembly *assembly, gw_route *route, const gw_conf_route *options,
                               gw_place at, size_t first_rule) {
  migration_work work = {
    .assembly = assembly, .options = &options->migration, .route = route, .at = at
  };
  if (assembly->conf->code != GW_OK) return;
  work.out = gw_conf_alloc(assembly->conf, sizeof *work.out);
  if (work.out == NULL) return;
  work_check_stage(&work);
  work_check_stream(&work);
  if (!work_find_legacy(&work)) return;
  work_copy_options(&work);
  work_find_output(&work, first_rule);
  work_check_pointers(&work);
  work_join_group(&work);
  route->migration = work.out;
}
