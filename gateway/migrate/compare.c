#include "migrate/compare.h"

#include "migrate/body.h"
#include "migrate/json_text.h"
#include "migrate/meaning.h"
#include "migrate/walk.h"

#define NO_OPTION  GW_STR("")
#define WHOLE_BODY GW_STR("")

typedef struct comparing {
  const gw_migration *migration;
  const gw_side_answer *legacy, *grpc;
  gw_body legacy_body, grpc_body;
  gw_arena *arena;
  gw_diff_list list;
  bool is_type_listed; /* compare.headers has content-type */
  bool is_type_told;
} comparing;

static const gw_str absent = { NULL, 0 };

static bool is_success(int status) {
  return status >= 200 && status < 300;
}

/* ---- status and headers ---- */

static gw_code compare_status(comparing *c) {
  int a = c->legacy->status, b = c->grpc->status;
  if (a == b) return GW_OK;
  gw_str legacy = gw_arena_printf(c->arena, "%d", a), grpc = gw_arena_printf(c->arena, "%d", b);
  gw_str option = NO_OPTION;
  if (is_success(a) && is_success(b)) option = gw_arena_printf(c->arena, "success_status: %d", a);
  if (legacy.p == NULL || grpc.p == NULL || option.p == NULL) return GW_NOMEM;
  return gw_diff_list_add(&c->list, GW_STR("status"), GW_DIFF_VALUE, legacy, grpc, option);
}

static gw_code compare_header_values(comparing *c, gw_str name, gw_diff_kind kind, gw_str legacy,
                                     gw_str grpc, gw_str option) {
  gw_str a = absent, b = absent;
  if (legacy.p != NULL) a = gw_json_text_quote(legacy, GW_DIFF_TEXT_MAX, c->arena);
  if (grpc.p != NULL) b = gw_json_text_quote(grpc, GW_DIFF_TEXT_MAX, c->arena);
  gw_str pointer = gw_arena_printf(c->arena, "headers/" GW_STR_FMT, GW_STR_ARG(name));
  if (pointer.p == NULL || (legacy.p != NULL && a.p == NULL) || (grpc.p != NULL && b.p == NULL))
    return GW_NOMEM;
  return gw_diff_list_add(&c->list, pointer, kind, a, b, option);
}

/* p == NULL: absent. */
static gw_code compare_two(comparing *c, gw_str name, gw_str legacy, gw_str grpc) {
  if (legacy.p == NULL && grpc.p == NULL) return GW_OK;
  gw_diff_kind kind = legacy.p == NULL ? GW_DIFF_EXTRA
                      : grpc.p == NULL ? GW_DIFF_MISSING
                                       : GW_DIFF_VALUE;
  if (kind == GW_DIFF_VALUE && gw_str_eq(legacy, grpc)) return GW_OK;
  return compare_header_values(c, name, kind, legacy, grpc, NO_OPTION);
}

static gw_code compare_header(comparing *c, gw_str name) {
  gw_str legacy, grpc;
  gw_code code = gw_body_field(c->legacy, name, c->arena, &legacy);
  if (code == GW_OK) code = gw_body_field(c->grpc, name, c->arena, &grpc);
  return code == GW_OK ? compare_two(c, name, legacy, grpc) : code;
}

/* p == NULL: none. */
static gw_str type_of(const gw_side_answer *answer) {
  return answer->content_type.n > 0 ? answer->content_type : absent;
}

static gw_code compare_headers(comparing *c) {
  const gw_compare_policy *policy = &c->migration->compare;
  gw_code code = GW_OK;
  for (uint32_t i = 0; i < policy->header_count && code == GW_OK; i++) {
    if (gw_str_eq(policy->headers[i], GW_STR("content-type"))) {
      c->is_type_listed = true; /* is told once, after the bodies */
    } else {
      code = compare_header(c, policy->headers[i]);
    }
  }
  return code;
}

/* ---- bodies ---- */

static gw_code compare_add_whole(comparing *c, gw_diff_kind kind, gw_str legacy, gw_str grpc,
                                 gw_str option) {
  return gw_diff_list_add(&c->list, WHOLE_BODY, kind, legacy, grpc, option);
}

