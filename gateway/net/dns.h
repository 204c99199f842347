/* dns: names to addresses by the system's resolver (uv_getaddrinfo, on libuv's threads).
 * A request frees itself after `resolved` ran or after gw_dns_cancel(). */
#pragma once

#include "net/tcp.h"

#define GW_DNS_ADDRESSES_MAX 64u /* of one name; the rest is ignored */

/* count 0: the name has no address, or the resolver failed. */
typedef void gw_resolved_fn(void *user, const gw_sockaddr *addresses, size_t count);

typedef struct gw_dns gw_dns;

/* NULL: no memory.  A numeric host answers too, in a later iteration. */
gw_dns *gw_dns_start(gw_loop *loop, gw_str host, uint16_t port, gw_resolved_fn *resolved,
                     void *user);
/* `resolved` will not run.  NULL is a no-op. */
void gw_dns_cancel(gw_dns *dns);
