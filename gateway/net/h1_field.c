#include "net/h1_field.h"

#include <arpa/inet.h>

#include "net/h1_scan.h"

#define FIELD_BLANKS      " \t"
#define FIELD_IPV6_MAX    45u /* characters: INET6_ADDRSTRLEN without its NUL */
#define FIELD_PORT_MAX    65535u
#define FIELD_LENGTH_NAME GW_STR("content-length")
#define FIELD_CODING_NAME GW_STR("transfer-encoding")

static gw_code field_bad(gw_err *err, const char *what) {
  return gw_err_set(err, GW_BAD_REQUEST, "%s", what);
}

static bool field_is_token(gw_str s) {
  return s.n > 0 && h1_scan_token(s.p, s.n) == s.n;
}

/* The next element of a comma-separated list, without blanks; it may be empty. */
static gw_str field_list_next(gw_str *rest) {
  return gw_str_trim(gw_str_cut(rest, ','), FIELD_BLANKS);
}

static bool field_ipv6_ok(gw_str s) {
  char text[FIELD_IPV6_MAX + 1];
  struct in6_addr address;
  if (s.n > FIELD_IPV6_MAX || gw_str_find(s, '\0') != s.n) return false;
  memcpy(text, s.p, s.n);
  text[s.n] = '\0';
  return inet_pton(AF_INET6, text, &address) == 1;
}

/* RFC 3986 section 3.2.2: reg-name. */
static bool field_host_ok(gw_str s) {
  for (size_t i = 0; i < s.n; i++) {
    char c = s.p[i];
    bool alphanumeric =
        (c >= '0' && c <= '9') || (gw_char_lower(c) >= 'a' && gw_char_lower(c) <= 'z');
    if (alphanumeric || c == '-' || c == '.') continue;
    if (c == '%') {
      if (s.n - i < 3 || gw_char_hex(s.p[i + 1]) < 0 || gw_char_hex(s.p[i + 2]) < 0) return false;
    } else if (c == '\0' || strchr("_~!$&'()*+,;=", c) == NULL) {
      return false;
    }
  }
  return s.n > 0;
}

/* Empty is allowed: RFC 3986 section 3.2.3. */
static bool field_port_ok(gw_str s) {
  uint64_t port = 0;
  return s.n == 0 || (gw_str_parse_u64(s, &port) && port <= FIELD_PORT_MAX);
}

bool gw_h1_authority_ok(gw_str authority) {
  size_t end;
  if (authority.n > 0 && authority.p[0] == '[') {
    end = gw_str_find(authority, ']');
    if (end == authority.n || !field_ipv6_ok(gw_str_from(authority.p + 1, authority.p + end))) {
      return false;
    }
    end++;
  } else {
    end = gw_str_find(authority, ':');
    if (!field_host_ok(gw_str_first(authority, end))) return false;
  }
  if (end == authority.n) return true;
  return authority.p[end] == ':' && field_port_ok(gw_str_skip(authority, end + 1));
}

static gw_code field_take_host(gw_h1_reader *reader, const char *bytes, gw_str value, gw_err *err) {
  if (reader->has_host) return field_bad(err, "more than one Host");
  if (!gw_h1_authority_ok(value)) return field_bad(err, "Host is malformed");
  gw_str authority = { bytes + reader->authority_at, reader->authority_n };
  if (authority.n > 0 && !gw_str_eq_nocase(authority, value)) {
    return field_bad(err, "Host differs from the request target's");
  }
  reader->has_host = true;
  reader->host_at = (size_t)(value.p - bytes);
  reader->host_n = value.n;
  return GW_OK;
}

static gw_code field_take_length(gw_h1_reader *reader, gw_str value, gw_err *err) {
  if (reader->has_length) return field_bad(err, "more than one Content-Length");
  if (reader->has_coding) return field_bad(err, "Transfer-Encoding and Content-Length");
  if (!gw_str_parse_u64(value, &reader->content_length) || reader->content_length > INT64_MAX) {
    return field_bad(err, "Content-Length is not a number");
  }
  reader->has_length = true;
  return GW_OK;
}

/* A well-formed list of codings that ends with at most one "chunked" is a coding that we do not
 * have (501, RFC 9112 section 6.1); all else leaves the body's end in doubt. */
static gw_code field_take_coding(gw_h1_reader *reader, gw_str value, gw_err *err) {
  if (reader->http10) return field_bad(err, "Transfer-Encoding in HTTP/1.0");
  if (reader->has_coding) return field_bad(err, "more than one Transfer-Encoding");
  if (reader->has_length) return field_bad(err, "Content-Length and Transfer-Encoding");
  reader->has_coding = true;
  if (gw_str_eq_nocase(value, GW_STR("chunked"))) return GW_OK;
  bool chunked = false;
  do {
    gw_str coding = field_list_next(&value);
    if (!field_is_token(coding) || chunked) return field_bad(err, "Transfer-Encoding is malformed");
    chunked = gw_str_eq_nocase(coding, GW_STR("chunked"));
  } while (value.n > 0);
  return gw_err_set(err, GW_UNKNOWN_CODING, "the only transfer coding here is chunked");
}