/* One JSON text of a whole body; p == NULL: there is none. */
static gw_code body_text(const comparing *c, const gw_body *body, gw_str *text) {
  gw_str shown;
  *text = absent;
  if (body->bytes.n == 0) return GW_OK;
  if (body->tree != NULL) {
    *text = gw_json_text_print(body->tree, false, GW_DIFF_TEXT_MAX, c->arena);
  } else {
    gw_code code = gw_body_print(body, c->migration, c->arena, &shown);
    if (code != GW_OK) return code;
    *text = gw_json_text_quote(shown, GW_DIFF_TEXT_MAX, c->arena);
  }
  return text->p != NULL ? GW_OK : GW_NOMEM;
}

static gw_code compare_wholes(comparing *c, gw_diff_kind kind, gw_str option) {
  gw_str legacy, grpc;
  gw_code code = body_text(c, &c->legacy_body, &legacy);
  if (code == GW_OK) code = body_text(c, &c->grpc_body, &grpc);
  return code == GW_OK ? compare_add_whole(c, kind, legacy, grpc, option) : code;
}

/* Only one side has a body: {} of an empty message is the same as none. */
static gw_code compare_with_none(comparing *c) {
  const gw_body *some = c->legacy_body.bytes.n > 0 ? &c->legacy_body : &c->grpc_body;
  bool is_default = some->tree != NULL && (some->tree->flags & GW_NODE_DEFAULT) != 0;
  if (some->tree != NULL && (some->tree->flags & GW_NODE_IGNORED) != 0) return GW_OK;
  if (is_default) {
    bool no_content = some == &c->grpc_body && c->legacy->status == 204;
    return compare_wholes(c, GW_DIFF_DEFAULT,
                          no_content ? GW_STR("success_status: 204") : NO_OPTION);
  }
  return compare_wholes(c, some == &c->legacy_body ? GW_DIFF_MISSING : GW_DIFF_EXTRA, NO_OPTION);
}

static gw_code compare_trees(comparing *c) {
  gw_walk walk = { .migration = c->migration,
                   .list = &c->list,
                   .arena = c->arena,
                   .is_error = !is_success(c->legacy->status) };
  return gw_walk_pair(&walk, c->legacy_body.tree, c->grpc_body.tree);
}

/* What an error says in either form: RFC 9457's detail is google.rpc.Status's message. */
static gw_code compare_error_forms(comparing *c) {
  bool to_problem = c->legacy_body.is_problem;
  const gw_json_node *a, *b;
  gw_str key = to_problem ? GW_STR("detail") : GW_STR("message");
  gw_str other = to_problem ? GW_STR("message") : GW_STR("detail");
  gw_code code = compare_wholes(c, GW_DIFF_REPRESENTATION,
                                to_problem ? GW_STR("errors: problem") : GW_STR("errors: google"));
  if (code != GW_OK) return code;
  a = gw_json_tree_find(c->legacy_body.tree, key);
  b = gw_json_tree_find(c->grpc_body.tree, other);
  if (a == NULL || b == NULL || a->type != b->type || a->type != GW_JSON_STRING ||
      gw_str_eq(gw_json_text(a), gw_json_text(b))) {
    return GW_OK;
  }
  gw_walk walk = { .migration = c->migration, .list = &c->list, .arena = c->arena };
  gw_diff_list_enter(&c->list, key, NULL, false);
  code = gw_walk_pair(&walk, a, b);
  gw_diff_list_leave(&c->list);
  return code;
}

static bool are_error_forms(const comparing *c) {
  const gw_body *a = &c->legacy_body, *b = &c->grpc_body;
  if (a->is_success || b->is_success) return false;
  return (a->is_problem && !a->is_status && b->is_status && !b->is_problem) ||
         (a->is_status && !a->is_problem && b->is_problem && !b->is_status);
}

static gw_str option_of_form(gw_body_form form) {
  switch (form) {
  case GW_BODY_LINES: return GW_STR("stream: ndjson");
  case GW_BODY_SSE: return GW_STR("stream: sse");
  default: return NO_OPTION;
  }
}

