/* TLS inside a gw_tcp: two ends in one loop over loopback, or one end and plain bytes. */
#include "net/tls.h"

#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "unit/certs.h"
#include "unit/net/h2_pair.h"

#define NAME      "users.test"
#define BULK      GW_MIB(16) /* more than the kernel takes */
#define SMALL_MAX 4096u

/* Reads go into `small` and, whatever their size, through a check of the pattern that is sent. */
typedef struct end {
  gw_tcp *tcp;
  bool is_connected; /* the handshake is over, either way */
  gw_code code, why;
  char failure[96], alpn[16], name[64];
  uint32_t ended_count, drained_count, closed_count;
  char small[SMALL_MAX];
  size_t received;
  bool is_wrong; /* not the pattern */
} end;

typedef struct duo {
  gw_loop *loop;
  gw_listener *listener;
  gw_sockaddr address;
  gw_tls *server_tls, *client_tls;
  certs *ca, *leaf;
  gw_tls_peer peer;
  end server, client;
} duo;

static char pattern_at(size_t i) {
  return (char)(i * 7 + i / 251);
}

static void on_connected(void *user, gw_code code) {
  end *e = user;
  CHECK(!e->is_connected);
  e->is_connected = true;
  e->code = code;
  snprintf(e->failure, sizeof e->failure, "%s", gw_tcp_failure(e->tcp));
  snprintf(e->alpn, sizeof e->alpn, GW_STR_FMT, GW_STR_ARG(gw_tcp_alpn(e->tcp)));
  snprintf(e->name, sizeof e->name, GW_STR_FMT, GW_STR_ARG(gw_tcp_server_name(e->tcp)));
  if (code != GW_OK) gw_tcp_finish(e->tcp);
}

static void on_read(void *user, char *bytes, size_t n) {
  end *e = user;
  volatile char sink = 0;
  CHECK(e->is_connected && e->code == GW_OK);
  for (size_t i = 0; i < n; i++) {
    if (e->received + i < SMALL_MAX) e->small[e->received + i] = bytes[i];
    if (bytes[i] != pattern_at(e->received + i)) e->is_wrong = true;
  }
  for (size_t i = 0; i < GW_TCP_PAD; i++)
    sink = (char)(sink + bytes[n + i]); /* readable: ASan would tell */
  e->received += n;
}

static void on_ended(void *user, gw_code why) {
  end *e = user;
  e->ended_count++;
  e->why = why;
}

static void on_drained(void *user) {
  ((end *)user)->drained_count++;
}

static void on_closed(void *user) {
  end *e = user;
  e->closed_count++;
  e->tcp = NULL;
}

static const gw_tcp_events events = { .connected = on_connected,
                                      .read = on_read,
                                      .ended = on_ended,
                                      .drained = on_drained,
                                      .closed = on_closed };

static void on_accepted(void *user, gw_tcp *tcp) {
  duo *l = user;
  l->server.tcp = tcp;
  gw_tcp_own(tcp, &events, &l->server);
  CHECK_INT(gw_tcp_secure(tcp, l->server_tls, NULL), GW_OK);
}

static gw_tls *tls_make(gw_tls_role role, certs *own, certs *trusted) {
  gw_err err;
  gw_err_init(&err);
  gw_tls *tls = gw_tls_new(role);
  CHECK(tls != NULL);
  if (own != NULL) {
    CHECK_INT(gw_tls_use_certificate(tls, certs_pem(own), &err), GW_OK);
    CHECK_INT(gw_tls_use_key(tls, certs_key(own), &err), GW_OK);
  }
  if (trusted != NULL) CHECK_INT(gw_tls_trust(tls, certs_pem(trusted), &err), GW_OK);
  return tls;
}

/* A CA, a server with a certificate of it for NAME, and a client that trusts it. */
static void duo_init(duo *l, const certs_wish *server) {
  memset(l, 0, sizeof *l);
  l->loop = gw_loop_new();
  l->ca = certs_new(&(certs_wish){ .name = "ca", .is_ca = true });
  certs_wish wish = server != NULL ? *server : (certs_wish){ .name = NAME };
  if (wish.issuer == NULL) wish.issuer = l->ca;
  l->leaf = certs_new(&wish);
  l->server_tls = tls_make(GW_TLS_SERVER, l->leaf, NULL);
  l->client_tls = tls_make(GW_TLS_CLIENT, NULL, l->ca);
  l->peer = (gw_tls_peer){ .name = GW_STR(NAME), .protocol = GW_STR("http/1.1") };
  int fd = raw_listen(&l->address);
  CHECK_INT(gw_listener_open(l->loop, fd, on_accepted, l, &l->listener), GW_OK);
}

