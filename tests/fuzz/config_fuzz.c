/* Any text as a configuration: it is refused with findings or becomes a snapshot, which is then
 * printed and asked about one request.  Relative paths start in descriptors/. */
#include "control/explain.h"

#include "codec/json_to_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_snapshot(const gw_snapshot *snapshot) {
  static const char body[16 + GW_JSON_PAD] = "{\"name\":\"x\"}";
  gw_buf out;
  gw_err err;
  gw_err_init(&err);
  gw_buf_init(&out, NULL, 4u << 20);
  if (gw_routes_print(snapshot, true, &out) == GW_OK &&
      gw_routes_print(snapshot, false, &out) == GW_OK) {
    gw_code code =
        gw_explain(snapshot, GW_STR("POST /v1/users/7?x=1"), gw_str_of(body), &out, &err);
    (void)code;
  }
  gw_buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  gw_findings findings;
  gw_snapshot *snapshot = NULL;
  gw_buf out;
  if (size > 65536) return 0;
  gw_findings_init(&findings);
  gw_buf_init(&out, NULL, 1u << 20);
  gw_code code = gw_snapshot_parse("descriptors/config.yaml", (gw_str){ (const char *)data, size },
                                   &findings, &snapshot);
  /* Refused without a reason, or accepted in spite of one, is a bug. */
  if ((code == GW_OK) != (snapshot != NULL)) __builtin_trap();
  if (code == GW_BAD_VALUE && findings.errors == 0) __builtin_trap();
  if (code == GW_OK && findings.errors > 0) __builtin_trap();
  if (gw_findings_print(&findings, &out) != GW_OK) __builtin_trap();
  if (snapshot != NULL) fuzz_snapshot(snapshot);
  gw_snapshot_unref(snapshot);
  gw_findings_done(&findings);
  gw_buf_done(&out);
  return 0;
}
