/* Any bytes as a descriptor set: refused with an error, or a pool in which every table agrees with
 * every other (RELIABILITY H8), that breaks nobody who has it already, that can be compared with
 * what differs from it by one byte, and for which a starter configuration is written that is
 * accepted. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control/changes.h"
#include "control/starter.h"
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

static void fuzz_compare(const gw_pool *older, const gw_pool *newer) {
  gw_changes changes;
  gw_buf out;
  gw_changes_init(&changes);
  gw_buf_init(&out, NULL, GW_MIB(32));
  FUZZ_CHECK(gw_changes_of_pools(older, newer, &changes) == GW_OK);
  FUZZ_CHECK(gw_changes_print(&changes, GW_STR("new"), &out) == GW_OK);
  FUZZ_CHECK(older != newer || (changes.count == 0 && changes.lost == 0));
  gw_buf_done(&out);
  gw_changes_done(&changes);
}

/* The same bytes but one: where it is, they say themselves. */
static void fuzz_compare_neighbour(const gw_pool *pool, const uint8_t *data, size_t size) {
  size_t errors = 0;
  gw_pool *other = NULL;
  uint8_t *bytes = malloc(size);
  FUZZ_CHECK(bytes != NULL);
  memcpy(bytes, data, size);
  uint64_t hash = gw_str_hash((gw_str){ (const char *)data, size }, 7);
  bytes[hash % size] ^= (uint8_t)(1u << (hash >> 32) % 8);
  gw_schema_source source = { GW_STR_INIT("other.pb"), { (const char *)bytes, size } };
  if (gw_pool_load(&source, 1, fuzz_note, &errors, &other) == GW_OK) {
    fuzz_compare(pool, other);
    fuzz_compare(other, pool);
  }
  gw_pool_free(other);
  free(bytes);
}

static void fuzz_start(const gw_pool *pool, const uint8_t *data, size_t size) {
  char path[64];
  char *const paths[] = { path };
  gw_buf out;
  gw_err err;
  gw_findings findings;
  gw_snapshot *snapshot = NULL;
  int file = memfd_create("set", MFD_CLOEXEC);
  FUZZ_CHECK(file >= 0 && write(file, data, size) == (ssize_t)size);
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  gw_err_init(&err);
  gw_buf_init(&out, NULL, GW_CONFIG_BYTES_MAX);
  gw_findings_init(&findings);
  FUZZ_CHECK(gw_starter_print(pool, paths, 1, &out, &err) == GW_OK);
  FUZZ_CHECK(gw_snapshot_parse("sluice.yaml", gw_buf_str(&out), &findings, &snapshot) == GW_OK);
  gw_snapshot_unref(snapshot);
  gw_findings_done(&findings);
  gw_buf_done(&out);
  close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  gw_schema_source source = { GW_STR_INIT("fuzz.pb"), { (const char *)data, size } };
  gw_pool *pool = NULL;
  size_t errors = 0;
  gw_code code = gw_pool_load(&source, 1, fuzz_note, &errors, &pool);
  FUZZ_CHECK((code == GW_OK) == (errors == 0) && (code == GW_OK) == (pool != NULL));
  if (pool != NULL) {
    fuzz_check_pool(pool);
    fuzz_compare(pool, pool);
    fuzz_compare_neighbour(pool, data, size);
    fuzz_start(pool, data, size);
  }
  gw_pool_free(pool);
  return 0;
}
