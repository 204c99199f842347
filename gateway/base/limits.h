/* limits: everything that can grow, with its unit and the reason for its size.
 * Constants are fixed; gw_limits holds those that `limits:` in the configuration can set, filled by
 * gw_limits_default().  Sizes are bytes and times milliseconds unless the name says otherwise. */
#pragma once

#include "base/base.h"

#define GW_KIB(n) ((size_t)(n) << 10)
#define GW_MIB(n) ((size_t)(n) << 20)

/* Levels of objects, and of arrays in arrays: what a message, a map and a ListValue are.  An array
 * in an object is a list, which is no level on the wire; so protobuf's own parsers, which stop at
 * 100, take what passes here, but for Struct and its like, whose level of JSON is two or three
 * there. */
#define GW_JSON_DEPTH_MAX    100
#define GW_JSON_BRACKETS_MAX (2 * GW_JSON_DEPTH_MAX) /* of both kinds within each other */
#define GW_MESSAGE_BYTES_MAX GW_MIB(4)               /* gRPC's default receive limit */
#define GW_ROUTE_BODY_BYTES_MAX                                                                    \
  GW_MIB(64)             /* the most that a route may raise body and message to                    \
                          */
#define GW_ARENA_RATIO 8 /* an exchange's memory: at most 8 times its messages */
/* Below it gzip saves nothing: such a message travels in one packet as it is. */
#define GW_GZIP_MESSAGE_BYTES_MIN 1024u
/* An answer is compressed in one go, and meanwhile its worker does nothing else. */
#define GW_GZIP_ANSWER_BYTES_MAX  GW_MIB(1)
#define GW_QUERY_PARAMS_MAX       100        /* parameters of one request */
#define GW_PATH_VALUES_MAX        GW_KIB(4)  /* all path variables of one request, decoded */
#define GW_TEMPLATE_SEGMENTS_MAX  64         /* of one path template */
#define GW_TEMPLATE_VARS_MAX      16         /* of one path template */
#define GW_FIELD_PATH_MAX         100        /* elements of a field path, as deep as JSON may be */
#define GW_HEADER_COUNT_MAX       256        /* the most that limits.header_count may be set to */
#define GW_CHUNK_SIZE_DIGITS_MAX  8          /* hexadecimal digits: 4 GiB */
#define GW_CHUNK_EXTENSION_MAX    256        /* of one chunk */
#define GW_TRAILER_BYTES_MAX      GW_KIB(4)  /* after a chunked body */
#define GW_DESCRIPTOR_BYTES_MAX   GW_MIB(64) /* of one descriptor set file */
#define GW_DESCRIPTOR_DEPTH_MAX   64 /* nested messages in a descriptor set: protobuf-c recurses */
#define GW_CONFIG_BYTES_MAX       GW_MIB(8) /* of a configuration file */
#define GW_WORKERS_MAX            256
#define GW_DEADLINE_MS_MAX        300000u /* of a unary call */
#define GW_DEADLINE_MS_DEFAULT    15000u  /* Envoy's route default */
#define GW_STREAM_IDLE_MS_DEFAULT 300000u

#define GW_H2_STREAM_WINDOW     65535u /* RFC 9113 section 6.9.2: the initial window */
#define GW_H2_CONNECTION_WINDOW GW_MIB(1)
#define GW_H2_STREAMS_MAX       100u       /* on one connection, whatever the peer allows */
#define GW_H2_HEADER_BYTES_MAX  GW_KIB(16) /* decoded, of one header block: HPACK bombs */
#define GW_H2_HEADER_COUNT_MAX  100u
#define GW_H2_INFORMATIONAL_MAX 8u    /* 1xx answers to one call */
#define GW_H2_EMPTY_DATA_MAX    10u   /* in a row */
#define GW_H2_GLITCHES_MAX      1000u /* frames that no peer needs, of one connection */
#define GW_H2_GLITCHES_WORN     750u  /* then the connection takes no new streams */

/* PING that follow no DATA, and SETTINGS, of one connection: gRPC's servers send a handful. */
#define GW_H2_CALM_BURST              20u
#define GW_H2_CALM_PER_SECOND         2u
#define GW_H2_WINDOW_UPDATES_PER_DATA 10u   /* for each DATA frame sent: of stream and connection */
#define GW_H2_WINDOW_UPDATES_FREE     1000u /* beyond that, in a connection's life */
#define GW_H2_PRIORITIES_PER_STREAM   100u

#define GW_H1_INFORMATIONAL_MAX       8u         /* 1xx answers to one request */
#define GW_H1_ANSWER_HEAD_BYTES_MAX   GW_KIB(16) /* field lines of an HTTP/1.1 server's answer */
#define GW_H1_ANSWER_HEADER_COUNT_MAX 100u
#define GW_H1_ANSWER_LINE_BYTES_MAX   GW_KIB(8) /* its status line */

/* Of one worker. */
#define GW_SHADOW_BYTES_MAX GW_MIB(64) /* copies of requests and answers to compare */
#define GW_FALLBACKS_MAX    256u       /* requests that legacy is asked besides, at a time */

_Static_assert(
    GW_H2_GLITCHES_WORN + 2 * GW_H2_STREAMS_MAX < GW_H2_GLITCHES_MAX,
    "a worn connection has room for what still comes of its streams when all are cancelled");
_Static_assert(GW_JSON_DEPTH_MAX <= 100, "refuse before the upstream's parser does");

typedef struct gw_limits {
  uint32_t connections;              /* of clients, all workers together */
  uint32_t request_line;             /* bytes; over it 414 */
  uint32_t headers;                  /* bytes of the header block; over it 431 */
  uint32_t header_count;             /* fields; over it 431 */
  uint32_t header;                   /* bytes of one field line; over it 431 */
  uint32_t requests_per_connection;  /* then Connection: close */
  uint32_t in_flight;                /* exchanges, all workers together; over it 503 */
  size_t body;                       /* bytes of a request's body; over it 413 */
  size_t message;                    /* bytes of one gRPC message, either way; over it 413 or 502 */
  uint64_t tls_handshake_timeout_ms; /* absolute, from accepting */
  uint64_t header_timeout_ms;        /* absolute, from the first byte */
  uint64_t body_timeout_ms;          /* absolute, from the end of the head */
  uint32_t body_rate;                /* bytes/s that a body must keep after body_grace_ms */
  uint64_t body_grace_ms;
  uint64_t idle_timeout_ms;   /* keep-alive */
  uint64_t stall_timeout_ms;  /* an answer of which the client takes nothing */
  uint64_t connection_age_ms; /* then Connection: close; drawn +-10 % */
} gw_limits;

gw_limits gw_limits_default(void);
