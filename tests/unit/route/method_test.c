#include "route/method.h"

#include "unit/test.h"

TEST(method, what_is_safe_is_idempotent_and_some_others_are) {
  static const struct {
    const char *method;
    bool safe, idempotent;
  } rows[] = {
    { "GET", true, true },        { "HEAD", true, true },    { "OPTIONS", true, true },
    { "QUERY", true, true },      { "PUT", false, true },    { "DELETE", false, true },
    { "POST", false, false },     { "PATCH", false, false }, { "get", false, false },
    { "PROPFIND", false, false }, { "", false, false },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    CHECK_INT(gw_method_is_safe(gw_str_of(rows[i].method)), rows[i].safe);
    CHECK_INT(gw_method_is_idempotent(gw_str_of(rows[i].method)), rows[i].idempotent);
  }
}
