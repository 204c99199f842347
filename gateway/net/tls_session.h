/* tls_session: one TLS connection without I/O: what came in, what goes out.  Private to net/.
 *
 * Bytes of the socket are fed, plain ones are read; plain ones are written, bytes for the socket go
 * to `put`, gathered: at most once for each 64 KiB.  Whatever is fed is used up by
 * gw_tls_session_handshake() and gw_tls_session_read() called until they say GW_AGAIN; an
 * incomplete record is kept inside, so that a connection holds at most one record of each
 * direction.
 *
 * Owned by a gw_tcp; one thread. */
#pragma once

#include "net/loop.h"
#include "net/tls.h"

/* Plain bytes of one read of the socket: those, and a record that was incomplete before. */
#define TLS_PLAIN_BYTES (GW_KIB(64) + GW_KIB(17))

typedef struct gw_tls_session gw_tls_session;

/* Borrows bytes for the call. */
typedef void gw_tls_put_fn(void *user, gw_str bytes);

/* peer: NULL for a server; borrowed for the call.  NULL: no memory. */
gw_tls_session *gw_tls_session_new(gw_loop *loop, gw_tls *tls, const gw_tls_peer *peer,
                                   gw_tls_put_fn *put, void *user);
void gw_tls_session_free(gw_tls_session *session); /* NULL is a no-op */

/* Borrows `bytes` until all of it is used. */
void gw_tls_session_feed(gw_tls_session *session, gw_str bytes);

/* GW_OK: the peer is who it should be, and both know.  GW_AGAIN: feed more.  GW_UNAVAILABLE: it is
 * over, see gw_tls_session_failure(). */
GW_CHECKED gw_code gw_tls_session_handshake(gw_tls_session *session);

/* GW_OK: *n bytes are at out; 0: the peer said that this is its end.  GW_AGAIN: feed more.
 * GW_UNAVAILABLE. */
GW_CHECKED gw_code gw_tls_session_read(gw_tls_session *session, char *out, size_t room, size_t *n);
void gw_tls_session_write(gw_tls_session *session, const gw_str *parts, size_t count);
void gw_tls_session_finish(gw_tls_session *session); /* tells the peer that this is our end */

/* Why it is over; "" while it is not.  As long as the session. */
const char *gw_tls_session_failure(const gw_tls_session *session);
gw_str gw_tls_session_protocol(const gw_tls_session *session); /* by ALPN; n == 0: none */
gw_str gw_tls_session_name(const gw_tls_session *session);     /* server: SNI; n == 0: none */

/* For plain bytes that were read; shared by all connections of the loop. */
char *gw_tls_session_plain(gw_tls_session *session);
