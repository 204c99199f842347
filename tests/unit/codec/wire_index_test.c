#include "base/limits.h"
#include "unit/codec/wire_fixture.h"

/* `depth` levels of { child = 3 { ... }, count = 2 }: each level goes back in its last field, so
 * that a restart at each of them doubles the work: 4 bytes a level. */
static gw_str trap_wire(int depth) {
  char bytes[2048];
  size_t begin = sizeof bytes;
  for (int i = 0; i < depth; i++) {
    size_t inner = sizeof bytes - begin;
    size_t prefix = inner >= 128 ? 3 : 2;
    begin -= prefix + 2;
    memmove(bytes + begin + prefix, bytes + begin + prefix + 2, inner);
    bytes[begin] = 0x1a;
    bytes[begin + 1] = (char)(inner >= 128 ? (inner & 127) | 128 : inner);
    if (inner >= 128) bytes[begin + 2] = (char)(inner >> 7);
    memcpy(bytes + sizeof bytes - 2, "\x10\x01", 2);
  }
  char *exact = malloc(sizeof bytes - begin);
  memcpy(exact, bytes + begin, sizeof bytes - begin);
  return (gw_str){ exact, sizeof bytes - begin };
}

/* Counted in messages begun, not in time: without a budget 2^20 of them. */
TEST(wire_to_json, restarts_are_paid_from_a_budget) {
  for (int depth = 1; depth < GW_JSON_DEPTH_MAX; depth++) {
    gw_str wire = trap_wire(depth);
    wire_result r = wire_fixture_run("codectest.Nested", NULL, wire, NULL);
    CHECK_INT(r.code, GW_OK);
    if (depth == 2) {
      CHECK_STR(r.json, "{\"count\":1,\"child\":{\"count\":1,\"child\":{}}}");
    }
    if (r.message_count > 4 * (uint64_t)wire.n + 64) {
      fail_msg("%d levels, %zu bytes: %zu messages", depth, wire.n, (size_t)r.message_count);
    }
    free((void *)(uintptr_t)r.json.p);
    free((void *)(uintptr_t)wire.p);
  }
}

/* Many small restarts inside a document that is otherwise in order stay local. */
TEST(wire_to_json, local_restarts_stay_local) {
  char bytes[60 * 100];
  for (size_t i = 0; i < 100; i++) {
    memcpy(bytes + i * 60, "\x22\x3a\x0a\x32", 4);
    memset(bytes + i * 60 + 4, 'x', 50);
    memcpy(bytes + i * 60 + 54, "\x10\x01\x10\x02\x10\x03", 6);
  }
  gw_str wire = { bytes, sizeof bytes };
  wire_result r = wire_fixture_run("codectest.Nested", NULL, wire, NULL);
  CHECK_INT(r.code, GW_OK);
  CHECK(r.message_count <= 1 + 2 * 100);
  free((void *)(uintptr_t)r.json.p);
}

TEST(wire_to_json, order_does_not_matter) {
  const char *wanted = "{\"name\":\"n\",\"count\":2,\"children\":[{\"count\":1},{\"count\":2}],"
                       "\"color\":\"RED\"}";
  wire_fixture_check("codectest.Nested", "0a 01 'n' 10 02 22 02 10 01 22 02 10 02 28 01", wanted);
  wire_fixture_check("codectest.Nested", "28 01 22 02 10 01 10 02 22 02 10 02 0a 01 'n'", wanted);
  wire_fixture_check("codectest.Nested", "22 02 10 01 0a 01 'n' 22 02 10 02 10 02 28 01", wanted);
  wire_fixture_check("codectest.Nested",
                     "10 05 28 00 0a 01 'x' 22 02 10 01 22 02 10 02"
                     "0a 01 'n' 28 01 10 02",
                     wanted);
}

/* Within an exchange's memory for a message of that size. */
static gw_code within_share(const char *message, gw_str wire, gw_buf *out) {
  gw_arena arena;
  gw_arena_init(&arena, NULL, GW_ARENA_RATIO * wire.n);
  gw_codec codec = { .pool = wire_fixture_pool(), .memo = wire_fixture_memo(), .arena = &arena };
  gw_code code = gw_wire_to_json(&codec, wire_fixture_message(message), wire, out, NULL);
  gw_arena_done(&arena);
  return code;
}

/* A slot is 8 bytes: an alternating list must stay in proportion, whatever its length is between
 * two steps of growth. */
TEST(wire_to_json, index_memory_is_in_proportion) {
  enum { PAIRS = 40000 };
  char *bytes = malloc(PAIRS * 4);
  for (size_t i = 0; i < PAIRS; i++) {
    memcpy(bytes + i * 4, "\x10\x01\x28\x01", 4);
  }
  for (size_t pairs = 1024; pairs <= PAIRS; pairs += pairs / 50) {
    gw_buf out;
    gw_buf_init(&out, NULL, GW_MIB(1));
    CHECK_INT(within_share("codectest.Nested", (gw_str){ bytes, pairs * 4 }, &out), GW_OK);
    CHECK_STR(gw_buf_str(&out), "{\"count\":1,\"color\":\"RED\"}");
    gw_buf_done(&out);
  }
  free(bytes);
}

