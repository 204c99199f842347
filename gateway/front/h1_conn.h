/* h1_conn: one client's HTTP/1.1 connection.  Private to front/.
 *
 * States (woken by; each but LINGERING also by: the client left):
 *   IDLE       bytes; idle timeout
 *   HEAD       bytes; header timeout (absolute, from the first byte)
 *   BODY       bytes; body timeout (absolute) and minimum rate.  Of a stream of messages: as
 *              ANSWERING; its answer may begin meanwhile; while held nothing is read
 *   ANSWERING  the exchange; stall timeout while something is queued
 *   FLUSHING   drained; stall timeout
 *   LINGERING  the client's end, or a moment: what it still sends is dropped, so that the
 *              answer is not lost to a reset (RFC 9112 section 9.6)
 *   CLOSING    the socket is closed
 *
 * One request at a time: what a client sends behind it waits in `pending`, which is bounded.
 * An end of the client's sending while its request is served counts as leaving, unless the answer
 * is there within a moment: then the call is cancelled (decision 0006). */
#pragma once

#include "exchange/exchange.h"
#include "front/front.h"
#include "net/h1.h"

typedef enum h1_state {
  H1_IDLE,
  H1_HEAD,
  H1_BODY,
  H1_ANSWERING,
  H1_FLUSHING,
  H1_LINGERING,
  H1_CLOSING
} h1_state;

/* While a request is received; in the exchange's arena. */
typedef struct h1_receive {
  gw_h1_reader reader;
  gw_buf head; /* a head that came in pieces */
  uint64_t body_begin_ms, body_bytes;
} h1_receive;

typedef struct gw_h1_conn gw_h1_conn;
struct gw_h1_conn {
  gw_h1_conn *previous, *next; /* front's list: idle or busy */
  gw_front *front;
  gw_tcp *tcp;
  h1_state state;
  gw_exchange *exchange;                 /* from the first byte of a request to its answer's last */
  h1_receive *receive;                   /* HEAD and BODY */
  gw_buf pending;                        /* behind the current request */
  size_t lingered;                       /* bytes dropped while LINGERING, or behind an answer */
  size_t pending_start, pending_counted; /* counted: in the front's total */
  gw_timer timer;
  uint64_t due_ms;     /* 0: nothing is due; the timer may be set for earlier */
  size_t stall_queued; /* bytes queued when the stall timer was set; 0: it is not */
  uint64_t stall_ms;
  uint64_t left_ms; /* when a client that ended its sending counts as gone; 0: it did not */
  gw_task task;     /* after an answer: the next step */
  uint64_t opened_ms, age_max_ms;
  uint32_t requests;
  bool is_secure, is_shaking; /* TLS; its handshake is not over */
  bool is_idle_listed, is_paused, is_answered, is_chunked, must_close, must_reset, keep_alive,
      http10, body_unread, has_ended, is_held;
};

/* Owned by the front.  tls: NULL for a plain connection.  NULL: no memory; tcp is then closed. */
gw_h1_conn *gw_h1_conn_open(gw_front *front, gw_tcp *tcp, gw_tls *tls);
/* The front drains: answers close, idle ones soon. */
void gw_h1_conn_drain(gw_h1_conn *conn);
/* The drain's time is over: what runs is answered with an error, the rest closed. */
void gw_h1_conn_stop(gw_h1_conn *conn);
void gw_h1_conn_close(gw_h1_conn *conn); /* at once */
