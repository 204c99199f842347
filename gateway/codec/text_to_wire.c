#include "codec/base64.h"
#include "codec/json_reader.h"
#include "codec/number.h"
#include "codec/utf8.h"
#include "codec/wkt_text.h"

#define TEXT_SHOWN_MAX   64 /* bytes of a wrong value that an error shows */
#define TEXT_PAYLOAD_MAX 16 /* bytes of any number */

typedef struct text_writer {
  gw_codec *codec;
  gw_str text;
  bool always;
  gw_buf *out;
  gw_err *err;
} text_writer;

static gw_code text_fail(const text_writer *w, const char *expected) {
  gw_str shown = gw_str_first(w->text, gw_size_min(w->text.n, TEXT_SHOWN_MAX));
  return gw_err_set(w->err, GW_BAD_VALUE, "expected %s, got \"" GW_STR_FMT "\"", expected,
                    GW_STR_ARG(shown));
}

static gw_code text_full(const text_writer *w, gw_code code) {
  if (code == GW_TOO_LARGE) {
    return gw_err_set(w->err, code, "the message is over its limit of %zu bytes", w->out->max);
  }
  return gw_err_set(w->err, code, "no memory left for this request");
}

static gw_code text_fail_type(const text_writer *w, const gw_field *field) {
  char expected[160];
  gw_str type = gw_field_type_name(field);
  memcpy(expected, type.p, gw_size_min(type.n, sizeof expected - 1));
  expected[gw_size_min(type.n, sizeof expected - 1)] = '\0';
  return text_fail(w, expected);
}

static gw_code text_fail_enum(const text_writer *w, const gw_field *field) {
  const gw_enum_value *near = gw_json_enum_nearest(field->enumeration, w->text);
  if (near == NULL) return text_fail_type(w, field);
  gw_str shown = gw_str_first(w->text, gw_size_min(w->text.n, TEXT_SHOWN_MAX));
  return gw_err_set(w->err, GW_BAD_VALUE,
                    "\"" GW_STR_FMT "\" is no " GW_STR_FMT "; did you mean \"" GW_STR_FMT "\"?",
                    GW_STR_ARG(shown), GW_STR_ARG(field->enumeration->full_name),
                    GW_STR_ARG(near->name));
}

/* ---- scalars ----------------------------------------------------------------------------------*/

/* Go's strconv.ParseBool() takes a word in one case: "true", "True", "TRUE". */
static bool text_is_go_case(gw_str text) {
  bool lower = false, upper = false;
  for (size_t i = 1; i < text.n; i++) {
    bool small = text.p[i] == gw_char_lower(text.p[i]);
    lower = lower || small;
    upper = upper || !small;
  }
  bool first_small = text.n > 0 && text.p[0] == gw_char_lower(text.p[0]);
  return !(lower && upper) && !(upper && first_small);
}

/* Old REST clients send ?active=1 (D-13). */
static bool text_bool(const gw_codec *codec, gw_str text, char **out) {
  static const gw_str words[] = { GW_STR_INIT("false"), GW_STR_INIT("true"), GW_STR_INIT("f"),
                                  GW_STR_INIT("t"),     GW_STR_INIT("0"),    GW_STR_INIT("1") };
  gw_bools bools = codec->style.bools;
  bool value;
  if (bools == GW_BOOLS_GO && !text_is_go_case(text)) return false;
  if (bools == GW_BOOLS_CPP && gw_json_lenient_bool(text, &value)) {
    *(*out)++ = (char)value;
    return true;
  }
  for (size_t i = 0; i < GW_COUNT_OF(words); i++) {
    if (!gw_str_eq_nocase(text, words[i])) continue;
    *(*out)++ = (char)(i & 1);
    return true;
  }
  return false;
}

static bool text_number(gw_str text, gw_number *number) {
  return gw_number_scan(text, number) && number->text.n == text.n;
}

static bool text_integer(const gw_codec *codec, const gw_field *field, gw_str text, char **out) {
  gw_number number;
  uint64_t magnitude;
  if (!text_number(text, &number)) return false;
  if (codec->style.plain_integers && !number.integral) return false;
  bool negative = number.negative;
  if (negative) {
    number.negative = false;
    number.text = gw_str_skip(number.text, 1);
  }
  return gw_number_to_u64(&number, &magnitude) == GW_OK &&
         gw_json_integer_encode(field, negative, magnitude, out);
}

/* A declared name or number; an undeclared number is more likely a mistake than a newer schema
 * (D-24). */
static bool text_enum(const gw_field *field, gw_str text, char **out) {
  const gw_enum_value *value = gw_enum_by_name(field->enumeration, text);
  gw_number number;
  int64_t wanted;
  if (value == NULL && text_number(text, &number) && number.integral &&
      gw_number_to_i64(&number, &wanted) == GW_OK && wanted >= INT32_MIN && wanted <= INT32_MAX) {
    value = gw_enum_by_number(field->enumeration, (int32_t)wanted);
  }
  if (value == NULL) return false;
  *out = gw_json_put_varint(*out, (uint64_t)(int64_t)value->number);
  return true;
}

