/* Numbers through both conversions: what wire_to_json prints, json_to_wire reads as the same bits.
 */
#include <math.h>

#include "base/limits.h"
#include "codec/json_to_wire.h"
#include "codec/wire_to_json.h"
#include "unit/codec/wire_fixture.h"

#define TRIP_NUMBERS 1000000u /* of each kind */
#define TRIP_LIST    5000u    /* in one message */

/* xorshift64* (Marsaglia, Vigna): the same numbers in every run. */
static uint64_t trip_random(uint64_t *state) {
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * 0x2545F4914F6CDD1Du;
}

/* Any bits; or a number as people write it, of few digits; or a neighbour of a power of two. */
static uint64_t trip_bits(uint64_t *state, size_t size) {
  uint64_t random = trip_random(state), bits = 0;
  if (random % 4 > 1) return size == sizeof(double) ? random : random >> 32;
  double wide = random % 4 == 0 ? (double)(int64_t)(random >> 40) /
                                      (double[]){ 1, 10, 100, 1000 }[random / 4 % 4]
                                : ldexp(1, (int)(random / 4 % 2200) - 1100);
  float narrow = (float)wide;
  if (size == sizeof(double)) {
    memcpy(&bits, &wide, size);
  } else {
    memcpy(&bits, &narrow, size);
  }
  return random % 4 == 0 ? bits : bits + random / 8192 % 3 - 1;
}

/* Integers of any length, of either sign where the type has one. */
static uint64_t trip_integer(uint64_t *state, size_t size) {
  uint64_t random = trip_random(state);
  uint64_t unused = 64 - 8 * size; /* the highest bits */
  int64_t number = (int64_t)trip_random(state) >> (unused + random % (8 * size));
  return (uint64_t)number & UINT64_MAX >> unused;
}

/* JSON has one NaN. */
static uint64_t trip_wanted(const gw_field *field, uint64_t bits, size_t size) {
  if (field->kind != GW_KIND_DOUBLE && field->kind != GW_KIND_FLOAT) return bits;
  double wide;
  float narrow;
  memcpy(&wide, &bits, sizeof wide);
  memcpy(&narrow, &bits, sizeof narrow);
  if (size == sizeof wide ? !isnan(wide) : !isnan(narrow)) return bits;
  wide = (double)NAN;
  narrow = NAN;
  bits = 0;
  if (size == sizeof wide) {
    memcpy(&bits, &wide, size);
  } else {
    memcpy(&bits, &narrow, size);
  }
  return bits;
}

/* The packed list `bits` as wire, through JSON, as wire again. */
static void trip_run(const gw_message *message, const gw_field *field, size_t size,
                     const uint64_t *bits, size_t count) {
  gw_arena arena;
  gw_buf wire, json, back;
  gw_err err;
  gw_arena_init(&arena, NULL, GW_MIB(16));
  gw_buf_init(&wire, &arena, GW_MIB(4));
  gw_buf_init(&json, &arena, GW_MIB(4));
  gw_buf_init(&back, &arena, GW_MIB(4));
  gw_err_init(&err);
  gw_codec codec = { .pool = wire_fixture_pool(), .memo = wire_fixture_memo(), .arena = &arena };
  CHECK_INT(gw_buf_append(&wire, (gw_str){ (const char *)field->packed_tag, field->tag_n }), GW_OK);
  for (size_t n = count * size; n > 0; n >>= 7)
    CHECK_INT(gw_buf_append(&wire, (gw_str){ (char[]){ (char)(n >= 128 ? n | 128 : n) }, 1 }),
              GW_OK);
  size_t head = wire.n;
  for (size_t i = 0; i < count; i++)
    CHECK_INT(gw_buf_append(&wire, (gw_str){ (const char *)&bits[i], size }), GW_OK);
  if (gw_wire_to_json(&codec, message, gw_buf_str(&wire), &json, &err) != GW_OK)
    fail_msg("%s", err.text);
  size_t text_n = json.n;
  CHECK_INT(gw_buf_reserve(&json, GW_JSON_PAD), GW_OK);
  if (gw_json_to_wire(&codec, message, (gw_str){ json.p, text_n }, &back, &err) != GW_OK)
    fail_msg("%s: %s", err.where, err.text);
  CHECK_INT(back.n, wire.n);
  CHECK_INT(memcmp(back.p, wire.p, head), 0);
  for (size_t i = 0; i < count; i++) {
    uint64_t got = 0;
    memcpy(&got, back.p + head + i * size, size);
    if (got != trip_wanted(field, bits[i], size))
      fail_msg("%016llx came back as %016llx", (unsigned long long)bits[i],
               (unsigned long long)got);
  }
  gw_arena_done(&arena);
}

typedef uint64_t trip_number_fn(uint64_t *state, size_t size);

static void trip_all(const char *name, size_t size, trip_number_fn *number) {
  const gw_message *message = wire_fixture_message("codectest.AllTypes");
  const gw_field *field = gw_message_field_by_name(message, gw_str_of(name));
  uint64_t state = 20261127, *bits = malloc(TRIP_LIST * sizeof *bits);
  for (size_t done = 0; done < TRIP_NUMBERS; done += TRIP_LIST) {
    for (size_t i = 0; i < TRIP_LIST; i++)
      bits[i] = number(&state, size);
    trip_run(message, field, size, bits, TRIP_LIST);
  }
  free(bits);
}

TEST(round_trip, a_million_doubles_bit_by_bit) {
  trip_all("repeatedDouble", sizeof(double), trip_bits);
}

TEST(round_trip, a_million_floats_bit_by_bit) {
  trip_all("repeatedFloat", sizeof(float), trip_bits);
}

TEST(round_trip, a_million_integers_of_each_kind) {
  trip_all("repeatedSfixed64", sizeof(uint64_t), trip_integer);
  trip_all("repeatedFixed64", sizeof(uint64_t), trip_integer);
  trip_all("repeatedSfixed32", sizeof(uint32_t), trip_integer);
  trip_all("repeatedFixed32", sizeof(uint32_t), trip_integer);
}
