#include "codec/grpc_frame.h"

void gw_grpc_prefix_write(uint8_t out[GW_GRPC_PREFIX_BYTES], uint32_t message_bytes) {
  out[0] = 0;
  out[1] = (uint8_t)(message_bytes >> 24);
  out[2] = (uint8_t)(message_bytes >> 16);
  out[3] = (uint8_t)(message_bytes >> 8);
  out[4] = (uint8_t)message_bytes;
}

gw_code gw_grpc_frame_next(gw_str in, size_t message_bytes_max, gw_str *message, bool *compressed,
                           gw_err *err) {
  const uint8_t *p = (const uint8_t *)in.p;
  if (in.n < GW_GRPC_PREFIX_BYTES) return GW_AGAIN;
  size_t n = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
  if (p[0] == 1 && compressed == NULL) {
    return gw_err_set(err, GW_BAD_ANSWER,
                      "a message is compressed although identity was asked for");
  }
  if (p[0] > 1) {
    return gw_err_set(err, GW_BAD_ANSWER, "a gRPC frame has flag %u, expected 0 or 1", p[0]);
  }
  if (n > message_bytes_max) {
    return gw_err_set(err, GW_TOO_LARGE,
                      "a message of %zu bytes is over the limit of %zu (message)", n,
                      message_bytes_max);
  }
  if (in.n - GW_GRPC_PREFIX_BYTES < n) return GW_AGAIN;
  if (compressed != NULL) *compressed = p[0] == 1;
  *message = (gw_str){ in.p + GW_GRPC_PREFIX_BYTES, n };
  return GW_OK;
}
