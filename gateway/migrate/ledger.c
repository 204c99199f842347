#include "migrate/ledger.h"

#include <pthread.h>
#include <stdlib.h>

#define LEDGER_REQUEST_MAX  GW_KIB(1)                   /* bytes of a pair's request line */
#define LEDGER_FREQUENT_MAX (GW_LEDGER_ENTRIES_MAX / 2) /* stay for their count, whatever comes */

/* One entry's texts lie behind each other in one piece of memory. */
typedef struct ledger_slot {
  gw_ledger_entry entry;
  uint64_t hash;     /* of pattern and kind */
  uint64_t compared; /* number of the comparison that was counted last */
  char *texts;
} ledger_slot;

struct gw_ledger {
  pthread_mutex_t lock;
  ledger_slot slots[GW_LEDGER_ENTRIES_MAX];
  uint32_t count;
  uint64_t compared; /* comparisons so far */
  uint64_t lost;
  gw_ledger_pair *pairs[GW_LEDGER_PAIRS_MAX]; /* a ring; each with its texts behind it */
  uint32_t next_pair;
  gw_ledger_failure failure;
};

gw_ledger *gw_ledger_new(void) {
  gw_ledger *ledger = calloc(1, sizeof *ledger);
  if (ledger != NULL) pthread_mutex_init(&ledger->lock, NULL);
  return ledger;
}

static void ledger_empty(gw_ledger *ledger) {
  for (uint32_t i = 0; i < ledger->count; i++)
    free(ledger->slots[i].texts);
  for (uint32_t i = 0; i < GW_LEDGER_PAIRS_MAX; i++) {
    free(ledger->pairs[i]);
    ledger->pairs[i] = NULL;
  }
  memset(ledger->slots, 0, sizeof ledger->slots);
  memset(&ledger->failure, 0, sizeof ledger->failure);
  ledger->count = ledger->next_pair = 0;
  ledger->lost = 0;
}

void gw_ledger_free(gw_ledger *ledger) {
  if (ledger == NULL) return;
  ledger_empty(ledger);
  pthread_mutex_destroy(&ledger->lock);
  free(ledger);
}

void gw_ledger_clear(gw_ledger *ledger) {
  pthread_mutex_lock(&ledger->lock);
  ledger_empty(ledger);
  pthread_mutex_unlock(&ledger->lock);
}

uint64_t gw_ledger_lost(gw_ledger *ledger) {
  pthread_mutex_lock(&ledger->lock);
  uint64_t lost = ledger->lost;
  pthread_mutex_unlock(&ledger->lock);
  return lost;
}

/* ---- texts ---- */

/* Copies `text` to *at and moves that on; an absent one stays absent. */
static gw_str text_put(char **at, gw_str text) {
  if (text.p == NULL) return text;
  char *to = *at;
  if (text.n > 0) memcpy(to, text.p, text.n);
  *at += text.n;
  return (gw_str){ to, text.n };
}

/* False: no memory; the entry is as it was. */
static bool slot_store(ledger_slot *slot, gw_str pointer, const gw_diff *diff) {
  size_t size = pointer.n + diff->pattern.n + diff->legacy.n + diff->grpc.n + diff->option.n + 1;
  char *texts = malloc(size), *at = texts;
  if (texts == NULL) return false;
  gw_ledger_entry *entry = &slot->entry;
  entry->pointer = text_put(&at, pointer);
  entry->pattern = text_put(&at, diff->pattern);
  entry->legacy = text_put(&at, diff->legacy);
  entry->grpc = text_put(&at, diff->grpc);
  entry->option = text_put(&at, diff->option);
  free(slot->texts);
  slot->texts = texts;
  return true;
}

/* ---- which entries stay ---- */

static int slot_order(const void *a, const void *b) {
  const ledger_slot *x = *(ledger_slot *const *)a, *y = *(ledger_slot *const *)b;
  if (x->entry.count != y->entry.count) return x->entry.count > y->entry.count ? -1 : 1;
  if (x->entry.last_ms != y->entry.last_ms) return x->entry.last_ms > y->entry.last_ms ? -1 : 1;
  return x < y ? -1 : x > y;
}

static void ledger_sort(gw_ledger *ledger, ledger_slot **sorted) {
  for (uint32_t i = 0; i < ledger->count; i++)
    sorted[i] = &ledger->slots[i];
  qsort(sorted, ledger->count, sizeof *sorted, slot_order);
}

