#include "codec/json_to_wire.h"

#include "codec/json_reader.h"

/* Which fields and oneofs of an object were seen; those above 63 in the reader's words. */
typedef struct json_seen {
  uint64_t fields, oneofs;
  size_t words;
} json_seen;

/* ---- room and space ---------------------------------------------------------------------------*/

static void json_limit(gw_json_reader *reader) {
  gw_buf *out = reader->out;
  reader->base = out->p;
  reader->limit = out->p + gw_size_min(out->cap - GW_BUF_SLACK, out->max);
}

gw_json_pos gw_json_room(gw_json_reader *reader, gw_json_pos pos, size_t extra) {
  gw_buf *out = reader->out;
  size_t n = gw_json_offset(reader, pos.out);
  if (n > out->max || extra > out->max - n) return gw_json_fail_memory(reader, GW_TOO_LARGE);
  out->n = n;
  gw_code code = gw_buf_reserve(out, gw_size_max(extra, gw_size_min(GW_BUF_SLACK, out->max - n)));
  if (code != GW_OK) return gw_json_fail_memory(reader, code);
  json_limit(reader);
  pos.out = out->p + n;
  return pos;
}

gw_json_pos gw_json_resume(gw_json_reader *reader, const char *in) {
  json_limit(reader);
  return (gw_json_pos){ in, reader->out->p + reader->out->n };
}

size_t gw_json_words_push(gw_json_reader *reader, size_t count) {
  size_t at = reader->words_n;
  if (count > reader->words_cap - at) {
    size_t cap = gw_size_max(2 * reader->words_cap, at + count);
    uint64_t *grown = gw_arena_grow(reader->codec->arena, reader->words,
                                    reader->words_cap * sizeof *grown, cap * sizeof *grown);
    if (grown == NULL) return GW_JSON_NO_WORDS;
    reader->words = grown;
    reader->words_cap = cap;
  }
  memset(reader->words + at, 0, count * sizeof *reader->words);
  reader->words_n = at + count;
  return at;
}

const char *gw_json_space_slow(const gw_json_reader *reader, const char *in) {
  const char *end = reader->end;
#if defined(__SSE2__)
  while (in < end) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)in);
    __m128i space = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(' ')),
                                              _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n'))),
                                 _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\r')),
                                              _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'))));
    uint32_t other = ~(uint32_t)_mm_movemask_epi8(space) & 0xFFFF;
    if (other != 0) {
      in += __builtin_ctz(other);
      break;
    }
    in += 16;
  }
#else
  while (in < end && (*in == ' ' || *in == '\n' || *in == '\r' || *in == '\t'))
    in++;
#endif
  return in < end ? in : end;
}

const char *gw_json_next_slow(gw_json_reader *reader, const char *in, char close, bool *more) {
  in = gw_json_space(reader, in);
  if (GW_LIKELY(in < reader->end)) {
    *more = *in == ',';
    if (*more) return gw_json_space(reader, in + 1);
    if (*in == close) return in + 1;
  }
  return gw_json_fail_syntax(reader, in, close == '}' ? GW_STR("',' or '}'") : GW_STR("',' or ']'"))
      .in;
}

const char *gw_json_too_deep(gw_json_reader *reader, const char *in) {
  return gw_json_fail(reader, in, GW_BAD_REQUEST, "nested deeper than %d levels", GW_JSON_DEPTH_MAX)
      .in;
}

const char *gw_json_colon(gw_json_reader *reader, const char *in) {
  in = gw_json_space(reader, in);
  if (in >= reader->end || *in != ':') {
    return gw_json_fail_syntax(reader, in, GW_STR("':'")).in;
  }
  return gw_json_space(reader, in + 1);
}

