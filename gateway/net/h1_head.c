#include "net/h1.h"

#include "net/h1_block.h"
#include "net/h1_field.h"
#include "net/h1_scan.h"

#define HEAD_EMPTY_LINES_MAX  2u  /* before a request: RFC 9112 section 2.2 asks for one */
#define HEAD_METHOD_BYTES_MAX 32u /* longer than any registered method */

/* Each waits for more bytes of the element that it names; `at` is the next of them.  Behind the
 * line come the states of h1_block.h. */
enum {
  HEAD_EMPTY,
  HEAD_EMPTY_LF,
  HEAD_METHOD,
  HEAD_TARGET,
  HEAD_VERSION,
  HEAD_LINE_CR,
  HEAD_LINE_LF
};

void gw_h1_reader_init(gw_h1_reader *reader, const gw_limits *limits, gw_arena *arena) {
  *reader = (gw_h1_reader){ .limits = limits, .arena = arena };
}

static gw_code head_line_too_long(const gw_h1_head *h) {
  return gw_err_set(h->err, GW_URI_TOO_LONG, "the request line is longer than %u bytes",
                    h->r->limits->request_line);
}

static gw_code head_empty(gw_h1_head *h) {
  gw_h1_reader *r = h->r;
  if (r->at == h->n) return GW_AGAIN;
  if (h->p[r->at] == '\r' && r->empty_count < HEAD_EMPTY_LINES_MAX) {
    r->at++;
    r->empty_count++;
    r->state = HEAD_EMPTY_LF;
    return GW_OK;
  }
  r->line = r->method_at = r->at;
  r->state = HEAD_METHOD;
  return GW_OK;
}

/* Any token is a method, but lower case is no method's and most likely no HTTP. */
static bool head_is_method(char c) {
  return h1_is_token(c) && !(c >= 'a' && c <= 'z');
}

static gw_code head_method(gw_h1_head *h) {
  gw_h1_reader *r = h->r;
  size_t end = gw_size_min(h->n, r->line + HEAD_METHOD_BYTES_MAX + 1);
  while (r->at < end && head_is_method(h->p[r->at]))
    r->at++;
  r->method_n = r->at - r->method_at;
  if (r->method_n > HEAD_METHOD_BYTES_MAX) {
    return gw_err_set(h->err, GW_UNKNOWN_METHOD, "no method is as long");
  }
  if (r->at == h->n) return GW_AGAIN;
  if (h->p[r->at] != ' ' || r->method_n == 0) return gw_h1_head_bad_byte(h, "in the method");
  gw_str method = { h->p + r->method_at, r->method_n };
  if (gw_str_eq(method, GW_STR("TRACE")) || gw_str_eq(method, GW_STR("CONNECT"))) {
    return gw_err_set(h->err, GW_UNKNOWN_METHOD, GW_STR_FMT " is not served", GW_STR_ARG(method));
  }
  /* RFC 9113 section 3.4: how HTTP/2 begins, made to fail in HTTP/1.1. */
  if (gw_str_eq(method, GW_STR("PRI"))) return gw_h1_head_bad(h, "HTTP/2 in the midst of HTTP/1.1");
  r->at++;
  r->mark = r->target_at = r->at;
  r->state = HEAD_TARGET;
  return GW_OK;
}

/* Reduces http://authority/path?query to what follows the authority. */
static gw_code head_absolute(gw_h1_head *h, gw_str target) {
  gw_h1_reader *r = h->r;
  size_t scheme_n =
      gw_str_eq_nocase(gw_str_first(target, gw_size_min(target.n, 7)), GW_STR("http://")) ? 7 : 8;
  if (scheme_n == 8 &&
      !gw_str_eq_nocase(gw_str_first(target, gw_size_min(target.n, 8)), GW_STR("https://"))) {
    return gw_h1_head_bad(h, "the request target is neither a path nor an http URI");
  }
  gw_str rest = gw_str_skip(target, scheme_n);
  size_t end = gw_size_min(gw_str_find(rest, '/'), gw_str_find(rest, '?'));
  gw_str authority = gw_str_first(rest, end);
  if (!gw_h1_authority_ok(authority))
    return gw_h1_head_bad(h, "the request target's host is malformed");
  r->authority_at = r->target_at + scheme_n;
  r->authority_n = end;
  r->target_at += scheme_n + end;
  r->target_n -= scheme_n + end;
  if (r->target_n > 0 && h->p[r->target_at] == '/') return GW_OK;
  /* An empty path is "/" (RFC 9110 section 4.2.3): the scheme's second slash makes room. */
  memmove(h->p + r->authority_at - 1, h->p + r->authority_at, r->authority_n);
  r->authority_at--;
  r->target_at--;
  r->target_n++;
  h->p[r->target_at] = '/';
  return GW_OK;
}

static gw_code head_target_form(gw_h1_head *h) {
  gw_h1_reader *r = h->r;
  gw_str target = { h->p + r->target_at, r->target_n };
  if (target.p[0] == '/') return GW_OK;
  bool options = gw_str_eq((gw_str){ h->p + r->method_at, r->method_n }, GW_STR("OPTIONS"));
  if (target.p[0] == '*') {
    return options && target.n == 1 ? GW_OK : gw_h1_head_bad(h, "the request target is malformed");
  }
  return head_absolute(h, target);
}

