/* guess: which REST request a method without a google.api.http rule would have had, by its name and
 * its request, as Google's API Improvement Proposals 131 to 136, 231 and 122 name methods and
 * paths.  A guess to begin with: whoever reads it knows better.
 * Memory is the arena's.  Main thread. */
#pragma once

#include "control/names.h"
#include "schema/schema.h"

typedef struct gw_guess {
  gw_str method, path, body; /* body n == 0: none */
} gw_guess;

/* What the other methods of a service tell about it. */
typedef struct gw_guess_service {
  const gw_service *service;
  gw_str version;   /* "v1", of its package */
  gw_str name;      /* "userDirectory", for methods that have no noun */
  gw_names nouns;   /* in singular, "user_profile": what it gets, lists, creates ... */
  bool has_parents; /* requests have `parent`: names are paths (AIP-122) */
} gw_guess_service;

/* False: no memory. */
GW_CHECKED bool gw_guess_service_read(const gw_service *service, gw_arena *arena,
                                      gw_guess_service *out);

/* The best guess, and one that is sure to have a path of its own in the service: what to do when
 * another method has the path already.  path.p == NULL: no memory. */
gw_guess gw_guess_route(const gw_guess_service *service, const gw_rpc *rpc, gw_arena *arena);
gw_guess gw_guess_plain(const gw_guess_service *service, const gw_rpc *rpc, gw_arena *arena);
