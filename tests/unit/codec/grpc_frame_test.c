#include "codec/grpc_frame.h"
#include "unit/test.h"

#define BYTES(literal) ((gw_str){ literal, sizeof(literal) - 1 })

static gw_code next(gw_str in, gw_str *message, gw_err *err) {
  gw_err_init(err);
  return gw_grpc_frame_next(in, 100, message, NULL, err);
}

TEST(grpc_frame, messages_one_after_the_other) {
  static const char *const wanted[] = { "abc", "", "x", "hello" };
  gw_str in = BYTES("\0\0\0\0\3abc\0\0\0\0\0\0\0\0\0\1x\0\0\0\0\5hello"), message;
  gw_err err;
  for (size_t i = 0; i < GW_COUNT_OF(wanted); i++) {
    CHECK_INT(next(in, &message, &err), GW_OK);
    CHECK_STR(message, wanted[i]);
    in = gw_str_skip(in, GW_GRPC_PREFIX_BYTES + message.n);
  }
  CHECK_INT(next(in, &message, &err), GW_AGAIN);
}

TEST(grpc_frame, every_cut_waits_for_more) {
  gw_str whole = BYTES("\0\0\0\0\5hello"), message;
  gw_err err;
  for (size_t n = 0; n < whole.n; n++) {
    CHECK_INT(next(gw_str_first(whole, n), &message, &err), GW_AGAIN);
    CHECK_INT(err.code, GW_OK);
  }
  CHECK_INT(next(whole, &message, &err), GW_OK);
}

TEST(grpc_frame, refuses_flags_by_the_prefix_alone) {
  gw_str message;
  gw_err err;
  CHECK_INT(next(BYTES("\1\0\0\0\1"), &message, &err), GW_BAD_ANSWER);
  CHECK_STR(gw_str_of(err.text), "a message is compressed although identity was asked for");
  CHECK_INT(next(BYTES("\2\0\0\0\1"), &message, &err), GW_BAD_ANSWER);
  CHECK_STR(gw_str_of(err.text), "a gRPC frame has flag 2, expected 0 or 1");
  CHECK_INT(next(BYTES("\377\0\0\0\1"), &message, &err), GW_BAD_ANSWER);
}

TEST(grpc_frame, tells_of_compressed_messages_where_they_are_taken) {
  gw_str in = BYTES("\1\0\0\0\2ab\0\0\0\0\1c"), message;
  bool compressed = false;
  CHECK_INT(gw_grpc_frame_next(gw_str_first(in, 6), 100, &message, &compressed, NULL), GW_AGAIN);
  CHECK_INT(gw_grpc_frame_next(in, 100, &message, &compressed, NULL), GW_OK);
  CHECK_STR(message, "ab");
  CHECK(compressed);
  CHECK_INT(gw_grpc_frame_next(gw_str_skip(in, 7), 100, &message, &compressed, NULL), GW_OK);
  CHECK_STR(message, "c");
  CHECK(!compressed);
  CHECK_INT(gw_grpc_frame_next(in, 1, &message, &compressed, NULL), GW_TOO_LARGE);
  CHECK_INT(gw_grpc_frame_next(BYTES("\2\0\0\0\1"), 100, &message, &compressed, NULL),
            GW_BAD_ANSWER);
}

TEST(grpc_frame, the_limit_is_exact_and_judged_by_the_prefix) {
  gw_str message;
  gw_err err;
  CHECK_INT(next(BYTES("\0\0\0\0\144"), &message, &err), GW_AGAIN);
  CHECK_INT(next(BYTES("\0\0\0\0\145"), &message, &err), GW_TOO_LARGE);
  CHECK_STR(gw_str_of(err.text), "a message of 101 bytes is over the limit of 100 (message)");
  CHECK_INT(next(BYTES("\0\377\377\377\377"), &message, &err), GW_TOO_LARGE);
}

TEST(grpc_frame, a_written_prefix_is_read_again) {
  static const uint32_t lengths[] = { 0, 1, 255, 256, 65536, UINT32_MAX };
  for (size_t i = 0; i < GW_COUNT_OF(lengths); i++) {
    uint8_t prefix[GW_GRPC_PREFIX_BYTES];
    gw_str message;
    gw_code wanted = lengths[i] == 0 ? GW_OK : GW_AGAIN;
    gw_grpc_prefix_write(prefix, lengths[i]);
    gw_str in = { (const char *)prefix, sizeof prefix };
    CHECK_INT(gw_grpc_frame_next(in, UINT32_MAX, &message, NULL, NULL), wanted);
    if (lengths[i] == 0) continue;
    CHECK_INT(gw_grpc_frame_next(in, lengths[i] - 1, &message, NULL, NULL), GW_TOO_LARGE);
  }
}
