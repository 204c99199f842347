#include <sys/auxv.h>

#include "codec/json_reader.h"

#define MAP_COMPARED_MAX 12u /* keys that are compared one by one; above, a hash finds them */
#define MAP_SLOTS_MIN    32u

/* The keys of one object so far.  A key is known by the offset of its encoded field, from the first
 * entry's tag on; encoded keys have no common prefixes, so that equal bytes mean equal keys. */
typedef struct map_keys {
  size_t at; /* of the first entry, from reader->base */
  uint32_t count;
  uint32_t compared[MAP_COMPARED_MAX];
  size_t words; /* the table's place; each slot: hash << 32 | (offset + 1) */
  size_t mask;
  bool dropped; /* entries of a key alone stand among the others */
} map_keys;

/* Keys are foreign: their hash must not be predictable.  The kernel gives each process 16 random
 * bytes; reading them needs no state of our own. */
static uint64_t map_seed(void) {
  uint64_t seed = 0;
  const void *random = (const void *)(uintptr_t)getauxval(AT_RANDOM); /* an address, as a number */
  if (random != NULL) memcpy(&seed, random, sizeof seed);
  return seed;
}

/* Finds an equal key, or adds this one.  The table has a free slot. */
static bool map_table_add(gw_json_reader *reader, map_keys *keys, size_t offset, size_t n) {
  uint64_t *slots = reader->words + keys->words;
  const char *first = reader->base + keys->at, *key = first + offset;
  uint64_t hash = gw_str_hash((gw_str){ key, n }, reader->seed) & 0xFFFFFFFF00000000u;
  for (size_t i = (size_t)(hash >> 32) & keys->mask;; i = (i + 1) & keys->mask) {
    if (slots[i] == 0) {
      slots[i] = hash | (offset + 1);
      return true;
    }
    size_t other = (uint32_t)slots[i] - 1;
    /* n bytes from an earlier key on are readable: this one follows it. */
    if ((slots[i] ^ hash) >> 32 == 0 && memcmp(first + other, key, n) == 0) return false;
  }
}

static const char *map_varint_skip(const char *p) {
  while ((*p & 0x80) != 0)
    p++;
  return p + 1;
}

static size_t map_read_length(const char **p) {
  size_t n = 0;
  for (unsigned shift = 0;; shift += 7) {
    unsigned char c = (unsigned char)*(*p)++;
    n |= (size_t)(c & 0x7F) << shift;
    if (c < 0x80) return n;
  }
}

/* The bytes of the encoded key field at p. */
static size_t map_key_size(const gw_field *key, const char *p) {
  const char *value = p + key->tag_n;
  switch (key->wire_type) {
  case GW_WIRE_FIXED32: return key->tag_n + 4u;
  case GW_WIRE_FIXED64: return key->tag_n + 8u;
  case GW_WIRE_LENGTH: {
    size_t n = map_read_length(&value);
    return (size_t)(value - p) + n;
  }
  default: return (size_t)(map_varint_skip(value) - p);
  }
}

/* A table twice as large, filled anew from the entries that were written. */
static bool map_table_grow(gw_json_reader *reader, const gw_field *field, map_keys *keys,
                           size_t entries_end) {
  size_t slots = keys->words == GW_JSON_NO_WORDS ? MAP_SLOTS_MIN : 2 * (keys->mask + 1);
  if (keys->words != GW_JSON_NO_WORDS) reader->words_n = keys->words; /* it is the topmost */
  keys->words = gw_json_words_push(reader, slots);
  if (keys->words == GW_JSON_NO_WORDS) return false;
  keys->mask = slots - 1;
  if (reader->seed == 0) reader->seed = map_seed();
  const char *first = reader->base + keys->at, *end = reader->base + entries_end;
  const gw_field *key = &field->message->fields[0];
  for (const char *p = first; p < end;) {
    p += field->tag_n;
    size_t n = map_read_length(&p);
    map_table_add(reader, keys, (size_t)(p - first), map_key_size(key, p));
    p += n;
  }
  return true;
}

/* Whether the key at `offset`, not yet counted, equals one of those before it. */
static bool map_is_twice(const gw_json_reader *reader, const map_keys *keys, size_t offset,
                         size_t n) {
  const char *first = reader->base + keys->at, *key = first + offset;
  for (uint32_t i = 0; i < keys->count; i++) {
    if (memcmp(first + keys->compared[i], key, n) == 0) return true;
  }
  return false;
}

