#include "net/h1.h"

#include "net/h1_block.h"
#include "net/h1_scan.h"

/* The states of a chunked body (RFC 9112 section 7.1); each waits for the byte that it names. */
enum {
  BODY_SIZE, /* must be first: a reader starts cleared */
  BODY_EXTENSION,
  BODY_EXTENSION_LAST = BODY_EXTENSION + 8, /* one for each row of extension_next */
  BODY_SIZE_LF,
  BODY_DATA,
  BODY_DATA_CR,
  BODY_DATA_LF,
  BODY_TRAILER, /* a field line or the empty line */
  BODY_TRAILER_NAME,
  BODY_TRAILER_VALUE,
  BODY_TRAILER_LF,
  BODY_END_LF,
  BODY_DONE
};

/* chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ): each row is what
 * was read last, each column the class of the next byte; 0 refuses. */
enum {
  EXT_GAP = 1,
  EXT_SEMICOLON,
  EXT_NAME,
  EXT_NAME_GAP,
  EXT_EQUALS,
  EXT_VALUE,
  EXT_QUOTED,
  EXT_PAIR,
  EXT_QUOTED_END,
  EXT_END
};
enum {
  CLASS_BAD,
  CLASS_TOKEN,
  CLASS_SEMICOLON,
  CLASS_EQUALS,
  CLASS_QUOTE,
  CLASS_BACKSLASH,
  CLASS_BLANK,
  CLASS_CR,
  CLASS_TEXT,
  CLASS_COUNT
};

static const uint8_t extension_next[EXT_END][CLASS_COUNT] = {
  [EXT_GAP] = { [CLASS_SEMICOLON] = EXT_SEMICOLON, [CLASS_BLANK] = EXT_GAP },
  [EXT_SEMICOLON] = { [CLASS_TOKEN] = EXT_NAME, [CLASS_BLANK] = EXT_SEMICOLON },
  [EXT_NAME] = { [CLASS_TOKEN] = EXT_NAME,
                 [CLASS_SEMICOLON] = EXT_SEMICOLON,
                 [CLASS_EQUALS] = EXT_EQUALS,
                 [CLASS_BLANK] = EXT_NAME_GAP,
                 [CLASS_CR] = EXT_END },
  [EXT_NAME_GAP] = { [CLASS_SEMICOLON] = EXT_SEMICOLON,
                     [CLASS_EQUALS] = EXT_EQUALS,
                     [CLASS_BLANK] = EXT_NAME_GAP },
  [EXT_EQUALS] = { [CLASS_TOKEN] = EXT_VALUE,
                   [CLASS_QUOTE] = EXT_QUOTED,
                   [CLASS_BLANK] = EXT_EQUALS },
  [EXT_VALUE] = { [CLASS_TOKEN] = EXT_VALUE,
                  [CLASS_SEMICOLON] = EXT_SEMICOLON,
                  [CLASS_BLANK] = EXT_GAP,
                  [CLASS_CR] = EXT_END },
  [EXT_QUOTED] = { [CLASS_TOKEN] = EXT_QUOTED,
                   [CLASS_SEMICOLON] = EXT_QUOTED,
                   [CLASS_EQUALS] = EXT_QUOTED,
                   [CLASS_QUOTE] = EXT_QUOTED_END,
                   [CLASS_BACKSLASH] = EXT_PAIR,
                   [CLASS_BLANK] = EXT_QUOTED,
                   [CLASS_TEXT] = EXT_QUOTED },
  [EXT_PAIR] = { [CLASS_TOKEN] = EXT_QUOTED,
                 [CLASS_SEMICOLON] = EXT_QUOTED,
                 [CLASS_EQUALS] = EXT_QUOTED,
                 [CLASS_QUOTE] = EXT_QUOTED,
                 [CLASS_BACKSLASH] = EXT_QUOTED,
                 [CLASS_BLANK] = EXT_QUOTED,
                 [CLASS_TEXT] = EXT_QUOTED },
  [EXT_QUOTED_END] = { [CLASS_SEMICOLON] = EXT_SEMICOLON,
                       [CLASS_BLANK] = EXT_GAP,
                       [CLASS_CR] = EXT_END },
};

