#include "net/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "net/loop_uv.h"
#include "net/tcp_acked.h"
#include "net/tls_session.h"

#define TCP_BACKLOG       4096 /* connections the kernel queues for one listener */
#define TCP_PARTS_MAX     8u
#define TCP_QUEUE_MAX     GW_MIB(256) /* bytes; producers stop long before: see `drained` */
#define TCP_DRAIN_ACCEPTS 4096u       /* accepts at closing a listener: its backlog */
#define TCP_RETRY_MS      100u        /* until the next attempt to accept without memory */
#define TCP_UNSENT_BYTES  131072      /* in the kernel, of one client's connection */
#define TCP_UNACKED_MS    10000       /* a peer that takes nothing for so long is lost (gRFC A18) */
#define TCP_REPLIES_MAX   16u         /* reads that TLS itself answered while nothing could leave */

enum { TCP_NOTHING = -1, TCP_BROKEN = -2 }; /* what one look at the socket found */

struct gw_tcp {
  uv_tcp_t uv;
  gw_loop *loop;
  const gw_tcp_events *events;
  void *user;
  uv_connect_t connecting;
  uv_write_t writing;
  uv_shutdown_t finishing;
  gw_task ending; /* tells of a failure to write: never from within gw_tcp_write() */
  gw_code why;
  gw_buf flying;  /* being written by libuv */
  gw_buf waiting; /* follows when that is done */
  bool is_writing, is_closing, is_finishing;
  bool has_ended;              /* the peer's end was read: what we send may still be wanted */
  bool failed;                 /* nothing goes either way */
  bool is_shaking, is_refused; /* TLS: the handshake is not over; was in vain */
  bool has_spoken;
  uint8_t replies;
  int descriptor; /* -1: not connected yet */
  ssize_t got;    /* bytes in the loop's scratch; 0: the peer's end; or TCP_NOTHING, TCP_BROKEN */
  gw_tls_session *tls; /* NULL: plain bytes */
  char peer[56];
};

struct gw_listener {
  uv_tcp_t uv;
  gw_loop *loop;
  gw_accepted_fn *accepted;
  void *user;
  gw_timer retry; /* there was no memory for a connection that libuv holds */
};

/* ---- addresses ---- */

gw_code gw_sockaddr_parse(gw_str host, uint16_t port, gw_sockaddr *out) {
  char text[64];
  if (host.n == 0 || host.n >= sizeof text) return GW_BAD_VALUE;
  memcpy(text, host.p, host.n);
  text[host.n] = '\0';
  memset(out, 0, sizeof *out);
  if (uv_ip4_addr(text, port, (struct sockaddr_in *)(void *)out->bytes) == 0) return GW_OK;
  if (uv_ip6_addr(text, port, (struct sockaddr_in6 *)(void *)out->bytes) == 0) return GW_OK;
  return GW_BAD_VALUE;
}

static const struct sockaddr *sockaddr_of(const gw_sockaddr *address) {
  return (const struct sockaddr *)(const void *)address->bytes;
}

