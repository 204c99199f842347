#include "codec/status.h"

#include <stdio.h>

#include "codec/base64.h"
#include "codec/number.h"
#include "codec/wire_reader.h"
#include "codec/wire_to_json.h"

/* Field numbers of google.rpc.Status and google.protobuf.Any. */
#define STATUS_MESSAGE 2
#define STATUS_DETAILS 3
#define ANY_URL        1
#define ANY_VALUE      2

/* The next length-delimited field, others being skipped; false: the end, or what cannot be read:
 * a broken tail must not cost the error its beginning. */
static bool field_next(gw_str *wire, uint32_t *number, gw_str *content) {
  if (wire->n == 0) return false;
  const uint8_t *p = (const uint8_t *)wire->p, *end = p + wire->n;
  while (p < end) {
    uint32_t tag;
    gw_wire_span span = { p, p };
    const uint8_t *value = gw_wire_tag(p, end, &tag);
    const uint8_t *next = value != NULL ? gw_wire_skip(value, end, tag) : NULL;
    if (next == NULL) return false;
    p = next;
    if ((tag & 7) != GW_WIRE_LENGTH) continue;
    gw_wire_length(value, end, &span);
    *number = tag >> 3;
    *content = gw_wire_span_str(span);
    *wire = gw_str_from((const char *)p, (const char *)end);
    return true;
  }
  return false;
}

static gw_code number_append(gw_buf *out, int64_t number) {
  char text[GW_NUMBER_TEXT_MAX];
  return gw_buf_append(out, (gw_str){ text, gw_number_print_i64(number, text) });
}

/* `name` with its quotes, colon and what stands before. */
static gw_code member_append(gw_buf *out, const char *name, gw_str text) {
  gw_code code = gw_buf_append(out, gw_str_of(name));
  return code == GW_OK ? gw_buf_append_json_string(out, text) : code;
}

/* {"@type":...,"value":"<base64>"}: an Any whose type nobody knows, or whose bytes are broken. */
static gw_code opaque_append(gw_buf *out, gw_str any) {
  gw_str url = GW_STR(""), value = GW_STR(""), content;
  uint32_t number;
  while (field_next(&any, &number, &content)) {
    if (number == ANY_URL) url = content;
    if (number == ANY_VALUE) value = content;
  }
  gw_code code = member_append(out, "{\"@type\":", url);
  if (code == GW_OK) code = gw_buf_append(out, GW_STR(",\"value\":\""));
  if (code == GW_OK) code = gw_buf_reserve(out, GW_BASE64_ENCODED_MAX(value.n));
  if (code == GW_OK) out->n += gw_base64_encode(value, out->p + out->n);
  return code == GW_OK ? gw_buf_append(out, GW_STR("\"}")) : code;
}

static gw_code detail_append(gw_codec *codec, gw_buf *out, gw_str any) {
  const gw_message *message = gw_pool_find_message(codec->pool, GW_STR("google.protobuf.Any"));
  gw_code code = GW_BAD_ANSWER;
  if (message != NULL) code = gw_wire_to_json(codec, message, any, out, NULL);
  return code == GW_BAD_ANSWER ? opaque_append(out, any) : code;
}

/* google.rpc.BadRequest with one field violation. */
static gw_code violation_append(const gw_codec *codec, gw_buf *out, const gw_err *violation) {
  const char *list = codec->style.proto_names ? "field_violations" : "fieldViolations";
  char text[sizeof violation->where + sizeof violation->text + sizeof violation->pointer + 128];
  /* A field of the body is found by its path; what else is meant must be said. */
  size_t n = violation->origin != NULL ? gw_err_print(violation, text, sizeof text)
                                       : (size_t)snprintf(text, sizeof text, "%s", violation->text);
  n += gw_err_place_print(violation, text + n, sizeof text - n);
  gw_str description = { text, n };
  gw_code code =
      gw_buf_printf(out, "{\"@type\":\"type.googleapis.com/google.rpc.BadRequest\",\"%s\":[", list);
  if (code == GW_OK) code = member_append(out, "{\"field\":", gw_str_of(violation->where));
  if (code == GW_OK) code = member_append(out, ",\"description\":", description);
  return code == GW_OK ? gw_buf_append(out, GW_STR("}]}")) : code;
}

