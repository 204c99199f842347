/* exchange: one client request and everything done to answer it: the only place that knows the
 * order of the steps.
 *
 *   front                      exchange                                  upstream
 *   gw_exchange_new()
 *   gw_exchange_head()    ->   match; deadline; limits
 *   gw_exchange_body()    ->   bind body, query, path into one message -> gw_call_start()
 *   client ops            <-   wire to JSON, status, headers           <- call's tick
 *   gw_exchange_free()         one access line; counters
 *
 * States (woken by; always by: deadline, client gone):
 *   RECEIVING  front: the body is complete
 *   CALLING    call: messages and status
 *   REPLYING   call: more messages; front: the client takes more
 *   DONE       answered or cut; the client ops were told, once
 *
 * A request that no route matches goes to legacy, where there is one: exchange/forward.h.
 * When the body is a stream of messages (exchange/request_stream.h) the call starts with the head,
 * and the body is taken in CALLING and REPLYING.
 *
 * Owns its arena, its call and a hold on a lease.  One thread. */
#pragma once

#include "exchange/client.h"
#include "exchange/engine.h"
#include "net/h1.h"
#include "upstream/call.h"

typedef enum gw_exchange_state {
  GW_EX_RECEIVING,
  GW_EX_CALLING,
  GW_EX_REPLYING,
  GW_EX_DONE
} gw_exchange_state;

typedef struct gw_request_stream gw_request_stream;
typedef struct gw_forward gw_forward;
typedef struct gw_shadow gw_shadow;

typedef struct gw_exchange {
  gw_engine *engine;
  gw_lease *lease;
  const gw_client_ops *client_ops;
  void *client;
  gw_exchange_state state;
  gw_arena arena;

  /* the request */
  const gw_rule *rule;              /* NULL: none fits (yet) */
  const gw_compat *compat;          /* of the route, or what comes nearest to one */
  gw_str method, path, query, peer; /* copies in the arena */
  gw_request_stream *requests;      /* of a body that is a stream of messages; else NULL */
  gw_forward *forward; /* to legacy (exchange/forward.h); else NULL: to gRPC, or to nobody yet */

  /* of a route that is being migrated */
  gw_side side;               /* that answers (exchange/side.h); without a migration gRPC */
  gw_live_counters *counters; /* NULL: no migration, or a shadow */
  gw_shadow *shadow;          /* that copies what is asked and answered (exchange/shadow.h) */
  gw_forward *fallback;       /* that would be asked if gRPC failed (exchange/fallback.h) */
  bool is_shadow;             /* it has no client: its answer is compared */
  bool is_fallback;           /* legacy answers because gRPC failed */
  bool is_counted;            /* in `counters` */

  bool is_head;
  bool body_is_form;
  bool body_is_query;  /* D-56: a form that stands for the query of another method */
  bool wants_trailers; /* TE: trailers */
  bool accepts_gzip;
  gw_str content_type;
  gw_stream_form stream_form;
  gw_buf body;
  size_t body_bytes_max;
  const gw_header *bind_headers;
  uint32_t bind_header_count;
  gw_header *metadata;
  uint32_t metadata_count;
  gw_str trace; /* traceparent: the client's or our own; n == 0: none */

  /* the call */
  gw_call call;
  gw_buf frames;
  gw_timer timer;       /* deadline, or for streams whichever of deadline and idle comes first */
  uint64_t deadline_ms; /* 0: none */
  uint64_t idle_at_ms;

  /* the answer */
  bool has_begun; /* of a stream */
  uint64_t message_count;
  int status; /* as sent */
  unsigned grpc_code;
  gw_str reason;     /* for the log: why it failed */
  uint64_t begin_us; /* monotonic */
  uint64_t bytes_in, bytes_out;
  bool must_close; /* the request's end is unknown */
  struct gw_exchange *next_free;

  /* not cleared with the rest */
  gw_binds binds; /* of `rule` */
  gw_err err;     /* what is wrong with the request */
} gw_exchange;

/* NULL: no memory.  The client's. */
gw_exchange *gw_exchange_new(gw_engine *engine, const gw_client_ops *ops, void *client);
/* One that asks `side` on a shadow's behalf: it counts for nobody, and writes no access line. */
gw_exchange *gw_exchange_new_shadow(gw_lease *lease, gw_side side, const gw_client_ops *ops,
                                    void *client);
/* Writes the access line and frees; cancels what still runs: the client left. */
void gw_exchange_free(gw_exchange *exchange);
void gw_exchange_free_all(gw_engine *engine); /* those kept for reuse */

/* The request's head; slices are borrowed for the call.  `peer`: "127.0.0.1:40312".
 * Answers at once when no body is needed to know that it fails; else the state is RECEIVING and the
 * body, up to exchange->body_bytes_max, is asked for. */
void gw_exchange_head(gw_exchange *exchange, const gw_h1_request *request, gw_str peer);
/* The next piece of the body; `end`: the last one, maybe empty.  GW_TCP_PAD bytes behind are
 * readable.  Not while the client is held. */
void gw_exchange_body(gw_exchange *exchange, gw_str piece, bool end);
/* The request is refused by who reads it: answers with `code` and closes.  err: the reason. */
void gw_exchange_refuse(gw_exchange *exchange, gw_code code, const gw_err *err, gw_str peer);
/* The gateway stops: answers 503, or ends a stream with an error, wherever it stands. */
void gw_exchange_stop(gw_exchange *exchange);
/* The client's socket took what was queued. */
void gw_exchange_writable(gw_exchange *exchange);

/* Whether the body is taken piece by piece while the call runs: the exchange watches its pace. */
static inline bool gw_exchange_streams_body(const gw_exchange *exchange) {
  return exchange->requests != NULL || exchange->forward != NULL;
}

/* For request_stream.c: appends the message that `body` makes, with its gRPC prefix; path, query
 * and headers go into the first one.  Scratch comes from `arena`.  Errors in exchange->err. */
GW_CHECKED gw_code gw_exchange_bind(gw_exchange *exchange, gw_str body, bool is_first,
                                    gw_arena *arena, gw_buf *out);
/* A stream went on: its idle time begins anew. */
void gw_exchange_touch(gw_exchange *exchange);
