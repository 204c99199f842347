#include "net/dns.h"

#include <stdio.h>
#include <stdlib.h>

#include "net/loop_uv.h"

#define DNS_HOST_MAX 254u /* RFC 1035 section 2.3.4 */

struct gw_dns {
  uv_getaddrinfo_t request;
  gw_resolved_fn *resolved;
  void *user;
  bool cancelled;
};

static size_t dns_collect(const struct addrinfo *list, gw_sockaddr *out) {
  size_t count = 0;
  for (; list != NULL && count < GW_DNS_ADDRESSES_MAX; list = list->ai_next) {
    if (list->ai_addrlen > sizeof out[0].bytes) continue;
    memset(&out[count], 0, sizeof out[count]);
    memcpy(out[count].bytes, list->ai_addr, list->ai_addrlen);
    bool known = false;
    for (size_t i = 0; i < count && !known; i++)
      known = gw_sockaddr_eq(&out[i], &out[count]);
    if (!known) count++;
  }
  return count;
}

static void dns_on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list) {
  gw_dns *dns = GW_CONTAINER_OF(request, gw_dns, request);
  gw_sockaddr addresses[GW_DNS_ADDRESSES_MAX];
  size_t count = status == 0 ? dns_collect(list, addresses) : 0;
  uv_freeaddrinfo(list);
  if (!dns->cancelled) dns->resolved(dns->user, addresses, count);
  free(dns);
}

gw_dns *gw_dns_start(gw_loop *loop, gw_str host, uint16_t port, gw_resolved_fn *resolved,
                     void *user) {
  char name[DNS_HOST_MAX + 1], service[8];
  struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
  gw_dns *dns = host.n <= DNS_HOST_MAX ? calloc(1, sizeof *dns) : NULL;
  if (dns == NULL) return NULL;
  memcpy(name, host.p, host.n);
  name[host.n] = '\0';
  snprintf(service, sizeof service, "%u", (unsigned)port);
  dns->resolved = resolved;
  dns->user = user;
  int failed =
      uv_getaddrinfo(gw_loop_uv(loop), &dns->request, dns_on_resolved, name, service, &hints);
  if (failed != 0) {
    free(dns);
    return NULL;
  }
  return dns;
}

void gw_dns_cancel(gw_dns *dns) {
  if (dns == NULL) return;
  dns->cancelled = true;
  uv_cancel((uv_req_t *)&dns->request); /* a running one ends by itself */
}
