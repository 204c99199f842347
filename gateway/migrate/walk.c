#include "migrate/walk.h"

#include <math.h>

#include "migrate/json_text.h"
#include "migrate/meaning.h"

#define NO_OPTION GW_STR("")

static bool node_has(const gw_json_node *node, unsigned flag) {
  return (node->flags & flag) != 0;
}

static bool is_bool(const gw_json_node *node) {
  return node->type == GW_JSON_TRUE || node->type == GW_JSON_FALSE;
}

static bool is_container(const gw_json_node *node) {
  return node->type >= GW_JSON_ARRAY;
}

/* ---- reports ---- */

static gw_code walk_text(const gw_walk *walk, const gw_json_node *node, bool redacted,
                         gw_str *text) {
  *text = (gw_str){ NULL, 0 };
  if (node == NULL) return GW_OK;
  *text = redacted ? GW_STR(GW_REDACTED)
                   : gw_json_text_print(node, false, GW_DIFF_TEXT_MAX, walk->arena);
  return text->p != NULL ? GW_OK : GW_NOMEM;
}

gw_code gw_walk_report(const gw_walk *walk, gw_diff_kind kind, const gw_json_node *legacy,
                       const gw_json_node *grpc, gw_str option) {
  bool wanted, redacted = (legacy != NULL && node_has(legacy, GW_NODE_REDACTED)) ||
                          (grpc != NULL && node_has(grpc, GW_NODE_REDACTED));
  gw_str legacy_text, grpc_text;
  gw_code code = gw_diff_list_count(walk->list, kind, &wanted);
  if (code != GW_OK || !wanted) return code;
  code = walk_text(walk, legacy, redacted, &legacy_text);
  if (code == GW_OK) code = walk_text(walk, grpc, redacted, &grpc_text);
  if (code != GW_OK) return code;
  return gw_diff_list_put(walk->list, kind, legacy_text, grpc_text, option);
}

/* ---- options ---- */

static gw_json_emit walk_emit(const gw_walk *walk) {
  return walk->migration->style != NULL ? walk->migration->style->emit : GW_EMIT_SET;
}

/* What would make gRPC print what legacy prints though it is not set. */
static gw_str option_of_printed(const gw_walk *walk, const gw_json_node *legacy) {
  const gw_field *field = legacy->field;
  gw_json_emit emit = walk_emit(walk);
  bool is_null = legacy->type == GW_JSON_NULL;
  if (walk->is_error || field == NULL) return NO_OPTION;
  if (is_null) {
    bool printed = field->presence && !field->repeated && field->oneof < 0;
    return printed && emit != GW_EMIT_NULLS ? GW_STR("json.emit: nulls") : NO_OPTION;
  }
  bool printed = field->repeated || (!field->presence && field->message == NULL);
  return printed && emit == GW_EMIT_SET ? GW_STR("json.emit: all") : NO_OPTION;
}

/* What would keep gRPC from printing what legacy does not. */
static gw_str option_of_unprinted(const gw_walk *walk, const gw_json_node *grpc) {
  gw_json_emit emit = walk_emit(walk);
  if (walk->is_error || grpc->field == NULL) return NO_OPTION;
  if (grpc->type == GW_JSON_NULL) {
    return emit == GW_EMIT_NULLS ? GW_STR("json.emit: all") : NO_OPTION;
  }
  bool printed = grpc->field->repeated || (!grpc->field->presence && grpc->field->message == NULL);
  return printed && emit != GW_EMIT_SET ? GW_STR("json.emit: set") : NO_OPTION;
}

static bool is_wide_integer(gw_kind kind) {
  return kind == GW_KIND_INT64 || kind == GW_KIND_UINT64 || kind == GW_KIND_SINT64 ||
         kind == GW_KIND_FIXED64 || kind == GW_KIND_SFIXED64;
}

static gw_str option_of_spelling(const gw_walk *walk, gw_scalar scalar, const gw_json_node *legacy,
                                 const gw_json_node *grpc) {
  bool number = legacy->type == GW_JSON_NUMBER && grpc->type == GW_JSON_STRING;
  bool text = legacy->type == GW_JSON_STRING && grpc->type == GW_JSON_NUMBER;
  if (walk->is_error || (!number && !text)) return NO_OPTION;
  if (is_wide_integer(scalar.kind))
    return number ? GW_STR("json.int64: number") : GW_STR("json.int64: string");
  if (scalar.kind != GW_KIND_ENUM) return NO_OPTION;
  if (number) return GW_STR("json.enums: number");
  /* "1" in quotes is no name */
  bool is_name = gw_enum_by_name(scalar.enumeration, gw_json_text(legacy)) != NULL;
  return is_name ? GW_STR("json.enums: name") : NO_OPTION;
}

