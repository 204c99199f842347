#include <inttypes.h>

#include "unit/codec/wire_fixture.h"

#define LIST_MAX 26

static size_t varint_put(uint64_t value, char *out) {
  size_t n = 0;
  for (; value >= 0x80; value >>= 7) {
    out[n++] = (char)(value | 0x80);
  }
  out[n++] = (char)value;
  return n;
}

/* A packed list that is all of its message. */
static void list_check(const char *message, const char *name, uint32_t number,
                       const int64_t *values, size_t count, bool quoted) {
  char wire[16 + LIST_MAX * 10], list[LIST_MAX * 10], wanted[64 + LIST_MAX * 24];
  size_t list_n = 0;
  int n = snprintf(wanted, sizeof wanted, "{\"%s\":[", name);
  for (size_t i = 0; i < count; i++) {
    list_n += varint_put((uint64_t)values[i], list + list_n);
    n += snprintf(wanted + n, sizeof wanted - (size_t)n, "%s%s%" PRId64 "%s", i > 0 ? "," : "",
                  quoted ? "\"" : "", values[i], quoted ? "\"" : "");
  }
  n += snprintf(wanted + n, sizeof wanted - (size_t)n, "]}");
  size_t head_n = varint_put(number << 3 | 2, wire);
  head_n += varint_put(list_n, wire + head_n);
  memcpy(wire + head_n, list, list_n);
  /* As exactly sized memory. */
  size_t wire_n = head_n + list_n;
  char *exact = malloc(wire_n);
  memcpy(exact, wire, wire_n);
  wire_result r = wire_fixture_run(message, NULL, (gw_str){ exact, wire_n }, "");
  CHECK_INT(r.code, GW_OK);
  test_check_str(r.json, (gw_str){ wanted, (size_t)n }, __FILE__, __LINE__);
  free((void *)(uintptr_t)r.json.p);
  free(exact);
}

/* Runs of one digit are printed eight at once: every length, with another number at every place. */
TEST(wire_list, runs_of_one_digit) {
  static const int64_t others[] = { 10, 127, 128, 70000, INT32_MAX, -1, INT32_MIN };
  for (size_t count = 1; count <= LIST_MAX; count++) {
    int64_t values[LIST_MAX];
    for (size_t i = 0; i < count; i++) {
      values[i] = (int64_t)(i * 7 % 10);
    }
    list_check("codectest.Book", "ratings", 9, values, count, false);
    for (size_t i = 0; i < count * GW_COUNT_OF(others); i++) {
      int64_t kept = values[i % count];
      values[i % count] = others[i / count];
      list_check("codectest.Book", "ratings", 9, values, count, false);
      values[i % count] = kept;
    }
  }
}

/* One to ten bytes, with other numbers behind them and at the end of the wire. */
TEST(wire_list, numbers_of_every_length) {
  for (unsigned bits = 0; bits <= 64; bits++) {
    uint64_t value = bits == 64 ? UINT64_MAX : (1ull << bits) - 1;
    for (size_t count = 1; count <= 12; count++) {
      int64_t values[12];
      for (size_t i = 0; i < count; i++) {
        values[i] = i % 3 == 0 ? (int64_t)value : i % 3 == 1 ? (int64_t)(value / 3 * 2) : 5;
      }
      list_check("codectest.Numbers", "integers", 2, values, count, true);
    }
  }
}

TEST(wire_list, a_number_that_does_not_end_is_refused) {
  wire_fixture_check("codectest.Numbers", "12 0b ff ff ff ff ff ff ff ff ff ff 01",
                     "bad_answer: malformed protobuf near byte 2 [integers]");
  wire_fixture_check("codectest.Numbers", "12 0a ff ff ff ff ff ff ff ff ff 01",
                     "{\"integers\":[\"-1\"]}");
  wire_fixture_check("codectest.Numbers", "12 09 ff ff ff ff ff ff ff ff ff 01",
                     "bad_answer: malformed protobuf near byte 2 [integers]");
}

/* Whatever pieces a list comes in, it is one list. */
TEST(wire_list, packed_in_pieces) {
  wire_fixture_check("codectest.Book", "4a 02 01 02 4a 00 4a 01 03", "{\"ratings\":[1,2,3]}");
  wire_fixture_check("codectest.Book", "4a 02 01 02 48 0b 4a 01 03", "{\"ratings\":[1,2,11,3]}");
  wire_fixture_check("codectest.Book", "4a 00", "{}");
  wire_fixture_check("codectest.Book", "4a 00 4a 00", "{}");
  wire_fixture_check("codectest.Book", "4a 01 04 3a 00", "{\"ratings\":[4]}");
  wire_fixture_check("codectest.Book", "4a 05 01",
                     "bad_answer: malformed protobuf near byte 1 [ratings]");
}

TEST(wire_list, objects) {
  wire_fixture_check("codectest.Shelf", "1a 00 1a 03 0a 01 'a' 1a 02 20 07",
                     "{\"books\":[{},{\"bookId\":\"a\"},{\"pageCount\":7}]}");
  wire_fixture_check("codectest.Shelf", "1a 00 1a 03 0a 09 'a'",
                     "bad_answer: malformed protobuf near byte 5 [books[1].book_id]");
  /* A book whose fields go back is done by index, its list goes on. */
  wire_fixture_check("codectest.Shelf", "1a 05 20 07 0a 01 'b' 1a 03 0a 01 'a'",
                     "{\"books\":[{\"bookId\":\"b\",\"pageCount\":7},{\"bookId\":\"a\"}]}");
}
