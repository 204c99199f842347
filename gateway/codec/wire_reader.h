/* wire_reader: protobuf's wire format, piece by piece (protobuf.dev, "Encoding").
 * All functions read [p, end), return where the next piece begins, and NULL for bytes that no
 * serializer writes.  A value that fits its varint only modulo 2^64 is cut, as protobuf does.
 * Private to codec/.  Pure; any thread. */
#pragma once

#include "base/str.h"
#include "schema/schema.h"

#define GW_WIRE_NUMBER_MAX 536870911u /* field numbers have 29 bits */

typedef struct gw_wire_span {
  const uint8_t *p, *end;
} gw_wire_span;

/* In two registers: a value whose address is taken would be written to memory on every path. */
typedef struct gw_wire_number {
  const uint8_t *next; /* NULL: malformed */
  uint64_t value;
} gw_wire_number;

gw_wire_number gw_wire_varint_long(const uint8_t *p, const uint8_t *end);
/* The rest of a value behind its tag.  Groups are skipped without recursion. */
const uint8_t *gw_wire_skip(const uint8_t *p, const uint8_t *end, uint32_t tag);
/* p: behind the start tag of group `number`.  *content_end: where its end tag begins. */
const uint8_t *gw_wire_skip_group(const uint8_t *p, const uint8_t *end, uint32_t number,
                                  const uint8_t **content_end);
gw_wire_number gw_wire_tag_long(const uint8_t *p, const uint8_t *end);

/* The seven bits of each byte, together. */
static inline uint64_t gw_wire_varint_of(uint64_t word) {
  word = (word & 0x007F007F007F007Full) | (word & 0x7F007F007F007F00ull) >> 1;
  word = (word & 0x00003FFF00003FFFull) | (word & 0x3FFF00003FFF0000ull) >> 2;
  return (word & 0x000000000FFFFFFFull) | (word & 0x0FFFFFFF00000000ull) >> 4;
}

static inline const uint8_t *gw_wire_varint(const uint8_t *p, const uint8_t *end, uint64_t *value) {
  if (GW_LIKELY(p < end && *p < 0x80)) {
    *value = *p;
    return p + 1;
  }
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  /* Up to eight bytes at once: nothing can predict how many a number has. */
  uint64_t word = 0, ends = 0;
  if (GW_LIKELY(end - p >= 8)) {
    memcpy(&word, p, sizeof word);
    ends = ~word & 0x8080808080808080ull;
  }
  if (GW_LIKELY(ends != 0)) {
    *value = gw_wire_varint_of(word & (ends ^ (ends - 1))); /* up to the byte that ends it */
    return p + 1 + __builtin_ctzll(ends) / 8;
  }
#endif
  gw_wire_number number = gw_wire_varint_long(p, end);
  *value = number.value;
  return number.next;
}

/* One and two bytes are field numbers up to 2047. */
static inline const uint8_t *gw_wire_tag(const uint8_t *p, const uint8_t *end, uint32_t *tag) {
  if (GW_LIKELY(p < end && *p < 0x80 && *p >= 8)) {
    *tag = *p;
    return p + 1;
  }
  if (p >= end) return NULL; /* so a list or map finds its end, mostly */
  if (GW_LIKELY(end - p >= 2 && p[0] >= 0x80 && p[1] < 0x80 && p[1] > 0)) {
    *tag = (uint32_t)(p[0] & 0x7F) | (uint32_t)p[1] << 7;
    return p + 2;
  }
  gw_wire_number number = gw_wire_tag_long(p, end);
  *tag = (uint32_t)number.value;
  return number.next;
}

/* A length prefix and what it promises: span->end is the return value. */
static inline const uint8_t *gw_wire_length(const uint8_t *p, const uint8_t *end,
                                            gw_wire_span *span) {
  uint64_t n;
  p = gw_wire_varint(p, end, &n);
  if (GW_UNLIKELY(p == NULL || n > (uint64_t)(end - p))) return NULL;
  *span = (gw_wire_span){ p, p + n };
  return p + n;
}

static inline const uint8_t *gw_wire_fixed32(const uint8_t *p, const uint8_t *end,
                                             uint32_t *value) {
  if (GW_UNLIKELY(end - p < 4)) return NULL;
  memcpy(value, p, 4);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  *value = __builtin_bswap32(*value);
#endif
  return p + 4;
}

static inline const uint8_t *gw_wire_fixed64(const uint8_t *p, const uint8_t *end,
                                             uint64_t *value) {
  if (GW_UNLIKELY(end - p < 8)) return NULL;
  memcpy(value, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  *value = __builtin_bswap64(*value);
#endif
  return p + 8;
}

static inline gw_str gw_wire_span_str(gw_wire_span span) {
  return gw_str_from((const char *)span.p, (const char *)span.end);
}

/* True when `wire_type` can hold `field`: its own, or a packed list of scalars. */
static inline bool gw_wire_type_fits(const gw_field *field, uint32_t wire_type) {
  if (GW_LIKELY(wire_type == field->wire_type)) return true;
  return wire_type == GW_WIRE_LENGTH && field->repeated && field->wire_type != GW_WIRE_GROUP;
}

/* The reading half of a scalar: its value as 64 bits, signed kinds extended. */
static inline const uint8_t *gw_wire_scalar(gw_kind kind, const uint8_t *p, const uint8_t *end,
                                            uint64_t *value) {
  uint32_t word;
  switch (kind) {
  case GW_KIND_FIXED64:
  case GW_KIND_SFIXED64:
  case GW_KIND_DOUBLE: return gw_wire_fixed64(p, end, value);
  case GW_KIND_FIXED32:
  case GW_KIND_FLOAT:
    p = gw_wire_fixed32(p, end, &word);
    *value = p != NULL ? word : 0;
    return p;
  case GW_KIND_SFIXED32:
    p = gw_wire_fixed32(p, end, &word);
    *value = p != NULL ? (uint64_t)(int32_t)word : 0;
    return p;
  default: break;
  }
  p = gw_wire_varint(p, end, value);
  if (GW_UNLIKELY(p == NULL)) return NULL;
  switch (kind) {
  case GW_KIND_INT32:
  case GW_KIND_ENUM: *value = (uint64_t)(int32_t)*value; break;
  case GW_KIND_UINT32: *value = (uint32_t)*value; break;
  case GW_KIND_BOOL: *value = *value != 0 ? 1 : 0; break;
  case GW_KIND_SINT32:
    *value = (uint64_t)(int32_t)((uint32_t)*value >> 1 ^ (0 - ((uint32_t)*value & 1)));
    break;
  case GW_KIND_SINT64: *value = *value >> 1 ^ (0 - (*value & 1)); break;
  default: break;
  }
  return p;
}
