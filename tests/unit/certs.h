/* certs: certificates made by the tests that need them; keys on P-256. */
#pragma once

#include "unit/test.h"

typedef struct certs certs;

typedef struct certs_wish {
  const char *name;    /* subject, and DNS name unless it is a CA */
  const char *address; /* IP address in the certificate; NULL: none */
  certs *issuer;       /* NULL: itself */
  bool is_ca;
  const char *usage;        /* extendedKeyUsage: "clientAuth"; NULL: none */
  long from_day, until_day; /* from now; both 0: one day either way */
} certs_wish;

certs *certs_new(const certs_wish *wish); /* fails the test when it cannot */
void certs_free(certs *c);
/* A folder of the test's own; certs_folder_remove() removes it with its files. */
char *certs_folder(void);
void certs_folder_remove(char *folder);
void certs_write(const char *folder, const char *name, gw_str text, unsigned mode);
/* What config/tls.yaml names. */
void certs_write_example(const char *folder);
gw_str certs_pem(certs *c);                    /* of the certificate; as long as it */
gw_str certs_key(certs *c);                    /* of its key */
gw_str certs_revoked(certs *issuer, certs *c); /* a list of the issuer's with that one, or nobody
                                                  (NULL); as long as the issuer, one at a time */