/* The same with keys to compare: entries of byName, each followed by a count, or one by one. */
TEST(wire_to_json, memory_of_keys_is_in_proportion) {
  enum { KEYS = 95 * 95 };
  for (size_t size = 6; size <= 8; size += 2) {
    char *bytes = malloc(KEYS * size);
    for (size_t i = 0; i < KEYS; i++) {
      char *entry = bytes + i * size;
      memcpy(entry, "\x32\x04\x0a\x02", 4);
      entry[4] = (char)(' ' + i / 95);
      entry[5] = (char)(' ' + i % 95);
      memcpy(entry + 6, "\x10\x01", size - 6);
    }
    for (size_t keys = 400; keys <= KEYS; keys += keys / 50) {
      gw_buf out;
      gw_buf_init(&out, NULL, GW_MIB(1));
      CHECK_INT(within_share("codectest.Nested", (gw_str){ bytes, keys * size }, &out), GW_OK);
      gw_buf_done(&out);
    }
    free(bytes);
  }
}

/* More occurrences in a row than a slot counts. */
TEST(wire_to_json, long_rows_are_indexed) {
  enum { ROW = 200000 };
  char *bytes = malloc(ROW * 2 + 2);
  gw_buf out;
  gw_buf_init(&out, NULL, GW_MIB(4));
  for (size_t i = 0; i < ROW; i++) {
    memcpy(bytes + i * 2, i % 2 == 0 || i > ROW / 2 ? "\x22\x00" : "\x10\x01", 2);
  }
  memcpy(bytes + ROW * 2, "\x0a\x00", 2);
  CHECK_INT(within_share("codectest.Nested", (gw_str){ bytes, ROW * 2 + 2 }, &out), GW_OK);
  size_t children = 0;
  for (size_t i = 1; i < out.n; i++)
    children += out.p[i - 1] == '{' && out.p[i] == '}' ? 1 : 0;
  CHECK_INT(children, ROW / 4 + ROW / 2);
  gw_buf_done(&out);
  free(bytes);
}

/* Enough slots for the heapsort: descending numbers, last value wins. */
TEST(wire_to_json, many_fields_out_of_order) {
  char bytes[3 * 3000];
  for (size_t i = 0; i < 3000; i++) {
    /* fields 5, 3 and 2 of Shelf in turns would be messages; Book's scalars: 8, 6, 4 */
    memcpy(bytes + i * 3, i % 3 == 0 ? "\x40\x81" : i % 3 == 1 ? "\x30\x81" : "\x20\x81", 2);
    bytes[i * 3 + 2] = (char)(i % 100 + 1);
  }
  gw_str wire = { bytes, sizeof bytes };
  wire_result r = wire_fixture_run("codectest.Book", NULL, wire, NULL);
  CHECK_STR(r.json, "{\"pageCount\":12801,\"inStock\":true,\"publishedMs\":\"12545\"}");
  free((void *)(uintptr_t)r.json.p);
}

static gw_str map_wire(size_t keys, size_t twice) {
  char *bytes = malloc((keys + 1) * 32);
  size_t n = 0;
  for (size_t i = 0; i < keys + (twice < keys ? 1 : 0); i++) {
    char key[16];
    int length = snprintf(key, sizeof key, "key%zu", i < keys ? i : twice);
    n += (size_t)snprintf(bytes + n, 32, "%c%c%c%c%s%c%c%c", 0x2a, length + 5, 0x0a, length, key,
                          0x12, 1, i < keys ? 'a' : 'b');
  }
  return (gw_str){ bytes, n };
}

/* Below and above the twelve keys that are compared one by one, and while the table grows. */
TEST(wire_to_json, map_keys_are_unique) {
  static const size_t counts[] = { 1, 2, 11, 12, 13, 14, 47, 48, 49, 97, 1000 };
  for (size_t i = 0; i < GW_COUNT_OF(counts); i++) {
    size_t lengths[2];
    for (size_t twice = 0; twice < 2; twice++) {
      gw_str wire = map_wire(counts[i], twice == 0 ? counts[i] : counts[i] / 2);
      wire_result r = wire_fixture_run("codectest.Shelf", NULL, wire, NULL);
      CHECK_INT(r.code, GW_OK);
      lengths[twice] = r.json.n;
      char again[32];
      int n = snprintf(again, sizeof again, "\"key%zu\":\"b\"", counts[i] / 2);
      bool found = memmem(r.json.p, r.json.n, again, (size_t)n) != NULL;
      CHECK_INT(found, twice == 1);
      free((void *)(uintptr_t)r.json.p);
      free((void *)(uintptr_t)wire.p);
    }
    CHECK_INT(lengths[0], lengths[1]);
  }
}
