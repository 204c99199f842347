#include "codec/wire_printer.h"
#include "codec/wkt_text.h"

/* ---- Timestamp, Duration, wrappers, FieldMask ---- */

typedef struct wire_pair {
  int64_t seconds;
  int32_t nanos;
} wire_pair;

/* Timestamp and Duration have the same fields: seconds = 1, nanos = 2; the last ones win. */
static bool pair_read(gw_wire_printer *s, gw_wire_span span, wire_pair *pair) {
  const uint8_t *p = span.p;
  while (p < span.end) {
    uint32_t tag;
    uint64_t value = 0;
    const uint8_t *begin = p;
    p = gw_wire_tag(p, span.end, &tag);
    if (p != NULL && (tag & 7) == GW_WIRE_VARINT) {
      p = gw_wire_varint(p, s->wire_end, &value);
      if (p > span.end) p = NULL; /* read with what stands behind it, which is faster */
      if (tag >> 3 == 1) pair->seconds = (int64_t)value;
      if (tag >> 3 == 2) pair->nanos = (int32_t)value;
    } else if (p != NULL) {
      p = gw_wire_skip(p, span.end, tag);
    }
    if (p == NULL) {
      gw_wire_malformed(s, begin);
      return false;
    }
  }
  return true;
}

static gw_wire_at pair_print(gw_wire_printer *s, const gw_message *message, wire_pair pair,
                             char *w) {
  w = gw_wire_room(s, w, 2);
  if (w == NULL) return GW_WIRE_FAILED;
  bool timestamp = message->wkt == GW_WKT_TIMESTAMP;
  size_t n = timestamp ? gw_timestamp_print(pair.seconds, pair.nanos, w + 1)
                       : gw_duration_print(pair.seconds, pair.nanos, w + 1);
  if (n == 0) {
    return gw_wire_fail(s, GW_BAD_ANSWER, "a %s out of range: %lld seconds and %d nanoseconds",
                        timestamp ? "timestamp" : "duration", (long long)pair.seconds, pair.nanos);
  }
  w[0] = w[n + 1] = '"';
  return (gw_wire_at){ s->wire, w + n + 2 };
}

static gw_wire_at time_print(gw_wire_printer *s, const gw_message *message,
                             const gw_wire_source *source, char *w) {
  gw_wire_walk walk;
  gw_wire_span span;
  wire_pair pair = { 0, 0 };
  gw_wire_walk_begin(&walk, source);
  while (gw_wire_walk_next(s, &walk, &span)) {
    if (!pair_read(s, span, &pair)) return GW_WIRE_FAILED;
  }
  return pair_print(s, message, pair, w);
}

static gw_wire_at wrapper_print(gw_wire_printer *s, const gw_message *message,
                                const gw_wire_source *source, char *w) {
  const gw_field *field = &message->fields[0];
  gw_wire_walk walk;
  gw_wire_span span;
  gw_wire_at last = { NULL, w };
  gw_wire_walk_begin(&walk, source);
  while (gw_wire_walk_next(s, &walk, &span)) {
    for (const uint8_t *p = span.p; p < span.end;) {
      uint32_t tag;
      const uint8_t *value = gw_wire_tag(p, span.end, &tag);
      const uint8_t *next = value != NULL ? gw_wire_skip(value, span.end, tag) : NULL;
      if (next == NULL) return gw_wire_malformed(s, p);
      if (tag == (field->number << 3 | field->wire_type)) last.p = value;
      p = next;
    }
  }
  if (last.p != NULL) return gw_wire_value_print(s, field, last, s->wire_end, true);
  w = gw_wire_default_print(s, field, w);
  return w != NULL ? (gw_wire_at){ s->wire, w } : GW_WIRE_FAILED;
}

static char *mask_path_print(gw_wire_printer *s, gw_str path, char *w) {
  if (path.n == 0) {
    gw_wire_fail(s, GW_BAD_ANSWER, "a FieldMask with an empty path");
    return NULL;
  }
  w = gw_wire_room(s, w, path.n + 1);
  if (w == NULL) return NULL;
  s->out->n = gw_wire_offset(s, w);
  if (gw_field_mask_path_print(path, s->out) != GW_OK) {
    gw_wire_fail(s, GW_BAD_ANSWER, "the FieldMask path '" GW_STR_FMT "' has no JSON form",
                 GW_STR_ARG(gw_str_first(path, gw_size_min(path.n, 100))));
    return NULL;
  }
  w = s->out->p + s->out->n;
  *w++ = ',';
  return w;
}

