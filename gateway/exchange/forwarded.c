#include "exchange/forwarded.h"

#include "base/buf.h"

#define FORWARDED_CHAIN_MAX GW_KIB(32) /* more than a head may hold */

#define FORWARDED_FOR   GW_STR("x-forwarded-for")
#define FORWARDED_HOST  GW_STR("x-forwarded-host")
#define FORWARDED_PROTO GW_STR("x-forwarded-proto")

bool gw_forwarded_has(gw_str name) {
  return gw_str_starts(name, GW_STR("x-forwarded-")) &&
         (gw_str_eq(name, FORWARDED_FOR) || gw_str_eq(name, FORWARDED_HOST) ||
          gw_str_eq(name, FORWARDED_PROTO));
}

/* Address without port: "[::1]:80" -> "::1". */
static gw_str peer_host(gw_str peer) {
  while (peer.n > 0 && peer.p[peer.n - 1] != ':')
    peer.n--;
  if (peer.n > 0) peer.n--;
  return peer.n > 1 && peer.p[0] == '[' ? gw_str_first(gw_str_skip(peer, 1), peer.n - 2) : peer;
}

/* All lines of the client's chain, in order, and its own address behind them. */
static gw_str forwarded_chain(const gw_h1_request *request, gw_str peer, gw_arena *arena) {
  gw_buf chain;
  gw_code code = GW_OK;
  gw_buf_init(&chain, arena, FORWARDED_CHAIN_MAX);
  for (uint32_t i = 0; i < request->field_count && code == GW_OK; i++) {
    const gw_header *field = &request->fields[i];
    if (!gw_str_eq(field->name, FORWARDED_FOR) || field->value.n == 0) continue;
    code = gw_buf_append(&chain, field->value);
    if (code == GW_OK) code = gw_buf_append(&chain, GW_STR(", "));
  }
  if (code == GW_OK && chain.n == 0) return peer;
  if (code == GW_OK) code = gw_buf_append(&chain, peer);
  return code == GW_OK ? gw_buf_str(&chain) : (gw_str){ NULL, 0 };
}

gw_code gw_forwarded_of(const gw_h1_request *request, gw_str peer, gw_arena *arena,
                        gw_forwarded *out) {
  gw_str host = gw_h1_field_get(request, FORWARDED_HOST);
  gw_str proto = gw_h1_field_get(request, FORWARDED_PROTO);
  gw_str address = peer_host(peer), chain = forwarded_chain(request, address, arena);
  gw_str own_proto = request->is_secure ? GW_STR("https") : GW_STR("http");
  if (chain.p == NULL) return GW_NOMEM;
  *out = (gw_forwarded){
    .fields = { { FORWARDED_FOR, chain },
                { FORWARDED_HOST, host.n > 0 ? host : request->host },
                { FORWARDED_PROTO, proto.n > 0 ? proto : own_proto } },
    .is_own = { chain.p == address.p, false, proto.n == 0 },
  };
  return GW_OK;
}
