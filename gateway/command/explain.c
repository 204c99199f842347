#include "control/explain.h"

#include <errno.h>
#include <stdio.h>

#include "codec/json_to_wire.h"
#include "command/command.h"

/* A file with GW_JSON_PAD readable bytes behind it. */
static bool explain_read(const char *path, gw_buf *out) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return false;
  gw_code code;
  while ((code = gw_buf_reserve(out, GW_KIB(64))) == GW_OK) {
    size_t n = fread(out->p + out->n, 1, GW_KIB(64), file);
    if (n == 0) break;
    out->n += n;
  }
  bool is_good = code == GW_OK && !ferror(file);
  fclose(file);
  _Static_assert(GW_BUF_SLACK >= GW_JSON_PAD, "the buffer's slack is the codec's padding");
  return is_good;
}

static int explain_show(const char *path, const char *request, const char *body_path) {
  gw_buf out, body;
  gw_err err;
  gw_buf_init(&body, NULL, GW_COMMAND_OUT_BYTES_MAX);
  if (body_path != NULL && !explain_read(body_path, &body)) {
    fprintf(stderr, "%s: cannot be read: %s\n", body_path, strerror(errno));
    gw_buf_done(&body);
    return GW_EXIT_FINDING;
  }
  gw_snapshot *snapshot = gw_command_open(path);
  gw_code code = GW_BAD_VALUE;
  if (snapshot != NULL) {
    gw_err_init(&err);
    gw_buf_init(&out, NULL, GW_COMMAND_OUT_BYTES_MAX);
    code = gw_explain(snapshot, gw_str_of(request), gw_buf_str(&body), &out, &err);
    if (out.n > 0) fwrite(out.p, 1, out.n, stdout);
    gw_buf_done(&out);
    gw_snapshot_unref(snapshot);
  }
  gw_buf_done(&body);
  return code == GW_OK ? GW_EXIT_OK : GW_EXIT_FINDING;
}

int gw_command_explain(int argc, char **argv) {
  const char *body = NULL;
  if (argc == 5 && strcmp(argv[3], "--body") == 0) {
    body = argv[4];
  } else if (argc != 3) {
    return gw_command_misused("explain takes CONFIG, a request and perhaps --body FILE", NULL);
  }
  if (gw_command_is_option(argv[1])) return gw_command_misused("expected CONFIG", argv[1]);
  return explain_show(argv[1], argv[2], body);
}
