/* user_service: the gRPC service of `sluice demo`: userservice.UserService of
 * proto/userservice.proto, over net/h2 in its server role, with users in memory (user_store).
 * Speaks gRPC over HTTP/2 without TLS (grpc/doc/PROTOCOL-HTTP2.md); refuses compressed messages.
 * Errors carry google.rpc details: NOT_FOUND and ALREADY_EXISTS a ResourceInfo, INVALID_ARGUMENT a
 * BadRequest that names the field.  Used only on the loop's thread. */
#pragma once

#include "base/err.h"
#include "net/loop.h"

typedef struct gw_user_service gw_user_service;

/* Listens on 127.0.0.1; port 0 picks one.  GW_UNAVAILABLE, GW_NOMEM: nothing was opened. */
GW_CHECKED gw_code gw_user_service_open(gw_loop *loop, uint16_t port, gw_user_service **out,
                                        gw_err *err);
uint16_t gw_user_service_port(const gw_user_service *service);

/* From any thread: every call from now on fails, or is answered again. */
void gw_user_service_break(gw_user_service *service, bool is_broken);

/* Breaks all connections; the memory goes when the loop has closed the last one.  NULL: no-op. */
void gw_user_service_close(gw_user_service *service);
