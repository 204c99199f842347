/* google.protobuf.Any (any.proto, ProtoJSON): the type decides how the other members are read, but
 * "@type" may stand behind them.  Then the object is searched ahead, and with it all that it
 * contains: what the search noted about inner objects is used when they are reached, so that no
 * nesting of such objects reads a byte more than twice. */
#include "codec/json_reader.h"

#define ANY_SLOTS_MIN 16u

/* ---- where "@type" stands ---------------------------------------------------------------------*/

static uint64_t *any_slot(uint64_t *slots, uint32_t mask, uint32_t object) {
  uint32_t i = object * 0x9E3779B1u & mask;
  while (slots[i] != 0 && slots[i] >> 32 != object)
    i = (i + 1) & mask;
  return &slots[i];
}

static bool any_slots_grow(gw_json_reader *reader, gw_json_types *types) {
  uint32_t slots = types->slots != NULL ? 2 * (types->mask + 1) : ANY_SLOTS_MIN;
  uint64_t *grown = gw_arena_zalloc(reader->codec->arena, slots * sizeof *grown);
  if (grown == NULL) return false;
  for (uint32_t i = 0; types->slots != NULL && i <= types->mask; i++) {
    uint64_t slot = types->slots[i];
    if (slot != 0) *any_slot(grown, slots - 1, (uint32_t)(slot >> 32)) = slot;
  }
  types->slots = grown;
  types->mask = slots - 1;
  return true;
}

bool gw_json_types_note(gw_json_reader *reader, gw_json_types *types, const char *object,
                        const char *value) {
  if ((types->slots == NULL || types->count > types->mask / 2) && !any_slots_grow(reader, types)) {
    return false;
  }
  uint32_t object_at = (uint32_t)(object - reader->begin);
  uint64_t *slot = any_slot(types->slots, types->mask, object_at);
  if (*slot != 0) return true; /* twice in one object: refused when its members are read */
  *slot = (uint64_t)object_at << 32 | (uint32_t)(value - reader->begin);
  types->count++;
  return true;
}

/* The value of "@type" in the object whose bracket is at `object`; NULL: failed. */
static const char *any_find_type(gw_json_reader *reader, const char *object) {
  gw_json_types *types = &reader->types;
  if (types->from == NULL || object < types->from || object >= types->to) {
    uint32_t depth = reader->depth--; /* the search opens the object once more */
    const char *end = gw_json_skip(reader, object, types);
    reader->depth = depth;
    if (end == NULL) return NULL;
    types->from = object;
    types->to = end;
  }
  uint64_t slot = 0;
  if (types->slots != NULL) {
    slot = *any_slot(types->slots, types->mask, (uint32_t)(object - reader->begin));
  }
  if (slot != 0) return reader->begin + (uint32_t)slot;
  return gw_json_fail(reader, object, GW_BAD_VALUE, "an Any needs \"@type\"").in;
}

/* ---- the type ---------------------------------------------------------------------------------*/

/* Writes type_url from the string at pos.in, and resolves it. */
static gw_json_pos any_type(gw_json_reader *reader, const gw_message *message, gw_json_pos pos,
                            const gw_message **target) {
  const char *begin = pos.in;
  gw_str url;
  if (pos.in >= reader->end || *pos.in != '"') {
    return gw_json_fail_expected(reader, pos.in, GW_STR("a type URL"));
  }
  const char *next = gw_json_text(reader, pos.in, &url);
  if (next == NULL) return (gw_json_pos){ NULL, NULL };
  size_t slash = url.n;
  while (slash > 0 && url.p[slash - 1] != '/')
    slash--;
  bool named = slash > 0 || reader->codec->style.bare_types; /* D-47 */
  *target = named ? gw_pool_find_message(reader->codec->pool, gw_str_skip(url, slash)) : NULL;
  if (*target == NULL) {
    int shown = (int)gw_size_min(url.n, 128);
    return gw_json_fail(reader, begin, GW_BAD_VALUE,
                        named ? "unknown type \"%.*s\"" : "type URL \"%.*s\" has no '/'", shown,
                        url.p);
  }
  pos.out = gw_json_put_tag(pos.out, &message->fields[0]);
  return gw_json_string(reader, &message->fields[0], pos);
}

gw_json_pos gw_json_any_member(gw_json_reader *reader, gw_json_any *any, gw_str name,
                               const char *key, gw_json_pos pos, bool *taken) {
  if (gw_str_eq(name, GW_STR("@type"))) {
    *taken = true;
    if (any->type_seen) {
      pos = gw_json_fail(reader, key, GW_BAD_VALUE, "the field is given twice");
      gw_json_where_key(reader, key);
      return pos;
    }
    any->type_seen = true;
    pos.in = gw_json_skip(reader, pos.in, NULL);
  } else if (any->target->wkt == GW_WKT_EMPTY && gw_str_eq(name, GW_STR("value"))) {
    *taken = true; /* some write Empty as if it had a special form (D-48) */
    if (reader->codec->style.empty_bare) {
      pos = gw_json_fail(reader, key, GW_BAD_VALUE,
                         "an Any of google.protobuf.Empty has no \"value\"");
      gw_json_where_key(reader, key);
      return pos;
    }
    if (pos.in >= reader->end) return gw_json_fail_end(reader);
    pos = gw_json_message(reader, any->target, pos);
    if (gw_json_failed(pos)) gw_json_where_key(reader, key);
  }
  return pos;
}

