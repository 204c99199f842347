#include "migrate/body.h"

#include "codec/utf8.h"
#include "migrate/json_text.h"
#include "migrate/meaning.h"
#include "net/gzip.h"

#define BODY_BYTES_DEFAULT GW_MIB(1) /* inflated; as shadow.body's default */

/* ---- header fields ---- */

gw_code gw_body_field(const gw_side_answer *answer, gw_str name, gw_arena *arena, gw_str *value) {
  gw_buf joined;
  uint32_t found = 0;
  gw_code code = GW_OK;
  gw_buf_init(&joined, arena, SIZE_MAX / 2);
  *value = (gw_str){ NULL, 0 };
  for (uint32_t i = 0; i < answer->field_count && code == GW_OK; i++) {
    if (!gw_str_eq_nocase(answer->fields[i].name, name)) continue;
    gw_str one = gw_str_trim(answer->fields[i].value, " \t");
    if (found++ == 0) {
      *value = one.n > 0 ? one : GW_STR("");
      continue;
    }
    if (found == 2) code = gw_buf_append(&joined, *value);
    if (code == GW_OK) code = gw_buf_append(&joined, GW_STR(", "));
    if (code == GW_OK) code = gw_buf_append(&joined, one);
  }
  if (code != GW_OK) return GW_NOMEM;
  if (found > 1) *value = gw_buf_str(&joined);
  return GW_OK;
}

/* "application/json" of "Application/JSON; charset=utf-8"; compared without regard to case. */
static gw_body_form form_of_type(gw_str type) {
  static const struct {
    gw_str name;
    gw_body_form form;
  } names[] = {
    { GW_STR_INIT("application/json"), GW_BODY_JSON },
    { GW_STR_INIT("text/json"), GW_BODY_JSON },
    { GW_STR_INIT("application/x-ndjson"), GW_BODY_LINES },
    { GW_STR_INIT("application/ndjson"), GW_BODY_LINES },
    { GW_STR_INIT("application/jsonl"), GW_BODY_LINES },
    { GW_STR_INIT("application/json-lines"), GW_BODY_LINES },
    { GW_STR_INIT("text/event-stream"), GW_BODY_SSE },
  };
  gw_str name = gw_str_trim(gw_str_cut(&type, ';'), " \t");
  if (name.n == 0) return GW_BODY_UNTYPED;
  for (size_t i = 0; i < GW_COUNT_OF(names); i++) {
    if (gw_str_eq_nocase(name, names[i].name)) return names[i].form;
  }
  gw_str suffix = GW_STR("+json"); /* RFC 6839 section 3.1 */
  bool is_json =
      name.n > suffix.n && gw_str_eq_nocase(gw_str_skip(name, name.n - suffix.n), suffix);
  return is_json ? GW_BODY_JSON : GW_BODY_OTHER;
}

static bool is_problem_type(gw_str type) {
  gw_str name = gw_str_trim(gw_str_cut(&type, ';'), " \t");
  return gw_str_eq_nocase(name, GW_STR("application/problem+json"));
}

/* ---- content-encoding ---- */

static const char *body_reason(gw_arena *arena, const char *format, const char *side,
                               const char *what, gw_code *code) {
  gw_str text = gw_arena_printf(arena, format, side, what);
  *code = text.p != NULL ? GW_OK : GW_NOMEM;
  return text.p;
}

static gw_code body_inflate(gw_body *body, const char *side, const gw_migration *migration,
                            gw_arena *arena) {
  gw_gzip *gzip = gw_gzip_new();
  size_t most = migration->shadow.body_bytes;
  gw_buf out;
  gw_err err;
  if (gzip == NULL) return GW_NOMEM;
  gw_err_init(&err);
  gw_buf_init(&out, arena, SIZE_MAX / 2);
  gw_code code =
      gw_gzip_inflate(gzip, body->bytes, most > 0 ? most : BODY_BYTES_DEFAULT, &out, &err);
  gw_gzip_free(gzip);
  if (code == GW_OK) body->bytes = gw_buf_str(&out);
  if (code == GW_OK || code == GW_NOMEM) return code;
  body->failed = body_reason(arena, "%s's body: %s", side, err.text, &code);
  return code;
}

