#include "unit/migrate/answers.h"

#include "net/gzip.h"
#include "schema/load.h"

static gw_pool *answers_loaded;

static void answers_report(void *context, const gw_err *err) {
  (void)context;
  fail_msg("%s: %s", err->where, err->text);
}

__attribute__((destructor)) static void answers_free_pool(void) {
  gw_pool_free(answers_loaded);
}

const gw_pool *answers_pool(void) {
  static const char *const paths[] = { "descriptors/codec_test.pb", "descriptors/codec_test2.pb",
                                       "descriptors/editions_test.pb" };
  gw_schema_source sources[GW_COUNT_OF(paths)];
  if (answers_loaded != NULL) return answers_loaded;
  for (size_t i = 0; i < GW_COUNT_OF(paths); i++)
    sources[i] = (gw_schema_source){ gw_str_of(paths[i]), test_read_file(paths[i]) };
  CHECK_INT(gw_pool_load(sources, GW_COUNT_OF(paths), answers_report, NULL, &answers_loaded),
            GW_OK);
  for (size_t i = 0; i < GW_COUNT_OF(paths); i++)
    free((void *)(uintptr_t)sources[i].bytes.p);
  return answers_loaded;
}

/* ---- the policy ---- */

static void *answers_alloc(answers *a, size_t size) {
  void *piece = gw_arena_zalloc(&a->arena, size);
  CHECK(piece != NULL);
  return piece;
}

static gw_pointer answers_pointer(answers *a, gw_str text) {
  gw_str *tokens = answers_alloc(a, (text.n + 1) * sizeof *tokens), rest = text;
  uint32_t count = 0;
  while (rest.n > 0) {
    CHECK(rest.p[0] == '/');
    rest = gw_str_skip(rest, 1);
    size_t n = gw_str_find(rest, '/');
    tokens[count++] = gw_str_first(rest, n);
    rest = gw_str_skip(rest, n);
  }
  return (gw_pointer){ text, tokens, count };
}

#define POINTERS_MAX 16

static void answers_add_pointer(answers *a, const gw_pointer **list, uint32_t *count, gw_str text) {
  if (*list == NULL) *list = answers_alloc(a, POINTERS_MAX * sizeof **list);
  CHECK(*count < POINTERS_MAX);
  ((gw_pointer *)(uintptr_t)*list)[(*count)++] = answers_pointer(a, text);
}

static void answers_add_tolerance(answers *a, gw_str text) {
  gw_compare_policy *policy = &a->migration.compare;
  gw_str pointer = gw_str_cut(&text, ' ');
  if (policy->tolerances == NULL)
    policy->tolerances = answers_alloc(a, POINTERS_MAX * sizeof *policy->tolerances);
  CHECK(policy->tolerance_count < POINTERS_MAX);
  gw_tolerance *to = (gw_tolerance *)(uintptr_t)&policy->tolerances[policy->tolerance_count++];
  *to =
      (gw_tolerance){ answers_pointer(a, pointer), strtod(gw_arena_copy(&a->arena, text).p, NULL) };
}

static void answers_add_header(answers *a, gw_str name) {
  gw_compare_policy *policy = &a->migration.compare;
  if (policy->headers == NULL)
    policy->headers = answers_alloc(a, POINTERS_MAX * sizeof *policy->headers);
  CHECK(policy->header_count < POINTERS_MAX);
  ((gw_str *)(uintptr_t)policy->headers)[policy->header_count++] = name;
}

static void answers_option(answers *a, gw_str line) {
  gw_str word = gw_str_cut(&line, ' ');
  gw_compare_policy *policy = &a->migration.compare;
  gw_migration *m = &a->migration;
  if (gw_str_eq(word, GW_STR("message"))) {
    m->output = gw_pool_find_message(answers_pool(), line);
    if (m->output == NULL) fail_msg("no message " GW_STR_FMT, GW_STR_ARG(line));
  } else if (gw_str_eq(word, GW_STR("list"))) {
    m->is_list = true;
  } else if (gw_str_eq(word, GW_STR("ignore"))) {
    answers_add_pointer(a, &policy->ignore, &policy->ignore_count, line);
  } else if (gw_str_eq(word, GW_STR("unordered"))) {
    answers_add_pointer(a, &policy->unordered, &policy->unordered_count, line);
  } else if (gw_str_eq(word, GW_STR("tolerance"))) {
    answers_add_tolerance(a, line);
  } else if (gw_str_eq(word, GW_STR("header"))) {
    answers_add_header(a, line);
  } else if (gw_str_eq(word, GW_STR("json.int64"))) {
    a->style.int64_number = gw_str_eq(line, GW_STR("number"));
  } else if (gw_str_eq(word, GW_STR("json.names"))) {
    a->style.proto_names = gw_str_eq(line, GW_STR("proto"));
  } else if (gw_str_eq(word, GW_STR("json.enums"))) {
    a->style.enum_number = gw_str_eq(line, GW_STR("number"));
  } else if (gw_str_eq(word, GW_STR("json.emit"))) {
    a->style.emit = gw_str_eq(line, GW_STR("all")) ? GW_EMIT_ALL : GW_EMIT_NULLS;
  } else if (gw_str_eq(word, GW_STR("body"))) {
    uint64_t bytes = 0;
    CHECK(gw_str_parse_u64(line, &bytes));
    m->shadow.body_bytes = (size_t)bytes;
  } else {
    fail_msg("unknown option " GW_STR_FMT, GW_STR_ARG(word));
  }
}

