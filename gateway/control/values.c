#include "control/values.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

#define NAME_BYTES_MAX 128
#define HOST_BYTES_MAX 253 /* RFC 1035 section 2.3.4, written with dots */

typedef struct value_unit {
  gw_str name;
  uint64_t factor;
} value_unit;

static const value_unit duration_units[] = {
  { GW_STR_INIT("h"), 3600000 },
  { GW_STR_INIT("m"), 60000 },
  { GW_STR_INIT("s"), 1000 },
  { GW_STR_INIT("ms"), 1 },
};

static const value_unit bytes_units[] = {
  { GW_STR_INIT("GiB"), 1u << 30 },
  { GW_STR_INIT("MiB"), 1u << 20 },
  { GW_STR_INIT("KiB"), 1u << 10 },
  { GW_STR_INIT("B"), 1 },
};

static bool char_is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* Thousandths of "12.345"; what follows the number is left in *rest. */
static bool value_number(gw_str text, uint64_t *thousandths, gw_str *rest) {
  size_t i = 0;
  uint64_t value = 0;
  while (i < text.n && char_is_digit(text.p[i]) && i < 12)
    value = value * 10 + (uint64_t)(text.p[i++] - '0');
  if (i == 0) return false;
  value *= 1000;
  if (i < text.n && text.p[i] == '.') {
    size_t decimals = 0;
    uint64_t weight = 100;
    for (i++; i < text.n && char_is_digit(text.p[i]) && decimals < 3; i++, decimals++) {
      value += weight * (uint64_t)(text.p[i] - '0');
      weight /= 10;
    }
    if (decimals == 0) return false;
  }
  *thousandths = value;
  *rest = gw_str_skip(text, i);
  return true;
}

static bool value_with_unit(gw_str text, const value_unit *units, size_t count, uint64_t *value) {
  uint64_t thousandths, product;
  gw_str rest;
  if (!value_number(text, &thousandths, &rest)) return false;
  for (size_t i = 0; i < count; i++) {
    if (!gw_str_eq(rest, units[i].name)) continue;
    if (__builtin_mul_overflow(thousandths, units[i].factor, &product)) return false;
    if (product % 1000 != 0) return false;
    *value = product / 1000;
    return true;
  }
  return false;
}

static const char *value_print(uint64_t value, const value_unit *units, size_t count,
                               char text[GW_VALUE_TEXT_MAX]) {
  size_t i = 0;
  while (i + 1 < count && (value == 0 || value % units[i].factor != 0))
    i++;
  snprintf(text, GW_VALUE_TEXT_MAX, "%" PRIu64 "%s", value / units[i].factor, units[i].name.p);
  return text;
}

bool gw_value_duration_parse(gw_str text, uint64_t *ms) {
  return value_with_unit(text, duration_units, GW_COUNT_OF(duration_units), ms);
}

const char *gw_value_duration_print(uint64_t ms, char text[GW_VALUE_TEXT_MAX]) {
  return value_print(ms, duration_units, GW_COUNT_OF(duration_units), text);
}

bool gw_value_bytes_parse(gw_str text, uint64_t *bytes) {
  return value_with_unit(text, bytes_units, GW_COUNT_OF(bytes_units), bytes);
}

const char *gw_value_bytes_print(uint64_t bytes, char text[GW_VALUE_TEXT_MAX]) {
  return value_print(bytes, bytes_units, GW_COUNT_OF(bytes_units), text);
}

bool gw_value_share_parse(gw_str text, uint64_t *ppm) {
  uint64_t thousandths;
  gw_str rest;
  if (!value_number(text, &thousandths, &rest) || !gw_str_eq(rest, GW_STR("%"))) return false;
  if (thousandths > 100 * 1000) return false;
  *ppm = thousandths * (GW_VALUE_PERCENT / 1000);
  return true;
}