/* Empty elements are allowed (RFC 9110 section 5.6.1.2). */
static gw_code field_take_connection(gw_h1_reader *reader, gw_str value, gw_err *err) {
  reader->connection_count++;
  while (value.n > 0) {
    gw_str option = field_list_next(&value);
    if (option.n == 0) continue;
    if (!field_is_token(option)) return field_bad(err, "Connection is malformed");
    if (gw_str_eq_nocase(option, GW_STR("close"))) reader->wants_close = true;
    if (gw_str_eq_nocase(option, GW_STR("keep-alive"))) reader->wants_keep_alive = true;
  }
  return GW_OK;
}

/* RFC 9110 section 10.1.1: in HTTP/1.0 the expectation is not one. */
static gw_code field_take_expect(gw_h1_reader *reader, gw_str value, gw_err *err) {
  if (!gw_str_eq_nocase(value, GW_STR("100-continue"))) {
    return gw_err_set(err, GW_BAD_EXPECTATION, "the only expectation met here is 100-continue");
  }
  reader->wants_continue = !reader->http10;
  return GW_OK;
}

/* Upgrade is ignored, h2c too, as RFC 9110 section 7.8 allows: Java's HttpClient offers it with
 * every first request, and nothing is ever forwarded upgraded. */
gw_code gw_h1_field_take(gw_h1_reader *reader, const char *bytes, const gw_header *field,
                         gw_err *err) {
  gw_str name = field->name;
  switch (name.n) {
  case 4:
    if (gw_str_eq(name, GW_STR("host"))) return field_take_host(reader, bytes, field->value, err);
    break;
  case 6:
    if (gw_str_eq(name, GW_STR("expect"))) return field_take_expect(reader, field->value, err);
    break;
  case 10:
    if (gw_str_eq(name, GW_STR("connection"))) {
      return field_take_connection(reader, field->value, err);
    }
    break;
  case 14:
    if (gw_str_eq(name, FIELD_LENGTH_NAME)) return field_take_length(reader, field->value, err);
    break;
  case 17:
    if (gw_str_eq(name, FIELD_CODING_NAME)) return field_take_coding(reader, field->value, err);
    break;
  default: break;
  }
  return GW_OK;
}

/* `other` is in lower case. */
static bool field_same_but_underscores(gw_str name, gw_str other) {
  if (name.n != other.n) return false;
  for (size_t i = 0; i < name.n; i++) {
    if ((name.p[i] == '_' ? '-' : gw_char_lower(name.p[i])) != other.p[i]) return false;
  }
  return true;
}

gw_code gw_h1_field_drop(gw_str name, gw_err *err) {
  if (field_same_but_underscores(name, FIELD_LENGTH_NAME) ||
      field_same_but_underscores(name, FIELD_CODING_NAME)) {
    return field_bad(err, "a framing field's name is written with an underscore");
  }
  return GW_OK;
}

/* "timeout=5, max=100": how long the server keeps an idle connection; no standard, but Apache, Node
 * and others tell it so.  What is malformed is not told. */
static void field_take_keep_alive(gw_h1_reader *reader, gw_str value) {
  while (value.n > 0) {
    gw_str number = field_list_next(&value), name = gw_str_cut(&number, '=');
    uint64_t seconds;
    if (gw_str_eq_nocase(name, GW_STR("timeout")) && gw_str_parse_u64(number, &seconds)) {
      reader->keep_alive_s = (uint32_t)gw_size_min(seconds, UINT32_MAX);
    }
  }
}

gw_code gw_h1_field_take_answer(gw_h1_reader *reader, const gw_header *field, gw_err *err) {
  gw_str name = field->name;
  if (name.n == 10) {
    if (gw_str_eq_nocase(name, GW_STR("connection"))) {
      return field_take_connection(reader, field->value, err);
    }
    if (gw_str_eq_nocase(name, GW_STR("keep-alive"))) field_take_keep_alive(reader, field->value);
    return GW_OK;
  }
  bool is_length = field_same_but_underscores(name, FIELD_LENGTH_NAME);
  bool is_coding = !is_length && field_same_but_underscores(name, FIELD_CODING_NAME);
  if (!is_length && !is_coding) return GW_OK;
  if (gw_str_find(name, '_') < name.n) return gw_h1_field_drop(name, err);
  return is_length ? field_take_length(reader, field->value, err)
                   : field_take_coding(reader, field->value, err);
}

gw_str gw_h1_field_get(const gw_h1_request *request, gw_str name) {
  for (uint32_t i = 0; i < request->field_count; i++) {
    if (gw_str_eq(request->fields[i].name, name)) return request->fields[i].value;
  }
  return (gw_str){ NULL, 0 };
}

bool gw_h1_fields_name(const gw_header *fields, uint32_t count, uint32_t connection_count,
                       gw_str name) {
  uint32_t unseen = connection_count;
  for (uint32_t i = 0; unseen > 0 && i < count; i++) {
    if (!gw_str_eq_nocase(fields[i].name, GW_STR("connection"))) continue;
    unseen--;
    for (gw_str rest = fields[i].value; rest.n > 0;) {
      if (gw_str_eq_nocase(field_list_next(&rest), name)) return true;
    }
  }
  return false;
}

bool gw_h1_connection_names(const gw_h1_request *request, gw_str name) {
  return gw_h1_fields_name(request->fields, request->field_count, request->connection_count, name);
}
