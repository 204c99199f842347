/* tcp: stream sockets on a loop: listening, connecting, reading, writing with a visible queue.
 *
 * A gw_tcp belongs to whoever opened or accepted it until gw_tcp_close(); `closed` comes later,
 * exactly once, and nothing comes after it; the memory of the gw_tcp is then gone.  No callback
 * runs before the opening function has returned.
 *
 * Reading is always on unless paused, so that a peer that leaves is noticed at once.  Bytes live in
 * a buffer of the loop and are valid during `read` only; GW_TCP_PAD bytes behind them are readable.
 * Writing happens at once; what the socket does not take is copied and queued: gw_tcp_queued()
 * tells how much, and `drained` comes when it is 0 again.  A producer stops while something is
 * queued.
 *
 * With gw_tcp_secure() all bytes go through TLS: `connected` comes when the handshake is over and
 * the peer verified, on the accepting side too, and nothing is read or may be written before.  A
 * peer that ends without saying so in TLS has broken the connection: what it sent may be cut. */
#pragma once

#include "base/err.h"
#include "net/loop.h"
#include "net/tls.h"

#define GW_TCP_PAD 64u

typedef struct gw_tcp gw_tcp;
typedef struct gw_listener gw_listener;

/* A numeric socket address. */
typedef struct gw_sockaddr {
  _Alignas(8) char bytes[28]; /* sockaddr_in or sockaddr_in6 */
} gw_sockaddr;

typedef struct gw_tcp_events {
  /* Client side, and either with TLS.  GW_UNAVAILABLE: refused, timed out, see gw_tcp_failure();
   * nothing can be sent then, but gw_tcp_finish() lets the peer read why. */
  void (*connected)(void *user, gw_code code);
  void (*read)(void *user, char *bytes, size_t n);
  void (*ended)(void *user, gw_code why); /* GW_OK: the peer sent its end, we may go on; else the
                                             connection broke.  Each at most once, the end first */
  void (*drained)(void *user);
  void (*closed)(void *user);
} gw_tcp_events;

/* GW_BAD_VALUE: not a numeric address. */
GW_CHECKED gw_code gw_sockaddr_parse(gw_str host, uint16_t port, gw_sockaddr *out);
bool gw_sockaddr_eq(const gw_sockaddr *a, const gw_sockaddr *b);
void gw_sockaddr_print(const gw_sockaddr *address, char *out, size_t n); /* "127.0.0.1:80" */

/* `events` is borrowed for the connection's life.  GW_NOMEM, GW_UNAVAILABLE: nothing was opened. */
GW_CHECKED gw_code gw_tcp_connect(gw_loop *loop, const gw_sockaddr *to, const gw_tcp_events *events,
                                  void *user, gw_tcp **out);
/* After accepting (see gw_listener_open): whose it is. */
void gw_tcp_own(gw_tcp *tcp, const gw_tcp_events *events, void *user);
/* Right after gw_tcp_connect() or, with peer == NULL, after the first gw_tcp_own(): TLS from the
 * first byte on.  `tls` is held as long as needed, `peer` borrowed for the call.  GW_NOMEM: close.
 */
GW_CHECKED gw_code gw_tcp_secure(gw_tcp *tcp, gw_tls *tls, const gw_tls_peer *peer);
bool gw_tcp_is_secure(const gw_tcp *tcp);
const char *gw_tcp_failure(const gw_tcp *tcp); /* why TLS failed or was cut; "" otherwise */
bool gw_tcp_has_spoken(const gw_tcp *tcp);     /* TLS: at least one byte came */
gw_str gw_tcp_alpn(const gw_tcp *tcp);         /* the protocol agreed on; n == 0: none */
gw_str gw_tcp_server_name(const gw_tcp *tcp);  /* that the client asked for (SNI); n == 0: none */

void gw_tcp_write(gw_tcp *tcp, const gw_str *parts, size_t count); /* at most 8 parts, borrowed */
size_t gw_tcp_queued(const gw_tcp *tcp);
void gw_tcp_pause(gw_tcp *tcp,
                  bool paused); /* no reads; the peer's end is then only seen by asking: */
bool gw_tcp_peer_has_ended(const gw_tcp *tcp);
void gw_tcp_finish(gw_tcp *tcp); /* sends our end after what is queued */
void gw_tcp_close(gw_tcp *tcp);  /* at once; queued bytes are lost */
void gw_tcp_reset(gw_tcp *tcp);  /* the same by RST: the peer sees that it is not the end */
/* Bytes, the SYN as one, that the peer's kernel has acknowledged; UINT64_MAX: unknown. */
uint64_t gw_tcp_acked(const gw_tcp *tcp);
gw_str gw_tcp_peer(const gw_tcp *tcp); /* "127.0.0.1:40312"; valid as long as tcp */

/* A bound socket, SO_REUSEPORT when `shared` (each worker's own queue on one address); made by the
 * parent so that a restart can hand it over.  -1 with err set.  port 0 picks one; gw_socket_port()
 * tells it. */
int gw_socket_bind(const gw_sockaddr *address, bool shared, gw_err *err);
uint16_t gw_socket_port(int descriptor);

/* Accepts on `descriptor`, and takes it: gw_listener_close() closes it, a failure too.
 * `accepted` takes the connection and calls gw_tcp_own() or gw_tcp_close() at once. */
typedef void gw_accepted_fn(void *user, gw_tcp *tcp);
GW_CHECKED gw_code gw_listener_open(gw_loop *loop, int descriptor, gw_accepted_fn *accepted,
                                    void *user, gw_listener **out);
void gw_listener_close(gw_listener *listener); /* after accepting what already waits; NULL: no-op */
