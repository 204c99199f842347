#include "command/command.h"

#include <stdio.h>

#include "control/file.h"
#include "schema/load.h"

int gw_command_misused(const char *text, const char *word) {
  fprintf(stderr, "sluice: %s%s%s\n\n", text, word != NULL ? ": " : "", word != NULL ? word : "");
  return GW_EXIT_USAGE;
}

bool gw_command_is_option(const char *word) {
  return word[0] == '-' && word[1] == '-';
}

void gw_command_show(const gw_findings *findings) {
  gw_buf out;
  gw_buf_init(&out, NULL, GW_COMMAND_OUT_BYTES_MAX);
  if (gw_findings_print(findings, &out) == GW_OK && out.n > 0) fwrite(out.p, 1, out.n, stderr);
  gw_buf_done(&out);
}

gw_snapshot *gw_command_open(const char *path) {
  gw_findings findings;
  gw_snapshot *snapshot = NULL;
  gw_findings_init(&findings);
  if (gw_snapshot_load(path, &findings, &snapshot) != GW_OK) {
    if (findings.count == 0) fprintf(stderr, "%s: cannot be loaded\n", path);
    snapshot = NULL;
  }
  gw_command_show(&findings); /* also the warnings of a good one */
  gw_findings_done(&findings);
  return snapshot;
}

/* ---- descriptor sets ---- */

/* Which set is at fault. */
typedef struct sets_work {
  gw_arena arena;
  gw_schema_source *sources;
  size_t count;
  const char *path; /* the only one that is loaded; NULL: all of them */
  bool may_lack;    /* what this one does not have may stand in another one */
  size_t reported;
} sets_work;

static void sets_on_report(void *context, const gw_err *err) {
  sets_work *work = context;
  if (work->may_lack && err->code == GW_NOT_FOUND) return;
  work->reported++;
  /* A fault of the set as a whole names it already. */
  bool named = work->path == NULL || strcmp(err->where, work->path) == 0;
  fprintf(stderr, "%s%s%s: %s\n", named ? "" : work->path, named ? "" : ": ", err->where,
          err->text);
}

static bool sets_read(sets_work *work, char *const *paths) {
  bool good = true;
  for (size_t i = 0; i < work->count; i++) {
    gw_schema_source *source = &work->sources[i];
    const char *fault = "out of memory";
    source->name = gw_str_of(paths[i]);
    gw_code code = gw_file_read(paths[i], GW_FILE_PLAIN, GW_DESCRIPTOR_BYTES_MAX, &work->arena,
                                &source->bytes, &fault);
    if (code == GW_OK) continue;
    fprintf(stderr, "%s: %s\n", paths[i], fault);
    good = false;
  }
  return good;
}

/* Together they are wrong: what is wrong with each alone comes first, since it can be named. */
static void sets_explain(sets_work *work, char *const *paths) {
  gw_pool *pool = NULL;
  work->may_lack = work->count > 1;
  for (size_t i = 0; i < work->count; i++) {
    pool = NULL;
    work->path = paths[i];
    if (gw_pool_load(&work->sources[i], 1, sets_on_report, work, &pool) == GW_OK)
      gw_pool_free(pool);
  }
  work->may_lack = false;
  work->path = NULL;
  if (work->reported > 0) return;
  pool = NULL;
  if (gw_pool_load(work->sources, work->count, sets_on_report, work, &pool) == GW_OK)
    gw_pool_free(pool);
}

bool gw_command_open_sets(char *const *paths, size_t count, gw_pool **out) {
  sets_work work = { .count = count };
  gw_arena_init(&work.arena, NULL, GW_COMMAND_SETS_BYTES_MAX);
  work.sources = gw_arena_zalloc(&work.arena, count * sizeof *work.sources);
  if (work.sources == NULL) fprintf(stderr, "sluice: out of memory\n");
  bool good = work.sources != NULL && sets_read(&work, paths);
  if (good && gw_pool_load(work.sources, count, NULL, NULL, out) != GW_OK) {
    sets_explain(&work, paths);
    good = false;
  }
  gw_arena_done(&work.arena);
  return good;
}
