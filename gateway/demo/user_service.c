#include "demo/user_service.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <utlist.h>

#include "demo/user_methods.h"
#include "demo/user_store.h"
#include "net/tcp.h"

#define SERVICE_CONNECTIONS_MAX 64u /* a gateway has a few for each worker */

typedef struct user_conn {
  gw_user_service *service;
  gw_h2 *h2;
  struct user_conn *prev, *next;
} user_conn;

struct gw_user_service {
  gw_loop *loop;
  gw_listener *listener;
  gw_user_store *store;
  user_conn *conns;
  size_t conn_count;
  uint16_t port;
  bool is_closing;
  _Atomic bool is_broken;
};

static void service_free_when_over(gw_user_service *service) {
  if (!service->is_closing || service->conn_count > 0) return;
  gw_user_store_free(service->store);
  free(service);
}

static gw_h2_stream *conn_on_stream(void *user) {
  gw_user_service *service = ((user_conn *)user)->service;
  const gw_grpc_method *methods = service->is_broken ? gw_user_methods_ill : gw_user_methods;
  return gw_grpc_call_new(methods, gw_user_methods_count, service->store,
                          gw_loop_arena_pool(service->loop));
}

static void conn_on_closed(void *user, gw_code why) {
  user_conn *conn = user;
  gw_user_service *service = conn->service;
  (void)why;
  DL_DELETE(service->conns, conn);
  service->conn_count--;
  free(conn);
  service_free_when_over(service);
}

static const gw_h2_events conn_events = { .on_stream = conn_on_stream, .closed = conn_on_closed };

static void service_on_accepted(void *user, gw_tcp *tcp) {
  gw_user_service *service = user;
  user_conn *conn = NULL;
  if (!service->is_closing && service->conn_count < SERVICE_CONNECTIONS_MAX) {
    conn = calloc(1, sizeof *conn);
  }
  if (conn == NULL) {
    gw_tcp_close(tcp);
    return;
  }
  conn->service = service;
  if (gw_h2_open(service->loop, tcp, GW_H2_SERVER, &conn_events, conn, &conn->h2) != GW_OK) {
    free(conn);
    return;
  }
  DL_APPEND(service->conns, conn);
  service->conn_count++;
}

gw_code gw_user_service_open(gw_loop *loop, uint16_t port, gw_user_service **out, gw_err *err) {
  gw_sockaddr address;
  gw_code code = gw_sockaddr_parse(GW_STR("127.0.0.1"), port, &address);
  assert(code == GW_OK);
  gw_user_service *service = calloc(1, sizeof *service);
  gw_user_store *store = gw_user_store_new();
  if (service == NULL || store == NULL) {
    code = gw_err_set(err, GW_NOMEM, "no memory for the demo's service");
    goto failed;
  }
  *service = (gw_user_service){ .loop = loop, .store = store };
  int descriptor = gw_socket_bind(&address, false, err);
  if (descriptor < 0) {
    code = GW_UNAVAILABLE;
    goto failed;
  }
  service->port = gw_socket_port(descriptor);
  code = gw_listener_open(loop, descriptor, service_on_accepted, service, &service->listener);
  if (code != GW_OK) {
    gw_err_set(err, code, "cannot listen on 127.0.0.1:%u", (unsigned)service->port);
    goto failed;
  }
  *out = service;
  return GW_OK;
failed:
  gw_user_store_free(store);
  free(service);
  return code;
}

uint16_t gw_user_service_port(const gw_user_service *service) {
  return service->port;
}

void gw_user_service_break(gw_user_service *service, bool is_broken) {
  service->is_broken = is_broken;
}

void gw_user_service_close(gw_user_service *service) {
  user_conn *conn;
  if (service == NULL) return;
  service->is_closing = true;
  gw_listener_close(service->listener);
  DL_FOREACH(service->conns, conn) {
    gw_h2_abort(conn->h2, GW_UNAVAILABLE);
  }
  service_free_when_over(service);
}
