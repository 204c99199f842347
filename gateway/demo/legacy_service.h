/* legacy_service: the REST service of `sluice demo` that was there before gRPC, with the habits of
 * its time: snake_case names, 64-bit numbers as JSON numbers, 201 for what it created, errors in a
 * shape of its own; and one user's email is another than the gRPC service has.
 *
 *   GET /v1/users/ID    POST /v1/users    anything else: 404
 *
 * libmicrohttpd with a thread of its own; users in memory (user_store). */
#pragma once

#include "base/err.h"

typedef struct gw_legacy_service gw_legacy_service;

/* Listens on 127.0.0.1, on any free port. */
GW_CHECKED gw_code gw_legacy_service_open(gw_legacy_service **out, gw_err *err);
uint16_t gw_legacy_service_port(const gw_legacy_service *service);
void gw_legacy_service_close(gw_legacy_service *service); /* NULL: no-op */
