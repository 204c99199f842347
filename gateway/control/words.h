/* words: names of methods and messages taken apart into words, and put together in other forms.
 * ASCII; an English plural is guessed.  Memory is the arena's; p == NULL: no memory.  Pure. */
#pragma once

#include "base/arena.h"

#define GW_WORDS_MAX 24u /* of one name; the last one keeps what is left */

typedef struct gw_words {
  gw_str items[GW_WORDS_MAX]; /* slices of the name */
  uint32_t count;
} gw_words;

/* "BatchGetHTTPRoutes" -> Batch Get HTTP Routes; "get_user" -> get user. */
gw_words gw_words_split(gw_str name);

/* The words from `from` on. */
gw_words gw_words_tail(const gw_words *words, uint32_t from);

/* "userProfiles", "user-profiles", "user_profiles". */
gw_str gw_words_camel(const gw_words *words, gw_arena *arena);
gw_str gw_words_join(const gw_words *words, char separator, gw_arena *arena);

/* The last word in singular or plural; the others stay. */
gw_words gw_words_singular(const gw_words *words, gw_arena *arena);
gw_words gw_words_plural(const gw_words *words, gw_arena *arena);

bool gw_words_first_is(const gw_words *words, const char *const *choices, size_t count);
