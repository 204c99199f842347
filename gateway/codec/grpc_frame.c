#include "codec/grpc_frame.h"

#include "base/limits.h"

void gw_grpc_prefix_write(uint8_t out[GW_GRPC_PREFIX_BYTES], uint32_t message_bytes) {
  out[0] = 0;
  out[1] = (uint8_t)(message_bytes >> 24);
  out[2] = (uint8_t)(message_bytes >> 16);
  out[3] = (uint8_t)(message_bytes >> 8);
  out[4] = (uint8_t)message_bytes;
}

void gw_grpc_reader_init(gw_grpc_reader *reader, size_t message_bytes_max) {
  *reader = (gw_grpc_reader){ .message_bytes_max = message_bytes_max };
  gw_buf_init(&reader->partial, NULL, SIZE_MAX);
}

void gw_grpc_reader_done(gw_grpc_reader *reader) {
  if (reader != NULL) gw_buf_done(&reader->partial);
}

bool gw_grpc_reader_at_boundary(const gw_grpc_reader *reader) {
  return reader->partial.n == 0 || reader->handed_out;
}

/* The length of the message behind a whole prefix. */
static gw_code prefix_read(const gw_grpc_reader *reader, const char *bytes, size_t *n,
                           gw_err *err) {
  const unsigned char *p = (const unsigned char *)bytes;
  if (p[0] == 1) {
    return gw_err_set(err, GW_BAD_ANSWER,
                      "a gRPC message is compressed, although no encoding was agreed");
  }
  if (p[0] != 0) {
    return gw_err_set(err, GW_BAD_ANSWER, "a gRPC message begins with the flag %u", p[0]);
  }
  *n = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
  if (*n > reader->message_bytes_max) {
    return gw_err_set(err, GW_TOO_LARGE, "a gRPC message of %zu bytes is over the limit of %zu", *n,
                      reader->message_bytes_max);
  }
  return GW_OK;
}

/* Moves bytes from *in until `partial` holds `wanted`. */
static gw_code partial_fill(gw_grpc_reader *reader, gw_str *in, size_t wanted, gw_err *err) {
  gw_str piece = gw_str_first(*in, gw_size_min(wanted - reader->partial.n, in->n));
  gw_code code = gw_buf_append(&reader->partial, piece);
  if (code != GW_OK) return gw_err_set(err, code, "no memory for a gRPC message");
  *in = gw_str_skip(*in, piece.n);
  return reader->partial.n == wanted ? GW_OK : GW_AGAIN;
}

static gw_code partial_next(gw_grpc_reader *reader, gw_str *in, gw_str *message, gw_err *err) {
  size_t n = 0;
  gw_code code = GW_OK;
  if (reader->partial.n < GW_GRPC_PREFIX_BYTES) {
    code = partial_fill(reader, in, GW_GRPC_PREFIX_BYTES, err);
  }
  if (code == GW_OK) code = prefix_read(reader, reader->partial.p, &n, err);
  if (code == GW_OK) code = partial_fill(reader, in, GW_GRPC_PREFIX_BYTES + n, err);
  if (code != GW_OK) return code;
  reader->handed_out = true;
  *message = gw_str_skip(gw_buf_str(&reader->partial), GW_GRPC_PREFIX_BYTES);
  return GW_OK;
}

gw_code gw_grpc_reader_next(gw_grpc_reader *reader, gw_str *in, gw_str *message, gw_err *err) {
  if (reader->handed_out) {
    reader->handed_out = false;
    /* A large message's memory does not stay for a stream of small ones. */
    gw_buf_trim(&reader->partial, GW_KIB(16));
  }
  if (in->n == 0) return GW_AGAIN;
  if (reader->partial.n == 0 && in->n >= GW_GRPC_PREFIX_BYTES) {
    size_t n = 0;
    gw_code code = prefix_read(reader, in->p, &n, err);
    if (code != GW_OK) return code;
    if (in->n - GW_GRPC_PREFIX_BYTES >= n) {
      gw_str rest = gw_str_skip(*in, GW_GRPC_PREFIX_BYTES);
      *message = gw_str_first(rest, n);
      *in = gw_str_skip(rest, n);
      return GW_OK;
    }
  }
  return partial_next(reader, in, message, err);
}
