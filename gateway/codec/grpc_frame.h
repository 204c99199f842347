/* grpc_frame: gRPC's Length-Prefixed-Message (grpc/doc/PROTOCOL-HTTP2.md): 1 byte compressed flag,
 * 4 bytes big-endian length, the message.  Owns nothing; pure; any thread. */
#pragma once

#include "base/err.h"

#define GW_GRPC_PREFIX_BYTES 5u

void gw_grpc_prefix_write(uint8_t out[GW_GRPC_PREFIX_BYTES], uint32_t message_bytes);

/* GW_OK: *message is the first message of `in`, borrowed; its frame is GW_GRPC_PREFIX_BYTES longer.
 * GW_AGAIN: the frame is not whole.  As soon as the prefix is there: GW_TOO_LARGE (over
 * message_bytes_max), GW_BAD_ANSWER (an unknown flag).
 * compressed: whether the message is; its limit is then only that of its compressed form.  NULL:
 * identity was asked for, and a compressed one is GW_BAD_ANSWER. */
GW_CHECKED gw_code gw_grpc_frame_next(gw_str in, size_t message_bytes_max, gw_str *message,
                                      bool *compressed, gw_err *err);
