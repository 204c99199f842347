#include "net/h2.h"

#include <unistd.h>

#include "unit/net/h2_pair.h"

#define BIG GW_MIB(1)

TEST(h2, three_hundred_calls_share_a_hundred_streams) {
  pair *p = pair_new();
  uint32_t done = 0;
  p->server.habit = SIDE_ANSWER;
  p->server.answer_n = 3000;
  for (int round = 0; round < 3; round++) {
    while (gw_h2_room(p->client.h2) > 0)
      CHECK(side_request(&p->client, 100) != NULL);
    CHECK_INT(p->client.count, GW_H2_STREAMS_MAX);
    CHECK(side_request(&p->client, 100) == NULL); /* GW_OVERLOADED */
    PUMP(p->loop, side_closed(&p->client) == 100 && side_closed(&p->server) == 100);
    CHECK_INT(side_count(&p->client, GW_H2_CLOSED_CLEAN), 100);
    for (uint32_t i = 0; i < 100; i++) {
      const side_stream *c = &p->client.streams[i], *s = &p->server.streams[i];
      CHECK_INT(c->received, 3000);
      CHECK_INT(c->h2.status, 200);
      CHECK_INT(s->received, 100);
      CHECK_STR(s->h2.path, "/a.B/C");
      CHECK_STR(s->h2.method, "POST");
      done++;
    }
    side_done(&p->client);
    side_done(&p->server);
    p->client.count = p->server.count = 0;
  }
  CHECK_INT(done, 300);
  CHECK_INT(gw_h2_stream_count(p->client.h2), 0);
  pair_free(p);
}

/* ---- flow control ---- */

TEST(h2, a_receiver_that_consumes_nothing_stops_the_sender_at_the_window) {
  pair *p = pair_new();
  p->server.is_keeping = true;
  p->server.habit = SIDE_ANSWER;
  side_stream *c = side_request(&p->client, BIG);
  PUMP(p->loop,
       p->server.count == 1 && gw_h2_pending(&p->server.streams[0].h2).n == GW_H2_STREAM_WINDOW);
  pump_for(p->loop, 50);
  side_stream *s = &p->server.streams[0];
  CHECK_INT(gw_h2_pending(&s->h2).n, GW_H2_STREAM_WINDOW);
  CHECK(!(s->noted & GW_H2_ENDED));
  /* The connection's window is not held up by it. */
  for (int i = 0; i < 30; i++)
    CHECK(side_request(&p->client, 60000) != NULL);
  PUMP(p->loop, p->server.count == 31 && (p->server.streams[30].noted & GW_H2_ENDED));
  p->server.is_keeping = false;
  gw_h2_consume(&s->h2, GW_H2_STREAM_WINDOW);
  s->received = GW_H2_STREAM_WINDOW;
  PUMP(p->loop, s->received == BIG);
  PUMP(p->loop, c->closed_count == 1);
  CHECK_INT(c->h2.closed_by, GW_H2_CLOSED_CLEAN);
  pair_free(p);
}

TEST(h2, an_answer_waits_in_the_sender_until_the_client_consumes) {
  pair *p = pair_new();
  p->client.is_keeping = true;
  p->server.habit = SIDE_ANSWER;
  p->server.answer_n = BIG;
  side_stream *c = side_request(&p->client, 1);
  PUMP(p->loop, gw_h2_pending(&c->h2).n == GW_H2_STREAM_WINDOW);
  pump_for(p->loop, 50);
  CHECK_INT(gw_h2_pending(&c->h2).n, GW_H2_STREAM_WINDOW);
  gw_h2_consume(&c->h2, 1000); /* below half of the window: no update goes out */
  pump_for(p->loop, 20);
  CHECK_INT(gw_h2_pending(&c->h2).n, GW_H2_STREAM_WINDOW - 1000);
  gw_h2_credit(&c->h2); /* the bytes stay, the window opens */
  PUMP(p->loop, gw_h2_pending(&c->h2).n == 2 * GW_H2_STREAM_WINDOW - 1000);
  CHECK_INT(p->server.streams[0].closed_count, 0);
  while (!(c->noted & GW_H2_ENDED)) {
    size_t before = gw_h2_pending(&c->h2).n;
    gw_h2_credit(&c->h2);
    PUMP(p->loop, gw_h2_pending(&c->h2).n > before || (c->noted & GW_H2_ENDED));
  }
  CHECK_INT(gw_h2_pending(&c->h2).n, BIG - 1000);
  PUMP(p->loop, c->closed_count == 1);
  pair_free(p);
}

