/* h2_pair: an HTTP/2 client and server in one loop over loopback, and a plain socket that can stand
 * for either of them. */
#pragma once

#include "net/h2.h"
#include "unit/net/pump.h"

#define SIDE_STREAMS_MAX 160u

typedef struct side side;

typedef struct side_stream {
  gw_h2_stream h2; /* first: freed never, reused never */
  gw_arena arena;
  side *owner;
  uint32_t noted;        /* everything so far */
  uint32_t closed_count; /* how often CLOSED was noted */
  size_t received;       /* DATA bytes consumed */
  size_t pending_max;
  size_t left; /* still to send */
  bool answered;
} side_stream;

/* What a side does by itself. */
typedef enum side_habit {
  SIDE_HOLD,   /* nothing */
  SIDE_ANSWER, /* server: 200, answer_n bytes, end */
  SIDE_RESET,  /* server: RST_STREAM(reset_error) */
  SIDE_KEEP    /* consumes nothing */
} side_habit;

struct side {
  gw_loop *loop;
  gw_h2 *h2; /* NULL: not open, or closed */
  gw_tcp *tcp;
  gw_h2_role role;
  side_habit habit;
  size_t answer_n;
  uint32_t reset_error;
  const gw_header *extra; /* server: more fields of the answer's head */
  size_t extra_n;
  bool is_connected, is_keeping; /* is_keeping: consumes nothing */
  uint32_t closed_count;
  gw_code why;
  side_stream streams[SIDE_STREAMS_MAX];
  uint32_t count; /* streams used */
};

/* A listening socket on a free port of loopback. */
int raw_listen(gw_sockaddr *address);
/* Accepts one connection from it; the descriptor does not block. */
int raw_accept(gw_loop *loop, int listening);
int raw_connect(const gw_sockaddr *address);
/* Sends all of it, turning the loop where needed; false: the other end has closed. */
bool raw_send(gw_loop *loop, int fd, const void *bytes, size_t n);
bool raw_frame(gw_loop *loop, int fd, uint8_t type, uint8_t flags, uint32_t id, const void *payload,
               size_t n);
size_t raw_drain(int fd); /* reads and drops what is there */

void side_init(side *s, gw_loop *loop, gw_h2_role role);
void side_connect(side *s, const gw_sockaddr *address); /* returns when connected */
void side_done(side *s);                                /* after it was closed */

/* client and server, both ready */
typedef struct pair {
  gw_loop *loop;
  side client, server;
  gw_listener *listener;
  gw_sockaddr address;
} pair;

pair *pair_new(void);
void pair_free(pair *p); /* breaks what is open */

/* Client: a request with body_n bytes; NULL: no room. */
side_stream *side_request(side *s, size_t body_n);
uint32_t side_count(const side *s, gw_h2_closed_by by); /* streams that were closed so */
uint32_t side_closed(const side *s);                    /* streams that were closed, in all */
