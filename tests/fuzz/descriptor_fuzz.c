/* Any bytes as a descriptor set: refused with an error, or a pool in which every table agrees with
 * every other.  RELIABILITY H8. */
#include <stdlib.h>

#include "schema/load.h"
#include "schema/pool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                                      \
  do {                                                                                             \
    if (!(condition)) abort();                                                                     \
  } while (0)

static void fuzz_note(void *context, const gw_err *err) {
  size_t *count = context;
  FUZZ_CHECK(err->code != GW_OK && err->text[0] != '\0' && err->where[0] != '\0');
  ++*count;
}

static void fuzz_check_field(const gw_pool *pool, const gw_message *m, const gw_field *f) {
  static const char zeros[GW_KEY_PAD];
  FUZZ_CHECK(f->kind > 0 && f->kind < GW_KIND_COUNT && f->number > 0);
  FUZZ_CHECK(f->id < gw_pool_field_count(pool) && f->parent == m);
  FUZZ_CHECK(f->oneof < (int32_t)m->oneof_count);
  FUZZ_CHECK((f->kind == GW_KIND_ENUM) == (f->enumeration != NULL));
  FUZZ_CHECK((f->kind == GW_KIND_MESSAGE || f->kind == GW_KIND_GROUP) == (f->message != NULL));
  FUZZ_CHECK(!f->map || (f->message->field_count == 2 && f->message->map_entry));
  FUZZ_CHECK(memcmp(f->key_json.p + f->key_json.n, zeros, GW_KEY_PAD) == 0);
  FUZZ_CHECK(memcmp(f->key_proto.p + f->key_proto.n, zeros, GW_KEY_PAD) == 0);
  FUZZ_CHECK(gw_message_field_by_number(m, f->number) == f);
  FUZZ_CHECK(gw_message_field_by_name(m, f->json_name) != NULL);
  FUZZ_CHECK(gw_field_type_name(f).n > 0);
}

static void fuzz_check_enum(const gw_enum *e) {
  FUZZ_CHECK(e->value_count > 0);
  for (uint32_t i = 0; i < e->value_count; i++) {
    FUZZ_CHECK(gw_enum_by_name(e, e->values[i].name) == &e->values[i]);
    FUZZ_CHECK(gw_enum_by_number(e, e->values[i].number)->number == e->values[i].number);
  }
}

static void fuzz_check_pool(const gw_pool *pool) {
  for (uint32_t i = 0; i < pool->message_count; i++) {
    const gw_message *m = &pool->messages[i];
    FUZZ_CHECK(m->id == i && gw_pool_find_message(pool, m->full_name) == m);
    for (uint32_t j = 0; j < m->field_count; j++) {
      fuzz_check_field(pool, m, &m->fields[j]);
      if (m->fields[j].enumeration != NULL) fuzz_check_enum(m->fields[j].enumeration);
    }
    (void)gw_message_nearest_field(m, GW_STR("user_id"));
  }
  for (uint32_t i = 0; i < gw_pool_service_count(pool); i++) {
    const gw_service *s = gw_pool_service(pool, i);
    for (uint32_t j = 0; j < s->rpc_count; j++) {
      const gw_rpc *rpc = &s->rpcs[j];
      FUZZ_CHECK(rpc->input != NULL && rpc->output != NULL && rpc->service == s);
      FUZZ_CHECK(gw_pool_find_rpc(pool, rpc->path) == rpc);
      for (uint32_t k = 0; k < rpc->rule_count; k++)
        FUZZ_CHECK(rpc->rules[k].path.p != NULL);
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  gw_schema_source source = { GW_STR_INIT("fuzz.pb"), { (const char *)data, size } };
  gw_pool *pool = NULL;
  size_t errors = 0;
  gw_code code = gw_pool_load(&source, 1, fuzz_note, &errors, &pool);
  FUZZ_CHECK((code == GW_OK) == (errors == 0) && (code == GW_OK) == (pool != NULL));
  if (pool != NULL) fuzz_check_pool(pool);
  gw_pool_free(pool);
  return 0;
}
