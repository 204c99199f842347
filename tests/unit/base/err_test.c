#include "base/err.h"
#include "unit/test.h"

TEST(err, the_first_error_wins) {
  gw_err err;
  gw_err_init(&err);
  CHECK_INT(gw_err_set(&err, GW_BAD_VALUE, "%s is %d", "x", 7), GW_BAD_VALUE);
  CHECK_INT(gw_err_set(&err, GW_NOMEM, "later"), GW_NOMEM);
  CHECK_INT(gw_err_at(&err, GW_TOO_LARGE, GW_STR("there"), "later"), GW_TOO_LARGE);
  CHECK_INT(err.code, GW_BAD_VALUE);
  CHECK_STR(gw_str_of(err.text), "x is 7");
  CHECK_STR(gw_str_of(err.where), "");
}

TEST(err, outer_functions_only_add) {
  gw_err err;
  gw_err_init(&err);
  CHECK_INT(gw_err_at(&err, GW_BAD_VALUE, GW_STR("a.b"), "wrong"), GW_BAD_VALUE);
  gw_err_where(&err, GW_STR("other"));
  gw_err_position(&err, 3, 4);
  gw_err_position(&err, 5, 6);
  CHECK_STR(gw_str_of(err.where), "a.b");
  CHECK(err.line == 3 && err.column == 4);
  gw_err_init(&err);
  CHECK(err.code == GW_OK && err.line == 0 && err.text[0] == '\0' && err.where[0] == '\0');
  gw_err_set(&err, GW_BAD_VALUE, "wrong");
  gw_err_where(&err, GW_STR("added"));
  CHECK_STR(gw_str_of(err.where), "added");
}

TEST(err, prints_what_the_place_is) {
  gw_err err;
  char text[64], cut[8];
  gw_err_init(&err);
  gw_err_set(&err, GW_BAD_VALUE, "wrong");
  CHECK_INT(gw_err_print(&err, text, sizeof text), 5);
  CHECK_STR(gw_str_of(text), "wrong");
  gw_err_where(&err, GW_STR("a.b"));
  gw_err_print(&err, text, sizeof text);
  CHECK_STR(gw_str_of(text), "a.b: wrong");
  gw_err_origin(&err, "header");
  gw_err_origin(&err, "other");
  gw_err_origin(NULL, "header");
  gw_err_print(&err, text, sizeof text);
  CHECK_STR(gw_str_of(text), "header a.b: wrong");
  CHECK_INT(gw_err_print(&err, cut, sizeof cut), 7);
  CHECK_STR(gw_str_of(cut), "header ");
  gw_err_init(&err);
  gw_err_set(&err, GW_BAD_VALUE, "wrong");
  gw_err_print(&err, text, sizeof text);
  CHECK_STR(gw_str_of(text), "wrong");
}

TEST(err, prints_the_place_in_a_text) {
  gw_err err;
  char text[64], cut[8];
  gw_err_init(&err);
  gw_err_set(&err, GW_BAD_VALUE, "wrong");
  gw_err_pointer(NULL, GW_STR("/a"));
  CHECK_INT(gw_err_place_print(&err, text, sizeof text), 0);
  CHECK_STR(gw_str_of(text), "");
  gw_err_position(&err, 2, 7);
  gw_err_place_print(&err, text, sizeof text);
  CHECK_STR(gw_str_of(text), " (line 2, column 7)");
  gw_err_pointer(&err, GW_STR("/a/0"));
  gw_err_pointer(&err, GW_STR("/other"));
  gw_err_place_print(&err, text, sizeof text);
  CHECK_STR(gw_str_of(text), " (at /a/0, line 2, column 7)");
  CHECK_INT(gw_err_place_print(&err, cut, sizeof cut), 7);
  CHECK_STR(gw_str_of(cut), " (at /a");
}

TEST(err, cuts_what_is_too_long) {
  gw_err err;
  char endless[1000];
  memset(endless, 'x', sizeof endless);
  gw_err_init(&err);
  gw_err_at(&err, GW_BAD_VALUE, (gw_str){ endless, sizeof endless }, "%.*s", 1000, endless);
  CHECK_INT(strlen(err.text), sizeof err.text - 1);
  CHECK_INT(strlen(err.where), sizeof err.where - 1);
}

TEST(err, accepts_that_nobody_listens) {
  CHECK_INT(gw_err_set(NULL, GW_NOMEM, "%d", 1), GW_NOMEM);
  CHECK_INT(gw_err_at(NULL, GW_NOMEM, GW_STR("x"), "%d", 1), GW_NOMEM);
  gw_err_where(NULL, GW_STR("x"));
  gw_err_position(NULL, 1, 2);
}
