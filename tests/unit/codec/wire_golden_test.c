#include "unit/codec/wire_fixture.h"
#include "unit/golden.h"

/* message, input.hex (wire_fixture_bytes), style and field (both optional) -> output.json or
 * error. */
static void golden_run(golden_case *c, void *context) {
  (void)context;
  gw_str message = golden_read(c, "message", true);
  gw_str input = golden_read(c, "input.hex", true);
  gw_str style = golden_read(c, "style", false);
  gw_str field = golden_read(c, "field", false);
  gw_str name = gw_str_trim(message, " \n"), of = gw_str_trim(field, " \n");
  char message_name[128], field_name[128], text[640];
  snprintf(message_name, sizeof message_name, GW_STR_FMT, GW_STR_ARG(name));
  snprintf(field_name, sizeof field_name, GW_STR_FMT, GW_STR_ARG(of));
  gw_str wire = wire_fixture_bytes(input);
  wire_result r =
      wire_fixture_run(message_name, field.p != NULL ? field_name : NULL, wire, style.p);
  int n = r.code == GW_OK ? 0
                          : snprintf(text, sizeof text, "%s: %s\nat %s", gw_code_name(r.code),
                                     r.err.text, r.err.where);
  golden_check(c, "output.json", r.code == GW_OK ? r.json : (gw_str){ NULL, 0 });
  golden_check(c, "error", (gw_str){ text, (size_t)n });
  free((void *)(uintptr_t)r.json.p);
  free((void *)(uintptr_t)wire.p);
  free((void *)(uintptr_t)message.p);
  free((void *)(uintptr_t)input.p);
  free((void *)(uintptr_t)style.p);
  free((void *)(uintptr_t)field.p);
}

TEST(wire_to_json, golden) {
  golden_each("wire_to_json", golden_run, NULL);
}
