#include "net/h1_response.h"

#include "base/buf.h"
#include "unit/test.h"

/* What one way of reading an answer gave: everything that the owner of a connection acts on. */
typedef struct seen {
  gw_code code; /* GW_OK: whole; GW_AGAIN: more would follow */
  gw_h1_response response;
  char text[64]; /* "REASON|first field: its value" */
  char body[64];
  size_t rest_n; /* bytes behind the answer */
  gw_err err;
} seen;

static const gw_limits *answer_limits(void) {
  static gw_limits limits;
  limits = gw_limits_default();
  limits.request_line = GW_H1_ANSWER_LINE_BYTES_MAX;
  limits.header = limits.headers = GW_H1_ANSWER_HEAD_BYTES_MAX;
  limits.header_count = GW_H1_ANSWER_HEADER_COUNT_MAX;
  return &limits;
}

typedef struct reading {
  gw_arena arena;
  gw_h1_reader reader;
  seen *out;
  char *bytes; /* of the exact size, so that a sanitizer sees any read past them */
  size_t n, head_n;
  bool has_head;
} reading;

static void reading_body(reading *r, gw_str in) {
  seen *out = r->out;
  gw_str data = { NULL, 0 };
  do {
    out->code = gw_h1_body_read(&r->reader, &in, SIZE_MAX, &data, &out->err);
    if (out->code != GW_OK && out->code != GW_AGAIN) return;
    strncat(out->body, data.n > 0 ? data.p : "",
            gw_size_min(data.n, sizeof out->body - 1 - strlen(out->body)));
  } while (out->code == GW_AGAIN && in.n > 0);
  out->rest_n = in.n;
}

static void reading_head(reading *r) {
  seen *out = r->out;
  out->code =
      gw_h1_response_read(&r->reader, r->bytes, r->n, &out->response, &r->head_n, &out->err);
  if (out->code != GW_OK) return;
  r->has_head = true;
  const gw_h1_response *response = &out->response;
  gw_header first = { GW_STR(""), GW_STR("") };
  if (response->field_count > 0) first = response->fields[0];
  snprintf(out->text, sizeof out->text, GW_STR_FMT "|" GW_STR_FMT ": " GW_STR_FMT,
           GW_STR_ARG(response->reason), GW_STR_ARG(first.name), GW_STR_ARG(first.value));
  reading_body(r, (gw_str){ r->bytes + r->head_n, r->n - r->head_n });
}

static void reading_feed(reading *r, gw_str piece) {
  if (r->has_head) {
    char *copy = malloc(piece.n + 1);
    memcpy(copy, piece.p, piece.n);
    reading_body(r, (gw_str){ copy, piece.n });
    free(copy);
    return;
  }
  char *moved = malloc(r->n + piece.n);
  if (r->n > 0) memcpy(moved, r->bytes, r->n);
  memcpy(moved + r->n, piece.p, piece.n);
  if (r->n > 0) explicit_bzero(r->bytes, r->n); /* who still looks there sees it */
  free(r->bytes);
  r->bytes = moved;
  r->n += piece.n;
  reading_head(r);
}

/* Reads `text`: `first` bytes, then `step` at a time (0: the rest at once). */
static seen answer_read(gw_str text, bool to_head, size_t first, size_t step) {
  seen out = { .code = GW_AGAIN };
  reading r = { .out = &out };
  gw_err_init(&out.err);
  gw_arena_init(&r.arena, NULL, GW_KIB(64));
  gw_h1_response_init(&r.reader, answer_limits(), &r.arena, to_head);
  size_t at = 0, want = first;
  while (at < text.n && out.code == GW_AGAIN) {
    size_t n = want > 0 ? gw_size_min(want, text.n - at) : text.n - at;
    reading_feed(&r, (gw_str){ text.p + at, n });
    at += n;
    want = step;
  }
  if (out.code == GW_OK) out.rest_n += text.n - at;
  free(r.bytes);
  gw_arena_done(&r.arena);
  return out;
}

static void check_same(const seen *a, const seen *b) {
  CHECK_INT(a->code, b->code);
  if (a->code != GW_OK && a->code != GW_AGAIN) return;
  CHECK_STR(gw_str_of(a->text), b->text);
  CHECK_STR(gw_str_of(a->body), b->body);
  CHECK_INT(a->rest_n, b->rest_n);
  CHECK_INT(a->response.status, b->response.status);
  CHECK_INT(a->response.keep_alive, b->response.keep_alive);
  CHECK_INT(a->response.body_kind, b->response.body_kind);
  CHECK_INT(a->response.field_count, b->response.field_count);
}

