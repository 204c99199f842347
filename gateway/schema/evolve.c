#include "schema/evolve.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/limits.h"
#include "schema/evolve_work.h"
#include "schema/pool.h"

#define EVOLVE_MEMORY_MAX GW_MIB(1024) /* as of the pools themselves */
#define EVOLVE_TEXT_MAX   1024         /* bytes of one text; longer ones are cut */
#define EVOLVE_PARTNERS_MAX                                                                        \
  8u /* types that one type is compared with: more would be more work than the pools are large */

/* ---- reporting ---- */

gw_str gw_evolve_text(gw_evolution *e, const char *format, ...) {
  char text[EVOLVE_TEXT_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  gw_str copy = gw_arena_copy(&e->arena, gw_str_of(text));
  if (copy.p == NULL) {
    e->code = GW_NOMEM;
    return GW_STR("");
  }
  return copy;
}

static void evolve_report_to(gw_evolution *e, gw_str where, gw_str what, const char *why,
                             const char *more, gw_weight weight, unsigned clients) {
  char text[EVOLVE_TEXT_MAX];
  snprintf(text, sizeof text, GW_STR_FMT "%s%s%s%s", GW_STR_ARG(what), why != NULL ? ": " : "",
           why != NULL ? why : "",
           more == NULL  ? ""
           : why != NULL ? "; "
                         : ": ",
           more != NULL ? more : "");
  const gw_change change = {
    .where = where, .text = gw_str_of(text), .breaks = weight == GW_WEIGHT_BREAK, .clients = clients
  };
  e->report(e->context, &change);
}

void gw_evolve_report(gw_evolution *e, gw_str where, gw_str what, gw_effect grpc, gw_effect rest) {
  if (grpc.weight == rest.weight && grpc.weight != GW_WEIGHT_NONE) {
    const char *more = grpc.text != rest.text ? rest.text : NULL;
    evolve_report_to(e, where, what, grpc.text, more, grpc.weight, GW_CLIENTS_BOTH);
    return;
  }
  if (grpc.weight != GW_WEIGHT_NONE)
    evolve_report_to(e, where, what, grpc.text, NULL, grpc.weight, GW_CLIENTS_GRPC);
  if (rest.weight != GW_WEIGHT_NONE)
    evolve_report_to(e, where, what, rest.text, NULL, rest.weight, GW_CLIENTS_REST);
}

/* ---- pairs ---- */

static uint32_t *evolve_slot(const gw_evolution *e, const void *older, const void *newer) {
  const void *key[2] = { older, newer };
  uint32_t at = (uint32_t)gw_str_hash((gw_str){ (const char *)key, sizeof key }, 0) & e->mask;
  for (; e->slots[at] != 0; at = (at + 1) & e->mask) {
    const gw_evolve_pair *pair = &e->pairs[e->slots[at] - 1];
    if (pair->older == older && pair->newer == newer) break;
  }
  return &e->slots[at];
}

static bool evolve_grow(gw_evolution *e) {
  uint32_t capacity = e->pair_capacity * 2 + 64, mask = 127;
  if (capacity > UINT32_MAX / 8) return false;
  while (mask < 2 * capacity)
    mask = mask * 2 + 1;
  gw_evolve_pair *pairs = gw_arena_grow(&e->arena, e->pairs, e->pair_capacity * sizeof *pairs,
                                        capacity * sizeof *pairs);
  if (pairs == NULL) return false;
  e->pairs = pairs;
  uint32_t *queue = gw_arena_grow(&e->arena, e->queue, e->pair_capacity * sizeof *queue,
                                  capacity * sizeof *queue);
  if (queue == NULL) return false;
  e->queue = queue;
  uint32_t *slots = gw_arena_zalloc(&e->arena, ((size_t)mask + 1) * sizeof *slots);
  if (slots == NULL) return false;
  e->slots = slots;
  e->mask = mask;
  e->pair_capacity = capacity;
  for (uint32_t i = 0; i < e->pair_count; i++)
    *evolve_slot(e, pairs[i].older, pairs[i].newer) = i + 1;
  return true;
}

/* A new pair may move the others.  NULL: no memory, noted. */
static gw_evolve_pair *evolve_pair(gw_evolution *e, const void *older, const void *newer) {
  uint32_t found = e->slots != NULL ? *evolve_slot(e, older, newer) : 0;
  if (found != 0) return &e->pairs[found - 1];
  if (e->pair_count == e->pair_capacity && !evolve_grow(e)) {
    e->code = GW_NOMEM;
    return NULL;
  }
  e->pairs[e->pair_count++] = (gw_evolve_pair){ .older = older, .newer = newer };
  *evolve_slot(e, older, newer) = e->pair_count;
  return &e->pairs[e->pair_count - 1];
}

/* How many types stand in the place of `older`. */
static uint32_t *evolve_partners(gw_evolution *e, const void *older) {
  gw_evolve_pair *pair = evolve_pair(e, older, NULL);
  return pair != NULL ? &pair->count : NULL;
}

void gw_evolve_link(gw_evolution *e, const void *older, const void *newer, bool is_enum,
                    unsigned uses) {
  uint32_t *partners = evolve_partners(e, older);
  if (partners == NULL) return;
  bool full = *partners >= EVOLVE_PARTNERS_MAX;
  if (full && *evolve_slot(e, older, newer) == 0) return;
  gw_evolve_pair *pair = evolve_pair(e, older, newer);
  if (pair == NULL) return;
  if (pair->uses == 0) ++*evolve_partners(e, older); /* the pairs may have moved */
  pair->is_enum = is_enum;
  if ((pair->uses | uses) == pair->uses) return;
  pair->uses |= (uint8_t)uses;
  if (is_enum || pair->is_queued) return;
  pair->is_queued = true;
  e->queue[e->queued++] = (uint32_t)(pair - e->pairs);
}

bool gw_evolve_is_comparable(const gw_message *older, const gw_message *newer) {
  bool own = gw_message_has_own_json(older) || gw_message_has_own_json(newer) ||
             older->wkt == GW_WKT_HTTP_BODY || newer->wkt == GW_WKT_HTTP_BODY;
  return !own || gw_str_eq(older->full_name, newer->full_name);
}

void gw_evolve_link_messages(gw_evolution *e, const gw_message *older, const gw_message *newer,
                             unsigned uses) {
  if (gw_evolve_is_comparable(older, newer)) gw_evolve_link(e, older, newer, false, uses);
}

/* Uses spread along the fields until nothing changes: each pair is looked at once for each use. */
static void evolve_spread(gw_evolution *e) {
  while (e->queued > 0 && e->code == GW_OK) {
    gw_evolve_pair *pair = &e->pairs[e->queue[--e->queued]];
    pair->is_queued = false;
    gw_evolve_link_fields(e, pair->older, pair->newer, pair->uses);
  }
}

static void evolve_compare_pairs(gw_evolution *e) {
  for (uint32_t i = 0; i < e->pair_count && e->code == GW_OK; i++) {
    const gw_evolve_pair *pair = &e->pairs[i];
    if (pair->newer == NULL) continue;
    if (pair->is_enum)
      gw_evolve_enum(e, pair->older, pair->newer, pair->uses);
    else
      gw_evolve_message(e, pair->older, pair->newer, pair->uses);
  }
}

/* ---- methods ---- */

static const gw_effect effect_break = { GW_WEIGHT_BREAK, NULL };

static void evolve_rpc_type(gw_evolution *e, const gw_rpc *rpc, const char *what,
                            const gw_message *older, const gw_message *newer, unsigned use) {
  gw_evolve_link_messages(e, older, newer, use);
  if (gw_str_eq(older->full_name, newer->full_name)) return;
  gw_str text = gw_evolve_text(e, "%s type changed from " GW_STR_FMT " to " GW_STR_FMT, what,
                               GW_STR_ARG(older->full_name), GW_STR_ARG(newer->full_name));
  static const gw_effect names = { GW_WEIGHT_WARNING,
                                   "generated code names it; its fields are compared" };
  if (gw_evolve_is_comparable(older, newer))
    gw_evolve_report(e, rpc->full_name, text, names, (gw_effect){ 0 });
  else
    gw_evolve_report(e, rpc->full_name, text, effect_break, effect_break);
}

static void evolve_streaming(gw_evolution *e, const gw_rpc *rpc, const char *what, bool older,
                             bool newer) {
  if (older == newer) return;
  gw_str text =
      gw_evolve_text(e, "%s is %s now, it was %s", what, newer ? "a stream" : "one message",
                     newer ? "one message" : "a stream");
  gw_evolve_report(e, rpc->full_name, text, effect_break, effect_break);
}

static void evolve_rpc(gw_evolution *e, const gw_rpc *older) {
  const gw_rpc *newer = gw_pool_find_rpc(e->newer, older->full_name);
  if (newer == NULL && gw_pool_find_service(e->newer, older->service->full_name) == NULL) {
    gw_str text = gw_evolve_text(e, "service removed");
    gw_evolve_report(e, older->service->full_name, text, effect_break, effect_break);
  } else if (newer == NULL) {
    gw_evolve_report(e, older->full_name, GW_STR("method removed"), effect_break, effect_break);
  } else {
    evolve_streaming(e, older, "request", older->client_streaming, newer->client_streaming);
    evolve_streaming(e, older, "answer", older->server_streaming, newer->server_streaming);
    evolve_rpc_type(e, older, "request", older->input, newer->input, GW_USE_REQUEST);
    evolve_rpc_type(e, older, "answer", older->output, newer->output, GW_USE_ANSWER);
  }
}

static void evolve_rpcs(gw_evolution *e, const gw_rpc *const *rpcs, size_t rpc_count) {
  for (size_t i = 0; rpcs != NULL && i < rpc_count; i++)
    evolve_rpc(e, rpcs[i]);
  for (uint32_t i = 0; rpcs == NULL && i < e->older->service_count; i++) {
    const gw_service *service = e->older->services[i];
    for (uint32_t j = 0; j < service->rpc_count; j++)
      evolve_rpc(e, &service->rpcs[j]);
  }
}

/* ---- types that no method uses ---- */

/* Options, and what everybody has: not the operator's to change. */
static bool evolve_is_foreign(gw_str full_name) {
  return gw_str_starts(full_name, GW_STR("google.protobuf.")) ||
         gw_str_starts(full_name, GW_STR("google.api.")) ||
         gw_str_starts(full_name, GW_STR("google.rpc."));
}

static void evolve_unused(gw_evolution *e, const gw_symbol *symbol) {
  bool is_enum = symbol->kind == GW_SYMBOL_ENUM;
  const gw_message *message = is_enum ? NULL : symbol->object;
  if (evolve_is_foreign(symbol->name) || (message != NULL && message->map_entry)) return;
  const void *newer = is_enum ? (const void *)gw_pool_find_enum(e->newer, symbol->name)
                              : (const void *)gw_pool_find_message(e->newer, symbol->name);
  const uint32_t *partners = evolve_partners(e, symbol->object);
  if (partners == NULL || *partners > 0) return;
  if (newer != NULL) {
    gw_evolve_link(e, symbol->object, newer, is_enum, GW_USE_BOTH);
    return;
  }
  static const gw_effect gone = { GW_WEIGHT_WARNING, "generated code and Any may name it" };
  gw_evolve_report(e, symbol->name, is_enum ? GW_STR("enum removed") : GW_STR("message removed"),
                   gone, gone);
}

static void evolve_all_types(gw_evolution *e) {
  const gw_symbols *symbols = &e->older->symbols;
  for (uint32_t i = 0; i < symbols->count && e->code == GW_OK; i++) {
    gw_symbol_kind kind = symbols->rows[i].kind;
    if (kind == GW_SYMBOL_MESSAGE || kind == GW_SYMBOL_ENUM) evolve_unused(e, &symbols->rows[i]);
  }
}

gw_code gw_evolve_compare(const gw_pool *older, const gw_pool *newer, const gw_rpc *const *rpcs,
                          size_t rpc_count, gw_change_fn *report, void *context) {
  gw_evolution e = { .older = older, .newer = newer, .report = report, .context = context };
  gw_arena_init(&e.arena, NULL, EVOLVE_MEMORY_MAX);
  evolve_rpcs(&e, rpcs, rpc_count);
  evolve_spread(&e);
  if (rpcs == NULL && e.code == GW_OK) {
    evolve_all_types(&e);
    evolve_spread(&e);
  }
  evolve_compare_pairs(&e);
  gw_arena_done(&e.arena);
  return e.code;
}
