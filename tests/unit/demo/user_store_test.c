#include "demo/user_store.h"

#include "unit/test.h"

TEST(user_store, finds_by_the_one_spelling_of_an_id) {
  gw_user_store *store = gw_user_store_new();
  CHECK_STR(gw_user_store_text(&gw_user_store_find(store, GW_STR("7"))->name), "Ada Lovelace");
  CHECK(gw_user_store_find(store, GW_STR("07")) == NULL);
  CHECK(gw_user_store_find(store, GW_STR("")) == NULL);
  CHECK(gw_user_store_find(store, GW_STR("0")) == NULL);
  CHECK(gw_user_store_find(store, GW_STR("6")) == NULL);
  CHECK(gw_user_store_find(store, GW_STR("7x")) == NULL);
  CHECK(gw_user_store_find(store, GW_STR("99999999999999999999")) == NULL);
  gw_user_store_free(store);
}

TEST(user_store, never_gives_an_id_twice) {
  gw_user_store *store = gw_user_store_new();
  gw_user *last = gw_user_store_add(store);
  uint64_t id = last->id;
  gw_user_store_remove(store, last);
  CHECK_INT(gw_user_store_add(store)->id, id + 1);
  CHECK(gw_user_store_after(store, id - 1)->id == id + 1);
  gw_user_store_free(store);
}

TEST(user_store, walks_in_order_over_gaps) {
  gw_user_store *store = gw_user_store_new();
  gw_user_store_remove(store, gw_user_store_find(store, GW_STR("8")));
  CHECK_INT(gw_user_store_after(store, 0)->id, 7);
  CHECK_INT(gw_user_store_after(store, 7)->id, 9);
  CHECK(gw_user_store_after(store, 9) == NULL);
  gw_user_store_free(store);
}

TEST(user_store, is_bounded) {
  gw_user_store *store = gw_user_store_new();
  size_t added = 0;
  while (gw_user_store_add(store) != NULL)
    added++;
  CHECK_INT(added, GW_USERS_MAX - 3);
  gw_user_store_remove(store, gw_user_store_after(store, 0));
  CHECK(gw_user_store_add(store) != NULL);
  CHECK(gw_user_store_add(store) == NULL);
  gw_user_store_free(store);
}

TEST(user_store, finds_emails) {
  gw_user_store *store = gw_user_store_new();
  CHECK_INT(gw_user_store_find_email(store, GW_STR("grace@example.com"))->id, 8);
  CHECK(gw_user_store_find_email(store, GW_STR("grace@example.co")) == NULL);
  gw_user_store_free(store);
}