/* Other forms of body: lists are still compared, whatever form they have. */
static gw_code compare_forms(comparing *c, bool *compared) {
  const gw_body *a = &c->legacy_body, *b = &c->grpc_body;
  bool both_trees = a->tree != NULL && b->tree != NULL;
  bool lists = both_trees && a->tree->type == GW_JSON_ARRAY && b->tree->type == GW_JSON_ARRAY;
  bool lines = (a->form == GW_BODY_LINES) != (b->form == GW_BODY_LINES);
  gw_str option = option_of_form(a->form);
  *compared = both_trees && (!lines || lists);
  bool is_untyped = a->form == GW_BODY_UNTYPED || b->form == GW_BODY_UNTYPED;
  if (is_untyped && *compared) return GW_OK;
  if (lists && a->form == GW_BODY_JSON) option = GW_STR("stream: array");
  c->is_type_told = true;
  return compare_header_values(c, GW_STR("content-type"),
                               lists ? GW_DIFF_REPRESENTATION : GW_DIFF_TYPE, type_of(c->legacy),
                               type_of(c->grpc), option);
}

static gw_code compare_bodies(comparing *c, const char **failed) {
  gw_body *a = &c->legacy_body, *b = &c->grpc_body;
  bool compared = true;
  gw_code code = GW_OK;
  if (a->form == b->form && gw_str_eq(a->bytes, b->bytes)) return GW_OK;
  code = gw_body_read(a, "legacy", c->migration, c->arena);
  *failed = a->failed != NULL ? a->failed : b->failed;
  if (code != GW_OK || *failed != NULL) return code;
  if (a->form == GW_BODY_NONE || b->form == GW_BODY_NONE) return compare_with_none(c);
  if (a->form != b->form) code = compare_forms(c, &compared);
  if (code != GW_OK || !compared) return code;
  if (a->tree == NULL || b->tree == NULL) return compare_wholes(c, GW_DIFF_VALUE, NO_OPTION);
  return are_error_forms(c) ? compare_error_forms(c) : compare_trees(c);
}

static gw_code compare_types(comparing *c) {
  if (!c->is_type_listed || c->is_type_told) return GW_OK;
  return compare_two(c, GW_STR("content-type"), type_of(c->legacy), type_of(c->grpc));
}

static gw_code compare_all(comparing *c, const char **failed) {
  const gw_migration *m = c->migration;
  gw_code code = compare_status(c);
  if (code == GW_OK) code = compare_headers(c);
  if (code == GW_OK) code = gw_body_open(&c->legacy_body, c->legacy, "legacy", m, c->arena);
  if (code == GW_OK) code = gw_body_open(&c->grpc_body, c->grpc, "grpc", m, c->arena);
  if (code == GW_OK) code = gw_body_read(&c->grpc_body, "grpc", m, c->arena);
  if (code != GW_OK) return code;
  /* Where only one of them failed the rest differs because of that. */
  if (is_success(c->legacy->status) == is_success(c->grpc->status))
    code = compare_bodies(c, failed);
  return code == GW_OK ? compare_types(c) : code;
}

gw_code gw_compare(const gw_migration *migration, const gw_side_answer *legacy,
                   const gw_side_answer *grpc, gw_arena *arena, gw_comparison *out) {
  comparing c = { .migration = migration, .legacy = legacy, .grpc = grpc, .arena = arena };
  gw_comparison made = { .failed = NULL };
  gw_diff_list_init(&c.list, arena);
  gw_code code = compare_all(&c, &made.failed);
  if (code != GW_OK) return GW_NOMEM;
  if (c.grpc_body.is_success) made.grpc_body = c.grpc_body.tree;
  if (made.failed == NULL) {
    made.items = c.list.items;
    made.count = c.list.count;
    made.more = c.list.more;
    memcpy(made.kinds, c.list.kinds, sizeof made.kinds);
  }
  if (made.count > 0) {
    code = gw_body_read(&c.legacy_body, "legacy", migration, arena);
    if (code == GW_OK) code = gw_body_print(&c.legacy_body, migration, arena, &made.legacy_text);
    if (code == GW_OK) code = gw_body_print(&c.grpc_body, migration, arena, &made.grpc_text);
  }
  if (code == GW_OK) *out = made;
  return code;
}
