#include <sys/auxv.h>

#include "codec/number.h"
#include "codec/wire_printer.h"

#define SEEN_MAX         12 /* keys compared one by one; more of them are hashed */
#define KEYS_SLOTS_FIRST 64u

typedef struct key_slot {
  uint32_t hash, at; /* at == 0: free */
} key_slot;

typedef struct map_key {
  gw_str text;     /* strings */
  uint64_t number; /* the others */
} map_key;

/* Keys are foreign: without a seed they could be chosen to collide.  The kernel's 16 random bytes
 * are also the stack protector's, so they leave here only multiplied and folded. */
static uint64_t keys_seed(void) {
  uint64_t random[2];
  memcpy(random, (const void *)(uintptr_t)getauxval(AT_RANDOM), sizeof random);
  __uint128_t product = (__uint128_t)(random[0] | 1) * (random[1] | 1);
  return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

/* What stood there was read before, so it cannot be malformed. */
static map_key key_load(const gw_wire_printer *s, const gw_field *field, uint32_t key_at) {
  map_key key = { .text = { "", 0 } };
  if ((key_at & GW_WIRE_KEY_MISSING) != 0) return key;
  const uint8_t *p = s->wire + key_at;
  if (field->kind == GW_KIND_STRING) {
    gw_wire_span span = { p, p };
    gw_wire_length(p, s->wire_end, &span);
    key.text = gw_wire_span_str(span);
  } else {
    gw_wire_scalar((gw_kind)field->kind, p, s->wire_end, &key.number);
  }
  return key;
}

static bool key_eq(map_key a, map_key b) {
  return a.number == b.number && gw_str_eq(a.text, b.text);
}

static uint32_t key_hash(const gw_field *field, map_key key, uint64_t seed) {
  if (field->kind == GW_KIND_STRING) return (uint32_t)gw_str_hash(key.text, seed);
  return (uint32_t)gw_str_hash((gw_str){ (const char *)&key.number, sizeof key.number }, seed);
}

/* ---- many keys: a table ---- */

static key_slot *keys_slots(const gw_wire_printer *s, size_t table) {
  return (key_slot *)(void *)(s->scratch + table);
}

bool gw_wire_keys_begin(gw_wire_printer *s, gw_wire_keys *keys, const gw_field *map) {
  const size_t bytes = KEYS_SLOTS_FIRST * sizeof(key_slot);
  *keys = (gw_wire_keys){ .key_field = &map->message->fields[0],
                          .seed = keys_seed(),
                          .mask = KEYS_SLOTS_FIRST - 1 };
  if (!gw_wire_scratch_push(s, bytes, &keys->table)) return false;
  memset(s->scratch + keys->table, 0, bytes);
  return true;
}

static void keys_move(key_slot *to, uint32_t mask, const key_slot *from, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (from[i].at == 0) continue;
    uint32_t slot = from[i].hash & mask;
    while (to[slot].at != 0) {
      slot = (slot + 1) & mask;
    }
    to[slot] = from[i];
  }
}

/* The larger table is filled behind the old one and then takes its place. */
static bool keys_double(gw_wire_printer *s, gw_wire_keys *keys) {
  size_t old_count = (size_t)keys->mask + 1, bytes = old_count * 2 * sizeof(key_slot), larger;
  if (!gw_wire_scratch_push(s, bytes, &larger)) return false;
  memset(s->scratch + larger, 0, bytes);
  keys->mask = (uint32_t)(old_count * 2 - 1);
  keys_move(keys_slots(s, larger), keys->mask, keys_slots(s, keys->table), old_count);
  memmove(s->scratch + keys->table, s->scratch + larger, bytes);
  s->scratch_n = keys->table + bytes;
  return true;
}

bool gw_wire_keys_add(gw_wire_printer *s, gw_wire_keys *keys, uint32_t key_at, uint32_t **known) {
  map_key key = key_load(s, keys->key_field, key_at);
  uint32_t hash = key_hash(keys->key_field, key, keys->seed);
  key_slot *slots = keys_slots(s, keys->table);
  uint32_t slot = hash & keys->mask;
  for (; slots[slot].at != 0; slot = (slot + 1) & keys->mask) {
    *known = &slots[slot].at;
    if (slots[slot].hash == hash && key_eq(key, key_load(s, keys->key_field, **known))) return true;
  }
  *known = NULL;
  slots[slot] = (key_slot){ hash, key_at };
  keys->count++;
  return keys->count <= keys->mask / 4 * 3 || keys_double(s, keys);
}

/* ---- few keys: compared one by one ---- */

