#include "migrate/coverage.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "migrate/meaning.h"

#define COVERAGE_VALUES_MAX  4096u /* enum values of all fields together; more are not followed */
#define COVERAGE_PATTERN_MAX 512u  /* bytes; fields with longer ones are not followed */
#define COVERAGE_NONE        UINT32_MAX

/* A field at one place of the answer. */
typedef struct cover_field {
  gw_str pattern;
  uint32_t message;     /* index of what is in it; COVERAGE_NONE: nothing that is followed */
  uint32_t first_value; /* of an enum's values; COVERAGE_NONE: no enum */
  uint32_t value_count;
  uint32_t next_enum; /* the next field of the message that is one enum; COVERAGE_NONE: none */
  bool is_seen;
} cover_field;

typedef struct cover_value {
  gw_str name; /* p == NULL: another name of an earlier value's number */
  bool is_seen;
} cover_value;

/* A message at one place. */
typedef struct cover_message {
  const gw_message *type; /* only while it is built */
  gw_str pattern;
  uint32_t parent;
  uint32_t first_field, field_count; /* in order of the message's */
  uint32_t first_enum;               /* index within these; COVERAGE_NONE: none */
} cover_message;

struct gw_coverage {
  pthread_mutex_t lock;
  gw_arena arena; /* the texts */
  cover_message *messages;
  uint32_t message_count;
  cover_field *fields;
  uint32_t field_count;
  cover_value *values;
  uint32_t value_count;
  struct {
    int status;
    uint64_t count;
  } statuses[GW_COVERAGE_STATUSES_MAX];
  uint32_t status_count;
};

/* ---- building ---- */

/* Types whose JSON is an object of their fields. */
static bool is_followed(const gw_message *message) {
  return message->wkt == GW_WKT_NONE || message->wkt == GW_WKT_EMPTY ||
         message->wkt == GW_WKT_HTTP_BODY;
}

/* The message that is within a field; NULL: none that is followed. */
static const gw_message *type_within(const gw_field *field) {
  if (field->map) field = &field->message->fields[1];
  return field->message != NULL && is_followed(field->message) ? field->message : NULL;
}

static bool is_within(const gw_coverage *coverage, uint32_t message, const gw_message *type) {
  for (; message != COVERAGE_NONE; message = coverage->messages[message].parent) {
    if (coverage->messages[message].type == type) return true;
  }
  return false;
}

static gw_code coverage_pattern(gw_coverage *coverage, gw_str before, gw_str name, gw_str *out) {
  gw_buf pattern;
  gw_code code = GW_OK;
  gw_buf_init(&pattern, &coverage->arena, SIZE_MAX / 2);
  code = gw_buf_append(&pattern, before);
  if (code == GW_OK) code = gw_buf_append(&pattern, GW_STR("/"));
  for (size_t i = 0; i < name.n && code == GW_OK; i++) { /* RFC 6901: a json_name may be any text */
    char c = name.p[i];
    code = gw_buf_append(&pattern, c == '~'   ? GW_STR("~0")
                                   : c == '/' ? GW_STR("~1")
                                              : (gw_str){ &name.p[i], 1 });
  }
  *out = gw_buf_str(&pattern);
  return code;
}

/* The values of an enum, each number once. */
static gw_code coverage_add_values(gw_coverage *coverage, cover_field *to, const gw_enum *type) {
  if (type->null_value || type->value_count > COVERAGE_VALUES_MAX - coverage->value_count)
    return GW_OK;
  to->first_value = coverage->value_count;
  to->value_count = type->value_count;
  for (uint32_t i = 0; i < type->value_count; i++) {
    const gw_enum_value *value = &type->values[i];
    cover_value *made = &coverage->values[coverage->value_count++];
    *made = (cover_value){ .is_seen = false };
    if (gw_enum_by_number(type, value->number) != value) continue;
    made->name = gw_arena_copy(&coverage->arena, value->name);
    if (made->name.p == NULL) return GW_NOMEM;
  }
  return GW_OK;
}