/* ---- scalars ---- */

/* The same JSON value, which a client cannot tell apart. */
static bool is_same_json(const gw_json_node *a, const gw_json_node *b) {
  gw_value x, y;
  if (a->type != b->type) return false;
  if (a->type != GW_JSON_NUMBER && a->type != GW_JSON_STRING) return true;
  if (gw_str_eq(gw_json_text(a), gw_json_text(b))) return true;
  return a->type == GW_JSON_NUMBER && gw_value_of_number(gw_json_text(a), &x) &&
         gw_value_of_number(gw_json_text(b), &y) && gw_value_eq(&x, &y);
}

static bool is_tolerated(const gw_walk *walk, const gw_json_node *legacy, const gw_json_node *grpc,
                         const gw_value *a, const gw_value *b) {
  uint32_t index = legacy->tolerance; /* else the other's */
  double x, y;
  if (index == 0 || (grpc->tolerance != 0 && grpc->tolerance < index)) index = grpc->tolerance;
  if (index == 0 || !gw_value_to_double(a, &x) || !gw_value_to_double(b, &y)) return false;
  return fabs(x - y) <= walk->migration->compare.tolerances[index - 1].most;
}

static gw_diff_kind kind_of_unequal(const gw_json_node *a, const gw_json_node *b) {
  return a->type == b->type || (is_bool(a) && is_bool(b)) ? GW_DIFF_VALUE : GW_DIFF_TYPE;
}

/* Without a field: numbers, also one of them in quotes, and nothing more. */
static gw_code walk_plain(const gw_walk *walk, const gw_json_node *legacy,
                          const gw_json_node *grpc) {
  bool loose = legacy->role == GW_ROLE_LOOSE && grpc->role == GW_ROLE_LOOSE;
  bool quoted = loose && ((legacy->type == GW_JSON_NUMBER && grpc->type == GW_JSON_STRING) ||
                          (legacy->type == GW_JSON_STRING && grpc->type == GW_JSON_NUMBER));
  gw_diff_kind kind = kind_of_unequal(legacy, grpc);
  gw_value a, b;
  if (is_same_json(legacy, grpc)) return GW_OK;
  if ((quoted || (legacy->type == GW_JSON_NUMBER && grpc->type == GW_JSON_NUMBER)) &&
      gw_value_of_number(gw_json_text(legacy), &a) && gw_value_of_number(gw_json_text(grpc), &b)) {
    bool same = gw_value_eq(&a, &b) || is_tolerated(walk, legacy, grpc, &a, &b);
    if (same && !quoted) return GW_OK;
    if (same) kind = GW_DIFF_REPRESENTATION;
  }
  return gw_walk_report(walk, kind, legacy, grpc, NO_OPTION);
}

/* A double has its type's digits, a float's are fewer than those of the number that was written. */
static bool is_same_spelling(gw_scalar scalar, const gw_json_node *a, const gw_json_node *b) {
  bool numbers = a->type == GW_JSON_NUMBER && b->type == GW_JSON_NUMBER;
  return is_same_json(a, b) || (numbers && scalar.kind == GW_KIND_DOUBLE);
}

static gw_code walk_scalars(const gw_walk *walk, const gw_json_node *legacy,
                            const gw_json_node *grpc) {
  gw_scalar scalar = gw_scalar_of(legacy->field, legacy->message);
  gw_value a, b;
  if (is_same_json(legacy, grpc)) return GW_OK;
  gw_code a_code = gw_value_read(scalar, legacy, walk->arena, &a);
  gw_code b_code = gw_value_read(scalar, grpc, walk->arena, &b);
  if (a_code == GW_NOMEM || b_code == GW_NOMEM) return GW_NOMEM;
  if (a_code != GW_OK || b_code != GW_OK)
    return gw_walk_report(walk, kind_of_unequal(legacy, grpc), legacy, grpc, NO_OPTION);
  if (gw_value_eq(&a, &b)) {
    if (is_same_spelling(scalar, legacy, grpc)) return GW_OK;
    return gw_walk_report(walk, GW_DIFF_REPRESENTATION, legacy, grpc,
                          option_of_spelling(walk, scalar, legacy, grpc));
  }
  if (!is_tolerated(walk, legacy, grpc, &a, &b))
    return gw_walk_report(walk, GW_DIFF_VALUE, legacy, grpc, NO_OPTION);
  if (legacy->type == grpc->type) return GW_OK;
  return gw_walk_report(walk, GW_DIFF_REPRESENTATION, legacy, grpc,
                        option_of_spelling(walk, scalar, legacy, grpc));
}

