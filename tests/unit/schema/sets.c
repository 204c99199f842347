#include "unit/schema/sets.h"

#define SETS_MAX 8

static struct {
  const char *name;
  gw_pool *pool;
} sets[SETS_MAX];

static void sets_free(void) {
  for (size_t i = 0; i < SETS_MAX; i++)
    gw_pool_free(sets[i].pool);
}

void sets_print(void *context, const gw_err *err) {
  (void)context;
  print_error("%s: %s\n", err->where, err->text);
}

gw_schema_source sets_source(const char *name) {
  char path[128];
  snprintf(path, sizeof path, "descriptors/%s.pb", name);
  return (gw_schema_source){ gw_str_of(name), test_read_file(path) };
}

const gw_pool *sets_pool(const char *name) {
  for (size_t i = 0; i < SETS_MAX; i++) {
    if (sets[i].name != NULL && strcmp(sets[i].name, name) == 0) return sets[i].pool;
    if (sets[i].name != NULL) continue;
    gw_schema_source source = sets_source(name);
    gw_pool *pool = NULL;
    CHECK_INT(gw_pool_load(&source, 1, sets_print, NULL, &pool), GW_OK);
    free((void *)(uintptr_t)source.bytes.p);
    if (i == 0) atexit(sets_free);
    sets[i].name = name;
    sets[i].pool = pool;
    return pool;
  }
  fail_msg("more than %d sets", SETS_MAX);
  return NULL;
}

const gw_message *sets_message(const char *set, const char *full_name) {
  const gw_message *message = gw_pool_find_message(sets_pool(set), gw_str_of(full_name));
  if (message == NULL) fail_msg("%s: no message %s", set, full_name);
  return message;
}

const gw_field *sets_field(const gw_message *message, const char *name) {
  const gw_field *field = gw_message_field_by_name(message, gw_str_of(name));
  if (field == NULL) fail_msg("no field %s", name);
  return field;
}