/* Counts the key of the entry that ends at pos.out; its place is final. */
static gw_json_pos map_count_key(gw_json_reader *reader, const gw_field *field, map_keys *keys,
                                 gw_json_pos pos, size_t entry_at, const char *key_in) {
  const char *first = reader->base + keys->at;
  const char *key = reader->base + entry_at + field->tag_n;
  map_read_length(&key);
  size_t offset = (size_t)(key - first), n = map_key_size(&field->message->fields[0], key);
  bool twice;
  if (keys->count < MAP_COMPARED_MAX) {
    twice = map_is_twice(reader, keys, offset, n);
    keys->compared[keys->count] = (uint32_t)offset;
  } else {
    bool full = keys->words == GW_JSON_NO_WORDS || keys->count > keys->mask / 4 * 3;
    if (full && !map_table_grow(reader, field, keys, entry_at)) {
      return gw_json_fail_memory(reader, GW_NOMEM);
    }
    twice = !map_table_add(reader, keys, offset, n);
  }
  keys->count++;
  if (!twice) return pos;
  pos = gw_json_fail(reader, key_in, GW_BAD_VALUE, "the key is given twice");
  gw_json_where_map_key(reader, key_in);
  return pos;
}

static gw_json_pos map_key(gw_json_reader *reader, const gw_field *key, gw_json_pos pos) {
  if (pos.in >= reader->end || *pos.in != '"') {
    return gw_json_fail_syntax(reader, pos.in, GW_STR("a key in quotes"));
  }
  pos.out = gw_json_put_tag(pos.out, key);
  if (key->kind == GW_KIND_STRING) {
    pos = gw_json_short_string(reader, key, pos);
  } else if (key->kind == GW_KIND_BOOL) {
    pos = gw_json_bool_key(reader, key, pos);
  } else {
    pos = gw_json_integer_key(reader, key, pos);
  }
  return pos;
}

/* Key, colon and value of one entry, its length prefix reserved.  An unknown enum name is no value:
 * sets *dropped, and the key stays alone until the map's end, so that it is still seen twice. */
static gw_json_pos map_entry(gw_json_reader *reader, const gw_message *entry, gw_json_pos pos,
                             bool *dropped) {
  const char *key_in = pos.in;
  const gw_field *value = &entry->fields[1];
  pos = map_key(reader, &entry->fields[0], pos);
  if (gw_json_failed(pos)) return pos;
  pos.in = gw_json_colon(reader, pos.in);
  if (gw_json_failed(pos)) return pos;
  if (pos.out > reader->limit) pos = gw_json_room(reader, pos, 0);
  if (gw_json_failed(pos)) return pos;
  if (pos.in >= reader->end) return gw_json_fail_end(reader);
  size_t at = gw_json_offset(reader, pos.out);
  pos.out = gw_json_put_tag(pos.out, value);
  pos = gw_json_payload(reader, value, pos);
  if (gw_json_failed(pos)) {
    gw_json_where_map_key(reader, key_in);
    return pos;
  }
  if (GW_UNLIKELY(gw_json_offset(reader, pos.out) == at + value->tag_n)) {
    *dropped = true;
    pos.out = reader->base + at;
  }
  return pos;
}

/* Takes the keys without value out again.  Returns the new end. */
static GW_COLD char *map_compact(const gw_json_reader *reader, const gw_field *field,
                                 const map_keys *keys, const char *end) {
  char *to = reader->base + keys->at;
  for (const char *from = to; from < end;) {
    const char *p = from + field->tag_n;
    size_t n = map_read_length(&p), entry_n = (size_t)(p - from) + n;
    if (map_key_size(&field->message->fields[0], p) != n) {
      memmove(to, from, entry_n);
      to += entry_n;
    }
    from += entry_n;
  }
  return to;
}

gw_json_pos gw_json_map(gw_json_reader *reader, const gw_field *field, gw_json_pos pos) {
  if (*pos.in != '{') return gw_json_fail_expected(reader, pos.in, GW_STR("an object (a map)"));
  map_keys keys = { .at = gw_json_offset(reader, pos.out), .words = GW_JSON_NO_WORDS };
  pos.in = gw_json_open(reader, pos.in);
  if (gw_json_failed(pos)) return pos;
  bool more = !(*pos.in == '}' && pos.in < reader->end);
  if (!more) pos.in++;
  while (more) {
    const char *key_in = pos.in;
    if (pos.out > reader->limit) pos = gw_json_room(reader, pos, 0);
    if (gw_json_failed(pos)) return pos;
    size_t entry_at = gw_json_offset(reader, pos.out);
    pos.out = gw_json_put_tag(pos.out, field);
    gw_json_prefix prefix = gw_json_prefix_open(reader, field, pos.out);
    pos.out += prefix.reserved;
    pos = map_entry(reader, field->message, pos, &keys.dropped);
    if (gw_json_failed(pos)) return pos;
    pos = gw_json_prefix_close(reader, field, pos, prefix);
    if (gw_json_failed(pos)) return pos;
    pos = map_count_key(reader, field, &keys, pos, entry_at, key_in);
    if (gw_json_failed(pos)) return pos;
    pos.in = gw_json_next(reader, pos.in, '}', &more);
    if (gw_json_failed(pos)) return pos;
  }
  reader->depth--;
  if (GW_UNLIKELY(keys.dropped)) pos.out = map_compact(reader, field, &keys, pos.out);
  if (keys.words != GW_JSON_NO_WORDS) reader->words_n = keys.words;
  return pos;
}
