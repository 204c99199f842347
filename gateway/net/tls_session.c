#include "net/tls_session.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/loop_uv.h"
#include "net/tls_openssl.h"

#define TLS_RECORD_BYTES GW_KIB(16) /* of plain text in one record (RFC 8446 section 5.1) */
#define TLS_NAME_BYTES   256u       /* of a host's name; NUL behind it */

struct gw_tls_session {
  SSL *ssl;
  loop_tls *scratch; /* the loop's */
  size_t sealed_n;   /* bytes for the socket in scratch->sealed, within one operation */
  gw_str in;         /* borrowed: what is left of the bytes fed */
  gw_tls_put_fn *put;
  void *user;
  gw_str protocol; /* that the peer must agree on; n == 0: any; the peer's memory is not kept: */
  char protocol_bytes[16];
  char failure[GW_TLS_FAILURE_BYTES];
};

/* ---- OpenSSL's side: a BIO over what was fed and what is to be sent ---- */

static void session_put(gw_tls_session *session) {
  gw_str bytes = { session->scratch->sealed, session->sealed_n };
  session->sealed_n = 0;
  if (bytes.n > 0) session->put(session->user, bytes);
}

static int bio_write(BIO *bio, const char *bytes, size_t n, size_t *taken) {
  gw_tls_session *session = BIO_get_data(bio);
  gw_str rest = { bytes, n };
  while (rest.n > 0) {
    size_t room = sizeof session->scratch->sealed - session->sealed_n;
    size_t piece = gw_size_min(room, rest.n);
    memcpy(session->scratch->sealed + session->sealed_n, rest.p, piece);
    session->sealed_n += piece;
    rest = gw_str_skip(rest, piece);
    if (session->sealed_n == sizeof session->scratch->sealed) session_put(session);
  }
  *taken = n;
  return 1;
}

static int bio_read(BIO *bio, char *out, size_t room, size_t *n) {
  gw_tls_session *session = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  *n = gw_size_min(room, session->in.n);
  if (*n == 0) {
    BIO_set_retry_read(bio);
    return 0;
  }
  memcpy(out, session->in.p, *n);
  session->in = gw_str_skip(session->in, *n);
  return 1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer) {
  (void)bio;
  (void)number;
  (void)pointer;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *bio_method;

static void bio_method_make(void) {
  BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "sluice");
  if (method == NULL) return;
  if (BIO_meth_set_write_ex(method, bio_write) == 1 &&
      BIO_meth_set_read_ex(method, bio_read) == 1 && BIO_meth_set_ctrl(method, bio_ctrl) == 1) {
    bio_method = method;
  } else {
    BIO_meth_free(method);
  }
}

static bool session_attach(gw_tls_session *session) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, bio_method_make);
  BIO *bio = bio_method != NULL ? BIO_new(bio_method) : NULL;
  if (bio == NULL) return false;
  BIO_set_data(bio, session);
  BIO_set_init(bio, 1);
  SSL_set_bio(session->ssl, bio, bio); /* takes it */
  return true;
}

/* ---- whom a client wants ---- */

static bool session_set_name(SSL *ssl, gw_str name) {
  char text[TLS_NAME_BYTES];
  X509_VERIFY_PARAM *rules = SSL_get0_param(ssl);
  if (name.n > 0 && name.p[name.n - 1] == '.') name.n--; /* a DNS root is never in a certificate */
  if (name.n == 0 || name.n >= sizeof text) return false;
  memcpy(text, name.p, name.n);
  text[name.n] = '\0';
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                             X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  /* RFC 6066 section 3: an address is no SNI. */
  if (X509_VERIFY_PARAM_set1_ip_asc(rules, text) == 1) return true;
  ERR_clear_error();
  return X509_VERIFY_PARAM_set1_host(rules, text, name.n) == 1 &&
         SSL_set_tlsext_host_name(ssl, text) == 1;
}

static bool session_set_peer(gw_tls_session *session, const gw_tls_peer *peer) {
  unsigned char list[sizeof session->protocol_bytes + 1];
  gw_str protocol = peer->protocol;
  SSL_set_connect_state(session->ssl);
  if (!session_set_name(session->ssl, peer->name)) return false;
  if (protocol.n == 0) return true;
  assert(protocol.n <= sizeof session->protocol_bytes);
  list[0] = (unsigned char)protocol.n;
  memcpy(list + 1, protocol.p, protocol.n);
  if (peer->must_agree_on) {
    memcpy(session->protocol_bytes, protocol.p, protocol.n);
    session->protocol = (gw_str){ session->protocol_bytes, protocol.n };
  }
  return SSL_set_alpn_protos(session->ssl, list, (unsigned)protocol.n + 1) == 0;
}

gw_tls_session *gw_tls_session_new(gw_loop *loop, gw_tls *tls, const gw_tls_peer *peer,
                                   gw_tls_put_fn *put, void *user) {
  gw_tls_session *session = calloc(1, sizeof *session);
  if (session == NULL) return NULL;
  ERR_clear_error();
  session->scratch = gw_loop_tls(loop);
  session->put = put;
  session->user = user;
  bool good = session->scratch != NULL && (session->ssl = SSL_new(gw_tls_context(tls))) != NULL &&
              session_attach(session);
  if (good && gw_tls_role_of(tls) == GW_TLS_CLIENT) {
    good = session_set_peer(session, peer);
  } else if (good) {
    SSL_set_accept_state(session->ssl);
  }
  if (good) return session;
  gw_tls_session_free(session);
  ERR_clear_error();
  return NULL;
}