static gw_code coverage_add_message(gw_coverage *coverage, const gw_message *type, gw_str pattern,
                                    uint32_t parent, uint32_t *index) {
  *index = COVERAGE_NONE;
  if (coverage->message_count == GW_COVERAGE_FIELDS_MAX) return GW_OK;
  *index = coverage->message_count++;
  coverage->messages[*index] = (cover_message){
    .type = type, .pattern = pattern, .parent = parent, .first_enum = COVERAGE_NONE
  };
  return GW_OK;
}

static gw_code coverage_add_field(gw_coverage *coverage, uint32_t message, const gw_field *field,
                                  bool proto_names) {
  cover_field *to = &coverage->fields[coverage->field_count];
  const gw_message *inner = type_within(field);
  const gw_field *value = field->map ? &field->message->fields[1] : field;
  gw_str below;
  *to = (cover_field){ .message = COVERAGE_NONE, .first_value = COVERAGE_NONE };
  gw_code code = coverage_pattern(coverage, coverage->messages[message].pattern,
                                  proto_names ? field->name : field->json_name, &to->pattern);
  if (code != GW_OK) return code;
  coverage->field_count++;
  if (value->enumeration != NULL) code = coverage_add_values(coverage, to, value->enumeration);
  below = to->pattern;
  if (code != GW_OK || inner == NULL || is_within(coverage, message, inner) ||
      below.n > COVERAGE_PATTERN_MAX) {
    return code;
  }
  if (field->repeated) code = coverage_pattern(coverage, below, GW_STR("*"), &below);
  if (code != GW_OK) return code;
  return coverage_add_message(coverage, inner, below, message, &to->message);
}

/* Enum fields that hold their first value when they are absent. */
static void coverage_link_enums(gw_coverage *coverage, cover_message *message) {
  for (uint32_t i = message->field_count; i-- > 0;) {
    const gw_field *field = &message->type->fields[i];
    cover_field *to = &coverage->fields[message->first_field + i];
    if (to->first_value == COVERAGE_NONE || field->repeated || field->presence || field->oneof >= 0)
      continue;
    to->next_enum = message->first_enum;
    message->first_enum = i;
  }
}

/* Breadth first, so that a bound cuts what is deepest. */
static gw_code coverage_build(gw_coverage *coverage, const gw_migration *migration) {
  bool proto_names = migration->style != NULL && migration->style->proto_names;
  uint32_t root;
  gw_code code = GW_OK;
  if (migration->output == NULL || !is_followed(migration->output)) return GW_OK;
  code = coverage_add_message(coverage, migration->output,
                              migration->is_list ? GW_STR("/*") : GW_STR(""), COVERAGE_NONE, &root);
  for (uint32_t i = 0; i < coverage->message_count && code == GW_OK; i++) {
    const gw_message *type = coverage->messages[i].type;
    if (type->field_count > GW_COVERAGE_FIELDS_MAX - coverage->field_count) continue;
    coverage->messages[i].first_field = coverage->field_count;
    coverage->messages[i].field_count = type->field_count;
    for (uint32_t j = 0; j < type->field_count && code == GW_OK; j++)
      code = coverage_add_field(coverage, i, &type->fields[j], proto_names);
    if (code == GW_OK) coverage_link_enums(coverage, &coverage->messages[i]);
  }
  return code;
}

gw_coverage *gw_coverage_new(const gw_migration *migration) {
  gw_coverage *coverage = calloc(1, sizeof *coverage);
  if (coverage == NULL) return NULL;
  pthread_mutex_init(&coverage->lock, NULL);
  gw_arena_init(&coverage->arena, NULL, GW_MIB(4));
  gw_arena *arena = &coverage->arena;
  coverage->messages = gw_arena_zalloc(arena, GW_COVERAGE_FIELDS_MAX * sizeof(cover_message));
  coverage->fields = gw_arena_zalloc(arena, GW_COVERAGE_FIELDS_MAX * sizeof(cover_field));
  coverage->values = gw_arena_zalloc(arena, COVERAGE_VALUES_MAX * sizeof(cover_value));
  if (coverage->messages == NULL || coverage->fields == NULL || coverage->values == NULL ||
      coverage_build(coverage, migration) != GW_OK) {
    gw_coverage_free(coverage);
    return NULL;
  }
  for (uint32_t i = 0; i < coverage->message_count; i++)
    coverage->messages[i].type = NULL; /* the migration's, which may go away */
  return coverage;
}

