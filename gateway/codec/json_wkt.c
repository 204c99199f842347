#include "codec/json_reader.h"
#include "codec/wkt_text.h"

/* Timestamp and Duration: seconds and nanos, each unless zero. */
static gw_json_pos wkt_time(gw_json_reader *reader, const gw_message *message, gw_json_pos pos) {
  bool timestamp = message->wkt == GW_WKT_TIMESTAMP;
  gw_str text;
  int64_t seconds;
  int32_t nanos;
  if (*pos.in != '"') {
    return gw_json_fail_expected(reader, pos.in,
                                 timestamp ? GW_STR("a timestamp like \"2006-01-02T15:04:05Z\"")
                                           : GW_STR("a duration like \"1.5s\""));
  }
  const char *next = gw_json_text(reader, pos.in, &text);
  if (next == NULL) return (gw_json_pos){ NULL, NULL };
  bool valid = timestamp
                   ? gw_timestamp_parse(text, &seconds, &nanos)
                   : gw_duration_parse_as(text, reader->codec->style.durations, &seconds, &nanos);
  if (!valid) {
    return gw_json_fail(reader, pos.in, GW_BAD_VALUE, "\"%.*s\" is no %s",
                        (int)gw_size_min(text.n, GW_TIME_TEXT_MAX), text.p,
                        timestamp ? "timestamp like \"2006-01-02T15:04:05Z\""
                                  : "duration like \"1.5s\"");
  }
  if (seconds != 0) {
    pos.out = gw_json_put_tag(pos.out, &message->fields[0]);
    pos.out = gw_json_put_varint(pos.out, (uint64_t)seconds);
  }
  if (nanos != 0) {
    pos.out = gw_json_put_tag(pos.out, &message->fields[1]);
    pos.out = gw_json_put_varint(pos.out, (uint64_t)(int64_t)nanos);
  }
  pos.in = next;
  return pos;
}

/* One path of a mask, tagged.  Its length is known before it is converted: each capital becomes
 * two characters. */
static gw_json_pos wkt_mask_path(gw_json_reader *reader, const gw_field *paths, gw_str path,
                                 gw_json_pos pos, const char *next) {
  size_t n = path.n;
  for (size_t i = 0; i < path.n; i++) {
    if (path.p[i] >= 'A' && path.p[i] <= 'Z') n++;
  }
  const char *begin = pos.in;
  pos = gw_json_room(reader, pos, n + paths->tag_n + GW_JSON_PREFIX_MAX);
  if (gw_json_failed(pos)) return pos;
  pos.out = gw_json_put_varint(gw_json_put_tag(pos.out, paths), n);
  reader->out->n = gw_json_offset(reader, pos.out);
  gw_mask_form form = reader->codec->style.mask_snake ? GW_MASK_EITHER : GW_MASK_CAMEL;
  gw_code code = gw_field_mask_path_parse(path, form, reader->out);
  if (code == GW_BAD_VALUE) {
    return gw_json_fail(reader, begin, code, "\"%.*s\" is no path in lowerCamelCase",
                        (int)gw_size_min(path.n, 64), path.p);
  }
  if (code != GW_OK) return gw_json_fail_memory(reader, code);
  return gw_json_resume(reader, next);
}

static gw_json_pos wkt_field_mask(gw_json_reader *reader, const gw_message *message,
                                  gw_json_pos pos) {
  gw_str rest;
  if (*pos.in != '"') {
    return gw_json_fail_expected(reader, pos.in, GW_STR("a field mask like \"a,b.c\""));
  }
  const char *begin = pos.in, *next = gw_json_text(reader, begin, &rest);
  if (next == NULL) return (gw_json_pos){ NULL, NULL };
  if (rest.n == 0) return (gw_json_pos){ next, pos.out };
  for (bool more = true; more;) {
    more = gw_str_find(rest, ',') < rest.n; /* a comma promises one more path, even at the end */
    pos.in = begin;
    pos = wkt_mask_path(reader, &message->fields[0], gw_str_cut(&rest, ','), pos, next);
    if (gw_json_failed(pos)) return pos;
  }
  return pos;
}

/* The list of a field is no level, a ListValue is one. */
static gw_json_pos wkt_list_value(gw_json_reader *reader, const gw_message *message,
                                  gw_json_pos pos) {
  if (*pos.in == '[' && gw_json_open(reader, pos.in) == NULL) return (gw_json_pos){ NULL, NULL };
  pos = gw_json_list(reader, &message->fields[0], pos);
  reader->depth--;
  return pos;
}

/* google.protobuf.Value: the member that the JSON value's first byte names (struct.proto). */
static gw_json_pos wkt_value(gw_json_reader *reader, const gw_message *message, gw_json_pos pos) {
  enum { VALUE_NULL, VALUE_NUMBER, VALUE_STRING, VALUE_BOOL, VALUE_STRUCT, VALUE_LIST };
  unsigned member;
  switch (*pos.in) {
  case '"': member = VALUE_STRING; break;
  case 't':
  case 'f': member = VALUE_BOOL; break;
  case '{': member = VALUE_STRUCT; break;
  case '[': member = VALUE_LIST; break;
  case 'n': member = VALUE_NULL; break;
  case '-': member = VALUE_NUMBER; break;
  default:
    if ((unsigned char)(*pos.in - '0') > 9) {
      return gw_json_fail_expected(reader, pos.in, GW_STR("a value"));
    }
    member = VALUE_NUMBER;
  }
  const gw_field *field = &message->fields[member];
  pos.out = gw_json_put_tag(pos.out, field);
  return gw_json_payload(reader, field, pos);
}

gw_json_pos gw_json_wkt(gw_json_reader *reader, const gw_message *message, gw_json_pos pos) {
  switch (message->wkt) {
  case GW_WKT_ANY: return gw_json_any_read(reader, message, pos);
  case GW_WKT_TIMESTAMP:
  case GW_WKT_DURATION: return wkt_time(reader, message, pos);
  case GW_WKT_FIELD_MASK: return wkt_field_mask(reader, message, pos);
  case GW_WKT_STRUCT: return gw_json_map(reader, &message->fields[0], pos);
  case GW_WKT_LIST_VALUE: return wkt_list_value(reader, message, pos);
  case GW_WKT_VALUE: return wkt_value(reader, message, pos);
  default: return gw_json_singular(reader, &message->fields[0], pos); /* wrappers */
  }
}