typedef struct seen_keys {
  uint32_t count;
  uint32_t at[SEEN_MAX];
  uint64_t sign[SEEN_MAX]; /* numbers: themselves; strings: length and last bytes */
  gw_wire_keys table;
} seen_keys;

static uint64_t key_sign(const gw_field *field, map_key key) {
  if (field->kind != GW_KIND_STRING) return key.number;
  uint32_t last = 0;
  if (key.text.n >= sizeof last) {
    memcpy(&last, key.text.p + key.text.n - sizeof last, sizeof last);
  }
  return (uint64_t)key.text.n << 32 | last;
}

typedef enum key_news { KEY_NEW, KEY_TWICE, KEY_FAILED } key_news;

static key_news seen_hash(gw_wire_printer *s, seen_keys *seen, const gw_field *map,
                          uint32_t key_at) {
  uint32_t *known;
  if (seen->count == SEEN_MAX) {
    if (!gw_wire_keys_begin(s, &seen->table, map)) return KEY_FAILED;
    for (uint32_t i = 0; i < SEEN_MAX; i++) {
      if (!gw_wire_keys_add(s, &seen->table, seen->at[i], &known)) return KEY_FAILED;
    }
  }
  seen->count++;
  if (!gw_wire_keys_add(s, &seen->table, key_at, &known)) return KEY_FAILED;
  return known == NULL ? KEY_NEW : KEY_TWICE;
}

static key_news seen_add(gw_wire_printer *s, seen_keys *seen, const gw_field *map,
                         uint32_t key_at) {
  if (seen->count >= SEEN_MAX) return seen_hash(s, seen, map, key_at);
  const gw_field *field = &map->message->fields[0];
  map_key key = key_load(s, field, key_at);
  uint64_t sign = key_sign(field, key);
  for (uint32_t i = 0; i < seen->count; i++) {
    if (seen->sign[i] == sign && key_eq(key, key_load(s, field, seen->at[i]))) return KEY_TWICE;
  }
  seen->at[seen->count] = key_at;
  seen->sign[seen->count++] = sign;
  return KEY_NEW;
}

static void seen_end(gw_wire_printer *s, const seen_keys *seen) {
  if (seen->count > SEEN_MAX) s->scratch_n = seen->table.table;
}

/* ---- entries ---- */

bool gw_wire_entry_read(gw_wire_printer *s, const gw_field *field, gw_wire_span span,
                        gw_wire_entry *entry) {
  const gw_field *key = &field->message->fields[0], *value = key + 1;
  const uint8_t *p = span.p;
  *entry = (gw_wire_entry){ .span = span,
                            .key_at = (uint32_t)(span.end - s->wire) | GW_WIRE_KEY_MISSING };
  while (p < span.end) {
    uint32_t tag;
    const uint8_t *behind = gw_wire_tag(p, span.end, &tag);
    const uint8_t *next = behind != NULL ? gw_wire_skip(behind, span.end, tag) : NULL;
    if (next == NULL) {
      gw_wire_malformed(s, p);
      return false;
    }
    if (tag == (key->number << 3 | key->wire_type)) {
      entry->key_at = (uint32_t)(behind - s->wire);
    } else if (tag == (value->number << 3 | value->wire_type)) {
      entry->value = behind;
      entry->value_count++;
    }
    p = next;
  }
  return true;
}

static char *entry_key_print(gw_wire_printer *s, const gw_field *field, uint32_t key_at, char *w) {
  map_key key = key_load(s, field, key_at);
  if (field->kind == GW_KIND_STRING) {
    const uint8_t *p = (const uint8_t *)key.text.p;
    w = gw_wire_string_print(s, (gw_wire_span){ p, p + key.text.n }, w);
    if (w != NULL) *w++ = ':';
    return w;
  }
  w = gw_wire_room(s, w, 3);
  if (w == NULL) return NULL;
  /* 64-bit numbers bring quotes of their own, unless the style says number. */
  *w = '"';
  char *end = gw_wire_scalar_print(s, field, key.number, w + 1);
  if (w[1] == '"') {
    memmove(w, w + 1, (size_t)(end - w) - 1);
    end--;
  } else {
    *end++ = '"';
  }
  *end++ = ':';
  return end;
}