const char *gw_value_share_print(uint64_t ppm, char text[GW_VALUE_TEXT_MAX]) {
  snprintf(text, GW_VALUE_TEXT_MAX, "%g%%", (double)ppm / GW_VALUE_PERCENT);
  return text;
}

bool gw_value_decimal_parse(gw_str text, double *value) {
  uint64_t thousandths;
  gw_str rest;
  if (!value_number(text, &thousandths, &rest) || rest.n > 0 || thousandths > 1000000000000u)
    return false;
  *value = (double)thousandths / 1000.0;
  return true;
}

/* "HOST:PORT" or "[V6]:PORT". */
static gw_code address_split(gw_str text, gw_str *host, uint16_t *port, gw_err *err) {
  gw_str rest;
  uint64_t number;
  if (text.n > 0 && text.p[0] == '[') {
    size_t end = gw_str_find(text, ']');
    if (end == text.n) return gw_err_set(err, GW_BAD_VALUE, "\"[\" without \"]\"");
    *host = gw_str_from(text.p + 1, text.p + end);
    rest = gw_str_skip(text, end + 1);
  } else {
    size_t end = gw_str_find(text, ':');
    *host = gw_str_first(text, end);
    rest = gw_str_skip(text, end);
    if (gw_str_find(gw_str_skip(rest, rest.n > 0), ':') + 1 < rest.n)
      return gw_err_set(err, GW_BAD_VALUE, "an IPv6 address needs brackets: [::1]:8080");
  }
  if (rest.n < 2 || rest.p[0] != ':') return gw_err_set(err, GW_BAD_VALUE, "the port is missing");
  if (!gw_str_parse_u64(gw_str_skip(rest, 1), &number) || number > UINT16_MAX)
    return gw_err_set(err, GW_BAD_VALUE, "a port is a number from 0 to 65535");
  *port = (uint16_t)number;
  return GW_OK;
}

static bool address_is_numeric(gw_str host, bool v6) {
  char text[INET6_ADDRSTRLEN + 1];
  unsigned char bytes[sizeof(struct in6_addr)];
  if (host.n == 0 || host.n >= sizeof text) return false;
  memcpy(text, host.p, host.n);
  text[host.n] = '\0';
  return inet_pton(v6 ? AF_INET6 : AF_INET, text, bytes) == 1;
}

gw_code gw_value_listen_parse(gw_str text, gw_arena *arena, gw_listen *out, gw_err *err) {
  gw_str host;
  uint16_t port = 0;
  gw_code code = address_split(text, &host, &port, err);
  if (code != GW_OK) return code;
  bool v6 = text.p[0] == '[';
  if (!v6 && host.n == 0) host = GW_STR("0.0.0.0");
  if (!v6 && gw_str_eq(host, GW_STR("localhost"))) host = GW_STR("127.0.0.1");
  if (!address_is_numeric(host, v6)) {
    return gw_err_set(err, GW_BAD_VALUE, "\"" GW_STR_FMT "\" is not a numeric address",
                      GW_STR_ARG(host));
  }
  gw_listen listen = { gw_arena_copy(arena, host), port, gw_arena_copy(arena, text), NULL };
  if (listen.host.p == NULL || listen.text.p == NULL) return GW_NOMEM;
  *out = listen;
  return GW_OK;
}

/* A name as DNS takes it, or an IPv4 address; underscores occur in container networks. */
bool gw_value_is_host(gw_str host) {
  if (host.n == 0 || host.n > HOST_BYTES_MAX || host.p[0] == '.' || host.p[0] == '-') return false;
  for (size_t i = 0; i < host.n; i++) {
    char c = host.p[i], lower = gw_char_lower(c);
    if (!(lower >= 'a' && lower <= 'z') && !char_is_digit(c) && c != '-' && c != '.' && c != '_')
      return false;
    if (c == '.' && host.p[i - 1] == '.') return false;
  }
  return true;
}

