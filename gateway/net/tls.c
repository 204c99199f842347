#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "base/limits.h"
#include "net/tls_openssl.h"

#define TLS_SECURITY_LEVEL 2          /* 112 bits: RSA of 2048, no SHA-1 */
#define TLS_CHAIN_DEPTH    8          /* certificates between a peer's and a root */
#define TLS_CHAIN_BYTES    GW_KIB(64) /* of a peer's certificates in a handshake */
#define TLS_CERTIFICATES   2048       /* of one file: a system's roots are about 150 */
#define TLS_TICKET_SECONDS 3600       /* a resumed session's client is not verified again */
#define TLS_SESSION_ID     "sluice"   /* sessions of other programs are not ours */
#define TLS_CIPHERS        "ECDHE+AESGCM:ECDHE+CHACHA20" /* of TLS 1.2; 1.3's are all good */

struct gw_tls {
  SSL_CTX *context;
  gw_tls_role role;
  uint32_t refs;
};

/* What a listener speaks, in order of preference.  A client without ALPN is taken for HTTP/1.1. */
static const unsigned char server_protocols[] = "\x08http/1.1\x08http/1.0";

static int tls_on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n,
                       const unsigned char *in, unsigned in_n, void *user) {
  unsigned char *chosen;
  (void)ssl;
  (void)user;
  int found = SSL_select_next_proto(&chosen, out_n, server_protocols, sizeof server_protocols - 1,
                                    in, in_n);
  if (found != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

static bool tls_set_rules(SSL_CTX *context) {
  SSL_CTX_set_security_level(context, TLS_SECURITY_LEVEL);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  /* Idle connections hold no buffers. */
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(context, TLS_TICKET_SECONDS);
  SSL_CTX_set_max_cert_list(context, TLS_CHAIN_BYTES);
  SSL_CTX_set_verify_depth(context, TLS_CHAIN_DEPTH);
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(context, TLS_CIPHERS) == 1 &&
         SSL_CTX_set_session_id_context(context, (const unsigned char *)TLS_SESSION_ID,
                                        sizeof TLS_SESSION_ID - 1) == 1;
}

gw_tls *gw_tls_new(gw_tls_role role) {
  gw_tls *tls = calloc(1, sizeof *tls);
  if (tls == NULL) return NULL;
  ERR_clear_error();
  tls->role = role;
  tls->refs = 1;
  tls->context = SSL_CTX_new(role == GW_TLS_SERVER ? TLS_server_method() : TLS_client_method());
  if (tls->context == NULL || !tls_set_rules(tls->context)) {
    gw_tls_unref(tls);
    return NULL;
  }
  if (role == GW_TLS_SERVER) {
    SSL_CTX_set_alpn_select_cb(tls->context, tls_on_alpn, NULL);
    SSL_CTX_set_num_tickets(tls->context, 1);
  } else {
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
  }
  return tls;
}

gw_tls *gw_tls_ref(gw_tls *tls) {
  __atomic_fetch_add(&tls->refs, 1, __ATOMIC_RELAXED);
  return tls;
}

void gw_tls_unref(gw_tls *tls) {
  if (tls == NULL || __atomic_sub_fetch(&tls->refs, 1, __ATOMIC_ACQ_REL) > 0) return;
  SSL_CTX_free(tls->context);
  free(tls);
}

SSL_CTX *gw_tls_context(const gw_tls *tls) {
  return tls->context;
}

gw_tls_role gw_tls_role_of(const gw_tls *tls) {
  return tls->role;
}

/* ---- PEM ---- */

/* OpenSSL would ask on the terminal. */
static int tls_on_password(char *out, int size, int rwflag, void *user) {
  (void)out;
  (void)size;
  (void)rwflag;
  *(bool *)user = true;
  return -1;
}

static gw_code tls_fail(gw_err *err, const char *what) {
  const char *reason = ERR_reason_error_string(ERR_peek_error());
  ERR_clear_error();
  return gw_err_set(err, GW_BAD_VALUE, "%s%s%s", what, reason != NULL ? ": " : "",
                    reason != NULL ? reason : "");
}

/* Whether reading ended because there was no further text of the kind. */
static bool pem_is_over(void) {
  unsigned long error = ERR_peek_last_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

static BIO *pem_open(gw_str pem) {
  ERR_clear_error();
  return pem.n <= INT_MAX ? BIO_new_mem_buf(pem.n > 0 ? pem.p : "", (int)pem.n) : NULL;
}

typedef bool tls_take_fn(gw_tls *tls, X509 *certificate, size_t index);

/* Every certificate of a text goes through `take`. */
static gw_code tls_each_certificate(gw_tls *tls, gw_str pem, tls_take_fn *take, gw_err *err) {
  BIO *bio = pem_open(pem);
  size_t count = 0;
  gw_code code = GW_OK;
  bool asked = false;
  if (bio == NULL) return GW_NOMEM;
  while (code == GW_OK) {
    X509 *certificate = PEM_read_bio_X509(bio, NULL, tls_on_password, &asked);
    if (certificate == NULL) break;
    if (count == TLS_CERTIFICATES) {
      code = gw_err_set(err, GW_BAD_VALUE, "more than %d certificates", TLS_CERTIFICATES);
    } else if (!take(tls, certificate, count)) {
      code = tls_fail(err, "a certificate cannot be used");
    }
    X509_free(certificate);
    count++;
  }
  BIO_free(bio);
  if (code == GW_OK && !pem_is_over()) code = tls_fail(err, "a certificate cannot be read");
  if (code == GW_OK && count == 0) {
    code = gw_err_set(err, GW_BAD_VALUE, "it holds no certificate in PEM form");
  }
  ERR_clear_error();
  return code;
}

/* ---- the own certificate ---- */

static bool tls_take_own(gw_tls *tls, X509 *certificate, size_t index) {
  return index == 0 ? SSL_CTX_use_certificate(tls->context, certificate) == 1
                    : SSL_CTX_add1_chain_cert(tls->context, certificate) == 1;
}

gw_code gw_tls_use_certificate(gw_tls *tls, gw_str pem, gw_err *err) {
  return tls_each_certificate(tls, pem, tls_take_own, err);
}

gw_code gw_tls_use_key(gw_tls *tls, gw_str pem, gw_err *err) {
  BIO *bio = pem_open(pem);
  bool asked = false;
  if (bio == NULL) return GW_NOMEM;
  EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, tls_on_password, &asked);
  BIO_free(bio);
  gw_code code = GW_OK;
  X509 *certificate = SSL_CTX_get0_certificate(tls->context);
  if (asked) {
    code = gw_err_set(err, GW_BAD_VALUE, "the key is encrypted, and nobody is there to decrypt it");
  } else if (key == NULL) {
    code = gw_err_set(err, GW_BAD_VALUE, "it holds no private key in PEM form");
  } else if (certificate != NULL && X509_check_private_key(certificate, key) != 1) {
    code = gw_err_set(err, GW_BAD_VALUE, "the key does not fit the certificate");
  } else if (SSL_CTX_use_PrivateKey(tls->context, key) != 1) {
    code = tls_fail(err, "the key cannot be used");
  }
  EVP_PKEY_free(key);
  ERR_clear_error();
  return code;
}

const char *gw_tls_certificate_fault(const gw_tls *tls) {
  const X509 *certificate = SSL_CTX_get0_certificate(tls->context);
  if (certificate == NULL) return NULL;
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) return "has expired";
  if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) return "is not valid yet";
  return NULL;
}