bool gw_sockaddr_eq(const gw_sockaddr *a, const gw_sockaddr *b) {
  return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

void gw_sockaddr_print(const gw_sockaddr *address, char *out, size_t n) {
  char text[INET6_ADDRSTRLEN] = "?";
  uint16_t port = 0;
  bool v6 = sockaddr_of(address)->sa_family == AF_INET6;
  if (v6) {
    const struct sockaddr_in6 *in6 = (const void *)address->bytes;
    uv_ip6_name(in6, text, sizeof text);
    port = ntohs(in6->sin6_port);
  } else {
    const struct sockaddr_in *in4 = (const void *)address->bytes;
    uv_ip4_name(in4, text, sizeof text);
    port = ntohs(in4->sin_port);
  }
  snprintf(out, n, v6 ? "[%s]:%u" : "%s:%u", text, (unsigned)port);
}

/* ---- closing ---- */

static void tcp_on_closed(uv_handle_t *handle) {
  gw_tcp *tcp = GW_CONTAINER_OF(handle, gw_tcp, uv);
  const gw_tcp_events *events = tcp->events;
  void *user = tcp->user;
  gw_buf_done(&tcp->flying);
  gw_buf_done(&tcp->waiting);
  gw_tls_session_free(tcp->tls);
  free(tcp);
  if (events != NULL && events->closed != NULL) events->closed(user);
}

/* Plain bytes may go. */
static bool tcp_is_open(const gw_tcp *tcp) {
  return !tcp->is_closing && !tcp->is_finishing && !tcp->failed && !tcp->is_shaking &&
         !tcp->is_refused;
}

void gw_tcp_close(gw_tcp *tcp) {
  if (tcp->is_closing) return;
  /* With something queued the peer shall see that it did not get all. */
  if (tcp->tls != NULL && tcp_is_open(tcp) && gw_tcp_queued(tcp) == 0) {
    gw_tls_session_finish(tcp->tls);
  }
  tcp->is_closing = true;
  gw_loop_withdraw(tcp->loop, &tcp->ending);
  uv_close((uv_handle_t *)&tcp->uv, tcp_on_closed);
}

void gw_tcp_reset(gw_tcp *tcp) {
  if (tcp->is_closing) return;
  tcp->is_closing = true;
  gw_loop_withdraw(tcp->loop, &tcp->ending);
  if (uv_tcp_close_reset(&tcp->uv, tcp_on_closed) != 0) {
    uv_close((uv_handle_t *)&tcp->uv, tcp_on_closed);
  }
}

/* The handshake is over; in vain, the connection only waits to be closed. */
static void tcp_shaken(gw_tcp *tcp, gw_code code) {
  tcp->is_shaking = false;
  tcp->is_refused = code != GW_OK;
  if (tcp->events->connected != NULL) tcp->events->connected(tcp->user, code);
}

/* Each is told once: the peer's end, and the first of read, write and shutdown that fails. */
static void tcp_end(gw_tcp *tcp, gw_code why) {
  if (tcp->failed || tcp->is_closing) return;
  if (tcp->is_shaking) {
    tcp->has_ended = tcp->failed = true;
    tcp_shaken(tcp, GW_UNAVAILABLE);
    return;
  }
  tcp->has_ended = true;
  tcp->failed = why != GW_OK;
  uv_read_stop((uv_stream_t *)&tcp->uv);
  if (tcp->events != NULL) tcp->events->ended(tcp->user, why);
}

static void tcp_on_ending(gw_task *task) {
  gw_tcp *tcp = GW_CONTAINER_OF(task, gw_tcp, ending);
  tcp_end(tcp, tcp->why);
}

static void tcp_end_later(gw_tcp *tcp, gw_code why) {
  tcp->why = why;
  gw_loop_defer(tcp->loop, &tcp->ending);
}

/* ---- reading ---- */

/* libuv would call read(), and send with write(): on the way to a socket both go through the
 * kernel's file layer, measured as 2 % of a GET's CPU time.  Asked for room it gets none: then, as
 * it documents, it calls tcp_on_read() at once with UV_ENOBUFS. */
static void tcp_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
  gw_tcp *tcp = GW_CONTAINER_OF(handle, gw_tcp, uv);
  (void)suggested;
  tcp->got = recv(tcp->descriptor, gw_loop_read_scratch(tcp->loop), LOOP_SCRATCH_BYTES, 0);
  if (tcp->got < 0) tcp->got = errno == EAGAIN || errno == EINTR ? TCP_NOTHING : TCP_BROKEN;
  *out = uv_buf_init(NULL, 0);
}

/* All of it is opened before anything is told: the reader may pause or close. */
static void tcp_open_sealed(gw_tcp *tcp, gw_str sealed) {
  char *plain = gw_tls_session_plain(tcp->tls);
  gw_code code = GW_OK;
  size_t n = 0, got = 1, queued = gw_tcp_queued(tcp);
  tcp->has_spoken = true;
  gw_tls_session_feed(tcp->tls, sealed);
  if (tcp->is_shaking) {
    code = gw_tls_session_handshake(tcp->tls);
    if (code == GW_AGAIN) return;
    tcp_shaken(tcp, code);
    if (code != GW_OK || tcp->is_closing) return;
  }
  while (code == GW_OK && got > 0) {
    code = gw_tls_session_read(tcp->tls, plain + n, TLS_PLAIN_BYTES - n, &got);
    n += got;
  }
  bool has_replied = queued > 0 && gw_tcp_queued(tcp) > queued;
  if (n > 0) tcp->events->read(tcp->user, plain, n);
  if (tcp->is_closing || tcp->has_ended) return;
  if (code == GW_OK) {
    tcp_end(tcp, GW_OK);
  } else if (code != GW_AGAIN) {
    tcp_end(tcp, GW_UNAVAILABLE);
  } else if (has_replied && ++tcp->replies > TCP_REPLIES_MAX) {
    tcp_end(tcp, GW_UNAVAILABLE); /* it only makes us talk, and does not listen */
  }
}

