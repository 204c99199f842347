#include "codec/grpc_frame.h"
#include "unit/test.h"

#define MESSAGES_BYTES_MAX 4096

/* Feeds `stream` in pieces of `piece` bytes; the messages come out as "[a][bc]...". */
static gw_code frames_read(gw_str stream, size_t piece, size_t message_max, char *text,
                           bool *at_boundary, gw_err *err) {
  gw_grpc_reader reader;
  gw_code code = GW_AGAIN;
  size_t n = 0;
  gw_grpc_reader_init(&reader, message_max);
  while (stream.n > 0 && (code == GW_OK || code == GW_AGAIN)) {
    gw_str in = gw_str_first(stream, gw_size_min(piece, stream.n)), message;
    stream = gw_str_skip(stream, in.n);
    while ((code = gw_grpc_reader_next(&reader, &in, &message, err)) == GW_OK) {
      CHECK(n + message.n + 2 < MESSAGES_BYTES_MAX);
      text[n++] = '[';
      memcpy(text + n, message.p, message.n);
      n += message.n;
      text[n++] = ']';
    }
    if (code == GW_AGAIN) CHECK_INT(in.n, 0);
  }
  text[n] = '\0';
  *at_boundary = gw_grpc_reader_at_boundary(&reader);
  gw_grpc_reader_done(&reader);
  return code;
}

static void check_all_pieces(gw_str stream, gw_code code, const char *messages, bool at_boundary) {
  for (size_t piece = 1; piece <= stream.n; piece++) {
    char text[MESSAGES_BYTES_MAX];
    bool boundary;
    gw_err err;
    gw_err_init(&err);
    CHECK_INT(frames_read(stream, piece, 100, text, &boundary, &err), code);
    CHECK_STR(gw_str_of(text), messages);
    if (code == GW_AGAIN) CHECK_INT(boundary, at_boundary);
    CHECK_INT(err.code, code == GW_AGAIN ? GW_OK : code);
  }
}

TEST(grpc_frame, messages_in_any_pieces) {
  static const char stream[] = "\0\0\0\0\3abc\0\0\0\0\0\0\0\0\0\1x\0\0\0\0\5hello";
  check_all_pieces((gw_str){ stream, sizeof stream - 1 }, GW_AGAIN, "[abc][][x][hello]", true);
}

TEST(grpc_frame, a_cut_stream_is_not_at_a_boundary) {
  static const char stream[] = "\0\0\0\0\3abc\0\0\0\0\5hell";
  check_all_pieces((gw_str){ stream, sizeof stream - 1 }, GW_AGAIN, "[abc]", false);
  check_all_pieces((gw_str){ stream, 8 + 3 }, GW_AGAIN, "[abc]", false);
  check_all_pieces((gw_str){ stream, 8 + 5 }, GW_AGAIN, "[abc]", false);
}

TEST(grpc_frame, refuses_flags) {
  static const char compressed[] = "\0\0\0\0\1a\1\0\0\0\1b";
  static const char unknown[] = "\2\0\0\0\1a";
  check_all_pieces((gw_str){ compressed, sizeof compressed - 1 }, GW_BAD_ANSWER, "[a]", false);
  check_all_pieces((gw_str){ unknown, sizeof unknown - 1 }, GW_BAD_ANSWER, "", false);
}

TEST(grpc_frame, refuses_what_is_over_the_limit_by_its_prefix) {
  static const char at[] = "\0\0\0\0\144";
  static const char over[] = "\0\0\0\0\145";
  static const char huge[] = "\0\377\377\377\377";
  char text[MESSAGES_BYTES_MAX];
  bool boundary;
  gw_err err;
  gw_err_init(&err);
  CHECK_INT(frames_read((gw_str){ at, 5 }, 5, 100, text, &boundary, &err), GW_AGAIN);
  CHECK_INT(frames_read((gw_str){ over, 5 }, 5, 100, text, &boundary, &err), GW_TOO_LARGE);
  CHECK_STR(gw_str_of(err.text), "a gRPC message of 101 bytes is over the limit of 100");
  CHECK_INT(frames_read((gw_str){ huge, 5 }, 1, 100, text, &boundary, &err), GW_TOO_LARGE);
  CHECK_INT(frames_read((gw_str){ huge, 5 }, 5, 100, text, &boundary, &err), GW_TOO_LARGE);
}

/* A prefix that promises much must not cost memory before its bytes come. */
TEST(grpc_frame, memory_grows_with_bytes_only) {
  gw_grpc_reader reader;
  gw_str in = { "\0\77\377\377\377abc", 8 }, message;
  gw_grpc_reader_init(&reader, SIZE_MAX);
  CHECK_INT(gw_grpc_reader_next(&reader, &in, &message, NULL), GW_AGAIN);
  CHECK(reader.partial.cap < 4096);
  gw_grpc_reader_done(&reader);
}

TEST(grpc_frame, a_whole_frame_is_borrowed) {
  gw_grpc_reader reader;
  static const char stream[] = "\0\0\0\0\3abc";
  gw_str in = { stream, 8 }, message;
  gw_grpc_reader_init(&reader, 100);
  CHECK_INT(gw_grpc_reader_next(&reader, &in, &message, NULL), GW_OK);
  CHECK(message.p == stream + 5);
  CHECK(reader.partial.p == NULL);
  CHECK_INT(gw_grpc_reader_next(&reader, &in, &message, NULL), GW_AGAIN);
  gw_grpc_reader_done(&reader);
}

TEST(grpc_frame, prefix) {
  uint8_t out[GW_GRPC_PREFIX_BYTES];
  gw_grpc_prefix_write(out, 0x01020304);
  assert_memory_equal(out, "\0\1\2\3\4", 5);
}

static gw_code frames_each_alloc(void *context) {
  (void)context;
  char text[MESSAGES_BYTES_MAX];
  bool boundary;
  char stream[305] = "\0\0\0\1\54";
  memset(stream + 5, 'x', 300);
  gw_code code = frames_read((gw_str){ stream, 305 }, 50, 1000, text, &boundary, NULL);
  return code == GW_AGAIN ? GW_OK : code;
}

TEST(grpc_frame, survives_each_failed_alloc) {
  test_fail_each_alloc(frames_each_alloc, NULL);
}
