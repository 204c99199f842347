#include "upstream/endpoints.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "net/dns.h"

#define ENDPOINTS_JITTER  0.2  /* of a backoff, either way (gRPC connection backoff) */
#define ENDPOINTS_NEAR_MS 100u /* a call waits for an attempt that is so near */
#define ENDPOINTS_FLAP_MS 5    /* the first wait after a connection that was dropped when ready */

struct gw_endpoint_name {
  gw_endpoints *endpoints;
  const gw_endpoint_config *endpoint;
  gw_dns *dns;       /* NULL: none under way */
  bool resolved;     /* at least once answered or failed */
  uint64_t tried_ms; /* when the last answer, or none, came */
  uint64_t wait_ms;  /* since then; 0: the answer was good */
  gw_timer timer;
};

static void name_resolve(gw_endpoint_name *name);

/* xorshift64*. */
double gw_endpoints_draw(gw_endpoints *endpoints) {
  uint64_t x = endpoints->random;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  endpoints->random = x;
  return (double)(x * 0x2545F4914F6CDD1Dull >> 11) / 9007199254740992.0;
}

static double endpoints_jitter(gw_endpoints *endpoints) {
  return 1.0 + ENDPOINTS_JITTER * (2.0 * gw_endpoints_draw(endpoints) - 1.0);
}

/* What follows a wait of `wait_ms` (0: none) when it was in vain. */
static double endpoints_next_wait_ms(const gw_upstream_config *config, uint64_t wait_ms) {
  double next = (double)wait_ms * config->backoff_factor;
  return next > (double)config->backoff_initial_ms ? next : (double)config->backoff_initial_ms;
}

/* ---- addresses ---- */

void gw_address_free(gw_address *address) {
  gw_endpoints *endpoints = address->endpoints;
  gw_timer_cancel(endpoints->loop, &address->retry);
  if (endpoints->cursor == address) endpoints->cursor = NULL;
  DL_DELETE2(endpoints->addresses, address, previous, next);
  free(address);
}

gw_code gw_address_connect(const gw_address *address, const gw_tcp_events *events, void *user,
                           gw_tcp **out) {
  const gw_endpoints *endpoints = address->endpoints;
  const gw_endpoint_config *endpoint = address->endpoint;
  gw_str name = endpoints->config->server_name;
  gw_code code = gw_tcp_connect(endpoints->loop, &address->sockaddr, events, user, out);
  if (code != GW_OK || !gw_scheme_is_secure(endpoint->scheme)) return code;
  bool is_grpc = endpoint->scheme == GW_SCHEME_GRPCS;
  gw_tls_peer peer = { .name = name.n > 0 ? name : endpoint->host,
                       .protocol = is_grpc ? GW_STR("h2") : GW_STR("http/1.1"),
                       .must_agree_on = is_grpc };
  code = gw_tcp_secure(*out, endpoints->config->tls, &peer);
  if (code == GW_OK) return GW_OK;
  gw_tcp_own(*out, NULL, NULL); /* nobody is told */
  gw_tcp_close(*out);
  return code;
}

void gw_address_note_tls(gw_address *address, gw_upstream_metrics *metrics, const char *failure) {
  gw_endpoints *endpoints = address->endpoints;
  if (failure[0] != '\0') gw_count(&metrics->tls_failures_total, 1);
  snprintf(endpoints->tls_failure, sizeof endpoints->tls_failure, "%s", failure);
}

static double address_wait_ms(const gw_address *address, gw_conn_end last) {
  const gw_upstream_config *config = address->endpoints->config;
  double was = (double)address->backoff_ms, wait = 0;
  switch (last) {
  case GW_CONN_END_GOOD: break;
  case GW_CONN_END_FLAP: wait = was == 0 ? ENDPOINTS_FLAP_MS : 2 * was; break;
  case GW_CONN_END_FAILED: wait = endpoints_next_wait_ms(config, address->backoff_ms); break;
  }
  return wait < (double)config->backoff_max_ms ? wait : (double)config->backoff_max_ms;
}