static void duo_client(duo *l) {
  CHECK_INT(gw_tcp_connect(l->loop, &l->address, &events, &l->client, &l->client.tcp), GW_OK);
  CHECK_INT(gw_tcp_secure(l->client.tcp, l->client_tls, &l->peer), GW_OK);
}

static void duo_connect(duo *l) {
  duo_client(l);
  PUMP(l->loop, l->client.is_connected && l->server.is_connected);
}

static void duo_done(duo *l) {
  if (l->server.tcp != NULL) gw_tcp_close(l->server.tcp);
  if (l->client.tcp != NULL) gw_tcp_close(l->client.tcp);
  PUMP(l->loop, l->server.tcp == NULL && l->client.tcp == NULL);
  gw_listener_close(l->listener);
  gw_loop_free(l->loop);
  gw_tls_unref(l->server_tls);
  gw_tls_unref(l->client_tls);
  certs_free(l->ca);
  certs_free(l->leaf);
}

/* ---- what works ---- */

TEST(tls, both_ends_know_whom_they_talk_to) {
  duo l;
  duo_init(&l, NULL);
  duo_connect(&l);
  CHECK_INT(l.client.code, GW_OK);
  CHECK_INT(l.server.code, GW_OK);
  CHECK_STR(gw_str_of(l.client.alpn), "http/1.1");
  CHECK_STR(gw_str_of(l.server.alpn), "http/1.1");
  CHECK_STR(gw_str_of(l.server.name), NAME);
  CHECK(gw_tcp_is_secure(l.client.tcp));
  gw_str parts[] = { GW_STR("one "), GW_STR(""), GW_STR("two") };
  gw_tcp_write(l.client.tcp, parts, 3);
  PUMP(l.loop, l.server.received == 7);
  CHECK_STR(((gw_str){ l.server.small, 7 }), "one two");
  gw_tcp_write(l.server.tcp, parts + 2, 1);
  PUMP(l.loop, l.client.received == 3);
  duo_done(&l);
}

TEST(tls, an_address_is_verified_as_one_and_not_asked_for_by_name) {
  duo l;
  duo_init(&l, &(certs_wish){ .name = "x", .address = "127.0.0.1" });
  l.peer.name = GW_STR("127.0.0.1");
  duo_connect(&l);
  CHECK_INT(l.client.code, GW_OK);
  CHECK_STR(gw_str_of(l.server.name), "");
  duo_done(&l);
}

/* Sent as two pieces of odd sizes, so that records and writes do not coincide. */
static void send_bulk(end *e) {
  char *bytes = malloc(BULK);
  CHECK(bytes != NULL);
  for (size_t i = 0; i < BULK; i++)
    bytes[i] = pattern_at(i);
  gw_str parts[] = { { bytes, 100001 }, { bytes + 100001, 33 }, { bytes + 100034, BULK - 100034 } };
  gw_tcp_write(e->tcp, parts, 3);
  free(bytes);
}

/* Each step may take its time: on a busy machine, under valgrind. */
static void receive_bulk(duo *l, const end *to) {
  while (to->received < BULK) {
    size_t before = to->received;
    PUMP(l->loop, to->received > before);
  }
}

static void bulk(bool from_server) {
  duo l;
  duo_init(&l, NULL);
  duo_connect(&l);
  end *from = from_server ? &l.server : &l.client, *to = from_server ? &l.client : &l.server;
  gw_tcp_pause(to->tcp, true);
  send_bulk(from);
  CHECK(gw_tcp_queued(from->tcp) > 0);
  pump_for(l.loop, 5);
  CHECK(gw_tcp_queued(from->tcp) > 0);
  CHECK_INT(to->received, 0);
  gw_tcp_pause(to->tcp, false);
  receive_bulk(&l, to);
  PUMP(l.loop, from->drained_count > 0);
  CHECK_INT(gw_tcp_queued(from->tcp), 0);
  CHECK(!to->is_wrong);
  duo_done(&l);
}

TEST(tls, much_goes_through_as_fast_as_it_is_read) {
  bulk(true);
  bulk(false);
}