static gw_wire_at mask_print(gw_wire_printer *s, const gw_message *message,
                             const gw_wire_source *source, char *w) {
  gw_wire_walk walk;
  gw_wire_span span;
  w = gw_wire_room(s, w, 2);
  if (w == NULL) return GW_WIRE_FAILED;
  *w++ = '"';
  gw_wire_walk_begin(&walk, source);
  while (gw_wire_walk_next(s, &walk, &span)) {
    for (const uint8_t *p = span.p; p < span.end;) {
      uint32_t tag;
      const uint8_t *value = gw_wire_tag(p, span.end, &tag);
      const uint8_t *next = value != NULL ? gw_wire_skip(value, span.end, tag) : NULL;
      if (next == NULL) return gw_wire_malformed(s, p);
      p = next;
      if (tag != (message->fields[0].number << 3 | GW_WIRE_LENGTH)) continue;
      gw_wire_span path = { value, value };
      gw_wire_length(value, span.end, &path);
      w = mask_path_print(s, gw_wire_span_str(path), w);
      if (w == NULL) return GW_WIRE_FAILED;
    }
  }
  return (gw_wire_at){ s->wire, gw_wire_close(w, '"') };
}

/* ---- Any ---- */

typedef struct wire_any {
  gw_wire_span url, value;
} wire_any;

static bool any_read(gw_wire_printer *s, gw_wire_span span, wire_any *any) {
  for (const uint8_t *p = span.p; p < span.end;) {
    uint32_t tag;
    const uint8_t *value = gw_wire_tag(p, span.end, &tag);
    const uint8_t *next = value != NULL ? gw_wire_skip(value, span.end, tag) : NULL;
    if (next == NULL) {
      gw_wire_malformed(s, p);
      return false;
    }
    if (tag == (1 << 3 | GW_WIRE_LENGTH)) gw_wire_length(value, span.end, &any->url);
    if (tag == (2 << 3 | GW_WIRE_LENGTH)) gw_wire_length(value, span.end, &any->value);
    p = next;
  }
  return true;
}

/* The message that a type URL's last part names; NULL: reported. */
static const gw_message *any_resolve(gw_wire_printer *s, gw_str url) {
  size_t slash = url.n;
  while (slash > 0 && url.p[slash - 1] != '/') {
    slash--;
  }
  const gw_message *message = NULL;
  if (slash > 0 || s->codec->style.bare_types)
    message = gw_pool_find_message(s->codec->pool, gw_str_skip(url, slash));
  if (message == NULL) {
    gw_wire_fail(s, GW_BAD_ANSWER, "an Any of the unknown type '" GW_STR_FMT "'",
                 GW_STR_ARG(gw_str_first(url, gw_size_min(url.n, 200))));
  }
  return message;
}

static gw_wire_at any_value_print(gw_wire_printer *s, const gw_message *message, gw_wire_span value,
                                  char *w) {
  gw_wire_source source = { .span = value };
  if (!gw_message_has_own_json(message)) {
    *w++ = ',';
    if (s->index_only || gw_wire_is_special(message))
      return gw_wire_index_print(s, message, &source, w);
    return gw_wire_body_print(s, message, (gw_wire_at){ value.p, w }, value.end, 0);
  }
  w = GW_WIRE_PUT(w, ",\"value\":");
  size_t before = gw_wire_offset(s, w);
  gw_wire_at at = gw_wire_message_print(s, message, value, w);
  if (at.p == NULL) return at;
  if (at.w == NULL) at.w = GW_WIRE_PUT(s->out->p + before, "null");
  *at.w++ = '}';
  at.w = gw_wire_room(s, at.w, 0);
  return at.w != NULL ? at : GW_WIRE_FAILED;
}

