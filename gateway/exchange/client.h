/* client: what an exchange needs of the one who asked: an HTTP/1.1 connection, later others.
 * An answer is either whole (`answer`) or begun and sent in pieces.  All slices are borrowed for
 * the call. Functions may be called from within gw_exchange_head() and gw_exchange_body(). */
#pragma once

#include "net/h2.h"

typedef struct gw_answer {
  int status;
  gw_str content_type; /* n == 0: none */
  const gw_header *fields;
  uint32_t field_count;
  gw_str body;     /* all of it; to `begin`: its first piece, maybe empty */
  bool no_body;    /* HEAD, 204: the length is told (HEAD), the bytes are not sent */
  bool no_length;  /* HEAD of a stream: GET would be chunked */
  bool must_close; /* the connection cannot go on: what the client sends is no longer understood */
  /* of another server's answer that is passed on: `fields` then have names in any case */
  gw_str reason;   /* n == 0: the usual one */
  bool has_date;   /* among the fields */
  bool has_length; /* `length` is told: of a begun answer, and where no bytes are sent */
  bool is_chunked; /* a whole answer goes in chunks too, where the client knows them */
  uint64_t length;
} gw_answer;

typedef struct gw_client_ops {
  void (*answer)(void *client, const gw_answer *answer);
  void (*begin)(void *client, const gw_answer *head);
  void (*piece)(void *client, gw_str bytes); /* never empty */
  void (*end)(void *client);
  void (*cut)(void *client); /* ends a begun answer so that the client sees it is not whole */
  bool (*is_writable)(const void *client); /* false: wait for gw_exchange_writable() */
  /* The request's body must wait: no gw_exchange_body() until it is let go, which never happens
   * within this call.  An answer that ends lets it go too. */
  void (*hold)(void *client, bool held);
} gw_client_ops;