/* ---- the content ------------------------------------------------------------------------------*/

/* One member of an Any whose target has a special form. */
static gw_json_pos any_special_member(gw_json_reader *reader, gw_json_any *any, gw_json_pos pos,
                                      bool *value_seen) {
  const char *key = pos.in;
  gw_str name;
  bool taken = false;
  if (key >= reader->end || *key != '"') {
    return gw_json_fail_syntax(reader, key, GW_STR("a key in quotes"));
  }
  pos.in = gw_json_text(reader, key, &name);
  if (pos.in != NULL) pos.in = gw_json_colon(reader, pos.in);
  if (gw_json_failed(pos)) return pos;
  pos = gw_json_any_member(reader, any, name, key, pos, &taken);
  if (taken || gw_json_failed(pos)) return pos;
  if (!gw_str_eq(name, GW_STR("value"))) {
    pos = gw_json_fail(reader, key, GW_BAD_VALUE,
                       "an Any of " GW_STR_FMT " has only \"@type\" and \"value\"",
                       GW_STR_ARG(any->target->full_name));
  } else if (*value_seen) {
    pos = gw_json_fail(reader, key, GW_BAD_VALUE, "the field is given twice");
  } else if (pos.in >= reader->end) {
    pos = gw_json_fail_end(reader);
  } else {
    *value_seen = true;
    pos = gw_json_message(reader, any->target, pos);
  }
  if (gw_json_failed(pos)) gw_json_where_key(reader, key);
  return pos;
}

static gw_json_pos any_special(gw_json_reader *reader, gw_json_any *any, gw_json_pos pos,
                               const char *object) {
  bool value_seen = false;
  for (bool more = true; more;) {
    pos = any_special_member(reader, any, pos, &value_seen);
    if (gw_json_failed(pos)) return pos;
    pos.in = gw_json_next(reader, pos.in, '}', &more);
    if (gw_json_failed(pos)) return pos;
  }
  if (value_seen) return pos;
  return gw_json_fail(reader, object, GW_BAD_VALUE, "an Any of " GW_STR_FMT " needs \"value\"",
                      GW_STR_ARG(any->target->full_name));
}

/* Members up to '}', as the field `value`; absent when its bytes are none. */
static gw_json_pos any_value(gw_json_reader *reader, const gw_field *value, gw_json_any *any,
                             gw_json_pos pos, const char *object) {
  size_t at = gw_json_offset(reader, pos.out);
  pos.out = gw_json_put_tag(pos.out, value);
  gw_json_prefix prefix = gw_json_prefix_open(reader, value, pos.out);
  pos.out += prefix.reserved;
  if (!gw_message_has_own_json(any->target)) {
    pos = gw_json_members(reader, any->target, pos, any);
  } else {
    pos = any_special(reader, any, pos, object);
  }
  if (gw_json_failed(pos)) return pos;
  if (gw_json_offset(reader, pos.out) > prefix.at + prefix.reserved) {
    return gw_json_prefix_close(reader, value, pos, prefix);
  }
  pos.out = reader->base + at;
  return pos;
}

gw_json_pos gw_json_any_read(gw_json_reader *reader, const gw_message *message, gw_json_pos pos) {
  const char *object = pos.in;
  if (*object != '{') {
    return gw_json_fail_expected(reader, object, GW_STR("an object with \"@type\""));
  }
  pos.in = gw_json_open(reader, object);
  if (gw_json_failed(pos)) return pos;
  if (*pos.in == '}' && pos.in < reader->end) {
    reader->depth--;
    pos.in++;
    return pos;
  }
  const char *first = pos.in;
  gw_json_any any = { NULL, false };
  if (gw_str_starts(gw_str_from(first, reader->end), GW_STR("\"@type\""))) {
    pos.in = gw_json_colon(reader, first + 7);
  } else {
    pos.in = any_find_type(reader, object);
  }
  if (!gw_json_failed(pos)) pos = any_type(reader, message, pos, &any.target);
  if (gw_json_failed(pos)) return pos;
  if (pos.out > reader->limit) pos = gw_json_room(reader, pos, 0);
  if (gw_json_failed(pos)) return pos;
  pos.in = first;
  pos = any_value(reader, &message->fields[1], &any, pos, object);
  reader->depth--;
  return pos;
}
