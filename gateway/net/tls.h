/* tls: what one side of TLS connections needs: certificate and key, whom it trusts (RFC 8446,
 * 5280).
 *
 * Built from PEM texts by the main thread, in this order: certificate, key, trust, revocation; then
 * immutable, counted, and shared by all workers: OpenSSL allows that as long as nobody changes the
 * context, and counts its own references atomically.  A connection holds what it needs by itself.
 *
 * The rules are fixed: TLS 1.2 or newer, AEAD with forward secrecy, no renegotiation, no
 * compression, no early data, keys and signatures of at least 112 bits.  A client always verifies
 * name (subject alternative names only), chain, validity and purpose; a server with trust demands a
 * certificate of each client.
 *
 * Errors: GW_BAD_VALUE with words in err; GW_NOMEM. */
#pragma once

#include "base/err.h"

#define GW_TLS_FAILURE_BYTES 96u /* of the words for why a connection failed */

typedef struct gw_tls gw_tls;

typedef enum gw_tls_role { GW_TLS_CLIENT, GW_TLS_SERVER } gw_tls_role;

gw_tls *gw_tls_new(gw_tls_role role); /* one reference; NULL: no memory */
gw_tls *gw_tls_ref(gw_tls *tls);
void gw_tls_unref(gw_tls *tls); /* NULL is a no-op */

/* The own certificate, and behind it those that lead to a root. */
GW_CHECKED gw_code gw_tls_use_certificate(gw_tls *tls, gw_str pem, gw_err *err);
/* Must fit the certificate.  The caller wipes its text. */
GW_CHECKED gw_code gw_tls_use_key(gw_tls *tls, gw_str pem, gw_err *err);
/* Roots that the peer's certificate must lead to; a server demands one from here on. */
GW_CHECKED gw_code gw_tls_trust(gw_tls *tls, gw_str pem, gw_err *err);
GW_CHECKED gw_code gw_tls_trust_system(gw_tls *tls);
/* A list of revoked certificates for each issuer of peers' certificates; without one for its issuer
 * a peer is refused. */
GW_CHECKED gw_code gw_tls_revoke(gw_tls *tls, gw_str pem, gw_err *err);

/* "has expired", "is not valid yet"; NULL: it is valid now, or there is none. */
const char *gw_tls_certificate_fault(const gw_tls *tls);

/* Whom a client connects to. */
typedef struct gw_tls_peer {
  gw_str name;        /* DNS name or numeric address that the certificate must hold */
  gw_str protocol;    /* by ALPN (RFC 7301): "h2" */
  bool must_agree_on; /* a peer that does not choose it is refused */
} gw_tls_peer;
