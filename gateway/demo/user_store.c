#include "demo/user_store.h"

#include <stdlib.h>

struct gw_user_store {
  gw_user users[GW_USERS_MAX];
  size_t count;
  uint64_t next_id;
};

static void store_fill(gw_user_store *store) {
  static const struct {
    const char *name, *email;
    int64_t created_at;
  } first[] = {
    { "Ada Lovelace", "ada@example.com", 1714564800 },
    { "Grace Hopper", "grace@example.com", 1714651200 },
    { "Barbara Liskov", "barbara@example.com", 1714737600 },
  };
  for (size_t i = 0; i < GW_COUNT_OF(first); i++) {
    gw_user *user = gw_user_store_add(store);
    gw_user_store_text_set(&user->name, gw_str_of(first[i].name));
    gw_user_store_text_set(&user->email, gw_str_of(first[i].email));
    user->created_at = first[i].created_at;
  }
}

gw_user_store *gw_user_store_new(void) {
  gw_user_store *store = calloc(1, sizeof *store);
  if (store == NULL) return NULL;
  store->next_id = 7;
  store_fill(store);
  return store;
}

void gw_user_store_free(gw_user_store *store) {
  free(store);
}

gw_user *gw_user_store_after(gw_user_store *store, uint64_t id) {
  size_t low = 0, high = store->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (store->users[middle].id <= id)
      low = middle + 1;
    else
      high = middle;
  }
  return low < store->count ? &store->users[low] : NULL;
}

gw_user *gw_user_store_find(gw_user_store *store, gw_str user_id) {
  uint64_t id;
  /* "07" is no second name of user 7. */
  if (user_id.n == 0 || user_id.p[0] == '0' || !gw_str_parse_u64(user_id, &id)) return NULL;
  gw_user *user = gw_user_store_after(store, id - 1);
  return user != NULL && user->id == id ? user : NULL;
}

gw_user *gw_user_store_find_email(gw_user_store *store, gw_str email) {
  for (size_t i = 0; i < store->count; i++) {
    if (gw_str_eq(gw_user_store_text(&store->users[i].email), email)) return &store->users[i];
  }
  return NULL;
}

gw_user *gw_user_store_add(gw_user_store *store) {
  if (store->count == GW_USERS_MAX) return NULL;
  gw_user *user = &store->users[store->count++];
  *user = (gw_user){ .id = store->next_id++ };
  return user;
}

void gw_user_store_remove(gw_user_store *store, gw_user *user) {
  gw_user *end = store->users + store->count;
  assert(user >= store->users && user < end);
  memmove(user, user + 1, (size_t)(end - (user + 1)) * sizeof *user);
  store->count--;
}

void gw_user_store_text_set(gw_user_text *text, gw_str value) {
  assert(value.n <= GW_USER_TEXT_MAX);
  if (value.n > 0) memcpy(text->p, value.p, value.n);
  text->n = value.n;
}