/* The same however the bytes are cut: whole, one at a time, and in two at every place. */
static seen answer_read_cut(gw_str text, bool to_head) {
  seen whole = answer_read(text, to_head, 0, 0);
  seen single = answer_read(text, to_head, 1, 1);
  check_same(&whole, &single);
  for (size_t cut = 1; cut < gw_size_min(text.n, 400); cut++) {
    seen two = answer_read(text, to_head, cut, 0);
    check_same(&whole, &two);
  }
  return whole;
}

#define TEXT(literal)                                                                              \
  { (literal), sizeof(literal) - 1 }
#define OK_LINE   "HTTP/1.1 200 OK\r\n"
#define FIELD(f)  TEXT(OK_LINE f "\r\n\r\n")
#define CHUNKED   OK_LINE "Transfer-Encoding: chunked\r\n\r\n"
#define LENGTH(n) OK_LINE "Content-Length: " n "\r\n\r\n"
#define INTERIM   "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
#define INTERIM_8 INTERIM INTERIM INTERIM INTERIM INTERIM INTERIM INTERIM INTERIM
#define FIELDS_10 "A: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\n"
#define FIELDS_100                                                                                 \
  FIELDS_10 FIELDS_10 FIELDS_10 FIELDS_10 FIELDS_10 FIELDS_10 FIELDS_10 FIELDS_10 FIELDS_10        \
      FIELDS_10

