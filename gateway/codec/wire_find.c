#include "codec/wire_find.h"

#include "codec/wire_reader.h"

bool gw_wire_find(gw_str wire, uint32_t number, gw_str *payload) {
  const uint8_t *p = (const uint8_t *)wire.p, *end = p + wire.n;
  bool found = false;
  while (p < end) {
    uint32_t tag;
    gw_wire_span span;
    p = gw_wire_tag(p, end, &tag);
    if (p == NULL) return false;
    if (tag != (number << 3 | GW_WIRE_LENGTH)) {
      p = gw_wire_skip(p, end, tag);
    } else if ((p = gw_wire_length(p, end, &span)) != NULL) {
      *payload = gw_str_from((const char *)span.p, (const char *)span.end);
      found = true;
    }
    if (p == NULL) return false;
  }
  return found;
}
