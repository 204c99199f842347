#include "unit/admin/fake_server.h"

#include <stdio.h>

gw_snapshot *gw_server_snapshot(gw_server *server) {
  return gw_snapshot_ref(server->snapshot);
}

bool gw_server_is_draining(gw_server *server) {
  return server->is_draining;
}

bool gw_server_is_ready(gw_server *server, gw_buf *reasons) {
  if (server->reason == NULL) return true;
  gw_code code = gw_buf_append(reasons, gw_str_of(server->reason));
  (void)code; /* without memory the answer is the status alone, as in the program */
  return false;
}

gw_code gw_server_reload(gw_server *server, bool allow_breaking, gw_findings *findings) {
  gw_place place = { .file = GW_STR("a\"b.yaml"), .line = 3, .column = 7 };
  server->reload_count++;
  server->reload_allowed = allow_breaking;
  if (server->warning != NULL) gw_findings_warn(findings, place, "%s", server->warning);
  if (server->mistake != NULL) gw_findings_add(findings, place, "%s", server->mistake);
  return server->reload_code;
}

gw_code gw_server_stage(gw_server *server, const gw_stage_order *order, gw_stand *from,
                        gw_stand *to, gw_err *err) {
  server->order = *order;
  snprintf(server->order_why, sizeof server->order_why, "%s", order->why);
  *from = gw_stand_of(GW_STAGE_SHADOW, 0);
  *to = gw_stand_of(order->stage, order->share);
  return server->stage_code == GW_OK ? GW_OK : gw_err_set(err, server->stage_code, "not so");
}

gw_stage_view gw_server_stage_view(gw_server *server, gw_str route) {
  (void)route;
  return server->view;
}
