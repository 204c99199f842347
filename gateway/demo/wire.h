/* wire: the few protobuf fields that the demo's service reads and writes by hand (the protobuf
 * encoding guide).  A service has its own .proto at hand, so it needs no descriptors.
 * Groups are refused; the messages of proto/userservice.proto have none.  Pure; any thread. */
#pragma once

#include "base/buf.h"
#include "schema/schema.h"

typedef struct gw_wire_field {
  uint32_t number;
  uint8_t type;    /* GW_WIRE_* */
  uint64_t scalar; /* VARINT, FIXED32, FIXED64 */
  gw_str bytes;    /* LENGTH; borrowed from the input */
} gw_wire_field;

/* Takes one field from the front of *in, which is not empty.  GW_BAD_VALUE: malformed. */
GW_CHECKED gw_code gw_wire_next(gw_str *in, gw_wire_field *field);

/* Appends tag and value; an empty string and 0 are proto3's defaults and are not written. */
GW_CHECKED gw_code gw_wire_put_bytes(gw_buf *out, uint32_t number, gw_str bytes);
GW_CHECKED gw_code gw_wire_put_varint(gw_buf *out, uint32_t number, uint64_t value);