gw_json_pos gw_json_prefix_move(gw_json_reader *reader, const gw_field *field, gw_json_pos pos,
                                gw_json_prefix prefix) {
  if (pos.out > reader->limit) { /* closing many levels adds up: the slack is for one value */
    pos = gw_json_room(reader, pos, 0);
    if (gw_json_failed(pos)) return pos;
  }
  char *at = reader->base + prefix.at, *content = at + prefix.reserved;
  size_t n = (size_t)(pos.out - content);
  char bytes[10];
  size_t needed = (size_t)(gw_json_put_varint(bytes, n) - bytes);
  if (needed != prefix.reserved) {
    memmove(at + needed, content, n);
    reader->memo->length_bytes[field->id] = (uint8_t)needed;
  }
  memcpy(at, bytes, needed);
  pos.out = at + needed + n;
  return pos;
}

/* ---- keys -------------------------------------------------------------------------------------*/

const gw_field *gw_json_field_find(const gw_json_reader *reader, const gw_message *message,
                                   gw_str name) {
  const gw_field *field = gw_message_field_by_name(message, name);
  if (field != NULL || name.n < 3 || name.p[0] != '[' || name.p[name.n - 1] != ']') return field;
  field = gw_pool_find_extension(reader->codec->pool, (gw_str){ name.p + 1, name.n - 2 });
  return field != NULL && field->parent == message ? field : NULL;
}

static gw_json_pos json_unknown(gw_json_reader *reader, const gw_message *message, gw_str name,
                                const char *key, gw_json_pos pos) {
  if (!reader->codec->style.reject_unknown) {
    reader->codec->unknown_count++;
    pos.in = gw_json_skip(reader, pos.in, NULL);
    return pos;
  }
  const gw_str *nearest = gw_message_nearest_field(message, name);
  int shown = (int)gw_size_min(name.n, 64);
  if (nearest != NULL) {
    pos = gw_json_fail(reader, key, GW_BAD_VALUE,
                       GW_STR_FMT " has no field \"%.*s\"; did you mean \"" GW_STR_FMT "\"?",
                       GW_STR_ARG(message->full_name), shown, name.p, GW_STR_ARG(*nearest));
  } else {
    pos = gw_json_fail(reader, key, GW_BAD_VALUE, GW_STR_FMT " has no field \"%.*s\"",
                       GW_STR_ARG(message->full_name), shown, name.p);
  }
  gw_json_where_key(reader, key);
  return pos;
}

/* A key that is not the expected one: its field in reader->found, and pos behind the colon; or NULL
 * and pos behind the value, which was taken or ignored.  Learns what came here. */
static gw_json_pos json_key_find(gw_json_reader *reader, const gw_message *message,
                                 gw_json_any *any, gw_json_pos pos, gw_codec_guess *guess) {
  const char *key = pos.in;
  reader->found = NULL;
  gw_str name;
  bool taken = false;
  if (key >= reader->end || *key != '"') {
    return gw_json_fail_syntax(reader, key, GW_STR("a key in quotes"));
  }
  pos.in = gw_json_text(reader, key, &name);
  if (pos.in != NULL) pos.in = gw_json_colon(reader, pos.in);
  if (gw_json_failed(pos)) return pos;
  if (any != NULL) pos = gw_json_any_member(reader, any, name, key, pos, &taken);
  if (taken || gw_json_failed(pos)) return pos;
  const gw_field *field = gw_json_field_find(reader, message, name);
  if (field == NULL) return json_unknown(reader, message, name, key, pos);
  /* Names may cross over: the proto name is expected only where it was found to be this field. */
  guess->field = reader->found = field;
  guess->key = gw_str_eq(name, field->json_name) ? field->key_json : field->key_proto;
  return pos;
}

/* ---- one value --------------------------------------------------------------------------------*/

/* Behind the start tag: content and end tag, which differs in the wire type. */
static gw_json_pos json_group(gw_json_reader *reader, const gw_field *field, gw_json_pos pos) {
  pos = gw_json_message(reader, field->message, pos);
  if (!gw_json_failed(pos) && pos.out > reader->limit) pos = gw_json_room(reader, pos, 0);
  if (gw_json_failed(pos)) return pos;
  char *end_tag = pos.out;
  pos.out = gw_json_put_tag(pos.out, field);
  *end_tag = (char)((*end_tag & ~7) | GW_WIRE_END_GROUP);
  return pos;
}