void gw_address_retry_later(gw_address *address, gw_conn_end last) {
  gw_endpoints *endpoints = address->endpoints;
  if (endpoints->is_closing || address->is_gone || address->retry.slot != 0) return;
  double wait_ms = address_wait_ms(address, last);
  address->backoff_ms = (uint64_t)wait_ms;
  address->tried_ms = gw_loop_now_ms(endpoints->loop);
  gw_timer_set(endpoints->loop, &address->retry,
               gw_loop_now_ms(endpoints->loop) + (uint64_t)(wait_ms * endpoints_jitter(endpoints)));
}

bool gw_address_is_near(const gw_address *address) {
  return address->retry.slot != 0 && address->backoff_ms <= ENDPOINTS_NEAR_MS;
}

/* The timer's wait, which began at tried_ms, is no longer than the first one. */
static void endpoints_hurry(gw_endpoints *endpoints, gw_timer *timer, uint64_t tried_ms) {
  uint64_t at_ms = tried_ms + endpoints->config->backoff_initial_ms;
  if (timer->slot != 0 && timer->at_ms > at_ms) gw_timer_set(endpoints->loop, timer, at_ms);
}

void gw_endpoints_hurry(gw_endpoints *endpoints) {
  gw_address *address;
  DL_FOREACH2(endpoints->addresses, address, next) {
    endpoints_hurry(endpoints, &address->retry, address->tried_ms);
  }
  for (uint32_t i = 0; i < endpoints->config->endpoint_count; i++) {
    gw_endpoint_name *name = &endpoints->names[i];
    if (name->wait_ms != 0) endpoints_hurry(endpoints, &name->timer, name->tried_ms);
  }
}

static void address_on_retry(gw_timer *timer) {
  gw_address *address = GW_CONTAINER_OF(timer, gw_address, retry);
  address->endpoints->ops->retry(address);
}

void gw_address_resolve(const gw_address *address) {
  gw_endpoints *endpoints = address->endpoints;
  for (uint32_t i = 0; i < endpoints->config->endpoint_count; i++) {
    if (endpoints->names[i].endpoint == address->endpoint) name_resolve(&endpoints->names[i]);
  }
}

static void address_add(gw_endpoint_name *name, const gw_sockaddr *sockaddr) {
  gw_endpoints *endpoints = name->endpoints;
  assert(endpoints->ops->address_size >= sizeof(gw_address));
  gw_address *address = calloc(1, endpoints->ops->address_size);
  if (address == NULL) return;
  address->endpoints = endpoints;
  address->id = ++endpoints->last_id;
  address->endpoint = name->endpoint;
  address->sockaddr = *sockaddr;
  address->retry.fired = address_on_retry;
  DL_APPEND2(endpoints->addresses, address, previous, next);
  endpoints->ops->added(address);
}

static void address_drop(gw_address *address) {
  address->is_gone = true;
  gw_timer_cancel(address->endpoints->loop, &address->retry);
  address->endpoints->ops->dropped(address);
}

/* ---- names ---- */

static gw_address *name_find(const gw_endpoint_name *name, const gw_sockaddr *sockaddr) {
  gw_address *address;
  DL_FOREACH2(name->endpoints->addresses, address, next) {
    if (address->endpoint == name->endpoint && !address->is_gone &&
        gw_sockaddr_eq(&address->sockaddr, sockaddr)) {
      break;
    }
  }
  return address;
}

/* A good answer holds for resolve_every; one that did not come is asked for sooner. */
static void name_wait(gw_endpoint_name *name, bool is_good) {
  gw_endpoints *endpoints = name->endpoints;
  const gw_upstream_config *config = endpoints->config;
  uint64_t every_ms = config->resolve_every_ms, wait_ms = every_ms;
  name->tried_ms = gw_loop_now_ms(endpoints->loop);
  name->wait_ms = is_good ? 0 : (uint64_t)endpoints_next_wait_ms(config, name->wait_ms);
  name->wait_ms = gw_size_min(name->wait_ms, gw_size_min(every_ms, config->backoff_max_ms));
  if (!is_good) wait_ms = (uint64_t)((double)name->wait_ms * endpoints_jitter(endpoints));
  gw_timer_set(endpoints->loop, &name->timer, name->tried_ms + wait_ms);
}