/* Of those that are not among the most frequent the one that was not seen for the longest time. */
static ledger_slot *ledger_oldest(gw_ledger *ledger) {
  ledger_slot *sorted[GW_LEDGER_ENTRIES_MAX], *oldest;
  ledger_sort(ledger, sorted);
  oldest = sorted[ledger->count - 1];
  for (uint32_t i = LEDGER_FREQUENT_MAX; i < ledger->count; i++) {
    if (sorted[i]->entry.last_ms < oldest->entry.last_ms) oldest = sorted[i];
  }
  return oldest;
}

/* A free slot, or one whose entry others outdo. */
static ledger_slot *ledger_take_slot(gw_ledger *ledger) {
  if (ledger->count < GW_LEDGER_ENTRIES_MAX) return &ledger->slots[ledger->count];
  return ledger_oldest(ledger);
}

static uint64_t diff_hash(const gw_diff *diff) {
  return gw_str_hash(diff->pattern, (uint64_t)diff->kind + 1);
}

static ledger_slot *ledger_find(gw_ledger *ledger, const gw_diff *diff) {
  uint64_t hash = diff_hash(diff);
  for (uint32_t i = 0; i < ledger->count; i++) {
    ledger_slot *slot = &ledger->slots[i];
    if (slot->hash == hash && slot->entry.kind == diff->kind &&
        gw_str_eq(slot->entry.pattern, diff->pattern)) {
      return slot;
    }
  }
  return NULL;
}

static bool ledger_is_unstable(const gw_ledger *ledger, gw_str pattern) {
  for (uint32_t i = 0; i < ledger->count; i++) {
    const gw_ledger_entry *entry = &ledger->slots[i].entry;
    if (entry->unstable && gw_str_eq(entry->pattern, pattern)) return true;
  }
  return false;
}

static ledger_slot *ledger_insert(gw_ledger *ledger, const gw_diff *diff, uint64_t now_ms) {
  bool unstable = ledger_is_unstable(ledger, diff->pattern);
  ledger_slot made = { .hash = diff_hash(diff) };
  if (!slot_store(&made, diff->pointer, diff)) {
    ledger->lost++;
    return NULL;
  }
  ledger_slot *slot = ledger_take_slot(ledger);
  if (ledger->count < GW_LEDGER_ENTRIES_MAX) {
    ledger->count++;
  } else {
    ledger->lost++;
    free(slot->texts);
  }
  made.entry.kind = diff->kind;
  made.entry.first_ms = made.entry.last_ms = now_ms;
  made.entry.unstable = unstable;
  *slot = made;
  return slot;
}

/* Once for a comparison, however many elements of a list are concerned. */
static void ledger_count(gw_ledger *ledger, const gw_diff *diff, uint64_t now_ms) {
  ledger_slot *slot = ledger_find(ledger, diff);
  if (slot == NULL) {
    slot = ledger_insert(ledger, diff, now_ms);
    if (slot == NULL) return;
  } else {
    bool same = gw_str_eq(slot->entry.pointer, diff->pointer);
    (void)slot_store(slot, same ? diff->pointer : diff->pattern, diff); /* else the old texts */
  }
  slot->entry.last_ms = now_ms;
  if (slot->compared != ledger->compared) slot->entry.count++;
  slot->compared = ledger->compared;
}

/* ---- pairs ---- */

static const gw_str cut_mark = GW_STR_INIT("\n... (cut)");

/* How much of a body's text is kept; *cut: that is not all. */
static size_t pair_text_bytes(gw_str text, bool *cut) {
  *cut = text.n > GW_LEDGER_PAIR_BYTES;
  if (!*cut) return text.n;
  size_t n = GW_LEDGER_PAIR_BYTES - cut_mark.n;
  while (n > 0 && ((unsigned char)text.p[n] & 0xC0) == 0x80)
    n--;
  return n;
}

static gw_str pair_put(char **at, gw_str text) {
  bool cut;
  char *begin = *at;
  size_t n = pair_text_bytes(text, &cut);
  text_put(at, gw_str_first(text, n));
  if (cut) text_put(at, cut_mark);
  return gw_str_from(begin, *at);
}

static size_t pair_texts_size(const gw_comparison *c) {
  size_t size = gw_size_min(c->legacy_text.n, GW_LEDGER_PAIR_BYTES) +
                gw_size_min(c->grpc_text.n, GW_LEDGER_PAIR_BYTES);
  for (uint32_t i = 0; i < c->count; i++)
    size += c->items[i].pointer.n;
  return size;
}

