/* h1_feed: hands bytes to the HTTP/1.1 reader, cut into pieces, each time in a new piece of heap
 * memory that ends where the bytes end, so that a sanitizer sees any read past them. */
#pragma once

#include "base/buf.h"
#include "net/h1.h"
#include "unit/test.h"

typedef struct h1_feed {
  gw_limits limits;
  gw_arena arena;
  gw_h1_reader reader;
  gw_h1_request request;
  char *bytes;   /* owned; what the request's slices point to */
  size_t fed;    /* bytes given when the reader answered */
  size_t head_n; /* of them the head */
  gw_err err;
} h1_feed;

/* Starts with default limits; feed->limits may be changed before the first bytes. */
void h1_feed_init(h1_feed *feed);
void h1_feed_done(h1_feed *feed);

/* Feeds `step` bytes at a time (0: all at once) until the reader answers something final, or all
 * bytes are given. */
gw_code h1_feed_head(h1_feed *feed, gw_str text, size_t step);

/* The same for a body; what is body comes into `body`, `*rest` is what was not taken. */
gw_code h1_feed_body(h1_feed *feed, gw_str text, size_t step, size_t body_max, gw_buf *body,
                     gw_str *rest);

/* A literal with its zero bytes. */
#define H1_TEXT(literal)                                                                           \
  { (literal), sizeof(literal) - 1 }
