#include "admin/admin.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/endpoint.h"
#include "admin/origin.h"
#include "base/log.h"
#include "net/tcp.h"

#define ADMIN_CONNECTIONS_MAX  64u        /* probes, scrapers and a few people */
#define ADMIN_TIMEOUT_S        10u        /* without a byte */
#define ADMIN_CONNECTION_BYTES GW_KIB(16) /* request head and answer's head of one connection */
#define ADMIN_EXCESS_BYTES_MAX GW_MIB(1)  /* over a body's limit; then we cut */

struct gw_admin {
  struct MHD_Daemon *daemon;
  gw_endpoint_context context;
  bool has_signalled; /* of the library's thread */
};

/* One request, from its head to the end of its answer. */
typedef struct admin_exchange {
  gw_buf body;   /* as far as it came; on the heap */
  size_t excess; /* bytes beyond its limit; 0: all is there */
  bool wants_drain;
} admin_exchange;

static gw_str exchange_header(struct MHD_Connection *connection, const char *name) {
  const char *value = NULL;
  size_t n = 0;
  if (MHD_lookup_connection_value_n(connection, MHD_HEADER_KIND, name, strlen(name), &value, &n) !=
          MHD_YES ||
      value == NULL)
    return (gw_str){ NULL, 0 };
  return (gw_str){ value, n };
}

/* A parameter of the query, decoded; p == NULL: absent. */
static gw_str exchange_argument(struct MHD_Connection *connection, const char *name) {
  const char *value = NULL;
  size_t n = 0;
  if (MHD_lookup_connection_value_n(connection, MHD_GET_ARGUMENT_KIND, name, strlen(name), &value,
                                    &n) != MHD_YES)
    return (gw_str){ NULL, 0 };
  return value != NULL ? (gw_str){ value, n } : GW_STR("");
}

static bool response_describe(struct MHD_Response *response, const gw_endpoint_reply *reply) {
  return MHD_add_response_header(response, "Content-Type", reply->content_type) == MHD_YES &&
         MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES &&
         MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES &&
         (reply->policy == NULL ||
          MHD_add_response_header(response, "Content-Security-Policy", reply->policy) == MHD_YES) &&
         (reply->allow == NULL ||
          MHD_add_response_header(response, "Allow", reply->allow) == MHD_YES) &&
         (!reply->has_challenge ||
          MHD_add_response_header(response, "WWW-Authenticate", "Bearer") == MHD_YES);
}

/* Takes the reply's body. */
static enum MHD_Result exchange_send(struct MHD_Connection *connection, gw_endpoint_reply *reply) {
  struct MHD_Response *response =
      MHD_create_response_from_buffer(reply->body.n, reply->body.p, MHD_RESPMEM_MUST_FREE);
  if (response == NULL) {
    gw_buf_done(&reply->body);
    return MHD_NO;
  }
  enum MHD_Result result = MHD_NO;
  if (response_describe(response, reply))
    result = MHD_queue_response(connection, (unsigned)reply->status, response);
  MHD_destroy_response(response);
  return result;
}

/* A client that is answered while it sends may never read the answer: some excess is dropped. */
static enum MHD_Result exchange_take(admin_exchange *exchange, const char *bytes, size_t *bytes_n) {
  gw_code code = exchange->excess == 0 ? gw_buf_append(&exchange->body, (gw_str){ bytes, *bytes_n })
                                       : GW_TOO_LARGE;
  if (code == GW_TOO_LARGE) exchange->excess += *bytes_n;
  if (code == GW_NOMEM || exchange->excess > ADMIN_EXCESS_BYTES_MAX) return MHD_NO;
  *bytes_n = 0;
  return MHD_YES;
}

/* Called for the head, for each piece of the body, and once more for the answer. */
static enum MHD_Result exchange_on_request(void *user, struct MHD_Connection *connection,
                                           const char *url, const char *method, const char *version,
                                           const char *bytes, size_t *bytes_n, void **state) {
  const gw_admin *admin = user;
  admin_exchange *exchange = *state;
  (void)version;
  if (exchange == NULL) {
    *state = exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) return MHD_NO;
    gw_buf_init(&exchange->body, NULL, GW_ENDPOINT_BODY_BYTES_MAX);
    return MHD_YES;
  }
  if (*bytes_n > 0) {
    return exchange_take(exchange, bytes, bytes_n);
  }
  gw_str origin = exchange_header(connection, "Origin");
  bool is_own = gw_origin_is_own(origin, exchange_header(connection, "Host"));
  gw_endpoint_request request = { .method = gw_str_of(method),
                                  .path = gw_str_of(url),
                                  .allow_breaking = exchange_argument(connection, "allow_breaking"),
                                  .format = exchange_argument(connection, "format"),
                                  .body = gw_buf_str(&exchange->body),
                                  .is_too_large = exchange->excess > 0,
                                  .authorization = exchange_header(connection, "Authorization"),
                                  .is_foreign_page = origin.p != NULL && !is_own };
  gw_endpoint_reply reply;
  gw_endpoint_answer(&admin->context, &request, &reply);
  exchange->wants_drain = reply.wants_drain;
  return exchange_send(connection, &reply);
}

