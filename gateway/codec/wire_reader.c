#include "codec/wire_reader.h"

#include "base/limits.h"

#define VARINT_BYTES_MAX 10
#define VARINT_MORE      0x8080808080808080ull

gw_wire_number gw_wire_varint_long(const uint8_t *p, const uint8_t *end) {
  uint64_t sum = 0;
  const uint8_t *stop = end - p > VARINT_BYTES_MAX ? p + VARINT_BYTES_MAX : end;
  unsigned shift = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  /* Negative numbers have ten bytes. */
  uint64_t word = 0;
  if (GW_LIKELY(end - p >= VARINT_BYTES_MAX)) memcpy(&word, p, sizeof word);
  if (GW_LIKELY((word & VARINT_MORE) == VARINT_MORE)) {
    sum = gw_wire_varint_of(word);
    p += 8;
    shift = 56;
  }
#endif
  for (; p < stop; shift += 7) {
    uint64_t byte = *p++;
    sum |= (byte & 0x7F) << shift;
    if (byte < 0x80) return (gw_wire_number){ p, sum };
  }
  return (gw_wire_number){ NULL, 0 };
}

gw_wire_number gw_wire_tag_long(const uint8_t *p, const uint8_t *end) {
  gw_wire_number tag;
  tag.next = gw_wire_varint(p, end, &tag.value);
  if (tag.next == NULL || tag.value > UINT32_MAX || tag.value < 8) tag.next = NULL;
  return tag;
}

static const uint8_t *skip_flat(const uint8_t *p, const uint8_t *end, uint32_t wire_type) {
  uint64_t number;
  gw_wire_span span;
  switch (wire_type) {
  case GW_WIRE_VARINT: return gw_wire_varint(p, end, &number);
  case GW_WIRE_FIXED64: return end - p >= 8 ? p + 8 : NULL;
  case GW_WIRE_LENGTH: return gw_wire_length(p, end, &span);
  case GW_WIRE_FIXED32: return end - p >= 4 ? p + 4 : NULL;
  default: return NULL;
  }
}

const uint8_t *gw_wire_skip(const uint8_t *p, const uint8_t *end, uint32_t tag) {
  const uint8_t *content_end;
  if ((tag & 7) == GW_WIRE_GROUP) return gw_wire_skip_group(p, end, tag >> 3, &content_end);
  return skip_flat(p, end, tag & 7);
}

const uint8_t *gw_wire_skip_group(const uint8_t *p, const uint8_t *end, uint32_t number,
                                  const uint8_t **content_end) {
  uint32_t open[GW_JSON_DEPTH_MAX];
  size_t depth = 1;
  open[0] = number;
  while (depth > 0) {
    uint32_t tag;
    const uint8_t *begin = p;
    p = gw_wire_tag(p, end, &tag);
    if (p == NULL) return NULL;
    if ((tag & 7) == GW_WIRE_END_GROUP) {
      if (open[--depth] != tag >> 3) return NULL;
      *content_end = begin;
    } else if ((tag & 7) == GW_WIRE_GROUP) {
      if (depth == GW_JSON_DEPTH_MAX) return NULL;
      open[depth++] = tag >> 3;
    } else if ((p = skip_flat(p, end, tag & 7)) == NULL) {
      return NULL;
    }
  }
  return p;
}
