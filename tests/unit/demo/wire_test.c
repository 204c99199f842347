#include "demo/wire.h"

#include "unit/test.h"

/* One field as text: "number:type:scalar or bytes". */
static const char *wire_shown(gw_str in) {
  static char text[128];
  gw_wire_field field;
  if (gw_wire_next(&in, &field) != GW_OK) return "malformed";
  if (field.type == GW_WIRE_LENGTH) {
    snprintf(text, sizeof text, "%u:%u:" GW_STR_FMT "+%zu", field.number, field.type,
             GW_STR_ARG(field.bytes), in.n);
  } else {
    snprintf(text, sizeof text, "%u:%u:%llu+%zu", field.number, field.type,
             (unsigned long long)field.scalar, in.n);
  }
  return text;
}

#define SHOWN(bytes) gw_str_of(wire_shown(GW_STR(bytes)))

TEST(wire, reads_each_type_and_leaves_the_rest) {
  CHECK_STR(SHOWN("\x08\x96\x01"), "1:0:150+0");
  CHECK_STR(SHOWN("\x12\x02hixyz"), "2:2:hi+3");
  CHECK_STR(SHOWN("\x12\x00"), "2:2:+0");
  CHECK_STR(SHOWN("\x1d\x01\x00\x00\x80"), "3:5:2147483649+0");
  CHECK_STR(SHOWN("\x21\x01\x00\x00\x00\x00\x00\x00\x00"), "4:1:1+0");
  CHECK_STR(SHOWN("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "1:0:18446744073709551615+0");
}

TEST(wire, refuses_what_is_cut_or_forbidden) {
  CHECK_STR(SHOWN("\x08"), "malformed");
  CHECK_STR(SHOWN("\x08\x96"), "malformed");
  CHECK_STR(SHOWN("\x12\x03hi"), "malformed");
  CHECK_STR(SHOWN("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x"), "malformed");
  CHECK_STR(SHOWN("\x1d\x01\x00\x00"), "malformed");
  CHECK_STR(SHOWN("\x21\x01"), "malformed");
  CHECK_STR(SHOWN("\x00\x01"), "malformed");                                     /* field 0 */
  CHECK_STR(SHOWN("\x80\x80\x80\x80\x10\x01"), "malformed");                     /* field 2^29 */
  CHECK_STR(SHOWN("\x0b\x0c"), "malformed");                                     /* a group */
  CHECK_STR(SHOWN("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), "malformed"); /* 65 bits */
}

TEST(wire, writes_what_it_reads_and_omits_defaults) {
  gw_buf out;
  gw_buf_init(&out, NULL, 1024);
  CHECK_INT(gw_wire_put_bytes(&out, 2, GW_STR("hi")), GW_OK);
  CHECK_INT(gw_wire_put_bytes(&out, 3, GW_STR("")), GW_OK);
  CHECK_INT(gw_wire_put_varint(&out, 4, 0), GW_OK);
  CHECK_INT(gw_wire_put_varint(&out, 1, 150), GW_OK);
  CHECK_INT(gw_wire_put_varint(&out, 16, UINT64_MAX), GW_OK);
  CHECK_STR(gw_buf_str(&out), "\x12\x02hi\x08\x96\x01"
                              "\x80\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
  gw_buf_done(&out);
}

TEST(wire, keeps_to_the_limit_of_its_buffer) {
  gw_buf out;
  gw_buf_init(&out, NULL, 4);
  CHECK_INT(gw_wire_put_bytes(&out, 1, GW_STR("four")), GW_TOO_LARGE);
  CHECK_INT(gw_wire_put_varint(&out, 1, UINT64_MAX), GW_TOO_LARGE);
  gw_buf_done(&out);
}