/* The answer is with the client: only now the main thread, which waits for signals, is woken. Once:
 * two signals would end the process before its requests are finished. */
static void exchange_on_completed(void *user, struct MHD_Connection *connection, void **state,
                                  enum MHD_RequestTerminationCode why) {
  gw_admin *admin = user;
  admin_exchange *exchange = *state;
  (void)connection;
  (void)why;
  if (exchange == NULL) return;
  if (exchange->wants_drain && !admin->has_signalled &&
      !gw_server_is_draining(admin->context.server)) {
    admin->has_signalled = true;
    kill(getpid(), SIGTERM);
  }
  gw_buf_done(&exchange->body);
  free(exchange);
  *state = NULL;
}

/* ---- starting ---- */

/* -1 with err set.  Made here, since libmicrohttpd does not tell why it cannot listen. */
static int admin_listen(const gw_listen *listen_on, gw_err *err) {
  gw_sockaddr address;
  if (gw_sockaddr_parse(listen_on->host, listen_on->port, &address) != GW_OK) {
    gw_err_set(err, GW_BAD_VALUE, "cannot listen on " GW_STR_FMT ": not a numeric address",
               GW_STR_ARG(listen_on->text));
    return -1;
  }
  int descriptor = gw_socket_bind(&address, false, err);
  if (descriptor >= 0 && listen(descriptor, (int)ADMIN_CONNECTIONS_MAX) != 0) {
    gw_err_set(err, GW_UNAVAILABLE, "cannot listen on " GW_STR_FMT ": %s",
               GW_STR_ARG(listen_on->text), strerror(errno));
    close(descriptor);
    return -1;
  }
  return descriptor;
}

/* Takes the descriptor.  poll and not epoll: epoll's thread stalls in this library when as many
 * connections as it asks for at once are ready, and with so few connections it gains nothing. */
static gw_code admin_start_daemon(gw_admin *admin, int descriptor, gw_err *err) {
  sigset_t all, before;
  /* The library's thread inherits the mask: signals stay with the main thread. */
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  admin->daemon = MHD_start_daemon(
      MHD_USE_POLL_INTERNAL_THREAD, 0, NULL, NULL, exchange_on_request, admin,
      MHD_OPTION_LISTEN_SOCKET, descriptor, MHD_OPTION_CONNECTION_LIMIT, ADMIN_CONNECTIONS_MAX,
      MHD_OPTION_CONNECTION_TIMEOUT, ADMIN_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      ADMIN_CONNECTION_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_COMPLETED,
      exchange_on_completed, admin, MHD_OPTION_END);
  int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (admin->daemon != NULL) return GW_OK;
  /* Whether the library closed the descriptor depends on where it failed: not closed twice. */
  return gw_err_set(err, GW_UNAVAILABLE, "the operators' server cannot start: %s", strerror(error));
}

static bool admin_is_loopback(gw_str host) {
  return gw_str_starts(host, GW_STR("127.")) || gw_str_eq(host, GW_STR("::1"));
}

gw_code gw_admin_start(gw_server *server, const gw_snapshot *snapshot, gw_admin **out,
                       gw_err *err) {
  gw_code code = GW_OK;
  gw_admin *admin = calloc(1, sizeof *admin);
  if (admin == NULL) return gw_err_set(err, GW_NOMEM, "no memory for the operators' server");
  admin->context.server = server;
  admin->context.start_ms = gw_clock_wall_ms();
  if (snapshot->admin_token_file.n > 0)
    code = gw_token_read(snapshot->admin_token_file.p, &admin->context.token, err);
  if (code == GW_OK) {
    int descriptor = admin_listen(&snapshot->admin, err);
    uint16_t port = descriptor >= 0 ? gw_socket_port(descriptor) : 0;
    code = descriptor >= 0 ? admin_start_daemon(admin, descriptor, err) : GW_UNAVAILABLE;
    if (code == GW_OK)
      gw_log(GW_LOG_INFO, "admin", "operators' listener on " GW_STR_FMT ":%u",
             GW_STR_ARG(snapshot->admin.host), port);
  }
  if (code != GW_OK) {
    gw_admin_stop(admin);
    return code;
  }
  if (admin->context.token.n == 0 && !admin_is_loopback(snapshot->admin.host))
    gw_log(GW_LOG_WARN, "admin",
           "whoever reaches " GW_STR_FMT " can reload and drain: set admin.token_file",
           GW_STR_ARG(snapshot->admin.text));
  *out = admin;
  return GW_OK;
}

void gw_admin_stop(gw_admin *admin) {
  if (admin == NULL) return;
  if (admin->daemon != NULL) MHD_stop_daemon(admin->daemon);
  gw_token_wipe(&admin->context.token);
  free(admin);
}
