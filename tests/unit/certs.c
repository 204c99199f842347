#include "unit/certs.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#define CERTS_DAY_S 86400L

struct certs {
  X509 *certificate;
  EVP_PKEY *key;
  char *pem, *key_pem, *list_pem;
};

static long certs_serial = 1000;

static void certs_extension(X509 *certificate, X509 *issuer, int kind, const char *value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
  CHECK(extension != NULL);
  CHECK_INT(X509_add_ext(certificate, extension, -1), 1);
  X509_EXTENSION_free(extension);
}

static char *certs_text(BIO *bio) {
  char *bytes, *text;
  long n = BIO_get_mem_data(bio, &bytes);
  CHECK(n > 0);
  CHECK((text = calloc(1, (size_t)n + 1)) != NULL);
  memcpy(text, bytes, (size_t)n);
  BIO_free(bio);
  return text;
}

static void certs_extensions(X509 *certificate, X509 *issuer, const certs_wish *wish) {
  char names[160];
  certs_extension(certificate, issuer, NID_basic_constraints,
                  wish->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (!wish->is_ca) {
    snprintf(names, sizeof names, "DNS:%s%s%s", wish->name, wish->address != NULL ? ",IP:" : "",
             wish->address != NULL ? wish->address : "");
    certs_extension(certificate, issuer, NID_subject_alt_name, names);
  }
  if (wish->usage != NULL) certs_extension(certificate, issuer, NID_ext_key_usage, wish->usage);
}

certs *certs_new(const certs_wish *wish) {
  certs *c = calloc(1, sizeof *c);
  X509 *certificate = X509_new();
  EVP_PKEY *key = EVP_EC_gen("P-256");
  CHECK(c != NULL && certificate != NULL && key != NULL);
  X509 *issuer = wish->issuer != NULL ? wish->issuer->certificate : certificate;
  bool is_dated = wish->from_day != 0 || wish->until_day != 0;
  X509_NAME *name = X509_get_subject_name(certificate);
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), certs_serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), (is_dated ? wish->from_day : -1) * CERTS_DAY_S);
  X509_gmtime_adj(X509_getm_notAfter(certificate), (is_dated ? wish->until_day : 1) * CERTS_DAY_S);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)wish->name, -1, -1,
                             0);
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
  X509_set_pubkey(certificate, key);
  certs_extensions(certificate, issuer, wish);
  CHECK(X509_sign(certificate, wish->issuer != NULL ? wish->issuer->key : key, EVP_sha256()) > 0);
  BIO *bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_mem());
  CHECK_INT(PEM_write_bio_X509(bio, certificate), 1);
  CHECK_INT(PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL), 1);
  *c = (certs){ certificate, key, certs_text(bio), certs_text(key_bio), NULL };
  return c;
}

void certs_free(certs *c) {
  if (c == NULL) return;
  X509_free(c->certificate);
  EVP_PKEY_free(c->key);
  free(c->pem);
  free(c->key_pem);
  free(c->list_pem);
  free(c);
}

gw_str certs_pem(certs *c) {
  return gw_str_of(c->pem);
}

gw_str certs_key(certs *c) {
  return gw_str_of(c->key_pem);
}

gw_str certs_revoked(certs *issuer, certs *c) {
  X509_CRL *list = X509_CRL_new();
  ASN1_TIME *now = X509_gmtime_adj(NULL, -60), *next = X509_gmtime_adj(NULL, CERTS_DAY_S);
  CHECK(list != NULL && now != NULL && next != NULL);
  X509_CRL_set_version(list, 1);
  X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer->certificate));
  X509_CRL_set1_lastUpdate(list, now);
  X509_CRL_set1_nextUpdate(list, next);
  if (c != NULL) {
    X509_REVOKED *entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(c->certificate));
    X509_REVOKED_set_revocationDate(entry, now);
    CHECK_INT(X509_CRL_add0_revoked(list, entry), 1);
  }
  CHECK(X509_CRL_sign(list, issuer->key, EVP_sha256()) > 0);
  BIO *bio = BIO_new(BIO_s_mem());
  CHECK_INT(PEM_write_bio_X509_CRL(bio, list), 1);
  free(issuer->list_pem);
  issuer->list_pem = certs_text(bio);
  X509_CRL_free(list);
  ASN1_TIME_free(now);
  ASN1_TIME_free(next);
  return gw_str_of(issuer->list_pem);
}

/* ---- files ---- */

char *certs_folder(void) {
  const char *base = getenv("TMPDIR");
  char *folder = NULL;
  CHECK(asprintf(&folder, "%s/sluice-certs-XXXXXX", base != NULL ? base : P_tmpdir) > 0);
  CHECK(mkdtemp(folder) != NULL);
  return folder;
}

void certs_folder_remove(char *folder) {
  DIR *dir = opendir(folder);
  CHECK(dir != NULL);
  for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
    unlinkat(dirfd(dir), entry->d_name, 0);
  closedir(dir);
  CHECK_INT(rmdir(folder), 0);
  free(folder);
}

/* Replaced, not written over, as renewals do it. */
void certs_write(const char *folder, const char *name, gw_str text, unsigned mode) {
  char path[512], fresh[520];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  snprintf(fresh, sizeof fresh, "%s.new", path);
  int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  CHECK(fd >= 0);
  CHECK_INT(write(fd, text.p, text.n), (ssize_t)text.n);
  CHECK_INT(fchmod(fd, mode), 0);
  CHECK_INT(close(fd), 0);
  CHECK_INT(rename(fresh, path), 0);
}

void certs_write_example(const char *folder) {
  certs *ca = certs_new(&(certs_wish){ .name = "ca", .is_ca = true });
  static const char *const names[] = { "gateway", "gateway-client" };
  for (size_t i = 0; i < 2; i++) {
    char name[64];
    certs *c = certs_new(&(certs_wish){ .name = names[i], .issuer = ca });
    snprintf(name, sizeof name, "%s.pem", names[i]);
    certs_write(folder, name, certs_pem(c), 0644);
    snprintf(name, sizeof name, "%s.key", names[i]);
    certs_write(folder, name, certs_key(c), 0600);
    certs_free(c);
  }
  certs_write(folder, "clients.pem", certs_pem(ca), 0644);
  certs_write(folder, "services.pem", certs_pem(ca), 0644);
  certs_free(ca);
}
