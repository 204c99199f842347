/* service: a gRPC service in the loop of a test, answering by a script that the method names. */
#pragma once

#include "net/h2.h"
#include "unit/net/pump.h"

#define SERVICE_STREAMS_MAX 8192u
#define SERVICE_CONNS_MAX   64u
#define SCRIPT_FIELDS_MAX   6u

typedef enum script_end {
  SCRIPT_END,   /* trailers, or END_STREAM without any */
  SCRIPT_RESET, /* RST_STREAM(reset) */
  SCRIPT_HOLD,  /* leaves the stream open */
  SCRIPT_BREAK  /* closes the connection */
} script_end;

typedef struct script {
  const char *method; /* what the path ends with */
  const char *status; /* NULL: no head at all */
  gw_header head[SCRIPT_FIELDS_MAX];
  const char *data;
  size_t data_n;
  gw_header trailers[SCRIPT_FIELDS_MAX];
  script_end end;
  uint32_t reset;
  bool early; /* is played when the call begins; else when its request is whole */
} script;

typedef struct service service;

typedef struct service_stream {
  gw_h2_stream h2;
  gw_arena arena;
  service *owner;
  struct service_conn *conn;
  const script *played;
  bool ended, closed;
  size_t received;
  gw_buf body; /* with keeps_bodies */
} service_stream;

typedef struct service_conn {
  service *owner;
  gw_h2 *h2;   /* NULL: closed */
  gw_tcp *tcp; /* h2's */
} service_conn;

struct service {
  gw_loop *loop;
  gw_listener *listener;
  uint16_t port;
  const script *scripts;
  size_t script_count;
  service_conn conns[SERVICE_CONNS_MAX];
  uint32_t conn_count; /* accepted so far */
  service_stream *streams[SERVICE_STREAMS_MAX];
  uint32_t count; /* streams so far */
  /* to each new connection */
  bool closes_at_once;   /* without a word */
  bool breaks_greeted;   /* once SETTINGS were exchanged */
  bool drains_greeted;   /* by GOAWAY */
  bool breaks_at_stream; /* as soon as a call comes */
  /* to all streams */
  bool takes_nothing; /* their windows stay closed */
  bool keeps_bodies;
};

void service_open(service *s, gw_loop *loop, const script *scripts, size_t count);
void service_close(service *s); /* breaks its connections; the loop is turned until they are gone */
uint32_t service_open_conns(const service *s);
uint32_t service_open_streams(const service *s);
/* Ends a held stream well. */
void service_release(service_stream *stream);
void service_take(service *s);   /* what waits, and all that comes */
void service_goaway(service *s); /* drains all connections */