/* What a peer returns as credit for a large upload is no flood. */
TEST(h2, a_long_upload_is_not_taken_for_a_flood_of_window_updates) {
  pair *p = pair_new();
  p->server.habit = SIDE_ANSWER;
  p->server.answer_n = 1;
  side_stream *c = side_request(&p->client, GW_MIB(96));
  PUMP(p->loop, c->closed_count == 1);
  CHECK_INT(c->h2.closed_by, GW_H2_CLOSED_CLEAN);
  CHECK_INT(p->server.streams[0].received, GW_MIB(96));
  pair_free(p);
}

/* ---- detach ---- */

static void check_still_works(pair *p) {
  side_habit habit = p->server.habit;
  p->server.habit = SIDE_ANSWER;
  side_stream *c = side_request(&p->client, 10);
  CHECK(c != NULL);
  PUMP(p->loop, c->closed_count == 1);
  CHECK_INT(c->h2.closed_by, GW_H2_CLOSED_CLEAN);
  CHECK_INT(gw_h2_stream_count(p->client.h2), 0);
  CHECK_INT(gw_h2_room(p->client.h2), GW_H2_STREAMS_MAX);
  p->server.habit = habit;
}

TEST(h2, detach_before_the_head_was_written_tells_the_peer_nothing) {
  pair *p = pair_new();
  side_stream *c = side_request(&p->client, 10);
  gw_h2_detach(&c->h2, GW_H2_CANCEL);
  gw_h2_detach(&c->h2, GW_H2_CANCEL); /* again: a no-op */
  CHECK_INT(gw_h2_room(p->client.h2), GW_H2_STREAMS_MAX);
  memset(&c->h2, 0xee, sizeof c->h2); /* its memory is the owner's alone */
  pump_for(p->loop, 20);
  CHECK_INT(p->server.count, 0);
  CHECK_INT(c->closed_count, 0);
  check_still_works(p);
  pair_free(p);
}

/* Fields are borrowed only so long; a sanitizer sees when they are read later. */
TEST(h2, detach_before_the_head_was_written_gives_its_fields_back) {
  pair *p = pair_new();
  char *value = malloc(64);
  CHECK(value != NULL);
  memset(value, 'v', 64);
  const gw_header fields[] = { { GW_STR(":method"), GW_STR("POST") },
                               { GW_STR(":scheme"), GW_STR("http") },
                               { GW_STR(":path"), GW_STR("/") },
                               { GW_STR("x-value"), { value, 64 } } };
  side_stream *kept = side_request(&p->client, 10);
  side_stream *c = &p->client.streams[p->client.count++];
  c->h2 = (gw_h2_stream){ .tick = kept->h2.tick, .arena = kept->h2.arena };
  CHECK_INT(gw_h2_request(p->client.h2, &c->h2, fields, GW_COUNT_OF(fields)), GW_OK);
  gw_h2_detach(&c->h2, GW_H2_CANCEL);
  free(value);
  pump_for(p->loop, 20);
  CHECK_INT(p->server.count, 1); /* the other one */
  gw_h2_detach(&kept->h2, GW_H2_CANCEL);
  check_still_works(p);
  pair_free(p);
}

TEST(h2, detach_of_an_open_stream_resets_it) {
  pair *p = pair_new();
  p->server.is_keeping = true;
  side_stream *c = side_request(&p->client, BIG); /* stuck at the window */
  PUMP(p->loop,
       p->server.count == 1 && gw_h2_pending(&p->server.streams[0].h2).n == GW_H2_STREAM_WINDOW);
  gw_h2_detach(&c->h2, GW_H2_CANCEL);
  memset(&c->h2, 0xee, sizeof c->h2);
  PUMP(p->loop, p->server.streams[0].closed_count == 1);
  CHECK_INT(p->server.streams[0].h2.closed_by, GW_H2_CLOSED_RESET);
  CHECK_INT(p->server.streams[0].h2.h2_error, GW_H2_CANCEL);
  p->server.is_keeping = false;
  check_still_works(p);
  pair_free(p);
}

TEST(h2, detach_while_an_answer_comes_gives_its_window_back) {
  pair *p = pair_new();
  p->server.habit = SIDE_ANSWER;
  p->server.answer_n = BIG;
  p->client.is_keeping = true;
  for (int i = 0; i < 40; i++) { /* more than the connection's window in all */
    side_stream *c = side_request(&p->client, 10);
    PUMP(p->loop, gw_h2_pending(&c->h2).n == GW_H2_STREAM_WINDOW);
    gw_h2_detach(&c->h2, GW_H2_CANCEL);
    memset(&c->h2, 0xee, sizeof c->h2);
  }
  PUMP(p->loop, side_closed(&p->server) == 40);
  CHECK_INT(side_count(&p->server, GW_H2_CLOSED_RESET), 40);
  p->client.is_keeping = false;
  p->server.answer_n = 5;
  check_still_works(p);
  pair_free(p);
}