/* ---- ends ---- */

TEST(tls, finish_is_a_clean_end_behind_all_that_is_queued) {
  duo l;
  duo_init(&l, NULL);
  duo_connect(&l);
  send_bulk(&l.server);
  gw_tcp_finish(l.server.tcp);
  gw_tcp_write(l.server.tcp, &GW_STR("late"), 1); /* dropped */
  receive_bulk(&l, &l.client);
  PUMP(l.loop, l.client.ended_count == 1);
  CHECK_INT(l.client.received, BULK);
  CHECK_INT(l.client.why, GW_OK);
  gw_tcp_write(l.client.tcp, &GW_STR("still"), 1); /* the other way goes on */
  PUMP(l.loop, l.server.received == 5);
  duo_done(&l);
}

TEST(tls, closing_an_idle_connection_is_a_clean_end) {
  duo l;
  duo_init(&l, NULL);
  duo_connect(&l);
  gw_tcp_close(l.server.tcp);
  PUMP(l.loop, l.client.ended_count == 1);
  CHECK_INT(l.client.why, GW_OK);
  duo_done(&l);
}

TEST(tls, closing_with_something_queued_is_no_clean_end) {
  duo l;
  duo_init(&l, NULL);
  duo_connect(&l);
  gw_tcp_pause(l.client.tcp, true);
  send_bulk(&l.server);
  gw_tcp_close(l.server.tcp);
  PUMP(l.loop, l.server.closed_count == 1);
  gw_tcp_pause(l.client.tcp, false);
  while (l.client.ended_count == 0) {
    size_t before = l.client.received;
    PUMP(l.loop, l.client.received > before || l.client.ended_count == 1);
  }
  CHECK(l.client.received < BULK);
  CHECK_INT(l.client.why, GW_UNAVAILABLE);
  duo_done(&l);
}

/* ---- refusals: the client tells why, the server reads nothing ---- */

static void check_refused(duo *l, const char *why) {
  duo_client(l);
  PUMP(l->loop, l->client.is_connected);
  CHECK_INT(l->client.code, GW_UNAVAILABLE);
  CHECK_STR(gw_str_of(l->client.failure), why);
  gw_tcp_write(l->client.tcp, &GW_STR("secret"), 1);
  PUMP(l->loop, l->server.is_connected);
  pump_for(l->loop, 5);
  CHECK_INT(l->server.received, 0);
  duo_done(l);
}

TEST(tls, a_certificate_of_another_name_is_refused) {
  duo l;
  duo_init(&l, &(certs_wish){ .name = "orders.test" });
  check_refused(&l, "hostname mismatch");
  duo_init(&l, &(certs_wish){ .name = "users.test.evil.test" });
  check_refused(&l, "hostname mismatch");
  duo_init(&l, &(certs_wish){ .name = "*.test" });
  check_refused(&l, "hostname mismatch");
}

TEST(tls, a_name_that_is_an_address_is_no_address) {
  duo l;
  duo_init(&l, &(certs_wish){ .name = "127.0.0.1" });
  l.peer.name = GW_STR("127.0.0.1");
  check_refused(&l, "IP address mismatch");
}

TEST(tls, a_certificate_out_of_its_time_is_refused) {
  duo l;
  duo_init(&l, &(certs_wish){ .name = NAME, .from_day = -9, .until_day = -2 });
  check_refused(&l, "certificate has expired");
  duo_init(&l, &(certs_wish){ .name = NAME, .from_day = 2, .until_day = 9 });
  check_refused(&l, "certificate is not yet valid");
}

TEST(tls, an_unknown_issuer_is_refused) {
  duo l;
  certs *other = certs_new(&(certs_wish){ .name = "ca", .is_ca = true });
  duo_init(&l, &(certs_wish){ .name = NAME, .issuer = other });
  check_refused(&l, "certificate signature failure");
  certs_free(other);
}

TEST(tls, a_client_certificate_is_no_server_certificate) {
  duo l;
  duo_init(&l, &(certs_wish){ .name = NAME, .usage = "clientAuth" });
  check_refused(&l, "unsuitable certificate purpose");
}

