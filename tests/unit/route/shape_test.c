#include "route/shape.h"

#include "unit/test.h"

static gw_template parse(gw_arena *arena, const char *text) {
  gw_template template = { 0 };
  gw_err err;
  gw_err_init(&err);
  CHECK_INT(gw_template_parse(gw_str_of(text), arena, &template, &err), GW_OK);
  return template;
}

static void check_covers(const char *wide, const char *narrow, bool wanted) {
  gw_arena arena;
  gw_arena_init(&arena, NULL, 1u << 20);
  gw_template a = parse(&arena, wide), b = parse(&arena, narrow);
  if (gw_shape_covers(&a, &b) != wanted) fail_msg("%s covers %s: %d", wide, narrow, !wanted);
  CHECK(gw_shape_covers(&a, &a));
  gw_arena_done(&arena);
}

TEST(shape, covers_what_takes_every_path_of_another) {
  check_covers("/v1/*", "/v1/a", true);
  check_covers("/v1/*", "/v1/{x}", true);
  check_covers("/v1/**", "/v1/a/b", true);
  check_covers("/v1/**", "/v1", true);
  check_covers("/v1/**", "/v1/{x=a/**}", true);
  check_covers("/**/end", "/a/b/end", true);
  check_covers("/**/end", "/end", true);
  check_covers("/a/**/end", "/a/**/b/end", true);
  check_covers("/v1/a", "/v1/*", false);
  check_covers("/v1/*", "/v1/**", false);
  check_covers("/v1/*", "/v1/a/b", false);
  check_covers("/v1/*", "/v1", false);
  check_covers("/**/end", "/a/b", false);
  check_covers("/a/**/a", "/a", false); /* front and end do not share a segment */
  check_covers("/a/*/**", "/a/**", false);
  check_covers("/v1/*:go", "/v1/a", false);
  check_covers("/v1/*:go", "/v1/a:go", true);
}

TEST(shape, has_no_names_of_variables) {
  gw_arena arena;
  gw_buf out;
  gw_arena_init(&arena, NULL, 1u << 20);
  gw_buf_init(&out, &arena, 1u << 10);
  gw_template template = parse(&arena, "/v1/{a}/b/{c=d/**}:go");
  CHECK_INT(gw_shape_print(&template, &out), GW_OK);
  CHECK_STR(gw_buf_str(&out), "/v1/*/b/d/**:go");
  gw_arena_done(&arena);
}
