/* Peers that break HTTP/2's rules or spirit: a plain socket plays the service (RELIABILITY B3-B6,
 * B15) or the client. */
#include <sys/socket.h>
#include <unistd.h>

#include "unit/net/h2_pair.h"

enum { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4, PADDED = 8 };

#define OPEN_CALLS 50u

/* A client connection whose service is `fd`. */
typedef struct attacked {
  gw_loop *loop;
  side client;
  int listening, fd;
} attacked;

static void attacked_init(attacked *a) {
  gw_sockaddr address;
  a->loop = gw_loop_new();
  side_init(&a->client, a->loop, GW_H2_CLIENT);
  a->listening = raw_listen(&address);
  side_connect(&a->client, &address);
  a->fd = raw_accept(a->loop, a->listening);
  CHECK(raw_frame(a->loop, a->fd, SETTINGS, 0, 0, "", 0));
  CHECK(raw_frame(a->loop, a->fd, SETTINGS, ACK, 0, "", 0));
  PUMP(a->loop, gw_h2_is_ready(a->client.h2));
}

static void attacked_done(attacked *a) {
  if (a->client.h2 != NULL) gw_h2_abort(a->client.h2, GW_CANCELLED);
  PUMP(a->loop, a->client.h2 == NULL);
  CHECK_INT(a->client.closed_count, 1);
  CHECK_INT(side_closed(&a->client), a->client.count);
  close(a->fd);
  close(a->listening);
  side_done(&a->client);
  gw_loop_free(a->loop);
}

static void attacked_calls(attacked *a, uint32_t count) {
  while (a->client.count < count)
    CHECK(side_request(&a->client, 5) != NULL);
  pump_for(a->loop, 2); /* written */
}

/* Sends the frame until the connection breaks; how often that was. */
static uint32_t flood(attacked *a, uint8_t type, uint8_t flags, uint32_t id, const void *payload,
                      size_t n, uint32_t times) {
  uint32_t sent = 0;
  while (sent < times && a->client.h2 != NULL &&
         raw_frame(a->loop, a->fd, type, flags, id, payload, n)) {
    if (++sent % 64 == 0) {
      pump_for(a->loop, 1);
      raw_drain(a->fd);
    }
  }
  pump_for(a->loop, 5);
  return sent;
}

typedef struct flood_row {
  const char *name;
  uint8_t type, flags;
  uint32_t id;
  const char *payload;
  size_t n;
  uint32_t honest, max; /* as many are taken; with more than `max` it is over */
} flood_row;

/* The peer's first SETTINGS and its acknowledgement were one each of their bucket. */
static const flood_row floods[] = {
  { "PING", PING, 0, 0, "12345678", 8, GW_H2_CALM_BURST + OPEN_CALLS - 5,
    GW_H2_CALM_BURST + OPEN_CALLS + 5 },
  { "PING ack", PING, ACK, 0, "12345678", 8, GW_H2_CALM_BURST - 5, GW_H2_CALM_BURST + 5 },
  { "SETTINGS", SETTINGS, 0, 0, "", 0, GW_H2_CALM_BURST - 5, GW_H2_CALM_BURST + 5 },
  { "PRIORITY of a stream", PRIORITY, 0, 1, "\0\0\0\0\1", 5,
    GW_H2_PRIORITIES_PER_STREAM *OPEN_CALLS, GW_H2_PRIORITIES_PER_STREAM *(OPEN_CALLS + 1) },
  { "PRIORITY of an idle one", PRIORITY, 0, 99, "\0\0\0\0\1", 5,
    GW_H2_PRIORITIES_PER_STREAM *OPEN_CALLS, GW_H2_PRIORITIES_PER_STREAM *(OPEN_CALLS + 1) },
  { "unknown frame", 0xbe, 0, 0, "12345678", 8, GW_H2_GLITCHES_WORN - 1, GW_H2_GLITCHES_MAX },
  { "unknown frame on a stream", 0xbe, 0, 1, "", 0, GW_H2_GLITCHES_WORN - 1, GW_H2_GLITCHES_MAX },
  { "RST_STREAM of a closed one", RST_STREAM, 0, 1, "\0\0\0\x8", 4, GW_H2_GLITCHES_WORN - 1,
    GW_H2_GLITCHES_MAX + 1 },
  { "HEADERS of a closed stream", HEADERS, END_HEADERS | END_STREAM, 1, "\x88", 1,
    GW_H2_GLITCHES_WORN - 1, GW_H2_GLITCHES_MAX + 1 },
  { "WINDOW_UPDATE", WINDOW_UPDATE, 0, 0, "\0\0\0\1", 4, GW_H2_WINDOW_UPDATES_FREE,
    GW_H2_WINDOW_UPDATES_FREE + OPEN_CALLS *GW_H2_WINDOW_UPDATES_PER_DATA },
  { "WINDOW_UPDATE of a stream", WINDOW_UPDATE, 0, 3, "\0\0\0\1", 4, GW_H2_WINDOW_UPDATES_FREE,
    GW_H2_WINDOW_UPDATES_FREE + OPEN_CALLS *GW_H2_WINDOW_UPDATES_PER_DATA },
};

