#include "route/uri.h"

#include "route/literal.h"

/* The scheme and authority of absolute-form; *rest: from the path on.  False: neither form. */
static bool uri_cut_authority(gw_str target, gw_uri *uri, gw_str *rest) {
  static const gw_str schemes[] = { GW_STR_INIT("http://"), GW_STR_INIT("https://") };
  for (size_t i = 0; i < GW_COUNT_OF(schemes); i++) {
    size_t n = schemes[i].n;
    if (target.n < n || !gw_str_eq_nocase(gw_str_first(target, n), schemes[i])) continue;
    gw_str after = gw_str_skip(target, n);
    size_t end = 0;
    while (end < after.n && after.p[end] != '/' && after.p[end] != '?' && after.p[end] != '#')
      end++;
    uri->authority = gw_str_first(after, end);
    *rest = gw_str_skip(after, end);
    /* RFC 9110 section 4.2.4: userinfo in a request is an attempt to mislead. */
    return end > 0 && gw_str_find(uri->authority, '@') == end;
  }
  return false;
}

/* What RFC 3986 keeps out of a path and no browser leaves unescaped in one: such a byte is where
 * two readers differ ("\\" is a "/" to some).  "|", "[" and "]" are out as well, but browsers send
 * them as they are (url.spec.whatwg.org, path percent-encode set), so old clients depend on them.
 * Bytes from 0x80 on are no part of any URI. */
static const bool never_in_path[256] = {
  [0x00 ... 0x20] = true, ['"'] = true,  ['#'] = true,  ['<'] = true,
  ['>'] = true,           ['\\'] = true, ['^'] = true,  ['`'] = true,
  ['{'] = true,           ['}'] = true,  [0x7f] = true, [0x80 ... 0xff] = true,
};

/* True for ".", ".." and their spellings with %2e. */
static bool uri_is_dots(gw_str segment) {
  size_t dots = 0, i = 0;
  if (segment.n == 0 || segment.n > 6) return false;
  while (i < segment.n) {
    gw_str rest = gw_str_skip(segment, i);
    if (rest.p[0] == '.') {
      i++;
    } else if (rest.n >= 3 && gw_str_eq_nocase(gw_str_first(rest, 3), GW_STR("%2e"))) {
      i += 3;
    } else {
      return false;
    }
    dots++;
  }
  return dots <= 2;
}

/* Checks the path and returns its length: up to "?" or the end. */
static gw_code uri_scan_path(gw_str rest, size_t *length, gw_err *err) {
  size_t i = 0, segment = 1;
  char byte;
  for (; i < rest.n && rest.p[i] != '?'; i++) {
    char c = rest.p[i];
    if (c == '/') {
      if (i > 0 && uri_is_dots(gw_str_from(rest.p + segment, rest.p + i))) break;
      segment = i + 1;
    } else if (c == '%') {
      if (!gw_literal_escape(rest.p + i, rest.p + rest.n, &byte)) {
        return gw_err_set(err, GW_BAD_REQUEST, "malformed escape in the path");
      }
      i += 2;
    } else if (never_in_path[(unsigned char)c]) {
      return gw_err_set(err, GW_BAD_REQUEST, "byte 0x%02x cannot stand in a path",
                        (unsigned)(unsigned char)c);
    }
  }
  if (uri_is_dots(gw_str_from(rest.p + segment, rest.p + i))) {
    return gw_err_set(err, GW_BAD_REQUEST, "a path segment is \".\" or \"..\"");
  }
  *length = i;
  return GW_OK;
}

gw_code gw_uri_parse(gw_str target, gw_uri *out, gw_err *err) {
  gw_uri uri = { 0 };
  gw_str rest = target;
  size_t length = 0;
  if (target.n == 0 || (target.p[0] != '/' && !uri_cut_authority(target, &uri, &rest))) {
    return gw_err_set(err, GW_BAD_REQUEST, "the target is neither a path nor an http URL");
  }
  bool rootless = rest.n == 0 || rest.p[0] != '/';
  if (!rootless) {
    gw_code code = uri_scan_path(rest, &length, err);
    if (code != GW_OK) return code;
  }
  uri.path = rootless ? GW_STR("/") : gw_str_first(rest, length);
  rest = gw_str_skip(rest, length);
  uri.has_query = rest.n > 0 && rest.p[0] == '?';
  uri.query = gw_str_skip(rest, uri.has_query ? 1 : 0);
  for (size_t i = 0; i < rest.n; i++) {
    unsigned char c = (unsigned char)rest.p[i];
    if (c != '#' && c > 0x20 && c < 0x7f) continue;
    return gw_err_set(err, GW_BAD_REQUEST, "byte 0x%02x cannot stand in a query", (unsigned)c);
  }
  *out = uri;
  return GW_OK;
}

/* RFC 3986 section 2.2, gen-delims and sub-delims (TRANSCODING section 4). */
static bool uri_is_reserved(char c) {
  return c != '\0' && strchr("!#$&'()*+,/:;=?@[]", c) != NULL;
}

/* Whether the escape of `byte` stays as it is written. */
static bool uri_keeps(gw_decode_mode mode, char byte) {
  switch (mode) {
  case GW_DECODE_EXCEPT_RESERVED: return uri_is_reserved(byte);
  case GW_DECODE_EXCEPT_SLASH: return byte == '/';
  case GW_DECODE_SPLIT: return byte == '%';
  default: return false;
  }
}

gw_code gw_uri_decode(gw_str text, gw_decode_mode mode, gw_arena *arena, gw_str *out, gw_err *err) {
  const char *end = text.p + text.n;
  bool loose = mode == GW_DECODE_LOOSE || mode == GW_DECODE_LOOSE_PLUS;
  bool plus = (mode == GW_DECODE_QUERY || mode == GW_DECODE_LOOSE_PLUS) && text.n > 0 &&
              memchr(text.p, '+', text.n) != NULL;
  if (text.n == 0 || (!plus && memchr(text.p, '%', text.n) == NULL)) {
    *out = text;
    return GW_OK;
  }
  char *copy = gw_arena_alloc(arena, text.n);
  if (copy == NULL) return gw_err_set(err, GW_NOMEM, "out of memory");
  size_t n = 0;
  for (const char *p = text.p; p < end;) {
    char byte;
    if (*p != '%') {
      copy[n++] = *p == '+' && plus ? ' ' : *p;
      p++;
      continue;
    }
    if (!gw_literal_escape(p, end, &byte)) {
      if (loose) {
        copy[n++] = *p++;
        continue;
      }
      return gw_err_set(err, GW_BAD_REQUEST,
                        "malformed escape: \"%%\" needs two hexadecimal digits");
    }
    if (uri_keeps(mode, byte)) {
      memcpy(copy + n, p, 3);
      n += 3;
    } else {
      copy[n++] = byte;
    }
    p += 3;
  }
  *out = (gw_str){ copy, n };
  return GW_OK;
}
