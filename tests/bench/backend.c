/* backend: the service behind every gateway of `make bench`: it does as little as possible, so that
 * the gateway is what the figures show.  Two ports, one thread, one loop:
 *   --grpc-port  HTTP/2 with prior knowledge.  A request of content-type application/grpc gets one
 *                userservice.User and grpc-status 0; any other request gets the same user as JSON,
 *                which is what a gateway that translates nothing forwards.
 *   --http-port  HTTP/1.1 with keep-alive: the same JSON.
 *   --stream N   calls of a method whose name begins with List are answered with N bytes of
 *                messages (rounded up to whole ones), no faster than the flow-control windows let.
 * A port of 0 (the default) is chosen by the system; the first line printed names both.
 * Everything that one loop iteration has to say to one connection leaves in one write. */
#include <nghttp2/nghttp2.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

#define READ_BYTES       (64u << 10)  /* of one read; shared by all connections */
#define WRITE_BYTES      (256u << 10) /* gathered for one write; more waits for the next one */
#define HEAD_BYTES_MAX   (16u << 10)  /* of one HTTP/1.1 request head */
#define STREAMS_MAX      1000u
#define WINDOW_BYTES     (1 << 20)
#define STREAM_CHUNK_MAX (16u << 10) /* bytes of whole messages, repeated to make a long answer */

#define USER_NAME       "Ada Lovelace"
#define USER_EMAIL      "ada@example.com"
#define USER_CREATED_AT 1714564800u /* seconds; an int64 is a string in JSON */

static char user_json[128];
static size_t user_json_n;
static char user_json_length[16]; /* the same in decimal */

/* One Length-Prefixed-Message: flag, length, userservice.User (proto/userservice.proto). */
static uint8_t user_frame[256];
static size_t user_frame_n;
static uint8_t stream_chunk[STREAM_CHUNK_MAX]; /* as many user_frames as fit */
static size_t stream_chunk_n;
static uint64_t stream_bytes; /* of one answer to List*; 0: such a call is like any other */
static char h1_answer[512];   /* head and body */
static size_t h1_answer_n;

typedef struct conn {
  uv_tcp_t tcp;
  uv_write_t write;
  struct conn *dirty_next;
  bool dirty, writing, closing;
  char *left;          /* what the socket did not take at once */
  nghttp2_session *h2; /* NULL: HTTP/1.1 */
  unsigned call_flags; /* of the header block being read */
  char *head;          /* HTTP/1.1: the part of a request head that has arrived */
  size_t head_n;
  uint64_t body_left; /* HTTP/1.1: bytes of the body still to come */
  size_t answers_due; /* HTTP/1.1: requests read and not yet answered */
} conn;

enum { CALL_GRPC = 1, CALL_STREAM = 2 };

static uv_loop_t loop;
static conn *dirty_first;
static char read_buffer[READ_BYTES];
static char write_buffer[WRITE_BYTES];

static void die(const char *what) {
  fprintf(stderr, "backend: %s\n", what);
  exit(1);
}

/* ---- the fixed answers ---- */

static uint8_t *put_string(uint8_t *p, unsigned number, const char *s) {
  size_t n = strlen(s);
  *p++ = (uint8_t)(number << 3 | 2);
  *p++ = (uint8_t)n; /* below 128 */
  memcpy(p, s, n);
  return p + n;
}

static void answers_init(void) {
  uint8_t *p = user_frame + 5;
  p = put_string(p, 1, "7");
  p = put_string(p, 2, USER_NAME);
  p = put_string(p, 3, USER_EMAIL);
  *p++ = 4 << 3;
  for (uint32_t rest = USER_CREATED_AT; rest != 0; rest >>= 7) {
    *p++ = (uint8_t)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
  }
  user_frame_n = (size_t)(p - user_frame);
  user_frame[4] = (uint8_t)(user_frame_n - 5);
  while (stream_chunk_n + user_frame_n <= sizeof stream_chunk) {
    memcpy(stream_chunk + stream_chunk_n, user_frame, user_frame_n);
    stream_chunk_n += user_frame_n;
  }
  stream_bytes = (stream_bytes + user_frame_n - 1) / user_frame_n * user_frame_n;
  user_json_n =
      (size_t)snprintf(user_json, sizeof user_json,
                       "{\"userId\":\"7\",\"name\":\"%s\",\"email\":\"%s\",\"createdAt\":\"%u\"}",
                       USER_NAME, USER_EMAIL, USER_CREATED_AT);
  snprintf(user_json_length, sizeof user_json_length, "%zu", user_json_n);
  h1_answer_n = (size_t)snprintf(h1_answer, sizeof h1_answer,
                                 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                 "Content-Length: %zu\r\n\r\n%s",
                                 user_json_n, user_json);
}