TEST(h2_flood, idle_frames_end_the_connection_with_every_call_answered_once) {
  for (size_t i = 0; i < GW_COUNT_OF(floods); i++) {
    const flood_row *row = &floods[i];
    attacked a;
    attacked_init(&a);
    attacked_calls(&a, OPEN_CALLS);
    uint32_t honest = row->honest;
    CHECK_INT(flood(&a, row->type, row->flags, row->id, row->payload, row->n, honest), honest);
    CHECK(a.client.h2 != NULL && !gw_h2_is_going(a.client.h2));
    flood(&a, row->type, row->flags, row->id, row->payload, row->n, row->max - honest + 1);
    if (a.client.h2 != NULL) print_error("%s\n", row->name);
    PUMP(a.loop, a.client.h2 == NULL);
    CHECK_INT(a.client.why, GW_BAD_ANSWER);
    CHECK_INT(side_closed(&a.client), OPEN_CALLS);
    attacked_done(&a);
  }
}

static const char ok_head[] = "\x88"; /* :status: 200 (RFC 7541 appendix A) */

/* Services of some gRPC libraries measure the way with a PING behind each DATA. */
TEST(h2_flood, pings_behind_data_are_no_flood) {
  attacked a;
  attacked_init(&a);
  attacked_calls(&a, 1);
  CHECK(raw_frame(a.loop, a.fd, HEADERS, END_HEADERS, 1, ok_head, 1));
  for (uint32_t i = 0; i < 5 * GW_H2_GLITCHES_MAX; i++) {
    CHECK(raw_frame(a.loop, a.fd, DATA, 0, 1, "x", 1));
    CHECK(raw_frame(a.loop, a.fd, PING, 0, 0, "12345678", 8));
    if (i % 64 == 0) pump_for(a.loop, 1);
    raw_drain(a.fd);
  }
  PUMP(a.loop, a.client.streams[0].received == 5 * GW_H2_GLITCHES_MAX);
  CHECK(a.client.h2 != NULL);
  attacked_done(&a);
}

/* However many of them one read brings. */
TEST(h2_flood, pings_behind_data_may_come_all_at_once) {
  static const char two_frames[] = "\0\0\1\0\0\0\0\0\1x"
                                   "\0\0\x8\6\0\0\0\0\0"
                                   "12345678";
  enum { PAIR_BYTES = sizeof two_frames - 1, PAIRS = 60000 / PAIR_BYTES };
  static char bytes[PAIRS * PAIR_BYTES];
  attacked a;
  attacked_init(&a);
  attacked_calls(&a, 1);
  CHECK(raw_frame(a.loop, a.fd, HEADERS, END_HEADERS, 1, ok_head, 1));
  for (size_t i = 0; i < sizeof bytes; i += PAIR_BYTES)
    memcpy(bytes + i, two_frames, PAIR_BYTES);
  CHECK(raw_send(a.loop, a.fd, bytes, sizeof bytes));
  PUMP(a.loop, a.client.streams[0].received == PAIRS);
  CHECK(a.client.h2 != NULL);
  raw_drain(a.fd);
  attacked_done(&a);
}

