#include "route/template.h"

#include "base/buf.h"
#include "unit/golden.h"

static void print_segment(const gw_segment *segment, gw_buf *out) {
  gw_str text = segment->kind == GW_SEGMENT_ONE    ? GW_STR("*")
                : segment->kind == GW_SEGMENT_MANY ? GW_STR("**")
                                                   : segment->literal;
  CHECK_INT(gw_buf_printf(out, " " GW_STR_FMT, GW_STR_ARG(text)), GW_OK);
}

static void print_template(const gw_template *template, gw_buf *out) {
  CHECK_INT(gw_buf_printf(out, "  segments:"), GW_OK);
  for (uint32_t i = 0; i < template->segment_count; i++)
    print_segment(&template->segments[i], out);
  for (uint32_t i = 0; i < template->var_count; i++) {
    const gw_template_var *var = &template->vars[i];
    CHECK_INT(gw_buf_printf(out, "; " GW_STR_FMT " = %u+%u%s", GW_STR_ARG(var->field_path),
                            var->first, var->count, var->multi ? " multi" : ""),
              GW_OK);
  }
  if (template->verb.n > 0) {
    CHECK_INT(gw_buf_printf(out, "; verb " GW_STR_FMT, GW_STR_ARG(template->verb)), GW_OK);
  }
  if (template->many >= 0) {
    CHECK_INT(gw_buf_printf(out, "; ** at %d", (int)template->many), GW_OK);
  }
  CHECK_INT(gw_buf_printf(out, "\n"), GW_OK);
}

static void run_template(golden_case *c, void *context) {
  (void)context;
  gw_str file = golden_read(c, "templates", true), rest = file;
  gw_arena arena;
  gw_buf out;
  gw_arena_init(&arena, NULL, GW_MIB(1));
  gw_buf_init(&out, NULL, GW_MIB(1));
  while (rest.n > 0) {
    gw_str line = gw_str_cut(&rest, '\n');
    gw_template template;
    gw_err err;
    gw_err_init(&err);
    CHECK_INT(gw_buf_printf(&out, GW_STR_FMT "\n", GW_STR_ARG(line)), GW_OK);
    if (gw_template_parse(line, &arena, &template, &err) == GW_OK) {
      print_template(&template, &out);
    } else {
      CHECK_INT(err.code, GW_BAD_VALUE);
      CHECK_INT(gw_buf_printf(&out, "%*s^ %s\n", (int)err.column - 1, "", err.text), GW_OK);
    }
  }
  golden_check(c, "parsed", gw_buf_str(&out));
  gw_buf_done(&out);
  gw_arena_done(&arena);
  free((void *)(uintptr_t)file.p);
}

TEST(template, golden) {
  golden_each("template", run_template, NULL);
}

static gw_code parse_repeated(const char *head, const char *piece, size_t count, const char *tail,
                              gw_err *err) {
  gw_arena arena;
  gw_template template;
  char text[2048] = "";
  gw_arena_init(&arena, NULL, GW_MIB(1));
  gw_err_init(err);
  size_t n = (size_t)snprintf(text, sizeof text, "%s", head);
  for (size_t i = 0; i < count; i++)
    n += (size_t)snprintf(text + n, sizeof text - n, piece, (int)i);
  n += (size_t)snprintf(text + n, sizeof text - n, "%s", tail);
  gw_code code = gw_template_parse((gw_str){ text, n }, &arena, &template, err);
  gw_arena_done(&arena);
  return code;
}

TEST(template, limits_are_where_they_are_said_to_be) {
  gw_err err;
  CHECK_INT(parse_repeated("", "/a", GW_TEMPLATE_SEGMENTS_MAX, "", &err), GW_OK);
  CHECK_INT(parse_repeated("", "/a", GW_TEMPLATE_SEGMENTS_MAX + 1, "", &err), GW_BAD_VALUE);
  CHECK_INT(parse_repeated("", "/{v%d}", GW_TEMPLATE_VARS_MAX, "", &err), GW_OK);
  CHECK_INT(parse_repeated("", "/{v%d}", GW_TEMPLATE_VARS_MAX + 1, "", &err), GW_BAD_VALUE);
  CHECK_INT(parse_repeated("/{a", ".a", GW_FIELD_PATH_MAX - 1, "}", &err), GW_OK);
  CHECK_INT(parse_repeated("/{a", ".a", GW_FIELD_PATH_MAX, "}", &err), GW_BAD_VALUE);
}

TEST(template, nul_and_foreign_bytes_are_refused) {
  static const gw_str bad[] = { GW_STR_INIT("/a\0"), GW_STR_INIT("/\0"), GW_STR_INIT("/\xc3\xa9"),
                                GW_STR_INIT("/{x\0}"), GW_STR_INIT("\0") };
  for (size_t i = 0; i < GW_COUNT_OF(bad); i++) {
    gw_arena arena;
    gw_template template;
    gw_err err;
    gw_err_init(&err);
    gw_arena_init(&arena, NULL, GW_MIB(1));
    CHECK_INT(gw_template_parse(bad[i], &arena, &template, &err), GW_BAD_VALUE);
    CHECK(err.column > 0 && err.column <= bad[i].n + 1);
    gw_arena_done(&arena);
  }
}

static gw_code parse_once(void *context) {
  gw_arena arena;
  gw_template template;
  gw_arena_init(&arena, NULL, GW_MIB(1));
  gw_code code = gw_template_parse(*(gw_str *)context, &arena, &template, NULL);
  gw_arena_done(&arena);
  return code;
}

TEST(template, survives_each_failed_alloc) {
  gw_str text = GW_STR("/v1/{name=shelves/*/books/**}/x:archive");
  test_fail_each_alloc(parse_once, &text);
}