void gw_tls_session_free(gw_tls_session *session) {
  if (session == NULL) return;
  SSL_free(session->ssl);
  free(session);
}

/* ---- failures ---- */

static gw_code session_fail(gw_tls_session *session, const char *why) {
  if (session->failure[0] == '\0') snprintf(session->failure, GW_TLS_FAILURE_BYTES, "%s", why);
  ERR_clear_error();
  return GW_UNAVAILABLE;
}

/* A certificate's fault tells more than the alert that it caused. */
static gw_code session_fail_ssl(gw_tls_session *session) {
  static const gw_str plain_answer =
      GW_STR_INIT("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 24\r\n"
                  "Connection: close\r\n\r\nThis port speaks HTTPS.\n");
  long verdict = SSL_get_verify_result(session->ssl);
  unsigned long error = ERR_peek_last_error();
  const char *reason = ERR_reason_error_string(error);
  if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_HTTP_REQUEST) {
    session->put(session->user, plain_answer);
  }
  if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
      ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED && verdict != X509_V_OK) {
    reason = X509_verify_cert_error_string(verdict);
  }
  return session_fail(session, reason != NULL ? reason : "TLS failed");
}

const char *gw_tls_session_failure(const gw_tls_session *session) {
  return session->failure;
}

/* ---- the way of bytes ---- */

void gw_tls_session_feed(gw_tls_session *session, gw_str bytes) {
  session->in = bytes;
}

static gw_code session_check_agreed(gw_tls_session *session) {
  char why[GW_TLS_FAILURE_BYTES];
  gw_str chosen = gw_tls_session_protocol(session);
  if (session->protocol.n == 0 || gw_str_eq(chosen, session->protocol)) return GW_OK;
  snprintf(why, sizeof why, "the peer does not speak " GW_STR_FMT " (ALPN)",
           GW_STR_ARG(session->protocol));
  return session_fail(session, why);
}

gw_code gw_tls_session_handshake(gw_tls_session *session) {
  ERR_clear_error();
  int done = SSL_do_handshake(session->ssl);
  gw_code code = GW_OK;
  if (done != 1) {
    code = SSL_get_error(session->ssl, done) == SSL_ERROR_WANT_READ ? GW_AGAIN
                                                                    : session_fail_ssl(session);
  } else {
    code = session_check_agreed(session);
  }
  session_put(session);
  return code;
}

gw_code gw_tls_session_read(gw_tls_session *session, char *out, size_t room, size_t *n) {
  ERR_clear_error();
  *n = 0;
  gw_code code = GW_OK;
  int got = SSL_read_ex(session->ssl, out, room, n);
  if (got != 1) {
    switch (SSL_get_error(session->ssl, got)) {
    case SSL_ERROR_WANT_READ: code = GW_AGAIN; break;
    case SSL_ERROR_ZERO_RETURN: break;
    default: code = session_fail_ssl(session);
    }
  }
  if (session->sealed_n > 0) session_put(session); /* tickets, updates of keys, alerts */
  return code;
}

/* One record. */
static void session_seal(gw_tls_session *session, gw_str plain) {
  size_t taken;
  if (SSL_write_ex(session->ssl, plain.p, plain.n, &taken) != 1) {
    session_fail_ssl(session);
  } else {
    assert(taken == plain.n); /* our BIO takes everything */
  }
}

/* Small parts share a record; what fills one is sealed where it lies. */
void gw_tls_session_write(gw_tls_session *session, const gw_str *parts, size_t count) {
  char *gather = session->scratch->gather;
  size_t n = 0;
  ERR_clear_error();
  for (size_t i = 0; i < count && session->failure[0] == '\0'; i++) {
    gw_str part = parts[i];
    while (part.n > 0) {
      size_t piece = gw_size_min(part.n, TLS_RECORD_BYTES - n);
      if (n == 0 && piece == TLS_RECORD_BYTES) {
        session_seal(session, gw_str_first(part, piece));
      } else {
        memcpy(gather + n, part.p, piece);
        n += piece;
        if (n == TLS_RECORD_BYTES) {
          session_seal(session, (gw_str){ gather, n });
          n = 0;
        }
      }
      part = gw_str_skip(part, piece);
    }
  }
  if (n > 0) session_seal(session, (gw_str){ gather, n });
  session_put(session);
}

void gw_tls_session_finish(gw_tls_session *session) {
  ERR_clear_error();
  SSL_shutdown(session->ssl);
  ERR_clear_error();
  session_put(session);
}

/* ---- what was agreed on ---- */

gw_str gw_tls_session_protocol(const gw_tls_session *session) {
  const unsigned char *name;
  unsigned n;
  SSL_get0_alpn_selected(session->ssl, &name, &n);
  return (gw_str){ (const char *)name, n };
}

gw_str gw_tls_session_name(const gw_tls_session *session) {
  const char *name = SSL_get_servername(session->ssl, TLSEXT_NAMETYPE_host_name);
  return name != NULL ? gw_str_of(name) : (gw_str){ NULL, 0 };
}

char *gw_tls_session_plain(gw_tls_session *session) {
  return session->scratch->plain;
}