TEST(h2_flood, the_eleventh_empty_data_frame_resets_its_stream_only) {
  attacked a;
  attacked_init(&a);
  attacked_calls(&a, 2);
  CHECK(raw_frame(a.loop, a.fd, HEADERS, END_HEADERS, 1, ok_head, 1));
  CHECK(raw_frame(a.loop, a.fd, HEADERS, END_HEADERS, 3, ok_head, 1));
  for (uint32_t i = 0; i < GW_H2_EMPTY_DATA_MAX; i++)
    CHECK(raw_frame(a.loop, a.fd, DATA, 0, 1, "", 0));
  CHECK(raw_frame(a.loop, a.fd, DATA, 0, 1, "x", 1)); /* counted in a row only */
  for (uint32_t i = 0; i < GW_H2_EMPTY_DATA_MAX; i++)
    CHECK(raw_frame(a.loop, a.fd, DATA, 0, 1, "", 0));
  pump_for(a.loop, 5);
  CHECK_INT(side_closed(&a.client), 0);
  CHECK(raw_frame(a.loop, a.fd, DATA, 0, 1, "", 0));
  PUMP(a.loop, a.client.streams[0].closed_count == 1);
  CHECK_INT(a.client.streams[0].h2.closed_by, GW_H2_CLOSED_PROTOCOL);
  CHECK(raw_frame(a.loop, a.fd, DATA, END_STREAM, 3, "x", 1));
  PUMP(a.loop, a.client.streams[1].closed_count == 1);
  CHECK_INT(a.client.streams[1].h2.closed_by, GW_H2_CLOSED_CLEAN);
  attacked_done(&a);
}

TEST(h2_flood, the_ninth_informational_answer_resets_its_stream_only) {
  static const char early[] = "\x08\x03"
                              "103"; /* :status: 103, not indexed */
  attacked a;
  attacked_init(&a);
  attacked_calls(&a, 2);
  for (uint32_t id = 1; id <= 3; id += 2) {
    for (uint32_t i = 0; i < GW_H2_INFORMATIONAL_MAX; i++)
      CHECK(raw_frame(a.loop, a.fd, HEADERS, END_HEADERS, id, early, 5));
  }
  CHECK(raw_frame(a.loop, a.fd, HEADERS, END_HEADERS, 1, early, 5));
  CHECK(raw_frame(a.loop, a.fd, HEADERS, END_HEADERS | END_STREAM, 3, ok_head, 1));
  PUMP(a.loop, side_closed(&a.client) == 2);
  CHECK_INT(a.client.streams[0].h2.closed_by, GW_H2_CLOSED_PROTOCOL);
  CHECK_INT(a.client.streams[1].h2.closed_by, GW_H2_CLOSED_CLEAN);
  CHECK_INT(a.client.streams[1].h2.status, 200);
  CHECK_INT(a.client.streams[1].h2.head.count, 0);
  attacked_done(&a);
}

/* nghttp2 resets such a stream by itself: it is the service's fault, not its wish. */
TEST(h2_flood, a_wrong_content_length_breaks_the_protocol) {
  attacked a;
  attacked_init(&a);
  attacked_calls(&a, 2);
  CHECK(raw_frame(a.loop, a.fd, HEADERS, END_HEADERS, 1, "\x88\x0f\x0d\x01\x39", 5));
  CHECK(raw_frame(a.loop, a.fd, DATA, END_STREAM, 1, "x", 1));
  CHECK(raw_frame(a.loop, a.fd, HEADERS, END_HEADERS | END_STREAM, 3, "\x88", 1));
  PUMP(a.loop, side_closed(&a.client) == 2);
  CHECK_INT(a.client.streams[0].h2.closed_by, GW_H2_CLOSED_PROTOCOL);
  CHECK_INT(a.client.streams[1].h2.closed_by, GW_H2_CLOSED_CLEAN);
  attacked_done(&a);
}

/* An odd peer is replaced in time: nothing that runs is lost. */
TEST(h2_flood, many_glitches_let_the_connection_run_out) {
  attacked a;
  attacked_init(&a);
  attacked_calls(&a, 2);
  CHECK_INT(flood(&a, 0xbe, 0, 0, "", 0, GW_H2_GLITCHES_WORN), GW_H2_GLITCHES_WORN);
  PUMP(a.loop, gw_h2_is_going(a.client.h2));
  CHECK(side_request(&a.client, 1) == NULL);
  CHECK_INT(side_closed(&a.client), 0);
  for (uint32_t id = 1; id <= 3; id += 2)
    CHECK(raw_frame(a.loop, a.fd, HEADERS, END_HEADERS | END_STREAM, id, ok_head, 1));
  PUMP(a.loop, a.client.h2 == NULL);
  CHECK_INT(side_count(&a.client, GW_H2_CLOSED_CLEAN), 2);
  CHECK_INT(a.client.why, GW_OK);
  attacked_done(&a);
}

