/* endpoints: where an upstream's endpoints are, for every kind of upstream.
 *
 * Names become addresses; they are resolved at opening, again every resolve_every and when an owner
 * asks because a connection broke; the last good answer is kept.  A gw_address is one resolved
 * socket.  The owner keeps what it needs for each (its connections) in a struct that begins with
 * one and whose size it gives.
 *
 *   added -> dropped (the name no longer has it; closing: then once more for those)
 *         -> gw_address_free() by the owner, at once or when its last connection is gone
 *
 * Also here, since it is the same for all: which address takes the next call (gw_endpoints_pick),
 * and when one whose connection was lost is tried again (gw_address_retry_later).
 * Owned by an upstream; one thread. */
#pragma once

#include "base/err.h"
#include "base/metrics.h"
#include "net/tcp.h"
#include "upstream/config.h"
#include "upstream/outlier.h"

typedef struct gw_endpoints gw_endpoints;

typedef struct gw_address {
  struct gw_address *previous, *next; /* all of the upstream's */
  gw_endpoints *endpoints;
  const gw_endpoint_config *endpoint;
  gw_sockaddr sockaddr;
  uint64_t backoff_ms; /* the last one; 0: the last connection was good.  The owner clears it */
  gw_timer retry;      /* set: waiting before the next attempt */
  uint64_t tried_ms;   /* when that wait began */
  gw_outlier outlier;
  uint32_t id;    /* among the endpoints'; never 0 */
  uint32_t calls; /* that the owner noted as begun: an address that has some is not freed */
  bool is_gone;   /* dropped: nothing new */
} gw_address;

typedef struct gw_endpoints_ops {
  size_t address_size; /* of the owner's struct, zero-initialised behind the gw_address */
  void (*added)(gw_address *address);
  void (*dropped)(gw_address *address);
  void (*retry)(gw_address *address);       /* the wait is over */
  void (*changed)(gw_endpoints *endpoints); /* a name was resolved, or could not be */
  /* What of this address can take a call now: handed out by gw_endpoints_pick(); NULL: nothing. */
  void *(*find)(gw_address *address);
  uint32_t (*load)(const gw_address *address); /* calls that it has */
} gw_endpoints_ops;

typedef struct gw_endpoint_name gw_endpoint_name;

/* Embedded in the upstream. */
struct gw_endpoints {
  gw_loop *loop;
  const gw_upstream_config *config;
  const gw_endpoints_ops *ops;
  gw_address *addresses; /* a utlist, next */
  gw_address *cursor;    /* the address that the last call took */
  gw_endpoint_name *names;
  uint64_t random;
  uint32_t last_id;
  bool is_closing;
  char tls_failure[GW_TLS_FAILURE_BYTES]; /* the last one, while nothing has worked since */
};

/* How a connection ended decides how soon the next one is tried. */
typedef enum gw_conn_end {
  GW_CONN_END_GOOD,  /* it served a call, or lived for a while: at once */
  GW_CONN_END_FLAP,  /* there, and dropped: a short wait that doubles, or such a peer is asked
                        without pause */
  GW_CONN_END_FAILED /* never there: gRPC's connection backoff */
} gw_conn_end;

/* Numeric addresses are added within the call.  GW_NOMEM. */
GW_CHECKED gw_code gw_endpoints_open(gw_endpoints *endpoints, gw_loop *loop,
                                     const gw_upstream_config *config, const gw_endpoints_ops *ops);
/* Resolves no more, tries no more, and drops every address. */
void gw_endpoints_close(gw_endpoints *endpoints);
/* After closing, when no connection is left: frees the addresses and names. */
void gw_endpoints_done(gw_endpoints *endpoints);

/* A name was never resolved yet: there may be addresses soon. */
bool gw_endpoints_is_resolving(const gw_endpoints *endpoints);

/* By the configuration's `balance`, among those for which `find` finds something:
 * round_robin: the address after the last one; pick_first: the last one as long as it can;
 * least_request: the less loaded of two drawn ones ("power of two choices").  Ejected addresses and
 * `avoid_id` (0: none) are only taken when there is no other.  NULL: none. */
void *gw_endpoints_pick(gw_endpoints *endpoints, uint32_t avoid_id);

/* Whether another address than `id` could be picked that is not ejected. */
bool gw_endpoints_has_other(const gw_endpoints *endpoints, uint32_t id);

bool gw_address_is_ejected(const gw_address *address);
/* A call to it ended.  True: that was one failure too many, and it is ejected now. */
bool gw_address_result(gw_address *address, bool failed);

/* Uniform in [0, 1): jitter, not secrets. */
double gw_endpoints_draw(gw_endpoints *endpoints);

/* Takes the address out of the list and frees it. */
void gw_address_free(gw_address *address);
/* Opens a socket; with TLS where the endpoint's scheme says so: `connected` then comes when the
 * peer is verified and, for grpcs, speaks h2. */
GW_CHECKED gw_code gw_address_connect(const gw_address *address, const gw_tcp_events *events,
                                      void *user, gw_tcp **out);
/* Keeps why TLS failed, for those who wait, and counts it; "" (all is well) forgets it. */
void gw_address_note_tls(gw_address *address, gw_upstream_metrics *metrics, const char *failure);
/* Waits before `retry`, as long as the end of the last connection demands; not while it waits
 * already. */
void gw_address_retry_later(gw_address *address, gw_conn_end last);
/* It waits before `retry`, and so shortly that a call may wait for it. */
bool gw_address_is_near(const gw_address *address);
/* Calls find no connection at all: all waits, for connecting and for resolving once more, are cut
 * to backoff.initial, counted from their beginning, so that a service that is back is found within
 * that time however long it was away. */
void gw_endpoints_hurry(gw_endpoints *endpoints);
/* Its name is resolved again: a connection to it broke. */
void gw_address_resolve(const gw_address *address);