void gw_coverage_free(gw_coverage *coverage) {
  if (coverage == NULL) return;
  gw_arena_done(&coverage->arena);
  pthread_mutex_destroy(&coverage->lock);
  free(coverage);
}

/* ---- adding ---- */

static void see_node(gw_coverage *coverage, uint32_t message, const gw_json_node *node);

static void see_number(gw_coverage *coverage, const cover_field *to, const gw_enum *type,
                       int32_t number) {
  const gw_enum_value *named = gw_enum_by_number(type, number);
  if (named == NULL) return;
  uint32_t index = (uint32_t)(named - type->values);
  if (index < to->value_count) coverage->values[to->first_value + index].is_seen = true;
}

static void see_value(gw_coverage *coverage, const cover_field *to, const gw_field *field,
                      const gw_json_node *node) {
  gw_value value; /* an enum's needs no arena */
  if (gw_value_read(gw_scalar_of(field, NULL), node, NULL, &value) != GW_OK) return;
  if (value.bits > (uint64_t)INT32_MAX + (value.is_negative ? 1u : 0u)) return;
  int64_t number = (int64_t)value.bits;
  see_number(coverage, to, field->enumeration, (int32_t)(value.is_negative ? -number : number));
}

/* One element, or the value of a singular field. */
static void see_element(gw_coverage *coverage, const cover_field *to, const gw_field *field,
                        const gw_json_node *node) {
  if (to->first_value != COVERAGE_NONE && field->enumeration != NULL) {
    see_value(coverage, to, field, node);
  } else if (to->message != COVERAGE_NONE) {
    see_node(coverage, to->message, node);
  }
}

static void see_member(gw_coverage *coverage, cover_field *to, const gw_json_node *node) {
  const gw_field *field = node->field;
  /* A default that is only printed says nothing; one that was set does. */
  bool is_default = (node->flags & GW_NODE_DEFAULT) != 0;
  if (node->type == GW_JSON_NULL || (is_default && !field->presence)) {
    if (!field->repeated) see_element(coverage, to, field, node);
    return;
  }
  to->is_seen = true;
  if (!field->repeated) {
    see_element(coverage, to, field, node);
    return;
  }
  if (node->type < GW_JSON_ARRAY) return;
  if (field->map) field = &field->message->fields[1];
  for (const gw_json_node *item = node->first; item != NULL; item = item->next)
    see_element(coverage, to, field, item);
}

/* An enum field that is not there holds its first value, which is 0 where absence means that. */
static void see_absent(gw_coverage *coverage, const cover_message *message,
                       const gw_json_node *node) {
  for (uint32_t i = message->first_enum; i != COVERAGE_NONE;) {
    const cover_field *to = &coverage->fields[message->first_field + i];
    const gw_field *field = &node->message->fields[i];
    if (field->enumeration != NULL && gw_json_tree_find(node, field->json_name) == NULL &&
        gw_json_tree_find(node, field->name) == NULL) {
      see_number(coverage, to, field->enumeration, 0);
    }
    i = to->next_enum;
  }
}

static void see_node(gw_coverage *coverage, uint32_t message, const gw_json_node *node) {
  const cover_message *m = &coverage->messages[message];
  if (node->role != GW_ROLE_MESSAGE || node->type != GW_JSON_OBJECT) return;
  if (node->message->field_count != m->field_count) return; /* another snapshot's */
  for (const gw_json_node *member = node->first; member != NULL; member = member->next) {
    if (member->field == NULL) continue;
    see_member(coverage, &coverage->fields[m->first_field + member->field->index], member);
  }
  see_absent(coverage, m, node);
}