static bool text_floating(const gw_field *field, gw_str text, char **out) {
  gw_number number;
  double wide = 0;
  float narrow = 0;
  if (gw_json_special_number(text, &wide)) {
    narrow = (float)wide;
  } else if (!text_number(text, &number)) {
    return false;
  } else if (field->kind == GW_KIND_DOUBLE) {
    if (gw_number_to_double(&number, &wide) != GW_OK) return false;
  } else if (gw_number_to_float(&number, &narrow) != GW_OK) {
    return false;
  }
  if (field->kind == GW_KIND_DOUBLE) {
    memcpy(*out, &wide, sizeof wide);
    *out += sizeof wide;
  } else {
    memcpy(*out, &narrow, sizeof narrow);
    *out += sizeof narrow;
  }
  return true;
}

/* Tag and payload, unless it is a default that need not be said. */
static gw_code text_put_number(const text_writer *w, const gw_field *field) {
  char payload[TEXT_PAYLOAD_MAX], *end = payload;
  bool good;
  switch ((gw_kind)field->kind) {
  case GW_KIND_BOOL: good = text_bool(w->codec, w->text, &end); break;
  case GW_KIND_ENUM: good = text_enum(field, w->text, &end); break;
  case GW_KIND_DOUBLE:
  case GW_KIND_FLOAT: good = text_floating(field, w->text, &end); break;
  default: good = text_integer(w->codec, field, w->text, &end);
  }
  if (!good && field->kind == GW_KIND_ENUM) return text_fail_enum(w, field);
  if (!good) return text_fail_type(w, field);
  size_t n = (size_t)(end - payload);
  bool kept = w->always || field->presence || field->repeated;
  if (!kept && gw_json_is_default(field, payload, n)) return GW_OK;
  gw_code code = gw_buf_reserve(w->out, field->tag_n + n);
  if (code != GW_OK) return text_full(w, code);
  char *out = gw_json_put_tag(w->out->p + w->out->n, field);
  memcpy(out, payload, n);
  w->out->n += field->tag_n + n;
  return GW_OK;
}

/* Room for tag, length and n bytes; returns where the bytes go, NULL: *code says why not. */
static char *text_open_bytes(const text_writer *w, const gw_field *field, size_t n, gw_code *code) {
  char prefix[10];
  size_t prefix_n = (size_t)(gw_json_put_varint(prefix, n) - prefix), total;
  *code = gw_add_overflows(n, field->tag_n + prefix_n, &total) ? GW_TOO_LARGE
                                                               : gw_buf_reserve(w->out, total);
  if (*code != GW_OK) return NULL;
  char *out = gw_json_put_tag(w->out->p + w->out->n, field);
  memcpy(out, prefix, prefix_n);
  w->out->n += field->tag_n + prefix_n;
  return out + prefix_n;
}

static gw_code text_put_string(const text_writer *w, const gw_field *field) {
  gw_code code;
  if (!gw_utf8_valid(w->text)) {
    return gw_err_set(w->err, GW_BAD_VALUE, "expected string, got bytes that are not UTF-8");
  }
  if (w->text.n == 0 && !w->always && !field->presence && !field->repeated) return GW_OK;
  char *out = text_open_bytes(w, field, w->text.n, &code);
  if (out == NULL) return text_full(w, code);
  if (w->text.n > 0) memcpy(out, w->text.p, w->text.n);
  w->out->n += w->text.n;
  return GW_OK;
}

static gw_code text_put_bytes(const text_writer *w, const gw_field *field) {
  gw_code code;
  size_t n, needed = w->text.n;
  char *decoded = gw_arena_alloc(w->codec->arena, GW_BASE64_DECODED_MAX(needed));
  if (decoded == NULL) return text_full(w, GW_NOMEM);
  if (!gw_base64_decode(w->text, decoded, &n)) return text_fail(w, "bytes as base64");
  if (n == 0 && !w->always && !field->presence && !field->repeated) return GW_OK;
  char *out = text_open_bytes(w, field, n, &code);
  if (out == NULL) return text_full(w, code);
  memcpy(out, decoded, n);
  w->out->n += n;
  return GW_OK;
}

static gw_code text_put_scalar(const text_writer *w, const gw_field *field) {
  if (field->kind == GW_KIND_STRING) return text_put_string(w, field);
  if (field->kind == GW_KIND_BYTES) return text_put_bytes(w, field);
  return text_put_number(w, field);
}

/* ---- well-known types: the content goes to a buffer of its own, then behind tag and length
 * -----*/

