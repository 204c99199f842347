#include "schema/check.h"

#include "base/limits.h"
#include "schema/schema.h"
#include "sluice/descriptor.pb-c.h"

#define VARINT_BYTES_MAX 10
#define LENGTH_BYTES     5 /* a length is written padded, since it is known only afterwards */
#define FIELD_NUMBER_MAX 536870911u

typedef struct check_reader {
  const char *begin; /* of the whole set: errors count from here */
  gw_buf *out;
  gw_err *err;
} check_reader;

typedef struct check_tag {
  uint32_t number;
  unsigned wire_type;
} check_tag;

static gw_code check_fail(check_reader *r, const char *at, const char *fault) {
  return gw_err_set(r->err, GW_BAD_VALUE, "not a FileDescriptorSet: byte %zu: %s",
                    (size_t)(at - r->begin), fault);
}

static gw_code check_varint(check_reader *r, gw_str *in, uint64_t *value) {
  uint64_t sum = 0;
  size_t max = gw_size_min(in->n, VARINT_BYTES_MAX);
  for (size_t i = 0; i < max; i++) {
    unsigned char byte = (unsigned char)in->p[i];
    sum |= (uint64_t)(byte & 0x7F) << (7 * i);
    if (byte < 0x80) {
      *in = gw_str_skip(*in, i + 1);
      *value = sum;
      return GW_OK;
    }
  }
  return check_fail(r, in->p, in->n < VARINT_BYTES_MAX ? "cut off" : "a number without an end");
}

static gw_code check_tag_read(check_reader *r, gw_str *in, check_tag *tag) {
  const char *at = in->p;
  uint64_t value = 0;
  gw_code code = check_varint(r, in, &value);
  if (code != GW_OK) return code;
  if (value >> 3 == 0 || value >> 3 > FIELD_NUMBER_MAX) {
    return check_fail(r, at, "no field has this number");
  }
  *tag = (check_tag){ .number = (uint32_t)(value >> 3), .wire_type = (unsigned)(value & 7) };
  return GW_OK;
}

static gw_code check_bytes(check_reader *r, gw_str *in, uint64_t n, gw_str *bytes) {
  if (n > in->n) return check_fail(r, in->p, "a length runs past the end");
  *bytes = gw_str_first(*in, (size_t)n);
  *in = gw_str_skip(*in, (size_t)n);
  return GW_OK;
}

/* Reads one value other than a group; *payload is what a length prefix announced. */
static gw_code check_value(check_reader *r, gw_str *in, unsigned wire_type, gw_str *payload) {
  uint64_t n = 0;
  gw_code code;
  *payload = (gw_str){ NULL, 0 };
  switch (wire_type) {
  case GW_WIRE_VARINT: return check_varint(r, in, &n);
  case GW_WIRE_FIXED64: return check_bytes(r, in, 8, payload);
  case GW_WIRE_FIXED32: return check_bytes(r, in, 4, payload);
  case GW_WIRE_LENGTH:
    code = check_varint(r, in, &n);
    return code == GW_OK ? check_bytes(r, in, n, payload) : code;
  default: return check_fail(r, in->p, "a wire type that has no place here");
  }
}

/* Unknown groups come from custom options of proto2. */
static gw_code check_skip_group(check_reader *r, gw_str *in) {
  for (unsigned open = 1; open > 0;) {
    check_tag tag = { 0 };
    gw_str ignored;
    gw_code code = check_tag_read(r, in, &tag);
    if (code != GW_OK) return code;
    if (tag.wire_type == GW_WIRE_GROUP) {
      if (++open > GW_DESCRIPTOR_DEPTH_MAX) return check_fail(r, in->p, "groups nest too deep");
    } else if (tag.wire_type == GW_WIRE_END_GROUP) {
      open--;
    } else if ((code = check_value(r, in, tag.wire_type, &ignored)) != GW_OK) {
      return code;
    }
  }
  return GW_OK;
}

static gw_code check_skip(check_reader *r, gw_str *in, unsigned wire_type) {
  gw_str ignored;
  if (wire_type == GW_WIRE_GROUP) return check_skip_group(r, in);
  return check_value(r, in, wire_type, &ignored);
}