void answers_init(answers *a, gw_str policy) {
  memset(a, 0, sizeof *a);
  gw_arena_init(&a->arena, NULL, GW_MIB(64));
  a->migration.pool = answers_pool();
  a->migration.style = &a->style;
  while (policy.n > 0) {
    gw_str line = gw_str_cut(&policy, '\n');
    if (line.n > 0) answers_option(a, line);
  }
}

void answers_done(answers *a) {
  gw_arena_done(&a->arena);
}

/* ---- an answer ---- */

static gw_str answers_gzip(answers *a, gw_str body) {
  gw_gzip *gzip = gw_gzip_new();
  gw_buf out;
  CHECK(gzip != NULL);
  gw_buf_init(&out, &a->arena, SIZE_MAX / 2);
  CHECK_INT(gw_gzip_deflate(gzip, body, &out), GW_OK);
  gw_gzip_free(gzip);
  return gw_buf_str(&out);
}

void answers_set(answers *a, gw_side_answer *side, gw_str text) {
  gw_header *fields = answers_alloc(a, 16 * sizeof *fields);
  uint64_t status = 0;
  bool is_gzip = false;
  *side = (gw_side_answer){ .fields = fields };
  CHECK(gw_str_parse_u64(gw_str_cut(&text, '\n'), &status));
  side->status = (int)status;
  for (;;) {
    gw_str line = gw_str_cut(&text, '\n');
    if (line.n == 0) break;
    gw_str name = gw_str_cut(&line, ':'), value = gw_str_trim(line, " ");
    CHECK(side->field_count < 16);
    fields[side->field_count++] = (gw_header){ name, value };
    if (gw_str_eq_nocase(name, GW_STR("content-type"))) side->content_type = value;
    if (gw_str_eq(name, GW_STR("content-encoding")) && gw_str_eq(value, GW_STR("gzip")))
      is_gzip = true;
  }
  if (text.n > 0 && text.p[text.n - 1] == '\n') text.n--;
  side->body = is_gzip ? answers_gzip(a, text) : text;
}

/* ---- what was found ---- */

static gw_str shown(gw_str text) {
  return text.p != NULL ? text : GW_STR("absent");
}

gw_str answers_print(const gw_comparison *c, gw_arena *arena) {
  gw_buf out;
  gw_buf_init(&out, arena, SIZE_MAX / 2);
  if (c->failed != NULL) {
    CHECK_INT(gw_buf_printf(&out, "failed: %s\n", c->failed), GW_OK);
    return gw_buf_str(&out);
  }
  if (c->count == 0) return GW_STR("equal\n");
  for (uint32_t i = 0; i < c->count; i++) {
    const gw_diff *d = &c->items[i];
    CHECK_INT(gw_buf_printf(&out, GW_STR_FMT " " GW_STR_FMT, GW_STR_ARG(gw_diff_kind_name(d->kind)),
                            GW_STR_ARG(d->pointer.n > 0 ? d->pointer : GW_STR("(all)"))),
              GW_OK);
    if (!gw_str_eq(d->pattern, d->pointer))
      CHECK_INT(gw_buf_printf(&out, " of " GW_STR_FMT, GW_STR_ARG(d->pattern)), GW_OK);
    CHECK_INT(gw_buf_printf(&out, ": " GW_STR_FMT " | " GW_STR_FMT, GW_STR_ARG(shown(d->legacy)),
                            GW_STR_ARG(shown(d->grpc))),
              GW_OK);
    if (d->option.n > 0)
      CHECK_INT(gw_buf_printf(&out, "  <- " GW_STR_FMT, GW_STR_ARG(d->option)), GW_OK);
    CHECK_INT(gw_buf_append(&out, GW_STR("\n")), GW_OK);
  }
  if (c->more > 0) CHECK_INT(gw_buf_printf(&out, "and %u more\n", c->more), GW_OK);
  return gw_buf_str(&out);
}