TEST(tls, a_peer_that_must_speak_h2_and_does_not_is_refused) {
  duo l;
  duo_init(&l, NULL);
  l.peer.protocol = (gw_str){ NULL, 0 };
  duo_connect(&l); /* without ALPN all is well */
  CHECK_INT(l.client.code, GW_OK);
  duo_done(&l);
  duo_init(&l, NULL);
  l.peer = (gw_tls_peer){ GW_STR(NAME), GW_STR("h2"), true };
  check_refused(&l, "tlsv1 alert no application protocol");
}

TEST(tls, a_revoked_certificate_is_refused) {
  duo l;
  gw_err err;
  gw_err_init(&err);
  duo_init(&l, NULL);
  CHECK_INT(gw_tls_revoke(l.client_tls, certs_revoked(l.ca, NULL), &err), GW_OK);
  duo_connect(&l);
  CHECK_INT(l.client.code, GW_OK);
  duo_done(&l);
  duo_init(&l, NULL);
  CHECK_INT(gw_tls_revoke(l.client_tls, certs_revoked(l.ca, l.leaf), &err), GW_OK);
  check_refused(&l, "certificate revoked");
}

/* ---- certificates of clients ---- */

/* TLS 1.3: the client takes the handshake for done before the server looked at its certificate. */
static void check_client(certs *own, const char *why) {
  duo l;
  gw_err err;
  gw_err_init(&err);
  duo_init(&l, NULL);
  CHECK_INT(gw_tls_trust(l.server_tls, certs_pem(l.ca), &err), GW_OK);
  gw_tls_unref(l.client_tls);
  l.client_tls = tls_make(GW_TLS_CLIENT, own, l.ca);
  duo_connect(&l);
  gw_tcp_write(l.client.tcp, &GW_STR("secret"), 1);
  CHECK_INT(l.server.code, GW_UNAVAILABLE);
  CHECK_STR(gw_str_of(l.server.failure), why);
  PUMP(l.loop, l.client.ended_count == 1);
  CHECK_INT(l.client.why, GW_UNAVAILABLE);
  CHECK_INT(l.server.received, 0);
  duo_done(&l);
}

TEST(tls, a_server_that_trusts_somebody_demands_a_certificate) {
  certs *strange = certs_new(&(certs_wish){ .name = "client" });
  check_client(NULL, "peer did not return a certificate");
  check_client(strange, "self-signed certificate");
  certs_free(strange);
}

TEST(tls, a_client_with_the_right_certificate_is_let_in) {
  duo l;
  gw_err err;
  gw_err_init(&err);
  duo_init(&l, NULL);
  certs *own = certs_new(&(certs_wish){ .name = "client", .issuer = l.ca });
  CHECK_INT(gw_tls_trust(l.server_tls, certs_pem(l.ca), &err), GW_OK);
  gw_tls_unref(l.client_tls);
  l.client_tls = tls_make(GW_TLS_CLIENT, own, l.ca);
  duo_connect(&l);
  CHECK_INT(l.server.code, GW_OK);
  gw_tcp_write(l.client.tcp, &GW_STR("hello"), 1);
  PUMP(l.loop, l.server.received == 5);
  duo_done(&l);
  certs_free(own);
}

/* ---- peers that do not speak TLS ---- */

static void talk_plain(const char *bytes, size_t n, const char *answer) {
  duo l;
  char got[256] = "";
  duo_init(&l, NULL);
  int fd = raw_connect(&l.address);
  CHECK(raw_send(l.loop, fd, bytes, n));
  PUMP(l.loop, l.server.is_connected);
  CHECK_INT(l.server.code, GW_UNAVAILABLE);
  CHECK(l.server.failure[0] != '\0');
  pump_for(l.loop, 5);
  ssize_t read = recv(fd, got, sizeof got - 1, MSG_DONTWAIT);
  CHECK(read >= 0);
  CHECK(strncmp(got, answer, strlen(answer)) == 0);
  CHECK(raw_send(l.loop, fd, "more", 4)); /* is dropped */
  pump_for(l.loop, 5);
  CHECK_INT(l.server.received, 0);
  close(fd);
  PUMP(l.loop, l.server.ended_count == 1);
  duo_done(&l);
}