/* ---- writing ---- */

/* Not for one that libuv is closing: its last callbacks come after the last flush. */
static void conn_touch(conn *c) {
  if (c->dirty || uv_is_closing((uv_handle_t *)&c->tcp)) return;
  c->dirty = true;
  c->dirty_next = dirty_first;
  dirty_first = c;
}

static void conn_on_closed(uv_handle_t *handle) {
  conn *c = handle->data;
  nghttp2_session_del(c->h2);
  free(c->head);
  free(c->left);
  free(c);
}

/* A connection in the dirty list is closed by the flush, which takes it out of the list first. */
static void conn_close(conn *c) {
  if (c->closing) return;
  c->closing = true;
  conn_touch(c);
}

static void conn_on_written(uv_write_t *write, int status) {
  conn *c = write->data;
  free(c->left);
  c->left = NULL;
  c->writing = false;
  if (status < 0)
    conn_close(c);
  else
    conn_touch(c);
}

static size_t h2_gather(conn *c) {
  size_t n = 0;
  const uint8_t *piece;
  /* A piece is at most one frame (16 KiB and its head) or a control frame. */
  while (n + (32u << 10) <= sizeof write_buffer) {
    ssize_t piece_n = nghttp2_session_mem_send(c->h2, &piece);
    if (piece_n < 0) conn_close(c);
    if (piece_n <= 0) break;
    memcpy(write_buffer + n, piece, (size_t)piece_n);
    n += (size_t)piece_n;
  }
  return n;
}

static size_t h1_gather(conn *c) {
  size_t n = 0;
  while (c->answers_due > 0 && n + h1_answer_n <= sizeof write_buffer) {
    memcpy(write_buffer + n, h1_answer, h1_answer_n);
    n += h1_answer_n;
    c->answers_due--;
  }
  return n;
}

static void conn_flush(conn *c) {
  while (!c->writing && !c->closing) {
    size_t n = c->h2 != NULL ? h2_gather(c) : h1_gather(c);
    if (n == 0) break;
    uv_buf_t buf = uv_buf_init(write_buffer, (unsigned)n);
    int taken = uv_try_write((uv_stream_t *)&c->tcp, &buf, 1);
    size_t done = taken > 0 ? (size_t)taken : 0;
    if (taken < 0 && taken != UV_EAGAIN) {
      conn_close(c);
    } else if (done < n) {
      c->left = malloc(n - done);
      if (c->left == NULL) die("no memory");
      memcpy(c->left, write_buffer + done, n - done);
      buf = uv_buf_init(c->left, (unsigned)(n - done));
      c->write.data = c;
      c->writing = true;
      if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &buf, 1, conn_on_written) != 0) {
        c->writing = false;
        conn_close(c);
      }
    }
  }
  bool over =
      c->h2 != NULL && !nghttp2_session_want_read(c->h2) && !nghttp2_session_want_write(c->h2);
  if ((c->closing || over) && !uv_is_closing((uv_handle_t *)&c->tcp)) {
    c->closing = true;
    uv_close((uv_handle_t *)&c->tcp, conn_on_closed);
  }
}

static void flush_all(uv_check_t *check) {
  (void)check;
  while (dirty_first != NULL) {
    conn *c = dirty_first;
    dirty_first = c->dirty_next;
    c->dirty = false;
    conn_flush(c);
  }
}

/* ---- HTTP/2 ---- */

static nghttp2_nv nv(const char *name, const char *value) {
  return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
                       strlen(value),
                       NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE };
}

static void grpc_end(nghttp2_session *h2, int32_t id, uint32_t *flags) {
  nghttp2_nv trailer = nv("grpc-status", "0");
  *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
  nghttp2_submit_trailer(h2, id, &trailer, 1);
}

static ssize_t read_user_frame(nghttp2_session *h2, int32_t id, uint8_t *out, size_t n,
                               uint32_t *flags, nghttp2_data_source *source, void *user) {
  (void)source, (void)user;
  if (n < user_frame_n) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* frames are far larger */
  memcpy(out, user_frame, user_frame_n);
  grpc_end(h2, id, flags);
  return (ssize_t)user_frame_n;
}