/* The end of the socket is not the end of what is in TLS. */
static void tcp_on_sealed(gw_tcp *tcp, char *bytes, ssize_t got) {
  if (got <= 0) {
    tcp_end(tcp, GW_UNAVAILABLE);
  } else if (!tcp->is_refused) {
    tcp_open_sealed(tcp, (gw_str){ bytes, (size_t)got });
  }
}

static void tcp_on_read(uv_stream_t *stream, ssize_t status, const uv_buf_t *none) {
  gw_tcp *tcp = GW_CONTAINER_OF(stream, gw_tcp, uv);
  char *bytes = gw_loop_read_scratch(tcp->loop);
  ssize_t got = status == UV_ENOBUFS ? tcp->got : TCP_BROKEN;
  (void)none;
  if (tcp->is_closing || tcp->has_ended || got == TCP_NOTHING) return;
  if (GW_UNLIKELY(tcp->tls != NULL)) {
    tcp_on_sealed(tcp, bytes, got);
  } else if (got > 0) {
    tcp->events->read(tcp->user, bytes, (size_t)got);
  } else {
    tcp_end(tcp, got == 0 ? GW_OK : GW_UNAVAILABLE);
  }
}

void gw_tcp_pause(gw_tcp *tcp, bool paused) {
  if (tcp->is_closing || tcp->has_ended) return;
  if (paused) {
    uv_read_stop((uv_stream_t *)&tcp->uv);
  } else {
    uv_read_start((uv_stream_t *)&tcp->uv, tcp_on_alloc, tcp_on_read);
  }
}