TEST(tls, plain_http_is_told_so) {
  talk_plain("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27, "HTTP/1.1 400 Bad Request\r\n");
  talk_plain("POST /v1/users HTTP/1.1\r\n\r\n", 27, "HTTP/1.1 400 Bad Request\r\n");
}

TEST(tls, garbage_is_refused) {
  talk_plain("\x16\x03\x01\xff\xff\x01\x00\xff\xff", 9, "\x15\x03");
  talk_plain("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24, "");
}

TEST(tls, a_peer_that_leaves_within_the_handshake_is_told_once) {
  duo l;
  duo_init(&l, NULL);
  int fd = raw_connect(&l.address);
  CHECK(raw_send(l.loop, fd, "\x16\x03\x01\x01", 4));
  pump_for(l.loop, 5);
  CHECK(!l.server.is_connected);
  close(fd);
  PUMP(l.loop, l.server.is_connected);
  CHECK_INT(l.server.code, GW_UNAVAILABLE);
  CHECK_STR(gw_str_of(l.server.failure), "the peer closed the connection within the handshake");
  CHECK_INT(l.server.ended_count, 0);
  duo_done(&l);
}

/* ---- a client of OpenSSL's own, for what ours never does ---- */

typedef struct foreign {
  SSL_CTX *context;
  SSL *ssl;
  int fd;
} foreign;

static void foreign_init(foreign *f, duo *l, int version) {
  f->context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_max_proto_version(f->context, version);
  SSL_CTX_set_security_level(f->context, 0);
  f->ssl = SSL_new(f->context);
  f->fd = raw_connect(&l->address);
  CHECK(f->context != NULL && f->ssl != NULL);
  SSL_set_fd(f->ssl, f->fd);
  SSL_set_connect_state(f->ssl);
}

static void foreign_shake(foreign *f, duo *l) {
  uint64_t until_ms = gw_loop_now_ms(l->loop) + PUMP_PATIENCE_MS;
  struct timeval patience = { .tv_usec = 1000 };
  setsockopt(f->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  while (SSL_do_handshake(f->ssl) != 1) {
    if (l->server.is_connected && l->server.code != GW_OK) return;
    pump_once(l->loop, until_ms, __FILE__, __LINE__);
  }
  PUMP(l->loop, l->server.is_connected);
}

static void foreign_done(foreign *f) {
  SSL_free(f->ssl);
  SSL_CTX_free(f->context);
  close(f->fd);
}

TEST(tls, old_versions_are_refused) {
  duo l;
  foreign f;
  duo_init(&l, NULL);
  foreign_init(&f, &l, TLS1_1_VERSION);
  foreign_shake(&f, &l);
  CHECK_INT(l.server.code, GW_UNAVAILABLE);
  CHECK_STR(gw_str_of(l.server.failure), "unsupported protocol");
  foreign_done(&f);
  duo_done(&l);
}

TEST(tls, an_end_that_was_not_told_in_tls_is_a_cut) {
  const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
  for (size_t i = 0; i < GW_COUNT_OF(versions); i++) {
    duo l;
    foreign f;
    duo_init(&l, NULL);
    foreign_init(&f, &l, versions[i]);
    foreign_shake(&f, &l);
    CHECK_INT(SSL_write(f.ssl, "half", 4), 4);
    CHECK_INT(shutdown(f.fd, SHUT_WR), 0);
    PUMP(l.loop, l.server.ended_count == 1);
    CHECK_INT(l.server.received, 4);
    CHECK_INT(l.server.why, GW_UNAVAILABLE);
    CHECK_STR(gw_str_of(gw_tcp_failure(l.server.tcp)), "the peer cut the connection");
    foreign_done(&f);
    duo_done(&l);
  }
}

TEST(tls, a_client_cannot_renegotiate) {
  duo l;
  foreign f;
  duo_init(&l, NULL);
  foreign_init(&f, &l, TLS1_2_VERSION);
  foreign_shake(&f, &l);
  CHECK_INT(SSL_renegotiate(f.ssl), 1);
  (void)SSL_do_handshake(f.ssl);
  pump_for(l.loop, 5);
  CHECK_INT(SSL_do_handshake(f.ssl), -1);
  CHECK_INT(SSL_get_error(f.ssl, -1), SSL_ERROR_SSL);
  foreign_done(&f);
  duo_done(&l);
}

/* Each asks for an answer; who does not read them would fill our memory. */
TEST(tls, who_only_makes_us_talk_is_cut) {
  duo l;
  foreign f;
  duo_init(&l, NULL);
  foreign_init(&f, &l, TLS1_3_VERSION);
  foreign_shake(&f, &l);
  send_bulk(&l.server); /* the client does not read it: answers queue behind */
  size_t before = gw_tcp_queued(l.server.tcp);
  CHECK(before > 0);
  struct timeval patience = { .tv_usec = 100000 };
  setsockopt(f.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  for (int i = 0; i < 200000 && l.server.ended_count == 0; i++) {
    if (SSL_key_update(f.ssl, SSL_KEY_UPDATE_REQUESTED) != 1 || SSL_do_handshake(f.ssl) != 1) break;
    if (i % 500 == 0) pump_turn(l.loop);
  }
  pump_for(l.loop, 20);
  bool is_bounded = l.server.ended_count == 1 || gw_tcp_queued(l.server.tcp) < before + GW_MIB(2);
  CHECK(is_bounded);
  foreign_done(&f);
  duo_done(&l);
}

/* ---- contexts ---- */

static void check_text(gw_code (*use)(gw_tls *, gw_str, gw_err *), gw_tls *tls, gw_str pem,
                       const char *text) {
  gw_err err;
  gw_err_init(&err);
  CHECK_INT(use(tls, pem, &err), GW_BAD_VALUE);
  CHECK_STR(gw_str_of(err.text), text);
}

TEST(tls, a_context_says_what_is_wrong_with_its_texts) {
  gw_err err;
  gw_err_init(&err);
  certs *a = certs_new(&(certs_wish){ .name = "a" }), *b = certs_new(&(certs_wish){ .name = "b" });
  gw_tls *tls = gw_tls_new(GW_TLS_SERVER);
  check_text(gw_tls_use_certificate, tls, GW_STR(""), "it holds no certificate in PEM form");
  check_text(gw_tls_use_certificate, tls, GW_STR("x\n\0y"), "it holds no certificate in PEM form");
  check_text(gw_tls_use_certificate, tls, certs_key(a), "it holds no certificate in PEM form");
  check_text(gw_tls_use_certificate, tls, gw_str_first(certs_pem(a), 200),
             "a certificate cannot be read: bad end line");
  check_text(gw_tls_trust, tls, certs_key(a), "it holds no certificate in PEM form");
  check_text(gw_tls_revoke, tls, certs_pem(a), "it holds no revocation list in PEM form");
  CHECK_INT(gw_tls_use_certificate(tls, certs_pem(a), &err), GW_OK);
  check_text(gw_tls_use_key, tls, certs_pem(a), "it holds no private key in PEM form");
  check_text(gw_tls_use_key, tls, certs_key(b), "the key does not fit the certificate");
  CHECK_INT(gw_tls_use_key(tls, certs_key(a), &err), GW_OK);
  CHECK(gw_tls_certificate_fault(tls) == NULL);
  gw_tls_unref(tls);
  gw_tls_unref(NULL);
  certs_free(a);
  certs_free(b);
}

TEST(tls, a_certificate_out_of_its_time_is_known) {
  certs *old = certs_new(&(certs_wish){ .name = "a", .from_day = -9, .until_day = -2 });
  certs *new = certs_new(&(certs_wish){ .name = "a", .from_day = 2, .until_day = 9 });
  gw_tls *expired = tls_make(GW_TLS_SERVER, old, NULL);
  gw_tls *early = tls_make(GW_TLS_CLIENT, new, NULL);
  gw_tls *none = gw_tls_new(GW_TLS_CLIENT);
  CHECK_STR(gw_str_of(gw_tls_certificate_fault(expired)), "has expired");
  CHECK_STR(gw_str_of(gw_tls_certificate_fault(early)), "is not valid yet");
  CHECK(gw_tls_certificate_fault(none) == NULL);
  gw_tls_unref(expired);
  gw_tls_unref(early);
  gw_tls_unref(none);
  certs_free(old);
  certs_free(new);
}

/* ---- memory ---- */

static gw_code connect_once(void *context) {
  duo *l = context;
  gw_code code = gw_tcp_connect(l->loop, &l->address, &events, &l->client, &l->client.tcp);
  if (code != GW_OK) return code;
  code = gw_tcp_secure(l->client.tcp, l->client_tls, &l->peer);
  gw_tcp_close(l->client.tcp);
  PUMP(l->loop, l->client.tcp == NULL);
  return code;
}

TEST(tls, opening_survives_each_failed_alloc) {
  duo l;
  duo_init(&l, NULL);
  gw_listener_close(l.listener); /* what it accepts would fail too */
  l.listener = NULL;
  test_fail_each_alloc(connect_once, &l);
  duo_done(&l);
}
