/* grpc_frame: gRPC's Length-Prefixed-Message (grpc/doc/PROTOCOL-HTTP2.md): 1 byte compressed flag,
 * 4 bytes big-endian length, the message.
 * The reader takes DATA as it comes and hands out whole messages: borrowed from the input where the
 * input holds one whole, else from its own buffer, which grows with the bytes that really came and
 * never from the prefix alone.
 * Errors: GW_TOO_LARGE, GW_BAD_ANSWER (flag other than 0; compressed without encoding), GW_NOMEM.
 * One thread. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

#define GW_GRPC_PREFIX_BYTES 5u

typedef struct gw_grpc_reader {
  gw_buf partial; /* an incomplete frame, prefix included */
  size_t message_bytes_max;
  bool handed_out; /* partial holds the message that was returned last */
} gw_grpc_reader;

void gw_grpc_prefix_write(uint8_t out[GW_GRPC_PREFIX_BYTES], uint32_t message_bytes);

/* Heap is used only for frames that arrive in pieces. */
void gw_grpc_reader_init(gw_grpc_reader *reader, size_t message_bytes_max);
void gw_grpc_reader_done(gw_grpc_reader *reader);

/* Takes bytes from *in.  GW_OK: *message is the next one, valid until the next call and as long as
 * the bytes of `in`.  GW_AGAIN: all of *in was taken, no message yet. */
GW_CHECKED gw_code gw_grpc_reader_next(gw_grpc_reader *reader, gw_str *in, gw_str *message,
                                       gw_err *err);
/* True between frames: where a stream may end. */
bool gw_grpc_reader_at_boundary(const gw_grpc_reader *reader);