static void name_on_resolved(void *user, const gw_sockaddr *found, size_t count) {
  gw_endpoint_name *name = user;
  gw_endpoints *endpoints = name->endpoints;
  gw_address *address, *next;
  name->dns = NULL;
  name->resolved = true;
  name_wait(name, count > 0);
  if (count > 0) { /* else the last good answer is kept */
    DL_FOREACH_SAFE2(endpoints->addresses, address, next, next) {
      bool still = address->endpoint != name->endpoint;
      for (size_t i = 0; i < count && !still; i++) {
        still = gw_sockaddr_eq(&address->sockaddr, &found[i]);
      }
      if (!still && !address->is_gone) address_drop(address);
    }
    for (size_t i = 0; i < count; i++) {
      if (name_find(name, &found[i]) == NULL) address_add(name, &found[i]);
    }
  }
  endpoints->ops->changed(endpoints);
}

static void name_resolve(gw_endpoint_name *name) {
  gw_endpoints *endpoints = name->endpoints;
  if (name->dns != NULL || endpoints->is_closing) return;
  gw_timer_cancel(endpoints->loop, &name->timer);
  name->dns = gw_dns_start(endpoints->loop, name->endpoint->host, name->endpoint->port,
                           name_on_resolved, name);
  if (name->dns == NULL) {
    gw_timer_set(endpoints->loop, &name->timer,
                 gw_loop_now_ms(endpoints->loop) + endpoints->config->backoff_initial_ms);
  }
}

static void name_on_timer(gw_timer *timer) {
  name_resolve(GW_CONTAINER_OF(timer, gw_endpoint_name, timer));
}

bool gw_endpoints_is_resolving(const gw_endpoints *endpoints) {
  for (uint32_t i = 0; i < endpoints->config->endpoint_count; i++) {
    if (!endpoints->names[i].resolved) return true;
  }
  return false;
}

/* ---- picking ---- */

static gw_address *address_after(gw_endpoints *endpoints, gw_address *address) {
  return address != NULL && address->next != NULL ? address->next : endpoints->addresses;
}

/* Which addresses a search leaves out. */
typedef struct pick_rules {
  uint32_t avoid_id; /* 0: none */
  bool skip_ejected;
  uint64_t now_ms;
} pick_rules;

static void *address_find(gw_address *address, const pick_rules *rules) {
  if (address->is_gone || address->id == rules->avoid_id) return NULL;
  if (rules->skip_ejected && gw_outlier_is_ejected(&address->outlier, rules->now_ms)) return NULL;
  return address->endpoints->ops->find(address);
}

/* From `start` around: the first address that can. */
static void *endpoints_pick_from(gw_endpoints *endpoints, gw_address *start,
                                 const pick_rules *rules) {
  gw_address *address = start;
  do {
    void *found = address_find(address, rules);
    if (found != NULL) {
      endpoints->cursor = address;
      return found;
    }
    address = address_after(endpoints, address);
  } while (address != start);
  return NULL;
}

static gw_address *endpoints_draw_address(gw_endpoints *endpoints) {
  gw_address *address;
  uint32_t count = 0;
  DL_COUNT2(endpoints->addresses, address, count, next);
  uint32_t n = (uint32_t)(gw_endpoints_draw(endpoints) * count);
  for (address = endpoints->addresses; n > 0 && address->next != NULL; n--)
    address = address->next;
  return address;
}

static gw_address *endpoints_draw_less_loaded(gw_endpoints *endpoints, const pick_rules *rules) {
  gw_address *a = endpoints_draw_address(endpoints), *b = endpoints_draw_address(endpoints);
  if (a == b) b = address_after(endpoints, a);
  if (address_find(a, rules) == NULL) return b;
  bool b_wins = address_find(b, rules) != NULL && endpoints->ops->load(b) < endpoints->ops->load(a);
  return b_wins ? b : a;
}

