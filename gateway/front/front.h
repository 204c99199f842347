/* front: one worker's clients: listeners, their connections, limits on them, draining.
 *
 * Drain: no more accepting, every answer carries Connection: close; connections that are idle get a
 * moment in which a request that is already on its way is still answered, then they are closed. One
 * thread. */
#pragma once

#include "exchange/engine.h"
#include "net/tcp.h"

typedef struct gw_front gw_front;

/* NULL: no memory.  `drained` runs once, in a later iteration, when after gw_front_drain() the last
 * connection is gone. */
gw_front *gw_front_new(gw_engine *engine, void (*drained)(void *user), void *user);
void gw_front_free(gw_front *front);

/* Takes the bound socket, also on failure.  Called for the snapshot's listens in their order: whose
 * address a socket has decides about TLS, also after a reload. */
GW_CHECKED gw_code gw_front_listen(gw_front *front, int descriptor);

void gw_front_drain(gw_front *front);
/* The drain took too long: what runs is answered with an error, so that its client sees why. */
void gw_front_stop(gw_front *front);
/* Closes what is left, at once. */
void gw_front_cut(gw_front *front);