/* An item of a message set, behind its tag: a message with its length, and the end of the group. */
static gw_json_pos json_item(gw_json_reader *reader, const gw_field *field, gw_json_pos pos) {
  pos = gw_json_nested(reader, field, pos);
  if (!gw_json_failed(pos) && pos.out > reader->limit) pos = gw_json_room(reader, pos, 0);
  if (gw_json_failed(pos)) return pos;
  *pos.out++ = (char)((field->tag[0] & ~7) | GW_WIRE_END_GROUP);
  return pos;
}

static GW_ALWAYS_INLINE gw_json_pos json_payload(gw_json_reader *reader, const gw_field *field,
                                                 gw_json_pos pos) {
  switch ((gw_kind)field->kind) { /* the only switch on kind of this direction */
  case GW_KIND_STRING: return gw_json_short_string(reader, field, pos);
  case GW_KIND_MESSAGE: return gw_json_nested(reader, field, pos);
  case GW_KIND_BOOL: return gw_json_bool(reader, field, pos);
  case GW_KIND_ENUM: return gw_json_enum(reader, field, pos);
  case GW_KIND_BYTES: return gw_json_bytes(reader, field, pos);
  case GW_KIND_DOUBLE:
  case GW_KIND_FLOAT: return gw_json_floating(reader, field, pos);
  case GW_KIND_GROUP:
    return field->item ? json_item(reader, field, pos) : json_group(reader, field, pos);
  default: return gw_json_integer(reader, field, pos);
  }
}

gw_json_pos gw_json_payload(gw_json_reader *reader, const gw_field *field, gw_json_pos pos) {
  return json_payload(reader, field, pos);
}

static GW_ALWAYS_INLINE gw_json_pos json_singular(gw_json_reader *reader, const gw_field *field,
                                                  gw_json_pos pos) {
  pos.out = gw_json_put_tag(pos.out, field);
  size_t at = gw_json_offset(reader, pos.out);
  pos = json_payload(reader, field, pos);
  if (gw_json_failed(pos)) return pos;
  const char *payload = reader->base + at;
  /* Every implicit default begins with a zero byte, and hardly anything else does. */
  bool dropped =
      pos.out == payload || (GW_UNLIKELY(*payload == 0) && !field->presence &&
                             gw_json_is_default(field, payload, (size_t)(pos.out - payload)));
  if (GW_UNLIKELY(dropped)) pos.out = reader->base + at - field->tag_n;
  return pos;
}

gw_json_pos gw_json_singular(gw_json_reader *reader, const gw_field *field, gw_json_pos pos) {
  return json_singular(reader, field, pos);
}

/* ---- members ----------------------------------------------------------------------------------*/

/* The same as json_see() for numbers from 64 on. */
static bool json_see_far(gw_json_reader *reader, const gw_message *message, size_t *words_at,
                         bool oneof, uint32_t i, bool *twice) {
  size_t field_words = (message->field_count + 63) / 64;
  size_t words = field_words + (message->oneof_count + 63) / 64;
  if (*words_at == GW_JSON_NO_WORDS) *words_at = gw_json_words_push(reader, words);
  if (*words_at == GW_JSON_NO_WORDS) return false;
  uint64_t *word = reader->words + *words_at + (oneof ? field_words : 0) + i / 64;
  uint64_t bit = (uint64_t)1 << (i % 64);
  *twice = (*word & bit) != 0;
  *word |= bit;
  return true;
}

/* Marks field or oneof `i`; *twice: it was marked.  False: no memory. */
static inline bool json_see(gw_json_reader *reader, const gw_message *message, json_seen *seen,
                            bool oneof, uint32_t i, bool *twice) {
  if (GW_UNLIKELY(i >= 64)) return json_see_far(reader, message, &seen->words, oneof, i, twice);
  uint64_t *word = oneof ? &seen->oneofs : &seen->fields;
  *twice = (*word >> i & 1) != 0;
  *word |= (uint64_t)1 << i;
  return true;
}

