/* Input: a stream of frames.  Checked: each message lies within the input and under the limit, and
 * a frame that is cut anywhere waits for more or is refused as the whole one is. */
#include <stdlib.h>

#include "codec/grpc_frame.h"

#define MESSAGE_BYTES_MAX 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void frame_cut(gw_str in, size_t n) {
  gw_str message, cut;
  gw_code whole = gw_grpc_frame_next(in, MESSAGE_BYTES_MAX, &message, NULL, NULL);
  gw_code part = gw_grpc_frame_next(gw_str_first(in, n), MESSAGE_BYTES_MAX, &cut, NULL, NULL);
  if (part != GW_AGAIN && part != whole) abort();
  if (part == GW_OK && !gw_str_eq(message, cut)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  gw_str in = { (const char *)data, size }, message;
  for (size_t n = 0; n <= in.n && n < 2 * GW_GRPC_PREFIX_BYTES; n++)
    frame_cut(in, n);
  while (gw_grpc_frame_next(in, MESSAGE_BYTES_MAX, &message, NULL, NULL) == GW_OK) {
    if (message.n > MESSAGE_BYTES_MAX || message.p + message.n > in.p + in.n) abort();
    in = gw_str_skip(in, GW_GRPC_PREFIX_BYTES + message.n);
  }
  return 0;
}
