/* Input: one byte that says how the rest, a stream of frames, is cut into pieces.
 * Checked: the pieces do not change the messages, nor how the stream ends. */
#include <stdlib.h>

#include "codec/grpc_frame.h"

#define MESSAGE_BYTES_MAX 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct frames {
  uint64_t hash;
  size_t count;
  gw_code code;
  bool at_boundary;
} frames;

static frames frames_read(gw_str stream, size_t piece) {
  frames f = { .code = GW_AGAIN };
  gw_grpc_reader reader;
  gw_grpc_reader_init(&reader, MESSAGE_BYTES_MAX);
  while (stream.n > 0 && f.code == GW_AGAIN) {
    /* Memory of its own: nothing of an earlier piece may be used. */
    size_t n = gw_size_min(piece, stream.n);
    char *copy = malloc(n);
    gw_str in = { copy, n }, message;
    memcpy(copy, stream.p, n);
    stream = gw_str_skip(stream, n);
    while ((f.code = gw_grpc_reader_next(&reader, &in, &message, NULL)) == GW_OK) {
      if (message.n > MESSAGE_BYTES_MAX) abort();
      f.hash = gw_str_hash(message, f.hash + 1);
      f.count++;
    }
    if (f.code == GW_AGAIN && in.n > 0) abort();
    free(copy);
  }
  f.at_boundary = gw_grpc_reader_at_boundary(&reader);
  gw_grpc_reader_done(&reader);
  return f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  gw_str stream = { (const char *)data + 1, size - 1 };
  frames pieces = frames_read(stream, data[0] % 32 + 1u);
  frames whole = frames_read(stream, size);
  if (pieces.code != whole.code || pieces.count != whole.count || pieces.hash != whole.hash) {
    abort();
  }
  if (whole.code == GW_AGAIN && pieces.at_boundary != whole.at_boundary) abort();
  return 0;
}