static const gw_str bad_answers[] = {
  /* the status line */
  TEXT("HTTP/1.2 200 OK\r\n\r\n"),
  TEXT("HTTP/2.0 200 OK\r\n\r\n"),
  TEXT("HTTP/0.9 200 OK\r\n\r\n"),
  TEXT("HTTP/1.10 200 OK\r\n\r\n"),
  TEXT("HTTP/11 200 OK\r\n\r\n"),
  TEXT("http/1.1 200 OK\r\n\r\n"),
  TEXT("HTTPS/1.1 200 OK\r\n\r\n"),
  TEXT("ICY 200 OK\r\n\r\n"),
  TEXT(" HTTP/1.1 200 OK\r\n\r\n"),
  TEXT("\r\nHTTP/1.1 200 OK\r\n\r\n"),
  TEXT("\nHTTP/1.1 200 OK\r\n\r\n"),
  TEXT("<html>no head at all</html>"),
  TEXT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
  TEXT("HTTP/1.1  200 OK\r\n\r\n"),
  TEXT("HTTP/1.1\t200 OK\r\n\r\n"),
  TEXT("HTTP/1.1 200\tOK\r\n\r\n"),
  TEXT("HTTP/1.1 200\r\n\r\n"),
  TEXT("HTTP/1.1 20 OK\r\n\r\n"),
  TEXT("HTTP/1.1 2000 OK\r\n\r\n"),
  TEXT("HTTP/1.1 +20 OK\r\n\r\n"),
  TEXT("HTTP/1.1 0200 OK\r\n\r\n"),
  TEXT("HTTP/1.1 2x0 OK\r\n\r\n"),
  TEXT("HTTP/1.1 099 Low\r\n\r\n"),
  TEXT("HTTP/1.1 600 High\r\n\r\n"),
  TEXT("HTTP/1.1 999 High\r\n\r\n"),
  TEXT("HTTP/1.1 200 O\0K\r\n\r\n"),
  TEXT("HTTP/1.1 200 O\x1bK\r\n\r\n"),
  TEXT("HTTP/1.1 200 O\x7fK\r\n\r\n"),
  TEXT("HTTP/1.1 200 OK\n\r\n"),
  TEXT("HTTP/1.1 200 OK\rX: 1\r\n\r\n"),
  TEXT("HTTP/1.1 200 OK\r\r\n\r\n"),
  /* fields */
  TEXT(OK_LINE "X: 1\nY: 2\r\n\r\n"),
  TEXT(OK_LINE "X: 1\rY: 2\r\n\r\n"),
  TEXT(OK_LINE "X: 1\r\n folded\r\n\r\n"),
  TEXT(OK_LINE "X: 1\r\n\tfolded\r\n\r\n"),
  TEXT(OK_LINE " X: 1\r\n\r\n"),
  TEXT(OK_LINE "X: 1\r\n\n"),
  TEXT(OK_LINE "\n"),
  FIELD("X : 1"),
  FIELD("X\t: 1"),
  FIELD("X Y: 1"),
  FIELD(": 1"),
  FIELD("X"),
  FIELD("X\0Y: 1"),
  FIELD("X: a\0b"),
  FIELD("X: a\x01"
        "b"),
  FIELD("X: a\x7f"),
  FIELD("X\xc3\xa4: 1"),
  FIELD("X(): 1"),
  FIELD("Connection: clo se"),
  FIELD("Connection: keep-alive; x"),
  TEXT(OK_LINE FIELDS_100 "A: 1\r\n\r\n"),
  /* framing: which bytes are the body is not known, or two readers would differ */
  FIELD("Content-Length: 5\r\nContent-Length: 5"),
  FIELD("Content-Length: 5\r\nContent-Length: 6"),
  FIELD("Content-Length: 5, 5"),
  FIELD("Content-Length: 5, 6"),
  FIELD("Content-Length: "),
  FIELD("Content-Length: -1"),
  FIELD("Content-Length: +5"),
  FIELD("Content-Length: 0x5"),
  FIELD("Content-Length: 5 "
        "5"),
  FIELD("Content-Length: 5a"),
  FIELD("Content-Length: 5.0"),
  FIELD("Content-Length: \"5\""),
  FIELD("Content-Length: 18446744073709551616"),
  FIELD("Content-Length: 9223372036854775808"),
  FIELD("Content-Length: 99999999999999999999999"),
  FIELD("Content_Length: 5"),
  FIELD("Content-Length: 5\r\nTransfer-Encoding: chunked"),
  FIELD("Transfer-Encoding: chunked\r\nContent-Length: 5"),
  FIELD("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
  FIELD("Transfer-Encoding: chunked, chunked"),
  FIELD("Transfer-Encoding: chunked, gzip"),
  FIELD("Transfer-Encoding: gzip, chunked"),
  FIELD("Transfer-Encoding: gzip"),
  FIELD("Transfer-Encoding: identity"),
  FIELD("Transfer-Encoding: \"chunked\""),
  FIELD("Transfer-Encoding: chunked;q=1"),
  FIELD("Transfer-Encoding: xchunked"),
  FIELD("Transfer-Encoding: "),
  FIELD("Transfer_Encoding: chunked"),
  FIELD("transfer_encoding: chunked"),
  TEXT("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
  TEXT("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello"),
  TEXT("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
  TEXT("HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello"),
  TEXT("HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n"),
  TEXT("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
  TEXT(INTERIM_8 INTERIM LENGTH("0")),
  TEXT(INTERIM "X\r\n\r\n"),
  TEXT(INTERIM "\r\n" LENGTH("0")),
  /* chunks */
  TEXT(CHUNKED "\r\n"),
  TEXT(CHUNKED "x\r\n"),
  TEXT(CHUNKED "-1\r\n"),
  TEXT(CHUNKED "0x5\r\nhello\r\n"),
  TEXT(CHUNKED " 5\r\nhello\r\n"),
  TEXT(CHUNKED "5 \r\nhello\r\n"),
  TEXT(CHUNKED "5\nhello\r\n"),
  TEXT(CHUNKED "5\rhello\r\n"),
  TEXT(CHUNKED "5\r\nhello6\r\n"),
  TEXT(CHUNKED "5\r\nhello\n"),
  TEXT(CHUNKED "123456789\r\n"),
  TEXT(CHUNKED "000000005\r\nhello\r\n"),
  TEXT(CHUNKED "5;\r\nhello\r\n"),
  TEXT(CHUNKED "5;a=\"b\r\nhello\r\n"),
  TEXT(CHUNKED "5;a\x01=b\r\nhello\r\n"),
  TEXT(CHUNKED "0\r\nContent-Length: 5\r\n\r\n"),
  TEXT(CHUNKED "0\r\nTransfer-Encoding: chunked\r\n\r\n"),
  TEXT(CHUNKED "0\r\nX Y: 1\r\n\r\n"),
  TEXT(CHUNKED "0\r\nX: 1\n\r\n"),
  TEXT(CHUNKED "0\r\n\n"),
  TEXT(CHUNKED "0\r\nX: \0\r\n\r\n"),
};

TEST(h1_response, refuses_hostile_answers_however_they_are_cut) {
  for (size_t i = 0; i < GW_COUNT_OF(bad_answers); i++) {
    seen got = answer_read_cut(bad_answers[i], false);
    if (got.code != GW_BAD_ANSWER) {
      print_error("row %zu: %s: " GW_STR_FMT "\n", i, gw_code_name(got.code),
                  GW_STR_ARG(bad_answers[i]));
    }
    CHECK_INT(got.code, GW_BAD_ANSWER);
    CHECK_INT(got.err.code, GW_BAD_ANSWER);
    CHECK(got.err.text[0] != '\0');
  }
}

typedef struct good_row {
  gw_str text;
  bool to_head;
  gw_code code; /* GW_AGAIN: until the connection's end */
  int status;
  const char *shown, *body;
  gw_h1_body_kind kind;
  bool keep_alive;
  size_t rest_n;
} good_row;

#define HEAD  true
#define STAYS true

static const good_row good_rows[] = {
  { TEXT(LENGTH("5") "hello"), false, GW_OK, 200, "OK|Content-Length: 5", "hello",
    GW_H1_BODY_LENGTH, STAYS, 0 },
  { TEXT(LENGTH("5") "helloHTTP"), false, GW_OK, 200, "OK|Content-Length: 5", "hello",
    GW_H1_BODY_LENGTH, STAYS, 4 },
  { TEXT(LENGTH("0")), false, GW_OK, 200, "OK|Content-Length: 0", "", GW_H1_BODY_NONE, STAYS, 0 },
  { TEXT(LENGTH("007") "seven77"), false, GW_OK, 200, "OK|Content-Length: 007", "seven77",
    GW_H1_BODY_LENGTH, STAYS, 0 },
  { TEXT(CHUNKED "5\r\nhello\r\n0\r\n\r\n"), false, GW_OK, 200, "OK|Transfer-Encoding: chunked",
    "hello", GW_H1_BODY_CHUNKED, STAYS, 0 },
  { TEXT(OK_LINE "TRANSFER-ENCODING: Chunked\r\n\r\n2;a=b;c=\"d\"\r\nhe\r\n03\r\nllo\r\n000\r\nX: "
                 "1\r\nY: 2\r\n\r\nrest"),
    false, GW_OK, 200, "OK|TRANSFER-ENCODING: Chunked", "hello", GW_H1_BODY_CHUNKED, STAYS, 4 },
  { TEXT(CHUNKED "0\r\n\r\n"), false, GW_OK, 200, "OK|Transfer-Encoding: chunked", "",
    GW_H1_BODY_CHUNKED, STAYS, 0 },
  { TEXT(OK_LINE "\r\nuntil the end"), false, GW_AGAIN, 200, "OK|: ", "until the end",
    GW_H1_BODY_CLOSE, false, 0 },
  { TEXT(OK_LINE "Connection: keep-alive\r\n\r\nx"), false, GW_AGAIN, 200,
    "OK|Connection: keep-alive", "x", GW_H1_BODY_CLOSE, false, 0 },
  { TEXT("HTTP/1.0 200 OK\r\n\r\nx"), false, GW_AGAIN, 200, "OK|: ", "x", GW_H1_BODY_CLOSE, false,
    0 },
  { TEXT("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx"), false, GW_OK, 200,
    "OK|Content-Length: 1", "x", GW_H1_BODY_LENGTH, false, 0 },
  { TEXT("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx"), false, GW_OK,
    200, "OK|Connection: Keep-Alive", "x", GW_H1_BODY_LENGTH, STAYS, 0 },
  { TEXT("HTTP/1.1 200 OK\r\nConnection: x, CLOSE\r\nContent-Length: 1\r\n\r\nx"), false, GW_OK,
    200, "OK|Connection: x, CLOSE", "x", GW_H1_BODY_LENGTH, false, 0 },
  { TEXT("HTTP/1.1 200 OK\r\nConnection: keep-alive, close\r\nContent-Length: 0\r\n\r\n"), false,
    GW_OK, 200, "OK|Connection: keep-alive, close", "", GW_H1_BODY_NONE, false, 0 },
  { TEXT("HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n"), false, GW_OK, 404, "|Content-Length: 0", "",
    GW_H1_BODY_NONE, STAYS, 0 },
  { TEXT("HTTP/1.1 200 Fine,\tthank you \xc3\xa4\r\nX_y:\t \xe4  \r\nContent-Length: 0\r\n\r\n"),
    false, GW_OK, 200, "Fine,\tthank you \xc3\xa4|X_y: \xe4", "", GW_H1_BODY_NONE, STAYS, 0 },
  { TEXT("HTTP/1.1 599 Last\r\nX:\r\nContent-Length: 0\r\n\r\n"), false, GW_OK, 599, "Last|X: ", "",
    GW_H1_BODY_NONE, STAYS, 0 },
  { TEXT("HTTP/1.1 204 No Content\r\n\r\n"), false, GW_OK, 204, "No Content|: ", "",
    GW_H1_BODY_NONE, STAYS, 0 },
  { TEXT("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"), false, GW_OK, 204,
    "No Content|Content-Length: 0", "", GW_H1_BODY_NONE, STAYS, 0 },
  { TEXT("HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n"), false, GW_OK, 304,
    "Not Modified|Content-Length: 500", "", GW_H1_BODY_NONE, STAYS, 0 },
  { TEXT("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\nx"), false, GW_OK, 304,
    "Not Modified|Transfer-Encoding: chunked", "", GW_H1_BODY_NONE, STAYS, 1 },
  { TEXT(LENGTH("500")), HEAD, GW_OK, 200, "OK|Content-Length: 500", "", GW_H1_BODY_NONE, STAYS,
    0 },
  { TEXT(CHUNKED), HEAD, GW_OK, 200, "OK|Transfer-Encoding: chunked", "", GW_H1_BODY_NONE, STAYS,
    0 },
  { TEXT(OK_LINE "\r\n"), HEAD, GW_OK, 200, "OK|: ", "", GW_H1_BODY_NONE, STAYS, 0 },
  { TEXT(INTERIM "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nB: 2\r\n"
                 "Content-Length: 1\r\n\r\nx"),
    false, GW_OK, 201, "Created|B: 2", "x", GW_H1_BODY_LENGTH, STAYS, 0 },
  { TEXT("HTTP/1.1 102 Processing\r\nConnection: close\r\n\r\n" LENGTH("0")), false, GW_OK, 200,
    "OK|Content-Length: 0", "", GW_H1_BODY_NONE, STAYS, 0 },
  { TEXT(INTERIM_8 LENGTH("0")), false, GW_OK, 200, "OK|Content-Length: 0", "", GW_H1_BODY_NONE,
    STAYS, 0 },
  { TEXT(OK_LINE FIELDS_10 "A: 1\r\nContent-Length: 0\r\n\r\n"), false, GW_OK, 200, "OK|A: 1", "",
    GW_H1_BODY_NONE, STAYS, 0 },
  { TEXT(OK_LINE "Content-Length: 3\r\n"), false, GW_AGAIN, 0, "", "", GW_H1_BODY_NONE, false, 0 },
};

TEST(h1_response, reads_answers_however_they_are_cut) {
  for (size_t i = 0; i < GW_COUNT_OF(good_rows); i++) {
    const good_row *row = &good_rows[i];
    seen got = answer_read_cut(row->text, row->to_head);
    if (got.code != row->code) print_error("row %zu: %s\n", i, got.err.text);
    CHECK_INT(got.code, row->code);
    CHECK_STR(gw_str_of(got.text), row->shown);
    CHECK_STR(gw_str_of(got.body), row->body);
    CHECK_INT(got.response.status, row->status);
    CHECK_INT(got.response.body_kind, row->kind);
    CHECK_INT(got.response.keep_alive, row->keep_alive);
    CHECK_INT(got.rest_n, row->rest_n);
  }
}

TEST(h1_response, tells_the_length_where_no_body_follows) {
  seen got = answer_read((gw_str)TEXT(LENGTH("500")), HEAD, 0, 0);
  CHECK(got.response.has_length);
  CHECK_INT(got.response.told_length, 500);
  got = answer_read((gw_str)TEXT(CHUNKED), HEAD, 0, 0);
  CHECK(!got.response.has_length);
}

TEST(h1_response, knows_how_long_a_server_keeps_connections) {
  static const struct {
    gw_str text;
    uint32_t seconds;
  } rows[] = {
    { FIELD("Keep-Alive: timeout=5, max=100"), 5 },
    { FIELD("KEEP-ALIVE: max=100,timeout=20"), 20 },
    { FIELD("Keep-Alive: timeout=x"), 0 },
    { FIELD("Keep-Alive: max=5"), 0 },
    { FIELD("X: 1"), 0 },
    { FIELD("Keep-Alive: timeout=9999999999"), UINT32_MAX },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    seen got = answer_read(rows[i].text, false, 0, 0);
    CHECK_INT(got.response.keep_alive_s, rows[i].seconds);
  }
}

TEST(h1_response, holds_its_limits_at_the_edge) {
  static char text[GW_KIB(64)];
  for (int over = 0; over < 2; over++) {
    /* one field that fills the block: its line and CRLF */
    size_t value_n = GW_H1_ANSWER_HEAD_BYTES_MAX - 2 - 3 + (size_t)over;
    int n = snprintf(text, sizeof text, OK_LINE "X: %0*d\r\n\r\n", (int)value_n, 0);
    seen got = answer_read((gw_str){ text, (size_t)n }, HEAD, 0, 0);
    CHECK_INT(got.code, over ? GW_BAD_ANSWER : GW_OK);
    n = snprintf(text, sizeof text, "HTTP/1.1 200 %0*d\r\n\r\n",
                 (int)GW_H1_ANSWER_LINE_BYTES_MAX - 14 + over, 0);
    got = answer_read((gw_str){ text, (size_t)n }, HEAD, 0, 0);
    CHECK_INT(got.code, over ? GW_BAD_ANSWER : GW_OK);
  }
  gw_str hundred = TEXT(OK_LINE FIELDS_100 "\r\n");
  seen got = answer_read(hundred, HEAD, 0, 0);
  CHECK_INT(got.code, GW_OK);
  CHECK_INT(got.response.field_count, 100);
}

TEST(h1_response, can_be_moved_to_a_copy) {
  gw_str text =
      TEXT("HTTP/1.1 404 Gone Fishing\r\nX-Name: value\r\nConnection: x-name\r\n\r\nrest");
  gw_h1_reader reader;
  gw_h1_response response;
  gw_arena arena;
  gw_err err;
  size_t head_n;
  gw_err_init(&err);
  gw_arena_init(&arena, NULL, GW_KIB(64));
  gw_h1_response_init(&reader, answer_limits(), &arena, false);
  char *bytes = malloc(text.n);
  memcpy(bytes, text.p, text.n);
  CHECK_INT(gw_h1_response_read(&reader, bytes, text.n, &response, &head_n, &err), GW_OK);
  gw_str copy = gw_arena_copy(&arena, (gw_str){ bytes, head_n });
  free(bytes);
  gw_h1_response_move(&reader, &response, copy.p);
  CHECK_STR(response.reason, "Gone Fishing");
  CHECK_STR(gw_h1_response_field(&response, GW_STR("x-name")), "value");
  CHECK(gw_h1_response_field(&response, GW_STR("x-nam")).p == NULL);
  CHECK(gw_h1_response_connection_names(&response, GW_STR("x-name")));
  CHECK(!gw_h1_response_connection_names(&response, GW_STR("x-other")));
  gw_arena_done(&arena);
}

static gw_code read_failing(void *context) {
  gw_str text = TEXT(OK_LINE FIELDS_10 FIELDS_10 "Content-Length: 5\r\n\r\nhello");
  gw_h1_reader reader;
  gw_h1_response response;
  gw_arena arena;
  size_t head_n;
  (void)context;
  gw_arena_init(&arena, NULL, GW_KIB(64));
  gw_h1_response_init(&reader, answer_limits(), &arena, false);
  static char bytes[1000];
  memcpy(bytes, text.p, text.n);
  gw_code code = gw_h1_response_read(&reader, bytes, text.n, &response, &head_n, NULL);
  gw_arena_done(&arena);
  return code;
}

TEST(h1_response, survives_each_failed_alloc) {
  test_fail_each_alloc(read_failing, NULL);
}
