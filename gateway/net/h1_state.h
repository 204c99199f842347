/* h1_state: the memory of gw_h1_reader; for embedding only, read through net/h1.h and
 * net/h1_response.h. */
#pragma once

#include "net/h1.h"

#define GW_H1_TRAILER_NAME_MAX 18u /* bytes; one more than "transfer-encoding" */

struct gw_h1_reader {
  const gw_limits *limits;
  gw_arena *arena;

  /* the head; offsets count from the first byte that the caller passed */
  gw_header *fields; /* in the arena; field_cap of them */
  const char *base;  /* where the caller's bytes lay when `fields` was last made to point there */
  size_t at;         /* the next byte to be judged */
  size_t line;       /* where the line of `at` begins */
  size_t mark;       /* where the element of `at` begins: target, version, field name */
  size_t name_n;
  size_t block; /* where the field lines begin */
  size_t method_at, method_n, target_at, target_n;
  size_t authority_at, authority_n; /* of an absolute-form target; else authority_n is 0 */
  size_t host_at, host_n;
  uint32_t line_count; /* field lines */
  uint32_t field_count, field_cap;
  uint32_t underscore_count, connection_count;
  uint8_t state;
  uint8_t empty_count; /* empty lines skipped */
  uint8_t failed;      /* the gw_code that ended it, or 0 */
  bool http10, underscore;
  bool has_host, has_length, has_coding;
  bool wants_close, wants_keep_alive, wants_continue;

  /* of an answer */
  bool is_answer, to_head;     /* to_head: the request was HEAD */
  uint8_t informational_count; /* 1xx heads skipped */
  uint16_t status;
  uint32_t keep_alive_s; /* Keep-Alive: timeout=N; 0: not told */
  size_t reason_at, reason_n;

  /* the body */
  uint8_t body_kind, body_state;
  uint8_t size_digits;
  uint16_t extension_n;
  uint16_t trailer_n;
  uint16_t trailer_name_n; /* bytes in trailer_name; full: longer than any forbidden name */
  char trailer_name[GW_H1_TRAILER_NAME_MAX];
  uint64_t content_length;
  uint64_t left;     /* of the body, or of this chunk */
  uint64_t received; /* of a chunked body */
};