/* Whether null is a value of the field, not its absence. */
static bool json_takes_null(const gw_field *field) {
  if (field->message != NULL) return field->message->wkt == GW_WKT_VALUE;
  return field->enumeration != NULL && field->enumeration->null_value;
}

static bool json_is_null(const gw_json_reader *reader, const char *in) {
  return reader->end - in >= 4 && memcmp(in, "null", 4) == 0;
}

static GW_ALWAYS_INLINE gw_json_pos json_value(gw_json_reader *reader, const gw_field *field,
                                               gw_json_pos pos) {
  if (!field->repeated) return json_singular(reader, field, pos);
  return field->map ? gw_json_map(reader, field, pos) : gw_json_list(reader, field, pos);
}

/* D-40: the same field once more.  What is written later wins on the wire, and so a default has to
 * be written too; lists go on, and submessages merge. */
static GW_COLD gw_json_pos json_member_again(gw_json_reader *reader, const gw_field *field,
                                             gw_json_pos pos) {
  if (json_is_null(reader, pos.in) && (field->repeated || !json_takes_null(field))) {
    pos.in += 4;
    return pos;
  }
  if (pos.out > reader->limit) pos = gw_json_room(reader, pos, 0);
  if (gw_json_failed(pos)) return pos;
  if (field->repeated) return json_value(reader, field, pos);
  size_t at = gw_json_offset(reader, pos.out);
  pos.out = gw_json_put_tag(pos.out, field);
  pos = json_payload(reader, field, pos);
  if (gw_json_failed(pos)) return pos;
  /* An unknown enum name is nothing at all. */
  if (gw_json_offset(reader, pos.out) == at + field->tag_n) pos.out = reader->base + at;
  return pos;
}

/* What stands behind `field`'s colon.  A null is absence, which also a member of a oneof may be. */
static GW_ALWAYS_INLINE gw_json_pos json_member(gw_json_reader *reader, const gw_message *message,
                                                const gw_field *field, gw_json_pos pos,
                                                json_seen *seen, const char *key) {
  bool twice;
  pos.in = gw_json_space(reader, pos.in);
  if (GW_UNLIKELY(pos.in >= reader->end)) {
    return gw_json_fail_end(reader);
  }
  if (!json_see(reader, message, seen, false, field->index, &twice)) {
    return gw_json_fail_memory(reader, GW_NOMEM);
  }
  if (GW_UNLIKELY(twice)) {
    if (reader->codec->style.last_key_wins && field->oneof < 0)
      return json_member_again(reader, field, pos);
    return gw_json_fail(reader, key, GW_BAD_VALUE, "the field is given twice");
  }
  if (GW_UNLIKELY(*pos.in == 'n') && json_is_null(reader, pos.in) &&
      (field->repeated || !json_takes_null(field))) {
    pos.in += 4;
    return pos;
  }
  if (field->oneof >= 0) {
    if (!json_see(reader, message, seen, true, (uint32_t)field->oneof, &twice)) {
      return gw_json_fail_memory(reader, GW_NOMEM);
    }
    if (GW_UNLIKELY(twice)) {
      return gw_json_fail(reader, key, GW_BAD_VALUE,
                          "another member of oneof \"" GW_STR_FMT "\" is given too",
                          GW_STR_ARG(message->oneofs[field->oneof]));
    }
  }
  if (GW_UNLIKELY(pos.out > reader->limit)) {
    pos = gw_json_room(reader, pos, 0);
    if (gw_json_failed(pos)) return pos;
  }
  return json_value(reader, field, pos);
}