static gw_wire_at entry_value_print(gw_wire_printer *s, const gw_field *value,
                                    const gw_wire_entry *entry, char *w) {
  if (entry->value_count > 1 && value->kind == GW_KIND_MESSAGE) {
    gw_wire_source source = { .span = entry->span };
    return gw_wire_index_field_print(s, value, &source, w);
  }
  if (entry->value != NULL) {
    return gw_wire_value_print(s, value, (gw_wire_at){ entry->value, w }, entry->span.end, true);
  }
  if (value->kind == GW_KIND_MESSAGE) {
    gw_wire_span empty = { entry->span.end, entry->span.end };
    return gw_wire_message_print(s, value->message, empty, w);
  }
  w = gw_wire_default_print(s, value, w);
  return w != NULL ? (gw_wire_at){ entry->span.end, w } : GW_WIRE_FAILED;
}

/* Called while the error is on its way out: the key as it would have been printed. */
static void entry_path(gw_wire_printer *s, const gw_field *field, uint32_t key_at) {
  char text[GW_NUMBER_TEXT_MAX];
  map_key key = key_load(s, field, key_at);
  if (field->kind != GW_KIND_STRING) {
    key.text = (gw_str){ text, gw_number_print_i64((int64_t)key.number, text) };
  }
  gw_wire_path_key(s, key.text);
}

gw_wire_at gw_wire_entry_print(gw_wire_printer *s, const gw_field *field,
                               const gw_wire_entry *entry, char *w) {
  const gw_field *key = &field->message->fields[0];
  size_t before = gw_wire_offset(s, w);
  w = entry_key_print(s, key, entry->key_at, w);
  gw_wire_at at = GW_WIRE_FAILED;
  if (GW_LIKELY(w != NULL)) at = entry_value_print(s, key + 1, entry, w);
  if (GW_UNLIKELY(at.p == NULL)) {
    entry_path(s, key, entry->key_at);
    return at;
  }
  if (at.w == NULL) return (gw_wire_at){ entry->span.end, s->out->p + before };
  *at.w++ = ',';
  at.w = gw_wire_room(s, at.w, 0);
  return at.w != NULL ? (gw_wire_at){ entry->span.end, at.w } : GW_WIRE_FAILED;
}

/* at.p behind an entry's tag. */
static gw_wire_at entry_take(gw_wire_printer *s, const gw_field *field, seen_keys *seen,
                             gw_wire_at at, const uint8_t *end) {
  gw_wire_span span;
  gw_wire_entry entry;
  if (gw_wire_length(at.p, end, &span) == NULL) return gw_wire_malformed(s, at.p);
  if (!gw_wire_entry_read(s, field, span, &entry)) return GW_WIRE_FAILED;
  key_news news = seen_add(s, seen, field, entry.key_at);
  if (GW_LIKELY(news == KEY_NEW)) return gw_wire_entry_print(s, field, &entry, at.w);
  if (news == KEY_FAILED) return GW_WIRE_FAILED;
  seen_end(s, seen);
  s->code = GW_CONFLICT;
  return (gw_wire_at){ at.p, NULL };
}

gw_wire_at gw_wire_map_print(gw_wire_printer *s, const gw_field *field, gw_wire_at at,
                             const uint8_t *end) {
  seen_keys seen;
  seen.count = 0;
  *at.w++ = '{';
  for (;;) {
    uint32_t tag;
    at = entry_take(s, field, &seen, at, end);
    if (GW_UNLIKELY(at.w == NULL)) return at;
    const uint8_t *next = gw_wire_tag(at.p, end, &tag);
    if (next == NULL || tag != (field->number << 3 | GW_WIRE_LENGTH)) break;
    at.p = next;
  }
  seen_end(s, &seen);
  if (at.w[-1] == '{' && !s->emit_all) return (gw_wire_at){ at.p, NULL };
  at.w = gw_wire_close(at.w, '}');
  return at;
}

gw_wire_at gw_wire_only_map_print(gw_wire_printer *s, const gw_field *field, gw_wire_at at,
                                  const uint8_t *end) {
  seen_keys seen;
  seen.count = 0;
  *at.w++ = '{';
  while (at.p < end) {
    uint32_t tag;
    const uint8_t *behind = gw_wire_tag(at.p, end, &tag);
    if (behind != NULL && tag == (field->number << 3 | GW_WIRE_LENGTH)) {
      at = entry_take(s, field, &seen, (gw_wire_at){ behind, at.w }, end);
      if (GW_UNLIKELY(at.w == NULL)) return at;
    } else {
      if (behind != NULL) behind = gw_wire_skip(behind, end, tag);
      if (behind == NULL) return gw_wire_malformed(s, at.p);
      at.p = behind;
    }
  }
  seen_end(s, &seen);
  at.w = gw_wire_close(at.w, '}');
  return at;
}