static gw_code head_target(gw_h1_head *h) {
  gw_h1_reader *r = h->r;
  size_t edge = r->line + r->limits->request_line, end = gw_size_min(h->n, edge);
  if (r->at >= edge) return head_line_too_long(h);
  if (r->at == h->n) return GW_AGAIN;
  if (r->at == r->mark && (h->p[r->at] == '\0' || strchr("/*hH", h->p[r->at]) == NULL)) {
    return gw_h1_head_bad_byte(h, "begins the request target");
  }
  r->at += h1_scan_target(h->p + r->at, end - r->at);
  if (r->at == edge) return head_line_too_long(h);
  if (r->at == h->n) return GW_AGAIN;
  if (h->p[r->at] != ' ') return gw_h1_head_bad_byte(h, "in the request target");
  r->target_n = r->at - r->target_at;
  gw_code code = head_target_form(h);
  if (code != GW_OK) return code;
  r->at++;
  r->mark = r->at;
  r->state = HEAD_VERSION;
  return GW_OK;
}

static gw_code head_version(gw_h1_head *h) {
  static const char form[] = "HTTP/0.0", usual[] = "HTTP/1.1";
  gw_h1_reader *r = h->r;
  size_t edge = r->line + r->limits->request_line, n = sizeof usual - 1;
  bool is_usual = r->at == r->mark && gw_size_min(h->n, edge) - r->at >= n &&
                  memcmp(h->p + r->at, usual, n) == 0;
  if (GW_LIKELY(is_usual)) r->at += n;
  while (r->at - r->mark < sizeof form - 1) {
    if (r->at >= edge) return head_line_too_long(h);
    if (r->at == h->n) return GW_AGAIN;
    char wanted = form[r->at - r->mark], c = h->p[r->at];
    bool ok = wanted == '0' ? c >= '0' && c <= '9' : c == wanted;
    if (!ok) return gw_h1_head_bad_byte(h, "in the HTTP version");
    r->at++;
  }
  r->state = HEAD_LINE_CR;
  return GW_OK;
}

static gw_code head_line_lf(gw_h1_head *h) {
  gw_h1_reader *r = h->r;
  gw_code code = gw_h1_head_expect(h, '\n', GW_H1_BLOCK_FIELD, "after the request line");
  if (code != GW_OK) return code;
  char major = h->p[r->mark + 5], minor = h->p[r->mark + 7];
  if (major != '1' || minor > '1') {
    return gw_err_set(h->err, GW_UNKNOWN_VERSION, "HTTP/%c.%c is not spoken here", major, minor);
  }
  r->http10 = minor == '0';
  gw_h1_block_begin(r);
  return GW_OK;
}

static gw_code head_end(gw_h1_head *h) {
  gw_h1_reader *r = h->r;
  if (!r->has_host && !r->http10) return gw_h1_head_bad(h, "no Host");
  r->body_kind = r->has_coding                            ? GW_H1_BODY_CHUNKED
                 : r->has_length && r->content_length > 0 ? GW_H1_BODY_LENGTH
                                                          : GW_H1_BODY_NONE;
  r->left = r->body_kind == GW_H1_BODY_LENGTH ? r->content_length : 0;
  return GW_OK;
}

static gw_code head_step(gw_h1_head *h) {
  switch (h->r->state) {
  case HEAD_EMPTY: return head_empty(h);
  case HEAD_EMPTY_LF: return gw_h1_head_expect(h, '\n', HEAD_EMPTY, "before the request");
  case HEAD_METHOD: return head_method(h);
  case HEAD_TARGET: return head_target(h);
  case HEAD_VERSION: return head_version(h);
  case HEAD_LINE_CR: return gw_h1_head_expect(h, '\r', HEAD_LINE_LF, "after the HTTP version");
  default: assert(h->r->state == HEAD_LINE_LF); return head_line_lf(h);
  }
}

static gw_h1_request head_request(const gw_h1_reader *r, const char *bytes) {
  gw_str authority = { bytes + r->authority_at, r->authority_n };
  return (gw_h1_request){
    .method = { bytes + r->method_at, r->method_n },
    .target = { bytes + r->target_at, r->target_n },
    .http10 = r->http10,
    .keep_alive = !r->wants_close && (!r->http10 || r->wants_keep_alive),
    .expect_continue = r->wants_continue && r->body_kind != GW_H1_BODY_NONE,
    .body_kind = (gw_h1_body_kind)r->body_kind,
    .content_length = r->left,
    .host = r->has_host ? (gw_str){ bytes + r->host_at, r->host_n } : authority,
    .fields = r->fields,
    .field_count = r->field_count,
    .underscore_count = r->underscore_count,
    .connection_count = r->connection_count,
  };
}

gw_code gw_h1_head_read(gw_h1_reader *reader, char *bytes, size_t n, gw_h1_request *out,
                        size_t *head_n, gw_err *err) {
  assert(reader->state != GW_H1_BLOCK_DONE && reader->at <= n);
  if (reader->failed != GW_OK) return (gw_code)reader->failed;
  gw_h1_head_follow(reader, bytes);
  gw_h1_head h = { reader, bytes, n, err };
  gw_code code = GW_OK;
  while (code == GW_OK && reader->state < GW_H1_BLOCK_FIELD)
    code = head_step(&h);
  if (code == GW_OK) code = gw_h1_block_read(&h);
  if (code == GW_OK) code = head_end(&h);
  if (code != GW_OK) {
    if (code != GW_AGAIN) reader->failed = (uint8_t)code;
    return code;
  }
  *out = head_request(reader, bytes);
  *head_n = reader->at;
  return GW_OK;
}