static void detach_at_end(gw_h2_stream *h2, uint32_t noted) {
  side_stream *s = GW_CONTAINER_OF(h2, side_stream, h2);
  s->noted |= noted;
  if (noted & GW_H2_ENDED) gw_h2_detach(h2, GW_H2_NO_ERROR);
  if (noted & GW_H2_CLOSED) s->closed_count++;
}

/* END_STREAM and the stream's end are noted in one read: detach drops the second. */
TEST(h2, detach_in_the_tick_of_the_end_is_the_last_word) {
  pair *p = pair_new();
  p->server.habit = SIDE_ANSWER;
  p->server.answer_n = 10;
  side_stream *c = side_request(&p->client, 10);
  c->h2.tick = detach_at_end;
  PUMP(p->loop, c->noted & GW_H2_ENDED);
  pump_for(p->loop, 10);
  CHECK(c->closed_count <= 1);
  CHECK(c->h2.h2 == NULL);
  check_still_works(p);
  pair_free(p);
}

static side_stream *detach_victim;

static void detach_another(gw_h2_stream *h2, uint32_t noted) {
  side_stream *s = GW_CONTAINER_OF(h2, side_stream, h2);
  s->noted |= noted;
  if (noted & GW_H2_CLOSED) s->closed_count++;
  if (detach_victim == NULL || s == detach_victim) return;
  gw_h2_detach(&detach_victim->h2, GW_H2_CANCEL);
  memset(&detach_victim->h2, 0xee, sizeof detach_victim->h2);
  detach_victim = NULL;
}

TEST(h2, a_tick_may_detach_a_stream_that_is_due_next) {
  pair *p = pair_new();
  p->server.habit = SIDE_ANSWER;
  p->server.answer_n = 10;
  side_stream *a = side_request(&p->client, 10), *b = side_request(&p->client, 10);
  PUMP(p->loop, p->server.count == 2);
  a->h2.tick = b->h2.tick = detach_another;
  detach_victim = b;
  PUMP(p->loop, a->closed_count == 1);
  CHECK_INT(b->closed_count, 0);
  check_still_works(p);
  pair_free(p);
}

/* ---- the end of a connection ---- */

TEST(h2, a_drain_without_streams_closes_at_once) {
  pair *p = pair_new();
  gw_h2_drain(p->client.h2);
  gw_h2_drain(p->client.h2);
  PUMP(p->loop, p->client.h2 == NULL && p->server.h2 == NULL);
  CHECK_INT(p->client.why, GW_OK);
  CHECK_INT(p->server.why, GW_OK);
  pair_free(p);
}

TEST(h2, a_drain_lets_open_streams_end) {
  pair *p = pair_new();
  side_stream *c[5];
  for (int i = 0; i < 5; i++)
    c[i] = side_request(&p->client, 10);
  PUMP(p->loop, p->server.count == 5 && (p->server.streams[4].noted & GW_H2_ENDED));
  gw_h2_drain(p->server.h2);
  PUMP(p->loop, gw_h2_is_going(p->client.h2));
  CHECK_INT(gw_h2_room(p->client.h2), 0);
  CHECK(side_request(&p->client, 1) == NULL); /* GW_UNAVAILABLE */
  for (int i = 0; i < 5; i++) {
    static const gw_header ok = { GW_STR_INIT(":status"), GW_STR_INIT("204") };
    CHECK(p->client.h2 != NULL && p->server.h2 != NULL);
    CHECK_INT(gw_h2_respond(&p->server.streams[i].h2, &ok, 1, true), GW_OK);
    PUMP(p->loop, c[i]->closed_count == 1);
    CHECK_INT(c[i]->h2.closed_by, GW_H2_CLOSED_CLEAN);
  }
  PUMP(p->loop, p->client.h2 == NULL && p->server.h2 == NULL);
  pair_free(p);
}

TEST(h2, a_broken_connection_closes_each_of_fifty_streams_once) {
  pair *p = pair_new();
  for (int i = 0; i < 50; i++)
    CHECK(side_request(&p->client, 10) != NULL);
  PUMP(p->loop, p->server.count == 50);
  gw_h2_abort(p->server.h2, GW_INTERNAL);
  gw_h2_abort(p->server.h2, GW_INTERNAL);
  PUMP(p->loop, p->client.h2 == NULL && p->server.h2 == NULL);
  CHECK_INT(side_closed(&p->client), 50);
  CHECK_INT(side_count(&p->client, GW_H2_CLOSED_CONNECTION), 50);
  CHECK_INT(side_closed(&p->server), 50);
  CHECK_INT(p->client.why, GW_UNAVAILABLE);
  CHECK_INT(p->server.why, GW_INTERNAL);
  pair_free(p);
}

