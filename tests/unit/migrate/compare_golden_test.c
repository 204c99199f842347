/* gw_compare over tests/golden/compare: policy, legacy and grpc (see answers.h); diffs is what was
 * found, and where the policy's last line is "texts", legacy_text and grpc_text are both bodies as
 * people are shown them.  Each case is also compared the other way around and with itself, and with
 * each allocation failing. */
#include "unit/golden.h"
#include "unit/migrate/answers.h"

static void release(gw_str text) {
  free((void *)(uintptr_t)text.p);
}

static void wrong(golden_case *c, const char *what) {
  print_error("%s: %s\n", c->path, what);
  c->failed = true;
}

static gw_diff_kind mirrored(gw_diff_kind kind) {
  return kind == GW_DIFF_MISSING ? GW_DIFF_EXTRA : kind == GW_DIFF_EXTRA ? GW_DIFF_MISSING : kind;
}

static uint64_t count_all(const gw_comparison *made) {
  uint64_t all = 0;
  for (int i = 0; i < GW_DIFF_KIND_COUNT; i++)
    all += made->kinds[i];
  return all;
}

static void check_mirror(golden_case *c, answers *a, const gw_comparison *made) {
  gw_comparison other;
  CHECK_INT(gw_compare(&a->migration, &a->grpc, &a->legacy, &a->arena, &other), GW_OK);
  if ((made->failed == NULL) != (other.failed == NULL)) wrong(c, "fails only one way around");
  for (int i = 0; i < GW_DIFF_KIND_COUNT; i++) {
    if (made->kinds[i] != other.kinds[mirrored((gw_diff_kind)i)])
      wrong(c, "finds other kinds the other way around");
  }
  if (count_all(made) != (uint64_t)made->count + made->more) wrong(c, "the kinds' sum is wrong");
}

static void check_self(golden_case *c, answers *a) {
  gw_comparison same;
  const gw_side_answer *sides[] = { &a->legacy, &a->grpc };
  for (size_t i = 0; i < GW_COUNT_OF(sides); i++) {
    CHECK_INT(gw_compare(&a->migration, sides[i], sides[i], &a->arena, &same), GW_OK);
    if (same.failed != NULL || same.count != 0) wrong(c, "an answer differs from itself");
  }
}

static gw_code compare_again(void *context) {
  answers *a = context;
  gw_comparison made;
  gw_arena arena;
  gw_arena_init(&arena, NULL, GW_MIB(64));
  gw_code code = gw_compare(&a->migration, &a->legacy, &a->grpc, &arena, &made);
  gw_arena_done(&arena);
  return code;
}

static void run_case(golden_case *c, void *context) {
  answers a;
  gw_comparison made;
  gw_str policy = golden_read(c, "policy", true), legacy = golden_read(c, "legacy", true);
  gw_str grpc = golden_read(c, "grpc", true), options = policy;
  bool texts = gw_str_ends(policy, GW_STR("texts\n"));
  (void)context;
  if (texts) options.n -= GW_STR("texts\n").n;
  answers_init(&a, options);
  answers_set(&a, &a.legacy, legacy);
  answers_set(&a, &a.grpc, grpc);
  CHECK_INT(gw_compare(&a.migration, &a.legacy, &a.grpc, &a.arena, &made), GW_OK);
  golden_check(c, "diffs", answers_print(&made, &a.arena));
  golden_check(c, "legacy_text", texts ? made.legacy_text : GW_STR(""));
  golden_check(c, "grpc_text", texts ? made.grpc_text : GW_STR(""));
  check_mirror(c, &a, &made);
  check_self(c, &a);
  test_fail_each_alloc(compare_again, &a);
  answers_done(&a);
  release(policy);
  release(legacy);
  release(grpc);
}

TEST(compare, golden_cases) {
  golden_each("compare", run_case, NULL);
}
