#include "demo/legacy_service.h"

#include <inttypes.h>
#include <jansson.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "demo/user_store.h"
#include "net/tcp.h"

#define LEGACY_BODY_MAX        GW_KIB(16)
#define LEGACY_CONNECTIONS_MAX 256u
#define LEGACY_PREFIX          "/v1/users/"

struct gw_legacy_service {
  struct MHD_Daemon *daemon;
  gw_user_store *store; /* of the daemon's thread */
  uint16_t port;
};

/* ---- answers ---- */

static enum MHD_Result legacy_send(struct MHD_Connection *connection, unsigned status,
                                   gw_buf *body) {
  struct MHD_Response *response =
      MHD_create_response_from_buffer(body->n, body->p, MHD_RESPMEM_MUST_FREE);
  if (response == NULL) {
    gw_buf_done(body);
    return MHD_NO;
  }
  MHD_add_response_header(response, "Content-Type", "application/json");
  enum MHD_Result result = MHD_queue_response(connection, status, response);
  MHD_destroy_response(response);
  return result;
}

static enum MHD_Result legacy_send_error(struct MHD_Connection *connection, unsigned status,
                                         const char *text) {
  gw_buf body;
  gw_buf_init(&body, NULL, LEGACY_BODY_MAX);
  gw_code code = gw_buf_append(&body, GW_STR("{\"error\":"));
  if (code == GW_OK) code = gw_buf_append_json_string(&body, gw_str_of(text));
  if (code == GW_OK) code = gw_buf_append(&body, GW_STR("}"));
  return legacy_send(connection, code == GW_OK ? status : 500, &body);
}

static enum MHD_Result legacy_send_user(struct MHD_Connection *connection, unsigned status,
                                        const gw_user *user) {
  gw_buf body;
  gw_buf_init(&body, NULL, LEGACY_BODY_MAX);
  gw_code code = gw_buf_printf(&body, "{\"user_id\":\"%" PRIu64 "\",\"name\":", user->id);
  if (code == GW_OK) code = gw_buf_append_json_string(&body, gw_user_store_text(&user->name));
  if (code == GW_OK) code = gw_buf_append(&body, GW_STR(",\"email\":"));
  if (code == GW_OK) code = gw_buf_append_json_string(&body, gw_user_store_text(&user->email));
  if (code == GW_OK) code = gw_buf_printf(&body, ",\"created_at\":%" PRId64 "}", user->created_at);
  return legacy_send(connection, code == GW_OK ? status : 500, &body);
}

/* ---- requests ---- */

static bool legacy_text(const json_t *body, const char *key, gw_str *out) {
  const json_t *value = json_object_get(body, key);
  *out = (gw_str){ json_string_value(value), json_string_length(value) };
  return out->p != NULL && out->n > 0 && out->n <= GW_USER_TEXT_MAX;
}

static enum MHD_Result legacy_create(gw_legacy_service *service, struct MHD_Connection *connection,
                                     gw_str text) {
  gw_str name, email;
  json_t *body = json_loadb(text.n > 0 ? text.p : "", text.n, 0, NULL);
  bool is_good = legacy_text(body, "name", &name) && legacy_text(body, "email", &email);
  gw_user *user = is_good ? gw_user_store_add(service->store) : NULL;
  if (user != NULL) {
    gw_user_store_text_set(&user->name, name);
    gw_user_store_text_set(&user->email, email);
    user->created_at = (int64_t)time(NULL);
  }
  json_decref(body);
  if (user == NULL) return legacy_send_error(connection, 400, "a user has a name and an email");
  return legacy_send_user(connection, 201, user);
}

static enum MHD_Result legacy_answer(gw_legacy_service *service, struct MHD_Connection *connection,
                                     const char *url, const char *method, gw_str body) {
  size_t n = sizeof LEGACY_PREFIX - 1;
  if (strcmp(method, "POST") == 0 && strcmp(url, "/v1/users") == 0)
    return legacy_create(service, connection, body);
  gw_user *user = NULL;
  if (strcmp(method, "GET") == 0 && strncmp(url, LEGACY_PREFIX, n) == 0)
    user = gw_user_store_find(service->store, gw_str_of(url + n));
  if (user == NULL) return legacy_send_error(connection, 404, "not found");
  return legacy_send_user(connection, 200, user);
}