static gw_code text_time(const text_writer *w, const gw_message *message) {
  int64_t seconds;
  int32_t nanos;
  bool timestamp = message->wkt == GW_WKT_TIMESTAMP;
  bool good = timestamp
                  ? gw_timestamp_parse(w->text, &seconds, &nanos)
                  : gw_duration_parse_as(w->text, w->codec->style.durations, &seconds, &nanos);
  if (!good && !timestamp && w->codec->style.go_durations)
    good = gw_go_duration_parse(w->text, &seconds, &nanos);
  if (!good) {
    return text_fail(w,
                     timestamp ? "a timestamp like 2006-01-02T15:04:05Z" : "a duration like 1.5s");
  }
  gw_code code = gw_buf_reserve(w->out, 32);
  if (code != GW_OK) return text_full(w, code);
  char *out = w->out->p + w->out->n;
  if (seconds != 0 || w->always) {
    out = gw_json_put_varint(gw_json_put_tag(out, &message->fields[0]), (uint64_t)seconds);
  }
  if (nanos != 0 || w->always) {
    out = gw_json_put_varint(gw_json_put_tag(out, &message->fields[1]), (uint64_t)(int64_t)nanos);
  }
  w->out->n = (size_t)(out - w->out->p);
  return GW_OK;
}

static gw_code text_field_mask(const text_writer *w, const gw_message *message) {
  const gw_field *paths = &message->fields[0];
  bool verbatim = w->codec->style.mask_verbatim;
  gw_str rest = w->text;
  for (bool more = rest.n > 0; more;) {
    more = gw_str_find(rest, ',') < rest.n;
    gw_str path = gw_str_cut(&rest, ',');
    size_t n = path.n;
    for (size_t i = 0; i < path.n && !verbatim; i++) {
      if (path.p[i] >= 'A' && path.p[i] <= 'Z') n++; /* becomes two characters */
    }
    gw_code code;
    if (text_open_bytes(w, paths, n, &code) == NULL) return text_full(w, code);
    gw_mask_form form = verbatim ? GW_MASK_VERBATIM : GW_MASK_EITHER;
    code = gw_field_mask_path_parse(path, form, w->out);
    if (code == GW_BAD_VALUE) return text_fail(w, "a field mask like a,b.c");
    if (code != GW_OK) return text_full(w, code);
  }
  return GW_OK;
}

static gw_code text_json(const text_writer *w, const gw_message *message) {
  if (w->text.n > GW_ROUTE_BODY_BYTES_MAX) return text_full(w, GW_TOO_LARGE);
  char *padded = gw_arena_alloc(w->codec->arena, w->text.n + GW_JSON_PAD);
  if (padded == NULL) return text_full(w, GW_NOMEM);
  if (w->text.n > 0) memcpy(padded, w->text.p, w->text.n);
  memset(padded + w->text.n, 0, GW_JSON_PAD);
  gw_err inner;
  gw_err_init(&inner);
  gw_code code = gw_json_to_wire(w->codec, message, (gw_str){ padded, w->text.n }, w->out, &inner);
  /* Its position is one in the text; where the text itself stands is the caller's to say. */
  if (code == GW_BAD_REQUEST) code = GW_BAD_VALUE;
  return code == GW_OK ? GW_OK : gw_err_set(w->err, code, "%s", inner.text);
}

static gw_code text_message(const text_writer *w, const gw_message *message) {
  switch (message->wkt) {
  case GW_WKT_TIMESTAMP:
  case GW_WKT_DURATION: return text_time(w, message);
  case GW_WKT_FIELD_MASK: return text_field_mask(w, message);
  case GW_WKT_WRAPPER: return text_put_scalar(w, &message->fields[0]);
  case GW_WKT_STRUCT:
  case GW_WKT_VALUE:
  case GW_WKT_LIST_VALUE: return text_json(w, message);
  default:
    return gw_err_set(w->err, GW_BAD_VALUE,
                      "expected a single value; " GW_STR_FMT " is a message of several fields",
                      GW_STR_ARG(message->full_name));
  }
}

gw_code gw_text_to_wire_field(gw_codec *codec, const gw_field *field, gw_str text, bool always,
                              gw_buf *out, gw_err *err) {
  text_writer writer = { codec, text, always, out, err };
  if (field->map) {
    return gw_err_set(err, GW_BAD_VALUE, "expected a single value; the field is a map");
  }
  if (field->message == NULL) return text_put_scalar(&writer, field);
  if (field->kind == GW_KIND_GROUP) {
    return gw_err_set(err, GW_BAD_VALUE, "expected a single value; the field is a group");
  }
  gw_buf content;
  gw_buf_init(&content, codec->arena, out->max - out->n);
  writer.out = &content;
  gw_code code = text_message(&writer, field->message);
  if (code != GW_OK) return code;
  writer.out = out;
  char *copy = text_open_bytes(&writer, field, content.n, &code);
  if (copy == NULL) return text_full(&writer, code);
  if (content.n > 0) memcpy(copy, content.p, content.n);
  out->n += content.n;
  return GW_OK;
}