static bool endpoint_scheme(gw_str name, gw_scheme *scheme) {
  static const gw_str names[] = {
    [GW_SCHEME_GRPC] = GW_STR_INIT("grpc"),
    [GW_SCHEME_GRPCS] = GW_STR_INIT("grpcs"),
    [GW_SCHEME_HTTP] = GW_STR_INIT("http"),
    [GW_SCHEME_HTTPS] = GW_STR_INIT("https"),
  };
  for (size_t i = 0; i < GW_COUNT_OF(names); i++) {
    if (!gw_str_eq(name, names[i])) continue;
    *scheme = (gw_scheme)i;
    return true;
  }
  return false;
}

gw_code gw_value_endpoint_parse(gw_str text, gw_arena *arena, gw_endpoint_config *out,
                                gw_err *err) {
  gw_endpoint_config endpoint = { 0 };
  const char *mark = text.n > 0 ? memmem(text.p, text.n, "://", 3) : NULL;
  if (mark == NULL || !endpoint_scheme(gw_str_from(text.p, mark), &endpoint.scheme))
    return gw_err_set(err, GW_BAD_VALUE, "it does not begin with a scheme such as grpc://");
  gw_str authority = gw_str_from(mark + 3, text.p + text.n), host;
  gw_code code = address_split(authority, &host, &endpoint.port, err);
  if (code != GW_OK) return code;
  if (authority.p[0] == '[' ? !address_is_numeric(host, true) : !gw_value_is_host(host)) {
    return gw_err_set(err, GW_BAD_VALUE, "\"" GW_STR_FMT "\" is no name and no address of a host",
                      GW_STR_ARG(host));
  }
  if (endpoint.port == 0) return gw_err_set(err, GW_BAD_VALUE, "port 0 cannot be called");
  endpoint.host = gw_arena_copy(arena, host);
  endpoint.authority = gw_arena_copy(arena, authority);
  if (endpoint.host.p == NULL || endpoint.authority.p == NULL) return GW_NOMEM;
  *out = endpoint;
  return GW_OK;
}

bool gw_value_is_name(gw_str name) {
  if (name.n == 0 || name.n > NAME_BYTES_MAX) return false;
  for (size_t i = 0; i < name.n; i++) {
    char c = name.p[i], lower = gw_char_lower(c);
    if (!(lower >= 'a' && lower <= 'z') && !char_is_digit(c) && c != '.' && c != '_' && c != '-')
      return false;
  }
  return !gw_str_eq(name, GW_STR(".")) && !gw_str_eq(name, GW_STR(".."));
}

bool gw_value_is_token(gw_str token) {
  if (token.n == 0) return false;
  for (size_t i = 0; i < token.n; i++) {
    char c = token.p[i], lower = gw_char_lower(c);
    bool plain = (lower >= 'a' && lower <= 'z') || char_is_digit(c);
    if (!plain && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL)) return false;
  }
  return true;
}

/* Methods are case sensitive (RFC 9110 section 9.1): "get" is another method than "GET". */
static bool value_method_is_misspelt(gw_str method) {
  static const gw_str known[] = { GW_STR_INIT("GET"),    GW_STR_INIT("HEAD"),
                                  GW_STR_INIT("POST"),   GW_STR_INIT("PUT"),
                                  GW_STR_INIT("PATCH"),  GW_STR_INIT("DELETE"),
                                  GW_STR_INIT("OPTIONS") };
  for (size_t i = 0; i < GW_COUNT_OF(known); i++) {
    if (gw_str_eq_nocase(method, known[i])) return !gw_str_eq(method, known[i]);
  }
  return false;
}

const char *gw_value_method_fault(gw_str method) {
  if (!gw_value_is_token(method) || method.n > 32) return "is not an HTTP method";
  if (gw_str_eq(method, GW_STR("TRACE")) || gw_str_eq(method, GW_STR("CONNECT")))
    return "is never served, so this can never match";
  if (value_method_is_misspelt(method)) return "can never match: methods are written in capitals";
  return NULL;
}