static void check_write_length(char *at, size_t n) {
  for (unsigned i = 0; i < LENGTH_BYTES; i++) {
    at[i] = (char)((n & 0x7F) | (i + 1 < LENGTH_BYTES ? 0x80 : 0));
    n >>= 7;
  }
}

static gw_code check_message(check_reader *r, const ProtobufCMessageDescriptor *type, gw_str in,
                             unsigned depth);

static gw_code check_submessage(check_reader *r, const ProtobufCFieldDescriptor *field, gw_str tag,
                                gw_str payload, unsigned depth) {
  gw_code code = gw_buf_append(r->out, tag);
  if (code == GW_OK) code = gw_buf_reserve(r->out, LENGTH_BYTES);
  if (code != GW_OK) return code;
  r->out->n += LENGTH_BYTES;
  size_t begin = r->out->n;
  code = check_message(r, field->descriptor, payload, depth + 1);
  if (code == GW_OK) check_write_length(r->out->p + begin - LENGTH_BYTES, r->out->n - begin);
  return code;
}

/* `begin` is where the tag began, `value` where it ended. */
static gw_code check_known(check_reader *r, const ProtobufCFieldDescriptor *field,
                           const char *begin, check_tag tag, gw_str *in, unsigned depth) {
  bool with_length =
      field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE;
  const char *value = in->p;
  gw_str payload;
  if (tag.wire_type != (with_length ? GW_WIRE_LENGTH : GW_WIRE_VARINT)) {
    return check_fail(r, begin, "a field with another type than in descriptor.proto");
  }
  gw_code code = check_value(r, in, tag.wire_type, &payload);
  if (code != GW_OK) return code;
  if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
    return check_submessage(r, field, gw_str_from(begin, value), payload, depth);
  }
  /* protobuf-c ends strings with a NUL: one inside would cut a name. */
  if (with_length && gw_str_find(payload, '\0') < payload.n) {
    return check_fail(r, value, "a name or text with a zero byte");
  }
  return gw_buf_append(r->out, gw_str_from(begin, in->p));
}

static gw_code check_message(check_reader *r, const ProtobufCMessageDescriptor *type, gw_str in,
                             unsigned depth) {
  if (depth > GW_DESCRIPTOR_DEPTH_MAX) {
    return gw_err_set(r->err, GW_TOO_LARGE,
                      "byte %zu: messages or options nest more than %d levels deep",
                      (size_t)(in.p - r->begin), GW_DESCRIPTOR_DEPTH_MAX);
  }
  while (in.n > 0) {
    const char *begin = in.p;
    check_tag tag = { 0 };
    gw_code code = check_tag_read(r, &in, &tag);
    if (code != GW_OK) return code;
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(type, tag.number);
    code = field != NULL ? check_known(r, field, begin, tag, &in, depth)
                         : check_skip(r, &in, tag.wire_type);
    if (code != GW_OK) return code;
  }
  return GW_OK;
}

gw_code gw_check_next(gw_str set, size_t *at, gw_str *file, gw_err *err) {
  check_reader r = { .begin = set.p, .err = err };
  gw_str in = gw_str_skip(set, *at);
  *file = (gw_str){ NULL, 0 };
  while (in.n > 0 && file->p == NULL) {
    const char *begin = in.p;
    check_tag tag = { 0 };
    gw_code code = check_tag_read(&r, &in, &tag);
    if (code != GW_OK) return code;
    if (tag.number != 1) { /* FileDescriptorSet.file */
      code = check_skip(&r, &in, tag.wire_type);
    } else if (tag.wire_type != GW_WIRE_LENGTH) {
      code = check_fail(&r, begin, "no file begins here");
    } else {
      code = check_value(&r, &in, tag.wire_type, file);
    }
    if (code != GW_OK) return code;
  }
  *at = set.n - in.n;
  return GW_OK;
}

gw_code gw_check_file(gw_str set, gw_str file, gw_buf *out, gw_err *err) {
  check_reader r = { .begin = set.p, .out = out, .err = err };
  return check_message(&r, &sluice__file_descriptor_proto__descriptor, file, 1);
}