static gw_wire_at any_print(gw_wire_printer *s, const gw_wire_source *source, char *w) {
  gw_wire_walk walk;
  gw_wire_span span;
  wire_any any = { { s->wire, s->wire }, { s->wire, s->wire } };
  gw_wire_walk_begin(&walk, source);
  while (gw_wire_walk_next(s, &walk, &span)) {
    if (!any_read(s, span, &any)) return GW_WIRE_FAILED;
  }
  w = gw_wire_room(s, w, 2);
  if (w == NULL) return GW_WIRE_FAILED;
  if (any.url.p == any.url.end && any.value.p == any.value.end) {
    return (gw_wire_at){ s->wire, GW_WIRE_PUT(w, "{}") };
  }
  const gw_message *message = any_resolve(s, gw_wire_span_str(any.url));
  if (message == NULL || !gw_wire_enter(s, any.value.p)) return GW_WIRE_FAILED;
  w = gw_wire_string_print(s, any.url, GW_WIRE_PUT(w, "{\"@type\":"));
  if (w == NULL) return GW_WIRE_FAILED;
  gw_wire_at at = any_value_print(s, message, any.value, w);
  s->depth--;
  /* On the wire the payload is bytes, whatever they are, and a later one may replace it. */
  if (at.p == NULL) s->malformed = false;
  return at;
}

/* ---- Struct, Value, ListValue while they are read ---- */

/* Left out, or an error (D-52). */
static gw_wire_at unset_value_print(gw_wire_printer *s, gw_wire_at at) {
  if (!s->codec->style.value_needed) return at;
  return gw_wire_fail(s, GW_BAD_ANSWER, "a google.protobuf.Value without a value");
}

/* A Struct or ListValue is there even without a member, a Value is not. */
static gw_wire_at bare_print(gw_wire_printer *s, const gw_message *message,
                             const gw_wire_source *source, char *w) {
  size_t before = gw_wire_offset(s, w);
  gw_wire_at at = gw_wire_index_bare_print(s, message, source, w);
  if (at.p == NULL || at.w != NULL) return at;
  if (message->wkt == GW_WKT_VALUE) return unset_value_print(s, at);
  at.w = gw_wire_default_print(s, &message->fields[0], s->out->p + before);
  return at.w != NULL ? at : GW_WIRE_FAILED;
}

/* Once more, by index: a key came twice, or a Value has more than one member. */
static gw_wire_at bare_restart(gw_wire_printer *s, const gw_message *message, gw_wire_span span,
                               size_t begin_offset) {
  gw_wire_source source = { .span = span };
  if (!gw_wire_restart_pay(s, (size_t)(span.end - span.p))) return GW_WIRE_FAILED;
  return bare_print(s, message, &source, s->out->p + begin_offset);
}

static gw_wire_at struct_print(gw_wire_printer *s, const gw_message *message, gw_wire_span span,
                               char *w) {
  size_t before = gw_wire_offset(s, w);
  gw_wire_at at =
      gw_wire_only_map_print(s, &message->fields[0], (gw_wire_at){ span.p, w }, span.end);
  if (at.p == NULL || at.w != NULL) return at;
  return bare_restart(s, message, span, before);
}

static gw_wire_at list_value_print(gw_wire_printer *s, const gw_message *message, gw_wire_span span,
                                   char *w) {
  const gw_field *field = &message->fields[0];
  uint64_t count = 0;
  *w++ = '[';
  for (const uint8_t *p = span.p; p < span.end;) {
    uint32_t tag;
    const uint8_t *value = gw_wire_tag(p, span.end, &tag);
    const uint8_t *next = value != NULL ? gw_wire_skip(value, span.end, tag) : NULL;
    if (next == NULL) return gw_wire_malformed(s, p);
    p = next;
    if (tag != (field->number << 3 | GW_WIRE_LENGTH)) continue;
    size_t before = gw_wire_offset(s, w);
    gw_wire_at at = gw_wire_value_print(s, field, (gw_wire_at){ value, w }, span.end, true);
    if (at.p == NULL) {
      gw_wire_path_index(s, count);
      return at;
    }
    w = at.w != NULL ? at.w : s->out->p + before;
    if (at.w != NULL) *w++ = ',';
    count++;
  }
  w = gw_wire_room(s, gw_wire_close(w, ']'), 0);
  return w != NULL ? (gw_wire_at){ span.end, w } : GW_WIRE_FAILED;
}