static gw_code body_decode(gw_body *body, const gw_side_answer *answer, const char *side,
                           const gw_migration *migration, gw_arena *arena) {
  gw_str coding;
  gw_code code = gw_body_field(answer, GW_STR("content-encoding"), arena, &coding);
  if (code != GW_OK || coding.n == 0 || gw_str_eq_nocase(coding, GW_STR("identity"))) return code;
  if (gw_str_eq_nocase(coding, GW_STR("gzip")) || gw_str_eq_nocase(coding, GW_STR("x-gzip")))
    return body_inflate(body, side, migration, arena);
  body->failed =
      body_reason(arena, "%s's body: a content-encoding other than gzip%s", side, "", &code);
  return code;
}

gw_code gw_body_open(gw_body *body, const gw_side_answer *answer, const char *side,
                     const gw_migration *migration, gw_arena *arena) {
  *body = (gw_body){ .bytes = answer->body,
                     .is_success = answer->status >= 200 && answer->status < 300,
                     .is_problem = is_problem_type(answer->content_type) };
  if (answer->body.n == 0) return GW_OK;
  body->form = form_of_type(answer->content_type);
  gw_code code = body_decode(body, answer, side, migration, arena);
  if (body->bytes.n == 0) body->form = GW_BODY_NONE;
  body->may_be_json =
      body->form == GW_BODY_JSON || body->form == GW_BODY_LINES || body->form == GW_BODY_UNTYPED;
  return code;
}

/* ---- trees ---- */

static bool has_member(const gw_json_node *object, const char *name, gw_json_type type) {
  const gw_json_node *member = gw_json_tree_find(object, gw_str_of(name));
  return member != NULL && member->type == type;
}

static gw_code body_find_meaning(gw_body *body, const gw_migration *migration, gw_arena *arena) {
  gw_meaning meaning = { .policy = &migration->compare, .pool = migration->pool, .arena = arena };
  if (body->is_success) {
    meaning.root = migration->output;
    meaning.is_list = migration->is_list || body->form == GW_BODY_LINES;
  } else {
    body->is_status = has_member(body->tree, "code", GW_JSON_NUMBER) &&
                      has_member(body->tree, "message", GW_JSON_STRING);
    body->is_problem = body->is_problem || (has_member(body->tree, "title", GW_JSON_STRING) &&
                                            has_member(body->tree, "status", GW_JSON_NUMBER));
    if (body->is_status && migration->pool != NULL)
      meaning.root = gw_pool_find_message(migration->pool, GW_STR("google.rpc.Status"));
  }
  return gw_meaning_find(&meaning, body->tree);
}

gw_code gw_body_read(gw_body *body, const char *side, const gw_migration *migration,
                     gw_arena *arena) {
  gw_err err;
  if (!body->may_be_json || body->tree != NULL || body->failed != NULL) return GW_OK;
  gw_err_init(&err);
  gw_code code =
      gw_json_tree_parse(body->bytes, body->form == GW_BODY_LINES, arena, &body->tree, &err);
  if (code == GW_OK) return body_find_meaning(body, migration, arena);
  if (code == GW_NOMEM || body->form == GW_BODY_UNTYPED) return code == GW_NOMEM ? code : GW_OK;
  gw_str reason = gw_arena_printf(arena, "%s's body is no JSON: %s at line %u, column %u", side,
                                  err.text, err.line, err.column);
  if (reason.p == NULL) return GW_NOMEM;
  body->failed = reason.p;
  return GW_OK;
}

gw_code gw_body_print(const gw_body *body, const gw_migration *migration, gw_arena *arena,
                      gw_str *text) {
  *text = GW_STR("");
  if (body->bytes.n == 0) return GW_OK;
  if (body->tree != NULL) {
    *text = gw_json_text_print(body->tree, true, GW_COMPARE_TEXT_MAX, arena);
    return text->p != NULL ? GW_OK : GW_NOMEM;
  }
  bool secret = migration->output != NULL &&
                gw_meaning_has_secrets(migration->pool, migration->output, arena);
  gw_str first = gw_str_first(body->bytes, gw_size_min(body->bytes.n, GW_COMPARE_TEXT_MAX));
  size_t valid = gw_utf8_valid_prefix(first);
  bool is_text = first.n - valid < 4 && memchr(first.p, '\0', first.n) == NULL;
  if (secret) {
    *text = GW_STR("[redacted]");
  } else if (is_text) {
    *text = gw_str_first(first, valid);
  } else {
    *text = gw_arena_printf(arena, "[%zu bytes]", body->bytes.n);
  }
  return text->p != NULL ? GW_OK : GW_NOMEM;
}