static ssize_t read_user_json(nghttp2_session *h2, int32_t id, uint8_t *out, size_t n,
                              uint32_t *flags, nghttp2_data_source *source, void *user) {
  (void)h2, (void)id, (void)source, (void)user;
  if (n < user_json_n) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  memcpy(out, user_json, user_json_n);
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  return (ssize_t)user_json_n;
}

/* The bytes sent so far are kept in the data source itself: it lives as long as the answer. */
static ssize_t read_stream(nghttp2_session *h2, int32_t id, uint8_t *out, size_t n, uint32_t *flags,
                           nghttp2_data_source *source, void *user) {
  (void)user;
  uint64_t sent = (uint64_t)(uintptr_t)source->ptr;
  uint64_t left = stream_bytes - sent;
  size_t at = (size_t)(sent % stream_chunk_n);
  if (n > stream_chunk_n - at) n = stream_chunk_n - at;
  if (n > left) n = (size_t)left;
  memcpy(out, stream_chunk + at, n);
  source->ptr = (void *)(uintptr_t)(sent + n);
  if (n == left) grpc_end(h2, id, flags);
  return (ssize_t)n;
}

static void h2_answer(conn *c, int32_t id, unsigned call_flags) {
  nghttp2_data_provider body = { .source = { .ptr = NULL }, .read_callback = read_user_json };
  if ((call_flags & CALL_GRPC) != 0) {
    bool stream = (call_flags & CALL_STREAM) != 0 && stream_bytes > 0;
    body.read_callback = stream ? read_stream : read_user_frame;
    nghttp2_nv head[] = { nv(":status", "200"), nv("content-type", "application/grpc") };
    nghttp2_submit_response(c->h2, id, head, 2, &body);
  } else {
    nghttp2_nv head[] = { nv(":status", "200"), nv("content-type", "application/json"),
                          nv("content-length", user_json_length) };
    nghttp2_submit_response(c->h2, id, head, 3, &body);
  }
}

static int h2_on_begin_headers(nghttp2_session *h2, const nghttp2_frame *frame, void *user) {
  (void)h2, (void)frame;
  ((conn *)user)->call_flags = 0;
  return 0;
}

static int h2_on_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name,
                        size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags,
                        void *user) {
  (void)h2, (void)frame, (void)flags;
  conn *c = user;
  if (name_n == 5 && memcmp(name, ":path", 5) == 0) {
    if (memmem(value, value_n, "/List", 5) != NULL) c->call_flags |= CALL_STREAM;
  } else if (name_n == 12 && memcmp(name, "content-type", 12) == 0) {
    if (value_n >= 16 && memcmp(value, "application/grpc", 16) == 0) c->call_flags |= CALL_GRPC;
  }
  return 0;
}

static int h2_on_frame(nghttp2_session *h2, const nghttp2_frame *frame, void *user) {
  conn *c = user;
  int32_t id = frame->hd.stream_id;
  bool headers = frame->hd.type == NGHTTP2_HEADERS;
  if (!headers && frame->hd.type != NGHTTP2_DATA) return 0;
  if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) {
    if (headers) {
      nghttp2_session_set_stream_user_data(h2, id, (void *)(uintptr_t)c->call_flags);
    }
    return 0;
  }
  unsigned call_flags = headers && frame->headers.cat == NGHTTP2_HCAT_REQUEST
                            ? c->call_flags
                            : (unsigned)(uintptr_t)nghttp2_session_get_stream_user_data(h2, id);
  h2_answer(c, id, call_flags);
  return 0;
}

static void h2_open(conn *c) {
  nghttp2_session_callbacks *callbacks;
  if (nghttp2_session_callbacks_new(&callbacks) != 0) die("no memory");
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, h2_on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, h2_on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, h2_on_frame);
  if (nghttp2_session_server_new(&c->h2, callbacks, c) != 0) die("no memory");
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_settings_entry settings[] = {
    { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS_MAX },
    { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_BYTES },
  };
  nghttp2_submit_settings(c->h2, NGHTTP2_FLAG_NONE, settings, 2);
  nghttp2_session_set_local_window_size(c->h2, NGHTTP2_FLAG_NONE, 0, 8 * WINDOW_BYTES);
  conn_touch(c);
}

/* ---- HTTP/1.1: only what a proxy's own requests need ---- */

static uint64_t h1_content_length(const char *head, const char *end) {
  static const char name[] = "\ncontent-length:";
  for (const char *p = head; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++) {
    if ((size_t)(end - p) > sizeof name && strncasecmp(p, name, sizeof name - 1) == 0) {
      return strtoull(p + sizeof name - 1, NULL, 10);
    }
  }
  return 0;
}