/* One call for each level of nesting is what the whole text pays for: hence in place. */
static GW_ALWAYS_INLINE gw_json_pos json_members(gw_json_reader *reader, const gw_message *message,
                                                 gw_json_pos pos, gw_json_any *any) {
  json_seen seen = { 0, 0, GW_JSON_NO_WORDS };
  gw_codec_guess *guess = &reader->memo->first_field[message->id];
  for (;;) {
    const char *key = pos.in;
    const gw_field *field = guess->field;
    pos.in = field != NULL ? gw_json_starts(reader, key, guess->key.p, guess->key.n) : NULL;
    if (GW_UNLIKELY(pos.in == NULL)) {
      pos = json_key_find(reader, message, any, (gw_json_pos){ key, pos.out }, guess);
      if (gw_json_failed(pos)) return pos;
      field = reader->found;
    }
    if (GW_LIKELY(field != NULL)) {
      pos = json_member(reader, message, field, pos, &seen, key);
      if (gw_json_failed(pos)) {
        gw_json_where_key(reader, key);
        return pos;
      }
      guess = &reader->memo->next_field[field->id];
    }
    if (GW_LIKELY(*pos.in == ',')) { /* behind the end of the text there is no key either */
      pos.in = gw_json_space(reader, pos.in + 1);
      continue;
    }
    bool more;
    pos.in = gw_json_next(reader, pos.in, '}', &more);
    if (gw_json_failed(pos)) return pos;
    if (!more) break;
  }
  if (seen.words != GW_JSON_NO_WORDS) reader->words_n = seen.words;
  return pos;
}

gw_json_pos gw_json_members(gw_json_reader *reader, const gw_message *message, gw_json_pos pos,
                            gw_json_any *any) {
  return json_members(reader, message, pos, any);
}

/* ---- messages and lists -----------------------------------------------------------------------*/

/* Behind '{' and its space; NULL: failed. */
static inline const char *json_object_open(gw_json_reader *reader, const gw_message *message,
                                           const char *in) {
  if (GW_LIKELY(*in == '{')) return gw_json_open(reader, in);
  return gw_json_fail_shape(reader, in, "an object", message->full_name).in;
}

gw_json_pos gw_json_message(gw_json_reader *reader, const gw_message *message, gw_json_pos pos) {
  if (GW_UNLIKELY(gw_message_has_own_json(message))) return gw_json_wkt(reader, message, pos);
  pos.in = json_object_open(reader, message, pos.in);
  if (gw_json_failed(pos)) return pos;
  if (*pos.in == '}' && pos.in < reader->end) {
    pos.in++;
  } else {
    pos = gw_json_members(reader, message, pos, NULL);
  }
  reader->depth--;
  return pos;
}

/* The same as gw_json_message(), with everything in place. */
gw_json_pos gw_json_nested(gw_json_reader *reader, const gw_field *field, gw_json_pos pos) {
  const gw_message *message = field->message;
  gw_json_prefix prefix = gw_json_prefix_open(reader, field, pos.out);
  pos.out += prefix.reserved;
  if (GW_UNLIKELY(gw_message_has_own_json(message))) {
    pos = gw_json_wkt(reader, message, pos);
    if (gw_json_failed(pos)) return pos;
    return gw_json_prefix_close(reader, field, pos, prefix);
  }
  pos.in = json_object_open(reader, message, pos.in);
  if (gw_json_failed(pos)) return pos;
  if (*pos.in == '}' && pos.in < reader->end) {
    pos.in++;
  } else {
    pos = json_members(reader, message, pos, NULL);
    if (gw_json_failed(pos)) return pos;
  }
  reader->depth--;
  return gw_json_prefix_close(reader, field, pos, prefix);
}

