#include "exchange/deadline.h"

#define DEADLINE_MS_MAX (365ull * 24 * 3600 * 1000) /* longer ones mean the same */

/* At most 8 digits and a unit; m is milliseconds. */
static bool deadline_parse_grpc(gw_str text, uint64_t *ms) {
  uint64_t n;
  if (text.n < 2 || text.n > 9) return false;
  if (!gw_str_parse_u64(gw_str_first(text, text.n - 1), &n)) return false;
  switch (text.p[text.n - 1]) {
  case 'H': *ms = n * 3600000; return true;
  case 'M': *ms = n * 60000; return true;
  case 'S': *ms = n * 1000; return true;
  case 'm': *ms = n; return true;
  case 'u': *ms = n / 1000; return true;
  case 'n': *ms = n / 1000000; return true;
  default: return false;
  }
}

/* "1.5": digits, then at most 9 more behind a point. */
static bool deadline_parse_seconds(gw_str text, uint64_t *ms) {
  gw_str rest = text;
  gw_str whole = gw_str_cut(&rest, '.');
  bool has_point = whole.n < text.n;
  uint64_t seconds, fraction = 0, unit = 1000;
  if (whole.n > 9 || !gw_str_parse_u64(whole, &seconds)) return false;
  if (has_point && (rest.n == 0 || rest.n > 9)) return false;
  for (size_t i = 0; i < rest.n; i++) {
    if (rest.p[i] < '0' || rest.p[i] > '9') return false;
    unit /= 10;
    fraction += (uint64_t)(rest.p[i] - '0') * unit;
  }
  *ms = seconds * 1000 + fraction;
  return true;
}

static bool deadline_parse_ms(gw_str text, uint64_t *ms) {
  return text.n <= 12 && gw_str_parse_u64(text, ms);
}

typedef struct deadline_header {
  gw_str name;
  bool (*parse)(gw_str text, uint64_t *ms);
  const char *expected;
} deadline_header;

static const deadline_header deadline_headers[] = {
  { GW_STR_INIT("grpc-timeout"), deadline_parse_grpc, "1 to 8 digits and one of H M S m u n" },
  { GW_STR_INIT("x-server-timeout"), deadline_parse_seconds, "seconds, such as 1.5" },
  { GW_STR_INIT("x-request-timeout-ms"), deadline_parse_ms, "milliseconds" },
};

gw_code gw_deadline_of(const gw_h1_request *request, uint64_t route_ms, uint64_t *ms, gw_err *err) {
  uint64_t shortest = route_ms;
  for (size_t i = 0; i < GW_COUNT_OF(deadline_headers); i++) {
    const deadline_header *header = &deadline_headers[i];
    gw_str text = gw_h1_field_get(request, header->name);
    uint64_t asked;
    if (text.p == NULL) continue;
    if (!header->parse(text, &asked)) {
      gw_err_origin(err, "header");
      return gw_err_at(err, GW_BAD_REQUEST, header->name, "\"" GW_STR_FMT "\" is not a timeout: %s",
                       GW_STR_ARG(gw_str_first(text, gw_size_min(text.n, 64))), header->expected);
    }
    if (asked > DEADLINE_MS_MAX) asked = DEADLINE_MS_MAX;
    if (asked == 0) asked = 1; /* an exchange without any time still gets an answer: 504 */
    if (shortest == 0 || asked < shortest) shortest = asked;
  }
  *ms = shortest;
  return GW_OK;
}