_Static_assert(BODY_EXTENSION_LAST - BODY_EXTENSION + 1 == EXT_QUOTED_END, "a state for each row");

static gw_code body_bad(gw_err *err, char c, const char *where) {
  return gw_err_set(err, GW_BAD_REQUEST, "byte 0x%02x %s", (unsigned char)c, where);
}

static gw_code body_too_large(gw_err *err, size_t body_max) {
  return gw_err_set(err, GW_TOO_LARGE, "the body is larger than %zu bytes", body_max);
}

static unsigned body_extension_class(char c) {
  switch (c) {
  case ';': return CLASS_SEMICOLON;
  case '=': return CLASS_EQUALS;
  case '"': return CLASS_QUOTE;
  case '\\': return CLASS_BACKSLASH;
  case ' ':
  case '\t': return CLASS_BLANK;
  case '\r': return CLASS_CR;
  default: return h1_is_token(c) ? CLASS_TOKEN : h1_is_value(c) ? CLASS_TEXT : CLASS_BAD;
  }
}

static gw_code body_extension(gw_h1_reader *r, char c, gw_err *err) {
  unsigned row = (unsigned)(r->body_state - BODY_EXTENSION) + EXT_GAP;
  unsigned next = extension_next[row][body_extension_class(c)];
  if (next == 0) return body_bad(err, c, "in a chunk extension");
  if (next == EXT_END) {
    r->body_state = BODY_SIZE_LF;
    return GW_OK;
  }
  if (++r->extension_n > GW_CHUNK_EXTENSION_MAX) {
    return gw_err_set(err, GW_BAD_REQUEST, "a chunk extension is longer than %d bytes",
                      GW_CHUNK_EXTENSION_MAX);
  }
  r->body_state = (uint8_t)(BODY_EXTENSION + next - EXT_GAP);
  return GW_OK;
}

static gw_code body_size(gw_h1_reader *r, char c, gw_err *err) {
  int digit = gw_char_hex(c);
  if (digit >= 0 && r->size_digits < GW_CHUNK_SIZE_DIGITS_MAX) {
    r->left = r->left << 4 | (unsigned)digit;
    r->size_digits++;
    return GW_OK;
  }
  if (digit >= 0 || r->size_digits == 0) return body_bad(err, c, "in a chunk's size");
  if (c == '\r') {
    r->body_state = BODY_SIZE_LF;
    return GW_OK;
  }
  r->body_state = BODY_EXTENSION;
  return body_extension(r, c, err);
}

static gw_code body_size_end(gw_h1_reader *r, char c, size_t body_max, gw_err *err) {
  if (c != '\n') return body_bad(err, c, "after a chunk's size");
  if (r->left > body_max || r->received > body_max - r->left) return body_too_large(err, body_max);
  r->received += r->left;
  r->body_state = r->left > 0 ? BODY_DATA : BODY_TRAILER;
  r->size_digits = 0;
  r->extension_n = 0;
  return GW_OK;
}

/* Trailers are dropped; those that would change the framing or the target are an attack
 * (RFC 9110 section 6.5.1). */
static bool body_trailer_forbidden(const gw_h1_reader *r) {
  gw_str name = { r->trailer_name, r->trailer_name_n };
  return gw_str_eq(name, GW_STR("content-length")) || gw_str_eq(name, GW_STR("host")) ||
         gw_str_eq(name, GW_STR("transfer-encoding"));
}

static gw_code body_trailer_name(gw_h1_reader *r, char c, gw_err *err) {
  char lower = (char)gw_h1_token_lower[(unsigned char)c];
  if (lower != 0) {
    if (r->trailer_name_n < sizeof r->trailer_name) {
      r->trailer_name[r->trailer_name_n++] = lower == '_' ? '-' : lower;
    }
    r->body_state = BODY_TRAILER_NAME;
    return GW_OK;
  }
  if (c != ':' || r->trailer_name_n == 0) return body_bad(err, c, "in a trailer's name");
  if (body_trailer_forbidden(r)) {
    return gw_err_set(err, GW_BAD_REQUEST, "a field that must not be a trailer");
  }
  r->trailer_name_n = 0;
  r->body_state = BODY_TRAILER_VALUE;
  return GW_OK;
}

