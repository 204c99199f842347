#include "control/snapshot.h"

#include <stdlib.h>

#include "control/assemble.h"
#include "control/conf_file.h"
#include "control/conf_tls.h"
#include "control/conf_upstream.h"
#include "control/file.h"
#include "schema/load.h"

#define SNAPSHOT_BYTES_MAX GW_MIB(256) /* of routes, rules and texts */
#define SCRATCH_BYTES_MAX  GW_MIB(256) /* of the tree of the text, while building */
#define DESCRIPTORS_MAX    256         /* files of one configuration */

/* ---- descriptors ---- */

typedef struct descriptor_work {
  gw_conf *conf;
  gw_schema_source *sources;
  const gw_yaml **nodes; /* of the sources */
  size_t count;
  const gw_yaml *node; /* what is loaded; NULL: the built-in types */
  size_t reported;     /* findings of this load */
} descriptor_work;

/* What a set lacks may stand in another one, which could not be read. */
static bool descriptors_may_be_elsewhere(const descriptor_work *work, const gw_err *err) {
  return err->code == GW_NOT_FOUND && work->conf->pool_partial;
}

static void descriptors_on_report(void *context, const gw_err *err) {
  descriptor_work *work = context;
  if (err->code == GW_NOMEM) return; /* told by gw_pool_load's own code */
  if (descriptors_may_be_elsewhere(work, err)) return;
  work->reported++;
  gw_place at = { work->conf->file, 1, 1 };
  if (work->node != NULL) at = gw_conf_place(work->conf, work->node);
  gw_findings_add(work->conf->findings, at, "%s%s%s", err->where, err->where[0] != '\0' ? ": " : "",
                  err->text);
}

static bool descriptor_read(gw_conf *conf, const gw_yaml *node, gw_schema_source *source) {
  const char *fault = NULL;
  gw_str name = gw_conf_text(conf, node, GW_STR("descriptors"), "a file's path");
  gw_str path = name.p != NULL ? gw_conf_path(conf, name) : name;
  if (path.p == NULL) return false;
  source->name = name;
  gw_code code = gw_file_read(path.p, GW_FILE_PLAIN, GW_DESCRIPTOR_BYTES_MAX, &conf->scratch,
                              &source->bytes, &fault);
  if (code == GW_OK) return true;
  if (code == GW_NOMEM)
    conf->code = code;
  else
    gw_findings_add(conf->findings, gw_conf_place(conf, node), "\"" GW_STR_FMT "\": %s",
                    GW_STR_ARG(gw_str_first(name, gw_size_min(name.n, 200))), fault);
  return false;
}

static void descriptors_read(descriptor_work *work) {
  gw_snapshot *snapshot = work->conf->snapshot;
  for (const gw_yaml *node = work->conf->descriptors->first; node != NULL; node = node->next) {
    gw_schema_source *source = &work->sources[work->count];
    if (descriptor_read(work->conf, node, source)) {
      work->nodes[work->count++] = node;
      snapshot->descriptors_hash = gw_str_hash(source->bytes, snapshot->descriptors_hash + 1);
    } else {
      work->conf->pool_partial = true;
    }
  }
}

/* Loads `count` sources from `first` on as the pool; reports about `node` (NULL: silently). */
static bool descriptors_load(descriptor_work *work, size_t first, size_t count,
                             const gw_yaml *node) {
  gw_conf *conf = work->conf;
  work->node = node;
  work->reported = 0;
  gw_code code =
      gw_pool_load(work->sources + first, count, node != NULL ? descriptors_on_report : NULL, work,
                   &conf->snapshot->pool);
  if (code == GW_NOMEM) conf->code = code;
  return code == GW_OK;
}

/* Looks at each set alone and keeps those in which nothing is wrong but what others may mend. */
static void descriptors_sift(descriptor_work *work) {
  gw_conf *conf = work->conf;
  size_t kept = 0;
  bool partial = conf->pool_partial;
  for (size_t i = 0; i < work->count && conf->code == GW_OK; i++) {
    conf->pool_partial = true;
    (void)descriptors_load(work, i, 1, work->nodes[i]);
    gw_pool_free(conf->snapshot->pool);
    conf->snapshot->pool = NULL;
    if (work->reported > 0) continue;
    work->nodes[kept] = work->nodes[i];
    work->sources[kept++] = work->sources[i];
  }
  conf->pool_partial = partial || kept < work->count;
  work->count = kept;
}

/* A set that is wrong must not hide what is wrong in the others and in the routes: without it, the
 * rest is looked at. */
static void descriptors_load_all(descriptor_work *work) {
  gw_conf *conf = work->conf;
  if (work->count == 0 || descriptors_load(work, 0, work->count, NULL)) return;
  const gw_yaml *node = work->count == 1 ? work->nodes[0] : conf->descriptors;
  if (conf->code == GW_OK && work->count > 1) descriptors_sift(work);
  if (conf->code == GW_OK && work->count > 0) (void)descriptors_load(work, 0, work->count, node);
}