static void see_status(gw_coverage *coverage, int status) {
  uint32_t i = 0;
  while (i < coverage->status_count && coverage->statuses[i].status != status)
    i++;
  if (i == GW_COVERAGE_STATUSES_MAX) return;
  if (i == coverage->status_count) coverage->statuses[coverage->status_count++].status = status;
  coverage->statuses[i].count++;
}

void gw_coverage_add(gw_coverage *coverage, const gw_migration *migration, int status,
                     const gw_json_node *body) {
  pthread_mutex_lock(&coverage->lock);
  see_status(coverage, status);
  if (body != NULL && coverage->message_count > 0) {
    bool is_list = migration->is_list || body->role == GW_ROLE_LIST;
    if (!is_list) {
      see_node(coverage, 0, body);
    } else if (body->type == GW_JSON_ARRAY) {
      for (const gw_json_node *item = body->first; item != NULL; item = item->next)
        see_node(coverage, 0, item);
    }
  }
  pthread_mutex_unlock(&coverage->lock);
}

/* ---- as JSON ---- */

/* Takes `value`; false: no memory. */
static bool json_put(json_t *object, const char *key, json_t *value) {
  return json_object_set_new(object, key, value) == 0;
}

static bool json_push(json_t *array, gw_str text) {
  return json_array_append_new(array, json_stringn(text.p, text.n)) == 0;
}

static bool json_fields(const gw_coverage *coverage, json_t *fields) {
  json_t *missing = json_array();
  json_int_t seen = 0;
  bool made = missing != NULL;
  for (uint32_t i = 0; i < coverage->field_count && made; i++) {
    const cover_field *field = &coverage->fields[i];
    if (field->is_seen) {
      seen++;
    } else {
      made = json_push(missing, field->pattern);
    }
  }
  made = made && json_put(fields, "seen", json_integer(seen)) &&
         json_put(fields, "total", json_integer(coverage->field_count));
  if (made) return json_put(fields, "missing", missing);
  json_decref(missing);
  return false;
}

static bool json_enum(const gw_coverage *coverage, const cover_field *field, json_t *out) {
  json_t *seen = json_array(), *missing = json_array();
  bool made = seen != NULL && missing != NULL;
  for (uint32_t i = 0; i < field->value_count && made; i++) {
    const cover_value *value = &coverage->values[field->first_value + i];
    if (value->name.p != NULL) made = json_push(value->is_seen ? seen : missing, value->name);
  }
  made = made && json_put(out, "field", json_stringn(field->pattern.p, field->pattern.n));
  made = json_put(out, "seen", seen) && made; /* takes them in any case */
  return json_put(out, "missing", missing) && made;
}

static bool json_enums(const gw_coverage *coverage, json_t *enums) {
  for (uint32_t i = 0; i < coverage->field_count; i++) {
    if (coverage->fields[i].first_value == COVERAGE_NONE) continue;
    json_t *one = json_object();
    if (one == NULL || !json_enum(coverage, &coverage->fields[i], one)) {
      json_decref(one);
      return false;
    }
    if (json_array_append_new(enums, one) != 0) return false;
  }
  return true;
}

static bool json_statuses(const gw_coverage *coverage, json_t *statuses) {
  for (uint32_t i = 0; i < coverage->status_count; i++) {
    char key[16];
    snprintf(key, sizeof key, "%d", coverage->statuses[i].status);
    if (!json_put(statuses, key, json_integer((json_int_t)coverage->statuses[i].count)))
      return false;
  }
  return true;
}

json_t *gw_coverage_json(gw_coverage *coverage) {
  json_t *all = json_object(), *fields = json_object(), *enums = json_array();
  json_t *statuses = json_object();
  bool made = json_put(all, "fields", fields);
  made = json_put(all, "enums", enums) && made; /* takes them in any case */
  made = json_put(all, "statuses", statuses) && made;
  pthread_mutex_lock(&coverage->lock);
  made = made && json_fields(coverage, fields) && json_enums(coverage, enums) &&
         json_statuses(coverage, statuses);
  pthread_mutex_unlock(&coverage->lock);
  if (made) return all;
  json_decref(all);
  return NULL;
}