/* One element, tagged unless packed; nothing when it is dropped. */
static inline gw_json_pos json_element(gw_json_reader *reader, const gw_field *field,
                                       gw_json_pos pos) {
  if (GW_UNLIKELY(pos.in >= reader->end)) {
    return gw_json_fail_end(reader);
  }
  if (GW_UNLIKELY(pos.out > reader->limit)) {
    pos = gw_json_room(reader, pos, 0);
    if (gw_json_failed(pos)) return pos;
  }
  if (field->packed) return json_payload(reader, field, pos);
  size_t at = gw_json_offset(reader, pos.out);
  pos.out = gw_json_put_tag(pos.out, field);
  pos = json_payload(reader, field, pos);
  if (!gw_json_failed(pos) && gw_json_offset(reader, pos.out) == at + field->tag_n) {
    pos.out = reader->base + at;
  }
  return pos;
}

/* D-39: one value where a list is expected is a list of it. */
static GW_COLD gw_json_pos json_lone_element(gw_json_reader *reader, const gw_field *field,
                                             gw_json_pos pos) {
  size_t at = gw_json_offset(reader, pos.out);
  pos.out = gw_json_put_tag(pos.out, field); /* packed or not, both are read */
  pos = json_payload(reader, field, pos);
  if (!gw_json_failed(pos) && gw_json_offset(reader, pos.out) == at + field->tag_n)
    pos.out = reader->base + at;
  return pos;
}

gw_json_pos gw_json_list(gw_json_reader *reader, const gw_field *field, gw_json_pos pos) {
  if (GW_UNLIKELY(*pos.in != '[')) {
    if (reader->codec->style.lenient) return json_lone_element(reader, field, pos);
    return gw_json_fail_shape(reader, pos.in, "an array", gw_field_type_name(field));
  }
  size_t at = gw_json_offset(reader, pos.out);
  gw_json_prefix prefix = { 0, 0 };
  pos.in = gw_json_space(reader, pos.in + 1); /* no level: see GW_JSON_DEPTH_MAX */
  bool more = !(*pos.in == ']' && pos.in < reader->end);
  if (!more) pos.in++;
  if (field->packed) {
    memcpy(pos.out, field->packed_tag, 8);
    prefix = gw_json_prefix_open(reader, field, pos.out + field->tag_n);
    pos.out += field->tag_n + prefix.reserved;
  }
  if (more && field->packed && field->kind != GW_KIND_BOOL && field->kind != GW_KIND_ENUM) {
    bool floating = field->kind == GW_KIND_DOUBLE || field->kind == GW_KIND_FLOAT;
    pos = floating ? gw_json_floatings(reader, field, pos) : gw_json_integers(reader, field, pos);
    if (gw_json_failed(pos)) return pos;
    more = false;
  }
  for (size_t index = 0; more; index++) {
    pos = json_element(reader, field, pos);
    if (gw_json_failed(pos)) {
      gw_json_where_index(reader, index);
      return pos;
    }
    pos.in = gw_json_next(reader, pos.in, ']', &more);
    if (gw_json_failed(pos)) return pos;
  }
  if (!field->packed) return pos;
  bool empty = pos.out == reader->base + prefix.at + prefix.reserved;
  if (!empty) return gw_json_prefix_close(reader, field, pos, prefix);
  pos.out = reader->base + at;
  return pos;
}

/* ---- the whole text ---------------------------------------------------------------------------*/

static gw_code json_start(gw_json_reader *reader, gw_codec *codec, gw_str json, gw_buf *out,
                          gw_err *err, gw_json_pos *pos) {
  reader->begin = json.p;
  reader->end = json.p + json.n;
  reader->memo = codec->memo;
  reader->codec = codec;
  reader->out = out;
  reader->err = err;
  reader->code = GW_OK;
  reader->depth = 0;
  reader->words = NULL;
  reader->words_n = reader->words_cap = 0;
  reader->seed = 0;
  reader->scratch = NULL;
  reader->scratch_cap = 0;
  reader->types = (gw_json_types){ 0 };
  reader->where_n = reader->pointer_n = 0;
  /* No route takes more, and offsets have 32 bits. */
  if (json.n > GW_ROUTE_BODY_BYTES_MAX || out->n > out->max) {
    return gw_err_set(err, GW_TOO_LARGE, "a text of %zu bytes is over the limit", json.n);
  }
  /* Most texts are longer than their message. */
  gw_code code = gw_buf_reserve(out, gw_size_min(json.n, out->max - out->n));
  if (code != GW_OK) return gw_json_fail_memory(reader, code), code;
  json_limit(reader);
  pos->in = gw_json_space_slow(reader, json.p);
  pos->out = out->p + out->n;
  return GW_OK;
}