/* ---- whom to trust ---- */

static bool tls_take_root(gw_tls *tls, X509 *certificate, size_t index) {
  (void)index;
  /* Clients choose among their certificates by the names that a server tells. */
  return X509_STORE_add_cert(SSL_CTX_get_cert_store(tls->context), certificate) == 1 &&
         (tls->role == GW_TLS_CLIENT || SSL_CTX_add_client_CA(tls->context, certificate) == 1);
}

gw_code gw_tls_trust(gw_tls *tls, gw_str pem, gw_err *err) {
  gw_code code = tls_each_certificate(tls, pem, tls_take_root, err);
  if (code == GW_OK && tls->role == GW_TLS_SERVER) {
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  }
  return code;
}

gw_code gw_tls_trust_system(gw_tls *tls) {
  ERR_clear_error();
  int failed = SSL_CTX_set_default_verify_paths(tls->context) != 1;
  ERR_clear_error(); /* a missing folder of roots is no error: nobody is trusted then */
  return failed ? GW_NOMEM : GW_OK;
}

gw_code gw_tls_revoke(gw_tls *tls, gw_str pem, gw_err *err) {
  X509_STORE *store = SSL_CTX_get_cert_store(tls->context);
  BIO *bio = pem_open(pem);
  size_t count = 0;
  gw_code code = GW_OK;
  bool asked = false;
  if (bio == NULL) return GW_NOMEM;
  while (code == GW_OK) {
    X509_CRL *list = PEM_read_bio_X509_CRL(bio, NULL, tls_on_password, &asked);
    if (list == NULL) break;
    if (X509_STORE_add_crl(store, list) != 1) code = tls_fail(err, "a list cannot be used");
    X509_CRL_free(list);
    count++;
  }
  BIO_free(bio);
  if (code == GW_OK && !pem_is_over()) code = tls_fail(err, "a list cannot be read");
  if (code == GW_OK && count == 0) {
    code = gw_err_set(err, GW_BAD_VALUE, "it holds no revocation list in PEM form");
  }
  if (code == GW_OK) X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
  ERR_clear_error();
  return code;
}