static gw_code details_append(gw_codec *codec, const gw_status *status, gw_buf *out) {
  gw_str rest = status->details, content;
  const gw_err *violation = status->violation;
  uint32_t number;
  bool first = true;
  gw_code code = gw_buf_append(out, GW_STR(",\"details\":["));
  while (code == GW_OK && field_next(&rest, &number, &content)) {
    if (number != STATUS_DETAILS) continue;
    if (!first) code = gw_buf_append(out, GW_STR(","));
    if (code == GW_OK) code = detail_append(codec, out, content);
    first = false;
  }
  if (code == GW_OK && violation != NULL && (violation->where[0] != '\0' || violation->line != 0)) {
    if (!first) code = gw_buf_append(out, GW_STR(","));
    if (code == GW_OK) code = violation_append(codec, out, violation);
  }
  return code == GW_OK ? gw_buf_append(out, GW_STR("]}")) : code;
}

/* The service's own message, when it sent details, may be longer than the header's. */
static gw_str status_message(const gw_status *status) {
  gw_str rest = status->details, content, message = status->message;
  uint32_t number;
  while (field_next(&rest, &number, &content)) {
    if (number == STATUS_MESSAGE && content.n > 0) message = content;
  }
  return message;
}

gw_code gw_status_print(gw_codec *codec, const gw_status *status, gw_error_form form, gw_buf *out) {
  size_t begin = out->n;
  gw_str message = status_message(status);
  gw_code code;
  if (form == GW_ERRORS_PROBLEM) {
    gw_str title = gw_str_of(gw_http_reason(status->http_status));
    code = member_append(out, "{\"type\":\"about:blank\",\"title\":", title);
    if (code == GW_OK) code = gw_buf_append(out, GW_STR(",\"status\":"));
    if (code == GW_OK) code = number_append(out, status->http_status);
    if (code == GW_OK) code = member_append(out, ",\"detail\":", message);
    if (code == GW_OK) code = gw_buf_append(out, GW_STR(",\"code\":"));
    if (code == GW_OK) code = number_append(out, status->grpc_code);
  } else {
    code = gw_buf_append(out, GW_STR("{\"code\":"));
    if (code == GW_OK) code = number_append(out, status->grpc_code);
    if (code == GW_OK) code = member_append(out, ",\"message\":", message);
  }
  size_t details = out->n;
  if (code == GW_OK) code = details_append(codec, status, out);
  static const gw_str none = GW_STR_INIT(",\"details\":[]}");
  if (code == GW_OK && form == GW_ERRORS_BRIEF && out->n - details == none.n) {
    out->n = details;
    code = gw_buf_append(out, GW_STR("}"));
  }
  if (code != GW_OK) out->n = begin;
  return code;
}

gw_str gw_status_message_encode(gw_arena *arena, gw_str text) {
  static const char hex[] = "0123456789ABCDEF";
  size_t n = 0;
  char *out = gw_arena_alloc(arena, 3 * text.n + 1);
  if (out == NULL) return (gw_str){ NULL, 0 };
  for (size_t i = 0; i < text.n; i++) {
    unsigned char c = (unsigned char)text.p[i];
    bool plain = c >= 0x20 && c <= 0x7e && c != '%';
    out[n++] = plain ? (char)c : '%';
    if (plain) continue;
    out[n++] = hex[c >> 4];
    out[n++] = hex[c & 15];
  }
  return (gw_str){ out, n };
}

gw_str gw_status_message_decode(gw_arena *arena, gw_str encoded) {
  gw_str copy = gw_arena_copy(arena, encoded);
  if (copy.p == NULL) return copy;
  char *text = (char *)(uintptr_t)copy.p; /* our own */
  size_t n = 0;
  for (size_t i = 0; i < encoded.n; i++) {
    int high = -1, low = -1;
    if (encoded.p[i] == '%' && encoded.n - i > 2) {
      high = gw_char_hex(encoded.p[i + 1]);
      low = gw_char_hex(encoded.p[i + 2]);
    }
    bool escape = high >= 0 && low >= 0;
    text[n++] = escape ? (char)(high * 16 + low) : encoded.p[i];
    i += escape ? 2 : 0;
  }
  return (gw_str){ text, n };
}

bool gw_status_details_decode(gw_arena *arena, gw_str encoded, gw_str *out) {
  char *bytes = gw_arena_alloc(arena, GW_BASE64_DECODED_MAX(encoded.n));
  size_t n;
  if (bytes == NULL || !gw_base64_decode(encoded, bytes, &n)) return false;
  *out = (gw_str){ bytes, n };
  return true;
}
