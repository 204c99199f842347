/* h1: HTTP/1.1 requests, read strictly (RFC 9112): what it refuses is never repaired nor forwarded.
 *
 * A reader takes the bytes of one connection's request as they come, cut anywhere, in two parts:
 *
 *   gw_h1_head_read()   request line and fields, into gw_h1_request
 *   gw_h1_body_read()   the body, by Content-Length or chunked, trailers checked and dropped
 *
 * The head must lie in one piece of memory that grows at its end: the caller passes the same bytes
 * again together with more after GW_AGAIN; they may have moved in between.  The reader remembers
 * how far it came, so that the work is linear however the bytes are cut, and refuses a wrong byte
 * as soon as it is there, not at the end of the head.
 *
 * What counts for a limit, each without what is named: request_line and header: one line without
 * its CRLF; headers: all field lines with their CRLFs, without the empty line that ends them;
 * header_count: every field line, dropped ones included.
 *
 * Owns nothing but its own fixed memory; the table of fields comes from the arena.  Caller's
 * memory; pure; one thread.
 * Errors (each final: answer and close): GW_BAD_REQUEST, GW_URI_TOO_LONG, GW_HEADERS_TOO_LARGE,
 * GW_UNKNOWN_CODING, GW_UNKNOWN_METHOD (TRACE, CONNECT, one longer than any), GW_UNKNOWN_VERSION,
 * GW_BAD_EXPECTATION, GW_TOO_LARGE (body), GW_NOMEM (arena). */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/header.h"
#include "base/limits.h"

typedef enum gw_h1_body_kind {
  GW_H1_BODY_NONE, /* also Content-Length: 0 */
  GW_H1_BODY_LENGTH,
  GW_H1_BODY_CHUNKED,
  GW_H1_BODY_CLOSE /* answers only: until the connection's end, which is the caller's to see */
} gw_h1_body_kind;

/* A complete head.  Slices of the caller's bytes. */
typedef struct gw_h1_request {
  gw_str method;
  gw_str target; /* path and query, or "*"; absolute-form is reduced to its path and query */
  bool http10;
  bool keep_alive;      /* what the client wishes: version, Connection */
  bool expect_continue; /* Expect: 100-continue (HTTP/1.1 only), and a body follows */
  gw_h1_body_kind body_kind;
  uint64_t content_length; /* LENGTH only; up to 2^63 - 1 */
  gw_str host;             /* empty only in HTTP/1.0 */
  bool is_secure;          /* it came through TLS; set by who owns the connection */
  /* In the arena; without those with an underscore in the name.  Names are lower-cased in place by
   * the reader: the bytes must be writable.  Values have no blanks around and no control characters
   * but tab. */
  const gw_header *fields;
  uint32_t field_count;
  uint32_t underscore_count; /* fields dropped, to be counted */
  uint32_t connection_count; /* Connection fields among `fields` */
} gw_h1_request;

typedef struct gw_h1_reader gw_h1_reader;
#include "net/h1_state.h" /* struct gw_h1_reader: embedded in a connection's receiving state */

/* `limits` and `arena` are borrowed; the arena must live as long as the request's fields. */
void gw_h1_reader_init(gw_h1_reader *reader, const gw_limits *limits, gw_arena *arena);

/* `bytes`: everything of this request so far, from its first byte (empty lines before it are the
 * caller's bytes too: at most two CRLF are skipped).  GW_OK: *head_n bytes were the head.
 * GW_AGAIN. */
GW_CHECKED gw_code gw_h1_head_read(gw_h1_reader *reader, char *bytes, size_t n, gw_h1_request *out,
                                   size_t *head_n, gw_err *err);

/* Takes a piece from the front of *in and sets *data to what of it is body (a slice of it, maybe
 * empty), also with GW_OK.  GW_AGAIN: call again while *in is not empty, then with more bytes.
 * GW_OK: the body is complete and *in starts with whatever follows (a pipelined request).
 * `body_max` bounds the body's bytes: over it GW_TOO_LARGE before any byte that is too many.
 * An answer's errors are all GW_BAD_ANSWER; a body of kind CLOSE is never complete. */
GW_CHECKED gw_code gw_h1_body_read(gw_h1_reader *reader, gw_str *in, size_t body_max, gw_str *data,
                                   gw_err *err);

/* The value of the first field of that name (lower case), or p == NULL. */
gw_str gw_h1_field_get(const gw_h1_request *request, gw_str name);

/* Whether Connection names that field (lower case): it is for this connection only and must not
 * be forwarded (RFC 9110 section 7.6.1). */
bool gw_h1_connection_names(const gw_h1_request *request, gw_str name);