/* nghttp2 drops fields that HTTP forbids without a word, but decodes them all. */
TEST(h2_flood, an_hpack_bomb_of_forbidden_fields_stops_too) {
  static char block[GW_KIB(16)];
  attacked a;
  size_t n = 0;
  attacked_init(&a);
  attacked_calls(&a, 3);
  block[n++] = (char)0x88;
  memcpy(block + n, "\x40\x01(\x7f\xa1\x1e", 6); /* no character of a name */
  n += 6;
  memset(block + n, 'v', 4000);
  n += 4000;
  memset(block + n, 0xbe, sizeof block - n);
  CHECK(raw_frame(a.loop, a.fd, HEADERS, END_HEADERS, 1, block, sizeof block));
  PUMP(a.loop, a.client.h2 == NULL);
  CHECK_INT(a.client.why, GW_BAD_ANSWER);
  CHECK_INT(side_closed(&a.client), 3);
  attacked_done(&a);
}

/* One field of 4,000 bytes in the dynamic table, then one byte for each copy of it: 64 MB decoded
 * of 16 KiB sent. */
TEST(h2_flood, an_hpack_bomb_stops_early) {
  static char block[GW_KIB(16)];
  attacked a;
  size_t n = 0;
  attacked_init(&a);
  attacked_calls(&a, 3);
  block[n++] = (char)0x88;
  memcpy(block + n, "\x40\x01x\x7f\xa1\x1e", 6); /* literal, indexed; "x"; 127 + 3,873 bytes */
  n += 6;
  memset(block + n, 'v', 4000);
  n += 4000;
  memset(block + n, 0xbe, sizeof block - n); /* index 62: the newest */
  CHECK(raw_frame(a.loop, a.fd, HEADERS, END_HEADERS, 1, block, sizeof block));
  PUMP(a.loop, a.client.h2 == NULL);
  CHECK_INT(a.client.why, GW_BAD_ANSWER);
  CHECK_INT(side_closed(&a.client), 3);
  CHECK_INT(a.client.streams[0].h2.closed_by, GW_H2_CLOSED_CONNECTION);
  CHECK(a.client.streams[0].arena.used <= GW_KIB(64));
  attacked_done(&a);
}

typedef struct offence_row {
  const char *name;
  uint8_t type, flags;
  uint32_t id;
  const char *payload;
  size_t n;
} offence_row;

/* RELIABILITY B6: whatever nghttp2 finds, it closes no stream. */
static const offence_row offences[] = {
  { "PUSH_PROMISE", PUSH_PROMISE, END_HEADERS, 1, "\0\0\0\2\x82", 5 },
  { "RST_STREAM on idle", RST_STREAM, 0, 999, "\0\0\0\0", 4 },
  { "DATA on idle", DATA, 0, 999, "x", 1 },
  { "WINDOW_UPDATE overflow", WINDOW_UPDATE, 0, 0, "\x7f\xff\xff\xff", 4 },
  { "WINDOW_UPDATE of 0", WINDOW_UPDATE, 0, 0, "\0\0\0\0", 4 },
  { "HPACK integer overflow", HEADERS, END_HEADERS, 1, "\x7f\xff\xff\xff\xff\xff\xff", 7 },
  { "PING of 7 bytes", PING, 0, 0, "1234567", 7 },
  { "SETTINGS of 5 bytes", SETTINGS, 0, 0, "12345", 5 },
  { "INITIAL_WINDOW_SIZE over 2^31-1", SETTINGS, 0, 0, "\0\4\x80\0\0\0", 6 },
  { "GOAWAY on a stream", GOAWAY, 0, 1, "\0\0\0\0\0\0\0\0", 8 },
};

TEST(h2_flood, offences_end_the_connection_with_every_call_answered_once) {
  for (size_t i = 0; i < GW_COUNT_OF(offences); i++) {
    const offence_row *row = &offences[i];
    attacked a;
    attacked_init(&a);
    attacked_calls(&a, OPEN_CALLS);
    CHECK(raw_frame(a.loop, a.fd, row->type, row->flags, row->id, row->payload, row->n));
    pump_for(a.loop, 20);
    if (a.client.why != GW_BAD_ANSWER) print_error("%s\n", row->name);
    CHECK(a.client.h2 == NULL);
    CHECK_INT(a.client.why, GW_BAD_ANSWER); /* not the peace of a GOAWAY */
    CHECK_INT(side_count(&a.client, GW_H2_CLOSED_CONNECTION), OPEN_CALLS);
    attacked_done(&a);
  }
}