static void ledger_add_pair(gw_ledger *ledger, const gw_comparison *c, gw_str request, int legacy,
                            int grpc, uint64_t now_ms) {
  request.n = gw_size_min(request.n, LEDGER_REQUEST_MAX);
  size_t lists = c->count * (sizeof(gw_str) + sizeof(gw_diff_kind));
  gw_ledger_pair *pair = malloc(sizeof *pair + lists + request.n + pair_texts_size(c));
  if (pair == NULL) {
    ledger->lost++;
    return;
  }
  gw_str *pointers = (gw_str *)(void *)(pair + 1);
  gw_diff_kind *kinds = (gw_diff_kind *)(void *)(pointers + c->count);
  char *at = (char *)(kinds + c->count);
  *pair = (gw_ledger_pair){ .at_ms = now_ms,
                            .legacy_status = legacy,
                            .grpc_status = grpc,
                            .diff_count = c->count,
                            .pointers = pointers,
                            .kinds = kinds };
  pair->request = text_put(&at, request);
  pair->legacy_text = pair_put(&at, c->legacy_text);
  pair->grpc_text = pair_put(&at, c->grpc_text);
  for (uint32_t i = 0; i < c->count; i++) {
    pointers[i] = text_put(&at, c->items[i].pointer);
    kinds[i] = c->items[i].kind;
  }
  free(ledger->pairs[ledger->next_pair]);
  ledger->pairs[ledger->next_pair] = pair;
  ledger->next_pair = (ledger->next_pair + 1) % GW_LEDGER_PAIRS_MAX;
}

/* ---- what comparers tell ---- */

void gw_ledger_add(gw_ledger *ledger, const gw_comparison *comparison, gw_str request,
                   int legacy_status, int grpc_status, uint64_t now_ms) {
  if (comparison->count == 0) return;
  pthread_mutex_lock(&ledger->lock);
  ledger->compared++;
  for (uint32_t i = 0; i < comparison->count; i++)
    ledger_count(ledger, &comparison->items[i], now_ms);
  ledger_add_pair(ledger, comparison, request, legacy_status, grpc_status, now_ms);
  pthread_mutex_unlock(&ledger->lock);
}

void gw_ledger_add_unstable(gw_ledger *ledger, const gw_comparison *comparison, uint64_t now_ms) {
  pthread_mutex_lock(&ledger->lock);
  for (uint32_t i = 0; i < comparison->count; i++) {
    const gw_diff *diff = &comparison->items[i];
    bool known = false;
    for (uint32_t j = 0; j < ledger->count; j++) {
      gw_ledger_entry *entry = &ledger->slots[j].entry;
      if (!gw_str_eq(entry->pattern, diff->pattern)) continue;
      entry->unstable = known = true;
    }
    ledger_slot *slot = known ? NULL : ledger_insert(ledger, diff, now_ms);
    if (slot != NULL) slot->entry.unstable = true;
  }
  pthread_mutex_unlock(&ledger->lock);
}

static size_t text_fill(char *to, size_t size, gw_str text) {
  size_t n = gw_size_min(text.n, size);
  while (n < text.n && n > 0 && ((unsigned char)text.p[n] & 0xC0) == 0x80)
    n--;
  if (n > 0) memcpy(to, text.p, n);
  return n;
}

void gw_ledger_add_failure(gw_ledger *ledger, gw_str reason, gw_str request, uint64_t now_ms) {
  pthread_mutex_lock(&ledger->lock);
  gw_ledger_failure *failure = &ledger->failure;
  failure->at_ms = now_ms;
  failure->reason_n = text_fill(failure->reason, sizeof failure->reason, reason);
  failure->request_n = text_fill(failure->request, sizeof failure->request, request);
  pthread_mutex_unlock(&ledger->lock);
}

/* ---- what operators see ---- */

bool gw_ledger_failure_of(gw_ledger *ledger, gw_ledger_failure *out) {
  pthread_mutex_lock(&ledger->lock);
  *out = ledger->failure;
  pthread_mutex_unlock(&ledger->lock);
  return out->at_ms != 0;
}

void gw_ledger_each(gw_ledger *ledger, gw_ledger_visit_fn *visit, void *context) {
  ledger_slot *sorted[GW_LEDGER_ENTRIES_MAX];
  pthread_mutex_lock(&ledger->lock);
  ledger_sort(ledger, sorted);
  for (uint32_t i = 0; i < ledger->count; i++)
    visit(context, &sorted[i]->entry);
  pthread_mutex_unlock(&ledger->lock);
}

void gw_ledger_each_pair(gw_ledger *ledger, gw_ledger_pair_fn *visit, void *context) {
  pthread_mutex_lock(&ledger->lock);
  for (uint32_t i = 1; i <= GW_LEDGER_PAIRS_MAX; i++) {
    uint32_t at = (ledger->next_pair + GW_LEDGER_PAIRS_MAX - i) % GW_LEDGER_PAIRS_MAX;
    if (ledger->pairs[at] != NULL) visit(context, ledger->pairs[at]);
  }
  pthread_mutex_unlock(&ledger->lock);
}
