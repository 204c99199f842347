/* draw: which side answers a request, and whether it is compared (DESIGN section 4).
 * The same key draws the same point for every route of a group, and a share that only grows keeps
 * every key that it had on the gRPC side there.  Pure; any thread. */
#pragma once

#include "base/header.h"
#include "migrate/migration.h"

/* The value of the sticky header or cookie among the request's fields (names in lower case);
 * p == NULL: none, which draws at random. */
gw_str gw_draw_key(const gw_sticky *sticky, const gw_header *fields, uint32_t count);

/* `random`: 64 fresh random bits, used where key.p is NULL. */
gw_side gw_draw_side(const gw_migration *migration, gw_stand stand, gw_str key, uint64_t random);

/* Whether a request is sent to the other side too.  `safe`: as route/method.h says.  `random`:
 * other bits than those of the side. */
bool gw_draw_shadow(const gw_migration *migration, gw_stand stand, bool safe, uint64_t random);

/* SipHash-2-4 (J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF", 2012): the hash
 * from which a key's point is drawn. */
uint64_t gw_draw_hash(uint64_t key0, uint64_t key1, gw_str bytes);
