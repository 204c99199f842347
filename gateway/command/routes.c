/* check, routes: all that serve would load, and the route table. */
#include <stdio.h>

#include "command/command.h"
#include "control/explain.h"

static int routes_show(const char *path, bool json) {
  gw_buf out;
  gw_snapshot *snapshot = gw_command_open(path);
  if (snapshot == NULL) return GW_EXIT_FINDING;
  gw_buf_init(&out, NULL, GW_COMMAND_OUT_BYTES_MAX);
  gw_code code = gw_routes_print(snapshot, json, &out);
  if (code == GW_OK && out.n > 0) fwrite(out.p, 1, out.n, stdout);
  gw_buf_done(&out);
  gw_snapshot_unref(snapshot);
  return code == GW_OK ? GW_EXIT_OK : GW_EXIT_FINDING;
}

int gw_command_check(int argc, char **argv) {
  if (argc != 2) return gw_command_misused("check takes CONFIG", NULL);
  if (gw_command_is_option(argv[1])) return gw_command_misused("expected CONFIG", argv[1]);
  return routes_show(argv[1], false);
}

int gw_command_routes(int argc, char **argv) {
  const char *path = NULL;
  bool json = false, good = true;
  for (int i = 1; i < argc && good; i++) {
    if (strcmp(argv[i], "--json") == 0 && !json) {
      json = true;
    } else {
      good = path == NULL && !gw_command_is_option(argv[i]);
      path = argv[i];
    }
  }
  if (!good || path == NULL)
    return gw_command_misused("routes takes CONFIG and perhaps --json", NULL);
  return routes_show(path, json);
}
