#include "demo/wire.h"

#define WIRE_VARINT_BYTES_MAX 10u
#define WIRE_NUMBER_MAX       536870911u /* 2^29 - 1 */

static gw_code wire_take_varint(gw_str *in, uint64_t *value) {
  uint64_t sum = 0;
  for (size_t i = 0; i < in->n && i < WIRE_VARINT_BYTES_MAX; i++) {
    uint8_t byte = (uint8_t)in->p[i];
    if (i == WIRE_VARINT_BYTES_MAX - 1 && byte > 1) return GW_BAD_VALUE; /* over 64 bits */
    sum |= (uint64_t)(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) {
      *in = gw_str_skip(*in, i + 1);
      *value = sum;
      return GW_OK;
    }
  }
  return GW_BAD_VALUE;
}

static gw_code wire_take_fixed(gw_str *in, size_t n, uint64_t *value) {
  uint64_t sum = 0;
  if (in->n < n) return GW_BAD_VALUE;
  for (size_t i = 0; i < n; i++)
    sum |= (uint64_t)(uint8_t)in->p[i] << (8 * i);
  *in = gw_str_skip(*in, n);
  *value = sum;
  return GW_OK;
}

static gw_code wire_take_bytes(gw_str *in, gw_str *bytes) {
  uint64_t n;
  gw_code code = wire_take_varint(in, &n);
  if (code != GW_OK) return code;
  if (n > in->n) return GW_BAD_VALUE;
  *bytes = gw_str_first(*in, (size_t)n);
  *in = gw_str_skip(*in, (size_t)n);
  return GW_OK;
}

gw_code gw_wire_next(gw_str *in, gw_wire_field *field) {
  uint64_t tag;
  gw_code code = wire_take_varint(in, &tag);
  if (code != GW_OK) return code;
  if (tag >> 3 == 0 || tag >> 3 > WIRE_NUMBER_MAX) return GW_BAD_VALUE;
  *field = (gw_wire_field){ .number = (uint32_t)(tag >> 3), .type = (uint8_t)(tag & 7) };
  switch (field->type) {
  case GW_WIRE_VARINT: return wire_take_varint(in, &field->scalar);
  case GW_WIRE_FIXED64: return wire_take_fixed(in, 8, &field->scalar);
  case GW_WIRE_FIXED32: return wire_take_fixed(in, 4, &field->scalar);
  case GW_WIRE_LENGTH: return wire_take_bytes(in, &field->bytes);
  default: return GW_BAD_VALUE;
  }
}

static size_t wire_write_varint(char *p, uint64_t value) {
  size_t n = 0;
  for (; value > 0x7f; value >>= 7)
    p[n++] = (char)(value | 0x80);
  p[n++] = (char)value;
  return n;
}

gw_code gw_wire_put_bytes(gw_buf *out, uint32_t number, gw_str bytes) {
  char head[2 * WIRE_VARINT_BYTES_MAX];
  if (bytes.n == 0) return GW_OK;
  size_t n = wire_write_varint(head, (uint64_t)number << 3 | GW_WIRE_LENGTH);
  n += wire_write_varint(head + n, bytes.n);
  gw_code code = gw_buf_append(out, (gw_str){ head, n });
  return code != GW_OK ? code : gw_buf_append(out, bytes);
}

gw_code gw_wire_put_varint(gw_buf *out, uint32_t number, uint64_t value) {
  char field[2 * WIRE_VARINT_BYTES_MAX];
  if (value == 0) return GW_OK;
  size_t n = wire_write_varint(field, (uint64_t)number << 3 | GW_WIRE_VARINT);
  n += wire_write_varint(field + n, value);
  return gw_buf_append(out, (gw_str){ field, n });
}