TEST(h2_flood, more_data_than_the_window_ends_the_connection) {
  static char piece[16384];
  attacked a;
  attacked_init(&a);
  a.client.is_keeping = true;
  attacked_calls(&a, OPEN_CALLS);
  CHECK(raw_frame(a.loop, a.fd, HEADERS, END_HEADERS, 1, ok_head, 1));
  for (int i = 0; i < 5; i++)
    raw_frame(a.loop, a.fd, DATA, 0, 1, piece, sizeof piece);
  PUMP(a.loop, side_closed(&a.client) >= 1);
  CHECK(a.client.streams[0].h2.in.n <= GW_H2_STREAM_WINDOW);
  attacked_done(&a);
}

TEST(h2_flood, what_stood_above_goaway_is_refused_the_rest_goes_on) {
  attacked a;
  attacked_init(&a);
  attacked_calls(&a, 4);
  CHECK(raw_frame(a.loop, a.fd, GOAWAY, 0, 0, "\0\0\0\3\0\0\0\0", 8));
  PUMP(a.loop, side_closed(&a.client) == 2);
  CHECK_INT(a.client.streams[2].h2.closed_by, GW_H2_CLOSED_REFUSED);
  CHECK_INT(a.client.streams[3].h2.closed_by, GW_H2_CLOSED_REFUSED);
  CHECK_INT(gw_h2_room(a.client.h2), 0);
  CHECK(raw_frame(a.loop, a.fd, HEADERS, END_HEADERS | END_STREAM, 1, ok_head, 1));
  CHECK(raw_frame(a.loop, a.fd, HEADERS, END_HEADERS | END_STREAM, 3, ok_head, 1));
  PUMP(a.loop, side_closed(&a.client) == 4);
  CHECK_INT(side_count(&a.client, GW_H2_CLOSED_CLEAN), 2);
  PUMP(a.loop, a.client.h2 == NULL);
  CHECK_INT(a.client.why, GW_OK);
  attacked_done(&a);
}

/* ---- what only the order of events in one iteration makes ---- */

typedef struct trigger {
  side *client;
  gw_tcp *tcp;
  side_stream *stream;
  bool closed;
} trigger;

static void trigger_on_connected(void *user, gw_code code) {
  (void)user;
  CHECK_INT(code, GW_OK);
}

static void trigger_on_read(void *user, char *bytes, size_t n) {
  trigger *t = user;
  (void)bytes;
  (void)n;
  if (t->stream == NULL) t->stream = side_request(t->client, 5);
}

static void trigger_on_ended(void *user, gw_code why) {
  (void)user;
  (void)why;
}

static void trigger_on_closed(void *user) {
  ((trigger *)user)->closed = true;
}

static const gw_tcp_events trigger_events = { .connected = trigger_on_connected,
                                              .read = trigger_on_read,
                                              .ended = trigger_on_ended,
                                              .closed = trigger_on_closed };

/* The call was made when GOAWAY had come but was not read: it was never sent. */
TEST(h2_flood, a_call_made_as_goaway_comes_is_refused) {
  attacked a;
  gw_sockaddr address;
  attacked_init(&a);
  trigger t = { .client = &a.client };
  int listening = raw_listen(&address);
  CHECK_INT(gw_tcp_connect(a.loop, &address, &trigger_events, &t, &t.tcp), GW_OK);
  int fd = raw_accept(a.loop, listening);
  attacked_calls(&a, 1); /* keeps the connection */
  CHECK(raw_send(a.loop, fd, "x", 1));
  CHECK(raw_frame(a.loop, a.fd, GOAWAY, 0, 0, "\0\0\0\1\0\0\0\0", 8));
  PUMP(a.loop, gw_h2_is_going(a.client.h2));
  if (t.stream != NULL) { /* else GOAWAY was read first */
    PUMP(a.loop, t.stream->closed_count == 1);
    CHECK_INT(t.stream->h2.closed_by, GW_H2_CLOSED_REFUSED);
  }
  gw_tcp_close(t.tcp);
  PUMP(a.loop, t.closed);
  close(fd);
  close(listening);
  attacked_done(&a);
}

/* ---- harmless oddities ---- */