/* Called for the head, for each piece of the body, and once more for the answer. */
static enum MHD_Result legacy_on_request(void *user, struct MHD_Connection *connection,
                                         const char *url, const char *method, const char *version,
                                         const char *bytes, size_t *bytes_n, void **state) {
  gw_buf *body = *state;
  (void)version;
  if (body == NULL) {
    *state = body = malloc(sizeof *body);
    if (body == NULL) return MHD_NO;
    gw_buf_init(body, NULL, LEGACY_BODY_MAX);
    return MHD_YES;
  }
  if (*bytes_n > 0) {
    gw_code code = gw_buf_append(body, (gw_str){ bytes, *bytes_n });
    *bytes_n = 0;
    return code == GW_OK ? MHD_YES : MHD_NO;
  }
  return legacy_answer(user, connection, url, method, gw_buf_str(body));
}

static void legacy_on_completed(void *user, struct MHD_Connection *connection, void **state,
                                enum MHD_RequestTerminationCode why) {
  gw_buf *body = *state;
  (void)user;
  (void)connection;
  (void)why;
  gw_buf_done(body);
  free(body);
  *state = NULL;
}

/* ---- life ---- */

/* What the demo's first part changed at the gRPC service was changed here long ago; but user 8's
 * new email never reached the gRPC service. */
static void legacy_fill(gw_user_store *store) {
  gw_user *ada = gw_user_store_find(store, GW_STR("7"));
  gw_user *grace = gw_user_store_find(store, GW_STR("8"));
  gw_user_store_text_set(&ada->email, GW_STR("ada@lovelace.example"));
  gw_user_store_text_set(&grace->email, GW_STR("grace@navy.example"));
}

gw_code gw_legacy_service_open(gw_legacy_service **out, gw_err *err) {
  gw_sockaddr address;
  gw_code code = gw_sockaddr_parse(GW_STR("127.0.0.1"), 0, &address);
  assert(code == GW_OK);
  gw_legacy_service *service = calloc(1, sizeof *service);
  if (service == NULL || (service->store = gw_user_store_new()) == NULL) {
    free(service);
    return gw_err_set(err, GW_NOMEM, "no memory for the demo's legacy service");
  }
  legacy_fill(service->store);
  int descriptor = gw_socket_bind(&address, false, err);
  if (descriptor < 0 || listen(descriptor, (int)LEGACY_CONNECTIONS_MAX) != 0) {
    if (descriptor >= 0) close(descriptor);
    gw_legacy_service_close(service);
    return gw_err_set(err, GW_UNAVAILABLE, "the demo's legacy service cannot listen");
  }
  service->port = gw_socket_port(descriptor);
  service->daemon = MHD_start_daemon(
      MHD_USE_POLL_INTERNAL_THREAD, 0, NULL, NULL, legacy_on_request, service,
      MHD_OPTION_LISTEN_SOCKET, descriptor, MHD_OPTION_CONNECTION_LIMIT, LEGACY_CONNECTIONS_MAX,
      MHD_OPTION_NOTIFY_COMPLETED, legacy_on_completed, NULL, MHD_OPTION_END);
  if (service->daemon == NULL) {
    gw_legacy_service_close(service);
    return gw_err_set(err, GW_UNAVAILABLE, "the demo's legacy service cannot start");
  }
  *out = service;
  return GW_OK;
}

uint16_t gw_legacy_service_port(const gw_legacy_service *service) {
  return service->port;
}

void gw_legacy_service_close(gw_legacy_service *service) {
  if (service == NULL) return;
  if (service->daemon != NULL) MHD_stop_daemon(service->daemon);
  gw_user_store_free(service->store);
  free(service);
}
