/* compat: what a new descriptor set breaks for the clients of an old one. */
#include <stdio.h>

#include "command/command.h"
#include "control/changes.h"
#include "schema/load.h"

static int compat_show(const gw_pool *older, const gw_pool *newer, const char *path) {
  gw_changes changes;
  gw_buf out;
  gw_changes_init(&changes);
  gw_buf_init(&out, NULL, GW_COMMAND_OUT_BYTES_MAX);
  gw_code code = gw_changes_of_pools(older, newer, &changes);
  if (code == GW_OK) code = gw_changes_print(&changes, gw_str_of(path), &out);
  if (out.n > 0) fwrite(out.p, 1, out.n, stdout);
  if (code != GW_OK) fprintf(stderr, "%s: cannot be compared: %s\n", path, gw_code_name(code));
  bool breaks = changes.breaks > 0;
  gw_buf_done(&out);
  gw_changes_done(&changes);
  return code == GW_OK && !breaks ? GW_EXIT_OK : GW_EXIT_FINDING;
}

int gw_command_compat(int argc, char **argv) {
  gw_pool *older = NULL, *newer = NULL;
  int status = GW_EXIT_FINDING;
  for (int i = 1; i < argc; i++) {
    if (gw_command_is_option(argv[i])) return gw_command_misused("unknown option", argv[i]);
  }
  if (argc != 3) return gw_command_misused("compat takes OLD.pb and NEW.pb", NULL);
  bool good = gw_command_open_sets(&argv[1], 1, &older);
  good = gw_command_open_sets(&argv[2], 1, &newer) && good; /* both are looked at */
  if (good) status = compat_show(older, newer, argv[2]);
  gw_pool_free(older);
  gw_pool_free(newer);
  return status;
}