/* Known to the kernel although unread bytes still stand before the end. */
bool gw_tcp_peer_has_ended(const gw_tcp *tcp) {
  struct pollfd look = { .events = POLLRDHUP };
  if (tcp->is_closing || uv_fileno((const uv_handle_t *)&tcp->uv, &look.fd) != 0) return true;
  return poll(&look, 1, 0) > 0 && (look.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/* ---- writing ---- */

static void tcp_on_finished(uv_shutdown_t *request, int status) {
  gw_tcp *tcp = GW_CONTAINER_OF(request, gw_tcp, finishing);
  if (status != 0 && status != UV_ECANCELED) tcp_end(tcp, GW_UNAVAILABLE);
}

static void tcp_finish_now(gw_tcp *tcp) {
  if (uv_shutdown(&tcp->finishing, (uv_stream_t *)&tcp->uv, tcp_on_finished) != 0) {
    tcp_end_later(tcp, GW_UNAVAILABLE);
  }
}

static void tcp_on_written(uv_write_t *request, int status);

static void tcp_write_waiting(gw_tcp *tcp) {
  gw_buf sent = tcp->flying;
  tcp->flying = tcp->waiting;
  tcp->waiting = sent;
  gw_buf_trim(&tcp->waiting, 0);
  uv_buf_t piece = uv_buf_init(tcp->flying.p, (unsigned)tcp->flying.n);
  tcp->is_writing = true;
  int failed = uv_write(&tcp->writing, (uv_stream_t *)&tcp->uv, &piece, 1, tcp_on_written);
  if (failed != 0) {
    tcp->is_writing = false;
    gw_buf_trim(&tcp->flying, 0);
    tcp_end_later(tcp, GW_UNAVAILABLE);
  }
}

static void tcp_on_written(uv_write_t *request, int status) {
  gw_tcp *tcp = GW_CONTAINER_OF(request, gw_tcp, writing);
  tcp->is_writing = false;
  gw_buf_trim(&tcp->flying, 0);
  if (tcp->is_closing) return;
  if (status != 0) {
    gw_buf_trim(&tcp->waiting, 0);
    tcp_end(tcp, GW_UNAVAILABLE);
  } else if (tcp->waiting.n > 0) {
    tcp_write_waiting(tcp);
  } else if (!tcp->failed) {
    tcp->replies = 0;
    if (tcp->is_finishing) tcp_finish_now(tcp);
    tcp->events->drained(tcp->user);
  }
}

/* Tries the socket first; returns how much it took. */
static size_t tcp_write_now(gw_tcp *tcp, const gw_str *parts, size_t count) {
  struct iovec pieces[TCP_PARTS_MAX] = { 0 };
  struct msghdr message = { .msg_iov = pieces, .msg_iovlen = count };
  ssize_t n;
  if (tcp->is_writing || tcp->waiting.n > 0 || tcp->descriptor < 0) return 0;
  if (count == 1) {
    n = send(tcp->descriptor, parts[0].p, parts[0].n, MSG_NOSIGNAL);
    return n > 0 ? (size_t)n : 0;
  }
  for (size_t i = 0; i < count; i++)
    pieces[i] = (struct iovec){ (char *)(uintptr_t)parts[i].p, parts[i].n };
  n = sendmsg(tcp->descriptor, &message, MSG_NOSIGNAL);
  return n > 0 ? (size_t)n : 0; /* a real failure shows again in uv_write */
}

static void tcp_write(gw_tcp *tcp, const gw_str *parts, size_t count) {
  size_t taken = tcp_write_now(tcp, parts, count);
  for (size_t i = 0; i < count; i++) {
    size_t skip = gw_size_min(taken, parts[i].n);
    taken -= skip;
    if (gw_buf_append(&tcp->waiting, gw_str_skip(parts[i], skip)) != GW_OK) {
      tcp_end_later(tcp, GW_NOMEM);
      return;
    }
  }
  if (tcp->waiting.n > 0 && !tcp->is_writing) tcp_write_waiting(tcp);
}

static void tcp_on_put(void *user, gw_str bytes) {
  gw_tcp *tcp = user;
  if (!tcp->failed) tcp_write(tcp, &bytes, 1);
}

static void tcp_seal(gw_tcp *tcp, const gw_str *parts, size_t count) {
  if (!tcp_is_open(tcp)) return;
  gw_tls_session_write(tcp->tls, parts, count);
  if (gw_tls_session_failure(tcp->tls)[0] != '\0') tcp_end_later(tcp, GW_UNAVAILABLE);
}

void gw_tcp_write(gw_tcp *tcp, const gw_str *parts, size_t count) {
  assert(count <= TCP_PARTS_MAX);
  if (tcp->is_closing || tcp->is_finishing || tcp->failed) return;
  if (GW_UNLIKELY(tcp->tls != NULL)) {
    tcp_seal(tcp, parts, count);
  } else {
    tcp_write(tcp, parts, count);
  }
}

size_t gw_tcp_queued(const gw_tcp *tcp) {
  /* libuv counts down while it writes: a slow reader's progress shows. */
  size_t flying =
      tcp->is_writing ? uv_stream_get_write_queue_size((const uv_stream_t *)&tcp->uv) : 0;
  return flying + tcp->waiting.n;
}

void gw_tcp_finish(gw_tcp *tcp) {
  if (tcp->is_closing || tcp->is_finishing || tcp->failed) return;
  if (tcp->tls != NULL && tcp_is_open(tcp)) gw_tls_session_finish(tcp->tls);
  tcp->is_finishing = true;
  /* libuv knows only what flies, and refuses what would follow. */
  if (!tcp->is_writing) tcp_finish_now(tcp);
}

/* ---- opening ---- */

static gw_tcp *tcp_new(gw_loop *loop) {
  gw_tcp *tcp = calloc(1, sizeof *tcp);
  if (tcp == NULL) return NULL;
  tcp->loop = loop;
  tcp->descriptor = -1;
  tcp->ending.run = tcp_on_ending;
  gw_buf_init(&tcp->flying, NULL, TCP_QUEUE_MAX);
  gw_buf_init(&tcp->waiting, NULL, TCP_QUEUE_MAX);
  if (uv_tcp_init(gw_loop_uv(loop), &tcp->uv) != 0) {
    free(tcp);
    return NULL;
  }
  return tcp;
}

static void tcp_ready(gw_tcp *tcp) {
  gw_sockaddr address = { 0 };
  int n = sizeof address.bytes;
  if (uv_fileno((uv_handle_t *)&tcp->uv, &tcp->descriptor) != 0) tcp->descriptor = -1;
  uv_tcp_nodelay(&tcp->uv, 1);
  if (uv_tcp_getpeername(&tcp->uv, (struct sockaddr *)(void *)address.bytes, &n) == 0) {
    gw_sockaddr_print(&address, tcp->peer, sizeof tcp->peer);
  }
}

static void tcp_on_connected(uv_connect_t *request, int status) {
  gw_tcp *tcp = GW_CONTAINER_OF(request, gw_tcp, connecting);
  if (tcp->is_closing) return;
  if (status == 0) {
    int unacked_ms = TCP_UNACKED_MS;
    tcp_ready(tcp);
    setsockopt(tcp->descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked_ms, sizeof unacked_ms);
    gw_tcp_pause(tcp, false);
    if (tcp->tls != NULL) {
      gw_code code = gw_tls_session_handshake(tcp->tls);
      if (code != GW_AGAIN) tcp_shaken(tcp, code);
      return;
    }
  }
  tcp->is_shaking = false;
  tcp->events->connected(tcp->user, status == 0 ? GW_OK : GW_UNAVAILABLE);
}

gw_code gw_tcp_connect(gw_loop *loop, const gw_sockaddr *to, const gw_tcp_events *events,
                       void *user, gw_tcp **out) {
  gw_tcp *tcp = tcp_new(loop);
  if (tcp == NULL) return GW_NOMEM;
  if (uv_tcp_connect(&tcp->connecting, &tcp->uv, sockaddr_of(to), tcp_on_connected) != 0) {
    gw_tcp_close(tcp);
    return GW_UNAVAILABLE;
  }
  tcp->events = events;
  tcp->user = user;
  *out = tcp;
  return GW_OK;
}

void gw_tcp_own(gw_tcp *tcp, const gw_tcp_events *events, void *user) {
  tcp->events = events;
  tcp->user = user;
  gw_tcp_pause(tcp, false);
}

gw_code gw_tcp_secure(gw_tcp *tcp, gw_tls *tls, const gw_tls_peer *peer) {
  assert(tcp->tls == NULL);
  tcp->tls = gw_tls_session_new(tcp->loop, tls, peer, tcp_on_put, tcp);
  tcp->is_shaking = tcp->tls != NULL;
  return tcp->tls != NULL ? GW_OK : GW_NOMEM;
}

bool gw_tcp_is_secure(const gw_tcp *tcp) {
  return tcp->tls != NULL;
}

bool gw_tcp_has_spoken(const gw_tcp *tcp) {
  return tcp->has_spoken;
}

const char *gw_tcp_failure(const gw_tcp *tcp) {
  if (tcp->tls == NULL) return "";
  const char *why = gw_tls_session_failure(tcp->tls);
  if (why[0] != '\0') return why;
  if (tcp->is_refused) return "the peer closed the connection within the handshake";
  return tcp->failed ? "the peer cut the connection" : "";
}

gw_str gw_tcp_alpn(const gw_tcp *tcp) {
  return tcp->tls != NULL ? gw_tls_session_protocol(tcp->tls) : (gw_str){ NULL, 0 };
}

gw_str gw_tcp_server_name(const gw_tcp *tcp) {
  return tcp->tls != NULL ? gw_tls_session_name(tcp->tls) : (gw_str){ NULL, 0 };
}

uint64_t gw_tcp_acked(const gw_tcp *tcp) {
  uv_os_fd_t descriptor;
  if (tcp->tls != NULL || uv_fileno((const uv_handle_t *)&tcp->uv, &descriptor) != 0) {
    return UINT64_MAX; /* records are not what was written */
  }
  return gw_socket_acked(descriptor);
}

gw_str gw_tcp_peer(const gw_tcp *tcp) {
  return gw_str_of(tcp->peer);
}

/* ---- listening ---- */

int gw_socket_bind(const gw_sockaddr *address, bool shared, gw_err *err) {
  const struct sockaddr *sa = sockaddr_of(address);
  socklen_t n =
      sa->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
  char text[64];
  int on = 1;
  gw_sockaddr_print(address, text, sizeof text);
  int descriptor = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) {
    gw_err_set(err, GW_UNAVAILABLE, "%s: no socket: %s", text, strerror(errno));
    return -1;
  }
  if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      (shared && setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) ||
      bind(descriptor, sa, n) != 0) {
    gw_err_set(err, GW_UNAVAILABLE, "cannot listen on %s: %s", text, strerror(errno));
    close(descriptor);
    return -1;
  }
  return descriptor;
}