static gw_code body_expect(gw_h1_reader *r, char c, char wanted, uint8_t next, gw_err *err) {
  if (c != wanted) return body_bad(err, c, "in a chunked body");
  r->body_state = next;
  return GW_OK;
}

static gw_code body_trailer(gw_h1_reader *r, char c, gw_err *err) {
  if (r->body_state == BODY_TRAILER && c == '\r') {
    r->body_state = BODY_END_LF;
    return GW_OK;
  }
  if (++r->trailer_n > GW_TRAILER_BYTES_MAX) {
    return gw_err_set(err, GW_HEADERS_TOO_LARGE, "the trailers are larger than %zu bytes",
                      GW_TRAILER_BYTES_MAX);
  }
  switch (r->body_state) {
  case BODY_TRAILER_VALUE:
    if (h1_is_value(c)) return GW_OK;
    return body_expect(r, c, '\r', BODY_TRAILER_LF, err);
  case BODY_TRAILER_LF: return body_expect(r, c, '\n', BODY_TRAILER, err);
  default: return body_trailer_name(r, c, err);
  }
}

/* Takes one byte of a chunked body that is not data. */
static gw_code body_step(gw_h1_reader *r, char c, size_t body_max, gw_err *err) {
  switch (r->body_state) {
  case BODY_SIZE: return body_size(r, c, err);
  case BODY_SIZE_LF: return body_size_end(r, c, body_max, err);
  case BODY_DATA_CR: return body_expect(r, c, '\r', BODY_DATA_LF, err);
  case BODY_DATA_LF: return body_expect(r, c, '\n', BODY_SIZE, err);
  case BODY_TRAILER:
  case BODY_TRAILER_NAME:
  case BODY_TRAILER_VALUE:
  case BODY_TRAILER_LF: return body_trailer(r, c, err);
  case BODY_END_LF: return body_expect(r, c, '\n', BODY_DONE, err);
  default: return body_extension(r, c, err);
  }
}

/* What of the input belongs to the body or chunk that `left` measures. */
static gw_str body_take(gw_h1_reader *r, gw_str *in) {
  gw_str data = gw_str_first(*in, r->left < in->n ? (size_t)r->left : in->n);
  *in = gw_str_skip(*in, data.n);
  r->left -= data.n;
  return data;
}

static gw_code body_read_chunked(gw_h1_reader *r, gw_str *in, size_t body_max, gw_str *data,
                                 gw_err *err) {
  while (in->n > 0 && r->body_state != BODY_DONE) {
    if (r->body_state == BODY_DATA) {
      *data = body_take(r, in);
      if (r->left == 0) r->body_state = BODY_DATA_CR;
      return GW_AGAIN;
    }
    gw_code code = body_step(r, in->p[0], body_max, err);
    if (code != GW_OK) return code;
    *in = gw_str_skip(*in, 1);
  }
  return r->body_state == BODY_DONE ? GW_OK : GW_AGAIN;
}

static gw_code body_read_length(gw_h1_reader *r, gw_str *in, size_t body_max, gw_str *data,
                                gw_err *err) {
  if (r->content_length > body_max) return body_too_large(err, body_max);
  *data = body_take(r, in);
  return r->left == 0 ? GW_OK : GW_AGAIN;
}

gw_code gw_h1_body_read(gw_h1_reader *reader, gw_str *in, size_t body_max, gw_str *data,
                        gw_err *err) {
  gw_code code = GW_OK;
  if (reader->failed != GW_OK) return (gw_code)reader->failed;
  *data = gw_str_first(*in, 0);
  if (reader->body_kind == GW_H1_BODY_LENGTH) {
    code = body_read_length(reader, in, body_max, data, err);
  } else if (reader->body_kind == GW_H1_BODY_CHUNKED) {
    code = body_read_chunked(reader, in, body_max, data, err);
  } else if (reader->body_kind == GW_H1_BODY_CLOSE) {
    *data = *in;
    *in = gw_str_skip(*in, in->n);
    code = GW_AGAIN;
  }
  if (code == GW_OK || code == GW_AGAIN) return code;
  if (reader->is_answer) return gw_h1_answer_fail(reader, code, err);
  reader->failed = (uint8_t)code;
  return code;
}
