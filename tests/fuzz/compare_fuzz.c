/* Two answers' bodies, compared.  The first byte chooses message, status, form and policy; then
 * comes one body, a line "---", and the other one.  Checked: an answer never differs from itself,
 * also when a blank makes its bytes others; the other way around the same kinds are found,
 * mirrored, and as many; what was counted adds up; texts are bounded UTF-8, and pointers are
 * pointers. */
#include <stdio.h>
#include <stdlib.h>

#include "codec/utf8.h"
#include "migrate/compare.h"
#include "schema/load.h"

#define ARENA_MAX (256u << 20)
#define MARK      "\n---\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {
  "codectest.AllTypes", "codectest.Nested",      "editionstest.Defaults", "google.protobuf.Struct",
  "google.rpc.Status",  "google.protobuf.Value", "google.protobuf.Any",   NULL,
};

static gw_pool *pool;
static const gw_str nested_tokens[] = { GW_STR_INIT("nested"), GW_STR_INIT("name") };
static const gw_str lists_tokens[] = { GW_STR_INIT("repeated_nested") };
static const gw_str doubles_tokens[] = { GW_STR_INIT("*"), GW_STR_INIT("*") };
static const gw_pointer ignored = { GW_STR_INIT("/nested/name"), nested_tokens, 2 };
static const gw_pointer unordered = { GW_STR_INIT("/repeated_nested"), lists_tokens, 1 };
static const gw_tolerance tolerance = { { GW_STR_INIT("/*/*"), doubles_tokens, 2 }, 0.5 };
static const gw_compare_policy policy = {
  .ignore = &ignored,
  .ignore_count = 1,
  .unordered = &unordered,
  .unordered_count = 1,
  .tolerances = &tolerance,
  .tolerance_count = 1,
};

static void require(bool condition) {
  if (!condition) abort();
}

static void load(void) {
  static char bytes[2][1 << 20];
  static const char *const paths[] = { "descriptors/codec_test.pb",
                                       "descriptors/editions_test.pb" };
  gw_schema_source sources[2];
  for (int i = 0; i < 2; i++) {
    FILE *file = fopen(paths[i], "rb");
    if (file == NULL) abort(); /* run from the top of the tree */
    sources[i] = (gw_schema_source){ gw_str_of(paths[i]),
                                     { bytes[i], fread(bytes[i], 1, sizeof bytes[i], file) } };
    fclose(file);
  }
  if (gw_pool_load(sources, 2, NULL, NULL, &pool) != GW_OK) abort();
}

static gw_diff_kind mirrored(gw_diff_kind kind) {
  return kind == GW_DIFF_MISSING ? GW_DIFF_EXTRA : kind == GW_DIFF_EXTRA ? GW_DIFF_MISSING : kind;
}

static void check_text(gw_str text, size_t most) {
  require(text.n <= most);
  require(gw_utf8_valid(text));
}

static void check_one(const gw_comparison *c) {
  uint64_t all = 0;
  for (int i = 0; i < GW_DIFF_KIND_COUNT; i++)
    all += c->kinds[i];
  require(all == (uint64_t)c->count + c->more);
  require(c->count <= GW_DIFFS_MAX);
  require(c->failed == NULL || all == 0);
  for (uint32_t i = 0; i < c->count; i++) {
    const gw_diff *d = &c->items[i];
    require(d->pointer.n == 0 || d->pointer.p[0] == '/' || d->pointer.p[0] == 'h' ||
            d->pointer.p[0] == 's');
    require(d->legacy.p != NULL || d->grpc.p != NULL);
    check_text(d->pointer, 1024);
    check_text(d->pattern, 1024);
    check_text(d->legacy, GW_DIFF_TEXT_MAX);
    check_text(d->grpc, GW_DIFF_TEXT_MAX);
  }
  check_text(c->legacy_text, GW_COMPARE_TEXT_MAX);
  check_text(c->grpc_text, GW_COMPARE_TEXT_MAX);
}

/* False: the arena's limit. */
static bool compare(const gw_migration *m, const gw_side_answer *a, const gw_side_answer *b,
                    gw_arena *arena, gw_comparison *out) {
  gw_code code = gw_compare(m, a, b, arena, out);
  require(code == GW_OK || code == GW_NOMEM);
  if (code == GW_OK) check_one(out);
  return code == GW_OK;
}

static void check_self(const gw_migration *m, const gw_side_answer *a, gw_arena *arena) {
  gw_comparison c;
  gw_side_answer blank = *a;
  char *copy = gw_arena_alloc(arena, a->body.n + 1);
  if (!compare(m, a, a, arena, &c) || copy == NULL) return;
  require(c.failed == NULL && c.count == 0);
  if (a->body.n == 0 || a->content_type.n == 0) return; /* may be no JSON, where a blank counts */
  memcpy(copy, a->body.p, a->body.n);
  copy[a->body.n] = ' ';
  blank.body = (gw_str){ copy, a->body.n + 1 };
  if (compare(m, a, &blank, arena, &c)) require(c.count == 0);
}

static void check_both_ways(const gw_migration *m, const gw_side_answer *a, const gw_side_answer *b,
                            gw_arena *arena) {
  gw_comparison one, other;
  if (!compare(m, a, b, arena, &one) || !compare(m, b, a, arena, &other)) return;
  require((one.failed == NULL) == (other.failed == NULL));
  for (int i = 0; i < GW_DIFF_KIND_COUNT; i++)
    require(one.kinds[i] == other.kinds[mirrored((gw_diff_kind)i)]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (pool == NULL) load();
  if (size == 0) return 0;
  gw_arena arena;
  gw_json_style style = { 0 };
  gw_str text = { (const char *)data + 1, size - 1 };
  const char *mark = memmem(text.p, text.n, MARK, sizeof MARK - 1), *name = names[data[0] % 8];
  gw_str first = mark != NULL ? gw_str_from(text.p, mark) : text, second = GW_STR("{}");
  if (mark != NULL) second = gw_str_skip(text, first.n + sizeof MARK - 1);
  bool lines = (data[0] & 16) != 0;
  gw_migration m = { .pool = pool, .style = &style, .is_list = (data[0] & 64) != 0 };
  if (name != NULL) m.output = gw_pool_find_message(pool, gw_str_of(name));
  if ((data[0] & 32) != 0) m.compare = policy;
  gw_str json = GW_STR("application/json");
  gw_side_answer a = { .status = (data[0] & 8) != 0 ? 404 : 200, .content_type = json };
  gw_side_answer b = a;
  if (lines) a.content_type = GW_STR("application/x-ndjson");
  if ((data[0] & 128) != 0) b.content_type = lines ? a.content_type : GW_STR("");
  a.body = first;
  b.body = second;
  gw_arena_init(&arena, NULL, ARENA_MAX);
  check_self(&m, &a, &arena);
  check_self(&m, &b, &arena);
  check_both_ways(&m, &a, &b, &arena);
  gw_arena_done(&arena);
  return 0;
}