static void snapshot_load_descriptors(gw_conf *conf) {
  const gw_yaml *list = conf->descriptors;
  descriptor_work work = { .conf = conf };
  if (list == NULL && (conf->routes != NULL || conf->services != NULL)) {
    gw_findings_add(conf->findings, (gw_place){ conf->file, 1, 1 },
                    "\"descriptors\" is missing: routes need the types of their messages");
    return;
  }
  if (list == NULL) { /* the built-in types: there is always a pool */
    gw_code code = gw_pool_load(NULL, 0, descriptors_on_report, &work, &conf->snapshot->pool);
    if (code == GW_NOMEM) conf->code = code;
    return;
  }
  if (list->kind != GW_YAML_LIST || list->count == 0 || list->count > DESCRIPTORS_MAX) {
    gw_conf_expected(conf, list, GW_STR("descriptors"), "a list of 1 to 256 files");
    return;
  }
  conf->snapshot->descriptors_line = list->line;
  conf->snapshot->descriptors_column = list->column;
  work.sources = gw_conf_scratch(conf, list->count * sizeof *work.sources);
  work.nodes = gw_conf_scratch(conf, list->count * sizeof *work.nodes);
  if (work.sources == NULL || work.nodes == NULL) return;
  descriptors_read(&work);
  if (conf->code == GW_OK) descriptors_load_all(&work);
}

_Static_assert(DESCRIPTORS_MAX == 256, "the text above names it");

/* ---- snapshots ---- */

static void snapshot_free(gw_snapshot *snapshot) {
  gw_conf_tls_free(snapshot);
  gw_router_free(snapshot->router);
  gw_pool_free(snapshot->pool);
  gw_arena_done(&snapshot->arena);
  free(snapshot);
}

/* The folder of `path` with its slash; empty for a bare name. */
static gw_str path_folder(gw_str path) {
  const char *slash = path.n > 0 ? memrchr(path.p, '/', path.n) : NULL;
  return slash != NULL ? gw_str_from(path.p, slash + 1) : GW_STR("");
}

static void snapshot_build(gw_conf *conf, gw_str yaml) {
  gw_yaml *root;
  conf->snapshot->path = gw_conf_copy(conf, conf->file);
  conf->snapshot->yaml = gw_conf_copy(conf, yaml);
  gw_code code = gw_yaml_parse(yaml, conf->file, &conf->scratch, conf->findings, &root);
  if (code == GW_NOMEM) conf->code = code;
  if (code != GW_OK || conf->code != GW_OK) return;
  gw_conf_file_read(conf, root);
  gw_conf_upstreams_read(conf);
  snapshot_load_descriptors(conf);
  if (conf->code == GW_OK) gw_assembly_run(conf);
}

gw_code gw_snapshot_parse(const char *path, gw_str yaml, gw_findings *findings, gw_snapshot **out) {
  gw_snapshot *snapshot = calloc(1, sizeof *snapshot);
  if (snapshot == NULL) return GW_NOMEM;
  gw_str file = gw_str_of(path);
  gw_conf conf = { .file = file, .folder = path_folder(file), .findings = findings };
  gw_arena_init(&snapshot->arena, NULL, SNAPSHOT_BYTES_MAX);
  gw_arena_init(&conf.scratch, NULL, SCRATCH_BYTES_MAX);
  snapshot->refs = 1;
  snapshot->legacy = UINT32_MAX;
  conf.arena = &snapshot->arena;
  conf.snapshot = snapshot;
  snapshot_build(&conf, yaml);
  gw_arena_done(&conf.scratch);
  gw_findings_sort(findings);
  gw_code code = conf.code;
  if (code == GW_OK && findings->errors > 0) code = GW_BAD_VALUE;
  if (code != GW_OK) {
    snapshot_free(snapshot);
    return code;
  }
  *out = snapshot;
  return GW_OK;
}

gw_code gw_snapshot_load(const char *path, gw_findings *findings, gw_snapshot **out) {
  gw_arena arena;
  gw_str yaml;
  const char *fault = NULL;
  gw_arena_init(&arena, NULL, GW_CONFIG_BYTES_MAX + GW_KIB(64));
  gw_code code = gw_file_read(path, GW_FILE_PLAIN, GW_CONFIG_BYTES_MAX, &arena, &yaml, &fault);
  if (code == GW_OK)
    code = gw_snapshot_parse(path, yaml, findings, out);
  else if (code == GW_BAD_VALUE)
    gw_findings_add(findings, (gw_place){ gw_str_of(path), 1, 1 }, "%s", fault);
  gw_arena_done(&arena);
  return code;
}

gw_snapshot *gw_snapshot_ref(gw_snapshot *snapshot) {
  __atomic_fetch_add(&snapshot->refs, 1, __ATOMIC_RELAXED);
  return snapshot;
}

void gw_snapshot_unref(gw_snapshot *snapshot) {
  if (snapshot == NULL) return;
  if (__atomic_sub_fetch(&snapshot->refs, 1, __ATOMIC_ACQ_REL) == 0) snapshot_free(snapshot);
}