/* ---- members ---- */

/* A number near enough to what its field holds when nothing is set, which is 0. */
static gw_code is_nearly_default(const gw_walk *walk, const gw_json_node *node, bool *is_near) {
  gw_value value, none;
  double number;
  *is_near = false;
  if (node->tolerance == 0 || node->role != GW_ROLE_SCALAR) return GW_OK;
  gw_scalar scalar = gw_scalar_of(node->field, node->message);
  gw_code code = gw_value_read(scalar, node, walk->arena, &value);
  if (code != GW_OK || !gw_value_to_double(&value, &number)) return code == GW_NOMEM ? code : GW_OK;
  none = (gw_value){ .kind = value.kind };
  *is_near = gw_value_is_default(&none, node->field, scalar, walk->arena) &&
             fabs(number) <= walk->migration->compare.tolerances[node->tolerance - 1].most;
  return GW_OK;
}

gw_code gw_walk_lone(const gw_walk *walk, const gw_json_node *legacy, const gw_json_node *grpc,
                     bool may_be_unset) {
  const gw_json_node *node = legacy != NULL ? legacy : grpc;
  if (node_has(node, GW_NODE_IGNORED)) return GW_OK;
  if (may_be_unset && node_has(node, GW_NODE_DEFAULT)) {
    gw_str option =
        legacy != NULL ? option_of_printed(walk, node) : option_of_unprinted(walk, node);
    return gw_walk_report(walk, GW_DIFF_DEFAULT, legacy, grpc, option);
  }
  bool is_near = false;
  gw_code code = may_be_unset ? is_nearly_default(walk, node, &is_near) : GW_OK;
  if (code != GW_OK) return code;
  if (is_near)
    return gw_walk_report(walk, GW_DIFF_DEFAULT, legacy, grpc,
                          legacy != NULL ? option_of_printed(walk, node) : NO_OPTION);
  return gw_walk_report(walk, legacy != NULL ? GW_DIFF_MISSING : GW_DIFF_EXTRA, legacy, grpc,
                        NO_OPTION);
}

/* The member of `object` that is what `member` of `own` is there: under the same key, else under
 * the field's other name, if that one has nothing of its own to be compared with. */
static gw_json_node *member_find(const gw_json_node *object, const gw_json_node *own,
                                 const gw_json_node *member) {
  const gw_field *field = member->field;
  gw_json_node *found = gw_json_tree_find(object, gw_json_key(member));
  if (found != NULL || field == NULL || object->role != GW_ROLE_MESSAGE) return found;
  found = gw_json_tree_find(object, field->json_name);
  if (found == NULL) found = gw_json_tree_find(object, field->name);
  if (found == NULL || found->field != field) return NULL;
  return gw_json_tree_find(own, gw_json_key(found)) == NULL ? found : NULL;
}

static gw_str option_of_names(const gw_walk *walk, const gw_field *field, gw_str legacy_key) {
  if (walk->is_error) return NO_OPTION;
  if (gw_str_eq(legacy_key, field->name)) return GW_STR("json.names: proto");
  return GW_STR("json.names: camel");
}

/* Two names of one field: told once for the pattern, whatever the values are. */
static gw_code walk_names(const gw_walk *walk, const gw_json_node *legacy,
                          const gw_json_node *grpc) {
  gw_str key = gw_json_key(legacy), other = gw_json_key(grpc);
  bool first, wanted;
  if (gw_str_eq(key, other)) return GW_OK;
  gw_code code = gw_diff_list_first(walk->list, &first);
  if (code != GW_OK || !first) return code;
  code = gw_diff_list_count(walk->list, GW_DIFF_REPRESENTATION, &wanted);
  if (code != GW_OK || !wanted) return code;
  gw_str legacy_text = gw_json_text_quote(key, GW_DIFF_TEXT_MAX, walk->arena);
  gw_str grpc_text = gw_json_text_quote(other, GW_DIFF_TEXT_MAX, walk->arena);
  if (legacy_text.p == NULL || grpc_text.p == NULL) return GW_NOMEM;
  return gw_diff_list_put(walk->list, GW_DIFF_REPRESENTATION, legacy_text, grpc_text,
                          option_of_names(walk, legacy->field, key));
}

