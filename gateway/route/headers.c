#include "route/headers.h"

/* user-agent travels as x-forwarded-user-agent, the forwarded ones are completed:
 * exchange/metadata.c. */
static const gw_str request_defaults[] = {
  GW_STR_INIT("authorization"), GW_STR_INIT("accept-language"), GW_STR_INIT("x-request-id"),
  GW_STR_INIT("tracestate"),    GW_STR_INIT("baggage"),
};

static const gw_str answer_defaults[] = {
  GW_STR_INIT("cache-control"), GW_STR_INIT("content-language"),
  GW_STR_INIT("etag"),          GW_STR_INIT("last-modified"),
  GW_STR_INIT("link"),          GW_STR_INIT("location"),
  GW_STR_INIT("retry-after"),   GW_STR_INIT("x-request-id"),
};

/* Hop-by-hop (RFC 9110 section 7.6.1), framing, and what this gateway writes itself. */
static const gw_str reserved[] = {
  GW_STR_INIT("connection"),
  GW_STR_INIT("content-encoding"),
  GW_STR_INIT("content-length"),
  GW_STR_INIT("content-type"),
  GW_STR_INIT("date"),
  GW_STR_INIT("expect"),
  GW_STR_INIT("host"),
  GW_STR_INIT("http2-settings"),
  GW_STR_INIT("keep-alive"),
  GW_STR_INIT("proxy-authenticate"),
  GW_STR_INIT("proxy-authorization"),
  GW_STR_INIT("proxy-connection"),
  GW_STR_INIT("te"),
  GW_STR_INIT("trailer"),
  GW_STR_INIT("transfer-encoding"),
  GW_STR_INIT("upgrade"),
  GW_STR_INIT("x-http-code"),
};

const char gw_headers_request_text[] =
    "authorization, accept-language, user-agent (as x-forwarded-user-agent), x-request-id, "
    "traceparent, tracestate, baggage, x-forwarded-for, x-forwarded-host, x-forwarded-proto";

static gw_str list_find(const gw_str *list, size_t count, gw_str name) {
  for (size_t i = 0; i < count; i++) {
    if (gw_str_eq(list[i], name)) return list[i];
  }
  return (gw_str){ NULL, 0 };
}

bool gw_headers_reserved(gw_str name) {
  return name.n == 0 || name.p[0] == ':' || gw_str_starts(name, GW_STR("grpc-")) ||
         list_find(reserved, GW_COUNT_OF(reserved), name).n > 0;
}

gw_str gw_headers_request_default(gw_str name) {
  return list_find(request_defaults, GW_COUNT_OF(request_defaults), name);
}

bool gw_headers_answer_default(gw_str name) {
  return list_find(answer_defaults, GW_COUNT_OF(answer_defaults), name).n > 0;
}