static gw_code json_finish(gw_json_reader *reader, gw_json_pos pos) {
  if (!gw_json_failed(pos)) {
    pos.in = gw_json_space_slow(reader, pos.in);
    if (pos.in != reader->end && !reader->codec->style.tail_ignored) {
      pos = gw_json_fail(reader, pos.in, GW_BAD_REQUEST, "something follows the value");
    } else if (gw_json_offset(reader, pos.out) > reader->out->max) {
      pos = gw_json_fail_memory(reader, GW_TOO_LARGE);
    }
  }
  if (!gw_json_failed(pos)) {
    reader->out->n = gw_json_offset(reader, pos.out);
    return GW_OK;
  }
  gw_json_where_done(reader);
  return reader->code;
}

static gw_code json_read_message(gw_codec *codec, const gw_message *message, gw_str json,
                                 gw_buf *out, gw_err *err) {
  gw_json_reader reader;
  gw_json_pos pos;
  gw_code code = json_start(&reader, codec, json, out, err, &pos);
  if (code != GW_OK) return code;
  if (pos.in >= reader.end) {
    pos = gw_json_fail_end(&reader);
  } else {
    pos = gw_json_message(&reader, message, pos);
  }
  return json_finish(&reader, pos);
}

static gw_code json_read_field(gw_codec *codec, const gw_field *field, gw_str json, gw_buf *out,
                               gw_err *err) {
  gw_json_reader reader;
  gw_json_pos pos;
  gw_code code = json_start(&reader, codec, json, out, err, &pos);
  if (code != GW_OK) return code;
  if (pos.in >= reader.end) {
    pos = gw_json_fail_end(&reader);
  } else if (json_is_null(&reader, pos.in) && (field->repeated || !json_takes_null(field))) {
    pos.in += 4;
  } else {
    pos = json_value(&reader, field, pos);
  }
  return json_finish(&reader, pos);
}

/* ---- once more, for what only a peer takes for JSON (D-39) ---- */

typedef struct json_undo {
  size_t out_n;
  uint64_t unknown_count;
} json_undo;

/* True: `json` is now a strict text, and everything as it was before the first attempt. */
static GW_COLD bool json_retry(gw_codec *codec, gw_code code, json_undo undo, gw_str *json,
                               gw_buf *out, gw_err *err) {
  if (code != GW_BAD_REQUEST || !codec->style.lenient) return false;
  if (gw_json_lenient_rewrite(*json, codec->arena, json) != GW_OK) return false;
  out->n = undo.out_n;
  codec->unknown_count = undo.unknown_count;
  if (err != NULL) gw_err_init(err);
  return true;
}

gw_code gw_json_to_wire(gw_codec *codec, const gw_message *message, gw_str json, gw_buf *out,
                        gw_err *err) {
  json_undo undo = { out->n, codec->unknown_count };
  gw_code code = json_read_message(codec, message, json, out, err);
  if (GW_LIKELY(code == GW_OK) || !json_retry(codec, code, undo, &json, out, err)) return code;
  return json_read_message(codec, message, json, out, err);
}

gw_code gw_json_to_wire_field(gw_codec *codec, const gw_field *field, gw_str json, gw_buf *out,
                              gw_err *err) {
  json_undo undo = { out->n, codec->unknown_count };
  gw_code code = json_read_field(codec, field, json, out, err);
  if (GW_LIKELY(code == GW_OK) || !json_retry(codec, code, undo, &json, out, err)) return code;
  return json_read_field(codec, field, json, out, err);
}
