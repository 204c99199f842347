#include "admin/origin.h"

#include "net/tcp.h"

#define ORIGIN_SCHEME GW_STR("http://") /* the operators' listener has no TLS */

/* Without the port, and an IPv6 address without its brackets. */
static gw_str host_name(gw_str host) {
  gw_str name = host;
  if (host.n > 0 && host.p[0] == '[') {
    name = gw_str_skip(host, 1);
    return gw_str_cut(&name, ']');
  }
  return gw_str_cut(&name, ':');
}

bool gw_origin_is_own(gw_str origin, gw_str host) {
  gw_sockaddr address;
  if (origin.p == NULL || host.n == 0 || !gw_str_starts(origin, ORIGIN_SCHEME)) return false;
  if (!gw_str_eq_nocase(gw_str_skip(origin, ORIGIN_SCHEME.n), host)) return false;
  gw_str name = host_name(host);
  return gw_str_eq_nocase(name, GW_STR("localhost")) ||
         gw_sockaddr_parse(name, 1, &address) == GW_OK;
}
