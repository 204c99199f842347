/* tls_openssl: the context behind a gw_tls.  Private to net/. */
#pragma once

#include <openssl/ssl.h>

#include "net/tls.h"

SSL_CTX *gw_tls_context(const gw_tls *tls);
gw_tls_role gw_tls_role_of(const gw_tls *tls);
