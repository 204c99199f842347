#include "command/command.h"

#include <stdio.h>

int gw_command_misused(const char *text, const char *word) {
  fprintf(stderr, "sluice: %s%s%s\n\n", text, word != NULL ? ": " : "", word != NULL ? word : "");
  return GW_EXIT_USAGE;
}

bool gw_command_is_option(const char *word) {
  return word[0] == '-' && word[1] == '-';
}

static void command_show(const gw_findings *findings) {
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
  command_show(&findings); /* also the warnings of a good one */
  gw_findings_done(&findings);
  return snapshot;
}