/* As a rule one member and nothing else. */
static gw_wire_at value_print(gw_wire_printer *s, const gw_message *message, gw_wire_span span,
                              char *w) {
  uint32_t tag;
  if (span.p == span.end) return unset_value_print(s, (gw_wire_at){ span.end, NULL });
  const uint8_t *value = gw_wire_tag(span.p, span.end, &tag);
  const uint8_t *next = value != NULL ? gw_wire_skip(value, span.end, tag) : NULL;
  if (next == NULL) return gw_wire_malformed(s, span.p);
  const gw_field *field = gw_message_field_by_number(message, tag >> 3);
  if (field == NULL || field->wire_type != (tag & 7) || next != span.end) {
    return bare_restart(s, message, span, gw_wire_offset(s, w));
  }
  return gw_wire_value_print(s, field, (gw_wire_at){ value, w }, span.end, true);
}

static gw_wire_at json_value_print(gw_wire_printer *s, const gw_message *message, gw_wire_span span,
                                   char *w) {
  if (message->wkt == GW_WKT_VALUE) return value_print(s, message, span, w);
  if (!gw_wire_enter(s, span.p)) return GW_WIRE_FAILED;
  w = gw_wire_room(s, w, 2);
  if (w == NULL) return GW_WIRE_FAILED;
  gw_wire_at at = message->wkt == GW_WKT_STRUCT ? struct_print(s, message, span, w)
                                                : list_value_print(s, message, span, w);
  s->depth--;
  return at;
}

/* ---- by type ---- */

static gw_wire_at bare_merged_print(gw_wire_printer *s, const gw_message *message,
                                    const gw_wire_source *source, char *w) {
  if (message->wkt == GW_WKT_VALUE) return bare_print(s, message, source, w);
  if (!gw_wire_enter(s, s->wire)) return GW_WIRE_FAILED;
  gw_wire_at at = bare_print(s, message, source, w);
  s->depth--;
  return at;
}

static gw_wire_at plain_merged_print(gw_wire_printer *s, const gw_message *message,
                                     const gw_wire_source *source, char *w) {
  if (!gw_wire_enter(s, s->wire)) return GW_WIRE_FAILED;
  w = gw_wire_room(s, w, 2);
  if (w == NULL) return GW_WIRE_FAILED;
  *w++ = '{';
  gw_wire_at at = gw_wire_index_print(s, message, source, w);
  s->depth--;
  return at;
}

gw_wire_at gw_wire_merged_print(gw_wire_printer *s, const gw_message *message,
                                const gw_wire_source *source, char *w) {
  switch (message->wkt) {
  case GW_WKT_TIMESTAMP:
  case GW_WKT_DURATION: return time_print(s, message, source, w);
  case GW_WKT_WRAPPER: return wrapper_print(s, message, source, w);
  case GW_WKT_FIELD_MASK: return mask_print(s, message, source, w);
  case GW_WKT_ANY: return any_print(s, source, w);
  case GW_WKT_STRUCT:
  case GW_WKT_VALUE:
  case GW_WKT_LIST_VALUE: return bare_merged_print(s, message, source, w);
  default: return plain_merged_print(s, message, source, w);
  }
}

gw_wire_at gw_wire_wkt_print(gw_wire_printer *s, const gw_message *message, gw_wire_span span,
                             char *w) {
  gw_wire_source source = { .span = span };
  gw_wire_at at;
  if (message->wkt == GW_WKT_TIMESTAMP) { /* the commonest, and from one span */
    wire_pair pair = { 0, 0 };
    at = pair_read(s, span, &pair) ? pair_print(s, message, pair, w) : GW_WIRE_FAILED;
  } else if (!s->index_only && message->wkt >= GW_WKT_STRUCT && message->wkt <= GW_WKT_LIST_VALUE) {
    at = json_value_print(s, message, span, w);
  } else {
    at = gw_wire_merged_print(s, message, &source, w);
  }
  return at.p != NULL ? (gw_wire_at){ span.end, at.w } : at;
}
