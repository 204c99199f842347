#include "admin/admin.h"

#include <sys/socket.h>
#include <unistd.h>

#include "net/tcp.h"
#include "unit/admin/fake_server.h"
#include "unit/test.h"

static gw_snapshot admin_snapshot(uint16_t port) {
  return (gw_snapshot){
    .has_admin = true,
    .admin = { .host = GW_STR("127.0.0.1"), .port = port, .text = GW_STR("127.0.0.1:0") },
  };
}

TEST(admin, starts_and_stops) {
  gw_server server = { .is_draining = false };
  gw_snapshot snapshot = admin_snapshot(0);
  gw_admin *admin = NULL;
  gw_err err;
  gw_err_init(&err);
  CHECK_INT(gw_admin_start(&server, &snapshot, &admin, &err), GW_OK);
  CHECK(admin != NULL);
  gw_admin_stop(admin);
  gw_admin_stop(NULL);
}

TEST(admin, says_why_it_cannot_listen) {
  gw_server server = { .is_draining = false };
  gw_admin *admin = NULL;
  gw_sockaddr address;
  gw_err err;
  char wanted[64];
  gw_err_init(&err);
  CHECK_INT(gw_sockaddr_parse(GW_STR("127.0.0.1"), 0, &address), GW_OK);
  int taken = gw_socket_bind(&address, false, &err);
  CHECK(taken >= 0 && listen(taken, 1) == 0);
  gw_snapshot snapshot = admin_snapshot(gw_socket_port(taken));
  snprintf(wanted, sizeof wanted, "cannot listen on 127.0.0.1:%u: ", snapshot.admin.port);
  CHECK(gw_admin_start(&server, &snapshot, &admin, &err) != GW_OK);
  CHECK(strncmp(err.text, wanted, strlen(wanted)) == 0);
  CHECK(admin == NULL);
  close(taken);
}

TEST(admin, needs_a_numeric_address) {
  gw_server server = { .is_draining = false };
  gw_snapshot snapshot = admin_snapshot(0);
  gw_admin *admin = NULL;
  gw_err err;
  gw_err_init(&err);
  snapshot.admin.host = GW_STR("localhost");
  CHECK(gw_admin_start(&server, &snapshot, &admin, &err) != GW_OK);
  CHECK(strstr(err.text, "not a numeric address") != NULL);
}

TEST(admin, does_not_start_without_its_token) {
  gw_server server = { .is_draining = false };
  gw_snapshot snapshot = admin_snapshot(0);
  gw_admin *admin = NULL;
  gw_err err;
  gw_err_init(&err);
  snapshot.admin_token_file = GW_STR("tests/unit/admin/no_such_token");
  CHECK_INT(gw_admin_start(&server, &snapshot, &admin, &err), GW_BAD_VALUE);
  CHECK(strstr(err.text, "no_such_token") != NULL);
}
