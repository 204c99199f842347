#include "route/method.h"

static bool method_is_among(gw_str method, const gw_str *methods, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (gw_str_eq(method, methods[i])) return true;
  }
  return false;
}

bool gw_method_is_safe(gw_str method) {
  static const gw_str methods[] = { GW_STR_INIT("GET"), GW_STR_INIT("HEAD"), GW_STR_INIT("OPTIONS"),
                                    GW_STR_INIT("QUERY") };
  return method_is_among(method, methods, GW_COUNT_OF(methods));
}

bool gw_method_is_idempotent(gw_str method) {
  static const gw_str methods[] = { GW_STR_INIT("PUT"), GW_STR_INIT("DELETE") };
  return gw_method_is_safe(method) || method_is_among(method, methods, GW_COUNT_OF(methods));
}