static gw_code walk_member(const gw_walk *walk, const gw_json_node *parent,
                           const gw_json_node *legacy, gw_json_node *grpc) {
  const gw_json_node *named = legacy != NULL ? legacy : grpc;
  const gw_field *field = parent->role == GW_ROLE_MESSAGE ? named->field : NULL;
  gw_code code = GW_OK;
  gw_diff_list_enter(walk->list, gw_json_key(named), field, parent->role == GW_ROLE_MAP);
  if (legacy == NULL || grpc == NULL) {
    code = gw_walk_lone(walk, legacy, grpc, field != NULL);
  } else {
    bool ignored = node_has(legacy, GW_NODE_IGNORED) || node_has(grpc, GW_NODE_IGNORED);
    grpc->flags |= GW_NODE_MATCHED;
    if (!ignored && field != NULL) code = walk_names(walk, legacy, grpc);
    if (code == GW_OK) code = gw_walk_pair(walk, legacy, grpc);
  }
  gw_diff_list_leave(walk->list);
  return code;
}

static gw_code walk_objects(const gw_walk *walk, const gw_json_node *legacy,
                            const gw_json_node *grpc) {
  gw_code code = GW_OK;
  for (gw_json_node *a = legacy->first; a != NULL && code == GW_OK; a = a->next) {
    code = walk_member(walk, legacy, a, member_find(grpc, legacy, a));
  }
  for (gw_json_node *b = grpc->first; b != NULL && code == GW_OK; b = b->next) {
    if (!node_has(b, GW_NODE_MATCHED)) code = walk_member(walk, grpc, NULL, b);
  }
  return code;
}

/* ---- anything ---- */

/* Exactly one is null, which for a field is what is not set. */
static gw_code walk_null(const gw_walk *walk, const gw_json_node *legacy,
                         const gw_json_node *grpc) {
  bool legacy_null = legacy->type == GW_JSON_NULL;
  const gw_json_node *other = legacy_null ? grpc : legacy;
  if (node_has(other, GW_NODE_DEFAULT))
    return gw_walk_report(walk, GW_DIFF_DEFAULT, legacy, grpc, NO_OPTION);
  return gw_walk_report(walk, legacy_null ? GW_DIFF_EXTRA : GW_DIFF_MISSING, legacy, grpc,
                        NO_OPTION);
}

/* null as a member of NullValue's kind is a value like others. */
static bool is_null_a_value(const gw_json_node *node) {
  return node->field != NULL && node->field->enumeration != NULL &&
         node->field->enumeration->null_value;
}

gw_code gw_walk_pair(const gw_walk *walk, const gw_json_node *legacy, const gw_json_node *grpc) {
  if (node_has(legacy, GW_NODE_IGNORED) || node_has(grpc, GW_NODE_IGNORED)) return GW_OK;
  bool alike = legacy->field == grpc->field && legacy->message == grpc->message;
  if (legacy->field != NULL && grpc->field == legacy->field &&
      (legacy->type == GW_JSON_NULL) != (grpc->type == GW_JSON_NULL) && !is_null_a_value(legacy)) {
    return walk_null(walk, legacy, grpc);
  }
  if (node_has(legacy, GW_NODE_MISFIT) != node_has(grpc, GW_NODE_MISFIT) ||
      is_container(legacy) != is_container(grpc)) {
    return gw_walk_report(walk, GW_DIFF_TYPE, legacy, grpc, NO_OPTION);
  }
  if (is_container(legacy)) {
    if (legacy->type != grpc->type)
      return gw_walk_report(walk, GW_DIFF_TYPE, legacy, grpc, NO_OPTION);
    return legacy->type == GW_JSON_OBJECT ? walk_objects(walk, legacy, grpc)
                                          : gw_walk_lists(walk, legacy, grpc);
  }
  return alike && legacy->role == GW_ROLE_SCALAR && grpc->role == GW_ROLE_SCALAR
             ? walk_scalars(walk, legacy, grpc)
             : walk_plain(walk, legacy, grpc);
}