TEST(h2_flood, padding_gives_its_window_back) {
  attacked a;
  char padded[1 + 5 + 255] = { (char)255, 'h', 'e', 'l', 'l', 'o' };
  uint32_t frames = 3000; /* 780 KB of window for 15 KB of data */
  attacked_init(&a);
  attacked_calls(&a, 1);
  side_stream *s = &a.client.streams[0];
  CHECK(raw_frame(a.loop, a.fd, HEADERS, END_HEADERS, 1, ok_head, 1));
  for (uint32_t i = 0; i < frames; i++) {
    CHECK(raw_frame(a.loop, a.fd, DATA, PADDED, 1, padded, sizeof padded));
    if (i % 100 == 99) PUMP(a.loop, s->received == (i + 1) * 5 || s->closed_count > 0);
    raw_drain(a.fd);
  }
  CHECK(raw_frame(a.loop, a.fd, DATA, END_STREAM, 1, "", 0));
  PUMP(a.loop, s->closed_count == 1);
  CHECK_INT(s->h2.closed_by, GW_H2_CLOSED_CLEAN);
  CHECK_INT(s->received, frames * 5);
  attacked_done(&a);
}

TEST(h2_flood, settings_in_mid_flight_are_followed) {
  pair *p = pair_new();
  pair_free(p);
  attacked a;
  attacked_init(&a);
  attacked_calls(&a, 1);
  CHECK(raw_frame(a.loop, a.fd, SETTINGS, 0, 0, "\0\3\0\0\0\2", 6)); /* two streams */
  PUMP(a.loop, gw_h2_room(a.client.h2) == 1);
  CHECK(raw_frame(a.loop, a.fd, SETTINGS, 0, 0, "\0\3\0\0\0\0", 6)); /* none */
  PUMP(a.loop, gw_h2_room(a.client.h2) == 0);
  CHECK(side_request(&a.client, 1) == NULL);
  CHECK(raw_frame(a.loop, a.fd, SETTINGS, 0, 0, "\0\3\xff\xff\xff\xff", 6));
  PUMP(a.loop, gw_h2_room(a.client.h2) == GW_H2_STREAMS_MAX - 1);
  CHECK(raw_frame(a.loop, a.fd, SETTINGS, 0, 0, "\0\1\0\0\0\0", 6)); /* no HPACK table */
  CHECK(raw_frame(a.loop, a.fd, HEADERS, END_HEADERS | END_STREAM, 1, ok_head, 1));
  PUMP(a.loop, side_closed(&a.client) == 1);
  CHECK_INT(side_count(&a.client, GW_H2_CLOSED_CLEAN), 1);
  attacked_done(&a);
}

/* ---- clients ---- */

TEST(h2_flood, a_client_that_opens_and_resets_is_cut) {
  gw_sockaddr address;
  pair *p = pair_new();
  address = p->address;
  gw_h2_abort(p->client.h2, GW_CANCELLED);
  PUMP(p->loop, p->server.h2 == NULL && p->client.h2 == NULL);
  side_done(&p->server);
  side_init(&p->server, p->loop, GW_H2_SERVER);
  int fd = raw_connect(&address);
  static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  CHECK(raw_send(p->loop, fd, preface, sizeof preface - 1));
  CHECK(raw_frame(p->loop, fd, SETTINGS, 0, 0, "", 0));
  PUMP(p->loop, p->server.h2 != NULL && gw_h2_is_ready(p->server.h2));
  uint32_t opened = 0;
  while (opened < 20000 && p->server.h2 != NULL) {
    uint32_t id = 2 * opened + 1;
    /* :method: POST, :scheme: http, :path: / */
    if (!raw_frame(p->loop, fd, HEADERS, END_HEADERS, id, "\x83\x86\x84\x41\x01x", 6) ||
        !raw_frame(p->loop, fd, RST_STREAM, 0, id, "\0\0\0\x8", 4)) {
      break;
    }
    if (++opened % 32 == 0) {
      pump_for(p->loop, 1);
      raw_drain(fd);
      if (p->server.count > SIDE_STREAMS_MAX / 2) {
        PUMP(p->loop, side_closed(&p->server) == p->server.count);
        side_done(&p->server);
        p->server.count = 0;
      }
    }
  }
  CHECK(opened <= 5 * GW_H2_GLITCHES_MAX);
  PUMP(p->loop, p->server.h2 == NULL);
  CHECK_INT(side_closed(&p->server), p->server.count);
  close(fd);
  pair_free(p);
}