uint16_t gw_socket_port(int descriptor) {
  gw_sockaddr address = { 0 };
  socklen_t n = sizeof address.bytes;
  if (getsockname(descriptor, (struct sockaddr *)(void *)address.bytes, &n) != 0) return 0;
  /* The port stands at the same place in both kinds of address. */
  return ntohs(((const struct sockaddr_in *)(const void *)address.bytes)->sin_port);
}

/* What a slow client does not take stays in our queue, where it is counted, not in the kernel's. */
static void tcp_accepted(gw_listener *listener, gw_tcp *tcp) {
  int unsent = TCP_UNSENT_BYTES;
  tcp_ready(tcp);
  setsockopt(tcp->descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
  listener->accepted(listener->user, tcp);
}

/* libuv accepts no more until it got rid of the connection that it holds. */
static void listener_accept(gw_listener *listener) {
  gw_tcp *tcp = tcp_new(listener->loop);
  if (tcp == NULL) {
    gw_timer_set(listener->loop, &listener->retry, gw_loop_now_ms(listener->loop) + TCP_RETRY_MS);
    return;
  }
  if (uv_accept((uv_stream_t *)&listener->uv, (uv_stream_t *)&tcp->uv) != 0) {
    gw_tcp_close(tcp);
    return;
  }
  tcp_accepted(listener, tcp);
}

static void listener_on_retry(gw_timer *timer) {
  listener_accept(GW_CONTAINER_OF(timer, gw_listener, retry));
}

static void listener_on_connection(uv_stream_t *stream, int status) {
  if (status == 0) listener_accept(GW_CONTAINER_OF(stream, gw_listener, uv));
}

static void listener_on_closed(uv_handle_t *handle) {
  free(GW_CONTAINER_OF(handle, gw_listener, uv));
}

gw_code gw_listener_open(gw_loop *loop, int descriptor, gw_accepted_fn *accepted, void *user,
                         gw_listener **out) {
  gw_listener *listener = calloc(1, sizeof *listener);
  if (listener == NULL || uv_tcp_init(gw_loop_uv(loop), &listener->uv) != 0) {
    free(listener);
    close(descriptor);
    return GW_NOMEM;
  }
  listener->loop = loop;
  listener->accepted = accepted;
  listener->user = user;
  listener->retry.fired = listener_on_retry;
  if (uv_tcp_open(&listener->uv, descriptor) != 0) {
    close(descriptor);
    uv_close((uv_handle_t *)&listener->uv, listener_on_closed);
    return GW_UNAVAILABLE;
  }
  if (uv_listen((uv_stream_t *)&listener->uv, TCP_BACKLOG, listener_on_connection) != 0) {
    uv_close((uv_handle_t *)&listener->uv, listener_on_closed);
    return GW_UNAVAILABLE;
  }
  *out = listener;
  return GW_OK;
}

/* Connections that the kernel has already completed must not be reset: they are taken first. */
void gw_listener_close(gw_listener *listener) {
  if (listener == NULL) return;
  if (listener->retry.slot != 0) listener_accept(listener);
  gw_timer_cancel(listener->loop, &listener->retry);
  uv_os_fd_t descriptor;
  if (uv_fileno((uv_handle_t *)&listener->uv, &descriptor) == 0) {
    for (uint32_t i = 0; i < TCP_DRAIN_ACCEPTS; i++) {
      int accepted = accept4(descriptor, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (accepted < 0) break;
      gw_tcp *tcp = tcp_new(listener->loop);
      if (tcp == NULL || uv_tcp_open(&tcp->uv, accepted) != 0) {
        close(accepted);
        if (tcp != NULL) gw_tcp_close(tcp);
        continue;
      }
      tcp_accepted(listener, tcp);
    }
  }
  uv_close((uv_handle_t *)&listener->uv, listener_on_closed);
}
