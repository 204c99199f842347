/* init: a starter configuration for descriptor sets, on standard output. */
#include <stdio.h>

#include "command/command.h"
#include "control/starter.h"
#include "schema/load.h"

/* Whoever gets it may rely on it: it is what `check` accepts, to the last line. */
static bool init_check(gw_str text) {
  gw_findings findings;
  gw_snapshot *snapshot = NULL;
  gw_findings_init(&findings);
  gw_code code = gw_snapshot_parse("sluice.yaml", text, &findings, &snapshot);
  if (code != GW_OK) {
    fprintf(stderr, "sluice: no configuration can be written for these descriptors:\n");
    gw_command_show(&findings);
  }
  gw_findings_done(&findings);
  gw_snapshot_unref(snapshot);
  return code == GW_OK;
}

static int init_show(const gw_pool *pool, char *const *paths, size_t count) {
  gw_buf out;
  gw_err err;
  gw_err_init(&err);
  gw_buf_init(&out, NULL, GW_CONFIG_BYTES_MAX);
  gw_code code = gw_starter_print(pool, paths, count, &out, &err);
  if (code != GW_OK)
    fprintf(stderr, "%s: %s\n", err.where[0] != '\0' ? err.where : paths[0], err.text);
  bool good = code == GW_OK && init_check(gw_buf_str(&out));
  if (good) fwrite(out.p, 1, out.n, stdout);
  gw_buf_done(&out);
  return good ? GW_EXIT_OK : GW_EXIT_FINDING;
}

int gw_command_init(int argc, char **argv) {
  gw_pool *pool = NULL;
  for (int i = 1; i < argc; i++) {
    if (gw_command_is_option(argv[i])) return gw_command_misused("unknown option", argv[i]);
  }
  if (argc < 2) return gw_command_misused("init takes descriptor sets", NULL);
  if (!gw_command_open_sets(&argv[1], (size_t)argc - 1, &pool)) return GW_EXIT_FINDING;
  int status = init_show(pool, &argv[1], (size_t)argc - 1);
  gw_pool_free(pool);
  return status;
}