void *gw_endpoints_pick(gw_endpoints *endpoints, uint32_t avoid_id) {
  pick_rules rules = { avoid_id, true, gw_loop_now_ms(endpoints->loop) };
  gw_address *cursor = endpoints->cursor, *start = NULL;
  if (endpoints->addresses == NULL) return NULL;
  switch (endpoints->config->balance) {
  case GW_BALANCE_PICK_FIRST: start = cursor != NULL ? cursor : endpoints->addresses; break;
  case GW_BALANCE_LEAST_REQUEST: start = endpoints_draw_less_loaded(endpoints, &rules); break;
  case GW_BALANCE_ROUND_ROBIN: start = address_after(endpoints, cursor); break;
  }
  void *found = endpoints_pick_from(endpoints, start, &rules);
  if (found != NULL) return found;
  rules = (pick_rules){ 0, false, rules.now_ms };
  return endpoints_pick_from(endpoints, start, &rules);
}

bool gw_endpoints_has_other(const gw_endpoints *endpoints, uint32_t id) {
  const pick_rules rules = { id, true, gw_loop_now_ms(endpoints->loop) };
  gw_address *address;
  DL_FOREACH2(endpoints->addresses, address, next) {
    if (address_find(address, &rules) != NULL) return true;
  }
  return false;
}

/* ---- ejection ---- */

bool gw_address_is_ejected(const gw_address *address) {
  return gw_outlier_is_ejected(&address->outlier, gw_loop_now_ms(address->endpoints->loop));
}

/* Whether one more may be ejected. */
static bool endpoints_may_eject(const gw_endpoints *endpoints, uint64_t now_ms) {
  const gw_address *address;
  uint64_t count = 0, ejected = 1;
  DL_FOREACH2(endpoints->addresses, address, next) {
    if (address->is_gone) continue;
    count++;
    if (gw_outlier_is_ejected(&address->outlier, now_ms)) ejected++;
  }
  return ejected * 1000000 <= count * endpoints->config->outlier.ejected_ppm;
}

bool gw_address_result(gw_address *address, bool failed) {
  gw_endpoints *endpoints = address->endpoints;
  const gw_outlier_config *config = &endpoints->config->outlier;
  uint64_t now_ms = gw_loop_now_ms(endpoints->loop);
  if (!gw_outlier_add(&address->outlier, config, failed, now_ms) || address->is_gone ||
      !endpoints_may_eject(endpoints, now_ms)) {
    return false;
  }
  gw_outlier_eject(&address->outlier, config, now_ms);
  return true;
}

/* ---- opening and closing ---- */

gw_code gw_endpoints_open(gw_endpoints *endpoints, gw_loop *loop, const gw_upstream_config *config,
                          const gw_endpoints_ops *ops) {
  *endpoints = (gw_endpoints){ .loop = loop, .config = config, .ops = ops };
  endpoints->names = calloc(config->endpoint_count + 1u, sizeof endpoints->names[0]);
  if (endpoints->names == NULL) return GW_NOMEM;
  endpoints->random = (uint64_t)(uintptr_t)endpoints->names | 1;
  for (uint32_t i = 0; i < config->endpoint_count; i++) {
    gw_endpoint_name *name = &endpoints->names[i];
    name->endpoints = endpoints;
    name->endpoint = &config->endpoints[i];
    name->timer.fired = name_on_timer;
  }
  for (uint32_t i = 0; i < config->endpoint_count; i++) {
    gw_endpoint_name *name = &endpoints->names[i];
    gw_sockaddr numeric;
    if (gw_sockaddr_parse(name->endpoint->host, name->endpoint->port, &numeric) == GW_OK) {
      name->resolved = true;
      address_add(name, &numeric);
    } else {
      name_resolve(name);
    }
  }
  return GW_OK;
}

void gw_endpoints_close(gw_endpoints *endpoints) {
  gw_address *address, *next;
  endpoints->is_closing = true;
  for (uint32_t i = 0; i < endpoints->config->endpoint_count; i++) {
    gw_dns_cancel(endpoints->names[i].dns);
    endpoints->names[i].dns = NULL;
    gw_timer_cancel(endpoints->loop, &endpoints->names[i].timer);
  }
  DL_FOREACH_SAFE2(endpoints->addresses, address, next, next) {
    address_drop(address);
  }
}

void gw_endpoints_done(gw_endpoints *endpoints) {
  while (endpoints->addresses != NULL)
    gw_address_free(endpoints->addresses);
  free(endpoints->names);
  endpoints->names = NULL;
}
