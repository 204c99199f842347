/* user_store: the demo service's users, in memory, in ascending order of their ids.
 * Ids are numbers, written as decimal text without leading zeros; an id is never given twice.
 * Everything is bounded: GW_USERS_MAX users, GW_USER_TEXT_MAX bytes in a name or an email.
 * Owned by the service; one thread.  A gw_user is valid until the store next changes. */
#pragma once

#include "base/code.h"
#include "base/str.h"

#define GW_USERS_MAX     512u /* an email is looked for among all of them */
#define GW_USER_TEXT_MAX 256u /* bytes */

typedef struct gw_user_text {
  char p[GW_USER_TEXT_MAX];
  size_t n;
} gw_user_text;

typedef struct gw_user {
  uint64_t id;
  gw_user_text name, email;
  int64_t created_at; /* seconds since 1970 */
} gw_user;

typedef struct gw_user_store gw_user_store;

/* Holds the demo's first users.  NULL: no memory. */
gw_user_store *gw_user_store_new(void);
void gw_user_store_free(gw_user_store *store); /* NULL is a no-op */

gw_user *gw_user_store_find(gw_user_store *store, gw_str user_id);
gw_user *gw_user_store_find_email(gw_user_store *store, gw_str email);
/* The first user whose id is greater; NULL: none. */
gw_user *gw_user_store_after(gw_user_store *store, uint64_t id);

/* A new user with the next id and empty texts.  NULL: the store is full. */
gw_user *gw_user_store_add(gw_user_store *store);
void gw_user_store_remove(gw_user_store *store, gw_user *user);

void gw_user_store_text_set(gw_user_text *text, gw_str value); /* value.n <= GW_USER_TEXT_MAX */
static inline gw_str gw_user_store_text(const gw_user_text *text) {
  return (gw_str){ text->p, text->n };
}