/* Takes one request's worth of bytes at most, from a head that may have begun in an earlier read.
 */
static size_t h1_take(conn *c, const char *in, size_t n) {
  if (c->body_left > 0) {
    size_t taken = n < c->body_left ? n : (size_t)c->body_left;
    c->body_left -= taken;
    if (c->body_left == 0) c->answers_due++;
    return taken;
  }
  size_t old_n = c->head_n;
  size_t room = HEAD_BYTES_MAX - old_n;
  size_t copied = n < room ? n : room;
  memcpy(c->head + old_n, in, copied);
  size_t have = old_n + copied;
  const char *end = memmem(c->head, have, "\r\n\r\n", 4);
  if (end == NULL) {
    c->head_n = have;
    if (have == HEAD_BYTES_MAX) conn_close(c);
    return copied;
  }
  end += 4;
  c->head_n = 0;
  c->body_left = h1_content_length(c->head, end - 2);
  if (c->body_left == 0) c->answers_due++;
  return (size_t)(end - c->head) - old_n;
}

static void h1_receive(conn *c, const char *in, size_t n) {
  while (n > 0 && !c->closing) {
    size_t taken = h1_take(c, in, n);
    in += taken;
    n -= taken;
  }
}

/* ---- connections ---- */

static void conn_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  (void)handle, (void)suggested;
  *buf = uv_buf_init(read_buffer, sizeof read_buffer);
}

static void conn_on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  conn *c = stream->data;
  if (n == 0 || c->closing) return;
  if (n < 0) {
    conn_close(c);
    return;
  }
  if (c->h2 == NULL) {
    h1_receive(c, buf->base, (size_t)n);
  } else if (nghttp2_session_mem_recv(c->h2, (const uint8_t *)buf->base, (size_t)n) < 0) {
    conn_close(c);
  }
  conn_touch(c);
}

static void on_connection(uv_stream_t *listener, int status) {
  if (status < 0) return;
  conn *c = calloc(1, sizeof *c);
  if (c == NULL) die("no memory");
  uv_tcp_init(&loop, &c->tcp);
  c->tcp.data = c;
  if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0) {
    conn_close(c);
    return;
  }
  uv_tcp_nodelay(&c->tcp, 1);
  if (listener->data != NULL) {
    h2_open(c);
  } else {
    c->head = malloc(HEAD_BYTES_MAX);
    if (c->head == NULL) die("no memory");
  }
  uv_read_start((uv_stream_t *)&c->tcp, conn_on_alloc, conn_on_read);
}

static int listen_on(uv_tcp_t *listener, int port, bool h2) {
  struct sockaddr_in address;
  int address_n = (int)sizeof address;
  uv_tcp_init(&loop, listener);
  listener->data = h2 ? listener : NULL;
  if (uv_ip4_addr("127.0.0.1", port, &address) != 0 ||
      uv_tcp_bind(listener, (const struct sockaddr *)&address, 0) != 0 ||
      uv_listen((uv_stream_t *)listener, 1024, on_connection) != 0 ||
      uv_tcp_getsockname(listener, (struct sockaddr *)&address, &address_n) != 0) {
    die("cannot listen");
  }
  return ntohs(address.sin_port);
}

static uint64_t number_of(const char *text) {
  char *end;
  unsigned long long number = strtoull(text, &end, 10);
  if (end == text || *end != '\0') die("a number is needed");
  return number;
}

int main(int argc, char **argv) {
  static uv_tcp_t grpc_listener, http_listener;
  static uv_check_t check;
  int grpc_port = 0, http_port = 0;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--grpc-port") == 0)
      grpc_port = (int)number_of(argv[i + 1]);
    else if (strcmp(argv[i], "--http-port") == 0)
      http_port = (int)number_of(argv[i + 1]);
    else if (strcmp(argv[i], "--stream") == 0)
      stream_bytes = number_of(argv[i + 1]);
    else
      die("options: --grpc-port N --http-port N --stream BYTES");
  }
  if (argc % 2 == 0) die("options: --grpc-port N --http-port N --stream BYTES");
  signal(SIGPIPE, SIG_IGN); /* a peer that leaves is a failed write */
  answers_init();
  uv_loop_init(&loop);
  uv_check_init(&loop, &check);
  uv_check_start(&check, flush_all);
  grpc_port = listen_on(&grpc_listener, grpc_port, true);
  http_port = listen_on(&http_listener, http_port, false);
  printf("grpc %d http %d\n", grpc_port, http_port);
  fflush(stdout);
  return uv_run(&loop, UV_RUN_DEFAULT);
}