/* Such a call may be sent again, whatever it does. */
TEST(h2, what_was_never_written_is_refused_not_broken) {
  pair *p = pair_new();
  side_stream *sent = side_request(&p->client, 10);
  PUMP(p->loop, p->server.count == 1);
  side_stream *unsent = side_request(&p->client, 10);
  gw_h2_abort(p->client.h2, GW_UNAVAILABLE);
  PUMP(p->loop, p->client.h2 == NULL && p->server.h2 == NULL);
  CHECK_INT(sent->h2.closed_by, GW_H2_CLOSED_CONNECTION);
  CHECK_INT(unsent->h2.closed_by, GW_H2_CLOSED_REFUSED);
  CHECK_INT(sent->closed_count + unsent->closed_count, 2);
  pair_free(p);
}

/* ---- limits of heads ---- */

static gw_h2_closed_by head_outcome(size_t fields, size_t value_n) {
  pair *p = pair_new();
  gw_header extra[128];
  char *value = calloc(1, value_n + 1);
  memset(value, 'v', value_n);
  for (size_t i = 0; i < fields; i++)
    extra[i] = (gw_header){ GW_STR("x"), { value, value_n } };
  p->server.habit = SIDE_ANSWER;
  p->server.extra = extra;
  p->server.extra_n = fields;
  side_stream *bad = side_request(&p->client, 1);
  PUMP(p->loop, bad->closed_count == 1);
  gw_h2_closed_by by = bad->h2.closed_by;
  if (by == GW_H2_CLOSED_CLEAN) CHECK_INT(bad->h2.head.count, fields);
  p->server.extra_n = 0;
  check_still_works(p); /* one stream's offence is not the others' */
  pair_free(p);
  free(value);
  return by;
}

TEST(h2, heads_are_bounded_in_fields_and_in_decoded_bytes) {
  CHECK_INT(head_outcome(GW_H2_HEADER_COUNT_MAX - 1, 10), GW_H2_CLOSED_CLEAN); /* and :status */
  CHECK_INT(head_outcome(GW_H2_HEADER_COUNT_MAX, 10), GW_H2_CLOSED_PROTOCOL);
  /* ":status" and "200" count 10 and 32, "x" counts 1 and 32 (RFC 9113 section 6.5.2) */
  CHECK_INT(head_outcome(1, GW_H2_HEADER_BYTES_MAX - 42 - 33), GW_H2_CLOSED_CLEAN);
  CHECK_INT(head_outcome(1, GW_H2_HEADER_BYTES_MAX - 42 - 32), GW_H2_CLOSED_PROTOCOL);
}

/* ---- resets ---- */

TEST(h2, resets_are_told_apart) {
  static const struct {
    uint32_t error;
    gw_h2_closed_by by;
  } rows[] = {
    { GW_H2_CANCEL, GW_H2_CLOSED_RESET },         { GW_H2_REFUSED_STREAM, GW_H2_CLOSED_REFUSED },
    { GW_H2_INTERNAL_ERROR, GW_H2_CLOSED_RESET }, { GW_H2_ENHANCE_YOUR_CALM, GW_H2_CLOSED_RESET },
    { 0xdeadbeef, GW_H2_CLOSED_RESET },
  };
  pair *p = pair_new();
  p->server.habit = SIDE_RESET;
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    p->server.reset_error = rows[i].error;
    side_stream *c = side_request(&p->client, 10);
    PUMP(p->loop, c->closed_count == 1);
    CHECK_INT(c->h2.closed_by, rows[i].by);
    CHECK_INT(c->h2.h2_error, rows[i].error);
  }
  pair_free(p);
}

/* A service that refuses calls breaks no rule: the connection must serve the others. */
TEST(h2, a_peer_may_reset_each_of_three_thousand_calls) {
  pair *p = pair_new();
  p->server.habit = SIDE_RESET;
  p->server.reset_error = GW_H2_REFUSED_STREAM;
  for (int round = 0; round < 30; round++) {
    for (int i = 0; i < 100; i++)
      CHECK(side_request(&p->client, 10) != NULL);
    PUMP(p->loop, side_closed(&p->client) == 100);
    CHECK_INT(side_count(&p->client, GW_H2_CLOSED_REFUSED), 100);
    PUMP(p->loop, gw_h2_stream_count(p->server.h2) == 0);
    side_done(&p->client);
    side_done(&p->server);
    p->client.count = p->server.count = 0;
  }
  pair_free(p);
}
