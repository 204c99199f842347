/* h1_response: HTTP/1.1 answers of a server, read as strictly as requests (net/h1.h), by the same
 * reader: what two readers could understand differently is refused, never repaired nor passed on.
 *
 *   gw_h1_response_read()   status line and fields, interim answers (1xx) skipped
 *   gw_h1_body_read()       the body, also until the connection's end
 *
 * Framing by RFC 9112 section 6.3.  Refused are also: both lengths, two lengths (equal ones too),
 * codings but chunked, a coding in HTTP/1.0, a length or coding of 1xx, and one of 204 that
 * announces bytes, 101 (nobody asked), statuses outside of 100 to 599, folded lines, bare LF.
 * Names stand as the server wrote them: compare them without regard to case.
 *
 * Owns nothing but the reader's memory; the table of fields comes from its arena.  Pure; one
 * thread.
 * Errors (each final: the connection is of no more use): GW_BAD_ANSWER, GW_NOMEM. */
#pragma once

#include "net/h1.h"

typedef struct gw_h1_response {
  int status;    /* 200 to 599 */
  gw_str reason; /* "Not Found"; may be empty */
  bool http10;
  bool keep_alive;       /* the connection may serve another request behind the body */
  bool has_length;       /* Content-Length was there: also where no body follows (HEAD, 304) */
  uint64_t told_length;  /* its value */
  uint32_t keep_alive_s; /* Keep-Alive: timeout=N; 0: not told */
  gw_h1_body_kind body_kind;
  uint64_t content_length; /* LENGTH only */
  const gw_header *fields; /* all of the final head */
  uint32_t field_count;
  uint32_t connection_count; /* Connection fields among them */
} gw_h1_response;

/* `to_head`: the request was HEAD: no body follows.  `limits`: request_line is the status line's;
 * borrowed, as is the arena. */
void gw_h1_response_init(gw_h1_reader *reader, const gw_limits *limits, gw_arena *arena,
                         bool to_head);

/* `bytes`: everything of this answer so far, interim ones included; it may have moved.  GW_OK:
 * *head_n bytes were heads.  GW_AGAIN. */
GW_CHECKED gw_code gw_h1_response_read(gw_h1_reader *reader, char *bytes, size_t n,
                                       gw_h1_response *out, size_t *head_n, gw_err *err);

/* The head was copied to `bytes`, byte for byte: points all slices there. */
void gw_h1_response_move(gw_h1_reader *reader, gw_h1_response *response, const char *bytes);

/* The value of the first field of that name (lower case), or p == NULL. */
gw_str gw_h1_response_field(const gw_h1_response *response, gw_str name);
/* Whether Connection names that field, in whatever case. */
bool gw_h1_response_connection_names(const gw_h1_response *response, gw_str name);
